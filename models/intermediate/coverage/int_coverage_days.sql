with

partitions as (

    select * from {{ ref('stg_ops__raw_partitions') }}

),

raw_event_days as (

    select * from {{ ref('stg_ops__raw_event_days') }}

),

event_days as (

    select
        feed,
        event_date,
        sum(row_count) as row_count
    from raw_event_days
    group by
        feed,
        event_date

),

event_days_numbered as (

    select
        feed,
        event_date,
        row_count,
        row_number() over (partition by feed order by event_date) as event_day_number
    from event_days
    where row_count > 0

),

known_days as (

    select
        feed,
        event_date as known_date
    from event_days

    union all

    select
        feed,
        arrival_date as known_date
    from partitions

),

known_ranges as (

    select
        feed,
        min(known_date) as first_date,
        max(known_date) as last_date
    from known_days
    group by feed

),

-- A session is known when it has ended: day D arrives with D, or with D + 1 where it ran over
-- midnight or the delivery is a day behind.
answered_days as (

    select
        feed,
        arrival_date as event_date
    from partitions

    -- distinct: day D is answered by the arrivals of D and of D + 1, usually both
    union distinct

    select
        feed,
        {{ add_days('arrival_date', -1) }} as event_date
    from partitions

),

calendar as (

    {{ date_series(
        '(select min(first_date) from known_ranges)', '(select max(last_date) from known_ranges)'
    ) }}

),

feed_days as (

    select
        known_ranges.feed,
        calendar.calendar_date as event_date,
        coalesce(event_days.row_count, 0) as row_count,
        answered_days.event_date is not null as has_arrival,
        sum(case when event_days.row_count > 0 then 1 else 0 end) over (
            partition by known_ranges.feed
            order by calendar.calendar_date
            rows between unbounded preceding and 1 preceding
        ) as earlier_event_days_count
    from known_ranges
    inner join calendar
        on calendar.calendar_date between known_ranges.first_date and known_ranges.last_date
    left join event_days
        on
            known_ranges.feed = event_days.feed
            and calendar.calendar_date = event_days.event_date
    left join answered_days
        on
            known_ranges.feed = answered_days.feed
            and calendar.calendar_date = answered_days.event_date

),

-- Days without rows are not among the 28: after months of gap the yardstick is still a normal day.
trailing_medians as (

    select
        feed_days.feed,
        feed_days.event_date,
        {{ median('event_days_numbered.row_count') }} as trailing_median_count
    from feed_days
    inner join event_days_numbered
        on
            feed_days.feed = event_days_numbered.feed
            and event_days_numbered.event_day_number
            between feed_days.earlier_event_days_count - 27
            and feed_days.earlier_event_days_count
    group by
        feed_days.feed,
        feed_days.event_date

),

final as (

    select
        feed_days.feed,
        feed_days.event_date,
        feed_days.has_arrival,
        feed_days.has_arrival
        and (
            trailing_medians.trailing_median_count is null
            or trailing_medians.trailing_median_count < 20
            or feed_days.row_count >= 0.2 * trailing_medians.trailing_median_count
        ) as is_covered,
        feed_days.row_count,
        cast(trailing_medians.trailing_median_count as decimal(18, 1)) as trailing_median_count
    from feed_days
    left join trailing_medians
        on
            feed_days.feed = trailing_medians.feed
            and feed_days.event_date = trailing_medians.event_date

)

select * from final
