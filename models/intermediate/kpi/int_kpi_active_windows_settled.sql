{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ settle_anew() }}",
) }}

with

settlement as (

    select * from {{ ref('int_settlement') }}

),

creator_days as (

    select
        placed.creator_id,
        placed.local_date,
        placed.market,
        placed.agency_id
    from {{ ref('int_creator_days_placed') }} as placed
    inner join settlement on placed.local_date < settlement.settled_until_date
    where placed.session_count > 0

),

windows as (

    {{ active_windows('creator_days') | indent(4) }}

),

final as (

    select
        windows.*,
        settlement.settled_by
    from windows
    inner join settlement on windows.local_date < settlement.settled_until_date

)

select * from final
{% if is_settled() %}where false{% endif %}
