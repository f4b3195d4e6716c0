{%- set seconds_of_day = 86400 -%}
{%- set cell = [
    'funnel_name', 'entry_week_start_date', 'segment_kind', 'segment_value', 'step_index',
] -%}
{%- set cell_list = cell | join(', ') -%}
{#- Standard normal quantile of 97.5 %. -#}
{%- set z = '1.959963984540054e0' -%}
{#- The curve is a product of shares; a half may come out as a hair more. -#}
{%- set hair = '1e-9' -%}

with

funnel_creator_steps as (

    select * from {{ ref('funnel_creator_steps') }}

),

creator_lifetimes as (

    select * from {{ ref('int_creator_lifetimes') }}

),

seen_until as (

    select * from {{ ref('int_funnel_seen_until') }}

),

-- Whoever only onboarding or a program knows is in no set, and in the segments called unknown.
segment_sets as (

    select
        segment_set_number,
        segment_kind,
        segment_value
    from {{ ref('int_segment_sets') }}

    {% for segment in declared_segments() %}
    union all

    select
        0 as segment_set_number,
        '{{ segment.name }}' as segment_kind,
        '{{ 'unknown' if segment.column else 'all' }}' as segment_value
    {% endfor %}

),

funnel_segments as (

    {% for funnel in declared_funnels() -%}
    {%- set last_of_funnels = loop.last -%}
    {%- for segment_kind in funnel.segments -%}
    select
        '{{ funnel.name }}' as funnel_name,
        '{{ segment_kind }}' as segment_kind
    {%- if not (loop.last and last_of_funnels) %}
    union all
    {% endif %}
    {%- endfor %}
    {%- endfor %}

),

step_limits as (

    {% for funnel in funnels_with_limits() -%}
    {%- set last_of_funnels = loop.last -%}
    {%- for step in funnel.declared.steps -%}
    select
        '{{ funnel.declared.name }}' as funnel_name,
        {{ step.index }} as step_index,
        {{ (funnel.limits[loop.index0] / seconds_of_day) | round(0, 'ceil') | int }} as limit_days
    {%- if not (loop.last and last_of_funnels) %}
    union all
    {% endif %}
    {%- endfor %}
    {%- endfor %}

),

-- Days are those of UTC. A creator is followed through the last day that was seen without a gap,
-- and no further than the step's limit.
followed as (

    select
        steps.funnel_name,
        steps.creator_id,
        steps.entry_week_start_date,
        steps.step_index,
        steps.step_name,
        steps.is_reached,
        steps.is_matured,
        steps.from_previous_seconds,
        steps.from_start_seconds,
        step_limits.limit_days,
        least(
            {{ days_between('cast(steps.entered_at as date)', 'steps.seen_until_date') }} - 1,
            step_limits.limit_days
        ) as followed_days,
        case
            when steps.is_reached
                then {{ days_between(
                    'cast(steps.entered_at as date)', 'cast(steps.reached_at as date)'
                ) }}
        end as reached_days
    from funnel_creator_steps as steps
    inner join step_limits
        on
            steps.funnel_name = step_limits.funnel_name
            and steps.step_index = step_limits.step_index

),

creator_steps as (

    select
        followed.funnel_name,
        followed.entry_week_start_date,
        followed.step_index,
        followed.step_name,
        followed.is_reached,
        followed.is_matured,
        followed.from_previous_seconds,
        followed.from_start_seconds,
        coalesce(creator_lifetimes.segment_set_number, 0) as segment_set_number,
        coalesce(followed.reached_days <= followed.followed_days, false) as is_reached_in_sight,
        case
            when followed.reached_days <= followed.followed_days then followed.reached_days
            when followed.followed_days >= 0 then followed.followed_days
        end as left_days,
        coalesce(
            seen_until.seen_until_date
            > {{ add_days('followed.entry_week_start_date', '6 + followed.limit_days') }},
            false
        ) as is_week_over
    from followed
    left join creator_lifetimes on followed.creator_id = creator_lifetimes.creator_id
    left join seen_until
        on
            followed.funnel_name = seen_until.funnel_name
            and followed.entry_week_start_date = seen_until.event_date

),

segment_steps as (

    select
        creator_steps.funnel_name,
        creator_steps.entry_week_start_date,
        segment_sets.segment_kind,
        segment_sets.segment_value,
        creator_steps.step_index,
        creator_steps.step_name,
        creator_steps.is_reached,
        creator_steps.is_matured,
        creator_steps.from_previous_seconds,
        creator_steps.from_start_seconds,
        creator_steps.is_reached_in_sight,
        creator_steps.left_days,
        creator_steps.is_week_over
    from creator_steps
    inner join segment_sets
        on creator_steps.segment_set_number = segment_sets.segment_set_number
    inner join funnel_segments
        on
            creator_steps.funnel_name = funnel_segments.funnel_name
            and segment_sets.segment_kind = funnel_segments.segment_kind

),

counted_cells as (

    select
        {{ cell_list }},
        max(step_name) as step_name,
        count(*) as entrants_count,
        sum(case when is_matured then 1 else 0 end) as matured_count,
        sum(case when is_reached then 1 else 0 end) as reached_count,
        {{ median('from_previous_seconds') }} as median_from_previous,
        {{ quantile('from_previous_seconds', 0.9) }} as p90_from_previous,
        {{ median('from_start_seconds') }} as median_from_start,
        -- In some zones the week ends later than in others, so all must have matured as well.
        min(case when is_matured and is_week_over then 1 else 0 end) = 1 as is_complete
    from segment_steps
    group by {{ cell_list }}

),

-- Kaplan and Meier (1958), "Nonparametric estimation from incomplete observations", JASA 53,
-- over whole days since the entry: who is followed for fewer days leaves the count of those at risk
-- and says neither yes nor no.
left_counts as (

    select
        {{ cell_list }},
        left_days,
        count(*) as left_count,
        sum(case when is_reached_in_sight then 1 else 0 end) as reached_count
    from segment_steps
    where left_days is not null and step_index > 1
    group by {{ cell_list }}, left_days

),

risk_sets as (

    select
        {{ cell_list }},
        left_days,
        reached_count,
        sum(left_count) over (
            partition by {{ cell_list }}
            order by left_days
            rows between current row and unbounded following
        ) as at_risk_count
    from left_counts

),

curves as (

    select
        {{ cell_list }},
        left_days,
        min(at_risk_count - reached_count) over (
            partition by {{ cell_list }}
            order by left_days
            rows between unbounded preceding and current row
        ) = 0 as is_exhausted,
        sum(
            case
                when at_risk_count > reached_count
                    then ln(1e0 - reached_count / cast(at_risk_count as double))
            end
        ) over (
            partition by {{ cell_list }}
            order by left_days
            rows between unbounded preceding and current row
        ) as log_survival,
        -- Greenwood (1926), "The natural duration of cancer".
        sum(
            case
                when at_risk_count > reached_count
                    then
                        reached_count
                        / (cast(at_risk_count as double) * (at_risk_count - reached_count))
            end
        ) over (
            partition by {{ cell_list }}
            order by left_days
            rows between unbounded preceding and current row
        ) as greenwood_sum,
        row_number() over (
            partition by {{ cell_list }}
            order by left_days desc
        ) as position_from_end
    from risk_sets

),

survivals as (

    select
        {{ cell_list }},
        left_days,
        position_from_end,
        log_survival,
        greenwood_sum,
        case when is_exhausted then 0e0 else exp(coalesce(log_survival, 0e0)) end as survival
    from curves

),

-- The interval of the log-log transformed curve stays between 0 and 1 (Kalbfleisch and Prentice,
-- "The statistical analysis of failure time data", 1980).
estimates as (

    select
        {{ cell_list }},
        max(case when position_from_end = 1 then left_days end) as followed_days,
        max(case when position_from_end = 1 then 1e0 - survival end) as reached_share,
        max(case
            when position_from_end = 1 and survival > 0 and log_survival < 0
                then 1e0 - exp(log_survival * exp(-{{ z }} * sqrt(greenwood_sum) / log_survival))
        end) as share_one,
        max(case
            when position_from_end = 1 and survival > 0 and log_survival < 0
                then 1e0 - exp(log_survival * exp({{ z }} * sqrt(greenwood_sum) / log_survival))
        end) as share_two,
        min(case when survival <= 0.5e0 + {{ hair }} then left_days end) as median_days,
        min(case when survival <= 0.1e0 + {{ hair }} then left_days end) as p90_days
    from survivals
    group by {{ cell_list }}

),

-- Engines add up logarithms in whatever order: without their last bits, what lies just between two
-- published values is always published as the same.
steady_estimates as (

    select
        {{ cell_list }},
        followed_days,
        round(reached_share, 12) as reached_share,
        round(least(share_one, share_two), 12) as ci_low,
        round(greatest(share_one, share_two), 12) as ci_high,
        median_days,
        p90_days
    from estimates

),

with_previous as (

    select
        *,
        lag(reached_count) over (
            partition by funnel_name, entry_week_start_date, segment_kind, segment_value
            order by step_index
        ) as previous_reached_count
    from counted_cells

),

final as (

    select
        cells.funnel_name,
        cells.entry_week_start_date,
        cells.segment_kind,
        cells.segment_value,
        cells.step_index,
        cells.step_name,
        cells.entrants_count,
        cast(cells.matured_count as bigint) as matured_count,
        cast(cells.reached_count as bigint) as reached_count,
        case
            when cells.is_complete
                then {{ published_rate(safe_divide('cells.reached_count', 'cells.matured_count')) }}
        end as conversion_from_start_rate,
        case
            when cells.is_complete
                then {{ published_rate(
                    safe_divide('cells.reached_count', 'cells.previous_reached_count')
                ) }}
        end as conversion_from_previous_rate,
        case
            when cells.is_complete and cells.step_index > 1
                then {{ published_rate(wilson_low('cells.reached_count', 'cells.matured_count')) }}
        end as ci_low,
        case
            when cells.is_complete and cells.step_index > 1
                then {{ published_rate(wilson_high('cells.reached_count', 'cells.matured_count')) }}
        end as ci_high,
        case
            when cells.is_complete then cast(round(cells.median_from_previous) as bigint)
        end as median_seconds_from_previous,
        case
            when cells.is_complete then cast(round(cells.p90_from_previous) as bigint)
        end as p90_seconds_from_previous,
        case
            when cells.is_complete then cast(round(cells.median_from_start) as bigint)
        end as median_seconds_from_start,
        cells.is_complete,
        {{ published_rate('estimates.reached_share') }} as km_conversion_rate,
        {{ published_rate('estimates.ci_low') }} as km_ci_low,
        {{ published_rate('estimates.ci_high') }} as km_ci_high,
        cast(estimates.followed_days as bigint) as km_followed_days,
        cast(estimates.median_days as bigint) as km_median_days_from_start,
        cast(estimates.p90_days as bigint) as km_p90_days_from_start
    from with_previous as cells
    left join steady_estimates as estimates
        on
            cells.funnel_name = estimates.funnel_name
            and cells.entry_week_start_date = estimates.entry_week_start_date
            and cells.segment_kind = estimates.segment_kind
            and cells.segment_value = estimates.segment_value
            and cells.step_index = estimates.step_index

)

select * from final
