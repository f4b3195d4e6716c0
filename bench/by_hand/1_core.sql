-- Creators and their history, sessions of both routes, creator days, valid days of programs.

create macro utc(instant) as make_timestamp(epoch_us(instant));
create macro utc_second(instant) as date_trunc('second', make_timestamp(epoch_us(instant)));
create macro local_day(moment, zone) as cast(timezone(zone, timezone('UTC', moment)) as date);
create macro local_midnight(day, zone) as timezone('UTC', timezone(zone, cast(day as timestamp)));
create macro rate(part, whole) as cast(part as double) / nullif(cast(whole as double), 0);

create table markets as from read_csv(getvariable('seeds') || '/markets.csv');
create table metric_rules as from read_csv(getvariable('seeds') || '/metric_rules.csv');

-- The one general rule says how polls become sessions.
create table poll_rule as
select
    max_session_seconds,
    max_gap_seconds,
    max_same_start_gap_seconds,
    max_start_shift_seconds,
    max_start_credit_seconds,
    merge_restart_seconds,
    poll_interval_seconds,
    min_linger_polls
from metric_rules
where platform = '*' and market = '*' and program = '*';

-- Every version of a creator that was delivered -----------------------------------------------------

create table creator_versions as
select
    delivered.creator_id,
    delivered.agency_id,
    lower(delivered.platform) as platform,
    delivered.handle,
    upper(delivered.country) as country,
    coalesce(markets.market, 'ZZ') as market,
    case
        when delivered.timezone in (select name from pg_timezone_names()) then delivered.timezone
        else coalesce(markets.timezone, 'UTC')
    end as timezone,
    delivered.language,
    delivered.category,
    delivered.acquisition_source,
    delivered.tier,
    delivered.status,
    utc(delivered.joined_at) as joined_at,
    delivered.follower_count,
    utc(delivered.updated_at) as updated_at,
    delivered._dt as arrival_date,
    delivered._file as arrival_file,
    delivered._row as arrival_row
from read_parquet(getvariable('raw') || '/creators/dt=*/*.parquet', hive_partitioning = false) as delivered
left join markets on upper(delivered.country) = markets.country;

create table dim_creators as
select
    * exclude (joined_at, follower_count, updated_at, arrival_date, arrival_file, arrival_row),
    joined_at,
    local_day(joined_at, timezone) as joined_date,
    follower_count,
    updated_at,
    arrival_date,
    arrival_file,
    arrival_row
from creator_versions
qualify row_number() over (
    partition by creator_id
    order by updated_at desc nulls last, arrival_date desc, arrival_file desc, arrival_row desc
) = 1;

create table dim_creators_history as
with noted as (
    select
        *,
        coalesce(updated_at, timestamp '0001-01-01') as noted_at,
        coalesce(local_day(updated_at, timezone), date '1900-01-01') as noted_date,
        row(
            agency_id, platform, country, market, timezone, language, category, acquisition_source,
            tier, status
        ) as state
    from creator_versions
    qualify row_number() over (
        partition by creator_id, updated_at
        order by arrival_date desc, arrival_file desc, arrival_row desc
    ) = 1
),
-- Days go forward, also for who moves west.
followed as (
    select
        * replace (
            max(noted_date) over (
                partition by creator_id order by noted_at
                rows between unbounded preceding and current row
            ) as noted_date
        ),
        row_number() over (partition by creator_id order by noted_at) as number,
        lag(state) over (partition by creator_id order by noted_at) as previous_state
    from noted
),
-- The last state of a day is the day's.
last_of_day as (
    from followed
    where number = 1 or state is distinct from previous_state
    qualify row_number() over (partition by creator_id, noted_date order by noted_at desc) = 1
),
compared as (
    select
        * replace (
            row_number() over (partition by creator_id order by noted_date) as number,
            lag(state) over (partition by creator_id order by noted_date) as previous_state
        )
    from last_of_day
),
changed as (
    select
        *,
        lead(noted_date) over (partition by creator_id order by noted_date) as next_noted_date,
        lead(noted_at) over (partition by creator_id order by noted_date) as next_noted_at
    from compared
    where number = 1 or state is distinct from previous_state
)
select
    creator_id,
    agency_id,
    case when number = 1 then date '1900-01-01' else noted_date end as valid_from_date,
    coalesce(next_noted_date - 1, date '9999-12-31') as valid_to_date,
    noted_date,
    case when number = 1 then timestamp '1900-01-01' else noted_at end as valid_from_at,
    coalesce(next_noted_at, timestamp '9999-12-31') as valid_to_at,
    updated_at,
    platform,
    country,
    market,
    timezone,
    language,
    category,
    acquisition_source,
    tier,
    status,
    next_noted_date is null as is_current
