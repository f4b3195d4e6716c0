with

source as (

    select * from {{ source('ops', 'raw_event_days') }}

),

final as (

    select
        feed,
        arrival_date,
        event_date,
        row_count
    from source

)

select * from final
