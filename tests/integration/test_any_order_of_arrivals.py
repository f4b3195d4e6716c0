"""Whatever order days arrive in, and whatever becomes of them later: the marts are the same.

What lives here: the property over every mart of the closed list, on a simulated world that went
through the real ingest, and which local days a late row makes anew. What may not: what the marts
should say (their own tests).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import duckdb
import pytest
from dbt_world import DbtWorld, Row
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from orchestration.checks.tables import MARTS
from orchestration.contracts.loader import load_contracts
from orchestration.ingest import Ingestor, Ledger
from orchestration.settings import Settings
from orchestration.simulate import WorldOptions, simulate
from orchestration.simulate.backstage import BackstageOptions, true_days, write_exports
from orchestration.simulate.polling import ALL_DIRT, poll_sessions
from orchestration.sources.backstage import land_exports, read_exports
from tests.fuzzing import property_seeds

WORLD = WorldOptions(creators=60, days=21, seed=5, start=date(2026, 7, 1))

Key: TypeAlias = tuple[str, date]

# How a partition may look before or after its true content: other rows, other values, one version
# that lacks rows (they came later, by a correction or a replay).
VERSIONS: Mapping[str, str] = {
    "true": "select * from whole",
    "short": "select * from whole where md5_number(cast({key} as varchar)) % 3 <> 0",
    "wrong": "select * replace (cast(null as timestamptz) as updated_at) from whole "
    "where md5_number(cast({key} as varchar)) % 5 <> 0",
}


@dataclass(frozen=True)
class Land:
    """The raw partitions of the simulated world, each in several versions."""

    files: Mapping[tuple[Key, str], Path]

    @property
    def keys(self) -> list[Key]:
        """Feed and arrival day of every partition, in the order in which days arrive."""
        return sorted({key for key, _ in self.files}, key=lambda key: (key[1], key[0]))


@pytest.fixture(scope="module")
def land(tmp_path_factory: pytest.TempPathFactory) -> Land:
    """The simulated world, also polled and exported from Backstage, through the real ingest."""
    home = tmp_path_factory.mktemp("land")
    simulate(home / "landing", WORLD, truth_dir=home / "truth")
    options = Settings(home=home, duckdb_threads=1)
    _poll(home)
    export_backstage(options, WORLD.start + timedelta(days=1), WORLD.days - 1)
    # Which this short world has not yet.
    assign_missions(home, WORLD.start + timedelta(days=3))
    contracts = load_contracts()
    with Ingestor(options) as ingestor:
        for folder in sorted((home / "landing").glob("*/dt=*")):
            day = date.fromisoformat(folder.name.removeprefix("dt="))
            ingestor.ingest(contracts[folder.parent.name], day)
    with Ledger(options.ledger) as ledger:
        records = [record for record in ledger.partitions() if record.accepted_count]
    files = {}
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for record in records:
            raw = options.raw / record.feed / f"dt={record.day}" / "data.parquet"
            connection.execute(
                "create or replace temp table whole as "
                "select * from read_parquet($1, hive_partitioning = false)",
                [str(raw)],
            )
            columns = {name for name, *_ in connection.execute("describe whole").fetchall()}
            for version, query in VERSIONS.items():
                if version == "wrong" and "updated_at" not in columns:
                    continue
                path = home / f"{record.feed}-{record.day}-{version}.parquet"
                key = ", ".join(f'"{name}"' for name in load_contracts()[record.feed].key)
                connection.sql(query.format(key=f"({key})")).write_parquet(str(path))
                files[(record.feed, record.day), version] = path
    return Land(files)


def _poll(home: Path) -> None:
    """Land polls of every third creator's sessions: some of shows that are reported, some not."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(
            """create table true_sessions as
            select
                case when number % 6 = 0 then creator_id else 'polled-' || creator_id end
                    as creator_id,
                'youtube' as platform, 'music' as category, started_at, ended_at,
                40.0 as average_viewers
            from (
                select *, dense_rank() over (order by creator_id) as number
                from read_parquet($1) where ended_at is not null
            )
            where number % 3 = 0""",
            [str(home / "truth" / "live_sessions.parquet")],
        )
        poll_sessions(connection, ALL_DIRT, home / "landing", home / "truth" / "polls")


