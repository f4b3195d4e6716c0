"""What follows from sessions and creators: uses of material, measures of the platform, and more.

What lives here: rows of `asset_uses` and `enforcement_events`, a week at a time, and `Derived`,
which makes every feed that follows from a week of true sessions. What may not: who is banned and
who is LIVE (`activity` decides that); gifts and polls have modules of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orchestration.simulate import parameters as p
from orchestration.simulate.activity import KEEP
from orchestration.simulate.clock import DAY, HOUR, WEEK, Clock, epoch_of
from orchestration.simulate.dirt import take
from orchestration.simulate.draws import NEVER, Ints, Rows, Stage, generator, pick
from orchestration.simulate.gifts import gifts_of
from orchestration.simulate.landing import put
from orchestration.simulate.options import WorldOptions
from orchestration.simulate.polling import Poller
from orchestration.simulate.world import BANNED_STATUS, Population

if TYPE_CHECKING:
    import duckdb

BAN = p.SEVERITIES.index("ban")
SUSPENSION = p.SEVERITIES.index("suspension")

_ASSET_LANGUAGES = np.array([language for _, _, language in p.ASSETS])
_LOCAL_HOURS = (9, 23)


@dataclass(frozen=True)
class Week:
    """What happened in a local week.

    Attributes:
        number: From 0.
        monday: Its start, in local seconds.
        sessions: All true sessions, by whatever route.
        told: The same at the times that their platforms tell.
        changes: Changes of creators that were noted with the week.
    """

    number: int
    monday: int
    sessions: Rows
    told: Rows
    changes: Rows


class Derived:
    """All feeds that follow from true sessions, week by week; only those that are asked for."""

    def __init__(self, people: Population, options: WorldOptions, clock: Clock) -> None:
        """Nothing happened yet.

        Attribute `polled` tells, by creator, whose sessions only polls show.
        """
        self._options = options
        self._poller = Poller(people, options)
        self.polled = self._poller.is_polled
        self._material = Material(people, options, clock)
        self._measures = Measures(people, options)

    def put(self, connection: duckdb.DuckDBPyConnection, week: Week) -> Rows:
        """Put one week's rows of each feed into its table of the scratch database.

        Args:
            connection: The scratch database, with the words for codes.
            week: What happened in it.

        Returns:
            The polled sessions that a poll names, with `arrival`, the day on which the first such
            poll arrives: what is true of them and can be known.
        """
        feeds = self._options.feeds
        sessions, number = week.sessions, week.number
        polled = take(sessions, self.polled[sessions["creator"]])
        if "live_snapshots" in feeds:
            named = self._poller.of_week(connection, week.monday, polled)
            # Numbers of sessions rise within a week.
            polled = take(polled, np.searchsorted(polled["session"], named["session"]))
            polled["arrival"] = named["arrival"]
        else:
            # Nobody is polled: an empty block, of the same columns.
            polled["arrival"] = np.zeros(len(polled["session"]), np.int64)
        if "gifts" in feeds:
            put(connection, "gift_rows", gifts_of(number, week.told, self._options))
        if "asset_uses" in feeds:
            put(connection, "use_rows", self._material.of_week(number, week.monday, sessions))
        if "enforcement_events" in feeds:
            measures = self._measures.of_week(number, sessions, week.changes)
            put(connection, "measure_rows", measures)
        return polled


class Material:
    """Who takes up the toolkits' material, week by week."""

    def __init__(self, people: Population, options: WorldOptions, clock: Clock) -> None:
        """Of everybody in the world."""
        self._people = people
        self._options = options
        self._clock = clock

    def of_week(self, week: int, monday: int, sessions: Rows) -> Rows:
        """Uses in one local week: more by who is new, and by who is LIVE.

        Args:
            week: Number of the week.
            monday: Its start, in local seconds.
            sessions: The week's true sessions.

        Returns:
            creator, week, number (a creator's uses of the week count from 0), asset (a place in
            `parameters.ASSETS`), used_at, arrival; in order of creator and number.
        """
        people = self._people
        rng = generator(self._options.seed, Stage.ASSETS, week)
        rate = np.zeros(people.size)
        rate[sessions["creator"]] = p.ASSET_USES_PER_WEEK
        trained = people.trained_at
        is_new = (trained != NEVER) & (trained < monday) & (
            trained >= monday - p.ASSET_FIRST_WEEKS * WEEK
        )  # fmt: skip
        rate[is_new] = p.ASSET_USES_PER_FIRST_WEEK
        # Only of those who may: who will join one day must not move what is drawn today.
        candidates = np.flatnonzero(rate)
        uses = rng.poisson(rate[candidates])
        creator = np.repeat(candidates, uses)
        number = np.arange(len(creator)) - np.repeat(np.cumsum(uses) - uses, uses)

        english_rate = np.array([p.ASSET_IN_ENGLISH_RATE[name] for name in p.LANGUAGES])
        is_english = rng.random(len(creator)) < english_rate[people.language[creator]]
        spanish, english = (
            np.flatnonzero(np.isin(_ASSET_LANGUAGES, (language, ""))) for language in ("es", "en")
        )
        lot = rng.random(len(creator))
        # The material that stands first is taken up most.
        asset = np.where(
            is_english,
            english[(len(english) * lot**1.5).astype(np.int64)],
            spanish[(len(spanish) * lot**1.5).astype(np.int64)],
        )
        local = (
            monday
            + rng.integers(0, 7, len(creator)) * DAY
            + rng.integers(_LOCAL_HOURS[0] * HOUR, _LOCAL_HOURS[1] * HOUR, len(creator))
        )
        used_at = self._clock.to_utc(people.zone[creator], local)
        arrival = (used_at - epoch_of(self._options.start)) // DAY + 1
        inside = arrival >= 1
        rows: Rows = {
            "creator": creator,
            "week": np.full(len(creator), week, np.int64),
            "number": number,
            "asset": asset,
            "used_at": used_at,
            "arrival": arrival,
        }
        return {name: values[inside] for name, values in rows.items()}


