"""Growth accounting and cohort retention on random worlds, against a brute-force count in Python.

What lives here: a generator of small, dirty worlds, the reference counts (sets of creators, one
period at a time, nothing shared with the models), and what the data tests of the two marts catch.
What may not: real data (tests/oracles) and the facts below the marts (their own tests).
"""

from __future__ import annotations

import random
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import product
from math import sqrt
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dbt_world import DbtWorld

DAY = timedelta(days=1)
SELECT = (
    *("+growth_accounting", "+cohort_retention", "+funnel_conversion"),
    *("int_feed_volumes", "int_segment_sets"),
)
ZONES = {"MX": "America/Mexico_City", "BR": "America/Sao_Paulo", "ES": "Europe/Madrid"}

Key = tuple[Any, ...]
Values = tuple[Any, ...]
Table = dict[Key, Values]


# --- The world ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Creator:
    """A creator as the reference sees one; `is_listed` says whether the roster has the creator."""

    creator_id: str
    is_listed: bool
    country: str | None
    timezone: str | None
    agency_id: str | None
    category: str | None
    acquisition_source: str | None
    language: str | None
    tier: str | None
    joined_at: datetime | None

    @property
    def zone(self) -> ZoneInfo:
        """The zone whose days are the creator's: its own, else the market's, else UTC."""
        return ZoneInfo(self.timezone or ZONES.get(self.country or "", "UTC"))

    @property
    def segments(self) -> tuple[tuple[str, str], ...]:
        """Every segment the creator is in."""
        values = {
            "market": self.country if self.country in ZONES else "ZZ",
            "agency": self.agency_id,
            "category": self.category,
            "acquisition_source": self.acquisition_source,
            "language": self.language,
            "tier": self.tier,
        }
        return ("all", "all"), *(
            (kind, (value if self.is_listed else None) or "unknown")
            for kind, value in values.items()
        )


@dataclass
class World:
    """Creators, and the session rows of every arrival day."""

    creators: list[Creator]
    arrivals: dict[date, list[dict[str, object]]] = field(default_factory=dict)

    @property
    def first_day(self) -> date:
        """First arrival day."""
        return min(self.arrivals)

    @property
    def as_of(self) -> date:
        """Last arrival day."""
        return max(self.arrivals)

    def roster(self) -> list[dict[str, object]]:
        """Rows of the feed `creators`."""
        return [
            {
                "creator_id": creator.creator_id,
                "platform": "tiktok",
                "handle": creator.creator_id,
                "country": creator.country,
                "joined_at": creator.joined_at,
                "status": "active",
                "timezone": creator.timezone,
                "agency_id": creator.agency_id,
                "category": creator.category,
                "acquisition_source": creator.acquisition_source,
                "language": creator.language,
                "tier": creator.tier,
                "updated_at": datetime(2025, 1, 1, tzinfo=UTC),
            }
            for creator in self.creators
            if creator.is_listed
        ]


