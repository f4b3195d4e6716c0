{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ replace_rows('int_valid_days_touched', ['creator_id', 'local_date']) }}",
) }}

with

touched_days as (

    select * from {{ ref('int_valid_days_touched') }}

),

creator_days as (

    -- What an export counted nobody can measure by another rule.
    select * from {{ ref('fct_creator_days') }}
    where rule_id <> 'as_reported'

),

live_sessions as (

    select * from {{ ref('fct_live_sessions') }}

),

histories as (

    select * from {{ ref('dim_creators_history') }}

),

rule_creators as (

    select * from {{ ref('int_program_rule_creators') }}

),

rule_periods as (

    select * from {{ ref('int_metric_rule_periods') }}

),

ruled_days as (

    select
        creator_days.creator_id,
        creator_days.local_date,
        creator_days.diamonds,
        rule_periods.program,
        rule_periods.rule_id,
        rule_periods.exclude_static,
        rule_periods.min_live_seconds,
        rule_periods.min_longest_session_seconds,
        rule_periods.min_session_seconds,
        rule_periods.min_diamonds,
        rule_periods.max_counted_seconds
    from creator_days
    inner join touched_days
        on
            creator_days.creator_id = touched_days.creator_id
            and creator_days.local_date = touched_days.local_date
    inner join rule_creators on creator_days.creator_id = rule_creators.creator_id
    left join histories
        on
            creator_days.creator_id = histories.creator_id
            and {{ holds_on_day('histories', 'creator_days.local_date') }}
    inner join rule_periods
        on
            rule_creators.program = rule_periods.program
            and {{ rules_creators_day('rule_periods', 'histories', 'creator_days.local_date') }}

),

measured_days as (

    -- distinct: a day can have several rules
    select distinct
        creator_id,
        local_date
    from ruled_days

),

day_pieces as (

    {{ lived_pieces('live_sessions', 'measured_days') | indent(4) }}

),

ruled_pieces as (

    select
        day_pieces.creator_id,
        day_pieces.local_date,
        day_pieces.piece_started_at,
        day_pieces.piece_ended_at,
        ruled_days.rule_id,
        ruled_days.min_session_seconds
    from day_pieces
    inner join ruled_days
        on
            day_pieces.creator_id = ruled_days.creator_id
            and day_pieces.local_date = ruled_days.local_date
    where not (ruled_days.exclude_static and day_pieces.is_static)

),

ruled_stretches as (

    {{ merged_seconds(
        'ruled_pieces', least_seconds='min_session_seconds', rule_id='rule_id'
    ) | indent(4) }}

),

counted_days as (

    select
        ruled_days.*,
        coalesce(ruled_stretches.counted_seconds, 0) as uncapped_seconds,
        coalesce(ruled_stretches.longest_stretch_seconds, 0) as longest_seconds
    from ruled_days
    left join ruled_stretches
        on
            ruled_days.creator_id = ruled_stretches.creator_id
            and ruled_days.local_date = ruled_stretches.local_date
            and ruled_days.rule_id = ruled_stretches.rule_id

),

final as (

    select
        creator_id,
        rule_id,
        local_date,
        program,
        {{ is_valid_by_rule(
            counted_seconds='uncapped_seconds',
            longest_seconds='longest_seconds',
            diamonds='diamonds'
        ) | indent(8) }} as is_valid_day,
        least(uncapped_seconds, max_counted_seconds) as counted_seconds
    from counted_days

)

select * from final
