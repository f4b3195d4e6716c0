"""30,535 real LIVE sessions by the five published definitions of a valid day, and hour by hour.

What lives here: a count of the raw Parquet in plain Python (clocks from the system's zone files,
nothing of our models), and our facts on the same sessions. What may not: the Holodex adapter (its
own tests), and rules that change (tests/integration/test_valid_days_by_rule.py).

The sessions are there three times: on YouTube, where the network's rule holds and everybody is in
two programs, and on platform `other` in Vietnam and in the United States. Holodex knows no gifts
and no viewer seconds: numbers that follow from the start stand for them, and some are unknown.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

import duckdb
import pytest
from holodex_facts import MISSING
from holodex_world import SESSIONS, BulkWorld

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SESSIONS.exists(), reason=MISSING),
]

HOUR = 3_600
DAY = timedelta(days=1)
PLACES = {"MX": "America/Mexico_City", "VN": "Asia/Ho_Chi_Minh", "US": "America/New_York"}
"""Market of each copy of the sessions, and its clock."""

PLACED = """
(values ('MX', 'youtube'), ('VN', 'other'), ('US', 'other')) as places(market, platform)
"""
SESSION_ROWS = f"""
select
    market || '/' || channel_id || '@' || start_utc as session_id,
    market || '/' || channel_id as creator_id,
    platform,
    timezone('UTC', cast(start_utc as timestamp)) as started_at,
    timezone('UTC', cast(end_utc as timestamp)) as ended_at,
    timezone('UTC', cast(end_utc as timestamp)) as updated_at,
    case extract(minute from start_utc) % 3 when 1 then 0 when 2 then 7 end as diamonds,
    60 * cast(extract(minute from start_utc) as bigint) as viewer_seconds,
    cast(end_utc as date) as _dt,
    'holodex.parquet' as _file,
    row_number() over (order by market, source_file, source_ordinal) as _row
from holodex cross join {PLACED}
"""
CREATOR_ROWS = f"""
select
    market || '/' || channel_id as creator_id,
    platform,
    channel_id as handle,
    market as country,
    timestamptz '2024-01-01 00:00:00+00' as joined_at,
    'active' as status,
    timestamptz '2024-01-01 00:00:00+00' as updated_at,
    (select cast(min(end_utc) as date) from holodex) as _dt,
    'creators.parquet' as _file,
    row_number() over (order by market, channel_id) as _row
from (select distinct channel_id from holodex) cross join {PLACED}
"""
ASSIGNMENT_ROWS = """
select
    program_id,
    'MX/' || channel_id as creator_id,
    'treated' as arm,
    timestamptz '2024-04-01 00:00:00+00' as assigned_at,
    (select cast(min(end_utc) as date) from holodex) as _dt,
    'assignments.parquet' as _file,
    row_number() over (order by program_id, channel_id) as _row
from (select distinct channel_id from holodex)
cross join (values ('reward_mission_2024'), ('partner_program')) as programs(program_id)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> BulkWorld:
    """The sessions in three places, in one build."""
    world = BulkWorld(tmp_path_factory.mktemp("holodex_rules"))
    world.arrive_rows("live_sessions", SESSION_ROWS)
    world.arrive_rows("creators", CREATOR_ROWS)
    world.arrive_rows("program_assignments", ASSIGNMENT_ROWS)
    world.build(command="seed", finish=False)
    world.build(select=["+fct_valid_days", "+content_supply_hourly"])
    return world


# --- The count in plain Python --------------------------------------------------------------------

Piece: TypeAlias = tuple[datetime, datetime]
Day: TypeAlias = tuple[str, date]


@dataclass
class Lived:
    """What a creator did on a local day."""

    pieces: list[Piece] = field(default_factory=list)
    diamonds: int = 0

    @property
    def stretches(self) -> list[int]:
        """Seconds of each unbroken stretch; what overlaps or touches is one."""
        merged: list[list[datetime]] = []
        for begin, end in sorted(self.pieces):
            if merged and begin <= merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], end)
            else:
                merged.append([begin, end])
        return [int((end - begin).total_seconds()) for begin, end in merged]


@pytest.fixture(scope="module")
def sessions() -> dict[tuple[str, datetime], datetime]:
    """The end of each channel's session by its start: the last of those that were collected."""
    rows = duckdb.execute(
        "select channel_id, cast(start_utc as timestamp), cast(end_utc as timestamp) "
        "from read_parquet(?)",
        [str(SESSIONS)],
    ).fetchall()
    ends: dict[tuple[str, datetime], datetime] = {}
    for channel, naive_start, naive_end in rows:
        key = (channel, naive_start.replace(tzinfo=UTC))
        # Whole seconds, as published; no session counts for more than a day.
        end = min(naive_end.replace(tzinfo=UTC, microsecond=0), key[1] + DAY)
        ends[key] = max(end, ends.get(key, end))
    assert len(ends) == 30_535
    return ends


def lived_in(place: str, sessions: dict[tuple[str, datetime], datetime]) -> dict[Day, Lived]:
    """The days of a place by its clock; what has no finer source is on the day of the start."""
    zone = ZoneInfo(PLACES[place])
    days: dict[Day, Lived] = defaultdict(Lived)
    for (channel, begin), end in sessions.items():
        creator, day = f"{place}/{channel}", begin.astimezone(zone).date()
        days[creator, day].diamonds += 7 if begin.minute % 3 == 2 else 0
        at = begin
        while at < end:
            midnight = datetime.combine(day + DAY, time.min, zone).astimezone(UTC)
            until = min(end, midnight)
            days[creator, day].pieces.append((at, until))
            at, day = until, day + DAY
    return days


