{%- set segment_columns = {'market': 'market', 'agency': 'agency_id', 'category': 'category'} -%}

with

creator_lifetimes as (

    select * from {{ ref('int_creator_lifetimes') }}

),

segment_sets as (

    -- distinct: every creator of the same market, agency and category repeats its set
    select distinct
        segment_set_number,
        market,
        agency_id,
        category
    from creator_lifetimes

),

final as (

    select
        segment_set_number,
        'all' as segment_kind,
        'all' as segment_value
    from segment_sets
    {% for segment_kind, segment_column in segment_columns.items() %}

    union all

    select
        segment_set_number,
        '{{ segment_kind }}' as segment_kind,
        {{ segment_column }} as segment_value
    from segment_sets
    {% endfor %}

)

select * from final
