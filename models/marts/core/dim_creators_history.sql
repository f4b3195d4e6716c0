{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ replace_rows('int_creator_histories_changed', ['creator_id']) }}",
) }}

-- What changes is told from the earlier versions of this table and of dim_creators, which go
-- together, and what was read is written down before:
-- depends_on: {{ ref('dim_creators') }}
-- depends_on: {{ ref('int_creator_histories_touched') }}
-- depends_on: {{ ref('int_creator_partitions_read') }}

with

changed_histories as (

    select * from {{ ref('int_creator_histories_changed') }}
    where is_present

),

final as (

    select
        creator_id,
        agency_id,
        valid_from_date,
        valid_to_date,
        noted_date,
        valid_from_at,
        valid_to_at,
        updated_at,
        platform,
        country,
        market,
        timezone,
        language,
        category,
        acquisition_source,
        tier,
        status,
        is_current
    from changed_histories

)

select * from final
