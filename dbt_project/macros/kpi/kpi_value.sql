{#
    A KPI's value from whole numbers: numerator x its factor / (denominator x its factor), six decimals;
    NULL where the denominator is 0 or NULL.

    Factors turn seconds into hours and the like, so that what is stored beside a value stays a whole
    number and adds up exactly.
#}
{% macro kpi_value(numerator, denominator, numerator_factor, denominator_factor) -%}
    cast(round({{ safe_divide(
        numerator ~ ' * ' ~ numerator_factor, denominator ~ ' * ' ~ denominator_factor
    ) }}, 6) as decimal(28, 6))
{%- endmacro %}