from changed;

-- Polls become sessions -----------------------------------------------------------------------------

create table polls as
with delivered as (
    select
        creator_id,
        lower(platform) as platform,
        utc_second(observed_at) as observed_at,
        utc_second(started_at) as announced_at,
        category,
        viewer_count,
        _dt as arrival_date
    from read_parquet(
        getvariable('raw') || '/live_snapshots/dt=*/*.parquet', hive_partitioning = false
    )
    qualify row_number() over (
        partition by creator_id, lower(platform), utc_second(observed_at)
        order by _dt desc, _file desc, _row desc
    ) = 1
),
neighbours as (
    select
        *,
        lag(observed_at) over polled as previous_at,
        lag(announced_at) over polled as previous_announced_at,
        lag(viewer_count) over polled as previous_viewers,
        date_sub('second', lag(observed_at) over polled, observed_at) as gap
    from delivered
    window polled as (partition by creator_id, platform order by observed_at)
),
-- A poll begins an entry where it shows another show than the poll before it.
judged as (
    select
        neighbours.*,
        poll_rule.max_gap_seconds as max_gap,
        case
            when previous_at is null then true
            when announced_at = previous_announced_at then gap > poll_rule.max_same_start_gap_seconds
            else coalesce(
                gap > poll_rule.max_gap_seconds
                or announced_at > previous_at
                or abs(date_sub('second', previous_announced_at, announced_at))
                > poll_rule.max_start_shift_seconds,
                false
            )
        end as begins_entry
    from neighbours
    cross join poll_rule
)
select
    *,
    count_if(begins_entry) over polled as entry_number,
    count_if(begins_entry or viewer_count <> previous_viewers) over polled as run_number
from judged
window polled as (partition by creator_id, platform order by observed_at);

-- A run is as long as viewers stand still; an entry whose last run is long beyond belief lingered.
create table poll_entries as
with runs as (
    select
        creator_id,
        platform,
        entry_number,
        run_number,
        count(*) as poll_count,
        min(observed_at) as first_at,
        max(observed_at) as last_at,
        sum(least(gap, max_gap)) filter (not begins_entry) as watched,
        sum(least(gap, max_gap) * (viewer_count + previous_viewers)) filter (not begins_entry)
            as twice_viewer_seconds,
        sum(gap) filter (not begins_entry and gap <= max_gap) as interval_seconds,
        count(*) filter (not begins_entry and gap <= max_gap) as interval_count,
        max(announced_at) filter (begins_entry) as first_announced_at,
        min(announced_at) as earliest_announced_at,
        max(viewer_count) as peak_viewers,
        min(arrival_date) as first_arrival_date,
        max(arrival_date) as last_arrival_date
    from polls
    group by all
),
marked as (
    select
        *,
        run_number = max(run_number) over (partition by creator_id, platform, entry_number) as is_last
    from runs
),
entries as (
    select
        creator_id,
        platform,
        entry_number,
        min(first_at) as first_at,
        max(last_at) as last_at,
        max(last_at) filter (not is_last) as last_change_at,
        sum(poll_count) as poll_count,
        sum(poll_count) filter (is_last) >= any_value(poll_rule.min_linger_polls)
        and count(*) >= 3
        and sum(poll_count) filter (is_last) > 2 * max(poll_count) filter (not is_last) as lingers,
        coalesce(sum(watched), 0) as watched,
        coalesce(sum(watched) filter (not is_last), 0) as watched_before,
        coalesce(sum(twice_viewer_seconds), 0) as twice_viewer_seconds,
        coalesce(sum(twice_viewer_seconds) filter (not is_last), 0) as twice_viewer_seconds_before,
        cast(floor(
            case
                when sum(interval_count) > 0 then sum(interval_seconds) / (2.0 * sum(interval_count))
                else any_value(poll_rule.poll_interval_seconds) / 2.0
            end
        ) as bigint) as half_interval,
        max(first_announced_at) as first_announced_at,
        min(earliest_announced_at) as earliest_announced_at,
        max(peak_viewers) as peak_viewers,
        min(first_arrival_date) as first_arrival_date,
        max(last_arrival_date) as last_arrival_date
    from marked
    cross join poll_rule
    group by creator_id, platform, entry_number
),
believed as (
    select
        entries.*,
        poll_rule.merge_restart_seconds,
        case
            when
                date_sub('second', first_announced_at, first_at)
                between 0 and poll_rule.max_start_credit_seconds
                then first_announced_at
            when
                date_sub('second', earliest_announced_at, first_at)
                between 0 and poll_rule.max_start_credit_seconds
                then earliest_announced_at
        end as believed_at
    from entries
    cross join poll_rule
),
timed as (
    select
        *,
        coalesce(believed_at, first_at - to_seconds(half_interval)) as started_at,
        case when lingers then last_change_at else last_at end as last_live_at,
        last_live_at + to_seconds(half_interval) as ended_at
    from believed
),
-- A restart within minutes continues the session.
restarted as (
    select
        *,
        believed_at is not null and date_sub(
            'second',
            lag(ended_at) over (partition by creator_id, platform order by entry_number),
            started_at
        ) <= merge_restart_seconds as is_restart
    from timed
)
select
    *,
    count_if(is_restart is not true) over (
        partition by creator_id, platform order by entry_number
    ) as session_number
