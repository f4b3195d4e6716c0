"""A feed that has stopped is named with its last good day; history run again is no alarm."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from orchestration.checks.freshness import answers, freshness, freshness_checks, required_ids
from orchestration.checks.gate import decide
from orchestration.contracts.loader import load_contracts
from orchestration.ingest import Ingestor
from orchestration.screen import show_status
from orchestration.settings import Settings
from orchestration.warehouse import plan_build
from tests.feed_rows import land_rows, valid_rows

CONTRACTS = load_contracts()
FIRST = date(2026, 3, 1)
MARCH = [FIRST + timedelta(days=number) for number in range(31)]


def _stopped(
    accepted: list[tuple[str, date]], today: date | None = None
) -> dict[str, tuple[date | None, int]]:
    return {
        each.feed: (each.last_good_date, each.silent_days)
        for each in freshness(CONTRACTS, accepted, today)
        if each.has_stopped
    }


def test_a_feed_that_stopped_while_others_went_on_is_named_with_its_last_good_day() -> None:
    accepted = [("live_sessions", day) for day in MARCH]
    accepted += [("creators", day) for day in MARCH[:20]]
    accepted += [("onboarding_events", day) for day in MARCH[:22]]
    assert _stopped(accepted) == {"creators": (date(2026, 3, 20), 11)}


def test_a_feed_may_be_as_late_as_its_contract_says_and_no_day_more() -> None:
    # Every day, a day late: two days of silence.
    accepted = [("live_sessions", day) for day in MARCH]
    on_time = [("creators", day) for day in MARCH[:-2]]
    assert _stopped(accepted + on_time) == {}
    assert _stopped(accepted + on_time[:-1]) == {"creators": (date(2026, 3, 28), 3)}


def test_a_feed_without_a_promise_and_one_that_never_came_have_not_stopped() -> None:
    accepted = [("live_sessions", day) for day in MARCH] + [("agencies", MARCH[0])]
    assert _stopped(accepted) == {}


def test_a_past_month_that_is_run_again_is_judged_by_what_came_with_it() -> None:
    """The clock is the data's, so running March in June, in any order, raises no alarm."""
    accepted = [(feed, day) for feed in ("live_sessions", "creators") for day in MARCH]
    assert _stopped(accepted) == {}
    assert _stopped(accepted[::-1]) == {}


def test_on_a_scheduled_morning_the_clock_is_today_so_that_a_full_stop_is_told() -> None:
    accepted = [(feed, day) for feed in ("live_sessions", "creators") for day in MARCH]
    assert _stopped(accepted, today=date(2026, 4, 2)) == {}
    assert _stopped(accepted, today=date(2026, 4, 5)) == {
        "creators": (date(2026, 3, 31), 5),
        "live_sessions": (date(2026, 3, 31), 5),
    }


def test_the_message_says_who_since_when_and_what_is_allowed_in_both_languages() -> None:
    accepted = [("live_sessions", MARCH[-1]), ("creators", MARCH[0])]
    (answer,) = [
        each for each in answers(freshness(CONTRACTS, accepted), run_id="run-1") if not each.passed
    ]
    assert answer.check_id == "freshness.creators"
    assert answer.severity == "warn"
    assert "creators has stopped: its last good day is 2026-03-01, 30 days" in answer.message_en
    assert "creators se detuvo: su último día bueno es 2026-03-01" in answer.message_es


def test_a_contract_can_make_a_stopped_feed_refuse_the_release() -> None:
    strict = {
        **CONTRACTS,
        "creators": replace(CONTRACTS["creators"], freshness_severity="error"),
    }
    assert required_ids(CONTRACTS) == frozenset()
    assert required_ids(strict) == {"freshness.creators"}
    accepted = [("live_sessions", MARCH[-1]), ("creators", MARCH[0])]
    results = answers(freshness(strict, accepted), run_id="run-1")
    decision = decide("run-1", required_ids(strict), results)
    assert [each.check_id for each in decision.refusals] == ["freshness.creators"]
    warned = answers(freshness(CONTRACTS, accepted), run_id="run-1")
    assert [each.check_id for each in decide("run-1", {"x"}, warned).warnings] == [
        "freshness.creators"
    ]


def _ingest(settings: Settings, days: dict[str, list[date]]) -> None:
    with Ingestor(settings) as ingestor:
        for feed, each in days.items():
            for day in each:
                rows = valid_rows(CONTRACTS[feed], 3, seed=1, day=day)
                folder = settings.landing / feed / f"dt={day}"
                land_rows(folder, "rows", "csv", CONTRACTS[feed], rows)
                assert ingestor.ingest(CONTRACTS[feed], day).outcome == "accepted"


@pytest.mark.parametrize(
    ("language", "said", "newest"),
    [
        ("en", "gifts has stopped: its last good day is 2026-03-02", "Newest arrival day"),
        ("es", "gifts se detuvo: su último día bueno es 2026-03-02", "Día de llegada más nuevo"),
    ],
)
def test_status_and_the_gates_checks_name_a_stopped_feed(
    tmp_path: Path, language: str, said: str, newest: str
) -> None:
    settings = Settings(home=tmp_path / "home", duckdb_threads=1, language=language)
    _ingest(settings, {"gifts": MARCH[:2], "live_sessions": MARCH[:8]})
    screen = io.StringIO()
    show_status(Console(file=screen, width=200), settings)
    assert said in screen.getvalue()
    assert newest in screen.getvalue()

    plan_build(settings, CONTRACTS, "run-1")
    results = freshness_checks(settings.warehouse, CONTRACTS, run_id="run-1")
    failed = [each for each in results if not each.passed]
    assert [each.check_id for each in failed] == ["freshness.gifts"]
    assert said in getattr(failed[0], f"message_{language}")
    assert failed[0].run_id == "run-1"


def test_without_a_warehouse_freshness_has_not_passed(tmp_path: Path) -> None:
    results = freshness_checks(tmp_path / "none.duckdb", CONTRACTS, run_id="run-1")
    assert results
    assert not any(each.passed for each in results)
    assert "Could not be judged" in results[0].message_en
