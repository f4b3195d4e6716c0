with

lifetimes as (

    select
        creator_id,
        first_active_date
    from {{ ref('int_creator_lifetimes') }}
    where first_active_date is not null

),

creator_days as (

    select
        placed.creator_id,
        placed.local_date,
        placed.market,
        placed.agency_id
    from {{ ref('int_creator_days_placed') }} as placed
    where placed.session_count > 0

),

days_since_first as (

    select
        lifetimes.creator_id,
        lifetimes.first_active_date,
        creator_days.market,
        creator_days.agency_id,
        {{ days_between('lifetimes.first_active_date', 'creator_days.local_date') }} as day_number
    from lifetimes
    inner join creator_days
        on
            lifetimes.creator_id = creator_days.creator_id
            and lifetimes.first_active_date <= creator_days.local_date
    where
        creator_days.local_date
        <= {{ add_days('lifetimes.first_active_date', 34) }}

),

final as (

    select
        creator_id,
        first_active_date,
        max(case when day_number = 0 then market end) as market,
        max(case when day_number = 0 then agency_id end) as agency_id,
        count(case when day_number between 7 and 13 then 1 end) > 0 as is_active_in_week_1,
        count(case when day_number between 28 and 34 then 1 end) > 0 as is_active_in_week_4
    from days_since_first
    group by
        creator_id,
        first_active_date

)

select * from final
