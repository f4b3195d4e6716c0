{#
    A rate as it is published: decimal(9, 6), rounded half up.

    Decimal and not double, because a release is compared by content hash and across engines: six
    decimals print the same everywhere, and a double's last bits do not. Six decimals tell apart one
    creator in a million.
#}
{% macro published_rate(rate) -%}
    cast(round({{ rate }}, 6) as decimal(9, 6))
{%- endmacro %}
