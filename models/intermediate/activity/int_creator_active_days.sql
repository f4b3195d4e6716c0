{{ config(materialized='view') }}

with

final as (

    select
        creator_number,
        local_date,
        previous_active_date
    from {{ ref('int_active_days_settled') }}

    union all

    select
        creator_number,
        local_date,
        previous_active_date
    from {{ ref('int_active_days_recent') }}

)

select * from final
