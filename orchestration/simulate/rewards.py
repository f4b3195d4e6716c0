"""What programs owe their creators, and what they paid, errors included.

What lives here: progress of tasks by window, due rewards, payouts, and the planted payout errors.
What may not: what a valid day is (`valid_days`), or who is in a program (`programs`).

What a window is worth is settled when no later week can add to it; it is paid on a Friday after
every late row of it has landed, so a payout never depends on how long the world is.

* `underpaid`, `overpaid`: one payout, with less or more than is due.
* `paid_twice`: the right payout, and days later a second one for the same window.
* `without_cause`: a payout for a window in which the task was not reached.
* `paid_late`: the right amount, later than programs promise.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from orchestration.simulate import program_parameters as pp
from orchestration.simulate.clock import DAY, HOUR, WEEK, epoch_of
from orchestration.simulate.draws import NEVER, Bools, Ints, Rows, Stage, generator
from orchestration.simulate.options import WorldOptions
from orchestration.simulate.programs import Programs
from orchestration.simulate.valid_days import is_valid

ERRORS = ("underpaid", "overpaid", "paid_twice", "without_cause", "paid_late")
UNDERPAID, OVERPAID, PAID_TWICE, WITHOUT_CAUSE, PAID_LATE = range(5)

DUE_COLUMNS = (
    "program", "creator", "period_start", "period_end", "progress", "completed", "due_cents",
    "is_closed",
)  # fmt: skip
"""`progress` in the task's metric (hours in seconds); days are local days since 1970."""
PAYOUT_COLUMNS = (
    "program", "creator", "period_start", "period_end", "nth", "cents", "paid_at",
)  # fmt: skip
ERROR_COLUMNS = (
    "kind", "program", "creator", "period_start", "period_end", "nth", "due_cents", "paid_cents",
    "paid_at",
)  # fmt: skip
"""`paid_cents` is all that was paid for the window; `nth` names the payout that is wrong."""

_SECONDS_AN_HOUR = 3_600
_STEPS_A_PROGRAM = 100_000


@dataclass
class _Running:
    """A program that pays, since it was assigned: its windows, and how far each creator is."""

    number: int
    task: pp.Task
    creator: Ints
    first_day: int
    window_of_day: Ints
    """By days from the first."""
    starts: Ints
    ends: Ints
    progress: Ints
    """Creators by windows."""
    completed: Ints
    """The local day on which the task was reached, else `NEVER`."""
    settled: int = 0
    """How many windows, from the first on, are closed."""


