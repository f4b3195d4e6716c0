with

segment_counts as (

    select * from {{ ref('int_cohort_segment_periods') }}

),

coverage_periods as (

    select * from {{ ref('int_coverage_periods') }}

),

cohorts as (

    select
        cohort_kind,
        period_grain,
        cohort_start_date,
        segment_kind,
        segment_value,
        sum(entered_count) as cohort_size
    from segment_counts
    group by
        cohort_kind,
        period_grain,
        cohort_start_date,
        segment_kind,
        segment_value

),

last_covered_periods as (

    select
        period_grain,
        max(period_number) as last_covered_period_number
    from coverage_periods
    where covered_days_count > 0
    group by period_grain

),

cells as (

    select
        cohorts.cohort_kind,
        cohorts.period_grain,
        cohorts.cohort_start_date,
        cohorts.segment_kind,
        cohorts.segment_value,
        periods.period_start_date,
        periods.period_number - cohort_periods.period_number as period_index,
        periods.is_complete,
        periods.covered_days_count > 0 as is_observed,
        coalesce(
            periods.period_number <= last_covered_periods.last_covered_period_number, false
        ) as is_observed_from_here,
        cohorts.cohort_size,
        periods.coverage_rate
    from cohorts
    inner join coverage_periods as cohort_periods
        on
            cohorts.period_grain = cohort_periods.period_grain
            and cohorts.cohort_start_date = cohort_periods.period_start_date
    inner join coverage_periods as periods
        on
            cohorts.period_grain = periods.period_grain
            and cohorts.cohort_start_date <= periods.period_start_date
    left join last_covered_periods
        on cohorts.period_grain = last_covered_periods.period_grain

),

-- Active in a period or later is whose last active period is there or later.
cells_counted as (

    select
        cells.cohort_kind,
        cells.period_grain,
        cells.cohort_start_date,
        cells.segment_kind,
        cells.segment_value,
        cells.period_index,
        cells.is_complete,
        cells.cohort_size,
        case when cells.is_complete then cells.cohort_size else 0 end as matured_count,
        case
            when cells.is_observed then coalesce(segment_counts.active_count, 0)
        end as active_count,
        case
            when cells.is_observed_from_here
                then coalesce(sum(segment_counts.last_active_count) over (
                    partition by
                        cells.cohort_kind,
                        cells.period_grain,
                        cells.cohort_start_date,
                        cells.segment_kind,
                        cells.segment_value
                    order by cells.period_index desc
                    rows between unbounded preceding and current row
                ), 0)
        end as active_on_or_after_count,
        cells.coverage_rate
    from cells
    left join segment_counts
        on
            cells.cohort_kind = segment_counts.cohort_kind
            and cells.period_grain = segment_counts.period_grain
            and cells.cohort_start_date = segment_counts.cohort_start_date
            and cells.segment_kind = segment_counts.segment_kind
            and cells.segment_value = segment_counts.segment_value
            and cells.period_start_date = segment_counts.period_start_date

),

-- matured_count is 0 where a cell is not complete, so every rate over it is NULL there.
final as (

    select
        cohort_kind,
        period_grain,
        cohort_start_date,
        segment_kind,
        segment_value,
        cast(period_index as bigint) as period_index,
        cast(cohort_size as bigint) as cohort_size,
        cast(matured_count as bigint) as matured_count,
        cast(active_count as bigint) as active_count,
        cast(active_on_or_after_count as bigint) as active_on_or_after_count,
        {{ published_rate(safe_divide('active_count', 'matured_count')) }} as retention_rate,
        {{ published_rate(wilson_low('active_count', 'matured_count')) }} as retention_ci_low,
        {{ published_rate(wilson_high('active_count', 'matured_count')) }} as retention_ci_high,
        {{ published_rate(safe_divide('active_on_or_after_count', 'matured_count')) }}
            as rolling_retention_rate,
        coverage_rate,
        is_complete
    from cells_counted

)

select * from final
