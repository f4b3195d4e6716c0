"""Days that come back, go away or vanish, through the real commands, up to what BI reads.

What lives here: replay, withdrawal and vanished landing files on the simulated world with its own
late and impossible rows. What may not: what happens inside one day (unit tests of ingest).
"""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest
from rich.console import Console
from sample_home import Runner, let_arrive
from typer.testing import CliRunner

from orchestration import screen
from orchestration.cli import app
from orchestration.release.pointer import current_release
from orchestration.screen import RunEnd
from orchestration.settings import Settings

pytestmark = pytest.mark.slow

DAY = date(2026, 7, 20)


def _ask(home: Path, *arguments: str, language: str = "en") -> str:
    environment = {"SEMILLERO_HOME": str(home), "SEMILLERO_LANGUAGE": language, "COLUMNS": "200"}
    answer = CliRunner().invoke(app, arguments, env=environment)
    assert answer.exit_code == 0, answer.output
    return " ".join(answer.output.split())


def _published(end: RunEnd) -> None:
    assert end.verdict == "published", end.reasons


def _screen(home: Path, end: RunEnd) -> str:
    console = Console(width=200, record=True, file=(home / "screen.txt").open("w"))
    screen.show(console, Settings(home=home), end)
    return " ".join(console.export_text().replace("│", " ").split())


def _content_hashes(home: Path) -> dict[str, str]:
    release = current_release(Settings(home=home))
    assert release is not None
    return {name: mart.content_hash for name, mart in release.certificate.marts.items()}


def _inputs(home: Path) -> set[tuple[str, date]]:
    release = current_release(Settings(home=home))
    assert release is not None
    return {(each.feed, each.arrival_date) for each in release.certificate.inputs}


def _late_sessions(home: Path) -> set[str]:
    """The session ids that quarantine holds as too late and nothing else."""
    held = duckdb.execute(
        """select any_value(content) from read_parquet($1, hive_partitioning = false)
        group by dt, file, row having bool_and(rule = 'too_late')""",
        [str(home / "quarantine" / "live_sessions" / "*" / "rows.parquet")],
    ).fetchall()
    return {json.loads(content)["session_id"] for (content,) in held}


def _facts(home: Path) -> set[str]:
    with duckdb.connect(str(home / "current" / "marts.duckdb"), read_only=True) as connection:
        rows = connection.execute("select session_id from marts.fct_live_sessions").fetchall()
    return {session_id for (session_id,) in rows}


def _from_scratch(home: Path, name: str) -> Path:
    """A home with the same landing and nothing else."""
    anew = home.with_name(name)
    anew.mkdir()
    shutil.copytree(home / "landing", anew / "landing")
    return anew


def _land_late_sessions(home: Path) -> set[str]:
    """Let the last day arrive, with sessions of the first days in a file of their own."""
    folder = let_arrive(home, "live_sessions")
    with duckdb.connect(str(home / "current" / "marts.duckdb"), read_only=True) as connection:
        connection.execute(
            """copy (
                select 'late-' || session_id as session_id, creator_id, platform,
                    started_at + interval 7 hour || 'Z' as started_at,
                    ended_at + interval 7 hour || 'Z' as ended_at, diamonds
                from marts.fct_live_sessions
                where started_at < timestamp '2026-07-05' and not is_open
                order by session_id limit 25
            ) to $path (format json)""",
            {"path": str(folder / "late.jsonl")},
        )
    return {json.loads(line)["session_id"] for line in (folder / "late.jsonl").open()}


def test_rows_beyond_the_horizon_reach_the_marts_by_a_replay_as_by_loading_history(
    home: Path, run_in: Runner
) -> None:
    late = _land_late_sessions(home)
    assert len(late) == 25
    _published(run_in(home))
    assert not late & _facts(home)
    assert late <= _late_sessions(home)
    assert "too_late" in _ask(home, "quarantine", "list", "--feed", "live_sessions")
    anew = _from_scratch(home, "anew")

    # Nobody can ask landing any more.
    shutil.rmtree(home / "landing")
    would = _ask(home, "quarantine", "replay", "--rule", "too_late", "--dry-run")
    assert "nothing was changed" in would
    done = _ask(home, "quarantine", "replay", "--rule", "too_late", language="es")
    assert "Para llevarlas a las tablas: semillero run" in done
    assert _late_sessions(home) == set()
    _published(run_in(home, accept_shift="late rows were replayed"))
    assert late <= _facts(home)
    assert run_in(home).verdict == "unchanged"

    _published(run_in(anew, history=True))
    assert _content_hashes(home) == _content_hashes(anew)


