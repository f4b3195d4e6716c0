{%- set grains = ['week', 'month'] -%}
{%- set cohort_period = [
    'cohort_kind', 'period_grain', 'cohort_start_date', 'period_start_date',
] -%}
{%- set cell = cohort_period + ['segment_kind', 'segment_value'] %}

with

recent_days as {{ inlined() }} (

    select * from {{ ref('int_active_days_recent') }}

),

-- Who is in another segment or cohort than when days were settled takes all settled days along.
moved_days as {{ inlined() }} (

    select settled_days.*
    from {{ ref('int_active_days_settled') }} as settled_days
    inner join {{ ref('int_creators_moved') }} as creators_moved
        on settled_days.creator_number = creators_moved.creator_number

),

moved_periods as (

    {{ periods_of_days('moved_days', grains) | indent(4) }}

),

periods_of_today as {{ inlined() }} (

    {{ periods_of_days('recent_days', grains) | indent(4) }}

    union all

    select * from moved_periods

),

active_today as (

    {{ cohorts_of_periods('periods_of_today', ref('int_creator_cohorts')) | indent(4) }}

),

counts_of_today as (

    {{ counted_by_segment(
        rows='active_today',
        creators=ref('int_creator_lifetimes'),
        keys=cohort_period,
        counts={'active_count': 'true'},
        shown=shown_cohorts(),
    ) | indent(4) }}

),

-- Who entered and who was last active when, in one count: both are told of creators, not of days.
member_counts as (

    {{ counted_by_segment(
        rows=ref('int_creator_cohorts'),
        creators=ref('int_creator_lifetimes'),
        keys=['cohort_kind', 'period_grain', 'cohort_start_date', 'last_period_start_date'],
        counts={'member_count': 'true'},
        shown=shown_cohorts(),
    ) | indent(4) }}

),

rows_left as (

    {{ cohorts_of_periods('moved_periods', ref('int_creator_cohorts_settled')) | indent(4) }}

),

counts_left as (

    {{ counted_by_segment(
        rows='rows_left',
        creators=ref('int_creators_settled'),
        keys=cohort_period,
        counts={'active_count': 'true'},
        shown=shown_cohorts(),
    ) | indent(4) }}

),

told as (

    select
        {{ cell | join(',\n        ') }},
        0 as entered_count,
        active_count,
        0 as last_active_count
    from {{ ref('int_cohort_segment_periods_settled') }}

    union all

    select
        {{ cell | join(',\n        ') }},
        0 as entered_count,
        active_count,
        0 as last_active_count
    from counts_of_today

    union all

    select
        {{ cell | join(',\n        ') }},
        0 as entered_count,
        -active_count as active_count,
        0 as last_active_count
    from counts_left

    union all

    -- Everybody is in a cohort's own period once, LIVE in it or not.
    select
        cohort_kind,
        period_grain,
        cohort_start_date,
        cohort_start_date as period_start_date,
        segment_kind,
        segment_value,
        member_count as entered_count,
        0 as active_count,
        0 as last_active_count
    from member_counts

    union all

    select
        cohort_kind,
        period_grain,
        cohort_start_date,
        last_period_start_date as period_start_date,
        segment_kind,
        segment_value,
        0 as entered_count,
        0 as active_count,
        member_count as last_active_count
    from member_counts
    where last_period_start_date >= cohort_start_date

),

final as (

    select
        {{ cell | join(',\n        ') }},
        cast(sum(entered_count) as bigint) as entered_count,
        cast(sum(active_count) as bigint) as active_count,
        cast(sum(last_active_count) as bigint) as last_active_count
    from told
    group by {{ cell | join(', ') }}
    having sum(entered_count) > 0 or sum(active_count) > 0

)

select * from final
