{#
    Polls become LIVE sessions, by the metric rules of the platform and day.

    Two polls that follow each other show the same *entry* of the platform if
      * both announce the same start, and the gap is at most `max_same_start_gap_seconds`; or
      * the gap is at most `max_gap_seconds`, the later one does not announce a start after the earlier
        poll (the creator was already on then), and its start moved by at most
        `max_start_shift_seconds`.
    An entry begins at the start that its first poll announces, or else the earliest one announced,
    unless that lies after the first poll or more than `max_start_credit_seconds` before it; without
    one, half a poll interval before its first poll: that is where a start lies on average. It ends
    half a poll interval after its last poll, for the same reason. Where its last polls (at least
    `min_linger_polls`) show exactly the same viewers although they varied before, and more than
    twice as long as they ever stood still before (a handful of viewers stands still by itself),
    the entry only lingered: the show ended between the last poll before them and the first of them.
    An entry continues the session before it if its announced start lies at most
    `merge_restart_seconds` after that one's end: a restart.

    Whether a session's polls belong together depends on polls that follow each other and on the
    ends of the entries beside it, never on anything far away (`int_observed_sessions_changed` says how
    far). That is what makes rebuilding the neighbourhood of news equal to rebuilding everything.

    Viewers are averaged over time (between two polls, the mean of both), over gaps of at most
    `max_gap_seconds`, in whole numbers until the one division at the end.

    Arguments:
        observations: name of a CTE with creator_id, platform, observed_at, announced_started_at, category,
            viewer_count, arrival_date, arrival_file, arrival_row.
        rule_periods: name of a CTE with the rows of int_session_rule_periods.

    Returns a query: one row per session.
#}
{% macro sessions_of_observations(observations, rule_periods) -%}
    {%- set neighbours = "partition by creator_id, platform order by observed_at" -%}
    with

    ranked_observations as (

        select
            *,
            row_number() over (
                partition by creator_id, platform, observed_at
                order by arrival_date desc, arrival_file desc, arrival_row desc
            ) as version_rank
        from {{ observations }}

    ),

    positions as (

        select
            creator_id,
            platform,
            observed_at,
            announced_started_at,
            category,
            viewer_count,
            arrival_date,
            row_number() over ({{ neighbours }}) as observation_number,
            lag(observed_at) over ({{ neighbours }}) as previous_observed_at,
            lag(announced_started_at) over ({{ neighbours }}) as previous_announced_started_at,
            lag(viewer_count) over ({{ neighbours }}) as previous_viewer_count
        from ranked_observations
        where version_rank = 1

    ),

    gaps as (

        select
            positions.*,
            rules.max_gap_seconds,
            case
                when positions.previous_observed_at is null then true
                when positions.announced_started_at = positions.previous_announced_started_at
                    then
                        {{ seconds_between('positions.previous_observed_at', 'positions.observed_at') }}
                        > rules.max_same_start_gap_seconds
                else coalesce(
                    {{ seconds_between('positions.previous_observed_at', 'positions.observed_at') }}
                    > rules.max_gap_seconds
                    or positions.announced_started_at > positions.previous_observed_at
                    or abs({{ seconds_between(
                        'positions.previous_announced_started_at', 'positions.announced_started_at'
                    ) }}) > rules.max_start_shift_seconds,
                    false
                )
            end as is_entry_start,
            {{ seconds_between('positions.previous_observed_at', 'positions.observed_at') }}
                as gap_seconds
        from positions
        {{ join_poll_rules(rule_periods, 'positions', 'observed_at') | indent(8) }}

    ),

    steps as (

        select
            *,
            is_entry_start or viewer_count <> previous_viewer_count as is_change,
            case
                when is_entry_start then 0 else least(gap_seconds, max_gap_seconds)
            end as counted_gap_seconds,
            case
                when is_entry_start then 0
                else least(gap_seconds, max_gap_seconds) * (viewer_count + previous_viewer_count)
            end as doubled_viewer_seconds
        from gaps

    ),

    running as (

        select
            *,
            count(case when is_entry_start then 1 end) over (
                {{ neighbours }} rows between unbounded preceding and current row
            ) as entry_number,
            max(case when is_change then observation_number end) over (
                {{ neighbours }} rows between unbounded preceding and 1 preceding
            ) as earlier_change_number,
            sum(counted_gap_seconds) over (
                {{ neighbours }} rows between unbounded preceding and current row
            ) as elapsed_seconds,
            sum(doubled_viewer_seconds) over (
                {{ neighbours }} rows between unbounded preceding and current row
            ) as elapsed_viewer_seconds
        from steps

    ),

    entry_categories as (

        -- Sums, counts and limits of parts: the second step adds them up to whole entries.
        select
            creator_id,
            platform,
            entry_number,
            category,
            min(observed_at) as first_observed_at,
            max(observed_at) as last_observed_at,
            count(*) as observation_count,
            sum(case when is_change then 1 else 0 end) as change_count,
            max(observation_number) as last_number,
            max(case when is_change then observation_number end) as last_change_number,
            max(case when is_change and not is_entry_start then previous_observed_at end)
                as last_observed_before_change_at,
            max(
                case
                    when is_change and not is_entry_start
                        then observation_number - earlier_change_number
                end
            ) as longest_standstill_count,
            min(elapsed_seconds) as elapsed_seconds_at_start,
            max(elapsed_seconds) as elapsed_seconds_at_end,
            max(case when is_change then elapsed_seconds - counted_gap_seconds end)
                as elapsed_seconds_before_change,
            min(elapsed_viewer_seconds) as elapsed_viewer_seconds_at_start,
            max(elapsed_viewer_seconds) as elapsed_viewer_seconds_at_end,
            max(case when is_change then elapsed_viewer_seconds - doubled_viewer_seconds end)
                as elapsed_viewer_seconds_before_change,
            sum(
                case when not is_entry_start and gap_seconds <= max_gap_seconds then gap_seconds end
            ) as interval_seconds,
            count(
                case when not is_entry_start and gap_seconds <= max_gap_seconds then 1 end
            ) as interval_count,
            max(case when is_entry_start then announced_started_at end) as first_announced_at,
            min(announced_started_at) as earliest_announced_at,
            max(viewer_count) as peak_viewers,
            min(arrival_date) as first_arrival_date,
            max(arrival_date) as last_arrival_date
        from running
        group by creator_id, platform, entry_number, category

    ),

    entry_sums as (

        select
            creator_id,
            platform,
            entry_number,
            min(first_observed_at) as first_observed_at,
            max(last_observed_at) as last_observed_at,
            sum(observation_count) as observation_count,
            sum(change_count) as change_count,
            max(last_number) - max(last_change_number) + 1 as unchanged_count,
            max(last_observed_before_change_at) as last_observed_before_change_at,
            max(longest_standstill_count) as longest_standstill_count,
            min(elapsed_seconds_at_start) as elapsed_seconds_at_start,
            max(elapsed_seconds_at_end) as elapsed_seconds_at_end,
            max(elapsed_seconds_before_change) as elapsed_seconds_before_change,
            min(elapsed_viewer_seconds_at_start) as elapsed_viewer_seconds_at_start,
            max(elapsed_viewer_seconds_at_end) as elapsed_viewer_seconds_at_end,
            max(elapsed_viewer_seconds_before_change) as elapsed_viewer_seconds_before_change,
            sum(interval_seconds) as interval_seconds,
            sum(interval_count) as interval_count,
            max(first_announced_at) as first_announced_at,
            min(earliest_announced_at) as earliest_announced_at,
            max(peak_viewers) as peak_viewers,
            min(first_arrival_date) as first_arrival_date,
            max(last_arrival_date) as last_arrival_date
        from entry_categories
        group by creator_id, platform, entry_number

    ),

    ruled_entries as (

        select
            entry_sums.*,
            rules.merge_restart_seconds,
            entry_sums.unchanged_count >= rules.min_linger_polls
            -- The first poll is a change, and so is the first of those that stand still.
            and entry_sums.change_count >= 3
            and entry_sums.unchanged_count > 2 * entry_sums.longest_standstill_count
                as is_lingering,
            cast(floor(
                case
                    when entry_sums.interval_count > 0
                        then entry_sums.interval_seconds / (2.0 * entry_sums.interval_count)
                    else rules.poll_interval_seconds / 2.0
                end
            ) as bigint) as half_interval_seconds,
            case
                {%- for announced in ['first_announced_at', 'earliest_announced_at'] %}
                when
                    {{ seconds_between('entry_sums.' ~ announced, 'entry_sums.first_observed_at') }}
                    between 0 and rules.max_start_credit_seconds
                    then entry_sums.{{ announced }}
                {%- endfor %}
            end as believed_started_at
        from entry_sums
        {{ join_poll_rules(rule_periods, 'entry_sums', 'first_observed_at') | indent(8) }}

    ),

    entries as (

        select
            *,
            coalesce(
                believed_started_at, {{ add_seconds('first_observed_at', '-half_interval_seconds') }}
            ) as started_at,
            case
                when is_lingering then last_observed_before_change_at else last_observed_at
            end as last_live_at,
            case
                when is_lingering then elapsed_seconds_before_change else elapsed_seconds_at_end
            end - elapsed_seconds_at_start as watched_seconds,
            case
                when is_lingering then elapsed_viewer_seconds_before_change
                else elapsed_viewer_seconds_at_end
            end - elapsed_viewer_seconds_at_start as doubled_viewer_seconds
        from ruled_entries

    ),

    ended_entries as (

        select
            *,
            {{ add_seconds('last_live_at', 'half_interval_seconds') }} as ended_at
        from entries

    ),

    followed_entries as (

        select
            *,
            lag(ended_at) over (
                partition by creator_id, platform order by entry_number
            ) as previous_ended_at
        from ended_entries

    ),

    session_entries as (

        select
            *,
            sum(
                case
                    when
                        believed_started_at is not null
                        and {{ seconds_between('previous_ended_at', 'started_at') }}
                        <= merge_restart_seconds
                        then 0
                    else 1
                end
            ) over (
                partition by creator_id, platform
                order by entry_number
                rows between unbounded preceding and current row
            ) as session_number
        from followed_entries

    ),

    sessions as (

        select
            creator_id,
            platform,
            session_number,
            min(entry_number) as first_entry_number,
            min(first_observed_at) as first_observed_at,
            max(last_observed_at) as last_observed_at,
            max(last_live_at) as last_live_at,
            max(ended_at) as ended_at,
            sum(observation_count) as observation_count,
            sum(watched_seconds) as watched_seconds,
            sum(doubled_viewer_seconds) as doubled_viewer_seconds,
            max(peak_viewers) as peak_viewers,
            min(first_arrival_date) as first_arrival_date,
            max(last_arrival_date) as last_arrival_date
        from session_entries
        group by creator_id, platform, session_number

    ),

    ranked_categories as (

        select
            session_entries.creator_id,
            session_entries.platform,
            session_entries.session_number,
            entry_categories.category,
            row_number() over (
                partition by
                    session_entries.creator_id,
                    session_entries.platform,
                    session_entries.session_number
                order by sum(entry_categories.observation_count) desc, entry_categories.category
            ) as category_rank
        from session_entries
        inner join entry_categories
            on
                session_entries.creator_id = entry_categories.creator_id
                and session_entries.platform = entry_categories.platform
                and session_entries.entry_number = entry_categories.entry_number
        where entry_categories.category is not null
        group by
            session_entries.creator_id,
            session_entries.platform,
            session_entries.session_number,
            entry_categories.category

    )

    select
        'observed-' || {{ instant_text('sessions.first_observed_at') }}
        || '-' || sessions.platform || '-' || sessions.creator_id as session_id,
        sessions.creator_id,
        sessions.platform,
        first_entries.started_at,
        -- Announced starts are believed one by one: a later entry's may lie before all.
        greatest(sessions.ended_at, first_entries.started_at) as ended_at,
        sessions.first_observed_at,
        sessions.last_observed_at,
        sessions.last_live_at,
        sessions.first_arrival_date,
        sessions.last_arrival_date,
        ranked_categories.category,
        sessions.last_live_at < sessions.last_observed_at as is_lingering,
        cast(sessions.observation_count as bigint) as observation_count,
        cast(
            case
                when sessions.watched_seconds > 0
                    then {{ safe_divide(
                        'sessions.doubled_viewer_seconds', '(2 * sessions.watched_seconds)'
                    ) }}
                else sessions.peak_viewers
            end as decimal(18, 4)
        ) as average_viewers,
        cast(sessions.peak_viewers as bigint) as peak_viewers
    from sessions
    inner join session_entries as first_entries
        on
            sessions.creator_id = first_entries.creator_id
            and sessions.platform = first_entries.platform
            and sessions.first_entry_number = first_entries.entry_number
    left join ranked_categories
        on
            sessions.creator_id = ranked_categories.creator_id
            and sessions.platform = ranked_categories.platform
            and sessions.session_number = ranked_categories.session_number
            and ranked_categories.category_rank = 1
{%- endmacro %}
