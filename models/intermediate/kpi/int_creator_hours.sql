{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ replace_rows(
        'int_creator_days_touched', ['creator_id', 'local_date'], holds_everything=false
    ) }}",
) }}

{#- Days that are kept: the mart's four weeks, and the five in which rows may still be late. -#}
{%- set kept_days = 63 -%}
{#- Clocks differ from UTC by whole quarters of an hour. -#}
{%- set quarter_seconds = 900 -%}

-- The days to build again, where there is a table to begin with:
-- depends_on: {{ ref('int_creator_days_touched') }}

with

live_sessions as (

    select * from {{ ref('fct_live_sessions') }}

),

bounds as (

    select {{ add_days('as_of_date', -kept_days) }} as first_date
    from {{ ref('int_live_as_of') }}

),

day_offsets as (

    {{ session_day_offsets() | indent(4) }}

),

wanted_days as (

    {% if is_incremental() %}
    -- distinct: builds that did not finish leave their days in the queue
    select distinct
        touched.creator_id,
        touched.local_date
    from {{ ref('int_creator_days_touched') }} as touched
    inner join bounds on touched.local_date >= bounds.first_date
    {% else %}
    select
        creator_days.creator_id,
        creator_days.local_date
    from {{ ref('fct_creator_days') }} as creator_days
    inner join bounds on creator_days.local_date >= bounds.first_date
    {% endif %}

),

reaching_starts as (

    -- distinct: neighbouring days are reached from the same starting days
    select distinct
        wanted_days.creator_id,
        {{ add_days('wanted_days.local_date', '-day_offsets.number') }} as local_start_date
    from wanted_days
    cross join day_offsets

),

reaching_sessions as (

    select
        live_sessions.*,
        max(live_sessions.counted_ended_at) over (
            partition by live_sessions.creator_id
            order by live_sessions.started_at, live_sessions.session_id
            rows between unbounded preceding and 1 preceding
        ) as reached_at
    from live_sessions
    inner join reaching_starts
        on
            live_sessions.creator_id = reaching_starts.creator_id
            and live_sessions.local_start_date = reaching_starts.local_start_date

),

-- Overlapping sessions are LIVE once: each gives what no earlier one has given.
session_days as (

    select
        reaching_sessions.session_id,
        reaching_sessions.creator_id,
        reaching_sessions.timezone,
        wanted_days.local_date,
        reaching_sessions.started_at,
        reaching_sessions.counted_ended_at,
        reaching_sessions.counted_seconds,
        greatest(
            reaching_sessions.started_at,
            coalesce(reaching_sessions.reached_at, reaching_sessions.started_at)
        ) as alone_from_at,
        case
            when not reaching_sessions.is_also_reported then reaching_sessions.viewer_seconds
        end as viewer_seconds
    from reaching_sessions
    inner join wanted_days
        on
            reaching_sessions.creator_id = wanted_days.creator_id
            and reaching_sessions.local_start_date <= wanted_days.local_date
            and reaching_sessions.local_end_date >= wanted_days.local_date
    where reaching_sessions.counted_seconds > 0

),

zone_days as (

    -- distinct: many sessions of a zone share a day
    select distinct
        timezone,
        local_date
    from session_days

),

quarter_numbers as (

    -- From fourteen hours before a day's UTC midnight to twelve after its end.
    {{ integer_series(-56, 143) | indent(4) }}

),

quarters as (

    select
        zone_days.timezone,
        zone_days.local_date,
        {{ add_seconds(
            'cast(zone_days.local_date as timestamp)',
            'quarter_numbers.number * ' ~ quarter_seconds
        ) }} as quarter_at
    from zone_days
    cross join quarter_numbers

),

clocks as (

    select
        timezone,
        local_date,
        quarter_at,
        {{ to_local('quarter_at', 'timezone') }} as clock_at
    from quarters

),

-- A clock that goes back shows an hour twice: both are that hour.
hours as (

    select
        timezone,
        local_date,
        cast(extract(hour from clock_at) as integer) as hour_of_day,
        min(quarter_at) as hour_from_at,
        {{ add_seconds('max(quarter_at)', quarter_seconds) }} as hour_to_at,
        count(*) as quarter_count
    from clocks
    where cast(clock_at as date) = local_date
    group by
        timezone,
        local_date,
        cast(extract(hour from clock_at) as integer)

),

pieces as (

    select
        session_days.creator_id,
        session_days.local_date,
        hours.hour_of_day,
        session_days.counted_seconds,
        session_days.viewer_seconds,
        {{ seconds_between(
            'session_days.started_at', 'greatest(session_days.started_at, hours.hour_from_at)'
        ) }} as from_second,
        {{ seconds_between(
            'session_days.started_at', 'least(session_days.counted_ended_at, hours.hour_to_at)'
        ) }} as to_second,
        {{ seconds_between(
            'greatest(session_days.alone_from_at, hours.hour_from_at)',
            'least(session_days.counted_ended_at, hours.hour_to_at)'
        ) }} as alone_seconds
    from session_days
    inner join hours
        on
            session_days.timezone = hours.timezone
            and session_days.local_date = hours.local_date
            and session_days.started_at < hours.hour_to_at
            and session_days.counted_ended_at > hours.hour_from_at

),

shared_pieces as (

    -- Viewers are spread evenly over their session, in whole seconds that add up to all of them.
    select
        creator_id,
        local_date,
        hour_of_day,
        greatest(alone_seconds, 0) as live_seconds,
        floor(cast(viewer_seconds as double) * to_second / counted_seconds)
        - floor(cast(viewer_seconds as double) * from_second / counted_seconds) as viewer_seconds
    from pieces

),

final as (

    select
        creator_id,
        local_date,
        hour_of_day,
        cast(sum(live_seconds) as bigint) as live_seconds,
        cast(sum(viewer_seconds) as bigint) as viewer_seconds
    from shared_pieces
    group by
        creator_id,
        local_date,
        hour_of_day

)

select * from final
