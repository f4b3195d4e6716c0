{{ config(materialized='view') }}

{%- set cohorts = [
    ('first_live', 'week', 'first_active_date'),
    ('first_live', 'month', 'first_active_date'),
    ('joined', 'week', 'joined_date'),
    ('joined', 'month', 'joined_date'),
] -%}

with

creator_lifetimes as (

    select * from {{ ref('int_creator_lifetimes') }}

),

final as (

    {% for cohort_kind, grain, cohort_date in cohorts %}
    select
        '{{ cohort_kind }}' as cohort_kind,
        '{{ grain }}' as period_grain,
        creator_number,
        {{ period_start(grain, cohort_date) }} as cohort_start_date,
        {{ period_start(grain, 'last_active_date') }} as last_period_start_date,
        segment_set_number
    from creator_lifetimes
    where {{ cohort_date }} is not null
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}

)

select * from final
