{%- set previous_settlement = previous('int_settlement') -%}
{%- set previous_creators = previous('int_creators_settled') -%}
{%- set segments = declared_segments() | rejectattr('column', 'none') | list -%}

-- Read only where days were settled before, so dbt does not see it by itself:
-- depends_on: {{ ref('int_creator_numbers') }}

with

live_as_of as (

    select * from {{ ref('int_live_as_of') }}

),

days_touched as (

    select * from {{ ref('int_creator_days_touched') }}

),

creators as (

    select * from {{ ref('dim_creators') }}

),

{% if previous_creators -%}
creator_numbers as (

    select * from {{ ref('int_creator_numbers') }}

),

{% endif -%}
-- One row, also where nobody was LIVE yet.
wanted as (

    select
        coalesce(
            {{ period_start(
                var('settled_grain'), add_days('max(as_of_date)', -var('settled_after_days'))
            ) }},
            date '1970-01-01'
        ) as settled_until_date
    from live_as_of

),

earliest_touched as (

    select min(local_date) as first_date
    from days_touched

),

moved as (

    {% if previous_creators -%}
    select count(*) as moved_count
    from {{ previous_creators }} as creators_settled
    inner join creator_numbers
        on creators_settled.creator_number = creator_numbers.creator_number
    left join creators on creator_numbers.creator_id = creators.creator_id
    where
        false
        {% for segment in segments -%}
        or creators_settled.{{ segment_value(segment) }}
        <> coalesce(creators.{{ segment.column }}, 'unknown')
        {% endfor %}
    {%- else -%}
    select 0 as moved_count
    {%- endif %}

),

known as (

    select count(*) as creator_count
    from creators

),

held as (

    {% if previous_settlement -%}
    select
        max(settled_until_date) as settled_until_date,
        max(settled_by) as settled_by
    from {{ previous_settlement }}
    {%- else -%}
    select
        cast(null as date) as settled_until_date,
        cast(null as {{ dbt.type_string() }}) as settled_by
    {%- endif %}

),

final as (

    select
        wanted.settled_until_date,
        case
            when
                held.settled_until_date = wanted.settled_until_date
                and coalesce(earliest_touched.first_date >= wanted.settled_until_date, true)
                and moved.moved_count <= {{ var('settled_most_moved_share') }} * known.creator_count
                then held.settled_by
            else '{{ invocation_id }}'
        end as settled_by
    from wanted
    cross join earliest_touched
    cross join moved
    cross join known
    cross join held

)

select * from final
