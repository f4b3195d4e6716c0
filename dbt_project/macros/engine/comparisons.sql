{#
    Comparisons in which NULL is a value like another.

    What lives here: macros over two expressions. What may not: anything that knows a model.
#}

{# Are the two different, where one that is NULL differs from all that are not? #}
{% macro differs(one, other) -%}
    {{ one }} is distinct from {{ other }}
{%- endmacro %}
