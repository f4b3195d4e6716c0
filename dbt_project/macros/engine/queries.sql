{#
    How an engine is to read a CTE.

    What lives here: hints on the form of a query that change how long it takes, and never what it returns.
#}

{#
    Before the parenthesis of a CTE that several others read: each reads it by itself.

    DuckDB keeps such a CTE, whole and before anybody has filtered it. For one that only names a fact that is a
    copy of all of history, in memory or spilled. Where a CTE is dear to make and small, that is right.
#}
{% macro inlined() -%}
    {{ return(adapter.dispatch('inlined')()) }}
{%- endmacro %}

{#- Spark reads every CTE anew. -#}
{% macro default__inlined() -%}
{%- endmacro %}

{% macro duckdb__inlined() -%}
not materialized
{%- endmacro %}
