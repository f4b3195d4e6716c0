with

kpis as (

    select * from {{ ref('kpis') }}

),

targets as (

    select * from {{ ref('kpi_targets') }}

),

expectations as (

    select
        cast(calendar_date as date) as calendar_date,
        market,
        kpi,
        expected_value,
        expected_low,
        expected_high,
        anomaly_code
    from {{ ref('int_kpi_expectations') }}

),

values_of_weeks as (

    -- A week is told on its last day.
    select
        {{ add_days('period_start_date', 6) }} as calendar_date,
        segment_value as market,
        churned_count,
        new_count + resurrected_count as won_count,
        quick_ratio,
        coverage_rate,
        is_complete
    from {{ ref('growth_accounting') }}
    where period_grain = 'week' and segment_kind in ('all', 'market')

),

days as (

    select
        calendar_date,
        is_complete
    from {{ ref('int_kpi_days') }}

),

kpi_values as (

    select * from {{ ref('int_kpi_values') }}

    union all

    select
        values_of_weeks.calendar_date,
        values_of_weeks.market,
        kpis.kpi,
        cast(
            case
                when not days.is_complete then null
                when kpis.denominator is null then values_of_weeks.churned_count
                else values_of_weeks.quick_ratio
            end as decimal(28, 6)
        ) as kpi_value,
        case kpis.numerator
            when 'churned_count' then values_of_weeks.churned_count
            else values_of_weeks.won_count
        end as numerator,
        case
            when kpis.denominator is not null then values_of_weeks.churned_count
        end as denominator,
        values_of_weeks.coverage_rate,
        values_of_weeks.is_complete and days.is_complete as is_complete
    from values_of_weeks
    inner join days on values_of_weeks.calendar_date = days.calendar_date
    inner join kpis on kpis.period = 'week'

),

ranked_targets as (

    select
        kpi_values.calendar_date,
        kpi_values.market,
        kpi_values.kpi,
        targets.target_value,
        row_number() over (
            partition by kpi_values.calendar_date, kpi_values.market, kpi_values.kpi
            order by case when targets.market = '*' then 1 else 0 end, targets.target_value
        ) as specificity_rank
    from kpi_values
    inner join targets
        on
            kpi_values.kpi = targets.kpi
            and targets.market in ('*', kpi_values.market)
            and {{ is_in_force('targets', 'kpi_values.calendar_date') }}

),

compared as (

    select
        kpi_values.*,
        kpis.family,
        kpis.good_direction,
        ranked_targets.target_value,
        expectations.expected_value,
        expectations.expected_low,
        expectations.expected_high,
        coalesce(expectations.anomaly_code, 'not_judged') as anomaly_code,
        case
            when kpi_values.is_complete and week_before.is_complete then week_before.kpi_value
        end as week_before_value,
        case
            when kpi_values.is_complete and year_before.is_complete then year_before.kpi_value
        end as year_before_value
    from kpi_values
    inner join kpis on kpi_values.kpi = kpis.kpi
    left join ranked_targets
        on
            kpi_values.calendar_date = ranked_targets.calendar_date
            and kpi_values.market = ranked_targets.market
            and kpi_values.kpi = ranked_targets.kpi
            and ranked_targets.specificity_rank = 1
    left join expectations
        on
            kpi_values.calendar_date = expectations.calendar_date
            and kpi_values.market = expectations.market
            and kpi_values.kpi = expectations.kpi
    left join kpi_values as week_before
        on
            {{ add_days('kpi_values.calendar_date', -7) }} = week_before.calendar_date
            and kpi_values.market = week_before.market
            and kpi_values.kpi = week_before.kpi
    -- The same weekday: 52 weeks.
    left join kpi_values as year_before
        on
            {{ add_days('kpi_values.calendar_date', -364) }} = year_before.calendar_date
            and kpi_values.market = year_before.market
            and kpi_values.kpi = year_before.kpi

),

final as (

    select
        calendar_date,
        market,
        kpi,
        family as kpi_family,
        good_direction,
        case
            when target_value is null then 'no_target'
            when not is_complete or kpi_value is null then 'unknown'
            when good_direction = 'up' and kpi_value >= target_value then 'met'
            when good_direction = 'down' and kpi_value <= target_value then 'met'
            else 'missed'
        end as target_status,
        anomaly_code,
        is_complete,
        coverage_rate,
        kpi_value,
        cast(numerator as bigint) as numerator,
        cast(denominator as bigint) as denominator,
        cast(target_value as decimal(28, 6)) as target_value,
        {%- for comparison in ['week', 'year'] %}
        cast({{ comparison }}_before_value as decimal(28, 6)) as {{ comparison }}_before_value,
        cast(
            kpi_value - {{ comparison }}_before_value as decimal(28, 6)
        ) as change_on_{{ comparison }},
        cast(round({{ safe_divide(
            'kpi_value - ' ~ comparison ~ '_before_value', comparison ~ '_before_value'
        ) }}, 6) as decimal(28, 6)) as change_on_{{ comparison }}_rate,
        {%- endfor %}
        cast(round(expected_value, 6) as decimal(28, 6)) as expected_value,
        cast(round(expected_low, 6) as decimal(28, 6)) as expected_low,
        cast(round(expected_high, 6) as decimal(28, 6)) as expected_high
    from compared

)

select * from final
