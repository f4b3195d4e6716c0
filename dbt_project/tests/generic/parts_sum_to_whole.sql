{#
    The segments of every declared kind add up to the row of segment kind `all`, period by period.

    keys: the columns that name a cell, without the segment. With `cohort_kind` or `funnel_name` first, the
        kinds are those by which that cohort or funnel is shown.
    columns: additive counts. A part that is NULL counts as 0, so that a part can start later than the
        whole; a whole that is NULL must have no part that is not.
#}
{% test parts_sum_to_whole(model, keys, columns) %}

with

{% set owners = {'cohort_kind': declared_cohorts(), 'funnel_name': declared_funnels()}.get(keys[0]) -%}
{%- set owner = keys[0] if owners else none -%}
{%- set expected = [] -%}
{%- for segment in declared_segments() if segment.name != 'all' -%}
    {%- if owner -%}
        {%- for declared in owners if segment.name in declared.segments -%}
            {%- do expected.append((declared.name, segment.name)) -%}
        {%- endfor -%}
    {%- else -%}
        {%- do expected.append((none, segment.name)) -%}
    {%- endif -%}
{%- endfor -%}
expected_kinds as (

    {% for name, segment_kind in expected -%}
    select
        {% if owner -%}
        '{{ name }}' as {{ owner }},
        {% endif -%}
        '{{ segment_kind }}' as segment_kind
    {{ "union all" if not loop.last }}
    {% endfor %}

),

wholes as (

    select
        {% for key in keys -%}
        wholes.{{ key }},
        {% endfor -%}
        {% for column in columns -%}
        wholes.{{ column }},
        {% endfor -%}
        expected_kinds.segment_kind
    from {{ model }} as wholes
    inner join expected_kinds
        on {{ 'wholes.' ~ owner ~ ' = expected_kinds.' ~ owner if owner else '1 = 1' }}
    where wholes.segment_kind = 'all'

),

parts as (

    select
        {% for key in keys -%}
        {{ key }},
        {% endfor -%}
        {% for column in columns -%}
        sum({{ column }}) as {{ column }},
        {% endfor -%}
        segment_kind
    from {{ model }}
    where segment_kind <> 'all'
    group by {{ keys | join(', ') }}, segment_kind

)

select
    {% for key in keys -%}
    coalesce(wholes.{{ key }}, parts.{{ key }}) as {{ key }},
    {% endfor -%}
    coalesce(wholes.segment_kind, parts.segment_kind) as segment_kind,
    {% for column in columns -%}
    wholes.{{ column }} as whole_{{ column }},
    parts.{{ column }} as parts_{{ column }}{{ ',' if not loop.last }}
    {% endfor -%}
from wholes
full outer join parts
    on
        {% for key in keys -%}
        wholes.{{ key }} = parts.{{ key }}
        and {# #}
        {%- endfor -%}
        wholes.segment_kind = parts.segment_kind
where
    wholes.{{ keys[0] }} is null
    {% for column in columns -%}
    or coalesce(wholes.{{ column }}, 0) <> coalesce(parts.{{ column }}, 0)
    or (wholes.{{ column }} is null and parts.{{ column }} is not null)
    {% endfor %}

{% endtest %}
