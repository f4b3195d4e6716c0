{#- The day after the first active one on which a week is over. -#}
{%- set week_1_end = 13 -%}
{%- set week_4_end = 34 -%}
{#- The day after joining on which the time to become active is over. -#}
{%- set activation_days = 14 -%}

with

first_weeks as (

    select * from {{ ref('int_creator_first_weeks') }}

),

lifetimes as (

    select
        segment_market as market,
        segment_agency as agency_id,
        first_active_date,
        {{ add_days('joined_date', activation_days) }} as activation_end_date
    from {{ ref('int_creator_lifetimes') }}
    where joined_date is not null

),

-- Each creator on each of the days on which something about them is known.
creators_of_days as (

    select
        first_active_date as local_date,
        market,
        agency_id,
        'new' as cohort,
        false as is_active
    from first_weeks

    union all

    select
        {{ add_days('first_active_date', week_1_end) }} as local_date,
        market,
        agency_id,
        'week_1' as cohort,
        is_active_in_week_1 as is_active
    from first_weeks

    union all

    select
        {{ add_days('first_active_date', week_4_end) }} as local_date,
        market,
        agency_id,
        'week_4' as cohort,
        is_active_in_week_4 as is_active
    from first_weeks

    union all

    -- Whoever was LIVE before joining is active from the start.
    select
        activation_end_date as local_date,
        market,
        agency_id,
        'joined_14d' as cohort,
        coalesce(first_active_date <= activation_end_date, false) as is_active
    from lifetimes

),

final as (

    select
        local_date,
        market,
        agency_id,
        count(case when cohort = 'new' then 1 end) as new_count,
        count(case when cohort = 'week_1' then 1 end) as week_1_cohort_count,
        count(case when cohort = 'week_1' and is_active then 1 end) as week_1_active_count,
        count(case when cohort = 'week_4' then 1 end) as week_4_cohort_count,
        count(case when cohort = 'week_4' and is_active then 1 end) as week_4_active_count,
        count(case when cohort = 'joined_14d' then 1 end) as joined_14d_cohort_count,
        count(case when cohort = 'joined_14d' and is_active then 1 end) as joined_14d_active_count
    from creators_of_days
    group by
        local_date,
        market,
        agency_id

)

select * from final
