"""Rewards are due by windows, paid to the cent, and wrong exactly where the truth says so."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from orchestration.simulate import program_parameters as pp
from orchestration.simulate import world
from orchestration.simulate.activity import Activity, first_monday, week_count
from orchestration.simulate.clock import DAY, WEEK, Clock
from orchestration.simulate.draws import NEVER, Ints, Rows
from orchestration.simulate.effects import Effects
from orchestration.simulate.options import WorldOptions
from orchestration.simulate.programs import Programs
from orchestration.simulate.rewards import (
    ERRORS,
    OVERPAID,
    PAID_LATE,
    PAID_TWICE,
    UNDERPAID,
    WITHOUT_CAUSE,
    Rewards,
    threshold_of,
    windows,
)
from orchestration.simulate.valid_days import DayBook, finished_before, is_valid

OPTIONS = WorldOptions(creators=6_000, days=140, seed=21)

Paid = tuple[Programs, Rows, Rows, Rows, Rows]


@pytest.fixture(scope="module")
def paid() -> Paid:
    """A world's programs, days of all creators, dues, payouts and errors."""
    clock = world.clock_of(OPTIONS)
    until = first_monday(OPTIONS) + week_count(OPTIONS) * WEEK
    people = world.populate(OPTIONS, clock, until)
    programs = Programs(people, OPTIONS, clock, first_monday(OPTIONS))
    rewards, book = Rewards(programs, OPTIONS), DayBook(people.zone, clock)
    parts = []
    effects = Effects(people, OPTIONS, clock, programs)
    for week, block in enumerate(Activity(people, OPTIONS, clock, effects).weeks()):
        next_monday = programs.monday_of(week + 1)
        parts.append(book.add(block, next_monday))
        rewards.add(parts[-1], finished_before(next_monday))
    parts.append(book.close())
    rewards.close(parts[-1])
    days = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return programs, days, rewards.take_due(), rewards.take_payouts(), rewards.take_errors()


def day(text: str) -> int:
    """A local day since 1970."""
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


def spans(window: pp.Window, first: str, last: str) -> list[tuple[str, str]]:
    """A task's windows as dates."""
    _, starts, ends = windows(window, day(first), day(last))
    return [
        (str(np.datetime64(int(start), "D")), str(np.datetime64(int(end), "D")))
        for start, end in zip(starts, ends, strict=True)
    ]


def test_windows_are_calendar_weeks_and_months_cut_by_the_task() -> None:
    assert spans("month", "2026-08-10", "2026-09-20") == [
        ("2026-08-10", "2026-08-31"),
        ("2026-09-01", "2026-09-20"),
    ]
    assert spans("week", "2026-08-12", "2026-08-24") == [
        ("2026-08-12", "2026-08-16"),
        ("2026-08-17", "2026-08-23"),
        ("2026-08-24", "2026-08-24"),
    ]
    assert spans("day", "2026-08-12", "2026-08-13") == [
        ("2026-08-12", "2026-08-12"),
        ("2026-08-13", "2026-08-13"),
    ]
    assert spans("program", "2026-08-12", "2026-09-13") == [("2026-08-12", "2026-09-13")]


def by_hand(programs: Programs, days: Rows, due: Rows, row: int) -> tuple[int, int]:
    """Progress of a window and the day on which its task was reached, counted one day at a time."""
    task = programs.catalogue[due["program"][row]].task
    assert task is not None
    mine = days["creator"] == due["creator"][row]
    mine &= (days["day"] >= due["period_start"][row]) & (days["day"] <= due["period_end"][row])
    picked = {name: values[mine] for name, values in days.items()}
    values: Ints = {
        "valid_live_days": is_valid(picked, task.rule).astype(np.int64),
        "live_hours": picked["live_seconds"],
        "diamonds": picked["diamonds"],
    }[task.metric]
    progress = 0
    for when, value in zip(picked["day"].tolist(), values.tolist(), strict=True):
        progress += value
        if progress >= threshold_of(task):
            return int(values.sum()), when
    return progress, NEVER


