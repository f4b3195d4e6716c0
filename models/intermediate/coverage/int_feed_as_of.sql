with

partitions as (

    select * from {{ ref('stg_ops__raw_partitions') }}

),

final as (

    select
        feed,
        min(arrival_date) as first_arrival_date,
        max(arrival_date) as as_of_date
    from partitions
    group by feed

)

select * from final
