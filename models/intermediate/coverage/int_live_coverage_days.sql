{#- A route that has been silent for longer has ended, and the others are judged without it. -#}
{%- set silent_days = 7 -%}

with

exported_days as (

    select * from {{ ref('int_backstage_covered_days') }}

),

coverage_days as (

    -- An export counts from the 1st on: its rows are there, but they are of one day only if the day
    -- before was exported too.
    select
        feed_days.feed,
        feed_days.event_date,
        feed_days.has_arrival,
        feed_days.is_covered
        and (
            feed_days.feed <> 'backstage_reports'
            or exported_days.event_date is not null
        ) as is_covered
    from {{ ref('int_coverage_days') }} as feed_days
    left join exported_days on feed_days.event_date = exported_days.event_date
    where feed_days.feed in ({{ live_routes() }})

),

live_as_of as (

    select * from {{ ref('int_live_as_of') }}

),

answered_ranges as (

    -- From the first to the last day that an arrival answered for. A row from before says that
    -- something happened then, not that the route was already there.
    select
        feed,
        min(event_date) as first_date,
        max(event_date) as last_date
    from coverage_days
    where has_arrival
    group by feed

),

route_ranges as (

    select
        answered_ranges.feed,
        answered_ranges.first_date,
        case
            when
                {{ add_days('answered_ranges.last_date', silent_days) }} >= live_as_of.as_of_date
                then greatest(answered_ranges.last_date, live_as_of.as_of_date)
            else answered_ranges.last_date
        end as last_date
    from answered_ranges
    cross join live_as_of

),

calendar as (

    {{ date_series(
        '(select min(event_date) from coverage_days)', '(select max(last_date) from route_ranges)'
    ) }}

),

route_days as (

    select
        calendar.calendar_date as event_date,
        route_ranges.feed,
        coalesce(coverage_days.is_covered, false) as is_covered
    from calendar
    inner join route_ranges
        on calendar.calendar_date between route_ranges.first_date and route_ranges.last_date
    left join coverage_days
        on
            route_ranges.feed = coverage_days.feed
            and calendar.calendar_date = coverage_days.event_date

),

session_route_days as (

    -- distinct: sessions may come by two routes
    select distinct event_date
    from route_days
    where feed <> 'backstage_reports'

),

judged_route_days as (

    -- Exports answer only for days of which no route of sessions tells: they sum up the same shows,
    -- and who exports once a week beside daily sessions has not lost the other six days.
    select route_days.*
    from route_days
    left join session_route_days on route_days.event_date = session_route_days.event_date
    where
        route_days.feed <> 'backstage_reports'
        or session_route_days.event_date is null

),

route_counts as (

    select
        event_date,
        count(*) as route_count,
        sum(case when is_covered then 1 else 0 end) as covered_route_count
    from judged_route_days
    group by event_date

),

final as (

    select
        calendar.calendar_date as event_date,
        coalesce(route_counts.covered_route_count = route_counts.route_count, false) as is_covered,
        coalesce(route_counts.route_count, 0) as route_count,
        coalesce(route_counts.covered_route_count, 0) as covered_route_count
    from calendar
    left join route_counts
        on calendar.calendar_date = route_counts.event_date

)

select * from final
