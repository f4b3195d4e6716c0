with

source as (

    select * from {{ source('raw', 'agencies') }}

),

final as (

    select
        agency_id,
        name,
        upper(country) as country,
        tier,
        commission_rate,
        {{ utc_timestamp('updated_at') }} as updated_at,
        _dt as arrival_date,
        _file as arrival_file,
        _row as arrival_row
    from source

)

select * from final
