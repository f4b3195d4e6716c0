{#
    Counts by every declared kind of segment.

    What lives here: how a declared segment becomes SQL. What may not: which segments there are
    (`declared_segments()`), and anything that knows a mart.
#}

{# The segment of one kind that a row of `int_creator_lifetimes` or `int_creators_settled` is in. #}
{% macro segment_value(segment) -%}
    {{ return("'all'" if segment.column is none else 'segment_' ~ segment.name) }}
{%- endmacro %}


{# The columns of `int_creator_lifetimes` that hold segments, in the order of the declarations. #}
{% macro segment_columns() -%}
    {%- set columns = [] -%}
    {%- for segment in declared_segments() if segment.column is not none -%}
        {%- do columns.append(segment_value(segment)) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}


{#
    Rows of creators, counted by key and segment.

    One pass over the rows for each kind, because kinds multiply: 200,000 creators of seven kinds make some
    98,000 distinct combinations, and to count by combination first and sum up then took 7.5 times as long.

    Arguments:
        rows: relation or CTE with creator_number and the keys; it is read once a kind.
        creators: relation with creator_number and the columns of segments.
        keys: columns that name a cell beside its segment.
        counts: mapping of the name of a count to the condition on `rows` that a row counts under.
        shown: mapping of a segment's name to the condition on `rows` under which its cells are shown;
            a segment that is not in it is shown for every row, with none as condition for no row.

    Returns a query: keys, segment_kind, segment_value, counts.
#}
{% macro counted_by_segment(rows, creators, keys, counts, shown={}) -%}
    {%- for segment in declared_segments() if shown.get(segment.name, '') is not none %}
    select
        {% for key in keys -%}
        creator_rows.{{ key }},
        {% endfor -%}
        '{{ segment.name }}' as segment_kind,
        {{ segment_value(segment) }} as segment_value,
        {% for count, condition in counts.items() -%}
        cast(sum(case when {{ condition }} then 1 else 0 end) as bigint) as {{ count }}{{ "," if not loop.last }}
        {% endfor %}
    from {{ rows }} as creator_rows
    {% if segment.column is not none -%}
    inner join {{ creators }} as creators
        on creator_rows.creator_number = creators.creator_number
    {% endif -%}
    {% if shown.get(segment.name) -%}
    where {{ shown[segment.name] }}
    {% endif -%}
    group by
        {% for key in keys -%}
        creator_rows.{{ key }}{{ "," if not loop.last or segment.column is not none }}
        {% endfor -%}
        {{ segment_value(segment) if segment.column is not none }}
    {% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}
{%- endmacro %}
