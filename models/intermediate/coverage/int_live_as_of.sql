with

feed_as_of as (

    select * from {{ ref('int_feed_as_of') }}
    where feed in ({{ live_routes() }})

),

final as (

    select max(as_of_date) as as_of_date
    from feed_as_of
    having count(*) > 0

)

select * from final
