{#
    The LIVE seconds of all hours, market by market, are those of the creator-days of the complete days in
    the window.
#}
{% test supply_hours_sum_to_creator_days(model) %}

with

supplied as (

    select
        market,
        min(window_start_date) as first_date,
        max(window_end_date) as last_date,
        sum(live_seconds) as live_seconds
    from {{ model }}
    where market <> 'all'
    group by market

),

lived as (

    select
        placed.market,
        sum(placed.live_seconds) as live_seconds
    from {{ ref('int_creator_days_placed') }} as placed
    inner join {{ ref('int_kpi_days') }} as days
        on placed.local_date = days.calendar_date and days.is_complete
    where
        placed.rule_id <> 'as_reported'
        and placed.local_date >= (select min(supplied.first_date) from supplied)
        and placed.local_date <= (select max(supplied.last_date) from supplied)
    group by placed.market

)

select
    lived.market,
    lived.live_seconds as lived_seconds,
    supplied.live_seconds as supplied_seconds
from lived
full outer join supplied on lived.market = supplied.market
where coalesce(lived.live_seconds, 0) <> coalesce(supplied.live_seconds, 0)

{% endtest %}
