{{ config(materialized='changes', fact='fct_live_sessions') }}

{%- set previous_sessions = previous('fct_live_sessions') -%}
{%- set session_columns = [
    'creator_id', 'campaign_id', 'platform', 'started_at', 'ended_at', 'category', 'is_static',
    'average_viewers', 'peak_viewers', 'unique_viewers', 'viewer_seconds', 'likes', 'comments',
    'shares', 'new_followers', 'gifters', 'diamonds',
] -%}
{%- set lineage_columns = ['updated_at', 'arrival_date', 'arrival_file', 'arrival_row'] -%}
{%- set observed_columns = [
    'started_at', 'ended_at', 'category', 'average_viewers', 'peak_viewers', 'updated_at',
    'arrival_date',
] -%}
{#- What no poll shows. -#}
{%- set null_text = 'cast(null as ' ~ dbt.type_string() ~ ')' -%}
{%- set null_count = 'cast(null as bigint)' -%}
{%- set unseen = {
    'campaign_id': null_text, 'is_static': 'false', 'unique_viewers': null_count,
    'viewer_seconds': null_count, 'likes': null_count, 'comments': null_count, 'shares': null_count,
    'new_followers': null_count, 'gifters': null_count, 'diamonds': null_count,
    'arrival_file': null_text, 'arrival_row': null_count,
} -%}

-- Read only where sessions exist, so dbt does not see it by itself:
-- depends_on: {{ ref('int_creator_histories_touched') }}

with

histories as (

    select * from {{ ref('dim_creators_history') }}

),

session_cap as (

    -- One number whatever the rules become: a second general rule must not double each session.
    select max(max_session_seconds) as max_session_seconds from {{ ref('metric_rules') }}
    where platform = '*' and market = '*' and program = '*'

),

arrived as (

    {{ changed_versions(
        feed='live_sessions',
        rows=ref('stg_raw__live_sessions'),
        key='session_id',
        columns=session_columns,
        previous_fact=previous_sessions,
        held_where="held.session_source = 'reported'",
    ) | indent(4) }}

),

{% if previous_sessions -%}
touched_histories as (

    -- Kept until a build is whole, so that none forgets the sessions of whom it has changed.
    select
        creator_id,
        min(touched_from_date) as touched_from_date
    from {{ ref('int_creator_histories_touched') }}
    group by creator_id

),

moved_sessions as (

    -- A session on a day before the change is none of these, whatever the creator became since.
    -- (Two days more: the clock may be another, too.)
    select
        held.session_id,
        held.session_source
    from {{ previous_sessions }} as held
    inner join touched_histories
        on
            held.creator_id = touched_histories.creator_id
            and held.local_start_date >= {{ add_days('touched_histories.touched_from_date', -2) }}
    left join histories as clocks
        on
            held.creator_id = clocks.creator_id
            and {{ holds_at_instant('clocks', 'held.started_at') }}
    left join histories as states
        on
            held.creator_id = states.creator_id
            and {{ holds_on_day('states', 'held.local_start_date') }}
    where
        held.timezone <> coalesce(clocks.timezone, 'UTC')
        or {{ differs('held.market', 'states.market') }}
        or {{ differs('held.agency_id', 'states.agency_id') }}
        or {{ differs('held.tier', 'states.tier') }}

),

moved as (

    select
        sessions.session_id,
        true as is_present,
        {{- columns_of('sessions', session_columns + lineage_columns) }}
    from {{ previous_sessions }} as sessions
    where
        sessions.session_id in (
            select moved_sessions.session_id from moved_sessions
            where moved_sessions.session_source = 'reported'
        )
        and sessions.session_id not in (select arrived.session_id from arrived)

),

{% endif -%}
observed_sessions as (

    select * from {{ ref('int_observed_sessions') }}

),

polled_platforms as (

    select
        platform,
        max(last_observed_at) as last_polled_at
    from observed_sessions
    group by platform

),

observed_states as (

    -- A session that was just seen may still be on. Later polls close it, also without naming it.
    select
        observed_sessions.session_id,
        observed_sessions.creator_id,
        observed_sessions.platform,
        observed_sessions.started_at,
        case
            when
                observed_sessions.is_lingering
                or {{ seconds_between(
                    'observed_sessions.last_live_at', 'polled_platforms.last_polled_at'
                ) }} > rules.max_gap_seconds
                then observed_sessions.ended_at
        end as ended_at,
        observed_sessions.category,
        observed_sessions.average_viewers,
        observed_sessions.peak_viewers,
        observed_sessions.last_observed_at as updated_at,
        observed_sessions.last_arrival_date as arrival_date
    from observed_sessions
    inner join polled_platforms on observed_sessions.platform = polled_platforms.platform
    {{ join_poll_rules(
        ref('int_session_rule_periods'), 'observed_sessions', 'last_observed_at'
    ) | indent(4) }}

),

{% if previous_sessions -%}
held_observed as (

    -- Once for what changed and for what went.
    select
        session_id,
        {{ observed_columns | join(',\n        ') }}
    from {{ previous_sessions }}
    where session_source = 'observed'

),

gone_sessions as (

    select held_observed.session_id
    from held_observed
    left join observed_states on held_observed.session_id = observed_states.session_id
    where observed_states.session_id is null

),

{% endif -%}
observed_changed as (

    -- Compared with what the fact holds, whatever earlier builds did or did not finish.
    select
        observed_states.session_id,
        true as is_present,
        {{- columns_of('observed_states', session_columns + lineage_columns, unseen) }}
    from observed_states
    {%- if previous_sessions %}
    left join held_observed as held on observed_states.session_id = held.session_id
    where
        held.session_id is null
        or observed_states.session_id in (select moved_sessions.session_id from moved_sessions)
        {%- for column in observed_columns %}
        or held.{{ column }} is distinct from observed_states.{{ column }}
        {%- endfor %}

    union all

    select
        held.session_id,
        false as is_present,
        {{- columns_of('held', session_columns + lineage_columns) }}
    from {{ previous_sessions }} as held
    where held.session_id in (select gone_sessions.session_id from gone_sessions)
    {%- endif %}

),

changed as (

    select
        arrived.*,
        'reported' as session_source
    from arrived
    {%- if previous_sessions %}

    union all

    select
        moved.*,
        'reported' as session_source
    from moved
    {%- endif %}

    union all

    select
        observed_changed.*,
        'observed' as session_source
    from observed_changed

),

placed as (

    select
        changed.*,
        coalesce(clocks.timezone, 'UTC') as timezone,
        case
            when changed.ended_at is null then changed.started_at
            else least(
                changed.ended_at,
                {{ add_seconds('changed.started_at', 'session_cap.max_session_seconds') }}
            )
        end as counted_ended_at
    from changed
    cross join session_cap
    left join histories as clocks
        on
            changed.creator_id = clocks.creator_id
            and {{ holds_at_instant('clocks', 'changed.started_at') }}

),

{% if previous_sessions -%}
utc_days as (

    -- distinct: many sessions fall on the same UTC day of the same zone
    select distinct
        timezone,
        cast(started_at as date) as moment_date
    from placed
    union distinct
    select
        timezone,
        cast(counted_ended_at as date) as moment_date
    from placed

),

{% else -%}
started_days as (

    select cast(started_at as date) as started_date from {{ ref('stg_raw__live_sessions') }}

    union all

    select cast(started_at as date) as started_date from observed_sessions

),

-- A counted session lasts two days at most.
calendar as (

    {{ date_series(
        '(select min(started_date) from started_days)',
        '(select ' ~ add_days('max(started_date)', 2) ~ ' from started_days)'
    ) }}

),

zones as (

    -- distinct: many creators live by the same clock
    select distinct timezone from histories
    union distinct
    select 'UTC' as timezone

),

utc_days as (

    -- All that there can be. To ask all sessions for theirs would keep them in memory meanwhile.
    select
        zones.timezone,
        calendar.calendar_date as moment_date
    from zones
    cross join calendar

),

{% endif -%}
midnights as (

    {{ zone_midnights('utc_days') | indent(4) }}

),

measured as (

    select
        placed.*,
        {{ local_day_of('placed.started_at', 'start_days') }} as local_start_date,
        {{ local_day_of('placed.counted_ended_at', 'end_days') }} as local_end_date,
        {{ seconds_between('placed.started_at', 'placed.ended_at') }} as duration_seconds,
        {{ seconds_between('placed.started_at', 'placed.counted_ended_at') }} as counted_seconds
    from placed
    left join midnights as start_days
        on
            placed.timezone = start_days.timezone
            and cast(placed.started_at as date) = start_days.moment_date
    left join midnights as end_days
        on
            placed.timezone = end_days.timezone
            and cast(placed.counted_ended_at as date) = end_days.moment_date

),

told as (

    select
        measured.*,
        states.agency_id,
        states.market,
        states.tier
    from measured
    left join histories as states
        on
            measured.creator_id = states.creator_id
            and {{ holds_on_day('states', 'measured.local_start_date') }}

),

final as (

    select
        session_id,
        creator_id,
        agency_id,
        campaign_id,
        platform,
        started_at,
        ended_at,
        counted_ended_at,
        timezone,
        local_start_date,
        local_end_date,
        category,
        market,
        tier,
        session_source,
        is_present,
        ended_at is null as is_open,
        coalesce(duration_seconds > 86400, false) as is_over_24h,
        is_static,
        duration_seconds,
        counted_seconds,
        average_viewers,
        peak_viewers,
        unique_viewers,
        case
            when viewer_seconds is not null then viewer_seconds
            when counted_seconds > 0 then cast(round(average_viewers * counted_seconds) as bigint)
        end as viewer_seconds,
        likes,
        comments,
        shares,
        new_followers,
        gifters,
        diamonds,
        updated_at,
        arrival_date,
        arrival_file,
        arrival_row
    from told

)

select * from final
