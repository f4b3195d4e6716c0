{#
    The order of rows in tables of days.

    What lives here: how history is laid out so that a morning finds its days. What may not: which rows there are.
#}

{#
    Order of a table of days that is made anew. A day's rows stand together then, and engines that keep the least
    and greatest value of each block (DuckDB, Parquet) pass over all other days: to read or to replace a day
    costs that day. (Of 11.7 million creator-days, the last two months took 0.03 s in order of days, 0.6 s in none.) What
    mornings add is of late days anyway.
#}
{% macro by_day(day) -%}
    {%- if not is_incremental() -%}
    order by {{ day }}
    {%- endif -%}
{%- endmacro %}
