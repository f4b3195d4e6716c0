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

lived_days as (

    select
        creator_id,
        local_date,
        count(*) as piece_count,
        min(piece_started_at) as first_live_at,
        min(platform) as first_platform,
        max(platform) as last_platform,
        max(case when is_static then 1 else 0 end) = 1 as has_static,
        cast(
            sum({{ seconds_between('piece_started_at', 'piece_ended_at') }}) as bigint
        ) as summed_seconds
    from lived_pieces
    group by creator_id, local_date

),

-- Most days have one piece, which overlaps with nothing: only the others are worth sorting.
many_piece_days as (

    select
        creator_id,
        local_date,
        has_static,
        first_platform <> last_platform as has_platforms
    from lived_days
    where piece_count > 1

),

many_pieces as (

    select
        lived_pieces.creator_id,
        lived_pieces.local_date,
        lived_pieces.platform,
        lived_pieces.is_static,
        lived_pieces.piece_started_at,
        lived_pieces.piece_ended_at,
        many_piece_days.has_static,
        many_piece_days.has_platforms
    from lived_pieces
    inner join many_piece_days
        on
            lived_pieces.creator_id = many_piece_days.creator_id
            and lived_pieces.local_date = many_piece_days.local_date

),

all_stretches as (

    {{ merged_seconds('many_pieces') | indent(4) }}

),

moving_pieces as (

    select * from many_pieces
    where has_static and not is_static

),

moving_stretches as (

    -- Measured only where a static session has to be left out; elsewhere it is the same as all.
    {{ merged_seconds('moving_pieces') | indent(4) }}

),

platforms_of_days as (

    select
        creator_id,
        local_date,
        count(distinct platform) as platform_count
    from many_pieces
    where has_platforms
    group by creator_id, local_date

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
    select lived_days.creator_id
    from lived_days
    inner join long_rules on long_rules.market = 'ZZ' and long_rules.platform = 'unknown'
    where lived_days.creator_id not in (select known.creator_id from histories as known)

),

long_pieces as (

    select
        lived_pieces.creator_id,
        lived_pieces.local_date,
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
    where not (long_rules.exclude_static and lived_pieces.is_static)

),

long_stretches as (

    -- Measured only where a rule counts long stretches alone; elsewhere all of them count.
    {{ merged_seconds('long_pieces', least_seconds='min_session_seconds') | indent(4) }}

),

measured_days as (

    select
        lived_days.creator_id,
        lived_days.local_date,
        lived_days.first_live_at,
        lived_days.has_static,
        coalesce(platforms_of_days.platform_count, 1) as platform_count,
        coalesce(all_stretches.live_seconds, lived_days.summed_seconds) as live_seconds,
        coalesce(
            all_stretches.longest_stretch_seconds, lived_days.summed_seconds
        ) as longest_stretch_seconds,
        moving_stretches.live_seconds as moving_seconds,
        moving_stretches.longest_stretch_seconds as longest_moving_seconds,
        long_stretches.counted_seconds as long_seconds
    from lived_days
    left join all_stretches
        on
            lived_days.creator_id = all_stretches.creator_id
            and lived_days.local_date = all_stretches.local_date
    left join moving_stretches
        on
            lived_days.creator_id = moving_stretches.creator_id
            and lived_days.local_date = moving_stretches.local_date
    left join long_stretches
        on
            lived_days.creator_id = long_stretches.creator_id
            and lived_days.local_date = long_stretches.local_date
    left join platforms_of_days
        on
            lived_days.creator_id = platforms_of_days.creator_id
            and lived_days.local_date = platforms_of_days.local_date

),

final as (

    select
        creator_id,
        local_date,
        first_live_at,
        platform_count,
        live_seconds,
        longest_stretch_seconds,
        case
            when has_static then coalesce(moving_seconds, 0)
            else live_seconds
        end as moving_seconds,
        case
            when has_static then coalesce(longest_moving_seconds, 0)
            else longest_stretch_seconds
        end as longest_moving_seconds,
        coalesce(long_seconds, 0) as long_seconds
    from measured_days

)

select * from final