def make_world(seed: int, creator_count: int, day_count: int) -> World:
    """A world with time zones, late rows, a gap with leftovers, joiners and people nobody knows.

    Args:
        seed: Of the random numbers.
        creator_count: Creators. A few dozen give days with more and with fewer than 20 rows.
        day_count: Arrival days, from a Saturday in January, so that months and weeks cross.
    """
    dice = random.Random(seed)  # noqa: S311 - a test world, not a secret
    start = datetime(2026, 1, 10, tzinfo=UTC)
    creators = [
        Creator(
            creator_id=f"c{number:03d}",
            is_listed=dice.random() < 0.9,
            country=dice.choice(["MX", "MX", "BR", "ES", "JP", None]),
            timezone=dice.choice([None, None, "Pacific/Auckland", "America/Tijuana"]),
            agency_id=dice.choice([None, "norte", "sur"]),
            category=dice.choice([None, "music", "gaming", "talk"]),
            acquisition_source=dice.choice([None, "referral", "agency", "organic"]),
            language=dice.choice([None, "es", "pt", "en"]),
            tier=dice.choice([None, "bronze", "silver", "gold"]),
            joined_at=dice.choice(
                [None, start + timedelta(hours=dice.randrange(-24 * 20, 24 * (day_count + 20)))]
            ),
        )
        for number in range(creator_count)
    ]
    gap_start = dice.randrange(day_count // 4, day_count // 2)
    gap = range(gap_start, gap_start + dice.randrange(14, 19))
    world = World(creators)
    for number in range(day_count):
        if number not in gap or dice.random() < 0.2:
            world.arrivals[(start + number * DAY).date()] = []
    world.arrivals[(start + (day_count - 1) * DAY).date()] = []
    for creator in creators:
        is_on, appetite = dice.random() < 0.6, dice.uniform(0.05, 0.6)
        for number in range(day_count):
            if dice.random() < 0.07:
                is_on = not is_on
            if not is_on or dice.random() > appetite:
                continue
            if number in gap and dice.random() < 0.97:
                continue
            started_at = start + timedelta(days=number, minutes=dice.randrange(24 * 60))
            ended_at = started_at + timedelta(minutes=dice.randrange(5, 200))
            late_days = dice.choice([0, 0, 0, 0, 1, 9])
            arrival_day = ended_at.date() + late_days * DAY
            if arrival_day in world.arrivals:
                world.arrivals[arrival_day].append(
                    {
                        "session_id": f"{creator.creator_id}-{number}",
                        "creator_id": creator.creator_id,
                        "platform": "tiktok",
                        "started_at": started_at,
                        "ended_at": ended_at,
                        "updated_at": ended_at,
                    }
                )
    # An accepted day of this feed is never empty.
    world.arrivals = {day: rows for day, rows in world.arrivals.items() if rows}
    return world


# --- The reference --------------------------------------------------------------------------------


def period_of(grain: str, day: date) -> date:
    """First day of the period of a day."""
    if grain == "week":
        return day - day.weekday() * DAY
    return day.replace(day=1) if grain == "month" else day


def days_of(grain: str, start: date) -> list[date]:
    """All days of a period."""
    days = [start + number * DAY for number in range(31)]
    return [day for day in days if period_of(grain, day) == start]


def periods_between(grain: str, first: date, last: date) -> list[date]:
    """First days of all periods from one day's to another's."""
    days = [first + number * DAY for number in range((last - first).days + 1)]
    return sorted({period_of(grain, day) for day in days})


@dataclass(frozen=True)
class Reference:
    """The two marts, counted by hand."""

    growth: Table = field(default_factory=dict)
    cohort: Table = field(default_factory=dict)


@dataclass(frozen=True)
class Calendar:
    """Which days were collected, and where the world ends."""

    covered: frozenset[date]
    as_of: date

    def coverage(self, grain: str, start: date) -> tuple[Fraction, bool]:
        """Share of a period's days that is covered, and whether the period is complete.

        The day after is part of it: west of UTC the last evening lies in it.
        """
        days = days_of(grain, start)
        day_after = days[-1] + DAY
        rate = Fraction(len(self.covered & set(days)), len(days))
        return rate, rate == 1 and day_after in self.covered and day_after < self.as_of

    def is_known_from(self, start: date) -> bool:
        """Whether any day from this one on is covered."""
        return any(start <= day <= self.as_of for day in self.covered)


def calendar_of(world: World) -> Calendar:
    """Days of the feed that were really collected, by the rule of the glossary."""
    row_counts: Counter[date] = Counter(
        moment.date()
        for rows in world.arrivals.values()
        for row in rows
        if isinstance(moment := row["started_at"], datetime)
    )
    first, last = min([*row_counts, world.first_day]), max([*row_counts, world.as_of])
    covered = set()
    for number in range((last - first).days + 1):
        day = first + number * DAY
        earlier = [row_counts[other] for other in sorted(row_counts) if other < day][-28:]
        yardstick = statistics.median(earlier) if earlier else 0
        has_arrival = day in world.arrivals or day + DAY in world.arrivals
        if has_arrival and (yardstick < 20 or row_counts[day] >= yardstick / 5):
            covered.add(day)
    return Calendar(frozenset(covered), world.as_of)


def active_days(world: World) -> dict[str, set[date]]:
    """Local days on which each creator started a session, up to as_of."""
    zones = {creator.creator_id: creator.zone for creator in world.creators if creator.is_listed}
    days: dict[str, set[date]] = defaultdict(set)
    for rows in world.arrivals.values():
        for row in rows:
            creator_id, started_at = str(row["creator_id"]), row["started_at"]
            assert isinstance(started_at, datetime)
            day = started_at.astimezone(zones.get(creator_id, ZoneInfo("UTC"))).date()
            if day <= world.as_of:
                days[creator_id].add(day)
    return days


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % Wilson interval, from its textbook form."""
    z = statistics.NormalDist().inv_cdf(0.975)
    rate = successes / trials
    center = rate + z * z / (2 * trials)
    spread = z * sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return (center - spread) / scale, (center + spread) / scale


def count_by_hand(world: World) -> Reference:
    """Both marts of a world, one set of creators at a time."""
    days = active_days(world)
    calendar = calendar_of(world)
    members: dict[tuple[str, str], set[str]] = defaultdict(set)
    for creator in world.creators:
        for segment in creator.segments:
            members[segment].add(creator.creator_id)
    joined = {
        creator.creator_id: creator.joined_at.astimezone(creator.zone).date()
        for creator in world.creators
        if creator.is_listed and creator.joined_at is not None
    }
    reference = Reference()
    for segment, names in members.items():
        days_here = {name: days[name] for name in names if name in days}
        entries = {
            "first_live": {name: min(active) for name, active in days_here.items()},
            "joined": {name: joined[name] for name in names if name in joined},
        }
        for grain in ("day", "week", "month"):
            for start, values in growth_rows(grain, days_here, calendar):
                reference.growth[grain, start, *segment] = values
        for kind, grain in product(entries, ("week", "month")):
            for start, index, values in cohort_rows(grain, entries[kind], days_here, calendar):
                reference.cohort[kind, grain, start, *segment, index] = values
    return reference


def growth_rows(
    grain: str, days: Mapping[str, set[date]], calendar: Calendar
) -> Iterator[tuple[date, Values]]:
    """Growth accounting of one segment: (period, values)."""
    seen = {name: {period_of(grain, day) for day in active} for name, active in days.items()}
    first_day = min((min(active) for active in days.values()), default=None)
    if first_day is None:
        return
    for start in periods_between(grain, first_day, calendar.as_of):
        before = period_of(grain, start - DAY)
        active = {name for name, periods in seen.items() if start in periods}
        active_before = {name for name, periods in seen.items() if before in periods}
        new = {name for name in active if min(seen[name]) == start}
        retained = active & active_before
        resurrected = active - new - retained
        rate, is_complete = calendar.coverage(grain, start)
        rate_before, is_complete_before = calendar.coverage(grain, before)
        counts = [len(group) if rate else None for group in (active, new, retained, resurrected)]
        churned = len(active_before - active) if is_complete and rate_before else None
        quick_ratio = (
            Fraction(len(new) + len(resurrected), churned)
            if is_complete and is_complete_before and churned
            else None
        )
        yield start, (*counts, churned, quick_ratio, rate, is_complete)


def cohort_rows(
    grain: str, entry_days: Mapping[str, date], days: Mapping[str, set[date]], calendar: Calendar
) -> Iterator[tuple[date, int, Values]]:
    """Retention of one segment and cohort kind: (cohort start, index, values)."""
    cohorts: dict[date, set[str]] = defaultdict(set)
    for name, day in entry_days.items():
        if period_of(grain, day) <= calendar.as_of:
            cohorts[period_of(grain, day)].add(name)
    for cohort_start, names in cohorts.items():
        size = len(names)
        for index, start in enumerate(periods_between(grain, cohort_start, calendar.as_of)):
            end = days_of(grain, start)[-1]
            active = sum(any(start <= day <= end for day in days.get(name, ())) for name in names)
            later = sum(any(day >= start for day in days.get(name, ())) for name in names)
            rate, is_complete = calendar.coverage(grain, start)
            rates: tuple[Any, ...] = (None, None, None, None)
            if is_complete:
                rates = Fraction(active, size), *wilson(active, size), Fraction(later, size)
            counts = (
                size,
                size if is_complete else 0,
                active if rate else None,
                later if calendar.is_known_from(start) else None,
            )
            yield cohort_start, index, (*counts, *rates, rate, is_complete)


# --- Reading the marts ----------------------------------------------------------------------------


def read_table(world: DbtWorld, table: str, key_count: int) -> Table:
    """A mart by its key columns, which are its first ones."""
    rows = world.rows(f"from marts.{table}")
    found = {row[:key_count]: row[key_count:] for row in rows}
    assert len(found) == len(rows), f"{table} has two rows with one key"
    return found


def assert_same(found: Table, expected: Table) -> None:
    """Same keys, same counts and flags; rates to the published six decimals."""
    assert sorted(found.keys() - expected.keys()) == []
    assert sorted(expected.keys() - found.keys()) == []
    for key, values in expected.items():
        shown = tuple(None if value is None else float(value) for value in found[key])
        wanted = tuple(None if value is None else float(value) for value in values)
        assert shown == pytest.approx(wanted, abs=1.1e-6), key


def arrive(dbt: DbtWorld, world: World, days: Iterable[date]) -> None:
    """Land arrival days of a world."""
    for day in days:
        dbt.arrive("live_sessions", day, world.arrivals[day])


@dataclass
class Built:
    """A world, and the warehouse it was built in."""

    world: World
    dbt: DbtWorld


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A world of 180 creators, arrived and built in two parts."""
    world = make_world(seed=1, creator_count=180, day_count=90)
    dbt = DbtWorld(tmp_path_factory.mktemp("growth"))
    arrival_days = sorted(world.arrivals)
    dbt.arrive("creators", arrival_days[0], world.roster())
    arrive(dbt, world, arrival_days[:40])
    dbt.build(command="seed", finish=False)
    dbt.build(select=SELECT)
    arrive(dbt, world, arrival_days[40:])
    dbt.build(select=SELECT)
    return Built(world, dbt)


def assert_marts_are_counted_right(dbt: DbtWorld, world: World) -> None:
    """Both marts equal the count by hand."""
    reference = count_by_hand(world)
    assert_same(read_table(dbt, "growth_accounting", 4), reference.growth)
    assert_same(read_table(dbt, "cohort_retention", 6), reference.cohort)


# --- The tests ------------------------------------------------------------------------------------


def test_the_marts_of_a_world_that_arrived_in_parts_equal_the_count_by_hand(built: Built) -> None:
    assert_marts_are_counted_right(built.dbt, built.world)


@pytest.mark.parametrize(("seed", "creator_count", "day_count"), [(2, 12, 64), (3, 110, 50)])
def test_the_marts_of_a_random_world_equal_the_count_by_hand(
    built: Built, tmp_path: Path, seed: int, creator_count: int, day_count: int
) -> None:
    world = make_world(seed, creator_count, day_count)
    dbt = DbtWorld(tmp_path, manifest=built.dbt.manifest)
    dbt.arrive("creators", world.first_day, world.roster())
    arrive(dbt, world, world.arrivals)
    dbt.build(command="seed", finish=False)
    dbt.build(select=SELECT)
    assert_marts_are_counted_right(dbt, world)


def test_all_tests_declared_in_dbt_pass(built: Built) -> None:
    folders = ("intermediate.coverage", "intermediate.activity", "marts.cohort")
    models = [f"semillero.{folder}" for folder in folders] + ["growth_accounting"]
    # The unit tests of all models: the daily build leaves them out, so they have to run here.
    statuses = built.dbt.dbt("test", "--select", *models, "test_type:unit")
    assert set(statuses.values()) == {"pass"}
    assert built.dbt.manifest is not None
    declared = set(built.dbt.manifest.unit_tests)
    assert declared
    assert declared <= set(statuses)


def test_a_warehouse_without_sessions_builds_empty_marts(built: Built, tmp_path: Path) -> None:
    dbt = DbtWorld(tmp_path, manifest=built.dbt.manifest)
    dbt.arrive("creators", built.world.first_day, built.world.roster())
    dbt.build(command="seed", finish=False)
    dbt.build(select=SELECT)
    assert read_table(dbt, "growth_accounting", 4) == {}
    assert read_table(dbt, "cohort_retention", 6) == {}


def test_the_worlds_have_the_cases_that_matter(built: Built) -> None:
    """A reference that never meets a gap, a churned creator or an unknown one proves nothing."""
    growth = count_by_hand(built.world).growth
    by_grain = {
        grain: [values for key, values in growth.items() if key[0] == grain]
        for grain in ("day", "week")
    }
    leftovers = set(built.world.arrivals) - calendar_of(built.world).covered
    assert any(values[0] is None for values in by_grain["week"])
    assert any(values[0] is not None and values[4] is None for values in by_grain["week"])
    assert any(values[4] for values in by_grain["week"])
    assert any(values[5] is not None for values in by_grain["week"])
    assert any(values[3] for values in by_grain["day"])
    assert leftovers
    assert {key[3] for key in growth if key[2] == "market"} >= {"unknown", "ZZ", "MX"}


def test_building_twice_changes_nothing(built: Built) -> None:
    tables = (("growth_accounting", 4), ("cohort_retention", 6))
    before = [read_table(built.dbt, name, keys) for name, keys in tables]
    built.dbt.build(select=SELECT)
    assert [read_table(built.dbt, name, keys) for name, keys in tables] == before


def test_volumes_are_compared_with_the_28_arrivals_before(built: Built) -> None:
    counts = [(day, len(rows)) for day, rows in sorted(built.world.arrivals.items())]
    expected = []
    for position, (day, count) in enumerate(counts):
        earlier = [other for _, other in counts[max(0, position - 28) : position]]
        median = statistics.median(earlier) if earlier else None
        ratio = pytest.approx(count / median, abs=1e-6) if median else None
        expected.append((day, count, median, ratio))
    found = built.dbt.rows(
        """
        select
            arrival_date,
            accepted_count,
            cast(trailing_median_count as double),
            cast(volume_ratio as double)
        from intermediate.int_feed_volumes
        where feed = 'live_sessions'
        order by arrival_date
        """
    )
    assert found == expected


ACCIDENTS = {
    "growth_accounting_balances": "update {growth} set churned_count = churned_count + 1",
    "growth_accounting_segments_sum_to_all": """
        update {growth} set active_count = active_count + 1, new_count = new_count + 1
        where segment_kind = 'tier' and segment_value = 'gold'""",
    "growth_accounting_has_every_period": """
        delete from {growth} where period_grain = 'week' and segment_kind = 'all'
        and period_start_date = date '2026-02-02'""",
    "growth_accounting_counts_exist_where_something_is_covered": """
        update {growth} set active_count = 0, new_count = 0, retained_count = 0,
        resurrected_count = 0 where active_count is null""",
    "growth_accounting_churn_only_in_complete_periods": """
        update {growth} set churned_count = 0
        where not is_complete and segment_kind = 'all' and period_grain = 'month'""",
    "growth_accounting_quick_ratio_is_its_parts": "update {growth} set quick_ratio = 9.9",
    "growth_accounting_grain": "insert into {growth} from {growth} limit 1",
    "cohort_retention_who_is_gone_stays_gone": """
        update {cohort} set active_on_or_after_count = cohort_size + 5 where period_index = 4""",
    "cohort_retention_counts_are_nested": """
        update {cohort} set active_count = cohort_size + 1 where active_count > 0""",
    "cohort_retention_rates_exist_where_complete": """
        update {cohort} set retention_rate = 0 where not is_complete""",
    "cohort_retention_intervals_hold_their_rate": """
        update {cohort} set retention_ci_low = retention_rate + 0.01""",
    "cohort_retention_first_live_starts_at_one": """
        update {cohort} set retention_rate = 0.5 where period_index = 0""",
    "cohort_retention_segments_sum_to_all": """
        update {cohort} set cohort_size = cohort_size + 1 where segment_kind = 'all'""",
}
"""Statements that break the marts, by the data test that has to notice."""


def test_the_data_tests_notice_each_accident(built: Built) -> None:
    """All accidents happen at once, so that one dbt invocation judges them all."""
    names = {"growth": "marts.growth_accounting", "cohort": "marts.cohort_retention"}
    for accident in ACCIDENTS.values():
        built.dbt.execute(accident.format(**names))
    result = built.dbt.invoke(
        "test", "--select", "growth_accounting,test_type:data", "cohort_retention,test_type:data"
    )
    failed = {node.node.name for node in result.result.results if node.status == "fail"}
    assert sorted(ACCIDENTS.keys() - failed) == []
    built.dbt.execute("delete from marts.cohort_retention where cohort_kind = 'joined'")
    result = built.dbt.invoke("test", "--select", "declared_cohorts_have_members")
    assert [(node.status, node.failures) for node in result.result.results] == [("warn", 1)]
    built.dbt.build(select=("growth_accounting", "cohort_retention"))
    assert_marts_are_counted_right(built.dbt, built.world)