from restarted;

create table observed_sessions as
with sessions as (
    select
        creator_id,
        platform,
        session_number,
        arg_min(started_at, entry_number) as started_at,
        greatest(max(ended_at), arg_min(started_at, entry_number)) as ended_at,
        min(first_at) as first_at,
        max(last_at) as last_at,
        max(last_live_at) as last_live_at,
        sum(case when lingers then watched_before else watched end) as watched,
        sum(case when lingers then twice_viewer_seconds_before else twice_viewer_seconds end)
            as twice_viewer_seconds,
        cast(max(peak_viewers) as bigint) as peak_viewers,
        max(last_arrival_date) as arrival_date
    from poll_entries
    group by all
),
categories as (
    select
        poll_entries.creator_id,
        poll_entries.platform,
        poll_entries.session_number,
        polls.category
    from polls
    inner join poll_entries using (creator_id, platform, entry_number)
    where polls.category is not null
    group by
        poll_entries.creator_id,
        poll_entries.platform,
        poll_entries.session_number,
        polls.category
    qualify row_number() over (
        partition by poll_entries.creator_id, poll_entries.platform, poll_entries.session_number
        order by count(*) desc, polls.category
    ) = 1
)
select
    'observed-' || strftime(first_at, '%Y%m%dT%H%M%SZ') || '-' || platform || '-' || creator_id
        as session_id,
    creator_id,
    platform,
    started_at,
    -- Who was seen a moment before the last poll of the platform may still be on.
    case
        when
            last_live_at < last_at
            or date_sub('second', last_live_at, max(last_at) over (partition by platform))
            > (select max_gap_seconds from poll_rule)
            then ended_at
    end as ended_at,
    category,
    cast(
        case when watched > 0 then rate(twice_viewer_seconds, 2 * watched) else peak_viewers end
        as decimal(18, 4)
    ) as average_viewers,
    peak_viewers,
    last_at as updated_at,
    arrival_date
from sessions
left join categories using (creator_id, platform, session_number);

-- Sessions of both routes ---------------------------------------------------------------------------

