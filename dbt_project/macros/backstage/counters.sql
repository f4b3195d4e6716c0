{#
    The counters of a Backstage export that grow within the month and start again on the 1st.

    What lives here: their names, once, and the conditions over all of them. What may not: anything that
    reads a relation.
#}

{% macro backstage_counters() -%}
    {{ return([
        'diamonds', 'live_seconds', 'valid_days', 'new_followers', 'session_count', 'matches',
        'match_diamonds',
    ]) }}
{%- endmacro %}

{# Those whose value of the month before stands in the export, as `<name>_last_month`. #}
{% macro backstage_compared_counters() -%}
    {{ return(['diamonds', 'live_seconds', 'valid_days', 'new_followers', 'session_count']) }}
{%- endmacro %}

{# All that a month's export reports: the counters, and last month's. #}
{% macro backstage_reported_columns() -%}
    {%- set columns = backstage_counters() | list -%}
    {%- for counter in backstage_compared_counters() -%}
        {%- do columns.append(counter ~ '_last_month') -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}

{#
    What a counter may differ by without meaning anything. Some exports give hours with two decimals: 18
    seconds here and 18 there.
#}
{% macro backstage_tolerance(counter) -%}
    {{ return(36 if counter == 'live_seconds' else 0) }}
{%- endmacro %}

{# Did any counter fall? NULL, which nobody reported, did not. #}
{% macro backstage_any_fell() -%}
    (
        {%- for counter in backstage_counters() %}
        {{ "or " if not loop.first }}coalesce({{ counter }} < {{ -backstage_tolerance(counter) }}, false)
        {%- endfor %}
    )
{%- endmacro %}

{# Does a counter stand here that the row before (`neighbour_<counter>`) left out? #}
{% macro backstage_any_carried() -%}
    (
        {%- for counter in backstage_counters() %}
        {{ "or " if not loop.first }}({{ counter }} is not null and neighbour_{{ counter }} is null)
        {%- endfor %}
    )
{%- endmacro %}

{#
    A counter of a slice, NULL where the report before the slice left it out: then it reaches back further.

    slices_before: the slice that ends on the day before, of the same creator. A counter stands in a slice
    where it stands in the report that ends it.
#}
{% macro backstage_of_slice_alone(counter, slices, slices_before) -%}
    case
        when not {{ slices }}.has_carried_counters or {{ slices_before }}.{{ counter }} is not null
            then {{ slices }}.{{ counter }}
    end
{%- endmacro %}
