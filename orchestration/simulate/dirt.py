"""How true sessions come to look in the feed: late, twice, restated, half known, or impossible.

What lives here: the step from a week of true sessions to landed rows of `live_sessions`, and the
note of each kind of dirt. What may not: randomness about creators, and any change of what is true.

What a pipeline must end with, given "by key, the row with the greatest `updated_at`, then the
latest arrival, wins" and "what cannot be true is refused":

* `duplicate`: the same row twice in one file. One session.
* `restated`: the first row has an earlier end and smaller counts; the true row arrives a day later
  with a greater `updated_at`. The true one.
* `open_first`: the show was still on when its first day was exported: no end, counts so far; the
  true row arrives when it has ended, with a greater `updated_at`. The true one.
* `late`: the true row arrives 2 to 10 days after its time. The true one.
* `end_before_start`, `negative_diamonds`, `naive_timestamps`, `missing_creator_id`: extra rows,
  broken copies of a true row under a session id of their own. Refused; the true row stands beside
  them.
* `too_late`: extra sessions under an id of their own, 40 days and more old at arrival. Refused
  under the default lateness horizon (35 days). A run that lifts the horizon takes them in, and then
  knows more sessions than the truth, which does not hold them.
* `drift_files`: from the thirtieth arrival day, files carry a column that no contract knows.

So the truth is what was landed by the last arrival day and may be believed; dirt never changes it.
Nothing here looks at the last arrival day but what is handed on: rows that arrive later are made
and left out, and a session whose correction lies beyond it is true in the version that landed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from orchestration.simulate import parameters as p
from orchestration.simulate.clock import DAY, HOUR, epoch_of
from orchestration.simulate.draws import NEVER, Bools, Floats, Ints, Rows, Stage, generator
from orchestration.simulate.options import WorldOptions

KINDS = (
    "duplicate",
    "restated",
    "open_first",
    "late",
    "end_before_start",
    "negative_diamonds",
    "naive_timestamps",
    "missing_creator_id",
    "too_late",
)
"""Kinds that are rows; `drift_files` is counted by whoever writes the files."""

DUPLICATE, RESTATED, OPEN_FIRST, LATE = range(4)
END_BEFORE_START, NEGATIVE_DIAMONDS, NAIVE_TIMESTAMPS, MISSING_CREATOR, TOO_LATE = range(4, 9)

_FIRST_EXTRA_SESSION = 5_000_000_000
"""Session numbers of rows that are not true: no true number reaches this."""

_COUNTS = (
    "viewer_seconds", "likes", "comments", "shares", "new_followers", "gifters", "diamonds",
)  # fmt: skip
"""What had not yet all happened when a row was exported early."""


@dataclass(frozen=True)
class Landed:
    """A week's sessions as they land.

    Attributes:
        true: The sessions that are known by the last arrival day, in their order, in the last
            version that landed by then; `arrival` is the day on which that one lands.
        rows: Landed rows: session columns, `arrival` (1 is the first landing day), `variant` (0
            for true rows, else one more than the code of its kind).
        notes: One entry per piece of dirt: kind (code of `KINDS`), session, arrival.
    """

    true: Rows
    rows: Rows
    notes: Rows


class Dirt:
    """Makes landed rows of true sessions, week by week. Holds only the count of extra sessions."""

    def __init__(self, options: WorldOptions, naive_fits: Callable[[Ints], Bools]) -> None:
        """`naive_fits` tells for arrival days whether their file can hold a time without a zone."""
        self._options = options
        self._naive_fits = naive_fits
        self._start = epoch_of(options.start)
        self._extras = 0

    def land(self, week: int, sessions: Rows) -> Landed:
        """The landed rows of one week's true sessions."""
        days = self._options.days
        true = {**sessions, "arrival": (sessions["ended_at"] - self._start) // DAY + 1}
        if not self._options.dirt:
            true = take(true, true["arrival"] <= days)
            return Landed(true, _as(true, 0), _no_notes())
        return self._soil(generator(self._options.seed, Stage.DIRT, week), true)

    def _soil(self, rng: np.random.Generator, true: Rows) -> Landed:
        size = len(true["session"])
        on_time = true["arrival"].copy()
        # One kind a session for those that change when its rows arrive, so that none hides another.
        fate = rng.random(size)
        late_by = rng.integers(p.LATE_DAYS[0], p.LATE_DAYS[1] + 1, size)
        edge = p.RESTATED_RATE
        restated = fate < edge
        over_midnight = (true["started_at"] - self._start) // DAY + 1 < on_time
        is_open = (fate >= edge) & (fate < edge + p.OPEN_FIRST_RATE) & over_midnight
        edge += p.OPEN_FIRST_RATE
        late = (fate >= edge) & (fate < edge + p.LATE_RATE)
        edge += p.LATE_RATE
        twice = (fate >= edge) & (fate < edge + p.DUPLICATE_RATE)

        true = {**true, "arrival": on_time + restated + np.where(late, late_by, 0)}
        # What is restated is only known once the first version has arrived.
        true["updated_at"] = np.where(
            restated,
            self._start + on_time * DAY + rng.integers(2 * HOUR, 20 * HOUR, size),
            true["updated_at"],
        )
        early = self._early(rng, true, restated, on_time)
        still_on = self._still_on(true, is_open)
        broken = self._broken(rng, true)
        too_late = self._too_late(rng, true)
        copies = take(true, twice)

        rows = stack(
            [
                _as(true, 0),
                _as(copies, DUPLICATE + 1),
                _as(early, RESTATED + 1),
                _as(still_on, OPEN_FIRST + 1),
                broken,
                _as(too_late, TOO_LATE + 1),
            ]
        )
        landed = take(rows, rows["arrival"] <= self._options.days)
        return Landed(
            self._as_landed(true, [(restated, early), (is_open, still_on)]),
            landed,
            self._notes(landed, take(true, late), take(true, restated)),
        )

    def _as_landed(self, true: Rows, earlier: list[tuple[Bools, Rows]]) -> Rows:
        """True sessions in the last version that landed; those of which none did are left out.

        Args:
            true: All, in their final version.
            earlier: Which of them have an earlier version, and that version.
        """
        days = self._options.days
        true = {name: values.copy() for name, values in true.items()}
        for which, versions in earlier:
            rows = np.flatnonzero(which)
            is_last = true["arrival"][rows] > days
            for name, values in versions.items():
                true[name][rows[is_last]] = values[is_last]
        return take(true, true["arrival"] <= days)

    def _notes(self, landed: Rows, late: Rows, restated: Rows) -> Rows:
        """What there is to say of a week's dirt, as far as it can be seen by the last day.

        A row is only restated once its correction has landed.
        """
        noted = take(landed, landed["variant"] > 0)
        is_corrected = np.isin(
            noted["session"], restated["session"][restated["arrival"] <= self._options.days]
        )
        noted = take(noted, (noted["variant"] != RESTATED + 1) | is_corrected)
        late = take(late, late["arrival"] <= self._options.days)
        return {
            "kind": np.concatenate([noted["variant"] - 1, np.full(len(late["session"]), LATE)]),
            "session": np.concatenate([noted["session"], late["session"]]),
            "arrival": np.concatenate([noted["arrival"], late["arrival"]]),
        }

    def _early(self, rng: np.random.Generator, true: Rows, which: Bools, arrival: Ints) -> Rows:
        """First versions of restated sessions: cut off between a third and nine tenths."""
        share = rng.uniform(0.33, 0.9, len(which))[which]
        rows = take(true, which)
        rows["arrival"] = arrival[which]
        seconds = np.maximum((rows["ended_at"] - rows["started_at"]) * share, 1).astype(np.int64)
        _shrink(rows, seconds)
        rows["ended_at"] = rows["started_at"] + seconds
        rows["updated_at"] = rows["ended_at"] + 120
        return rows

    def _still_on(self, true: Rows, which: Bools) -> Rows:
        """Rows of shows that were on at UTC midnight, exported just before it: without an end."""
        rows = take(true, which)
        day = (rows["started_at"] - self._start) // DAY
        midnight = self._start + (day + 1) * DAY
        _shrink(rows, np.maximum(midnight - rows["started_at"], 1))
        rows["ended_at"] = np.full(len(day), NEVER, np.int64)
        rows["updated_at"] = midnight - 1
        rows["arrival"] = day + 1
        return rows

    def _broken(self, rng: np.random.Generator, true: Rows) -> Rows:
        """Copies of true rows with values that cannot be, few enough for every file's contract."""
        size, arrival = len(true["session"]), true["arrival"]
        lot = rng.random(size)
        wanted = np.flatnonzero(lot < p.IMPOSSIBLE_RATE)
        wanted = wanted[np.lexsort((lot[wanted], arrival[wanted]))]
        a_day = np.bincount(arrival)
        cap = np.floor(a_day * p.IMPOSSIBLE_CAP_OF_FILE).astype(np.int64)
        days = arrival[wanted]
        rank = np.arange(len(days)) - np.searchsorted(days, days, side="left")
        chosen = wanted[rank < cap[days]]
        kind = END_BEFORE_START + rng.integers(0, 4, len(chosen))
        fits = self._naive_fits(arrival[chosen])
        kind = np.where((kind == NAIVE_TIMESTAMPS) & ~fits, END_BEFORE_START, kind)

        rows = take(true, chosen)
        rows["session"] = self._extra_sessions(len(chosen))
        before = rows["started_at"] - 3 * (rows["ended_at"] - rows["started_at"])
        rows["ended_at"] = np.where(kind == END_BEFORE_START, before, rows["ended_at"])
        rows["diamonds"] = np.where(
            kind == NEGATIVE_DIAMONDS, -1 - rows["diamonds"], rows["diamonds"]
        )
        rows["creator"] = np.where(kind == MISSING_CREATOR, NEVER, rows["creator"])
        rows["variant"] = kind + 1
        return rows

    def _too_late(self, rng: np.random.Generator, true: Rows) -> Rows:
        """Extra sessions that arrive when their day is long closed."""
        size = len(true["session"])
        lot = rng.random(size) < p.TOO_LATE_RATE
        age = rng.integers(p.TOO_LATE_DAYS[0], p.TOO_LATE_DAYS[1] + 1, size)
        arrival = (true["started_at"] - self._start) // DAY + age
        if size < 7 * p.TOO_LATE_MIN_SESSIONS_A_DAY:
            lot &= False
        rows = take(true, lot)
        rows["session"] = self._extra_sessions(int(lot.sum()))
        rows["arrival"] = arrival[lot]
        return rows

    def _extra_sessions(self, count: int) -> Ints:
        first = _FIRST_EXTRA_SESSION + self._extras
        self._extras += count
        return np.arange(first, first + count)


def take(rows: Rows, which: Bools | Ints) -> Rows:
    """The chosen rows, as a new block."""
    return {name: values[which] for name, values in rows.items()}


def stack(blocks: list[Rows]) -> Rows:
    """Blocks with the same columns, one below the other."""
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def _as(rows: Rows, variant: int) -> Rows:
    return {**rows, "variant": np.full(len(rows["session"]), variant, np.int64)}


def _no_notes() -> Rows:
    return {name: np.zeros(0, np.int64) for name in ("kind", "session", "arrival")}


def _shrink(rows: Rows, seconds: Ints) -> None:
    """Scale what is counted over a session to its first `seconds` (the average stays as it is)."""
    share: Floats = np.minimum(seconds / (rows["ended_at"] - rows["started_at"]), 1.0)
    for name in _COUNTS:
        rows[name] = np.floor(rows[name] * share).astype(np.int64)
    # Whoever gave at least one gift gave at least one diamond, and nobody else gave any.
    rows["diamonds"] = np.where(
        rows["gifters"] > 0, np.maximum(rows["diamonds"], rows["gifters"]), 0
    )
