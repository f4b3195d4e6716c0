{#
    Built anew every time: it has a row for each creator and month, not for each day, and next month's
    export speaks about this one.
#}
{%- set compared = backstage_compared_counters() %}

with

months as (

    select * from {{ ref('int_backstage_months') }}

),

with_next as (

    select
        months.*,
        {%- for counter in compared %}
        next_months.{{ counter }}_last_month as next_{{ counter }},
        {%- endfor %}
        {{ month_start(add_days('months.last_period_end_date', 1)) }}
        > months.month_start_date as is_closed
    from months
    left join months as next_months
        on
            months.creator_id = next_months.creator_id
            and {{ month_start(add_days('months.month_start_date', 31)) }}
            = next_months.month_start_date

),

stacked as (

    {%- for counter in backstage_counters() %}
    select
        creator_id,
        month_start_date,
        '{{ counter }}' as metric,
        last_period_end_date,
        is_closed,
        {{ counter }}_fall_count > 0 as has_restatement,
        {{ backstage_tolerance(counter) }} as tolerance,
        {{ counter }}_sum as days_sum,
        {{ counter }} as month_to_date_value,
        {{ 'next_' ~ counter if counter in compared else 'cast(null as bigint)' }}
            as next_last_month
    from with_next
    {%- if not loop.last %}

    union all
    {%- endif %}
    {% endfor %}
),

compared as (

    select
        *,
        days_sum - month_to_date_value as days_difference,
        next_last_month - month_to_date_value as next_month_difference
    from stacked

),

final as (

    select
        creator_id,
        month_start_date,
        metric,
        last_period_end_date,
        case
            when month_to_date_value is null then 'not_reported'
            when days_difference <> 0 then 'differs'
            when next_last_month is null then case when is_closed then 'closed' else 'open' end
            when abs(next_month_difference) <= tolerance then 'agrees'
            when is_closed or next_month_difference < 0 then 'differs'
            else 'not_closed'
        end as status,
        is_closed,
        has_restatement,
        days_sum,
        month_to_date_value,
        next_last_month,
        days_difference,
        next_month_difference
    from compared

)

select * from final
