{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ replace_rows(
        'int_creator_days_touched', ['local_date'], holds_everything=false
    ) }}",
) }}

-- The days to add up again, where there is a table to begin with:
-- depends_on: {{ ref('int_creator_days_touched') }}

with

{% if is_incremental() %}
touched_days as (

    -- distinct: a day is touched for many creators
    select distinct local_date
    from {{ ref('int_creator_days_touched') }}

),

creator_days as (

    select placed.*
    from {{ ref('int_creator_days_placed') }} as placed
    inner join touched_days on placed.local_date = touched_days.local_date

),
{% else %}
creator_days as (

    select placed.*
    from {{ ref('int_creator_days_placed') }} as placed

),
{% endif %}

final as (

    -- Each counter stands beside the time of just those days that have it: over all days a ratio
    -- would fall with every source that does not tell the counter.
    select
        local_date,
        market,
        agency_id,
        count(*) as live_creator_count,
        sum(case when session_count > 0 then 1 else 0 end) as active_count,
        sum(session_count) as session_count,
        sum(live_seconds) as live_seconds,
        sum(case when is_valid_day then 1 else 0 end) as valid_day_count,
        sum(viewer_seconds) as viewer_seconds,
        -- Seconds after midnight have their viewers on the day before, and none of their own.
        sum(case
            when
                viewer_seconds is not null
                or (session_count = 0 and rule_id <> 'as_reported')
                then live_seconds
        end) as watched_live_seconds,
        max(peak_viewers) as peak_viewers,
        sum(diamonds) as diamonds,
        sum(case
            when diamonds is not null or session_count = 0 then live_seconds
        end) as diamonds_live_seconds,
        sum(gifters) as gifters,
        sum(case when gifters is not null then session_count end) as gifters_session_count,
        sum(new_followers) as new_followers,
        sum(case
            when new_followers is not null or session_count = 0 then live_seconds
        end) as new_followers_live_seconds,
        sum(case when viewer_seconds is not null then comments end) as told_comments,
        sum(case when comments is not null then viewer_seconds end) as comments_viewer_seconds
    from creator_days
    group by
        local_date,
        market,
        agency_id

)

select * from final
