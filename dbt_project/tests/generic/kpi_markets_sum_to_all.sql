{#
    Numerators and denominators of KPIs that combine by sum or ratio add up over the markets to `all`, day
    by day; those that combine by the greatest have it in one of the markets.

    A part that is NULL counts as 0; a whole that is NULL has no part that is not.
#}
{% test kpi_markets_sum_to_all(model) %}

with

kpis as (

    select * from {{ ref('kpis') }}
    where combines_by <> 'none'

),

compared as (

    select
        rows_of_kpis.calendar_date,
        rows_of_kpis.kpi,
        max(kpis.combines_by) as combines_by,
        sum(case when rows_of_kpis.market = 'all' then rows_of_kpis.numerator end) as whole_numerator,
        sum(case when rows_of_kpis.market <> 'all' then rows_of_kpis.numerator end) as parts_numerator,
        max(case when rows_of_kpis.market <> 'all' then rows_of_kpis.numerator end) as peak_numerator,
        sum(case when rows_of_kpis.market = 'all' then rows_of_kpis.denominator end) as whole_denominator,
        sum(case when rows_of_kpis.market <> 'all' then rows_of_kpis.denominator end) as parts_denominator
    from {{ model }} as rows_of_kpis
    inner join kpis on rows_of_kpis.kpi = kpis.kpi
    group by
        rows_of_kpis.calendar_date,
        rows_of_kpis.kpi

)

select * from compared
where
    coalesce(whole_numerator, 0)
    <> coalesce(case when combines_by = 'max' then peak_numerator else parts_numerator end, 0)
    or coalesce(whole_denominator, 0) <> coalesce(parts_denominator, 0)
    or (whole_numerator is null and parts_numerator is not null)

{% endtest %}
