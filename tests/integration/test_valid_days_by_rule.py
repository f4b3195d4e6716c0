"""Valid LIVE days by the five published definitions, against a count in plain Python.

What lives here: a simulated world with its dirt, in which creators work on platforms and in markets
with rules of their own and are in programs with theirs; every valid day and counted second of it;
and a rule that changes in mid-month, read as it was and as it is. What may not: what refuses a rule
(unit tests).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypeAlias
from zoneinfo import ZoneInfo

import duckdb
import pytest
from dbt_world import DbtWorld

from orchestration.contracts.loader import load_contracts
from orchestration.ingest import Ingestor
from orchestration.settings import Settings
from orchestration.simulate import WorldOptions, parameters, simulate
from orchestration.simulate.options import DIRT_KINDS

FEEDS = ("agencies", "creators", "live_sessions")
# What is lost, or stopped by its unit, is in no mart.
DIRT = [kind for kind in DIRT_KINDS if kind not in {"unit_change", "missing_day"}]
WORLD = WorldOptions(
    creators=200, days=49, seed=31, start=date(2026, 6, 25), feeds=FEEDS, dirt=DIRT
)
CORE = ("+fct_valid_days", "+fct_creator_days", "dim_creators")
FACTS = ("marts.fct_live_sessions", "marts.fct_creator_days", "marts.fct_valid_days")
PLACES = {"US": "America/New_York", "VN": "Asia/Ho_Chi_Minh"}
"""Where the creators of platform `other` work, and the clocks there."""

HOUR = 3_600
Judged: TypeAlias = tuple[bool, int]
"""Is the day valid, and how many seconds of it count?"""

Day: TypeAlias = tuple[str, date]


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with raw and truth; two fifths of the creators work on `other`, in the US and Vietnam.

    Nobody moves: which market a day has is another test's question.
    """
    home = tmp_path_factory.mktemp("rules")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parameters, "MARKET_MOVES_PER_WEEK", 0.0)
        simulate(home / "landing", WORLD, truth_dir=home / "truth")
    contracts = load_contracts()
    with Ingestor(Settings(home=home, duckdb_threads=1)) as ingestor:
        for folder in sorted((home / "landing").glob("*/dt=*")):
            ingestor.ingest(contracts[folder.parent.name], date.fromisoformat(folder.name[3:]))
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for path in sorted((home / "raw" / "creators").glob("dt=*/data.parquet")):
            connection.execute(
                """create or replace table placed as select * replace (
                    case when place(creator_id) in (0, 1) then 'other' else platform end
                        as platform,
                    case place(creator_id) when 0 then 'US' when 1 then 'VN' else country end
                        as country,
                    case when place(creator_id) in (0, 1) then null else timezone end as timezone
                ) from read_parquet($1, hive_partitioning = false)""".replace(
                    "place(creator_id)", "cast(substr(creator_id, 2) as integer) % 5"
                ),
                [str(path)],
            )
            connection.sql("from placed").write_parquet(str(path))
    return home


def place_of(creator_id: str) -> str | None:
    """The market of a creator of platform `other`; None for everybody else."""
    return {0: "US", 1: "VN"}.get(int(creator_id[1:]) % 5)


def new_world(landed: Path, seeded_world: DbtWorld, home: Path) -> DbtWorld:
    """A world in which all has arrived, and everybody is in two programs with their own rules."""
    world = seeded_world.clone(home)
    for feed in FEEDS:
        for folder in sorted((landed / "raw" / feed).glob("dt=*")):
            world.adopt(feed, date.fromisoformat(folder.name[3:]), folder / "data.parquet")
    with duckdb.connect() as connection:
        names = connection.execute(
            "select creator_id from read_parquet($1) order by creator_id",
            [str(landed / "truth" / "creators.parquet")],
        ).fetchall()
    world.arrive(
        "program_assignments",
        WORLD.start + timedelta(days=1),
        [
            {
                "program_id": program_id,
                "creator_id": name,
                "arm": "treated",
                "assigned_at": datetime(2026, 6, 25, tzinfo=UTC),
            }
            for (name,) in names
            for program_id in ("reward_mission_2026_q3", "partner_program", "steady_weeks")
        ],
    )
    return world


@pytest.fixture(scope="module")
def built(
    landed: Path, seeded_world: DbtWorld, tmp_path_factory: pytest.TempPathFactory
) -> DbtWorld:
    """The world, in one build."""
    world = new_world(landed, seeded_world, tmp_path_factory.mktemp("built") / "home")
    world.build(select=CORE, full_refresh=True)
    return world


# --- The count in plain Python --------------------------------------------------------------------


@dataclass
class Pieces:
    """What a creator did on a local day: LIVE from when to when, and what it brought."""

    all: list[tuple[datetime, datetime]] = field(default_factory=list)
    moving: list[tuple[datetime, datetime]] = field(default_factory=list)
    diamonds: int = 0


