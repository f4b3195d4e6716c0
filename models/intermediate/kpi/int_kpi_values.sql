with

kpis as (

    select * from {{ ref('kpis') }}
    where period = 'day'

),

days as (

    select * from {{ ref('int_kpi_days') }}

),

measures as (

    select * from {{ ref('int_kpi_measures') }}

),

market_measures as (

    select
        measures.local_date,
        measures.market,
        {{ kpi_measures_combined('measures') | trim }}
    from measures
    group by
        measures.local_date,
        measures.market

    union all

    select
        measures.local_date,
        'all' as market,
        {{ kpi_measures_combined('measures') | trim }}
    from measures
    group by measures.local_date

),

markets as (

    select
        market,
        min(local_date) as first_date
    from market_measures
    group by market

),

market_days as (

    select
        days.calendar_date,
        markets.market,
        days.is_covered,
        {{ kpi_measure_columns('market_measures') | trim }}
    from days
    inner join markets on days.calendar_date >= markets.first_date
    left join market_measures
        on
            days.calendar_date = market_measures.local_date
            and markets.market = market_measures.market

),

amounts as (

    {{ kpi_measures_long('market_days', ['calendar_date', 'market']) | indent(4) }}

    union all

    -- Days are covered for everybody alike; of the last 28.
    select
        days.calendar_date,
        'all' as market,
        'covered_day_count' as measure,
        days.covered_to_date_count
        - coalesce(days_before.covered_to_date_count, 0) as amount
    from days
    left join days as days_before
        on {{ add_days('days.calendar_date', -28) }} = days_before.calendar_date

),

covered_spans as (

    select
        days.calendar_date,
        kpis.kpi,
        kpis.lookback_days,
        days.is_covered,
        days.is_complete,
        days.covered_to_date_count
        - coalesce(days_before.covered_to_date_count, 0) as covered_days_count
    from kpis
    cross join days
    left join days as days_before
        on {{ add_days('days.calendar_date', '-kpis.lookback_days') }} = days_before.calendar_date

),

kpi_amounts as (

    select
        numerators.calendar_date,
        numerators.market,
        kpis.kpi,
        kpis.combines_by,
        kpis.numerator_factor,
        kpis.denominator_factor,
        kpis.denominator is not null as has_denominator,
        covered_spans.covered_days_count,
        covered_spans.lookback_days,
        covered_spans.is_complete
        and covered_spans.covered_days_count = covered_spans.lookback_days as is_complete,
        numerators.amount as numerator,
        denominators.amount as denominator
    from kpis
    inner join amounts as numerators on kpis.numerator = numerators.measure
    inner join covered_spans
        on
            kpis.kpi = covered_spans.kpi
            and numerators.calendar_date = covered_spans.calendar_date
    left join amounts as denominators
        on
            kpis.denominator = denominators.measure
            and numerators.calendar_date = denominators.calendar_date
            and numerators.market = denominators.market

),

final as (

    -- What was seen is shown where anything is covered, what divides by the expected where all is.
    select
        calendar_date,
        market,
        kpi,
        cast(case
            when has_denominator and is_complete then {{ kpi_value(
                'numerator', 'denominator', 'numerator_factor', 'denominator_factor'
            ) }}
            when not has_denominator and covered_days_count > 0 then {{ kpi_value(
                'numerator', '1', 'numerator_factor', 'denominator_factor'
            ) }}
        end as decimal(28, 6)) as kpi_value,
        case when covered_days_count > 0 then numerator end as numerator,
        case when covered_days_count > 0 then denominator end as denominator,
        {{ published_rate(safe_divide('covered_days_count', 'lookback_days')) }} as coverage_rate,
        is_complete
    from kpi_amounts

)

select * from final
