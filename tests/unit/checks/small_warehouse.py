"""A small warehouse with the contract's marts, whole or with dirt.

What lives here: building a warehouse file in which every declared expectation holds, and spoiling
it. What may not: assertions.
"""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import duckdb

from orchestration.checks.tables import MARTS
from orchestration.release.certificate import CodeVersion, InputPartition

FIRST_DAY = date(2026, 3, 2)
LAST_ARRIVAL = date(2026, 3, 29)

_SETUP = """
create schema marts;
create schema intermediate;

create table marts.dim_markets as
select 'MX' as market, 'MX' as country, 'Mexico' as name_en, 'México' as name_es,
       'America/Mexico_City' as timezone, 'MXN' as currency, 'es' as language;

create table marts.dim_dates as
select cast(day as date) as calendar_date
from range(timestamp '2026-01-01', timestamp '2027-01-01', interval 1 day) as days(day);

create table marts.dim_agencies as
select 'agency-' || i as agency_id, 'Agency ' || i as name, 'MX' as country, 'MX' as market,
       0.2::decimal(18, 4) as commission_rate
from range(20) as numbers(i);

create table marts.dim_creators as
select 'creator-' || i as creator_id, 'agency-' || i % 20 as agency_id, 'tok' as platform,
       'secret.handle.' || i as handle, 'MX' as country, 'MX' as market,
       'America/Mexico_City' as timezone, date '2026-02-01' as joined_date,
       date '2026-03-01' as arrival_date
from range(40) as numbers(i);
comment on table marts.dim_creators is 'One row per creator''s latest record.';
comment on column marts.dim_creators.handle is 'Personal: the creator''s handle.';

create table marts.fct_live_sessions as
select 'session-' || day || '-' || i as session_id, 'creator-' || i as creator_id,
       cast(date '2026-03-02' + cast(day as integer) as timestamp) + interval 18 hour as started_at,
       date '2026-03-02' + cast(day as integer) as arrival_date,
       3600 + i as counted_seconds, false as is_over_24h,
       100 + i as diamonds, nullif(i % 5, 0) as gifters, i as new_followers, 3 as comments,
       7 as likes, null::bigint as shares, 36000 as viewer_seconds,
       false as is_also_reported
from range(28) as days(day), range(30) as numbers(i);

create table marts.fct_creator_days as
select creator_id, cast(started_at as date) as local_date,
       null::timestamp as first_live_at, 1::bigint as platform_count,
       count(*) as session_count, sum(counted_seconds)::bigint as live_seconds,
       max(counted_seconds)::bigint as longest_session_seconds,
       sum(diamonds) >= 110 as is_valid_day, 'sum_1h' as rule_id,
       sum(viewer_seconds)::bigint as viewer_seconds, 10.5::decimal(18, 4) as average_viewers,
       20::bigint as peak_viewers, sum(diamonds)::bigint as diamonds,
       sum(gifters)::bigint as gifters, sum(new_followers)::bigint as new_followers,
       sum(comments)::bigint as comments, sum(likes)::bigint as likes,
       sum(shares)::bigint as shares,
       'MX' as market, 'agency-1' as agency_id, 'bronze' as tier,
       sum(counted_seconds)::bigint as counted_seconds
from marts.fct_live_sessions group by creator_id, local_date;

create table marts.fct_backstage_days as
select 'creator-' || i as creator_id, date '2026-03-01' as month_start_date,
       date '2026-03-01' + cast(day as integer) as slice_start_date,
       date '2026-03-01' + cast(day as integer) as slice_end_date, 1::bigint as days_count,
       false as has_carried_counters, 100 + i as diamonds, 3600::bigint as live_seconds
from range(28) as days(day), range(30) as numbers(i);

create table marts.fct_backstage_reports as
select 'report-' || day as report_id, date '2026-03-02' + cast(day as integer) as arrival_date,
       30::bigint as row_count
from range(28) as days(day);

create table marts.backstage_reconciliation as
select creator_id, month_start_date, 'diamonds' as metric, sum(diamonds)::bigint as days_sum,
       sum(diamonds)::bigint as month_to_date_value, 'open' as status
from marts.fct_backstage_days group by creator_id, month_start_date;

create table marts.growth_accounting as
select grain as period_grain, cast(date_trunc(grain, local_date) as date) as period_start_date,
       'all' as segment_kind, 'all' as segment_value, count(distinct creator_id) as active_count,
       0::bigint as new_count, count(distinct creator_id) as retained_count,
       0::bigint as resurrected_count, 0::bigint as churned_count,
       null::decimal(18, 6) as quick_ratio, 1::decimal(9, 6) as coverage_rate, true as is_complete
from marts.fct_creator_days, (select unnest(['day', 'week', 'month']) as grain) as grains
group by all;

create table marts.cohort_retention as
select 'first_live' as cohort_kind, grain as period_grain, date '2026-03-02' as cohort_start_date,
       'all' as segment_kind, 'all' as segment_value, period as period_index, 30 as cohort_size,
       30 as matured_count, 30 as active_count, 30 as active_on_or_after_count,
       1::decimal(9, 6) as retention_rate, 0.9::decimal(9, 6) as retention_ci_low,
       1::decimal(9, 6) as retention_ci_high, 1::decimal(9, 6) as rolling_retention_rate,
       1::decimal(9, 6) as coverage_rate, true as is_complete
from (select unnest(['week', 'month']) as grain) as grains, range(4) as periods(period);

create table marts.kpi_daily as
select local_date as calendar_date, 'all' as market, kpi, kpi_family, 'up' as good_direction,
       'no_target' as target_status, 'not_judged' as anomaly_code, true as is_complete,
       1::decimal(9, 6) as coverage_rate, 1::decimal(28, 6) as kpi_value,
       case kpi when 'active_creators' then count(*) when 'valid_live_days'
       then count(*) filter (where is_valid_day) when 'viewer_hours' then sum(viewer_seconds)
       when 'live_hours' then sum(live_seconds)
       end::bigint as numerator, null::bigint as denominator, null as target_value,
       null as week_before_value, null as change_on_week, null as change_on_week_rate,
       null as year_before_value, null as change_on_year, null as change_on_year_rate,
       null as expected_value, null as expected_low, null as expected_high
from marts.fct_creator_days,
     (values ('active_creators', 'content_supply'), ('live_hours', 'content_supply'),
             ('valid_live_days', 'creator_activity'), ('viewer_hours', 'engagement'),
             ('retention_week_1', 'retention'))
             as kpis(kpi, kpi_family)
group by local_date, kpi, kpi_family;

create table marts.kpi_contributions as
select calendar_date, kpi, 'week' as comparison, 'market' as segment_kind, 'MX' as segment_value,
       0::decimal(28, 6) as contribution
from marts.kpi_daily;

create table marts.content_supply_hourly as
select market, weekday::integer as iso_weekday, hour::integer as hour_of_day,
       date '2026-03-02' as window_start_date, date '2026-03-29' as window_end_date,
       'enough' as supply_status, 4::bigint as covered_days_count, 3600::bigint as live_seconds,
       36000::bigint as viewer_seconds, 1::bigint as creator_hours_count,
       0.25::decimal(18, 4) as average_creators, 10::decimal(18, 4) as average_viewers,
       round(1 / 168, 6)::decimal(9, 6) as supply_share_rate,
       round(1 / 168, 6)::decimal(9, 6) as demand_share_rate
from (select unnest(['all', 'MX']) as market) as markets,
     range(1, 8) as weekdays(weekday), range(0, 24) as hours(hour);

create table marts.funnel_creator_steps as
select 'onboarding' as funnel_name, creator_id, date '2026-03-02' as entry_week_start_date,
       step as step_index, true as is_reached
from marts.dim_creators, range(1, 3) as steps(step);

create table marts.funnel_conversion as
select 'onboarding' as funnel_name, date '2026-03-02' as entry_week_start_date,
       'all' as segment_kind, 'all' as segment_value, step_index, 'applied' as step_name,
       count(*) as entrants_count, count(*) as matured_count, count(*) as reached_count,
       1::decimal(9, 6) as conversion_from_start_rate,
       1::decimal(9, 6) as conversion_from_previous_rate,
       0.9::decimal(9, 6) as ci_low, 1::decimal(9, 6) as ci_high,
       60 as median_seconds_from_previous, 90 as p90_seconds_from_previous,
       60 as median_seconds_from_start, true as is_complete,
       1::decimal(9, 6) as km_conversion_rate, null::decimal(9, 6) as km_ci_low,
       null::decimal(9, 6) as km_ci_high, 21 as km_followed_days,
       0 as km_median_days_from_start, 0 as km_p90_days_from_start
from marts.funnel_creator_steps
group by step_index;

create table marts.labels as
select mart, kind as entry_kind, column_name, funnel_name, value, language,
       'Name' as name, 'What it is.' as description
from (
    select 'kpi_daily' as mart, 'mart' as kind, '*' as column_name, '*' as funnel_name, '*' as value
    union select 'kpi_daily', 'kpi', 'kpi', '*', kpi from marts.kpi_daily
    union select 'kpi_daily', 'code', 'anomaly_code', '*', anomaly_code from marts.kpi_daily
    union select 'kpi_daily', 'code', 'target_status', '*', target_status from marts.kpi_daily
    union select 'kpi_daily', 'code', 'market', '*', market from marts.kpi_daily
    union select 'funnel_conversion', 'funnel', 'funnel_name', '*', 'onboarding'
    union select 'funnel_conversion', 'funnel_step', 'step_name', 'onboarding', 'applied'
    union select 'growth_accounting', 'segment', 'segment_kind', '*', 'all'
    union select 'growth_accounting', 'code', 'period_grain', '*', period_grain
        from marts.growth_accounting
    union select 'cohort_retention', 'cohort', 'cohort_kind', '*', 'first_live'
) as entries, (select unnest(['en', 'es']) as language) as languages;

create table intermediate.int_coverage_days as
select 'live_sessions' as feed, date '2026-03-02' + cast(day as integer) as event_date,
       true as is_covered
from range(28) as days(day);

create table intermediate.int_live_coverage_days as
select event_date, is_covered from intermediate.int_coverage_days;

create table intermediate.int_live_as_of as
select max(event_date) as as_of_date from intermediate.int_live_coverage_days;

create table intermediate.int_feed_volumes as
select feed, date '2026-03-02' + cast(day as integer) as arrival_date, 30 as accepted_count,
       30::decimal(18, 1) as trailing_median_count
from range(28) as days(day), (select unnest(['live_sessions', 'creators']) as feed) as feeds;
"""

