{#
    Who came back how many periods after they started: one row an entity, cohort and period index in which
    the entity counts as retained. What has no row was not retained.

    What lives here: the meaning of retention, for any relation of activities. What may not: anything that
    knows a model, coverage or maturity: whether a period could be seen to its end is the reader's business.

    Meanings (design, section 6):
      * A cohort is everybody who starts in the same period; periods are days, weeks from Monday or months.
      * `recurrence='first'`: an entity is in the cohort of its first start only. 'recurring': in one of
        every period in which it starts.
      * Period 0 is the cohort's own, so its count is the cohort's size, whatever else happened in it.
      * `mode='on'`: retained in period n is who returns in it. 'on_or_after': who returns in it or later,
        as far as `activities` go.

    Arguments:
        activities: relation or CTE with the entity, `activity` and `local_date` (the entity's own day).
        entity: the column, or the list of columns, that names who starts and returns.
        start, return: the activity that starts and the one that counts as a return; none for any.
        grain: 'day', 'week' or 'month'.
        mode: 'on' or 'on_or_after'.
        recurrence: 'first' or 'recurring'.

    Returns a query: the entity, cohort_start_date, period_index, period_start_date. Its grain is the first
    three. Counting rows by cohort and index gives the retention table.
#}
{% macro retention(activities, entity, start, return, grain, mode='on', recurrence='first') -%}
    {%- set keys = [entity] if entity is string else entity -%}
    {%- set key_list = keys | join(', ') -%}
    {%- if mode not in ('on', 'on_or_after') -%}
        {{ exceptions.raise_compiler_error("retention: mode is '" ~ mode ~ "'; use 'on' or 'on_or_after'.") }}
    {%- endif -%}
    {%- if recurrence not in ('first', 'recurring') -%}
        {{ exceptions.raise_compiler_error(
            "retention: recurrence is '" ~ recurrence ~ "'; use 'first' or 'recurring'."
        ) }}
    {%- endif -%}
    with

    start_periods as (

        select
            {{ key_list }},
            {{ period_start(grain, 'local_date') }} as cohort_start_date
        from {{ activities }}
        {%- if start is not none %}
        where activity = '{{ start }}'
        {%- endif %}
        group by {{ key_list }}, {{ period_start(grain, 'local_date') }}

    ),

    cohorts as (

        {% if recurrence == 'recurring' -%}
        select * from start_periods
        {%- else -%}
        select
            {{ key_list }},
            min(cohort_start_date) as cohort_start_date
        from start_periods
        group by {{ key_list }}
        {%- endif %}

    ),

    return_periods as (

        select
            {{ key_list }},
            {{ period_start(grain, 'local_date') }} as period_start_date
        from {{ activities }}
        {%- if return is not none %}
        where activity = '{{ return }}'
        {%- endif %}
        group by {{ key_list }}, {{ period_start(grain, 'local_date') }}

    ),

    {% if mode == 'on_or_after' -%}
    last_returns as (

        select
            {{ key_list }},
            max(period_start_date) as last_period_start_date
        from return_periods
        group by {{ key_list }}

    ),

    limits as (

        select
            min(first_limit.first_date) as first_date,
            max(last_limit.last_date) as last_date
        from (select min(cohort_start_date) as first_date from cohorts) as first_limit
        cross join (select max(period_start_date) as last_date from return_periods) as last_limit

    ),

    days as (

        {{ date_series('(select first_date from limits)', '(select last_date from limits)') | indent(8) }}

    ),

    periods as (

        select calendar_date as period_start_date
        from days
        where calendar_date = {{ period_start(grain, 'calendar_date') }}

    ),
    {%- endif %}

    retained as (

        select
            {{ key_list }},
            cohort_start_date,
            cohort_start_date as period_start_date
        from cohorts

        union all

        {% if mode == 'on' -%}
        select
            {%- for key in keys %}
            cohorts.{{ key }},
            {%- endfor %}
            cohorts.cohort_start_date,
            return_periods.period_start_date
        from cohorts
        inner join return_periods
            on
                cohorts.cohort_start_date < return_periods.period_start_date
                {%- for key in keys %}
                and cohorts.{{ key }} = return_periods.{{ key }}
                {%- endfor %}
        {%- else -%}
        select
            {%- for key in keys %}
            cohorts.{{ key }},
            {%- endfor %}
            cohorts.cohort_start_date,
            periods.period_start_date
        from cohorts
        inner join last_returns
            on
                cohorts.cohort_start_date < last_returns.last_period_start_date
                {%- for key in keys %}
                and cohorts.{{ key }} = last_returns.{{ key }}
                {%- endfor %}
        inner join periods
            on
                cohorts.cohort_start_date < periods.period_start_date
                and last_returns.last_period_start_date >= periods.period_start_date
        {%- endif %}

    )

    select
        {{ key_list }},
        cohort_start_date,
        {{ periods_between(grain, 'cohort_start_date', 'period_start_date') }} as period_index,
        period_start_date
    from retained
{%- endmacro %}
