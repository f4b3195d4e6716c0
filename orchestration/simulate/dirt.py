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
* `schema_drift`: from the thirtieth arrival day, files carry a column that no contract knows.
* `missing_day`: a day of `live_sessions` never arrives. What came with no other day is not known to
  anybody: the truth keeps it apart, in `lost_sessions`.
* `corrected_file`: a day's file has some rows with an earlier end and smaller counts; beside it
  stands a second one, with the day's true rows again and those corrected, under a greater
  `updated_at`. The true ones.
* `clock_skew`: for some weeks, the clock of a platform is some minutes ahead in everything it says.
  The truth is what it says, and by how much that is wrong: nobody else can know.
* `bot_like`: true sessions that look like machines watching. True, and flagged.
* `unit_change`: from the fortieth arrival day, `viewer_seconds` are a thousand times too many. Not
  in the truth; such days should not be believed.

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
    "corrected_file",
    "clock_skew",
    "bot_like",
    "unit_change",
)
"""Kinds that are rows; whoever writes the files counts those of files and days."""

DUPLICATE, RESTATED, OPEN_FIRST, LATE = range(4)
END_BEFORE_START, NEGATIVE_DIAMONDS, NAIVE_TIMESTAMPS, MISSING_CREATOR, TOO_LATE = range(4, 9)
CORRECTED_FILE, CLOCK_SKEW, BOT_LIKE, UNIT_CHANGE = range(9, 13)

