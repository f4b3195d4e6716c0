"""Who is put into which program, by which draw, and what the feeds say of it.

What lives here: the lots that keep programs apart, the assignment of each design, and the rows of
`programs`, `program_tasks`, `program_assignments` and `program_events`. What may not: what a
program does to creators (`effects`), or what it pays (`rewards`).

Nothing here looks at the end of the window. A program is announced on the Monday of the week before
it starts, to creators who were going on then, and assigned on that week's Wednesday. The coaching
is assigned to each newcomer one hour after the training.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from orchestration.simulate import parameters as p
from orchestration.simulate import program_parameters as pp
from orchestration.simulate.clock import DAY, HOUR, WEEK, Clock
from orchestration.simulate.draws import (
    NEVER,
    Bools,
    Floats,
    Ints,
    Rows,
    Stage,
    generator,
)
from orchestration.simulate.options import DEFAULT_FEEDS, WorldOptions
from orchestration.simulate.polling import polled_creators
from orchestration.simulate.world import NO_AGENCY, ON, Population

NO_PROGRAM = -1
NEVER_WEEK = 1 << 30
"""The first week of who never gets the program: controls, and markets that are never reached."""

ARMS = (pp.CONTROL_ARM, pp.TREATED_ARM)
EVENTS = ("exposed", "enrolled", "completed", "withdrew")

ASSIGNMENT_COLUMNS = (
    "program", "creator", "arm", "assigned_at", "cluster", "starts_at", "updated_at",
)  # fmt: skip
EVENT_COLUMNS = (
    "program", "creator", "event", "occurred_at", "module", "language", "score",
)  # fmt: skip


@dataclass
class Membership:
    """One entry a creator: the program it is in, and from which week on that acts.

    Attributes:
        program: Index in the catalogue; `NO_PROGRAM` until something is assigned.
        is_treated: Whether its arm gets the program (at some time).
        first_week: The first whole week under it; `NEVER_WEEK` for who never gets it.
        assigned_at: When that was decided; `NEVER` where nothing was.
        factor: What the shows added are multiplied with (an agency's own share in the effect).
    """

    program: Ints
    is_treated: Bools
    first_week: Ints
    assigned_at: Ints
    factor: Floats


class Programs:
    """The catalogue at work: assigns as the weeks go by and remembers whom."""

    def __init__(
        self,
        people: Population,
        options: WorldOptions,
        clock: Clock,
        first_monday: int,
    ) -> None:
        """Draw every creator's lot, and assign the coaching, which newcomers' onboarding settles.

        Coaching brings some to a first LIVE that they would never have had: their entries in
        `people` are changed, and `coached` holds them. `first_monday` begins week 0, local.
        """
        self.catalogue = pp.CATALOGUE
        self._runs = [program.program_id in options.programs for program in self.catalogue]
        self._people = people
        self._options = options
        self._clock = clock
        self._monday = first_monday
        self.membership = Membership(
            program=np.full(people.size, NO_PROGRAM, np.int64),
            is_treated=np.zeros(people.size, bool),
            first_week=np.full(people.size, NEVER_WEEK, np.int64),
            assigned_at=np.full(people.size, NEVER, np.int64),
            factor=np.ones(people.size),
        )
        self.coached: Ints = np.zeros(0, np.int64)
        self._lot = self._draw_lots()
        self._assignments: list[Rows] = []
        self._events: list[Rows] = []
        for number, program in self.running():
            if program.kind == "training":
                self._coach(number, program)

    def running(self) -> list[tuple[int, pp.Program]]:
        """The programs of this world, each with its number in the catalogue."""
        return [each for each in enumerate(self.catalogue) if self._runs[each[0]]]

    def monday_of(self, week: int) -> int:
        """The Monday (local) of a week, in seconds."""
        return self._monday + week * WEEK

    def span_of(self, program: pp.Program) -> tuple[int, int]:
        """When a program starts and ends.

        One instant for many zones: a Monday to begin and a Sunday to end in every one of them.
        """
        first, after = self.monday_of(program.first_week), self.monday_of(program.last_week + 1)
        return first + 9 * HOUR, after - 4 * HOUR

    def begin_week(self, week: int, state: Ints, agency: Ints) -> None:
        """Assign the programs that start next week.

        Args:
            week: Index of the week that begins.
            state: Every creator's state in the week before.
            agency: Every creator's agency.
        """
        for number, program in self.running():
            if program.kind != "training" and week == program.first_week - 1:
                self._assign(number, program, state, agency)

    def take_assignments(self) -> Rows:
        """The assignments (`ASSIGNMENT_COLUMNS`) made since this was last asked."""
        taken, self._assignments = self._assignments, []
        return _stacked(taken, ASSIGNMENT_COLUMNS)

    def take_events(self) -> Rows:
        """The events (`EVENT_COLUMNS`) settled since this was last asked."""
        taken, self._events = self._events, []
        return _stacked(taken, EVENT_COLUMNS)

    def announced(self, week: int) -> list[int]:
        """Catalogue numbers of the programs that are announced in a week."""
        return [number for number, program in self.running() if week == program.first_week - 1]

    # ---- lots ----------------------------------------------------------------------------------
    def _draw_lots(self) -> Ints:
        """The only program that each creator may ever be in, whether or not it runs."""
        people = self._people
        rng = generator(self._options.seed, Stage.PROGRAMS)
        # Every draw is one a creator, so that a creator's does not depend on who else is there.
        ticket, coaching = rng.random((people.size, 2)).T
        lot = np.full(people.size, NO_PROGRAM, np.int64)
        for code, market in enumerate(p.MARKETS):
            here = people.market == code
            weights = [
                program.weight if program.market in (None, market.market) else 0.0
                for program in self.catalogue
            ]
            if sum(weights) == 0:
                continue
            edges = np.cumsum(weights) / sum(weights)
            lot[here] = np.minimum(
                np.searchsorted(edges, ticket[here], side="right"), len(weights) - 1
            )
        trainings = [n for n, program in enumerate(self.catalogue) if program.kind == "training"]
        if trainings:
            lot[~people.is_existing & (coaching < pp.COACHED_SHARE)] = trainings[0]
        # A show on two platforms is two rows of one show; programs are for those on one.
        lot[people.second_platform != NEVER] = NO_PROGRAM
        # Of who is only polled nobody learns the diamonds, or the minute at which a show ended. The
        # same ones where that feed is not made, so that what is true does not depend on it.
        lot[polled_creators(people.size, replace(self._options, feeds=DEFAULT_FEEDS))] = NO_PROGRAM
        return lot

    # ---- designs -------------------------------------------------------------------------------
    def _assign(self, number: int, program: pp.Program, state: Ints, agency: Ints) -> None:
        people = self._people
        rng = generator(self._options.seed, Stage.PROGRAMS, 1 + number)
        rows = np.flatnonzero((self._lot == number) & (state == ON))
        cluster = np.full(len(rows), NEVER, np.int64)
        first_week = np.full(len(rows), program.first_week, np.int64)
        factor = np.ones(len(rows))
        if program.assignment_unit == "agency":
            rows = rows[agency[rows] != NO_AGENCY]
            cluster = agency[rows]
            treated, of_agency = self._by_agency(rng, program)
            is_treated, factor = treated[cluster], of_agency[cluster]
            first_week = np.full(len(rows), program.first_week, np.int64)
        elif program.design == "staggered":
            rollout = dict(program.rollout)
            of_market = np.array([rollout.get(m.market, NEVER_WEEK) for m in p.MARKETS])
            cluster = people.market[rows]
            first_week = of_market[cluster]
            is_treated = first_week < NEVER_WEEK
        elif program.design == "opt_in":
            joins = rng.random(len(rows)) < self._joining(rows)
            self._expose(rng, number, program, rows, joins)
            rows, cluster, first_week = rows[joins], cluster[joins], first_week[joins]
            factor = factor[joins]
            is_treated = np.ones(len(rows), bool)
        elif program.design == "threshold":
            # Whoever is in the mission may earn it: there is no control.
            is_treated = np.ones(len(rows), bool)
        else:
            is_treated = rng.random(len(rows)) < pp.TREATED_SHARE
        assigned = np.full(
            len(rows), self.monday_of(program.first_week - 1) + 2 * DAY + 15 * HOUR, np.int64
        )
        begins = np.full(len(rows), NEVER, np.int64)
        if program.design == "staggered":
            local = self._monday + np.minimum(first_week, 1 << 20) * WEEK
            begins = np.where(is_treated, self._clock.to_utc(people.zone[rows], local), NEVER)
        self._enter(number, rows, is_treated, np.where(is_treated, first_week, NEVER_WEEK), factor)
        self._note(number, rows, assigned, cluster, begins)
        if program.design in ("randomized", "threshold"):
            shown = rows[is_treated]
            at = self.monday_of(program.first_week) + rng.integers(8 * HOUR, 40 * HOUR, len(shown))
            self._happen(number, shown, 0, self._clock.to_utc(people.zone[shown], at))

    def _by_agency(self, rng: np.random.Generator, program: pp.Program) -> tuple[Bools, Floats]:
        """For each agency: whether it is treated, and what its creators' effect is multiplied with.

        Half of each market's agencies are treated, give or take one.
        """
        markets = np.array([agency.market for agency in p.AGENCIES])
        treated = np.zeros(len(markets), bool)
        odd = 0
        for market in dict.fromkeys(markets):
            local = rng.permutation(np.flatnonzero(markets == market))
            half = (len(local) + odd) // 2
            # Of an odd number the one left over goes to each side in turn.
            odd = (odd + len(local)) % 2
            treated[local[:half]] = True
        spread = program.planted.agency_sigma
        factor = np.exp(spread * rng.standard_normal(len(markets)) - spread**2 / 2)
        return treated, factor

    def _joining(self, rows: Ints) -> Floats:
        """The probability of joining a campaign."""
        people = self._people
        base, by_talent, by_shows = pp.OPT_IN_LOG_ODDS
        usual = np.maximum(people.shows_per_week[rows], 1e-3) / p.SHOWS_PER_WEEK_MEAN
        log_odds = base + by_talent * people.talent[rows] + by_shows * np.log(usual)
        chance: Floats = 1.0 / (1.0 + np.exp(-log_odds))
        return chance

    def _expose(
        self,
        rng: np.random.Generator,
        number: int,
        program: pp.Program,
        rows: Ints,
        joins: Bools,
    ) -> None:
        """An open invitation: everybody in the lot sees it, some enroll before it starts."""
        shown = self.monday_of(program.first_week - 1) + rng.integers(
            15 * HOUR, 40 * HOUR, len(rows)
        )
        self._happen(number, rows, 0, shown)
        later = rng.integers(HOUR, 8 * HOUR, len(rows))
        self._happen(number, rows[joins], 1, (shown + later)[joins])

    def _coach(self, number: int, program: pp.Program) -> None:
        """Coaching for newcomers after their training, half of them by lot; it acts at once."""
        people, size = self._people, self._people.size
        rng = generator(self._options.seed, Stage.PROGRAMS, 1 + number)
        # One row of draws a creator, so that whoever comes later moves nothing.
        draws = rng.random((size, 6 + len(pp.COACHING_MODULES)))
        assigned = people.trained_at + HOUR
        first, last = self.monday_of(program.first_week), self.monday_of(program.last_week + 1)
        rows = np.flatnonzero(
            (self._lot == number)
            & (people.trained_at != NEVER)
            & (assigned >= first + DAY)
            & (assigned < last - DAY)
        )
        draws, assigned = draws[rows], assigned[rows]
        is_treated = draws[:, 0] < pp.TREATED_SHARE
        week = (self._clock.to_local(people.zone[rows], assigned) - self._monday) // WEEK
        self._enter(
            number, rows, is_treated, np.where(is_treated, week, NEVER_WEEK), np.ones(len(rows))
        )
        nothing = np.full(len(rows), NEVER, np.int64)
        starts = np.where(is_treated, assigned, NEVER)
        self._note(number, rows, assigned, nothing, starts)

        (_, enrolls), (_, completes) = pp.COACHING_STEPS
        enrolled = is_treated & (draws[:, 1] < enrolls)
        completed = enrolled & (draws[:, 2] < completes)
        at = assigned + (HOUR + draws[:, 3] * 20 * HOUR).astype(np.int64)
        language = people.language[rows]
        self._happen(number, rows[is_treated], 0, assigned[is_treated] + HOUR // 2)
        self._happen(number, rows[enrolled], 1, at[enrolled], language=language[enrolled])
        done = at[completed]
        for module in range(len(pp.COACHING_MODULES)):
            done = done + 2 * HOUR
            self._happen(
                number,
                rows[completed],
                2,
                done,
                module=np.full(len(done), module, np.int64),
                language=language[completed],
                score=60 + (draws[completed, 6 + module] * 40).astype(np.int64),
            )

        never_live = people.first_live_at[rows] == NEVER
        brought = completed & never_live & (draws[:, 4] < program.planted.first_live_probability)
        who = rows[brought]
        shortest, longest = pp.COACHED_FIRST_LIVE_DAYS
        days = shortest + (draws[brought, 5] * (longest - shortest + 1)).astype(np.int64)
        zone = people.zone[who]
        midnight = self._clock.to_local(zone, people.trained_at[who]) // DAY * DAY
        local = midnight + days * DAY + (people.habit_hour[who] * HOUR).astype(np.int64)
        people.first_live_at[who] = self._clock.to_utc(zone, local)
        people.first_live_local[who] = self._clock.to_local(zone, people.first_live_at[who])
        self.coached = who

    # ---- what is remembered --------------------------------------------------------------------
    def _enter(
        self, number: int, rows: Ints, is_treated: Bools, first_week: Ints, factor: Floats
    ) -> None:
        member = self.membership
        member.program[rows] = number
        member.is_treated[rows] = is_treated
        member.first_week[rows] = first_week
        member.factor[rows] = factor

    def _note(self, number: int, rows: Ints, assigned: Ints, cluster: Ints, starts: Ints) -> None:
        self.membership.assigned_at[rows] = assigned
        self._assignments.append(
            {
                "program": np.full(len(rows), number, np.int64),
                "creator": rows,
                "arm": self.membership.is_treated[rows].astype(np.int64),
                "assigned_at": assigned,
                "cluster": cluster,
                "starts_at": starts,
                "updated_at": assigned + 60,
            }
        )

    def _happen(
        self,
        number: int,
        rows: Ints,
        event: int,
        at: Ints,
        *,
        module: Ints | None = None,
        language: Ints | None = None,
        score: Ints | None = None,
    ) -> None:
        nothing = np.full(len(rows), NEVER, np.int64)
        self._events.append(
            {
                "program": np.full(len(rows), number, np.int64),
                "creator": rows,
                "event": np.full(len(rows), event, np.int64),
                "occurred_at": at,
                "module": nothing if module is None else module,
                "language": nothing if language is None else language,
                "score": nothing if score is None else score,
            }
        )


def program_states(programs: Programs, week: int) -> tuple[Rows, Rows]:
    """The rows of `programs` and `program_tasks` that a week's announcements make.

    Codes only; the words are in the catalogue. Money is in cents, dates in local days since 1970.
    """
    numbers = np.array(programs.announced(week), np.int64)
    announced = np.full(len(numbers), programs.monday_of(week) + 10 * HOUR, np.int64)
    first = np.array([programs.catalogue[n].first_week for n in numbers], np.int64)
    last = np.array([programs.catalogue[n].last_week for n in numbers], np.int64)
    spans = np.array([programs.span_of(programs.catalogue[n]) for n in numbers], np.int64)
    states = {
        "program": numbers,
        "starts_at": spans.reshape(-1, 2)[:, 0],
        "ends_at": spans.reshape(-1, 2)[:, 1],
        "updated_at": announced,
    }
    paid = np.array([programs.catalogue[n].task is not None for n in numbers], bool)
    tasks = {
        "program": numbers[paid],
        "valid_from": (programs.monday_of(0) + first[paid] * WEEK) // DAY,
        "valid_to": (programs.monday_of(1) + last[paid] * WEEK) // DAY - 1,
        "updated_at": announced[paid],
    }
    return states, tasks


def _stacked(blocks: list[Rows], columns: tuple[str, ...]) -> Rows:
    return {
        name: np.concatenate([np.zeros(0, np.int64), *(block[name] for block in blocks)])
        for name in columns
    }
