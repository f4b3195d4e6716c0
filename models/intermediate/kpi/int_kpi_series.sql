{#- Days that are judged, half a year: enough for the weekly season, and not long past. -#}
{%- set judged_days = 182 -%}
{#- A holiday of markets with so much of the active creators is one of the whole. -#}
{%- set holiday_share = 0.25 -%}

with

kpis as (

    select * from {{ ref('kpis') }}
    where has_expectation

),

holidays as (

    select * from {{ ref('holidays') }}

),

last_complete as (

    select max(calendar_date) as last_date
    from {{ ref('int_kpi_days') }}
    where is_complete

),

kpi_values as (

    select told.*
    from {{ ref('int_kpi_values') }} as told
    cross join last_complete
    where
        told.calendar_date > {{ add_days('last_complete.last_date', -judged_days) }}
        and told.calendar_date <= last_complete.last_date

),

active_creators as (

    select
        calendar_date,
        market,
        numerator as active_count
    from kpi_values
    where kpi = 'active_creators'

),

holidays_of_markets as (

    select
        active_creators.calendar_date,
        active_creators.market,
        coalesce(active_creators.active_count, 0) as active_count,
        holidays.market is not null as is_holiday
    from active_creators
    left join holidays
        on
            active_creators.market = holidays.market
            and active_creators.calendar_date = holidays.holiday_date
    where active_creators.market <> 'all'

),

shares as (

    -- By how many are active in the mean: on the holiday itself there are fewer.
    select
        market,
        avg(active_count) as mean_active_count
    from holidays_of_markets
    group by market

),

holidays_of_all as (

    select
        holidays_of_markets.calendar_date,
        'all' as market,
        sum(case when holidays_of_markets.is_holiday then shares.mean_active_count else 0 end)
        >= {{ holiday_share }} * sum(shares.mean_active_count) as is_holiday
    from holidays_of_markets
    inner join shares on holidays_of_markets.market = shares.market
    group by holidays_of_markets.calendar_date

),

holiday_days as (

    select
        calendar_date,
        market,
        is_holiday
    from holidays_of_markets
    union all
    select
        calendar_date,
        market,
        is_holiday
    from holidays_of_all

),

final as (

    select
        kpi_values.calendar_date,
        kpi_values.market,
        kpi_values.kpi,
        kpis.unit,
        case when kpi_values.is_complete then kpi_values.kpi_value end as kpi_value,
        kpi_values.numerator,
        kpi_values.denominator,
        active_creators.active_count,
        coalesce(holiday_days.is_holiday, false) as is_holiday
    from kpi_values
    inner join kpis on kpi_values.kpi = kpis.kpi
    left join active_creators
        on
            kpi_values.calendar_date = active_creators.calendar_date
            and kpi_values.market = active_creators.market
    left join holiday_days
        on
            kpi_values.calendar_date = holiday_days.calendar_date
            and kpi_values.market = holiday_days.market

)

select * from final
