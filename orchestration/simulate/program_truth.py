"""What programs truly did, in sums over the treated: the world as it was less the untreated one.

What lives here: the two worlds' outcomes week by week for those who got a program. What may not: an
estimate. Controls are not looked at, since for the treated themselves both worlds are known.
"""

from __future__ import annotations

import numpy as np

from orchestration.simulate import program_parameters as pp
from orchestration.simulate.clock import DAY, Clock, epoch_of
from orchestration.simulate.draws import NEVER, Bools, Floats, Ints, Rows
from orchestration.simulate.effects import Effects, WeekEffects
from orchestration.simulate.options import WorldOptions
from orchestration.simulate.valid_days import DAY_COLUMNS, DayBook, is_valid
from orchestration.simulate.world import Population

OUTCOMES = (
    "valid_days", "live_hours", "sessions", "diamonds", "new_followers", "share_active",
)  # fmt: skip
FIRST_LIVE = "first_live_within_28_days"
_FIRST_LIVE_DAYS = 28

EFFECT_COLUMNS = {
    "program_id": "varchar",
    "outcome": "varchar",
    "period": "varchar",
    "exposure_week": "bigint",
    "creator_weeks": "bigint",
    "untreated_total": "double",
    "actual_total": "double",
    "effect": "double",
}
"""`exposure_week` is NULL in the row of a whole period, else weeks since a creator's first (0).
`effect` is the difference a creator and week (for a first LIVE: a creator), on the treated."""

_Key = tuple[int, bool, int]


class ProgramTruth:
    """Adds up both worlds over the treated. Holds sums, and the days of unfinished weeks."""

    def __init__(
        self, effects: Effects, people: Population, options: WorldOptions, clock: Clock
    ) -> None:
        """Nothing has happened yet."""
        self._effects = effects
        self._people = people
        self._clock = clock
        self._end = epoch_of(options.start) + options.days * DAY
        self._books = (DayBook(people.zone, clock), DayBook(people.zone, clock))
        nothing = {name: np.zeros(0, np.int64) for name in DAY_COLUMNS}
        self._open = [dict(nothing), dict(nothing)]
        self._sums: dict[_Key, Floats] = {}
        self._weeks: dict[_Key, int] = {}

    def add(self, week: int) -> None:
        """Take the week that `Effects` has just made; the week before is complete with it."""
        programs = self._effects.programs
        worlds = (self._effects.untreated, self._effects.treated)
        for world, (book, sessions) in enumerate(zip(self._books, worlds, strict=True)):
            days = book.add(sessions, programs.monday_of(week + 1))
            held = self._open[world]
            self._open[world] = {n: np.concatenate([held[n], days[n]]) for n in held}
        if week == 0:
            return
        monday = programs.monday_of(week)
        complete = monday + DAY <= self._end
        now = self._effects.of_week(week - 1)
        for world, held in enumerate(self._open):
            is_past = held["day"] < monday // DAY
            past = {name: values[is_past] for name, values in held.items()}
            self._open[world] = {name: values[~is_past] for name, values in held.items()}
            if complete:
                self._count(now, world, past)

    def _count(self, now: WeekEffects, world: int, days: Rows) -> None:
        size = len(now.creator)
        if size == 0:
            return
        at = np.minimum(np.searchsorted(now.creator, days["creator"]), size - 1)
        known = now.creator[at] == days["creator"]
        at = at[known]

        def per_creator(values: Ints | Bools) -> Floats:
            return np.bincount(at, weights=values[known], minlength=size).astype(np.float64)

        sessions = per_creator(days["session_count"])
        outcomes = np.stack(
            [
                per_creator(is_valid(days, pp.NETWORK_HOUR)),
                per_creator(days["live_seconds"]) / 3_600,
                sessions,
                per_creator(days["diamonds"]),
                per_creator(days["new_followers"]),
                sessions > 0,
            ],
            axis=1,
        )
        last = np.array([given.last_week for given in self._effects.programs.catalogue])
        first = self._effects.programs.membership.first_week[now.creator]
        # Exposure weeks go on after the end; how far the truth follows is the same for everybody.
        followed = now.exposure <= last[now.program] - first + pp.AFTER_WEEKS
        keys = np.stack([now.program, now.is_after, now.exposure], axis=1)[followed]
        if len(keys) == 0:
            return
        # distinct keys: creators of a program share their week of exposure
        found, inverse = np.unique(keys, axis=0, return_inverse=True)
        for number, (program, is_after, exposure) in enumerate(found.tolist()):
            key = (program, bool(is_after), exposure)
            mine = inverse.reshape(-1) == number
            sums = self._sums.setdefault(key, np.zeros((2, len(OUTCOMES))))
            sums[world] += outcomes[followed][mine].sum(axis=0)
            if world == 0:
                self._weeks[key] = self._weeks.get(key, 0) + int(mine.sum())

    def effects(self) -> list[tuple[object, ...]]:
        """The rows of the truth (`EFFECT_COLUMNS`), as of the last complete week."""
        rows: list[tuple[object, ...]] = []
        for number, program in self._effects.programs.running():
            for period, is_after in (("during", False), ("after", True)):
                keys = sorted(k for k in self._sums if k[0] == number and k[1] == is_after)
                if not keys:
                    continue
                weeks = sum(self._weeks[key] for key in keys)
                total = np.sum([self._sums[key] for key in keys], axis=0)
                rows += _rows_of(program.program_id, period, None, weeks, total)
                for key in keys:
                    rows += _rows_of(
                        program.program_id, period, key[2], self._weeks[key], self._sums[key]
                    )
            if program.kind == "training":
                rows += self._first_lives(number, program)
        return rows

    def _first_lives(self, number: int, program: pp.Program) -> list[tuple[object, ...]]:
        """How many of the coached went LIVE, and how many would have anyway."""
        people, programs = self._people, self._effects.programs
        member = programs.membership
        due = people.trained_at + _FIRST_LIVE_DAYS * DAY
        who = np.flatnonzero(
            (member.program == number) & member.is_treated & (due < self._end - DAY)
        )
        if len(who) == 0:
            return []
        first = people.first_live_at[who]
        live = (first != NEVER) & (first <= due[who])
        anyway = live & ~np.isin(who, programs.coached)
        effect = (float(live.sum()) - float(anyway.sum())) / len(who)
        return [
            (
                program.program_id, FIRST_LIVE, "during", None, len(who), float(anyway.sum()),
                float(live.sum()), effect,
            )
        ]  # fmt: skip


def _rows_of(
    program_id: str,
    period: str,
    exposure: int | None,
    weeks: int,
    sums: Floats,
) -> list[tuple[object, ...]]:
    return [
        (
            program_id, outcome, period, exposure, weeks, float(untreated), float(actual),
            float(actual - untreated) / weeks,
        )
        for outcome, untreated, actual in zip(OUTCOMES, sums[0], sums[1], strict=True)
    ]  # fmt: skip
