{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ settle_anew() }}",
) }}

with

active_days as {{ inlined() }} (

    select * from {{ ref('int_active_days_settled') }}

),

settlement as (

    select * from {{ ref('int_settlement') }}

),

creator_periods as {{ inlined() }} (

    {{ periods_of_days('active_days', ['week', 'month']) | indent(4) }}

),

cohort_periods as (

    {{ cohorts_of_periods('creator_periods', ref('int_creator_cohorts_settled')) | indent(4) }}

),

segment_counts as (

    {{ counted_by_segment(
        rows='cohort_periods',
        creators=ref('int_creators_settled'),
        keys=['cohort_kind', 'period_grain', 'cohort_start_date', 'period_start_date'],
        counts={'active_count': 'true'},
        shown=shown_cohorts(),
    ) | indent(4) }}

),

final as (

    select
        segment_counts.*,
        settlement.settled_by
    from segment_counts
    cross join settlement

)

select * from final
{% if is_settled() %}where false{% endif %}
