"""An agency that has nothing but spreadsheets: two commands, and the marts are true.

What lives here: exports of a simulated world from the command line to a release, against the truth.
What may not: single models (`test_backstage_models.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from sample_home import Runner
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.simulate import WorldOptions, simulate
from orchestration.simulate.backstage import EMPTY, BackstageOptions, true_days, write_exports

START = date(2026, 7, 1)
OPTIONS = BackstageOptions(start=START, days=40)


def _week(day: date) -> date:
    return day - timedelta(days=day.weekday())


@pytest.mark.slow
def test_a_home_with_nothing_but_exports_gets_true_marts(
    tmp_path: Path, run_in: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate(
        tmp_path / "world" / "landing",
        WorldOptions(creators=80, days=45),
        truth_dir=tmp_path / "truth",
    )
    creators, days = true_days(tmp_path / "truth")
    (tmp_path / "exports").mkdir()
    truth = write_exports(tmp_path / "exports", creators, days, OPTIONS)
    home = tmp_path / "home"
    monkeypatch.setenv("SEMILLERO_HOME", str(home))
    answer = CliRunner().invoke(app, ["ingest", "backstage", str(tmp_path / "exports"), "--yes"])
    assert answer.exit_code == 0, answer.output
    end = run_in(home)
    assert end.verdict == "published", end.reasons

    with duckdb.connect(str(home / "current" / "marts.duckdb"), read_only=True) as marts:
        weeks: Mapping[date, tuple[int, bool, int]] = {
            week: (active, is_complete, round(coverage * 7))
            for week, active, is_complete, coverage in marts.execute(
                "select period_start_date, active_count, is_complete, coverage_rate "
                "from growth_accounting where period_grain = 'week' and segment_kind = 'all' "
                "and active_count is not null"
            ).fetchall()
        }
        reported = marts.execute(
            "select creator_id, local_date, session_count, live_seconds, diamonds, is_valid_day "
            "from fct_creator_days"
        ).fetchall()
        rules = marts.execute("select distinct rule_id from fct_creator_days").fetchall()
    assert rules == [("as_reported",)]
    for creator, day, sessions, seconds, diamonds, is_valid_day in reported:
        true = truth.days[creator].get(day, EMPTY)
        assert sessions == true["session_count"]
        # A show that was never ended is reported with all its hours; a day has 24 of them.
        assert abs(seconds - min(true["live_seconds"], 86_400)) <= 36
        assert diamonds == max(true["diamonds"], 0)
        assert is_valid_day == (true["valid_days"] == 1)

    # Whose counters stand in an export, day by day: what the agency can know at all.
    unknown = truth.missing_days | {day + timedelta(days=1) for day in truth.missing_days}
    known_active: dict[date, set[str]] = {}
    for creator, own_days in days.items():
        for day, counters in own_days.items():
            is_reported = START <= day <= OPTIONS.report_days[-1] and day not in unknown
            if counters["session_count"] and is_reported:
                known_active.setdefault(_week(day), set()).add(creator)
    complete = [week for week, (_, is_complete, _) in weeks.items() if is_complete]
    assert complete, "some weeks have every file"
    assert all(
        not unknown & {week + timedelta(days=number) for number in range(7)} for week in complete
    )
    for week, (active, _, _) in weeks.items():
        assert active == len(known_active.get(week, set())), week
