{#
    The feeds that tell who was LIVE on a day, as a list of SQL literals: the routes by which a session
    can reach creator days.

    Coverage of creator days and `as_of` are taken over all of them. A route that never delivered does
    not count, so a route costs nothing where it is not used.
#}
{% macro live_routes() -%}
    'live_sessions', 'live_snapshots', 'backstage_reports'
{%- endmacro %}
