-- What was covered, growth accounting and cohort retention.

-- A day is covered by a route if its arrivals are there and of a plausible size --------------------

create table arrivals as
select
    regexp_extract(file, '/([a-z_]+)/dt=', 1) as feed,
    cast(regexp_extract(file, '/dt=([0-9-]+)/', 1) as date) as arrival_date
from glob(getvariable('raw') || '/*/dt=*/*.parquet')
group by all;

create table as_of as
select max(arrival_date) as as_of_date
from arrivals
where feed in ('live_sessions', 'live_snapshots');

create table route_days as
with events as (
    select 'live_sessions' as feed, cast(utc(started_at) as date) as event_date, count(*) as row_count
    from read_parquet(
        getvariable('raw') || '/live_sessions/dt=*/*.parquet', hive_partitioning = false
    )
    group by all
    union all
    select 'live_snapshots' as feed, cast(utc(observed_at) as date) as event_date, count(*) as row_count
    from read_parquet(
        getvariable('raw') || '/live_snapshots/dt=*/*.parquet', hive_partitioning = false
    )
    group by all
),
numbered as (
    select *, row_number() over (partition by feed order by event_date) as number from events
),
answered as (
    select feed, arrival_date as event_date from arrivals
    union
    select feed, arrival_date - 1 as event_date from arrivals
),
limits as (
    select feed, min(known_date) as first_date, max(known_date) as last_date
    from (
        select feed, event_date as known_date from events
        union all
        select feed, arrival_date as known_date from arrivals
    )
    where feed in ('live_sessions', 'live_snapshots')
    group by all
),
days as (
    select
        limits.feed,
        cast(unnest(generate_series(first_date, last_date, interval 1 day)) as date) as event_date
    from limits
),
counted as (
    select
        days.feed,
        days.event_date,
        coalesce(events.row_count, 0) as row_count,
        answered.event_date is not null as has_arrival,
        count(events.row_count) over (
            partition by days.feed order by days.event_date
            rows between unbounded preceding and 1 preceding
        ) as earlier_count
    from days
    left join events using (feed, event_date)
    left join answered using (feed, event_date)
)
select
    counted.feed,
    counted.event_date,
    counted.has_arrival,
    counted.has_arrival and (
        median(numbered.row_count) is null
        or median(numbered.row_count) < 20
        or counted.row_count >= 0.2 * median(numbered.row_count)
    ) as is_covered
from counted
left join numbered
    on
        counted.feed = numbered.feed
        and numbered.number between counted.earlier_count - 27 and counted.earlier_count
group by counted.feed, counted.event_date, counted.has_arrival, counted.row_count;

-- A route that is silent for more than a week has ended; until then every route must have the day.
create table live_days as
with routes as (
    select
        feed,
        min(event_date) as first_date,
        case
            when max(event_date) + 7 >= any_value(as_of_date)
                then greatest(max(event_date), any_value(as_of_date))
            else max(event_date)
        end as last_date
    from route_days
    cross join as_of
    where has_arrival
    group by feed
),
calendar as (
    select cast(unnest(generate_series(
        (select min(event_date) from route_days), (select max(last_date) from routes), interval 1 day
    )) as date) as event_date
)
select
    calendar.event_date,
    coalesce(bool_and(coalesce(route_days.is_covered, false)) filter (routes.feed is not null), false)
        as is_covered
from calendar
left join routes on calendar.event_date between routes.first_date and routes.last_date
left join route_days on routes.feed = route_days.feed and calendar.event_date = route_days.event_date
group by all;

-- Creators' first and last active day, and their segments of today -----------------------------------

