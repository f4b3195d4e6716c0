"""What is known of every creator at the end of each day on which something about them changed.

What lives here: `CreatorStates`, which turns changes into rows of the `creators` feed and holds the
last known state of everybody. What may not: deciding what changes (`activity`), or text.
"""

from __future__ import annotations

import numpy as np

from orchestration.simulate.activity import KEEP
from orchestration.simulate.clock import DAY, epoch_of
from orchestration.simulate.draws import NEVER, Ints, Rows
from orchestration.simulate.options import WorldOptions

STATE_COLUMNS = ("status", "agency", "tier", "followers", "joined_at", "zone")


HISTORY_COLUMNS = ("agency", "tier", "zone")
"""What a fact of the past is told by: its history is part of the truth."""


class CreatorHistory:
    """When each creator's agency, tier, market and zone changed, as the feed shows it."""

    def __init__(self, size: int) -> None:
        """Nobody is known yet."""
        self._last: Rows = {name: np.full(size, KEEP, np.int64) for name in HISTORY_COLUMNS}

    def changed(self, rows: Rows) -> Rows:
        """Of settled rows (by creator, then arrival), those in which one of these is another."""
        creator = rows["creator"]
        is_first = np.ones(len(creator), bool)
        is_first[1:] = creator[1:] != creator[:-1]
        is_last = np.ones(len(creator), bool)
        is_last[:-1] = is_first[1:]
        differs = np.zeros(len(creator), bool)
        for name, last in self._last.items():
            before = np.where(is_first, last[creator], np.roll(rows[name], 1))
            differs |= rows[name] != before
            last[creator[is_last]] = rows[name][is_last]
        kept = ("creator", "arrival", "updated_at", *HISTORY_COLUMNS)
        return {name: rows[name][differs] for name in kept}


class CreatorStates:
    """The last known state of every creator, and the changes that lie ahead of it."""

    def __init__(self, size: int, options: WorldOptions) -> None:
        """Nobody is known yet."""
        self._start = epoch_of(options.start)
        self._state: Rows = {name: np.full(size, KEEP, np.int64) for name in STATE_COLUMNS}
        self._updated_at: Ints = np.full(size, NEVER, np.int64)
        self._ahead: Rows | None = None

    def settle(self, changes: Rows, last_arrival: int) -> Rows:
        """Take in changes, and give the rows that arrive until `last_arrival`.

        Returns:
            One row a creator and arrival day with a change: creator, arrival, updated_at and
            `STATE_COLUMNS`, as they were after the day's last change.
        """
        if self._ahead is not None:
            changes = {name: np.concatenate([self._ahead[name], changes[name]]) for name in changes}
        arrival = (changes["at"] - self._start) // DAY + 1
        is_due = arrival <= last_arrival
        self._ahead = {name: values[~is_due] for name, values in changes.items()}
        due = np.flatnonzero(is_due)
        # Stable: of two changes at one instant, the one that was noted later is the last.
        due = due[np.lexsort((changes["at"][due], changes["creator"][due]))]
        creator, at, arrival = changes["creator"][due], changes["at"][due], arrival[due]

        row = np.arange(len(due))
        is_first = np.ones(len(due), bool)
        is_first[1:] = creator[1:] != creator[:-1]
        is_last = np.ones(len(due), bool)
        is_last[:-1] = is_first[1:]
        is_last_of_day = is_last.copy()
        is_last_of_day[:-1] |= arrival[1:] != arrival[:-1]
        first_row = np.maximum.accumulate(np.where(is_first, row, 0))
        rows: Rows = {
            "creator": creator[is_last_of_day],
            "arrival": arrival[is_last_of_day],
            "updated_at": at[is_last_of_day],
        }
        for name in STATE_COLUMNS:
            values = changes[name][due]
            given = np.maximum.accumulate(np.where(values == KEEP, -1, row))
            values = np.where(given >= first_row, values[given], self._state[name][creator])
            rows[name] = values[is_last_of_day]
            self._state[name][creator[is_last]] = values[is_last]
        self._updated_at[creator[is_last]] = at[is_last]
        return rows

    def known(self) -> Rows:
        """The last known state of everybody who is known: creator, updated_at, `STATE_COLUMNS`."""
        creator = np.flatnonzero(self._updated_at != NEVER)
        return {
            "creator": creator,
            "updated_at": self._updated_at[creator],
            **{name: values[creator] for name, values in self._state.items()},
        }
