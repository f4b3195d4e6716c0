{{ config(materialized='view') }}

with

creator_days as (

    select * from {{ ref('fct_creator_days') }}

),

final as (

    select
        creator_days.creator_id,
        creator_days.local_date,
        coalesce(creator_days.market, 'unknown') as market,
        coalesce(creator_days.agency_id, 'unknown') as agency_id,
        creator_days.session_count,
        creator_days.live_seconds,
        creator_days.is_valid_day,
        creator_days.rule_id,
        creator_days.viewer_seconds,
        creator_days.peak_viewers,
        creator_days.diamonds,
        creator_days.gifters,
        creator_days.new_followers,
        creator_days.comments
    from creator_days

)

select * from final
