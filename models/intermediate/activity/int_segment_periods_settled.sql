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

creator_periods as (

    {{ periods_of_days('active_days', ['day', 'week', 'month']) | indent(4) }}

),

segment_counts as (

    {{ counted_by_segment(
        rows='creator_periods',
        creators=ref('int_creators_settled'),
        keys=['period_grain', 'period_start_date'],
        counts={
            'active_count': 'true',
            'new_count': 'creator_rows.is_new',
            'retained_count': 'creator_rows.is_retained',
        },
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
