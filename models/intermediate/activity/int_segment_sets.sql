{%- set segments = declared_segments() -%}

with

creator_lifetimes as (

    select * from {{ ref('int_creator_lifetimes') }}

),

segment_sets as (

    -- distinct: every creator with the same segments of all kinds repeats the set
    select distinct
        {% for segment in segments if segment.column is not none -%}
        segment_{{ segment.name }},
        {% endfor -%}
        segment_set_number
    from creator_lifetimes

),

final as (

    {% for segment in segments %}
    select
        segment_set_number,
        '{{ segment.name }}' as segment_kind,
        {{ segment_value(segment) }} as segment_value
    from segment_sets
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}

)

select * from final
