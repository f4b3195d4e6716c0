{%- set funnels = funnels_with_limits() -%}

with

creators as (

    select * from {{ ref('dim_creators') }}

),

seen_until as (

    select * from {{ ref('int_funnel_seen_until') }}

),

-- Each funnel reads the activities itself, and so of them only its own.
{% for funnel in funnels -%}
{{ funnel.declared.name }}_attempts as (

    {{ funnel_of(ref('int_creator_activities'), funnel.declared) | indent(4) }}

),

{% endfor -%}

creator_steps as (

    {% for funnel in funnels -%}
    {%- set last_of_funnels = loop.last -%}
    {%- for step in funnel.declared.steps -%}
    select
        '{{ funnel.declared.name }}' as funnel_name,
        creator_id,
        {{ step.index }} as step_index,
        '{{ step.name }}' as step_name,
        entered_at,
        step_{{ step.index }}_at as reached_at,
        {% if step.index > 1 -%}
        step_{{ step.index - 1 }}_at as previous_reached_at,
        {%- else -%}
        cast(null as timestamp) as previous_reached_at,
        {%- endif %}
        {{ add_seconds('entered_at', funnel.limits[loop.index0]) }} as matures_at
    from {{ funnel.declared.name }}_attempts
    {%- if not (loop.last and last_of_funnels) %}

    union all

    {% endif %}
    {%- endfor %}
    {%- endfor %}

),

final as (

    select
        creator_steps.funnel_name,
        creator_steps.creator_id,
        cast(creator_steps.step_index as bigint) as step_index,
        creator_steps.step_name,
        {{ week_start(
            local_day('creator_steps.entered_at', "coalesce(creators.timezone, 'UTC')")
        ) }}
            as entry_week_start_date,
        creator_steps.entered_at,
        creator_steps.reached_at,
        creator_steps.matures_at,
        seen_until.seen_until_date,
        creator_steps.reached_at is not null as is_reached,
        coalesce(
            cast(creator_steps.matures_at as date) < seen_until.seen_until_date, false
        ) as is_matured,
        cast(
            {{ seconds_between('creator_steps.previous_reached_at', 'creator_steps.reached_at') }}
            as bigint
        ) as from_previous_seconds,
        cast(
            {{ seconds_between('creator_steps.entered_at', 'creator_steps.reached_at') }} as bigint
        ) as from_start_seconds
    from creator_steps
    left join creators on creator_steps.creator_id = creators.creator_id
    left join seen_until
        on
            creator_steps.funnel_name = seen_until.funnel_name
            and cast(creator_steps.entered_at as date) = seen_until.event_date

)

select * from final
