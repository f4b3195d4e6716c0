with

source as (

    select * from {{ source('ops', 'raw_partitions') }}

),

final as (

    select
        feed,
        arrival_date,
        revision,
        is_pending,
        accepted_count,
        refused_count,
        duplicate_count
    from source

)

select * from final