def assign_missions(home: Path, arrival_day: date, share: int = 1) -> None:
    """Land that every `share`th creator is in a program with a rule of its own."""
    folder = home / "landing" / "program_assignments" / f"dt={arrival_day}"
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.sql(
            """select 'reward_mission' as program_id, creator_id, 'treated' as arm,
                $2 || 'T12:00:00Z' as assigned_at
            from (
                select creator_id, row_number() over (order by creator_id) as number
                from read_parquet($1)
            )
            where number % $3 = 0 order by creator_id""",
            params=[
                str(home / "truth" / "creators.parquet"),
                str(arrival_day - timedelta(days=1)),
                share,
            ],
        ).write_csv(str(folder / "missions.csv"))


def export_backstage(options: Settings, start: date, report_count: int) -> None:
    """Land Backstage exports of half of the creators, of every other one under an ID of its own."""
    creators, days = true_days(options.home / "truth")
    names = {
        creator.creator_id: f"exported-{creator.creator_id}" if number % 4 else creator.creator_id
        for number, creator in enumerate(creators)
        if number % 2
    }
    folder = options.home / "exports"
    folder.mkdir()
    write_exports(
        folder,
        [
            replace(creator, creator_id=names[creator.creator_id])
            for creator in creators
            if creator.creator_id in names
        ],
        {names[creator]: of_days for creator, of_days in days.items() if creator in names},
        BackstageOptions(start=start, days=report_count),
    )
    with read_exports(folder, options, progress=logging.getLogger("exports").info) as reading:
        assert land_exports(reading, options) is not None


@dataclass(frozen=True)
class Accident:
    """What becomes of a partition after a build: another version of it, or it is withdrawn."""

    partition: int
    becomes: str


@dataclass(frozen=True)
class History:
    """How the partitions came: in which order, in how many builds, and what happened between.

    `parts` are the ends of the builds, as shares of all arrivals. `first_versions` are those that
    did not arrive in their true version at once.
    """

    order: list[int]
    parts: list[float]
    first_versions: dict[int, str]
    accidents: list[list[Accident]]


@st.composite
def histories(draw: st.DrawFn, count: int) -> History:
    """Any order of `count` partitions, two or three builds, any accidents between them."""
    positions = st.integers(0, count - 1)
    builds = draw(st.integers(3, 4))
    changes = ["true", "short", "wrong"]

    def accidents(becomes: list[str]) -> list[Accident]:
        return draw(st.lists(st.builds(Accident, positions, st.sampled_from(becomes)), max_size=5))

    return History(
        order=draw(st.permutations(range(count))),
        parts=sorted(draw(st.lists(st.floats(0.1, 0.9), min_size=builds - 1, max_size=builds - 1))),
        first_versions=draw(st.dictionaries(positions, st.sampled_from(changes[1:]), max_size=8)),
        accidents=[
            # Before the first build nobody could tell. After a withdrawal everything is built
            # anew, so the last build has none: it must be a build of changes only.
            [],
            *(accidents([*changes, "withdrawn"]) for _ in range(builds - 2)),
            accidents(changes),
        ],
    )


def _version(land: Land, key: Key, version: str) -> Path:
    return land.files.get((key, version), land.files[key, "short"])


def live_through(history: History, land: Land, world: DbtWorld) -> dict[Key, Path]:
    """Let a history happen to a world; returns the partitions that it ends with."""
    held: dict[Key, Path] = {}

    def arrive(position: int, version: str) -> None:
        key = land.keys[position]
        held[key] = _version(land, key, version)
        world.adopt(*key, held[key])

    ends = [round(share * len(history.order)) for share in history.parts] + [len(history.order)]
    begin = 0
    for number, end in enumerate(ends):
        for position in history.order[begin:end]:
            arrive(position, history.first_versions.get(position, "true"))
        begin = end
        is_withdrawn = False
        for accident in history.accidents[number]:
            key = land.keys[accident.partition]
            if key not in held:
                continue
            if accident.becomes == "withdrawn":
                del held[key]
                world.withdraw(*key)
                is_withdrawn = True
            else:
                arrive(accident.partition, accident.becomes)
        # As the job does it (`warehouse.plan_build`).
        world.build(full_refresh=is_withdrawn)
    return held


