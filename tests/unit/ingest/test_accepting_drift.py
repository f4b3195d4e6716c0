"""A person takes a drift for the new normal, and everybody is told what drifted."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from orchestration import screen_drift
from orchestration.checks.drift import drift_checks
from orchestration.checks.gate import decide
from orchestration.cli import app
from orchestration.ingest.accept_drift import AcceptDriftError, accept_drift
from orchestration.ingest.ledger import Ledger
from orchestration.ingest.replay import Replayer
from orchestration.ingest.results import DayResult, DriftFinding, drift_to_tell
from orchestration.ingest.withdraw import withdraw
from orchestration.run_record import read_ingest, write_ingest
from orchestration.settings import Settings
from tests.unit.ingest.drifting_world import DriftingWorld, make_landing

TIMES_1000 = (
    "select * exclude (likes) replace (viewer_seconds * 1000 as viewer_seconds) from landed"
)
FEED = "live_sessions"


@pytest.fixture
def refused(tmp_path: Path) -> tuple[DriftingWorld, date]:
    """A home whose last day was refused for a changed unit; a column is missing besides."""
    world = DriftingWorld(home=tmp_path / "home", source=make_landing(tmp_path, "parquet"))
    world.ingest_good(4)
    day = world.days[4]
    result, found = world.drift_of(day, TIMES_1000)
    assert result.outcome == "refused"
    assert set(found) == {"changed_unit viewer_seconds", "vanished_column likes"}
    return world, day


@pytest.fixture
def semillero(
    refused: tuple[DriftingWorld, date], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str]]:
    """The command line over that home: exit code, and what it printed."""
    monkeypatch.setenv("SEMILLERO_HOME", str(refused[0].home))
    monkeypatch.setenv("COLUMNS", "400")

    def call(*arguments: str, language: str = "en") -> tuple[int, str]:
        monkeypatch.setenv("SEMILLERO_LANGUAGE", language)
        answer = CliRunner().invoke(app, list(arguments))
        assert answer.exception is None or isinstance(answer.exception, SystemExit)
        return answer.exit_code, " ".join(answer.output.split())

    return call


def test_a_person_accepts_a_day_by_the_command_and_the_next_ingest_lets_it_in(
    refused: tuple[DriftingWorld, date], semillero: Callable[..., tuple[int, str]]
) -> None:
    world, day = refused
    code, said = semillero("drift", "list", "--feed", FEED)
    assert code == 0
    assert f"{day} {FEED}, changed unit viewer_seconds, refused the day" in said
    assert f"Last good day: {world.days[3]}." in said
    code, said = semillero(
        "drift", "accept", FEED, str(day), "--because", "milisegundos", language="es"
    )
    assert code == 0
    assert "esto es lo normal" in said
    assert "segundos y milisegundos" in said
    assert world.ingest(day).outcome == "accepted"
    code, said = semillero("drift", "list", language="es")
    assert "otra unidad viewer_seconds, aceptado" in said
    assert "milisegundos (" in said
    code, said = semillero("status")
    assert (code, "Taken for the new normal" in said) == (0, True)
    # What a day was accepted for is not told again.
    assert "What drifted" not in said


def test_what_drifted_can_be_asked_for_some_days_only(
    refused: tuple[DriftingWorld, date], semillero: Callable[..., tuple[int, str]]
) -> None:
    world, day = refused
    assert semillero("drift", "list", "--to", str(world.days[3])) == (0, "Nothing drifted.")
    assert "viewer_seconds" in semillero("drift", "list", "--from", str(day))[1]


@pytest.mark.parametrize(
    ("feed", "offset", "because", "code", "says"),
    [
        (FEED, 0, "why not", 1, "Nothing drifted in live_sessions on"),
        (FEED, 4, "  ", 1, "why"),
        ("sessions", 4, "why not", 2, "sessions"),
    ],
)
def test_nothing_else_is_accepted(  # noqa: PLR0917 - the columns of the table above
    refused: tuple[DriftingWorld, date],
    semillero: Callable[..., tuple[int, str]],
    feed: str,
    offset: int,
    because: str,
    code: int,
    says: str,
) -> None:
    world, _ = refused
    answer = semillero("drift", "accept", feed, str(world.days[offset]), "--because", because)
    assert answer[0] == code
    assert says in answer[1]
    with world.ledger() as ledger:
        assert ledger.drift_acceptances() == ()


def test_an_acceptance_needs_something_that_drifted(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with pytest.raises(AcceptDriftError, match="Nothing drifted"):
        accept_drift(settings, FEED, date(2026, 3, 10), "because")
    assert not settings.ledger.exists()


def _finding(column: str, action: str = "warn") -> DriftFinding:
    return DriftFinding(
        "vanished_column",
        column,
        action,  # type: ignore[arg-type]
        f"{column} is gone.",
        f"{column} ya no está.",
        date(2026, 3, 9),
    )


def _days(*drift: tuple[DriftFinding, ...]) -> list[DayResult]:
    return [
        DayResult(feed=FEED, day=date(2026, 3, 10 + number), outcome="accepted", drift=found)
        for number, found in enumerate(drift)
    ]


def test_a_run_tells_each_drift_once_with_the_number_of_days(tmp_path: Path) -> None:
    days = _days((_finding("likes"),), (_finding("likes"), _finding("shares")), ())
    told = drift_to_tell(days)
    assert [(each.first.day, each.days, each.finding.column) for each in told] == [
        (10, 2, "likes"),
        (11, 1, "shares"),
    ]
    settings = Settings(home=tmp_path)
    lines = [line.plain for line in screen_drift.run_lines(settings, {FEED: days})]
    assert lines[0] == (
        "  live_sessions 2026-03-10: likes is gone. Last good day: 2026-03-09. "
        "On 2 days from then on."
    )
    many = _days(tuple(_finding(f"c{number}") for number in range(9)))
    assert (
        "3 more: semillero drift list" in screen_drift.run_lines(settings, {FEED: many})[-1].plain
    )


def test_drift_is_evidence_of_the_run_and_a_warning_that_does_not_close_the_gate() -> None:
    ingested = {FEED: _days((_finding("likes"),)), "creators": _days(()), "gifts": []}
    answers = drift_checks(ingested, run_id="r1")
    assert [(each.check_id, each.passed) for each in answers] == [
        ("drift.live_sessions", False),
        ("drift.creators", True),
    ]
    assert "likes is gone. Last good day: 2026-03-09." in answers[0].message_en
    assert "Último día bueno: 2026-03-09." in answers[0].message_es
    required = answers[1].check_id
    decision = decide("r1", {required}, answers)
    # A warning is published with; the list of what must pass has none of these.
    assert [each.check_id for each in decision.warnings] == ["drift.live_sessions"]
    assert not any(each.check_id == "drift.live_sessions" for each in decision.refusals)


def test_accepted_drift_is_no_warning() -> None:
    ingested = {FEED: _days((_finding("likes", "accepted"),))}
    (answer,) = drift_checks(ingested, run_id="r1")
    assert answer.passed


def test_a_withdrawn_day_drifts_no_more_until_it_is_taken_back(
    refused: tuple[DriftingWorld, date], semillero: Callable[..., tuple[int, str]]
) -> None:
    world, _ = refused
    drifted = world.days[5]
    _, found = world.drift_of(drifted, "select * exclude (likes) from landed")
    assert set(found) == {"vanished_column likes"}
    told = f"{drifted} {FEED}, vanished column likes, told"
    assert told in semillero("drift", "list")[1]
    withdraw(world.settings, world.contract, drifted, "sent too early")
    code, said = semillero("drift", "list")
    assert (code, str(drifted) in said) == (0, False)
    # Its neighbour's files, refused for a drift, still wait for somebody.
    assert f"{world.days[4]} {FEED}, changed unit viewer_seconds, refused the day" in said
    with Replayer(world.settings, rule="withdrawn") as replayer:
        (result,) = replayer.replay(world.contract, drifted)
    assert result.outcome == "replayed"
    assert told in semillero("drift", "list")[1]


def test_the_record_of_a_run_reads_back_what_drifted(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    days = _days((_finding("likes"),), ())
    write_ingest(settings, "r1", FEED, days)
    assert read_ingest(settings, "r1") == {FEED: days}


def test_a_ledger_of_an_earlier_semillero_still_tells_its_drift(
    refused: tuple[DriftingWorld, date],
) -> None:
    """It kept words instead of findings, and had no table of profiles or acceptances."""
    world, _ = refused
    good = world.days[0]
    with sqlite3.connect(world.settings.ledger) as connection:
        for table in ("profiles", "drift", "drift_acceptances"):
            connection.execute(f"drop table {table}")
        connection.execute(
            "update partitions set drift = ? where arrival_date = ?",
            (json.dumps(["unknown_column mood"]), good.isoformat()),
        )
    with Ledger(world.settings.ledger) as ledger:
        assert ledger.drift() == ()
        assert ledger.drift_acceptances() == ()
        assert ledger.past_days(FEED, world.days[4], 5) == []
    (found,) = world.ingest(good).drift
    assert (found.kind, found.column) == ("new_column", "mood")
    console = Console(record=True, width=200)
    screen_drift.show_drift(console, world.settings, [], [])
    assert "Nothing drifted." in console.export_text()
