{%- set grains = ['day', 'week', 'month'] -%}

with

coverage_days as (

    select * from {{ ref('int_live_coverage_days') }}

),

live_as_of as (

    select * from {{ ref('int_live_as_of') }}

),

creator_lifetimes as (

    select * from {{ ref('int_creator_lifetimes') }}

),

first_dates as (

    select min(event_date) as first_date
    from coverage_days

    union all

    select min(first_active_date) as first_date
    from creator_lifetimes

    union all

    select min(joined_date) as first_date
    from creator_lifetimes

),

bounds as (

    select
        live_as_of.as_of_date,
        (select min(first_dates.first_date) from first_dates) as first_date
    from live_as_of

),

-- It overhangs on both sides, so that every period of which a day is known is whole.
calendar as (

    {{ date_series(
        '(select ' ~ add_days(month_start('first_date'), -7) ~ ' from bounds)',
        '(select ' ~ add_days('as_of_date', 31) ~ ' from bounds)'
    ) }}

),

period_days as (

    {% for grain in grains %}
    select
        '{{ grain }}' as period_grain,
        {{ period_start(grain, 'calendar_date') }} as period_start_date,
        calendar_date
    from calendar
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}

),

periods as (

    select
        period_days.period_grain,
        period_days.period_start_date,
        max(period_days.calendar_date) as period_end_date,
        count(*) as days_count,
        sum(case when coverage_days.is_covered then 1 else 0 end) as covered_days_count
    from period_days
    left join coverage_days
        on period_days.calendar_date = coverage_days.event_date
    group by
        period_days.period_grain,
        period_days.period_start_date

),

periods_known as (

    -- West of UTC the evening of the last local day lies in the next UTC day, whose rows arrive a
    -- morning later. Without it whoever was LIVE only then would pass for gone.
    select
        periods.period_grain,
        periods.period_start_date,
        periods.period_end_date,
        bounds.as_of_date,
        periods.days_count,
        periods.covered_days_count,
        (
            periods.covered_days_count = periods.days_count
            and coalesce(next_days.is_covered, false)
            and next_days.event_date < bounds.as_of_date
        ) as is_complete
    from periods
    cross join bounds
    left join coverage_days as next_days
        on {{ add_days('periods.period_end_date', 1) }} = next_days.event_date
    where
        periods.period_end_date >= bounds.first_date
        and periods.period_start_date <= bounds.as_of_date

),

final as (

    select
        period_grain,
        period_start_date,
        period_end_date,
        as_of_date,
        row_number() over (
            partition by period_grain
            order by period_start_date
        ) as period_number,
        is_complete,
        coalesce(lag(is_complete) over (
            partition by period_grain
            order by period_start_date
        ), false) as is_previous_complete,
        coalesce(lag(covered_days_count) over (
            partition by period_grain
            order by period_start_date
        ), 0) as previous_covered_days_count,
        covered_days_count,
        days_count,
        {{ published_rate(safe_divide('covered_days_count', 'days_count')) }} as coverage_rate
    from periods_known

)

select * from final
