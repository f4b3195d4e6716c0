{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ settle_anew() }}",
) }}

with

creator_days as (

    select * from {{ ref('fct_creator_days') }}

),

creator_numbers as (

    select * from {{ ref('int_creator_numbers') }}

),

settlement as (

    select * from {{ ref('int_settlement') }}

),

final as (

    select
        creator_numbers.creator_number,
        creator_days.local_date,
        lag(creator_days.local_date) over (
            partition by creator_numbers.creator_number
            order by creator_days.local_date
        ) as previous_active_date,
        settlement.settled_by
    from creator_days
    inner join creator_numbers on creator_days.creator_id = creator_numbers.creator_id
    inner join settlement on creator_days.local_date < settlement.settled_until_date
    where creator_days.session_count > 0

)

select * from final
{% if is_settled() %}where false{% endif %}
