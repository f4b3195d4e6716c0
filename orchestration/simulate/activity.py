"""What creators do, week by week: stay, pause, come back, and go LIVE.

What lives here: `Activity`, which walks the weeks in order and gives each week's
true sessions and the changes of creators. What may not: landing days, dirt, text.

A week is a creator's local week from Monday. Everything is drawn a week at a time, each from its
own generator, so that memory is bounded by a week and a longer world of the same people begins
alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from orchestration.simulate import lots as table
from orchestration.simulate import parameters as p
from orchestration.simulate.audience import Audience
from orchestration.simulate.bots import with_bots
from orchestration.simulate.clock import DAY, HOUR, WEEK, Clock, date_of, epoch_of
from orchestration.simulate.draws import NEVER, Floats, Ints, Rows, Stage, generator
from orchestration.simulate.holidays import factors_of_week
from orchestration.simulate.options import WorldOptions
from orchestration.simulate.world import (
    ACTIVE_STATUS,
    APPLIED_STATUS,
    APPROVED_STATUS,
    BANNED,
    BANNED_STATUS,
    LEFT,
    LEFT_STATUS,
    NO_AGENCY,
    ON,
    PAUSED,
    PAUSED_STATUS,
    WAITING,
    ZONES,
    Population,
    tier_of,
)

if TYPE_CHECKING:
    from orchestration.simulate.effects import Effects

_A_MONTH = timedelta(days=31)

KEEP = -2
"""In a change of a creator: this value stays as it was."""

_STATUS_OF_STATE = np.array(
    [APPLIED_STATUS, ACTIVE_STATUS, PAUSED_STATUS, LEFT_STATUS, BANNED_STATUS]
)
_FIRST_ZONES = np.array([ZONES.index(market.zones[0][0]) for market in p.MARKETS])
_DAYS = 7
_SLOTS = 2 * _DAYS
"""Seven days, each with an earlier second show and then the main one."""
_SCATTER = 2_654_435_761
"""Knuth's multiplier: neighbours in number do not share a liking."""

SESSION_COLUMNS = (
    "session", "creator", "platform", "category", "title", "started_at", "ended_at",
    "viewer_seconds", "average_hundredths", "peak_viewers", "unique_viewers", "likes", "comments",
    "shares", "new_followers", "gifters", "diamonds", "is_static", "updated_at",
    "is_bot_like",
)  # fmt: skip
"""Whole numbers all of them. `category` and `title` are `NEVER` where the feed has none."""


def first_monday(options: WorldOptions) -> int:
    """The Monday (local) of the first week: a first UTC evening still is the local day before."""
    day = epoch_of(options.start) // DAY - 1
    return (day - (day + 3) % 7) * DAY


