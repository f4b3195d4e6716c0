{#
    Instants and the local days they fall on.

    What lives here: macros over naive UTC timestamps (every `_at` column from staging on) and IANA
    zones. What may not: fixed offsets (a zone's offset changes twice a year) and anything that knows
    a model.
#}

{# A raw instant (with a zone) as the naive UTC timestamp that models work with. #}
{% macro utc_timestamp(instant) -%}
    {{ return(adapter.dispatch('utc_timestamp', 'semillero')(instant)) }}
{%- endmacro %}

{# The session time zone is UTC in every target (profiles.yml), which the plain cast relies on. #}
{% macro default__utc_timestamp(instant) -%}
    cast({{ instant }} as timestamp)
{%- endmacro %}

{# DuckDB's cast asks its calendar library for every row; the same in plain arithmetic is ten times faster. #}
{% macro duckdb__utc_timestamp(instant) -%}
    make_timestamp(epoch_us({{ instant }}))
{%- endmacro %}

{# A timestamp without its fraction of a second: durations are whole seconds everywhere. #}
{% macro whole_second(instant) -%}
    {{ return(adapter.dispatch('whole_second', 'semillero')(instant)) }}
{%- endmacro %}

{% macro default__whole_second(instant) -%}
    date_trunc('second', {{ instant }})
{%- endmacro %}

{# What a clock in `timezone` shows at a UTC timestamp. #}
{% macro to_local(instant, timezone) -%}
    {{ return(adapter.dispatch('to_local', 'semillero')(instant, timezone)) }}
{%- endmacro %}

{% macro default__to_local(instant, timezone) -%}
    timezone({{ timezone }}, timezone('UTC', {{ instant }}))
{%- endmacro %}

{% macro spark__to_local(instant, timezone) -%}
    from_utc_timestamp({{ instant }}, {{ timezone }})
{%- endmacro %}

{# The UTC timestamp at which a clock in `timezone` shows a local timestamp. #}
{% macro to_utc(local_moment, timezone) -%}
    {{ return(adapter.dispatch('to_utc', 'semillero')(local_moment, timezone)) }}
{%- endmacro %}

{% macro default__to_utc(local_moment, timezone) -%}
    timezone('UTC', timezone({{ timezone }}, {{ local_moment }}))
{%- endmacro %}

{% macro spark__to_utc(local_moment, timezone) -%}
    to_utc_timestamp({{ local_moment }}, {{ timezone }})
{%- endmacro %}

{# The local day on which a UTC timestamp falls. #}
{% macro local_day(instant, timezone) -%}
    cast({{ to_local(instant, timezone) }} as date)
{%- endmacro %}

{#
    The UTC timestamp at which a local day begins.

    Where clocks go back over midnight (Havana, Azores) midnight happens twice and engines choose one
    of the two. The first is the beginning: with the second, the hour between them would belong to
    the day by its clock and to the day before by its limits, and its seconds would be lost.
#}
{% macro local_day_start(day, timezone) -%}
    {%- set midnight = to_utc('cast(' ~ day ~ ' as timestamp)', timezone) -%}
    {%- set hour_before = add_seconds(midnight, -3600) -%}
    case when {{ local_day(hour_before, timezone) }} = {{ day }} then {{ hour_before }} else {{ midnight }} end
{%- endmacro %}

{# Whole seconds from one timestamp to a later one. #}
{% macro seconds_between(earlier, later) -%}
    {{ return(adapter.dispatch('seconds_between', 'semillero')(earlier, later)) }}
{%- endmacro %}

{% macro default__seconds_between(earlier, later) -%}
    date_sub('second', {{ earlier }}, {{ later }})
{%- endmacro %}

{% macro spark__seconds_between(earlier, later) -%}
    timestampdiff(second, {{ earlier }}, {{ later }})
{%- endmacro %}

{# A timestamp moved by a whole number of seconds. #}
{% macro add_seconds(instant, seconds) -%}
    {{ return(adapter.dispatch('add_seconds', 'semillero')(instant, seconds)) }}
{%- endmacro %}

{% macro default__add_seconds(instant, seconds) -%}
    {{ instant }} + to_seconds({{ seconds }})
{%- endmacro %}

{% macro spark__add_seconds(instant, seconds) -%}
    timestampadd(second, {{ seconds }}, {{ instant }})
{%- endmacro %}

{# Is this text the name of a time zone that the engine can compute with? #}
{% macro is_known_timezone(timezone) -%}
    {{ return(adapter.dispatch('is_known_timezone', 'semillero')(timezone)) }}
{%- endmacro %}

{% macro default__is_known_timezone(timezone) -%}
    {{ timezone }} in (select zones.name from pg_timezone_names() as zones)
{%- endmacro %}

{# Spark has no list of its zones; what it does not know fails the model there, loudly. #}
{% macro spark__is_known_timezone(timezone) -%}
    {{ timezone }} is not null
{%- endmacro %}

{# A UTC timestamp as text that sorts and makes part of an id, like 20240501T183000Z. #}
{% macro instant_text(instant) -%}
    {{ return(adapter.dispatch('instant_text', 'semillero')(instant)) }}
{%- endmacro %}

{% macro default__instant_text(instant) -%}
    strftime({{ instant }}, '%Y%m%dT%H%M%SZ')
{%- endmacro %}

{% macro spark__instant_text(instant) -%}
    date_format({{ instant }}, "yyyyMMdd'T'HHmmss'Z'")
{%- endmacro %}
