{%- set previous_creators = previous('dim_creators') -%}
{%- set previous_history = previous('dim_creators_history') -%}
{%- set previous_partitions = previous('int_creator_partitions_read') -%}
{%- set is_of_changes = previous_creators and previous_history and previous_partitions -%}
{%- set attributes = [
    'agency_id', 'platform', 'country', 'market', 'timezone', 'language', 'category',
    'acquisition_source', 'tier', 'status',
] -%}
{%- set given_columns = [
    'creator_id', 'agency_id', 'platform', 'country', 'timezone', 'language', 'category',
    'acquisition_source', 'tier', 'status', 'updated_at', 'arrival_date', 'arrival_file',
    'arrival_row',
] -%}
{#- A version without a time is older than all others. -#}
{%- set never = "timestamp '0001-01-01 00:00:00'" -%}
{%- set first_day = "date '1900-01-01'" -%}

-- Read only where there is a history already, so dbt does not see it by itself:
-- depends_on: {{ ref('stg_ops__raw_partitions') }}

with

{% if is_of_changes -%}
pending_partitions as (

    select arrival_date from {{ ref('stg_ops__raw_partitions') }}
    where feed = 'creators' and is_pending

),

replaced_partitions as (

    -- What a build has read of them may be anywhere in the histories: all are read again. A
    -- corrected day of creators is rare, and only histories that differ reach the facts.
    select pending_partitions.arrival_date
    from pending_partitions
    inner join {{ previous_partitions }} as partitions_read
        on pending_partitions.arrival_date = partitions_read.arrival_date

),

arrived_rows as (

    select
        {{- columns_of('arrived', given_columns) }}
    from {{ ref('stg_raw__creators') }} as arrived
    where arrived.arrival_date in (select pending_partitions.arrival_date from pending_partitions)

),

arrived_versions as (

    {{ placed_creators('arrived_rows') | indent(4) }}

),

judged_versions as (

    select
        arrived_versions.creator_id,
        held.creator_id is null
        or coalesce(arrived_versions.updated_at, {{ never }}) > coalesce(held.updated_at, {{ never }})
            as is_newer,
        {{ is_later_version('arrived_versions', 'held') | indent(8) }} as is_later,
        not (
            held.creator_id is null
            {%- for attribute in attributes %}
            {%- set arrived = 'effective_timezone' if attribute == 'timezone' else attribute %}
            or {{ differs('arrived_versions.' ~ arrived, 'held.' ~ attribute) }}
            {%- endfor %}
        ) as is_same
    from arrived_versions
    left join {{ previous_creators }} as held on arrived_versions.creator_id = held.creator_id

),

judged_creators as (

    select
        creator_id,
        max(case when is_newer or (is_later and is_same) then 0 else 1 end) = 1 as is_read_again,
        max(case when is_same then 0 else 1 end) = 1 as has_news
    from judged_versions
    group by creator_id

),

continued_creators as (

    -- All that arrived is newer than what was known: it goes on from there.
    select creator_id from judged_creators
    where
        has_news
        and not is_read_again
        and not exists (select 1 from replaced_partitions)

),

reread_creators as (

    select creator_id from judged_creators
    where is_read_again or exists (select 1 from replaced_partitions)

    -- distinct: who is in the replaced partition has a history too, of several versions
    union distinct

    select creator_id from {{ previous_history }}
    where exists (select 1 from replaced_partitions)

),

searched_partitions as (

    -- None where nobody is read again, so that no file of the past is opened.
    select arrival_date from {{ ref('stg_ops__raw_partitions') }}
    where feed = 'creators' and exists (select 1 from reread_creators)

),

delivered_rows as (

    select
        {{- columns_of('delivered', given_columns) }}
    from {{ ref('stg_raw__creators') }} as delivered
    where
        delivered.arrival_date in (
            select searched_partitions.arrival_date from searched_partitions
        )
        and delivered.creator_id in (select reread_creators.creator_id from reread_creators)

    union all

    select arrived_rows.*
    from arrived_rows
    inner join continued_creators on arrived_rows.creator_id = continued_creators.creator_id

),
{%- else -%}
delivered_rows as (

    select
        {{- columns_of('delivered', given_columns) }}
    from {{ ref('stg_raw__creators') }} as delivered

),
{%- endif %}

delivered_versions as (

    {{ placed_creators('delivered_rows') | indent(4) }}

),

ranked_versions as (

    -- Of two that say they are of the same moment, the one that arrived last corrects the other.
    select
        *,
        row_number() over (
            partition by creator_id, updated_at
            order by arrival_date desc, arrival_file desc, arrival_row desc
        ) as version_rank
    from delivered_versions

),

delivered_states as (

    select
        creator_id,
        {%- for attribute in attributes %}
        {{ 'effective_timezone as timezone' if attribute == 'timezone' else attribute }},
        {%- endfor %}
        updated_at,
        coalesce(updated_at, {{ never }}) as noted_at
    from ranked_versions
    where version_rank = 1

),

moment_days as (

    -- distinct: many are changed on the same UTC day of the same zone
    select distinct
        timezone,
        cast(updated_at as date) as moment_date
    from delivered_states
    where updated_at is not null

),

midnights as (

    {{ zone_midnights('moment_days') | indent(4) }}

),

noted_states as (

    select
        delivered_states.*,
        case
            when delivered_states.updated_at is null then {{ first_day }}
            else {{ local_day_of('delivered_states.updated_at', 'midnights') | indent(12) }}
        end as noted_date
    from delivered_states
    left join midnights
        on
            delivered_states.timezone = midnights.timezone
            and cast(delivered_states.updated_at as date) = midnights.moment_date
    {%- if is_of_changes %}

    union all

    select
        {{- columns_of('held', ['creator_id'] + attributes + ['updated_at']) }},
        coalesce(held.updated_at, {{ never }}) as noted_at,
        held.noted_date
    from {{ previous_history }} as held
    inner join continued_creators on held.creator_id = continued_creators.creator_id

    union all

    -- The last version, which said nothing new when it came: the day on which it was noted counts.
    select
        {{- columns_of('held', ['creator_id'] + attributes + ['updated_at']) }},
        held.updated_at as noted_at,
        {{ local_day('held.updated_at', 'held.timezone') }} as noted_date
    from {{ previous_creators }} as held
    inner join continued_creators on held.creator_id = continued_creators.creator_id
    inner join {{ previous_history }} as last_states
        on
            held.creator_id = last_states.creator_id
            and last_states.is_current
            and held.updated_at > coalesce(last_states.updated_at, {{ never }})
    {%- endif %}

),

followed_states as (

    -- Who moves west is not back on the day before: days of a history go forward.
    select
        creator_id,
        {%- for attribute in attributes %}
        {{ attribute }},
        lag({{ attribute }}) over (partition by creator_id order by noted_at)
            as previous_{{ attribute }},
        {%- endfor %}
        updated_at,
        noted_at,
        max(noted_date) over (
            partition by creator_id
            order by noted_at
            rows between unbounded preceding and current row
        ) as noted_date,
        row_number() over (partition by creator_id order by noted_at) as version_number
    from noted_states

),

dated_states as (

    -- Most versions say nothing new; what they would become is settled before the days are.
    select
        creator_id,
        {{ attributes | join(',\n        ') }},
        updated_at,
        noted_at,
        noted_date
    from followed_states
    where
        version_number = 1
        {%- for attribute in attributes %}
        or {{ differs(attribute, 'previous_' ~ attribute) }}
        {%- endfor %}

),

ranked_states as (

    select
        *,
        row_number() over (
            partition by creator_id, noted_date
            order by noted_at desc
        ) as rank_in_day
    from dated_states

),

compared_states as (

    select
        *,
        {%- for attribute in attributes %}
        lag({{ attribute }}) over (partition by creator_id order by noted_date)
            as previous_{{ attribute }},
        {%- endfor %}
        row_number() over (partition by creator_id order by noted_date) as state_number
    from ranked_states
    where rank_in_day = 1

),

changed_states as (

    select * from compared_states
    where
        state_number = 1
        {%- for attribute in attributes %}
        or {{ differs(attribute, 'previous_' ~ attribute) }}
        {%- endfor %}

),

spans as (

    select
        *,
        lead(noted_date) over (partition by creator_id order by noted_date) as next_noted_date,
        lead(noted_at) over (partition by creator_id order by noted_date) as next_noted_at
    from changed_states

),

present_histories as (

    select
        creator_id,
        true as is_present,
        {%- for attribute in attributes %}
        {{ attribute }},
        {%- endfor %}
        case when state_number = 1 then {{ first_day }} else noted_date end as valid_from_date,
        coalesce({{ add_days('next_noted_date', -1) }}, date '9999-12-31') as valid_to_date,
        case
            when state_number = 1 then timestamp '1900-01-01 00:00:00'
            else noted_at
        end as valid_from_at,
        coalesce(next_noted_at, timestamp '9999-12-31 00:00:00') as valid_to_at,
        noted_date,
        next_noted_date is null as is_current,
        updated_at
    from spans

),

final as (

    select * from present_histories
    {%- if is_of_changes %}

    union all

    -- Of whom no version is left.
    select
        reread_creators.creator_id,
        false as is_present,
        {%- for attribute in attributes %}
        cast(null as {{ dbt.type_string() }}) as {{ attribute }},
        {%- endfor %}
        cast(null as date) as valid_from_date,
        cast(null as date) as valid_to_date,
        cast(null as timestamp) as valid_from_at,
        cast(null as timestamp) as valid_to_at,
        cast(null as date) as noted_date,
        false as is_current,
        cast(null as timestamp) as updated_at
    from reread_creators
    left join present_histories on reread_creators.creator_id = present_histories.creator_id
    where present_histories.creator_id is null
    {%- endif %}

)

select * from final
