with

segment_counts as (

    select * from {{ ref('int_segment_periods') }}

),

coverage_periods as (

    select * from {{ ref('int_coverage_periods') }}

),

segments as (

    select
        period_grain,
        segment_kind,
        segment_value,
        min(period_start_date) as first_period_start_date
    from segment_counts
    group by
        period_grain,
        segment_kind,
        segment_value

),

-- Every period from a segment's first to that of as_of, also those in which nobody went LIVE.
segment_periods as (

    select
        segments.period_grain,
        coverage_periods.period_start_date,
        segments.segment_kind,
        segments.segment_value,
        coverage_periods.is_complete,
        coverage_periods.is_previous_complete,
        coverage_periods.covered_days_count,
        coverage_periods.previous_covered_days_count,
        coverage_periods.coverage_rate,
        coalesce(segment_counts.active_count, 0) as active_count,
        coalesce(segment_counts.new_count, 0) as new_count,
        coalesce(segment_counts.retained_count, 0) as retained_count
    from segments
    inner join coverage_periods
        on
            segments.period_grain = coverage_periods.period_grain
            and segments.first_period_start_date <= coverage_periods.period_start_date
    left join segment_counts
        on
            segments.period_grain = segment_counts.period_grain
            and segments.segment_kind = segment_counts.segment_kind
            and segments.segment_value = segment_counts.segment_value
            and coverage_periods.period_start_date = segment_counts.period_start_date

),

with_previous as (

    select
        *,
        coalesce(lag(active_count) over (
            partition by period_grain, segment_kind, segment_value
            order by period_start_date
        ), 0) as previous_active_count
    from segment_periods

),

with_churned as (

    select
        *,
        active_count - new_count - retained_count as resurrected_count,
        case
            when is_complete and previous_covered_days_count > 0
                then previous_active_count - retained_count
        end as churned_count
    from with_previous

),

final as (

    select
        period_grain,
        period_start_date,
        segment_kind,
        segment_value,
        cast(case when covered_days_count > 0 then active_count end as bigint) as active_count,
        cast(case when covered_days_count > 0 then new_count end as bigint) as new_count,
        cast(case when covered_days_count > 0 then retained_count end as bigint) as retained_count,
        cast(
            case when covered_days_count > 0 then resurrected_count end as bigint
        ) as resurrected_count,
        cast(churned_count as bigint) as churned_count,
        case
            when is_complete and is_previous_complete
                then cast(round(
                    {{ safe_divide('new_count + resurrected_count', 'churned_count') }}, 6
                ) as decimal(18, 6))
        end as quick_ratio,
        coverage_rate,
        is_complete
    from with_churned

)

select * from final