create table lifetimes as
with active as (
    select creator_id, min(local_date) as first_active_date, max(local_date) as last_active_date
    from fct_creator_days
    cross join as_of
    where session_count > 0 and local_date <= as_of_date
    group by creator_id
)
select
    creator_id,
    coalesce(market, 'unknown') as market,
    coalesce(agency_id, 'unknown') as agency,
    coalesce(category, 'unknown') as category,
    coalesce(acquisition_source, 'unknown') as acquisition_source,
    coalesce(language, 'unknown') as language,
    coalesce(tier, 'unknown') as tier,
    joined_date,
    first_active_date,
    last_active_date
from dim_creators
full join active using (creator_id);

create table periods as
with bounds as (
    select
        as_of_date,
        least(
            (select min(event_date) from live_days),
            (select min(first_active_date) from lifetimes),
            (select min(joined_date) from lifetimes)
        ) as first_date
    from as_of
),
calendar as (
    select cast(unnest(generate_series(
        date_trunc('month', first_date) - interval 7 days, as_of_date + 31, interval 1 day
    )) as date) as calendar_date
    from bounds
),
grains as (
    select 'day' as period_grain, calendar_date as period_start_date, calendar_date from calendar
    union all
    select 'week', cast(date_trunc('week', calendar_date) as date), calendar_date from calendar
    union all
    select 'month', cast(date_trunc('month', calendar_date) as date), calendar_date from calendar
),
counted as (
    select
        period_grain,
        period_start_date,
        max(calendar_date) as period_end_date,
        count(*) as days_count,
        count(*) filter (is_covered) as covered_days_count
    from grains
    left join live_days on grains.calendar_date = live_days.event_date
    group by all
),
known as (
    select
        counted.*,
        covered_days_count = days_count
        and coalesce(next_days.is_covered, false)
        and next_days.event_date < bounds.as_of_date as is_complete
    from counted
    cross join bounds
    left join live_days as next_days on counted.period_end_date + 1 = next_days.event_date
    where period_end_date >= bounds.first_date and period_start_date <= bounds.as_of_date
)
select
    period_grain,
    period_start_date,
    row_number() over in_order as period_number,
    coalesce(is_complete, false) as is_complete,
    coalesce(lag(is_complete) over in_order, false) as is_previous_complete,
    covered_days_count,
    coalesce(lag(covered_days_count) over in_order, 0) as previous_covered_days_count,
    cast(round(rate(covered_days_count, days_count), 6) as decimal(9, 6)) as coverage_rate
from known
window in_order as (partition by period_grain order by period_start_date);

-- Growth accounting ---------------------------------------------------------------------------------

create table creator_periods as
with active as (
    select creator_id, local_date
    from fct_creator_days
    cross join as_of
    where session_count > 0 and local_date <= as_of_date
),
grains as (
    select 'day' as period_grain, creator_id, local_date as period_start_date from active
    union all
    select 'week', creator_id, cast(date_trunc('week', local_date) as date) from active group by all
    union all
    select 'month', creator_id, cast(date_trunc('month', local_date) as date) from active group by all
)
select
    *,
    lag(period_start_date) over (
        partition by period_grain, creator_id order by period_start_date
    ) as previous_start_date
from grains;

