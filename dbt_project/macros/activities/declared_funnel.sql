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


{# The activities that a funnel begins with. #}
{% macro entry_activities(declared) -%}
    {%- set steps = declared.steps | map(attribute='activity') | list -%}
    {{ return(steps if declared.order == 'unordered' else steps[:1]) }}
{%- endmacro %}


{#
    The activities that decide a funnel and that are told by something else than LIVE days: events, and returns,
    which depend on what was seen of other days too. Between the steps of a strict funnel, whatever happens decides.
#}
{% macro told_activities(declared) -%}
    {%- set deciding = declared.steps | map(attribute='activity') | list
        + declared.exclusions | map(attribute='activity') | list -%}
    {%- set told = [] -%}
    {%- for activity in declared_activities() if activity.comes_from not in ('live_days', 'valid_live_days') -%}
        {%- if declared.order == 'strict' or activity.name in deciding -%}
            {%- do told.append(activity.name) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(told) }}
{%- endmacro %}


{# Does every attempt begin with something told? Then only LIVE days after one decide anything. #}
{% macro begins_with_what_is_told(declared) -%}
    {%- set told = told_activities(declared) -%}
    {{ return(entry_activities(declared) | reject('in', told) | list | length == 0) }}
{%- endmacro %}


{# Condition: is the activity one of these? #}
{% macro is_one_of(activity, names) -%}
    {%- if names -%}
    {{ activity }} in ('{{ names | join("', '") }}')
    {%- else -%}
    false
    {%- endif -%}
{%- endmacro %}
