{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ replace_rows('int_observed_sessions_changed', ['session_id']) }}",
) }}

with

changed_sessions as (

    select * from {{ ref('int_observed_sessions_changed') }}
    where is_present

),

final as (

    select
        session_id,
        creator_id,
        platform,
        started_at,
        ended_at,
        first_observed_at,
        last_observed_at,
        last_live_at,
        first_arrival_date,
        last_arrival_date,
        category,
        is_lingering,
        observation_count,
        average_viewers,
        peak_viewers
    from changed_sessions

)

select * from final
