{#
    The columns of a relation in a select, some of them perhaps given as another expression.

    Arguments:
        relation: the relation's name in the query.
        columns: names, in order.
        given: expression by column name.
#}
{% macro columns_of(relation, columns, given={}) -%}
    {%- for column in columns %}
        {{ given[column] ~ ' as ' ~ column if column in given else relation ~ '.' ~ column }}
        {{- "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}
