{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
) }}

-- Looked at before today's arrivals are written down:
-- depends_on: {{ ref('int_creator_histories_changed') }}

with

partitions as (

    select * from {{ ref('stg_ops__raw_partitions') }}
    where feed = 'creators'

),

final as (

    select arrival_date
    from partitions
    {%- if is_incremental() %}
    where arrival_date not in (select known.arrival_date from {{ this }} as known)
    {%- endif %}

)

select * from final
