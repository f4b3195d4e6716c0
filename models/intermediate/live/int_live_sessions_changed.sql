{{ config(materialized='changes', fact='fct_live_sessions') }}

{%- set previous_sessions = previous('fct_live_sessions') -%}
{%- set fact_columns = [
    'session_id', 'creator_id', 'agency_id', 'campaign_id', 'platform', 'started_at', 'ended_at',
    'counted_ended_at', 'timezone', 'local_start_date', 'local_end_date', 'category', 'market',
    'tier', 'session_source', 'is_present', 'is_open', 'is_over_24h', 'is_static', 'is_also_reported',
    'duration_seconds', 'counted_seconds', 'average_viewers', 'peak_viewers', 'unique_viewers',
    'viewer_seconds', 'likes', 'comments', 'shares', 'new_followers', 'gifters', 'diamonds',
    'updated_at', 'arrival_date', 'arrival_file', 'arrival_row',
] -%}

with

observed_creators as (

    -- Nobody else's sessions can be known twice.
    -- distinct: a creator has many sessions
    select distinct
        creator_id,
        platform
    from {{ ref('int_observed_sessions') }}

),

longest_gap as (

    select max(max_gap_seconds) as max_gap_seconds
    from {{ ref('int_session_rule_periods') }}

),

day_offsets as (

    {{ session_day_offsets() | indent(4) }}

),

{% if previous_sessions -%}
measured_sessions as (

    select
        {{- columns_of('measured', fact_columns, {'is_also_reported': 'false'}) }}
    from {{ ref('int_live_sessions_measured') }} as measured

),

changed_versions as (

    select * from measured_sessions
    where is_present

    union all

    -- The sessions that change or go, as they were.
    select
        {{- columns_of('held', fact_columns, {'is_present': 'true'}) }}
    from {{ previous_sessions }} as held
    where held.session_id in (select measured_sessions.session_id from measured_sessions)

),

changed_spans as (

    select
        changed_versions.creator_id,
        changed_versions.platform,
        min(cast(changed_versions.started_at as date)) as first_date,
        max(cast(
            {{ on_until('changed_versions', 'longest_gap.max_gap_seconds') }} as date
        )) as last_date
    from changed_versions
    cross join longest_gap
    inner join observed_creators
        on
            changed_versions.creator_id = observed_creators.creator_id
            and changed_versions.platform = observed_creators.platform
    group by changed_versions.creator_id, changed_versions.platform

),

unchanged_sessions as (

    -- What can be on beside changed sessions, and what can be on beside that: a session counts for four
    -- days at most. Only the former are judged again; of the others not every neighbour is here.
    select
        {{- columns_of('held', fact_columns, {'is_present': 'true'}) }},
        cast(held.started_at as date) between {{ add_days('changed_spans.first_date', -3) }}
        and changed_spans.last_date as is_judged
    from {{ previous_sessions }} as held
    inner join changed_spans
        on
            held.creator_id = changed_spans.creator_id
            and held.platform = changed_spans.platform
            and cast(held.started_at as date)
            between {{ add_days('changed_spans.first_date', -6) }}
            and {{ add_days('changed_spans.last_date', 3) }}
    -- Said of all creators at once as well, so that history is passed over before it is joined. A local
    -- day and one of UTC are a day apart at most.
    where
        held.local_start_date >= (
            select {{ add_days('min(changed_spans.first_date)', -7) }} from changed_spans
        )
        and held.session_id not in (select measured_sessions.session_id from measured_sessions)

),

{% endif -%}
known_sessions as (

    -- Read here and where they are written, each by itself: as one CTE all of history would be kept
    -- where everything is built anew.
    select
        {{- columns_of('measured', fact_columns, {'is_also_reported': 'false'}) }}
    from {{ ref('int_live_sessions_measured') }} as measured
    inner join observed_creators
        on
            measured.creator_id = observed_creators.creator_id
            and measured.platform = observed_creators.platform
    where measured.is_present
    {%- if previous_sessions %}

    union all

    select
        {{- columns_of('unchanged_sessions', fact_columns) }}
    from unchanged_sessions
    {%- endif %}

),

session_days as (

    select
        known_sessions.session_id,
        known_sessions.creator_id,
        known_sessions.platform,
        known_sessions.session_source,
        known_sessions.started_at,
        {{ on_until('known_sessions', 'longest_gap.max_gap_seconds') }} as on_until_at,
        {{ add_days('cast(known_sessions.started_at as date)', 'day_offsets.number') }}
            as touched_date
    from known_sessions
    cross join longest_gap
    inner join day_offsets
        on
            {{ add_days('cast(known_sessions.started_at as date)', 'day_offsets.number') }}
            <= cast({{ on_until('known_sessions', 'longest_gap.max_gap_seconds') }} as date)

),

also_reported as (

    -- distinct: one observed session can overlap several reported ones, on several days
    select distinct observed.session_id
    from session_days as observed
    inner join session_days as reported
        on
            observed.creator_id = reported.creator_id
            and observed.platform = reported.platform
            and observed.touched_date = reported.touched_date
            and observed.started_at < reported.on_until_at
            and observed.on_until_at > reported.started_at
    where observed.session_source = 'observed' and reported.session_source = 'reported'

),

written_sessions as {{ inlined() }} (

    select
        {{- columns_of('measured', fact_columns, {'is_also_reported': 'false'}) }}
    from {{ ref('int_live_sessions_measured') }} as measured
    {%- if previous_sessions %}

    union all

    select
        {{- columns_of('unchanged_sessions', fact_columns) }}
    from unchanged_sessions
    left join also_reported on unchanged_sessions.session_id = also_reported.session_id
    where
        unchanged_sessions.is_judged
        and unchanged_sessions.session_source = 'observed'
        and unchanged_sessions.is_also_reported <> (also_reported.session_id is not null)
    {%- endif %}

),

final as (

    -- Apart, so that all of history is not joined with what concerns a few.
    select
        {{- columns_of('written_sessions', fact_columns, {'is_also_reported': 'false'}) }}
    from written_sessions
    where written_sessions.session_source = 'reported'

    union all

    select
        {{- columns_of(
            'written_sessions', fact_columns,
            {'is_also_reported': 'also_reported.session_id is not null'}
        ) }}
    from written_sessions
    left join also_reported on written_sessions.session_id = also_reported.session_id
    where written_sessions.session_source = 'observed'

)

select * from final
