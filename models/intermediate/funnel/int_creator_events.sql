{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ replace_rows('int_creator_events_changed', ['feed', 'event_id']) }}",
) }}

with

changed_events as (

    select * from {{ ref('int_creator_events_changed') }}
    where is_present

),

final as (

    select
        feed,
        event_id,
        creator_id,
        program_id,
        event_word,
        occurred_at,
        updated_at,
        arrival_date,
        arrival_file,
        arrival_row
    from changed_events

)

select * from final
