{#
    Tables of settled days: what lies so far back that an ordinary day's arrivals do not touch it.

    What lives here: when such a table is kept and when it is made anew. What may not: which days are settled
    (int_settlement).

    A model of settled days is incremental, has the pre-hook `settle_anew()`, a column `settled_by` with that
    of int_settlement, and ends in `where not already settled`. So it is either left alone or made anew as a
    whole, in one transaction. The column says of which settlement the table is: a build that broke off
    between two such tables leaves one that does not agree, and the next build makes it anew.
#}

{# Does this table hold what the present settlement says? Asked when the model is built. #}
{% macro is_settled() -%}
    {%- set settlement = ref('int_settlement') -%}
    {%- if not execute or not is_incremental() -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set question -%}
        select count(*)
        from (select settled_by from {{ this }} limit 1) as held
        inner join {{ settlement }} as settlement on held.settled_by = settlement.settled_by
    {%- endset -%}
    {{ return(run_query(question).columns[0].values()[0] > 0) }}
{%- endmacro %}

{# Pre-hook: empties a table that is of another settlement. #}
{% macro settle_anew() -%}
    {%- if is_incremental() and not is_settled() -%}
        delete from {{ this }}
    {%- endif -%}
{%- endmacro %}
