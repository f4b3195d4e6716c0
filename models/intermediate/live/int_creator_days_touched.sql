{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
) }}

{%- set previous_sessions = previous('fct_live_sessions') -%}
{%- set previous_days = previous('fct_creator_days') -%}

-- Read only where creator days exist, so dbt does not see it by itself:
-- depends_on: {{ ref('dim_creators_history') }}
-- depends_on: {{ ref('int_creator_histories_touched') }}
-- depends_on: {{ ref('int_metric_rule_periods') }}
-- depends_on: {{ ref('stg_ops__rule_months') }}

with

changed_sessions as (

    select * from {{ ref('int_live_sessions_changed') }}

),

{% if previous_days -%}
histories as (

    select * from {{ ref('dim_creators_history') }}

),

touched_histories as (

    select
        creator_id,
        min(touched_from_date) as touched_from_date
    from {{ ref('int_creator_histories_touched') }}
    group by creator_id

),

rule_periods as (

    select * from {{ ref('int_metric_rule_periods') }}
    where program = '*'

),

{% endif -%}
months_touched as (

    select * from {{ ref('int_backstage_months_touched') }}

),

day_offsets as (

    {{ session_day_offsets() | indent(4) }}

),

spans as (

    select
        creator_id,
        local_start_date,
        local_end_date
    from changed_sessions
    {%- if not previous_sessions %}
    -- Every day is built then, and to list them all would cost as much.
    where false
    {%- else %}
    where is_present

    union all

    -- The days that a session leaves: its earlier version, before the fact forgets it.
    select
        creator_id,
        local_start_date,
        local_end_date
    from {{ previous_sessions }}
    where session_id in (select changed_sessions.session_id from changed_sessions)
    {%- endif %}

),

touched as (

    select
        spans.creator_id,
        {{ add_days('spans.local_start_date', 'day_offsets.number') }} as local_date
    from spans
    inner join day_offsets
        on {{ add_days('spans.local_start_date', 'day_offsets.number') }} <= spans.local_end_date
    {%- if previous_days %}

    union all

    -- What a creator was on that day is told otherwise now, and another rule may measure it.
    select
        creator_days.creator_id,
        creator_days.local_date
    from {{ previous_days }} as creator_days
    inner join touched_histories
        on
            creator_days.creator_id = touched_histories.creator_id
            and creator_days.local_date >= touched_histories.touched_from_date
    left join histories
        on
            creator_days.creator_id = histories.creator_id
            and {{ holds_on_day('histories', 'creator_days.local_date') }}
    inner join rule_periods
        on
            {{ rules_creators_day('rule_periods', 'histories', 'creator_days.local_date') }}
    where
        (
            creator_days.rule_id <> rule_periods.rule_id
            and creator_days.rule_id <> 'as_reported'
        )
        or {{ differs('creator_days.market', 'histories.market') }}
        or {{ differs('creator_days.agency_id', 'histories.agency_id') }}
        or {{ differs('creator_days.tier', 'histories.tier') }}

    union all

    -- Months that somebody reads by the rules of today, or did: another rule may apply.
    select
        creator_days.creator_id,
        creator_days.local_date
    from {{ previous_days }} as creator_days
    inner join {{ ref('stg_ops__rule_months') }} as rule_months
        on {{ month_start('creator_days.local_date') }} = rule_months.month_start_date
    left join histories
        on
            creator_days.creator_id = histories.creator_id
            and {{ holds_on_day('histories', 'creator_days.local_date') }}
    inner join rule_periods
        on
            {{ rules_creators_day('rule_periods', 'histories', 'creator_days.local_date') }}
    where
        creator_days.rule_id <> rule_periods.rule_id
        and creator_days.rule_id <> 'as_reported'

    union all

    -- The days that Backstage exports told of, before their month was renewed.
    select
        creator_days.creator_id,
        creator_days.local_date
    from {{ previous_days }} as creator_days
    inner join months_touched
        on {{ month_start('creator_days.local_date') }} = months_touched.month_start_date
    where creator_days.rule_id = 'as_reported'
    {%- endif %}

    union all

    select
        backstage_days.creator_id,
        backstage_days.slice_end_date as local_date
    from {{ ref('fct_backstage_days') }} as backstage_days
    inner join months_touched
        on backstage_days.month_start_date = months_touched.month_start_date
    where backstage_days.days_count = 1

),

final as (

    -- distinct: several sessions touch the same day
    select distinct
        creator_id,
        local_date
    from touched

)

select * from final
