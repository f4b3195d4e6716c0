{#
    What every entity was in every period in which it was active, or had just ceased to be: one row an
    entity and period.

    What lives here: the meaning of the four states, for any relation of activities. What may not: anything
    that knows a model, coverage or maturity.

    Meanings (design, section 6): `new` is active for the first time, `retained` active now and in the period
    before, `resurrected` active now, not in the period before, but earlier; `churned` not active now, but in
    the period before. So in any period active = new + retained + resurrected, and
    active = active before - churned + new + resurrected.

    "Churned" follows the last activity of everybody, also in a period that is not over or lies beyond the
    data: count it only in periods that were seen to their end.

    Arguments:
        activities: relation or CTE with the entity, `activity` and `local_date` (the entity's own day).
        entity: the column, or the list of columns, that names whose life it is.
        activity: the activity that counts as active; none for any.
        grain: 'day', 'week' or 'month'.

    Returns a query: the entity, period_start_date, lifecycle_state.
#}
{% macro lifecycle(activities, entity, activity, grain) -%}
    {%- set keys = [entity] if entity is string else entity -%}
    {%- set key_list = keys | join(', ') -%}
    with

    active_periods as (

        select
            {{ key_list }},
            {{ period_start(grain, 'local_date') }} as period_start_date
        from {{ activities }}
        {%- if activity is not none %}
        where activity = '{{ activity }}'
        {%- endif %}
        group by {{ key_list }}, {{ period_start(grain, 'local_date') }}

    ),

    neighbours as (

        select
            {{ key_list }},
            period_start_date,
            {{ next_period_start(grain, 'period_start_date') }} as following_start_date,
            lag(period_start_date) over (
                partition by {{ key_list }}
                order by period_start_date
            ) as active_before_date,
            lead(period_start_date) over (
                partition by {{ key_list }}
                order by period_start_date
            ) as active_after_date
        from active_periods

    )

    select
        {{ key_list }},
        period_start_date,
        case
            when active_before_date is null then 'new'
            when active_before_date = {{ previous_period_start(grain, 'period_start_date') }} then 'retained'
            else 'resurrected'
        end as lifecycle_state
    from neighbours

    union all

    select
        {{ key_list }},
        following_start_date as period_start_date,
        'churned' as lifecycle_state
    from neighbours
    where active_after_date is null or active_after_date > following_start_date
{%- endmacro %}
