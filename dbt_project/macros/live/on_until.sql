{#
    Until when a session is on, as far as telling whether two overlap.

    An open session has counted nothing yet, so it would overlap with nothing; but it was on for a
    little while at least.

    Arguments:
        sessions: the relation's name in the query; has is_open, started_at and counted_ended_at.
        open_seconds: SQL expression, how long an open session is on.
#}
{% macro on_until(sessions, open_seconds) -%}
    case
        when {{ sessions }}.is_open
            then {{ add_seconds(sessions ~ '.started_at', open_seconds) }}
        else {{ sessions }}.counted_ended_at
    end
{%- endmacro %}
