{#
    The numbers 0 to 3: how many local days after its first a session can still be on.

    A counted session lasts at most two days (a test holds `max_session_seconds` to that), and local days
    can be 23 hours long: four days at most.
#}
{% macro session_day_offsets() -%}
    {{ integer_series(0, 3) }}
{%- endmacro %}
