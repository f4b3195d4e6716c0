{#
    The segments of one kind add up to the row of segment kind `all`, period by period.

    part_kind: a segment kind in which every creator has exactly one value (also `unknown`).
    columns: additive counts. A part that is NULL counts as 0, so that a part can start later than the
        whole; a whole that is NULL must have no part that is not.
    keys: the columns that name a cell, without the segment.
#}
{% test parts_sum_to_whole(model, part_kind, keys, columns) %}

with

wholes as (

    select * from {{ model }}
    where segment_kind = 'all'

),

parts as (

    select
        {% for key in keys -%}
        {{ key }},
        {% endfor -%}
        {% for column in columns -%}
        sum({{ column }}) as {{ column }}{{ ',' if not loop.last }}
        {% endfor -%}
    from {{ model }}
    where segment_kind = '{{ part_kind }}'
    group by {{ keys | join(', ') }}

)

select
    {% for key in keys -%}
    coalesce(wholes.{{ key }}, parts.{{ key }}) as {{ key }},
    {% endfor -%}
    {% for column in columns -%}
    wholes.{{ column }} as whole_{{ column }},
    parts.{{ column }} as parts_{{ column }}{{ ',' if not loop.last }}
    {% endfor -%}
from wholes
full outer join parts
    on
        {% for key in keys -%}
        wholes.{{ key }} = parts.{{ key }}{{ ' and' if not loop.last }}
        {% endfor -%}
where
    wholes.{{ keys[0] }} is null
    {% for column in columns -%}
    or coalesce(wholes.{{ column }}, 0) <> coalesce(parts.{{ column }}, 0)
    or (wholes.{{ column }} is null and parts.{{ column }} is not null)
    {% endfor %}

{% endtest %}
