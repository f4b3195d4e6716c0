{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ replace_rows('int_backstage_months_touched', ['month_start_date']) }}",
) }}

{%- set counters = backstage_counters() %}

with

months_touched as (

    select * from {{ ref('int_backstage_months_touched') }}

),

reported as (

    select counters.*
    from {{ ref('int_backstage_counters') }} as counters
    inner join months_touched on counters.month_start_date = months_touched.month_start_date

),

with_previous as (

    -- Within the month only: on the 1st everything starts again from 0.
    select
        *,
        cast(joined_at as date) as joined_date,
        {%- for counter in counters %}
        lag({{ counter }}) over (
            partition by creator_id, month_start_date order by period_end_date
        ) as neighbour_{{ counter }},
        {{ last_known(counter, 'creator_id, month_start_date', 'period_end_date') }}
            as known_{{ counter }},
        {%- endfor %}
        lag(period_end_date) over (
            partition by creator_id, month_start_date order by period_end_date
        ) as previous_period_end_date
    from reported

),

differences as (

    select
        creator_id,
        month_start_date,
        period_end_date,
        previous_period_end_date,
        case
            when previous_period_end_date is not null
                then {{ add_days('previous_period_end_date', 1) }}
            when joined_date > period_end_date then period_end_date
            when joined_date > month_start_date then joined_date
            else month_start_date
        end as slice_start_date,
        {%- for counter in counters %}
        {{ counter }} - coalesce(known_{{ counter }}, 0) as {{ counter }},
        {%- endfor %}
        previous_period_end_date is not null
        and {{ backstage_any_carried() }} as has_carried_counters
    from with_previous

),

final as (

    select
        creator_id,
        month_start_date,
        slice_start_date,
        period_end_date as slice_end_date,
        previous_period_end_date is null
        and slice_start_date < period_end_date as is_first_sighting,
        {{ backstage_any_fell() }} as is_restatement,
        has_carried_counters,
        {{ days_between('slice_start_date', 'period_end_date') }} + 1 as days_count,
        {%- for counter in counters[:-1] %}
        {{ counter }},
        {%- endfor %}
        {{ counters[-1] }}
    from differences

)

select * from final
