{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ replace_rows(
        'int_creator_days_touched', ['creator_id', 'local_date'], holds_everything=false
    ) }}",
) }}

-- The days to build again, where there is a table to begin with:
-- depends_on: {{ ref('int_creator_days_touched') }}

{%- set count_columns = ['diamonds', 'gifters', 'new_followers', 'comments', 'likes', 'shares'] %}
{%- set nothing = 'cast(null as bigint)' %}
{%- set exported_counters = [
    'session_count', 'live_seconds', 'valid_days', 'diamonds', 'new_followers',
] %}

with

live_sessions as {{ inlined() }} (

    select * from {{ ref('fct_live_sessions') }}

),

histories as (

    select * from {{ ref('dim_creators_history') }}

),

rule_periods as (

    -- Rules of a program decide what the program pays, not what a creator's day is.
    select * from {{ ref('int_metric_rule_periods') }}
    where program = '*'

),

{% if is_incremental() -%}
touched_days as (

    -- distinct: builds that did not finish leave their days in the queue
    select distinct
        creator_id,
        local_date
    from {{ ref('int_creator_days_touched') }}

),

{% endif -%}
day_stretches as {{ inlined() }} (

    {% if is_incremental() -%}
    select stretches.*
    from {{ ref('int_creator_day_stretches') }} as stretches
    inner join touched_days
        on
            stretches.creator_id = touched_days.creator_id
            and stretches.local_date = touched_days.local_date
    {%- else -%}
    select * from {{ ref('int_creator_day_stretches') }}
    {%- endif %}

),

started_sessions as {{ inlined() }} (

    -- One that is known twice counts as the reported one.
    select
        live_sessions.creator_id,
        live_sessions.local_start_date as local_date,
        live_sessions.session_id,
        live_sessions.platform,
        live_sessions.started_at,
        live_sessions.counted_ended_at,
        live_sessions.counted_seconds,
        live_sessions.viewer_seconds,
        live_sessions.peak_viewers,
        live_sessions.{{ count_columns | join(',\n        live_sessions.') }}
    from live_sessions
    {%- if is_incremental() %}
    inner join touched_days
        on
            live_sessions.creator_id = touched_days.creator_id
            and live_sessions.local_start_date = touched_days.local_date
    {%- endif %}
    where not live_sessions.is_also_reported

),

many_platform_days as (

    select
        creator_id,
        local_date
    from day_stretches
    where platform_count > 1

),

many_platform_sessions as (

    select started_sessions.*
    from started_sessions
    inner join many_platform_days
        on
            started_sessions.creator_id = many_platform_days.creator_id
            and started_sessions.local_date = many_platform_days.local_date

),

repeated_shows as (

    -- distinct: a show can overlap several earlier ones
    select distinct
        later.session_id,
        later.creator_id,
        later.local_date
    from many_platform_sessions as later
    inner join many_platform_sessions as earlier
        on
            later.creator_id = earlier.creator_id
            and later.local_date = earlier.local_date
            and later.platform <> earlier.platform
            and (
                (
                    later.started_at > earlier.started_at
                    and later.started_at < earlier.counted_ended_at
                )
                or (
                    later.started_at = earlier.started_at
                    and later.session_id > earlier.session_id
                )
            )

),

counted_sessions as (

    select
        creator_id,
        local_date,
        1 as session_count,
        viewer_seconds,
        case when viewer_seconds is not null then counted_seconds end as watched_seconds,
        peak_viewers,
        {{ count_columns | join(',\n        ') }}
    from started_sessions

    union all

    -- The same show on a second platform is not a second session: it is taken off again. (A join
    -- that marked these few among all sessions would keep all of history in memory.)
    select
        creator_id,
        local_date,
        -1 as session_count,
        {{ nothing }} as viewer_seconds,
        {{ nothing }} as watched_seconds,
        {{ nothing }} as peak_viewers,
        {{ nothing }} as {{ count_columns | join(',\n        ' ~ nothing ~ ' as ') }}
    from repeated_shows

),

day_counts as (

    select
        creator_id,
        local_date,
        {%- for sum_column in [
            'session_count', 'viewer_seconds', 'watched_seconds'
        ] + count_columns %}
        cast(sum({{ sum_column }}) as bigint) as {{ sum_column }},
        {%- endfor %}
        max(peak_viewers) as peak_viewers
    from counted_sessions
    group by creator_id, local_date

),

ruled_days as (

    select
        day_stretches.creator_id,
        day_stretches.local_date,
        day_stretches.first_live_at,
        day_stretches.platform_count,
        coalesce(day_counts.session_count, 0) as session_count,
        day_stretches.live_seconds,
        day_stretches.longest_stretch_seconds,
        day_counts.viewer_seconds,
        day_counts.watched_seconds,
        day_counts.peak_viewers,
        {%- for count_column in count_columns %}
        day_counts.{{ count_column }},
        {%- endfor %}
        histories.market,
        histories.agency_id,
        histories.tier,
        rule_periods.rule_id,
        rule_periods.min_live_seconds,
        rule_periods.min_longest_session_seconds,
        rule_periods.min_diamonds,
        rule_periods.min_session_seconds,
        rule_periods.max_counted_seconds,
        case
            when rule_periods.min_session_seconds > 0
                then day_stretches.long_seconds
            when rule_periods.exclude_static then day_stretches.moving_seconds
            else day_stretches.live_seconds
        end as uncapped_seconds,
        case
            when rule_periods.exclude_static then day_stretches.longest_moving_seconds
            else day_stretches.longest_stretch_seconds
        end as rule_longest_seconds
    from day_stretches
    left join day_counts
        on
            day_stretches.creator_id = day_counts.creator_id
            and day_stretches.local_date = day_counts.local_date
    left join histories
        on
            day_stretches.creator_id = histories.creator_id
            and {{ holds_on_day('histories', 'day_stretches.local_date') }}
    left join rule_periods
        on
            {{ rules_creators_day('rule_periods', 'histories', 'day_stretches.local_date') }}

),