create table fct_live_sessions as
with reported as (
    select
        session_id,
        creator_id,
        campaign_id,
        lower(platform) as platform,
        utc_second(started_at) as started_at,
        utc_second(ended_at) as ended_at,
        category,
        'reported' as session_source,
        coalesce(is_static, false) as is_static,
        average_viewers,
        peak_viewers,
        unique_viewers,
        viewer_seconds,
        likes,
        comments,
        shares,
        new_followers,
        gifters,
        diamonds,
        utc(updated_at) as updated_at,
        _dt as arrival_date,
        _file as arrival_file,
        _row as arrival_row
    from read_parquet(
        getvariable('raw') || '/live_sessions/dt=*/*.parquet', hive_partitioning = false
    )
    qualify row_number() over (
        partition by session_id
        order by updated_at desc nulls last, _dt desc, _file desc, _row desc
    ) = 1
),
sessions as (
    from reported
    union all by name
    select *, 'observed' as session_source, false as is_static
    from observed_sessions
),
clocked as (
    select
        sessions.*,
        coalesce(clocks.timezone, 'UTC') as timezone,
        case
            when sessions.ended_at is null then sessions.started_at
            else least(
                sessions.ended_at, sessions.started_at + to_seconds(poll_rule.max_session_seconds)
            )
        end as counted_ended_at
    from sessions
    cross join poll_rule
    left join dim_creators_history as clocks
        on
            sessions.creator_id = clocks.creator_id
            and sessions.started_at >= clocks.valid_from_at
            and sessions.started_at < clocks.valid_to_at
),
measured as (
    select
        *,
        local_day(started_at, timezone) as local_start_date,
        local_day(counted_ended_at, timezone) as local_end_date,
        date_sub('second', started_at, ended_at) as duration_seconds,
        date_sub('second', started_at, counted_ended_at) as counted_seconds
    from clocked
)
select
    measured.session_id,
    measured.creator_id,
    states.agency_id,
    measured.campaign_id,
    measured.platform,
    measured.started_at,
    measured.ended_at,
    measured.counted_ended_at,
    measured.timezone,
    measured.local_start_date,
    measured.local_end_date,
    measured.category,
    states.market,
    states.tier,
    measured.session_source,
    measured.ended_at is null as is_open,
    coalesce(measured.duration_seconds > 86400, false) as is_over_24h,
    measured.is_static,
    false as is_also_reported,
    measured.duration_seconds,
    measured.counted_seconds,
    measured.average_viewers,
    measured.peak_viewers,
    measured.unique_viewers,
    coalesce(
        measured.viewer_seconds,
        case
            when measured.counted_seconds > 0
                then cast(round(measured.average_viewers * measured.counted_seconds) as bigint)
        end
    ) as viewer_seconds,
    measured.likes,
    measured.comments,
    measured.shares,
    measured.new_followers,
    measured.gifters,
    measured.diamonds,
    measured.updated_at,
    measured.arrival_date,
    measured.arrival_file,
    measured.arrival_row
from measured
left join dim_creators_history as states
    on
        measured.creator_id = states.creator_id
        and measured.local_start_date between states.valid_from_date and states.valid_to_date;

-- A session that polls saw while a reported one was on is the same show.
update fct_live_sessions as observed set is_also_reported = true
where observed.session_source = 'observed' and exists (
    from fct_live_sessions as reported, poll_rule
    where
        reported.session_source = 'reported'
        and reported.creator_id = observed.creator_id
        and reported.platform = observed.platform
        and observed.started_at < case
            when reported.is_open then reported.started_at + to_seconds(poll_rule.max_gap_seconds)
            else reported.counted_ended_at
        end
        and case
            when observed.is_open then observed.started_at + to_seconds(poll_rule.max_gap_seconds)
            else observed.counted_ended_at
        end > reported.started_at
);

-- Creator days --------------------------------------------------------------------------------------

-- A session over midnight gives each local day its part.
create table pieces as
with days as (
    select
        creator_id,
        platform,
        timezone,
        is_static,
        is_also_reported,
        started_at,
        counted_ended_at,
        local_start_date,
        local_end_date,
        unnest(range(date_sub('day', local_start_date, local_end_date) + 1)) as day_number
    from fct_live_sessions
),
cut as (
    select
        creator_id,
        local_start_date + cast(day_number as integer) as local_date,
        platform,
        is_static,
        day_number = 0 and not is_also_reported as is_counted_start,
        case
            when day_number = 0 then started_at
            else local_midnight(local_start_date + cast(day_number as integer), timezone)
        end as from_at,
        case
            when local_start_date + cast(day_number as integer) = local_end_date
                then counted_ended_at
            else local_midnight(local_start_date + cast(day_number as integer) + 1, timezone)
        end as to_at
    from days
)
select * exclude (is_counted_start) from cut
where is_counted_start or to_at > from_at;

