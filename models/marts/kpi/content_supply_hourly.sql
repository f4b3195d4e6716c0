{#- The trailing window, in complete days: four of each weekday. -#}
{%- set window_days = 28 -%}

with

rules as (

    select * from {{ ref('supply_rules') }}

),

creator_hours as (

    select * from {{ ref('int_creator_hours') }}

),

creator_days as (

    select
        placed.creator_id,
        placed.local_date,
        placed.market
    from {{ ref('int_creator_days_placed') }} as placed

),

days as (

    select * from {{ ref('int_kpi_days') }}

),

last_complete as (

    select max(calendar_date) as last_date
    from days
    where is_complete

),

window_days_known as (

    select
        days.calendar_date,
        {{ iso_weekday('days.calendar_date') }} as iso_weekday
    from days
    cross join last_complete
    where
        days.calendar_date > {{ add_days('last_complete.last_date', -window_days) }}
        and days.calendar_date <= last_complete.last_date
        and days.is_complete

),

weekdays as (

    select
        iso_weekday,
        count(*) as covered_days_count
    from window_days_known
    group by iso_weekday

),

placed_hours as (

    select
        creator_days.market,
        window_days_known.iso_weekday,
        creator_hours.hour_of_day,
        creator_hours.live_seconds,
        creator_hours.viewer_seconds
    from creator_hours
    inner join window_days_known on creator_hours.local_date = window_days_known.calendar_date
    inner join creator_days
        on
            creator_hours.creator_id = creator_days.creator_id
            and creator_hours.local_date = creator_days.local_date

),

market_hours as (

    select
        market,
        iso_weekday,
        hour_of_day,
        sum(live_seconds) as live_seconds,
        sum(viewer_seconds) as viewer_seconds,
        sum(case when viewer_seconds is not null then live_seconds end) as watched_live_seconds,
        count(case when live_seconds > 0 then 1 end) as creator_hours_count
    from placed_hours
    group by
        market,
        iso_weekday,
        hour_of_day

    union all

    select
        'all' as market,
        iso_weekday,
        hour_of_day,
        sum(live_seconds) as live_seconds,
        sum(viewer_seconds) as viewer_seconds,
        sum(case when viewer_seconds is not null then live_seconds end) as watched_live_seconds,
        count(case when live_seconds > 0 then 1 end) as creator_hours_count
    from placed_hours
    group by
        iso_weekday,
        hour_of_day

),

markets as (

    select
        market,
        sum(live_seconds) as market_live_seconds,
        sum(viewer_seconds) as market_viewer_seconds
    from market_hours
    group by market

),

hour_numbers as (

    {{ integer_series(0, 23) | indent(4) }}

),

weekday_numbers as (

    {{ integer_series(1, 7) | indent(4) }}

),

every_hour as (

    select
        markets.market,
        weekday_numbers.number as iso_weekday,
        hour_numbers.number as hour_of_day,
        coalesce(weekdays.covered_days_count, 0) as covered_days_count,
        markets.market_live_seconds,
        markets.market_viewer_seconds
    from markets
    cross join weekday_numbers
    cross join hour_numbers
    left join weekdays on weekday_numbers.number = weekdays.iso_weekday

),

known_hours as (

    select
        every_hour.market,
        every_hour.iso_weekday,
        every_hour.hour_of_day,
        every_hour.covered_days_count,
        every_hour.market_live_seconds,
        every_hour.market_viewer_seconds,
        case
            when every_hour.covered_days_count > 0 then coalesce(market_hours.live_seconds, 0)
        end as live_seconds,
        case
            when every_hour.covered_days_count > 0 and market_hours.live_seconds is null then 0
            else market_hours.viewer_seconds
        end as viewer_seconds,
        market_hours.watched_live_seconds,
        case
            when every_hour.covered_days_count > 0
                then coalesce(market_hours.creator_hours_count, 0)
        end as creator_hours_count
    from every_hour
    left join market_hours
        on
            every_hour.market = market_hours.market
            and every_hour.iso_weekday = market_hours.iso_weekday
            and every_hour.hour_of_day = market_hours.hour_of_day

),

shares as (

    select
        known_hours.*,
        rules.max_supply_to_demand,
        rules.min_demand_share,
        rules.min_covered_days,
        {{ safe_divide('known_hours.live_seconds', 'known_hours.market_live_seconds') }}
            as supply_share,
        {{ safe_divide('known_hours.viewer_seconds', 'known_hours.market_viewer_seconds') }}
            as demand_share
    from known_hours
    cross join rules

),

final as (

    select
        shares.market,
        cast(shares.iso_weekday as integer) as iso_weekday,
        cast(shares.hour_of_day as integer) as hour_of_day,
        {{ add_days('last_complete.last_date', 1 - window_days) }} as window_start_date,
        last_complete.last_date as window_end_date,
        case
            when
                shares.covered_days_count < shares.min_covered_days
                or shares.supply_share is null
                or shares.demand_share is null
                then 'unknown'
            when
                shares.demand_share >= shares.min_demand_share
                and shares.supply_share < shares.max_supply_to_demand * shares.demand_share
                then 'missing'
            else 'enough'
        end as supply_status,
        cast(shares.covered_days_count as bigint) as covered_days_count,
        cast(shares.live_seconds as bigint) as live_seconds,
        cast(shares.viewer_seconds as bigint) as viewer_seconds,
        cast(shares.creator_hours_count as bigint) as creator_hours_count,
        cast(round({{ safe_divide(
            'shares.creator_hours_count', 'shares.covered_days_count'
        ) }}, 4) as decimal(18, 4)) as average_creators,
        cast(round({{ safe_divide(
            'shares.viewer_seconds', 'shares.watched_live_seconds'
        ) }}, 4) as decimal(18, 4)) as average_viewers,
        {{ published_rate('shares.supply_share') }} as supply_share_rate,
        {{ published_rate('shares.demand_share') }} as demand_share_rate
    from shares
    cross join last_complete

)

select * from final
