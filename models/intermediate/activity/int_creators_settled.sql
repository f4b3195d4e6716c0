{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ settle_anew() }}",
) }}

with

creator_lifetimes as (

    select * from {{ ref('int_creator_lifetimes') }}

),

settlement as (

    select * from {{ ref('int_settlement') }}

),

-- Of the others no settled day is counted.
final as (

    select
        creator_lifetimes.creator_number,
        {% for column in segment_columns() -%}
        creator_lifetimes.{{ column }},
        {% endfor -%}
        settlement.settled_by
    from creator_lifetimes
    inner join settlement
        on creator_lifetimes.first_active_date < settlement.settled_until_date

)

select * from final
{% if is_settled() %}where false{% endif %}