-- What overlaps counts once: stretches of all sessions, and, for days with an idle picture, of others.
create table stretches as
with wanted as (
    select
        creator_id,
        local_date,
        from_at,
        to_at,
        is_static,
        bool_or(is_static) over (partition by creator_id, local_date) as has_static
    from pieces
),
kinds as (
    select creator_id, local_date, from_at, to_at, false as is_moving from wanted
    union all
    select creator_id, local_date, from_at, to_at, true as is_moving from wanted
    where has_static and not is_static
),
reached as (
    select
        *,
        max(to_at) over (
            partition by creator_id, local_date, is_moving order by from_at, to_at
            rows between unbounded preceding and 1 preceding
        ) as reached_at
    from (select distinct * from kinds)
),
numbered as (
    select
        *,
        count_if(reached_at is null or from_at > reached_at) over (
            partition by creator_id, local_date, is_moving order by from_at, to_at
            rows between unbounded preceding and current row
        ) as stretch_number
    from reached
)
select
    creator_id,
    local_date,
    is_moving,
    date_sub('second', min(from_at), max(to_at)) as seconds
from numbered
group by creator_id, local_date, is_moving, stretch_number;

-- Of a program's rules the one of the creator's own market wins, then of the own platform.
create table rules_of_places as
with places as (
    from (select market from markets)
    cross join (select distinct platform from dim_creators_history union select 'unknown')
)
select
    places.market,
    places.platform,
    metric_rules.program,
    metric_rules.rule_id,
    metric_rules.exclude_static,
    coalesce(metric_rules.min_live_seconds, 0) as min_live_seconds,
    coalesce(metric_rules.min_longest_session_seconds, 0) as min_longest_session_seconds,
    coalesce(metric_rules.min_session_seconds, 0) as min_session_seconds,
    coalesce(metric_rules.min_diamonds, 0) as min_diamonds,
    coalesce(metric_rules.max_counted_seconds, 90000) as max_counted_seconds
from places
inner join metric_rules
    on
        metric_rules.market in ('*', places.market)
        and metric_rules.platform in ('*', places.platform)
qualify row_number() over (
    partition by metric_rules.program, places.market, places.platform
    order by metric_rules.market = '*', metric_rules.platform = '*', metric_rules.rule_id
) = 1;

create table fct_creator_days as
with lived as (
    select
        creator_id,
        local_date,
        min(from_at) as first_live_at,
        count(distinct platform) as platform_count,
        bool_or(is_static) as has_static
    from pieces
    group by all
),
-- The same show on a second platform is no second session.
repeated as (
    select distinct later.session_id
    from fct_live_sessions as later
    inner join lived
        on later.creator_id = lived.creator_id and later.local_start_date = lived.local_date
    inner join fct_live_sessions as earlier
        on
            later.creator_id = earlier.creator_id
            and later.local_start_date = earlier.local_start_date
            and later.platform <> earlier.platform
    where
        lived.platform_count > 1
        and not later.is_also_reported
        and not earlier.is_also_reported
        and (
            (later.started_at > earlier.started_at and later.started_at < earlier.counted_ended_at)
            or (later.started_at = earlier.started_at and later.session_id > earlier.session_id)
        )
),
counted as (
    select
        creator_id,
        local_start_date as local_date,
        count(*) filter (session_id not in (from repeated)) as session_count,
        cast(sum(viewer_seconds) as bigint) as viewer_seconds,
        sum(counted_seconds) filter (viewer_seconds is not null) as watched_seconds,
        max(peak_viewers) as peak_viewers,
        cast(sum(diamonds) as bigint) as diamonds,
        cast(sum(gifters) as bigint) as gifters,
        cast(sum(new_followers) as bigint) as new_followers,
        cast(sum(comments) as bigint) as comments,
        cast(sum(likes) as bigint) as likes,
        cast(sum(shares) as bigint) as shares
    from fct_live_sessions
    where not is_also_reported
    group by all
),
placed as (
    select
        lived.*,
        states.market,
        states.agency_id,
        states.tier,
        rules_of_places.* exclude (market, platform, program)
    from lived
    left join dim_creators_history as states
        on
            lived.creator_id = states.creator_id
            and lived.local_date between states.valid_from_date and states.valid_to_date
    left join rules_of_places
        on
            coalesce(states.market, 'ZZ') = rules_of_places.market
            and coalesce(states.platform, 'unknown') = rules_of_places.platform
            and rules_of_places.program = '*'
),
measured as (
    select
        placed.creator_id,
        placed.local_date,
        cast(sum(stretches.seconds) filter (not stretches.is_moving) as bigint) as live_seconds,
        max(stretches.seconds) filter (not stretches.is_moving) as longest_session_seconds,
        coalesce(sum(stretches.seconds) filter (
            stretches.is_moving = (placed.exclude_static and placed.has_static)
            and stretches.seconds >= placed.min_session_seconds
        ), 0) as uncapped_seconds,
        coalesce(max(stretches.seconds) filter (
            stretches.is_moving = (placed.exclude_static and placed.has_static)
        ), 0) as rule_longest_seconds
    from placed
    inner join stretches using (creator_id, local_date)
    group by all
)
select
    placed.creator_id,
    placed.local_date,
    placed.first_live_at,
    placed.platform_count,
    coalesce(counted.session_count, 0) as session_count,
    measured.live_seconds,
    measured.longest_session_seconds,
    measured.uncapped_seconds >= placed.min_live_seconds
    and measured.uncapped_seconds >= placed.min_session_seconds
    and measured.rule_longest_seconds >= placed.min_longest_session_seconds
    and coalesce(counted.diamonds, 0) >= placed.min_diamonds as is_valid_day,
    placed.rule_id,
    counted.viewer_seconds,
    cast(rate(counted.viewer_seconds, counted.watched_seconds) as decimal(18, 4))
        as average_viewers,
    counted.peak_viewers,
    counted.diamonds,
    counted.gifters,
    counted.new_followers,
    counted.comments,
    counted.likes,
    counted.shares,
    placed.market,
    placed.agency_id,
    placed.tier,
    cast(least(measured.uncapped_seconds, placed.max_counted_seconds) as bigint) as counted_seconds
