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
