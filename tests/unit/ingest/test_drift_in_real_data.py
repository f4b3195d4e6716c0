"""How often drift is told where there is none, and how often it is missed: measured, not claimed.

Real data (Holodex) and the whole simulated world with its dirt, every day of each; then planted
changes of unit, by how many rows a day has. The bounds here are those that the module `drift`
speaks of.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import duckdb
import pytest
from holodex_facts import HOLODEX, MISSING

from orchestration.contracts.loader import load_contracts
from orchestration.ingest import DayResult, Ingestor, discover
from orchestration.ingest.drift import PastDay, compare
from orchestration.ingest.landing_zone import open_zone
from orchestration.ingest.profile import QUANTILES, ColumnProfile, Profile
from orchestration.settings import Settings
from orchestration.simulate import WorldOptions, simulate
from orchestration.sources.holodex import land_holodex
from tests.unit.ingest.drifting_world import make_landing


def _every_day(settings: Settings) -> list[DayResult]:
    results: list[DayResult] = []
    zone = open_zone(settings)
    with Ingestor(settings) as ingestor:
        for feed, contract in load_contracts().items():
            days = discover.landed_days(feed, zone).days
            results += [ingestor.ingest(contract, day) for day in days]
    return results


def _told(results: Sequence[DayResult]) -> Counter[str]:
    return Counter(
        f"{result.feed} {found.kind} {found.column}" for result in results for found in result.drift
    )


@pytest.mark.slow
def test_the_whole_simulated_world_drifts_only_where_it_does(tmp_path: Path) -> None:
    """A thousand partitions, in five formats, with weekends, month ends, dirt and small days."""
    settings = Settings(home=tmp_path / "home", duckdb_threads=2)
    simulate(settings.landing, WorldOptions(), truth_dir=tmp_path / "truth")
    results = _every_day(settings)
    assert len(results) > 350
    assert {result.outcome for result in results} == {"accepted"}
    told = _told(results)
    # It is planted: a column from the thirtieth arrival day on, told for a week.
    assert told.pop("live_sessions new_column capture_quality") == 7
    # The first program that is given to whole agencies: until then no row names a cluster.
    assert told.pop("program_assignments null_share cluster_id") == 1
    # These are true: the first creator of a zone or tier. Nothing else, 1 % of the partitions.
    assert {name.split()[1] for name in told} <= {"new_category"}
    assert sum(told.values()) <= len(results) * 0.01
    assert not [found for result in results for found in result.drift if found.action == "refuse"]


@pytest.mark.skipif(not HOLODEX.is_dir(), reason=MISSING)
def test_real_days_drift_by_one_game_that_came_out_that_week(tmp_path: Path) -> None:
    """70 partitions of real sessions, three months of collection missing in between."""
    settings = Settings(home=tmp_path / "home", duckdb_threads=2)
    land_holodex(HOLODEX, settings, progress=lambda _: None)
    results = _every_day(settings)
    assert len(results) >= 60
    assert {result.outcome for result in results} == {"accepted"}
    assert _told(results) == Counter({"live_sessions new_category category": 1})
    (found,) = [found for result in results for found in result.drift]
    # Wuthering Waves was released on 2024-05-22.
    assert "'Wuthering_Waves'" in found.what_en
    assert found.last_good_day == date(2024, 5, 22)


# --- what is found ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The sessions of a simulated world, by arrival day, in the table `sessions`."""
    folder = tmp_path_factory.mktemp("power")
    landing = make_landing(folder, "parquet")
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(
            "create table sessions as select dt, session_id, viewer_seconds, average_viewers, "
            "likes, row_number() over (partition by dt order by hash(session_id)) as place "
            "from read_parquet($paths, hive_partitioning = true, union_by_name = true)",
            {"paths": str(landing / "live_sessions" / "*" / "*.parquet")},
        )
        yield connection
    shutil.rmtree(folder)


def _profiles(
    connection: duckdb.DuckDBPyConnection, column: str, rows: int, factor: float = 1
) -> list[tuple[date, Profile]]:
    """Each day's profile from so many of its sessions, times a factor."""
    wanted = f"[{', '.join(map(str, QUANTILES))}]"
    found = connection.execute(
        f"select cast(dt as date), quantile_disc({column} * $factor, {wanted}), count(*) "
        f"from sessions where place <= $rows and {column} <> 0 group by dt order by dt",
        {"factor": factor, "rows": rows},
    ).fetchall()
    return [
        (day, Profile({column: ColumnProfile(
            column=column, row_count=count, given_count=count,
            quantiles=tuple(map(float, sizes)), measured_count=count,
        )}))
        for day, sizes, count in found
    ]  # fmt: skip


@pytest.mark.parametrize("column", ["viewer_seconds", "average_viewers", "likes"])
@pytest.mark.parametrize("factor", [60, 100, 1_000, 3_600, 1_000_000, 1 / 100])
def test_a_changed_unit_is_found_from_forty_sessions_on(
    sessions: duckdb.DuckDBPyConnection, column: str, factor: float
) -> None:
    contract = load_contracts()["live_sessions"]
    for rows in (40, 100):
        good = _profiles(sessions, column, rows)
        bad = dict(_profiles(sessions, column, rows, factor))
        tried = found = falsely = 0
        for position in range(5, len(good)):
            day, honest = good[position]
            history = [PastDay(past, profile) for past, profile in reversed(good[:position])]
            tried += 1
            kinds = {each.kind for each in compare(contract, day, bad[day], history, ())}
            found += "changed_unit" in kinds
            falsely += bool(compare(contract, day, honest, history, ()))
        assert tried >= 8
        assert found >= 0.85 * tried, (rows, found, tried)
        assert falsely == 0