class Rewards:
    """Follows the tasks of all programs. Fed with finished local days, in order of time."""

    def __init__(self, programs: Programs, options: WorldOptions, *, pays: bool = True) -> None:
        """No task has begun. Who does not pay only says what is due."""
        self._programs = programs
        self._pays = pays
        self._is_dirty = options.has("wrong_payout")
        self._options = options
        self._running: dict[int, _Running] = {}
        self._due: list[Rows] = []
        self._payouts: list[Rows] = []
        self._errors: list[Rows] = []

    def add(self, days: Rows, before: int) -> None:
        """Count finished days, all of them before the local day `before`, and settle windows.

        Args:
            days: Columns of `valid_days.DAY_COLUMNS`, of any creators.
            before: Days from here on are still to come; all earlier ones were given.
        """
        self._begin()
        for running in self._running.values():
            self._count(running, days)
            last = int(np.searchsorted(running.ends, before, side="left"))
            for window in range(running.settled, last):
                self._settle(running, window)
            running.settled = last

    def close(self, days: Rows) -> None:
        """Count the days that are left; what is still open then is due as far as it is known."""
        self._begin()
        last_day = (epoch_of(self._options.start) + self._options.days * DAY) // DAY
        for running in self._running.values():
            self._count(running, days)
            for window in range(running.settled, len(running.ends)):
                if running.starts[window] < last_day:
                    self._due.append(self._due_of(running, window, is_closed=False))
            running.settled = len(running.ends)

    def take_due(self) -> Rows:
        """Settled windows of every creator who could earn (`DUE_COLUMNS`), since the last call."""
        taken, self._due = self._due, []
        return _stacked(taken, DUE_COLUMNS)

    def take_payouts(self) -> Rows:
        """Payouts (`PAYOUT_COLUMNS`) since the last call; most lie ahead."""
        taken, self._payouts = self._payouts, []
        return _stacked(taken, PAYOUT_COLUMNS)

    def take_errors(self) -> Rows:
        """What is wrong with payouts (`ERROR_COLUMNS`), since the last call."""
        taken, self._errors = self._errors, []
        return _stacked(taken, ERROR_COLUMNS)

    # ---- progress ------------------------------------------------------------------------------
    def _begin(self) -> None:
        """Follow the programs that were assigned since the last call."""
        member = self._programs.membership
        for number, program in self._programs.running():
            if number in self._running or program.task is None:
                continue
            creator = np.flatnonzero((member.program == number) & member.is_treated)
            if len(creator) == 0:
                continue
            first = self._programs.monday_of(program.first_week) // DAY
            last = self._programs.monday_of(program.last_week + 1) // DAY - 1
            window, starts, ends = windows(program.task.window, first, last)
            shape = (len(creator), len(starts))
            self._running[number] = _Running(
                number=number,
                task=program.task,
                creator=creator,
                first_day=first,
                window_of_day=window,
                starts=starts,
                ends=ends,
                progress=np.zeros(shape, np.int64),
                completed=np.full(shape, NEVER, np.int64),
            )

    def _count(self, running: _Running, days: Rows) -> None:
        nth = days["day"] - running.first_day
        at = np.minimum(np.searchsorted(running.creator, days["creator"]), len(running.creator) - 1)
        mine = (running.creator[at] == days["creator"]) & (nth >= 0)
        mine &= nth < len(running.window_of_day)
        at, nth, day = at[mine], nth[mine], days["day"][mine]
        task = running.task
        if task.metric == "valid_live_days":
            value = is_valid(days, task.rule)[mine].astype(np.int64)
        elif task.metric == "live_hours":
            value = days["live_seconds"][mine]
        else:
            value = days["diamonds"][mine]
        order = np.lexsort((day, at))
        at, day, value = at[order], day[order], value[order]
        window = running.window_of_day[nth[order]]
        # A creator's days of a window stand together: the running sum, less what was before them.
        cell = at * len(running.starts) + window
        so_far = np.cumsum(value)
        heads = np.flatnonzero(np.diff(cell, prepend=-1))
        ahead = np.repeat((so_far - value)[heads], np.diff(np.append(heads, len(cell))))
        reached = running.progress[at, window] + so_far - ahead
        needed = threshold_of(task)
        crosses = np.flatnonzero(reached >= needed)
        # The first crossing counts: written last to first.
        crosses = crosses[::-1]
        fresh = crosses[running.completed[at[crosses], window[crosses]] == NEVER]
        running.completed[at[fresh], window[fresh]] = day[fresh]
        np.add.at(running.progress, (at, window), value)

    # ---- dues and payouts ----------------------------------------------------------------------
    def _due_of(self, running: _Running, window: int, *, is_closed: bool) -> Rows:
        size = len(running.creator)
        completed = running.completed[:, window]
        return {
            "program": np.full(size, running.number, np.int64),
            "creator": running.creator,
            "period_start": np.full(size, running.starts[window], np.int64),
            "period_end": np.full(size, running.ends[window], np.int64),
            "progress": running.progress[:, window].copy(),
            "completed": completed.copy(),
            "due_cents": np.where(completed == NEVER, 0, running.task.reward_cents),
            "is_closed": np.full(size, int(is_closed), np.int64),
        }

    def _settle(self, running: _Running, window: int) -> None:
        """Close a window: what is due, what is paid, and what goes wrong."""
        due = self._due_of(running, window, is_closed=True)
        self._due.append(due)
        if not self._pays:
            return
        end = int(running.ends[window])
        step = end - self._programs.monday_of(0) // DAY
        rng = generator(
            self._options.seed, Stage.PAYOUTS, (running.number + 1) * _STEPS_A_PROGRAM + step
        )
        size, reward = len(running.creator), running.task.reward_cents
        # As many draws whatever is due, so that no creator's payout moves another's.
        fate, second = rng.random(size), rng.integers(*pp.SECOND_PAYOUT_WEEKS, size)
        late = rng.integers(*pp.LATE_PAYOUT_DAYS, size)
        under = rng.uniform(*pp.UNDERPAID_SHARE, size)
        over = rng.uniform(*pp.OVERPAID_SHARE, size)
        moment = 14 * HOUR + rng.integers(0, 4 * HOUR, size)

        is_due = due["due_cents"] > 0
        kind = np.full(size, NEVER, np.int64)
        edge = 0.0
        for code, rate in (
            (UNDERPAID, pp.UNDERPAID_RATE),
            (OVERPAID, pp.OVERPAID_RATE),
            (PAID_TWICE, pp.PAID_TWICE_RATE),
            (PAID_LATE, pp.PAID_LATE_RATE),
        ):
            kind[is_due & (fate >= edge) & (fate < edge + rate)] = code
            edge += rate
        kind[~is_due & (fate < pp.WITHOUT_CAUSE_RATE)] = WITHOUT_CAUSE
        # Drawn all the same: without errors everybody else is paid the same, on the same day.
        kind = kind if self._is_dirty else np.full(size, NEVER, np.int64)
        cents = np.full(size, reward, np.int64)
        cents = np.where(kind == UNDERPAID, np.rint(reward * under).astype(np.int64), cents)
        cents = np.where(kind == OVERPAID, np.rint(reward * over).astype(np.int64), cents)
        waited = np.where(kind == PAID_LATE, late, pp.PAID_AFTER_DAYS)
        paid_at = _pay_day(end + waited) * DAY + moment
        paid = is_due | (kind == WITHOUT_CAUSE)

        def payout(which: Bools, nth: int, amounts: Ints, at: Ints) -> Rows:
            rows = {
                name: due[name][which]
                for name in ("program", "creator", "period_start", "period_end")
            }
            rows["nth"] = np.full(int(which.sum()), nth, np.int64)
            return {**rows, "cents": amounts[which], "paid_at": at[which]}

        again = paid_at + second * WEEK
        twice = kind == PAID_TWICE
        self._payouts += [payout(paid, 1, cents, paid_at), payout(twice, 2, cents, again)]
        wrong = kind != NEVER
        errors = payout(wrong, 1, cents, np.where(twice, again, paid_at))
        errors["paid_cents"] = errors.pop("cents") * np.where(twice[wrong], 2, 1)
        errors["nth"] = np.where(twice[wrong], 2, 1)
        errors["kind"] = kind[wrong]
        errors["due_cents"] = due["due_cents"][wrong]
        self._errors.append(errors)