def stretches(pieces: list[tuple[datetime, datetime]]) -> list[int]:
    """Seconds of each unbroken stretch; what overlaps or touches is one."""
    merged: list[list[datetime]] = []
    for begin, end in sorted(pieces):
        if merged and begin <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([begin, end])
    return [int((end - begin).total_seconds()) for begin, end in merged]


def days_in(landed: Path) -> dict[Day, Pieces]:
    """The true sessions that were reported, split at everybody's local midnight."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        rows = connection.execute(
            """select creator_id, started_at, ended_at, timezone, is_static, diamonds
            from read_parquet($1)""",
            [str(landed / "truth" / "live_sessions.parquet" / "*.parquet")],
        ).fetchall()
    days: dict[Day, Pieces] = defaultdict(Pieces)
    for creator_id, begin, end, timezone, is_static, diamonds in rows:
        place = place_of(creator_id)
        zone = ZoneInfo(PLACES[place] if place else timezone)
        last = begin if end is None else min(end, begin + timedelta(hours=24))
        day = begin.astimezone(zone).date()
        days[creator_id, day].diamonds += diamonds or 0
        at = begin
        while at < last:
            midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), zone)
            until = min(last, midnight.astimezone(UTC))
            pieces = days[creator_id, day]
            pieces.all.append((at, until))
            if not is_static:
                pieces.moving.append((at, until))
            at, day = until, day + timedelta(days=1)
    return days


def network(day: Pieces, least: int = HOUR) -> Judged:
    """At least an hour in sum, without an idle picture."""
    seconds = sum(stretches(day.moving))
    return seconds >= least, seconds


def vietnam(day: Pieces) -> Judged:
    """At least an hour in sum; at most eight hours a day count."""
    seconds = sum(stretches(day.all))
    return seconds >= HOUR, min(seconds, 8 * HOUR)


def united_states(day: Pieces) -> Judged:
    """Sessions of at least 30 minutes; at most two hours a day."""
    long = [seconds for seconds in stretches(day.all) if seconds >= 30 * 60]
    return bool(long), min(sum(long), 2 * HOUR)


def reward_mission(day: Pieces) -> Judged:
    """One LIVE of more than 25 consecutive minutes, and a diamond."""
    seconds = stretches(day.all)
    return max(seconds, default=0) > 25 * 60 and day.diamonds >= 1, sum(seconds)


def partner_program(day: Pieces) -> Judged:
    """Sessions of at least 60 minutes; at most two hours a day."""
    long = [seconds for seconds in stretches(day.all) if seconds >= HOUR]
    return bool(long), min(sum(long), 2 * HOUR)


def network_days(days: dict[Day, Pieces]) -> dict[Day, tuple[str, bool, int]]:
    """Rule, validity and counted seconds by the rule of each creator's platform and market."""
    rules: dict[str | None, tuple[str, Callable[[Pieces], Judged]]] = {
        "US": ("other_platform_us", united_states),
        "VN": ("other_platform_vietnam", vietnam),
        None: ("network_hour", network),
    }
    return {
        key: (rules[place_of(key[0])][0], *rules[place_of(key[0])][1](day))
        for key, day in days.items()
    }


# --- Five rules -----------------------------------------------------------------------------------


def held_days(world: DbtWorld) -> dict[Day, tuple[str, bool, int]]:
    """What the fact of creator days says."""
    rows = world.rows(
        "select creator_id, local_date, rule_id, is_valid_day, counted_seconds "
        "from marts.fct_creator_days"
    )
    return {(row[0], row[1]): row[2:] for row in rows}


def test_every_creators_days_are_valid_by_the_rule_of_their_platform_and_market(
    landed: Path, built: DbtWorld
) -> None:
    expected = network_days(days_in(landed))
    assert held_days(built) == expected
    for rule_id in ("network_hour", "other_platform_us", "other_platform_vietnam"):
        verdicts = [told[1] for told in expected.values() if told[0] == rule_id]
        assert verdicts.count(True) > 50
        assert verdicts.count(False) > 10


def test_every_day_is_valid_by_the_rules_of_the_programs_that_a_creator_is_in(
    landed: Path, built: DbtWorld
) -> None:
    days = days_in(landed)
    for rule_id, program, judge in (
        ("reward_mission_25_minutes", "reward_mission", reward_mission),
        ("partner_hour", "partner_program", partner_program),
    ):
        rows = built.rows(
            "select creator_id, local_date, is_valid_day, counted_seconds "
            "from marts.fct_valid_days where rule_id = $1 and program = $2",
            [rule_id, program],
        )
        assert {(row[0], row[1]): row[2:] for row in rows} == {
            key: judge(day) for key, day in days.items()
        }
        assert len({row[2] for row in rows}) == 2
    # A program without a rule of its own goes by the network's, which stands with the creator days.
    assert built.rows("select distinct program from marts.fct_valid_days order by 1") == [
        ("partner_program",),
        ("reward_mission",),
    ]


