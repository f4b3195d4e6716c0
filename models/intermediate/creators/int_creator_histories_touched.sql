{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
) }}

{%- set previous_history = previous('dim_creators_history') -%}
{%- set told_by_facts = [
    'agency_id', 'platform', 'market', 'timezone', 'tier', 'valid_from_date', 'valid_from_at',
] -%}

with

changed_histories as (

    select * from {{ ref('int_creator_histories_changed') }}

),

{% if previous_history -%}
changed_creators as (

    -- distinct: creators have several versions
    select distinct creator_id from changed_histories

),

compared as (

    select
        {{- columns_of('changed_histories', ['creator_id'] + told_by_facts) }},
        1 as side
    from changed_histories
    where changed_histories.is_present

    union all

    select
        {{- columns_of('held', ['creator_id'] + told_by_facts) }},
        -1 as side
    from {{ previous_history }} as held
    inner join changed_creators on held.creator_id = changed_creators.creator_id

),

differing as (

    -- Where each version begins says all: they leave no day out.
    select
        creator_id,
        valid_from_date
    from compared
    group by creator_id, {{ told_by_facts | join(', ') }}
    having sum(side) <> 0

),

{% endif -%}
final as (

    {% if previous_history -%}
    select
        creator_id,
        min(valid_from_date) as touched_from_date
    from differing
    group by creator_id
    {%- else -%}
    -- Nothing stands on what creators were before.
    select
        creator_id,
        valid_from_date as touched_from_date
    from changed_histories
    where false
    {%- endif %}

)

select * from final