def _pay_day(day: Ints) -> Ints:
    """The first day, from these on, on which rewards are paid (days since 1970, a Thursday)."""
    return day + (pp.PAY_WEEKDAY - (day + 3)) % 7


def threshold_of(task: pp.Task) -> int:
    """A task's threshold in the unit of its progress."""
    return task.threshold * (_SECONDS_AN_HOUR if task.metric == "live_hours" else 1)


def windows(window: pp.Window, first: int, last: int) -> tuple[Ints, Ints, Ints]:
    """A task's windows between two local days: of each day, and where each begins and ends.

    Weeks begin on Monday, months on the first; the task's first and last day cut them.
    """
    days = np.arange(first, last + 1)
    if window == "day":
        name = days
    elif window == "week":
        # 1970 began on a Thursday.
        name = (days + 3) // 7
    elif window == "month":
        dates = [date(1970, 1, 1) + timedelta(days=int(day)) for day in days]
        name = np.array([day.year * 12 + day.month for day in dates])
    else:
        name = np.zeros(len(days), np.int64)
    heads = np.flatnonzero(np.diff(name, prepend=name[0] - 1))
    number = np.cumsum(np.diff(name, prepend=name[0]) != 0).astype(np.int64)
    ends = np.append(heads[1:], len(days)) - 1
    return number, days[heads], days[ends]


def _stacked(blocks: list[Rows], columns: tuple[str, ...]) -> Rows:
    return {
        name: np.concatenate([np.zeros(0, np.int64), *(block[name] for block in blocks)])
        for name in columns
    }
