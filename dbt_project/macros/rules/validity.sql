{#
    When the rules of a seed are in force.

    What lives here: the days of validity (`valid_from` to `valid_to`, both included, no end where that is
    empty), whatever the rules say and whomever they are for. What may not: anything that knows a parameter of
    a rule, or which of two rules in force wins.
#}

{#
    The periods within which no rule begins or ends, so that one day stands for all of a period's.

    Arguments:
        rules: name of a CTE with valid_from and valid_to.

    Returns a query: period_start_date, next_period_start_date (the last period has no end: 9999-12-31).
#}
{% macro validity_periods(rules) -%}
    with

    boundaries as (

        -- distinct: rules begin and end on the same days
        select valid_from as period_start_date from {{ rules }}
        union distinct
        select {{ add_days('valid_to', 1) }} as period_start_date from {{ rules }}
        where valid_to is not null

    )

    select
        period_start_date,
        lead(period_start_date, 1, date '9999-12-31') over (
            order by period_start_date
        ) as next_period_start_date
    from boundaries
{%- endmacro %}

{# Is the rule in force on the day? #}
{% macro is_in_force(rules, day) -%}
    {{ day }} between {{ rules }}.valid_from and coalesce({{ rules }}.valid_to, date '9999-12-31')
{%- endmacro %}