def test_progress_and_the_day_it_was_enough_are_those_of_counting_by_hand(paid: Paid) -> None:
    programs, days, due, _, _ = paid
    rng = np.random.default_rng(1)
    rows = rng.choice(len(due["creator"]), 400, replace=False)
    assert set(due["program"][rows]) == {
        number for number, program in enumerate(programs.catalogue) if program.task is not None
    }
    for row in rows.tolist():
        expected = by_hand(programs, days, due, row)
        assert (int(due["progress"][row]), int(due["completed"][row])) == expected


def test_only_who_can_earn_is_owed_and_each_window_once(paid: Paid) -> None:
    programs, _, due, _, _ = paid
    member = programs.membership
    assert member.is_treated[due["creator"]].all()
    assert (member.program[due["creator"]] == due["program"]).all()
    keys = np.stack([due["program"], due["creator"], due["period_start"]])
    assert len(np.unique(keys, axis=1).T) == len(due["creator"])


def total(rows: Rows, cents: str, program: int) -> int:
    """Cents of a program."""
    return int(rows[cents][rows["program"] == program].sum())


def test_payouts_are_the_closed_dues_and_the_planted_differences_to_the_cent(paid: Paid) -> None:
    programs, _, due, payouts, errors = paid
    closed = {name: values[due["is_closed"] == 1] for name, values in due.items()}
    for number, program in enumerate(programs.catalogue):
        if program.task is None:
            assert number not in payouts["program"]
            continue
        difference = total(errors, "paid_cents", number) - total(errors, "due_cents", number)
        assert total(payouts, "cents", number) == total(closed, "due_cents", number) + difference
        assert total(payouts, "cents", number) > 0


def test_every_planted_error_is_found_by_comparing_and_nothing_else(paid: Paid) -> None:
    _, _, due, payouts, errors = paid
    owed = {
        key: cents
        for *key_parts, cents, closed in zip(
            due["program"].tolist(), due["creator"].tolist(), due["period_end"].tolist(),
            due["due_cents"].tolist(), due["is_closed"].tolist(), strict=True,
        )
        if closed
        for key in [tuple(key_parts)]
    }  # fmt: skip
    made: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for *key_parts, cents, at in zip(
        payouts["program"].tolist(), payouts["creator"].tolist(), payouts["period_end"].tolist(),
        payouts["cents"].tolist(), payouts["paid_at"].tolist(), strict=True,
    ):  # fmt: skip
        made.setdefault(tuple(key_parts), []).append((cents, at))
    found = set()
    for key, cents in owed.items():
        paid_out = made.get(key, [])
        latest = (key[2] + pp.PAID_LATE_AFTER_DAYS + 1) * DAY
        if cents == 0 and paid_out:
            found.add((WITHOUT_CAUSE, *key))
        elif len(paid_out) > 1:
            found.add((PAID_TWICE, *key))
        elif cents > 0 and paid_out[0][0] < cents:
            found.add((UNDERPAID, *key))
        elif cents > 0 and paid_out[0][0] > cents:
            found.add((OVERPAID, *key))
        elif cents > 0 and paid_out[0][1] >= latest:
            found.add((PAID_LATE, *key))
    planted = set(
        zip(
            errors["kind"].tolist(), errors["program"].tolist(), errors["creator"].tolist(),
            errors["period_end"].tolist(), strict=True,
        )
    )  # fmt: skip
    assert found == planted
    assert {kind for kind, *_ in planted} == set(range(len(ERRORS)))


def test_idle_sessions_lift_creators_just_over_the_mission_s_threshold(paid: Paid) -> None:
    programs, _, due, _, _ = paid
    number = next(
        n for n, each in enumerate(programs.catalogue) if each.program_id == "reward_mission"
    )
    task = programs.catalogue[number].task
    assert task is not None
    counts = np.bincount(due["progress"][due["program"] == number], minlength=8)
    at = task.threshold
    assert counts[at] > 1.5 * counts[at - 1]
    assert counts[at] > 1.5 * counts[at + 1]


def test_a_payout_never_depends_on_the_length_of_the_world(paid: Paid) -> None:
    programs, _, _, payouts, _ = paid
    # Late rows of a window land up to thirteen days after it; whoever pays waits for them.
    waited = payouts["paid_at"] // DAY - payouts["period_end"]
    assert waited.min() >= 15
    assert isinstance(world.clock_of(OPTIONS), Clock)
    assert len(programs.catalogue) == 8
