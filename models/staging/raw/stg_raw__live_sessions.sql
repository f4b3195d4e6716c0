with

source as (

    select * from {{ source('raw', 'live_sessions') }}

),

final as (

    select
        session_id,
        creator_id,
        campaign_id,
        lower(platform) as platform,
        {{ whole_second(utc_timestamp('started_at')) }} as started_at,
        {{ whole_second(utc_timestamp('ended_at')) }} as ended_at,
        category,
        coalesce(is_static, false) as is_static,
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
        {{ utc_timestamp('updated_at') }} as updated_at,
        _dt as arrival_date,
        _file as arrival_file,
        _row as arrival_row
    from source

)

select * from final
