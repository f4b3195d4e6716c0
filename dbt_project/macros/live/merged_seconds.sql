{#
    How long a creator was LIVE on a local day when overlapping pieces of sessions count once.

    Pieces that overlap or touch make one stretch. `live_seconds` is the length of all stretches,
    `longest_stretch_seconds` that of the longest.

    Arguments:
        pieces: name of a CTE with creator_id, local_date, session_id, piece_started_at, piece_ended_at.
#}
{% macro merged_seconds(pieces) -%}
    with

    preceded_pieces as (

        select
            creator_id,
            local_date,
            session_id,
            piece_started_at,
            piece_ended_at,
            max(piece_ended_at) over (
                partition by creator_id, local_date
                order by piece_started_at, session_id
                rows between unbounded preceding and 1 preceding
            ) as reached_at
        from {{ pieces }}

    ),

    numbered_pieces as (

        select
            creator_id,
            local_date,
            piece_started_at,
            piece_ended_at,
            sum(case when piece_started_at <= reached_at then 0 else 1 end) over (
                partition by creator_id, local_date
                order by piece_started_at, session_id
                rows between unbounded preceding and current row
            ) as stretch_number
        from preceded_pieces

    ),

    stretches as (

        select
            creator_id,
            local_date,
            stretch_number,
            {{ seconds_between('min(piece_started_at)', 'max(piece_ended_at)') }} as stretch_seconds
        from numbered_pieces
        group by creator_id, local_date, stretch_number

    )

    select
        creator_id,
        local_date,
        cast(sum(stretch_seconds) as bigint) as live_seconds,
        max(stretch_seconds) as longest_stretch_seconds
    from stretches
    group by creator_id, local_date
{%- endmacro %}
