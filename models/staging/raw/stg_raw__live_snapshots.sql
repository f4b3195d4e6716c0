with

source as (

    select * from {{ source('raw', 'live_snapshots') }}

),

final as (

    select
        creator_id,
        lower(platform) as platform,
        {{ whole_second(utc_timestamp('observed_at')) }} as observed_at,
        {{ whole_second(utc_timestamp('started_at')) }} as announced_started_at,
        category,
        viewer_count,
        _dt as arrival_date,
        _file as arrival_file,
        _row as arrival_row
    from source

)

select * from final
