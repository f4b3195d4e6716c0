with

creator_days as (

    select * from {{ ref('fct_creator_days') }}

),

creator_numbers as (

    select * from {{ ref('int_creator_numbers') }}

),

settled_days as (

    select * from {{ ref('int_active_days_settled') }}

),

settlement as (

    select * from {{ ref('int_settlement') }}

),

live_as_of as (

    select * from {{ ref('int_live_as_of') }}

),

last_settled_days as (

    select
        creator_number,
        max(local_date) as last_date
    from settled_days
    group by creator_number

),

-- East of UTC a creator's local day is ahead of the arrival day. What lies beyond as_of has no
-- period yet; it is counted by the arrival that reaches it.
recent_days as (

    select
        creator_numbers.creator_number,
        creator_days.local_date
    from creator_days
    inner join creator_numbers on creator_days.creator_id = creator_numbers.creator_id
    inner join settlement on creator_days.local_date >= settlement.settled_until_date
    inner join live_as_of on creator_days.local_date <= live_as_of.as_of_date
    where creator_days.session_count > 0

),

final as (

    select
        recent_days.creator_number,
        recent_days.local_date,
        coalesce(
            lag(recent_days.local_date) over (
                partition by recent_days.creator_number
                order by recent_days.local_date
            ),
            last_settled_days.last_date
        ) as previous_active_date
    from recent_days
    left join last_settled_days
        on recent_days.creator_number = last_settled_days.creator_number

)

select * from final
