with

creator_cohorts as (

    select * from {{ ref('int_creator_cohorts') }}

),

creator_periods as (

    select * from {{ ref('int_creator_periods') }}
    where period_grain in ('week', 'month')

),

final as (

    -- Everybody is in a cohort's own period once, LIVE in it or not.
    select
        cohort_kind,
        period_grain,
        cohort_start_date,
        creator_number,
        cohort_start_date as period_start_date,
        true as is_entry,
        false as is_last
    from creator_cohorts

    union all

    select
        creator_cohorts.cohort_kind,
        creator_cohorts.period_grain,
        creator_cohorts.cohort_start_date,
        creator_cohorts.creator_number,
        creator_periods.period_start_date,
        false as is_entry,
        creator_periods.period_start_date = creator_cohorts.last_period_start_date as is_last
    from creator_periods
    inner join creator_cohorts
        on
            creator_periods.creator_number = creator_cohorts.creator_number
            and creator_periods.period_grain = creator_cohorts.period_grain
            and creator_periods.period_start_date >= creator_cohorts.cohort_start_date

)

select * from final
