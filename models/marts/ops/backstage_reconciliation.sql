{#
    Built anew every time: it has a row for each creator and month, not for each day, and next month's
    export speaks about this one.
#}
{%- set compared = backstage_compared_counters() %}

with

months as (

    select * from {{ ref('int_backstage_months') }}

),

stacked as (

    {%- for counter in backstage_counters() %}
    select
        months.creator_id,
        months.month_start_date,
        '{{ counter }}' as metric,
        months.last_period_end_date,
        months.{{ counter }}_fall_count > 0 as has_restatement,
        -- Hours with two decimals are exact to 18 seconds; they are all that last month's column has.
        {{ 36 if counter == 'live_seconds' else 0 }} as tolerance,
        months.{{ counter }}_sum as days_sum,
        months.{{ counter }} as month_to_date,
        {% if counter in compared -%}
        following.{{ counter }}_last_month as next_last_month
        {%- else -%}
        cast(null as bigint) as next_last_month
        {%- endif %}
    from months
    left join months as following
        on
            months.creator_id = following.creator_id
            and {{ month_start(add_days('months.month_start_date', 31)) }}
            = following.month_start_date
    {%- if not loop.last %}

    union all
    {%- endif %}
    {% endfor %}
),

compared as (

    select
        *,
        {{ month_start(add_days('last_period_end_date', 1)) }} > month_start_date as is_closed,
        days_sum - month_to_date as days_difference,
        next_last_month - month_to_date as next_month_difference
    from stacked

),

final as (

    select
        creator_id,
        month_start_date,
        metric,
        last_period_end_date,
        case
            when month_to_date is null then 'not_reported'
            when days_difference <> 0 then 'differs'
            when next_last_month is null then case when is_closed then 'closed' else 'open' end
            when abs(next_month_difference) <= tolerance then 'agrees'
            when is_closed or next_month_difference < 0 then 'differs'
            else 'not_closed'
        end as status,
        is_closed,
        has_restatement,
        days_sum,
        month_to_date,
        next_last_month,
        days_difference,
        next_month_difference
    from compared

)

select * from final
