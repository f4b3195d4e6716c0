with

source as (

    select * from {{ source('raw', 'gifts') }}

),

final as (

    select
        gift_id,
        session_id,
        creator_id,
        sender_id,
        {{ utc_timestamp('sent_at') }} as sent_at,
        gift_name,
        coalesce(quantity, 1) as quantity,
        diamonds,
        _dt as arrival_date,
        _file as arrival_file,
        _row as arrival_row
    from source

)

select * from final
