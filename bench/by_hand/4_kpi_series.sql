-- The whole numbers that KPIs are made of, the KPIs' values, and the series of which Python says what
-- was to be expected (see bench/marts.py).

create table kpis as from read_csv(getvariable('seeds') || '/kpis.csv');
create table kpi_targets as from read_csv(getvariable('seeds') || '/kpi_targets.csv');
create table holidays as from read_csv(getvariable('seeds') || '/holidays.csv');

create table kpi_days as
select
    period_start_date as calendar_date,
    is_complete,
    covered_days_count > 0 as is_covered,
    sum(covered_days_count) over (order by period_start_date) as covered_to_date
from periods
where
    period_grain = 'day'
    and period_start_date >= (
        select min(period_start_date) from periods
        where period_grain = 'day' and covered_days_count > 0
    );

-- A creator counts in the place of the last active day, for as long as the window reaches.
create table active_windows as
with active as (
    select
        local_date,
        coalesce(market, 'unknown') as market,
        coalesce(agency_id, 'unknown') as agency_id,
        coalesce(lead(local_date) over (partition by creator_id order by local_date), '9999-12-31')
            as next_date
    from fct_creator_days
    where session_count > 0
),
steps as (
    select
        market,
        agency_id,
        unnest([
            {'day': local_date, 'a7': 1, 'd7': 1, 'a28': 1, 'd28': 1},
            {'day': least(local_date + 7, next_date), 'a7': -1, 'd7': 0, 'a28': 0, 'd28': 0},
            {'day': local_date + 7, 'a7': 0, 'd7': -1, 'a28': 0, 'd28': 0},
            {'day': least(local_date + 28, next_date), 'a7': 0, 'd7': 0, 'a28': -1, 'd28': 0},
            {'day': local_date + 28, 'a7': 0, 'd7': 0, 'a28': 0, 'd28': -1}
        ], recursive := true)
    from active
),
changes as (
    select day, market, agency_id, sum(a7) as a7, sum(d7) as d7, sum(a28) as a28, sum(d28) as d28
    from steps
    group by all
),
calendar as (
    select
        market,
        agency_id,
        cast(unnest(generate_series(min(day), max(day), interval 1 day)) as date) as day
    from changes
    group by market, agency_id
)
select
    calendar.day as local_date,
    calendar.market,
    calendar.agency_id,
    sum(a7) over so_far as active_7d_count,
    sum(d7) over so_far as active_days_7d_count,
    sum(a28) over so_far as active_28d_count,
    sum(d28) over so_far as active_days_28d_count
from calendar
left join changes using (market, agency_id, day)
window so_far as (partition by calendar.market, calendar.agency_id order by calendar.day)
qualify active_28d_count > 0 or active_days_28d_count > 0;

create table first_weeks as
with days as (
    select
        lifetimes.creator_id,
        lifetimes.first_active_date,
        coalesce(days.market, 'unknown') as market,
        coalesce(days.agency_id, 'unknown') as agency_id,
        days.local_date - lifetimes.first_active_date as day_number
    from lifetimes
    inner join fct_creator_days as days
        on
            lifetimes.creator_id = days.creator_id
            and days.local_date between lifetimes.first_active_date
            and lifetimes.first_active_date + 34
    where days.session_count > 0
)
select
    first_active_date,
    max(market) filter (day_number = 0) as market,
    max(agency_id) filter (day_number = 0) as agency_id,
    count(*) filter (day_number between 7 and 13) > 0 as is_active_in_week_1,
    count(*) filter (day_number between 28 and 34) > 0 as is_active_in_week_4
from days
group by creator_id, first_active_date;

create table measures as
with of_days as (
    select
        local_date,
        coalesce(market, 'unknown') as market,
        coalesce(agency_id, 'unknown') as agency_id,
        count(*) as live_creator_count,
        count(*) filter (session_count > 0) as active_count,
        sum(session_count) as session_count,
        sum(live_seconds) as live_seconds,
        count(*) filter (is_valid_day) as valid_day_count,
        sum(viewer_seconds) as viewer_seconds,
        sum(live_seconds) filter (viewer_seconds is not null or session_count = 0)
            as watched_live_seconds,
        max(peak_viewers) as peak_viewers,
        sum(diamonds) as diamonds,
        sum(live_seconds) filter (diamonds is not null or session_count = 0)
            as diamonds_live_seconds,
        sum(gifters) as gifters,
        sum(session_count) filter (gifters is not null) as gifters_session_count,
        sum(new_followers) as new_followers,
        sum(live_seconds) filter (new_followers is not null or session_count = 0)
            as new_followers_live_seconds,
        sum(comments) filter (viewer_seconds is not null) as told_comments,
        sum(viewer_seconds) filter (comments is not null) as comments_viewer_seconds
    from fct_creator_days
    group by all
),
of_cohorts as (
    select first_active_date as local_date, market, agency_id, 'new' as cohort, false as is_active
    from first_weeks
    union all
    select first_active_date + 13, market, agency_id, 'week_1', is_active_in_week_1 from first_weeks
    union all
    select first_active_date + 34, market, agency_id, 'week_4', is_active_in_week_4 from first_weeks
    union all
    select
        joined_date + 14,
        market,
        agency,
        'joined',
        coalesce(first_active_date <= joined_date + 14, false)
    from lifetimes
    where joined_date is not null
),
of_cohort_days as (
    select
        local_date,
        market,
        agency_id,
        count(*) filter (cohort = 'new') as new_count,
        count(*) filter (cohort = 'week_1') as week_1_cohort_count,
        count(*) filter (cohort = 'week_1' and is_active) as week_1_active_count,
        count(*) filter (cohort = 'week_4') as week_4_cohort_count,
        count(*) filter (cohort = 'week_4' and is_active) as week_4_active_count,
        count(*) filter (cohort = 'joined') as joined_14d_cohort_count,
        count(*) filter (cohort = 'joined' and is_active) as joined_14d_active_count
    from of_cohorts
    group by all
),
told as (
    from of_days
    union all by name from active_windows
    union all by name from of_cohort_days
)
select
    local_date,
    market,
    agency_id,
    max(peak_viewers) as peak_viewers,
    cast(sum(columns(* exclude (local_date, market, agency_id, peak_viewers))) as bigint)