def filled(world: DbtWorld) -> list[str]:
    """The marts that have a row."""
    return [mart for mart in MARTS if world.rows(f"select 1 from marts.{mart} limit 1")]


def differences(one: DbtWorld, other: DbtWorld) -> dict[str, int]:
    """Rows of each mart that only one of the two worlds has."""
    return copies_that_differ(copy_marts(one, "compared"), copy_marts(other, "compared"))


def copy_marts(world: DbtWorld, name: str) -> Path:
    """The marts of a world as they are now, in a folder of its home: dbt keeps its file open."""
    folder = world.home / name
    folder.mkdir(exist_ok=True)
    for mart in MARTS:
        world.execute(f"copy marts.{mart} to '{folder / mart}.parquet' (format parquet)")
    return folder


def copies_that_differ(one: Path, other: Path) -> dict[str, int]:
    """Rows of each mart that only one of two copies has."""
    found = {}
    with duckdb.connect() as connection:
        for mart in MARTS:
            row = connection.execute(
                """with one as (from read_parquet($1)), other as (from read_parquet($2))
                select count(*) from (
                    (from one except all from other) union all (from other except all from one))""",
                [str(folder / f"{mart}.parquet") for folder in (one, other)],
            ).fetchone()
            assert row is not None
            found[mart] = row[0]
    return {mart: count for mart, count in found.items() if count}


