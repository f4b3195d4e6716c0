with

coverage_periods as (

    select * from {{ ref('int_coverage_periods') }}
    where period_grain = 'day'

),

first_covered as (

    select min(period_start_date) as first_date
    from coverage_periods
    where covered_days_count > 0

),

final as (

    select
        coverage_periods.period_start_date as calendar_date,
        coverage_periods.is_complete,
        coverage_periods.covered_days_count > 0 as is_covered,
        sum(coverage_periods.covered_days_count) over (
            order by coverage_periods.period_start_date
            rows between unbounded preceding and current row
        ) as covered_to_date_count,
        coverage_periods.as_of_date
    from coverage_periods
    cross join first_covered
    where coverage_periods.period_start_date >= first_covered.first_date

)

select * from final
