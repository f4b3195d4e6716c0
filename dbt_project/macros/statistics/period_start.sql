{#
    First day of the period of a grain that contains a day. Periods are the project's: calendar days,
    weeks from Monday, calendar months.

    grain: 'day', 'week' or 'month', known when compiling; anything else stops the compilation,
    because a misspelt grain would otherwise group by something nobody asked for.
    day: SQL expression of type date.
#}
{% macro period_start(grain, day) -%}
    {%- if grain == 'day' -%}
        {{ day }}
    {%- elif grain == 'week' -%}
        {{ week_start(day) }}
    {%- elif grain == 'month' -%}
        {{ month_start(day) }}
    {%- else -%}
        {{ exceptions.raise_compiler_error(
            "period_start: grain is '" ~ grain ~ "'; use 'day', 'week' or 'month'."
        ) }}
    {%- endif -%}
{%- endmacro %}


{#
    First day of the period before the one that starts on `start_date` (a first day of the same grain).
    It is the start of the period of the day before, so it needs no month arithmetic.
#}
{% macro previous_period_start(grain, start_date) -%}
    {{ period_start(grain, add_days(start_date, -1)) }}
{%- endmacro %}


{# First day of the period after the one that starts on `start_date` (a first day of the same grain). #}
{% macro next_period_start(grain, start_date) -%}
    {%- set longest_days = {'day': 1, 'week': 7, 'month': 31} -%}
    {{ period_start(grain, add_days(start_date, longest_days.get(grain, 1))) }}
{%- endmacro %}


{# Whole periods from one period to a later one, both given by their first days. #}
{% macro periods_between(grain, earlier, later) -%}
    {%- if grain == 'month' -%}
        cast(
            (extract(year from {{ later }}) - extract(year from {{ earlier }})) * 12
            + extract(month from {{ later }}) - extract(month from {{ earlier }})
            as bigint
        )
    {%- elif grain == 'week' -%}
        cast({{ days_between(earlier, later) }} / 7 as bigint)
    {%- else -%}
        cast({{ days_between(earlier, period_start(grain, later)) }} as bigint)
    {%- endif -%}
{%- endmacro %}