create table growth_accounting as
with counted as (
    select
        period_grain,
        period_start_date,
        case
            when grouping(market) = 0 then 'market'
            when grouping(agency) = 0 then 'agency'
            when grouping(category) = 0 then 'category'
            when grouping(acquisition_source) = 0 then 'acquisition_source'
            when grouping(language) = 0 then 'language'
            when grouping(tier) = 0 then 'tier'
            else 'all'
        end as segment_kind,
        coalesce(market, agency, category, acquisition_source, language, tier, 'all')
            as segment_value,
        count(*) as active_count,
        count(*) filter (previous_start_date is null) as new_count,
        count(*) filter (previous_start_date = case period_grain
            when 'day' then period_start_date - 1
            when 'week' then period_start_date - 7
            else cast(period_start_date - interval 1 month as date)
        end) as retained_count
    from creator_periods
    inner join lifetimes using (creator_id)
    group by grouping sets (
        (period_grain, period_start_date),
        (period_grain, period_start_date, market),
        (period_grain, period_start_date, agency),
        (period_grain, period_start_date, category),
        (period_grain, period_start_date, acquisition_source),
        (period_grain, period_start_date, language),
        (period_grain, period_start_date, tier)
    )
),
segments as (
    select period_grain, segment_kind, segment_value, min(period_start_date) as first_start_date
    from counted
    group by all
),
every_period as (
    select
        segments.segment_kind,
        segments.segment_value,
        periods.*,
        coalesce(counted.active_count, 0) as active_count,
        coalesce(counted.new_count, 0) as new_count,
        coalesce(counted.retained_count, 0) as retained_count,
        coalesce(lag(counted.active_count) over (
            partition by segments.period_grain, segments.segment_kind, segments.segment_value
            order by periods.period_start_date
        ), 0) as previous_active_count
    from segments
    inner join periods
        on
            segments.period_grain = periods.period_grain
            and segments.first_start_date <= periods.period_start_date
    left join counted
        on
            segments.period_grain = counted.period_grain
            and segments.segment_kind = counted.segment_kind
            and segments.segment_value = counted.segment_value
            and periods.period_start_date = counted.period_start_date
),
moved as (
    select
        *,
        active_count - new_count - retained_count as resurrected_count,
        case
            when is_complete and previous_covered_days_count > 0
                then previous_active_count - retained_count
        end as churned_count
    from every_period
)
select
    period_grain,
    period_start_date,
    segment_kind,
    segment_value,
    case when covered_days_count > 0 then active_count end as active_count,
    case when covered_days_count > 0 then new_count end as new_count,
    case when covered_days_count > 0 then retained_count end as retained_count,
    case when covered_days_count > 0 then resurrected_count end as resurrected_count,
    churned_count,
    case
        when is_complete and is_previous_complete
            then cast(round(rate(new_count + resurrected_count, churned_count), 6) as decimal(18, 6))
    end as quick_ratio,
    coverage_rate,
    is_complete
from moved;

-- Cohort retention ----------------------------------------------------------------------------------

create macro wilson(part, whole, side) as case
    when whole > 0 and part is not null then least(1e0, greatest(0e0, (
        cast(part as double) + 1.959963984540054e0 * 1.959963984540054e0 / 2e0
        + side * 1.959963984540054e0 * sqrt(
            cast(part as double) * (cast(whole as double) - cast(part as double))
            / cast(whole as double) + 1.959963984540054e0 * 1.959963984540054e0 / 4e0
        )
    ) / (cast(whole as double) + 1.959963984540054e0 * 1.959963984540054e0)))
end;

