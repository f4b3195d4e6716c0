{#
    Calendar arithmetic that every engine spells differently.

    What lives here: macros over days (`date`). What may not: macros over instants (see instants.sql)
    and anything that knows a model. `default__` is what DuckDB and Spark both understand.
#}

{# The Monday of the week of a day. #}
{% macro week_start(day) -%}
    {{ return(adapter.dispatch('week_start', 'semillero')(day)) }}
{%- endmacro %}

{% macro default__week_start(day) -%}
    cast(date_trunc('week', {{ day }}) as date)
{%- endmacro %}

{# The first day of the month of a day. #}
{% macro month_start(day) -%}
    {{ return(adapter.dispatch('month_start', 'semillero')(day)) }}
{%- endmacro %}

{% macro default__month_start(day) -%}
    cast(date_trunc('month', {{ day }}) as date)
{%- endmacro %}

{# The first day of the quarter of a day. #}
{% macro quarter_start(day) -%}
    {{ return(adapter.dispatch('quarter_start', 'semillero')(day)) }}
{%- endmacro %}

{% macro default__quarter_start(day) -%}
    cast(date_trunc('quarter', {{ day }}) as date)
{%- endmacro %}

{# The day of the week, 1 = Monday to 7 = Sunday. #}
{% macro iso_weekday(day) -%}
    {{ return(adapter.dispatch('iso_weekday', 'semillero')(day)) }}
{%- endmacro %}

{% macro default__iso_weekday(day) -%}
    cast(extract(isodow from {{ day }}) as integer)
{%- endmacro %}

{% macro spark__iso_weekday(day) -%}
    cast(extract(dayofweek_iso from {{ day }}) as integer)
{%- endmacro %}

{# The year to which the ISO week of a day belongs. #}
{% macro iso_year(day) -%}
    {{ return(adapter.dispatch('iso_year', 'semillero')(day)) }}
{%- endmacro %}

{% macro default__iso_year(day) -%}
    cast(extract(isoyear from {{ day }}) as integer)
{%- endmacro %}

{% macro spark__iso_year(day) -%}
    cast(extract(yearofweek from {{ day }}) as integer)
{%- endmacro %}

{# A day moved by a whole number of days; `number` may be a column or negative. #}
{% macro add_days(day, number) -%}
    {{ return(adapter.dispatch('add_days', 'semillero')(day, number)) }}
{%- endmacro %}

{% macro default__add_days(day, number) -%}
    cast({{ day }} + cast({{ number }} as integer) as date)
{%- endmacro %}

{% macro spark__add_days(day, number) -%}
    date_add({{ day }}, cast({{ number }} as int))
{%- endmacro %}

{# A query with one row a day, column `calendar_date`, both limits included. #}
{% macro date_series(first_day, last_day) -%}
    {{ return(adapter.dispatch('date_series', 'semillero')(first_day, last_day)) }}
{%- endmacro %}

{% macro default__date_series(first_day, last_day) -%}
    select cast(series.moment as date) as calendar_date
    from
        unnest(
            generate_series(
                cast({{ first_day }} as timestamp), cast({{ last_day }} as timestamp), interval 1 day
            )
        ) as series (moment)
{%- endmacro %}

{% macro spark__date_series(first_day, last_day) -%}
    select explode(sequence({{ first_day }}, {{ last_day }}, interval 1 day)) as calendar_date
{%- endmacro %}

{# A query with one row a whole number, column `number`; both limits are literals, included. #}
{% macro integer_series(first_number, last_number) -%}
    {%- for number in range(first_number, last_number + 1) %}
    select {{ number }} as number
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
{%- endmacro %}

{# Whole days from one day to a later one. #}
{% macro days_between(earlier, later) -%}
    {{ return(adapter.dispatch('days_between', 'semillero')(earlier, later)) }}
{%- endmacro %}

{% macro default__days_between(earlier, later) -%}
    date_sub('day', {{ earlier }}, {{ later }})
{%- endmacro %}

{% macro spark__days_between(earlier, later) -%}
    cast(datediff({{ later }}, {{ earlier }}) as bigint)
{%- endmacro %}
