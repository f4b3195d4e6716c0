{#
    Distinct creators over the last 7 and 28 days, by market and agency.

    What lives here: the windows over whichever days they are asked of. What may not: which days are settled.
#}

{#
    One row per local day, market and agency, from the first of the days to 28 after the last.

    Arguments:
        creator_days: relation or CTE with creator_id, local_date, market, agency_id: days with a session started.
            A day's windows need the 27 before it, and nothing after it.

    Returns a query: local_date, market, agency_id, active_7d_count, active_days_7d_count, active_28d_count,
    active_days_28d_count.
#}
{% macro active_windows(creator_days) -%}
    with

    followed_days as (

        select
            creator_id,
            local_date,
            market,
            agency_id,
            {{ add_days('local_date', 7) }} as end_7d_date,
            {{ add_days('local_date', 28) }} as end_28d_date,
            coalesce(lead(local_date) over (
                partition by creator_id
                order by local_date
            ), date '9999-12-31') as next_active_date
        from {{ creator_days }}

    ),

    -- A creator counts in one place on any day, that of the last active day up to it: so places add up
    -- to the creators of the whole, also when creators move. A day counts from itself on, and until it
    -- is followed or out of the window.
    day_changes as (

        select
            local_date as change_date,
            market,
            agency_id,
            1 as active_7d_change,
            1 as active_28d_change,
            1 as days_7d_change,
            1 as days_28d_change
        from followed_days

        union all

        select
            least(end_7d_date, next_active_date) as change_date,
            market,
            agency_id,
            -1 as active_7d_change,
            0 as active_28d_change,
            0 as days_7d_change,
            0 as days_28d_change
        from followed_days

        union all

        select
            least(end_28d_date, next_active_date) as change_date,
            market,
            agency_id,
            0 as active_7d_change,
            -1 as active_28d_change,
            0 as days_7d_change,
            0 as days_28d_change
        from followed_days

        union all

        select
            end_7d_date as change_date,
            market,
            agency_id,
            0 as active_7d_change,
            0 as active_28d_change,
            -1 as days_7d_change,
            0 as days_28d_change
        from followed_days

        union all

        select
            end_28d_date as change_date,
            market,
            agency_id,
            0 as active_7d_change,
            0 as active_28d_change,
            0 as days_7d_change,
            -1 as days_28d_change
        from followed_days

    ),

    changes as (

        select
            change_date,
            market,
            agency_id,
            sum(active_7d_change) as active_7d_change,
            sum(active_28d_change) as active_28d_change,
            sum(days_7d_change) as days_7d_change,
            sum(days_28d_change) as days_28d_change
        from day_changes
        group by
            change_date,
            market,
            agency_id

    ),

    places as (

        select
            market,
            agency_id,
            min(change_date) as first_date,
            max(change_date) as last_date
        from changes
        group by
            market,
            agency_id

    ),

    calendar as (

        {{ date_series(
            '(select min(places.first_date) from places)',
            '(select max(places.last_date) from places)'
        ) }}

    )

    select
        calendar.calendar_date as local_date,
        places.market,
        places.agency_id,
        sum(changes.active_7d_change) over sums as active_7d_count,
        sum(changes.days_7d_change) over sums as active_days_7d_count,
        sum(changes.active_28d_change) over sums as active_28d_count,
        sum(changes.days_28d_change) over sums as active_days_28d_count
    from places
    inner join calendar
        on calendar.calendar_date between places.first_date and places.last_date
    left join changes
        on
            places.market = changes.market
            and places.agency_id = changes.agency_id
            and calendar.calendar_date = changes.change_date
    window
        sums as (
            partition by places.market, places.agency_id
            order by calendar.calendar_date
            rows between unbounded preceding and current row
        )
{%- endmacro %}
