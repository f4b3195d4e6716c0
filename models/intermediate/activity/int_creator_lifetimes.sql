{%- set segments = declared_segments() | rejectattr('column', 'none') | list -%}
{%- set dates = cohort_dates() -%}

with

creator_days as (

    select * from {{ ref('fct_creator_days') }}

),

creators as (

    select * from {{ ref('dim_creators') }}

),

live_as_of as (

    select * from {{ ref('int_live_as_of') }}

),

-- East of UTC a creator's local day is ahead of the arrival day. What lies beyond as_of has no
-- period yet; it is counted by the arrival that reaches it.
lifetimes as (

    select
        creator_days.creator_id,
        min(creator_days.local_date) as first_active_date,
        max(creator_days.local_date) as last_active_date
    from creator_days
    inner join live_as_of
        on creator_days.local_date <= live_as_of.as_of_date
    where creator_days.session_count > 0
    group by creator_days.creator_id

),

creators_known as (

    select
        coalesce(creators.creator_id, lifetimes.creator_id) as creator_id,
        {% for segment in segments -%}
        coalesce(creators.{{ segment.column }}, 'unknown') as segment_{{ segment.name }},
        {% endfor -%}
        {% for date in dates -%}
        creators.{{ date }},
        {% endfor -%}
        lifetimes.first_active_date,
        lifetimes.last_active_date
    from creators
    full outer join lifetimes
        on creators.creator_id = lifetimes.creator_id

),

final as (

    select
        creator_id,
        cast(row_number() over (order by creator_id) as integer) as creator_number,
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