from placed
inner join measured using (creator_id, local_date)
left join counted using (creator_id, local_date);

-- Valid days by the rules of programs ---------------------------------------------------------------

create table fct_valid_days as
with programs as (
    select distinct program from metric_rules where program not in ('*', 'backstage_export')
),
assigned as (
    select creator_id, program_id
    from read_parquet(
        getvariable('raw') || '/program_assignments/dt=*/*.parquet', hive_partitioning = false
    )
    group by all
),
followed as (
    select distinct creator_id, program
    from (
        select assigned.creator_id, programs.program
        from assigned
        inner join programs
            on
                assigned.program_id = programs.program
                or starts_with(assigned.program_id, programs.program || '_')
        qualify row_number() over (
            partition by assigned.creator_id, assigned.program_id
            order by length(programs.program) desc
        ) = 1
    )
),
ruled as (
    select
        days.creator_id,
        days.local_date,
        days.diamonds,
        rules_of_places.*
    from fct_creator_days as days
    inner join followed using (creator_id)
    left join dim_creators_history as states
        on
            days.creator_id = states.creator_id
            and days.local_date between states.valid_from_date and states.valid_to_date
    inner join rules_of_places
        on
            coalesce(states.market, 'ZZ') = rules_of_places.market
            and coalesce(states.platform, 'unknown') = rules_of_places.platform
            and followed.program = rules_of_places.program
),
static_days as (
    select distinct creator_id, local_date from pieces where is_static
),
counted as (
    select
        ruled.* exclude (market, platform),
        coalesce(
            sum(stretches.seconds) filter (stretches.seconds >= ruled.min_session_seconds), 0
        ) as uncapped_seconds,
        coalesce(max(stretches.seconds), 0) as longest_seconds
    from ruled
    left join static_days using (creator_id, local_date)
    left join stretches
        on
            ruled.creator_id = stretches.creator_id
            and ruled.local_date = stretches.local_date
            and stretches.is_moving = (ruled.exclude_static and static_days.creator_id is not null)
    group by all
)
select
    creator_id,
    rule_id,
    local_date,
    program,
    uncapped_seconds >= min_live_seconds
    and uncapped_seconds >= min_session_seconds
    and longest_seconds >= min_longest_session_seconds
    and coalesce(diamonds, 0) >= min_diamonds as is_valid_day,
    cast(least(uncapped_seconds, max_counted_seconds) as bigint) as counted_seconds
from counted;
