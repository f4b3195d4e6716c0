"""What programs do to creators: the same week, with the effects and without.

What lives here: `Effects`, which turns a week of the untreated world into the week as it was, for
the creators who got a program. What may not: who got it (`programs`), or what came of it in sums
(`program_truth`).

Common random numbers. `Activity` walks the world without programs, with the random numbers that
it would use if there were none. The world as it is takes over each of those sessions, and only what
a program adds (more shows, longer ones, idle ones, a first LIVE) is drawn here, from generators of
its own. Whether a creator goes on for another week is decided by the same uniform number in both
worlds, against another probability. So both worlds are there every week, they differ in treated
creators alone, and the difference between them is the effect on exactly these creators, free of the
noise of everybody else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from orchestration.simulate import parameters as p
from orchestration.simulate import program_parameters as pp
from orchestration.simulate.audience import Audience
from orchestration.simulate.clock import DAY, HOUR, WEEK, Clock
from orchestration.simulate.draws import Bools, Floats, Ints, Rows, Stage, generator
from orchestration.simulate.holidays import factors_of_week
from orchestration.simulate.options import WorldOptions
from orchestration.simulate.programs import Programs
from orchestration.simulate.valid_days import days_of, is_valid
from orchestration.simulate.world import ON, WAITING, Population

_TIMES = ("creator", "started_at", "ended_at")
_ROUNDS = 4
"""How often a show that would collide with another is moved before it is given up."""
_DAYS = 7
_MOST_SHOWS = 14

NextState = Callable[[Ints, Floats, Floats, Floats], Ints]


@dataclass(frozen=True)
class WeekEffects:
    """What acts in a week. One entry a creator under some program's influence, in order.

    Attributes:
        creator: The creators; on all others nothing acts.
        shows: Multiplier of shows a week.
        seconds: Multiplier of a show's length.
        continuation: Added to the log-odds of going on from the week before into this one.
        top_up: Probability of filling up with idle sessions, for who is short of the task.
        program: Index in the catalogue.
        exposure: How many whole weeks the program has been there (0 is its first).
        is_after: Whether the program is over.
    """

    creator: Ints
    shows: Floats
    seconds: Floats
    continuation: Floats
    top_up: Floats
    program: Ints
    exposure: Ints
    is_after: Bools


class Effects:
    """The walk of the treated beside that of the untreated. Holds what the treated differ in."""

    def __init__(
        self, people: Population, options: WorldOptions, clock: Clock, programs: Programs
    ) -> None:
        """Stand before the first week: nobody differs from the untreated world."""
        self.programs = programs
        self.state = people.state.copy()
        """Every creator's state in the world as it is."""
        self._people = people
        self._options = options
        self._clock = clock
        self._untreated_state = people.state
        self._busy_until = np.zeros(people.size, np.int64)
        self.untreated: Rows = {}
        """The last week's sessions of the treated in the world without programs."""
        self.treated: Rows = {}
        """The last week's sessions of the treated in the world as it is."""

    def of_week(self, week: int) -> WeekEffects:
        """What acts in a week."""
        member = self.programs.membership
        creator = np.flatnonzero(member.is_treated & (member.first_week <= week))
        program = member.program[creator]
        exposure = week - member.first_week[creator]
        last_week = np.array([given.last_week for given in self.programs.catalogue])[program]
        # The coaching is over for its creator when it is over; what it brings comes later.
        after = np.maximum(week - last_week, 0)

        def planted(name: str) -> Floats:
            values = [getattr(given.planted, name) for given in self.programs.catalogue]
            return np.array(values, np.float64)[program]

        running = after == 0
        grown = np.minimum(exposure, np.maximum(planted("growth_weeks") - 1, 0))
        added = planted("shows_added") + planted("shows_added_a_week") * grown
        half_life = planted("half_life_weeks")
        left = np.where(half_life > 0, 0.5 ** (after / np.maximum(half_life, 1e-9)), 0.0)
        added = added * member.factor[creator] * np.where(running, 1.0, left)
        harmed = ~running & (after <= planted("continuation_weeks"))
        return WeekEffects(
            creator=creator,
            shows=1.0 + added,
            seconds=np.where(running, planted("seconds"), 1.0),
            continuation=np.where(harmed, planted("continuation_after"), 0.0),
            top_up=np.where(running, planted("top_up_probability"), 0.0),
            program=program,
            exposure=exposure,
            is_after=~running,
        )

    def live_on(
        self, week: int, untreated: Ints, chance: Floats, fate: Floats, next_state: NextState
    ) -> Ints:
        """Move the true states over a week's border; gives the creators whose state changed.

        Args:
            week: The week that begins.
            untreated: Every creator's state in it, without programs.
            chance: The uniform number that decides whether each goes on, the same in both worlds.
            fate: The one that decides where those end up who do not.
            next_state: The rule: state before, probability of going on, chance, fate.
        """
        before = self.state
        after = untreated.copy()
        now = self.of_week(week)
        who = np.union1d(now.creator, self.programs.coached)
        who = who[who < len(chance)]
        log_odds = self._of(now, now.continuation, who, 0.0)
        going = np.clip(self._people.continuation[who], 1e-9, 1 - 1e-9)
        going = 1 / (1 + (1 - going) / going * np.exp(-log_odds))
        after[who] = next_state(before[who], going, chance[who], fate[who])
        self.state = after
        moved: Ints = np.flatnonzero(after != before)
        return moved

    def begin(self, week: int, begins: Bools) -> Ints:
        """Let those go on whose first LIVE is in this week; gives the ones only coaching brought.

        Args:
            week: The week.
            begins: Who has a first LIVE in it without programs.
        """
        monday = self.programs.monday_of(week)
        coached = self.programs.coached
        first = self._people.first_live_local[coached]
        brought: Ints = coached[
            (self.state[coached] == WAITING) & (first >= monday) & (first < monday + WEEK)
        ]
        self.state[begins] = ON
        self.state[brought] = ON
        return brought

    # ---- a week's sessions ---------------------------------------------------------------------
    def apply(
        self, week: int, sessions: Rows, untreated: Ints, brought: Ints, audience: Audience
    ) -> Rows:
        """The week's sessions as they were, from those without programs.

        Args:
            week: The week.
            sessions: The untreated world's sessions, in order of creator and start.
            untreated: Every creator's state without programs.
            brought: Who has a first LIVE this week through coaching alone.
            audience: Fills in who watched.

        Returns:
            Sessions in order of creator, start and platform; `session` numbers are of no meaning.
        """
        now, monday = self.of_week(week), self.programs.monday_of(week)
        self._untreated_state = untreated
        member = self.programs.membership
        # A week ahead of the program: a show of its eve gives the first day some of its time.
        concerned = member.is_treated & (member.first_week <= week + 1)
        concerned[self.programs.coached] = True
        mine = concerned[sessions["creator"]]
        others = np.flatnonzero(~mine)
        self.untreated = {name: values[mine] for name, values in sessions.items()}
        rng = generator(self._options.seed, Stage.EFFECTS, week)
        kept = self._kept(now, self.untreated)
        extra = self._extra_shows(rng, week, now, kept, brought)
        shows = _stack([kept, audience.of_shows(rng, monday, extra)])
        idle = self._idle_shows(rng, week, now, shows)
        if len(idle["creator"]):
            shows = _stack([shows, _barely_watched(rng, audience.of_shows(rng, monday, idle))])
        order = np.lexsort((shows["platform"], shows["started_at"], shows["creator"]))
        self.treated = {name: values[order] for name, values in shows.items()}
        self._remember(monday + WEEK, {name: sessions[name] for name in _TIMES}, ~mine)
        self._remember(monday + WEEK, self.treated, np.ones(len(order), bool))
        # Two runs in order of creators, who are in one of them each.
        before = np.searchsorted(sessions["creator"][others], self.treated["creator"])
        rows = np.empty(len(others) + len(order), np.int64)
        is_treated = np.zeros(len(rows), bool)
        is_treated[before + np.arange(len(order))] = True
        rows[is_treated], rows[~is_treated] = len(mine) + np.arange(len(order)), others
        # Column by column: a week is there twice, and never three times.
        return {
            name: np.concatenate([values, self.treated[name]])[rows]
            for name, values in sessions.items()
        }

    def _remember(self, next_monday: int, sessions: Rows, which: Bools) -> None:
        """Who is still LIVE when the next week begins somewhere, until when.

        Of everybody: who is treated later may still be in a show that was never ended.
        """
        rows = np.flatnonzero((sessions["ended_at"] > next_monday - DAY) & which)
        np.maximum.at(self._busy_until, sessions["creator"][rows], sessions["ended_at"][rows])

    def _kept(self, now: WeekEffects, sessions: Rows) -> Rows:
        """The untreated sessions that took place all the same, as long as they then were."""
        creator = sessions["creator"]
        took_place = (self.state[creator] == ON) & (
            sessions["started_at"] >= self._busy_until[creator] + p.REST_SECONDS
        )
        rows = {name: values[took_place] for name, values in sessions.items()}
        creator, start, end = rows["creator"], rows["started_at"], rows["ended_at"]
        factor = self._of(now, now.seconds, creator, 1.0)
        seconds = end - start
        longer = np.floor(seconds * factor).astype(np.int64)
        # Shows that were never ended, and those that machines watch, are as long as they are.
        usual = (seconds <= p.SHOW_MAX_SECONDS) & (rows["is_bot_like"] == 0)
        longer = np.where(usual, longer, seconds)
        longer = np.where(longer > seconds, np.minimum(longer, p.SHOW_MAX_SECONDS), longer)
        following = np.full(len(start), np.int64(1) << 40)
        same = creator[1:] == creator[:-1]
        following[:-1][same] = start[1:][same]
        longer = np.minimum(longer, np.maximum(following - p.REST_SECONDS - start, seconds))
        _stretch(rows, np.maximum(longer, seconds))
        return rows

    def _extra_shows(
        self,
        rng: np.random.Generator,
        week: int,
        now: WeekEffects,
        kept: Rows,
        brought: Ints,
    ) -> Rows:
        """Shows that there were only because of a program, without their audience."""
        people, monday = self._people, self.programs.monday_of(week)
        who = np.union1d(now.creator, self.programs.coached)
        times = self._of(now, now.shows, who, 1.0)
        # Who goes on in both worlds has the usual shows already; who does so only here has none.
        missing = np.where(self._untreated_state[who] == ON, times - 1.0, times)
        missing = np.where(self.state[who] == ON, np.maximum(missing, 0.0), 0.0)
        weights = np.tile(np.array(p.WEEKDAY_WEIGHTS), (len(p.MARKETS), 1))
        factors = factors_of_week(monday)
        if factors is not None:
            weights = weights * factors.shows[:, :_DAYS]
        wished = weights.sum(axis=1)[people.market[who]] / sum(p.WEEKDAY_WEIGHTS)
        wished = wished * people.shows_per_week[who] * missing
        wanted = np.minimum(rng.poisson(wished), _MOST_SHOWS)
        weights = np.hstack([weights, weights * p.SECOND_SHOW_WEIGHT])
        edges = np.cumsum(weights, axis=1)
        lengths = self._of(now, now.seconds, who, 1.0)

        firsts = self._timed(rng, brought, people.first_live_at[brought], np.ones(len(brought)))
        taken = _stack([_times(kept), _times(firsts)])
        made = [firsts]
        for attempt in range(_ROUNDS):
            entry = np.repeat(np.arange(len(who)), wanted)
            creator = who[entry]
            here = edges[people.market[creator]]
            slot = (here[:, :-1] <= (rng.random(len(entry)) * here[:, -1])[:, None]).sum(axis=1)
            hour = people.habit_hour[creator] + p.START_SPREAD_HOURS * rng.standard_normal(
                len(entry)
            )
            hour = np.where(slot >= _DAYS, hour - p.SECOND_SHOW_EARLIER_HOURS, hour)
            if attempt > 0:
                # The usual hour is taken on that day: any other will do.
                hour = rng.uniform(*p.OFF_HABIT_HOURS, len(entry))
            local = monday + (slot % _DAYS) * DAY + (hour * HOUR).astype(np.int64)
            start = self._clock.to_utc(people.zone[creator], np.maximum(local, monday))
            shows = self._timed(rng, creator, start, lengths[entry])
            fits = self._fits(taken, shows) & (start > people.first_live_at[creator])
            chosen = {name: values[fits] for name, values in shows.items()}
            made.append(chosen)
            taken = _stack([taken, _times(chosen)])
            wanted = wanted - np.bincount(entry[fits], minlength=len(who))
        return _stack(made)

    def _idle_shows(
        self, rng: np.random.Generator, week: int, now: WeekEffects, shows: Rows
    ) -> Rows:
        """Sessions with an idle picture, by creators a little short of the week's task."""
        people, first_day = self._people, self.programs.monday_of(week) // DAY
        tries = rng.random(len(now.creator)) < now.top_up
        on_days = rng.random((len(now.creator), _DAYS))
        tries &= self.state[now.creator] == ON
        who, on_days, program = now.creator[tries], on_days[tries], now.program[tries]
        empty = self._timed(rng, who[:0], who[:0], np.ones(0))
        if len(who) == 0:
            return empty
        tasks = [given.task for given in self.programs.catalogue]
        thresholds = np.array([0 if task is None else task.threshold for task in tasks])
        valid = np.zeros((len(who), _DAYS), bool)
        mine = np.isin(shows["creator"], who)
        shown = {name: values[mine] for name, values in shows.items()}
        days = days_of(shown, people.zone[shown["creator"]], self._clock)
        entry, nth = np.searchsorted(who, days["creator"]), days["day"] - first_day
        for number in np.unique(program):
            task = tasks[number]
            if task is None:
                continue
            hit = is_valid(days, task.rule) & (program[entry] == number)
            hit &= (nth >= 0) & (nth < _DAYS)
            valid[entry[hit], nth[hit]] = True
        short = thresholds[program] - valid.sum(axis=1)
        short = np.where((short >= 1) & (short <= pp.TOP_UP_SHORT_BY), short, 0)
        # On the first of the days that are not valid yet, in an order of each creator's own.
        place = np.argsort(np.argsort(np.where(valid, 2.0, on_days), axis=1), axis=1)
        row, day = np.nonzero(place < short[:, None])
        taken, made = _times(shows), [empty]
        for _ in range(_ROUNDS):
            creator = who[row]
            hour = rng.uniform(*pp.TOP_UP_HOUR, len(row)) * HOUR
            local = (first_day + day) * DAY + hour.astype(np.int64)
            start = self._clock.to_utc(people.zone[creator], local)
            idle = self._timed(rng, creator, start, np.ones(len(row)))
            idle["seconds"] = rng.integers(*pp.TOP_UP_SECONDS, len(row))
            idle["is_static"] = np.ones(len(row), bool)
            fits = self._fits(taken, idle) & (start > people.first_live_at[creator])
            chosen = {name: values[fits] for name, values in idle.items()}
            made.append(chosen)
            taken = _stack([taken, _times(chosen)])
            row, day = row[~fits], day[~fits]
        return _stack(made)

    def _timed(self, rng: np.random.Generator, creator: Ints, start: Ints, factor: Floats) -> Rows:
        """Shows of the usual length times `factor`, before their audience is known."""
        people, size = self._people, len(creator)
        seconds = np.exp(
            people.log_show_seconds[creator] + p.SHOW_SIGMA * rng.standard_normal(size)
        )
        seconds = np.clip(seconds * factor, p.SHOW_MIN_SECONDS, p.SHOW_MAX_SECONDS)
        return {
            "creator": creator,
            "started_at": start,
            "seconds": seconds.astype(np.int64),
            "platform": people.platform[creator],
            "share": np.ones(size),
            "is_static": rng.random(size) < p.STATIC_RATE,
        }

    def _fits(self, taken: Rows, shows: Rows) -> Bools:
        """Which shows collide neither with those that are taken nor with each other.

        Of two new ones that collide neither fits; another round finds them another time.
        """
        new = _times(shows)
        # Only the shows of those who have new ones can be in their way.
        has_new = np.zeros(self._people.size, bool)
        has_new[new["creator"]] = True
        near = has_new[taken["creator"]]
        taken = {name: values[near] for name, values in taken.items()}
        size = len(taken["creator"])
        rows = _stack([taken, new])
        order = np.lexsort((rows["ended_at"], rows["started_at"], rows["creator"]))
        creator = rows["creator"][order]
        start, end = rows["started_at"][order], rows["ended_at"][order]
        fits = np.ones(len(order), bool)
        if len(order):
            base = min(int(start.min()), int(self._busy_until[creator].min()))
            span = int(end.max()) - base + 1
            number = np.cumsum(np.diff(creator, prepend=creator[0]) != 0)
            lift = number * span
            reach = np.maximum.accumulate(np.maximum(end, 0) - base + lift) - lift + base
            same = creator[1:] == creator[:-1]
            fits[1:][same] &= start[1:][same] >= reach[:-1][same] + p.REST_SECONDS
            fits[:-1][same] &= end[:-1][same] + p.REST_SECONDS <= start[1:][same]
            fits &= start >= self._busy_until[creator] + p.REST_SECONDS
        back = np.empty(len(order), bool)
        back[order] = fits
        return back[size:]

    def _of(self, now: WeekEffects, values: Floats, creator: Ints, neutral: float) -> Floats:
        """A week's effect for given creators; `neutral` where nothing acts."""
        if len(now.creator) == 0:
            return np.full(len(creator), neutral)
        at = np.minimum(np.searchsorted(now.creator, creator), len(now.creator) - 1)
        return np.where(now.creator[at] == creator, values[at], neutral)


