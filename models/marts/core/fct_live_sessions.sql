{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ replace_rows('int_live_sessions_changed', ['session_id']) }}",
) }}

-- The touched days are found in the earlier version of this table, so they come first:
-- depends_on: {{ ref('int_creator_days_touched') }}

with

changed_sessions as (

    select * from {{ ref('int_live_sessions_changed') }}
    where is_present

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
        is_open,
        is_over_24h,
        is_static,
        is_also_reported,
        duration_seconds,
        counted_seconds,
        average_viewers,
        peak_viewers,
        unique_viewers,
        viewer_seconds,
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
    from changed_sessions

)

select * from final
