{#
    A calendar without holes: within each group, the row before a period is the period just before it.

    date_column: first day of the period, whose length is in `period_grain`.
    partition_by: the columns that name a series.
#}
{% test consecutive_periods(model, date_column, partition_by) %}

with

with_previous as (

    select
        {{ partition_by | join(', ') }},
        {{ date_column }},
        lag({{ date_column }}) over (
            partition by {{ partition_by | join(', ') }}
            order by {{ date_column }}
        ) as previous_date
    from {{ model }}

)

select * from with_previous
where
    previous_date <> case period_grain
        {% for grain in ['day', 'week', 'month'] -%}
        when '{{ grain }}' then {{ previous_period_start(grain, date_column) }}
        {% endfor -%}
    end

{% endtest %}
