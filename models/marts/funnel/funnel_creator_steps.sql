{%- set funnels = funnels_with_limits() -%}

with

attempts as (

    select * from {{ ref('int_funnel_attempts') }}

),

seen_until as (

    select * from {{ ref('int_funnel_seen_until') }}

),

creator_steps as (

    {% for funnel in funnels -%}
    {%- set last_of_funnels = loop.last -%}
    {%- for step in funnel.declared.steps -%}
    select
        funnel_name,
        creator_id,
        {{ step.index }} as step_index,
        '{{ step.name }}' as step_name,
        entry_week_start_date,
        entered_at,
        step_{{ step.index }}_at as reached_at,
        {% if step.index > 1 -%}
        step_{{ step.index - 1 }}_at as previous_reached_at,
        {%- else -%}
        cast(null as timestamp) as previous_reached_at,
        {%- endif %}
        {{ add_seconds('entered_at', funnel.limits[loop.index0]) }} as matures_at
    from attempts
    where funnel_name = '{{ funnel.declared.name }}'
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
        creator_steps.entry_week_start_date,
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
    left join seen_until
        on
            creator_steps.funnel_name = seen_until.funnel_name
            and cast(creator_steps.entered_at as date) = seen_until.event_date

)

select * from final
