{{ config(materialized='view') }}

{%- set grains = ['week', 'month'] -%}
{%- set by_date = cohorts_by_date() -%}
{%- set by_activity = cohorts_by_activity() %}

with

creator_lifetimes as (

    select * from {{ ref('int_creator_lifetimes') }}

),

{% if by_activity -%}
creator_activities as (

    select * from {{ ref('int_creator_activities') }}
    where activity in ('{{ by_activity | map(attribute='activity') | unique | join("', '") }}')

),

-- Simultaneous activities of one name lie on one day: whichever is the n-th, its day is the same.
numbered_activities as (

    select
        creator_id,
        activity,
        local_date,
        row_number() over (
            partition by creator_id, activity
            order by occurred_at, local_date
        ) as occurrence
    from creator_activities

),

{% endif -%}
entries as (

    {% for cohort_kind, cohort_date in by_date %}
    select
        '{{ cohort_kind }}' as cohort_kind,
        creator_number,
        {{ cohort_date }} as entered_date,
        last_active_date
    from creator_lifetimes
    where {{ cohort_date }} is not null
    {% if not loop.last or by_activity %}
    union all
    {% endif %}
    {% endfor %}
    {% for cohort in by_activity %}
    select
        '{{ cohort.name }}' as cohort_kind,
        creator_lifetimes.creator_number,
        numbered_activities.local_date as entered_date,
        creator_lifetimes.last_active_date
    from numbered_activities
    inner join creator_lifetimes
        on numbered_activities.creator_id = creator_lifetimes.creator_id
    where
        numbered_activities.activity = '{{ cohort.activity }}'
        and numbered_activities.occurrence = {{ cohort.occurrence }}
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}

),

final as (

    {% for grain in grains %}
    select
        cohort_kind,
        '{{ grain }}' as period_grain,
        creator_number,
        {{ period_start(grain, 'entered_date') }} as cohort_start_date,
        {{ period_start(grain, 'last_active_date') }} as last_period_start_date
    from entries
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}

)

select * from final
