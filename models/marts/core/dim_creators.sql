{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ replace_rows('int_creators_changed', ['creator_id']) }}",
) }}

-- What creators were is told from the earlier version of this table, so it comes first:
-- depends_on: {{ ref('int_creator_histories_changed') }}
-- depends_on: {{ ref('int_creator_partitions_read') }}

with

changed_creators as (

    select * from {{ ref('int_creators_changed') }}
    where is_present

),

placed as (

    {{ placed_creators('changed_creators') | indent(4) }}

),

final as (

    select
        creator_id,
        agency_id,
        platform,
        handle,
        country,
        market,
        effective_timezone as timezone,
        language,
        category,
        acquisition_source,
        tier,
        status,
        joined_at,
        {{ local_day('joined_at', 'effective_timezone') }} as joined_date,
        follower_count,
        updated_at,
        arrival_date,
        arrival_file,
        arrival_row
    from placed

)

select * from final
