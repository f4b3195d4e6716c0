{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ replace_rows(
        'int_backstage_months_touched', ['month_start_date'], holds_everything=false
    ) }}",
) }}

{%- set counters = backstage_counters() -%}
{%- set values = backstage_reported_columns() %}

with

months_touched as (

    select * from {{ ref('int_backstage_months_touched') }}

),

reported as (

    select counters.*
    from {{ ref('int_backstage_counters') }} as counters
    inner join months_touched on counters.month_start_date = months_touched.month_start_date

),

last_words as (

    -- On each column: of the month's last report that has it.
    select
        creator_id,
        month_start_date,
        {%- for value in values %}
        {{ last_given(value, 'period_end_date') }} as {{ value }},
        {%- endfor %}
        max(period_end_date) as last_period_end_date,
        count(*) as report_count
    from reported
    group by
        creator_id,
        month_start_date

),

slices as (

    select slices_of_days.*
    from {{ ref('fct_backstage_days') }} as slices_of_days
    inner join months_touched on slices_of_days.month_start_date = months_touched.month_start_date

),

sums as (

    select
        creator_id,
        month_start_date,
        {%- for counter in counters %}
        cast(sum({{ counter }}) as bigint) as {{ counter }}_sum,
        count(
            case when {{ counter }} < {{ -backstage_tolerance(counter) }} then 1 end
        ) as {{ counter }}_fall_count,
        {%- endfor %}
        count(case when days_count > 1 then 1 end) as longer_slice_count
    from slices
    group by
        creator_id,
        month_start_date

),

final as (

    select
        last_words.creator_id,
        last_words.month_start_date,
        last_words.last_period_end_date,
        {%- for value in values %}
        last_words.{{ value }},
        {%- endfor %}
        {%- for counter in counters %}
        sums.{{ counter }}_sum,
        sums.{{ counter }}_fall_count,
        {%- endfor %}
        last_words.report_count,
        sums.longer_slice_count
    from last_words
    left join sums
        on
            last_words.creator_id = sums.creator_id
            and last_words.month_start_date = sums.month_start_date

)

select * from final