class Measures:
    """Measures of the platform, week by week. Holds each creator's last session."""

    def __init__(self, people: Population, options: WorldOptions) -> None:
        """Nobody was LIVE yet."""
        self._options = options
        self._last_session = np.full(people.size, NEVER, np.int64)

    def of_week(self, week: int, sessions: Rows, changes: Rows) -> Rows:
        """One week's measures.

        Most are about one session; static ones draw far more. A creator whose status becomes
        banned was suspended some hours before, for the last session, and is banned at the minute
        at which the creators feed says so.

        Args:
            week: Number of the week.
            sessions: The week's true sessions.
            changes: The week's changes of creators: creator, at, status (and others).

        Returns:
            creator, session (`NEVER` for none), severity and policy (codes of `parameters`),
            occurred_at, arrival.
        """
        rng = generator(self._options.seed, Stage.MEASURES, week)
        is_static = sessions["is_static"] == 1
        rate = np.where(is_static, p.MEASURES_PER_STATIC_SESSION, p.MEASURES_PER_SESSION)
        rows = np.flatnonzero(rng.random(len(rate)) < rate)
        seconds = sessions["ended_at"][rows] - sessions["started_at"][rows]
        policy = rng.integers(1, len(p.POLICIES), len(rows))
        at_session: Rows = {
            "creator": sessions["creator"][rows],
            "session": sessions["session"][rows],
            "severity": pick(rng, p.SEVERITY_SHARES, len(rows)),
            "policy": np.where(is_static[rows], p.STATIC_POLICY, policy),
            # A moderator looks while it is on, or some time after.
            "occurred_at": sessions["started_at"][rows]
            + (seconds * rng.uniform(0.2, 1.0, len(rows))).astype(np.int64)
            + pick(rng, (0.6, 0.4), len(rows)) * rng.integers(HOUR, 30 * HOUR, len(rows)),
        }
        # Who was banned before the world began is only seen so, together with everything else.
        banned = (changes["status"] == BANNED_STATUS) & (changes["agency"] == KEEP)
        creator, at = changes["creator"][banned], changes["at"][banned]
        about = self._last_session[creator]
        why = rng.integers(0, len(p.POLICIES), len(creator))
        suspended_at = at - rng.integers(2 * HOUR, 9 * HOUR, len(creator))
        measures = [
            at_session,
            _measure(creator, about, SUSPENSION, why, suspended_at),
            _measure(creator, about, BAN, why, at),
        ]
        # A week's sessions are in order of time, so the last one of each creator stays.
        self._last_session[sessions["creator"]] = sessions["session"]
        made = {name: np.concatenate([part[name] for part in measures]) for name in at_session}
        made["arrival"] = (made["occurred_at"] - epoch_of(self._options.start)) // DAY + 1
        inside = made["arrival"] >= 1
        return {name: values[inside] for name, values in made.items()}


def _measure(creator: Ints, session: Ints, severity: int, policy: Ints, at: Ints) -> Rows:
    return {
        "creator": creator,
        "session": session,
        "severity": np.full(len(creator), severity, np.int64),
        "policy": policy,
        "occurred_at": at,
    }
