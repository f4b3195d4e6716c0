with

creator_days as (

    select * from {{ ref('fct_creator_days') }}

),

creator_lifetimes as (

    select * from {{ ref('int_creator_lifetimes') }}

),

active_days as (

    select
        creator_lifetimes.creator_number,
        creator_days.local_date
    from creator_days
    inner join creator_lifetimes
        on
            creator_days.creator_id = creator_lifetimes.creator_id
            and creator_days.local_date <= creator_lifetimes.last_active_date
    where creator_days.session_count > 0

),

final as (

    select
        creator_number,
        local_date,
        lag(local_date) over (
            partition by creator_number
            order by local_date
        ) as previous_active_date
    from active_days

)

select * from final
