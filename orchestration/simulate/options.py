"""What a world is asked for, and what came of it.

What lives here: `WorldOptions` with every check that needs no data, `WorldSummary`, and the error
that a person reads. What may not: NumPy, DuckDB, or anything else that is slow to import: the
command line builds options before it knows whether it will simulate at all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

from orchestration.simulate.program_parameters import CATALOGUE

WorldFormat = Literal["parquet", "csv", "csv.gz", "jsonl", "jsonl.gz", "mixed"]
"""How landing files are written; `mixed` varies by feed and day, so that every reader is used."""

USUAL_DIRT = (
    "duplicate",
    "restated",
    "open_first",
    "late",
    "end_before_start",
    "negative_diamonds",
    "naive_timestamps",
    "missing_creator_id",
    "too_late",
    "schema_drift",
    "wrong_payout",
)
"""What goes wrong everywhere, and no run stumbles over."""

UNUSUAL_DIRT = ("missing_day", "corrected_file", "clock_skew", "bot_like", "unit_change")
"""What goes wrong sometimes. A `unit_change` rightly refuses the days that have it."""

DIRT_KINDS = USUAL_DIRT + UNUSUAL_DIRT
_DIRT_WORDS = {"none": (), "usual": USUAL_DIRT, "all": DIRT_KINDS}

PROGRAMS = tuple(program.program_id for program in CATALOGUE)
_PROGRAM_WORDS = {"none": (), "all": PROGRAMS}

Dirtiness = bool | str | Collection[str]
"""Words with commas between them, kinds, or whether there is the usual dirt."""
ON_DEMAND_FEEDS = ("backstage_reports",)
"""Made only when they are asked for: spreadsheets are slow to write."""

DEFAULT_FEEDS = (
    "agencies",
    "creators",
    "onboarding_events",
    "live_sessions",
    "live_snapshots",
    "gifts",
    "asset_uses",
    "enforcement_events",
    "programs",
    "program_tasks",
    "program_assignments",
    "program_events",
    "reward_payouts",
)

EARLIEST_START = date(2000, 1, 1)
LATEST_END = date(2100, 1, 1)
LARGEST_POPULATION = 5_000_000
LONGEST_WORLD_DAYS = 3_660
LONGEST_POLL_MINUTES = 25
"""Two polls further apart than the rules' 30 minutes would make two sessions of one."""


class WorldError(ValueError):
    """The world that was asked for cannot be made; the message says why, with the numbers."""


def _dirt_kinds(dirt: Dirtiness) -> tuple[str, ...]:
    """The kinds of dirt that are meant, in the order of `DIRT_KINDS`.

    Raises:
        WorldError: A word names no kind.
    """
    if isinstance(dirt, bool):
        dirt = "usual" if dirt else "none"
    words = dirt.split(",") if isinstance(dirt, str) else list(dirt)
    chosen: set[str] = set()
    for word in words:
        name = str(word).strip()
        if name not in (*DIRT_KINDS, *_DIRT_WORDS):
            known = ", ".join((*_DIRT_WORDS, *DIRT_KINDS))
            raise WorldError(f"dirt must be made of {known}, not {name!r}.")
        chosen.update(_DIRT_WORDS.get(name, (name,)))
    return tuple(kind for kind in DIRT_KINDS if kind in chosen)


def _program_ids(programs: str | Collection[str]) -> tuple[str, ...]:
    """The programs that are meant, in the order of `PROGRAMS`.

    Raises:
        WorldError: A word names no program.
    """
    words = programs.split(",") if isinstance(programs, str) else programs
    if not isinstance(words, Collection):
        raise WorldError(f"programs must be all, none, or ids of programs, not {programs!r}.")
    chosen: set[str] = set()
    for word in words:
        name = str(word).strip()
        if name not in (*_PROGRAM_WORDS, *PROGRAMS):
            known = ", ".join((*_PROGRAM_WORDS, *PROGRAMS))
            raise WorldError(f"programs must be made of {known}, not {name!r}.")
        chosen.update(_PROGRAM_WORDS.get(name, (name,)))
    return tuple(name for name in PROGRAMS if name in chosen)


