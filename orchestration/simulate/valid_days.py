"""Creators' local days: how long they were LIVE, and which days are valid by which definition.

What lives here: the split of sessions into local days and the union of what overlaps, in whole
arrays, from the published definitions alone. What may not: anything of the pipeline (its SQL, its
seeds): this is what its valid days are held against.
"""

from __future__ import annotations

import numpy as np

from orchestration.simulate import program_parameters as pp
from orchestration.simulate.clock import DAY, Clock
from orchestration.simulate.draws import NEVER, Bools, Ints, Rows

DAY_COLUMNS = (
    "creator", "day", "session_count", "live_seconds", "longest_seconds", "moving_seconds",
    "moving_longest_seconds", "diamonds", "new_followers",
)  # fmt: skip
"""`day` counts local days since 1970. `moving`: without sessions that showed an idle picture."""


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
    session = np.repeat(np.arange(len(creator)), last_day - first_day + 1)
    begins = np.cumsum(last_day - first_day + 1) - (last_day - first_day + 1)
    nth = np.arange(len(session)) - begins[session]
    day = first_day[session] + nth
    is_first = nth == 0
    is_last = day == last_day[session]
    # Where a change skips midnight, the clock gives the first instant of the day.
    piece_start = np.where(is_first, start[session], clock.to_utc(zone[session], day * DAY))
    piece_end = np.where(is_last, end[session], clock.to_utc(zone[session], (day + 1) * DAY))
    lived = is_first | (piece_end > piece_start)
    session, day = session[lived], day[lived]
    pieces: Rows = {
        "creator": creator[session],
        "day": day,
        "start": piece_start[lived],
        "end": piece_end[lived],
        "is_static": sessions["is_static"][session] == 1,
        "is_first": is_first[lived],
        "diamonds": np.where(is_first[lived], sessions["diamonds"][session], 0),
        "new_followers": np.where(is_first[lived], sessions["new_followers"][session], 0),
    }
    order = np.lexsort((pieces["end"], pieces["start"], pieces["day"], pieces["creator"]))
    pieces = {name: values[order] for name, values in pieces.items()}
    group, size = _groups(pieces["creator"], pieces["day"])
    heads = np.flatnonzero(np.diff(group, prepend=-1))
    seconds, longest = _stretches(group, pieces["start"], pieces["end"], size)
    moves = ~pieces["is_static"]
    moving, moving_longest = _stretches(
        group[moves], pieces["start"][moves], pieces["end"][moves], size
    )

    def total(name: str) -> Ints:
        return np.bincount(group, weights=pieces[name], minlength=size).astype(np.int64)

    return {
        "creator": pieces["creator"][heads],
        "day": pieces["day"][heads],
        "session_count": total("is_first"),
        "live_seconds": seconds,
        "longest_seconds": longest,
        "moving_seconds": moving,
        "moving_longest_seconds": moving_longest,
        "diamonds": total("diamonds"),
        "new_followers": total("new_followers"),
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
        days = days_of(held, held["zone"], self._clock)
        finished = (days["day"] < before) & (days["day"] >= self._finished_before)
        end = np.maximum(held["started_at"], held["ended_at"])
        last = self._clock.to_local(held["zone"], end) // DAY
        stays = last >= before
        self._open = [{name: values[stays] for name, values in held.items()}]
        self._finished_before = before
        return {name: values[finished] for name, values in days.items()}


def _groups(creator: Ints, day: Ints) -> tuple[Ints, int]:
    """The number of each row's creator and day, rows being in order, and how many there are."""
    if len(creator) == 0:
        return np.zeros(0, np.int64), 0
    changes = (np.diff(creator) != 0) | (np.diff(day) != 0)
    group = np.concatenate([[0], np.cumsum(changes)]).astype(np.int64)
    return group, int(group[-1]) + 1


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
    np.add.at(seconds, group[first], length)
    np.maximum.at(longest, group[first], length)
    return seconds, longest