def test_the_simulators_own_valid_days_are_the_same_where_its_definitions_are(
    landed: Path, built: DbtWorld
) -> None:
    built.execute(
        f"""create or replace table main.true_days as
        from read_parquet('{landed}/truth/valid_days.parquet/*.parquet')
        where cast(substr(creator_id, 2) as integer) % 5 > 1"""
    )
    wrong = built.rows(
        """with held as (
            select days.creator_id, days.local_date, days.is_valid_day as network_hour,
                bool_or(valid.is_valid_day) filter (valid.program = 'reward_mission') as mission,
                bool_or(valid.is_valid_day) filter (valid.program = 'partner_program') as partner
            from marts.fct_creator_days as days
            inner join marts.fct_valid_days as valid using (creator_id, local_date)
            where cast(substr(creator_id, 2) as integer) % 5 > 1
            group by all
        )
        select creator_id, local_date from held full join main.true_days as truth
            using (creator_id, local_date)
        where network_hour is distinct from truth.is_valid_network_hour
            or mission is distinct from truth.is_valid_reward_mission_25_minutes
            or partner is distinct from truth.is_valid_partner_hour"""
    )
    assert wrong == []
    assert built.rows("select count(*) > 1000 from main.true_days") == [(True,)]


def test_valid_days_of_programs_follow_late_sessions_assignments_and_moves(
    landed: Path, built: DbtWorld, seeded_world: DbtWorld, tmp_path: Path
) -> None:
    world = new_world(landed, seeded_world, tmp_path / "home")
    late = date(2026, 7, 20)
    assigned = WORLD.start + timedelta(days=1)
    sessions = landed / "raw" / "live_sessions" / f"dt={late}" / "data.parquet"
    everybody = world.home / "raw" / "program_assignments" / f"dt={assigned}" / "data.parquet"
    kept = tmp_path / "assignments.parquet"
    kept.write_bytes(everybody.read_bytes())
    world.withdraw("live_sessions", late)
    world.arrive(
        "program_assignments",
        assigned,
        [
            {
                "program_id": "partner_program",
                "creator_id": "nobody",
                "arm": "treated",
                "assigned_at": datetime(2026, 6, 25, tzinfo=UTC),
            }
        ],
    )
    world.build(select=CORE, full_refresh=True)
    assert world.rows("select count(*) from marts.fct_valid_days") == [(0,)]
    world.adopt("program_assignments", assigned, kept)
    world.build(select=CORE)
    world.adopt("live_sessions", late, sessions)
    world.build(select=CORE)
    assert world.contents(FACTS) == built.contents(FACTS)
    world.build(select=CORE)
    assert world.rows("select count(*) from intermediate.int_valid_days_touched") == [(0,)]


# --- As it was, as it is --------------------------------------------------------------------------


def test_a_month_as_it_is_goes_by_the_rule_of_today_and_as_it_was_again_is_what_it_was(
    landed: Path, seeded_world: DbtWorld, tmp_path: Path
) -> None:
    world = new_world(landed, seeded_world, tmp_path / "home")
    change = date(2026, 7, 15)
    world.execute(
        """update seeds.metric_rules set valid_to = date '2026-07-14'
        where rule_id = 'network_hour';
        insert into seeds.metric_rules
        select * replace (
            'network_two_hours' as rule_id, date '2026-07-15' as valid_from,
            cast(null as date) as valid_to, 7200 as min_live_seconds
        ) from seeds.metric_rules where rule_id = 'network_hour'"""
    )
    world.build(select=CORE, full_refresh=True)
    days = days_in(landed)

    def by_the_rules(month_is_as_is: bool) -> dict[Day, tuple[str, bool, int]]:  # noqa: FBT001
        told = network_days(days)
        for key, day in days.items():
            is_july = (key[1].year, key[1].month) == (2026, 7)
            if place_of(key[0]) is None and (key[1] >= change or (is_july and month_is_as_is)):
                told[key] = ("network_two_hours", *network(day, 2 * HOUR))
        return told

    as_it_was = world.contents(FACTS)
    assert held_days(world) == by_the_rules(month_is_as_is=False)

    world.rule_months = {date(2026, 7, 1): True}
    world.build(select=CORE, finish=False)
    touched = world.rows(
        "select min(local_date), max(local_date) from intermediate.int_creator_days_touched"
    )
    assert touched == [(date(2026, 7, 1), date(2026, 7, 14))]
    world.build(select=CORE)
    assert held_days(world) == by_the_rules(month_is_as_is=True)
    assert by_the_rules(month_is_as_is=True) != by_the_rules(month_is_as_is=False)
    as_it_is = world.contents(FACTS)
    for table in ("marts.fct_live_sessions", "marts.fct_valid_days"):
        assert as_it_is[table] == as_it_was[table]

    world.rule_months = {date(2026, 7, 1): False}
    world.build(select=CORE)
    assert world.contents(FACTS) == as_it_was
    world.build(select=CORE)
    assert world.rows("select count(*) from intermediate.int_creator_days_touched") == [(0,)]