@dataclass(frozen=True, kw_only=True)
class WorldOptions:
    """One world. The same options give the same bytes, on the same versions of NumPy and DuckDB.

    Nothing is drawn or decided by `days`: with all else alike, the files of a shorter world are
    the first files of a longer one. What has not arrived by the last arrival day is not landed.

    Attributes:
        creators: How many people applied or had joined by the end of the first `window_days`,
            whether or not they ever went LIVE. After that more apply, at the same rate.
        days: Length of the world, in UTC days of events. Arrival days run from `start + 1` to
            `start + days`.
        window_days: In how many days the newcomers among `creators` apply; `days` if not given.
            It stays as it was where a world is made longer.
        seed: Any integer from 0.
        start: First UTC day with events.
        programs: Which programs run, with the effects planted in them: `all`, `none`, or ids of
            `PROGRAMS` (as text, with commas between them). Who is not in one that runs does what
            there would be to do without any. Kept as a tuple of ids.
        dirt: What goes wrong: `none`, `usual`, `all`, or kinds of `DIRT_KINDS` (as text, with
            commas between them). What is not chosen moves nothing else. Kept as a tuple of kinds.
        format: How landing files are written.
        feeds: Which feeds are made. What is true of people and sessions does not depend on it.
            `backstage_reports` are spreadsheets beside landing; they are not made unless named.
        gift_share: Share of creators whose gifts are landed: there are many times more gifts than
            sessions.
        polled_share: Share of creators whose sessions a poller sees and no `live_sessions` row
            tells of. Nobody is polled without the feed `live_snapshots`, nor in a world in which
            they would be fewer than `parameters.POLLED_LEAST_CREATORS`.
        poll_minutes: From one poll of a platform to the next.
    """

    creators: int = 2_000
    days: int = 120
    seed: int = 7
    start: date = date(2026, 7, 1)
    programs: str | Collection[str] = "all"
    dirt: Dirtiness = "usual"
    format: WorldFormat = "mixed"
    window_days: int = 0
    feeds: tuple[str, ...] = DEFAULT_FEEDS
    gift_share: float = 0.05
    polled_share: float = 0.05
    poll_minutes: int = 15

    def __post_init__(self) -> None:
        """Refuse what cannot be, before anything is computed.

        Raises:
            WorldError: An option is impossible; the message names it and its value.
        """
        if self.window_days == 0:
            object.__setattr__(self, "window_days", self.days)
        object.__setattr__(self, "feeds", tuple(self.feeds))
        self._check_numbers()
        self._check_dates()
        self._check_feeds()
        object.__setattr__(self, "dirt", _dirt_kinds(self.dirt))
        object.__setattr__(self, "programs", _program_ids(self.programs))
        if self.format not in get_args(WorldFormat):
            known = ", ".join(get_args(WorldFormat))
            raise WorldError(f"format must be one of {known}, not {self.format!r}.")

    def _check_numbers(self) -> None:
        for name in ("creators", "days", "seed", "window_days"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise WorldError(f"{name} must be a whole number, not {value!r}.")
        if not 1 <= self.creators <= LARGEST_POPULATION:
            raise WorldError(
                f"creators must lie between 1 and {LARGEST_POPULATION:,}, not {self.creators:,}."
            )
        if not 1 <= self.days <= LONGEST_WORLD_DAYS:
            raise WorldError(
                f"days must lie between 1 and {LONGEST_WORLD_DAYS:,}, not {self.days:,}."
            )
        if not 1 <= self.window_days <= LONGEST_WORLD_DAYS:
            raise WorldError(
                f"window_days must lie between 1 and {LONGEST_WORLD_DAYS:,}, "
                f"not {self.window_days:,}."
            )
        if self.seed < 0:
            raise WorldError(f"seed must be 0 or more, not {self.seed}.")

    def _check_dates(self) -> None:
        if isinstance(self.start, datetime) or not isinstance(self.start, date):
            raise WorldError(f"start must be a date (YYYY-MM-DD), not {self.start!r}.")
        if self.start < EARLIEST_START:
            raise WorldError(f"start must not lie before {EARLIEST_START}, and {self.start} does.")
        if self.start > LATEST_END or self.last_arrival_date > LATEST_END:
            raise WorldError(
                f"{self.days:,} days from {self.start} would end after {LATEST_END}: "
                "time zones are not decided that far ahead."
            )

    def has(self, kind: str) -> bool:
        """Whether this kind of dirt is in the world."""
        return kind in _dirt_kinds(self.dirt)

    def _check_feeds(self) -> None:
        known = (*DEFAULT_FEEDS, *ON_DEMAND_FEEDS)
        for feed in self.feeds:
            if feed not in known:
                raise WorldError(f"feeds may name {', '.join(known)}, not {feed!r}.")
        if not self.feeds:
            raise WorldError(f"feeds must name at least one of {', '.join(known)}.")
        for name in ("gift_share", "polled_share"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise WorldError(f"{name} must lie between 0 and 1, not {value!r}.")
        if not 1 <= self.poll_minutes <= LONGEST_POLL_MINUTES:
            raise WorldError(
                f"poll_minutes must lie between 1 and {LONGEST_POLL_MINUTES}, "
                f"not {self.poll_minutes!r}."
            )

    @property
    def first_arrival_date(self) -> date:
        """The first landing day: what ended on `start` arrives on the day after."""
        return self.start + timedelta(days=1)

    @property
    def last_arrival_date(self) -> date:
        """The last landing day."""
        return self.start + timedelta(days=self.days)

    def to_json(self) -> dict[str, Any]:
        """The options as JSON values, for `truth.json`."""
        return {
            **asdict(self),
            "start": self.start.isoformat(),
            "dirt": list(_dirt_kinds(self.dirt)),
        }

    @classmethod
    def from_json(cls, options: Mapping[str, Any]) -> WorldOptions:
        """The options that `to_json` gave.

        Raises:
            WorldError: They are none.
        """
        try:
            return cls(**{**options, "start": date.fromisoformat(options["start"])})
        except (KeyError, TypeError, ValueError) as error:
            raise WorldError(
                f"The options in truth.json are not those of a world: {error}"
            ) from error


@dataclass(frozen=True, kw_only=True)
class WorldSummary:
    """What was made: enough for a screen, the whole is in `truth.json`."""

    landing: Path
    truth: Path
    first_arrival_date: date
    last_arrival_date: date
    creators: int
    creators_live: int
    """Creators with at least one LIVE session in the truth."""
    sessions: int
    """True sessions, after every correction."""
    files: int
    bytes: int
    seconds: float
    rows: dict[str, int] = field(default_factory=dict)
    """Landed rows by feed, dirt included."""
    dirt: dict[str, int] = field(default_factory=dict)
    """How many of each kind of dirt were put in."""