Rule: TypeAlias = Callable[[Lived], tuple[bool, int]]


def at_least_an_hour(day: Lived) -> tuple[bool, int]:
    """At least an hour in sum."""
    return sum(day.stretches) >= HOUR, sum(day.stretches)


def vietnam(day: Lived) -> tuple[bool, int]:
    """At least an hour in sum; eight hours count at most."""
    return sum(day.stretches) >= HOUR, min(sum(day.stretches), 8 * HOUR)


def long_sessions(day: Lived, least: int) -> tuple[bool, int]:
    """Sessions of at least so many seconds; two hours count at most."""
    long = [seconds for seconds in day.stretches if seconds >= least]
    return bool(long), min(sum(long), 2 * HOUR)


def reward_mission(day: Lived) -> tuple[bool, int]:
    """More than 25 minutes without a break, and a diamond."""
    is_valid = max(day.stretches, default=0) > 25 * 60 and day.diamonds > 0
    return is_valid, sum(day.stretches)


RULES: dict[str, tuple[str, str, Rule]] = {
    "network_hour": ("fct_creator_days", "MX", at_least_an_hour),
    "other_platform_vietnam": ("fct_creator_days", "VN", vietnam),
    "other_platform_us": ("fct_creator_days", "US", lambda day: long_sessions(day, 1_800)),
    "reward_mission_25_minutes": ("fct_valid_days", "MX", reward_mission),
    "partner_hour": ("fct_valid_days", "MX", lambda day: long_sessions(day, HOUR)),
}


@pytest.mark.parametrize("rule_id", RULES)
def test_every_valid_day_and_counted_second_is_that_of_the_published_definition(
    rule_id: str, built: BulkWorld, sessions: dict[tuple[str, datetime], datetime]
) -> None:
    mart, place, judge = RULES[rule_id]
    expected = {key: judge(day) for key, day in lived_in(place, sessions).items()}
    rows = built.rows(
        f"select creator_id, local_date, is_valid_day, counted_seconds from marts.{mart} "
        "where rule_id = $1",
        [rule_id],
    )
    assert {(row[0], row[1]): row[2:] for row in rows} == expected
    assert len(rows) == len(expected)
    by_month = Counter(f"{day:%Y-%m}" for (_, day), (is_valid, _) in expected.items() if is_valid)
    assert by_month["2024-05"] > 1_000
    told = built.rows(
        f"select strftime(local_date, '%Y-%m'), count(*) from marts.{mart} "
        "where rule_id = $1 and is_valid_day group by all",
        [rule_id],
    )
    assert dict(told) == by_month


def test_no_two_definitions_find_the_same_days(
    sessions: dict[tuple[str, datetime], datetime],
) -> None:
    """Or a rule in the place of another would not be noticed."""
    verdicts = {
        rule_id: sorted(
            (creator.partition("/")[2], day, *judge(lived))
            for (creator, day), lived in lived_in(place, sessions).items()
        )
        for rule_id, (_, place, judge) in RULES.items()
    }
    assert len({repr(found) for found in verdicts.values()}) == len(RULES)


def test_live_time_by_market_and_hour_of_the_week_is_that_of_the_clocks_on_the_wall(
    built: BulkWorld, sessions: dict[tuple[str, datetime], datetime]
) -> None:
    ((first, last),) = built.rows(
        "select distinct window_start_date, window_end_date from marts.content_supply_hourly"
    )
    # Collected until 31 October: a day is complete when the next one is over, too.
    assert (first, last) == (date(2024, 10, 2), date(2024, 10, 29))
    # Up to 18 October hardly anything was collected: one or two sessions a day.
    complete = {
        day
        for (day,) in built.rows(
            "select calendar_date from intermediate.int_kpi_days where is_complete"
        )
        if first <= day <= last
    }
    assert complete == {date(2024, 10, number) for number in range(19, 30)}
    expected: Counter[tuple[str, int, int]] = Counter()
    for place, name in PLACES.items():
        zone = ZoneInfo(name)
        for (_, day), lived in lived_in(place, sessions).items():
            if day not in complete:
                continue
            for begin, end in _merged(lived.pieces):
                at = begin
                while at < end:
                    # Whole hours of these clocks begin with whole hours of UTC.
                    until = min(end, at.replace(minute=0, second=0) + timedelta(hours=1))
                    clock = at.astimezone(zone)
                    assert clock.date() == day
                    for market in (place, "all"):
                        key = (market, clock.isoweekday(), clock.hour)
                        expected[key] += int((until - at).total_seconds())
                    at = until
    told = built.rows(
        "select market, iso_weekday, hour_of_day, live_seconds from marts.content_supply_hourly"
    )
    assert {tuple(key): seconds for *key, seconds in told if seconds} == dict(expected)
    assert len(expected) == 4 * 7 * 24


def _merged(pieces: list[Piece]) -> list[Piece]:
    merged: list[Piece] = []
    for begin, end in sorted(pieces):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return merged
