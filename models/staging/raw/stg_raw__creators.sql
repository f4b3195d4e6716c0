with

source as (

    select * from {{ source('raw', 'creators') }}

),

final as (

    select
        creator_id,
        agency_id,
        manager_id,
        lower(platform) as platform,
        handle,
        upper(country) as country,
        timezone,
        language,
        category,
        acquisition_source,
        tier,
        status,
        {{ utc_timestamp('joined_at') }} as joined_at,
        follower_count,
        {{ utc_timestamp('updated_at') }} as updated_at,
        _dt as arrival_date,
        _file as arrival_file,
        _row as arrival_row
    from source

)

select * from final