def test_a_withdrawn_day_leaves_the_marts_and_comes_back_when_it_is_asked_for(
    home: Path, run_in: Runner
) -> None:
    before = _content_hashes(home)
    said = _ask(home, "withdraw", "live_sessions", str(DAY), "--because", "another agency's rows")
    assert f"--feed live_sessions --day {DAY} --rule withdrawn" in said
    assert "another agency's rows" in _ask(home, "status")
    _published(run_in(home, accept_shift="withdrawn"))
    assert ("live_sessions", DAY) not in _inputs(home)
    assert run_in(home).verdict == "unchanged"

    anew = _from_scratch(home, "without")
    shutil.rmtree(anew / "landing" / "live_sessions" / f"dt={DAY}")
    _published(run_in(anew))
    assert _content_hashes(home) == _content_hashes(anew)

    back = ("--feed", "live_sessions", "--day", str(DAY), "--rule", "withdrawn")
    _ask(home, "quarantine", "replay", *back)
    _published(run_in(home, accept_shift="taken back"))
    assert ("live_sessions", DAY) in _inputs(home)
    assert _content_hashes(home) == before


def test_a_deleted_day_is_noticed_once_and_listed_until_it_is_dealt_with(
    home: Path, run_in: Runner
) -> None:
    before = _content_hashes(home)
    shutil.rmtree(home / "landing" / "live_sessions" / f"dt={DAY}")
    first = run_in(home)
    assert first.verdict == "unchanged"
    command = f'semillero withdraw live_sessions {DAY} --because "why"'
    assert command in _screen(home, first)
    assert "gone" not in _screen(home, run_in(home))
    assert command in _ask(home, "status")
    assert _content_hashes(home) == before
    # Older days cleaned up besides are nothing to speak of.
    for number in range(2, 9):
        shutil.rmtree(home / "landing" / "live_sessions" / f"dt=2026-07-0{number}")
    assert "gone" not in _screen(home, run_in(home))


def test_a_day_over_its_tolerance_is_refused_in_dagster_and_its_rows_are_counted_by_rule(
    home: Path, run_in: Runner
) -> None:
    from dagster import AssetKey

    from orchestration.daily import open_instance

    folder = home / "landing" / "live_sessions" / f"dt={DAY}"
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            "select count(*) from raw.live_sessions where _dt = $1", [DAY]
        ).fetchone()
    assert rows is not None
    bad = rows[0] // 10
    lines = [
        {
            "session_id": f"x{number}",
            "creator_id": "c",
            "platform": "tiktok",
            "started_at": f"{DAY}T10:00:00Z",
            "ended_at": f"{DAY}T09:00:00Z",
        }
        for number in range(bad)
    ]
    extra = folder / "extra.jsonl"
    extra.write_text("".join(json.dumps(line) + "\n" for line in lines))
    end = run_in(home)
    assert end.verdict == "refused"
    assert "the contract tolerates 5.0%" in " ".join(end.reasons)
    said = _screen(home, end)
    assert f"semillero quarantine show --feed live_sessions --day {DAY}" in said
    shown = _ask(home, "quarantine", "show", "--day", str(DAY), "--rule", "ended_before_started")
    assert "extra.jsonl row 1" in shown

    # Within the tolerance the day goes on, and Dagster can plot what was refused.
    extra.write_text("".join(json.dumps(line) + "\n" for line in lines[:2]))
    _published(run_in(home))
    with open_instance(Settings(home=home)) as instance:
        event = instance.get_latest_materialization_event(AssetKey(["raw", "live_sessions"]))
    assert event is not None
    assert event.asset_materialization is not None
    plotted = {name: each.value for name, each in event.asset_materialization.metadata.items()}
    share, rows_refused = plotted["refused_share"], plotted["refused/ended_before_started"]
    assert isinstance(share, float)
    assert isinstance(rows_refused, int)
    assert rows_refused >= 2
    assert 0 < share < 0.05
    assert plotted["refused_share_tolerated"] == 0.05
