with

creator_cohorts as (

    select * from {{ ref('int_creator_cohorts') }}

),

creator_periods as (

    select * from {{ ref('int_creator_periods') }}
    where period_grain in ('week', 'month')

),

segment_sets as (

    select * from {{ ref('int_segment_sets') }}

),

coverage_periods as (

    select * from {{ ref('int_coverage_periods') }}

),

set_sizes as (

    select
        cohort_kind,
        period_grain,
        cohort_start_date,
        segment_set_number,
        count(*) as cohort_size
    from creator_cohorts
    group by
        cohort_kind,
        period_grain,
        cohort_start_date,
        segment_set_number

),

set_active_counts as (

    select
        creator_cohorts.cohort_kind,
        creator_cohorts.period_grain,
        creator_cohorts.cohort_start_date,
        creator_cohorts.segment_set_number,
        creator_periods.period_start_date,
        count(*) as active_count
    from creator_periods
    inner join creator_cohorts
        on
            creator_periods.creator_number = creator_cohorts.creator_number
            and creator_periods.period_grain = creator_cohorts.period_grain
            and creator_periods.period_start_date >= creator_cohorts.cohort_start_date
    group by
        creator_cohorts.cohort_kind,
        creator_cohorts.period_grain,
        creator_cohorts.cohort_start_date,
        creator_cohorts.segment_set_number,
        creator_periods.period_start_date

),

-- Active in a period or later is whose last active period is there or later: one date a creator.
set_last_counts as (

    select
        cohort_kind,
        period_grain,
        cohort_start_date,
        segment_set_number,
        last_period_start_date,
        count(*) as last_active_count
    from creator_cohorts
    where last_period_start_date >= cohort_start_date
    group by
        cohort_kind,
        period_grain,
        cohort_start_date,
        segment_set_number,
        last_period_start_date

),

cohorts as (

    select
        set_sizes.cohort_kind,
        set_sizes.period_grain,
        set_sizes.cohort_start_date,
        segment_sets.segment_kind,
        segment_sets.segment_value,
        sum(set_sizes.cohort_size) as cohort_size
    from set_sizes
    inner join segment_sets
        on set_sizes.segment_set_number = segment_sets.segment_set_number
    group by
        set_sizes.cohort_kind,
        set_sizes.period_grain,
        set_sizes.cohort_start_date,
        segment_sets.segment_kind,
        segment_sets.segment_value

),

active_counts as (

    select
        set_active_counts.cohort_kind,
        set_active_counts.period_grain,
        set_active_counts.cohort_start_date,
        segment_sets.segment_kind,
        segment_sets.segment_value,
        set_active_counts.period_start_date,
        sum(set_active_counts.active_count) as active_count
    from set_active_counts
    inner join segment_sets
        on set_active_counts.segment_set_number = segment_sets.segment_set_number
    group by
        set_active_counts.cohort_kind,
        set_active_counts.period_grain,
        set_active_counts.cohort_start_date,
        segment_sets.segment_kind,
        segment_sets.segment_value,
        set_active_counts.period_start_date

),

last_counts as (

    select
        set_last_counts.cohort_kind,
        set_last_counts.period_grain,
        set_last_counts.cohort_start_date,
        segment_sets.segment_kind,
        segment_sets.segment_value,
        set_last_counts.last_period_start_date as period_start_date,
        sum(set_last_counts.last_active_count) as last_active_count
    from set_last_counts
    inner join segment_sets
        on set_last_counts.segment_set_number = segment_sets.segment_set_number
    group by
        set_last_counts.cohort_kind,
        set_last_counts.period_grain,
        set_last_counts.cohort_start_date,
        segment_sets.segment_kind,
        segment_sets.segment_value,
        set_last_counts.last_period_start_date

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
            when cells.is_observed then coalesce(active_counts.active_count, 0)
        end as active_count,
        case
            when cells.is_observed_from_here
                then coalesce(sum(last_counts.last_active_count) over (
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
    left join active_counts
        on
            cells.cohort_kind = active_counts.cohort_kind
            and cells.period_grain = active_counts.period_grain
            and cells.cohort_start_date = active_counts.cohort_start_date
            and cells.segment_kind = active_counts.segment_kind
            and cells.segment_value = active_counts.segment_value
            and cells.period_start_date = active_counts.period_start_date
    left join last_counts
        on
            cells.cohort_kind = last_counts.cohort_kind
            and cells.period_grain = last_counts.period_grain
            and cells.cohort_start_date = last_counts.cohort_start_date
            and cells.segment_kind = last_counts.segment_kind
            and cells.segment_value = last_counts.segment_value
            and cells.period_start_date = last_counts.period_start_date

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
