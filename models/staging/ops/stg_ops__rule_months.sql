with

source as (

    select * from {{ source('ops', 'rule_months') }}

),

final as (

    select
        month_start_date,
        is_as_is
    from source

)

select * from final
