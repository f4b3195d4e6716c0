{#
    Declared funnels as SQL and as what models need to know of them.

    What lives here: what follows from a declaration alone. What may not: what a funnel means (funnel.sql)
    and the names of any.
#}

{# The `funnel` of a declaration, over a relation of activities, for creators. #}
{% macro funnel_of(activities, declared) -%}
    {{ funnel(
        activities,
        'creator_id',
        declared.steps,
        declared.window_seconds,
        order=declared.order,
        exclusions=declared.exclusions,
    ) }}
{%- endmacro %}


{#
    The declared funnels, as mappings: declared; feeds, without which nobody sees who takes a step; and
    limits, until when each step can be reached, in seconds from the entry: the window, or less where the
    step has a limit of its own. None is earlier than that of the step before: who can still reach that
    one is in the balance for this one too.
#}
{% macro funnels_with_limits() -%}
    {%- set funnels = [] -%}
    {%- for declared in declared_funnels() -%}
        {%- set limits = [0] -%}
        {%- for step in declared.steps[1:] -%}
            {%- set limit = declared.window_seconds -%}
            {%- if step.within_seconds is not none -%}
                {%- set limit = [limit, limits[step.counted_from_step - 1] + step.within_seconds] | min -%}
            {%- endif -%}
            {%- do limits.append([limit, limits[-1]] | max) -%}
        {%- endfor -%}
        {%- set steps = declared.steps | map(attribute='activity') | list -%}
        {%- set excluded = declared.exclusions | map(attribute='activity') | list -%}
        {%- set feeds = [] -%}
        {%- for activity in declared_activities() if activity.name in steps + excluded -%}
            {%- do feeds.extend(activity.feeds) -%}
        {%- endfor -%}
        {%- do funnels.append({'declared': declared, 'limits': limits, 'feeds': feeds | unique | list}) -%}
    {%- endfor -%}
    {{ return(funnels) }}
{%- endmacro %}