@pytest.mark.slow
@pytest.mark.parametrize("examples_of", property_seeds(1))
def test_any_order_of_arrivals_corrections_and_withdrawals_gives_the_marts_of_one_build_in_order(
    land: Land, seeded_world: DbtWorld, tmp_path_factory: pytest.TempPathFactory, examples_of: int
) -> None:
    # An example costs some seconds of dbt a build: few of them, the same every time, none shrunk.
    @seed(examples_of)
    @settings(
        max_examples=4,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(history=histories(len(land.keys)))
    def holds(history: History) -> None:
        world = seeded_world.clone(tmp_path_factory.mktemp("any_order"))
        held = live_through(history, land, world)
        in_order = seeded_world.clone(tmp_path_factory.mktemp("in_order"))
        for key in sorted(held, key=lambda key: (key[1], key[0])):
            in_order.adopt(*key, held[key])
        in_order.build(full_refresh=True)
        assert differences(world, in_order) == {}
        # Sessions, polls and exports all came through; equal and empty would say nothing.
        assert filled(in_order) == list(MARTS)
        sources = in_order.rows("select session_source from marts.fct_live_sessions")
        assert set(sources) == {("observed",), ("reported",)}
        assert ("as_reported",) in in_order.rows("select rule_id from marts.fct_creator_days")

    holds()


def test_mornings_in_order_keep_what_is_settled_and_give_the_marts_of_one_build(
    land: Land, seeded_world: DbtWorld, tmp_path: Path
) -> None:
    # Three weeks are too few for months to settle, so here each day does, two days later.
    variables = {"settled_after_days": 2, "settled_grain": "day", "settled_most_moved_share": 1}
    world = seeded_world.clone(tmp_path / "mornings")
    in_order = seeded_world.clone(tmp_path / "in_order")
    mornings = sorted({day for _, day in land.keys})
    settled, moved = [], []
    for number, morning in enumerate(mornings):
        for key in land.keys:
            if key[1] == morning:
                world.adopt(*key, _version(land, key, "true"))
                in_order.adopt(*key, _version(land, key, "true"))
        if number < 10 or number % 3:
            continue
        for whole in (False, True):
            # Without a day more, what is settled stays, but for late days that are touched.
            world.build(variables=variables)
            settled.append(world.rows("select settled_by from intermediate.int_settlement"))
            moved.append(world.rows("select count(*) from intermediate.int_creators_moved"))
            if whole:
                in_order.build(full_refresh=True)
                assert differences(world, in_order) == {}
            else:
                key = max(key for key in land.keys if key[0] == "creators" and key[1] <= morning)
                world.adopt(*key, _version(land, key, "wrong"))
                in_order.adopt(*key, _version(land, key, "wrong"))
    assert filled(in_order) == list(MARTS)
    # It was kept at least once, it was made anew at least once, and somebody had moved.
    assert 1 < len({str(row) for row in settled}) < len(settled)
    assert any(count > 0 for ((count,),) in moved)


def test_two_worlds_that_differ_are_told_apart(
    land: Land, seeded_world: DbtWorld, tmp_path: Path
) -> None:
    worlds = []
    for name, version in (("one", "true"), ("other", "short")):
        world = seeded_world.clone(tmp_path / name)
        for key in land.keys[:12]:
            world.adopt(*key, _version(land, key, version))
        world.build(full_refresh=True)
        worlds.append(world)
    found = differences(*worlds)
    assert {"fct_live_sessions", "fct_creator_days", "dim_creators"} <= found.keys()


# --- Exactly the days that late rows touch --------------------------------------------------------

FIRST_DAY = date(2026, 3, 2)


def _creator(creator_id: str, timezone: str) -> Row:
    return {
        "creator_id": creator_id,
        "platform": "tiktok",
        "handle": creator_id,
        "country": "MX",
        "timezone": timezone,
        "joined_at": datetime(2026, 1, 1, tzinfo=UTC),
        "status": "active",
        "updated_at": datetime(2026, 1, 1, tzinfo=UTC),
    }


def _session(session_id: str, creator_id: str, started_at: str, minutes: int = 60) -> Row:
    start = datetime.fromisoformat(started_at).replace(tzinfo=UTC)
    return {
        "session_id": session_id,
        "creator_id": creator_id,
        "platform": "tiktok",
        "started_at": start,
        "ended_at": start + timedelta(minutes=minutes),
        "diamonds": 10,
    }


def test_late_rows_inside_the_horizon_rebuild_exactly_the_local_days_they_touch(
    seeded_world: DbtWorld, tmp_path: Path
) -> None:
    world = seeded_world.clone(tmp_path / "home")
    zones = {"ana": "America/Bogota", "bea": "Asia/Tokyo", "cleo": "UTC"}
    world.arrive("creators", FIRST_DAY, [_creator(*each) for each in zones.items()])
    days = [FIRST_DAY + timedelta(days=number) for number in range(10)]
    for day in days:
        rows = [_session(f"{name}-{day}", name, f"{day}T12:00") for name in zones]
        world.arrive("live_sessions", day, rows)
    world.build(full_refresh=True)
    # A mark that no model would make: whatever is built anew loses it.
    world.execute("update marts.fct_creator_days set diamonds = -1")
    world.execute("update marts.fct_live_sessions set likes = -1")

    late = [
        # Ana's evening: 02:00 UTC of the fifth is 21:00 of the fourth in Bogota.
        _session("late-1", "ana", "2026-03-05T02:00"),
        # Over Bea's midnight: 14:30 UTC is 23:30 in Tokyo.
        _session("late-2", "bea", "2026-03-06T14:30"),
        # A session of Cleo's moves from the eighth to the seventh: both days change.
        {**_session("cleo-2026-03-08", "cleo", "2026-03-07T20:00")},
        # Somebody whom the roster does not know.
        _session("late-3", "stranger", "2026-03-03T10:00"),
    ]
    world.arrive("live_sessions", date(2026, 3, 25), late)
    world.build(finish=False)

    touched = {
        ("ana", date(2026, 3, 4)),
        ("bea", date(2026, 3, 6)),
        ("bea", date(2026, 3, 7)),
        ("cleo", date(2026, 3, 7)),
        ("cleo", date(2026, 3, 8)),
        ("stranger", date(2026, 3, 3)),
    }
    queue = world.rows("select creator_id, local_date from intermediate.int_creator_days_touched")
    assert set(queue) == touched
    assert len(queue) == len(touched)
    unmarked = world.rows(
        "select creator_id, local_date from marts.fct_creator_days where diamonds <> -1"
    )
    # Nothing is left of Cleo's eighth.
    assert set(unmarked) == touched - {("cleo", date(2026, 3, 8))}
    kept = world.rows("select count(*) from marts.fct_creator_days where diamonds = -1")
    assert kept == [(30 - 5,)]
    rewritten = world.rows(
        "select session_id from marts.fct_live_sessions where likes is distinct from -1"
    )
    assert {session_id for (session_id,) in rewritten} == {row["session_id"] for row in late}