def _times(rows: Rows) -> Rows:
    end = rows["ended_at"] if "ended_at" in rows else rows["started_at"] + rows["seconds"]
    return {"creator": rows["creator"], "started_at": rows["started_at"], "ended_at": end}


def _stack(blocks: list[Rows]) -> Rows:
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def _stretch(rows: Rows, seconds: Ints) -> None:
    """Make sessions last longer; what is counted over a session grows with it."""
    was = rows["ended_at"] - rows["started_at"]
    changed = seconds > was
    growth = np.where(changed, seconds / was, 1.0)
    for name in (
        "viewer_seconds", "unique_viewers", "likes", "comments", "shares", "new_followers",
        "gifters", "diamonds",
    ):  # fmt: skip
        rows[name] = np.floor(rows[name] * growth).astype(rows[name].dtype)
    average = np.rint(rows["viewer_seconds"] * 100 / np.maximum(seconds, 1)).astype(np.int64)
    rows["average_hundredths"] = np.where(changed, average, rows["average_hundredths"])
    rows["updated_at"] = rows["updated_at"] + seconds - was
    rows["ended_at"] = rows["started_at"] + seconds


def _barely_watched(rng: np.random.Generator, idle: Rows) -> Rows:
    """An idle picture is watched by hardly anybody; one friend gives the diamond that is needed."""
    size = len(idle["creator"])
    seconds = idle["ended_at"] - idle["started_at"]
    unique = rng.integers(1, 7, size)
    peak = np.minimum(rng.integers(1, 4, size), unique)
    watched = (rng.uniform(0.1, 0.9, size) * peak * seconds).astype(np.int64)
    nothing = np.zeros(size, np.int64)
    barely: Rows = {
        "viewer_seconds": watched,
        "average_hundredths": np.rint(watched * 100 / seconds).astype(np.int64),
        "peak_viewers": peak,
        "unique_viewers": unique,
        "likes": unique,
        "comments": nothing,
        "shares": nothing,
        "new_followers": nothing,
        "gifters": np.ones(size, np.int64),
        "diamonds": rng.integers(*pp.TOP_UP_DIAMONDS, size),
    }
    # Columns are as wide as they were.
    return {**idle, **{name: barely[name].astype(idle[name].dtype) for name in barely}}
