"""The marts against the same tables written by hand in plain DuckDB SQL (`bench/by_hand/`).

Two authors of one definition: what either got wrong alone shows as a row that only one side has.
It also makes the comparison of `bench/marts.py` fair, which times both.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from by_hand import MARTS, write_marts
from sample_home import Runner

from orchestration.release.hashing import table_content
from orchestration.simulate import WorldOptions, simulate

pytestmark = pytest.mark.slow

# Ten weeks: with fewer nothing is expected of a KPI. Polls need a hundred polled creators.
WORLD = WorldOptions(
    creators=260, days=70, seed=5, start=date(2026, 8, 24), polled_share=0.4, format="parquet"
)
NOT_BY_HAND = {
    "backstage_reconciliation",
    "dim_agencies",
    "dim_dates",
    "dim_markets",
    "fct_backstage_days",
    "fct_backstage_reports",
    "labels",
}


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory, run_in: Runner
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The tables by hand in schema `main`, with the marts of the same home in `warehouse.marts`."""
    home = tmp_path_factory.mktemp("by_hand") / "home"
    simulate(home / "landing", WORLD, truth_dir=home / "truth")
    _report_what_polls_saw(home)
    end = run_in(home, history=True)
    assert end.verdict == "published", end.reasons
    database = home / "by_hand.duckdb"
    write_marts(home, database, "1GB")
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"attach '{home / 'warehouse.duckdb'}' as warehouse (read_only)")
        yield connection


def _report_what_polls_saw(home: Path) -> None:
    """Land sessions of polled creators, of whom only polls tell in a simulated world."""
    day = home / "landing" / "live_sessions" / f"dt={WORLD.start + timedelta(days=30)}"
    landed = next(day.glob("*.parquet"))
    with duckdb.connect() as connection:
        connection.execute(
            """
            copy (
                select landed.* from read_parquet($landed) as landed where false
                union all by name
                select
                    session_id, creator_id, platform, started_at, ended_at, viewer_seconds,
                    peak_viewers, diamonds, is_static, updated_at
                from read_parquet($truth)
                where route = 'live_snapshots' and cast(started_at as date) between $first and $last
            ) to $path (format parquet)
            """,
            {
                "landed": str(landed),
                "truth": str(home / "truth" / "live_sessions.parquet" / "*.parquet"),
                "first": WORLD.start + timedelta(days=20),
                "last": WORLD.start + timedelta(days=28),
                "path": str(landed.with_name("known_twice.parquet")),
            },
        )


@pytest.mark.parametrize("mart", MARTS)
def test_a_mart_holds_the_same_rows_as_the_table_by_hand(
    both: duckdb.DuckDBPyConnection, mart: str
) -> None:
    by_hand, built = f"main.{mart}", f"warehouse.marts.{mart}"

    for one, other in ((by_hand, built), (built, by_hand)):
        only_here = both.execute(f"from {one} except all from {other}").fetchmany(3)
        assert not only_here, f"rows of {one} alone"
    # Names, types and their order too.
    content = table_content(both, by_hand)
    assert content == table_content(both, built)
    assert content.row_count > 0


def test_the_world_has_what_the_two_could_disagree_about(both: duckdb.DuckDBPyConnection) -> None:
    def count(query: str) -> int:
        row = both.execute(f"select count(*) from {query}").fetchone()
        assert row is not None
        return int(row[0])

    assert count("fct_live_sessions where is_also_reported") > 0
    assert count("fct_live_sessions where is_open") > 0
    assert count("fct_live_sessions where local_end_date > local_start_date") > 0
    assert count("fct_creator_days where session_count = 0") > 0
    assert count("pieces where is_static") > 0
    assert count("dim_creators_history where not is_current") > 0
    assert count("kpi_daily where anomaly_code <> 'not_judged'") > 0
    assert count("funnel_conversion where is_complete and step_index = 3") > 0
    assert count("(select distinct funnel_name from funnel_conversion)") == 4


def test_every_mart_is_made_by_hand_or_left_out_for_a_reason() -> None:
    from orchestration.checks.tables import MARTS as PROMISED

    assert set(MARTS) | NOT_BY_HAND == set(PROMISED)
    assert not set(MARTS) & NOT_BY_HAND
