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
{%- set exported_counters = [
    'session_count', 'live_seconds', 'valid_days', 'diamonds', 'new_followers',
] %}

with

live_sessions as (

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
lived_pieces as (

    {{ lived_pieces('live_sessions', 'touched_days' if is_incremental() else none) | indent(4) }}

),

started_sessions as (

    select * from lived_pieces
    where is_counted_start

),

many_platform_days as (

    select
        creator_id,
        local_date
    from started_sessions
    group by creator_id, local_date
    having count(distinct platform) > 1

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

    -- The same show on a second platform is not a second session.
    -- distinct: it can overlap several earlier ones
    select distinct
        later.session_id,
        true as is_repeated
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

day_counts as (

    select
        lived_pieces.creator_id,
        lived_pieces.local_date,
        min(lived_pieces.piece_started_at) as first_live_at,
        count(distinct lived_pieces.platform) as platform_count,
        count(
            case when lived_pieces.is_counted_start and repeated_shows.session_id is null then 1 end
        ) as session_count,
        cast(sum(
            case when lived_pieces.is_counted_start then lived_pieces.viewer_seconds end
        ) as bigint) as viewer_seconds,
        cast(sum(
            case
                when lived_pieces.is_counted_start and lived_pieces.viewer_seconds is not null
                    then lived_pieces.counted_seconds
            end
        ) as bigint) as watched_seconds,
        max(
            case when lived_pieces.is_counted_start then lived_pieces.peak_viewers end
        ) as peak_viewers,
        {%- for count_column in count_columns %}
        cast(sum(
            case when lived_pieces.is_counted_start then lived_pieces.{{ count_column }} end
        ) as bigint) as {{ count_column }},
        {%- endfor %}
        max(case when lived_pieces.is_static then 1 else 0 end) = 1 as has_static
    from lived_pieces
    left join repeated_shows on lived_pieces.session_id = repeated_shows.session_id
    group by lived_pieces.creator_id, lived_pieces.local_date

),

all_stretches as (

    {{ merged_seconds('lived_pieces') | indent(4) }}

),

moving_pieces as (

    select lived_pieces.*
    from lived_pieces
    inner join day_counts
        on
            lived_pieces.creator_id = day_counts.creator_id
            and lived_pieces.local_date = day_counts.local_date
            and day_counts.has_static
    where not lived_pieces.is_static

),

moving_stretches as (

    -- Measured only where a static session has to be left out; elsewhere it is the same as all.
    {{ merged_seconds('moving_pieces') | indent(4) }}

),

long_rules as (

    select * from rule_periods
    where min_session_seconds > 0

),

long_rule_creators as (

    -- distinct: a creator has several versions, and a rule several periods
    select distinct histories.creator_id
    from histories
    inner join long_rules
        on
            histories.market = long_rules.market
            and histories.platform = long_rules.platform
    union distinct
    -- Creators whom the roster does not know, if their rule is one of these.
    select day_counts.creator_id
    from day_counts
    inner join long_rules on long_rules.market = 'ZZ' and long_rules.platform = 'unknown'
    where day_counts.creator_id not in (select known.creator_id from histories as known)

),

long_pieces as (

    select
        lived_pieces.creator_id,
        lived_pieces.local_date,
        lived_pieces.session_id,
        lived_pieces.piece_started_at,
        lived_pieces.piece_ended_at,
        long_rules.min_session_seconds
    from lived_pieces
    inner join long_rule_creators on lived_pieces.creator_id = long_rule_creators.creator_id
    left join histories
        on
            lived_pieces.creator_id = histories.creator_id
            and {{ holds_on_day('histories', 'lived_pieces.local_date') }}
    inner join long_rules
        on
            {{ rules_creators_day('long_rules', 'histories', 'lived_pieces.local_date') }}
    where not (long_rules.exclude_static and coalesce(lived_pieces.is_static, false))

),

long_stretches as (

    -- Measured only where a rule counts long stretches alone; elsewhere all of them count.
    {{ merged_seconds('long_pieces', least_seconds='min_session_seconds') | indent(4) }}

),

ruled_days as (

    select
        day_counts.*,
        histories.market,
        histories.agency_id,
        histories.tier,
        all_stretches.live_seconds,
        all_stretches.longest_stretch_seconds,
        rule_periods.rule_id,
        rule_periods.min_live_seconds,
        rule_periods.min_longest_session_seconds,
        rule_periods.min_diamonds,
        rule_periods.min_session_seconds,
        rule_periods.max_counted_seconds,
        long_stretches.counted_seconds as long_seconds,
        case
            when rule_periods.exclude_static and day_counts.has_static
                then coalesce(moving_stretches.live_seconds, 0)
            else all_stretches.live_seconds
        end as rule_live_seconds,
        case
            when rule_periods.exclude_static and day_counts.has_static
                then coalesce(moving_stretches.longest_stretch_seconds, 0)
            else all_stretches.longest_stretch_seconds
        end as rule_longest_seconds
    from day_counts
    inner join all_stretches
        on
            day_counts.creator_id = all_stretches.creator_id
            and day_counts.local_date = all_stretches.local_date
    left join moving_stretches
        on
            day_counts.creator_id = moving_stretches.creator_id
            and day_counts.local_date = moving_stretches.local_date
    left join long_stretches
        on
            day_counts.creator_id = long_stretches.creator_id
            and day_counts.local_date = long_stretches.local_date
    left join histories
        on
            day_counts.creator_id = histories.creator_id
            and {{ holds_on_day('histories', 'day_counts.local_date') }}
    left join rule_periods
        on
            {{ rules_creators_day('rule_periods', 'histories', 'day_counts.local_date') }}

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
            counted_seconds='case when min_session_seconds > 0 then coalesce(long_seconds, 0) '
            ~ 'else rule_live_seconds end',
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
        least(
            case
                when min_session_seconds > 0 then coalesce(long_seconds, 0)
                else rule_live_seconds
            end,
            max_counted_seconds
        ) as counted_seconds
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
        days_of_sessions.first_live_at,
        cast(1 as bigint) as platform_count,
        case
            when exported_days.session_count is not null
                then greatest(exported_days.session_count, 0)
            -- Who was LIVE started something, also where the export does not count it.
            when exported_days.live_seconds > {{ backstage_tolerance('live_seconds') }} then 1
            else 0
        end as session_count,
        least(greatest(coalesce(exported_days.live_seconds, 0), 0), 86400) as live_seconds,
        days_of_sessions.longest_session_seconds,
        coalesce(exported_days.valid_days >= 1, false) as is_valid_day,
        'as_reported' as rule_id,
        days_of_sessions.viewer_seconds,
        days_of_sessions.average_viewers,
        days_of_sessions.peak_viewers,
        case
            when exported_days.diamonds < 0 then 0
            else exported_days.diamonds
        end as diamonds,
        days_of_sessions.gifters,
        case
            when exported_days.new_followers < 0 then 0
            else exported_days.new_followers
        end as new_followers,
        days_of_sessions.comments,
        days_of_sessions.likes,
        days_of_sessions.shares,
        histories.market,
        histories.agency_id,
        histories.tier,
        least(greatest(coalesce(exported_days.live_seconds, 0), 0), 86400) as counted_seconds
    from exported_days
    left join histories
        on
            exported_days.creator_id = histories.creator_id
            and {{ holds_on_day('histories', 'exported_days.slice_end_date') }}
    left join days_of_sessions
        on
            exported_days.creator_id = days_of_sessions.creator_id
            and exported_days.slice_end_date = days_of_sessions.local_date
    where days_of_sessions.creator_id is null

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