_REPEATED = len(KINDS)
"""In a corrected file, a row that was right before: no dirt of its own."""

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
        lost: The sessions of which nothing landed, since their day is missing.
        rows: Landed rows, by arrival and session: session columns, `arrival` (1 is the first
            landing day), `file` (1, or 2 in the corrected file of a day), `variant` (0 for true
            rows, else one more than the code of its kind).
        notes: One entry per piece of dirt: kind (code of `KINDS`), session, arrival.
    """

    true: Rows
    lost: Rows
    rows: Rows
    notes: Rows

    def without(self, left_out: Bools) -> Landed:
        """The same without some creators' sessions: what was drawn for the others stays as it was.

        Args:
            left_out: By creator.
        """
        if not left_out.any():
            return self
        of_nobody = np.append(left_out, False)
        true, lost, rows = (
            take(block, ~of_nobody[block["creator"]]) for block in (self.true, self.lost, self.rows)
        )
        gone = self.rows["session"][of_nobody[self.rows["creator"]]]
        return Landed(true, lost, rows, take(self.notes, ~np.isin(self.notes["session"], gone)))


class Dirt:
    """Makes landed rows of true sessions, week by week. Holds only the count of extra sessions."""

    def __init__(self, options: WorldOptions, naive_fits: Callable[[Ints], Bools]) -> None:
        """`naive_fits` tells for arrival days whether their file can hold a time without a zone."""
        self._options = options
        self._naive_fits = naive_fits
        self._start = epoch_of(options.start)
        self._extras = 0
        self._lots_of_files: dict[int, float] = {}

    def land(self, week: int, told: Rows) -> Landed:
        """The landed rows of one week's true sessions, as `by_its_clock` gives them."""
        rng = generator(self._options.seed, Stage.DIRT, week)
        on_time = (told["ended_at"] - self._start) // DAY + 1
        size = len(on_time)
        true = {**told, "arrival": on_time.copy(), "file": np.ones(size, np.int8)}
        # One kind a session for those that change when its rows arrive, so that none hides another.
        # Everything is drawn whether or not it is wanted: a kind that is off moves no other.
        fates = _Fates(rng.random(size))
        restated = fates.next(p.RESTATED_RATE)
        is_open = fates.next(p.OPEN_FIRST_RATE)
        is_open = is_open[(true["started_at"][is_open] - self._start) // DAY + 1 < on_time[is_open]]
        late = fates.next(p.LATE_RATE)
        twice = fates.next(p.DUPLICATE_RATE)
        corrected = fates.next(p.CORRECTED_ROW_RATE)

        again_at = rng.integers(2 * HOUR, 20 * HOUR, len(restated))
        cut = rng.uniform(*p.RESTATED_PART, len(restated))
        late_by = rng.integers(p.LATE_DAYS[0], p.LATE_DAYS[1] + 1, len(late))
        wanted = self._options.has
        if not wanted("restated"):
            restated, again_at, cut = restated[:0], again_at[:0], cut[:0]
        if not wanted("late"):
            late, late_by = late[:0], late_by[:0]
        is_open = is_open if wanted("open_first") else is_open[:0]
        twice = twice if wanted("duplicate") else twice[:0]

        true["arrival"][restated] += 1
        true["arrival"][late] += late_by
        true["updated_at"] = true["updated_at"].copy()
        # What is restated is only known once the first version has arrived.
        true["updated_at"][restated] = self._start + on_time[restated] * DAY + again_at
        early = self._early(cut, true, restated, on_time)
        still_on = self._still_on(true, is_open)
        broken = self._broken(rng, true)
        too_late = self._too_late(rng, true)
        copies = take(true, twice)
        # The last that is drawn: how much depends on whether it is wanted.
        again = np.flatnonzero(self._file_is_corrected(true["arrival"]))
        corrected = corrected[np.isin(corrected, again)]
        cut = rng.uniform(*p.RESTATED_PART, len(corrected))
        wrong = self._early(cut, true, corrected, true["arrival"])
        noon = self._start + true["arrival"][corrected] * DAY + 12 * HOUR
        true["updated_at"][corrected] = noon + rng.integers(0, 11 * HOUR, len(corrected))
        true["file"][corrected] = 2
        repeated = take(true, again[~np.isin(again, corrected)])
        repeated["file"] = np.full(len(repeated["session"]), 2, np.int8)

        landed = self._landing(
            [
                _as(true, 0),
                _as(copies, DUPLICATE + 1),
                _as(early, RESTATED + 1),
                _as(still_on, OPEN_FIRST + 1),
                broken,
                _as(too_late, TOO_LATE + 1),
                _as(wrong, CORRECTED_FILE + 1),
                _as(repeated, _REPEATED + 1),
            ]
        )
        known, lost = self._as_landed(true, [(restated, early), (is_open, still_on)])
        notes = self._notes(landed, take(true, late), take(true, restated), known)
        if wanted("unit_change"):
            factor = np.where(
                landed["arrival"] >= p.UNIT_CHANGE_FROM_ARRIVAL, p.UNIT_CHANGE_FACTOR, 1
            )
            landed["viewer_seconds"] = landed["viewer_seconds"] * factor
        return Landed(known, lost, landed, notes)

    def missing_days(self) -> list[int]:
        """The arrival days of `live_sessions` that never come."""
        days = np.arange(1, self._options.days + 1)
        return [int(day) for day in days[self._is_missing(days)]]

    def by_its_clock(self, sessions: Rows) -> Rows:
        """Sessions with the times that their platforms tell, and `clock_skew_seconds`."""
        skew = np.zeros(len(sessions["session"]), np.int16)
        if not self._options.has("clock_skew"):
            return {**sessions, "clock_skew_seconds": skew}
        spell = (sessions["started_at"] - self._start) // (p.CLOCK_SKEW_WEEKS * 7 * DAY)
        for number in np.unique(spell):
            rng = generator(self._options.seed, Stage.CLOCKS, int(number))
            ahead = rng.integers(*p.CLOCK_SKEW_SECONDS, len(p.PLATFORMS))
            ahead *= rng.random(len(p.PLATFORMS)) < p.CLOCK_SKEW_RATE
            ahead[0] = 0
            skew = np.where(spell == number, ahead.astype(np.int16)[sessions["platform"]], skew)
        told = {name: sessions[name] + skew for name in ("started_at", "ended_at", "updated_at")}
        return {**sessions, **told, "clock_skew_seconds": skew}

    def _is_missing(self, arrival: Ints) -> Bools:
        return self._falls_on("missing_day", arrival, 0.0, p.MISSING_DAY_RATE)

    def _file_is_corrected(self, arrival: Ints) -> Bools:
        rate = p.CORRECTED_FILE_RATE
        return self._falls_on("corrected_file", arrival, p.MISSING_DAY_RATE, rate)

    def _falls_on(self, kind: str, arrival: Ints, edge: float, rate: float) -> Bools:
        """On which arrival days something happens to the file; each is drawn on its own."""
        if not self._options.has(kind) or len(arrival) == 0:
            return np.zeros(len(arrival), bool)
        first, last = int(arrival.min()), int(arrival.max())
        lot = np.array([self._lot_of_files(day) for day in range(first, last + 1)])
        happens: Bools = ((lot >= edge) & (lot < edge + rate))[arrival - first]
        return happens

    def _lot_of_files(self, day: int) -> float:
        """What decides what happens to an arrival day's file; 1 where nothing may."""
        if day < p.FIRST_DAY_THAT_MAY_FAIL:
            return 1.0
        if day not in self._lots_of_files:
            rng = generator(self._options.seed, Stage.FILES, day)
            self._lots_of_files[day] = float(rng.random())
        return self._lots_of_files[day]

    def _lands(self, arrival: Ints) -> Bools:
        """Which rows are in a landing file: their day comes, and not after the last."""
        lands: Bools = (arrival <= self._options.days) & ~self._is_missing(arrival)
        return lands

    def _landing(self, blocks: list[Rows]) -> Rows:
        """The rows of all blocks that land, by arrival and session.

        Days are few and sessions nearly in order already: radix and merge sort are quick about
        that. Columns are joined and put in order one by one: a week has them only once.
        """
        session, arrival = (
            np.concatenate([block[name] for block in blocks]) for name in ("session", "arrival")
        )
        order = np.argsort(session, kind="stable")
        order = order[np.argsort(arrival.astype(np.int16)[order], kind="stable")]
        lands = self._lands(arrival)
        if not lands.all():
            order = order[lands[order]]
        return {
            name: np.concatenate([block[name] for block in blocks])[order] for name in blocks[0]
        }

    def _as_landed(self, true: Rows, earlier: list[tuple[Ints, Rows]]) -> tuple[Rows, Rows]:
        """True sessions in the last version that landed, and those of which none did or will.

        Args:
            true: All, in their final version.
            earlier: Which of them have an earlier version, and that version.
        """
        is_known = self._lands(true["arrival"])
        is_over = true["arrival"] <= self._options.days
        known = true
        for rows, versions in earlier:
            is_last = ~is_known[rows] & self._lands(versions["arrival"])
            if is_last.any():
                known = {name: values.copy() for name, values in known.items()}
                for name, values in versions.items():
                    known[name][rows[is_last]] = values[is_last]
                is_known[rows[is_last]] = True
        return _only(known, is_known), take(true, is_over & ~is_known)

    def _notes(self, landed: Rows, late: Rows, restated: Rows, known: Rows) -> Rows:
        """What there is to say of a week's dirt, as far as it can be seen by the last day.

        A row is only restated once its correction has landed.
        """
        noted = take(landed, (landed["variant"] > 0) & (landed["variant"] <= _REPEATED))
        is_corrected = np.isin(
            noted["session"], restated["session"][self._lands(restated["arrival"])]
        )
        noted = take(noted, (noted["variant"] != RESTATED + 1) | is_corrected)
        kinds, rows = [noted["variant"] - 1], [noted]
        changed = self._options.has("unit_change") & (
            landed["arrival"] >= p.UNIT_CHANGE_FROM_ARRIVAL
        )
        for kind, of_kind in (
            (LATE, take(late, self._lands(late["arrival"]))),
            (CLOCK_SKEW, take(known, known["clock_skew_seconds"] != 0)),
            (BOT_LIKE, take(known, known["is_bot_like"] != 0)),
            (UNIT_CHANGE, take(landed, changed)),
        ):
            kinds.append(np.full(len(of_kind["session"]), kind))
            rows.append(of_kind)
        return {
            "kind": np.concatenate(kinds),
            "session": np.concatenate([each["session"] for each in rows]),
            "arrival": np.concatenate([each["arrival"] for each in rows]),
        }

    def _early(self, share: Floats, true: Rows, which: Ints, arrival: Ints) -> Rows:
        """First versions of restated sessions, cut off after a share of them."""
        rows = take(true, which)
        rows["arrival"] = arrival[which]
        seconds = np.maximum((rows["ended_at"] - rows["started_at"]) * share, 1).astype(np.int64)
        _shrink(rows, seconds)
        rows["ended_at"] = rows["started_at"] + seconds
        rows["updated_at"] = rows["ended_at"] + 120
        return rows

    def _still_on(self, true: Rows, which: Ints) -> Rows:
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

        wanted_kinds = [code for code, name in enumerate(KINDS) if self._options.has(name)]
        is_wanted = np.isin(kind, wanted_kinds)
        chosen, kind = chosen[is_wanted], kind[is_wanted]
        rows = take(true, chosen)
        rows["session"] = self._extra_sessions(len(chosen))
        before = rows["started_at"] - 3 * (rows["ended_at"] - rows["started_at"])
        rows["ended_at"] = np.where(kind == END_BEFORE_START, before, rows["ended_at"])
        rows["diamonds"] = np.where(
            kind == NEGATIVE_DIAMONDS, -1 - rows["diamonds"], rows["diamonds"]
        )
        rows["creator"] = np.where(kind == MISSING_CREATOR, NEVER, rows["creator"])
        rows["variant"] = (kind + 1).astype(np.int8)
        return rows

    def _too_late(self, rng: np.random.Generator, true: Rows) -> Rows:
        """Extra sessions that arrive when their day is long closed."""
        size = len(true["session"])
        lot = np.flatnonzero(rng.random(size) < p.TOO_LATE_RATE)
        age = rng.integers(p.TOO_LATE_DAYS[0], p.TOO_LATE_DAYS[1] + 1, len(lot))
        if size < 7 * p.TOO_LATE_MIN_SESSIONS_A_DAY or not self._options.has("too_late"):
            lot, age = lot[:0], age[:0]
        rows = take(true, lot)
        rows["session"] = self._extra_sessions(len(lot))
        rows["arrival"] = (rows["started_at"] - self._start) // DAY + age
        return rows

    def _extra_sessions(self, count: int) -> Ints:
        first = _FIRST_EXTRA_SESSION + self._extras
        self._extras += count
        return np.arange(first, first + count)


class _Fates:
    """Gives each session at most one fate, by a number drawn for it."""

    def __init__(self, drawn: Floats) -> None:
        """Nobody has met theirs yet; `drawn` is between 0 and 1."""
        self._drawn = drawn
        self._edge = 0.0

    def next(self, rate: float) -> Ints:
        """The rows that the next fate falls on."""
        first, self._edge = self._edge, self._edge + rate
        return np.flatnonzero((self._drawn >= first) & (self._drawn < self._edge))


def _only(rows: Rows, which: Bools) -> Rows:
    """The chosen rows: the block itself where they are all."""
    return rows if which.all() else take(rows, which)


def take(rows: Rows, which: Bools | Ints) -> Rows:
    """The chosen rows, as a new block."""
    if which.dtype == np.bool_:
        which = np.flatnonzero(which)
    return {name: values[which] for name, values in rows.items()}


def stack(blocks: list[Rows]) -> Rows:
    """Blocks with the same columns, one below the other."""
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def _as(rows: Rows, variant: int) -> Rows:
    return {**rows, "variant": np.full(len(rows["session"]), variant, np.int8)}


def _shrink(rows: Rows, seconds: Ints) -> None:
    """Scale what is counted over a session to its first `seconds` (the average stays as it is)."""
    share: Floats = np.minimum(seconds / (rows["ended_at"] - rows["started_at"]), 1.0)
    for name in _COUNTS:
        rows[name] = (rows[name] * share).astype(rows[name].dtype)
    # Whoever gave at least one gift gave at least one diamond, and nobody else gave any.
    rows["diamonds"] = np.where(
        rows["gifters"] > 0, np.maximum(rows["diamonds"], rows["gifters"]), 0
    )
