"""Real LIVE sessions through the two commands of the README, to a release and its weekly table."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest
from holodex_facts import HOLODEX, MISSING, PUBLISHED, UNCOLLECTED

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not HOLODEX.is_dir(), reason=MISSING),
]


def _semillero(home: Path, *arguments: str) -> str:
    answer = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", *arguments],
        env=os.environ | {"SEMILLERO_HOME": str(home), "COLUMNS": "100"},
        capture_output=True,
        check=False,
        text=True,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "Traceback" not in answer.stderr
    return answer.stdout


@pytest.fixture(scope="module")
def marts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("holodex")
    landed = _semillero(home, "ingest", "holodex", str(HOLODEX))
    assert "45,855" in landed
    screen = _semillero(home, "run", "--from", "2024-04-09", "--to", "2024-11-01")
    assert "Published release" in screen
    return home / "current" / "marts.duckdb"


def _rows(marts: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(marts), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_the_published_weeks_are_exactly_the_published_table(marts: Path) -> None:
    weeks = _rows(
        marts,
        """select period_start_date, active_count, new_count, retained_count, resurrected_count
           from marts.growth_accounting
           where period_grain = 'week' and segment_kind = 'all' order by 1""",
    )
    assert {week: counts for week, *counts in weeks if week in PUBLISHED} == {
        week: list(counts) for week, counts in PUBLISHED.items()
    }


def test_every_distinct_session_is_published(marts: Path) -> None:
    assert _rows(
        marts, "select count(*), count(distinct creator_id) from marts.fct_live_sessions"
    ) == [(30_535, 1_902)]


def test_weeks_without_collection_are_not_covered_instead_of_showing_churn(marts: Path) -> None:
    weeks = {
        week: rest
        for week, *rest in _rows(
            marts,
            """select period_start_date, coverage_rate, is_complete, active_count, churned_count,
                   quick_ratio
               from marts.growth_accounting
               where period_grain = 'week' and segment_kind = 'all'""",
        )
    }
    for week in UNCOLLECTED:
        assert weeks[week] == [0, False, None, None, None], week
    churned = {
        week
        for (week,) in _rows(
            marts,
            """select period_start_date from marts.growth_accounting
               where period_grain = 'week' and segment_kind = 'all'
                   and churned_count is not null""",
        )
    }
    # Fully covered weeks after a week with something in it; all others know no churn.
    assert date(2024, 5, 13) in churned
    assert date(2024, 6, 10) not in churned
    assert date(2024, 10, 14) not in churned


def test_a_second_run_of_the_range_changes_nothing(marts: Path) -> None:
    home = marts.parent.parent
    before = (home / "current").readlink()
    screen = _semillero(home, "run", "--from", "2024-04-09", "--to", "2024-11-01")
    assert "Nothing new" in screen
    assert (home / "current").readlink() == before
