{%- set grains = ['day', 'week', 'month'] -%}
{%- set keys = ['period_grain', 'period_start_date'] -%}
{%- set cell = keys + ['segment_kind', 'segment_value'] -%}
{%- set counts = {
    'active_count': 'true',
    'new_count': 'creator_rows.is_new',
    'retained_count': 'creator_rows.is_retained',
} -%}

with

recent_days as {{ inlined() }} (

    select * from {{ ref('int_active_days_recent') }}

),

-- Who is in another segment than when days were settled takes all settled days along.
moved_days as {{ inlined() }} (

    select settled_days.*
    from {{ ref('int_active_days_settled') }} as settled_days
    inner join {{ ref('int_creators_moved') }} as creators_moved
        on settled_days.creator_number = creators_moved.creator_number

),

moved_periods as (

    {{ periods_of_days('moved_days', grains) | indent(4) }}

),

periods_of_today as (

    {{ periods_of_days('recent_days', grains) | indent(4) }}

    union all

    select * from moved_periods

),

counts_of_today as (

    {{ counted_by_segment(
        rows='periods_of_today',
        creators=ref('int_creator_lifetimes'),
        keys=keys,
        counts=counts,
    ) | indent(4) }}

),

counts_left as (

    {{ counted_by_segment(
        rows='moved_periods',
        creators=ref('int_creators_settled'),
        keys=keys,
        counts=counts,
    ) | indent(4) }}

),

told as (

    select
        {{ cell | join(',\n        ') }},
        active_count,
        new_count,
        retained_count
    from {{ ref('int_segment_periods_settled') }}

    union all

    select * from counts_of_today

    union all

    select
        {{ cell | join(',\n        ') }},
        -active_count as active_count,
        -new_count as new_count,
        -retained_count as retained_count
    from counts_left

),

final as (

    select
        {{ cell | join(',\n        ') }},
        cast(sum(active_count) as bigint) as active_count,
        cast(sum(new_count) as bigint) as new_count,
        cast(sum(retained_count) as bigint) as retained_count
    from told
    group by {{ cell | join(', ') }}
    having sum(active_count) > 0

)

select * from final