NEW_DAY = """
insert into marts.fct_live_sessions
select 'session-28-' || i, 'creator-' || i, timestamp '2026-03-30 18:00:00', date '2026-03-30',
       3600, false, 100, 1, 1, 3, 7, null, 36000, false
from range({sessions}) as numbers(i);
insert into marts.fct_creator_days
select 'creator-' || i, date '2026-03-30', null, 1, 1, 3600, 3600, false, 'sum_1h', 36000, 10, 20,
       100, 1, 1, 3, 7, null, 'MX', 'agency-1', 'bronze', 3600
from range({sessions}) as numbers(i);
insert into marts.growth_accounting
select 'day', date '2026-03-30', 'all', 'all', {sessions}, 0, {sessions}, 0, 0, null, 1, true;
insert into intermediate.int_coverage_days values ('live_sessions', date '2026-03-30', true);
insert into intermediate.int_live_coverage_days values (date '2026-03-30', true);
update intermediate.int_live_as_of set as_of_date = date '2026-03-30';
insert into intermediate.int_feed_volumes values
    ('live_sessions', date '2026-03-30', {sessions}, 30),
    ('creators', date '2026-03-30', 30, 30);
"""
"""One more arrival day, with as many sessions as wanted: 30 is usual."""


def make_warehouse(path: Path) -> Path:
    """Write a warehouse in which every declared expectation holds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    change(path, _SETUP)
    with duckdb.connect(str(path)) as connection:
        made = {
            name
            for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()
        }
        # Of marts that no suite looks into, it is enough that they are there.
        for mart in MARTS.values():
            if mart.name not in made:
                key = ", ".join(f"creator_id as {column}" for column in mart.key)
                connection.execute(
                    f"create table marts.{mart.name} as select {key} from marts.dim_creators"
                )
    return path


def change(path: Path, statements: str) -> None:
    """Run statements against a warehouse, as its one writer."""
    with duckdb.connect(str(path)) as connection:
        connection.execute(statements)


def inputs_until(last: date = LAST_ARRIVAL) -> list[InputPartition]:
    """The arrival days of both feeds."""
    return [
        InputPartition(
            feed=feed,
            arrival_date=(day := date.fromordinal(ordinal)),
            revision=_sha256(f"{feed} {day}"),
            files=((f"{feed}.csv", _sha256(f"{feed} {day} file")),),
            accepted=30,
            refused=1,
            duplicate=2,
        )
        for feed in ("creators", "live_sessions")
        for ordinal in range(FIRST_DAY.toordinal(), last.toordinal() + 1)
    ]


def code(version: str = "one") -> CodeVersion:
    """A code version."""
    return CodeVersion(commit=None, fingerprint=_sha256(version))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
