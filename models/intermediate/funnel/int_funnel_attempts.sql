{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ replace_rows(
        'int_funnel_creators_changed', ['funnel_name', 'creator_id'], holds_everything=false
    ) }}",
) }}

{%- set funnels = funnels_with_limits() -%}
{%- set most_steps = funnels | map(attribute='limits') | map('length') | max %}

-- The attempts to find again, where there is a table to begin with:
-- depends_on: {{ ref('int_funnel_creators_changed') }}

with

creators as (

    select * from {{ ref('dim_creators') }}

),

{% if is_incremental() -%}
creators_changed as (

    select * from {{ ref('int_funnel_creators_changed') }}

),

any_funnels_creators as (

    -- distinct: a creator is changed in several funnels
    select distinct creator_id
    from creators_changed

),

activities as (

    select activities_of_all.*
    from {{ ref('int_creator_activities') }} as activities_of_all
    inner join any_funnels_creators
        on activities_of_all.creator_id = any_funnels_creators.creator_id

),

{% endif -%}
{% for funnel in funnels -%}
{%- set name = funnel.declared.name -%}
{%- set relation = name ~ '_activities' if is_incremental() else ref('int_creator_activities') -%}
{% if is_incremental() -%}
{{ name }}_activities as (

    select activities.*
    from activities
    inner join creators_changed
        on
            activities.creator_id = creators_changed.creator_id
            and creators_changed.funnel_name = '{{ name }}'

),

{% endif -%}
{{ name }}_attempts as (

    -- Where everything is built, each funnel reads activities itself, and so only its own.
    {{ funnel_of(relation, funnel.declared) | indent(4) }}

),

{{ name }}_told as (

    -- What int_funnel_creators_changed compares.
    select
        activities.creator_id,
        {{ digest_of_rows(['activities.activity', 'activities.occurred_at', 'creators.timezone']) }}
            as told_digest,
        count(*) as told_count
    from {{ relation }} as activities
    left join creators on activities.creator_id = creators.creator_id
    where {{ is_one_of('activities.activity', told_activities(funnel.declared)) }}
    group by activities.creator_id

),

{% endfor -%}
attempts as (

    {% for funnel in funnels -%}
    {%- set name = funnel.declared.name -%}
    {%- set steps_count = funnel.declared.steps | length -%}
    select
        '{{ name }}' as funnel_name,
        attempts.creator_id,
        attempts.entered_at,
        {% for step in range(1, most_steps + 1) -%}
        {{ 'attempts.step_' ~ step ~ '_at' if step <= steps_count else 'cast(null as timestamp)' }}
            as step_{{ step }}_at,
        {% endfor -%}
        told.told_digest,
        told.told_count
    from {{ name }}_attempts as attempts
    left join {{ name }}_told as told on attempts.creator_id = told.creator_id
    {% if not loop.last %}
    union all

    {% endif %}
    {%- endfor %}

),

final as (

    select
        attempts.funnel_name,
        attempts.creator_id,
        {{ week_start(local_day('attempts.entered_at', "coalesce(creators.timezone, 'UTC')")) }}
            as entry_week_start_date,
        attempts.entered_at,
        {% for step in range(1, most_steps + 1) -%}
        attempts.step_{{ step }}_at,
        {% endfor -%}
        attempts.told_digest,
        attempts.told_count
    from attempts
    left join creators on attempts.creator_id = creators.creator_id

)

select * from final
