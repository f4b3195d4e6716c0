{%- set segments = declared_segments() | rejectattr('column', 'none') | list -%}
{%- set dates = cohort_dates() -%}

with

creator_numbers as (

    select * from {{ ref('int_creator_numbers') }}

),

active_days as (

    select * from {{ ref('int_creator_active_days') }}

),

creators as (

    select * from {{ ref('dim_creators') }}

),

lifetimes as (

    select
        creator_number,
        min(local_date) as first_active_date,
        max(local_date) as last_active_date
    from active_days
    group by creator_number

),

-- A number stays with who is gone: not everybody who has one is known.
creators_known as (

    select
        creator_numbers.creator_id,
        creator_numbers.creator_number,
        {% for segment in segments -%}
        coalesce(creators.{{ segment.column }}, 'unknown') as segment_{{ segment.name }},
        {% endfor -%}
        {% for date in dates -%}
        creators.{{ date }},
        {% endfor -%}
        lifetimes.first_active_date,
        lifetimes.last_active_date
    from creator_numbers
    left join creators on creator_numbers.creator_id = creators.creator_id
    left join lifetimes on creator_numbers.creator_number = lifetimes.creator_number
    where creators.creator_id is not null or lifetimes.creator_number is not null

),

final as (

    select
        creator_id,
        creator_number,
        cast(
            dense_rank() over (order by {{ segment_columns() | join(', ') }}) as integer
        ) as segment_set_number,
        {% for segment in segments -%}
        segment_{{ segment.name }},
        {% endfor -%}
        {% for date in dates -%}
        {{ date }},
        {% endfor -%}
        first_active_date,
        last_active_date
    from creators_known

)

select * from final
