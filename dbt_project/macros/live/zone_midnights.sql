{#
    The local days that UTC days of a zone touch (two at most), and when the later one begins.

    To convert one instant by a column of zones takes DuckDB two microseconds, so days are converted, not
    moments: many moments fall on the same UTC day of the same zone.

    Arguments:
        zone_moments: name of a CTE with timezone and moment_date (a UTC day), each pair once.

    Returns a query: timezone, moment_date, first_local_date, last_local_date, last_local_date_started_at.
#}
{% macro zone_midnights(zone_moments) -%}
    select
        timezone,
        moment_date,
        first_local_date,
        last_local_date,
        {{ local_day_start('last_local_date', 'timezone') }} as last_local_date_started_at
    from (
        select
            timezone,
            moment_date,
            {{ local_day('cast(moment_date as timestamp)', 'timezone') }} as first_local_date,
            {{ local_day(add_seconds('cast(moment_date as timestamp)', 86399), 'timezone') }}
                as last_local_date
        from {{ zone_moments }}
    ) as zone_days
{%- endmacro %}

{# The local day of a moment, of the row of `zone_midnights` for its zone and UTC day. #}
{% macro local_day_of(moment, midnights) -%}
    case
        when {{ moment }} < {{ midnights }}.last_local_date_started_at
            then {{ midnights }}.first_local_date
        else {{ midnights }}.last_local_date
    end
{%- endmacro %}
