{%- set previous_sessions = previous('int_observed_sessions') -%}

-- Read only where sessions exist, so dbt does not see it by itself:
-- depends_on: {{ ref('stg_ops__raw_partitions') }}
-- depends_on: {{ ref('stg_ops__raw_event_days') }}

with

rule_periods as (

    select * from {{ ref('int_session_rule_periods') }}

),

{% if previous_sessions -%}
pending_partitions as (

    select arrival_date from {{ ref('stg_ops__raw_partitions') }}
    where feed = 'live_snapshots' and is_pending

),

pending_observations as (

    select * from {{ ref('stg_raw__live_snapshots') }}
    where arrival_date in (select pending_partitions.arrival_date from pending_partitions)

),

reach as (

    -- Polls farther apart than the first are never of one session. What news does to the start or
    -- end of the session beside it matters to that one's neighbour within the second.
    select
        max(greatest(
            max_same_start_gap_seconds,
            max_start_credit_seconds + merge_restart_seconds + max_gap_seconds
        )) as first_reach_seconds,
        max(max_start_credit_seconds + merge_restart_seconds + 2 * max_gap_seconds)
            as second_reach_seconds
    from rule_periods

),

news as (

    select
        creator_id,
        platform,
        observed_at as first_at,
        observed_at as last_at
    from pending_observations

    union all

    -- Sessions that may hold observations of an earlier revision, which may be gone.
    select
        held.creator_id,
        held.platform,
        held.first_observed_at as first_at,
        held.last_observed_at as last_at
    from {{ previous_sessions }} as held
    inner join pending_partitions
        on pending_partitions.arrival_date between held.first_arrival_date and held.last_arrival_date

),

news_spans as (

    select
        creator_id,
        platform,
        min(first_at) as first_at,
        max(last_at) as last_at
    from news
    group by creator_id, platform

),

{% for wider_spans, spans, reach_seconds in [
    ('neighbour_spans', 'news_spans', 'reach.first_reach_seconds'),
    ('spans', 'neighbour_spans', 'reach.second_reach_seconds'),
] -%}
{{ wider_spans }} as (

    select
        {{ spans }}.creator_id,
        {{ spans }}.platform,
        least(
            {{ spans }}.first_at, coalesce(min(held.first_observed_at), {{ spans }}.first_at)
        ) as first_at,
        greatest(
            {{ spans }}.last_at, coalesce(max(held.last_observed_at), {{ spans }}.last_at)
        ) as last_at
    from {{ spans }}
    cross join reach
    left join {{ previous_sessions }} as held
        on
            {{ spans }}.creator_id = held.creator_id
            and {{ spans }}.platform = held.platform
            and held.last_observed_at
            >= {{ add_seconds(spans ~ '.first_at', '-' ~ reach_seconds) }}
            and held.first_observed_at
            <= {{ add_seconds(spans ~ '.last_at', reach_seconds) }}
    group by
        {{ spans }}.creator_id,
        {{ spans }}.platform,
        {{ spans }}.first_at,
        {{ spans }}.last_at

),

{% endfor -%}
span_limits as (

    select
        cast(min(first_at) as date) as first_date,
        cast(max(last_at) as date) as last_date
    from spans

),

near_partitions as (

    -- Only partitions with observations of those days are opened.
    -- distinct: an arrival brings several event days
    select distinct event_days.arrival_date
    from {{ ref('stg_ops__raw_event_days') }} as event_days
    inner join span_limits
        on event_days.event_date between span_limits.first_date and span_limits.last_date
    where
        event_days.feed = 'live_snapshots'
        and event_days.arrival_date not in (
            select pending_partitions.arrival_date from pending_partitions
        )

),

observations as (

    select * from pending_observations

    union all

    select settled.*
    from {{ ref('stg_raw__live_snapshots') }} as settled
    inner join spans
        on
            settled.creator_id = spans.creator_id
            and settled.platform = spans.platform
            and settled.observed_at between spans.first_at and spans.last_at
    where settled.arrival_date in (select near_partitions.arrival_date from near_partitions)

),

replaced_sessions as (

    select held.session_id
    from {{ previous_sessions }} as held
    inner join spans
        on
            held.creator_id = spans.creator_id
            and held.platform = spans.platform
            and held.first_observed_at between spans.first_at and spans.last_at

),
{%- else -%}
observations as (

    select * from {{ ref('stg_raw__live_snapshots') }}

),
{%- endif %}

sessions as (

    {{ sessions_of_observations('observations', 'rule_periods') | indent(4) }}

),

final as (

    select
        sessions.session_id,
        sessions.creator_id,
        sessions.platform,
        sessions.started_at,
        sessions.ended_at,
        sessions.first_observed_at,
        sessions.last_observed_at,
        sessions.last_live_at,
        sessions.first_arrival_date,
        sessions.last_arrival_date,
        sessions.category,
        true as is_present,
        sessions.is_lingering,
        sessions.observation_count,
        sessions.average_viewers,
        sessions.peak_viewers
    from sessions
    {%- if previous_sessions %}

    union all

    select
        replaced_sessions.session_id,
        cast(null as {{ dbt.type_string() }}) as creator_id,
        cast(null as {{ dbt.type_string() }}) as platform,
        cast(null as timestamp) as started_at,
        cast(null as timestamp) as ended_at,
        cast(null as timestamp) as first_observed_at,
        cast(null as timestamp) as last_observed_at,
        cast(null as timestamp) as last_live_at,
        cast(null as date) as first_arrival_date,
        cast(null as date) as last_arrival_date,
        cast(null as {{ dbt.type_string() }}) as category,
        false as is_present,
        false as is_lingering,
        cast(null as bigint) as observation_count,
        cast(null as decimal(18, 4)) as average_viewers,
        cast(null as bigint) as peak_viewers
    from replaced_sessions
    where
        replaced_sessions.session_id not in (select sessions.session_id from sessions)
    {%- endif %}

)

select * from final
