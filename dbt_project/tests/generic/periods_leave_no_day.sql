{#
    Every day since 1970 lies in one period of each key: a day without one would fall out of an inner join
    in silence.

    keys: the columns that name a series of periods.
    first_date: first day of the period. next_date: first day after it; 9999-12-31 without an end.
#}
{% test periods_leave_no_day(
    model, keys, first_date='period_start_date', next_date='next_period_start_date'
) %}

with

neighbours as (

    select
        {{ keys | join(', ') }},
        {{ first_date }},
        {{ next_date }},
        lead({{ first_date }}, 1, date '9999-12-31') over (
            partition by {{ keys | join(', ') }}
            order by {{ first_date }}
        ) as following_date,
        min({{ first_date }}) over (partition by {{ keys | join(', ') }}) as earliest_date
    from {{ model }}

)

select * from neighbours
where {{ next_date }} <> following_date or earliest_date > date '1970-01-01'

{% endtest %}