def week_count(options: WorldOptions) -> int:
    """How many local weeks are lived until the last arrival day is complete."""
    needed = (epoch_of(options.start) - first_monday(options)) // DAY + options.days + 1
    return -(-needed // _DAYS)


def complete_after(options: WorldOptions, week: int) -> int:
    """The last arrival day (1 is the first) to which no later week than this can add a row.

    The next week begins at its local Monday, up to 14 hours before the UTC one, and what ends on a
    day arrives on the next: so the day before that Monday's.
    """
    monday = first_monday(options) + (week + 1) * WEEK
    return (monday - epoch_of(options.start)) // DAY - 1


class Activity:
    """The walk through the weeks. Holds what one week hands to the next, for every creator."""

    def __init__(
        self,
        people: Population,
        options: WorldOptions,
        clock: Clock,
        effects: Effects | None = None,
    ) -> None:
        """Stand before the first week; `effects` are those of programs, if there are any.

        What is drawn here is the world without programs, also where there are some.
        """
        self._effects = effects
        self._people = people
        self._options = options
        self._clock = clock
        self._start = epoch_of(options.start)
        self._monday = first_monday(options)
        self._state = people.state.copy()
        self._busy_until = np.zeros(people.size, np.int64)
        self._agency = people.agency.copy()
        self._tier = people.tier.copy()
        self._followers = people.followers.astype(np.float64)
        self._reported_followers = self._followers.copy()
        self._month_diamonds = np.zeros(people.size, np.float64)
        self._next_month_diamonds = np.zeros(people.size, np.float64)
        self._month_start = self._start
        self._sessions = 0
        self._audience = Audience(people, clock)
        self._show_seconds = np.exp(people.log_show_seconds)
        self._day_habits = np.exp(
            p.DAY_HABIT_SIGMA
            * generator(options.seed, Stage.HABITS).standard_normal((p.DAY_HABITS, _DAYS))
        )
        self._changes: list[Rows] = []
        self._present = 0

    def weeks(self) -> Iterator[Rows]:
        """Each week's true sessions, columns `SESSION_COLUMNS`, in order of creator and start."""
        for week in range(week_count(self._options)):
            monday = self._monday + week * WEEK
            self._record_first_sight(monday)
            if self._effects is not None:
                self._effects.programs.begin_week(week, self._state, self._agency)
            if week > 0:
                self._live_on(week, monday)
            sessions = self._shows(week, monday)
            self._account(week, monday, sessions)
            yield sessions
            # Or it would be held while the next week is lived.
            del sessions

    def take_changes(self) -> Rows:
        """The changes that were noted since the last call: creator, at, and a creator's state.

        That is status, agency, tier, followers, joined_at and zone; `KEEP` where one stays.
        Some lie ahead, none of a later week before the next local Monday.
        """
        columns = self._changes[0].keys()
        changes = {
            name: np.concatenate([change[name] for change in self._changes]) for name in columns
        }
        self._changes = []
        return changes

    # ---- staying -------------------------------------------------------------------------------
    def _live_on(self, week: int, monday: int) -> None:
        """Move every creator's state over a week's border, and some to another agency."""
        rng = generator(self._options.seed, Stage.LIFE, week)
        people, present = self._people, self._present
        before = self._state[:present]
        chance, fate = rng.random(present), rng.random(present)
        after = _next_state(before, people.continuation[:present], chance, fate)
        moved = np.flatnonzero(after != before)
        # A return shows at once; that somebody is gone is noticed in office hours during the week.
        day = rng.integers(0, 5, len(moved))
        self._state[:present] = after
        shown = self._state
        if self._effects is not None:
            by_lot = np.arange(present) % 5
            by_lot[moved] = day
            moved = self._effects.live_on(week, self._state, chance, fate, _next_state)
            day, shown = by_lot[moved], self._effects.state
        notice = np.where(shown[moved] == ON, 6 * HOUR, day * DAY + 15 * HOUR)
        self._record(moved, monday + notice, status=_STATUS_OF_STATE[shown[moved]])

        transfers = (after == ON) & (self._agency[:present] != NO_AGENCY)
        rows = np.flatnonzero(transfers & (rng.random(present) < p.AGENCY_TRANSFERS_PER_WEEK))
        target = rng.integers(0, len(p.AGENCIES), len(rows))
        markets = [m.market for m in p.MARKETS]
        agency_market = np.array([markets.index(a.market) for a in p.AGENCIES])
        # An agency of another market does not take over: the creator goes on without one.
        target = np.where(agency_market[target] == people.market[rows], target, NO_AGENCY)
        self._agency[rows] = target
        self._record(rows, np.full(len(rows), monday + 2 * DAY + 16 * HOUR), agency=target)
        self._move(week, monday)

    def _move(self, week: int, monday: int) -> None:
        """Some move to another market with the week: to its own zone, and out of their agency."""
        rng = generator(self._options.seed, Stage.MOVES, week)
        people, present = self._people, self._present
        rows = np.flatnonzero(
            (self._state[:present] == ON) & (rng.random(present) < p.MARKET_MOVES_PER_WEEK)
        )
        # Of the others, by their shares: skip over the one that the creator comes from.
        shares = np.array([market.share for market in p.MARKETS])
        odds = shares * (np.arange(len(shares)) != people.market[rows][:, None])
        edges = np.cumsum(odds, axis=1)
        target = (edges < rng.random(len(rows))[:, None] * edges[:, -1:]).sum(axis=1)
        people.market[rows] = target
        people.zone[rows] = _FIRST_ZONES[target]
        self._agency[rows] = NO_AGENCY
        self._record(
            rows,
            np.full(len(rows), monday + 6 * HOUR),
            zone=people.zone[rows],
            agency=self._agency[rows],
        )

    # ---- going LIVE ----------------------------------------------------------------------------
    def _shows(self, week: int, monday: int) -> Rows:
        """This week's sessions: when, on which platforms, for how long, before whom."""
        rng = generator(self._options.seed, Stage.SHOWS, week)
        people = self._people
        local_first = people.first_live_local
        begins = (self._state == WAITING) & (local_first >= monday) & (local_first < monday + WEEK)
        begins &= people.first_live_at != NEVER
        brought = np.zeros(0, np.int64)
        if self._effects is not None:
            # Who was only brought to a first LIVE by coaching waits for ever without programs.
            begins[self._effects.programs.coached] = False
            brought = self._effects.begin(week, begins)
        self._state[begins] = ON

        creator, local = self._usual_shows(rng, monday)
        # Nothing may fall back into the week before, whose days may have been written.
        start = self._clock.to_utc(people.zone[creator], np.maximum(local, monday))
        usual = np.flatnonzero((start > people.first_live_at[creator]) & (start >= self._start))
        firsts = np.flatnonzero(begins)
        creator = np.concatenate([creator[usual], firsts])
        start = np.concatenate([start[usual], people.first_live_at[firsts]])

        length, still, second, later, earlier = table.draw(rng, len(creator), 5)
        wished = self._show_seconds[creator] * table.about(1.0, p.SHOW_SIGMA)[length]
        seconds = np.clip(wished, p.SHOW_MIN_SECONDS, p.SHOW_MAX_SECONDS).astype(np.int64)
        is_static = table.chosen(still, p.STATIC_RATE)
        marathon = np.flatnonzero(rng.random(len(creator)) < p.MARATHON_RATE)
        hours = rng.uniform(*p.MARATHON_HOURS, len(marathon))
        seconds[marathon] = (hours * HOUR).astype(np.int64)
        is_static[marathon] = rng.random(len(marathon)) < p.MARATHON_STATIC_RATE

        kept = self._without_overlaps(creator, start, start + seconds, monday)
        began = kept[kept >= len(usual)]
        active = np.concatenate([creator[began], brought])
        self._record(
            active, people.first_live_at[active], status=np.full(len(active), ACTIVE_STATUS)
        )

        # A show on a second platform stands behind the same one on the first.
        is_twice = people.second_platform[creator[kept]] != NEVER
        is_twice &= table.chosen(second[kept], p.TWO_PLATFORM_SHOW_SHARE)
        rows = np.repeat(kept, 1 + is_twice)
        twin = np.flatnonzero(rows[1:] == rows[:-1]) + 1
        creator, start, seconds = creator[rows], start[rows], seconds[rows]
        platform, share = people.platform[creator], np.ones(len(rows))
        platform[twin] = people.second_platform[creator[twin]]
        share[twin] = p.TWO_PLATFORM_AUDIENCE
        # The second platform is switched on a little later and off at nearly the same time.
        jitter = table.between(later[rows[twin]], 0, 90)
        start[twin] += jitter
        seconds[twin] += table.between(earlier[rows[twin]], -30, 31) - jitter
        shows: Rows = {
            "creator": creator,
            "started_at": start,
            "seconds": np.maximum(seconds, 1),
            "platform": platform,
            "share": share,
            "is_static": is_static[rows],
        }
        audience = generator(self._options.seed, Stage.AUDIENCE, week)
        sessions = self._audience.of_shows(audience, monday, shows)
        if self._options.has("bot_like"):
            sessions = with_bots(self._options.seed, week, sessions)
        if self._effects is not None:
            sessions = self._effects.apply(week, sessions, self._state, brought, self._audience)
        first = self._sessions
        self._sessions += len(sessions["creator"])
        return {**sessions, "session": np.arange(first, self._sessions)}

    def _usual_shows(self, rng: np.random.Generator, monday: int) -> tuple[Ints, Ints]:
        """Creators and local starts of the usual shows: some of the week's fourteen slots each."""
        people = self._people
        on = np.flatnonzero((self._state == ON) & (people.first_live_local < monday + WEEK))
        wished, usual = people.shows_per_week[on], np.array(p.WEEKDAY_WEIGHTS)
        factors = factors_of_week(monday)
        if factors is not None:
            usual = usual * factors.shows[:, :_DAYS]
            wished = wished * (usual.sum(axis=1) / sum(p.WEEKDAY_WEIGHTS))[people.market[on]]
        counts = np.minimum(rng.poisson(wished), _SLOTS)
        on, counts = on[counts > 0], counts[counts > 0]
        # The n smallest of exponential / weight are a weighted draw without replacement.
        weights = self._day_habits * usual.reshape(-1, 1, _DAYS)
        scale = (1 / np.stack([weights * p.SECOND_SHOW_WEIGHT, weights], axis=-1)).astype(
            np.float32
        )
        liking = on * _SCATTER % p.DAY_HABITS
        scale = scale.reshape(-1, p.DAY_HABITS, _SLOTS)
        scale = scale[0][liking] if factors is None else scale[people.market[on], liking]
        (lots,) = table.draw(rng, len(on) * _SLOTS, 1)
        keys = table.exponential()[lots].reshape(-1, _SLOTS) * scale
        nth = np.take_along_axis(np.sort(keys, axis=1), counts[:, None] - 1, axis=1)
        row, slot = np.divmod(np.flatnonzero(keys <= nth), _SLOTS)
        creator = on[row]
        day, is_main = slot >> 1, slot & 1
        near, off, anywhere = table.draw(rng, len(creator), 3)
        hour = people.habit_hour[creator] + p.START_SPREAD_HOURS * table.normal()[near]
        hour -= p.SECOND_SHOW_EARLIER_HOURS * (1 - is_main)
        is_off = np.flatnonzero(table.chosen(off, p.OFF_HABIT_SHARE))
        early, late = p.OFF_HABIT_HOURS
        hour[is_off] = early + (late - early) / table.LOTS * anywhere[is_off]
        return creator, monday + day * DAY + (hour * HOUR).astype(np.int64)

    def _without_overlaps(self, creator: Ints, start: Ints, end: Ints, monday: int) -> Ints:
        """Rows to keep, by creator and start: nobody begins before the last show's rest is over."""
        if len(creator) == 0:
            return np.zeros(0, np.int64)
        # One number orders both: the shows of a week begin within days of it. They nearly stand in
        # this order, which a stable sort makes use of.
        order = np.argsort((creator << 24) + (start - monday + WEEK), kind="stable")
        creator, start, end = creator[order], start[order], end[order]
        # A running maximum that starts anew with each creator: lift each creator above all before.
        lift = creator << 40
        latest = np.maximum.accumulate(np.maximum(end, self._busy_until[creator]) + lift) - lift
        before = np.empty_like(latest)
        before[1:] = latest[:-1]
        is_first = np.ones(len(creator), bool)
        is_first[1:] = creator[1:] != creator[:-1]
        before[is_first] = self._busy_until[creator[is_first]]
        kept = np.flatnonzero(start >= before + p.REST_SECONDS)
        # Who is kept ends later than all before: the last of each creator stays.
        self._busy_until[creator[kept]] = end[kept]
        rows: Ints = order[kept]
        return rows

    # ---- what changes about creators -----------------------------------------------------------
    def _record(
        self,
        creator: Ints,
        at: Ints,
        *,
        status: Ints | None = None,
        agency: Ints | None = None,
        tier: Ints | None = None,
        followers: Ints | None = None,
        joined_at: Ints | None = None,
        zone: Ints | None = None,
    ) -> None:
        """Note changes from the start on; what is not given stays as it was."""
        inside = at >= self._start
        given = {
            "status": status,
            "agency": agency,
            "tier": tier,
            "followers": followers,
            "joined_at": joined_at,
            "zone": zone,
        }
        change: Rows = {"creator": creator[inside], "at": at[inside]}
        for name, values in given.items():
            change[name] = (
                np.full(int(inside.sum()), KEEP, np.int64) if values is None else values[inside]
            )
        self._changes.append(change)

    def _record_first_sight(self, monday: int) -> None:
        """Everything about a creator, as the feed shows it first, of those who join this week."""
        people, before = self._people, self._present
        self._present = people.present(monday + WEEK)
        joining = np.arange(before, self._present)
        rows = joining[people.is_existing[joining]]
        # The first snapshot is taken during the first day; a spread keeps ties out of it.
        seen = self._start + HOUR + rows % (4 * HOUR)
        self._record(
            rows,
            seen,
            status=_STATUS_OF_STATE[people.state[rows]],
            agency=people.agency[rows],
            tier=people.tier[rows],
            followers=people.followers[rows],
            joined_at=people.approved_at[rows],
            zone=people.zone[rows],
        )
        rows = joining[~people.is_existing[joining]]
        self._record(
            rows,
            people.applied_at[rows],
            status=np.full(len(rows), APPLIED_STATUS),
            agency=people.agency[rows],
            tier=people.tier[rows],
            followers=people.followers[rows],
            joined_at=np.full(len(rows), NEVER),
            zone=people.zone[rows],
        )
        rows = rows[people.approved_at[rows] != NEVER]
        approved = people.approved_at[rows]
        self._record(rows, approved, status=np.full(len(rows), APPROVED_STATUS), joined_at=approved)

    def _account(self, week: int, monday: int, sessions: Rows) -> None:
        """Followers once a week, tiers on the first of a month, from the week's sessions."""
        size = self._people.size
        self._followers += np.bincount(
            sessions["creator"], weights=sessions["new_followers"], minlength=size
        )
        growth = self._followers - self._reported_followers
        rows = np.flatnonzero(
            growth > np.maximum(self._reported_followers * p.FOLLOWER_CHANGE_REPORTED, 1)
        )
        # Refreshed in the following week, a seventh of the creators each day.
        at = monday + WEEK + rows % 7 * DAY + 8 * HOUR + rows % HOUR
        reported = at >= self._start
        rows, at = rows[reported], at[reported]
        self._reported_followers[rows] = self._followers[rows]
        self._record(rows, at, followers=self._followers[rows].astype(np.int64))

        self._rank(week, sessions)

    def _rank(self, week: int, sessions: Rows) -> None:
        """Tiers, by the diamonds of the UTC month that ended, scaled up if not seen whole."""
        size = self._people.size
        next_month = epoch_of((date_of(self._month_start).replace(day=1) + _A_MONTH).replace(day=1))
        is_next = sessions["started_at"] >= next_month
        creator, diamonds = sessions["creator"], sessions["diamonds"]
        given = np.bincount(creator, weights=diamonds, minlength=size)
        given_next = np.bincount(creator[is_next], weights=diamonds[is_next], minlength=size)
        self._month_diamonds += given - given_next
        self._next_month_diamonds += given_next
        # Local weeks reach up to a day into the next UTC week: rank when no session can be missing.
        week_end = self._monday + (week + 1) * WEEK
        if week_end < next_month + DAY:
            return
        first_of_month = epoch_of(date_of(self._month_start).replace(day=1))
        seen_share = (next_month - self._month_start) / (next_month - first_of_month)
        tier = tier_of(self._month_diamonds / seen_share)
        state = self._state if self._effects is None else self._effects.state
        has_begun = (state != WAITING) & (tier != self._tier)
        rows = np.flatnonzero(has_begun)
        self._tier[rows] = tier[rows]
        # The ranking is published on the second: a day after the month's last session was known.
        self._record(rows, next_month + DAY + 5 * HOUR + rows % (2 * HOUR), tier=tier[rows])
        self._month_start = next_month
        self._month_diamonds, self._next_month_diamonds = (
            self._next_month_diamonds,
            np.zeros(size, np.float64),
        )


def _next_state(before: Ints, continuation: Floats, chance: Floats, fate: Floats) -> Ints:
    """States a week later: who goes on (by `chance`), and where the others end up (by `fate`)."""
    stops = (before == ON) & (chance >= continuation)
    after = before.copy()
    after[stops] = np.where(
        fate[stops] < p.PAUSE_SHARE,
        PAUSED,
        np.where(fate[stops] > 1 - p.BAN_SHARE, BANNED, LEFT),
    )
    paused, left = before == PAUSED, before == LEFT
    after[paused & (chance < p.PAUSED_RETURNS_PER_WEEK)] = ON
    after[paused & (chance > 1 - p.PAUSED_LEAVES_PER_WEEK)] = LEFT
    after[left & (chance < p.LEFT_RETURNS_PER_WEEK)] = ON
    return after
