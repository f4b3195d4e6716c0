{%- set grains = ['day', 'week', 'month'] -%}

with

creator_active_days as (

    select * from {{ ref('int_creator_active_days') }}

),

-- The first active day of a period is the one whose previous active day lies in another period, so
-- the distinct creator-periods of every grain follow from one ordering of days, without `distinct`.
final as (

    {% for grain in grains %}
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
    from creator_active_days
    where
        previous_active_date is null
        or {{ period_start(grain, 'previous_active_date') }}
        < {{ period_start(grain, 'local_date') }}
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}

)

select * from final