from told
where local_date in (select calendar_date from kpi_days)
group by local_date, market, agency_id;

-- Where nobody was LIVE counts are 0; where somebody was and no source told, they are not known.
create macro counted(amount, live_creator_count) as
    case when coalesce(live_creator_count, 0) = 0 then coalesce(amount, 0) else amount end;

create table kpi_values as
with of_markets as (
    select
        local_date as calendar_date,
        case when grouping(market) = 0 then market else 'all' end as market,
        max(peak_viewers) as peak_viewers,
        cast(sum(columns(* exclude (local_date, market, agency_id, peak_viewers))) as bigint)
    from measures
    group by grouping sets ((local_date, market), (local_date))
),
markets as (
    select market, min(calendar_date) as first_date from of_markets group by market
),
market_days as (
    select markets.market, kpi_days.calendar_date, of_markets.* exclude (market, calendar_date)
    from markets
    inner join kpi_days on kpi_days.calendar_date >= markets.first_date
    left join of_markets
        on markets.market = of_markets.market and kpi_days.calendar_date = of_markets.calendar_date
),
filled as (
    select
        market,
        calendar_date,
        coalesce(columns('^(active_(days_)?(7|28)d_count|new_count|(week_|joined_).*)$'), 0),
        counted(
            columns(
                '^(live_|active_count|session_count|valid_|viewer_|watched_|peak_|diamonds|gifters|new_followers|told_|comments_)'
            ),
            live_creator_count
        )
    from market_days
),
amounts as (
    select calendar_date, market, measure, amount
    from filled
    unpivot include nulls (amount for measure in (columns(* exclude (market, calendar_date))))
    union all
    select
        days.calendar_date,
        'all' as market,
        'covered_day_count' as measure,
        days.covered_to_date - coalesce(earlier.covered_to_date, 0) as amount
    from kpi_days as days
    left join kpi_days as earlier on days.calendar_date - 28 = earlier.calendar_date
),
spans as (
    select
        kpis.*,
        days.calendar_date,
        days.covered_to_date - coalesce(earlier.covered_to_date, 0) as covered_days_count,
        days.is_complete
        and days.covered_to_date - coalesce(earlier.covered_to_date, 0) = kpis.lookback_days
            as is_complete
    from kpis
    cross join kpi_days as days
    left join kpi_days as earlier
        on days.calendar_date - cast(kpis.lookback_days as integer) = earlier.calendar_date
    where kpis.period = 'day'
)
select
    spans.calendar_date,
    numerators.market,
    spans.kpi,
    cast(round(case
        when spans.denominator is null and spans.covered_days_count > 0
            then rate(numerators.amount * spans.numerator_factor, spans.denominator_factor)
        when spans.denominator is not null and spans.is_complete
            then rate(
                numerators.amount * spans.numerator_factor,
                denominators.amount * spans.denominator_factor
            )
    end, 6) as decimal(28, 6)) as kpi_value,
    case when spans.covered_days_count > 0 then numerators.amount end as numerator,
    case when spans.covered_days_count > 0 then denominators.amount end as denominator,
    cast(round(rate(spans.covered_days_count, spans.lookback_days), 6) as decimal(9, 6))
        as coverage_rate,
    spans.is_complete
from spans
inner join amounts as numerators
    on spans.numerator = numerators.measure and spans.calendar_date = numerators.calendar_date
left join amounts as denominators
    on
        spans.denominator = denominators.measure
        and spans.calendar_date = denominators.calendar_date
        and numerators.market = denominators.market;

create table last_complete as
select max(calendar_date) as last_date from kpi_days where is_complete;

create table kpi_series as
with recent as (
    select kpi_values.*
    from kpi_values
    cross join last_complete
    where calendar_date > last_date - 182 and calendar_date <= last_date
),
active as (
    select
        recent.calendar_date,
        recent.market,
        recent.numerator as active_count,
        holidays.market is not null as is_holiday,
        avg(coalesce(recent.numerator, 0)) over (partition by recent.market) as mean_active_count
    from recent
    left join holidays
        on recent.market = holidays.market and recent.calendar_date = holidays.holiday_date
    where recent.kpi = 'active_creators'
),
-- All markets together have a holiday where a quarter of the creators has one.
holiday_days as (
    select calendar_date, market, is_holiday from active where market <> 'all'
    union all
    select
        calendar_date,
        'all' as market,
        coalesce(sum(mean_active_count) filter (is_holiday), 0) >= 0.25 * sum(mean_active_count)
    from active
    where market <> 'all'
    group by calendar_date
)
select
    recent.calendar_date,
    recent.market,
    recent.kpi,
    kpis.unit,
    case when recent.is_complete then recent.kpi_value end as kpi_value,
    recent.numerator,
    recent.denominator,
    active.active_count,
    coalesce(holiday_days.is_holiday, false) as is_holiday
from recent
inner join kpis using (kpi)
left join active using (calendar_date, market)
left join holiday_days using (calendar_date, market)
where kpis.has_expectation;
