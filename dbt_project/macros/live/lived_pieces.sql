{#
    LIVE sessions in pieces of local days: a session over midnight gives each day its part.

    Arguments:
        live_sessions: name of a CTE with the rows of fct_live_sessions.
        touched_days: name of a CTE with creator_id and local_date: the pieces of these days alone, from
            the sessions that can reach them. None for the pieces of all sessions.

    Returns a query: one row per session and local day: creator_id, local_date, platform, is_static,
    piece_started_at, piece_ended_at. A session that started and counted nothing yet has an empty piece.
#}
{% macro lived_pieces(live_sessions, touched_days=none) -%}
    {#- All history passes here: no column that the pieces do not need. -#}
    {%- set session_columns = [
        'creator_id', 'platform', 'timezone', 'started_at', 'counted_ended_at', 'local_start_date',
        'local_end_date', 'is_static', 'is_also_reported',
    ] -%}
    with

    day_offsets as (

        {{ session_day_offsets() | indent(4) }}

    ),

    {% if touched_days -%}
    reaching_starts as (

        -- distinct: neighbouring touched days are reached from the same starting days
        select distinct
            touched_days.creator_id,
            {{ add_days('touched_days.local_date', '-day_offsets.number') }} as local_start_date
        from {{ touched_days }} as touched_days
        cross join day_offsets

    ),

    reaching_sessions as (

        select
            {{- columns_of('live_sessions', session_columns) | indent(4) }}
        from {{ live_sessions }} as live_sessions
        inner join reaching_starts
            on
                live_sessions.creator_id = reaching_starts.creator_id
                and live_sessions.local_start_date = reaching_starts.local_start_date

    ),
    {%- else -%}
    reaching_sessions as (

        select
            {{- columns_of('live_sessions', session_columns) | indent(4) }}
        from {{ live_sessions }} as live_sessions

    ),
    {%- endif %}

    reached_days as (

        select
            reaching_sessions.*,
            day_offsets.number = 0 as is_start_day,
            {{ add_days('reaching_sessions.local_start_date', 'day_offsets.number') }} as local_date,
            {{ add_days('reaching_sessions.local_start_date', 'day_offsets.number + 1') }}
                as next_local_date
        from reaching_sessions
        inner join day_offsets
            on
                {{ add_days('reaching_sessions.local_start_date', 'day_offsets.number') }}
                <= reaching_sessions.local_end_date

    ),

    passed_midnights as (

        -- distinct: many sessions last over the same midnight of the same zone; it is converted once
        select distinct
            timezone,
            local_date
        from reached_days
        where not is_start_day

    ),

    midnights as (

        select
            timezone,
            local_date,
            {{ local_day_start('local_date', 'timezone') }} as midnight_at
        from passed_midnights

    ),

    {% if touched_days -%}
    session_days as (

        select reached_days.*
        from reached_days
        inner join {{ touched_days }} as touched_days
            on
                reached_days.creator_id = touched_days.creator_id
                and reached_days.local_date = touched_days.local_date

    ),
    {%- else -%}
    session_days as (

        select * from reached_days

    ),
    {%- endif %}

    pieces as (

        select
            session_days.creator_id,
            session_days.local_date,
            session_days.platform,
            coalesce(session_days.is_static, false) as is_static,
            session_days.is_start_day and not session_days.is_also_reported as is_counted_start,
            case
                when session_days.is_start_day then session_days.started_at
                else day_start.midnight_at
            end as piece_started_at,
            case
                when session_days.local_date = session_days.local_end_date
                    then session_days.counted_ended_at
                else next_day_start.midnight_at
            end as piece_ended_at
        from session_days
        left join midnights as day_start
            on
                session_days.timezone = day_start.timezone
                and session_days.local_date = day_start.local_date
        left join midnights as next_day_start
            on
                session_days.timezone = next_day_start.timezone
                and session_days.next_local_date = next_day_start.local_date

    )

    -- A session that ends at midnight gives the next day nothing; one that is known twice gives its
    -- seconds, and else only the reported one counts.
    select
        creator_id,
        local_date,
        platform,
        is_static,
        piece_started_at,
        piece_ended_at
    from pieces
    where is_counted_start or piece_ended_at > piece_started_at
{%- endmacro %}