create table cohort_retention as
with entries as (
    select *, 'first_live' as cohort_kind, first_active_date as entered_date from lifetimes
    where first_active_date is not null
    union all
    select *, 'joined' as cohort_kind, joined_date as entered_date from lifetimes
    where joined_date is not null
),
cohorts as (
    select
        *,
        'week' as period_grain,
        cast(date_trunc('week', entered_date) as date) as cohort_start_date,
        cast(date_trunc('week', last_active_date) as date) as last_start_date
    from entries
    union all
    select
        *,
        'month' as period_grain,
        cast(date_trunc('month', entered_date) as date) as cohort_start_date,
        cast(date_trunc('month', last_active_date) as date) as last_start_date
    from entries
),
-- Everybody once in the cohort's own period, active or not, and in each period in which active.
present as (
    select
        *,
        cohort_start_date as period_start_date,
        true as is_entry,
        false as is_last
    from cohorts
    union all
    select
        cohorts.*,
        creator_periods.period_start_date,
        false as is_entry,
        creator_periods.period_start_date = cohorts.last_start_date as is_last
    from cohorts
    inner join creator_periods
        on
            cohorts.creator_id = creator_periods.creator_id
            and cohorts.period_grain = creator_periods.period_grain
            and creator_periods.period_start_date >= cohorts.cohort_start_date
),
counted as (
    select
        cohort_kind,
        period_grain,
        cohort_start_date,
        period_start_date,
        case
            when grouping(market) = 0 then 'market'
            when grouping(agency) = 0 then 'agency'
            when grouping(category) = 0 then 'category'
            when grouping(acquisition_source) = 0 then 'acquisition_source'
            when grouping(language) = 0 then 'language'
            when grouping(tier) = 0 then 'tier'
            else 'all'
        end as segment_kind,
        coalesce(market, agency, category, acquisition_source, language, tier, 'all')
            as segment_value,
        count(*) filter (is_entry) as entered_count,
        count(*) filter (not is_entry) as active_count,
        count(*) filter (is_last) as last_active_count
    from present
    group by grouping sets (
        (cohort_kind, period_grain, cohort_start_date, period_start_date),
        (cohort_kind, period_grain, cohort_start_date, period_start_date, market),
        (cohort_kind, period_grain, cohort_start_date, period_start_date, agency),
        (cohort_kind, period_grain, cohort_start_date, period_start_date, category),
        (cohort_kind, period_grain, cohort_start_date, period_start_date, acquisition_source),
        (cohort_kind, period_grain, cohort_start_date, period_start_date, language),
        (cohort_kind, period_grain, cohort_start_date, period_start_date, tier)
    )
),
sizes as (
    select
        cohort_kind,
        period_grain,
        cohort_start_date,
        segment_kind,
        segment_value,
        sum(entered_count) as cohort_size
    from counted
    group by all
),
last_covered as (
    select period_grain, max(period_number) as last_number
    from periods
    where covered_days_count > 0
    group by period_grain
),
cells as (
    select
        sizes.*,
        periods.period_number - own_periods.period_number as period_index,
        periods.is_complete,
        periods.coverage_rate,
        case when periods.is_complete then sizes.cohort_size else 0 end as matured_count,
        case when periods.covered_days_count > 0 then coalesce(counted.active_count, 0) end
            as active_count,
        case
            when periods.period_number <= last_covered.last_number
                then coalesce(sum(counted.last_active_count) over (
                    partition by
                        sizes.cohort_kind,
                        sizes.period_grain,
                        sizes.cohort_start_date,
                        sizes.segment_kind,
                        sizes.segment_value
                    order by periods.period_number desc
                ), 0)
        end as active_on_or_after_count
    from sizes
    inner join periods as own_periods
        on
            sizes.period_grain = own_periods.period_grain
            and sizes.cohort_start_date = own_periods.period_start_date
    inner join periods
        on
            sizes.period_grain = periods.period_grain
            and sizes.cohort_start_date <= periods.period_start_date
    left join last_covered on sizes.period_grain = last_covered.period_grain
    left join counted
        on
            sizes.cohort_kind = counted.cohort_kind
            and sizes.period_grain = counted.period_grain
            and sizes.cohort_start_date = counted.cohort_start_date
            and sizes.segment_kind = counted.segment_kind
            and sizes.segment_value = counted.segment_value
            and periods.period_start_date = counted.period_start_date
)
select
    cohort_kind,
    period_grain,
    cohort_start_date,
    segment_kind,
    segment_value,
    period_index,
    cast(cohort_size as bigint) as cohort_size,
    cast(matured_count as bigint) as matured_count,
    active_count,
    cast(active_on_or_after_count as bigint) as active_on_or_after_count,
    cast(round(rate(active_count, matured_count), 6) as decimal(9, 6)) as retention_rate,
    cast(round(wilson(active_count, matured_count, -1), 6) as decimal(9, 6)) as retention_ci_low,
    cast(round(wilson(active_count, matured_count, 1), 6) as decimal(9, 6)) as retention_ci_high,
    cast(round(rate(active_on_or_after_count, matured_count), 6) as decimal(9, 6))
        as rolling_retention_rate,
    coverage_rate,
    is_complete
from cells;
