with

source as (

    select * from {{ source('raw', 'enforcement_events') }}

),

final as (

    select
        event_id,
        creator_id,
        session_id,
        severity,
        {{ utc_timestamp('occurred_at') }} as occurred_at,
        _dt as arrival_date,
        _file as arrival_file,
        _row as arrival_row
    from source

)

select * from final
