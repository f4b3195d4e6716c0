{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ settle_anew() }}",
) }}

with

creator_cohorts as (

    select * from {{ ref('int_creator_cohorts') }}

),

settlement as (

    select * from {{ ref('int_settlement') }}

),

final as (

    select
        creator_cohorts.cohort_kind,
        creator_cohorts.period_grain,
        creator_cohorts.creator_number,
        creator_cohorts.cohort_start_date,
        settlement.settled_by
    from creator_cohorts
    cross join settlement

)

select * from final
{% if is_settled() %}where false{% endif %}
