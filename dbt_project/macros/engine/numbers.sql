{#
    Numbers that engines compute differently.

    What lives here: division, quantiles, and the value of one row of several. What may not: rounding for display, and sums of floating
    point values (their result depends on the order of the rows, and content hashes must not).
#}

{# A ratio as a double, NULL where the denominator is 0 or NULL. #}
{% macro safe_divide(numerator, denominator) -%}
    {{ return(adapter.dispatch('safe_divide', 'semillero')(numerator, denominator)) }}
{%- endmacro %}

{% macro default__safe_divide(numerator, denominator) -%}
    cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0)
{%- endmacro %}

{# The exact median of a group, between the two middle values where their number is even. #}
{% macro median(value) -%}
    {{ quantile(value, 0.5) }}
{%- endmacro %}

{# An exact quantile of a group, linearly interpolated. #}
{% macro quantile(value, share) -%}
    {{ return(adapter.dispatch('quantile', 'semillero')(value, share)) }}
{%- endmacro %}

{% macro default__quantile(value, share) -%}
    percentile_cont({{ share }}) within group (order by {{ value }})
{%- endmacro %}

{# The value of the nearest earlier row that has one, NULL where none has. #}
{% macro last_known(value, partition_by, order_by) -%}
    {{ return(adapter.dispatch('last_known', 'semillero')(value, partition_by, order_by)) }}
{%- endmacro %}

{% macro default__last_known(value, partition_by, order_by) -%}
    last_value({{ value }} ignore nulls) over (
        partition by {{ partition_by }} order by {{ order_by }}
        rows between unbounded preceding and 1 preceding
    )
{%- endmacro %}

{% macro spark__last_known(value, partition_by, order_by) -%}
    last_value({{ value }}) ignore nulls over (
        partition by {{ partition_by }} order by {{ order_by }}
        rows between unbounded preceding and 1 preceding
    )
{%- endmacro %}

{# The value of a group's last row by `position` (which has no ties) among those that have one; else NULL. #}
{% macro last_given(value, position) -%}
    max_by({{ value }}, {{ position }}) filter (where {{ value }} is not null)
{%- endmacro %}