days_of_sessions as (

    select
        creator_id,
        local_date,
        first_live_at,
        platform_count,
        session_count,
        live_seconds,
        longest_stretch_seconds as longest_session_seconds,
        {{ is_valid_by_rule(
            counted_seconds='uncapped_seconds',
            longest_seconds='rule_longest_seconds',
            diamonds='diamonds'
        ) | indent(8) }} as is_valid_day,
        rule_id,
        viewer_seconds,
        cast(
            {{ safe_divide('viewer_seconds', 'watched_seconds') }} as decimal(18, 4)
        ) as average_viewers,
        peak_viewers,
        diamonds,
        gifters,
        new_followers,
        comments,
        likes,
        shares,
        market,
        agency_id,
        tier,
        least(uncapped_seconds, max_counted_seconds) as counted_seconds
    from ruled_days

),

backstage_slices as (

    select * from {{ ref('fct_backstage_days') }}

),

one_day_slices as (

    -- A slice of several days is nobody's day.
    select slices.*
    from backstage_slices as slices
    {%- if is_incremental() %}
    inner join touched_days
        on
            slices.creator_id = touched_days.creator_id
            and slices.slice_end_date = touched_days.local_date
    {%- endif %}
    where slices.days_count = 1

),

exported_days as (

    -- What Backstage counted on the day, and not before it.
    select
        slices.creator_id,
        {%- for counter in exported_counters %}
        {{ backstage_of_slice_alone(counter, 'slices', 'slices_before') }} as {{ counter }},
        {%- endfor %}
        slices.slice_end_date
    from one_day_slices as slices
    left join backstage_slices as slices_before
        on
            slices.creator_id = slices_before.creator_id
            and {{ add_days('slices.slice_end_date', -1) }} = slices_before.slice_end_date

),

days_of_exports as (

    -- Where no session tells of the day; so what only sessions know is NULL here. What the platform
    -- took back belongs to earlier days: no day has less than nothing. (But NULL stays NULL, which
    -- `greatest` alone would pass over.)
    select
        exported_days.creator_id,
        exported_days.slice_end_date as local_date,
        cast(null as timestamp) as first_live_at,
        cast(1 as bigint) as platform_count,
        case
            when exported_days.session_count is not null
                then greatest(exported_days.session_count, 0)
            -- Who was LIVE started something, also where the export does not count it.
            when exported_days.live_seconds > {{ backstage_tolerance('live_seconds') }} then 1
            else 0
        end as session_count,
        least(greatest(coalesce(exported_days.live_seconds, 0), 0), 86400) as live_seconds,
        cast(null as bigint) as longest_session_seconds,
        coalesce(exported_days.valid_days >= 1, false) as is_valid_day,
        'as_reported' as rule_id,
        cast(null as bigint) as viewer_seconds,
        cast(null as decimal(18, 4)) as average_viewers,
        cast(null as bigint) as peak_viewers,
        case
            when exported_days.diamonds < 0 then 0
            else exported_days.diamonds
        end as diamonds,
        cast(null as bigint) as gifters,
        case
            when exported_days.new_followers < 0 then 0
            else exported_days.new_followers
        end as new_followers,
        {{ nothing }} as {{ ['comments', 'likes', 'shares'] | join(', ' ~ nothing ~ ' as ') }},
        histories.market,
        histories.agency_id,
        histories.tier,
        least(greatest(coalesce(exported_days.live_seconds, 0), 0), 86400) as counted_seconds
    from exported_days
    left join histories
        on
            exported_days.creator_id = histories.creator_id
            and {{ holds_on_day('histories', 'exported_days.slice_end_date') }}
    left join day_stretches
        on
            exported_days.creator_id = day_stretches.creator_id
            and exported_days.slice_end_date = day_stretches.local_date
    where day_stretches.creator_id is null

),

all_days as (

    -- Both list the columns of `final`, in its order.
    select * from days_of_sessions

    union all

    select * from days_of_exports
    where session_count > 0 or live_seconds > {{ backstage_tolerance('live_seconds') }}

),

final as (

    select
        creator_id,
        local_date,
        first_live_at,
        platform_count,
        session_count,
        live_seconds,
        longest_session_seconds,
        is_valid_day,
        rule_id,
        viewer_seconds,
        average_viewers,
        peak_viewers,
        diamonds,
        gifters,
        new_followers,
        comments,
        likes,
        shares,
        market,
        agency_id,
        tier,
        counted_seconds
    from all_days

)

select * from final
