"""Creators' local days: how long they were LIVE, and which days are valid by which definition.

What lives here: the split of sessions into local days and the union of what overlaps, in whole
arrays, from the published definitions alone. What may not: anything of the pipeline (its SQL, its
seeds): this is what its valid days are held against.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from orchestration.simulate import program_parameters as pp
from orchestration.simulate.clock import DAY, Clock
from orchestration.simulate.draws import NEVER, Bools, Ints, Rows

DAY_COLUMNS = (
    "creator", "day", "session_count", "live_seconds", "longest_seconds", "moving_seconds",
    "moving_longest_seconds", "diamonds", "new_followers",
)  # fmt: skip
"""`day` counts local days since 1970. `moving`: without sessions that showed an idle picture."""

_DAY_BITS, _TIME_BITS = 13, 18
_SESSIONS_AT_ONCE = 1 << 17
"""Sessions whose days are computed together: what is held of them stays small."""


def days_of(sessions: Rows, zone: Ints, clock: Clock) -> Rows:
    """The local days of sessions, columns `DAY_COLUMNS`, in order of creator and day.

    A session counts for 24 hours at most, gives its seconds to each local day on which it was on,
    and its counts to the day on which it started. What overlaps is counted once.

    Args:
        sessions: creator, started_at, ended_at, is_static, diamonds, new_followers.
        zone: The zone code of each session: where its creator was then.
        clock: The world's clock.
    """
    creator, start = sessions["creator"], sessions["started_at"]
    # Of a session that is still on only the start is known.
    end = np.where(sessions["ended_at"] == NEVER, start, sessions["ended_at"])
    end = np.minimum(end, start + pp.COUNTED_SESSION_SECONDS)
    first_day = clock.to_local(zone, start) // DAY
    last_day = clock.to_local(zone, end) // DAY
    # Few are on over midnight: the pieces of their other days stand behind everybody's first ones.
    # Where a change skips midnight, the clock gives the first instant of the day.
    over = np.flatnonzero(last_day > first_day)
    days = (last_day - first_day)[over]
    session = np.repeat(over, days)
    day = first_day[session] + 1 + np.arange(len(session)) - np.repeat(np.cumsum(days) - days, days)
    begins = clock.to_utc(zone[session], day * DAY)
    ends = np.minimum(end[session], clock.to_utc(zone[session], (day + 1) * DAY))
    lived = ends > begins
    end = end.copy()
    end[over] = clock.to_utc(zone[over], (first_day[over] + 1) * DAY)
    size = len(creator)
    session = np.concatenate([np.arange(size), session[lived]])
    day = np.concatenate([first_day, day[lived]])
    start, end = np.concatenate([start, begins[lived]]), np.concatenate([end, ends[lived]])

    # One number orders them by creator, day and time: no zone is further than a day from UTC.
    key = (creator[session] << _DAY_BITS + _TIME_BITS) + (start - day * DAY + DAY)
    key += (day - day.min(initial=1 << 40)) << _TIME_BITS
    order = np.argsort(key, kind="stable")
    session, day, start, end = session[order], day[order], start[order], end[order]
    key = key[order]
    changes = np.diff(key >> _TIME_BITS, prepend=-1) != 0
    heads, group = np.flatnonzero(changes), np.cumsum(changes) - 1
    seconds, longest = _stretches(group, start, end, len(heads))
    moves = np.flatnonzero(sessions["is_static"][session] == 0)
    moving, moving_longest = _stretches(group[moves], start[moves], end[moves], len(heads))
    # Counts belong to the first piece of each session.
    first = order < size
    group, session = group[first], session[first]

    def total(values: Ints | None) -> Ints:
        weights = None if values is None else values[session]
        return np.bincount(group, weights=weights, minlength=len(heads)).astype(np.int64)

    return {
        "creator": key[heads] >> _DAY_BITS + _TIME_BITS,
        "day": day[heads],
        "session_count": total(None),
        "live_seconds": seconds,
        "longest_seconds": longest,
        "moving_seconds": moving,
        "moving_longest_seconds": moving_longest,
        "diamonds": total(sessions["diamonds"]),
        "new_followers": total(sessions["new_followers"]),
    }


def is_valid(days: Rows, rule: pp.DayRule) -> Bools:
    """Which of `days` are valid by a rule."""
    kind = "moving" if rule.exclude_static else "live"
    longest = "moving_longest_seconds" if rule.exclude_static else "longest_seconds"
    valid: Bools = (
        (days[f"{kind}_seconds"] >= rule.min_live_seconds)
        & (days[longest] >= rule.min_longest_seconds)
        & (days["diamonds"] >= rule.min_diamonds)
    )
    return valid


def finished_before(next_monday: int) -> int:
    """The first local day that shows of a week from `next_monday` (local seconds) on may touch."""
    return next_monday // DAY - 1


class DayBook:
    """Turns weeks of sessions into finished local days, holding no more than two weeks' sessions.

    A day is finished when no later week can add to it.
    """

    def __init__(self, zone: Ints, clock: Clock) -> None:
        """No session yet; `zone` holds the zone code of every creator in the week that is lived."""
        self._zone = zone
        self._clock = clock
        self._open: list[Rows] = []
        self._finished_before = -(1 << 40)

    def add(self, sessions: Rows, next_monday: int) -> Rows:
        """Take a week's sessions; give the days before `next_monday` less a day (finished now).

        Args:
            sessions: The columns that `days_of` wants.
            next_monday: Where the next week's shows begin, local, in seconds. Shows of the first
                hours of a week may start on the evening before it.
        """
        names = ("creator", "started_at", "ended_at", "is_static", "diamonds", "new_followers")
        self._open.append(
            {**{name: sessions[name] for name in names}, "zone": self._zone[sessions["creator"]]}
        )
        return self._finish(finished_before(next_monday))

    def close(self) -> Rows:
        """The days that are left, after the last week."""
        return self._finish(1 << 40)

    def _finish(self, before: int) -> Rows:
        held = {
            name: np.concatenate([block[name] for block in self._open])
            for name in (self._open[0] if self._open else ())
        }
        if not held:
            return {name: np.zeros(0, np.int64) for name in DAY_COLUMNS}
        blocks = [days_of(part, part["zone"], self._clock) for part in _by_creators(held)]
        days = {name: np.concatenate([block[name] for block in blocks]) for name in DAY_COLUMNS}
        finished = (days["day"] < before) & (days["day"] >= self._finished_before)
        end = np.maximum(held["started_at"], held["ended_at"])
        last = self._clock.to_local(held["zone"], end) // DAY
        stays = last >= before
        self._open = [{name: values[stays] for name, values in held.items()}]
        self._finished_before = before
        return {name: values[finished] for name, values in days.items()}


def _by_creators(sessions: Rows) -> Iterator[Rows]:
    """Sessions in parts of not too many, each of some creators in a row."""
    creator = sessions["creator"]
    parts = len(creator) // _SESSIONS_AT_ONCE + 1
    if parts == 1:
        yield sessions
        return
    edges = np.linspace(0, int(creator.max()) + 1, parts + 1).astype(np.int64)
    for first, after in itertools.pairwise(edges):
        rows = np.flatnonzero((creator >= first) & (creator < after))
        yield {name: values[rows] for name, values in sessions.items()}


def _stretches(group: Ints, start: Ints, end: Ints, size: int) -> tuple[Ints, Ints]:
    """For each group: seconds covered by any interval, and those of the longest unbroken stretch.

    Intervals that touch are unbroken. Rows are in order of group and start.
    """
    seconds, longest = np.zeros(size, np.int64), np.zeros(size, np.int64)
    if len(group) == 0:
        return seconds, longest
    # A running maximum that starts anew with each group: lift each group above all before it.
    base = start.min()
    lift = group * (end.max() - base + 1)
    reach = np.maximum.accumulate(end - base + lift) - lift + base
    opens = np.ones(len(group), bool)
    opens[1:] = (group[1:] != group[:-1]) | (start[1:] > reach[:-1])
    first = np.flatnonzero(opens)
    last = np.append(first[1:], len(group)) - 1
    length = reach[last] - start[first]
    seconds += np.bincount(group[first], weights=length, minlength=size).astype(np.int64)
    np.maximum.at(longest, group[first], length)
    return seconds, longest
