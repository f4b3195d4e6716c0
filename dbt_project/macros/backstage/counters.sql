{#
    The counters of a Backstage export that grow within the month and start again on the 1st.

    What lives here: their names, once. What may not: SQL.
#}

{% macro backstage_counters() -%}
    {{ return([
        'diamonds', 'live_seconds', 'valid_days', 'new_followers', 'session_count', 'matches',
        'match_diamonds',
    ]) }}
{%- endmacro %}

{# Those whose value of the month before stands in the export, as `<name>_last_month`. #}
{% macro backstage_compared_counters() -%}
    {{ return(['diamonds', 'live_seconds', 'valid_days', 'new_followers', 'session_count']) }}
{%- endmacro %}
