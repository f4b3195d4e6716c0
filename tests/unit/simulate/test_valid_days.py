"""Local days and their validity, from sessions as they run: over midnight, twice at once, idle."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from orchestration.simulate import program_parameters as pp
from orchestration.simulate import world
from orchestration.simulate.clock import DAY, Clock
from orchestration.simulate.draws import NEVER, Rows
from orchestration.simulate.valid_days import DAY_COLUMNS, DayBook, days_of, is_valid

MEXICO, SANTIAGO = world.ZONES.index("America/Mexico_City"), world.ZONES.index("America/Santiago")
ZONE = np.array([MEXICO, SANTIAGO])
CLOCK = Clock(world.ZONES, date(2026, 8, 1), 60)


def session(
    start: str, end: str | None, *, creator: int = 0, is_static: int = 0, diamonds: int = 5
) -> tuple[int, ...]:
    """A session between two instants in UTC."""

    def at(moment: str) -> int:
        return int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp())

    return (creator, at(start), NEVER if end is None else at(end), is_static, diamonds, 1)


def rows(*sessions: tuple[int, ...]) -> Rows:
    """Sessions as a block."""
    names = ("creator", "started_at", "ended_at", "is_static", "diamonds", "new_followers")
    columns = np.array(sessions, np.int64).reshape(-1, len(names)).T
    return dict(zip(names, columns, strict=True))


def local_days(sessions: Rows) -> Rows:
    """The local days of sessions of creators who stay where they are."""
    return days_of(sessions, ZONE[sessions["creator"]], CLOCK)


def told(days: Rows, *names: str) -> list[tuple[object, ...]]:
    """Days as tuples: the local date, then the named columns."""
    dates = [str(np.datetime64(int(day), "D")) for day in days["day"]]
    return list(zip(dates, *(days[name].tolist() for name in names), strict=True))


def test_a_show_over_midnight_gives_its_time_to_both_days_and_its_diamonds_to_the_first() -> None:
    days = local_days(rows(session("2026-08-11T05:30", "2026-08-11T07:00")))
    assert told(days, "session_count", "live_seconds", "diamonds") == [
        ("2026-08-10", 1, 1_800, 5),
        ("2026-08-11", 0, 3_600, 0),
    ]
    assert is_valid(days, pp.NETWORK_HOUR).tolist() == [False, True]
    # The second day has the time but no diamond of its own.
    assert is_valid(days, pp.MISSION_25_MINUTES).tolist() == [True, False]


def test_a_show_that_ends_at_midnight_gives_the_next_day_nothing() -> None:
    days = local_days(rows(session("2026-08-11T05:00", "2026-08-11T06:00")))
    assert told(days, "live_seconds") == [("2026-08-10", 3_600)]


def test_time_on_two_platforms_at_once_counts_once() -> None:
    days = local_days(
        rows(
            session("2026-08-10T20:00", "2026-08-10T20:40"),
            session("2026-08-10T20:01", "2026-08-10T20:30"),
            session("2026-08-10T20:40", "2026-08-10T21:00"),
            session("2026-08-10T22:00", "2026-08-10T22:10"),
        )
    )
    # Shows that touch are one stretch.
    assert told(days, "live_seconds", "longest_seconds") == [("2026-08-10", 70 * 60, 3_600)]


def test_an_idle_picture_counts_where_the_rule_does_not_leave_it_out() -> None:
    days = local_days(
        rows(
            session("2026-08-10T20:00", "2026-08-10T20:30"),
            session("2026-08-10T21:00", "2026-08-10T22:00", is_static=1),
        )
    )
    assert told(days, "live_seconds", "moving_seconds") == [("2026-08-10", 5_400, 1_800)]
    verdicts = [bool(is_valid(days, rule)[0]) for rule in pp.DAY_RULES]
    assert verdicts == [False, True, True]


@pytest.mark.parametrize(("minutes", "seconds", "expected"), [(25, 0, False), (25, 1, True)])
def test_more_than_25_minutes_means_more(minutes: int, seconds: int, expected: bool) -> None:  # noqa: FBT001
    end = f"2026-08-10T20:{minutes:02d}:{seconds:02d}"
    days = local_days(rows(session("2026-08-10T20:00", end)))
    assert is_valid(days, pp.MISSION_25_MINUTES).tolist() == [expected]


def test_a_show_that_was_never_ended_counts_for_a_day_and_one_still_on_for_nothing() -> None:
    days = local_days(
        rows(
            session("2026-08-10T18:00", "2026-08-12T18:00"),
            session("2026-08-20T18:00", None),
        )
    )
    assert told(days, "live_seconds") == [
        ("2026-08-10", 12 * 3_600),
        ("2026-08-11", 12 * 3_600),
        ("2026-08-20", 0),
    ]


def test_a_day_that_loses_an_hour_begins_when_its_first_moment_is() -> None:
    # On 2026-09-06 clocks in Santiago go from 24:00 to 01:00: the day begins at 04:00 UTC.
    days = local_days(rows(session("2026-09-06T03:30", "2026-09-06T04:30", creator=1)))
    assert told(days, "live_seconds") == [("2026-09-05", 1_800), ("2026-09-06", 1_800)]


def test_days_finished_week_by_week_are_those_of_all_sessions_at_once() -> None:
    rng = np.random.default_rng(4)
    size, monday = 900, int(datetime(2026, 8, 3, tzinfo=UTC).timestamp())
    start = monday + 8 * 3_600 + np.sort(rng.integers(0, 40 * DAY, size))
    block = {
        "creator": rng.integers(0, 2, size),
        "started_at": start,
        "ended_at": start + rng.integers(60, 30 * 3_600, size),
        "is_static": rng.integers(0, 2, size),
        "diamonds": rng.integers(0, 3, size),
        "new_followers": rng.integers(0, 3, size),
    }
    book, parts = DayBook(ZONE, CLOCK), []
    for week in range(6):
        first, after = monday + week * 7 * DAY, monday + (week + 1) * 7 * DAY
        local = CLOCK.to_local(ZONE[block["creator"]], block["started_at"])
        mine = (local >= first) & (local < after)
        parts.append(book.add({name: v[mine] for name, v in block.items()}, after))
    parts.append(book.close())
    together = {name: np.concatenate([part[name] for part in parts]) for name in DAY_COLUMNS}
    order = np.lexsort((together["day"], together["creator"]))
    whole = local_days(block)
    assert all(np.array_equal(together[name][order], whole[name]) for name in DAY_COLUMNS)


def test_days_of_who_moves_are_those_of_the_place_that_each_show_was_in() -> None:
    """From Mexico City to Santiago with Monday 2026-08-10: three hours earlier by its clock."""
    zone, late = ZONE.copy(), ("2026-08-10T04:30", "2026-08-10T05:30")
    book = DayBook(zone, CLOCK)
    first = book.add(rows(session(*late)), day_of("2026-08-10"))
    zone[0] = SANTIAGO
    then = book.add(rows(session("2026-08-11T03:30", "2026-08-11T05:00")), day_of("2026-08-17"))
    parts = [first, then, book.close()]
    days = {name: np.concatenate([part[name] for part in parts]) for name in DAY_COLUMNS}
    assert told(days, "session_count", "live_seconds") == [
        ("2026-08-09", 1, 3_600),
        ("2026-08-10", 1, 1_800),
        ("2026-08-11", 0, 3_600),
    ]


def day_of(text: str) -> int:
    """Midnight of a local day, in seconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def test_the_definitions_are_those_of_the_seed() -> None:
    seed = Path(__file__).parents[3] / "seeds" / "metric_rules.csv"
    with seed.open(encoding="utf-8", newline="") as lines:
        published = {row["rule_id"]: row for row in csv.DictReader(lines)}
    for rule in pp.DAY_RULES:
        row = published[rule.rule_id]
        assert rule.min_live_seconds == int(row["min_live_seconds"] or 0)
        assert rule.min_longest_seconds == int(row["min_longest_session_seconds"] or 0)
        assert rule.min_diamonds == int(row["min_diamonds"] or 0)
        assert rule.exclude_static == (row["exclude_static"] == "true")
    assert int(published["network_hour"]["max_session_seconds"]) == pp.COUNTED_SESSION_SECONDS
