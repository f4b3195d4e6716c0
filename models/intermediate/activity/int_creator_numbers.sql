{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
) }}

-- Where there is a table to begin with, whom only days tell of is in the queue of touched days:
-- depends_on: {{ ref('int_creator_days_touched') }}
-- depends_on: {{ ref('fct_creator_days') }}

with

creators_seen as (

    select creator_id from {{ ref('dim_creators') }}
    -- both: most creators have LIVE days, and a day after the other
    union distinct
    select creator_id
    from {{ ref('int_creator_days_touched') if is_incremental() else ref('fct_creator_days') }}

),

{% if is_incremental() -%}
numbered as (

    select * from {{ this }}

),

{% endif -%}
new_creators as (

    select creators_seen.creator_id
    from creators_seen
    {% if is_incremental() -%}
    left join numbered on creators_seen.creator_id = numbered.creator_id
    where numbered.creator_id is null
    {%- endif %}

),

final as (

    select
        creator_id,
        cast(
            row_number() over (order by creator_id)
            {%- if is_incremental() %}
            + coalesce((select max(numbered.creator_number) from numbered), 0)
            {%- endif %}
            as integer
        ) as creator_number
    from new_creators

)

select * from final
