"""Rows come out of quarantine, days go out of raw: nothing is lost, nothing doubled, at any moment.

What lives here: replay and withdrawal of small real days, also where the process is killed in the
middle. What may not: the command line and the marts (integration tests).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from orchestration.ingest import discover
from orchestration.ingest.ingest import Ingestor
from orchestration.ingest.landing_zone import open_zone
from orchestration.ingest.ledger import Ledger, PartitionRecord
from orchestration.ingest.replay import Replayer, ReplayResult
from orchestration.ingest.withdraw import WithdrawError, withdraw
from tests.unit.ingest.landed_world import DAY, World, as_csv, only, session, sessions

FEED = "live_sessions"
LATE = {"started_at": "2026-01-02T10:00:00Z", "ended_at": "2026-01-02T11:00:00Z"}
NAIVE = {"started_at": "2026-03-10T10:00:00", "ended_at": "2026-03-10T11:00:00"}


def replay(
    world: World, rule: str | None = None, day: date = DAY, *, dry_run: bool = False
) -> ReplayResult:
    """Replay one day of live_sessions that stands in quarantine once."""
    with Replayer(world.settings, rule=rule, dry_run=dry_run) as replayer:
        (result,) = replayer.replay(world.contracts[FEED], day)
    return result


def take_out(world: World, because: str = "wrong export", day: date = DAY) -> None:
    withdraw(world.settings, world.contracts[FEED], day, because)


def record(world: World, day: date = DAY) -> PartitionRecord | None:
    with world.ledger() as ledger:
        return ledger.partition(FEED, day)


def is_pending(world: World, day: date = DAY) -> bool:
    with world.ledger() as ledger:
        pending = discover.pending_days(
            world.contracts, world.settings, ledger, open_zone(world.settings)
        )
    return day in pending[FEED]


def quarantined_rows(world: World) -> set[tuple[str, int]]:
    return {(row["file"], row["row"]) for row in world.quarantined(FEED) if row["row"] is not None}


def raw_rows(world: World) -> set[tuple[str, int]]:
    return set(world.raw(FEED, "_file, _row")) if world.raw_file(FEED).exists() else set()


def assert_books_balance(world: World, rows: int) -> None:
    """Every row is accepted, refused or duplicate, in the ledger as in the files."""
    state = record(world)
    if state is None:
        with world.ledger() as ledger:
            withdrawal = ledger.withdrawal(FEED, DAY)
        assert withdrawal is not None
        assert raw_rows(world) == set()
        assert len(quarantined_rows(world)) == rows - withdrawal.partition.duplicate_count
        return
    assert state.read_count == rows
    assert state.accepted_count + state.refused_count + state.duplicate_count == rows
    assert len(raw_rows(world)) == state.accepted_count
    assert len(quarantined_rows(world)) == state.refused_count
    assert not raw_rows(world) & quarantined_rows(world)
    assert discover.raw_is_intact(state, world.settings)


def land_with_late_rows(world: World) -> Path:
    """Fifty honest rows, two late ones, one impossible one, one both late and impossible."""
    rows = [
        *sessions(50),
        session(51, **LATE),
        session(52, **LATE),
        session(53, likes="-1"),
        session(54, **LATE, likes="-1"),
    ]
    path = world.land(FEED, "day.csv", as_csv(rows))
    assert world.ingest(FEED).rows_refused == 4
    return path


# --- what a replay lets in ------------------------------------------------------------------------


def test_late_rows_join_their_arrival_day_and_the_impossible_stay(world: World) -> None:
    land_with_late_rows(world)
    before = record(world)
    assert before is not None
    result = replay(world, "too_late")
    assert (result.outcome, result.judged, result.accepted, result.still_refused) == (
        "replayed",
        3,
        2,
        1,
    )
    assert only(result.problems, "below_minimum").row == 54
    assert {("s51", "day.csv", 51), ("s52", "day.csv", 52)} <= set(
        world.raw(FEED, "session_id, _file, _row")
    )
    assert {(row["row"], row["rule"]) for row in world.quarantined(FEED)} == {
        (53, "below_minimum"),
        (54, "below_minimum"),
    }
    after = record(world)
    assert after is not None
    assert after.revision != before.revision
    assert (after.accepted_count, after.refused_count, after.too_late_count) == (52, 2, 0)
    assert_books_balance(world, 54)
    with world.ledger() as ledger:
        days = {each.event_date: each.row_count for each in ledger.event_days()}
    assert days == {date(2026, 1, 2): 2, DAY: 50}


def test_a_day_with_replayed_rows_is_settled_for_the_ordinary_run(world: World) -> None:
    path = land_with_late_rows(world)
    replay(world)
    assert not is_pending(world)
    assert world.ingest(FEED).outcome == "unchanged"
    # Sent again with the same content: read again, with the horizon still lifted.
    os.utime(path, ns=(1, 1))
    assert is_pending(world)
    assert world.ingest(FEED).rows_accepted == 52
    assert_books_balance(world, 54)


def test_a_correction_of_the_day_keeps_what_a_replay_let_in(world: World) -> None:
    land_with_late_rows(world)
    replay(world, "too_late")
    world.land(FEED, "day.csv", as_csv([*sessions(29), session(51, **LATE)]))
    assert world.ingest(FEED).rows_accepted == 30
    assert "s51" in {name for (name,) in world.raw(FEED, "session_id")}


def test_rows_come_back_though_landing_was_cleaned_up(world: World) -> None:
    land_with_late_rows(world).unlink()
    assert replay(world).accepted == 2
    assert world.ingest(FEED).outcome == "unchanged"
    assert_books_balance(world, 54)


@pytest.mark.parametrize("name", ["day.csv", "day.jsonl"])
def test_replayed_content_is_what_an_ingest_of_the_same_rows_gives(
    world: World, tmp_path: Path, name: str
) -> None:
    odd = session(31, **LATE, title='comillas "dobles", {"a": 1}, ñ 🎉', likes="12.0")
    rows = [{**row, "mood": "feliz"} for row in [*sessions(20), odd, session(32, **LATE)]]
    as_lines = "".join(json.dumps(row) + "\n" for row in rows)
    other = replace(world, home=tmp_path / "other")
    for home in (world, other):
        home.land(FEED, name, as_csv(rows) if name == "day.csv" else as_lines)
    world.ingest(FEED)
    assert replay(world, "too_late").accepted == 2
    other.ingest(FEED, history=True)
    assert world.raw_file(FEED).read_bytes() == other.raw_file(FEED).read_bytes()


def test_naive_rows_come_in_once_their_zone_is_declared(world: World) -> None:
    land = [*sessions(60), session(61, **NAIVE), session(62, **NAIVE), session(63, **LATE)]
    path = world.land(FEED, "day.csv", as_csv(land))
    world.ingest(FEED)
    path.unlink()
    assert replay(world, "naive_timestamp").outcome == "nothing"
    told = replace(world, options={"feed_timezones": {FEED: "America/Bogota"}})
    assert replay(told, "naive_timestamp").accepted == 2
    (start,) = {row[1] for row in told.raw(FEED, "session_id, started_at") if row[0] == "s61"}
    assert start.isoformat() == "2026-03-10T15:00:00+00:00"
    # Nobody asked for late rows: the horizon stands.
    assert {row["rule"] for row in world.quarantined(FEED)} == {"too_late"}
    after = record(world)
    assert after is not None
    assert (after.lateness_days, after.too_late_count) == (35, 1)


def test_a_replayed_row_competes_with_the_accepted_one_of_its_key(world: World) -> None:
    def version(likes: str, updated_at: str, **values: str) -> dict[str, str]:
        return session(1, likes=likes, updated_at=updated_at) | values

    rows = [
        version("5", "2026-03-10T12:00:00Z"),
        version("6", "2026-03-10T13:00:00Z", **LATE),
        {**session(2, **LATE), "updated_at": "2026-03-10T11:00:00Z"},
        {**session(2, likes="9"), "updated_at": "2026-03-10T12:00:00Z"},
    ]
    world.land(FEED, "day.csv", as_csv(rows))
    world.ingest(FEED)
    result = replay(world)
    assert (result.accepted, result.duplicate, result.still_refused) == (0, 2, 0)
    assert world.raw(FEED, "session_id, likes") == [("s1", 6), ("s2", 9)]
    assert_books_balance(world, 4)
    assert not world.quarantined(FEED)


def test_a_dry_run_says_what_would_come_in_and_changes_nothing(world: World) -> None:
    land_with_late_rows(world)
    before = (record(world), world.raw_file(FEED).read_bytes(), world.quarantined(FEED))
    assert replay(world, dry_run=True).accepted == 2
    assert (record(world), world.raw_file(FEED).read_bytes(), world.quarantined(FEED)) == before


def test_a_replay_that_lets_nothing_in_changes_nothing(world: World) -> None:
    land_with_late_rows(world)
    before = (record(world), world.quarantined(FEED))
    result = replay(world, "below_minimum")
    assert (result.outcome, result.judged) == ("nothing", 2)
    assert (record(world), world.quarantined(FEED)) == before


def test_lines_that_were_no_rows_stay_where_they_are(world: World) -> None:
    text = as_csv([*sessions(40), session(41, **LATE)]) + "broken,line\n"
    world.land(FEED, "day.csv", text)
    world.ingest(FEED)
    assert replay(world).accepted == 1
    assert [row["rule"] for row in world.quarantined(FEED)] == ["malformed_row"]
    assert_books_balance(world, 42)


def test_rows_of_several_files_keep_their_own_columns_and_lines(world: World) -> None:
    shouting = [{key.upper(): value for key, value in session(1, **LATE).items()}]
    world.land(FEED, "a.csv", as_csv(shouting))
    world.land(FEED, "b.csv", as_csv([*sessions(20, start=2), session(30, **LATE)]))
    world.ingest(FEED)
    assert replay(world).accepted == 2
    assert {("a.csv", 1), ("b.csv", 21)} <= raw_rows(world)


def test_a_refused_day_is_read_again_from_landing(world: World) -> None:
    naive = [session(number, **NAIVE) for number in range(1, 41)]
    path = world.land(FEED, "day.csv", as_csv(naive))
    assert world.ingest(FEED).outcome == "refused"
    still = replay(world)
    assert (still.outcome, still.problems[0].rule) == ("skipped", "refused")
    told = replace(world, options={"feed_timezones": {FEED: "America/Bogota"}})
    path.rename(path.with_suffix(".away"))
    (path.parent / "day.away").rename(world.home / "day.away")
    gone = replay(told)
    assert (gone.outcome, gone.problems[0].rule) == ("skipped", "not_landed")
    (world.home / "day.away").rename(path)
    assert replay(told, dry_run=True).outcome == "nothing"
    assert replay(told).outcome == "reread"
    assert len(world.raw(FEED)) == 40
    assert not world.quarantined(FEED, refused_day=True)


def test_a_day_whose_ingest_broke_off_is_not_replayed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = land_with_late_rows(world)
    world.land(FEED, "day.csv", as_csv([*sessions(5), session(6, **LATE)]))
    with monkeypatch.context() as crash:
        crash.setattr(Ledger, "accept", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            world.ingest(FEED)
    assert replay(world).problems[0].rule == "broken_off"
    assert path.exists()
    world.ingest(FEED)
    assert replay(world).accepted == 1


# --- withdrawal -----------------------------------------------------------------------------------


def test_a_withdrawn_day_leaves_raw_and_waits_in_quarantine(world: World) -> None:
    land_with_late_rows(world)
    take_out(world, "the export was of another agency")
    assert not world.raw_file(FEED).exists()
    assert_books_balance(world, 54)
    rules = [row["rule"] for row in world.quarantined(FEED)]
    assert (rules.count("withdrawn"), rules.count("too_late")) == (50, 3)
    (row,) = [row for row in world.quarantined(FEED) if row["row"] == 1]
    assert row["reason_en"] == "The day was withdrawn: the export was of another agency"
    assert row["reason_es"] == "El día se retiró: the export was of another agency"
    with world.ledger() as ledger:
        (withdrawal,) = ledger.withdrawals()
        assert ledger.partitions() == ()
        assert ledger.event_days() == ()
    assert withdrawal.because == "the export was of another agency"
    assert withdrawal.withdrawn_by
    assert withdrawal.withdrawn_at.tzinfo is not None


def test_a_withdrawn_day_stays_out_until_its_files_change(world: World) -> None:
    path = world.land(FEED, "day.csv", as_csv(sessions(30)))
    world.ingest(FEED)
    take_out(world)
    assert not is_pending(world)
    assert world.ingest(FEED).outcome == "withdrawn"
    assert world.ingest(FEED, history=True).outcome == "withdrawn"
    # The same bytes sent again are the same day.
    os.utime(path, ns=(1, 1))
    assert is_pending(world)
    assert world.ingest(FEED).outcome == "withdrawn"
    assert not is_pending(world)
    # Emptied is not corrected: a mandatory feed's empty folder is refused only where it is news.
    path.unlink()
    assert not is_pending(world)
    assert world.ingest(FEED).outcome == "withdrawn"
    world.land(FEED, "day.csv", as_csv(sessions(29)))
    assert world.ingest(FEED).rows_accepted == 29
    with world.ledger() as ledger:
        assert ledger.withdrawals() == ()
    assert world.quarantined(FEED) == []


def test_a_bad_correction_of_a_withdrawn_day_is_forgotten_when_the_old_file_is_back(
    world: World,
) -> None:
    path = world.land(FEED, "day.csv", as_csv(sessions(30)))
    facts = path.stat()
    world.ingest(FEED)
    take_out(world)
    path.write_text("nonsense")
    assert world.ingest(FEED).outcome == "refused"
    path.write_text(as_csv(sessions(30)))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert is_pending(world)
    assert world.ingest(FEED).outcome == "withdrawn"
    assert not is_pending(world)


def test_a_withdrawn_day_comes_back_whole_under_its_own_rule_only(world: World) -> None:
    rows = [{**row, "mood": "feliz", "Año": str(n)} for n, row in enumerate(sessions(30))]
    rows += [rows[0], {**session(40, likes="-1"), "mood": "", "Año": ""}]
    world.land(FEED, "day.csv", as_csv(rows))
    world.ingest(FEED)
    before, content = record(world), world.raw_file(FEED).read_bytes()
    take_out(world)
    (said,) = replay(world).problems
    assert "--rule withdrawn" in said.reason_en
    with Replayer(world.settings, rule="too_late") as replayer:
        assert replayer.replay(world.contracts[FEED], DAY) == ()
    assert record(world) is None
    assert replay(world, "withdrawn").accepted == 30
    assert world.raw_file(FEED).read_bytes() == content
    assert_books_balance(world, 32)
    after = record(world)
    assert before is not None
    assert after is not None
    volatile = {"revision": "", "ingested_at": before.ingested_at}
    assert replace(after, **volatile) == replace(before, **volatile)  # type: ignore[arg-type]
    assert not is_pending(world)
    with world.ledger() as ledger:
        assert ledger.withdrawals() == ()


def test_the_corrected_file_of_a_withdrawn_day_of_history_keeps_its_old_rows(world: World) -> None:
    old = [session(number, **LATE) for number in range(30)]
    world.land(FEED, "day.csv", as_csv(old))
    world.ingest(FEED, history=True)
    take_out(world)
    world.land(FEED, "day.csv", as_csv(old[1:]))
    assert world.ingest(FEED).rows_accepted == 29


def test_only_an_accepted_day_is_withdrawn_and_only_with_a_reason(world: World) -> None:
    with pytest.raises(WithdrawError, match="not an accepted day"):
        take_out(world)
    world.land(FEED, "day.csv", as_csv(sessions(30)))
    world.ingest(FEED)
    with pytest.raises(WithdrawError, match="Say why"):
        take_out(world, "  ")
    world.raw_file(FEED).unlink()
    with pytest.raises(WithdrawError, match="missing"):
        take_out(world)


# --- killed in the middle -------------------------------------------------------------------------


class Killed(BaseException):
    """What a test throws where the process would have ended."""


@contextmanager
def killed_at(monkeypatch: pytest.MonkeyPatch, home: Path, moment: int) -> Iterator[list[str]]:
    """End the process at the n-th change of raw, quarantine or ledger, before it happens."""
    passed: list[str] = []

    def watch(name: str, original: Callable[..., Any], path: Callable[..., object]) -> None:
        def watched(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - stands in for many
            place = str(path(*arguments))
            if str(home) in place and "scratch" not in place:
                passed.append(f"{name} {Path(place).name}")
                if len(passed) == moment:
                    raise Killed
            return original(*arguments, **options)

        if name.startswith("ledger"):
            monkeypatch.setattr(Ledger, name.split()[1], watched)
        else:
            monkeypatch.setattr(os, name, watched)

    with monkeypatch.context():
        watch("replace", os.replace, lambda _, target: target)
        watch("unlink", os.unlink, lambda target, *_: target)
        for name in ("accept", "withdraw", "forget_publication"):
            watch(f"ledger {name}", getattr(Ledger, name), lambda *_: home / "ledger")
        try:
            yield passed
        finally:
            monkeypatch.undo()


def killed_everywhere(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[[World], object]
) -> Iterator[World]:
    """A copy of the world for each moment at which the act can be killed, killed there."""
    moment = 0
    while True:
        moment += 1
        assert moment < 30
        copy = replace(world, home=tmp_path / f"killed-{moment}")
        shutil.copytree(world.home, copy.home)
        with killed_at(monkeypatch, copy.home, moment) as passed:
            try:
                act(copy)
            except Killed:
                pass
            else:
                assert moment > 5, passed
                return
        yield copy


def test_a_killed_replay_loses_and_doubles_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_with_late_rows(world).unlink()
    undisturbed = replace(world, home=tmp_path / "undisturbed")
    shutil.copytree(world.home, undisturbed.home)
    replay(undisturbed, "too_late")
    states = set()
    for killed in killed_everywhere(world, tmp_path, monkeypatch, lambda w: replay(w, "too_late")):
        # Whoever holds the home next ends what was decided, and forgets what was not.
        assert killed.ingest(FEED).outcome == "unchanged"
        assert_books_balance(killed, 54)
        states.add(len(raw_rows(killed)))
        if any(row["rule"] == "too_late" for row in killed.quarantined(FEED)):
            replay(killed, "too_late")
        assert_books_balance(killed, 54)
        assert killed.raw_file(FEED).read_bytes() == undisturbed.raw_file(FEED).read_bytes()
        assert killed.quarantined(FEED) == undisturbed.quarantined(FEED)
    assert states == {50, 52}


def test_a_killed_withdrawal_loses_and_doubles_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_with_late_rows(world)
    states = set()
    for killed in killed_everywhere(world, tmp_path, monkeypatch, take_out):
        with Ingestor(killed.settings):
            pass
        assert_books_balance(killed, 54)
        states.add(len(raw_rows(killed)))
        if record(killed) is not None:
            take_out(killed)
        assert_books_balance(killed, 54)
    assert states == {50, 0}


def test_a_killed_return_of_a_withdrawn_day_loses_and_doubles_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_with_late_rows(world)
    content = world.raw_file(FEED).read_bytes()
    take_out(world)
    for killed in killed_everywhere(world, tmp_path, monkeypatch, lambda w: replay(w, "withdrawn")):
        with Ingestor(killed.settings):
            pass
        assert_books_balance(killed, 54)
        if record(killed) is None:
            replay(killed, "withdrawn")
        assert killed.raw_file(FEED).read_bytes() == content


# --- one file of several --------------------------------------------------------------------------


def test_a_file_that_vanished_from_a_day_is_named_with_the_rows_that_went_with_it(
    world: World,
) -> None:
    world.land(FEED, "a.csv", as_csv(sessions(30)))
    second = world.land(FEED, "b.csv", as_csv(sessions(12, start=31)))
    world.ingest(FEED)
    second.unlink()
    assert is_pending(world)
    result = world.ingest(FEED)
    assert (result.outcome, result.rows_accepted) == ("accepted", 30)
    gone = only(result.problems, "files_gone")
    assert gone.file == "b.csv"
    assert "12 rows" in gone.reason_en
    assert "12 filas" in gone.reason_es


def test_a_correction_under_another_name_is_no_missing_file(world: World) -> None:
    first = world.land(FEED, "a.csv", as_csv(sessions(30)))
    world.ingest(FEED)
    first.unlink()
    world.land(FEED, "b.csv", as_csv(sessions(31)))
    assert world.ingest(FEED).problems == ()
