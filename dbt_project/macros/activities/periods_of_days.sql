{#
    Periods in which creators were active, from their active days.

    What lives here: how days become the periods that growth and retention count. What may not: which days,
    and anything of segments.
#}

{#
    One row per grain, creator and period that has an active day.

    The first active day of a period is the one whose previous active day lies in another period. So the
    distinct creator-periods of every grain follow from one order of days, without `distinct`; and each of
    them from one day alone, so that days can be counted in parts and the counts added up.

    Arguments:
        active_days: relation or CTE with creator_number, local_date, previous_active_date.
        grains: names of grains.

    Returns a query: period_grain, creator_number, period_start_date; is_new (against all history);
    is_retained (active in the period just before).
#}
{% macro periods_of_days(active_days, grains) -%}
    {%- for grain in grains -%}
    select
        '{{ grain }}' as period_grain,
        creator_number,
        {{ period_start(grain, 'local_date') }} as period_start_date,
        previous_active_date is null as is_new,
        coalesce(
            {{ period_start(grain, 'previous_active_date') }}
            = {{ previous_period_start(grain, period_start(grain, 'local_date')) }},
            false
        ) as is_retained
    from {{ active_days }}
    where
        previous_active_date is null
        or {{ period_start(grain, 'previous_active_date') }}
        < {{ period_start(grain, 'local_date') }}
    {% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}
{%- endmacro %}


{#
    Periods of creators, each in the cohorts that the creator had entered by then.

    Arguments:
        periods: a relation or CTE like `periods_of_days` gives.
        cohorts: relation with cohort_kind, period_grain, creator_number, cohort_start_date.

    Returns a query: cohort_kind, period_grain, cohort_start_date, creator_number, period_start_date.
#}
{% macro cohorts_of_periods(periods, cohorts) -%}
    select
        cohorts.cohort_kind,
        cohorts.period_grain,
        cohorts.cohort_start_date,
        cohorts.creator_number,
        periods.period_start_date
    from {{ periods }} as periods
    inner join {{ cohorts }} as cohorts
        on
            periods.creator_number = cohorts.creator_number
            and periods.period_grain = cohorts.period_grain
            and periods.period_start_date >= cohorts.cohort_start_date
{%- endmacro %}
