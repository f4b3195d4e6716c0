{#
    How long a creator was LIVE on a local day when overlapping pieces of sessions count once.

    Pieces that overlap or touch make one stretch. `live_seconds` is the length of all stretches,
    `longest_stretch_seconds` that of the longest.

    Arguments:
        pieces: name of a CTE with creator_id, local_date, piece_started_at, piece_ended_at.
        least_seconds: name of a column of it, the same on all pieces of a day: only stretches of at least so many
            seconds go into `counted_seconds`. None: there is no such column.
        rule_id: name of a column of it, where the pieces of a day stand there once for each rule; or none.
#}
{% macro merged_seconds(pieces, least_seconds=none, rule_id=none) -%}
    {%- set day = ['creator_id', 'local_date'] + ([rule_id] if rule_id else []) -%}
    {%- set keys = day + ([least_seconds] if least_seconds else []) -%}
    with

    separate_pieces as (

        -- distinct: two sessions of exactly the same time would have no order, and be numbered in another
        -- than the one in which they were compared
        select distinct
            {{ keys | join(', ') }},
            piece_started_at,
            piece_ended_at
        from {{ pieces }}

    ),

    preceded_pieces as (

        select
            {{ keys | join(', ') }},
            piece_started_at,
            piece_ended_at,
            max(piece_ended_at) over (
                partition by {{ day | join(', ') }}
                order by piece_started_at, piece_ended_at
                rows between unbounded preceding and 1 preceding
            ) as reached_at
        from separate_pieces

    ),

    numbered_pieces as (

        select
            {{ keys | join(', ') }},
            piece_started_at,
            piece_ended_at,
            sum(case when piece_started_at <= reached_at then 0 else 1 end) over (
                partition by {{ day | join(', ') }}
                order by piece_started_at, piece_ended_at
                rows between unbounded preceding and current row
            ) as stretch_number
        from preceded_pieces

    ),

    stretches as (

        select
            {{ keys | join(', ') }},
            stretch_number,
            {{ seconds_between('min(piece_started_at)', 'max(piece_ended_at)') }} as stretch_seconds
        from numbered_pieces
        group by {{ keys | join(', ') }}, stretch_number

    )

    select
        {{ day | join(', ') }},
        cast(sum(stretch_seconds) as bigint) as live_seconds,
        {%- if least_seconds %}
        cast(sum(
            case when stretch_seconds >= {{ least_seconds }} then stretch_seconds else 0 end
        ) as bigint) as counted_seconds,
        {%- endif %}
        max(stretch_seconds) as longest_stretch_seconds
    from stretches
    group by {{ day | join(', ') }}
{%- endmacro %}
