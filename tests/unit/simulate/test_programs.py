"""Programs do what was planted in them, to those who got them and to nobody else.

What lives here: the walk with programs against the walk without, and arms against the truth. What
may not: landing files (`test_program_feeds`) and money (`test_rewards`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import pytest

from orchestration.simulate import program_parameters as pp
from orchestration.simulate import world
from orchestration.simulate.activity import Activity, first_monday, week_count
from orchestration.simulate.clock import DAY, WEEK, Clock
from orchestration.simulate.draws import NEVER, Floats, Ints, Rows
from orchestration.simulate.effects import Effects
from orchestration.simulate.options import WorldOptions
from orchestration.simulate.program_truth import FIRST_LIVE, ProgramTruth
from orchestration.simulate.programs import Programs
from orchestration.simulate.world import NO_AGENCY, Population

NUMBER = {program.program_id: n for n, program in enumerate(pp.CATALOGUE)}


@dataclass(frozen=True)
class Walked:
    """A world that was walked through, with its programs."""

    people: Population
    clock: Clock
    programs: Programs
    sessions: Rows
    assignments: Rows
    truth: dict[tuple[str, str, str, int | None], float]
    """Effect by program, outcome, period and week of exposure."""

    def arms(self, program_id: str, *, after: bool = False) -> tuple[Floats, Floats]:
        """Sessions a week of each treated and each control creator, during a program or after."""
        number = NUMBER[program_id]
        program = self.programs.catalogue[number]
        first, last = program.first_week, program.last_week
        if after:
            first, last = last + 1, last + pp.AFTER_WEEKS
        inside = (self.week() >= first) & (self.week() <= last)
        weekly = np.bincount(self.sessions["creator"][inside], minlength=self.people.size).astype(
            np.float64
        ) / (last - first + 1)
        member = self.programs.membership
        mine = member.program == number
        return weekly[mine & member.is_treated], weekly[mine & ~member.is_treated]

    def week(self) -> Ints:
        """The week of each session by its local start."""
        local = self.clock.to_local(
            self.people.zone[self.sessions["creator"]], self.sessions["started_at"]
        )
        weeks: Ints = (local - self.programs.monday_of(0)) // WEEK
        return weeks


def walk(options: WorldOptions) -> Walked:
    """Walk through a world."""
    clock = world.clock_of(options)
    people = populate(options, clock)
    programs = Programs(people, options, clock, first_monday(options))
    effects = Effects(people, options, clock, programs)
    truth = ProgramTruth(effects, people, options, clock)
    blocks = []
    for week, block in enumerate(Activity(people, options, clock, effects).weeks()):
        truth.add(week)
        blocks.append(block)
    return Walked(
        people=people,
        clock=clock,
        programs=programs,
        sessions=stacked(blocks),
        assignments=programs.take_assignments(),
        truth={
            (row[0], row[1], row[2], row[3]): row[7]
            for row in cast("list[tuple[Any, ...]]", truth.effects())
        },
    )


def populate(options: WorldOptions, clock: Clock) -> Population:
    """The creators of a world."""
    return world.populate(options, clock, first_monday(options) + week_count(options) * WEEK)


def stacked(blocks: list[Rows]) -> Rows:
    """Weeks of sessions, one below the other."""
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def standard_error(*samples: Floats) -> float:
    """Of the difference of two means."""
    return float(np.sqrt(sum(sample.var(ddof=1) / len(sample) for sample in samples)))


OPTIONS = WorldOptions(creators=12_000, days=130, seed=5)


@pytest.fixture(scope="module")
def walked() -> Walked:
    """A world of all programs, large enough for arms to tell."""
    return walk(OPTIONS)


@pytest.fixture(scope="module")
def untouched() -> Rows:
    """The same world without any program."""
    clock = world.clock_of(OPTIONS)
    return stacked(list(Activity(populate(OPTIONS, clock), OPTIONS, clock).weeks()))


def test_a_world_without_programs_is_the_same_whether_or_not_it_could_have_some(
    untouched: Rows,
) -> None:
    walked = walk(replace(OPTIONS, programs="none"))
    assert all(np.array_equal(walked.sessions[name], untouched[name]) for name in untouched)


def test_a_program_changes_nothing_for_anybody_but_those_who_got_it(
    walked: Walked, untouched: Rows
) -> None:
    got_it = walked.programs.membership.is_treated
    for name in untouched:
        if name == "session":
            continue
        with_programs = walked.sessions[name][~got_it[walked.sessions["creator"]]]
        assert np.array_equal(with_programs, untouched[name][~got_it[untouched["creator"]]]), name
    assert len(walked.sessions["creator"]) > len(untouched["creator"])


def test_no_show_of_a_creator_on_one_platform_runs_into_the_next(walked: Walked) -> None:
    alone = walked.people.second_platform[walked.sessions["creator"]] == NEVER
    creator, start, end = (
        walked.sessions[name][alone] for name in ("creator", "started_at", "ended_at")
    )
    order = np.lexsort((start, creator))
    creator, start, end = creator[order], start[order], end[order]
    same = creator[1:] == creator[:-1]
    assert (start[1:][same] >= end[:-1][same]).all()
    assert (walked.sessions["ended_at"] > walked.sessions["started_at"]).all()
    assert (walked.sessions["unique_viewers"] >= walked.sessions["peak_viewers"]).all()
    assert (walked.sessions["gifters"] <= walked.sessions["unique_viewers"]).all()


def test_nobody_is_in_two_programs(walked: Walked) -> None:
    creators = walked.assignments["creator"]
    assert len(np.unique(creators)) == len(creators)
    assert set(np.unique(walked.assignments["program"])) == set(range(len(pp.CATALOGUE)))


@pytest.mark.parametrize("program_id", ["steady_weeks", "daily_sprint"])
def test_the_arms_of_a_randomized_incentive_differ_by_what_was_planted(
    walked: Walked, program_id: str
) -> None:
    treated, control = walked.arms(program_id)
    true = walked.truth[program_id, "sessions", "during", None]
    assert true > 0.4
    assert abs(treated.mean() - control.mean() - true) < 3 * standard_error(treated, control)


def test_an_effect_is_as_large_as_the_multiplier_says(walked: Walked) -> None:
    planted = pp.CATALOGUE[NUMBER["steady_weeks"]].planted
    treated, _ = walked.arms("steady_weeks")
    true = walked.truth["steady_weeks", "sessions", "during", None]
    assert true / (treated.mean() - true) == pytest.approx(planted.shows_added, abs=0.06)


def test_an_effect_fades_after_the_end(walked: Walked) -> None:
    program = pp.CATALOGUE[NUMBER["steady_weeks"]]
    last = program.last_week - program.first_week
    after = [
        walked.truth["steady_weeks", "sessions", "after", last + nth]
        for nth in range(1, pp.AFTER_WEEKS + 1)
    ]
    during = walked.truth["steady_weeks", "sessions", "during", None]
    assert during > after[0] > after[2] > after[5] >= 0
    assert after[5] < 0.2 * during


def test_whole_agencies_are_assigned_in_both_arms_of_a_market_s_creators(walked: Walked) -> None:
    mine = walked.assignments["program"] == NUMBER["agency_marathon"]
    cluster, arm = walked.assignments["cluster"][mine], walked.assignments["arm"][mine]
    assert NO_AGENCY not in cluster
    assert all(len(set(arm[cluster == agency])) == 1 for agency in set(cluster))
    treated, control = walked.arms("agency_marathon")
    true = walked.truth["agency_marathon", "sessions", "during", None]
    assert true > 0.4
    assert abs(treated.mean() - control.mean() - true) < 4 * standard_error(treated, control)
    hours = walked.truth["agency_marathon", "live_hours", "during", None]
    assert hours > 1.5 * true


def test_a_rollout_reaches_its_markets_in_turn_and_works_better_with_time(walked: Walked) -> None:
    program = pp.CATALOGUE[NUMBER["stage_toolkit"]]
    mine = walked.assignments["program"] == NUMBER["stage_toolkit"]
    creator = walked.assignments["creator"][mine]
    begins = walked.assignments["starts_at"][mine]
    arm = walked.assignments["arm"][mine]
    assert ((begins == NEVER) == (arm == 0)).all()
    assert 0 < arm.mean() < 1
    local = walked.clock.to_local(walked.people.zone[creator], begins)[arm == 1]
    weeks = {first for _, first in program.rollout}
    # Some have moved to another zone since, some hours away.
    begun = np.rint((local - walked.programs.monday_of(0)) / WEEK)
    assert set(begun.tolist()) == weeks
    by_week = [
        walked.truth["stage_toolkit", "sessions", "during", nth]
        for nth in range(program.planted.growth_weeks)
    ]
    assert 0 < by_week[0] < by_week[2] < by_week[4]
    assert by_week[4] > 2.5 * by_week[0]


def test_a_campaign_that_the_better_creators_join_looks_good_and_does_nothing(
    walked: Walked, untouched: Rows
) -> None:
    program = pp.CATALOGUE[NUMBER["spring_festival"]]
    assert program.design == "opt_in"
    assert all(effect == 0 for key, effect in walked.truth.items() if key[0] == program.program_id)
    events = walked.programs.take_events()
    mine = events["program"] == NUMBER["spring_festival"]
    invited = events["creator"][mine & (events["event"] == 0)]
    joined = events["creator"][mine & (events["event"] == 1)]
    others = np.setdiff1d(invited, joined)
    assert len(joined) > 50
    assert len(others) > 50
    inside = (walked.week() >= program.first_week) & (walked.week() <= program.last_week)
    weeks = program.last_week - program.first_week + 1
    weekly = np.bincount(walked.sessions["creator"][inside], minlength=walked.people.size) / weeks
    naive = weekly[joined].mean() - weekly[others].mean()
    assert naive > 5 * standard_error(weekly[joined], weekly[others])
    assert len(untouched["creator"]) > 0


def test_an_incentive_without_effect_leaves_nothing_but_noise(walked: Walked) -> None:
    assert all(effect == 0 for key, effect in walked.truth.items() if key[0] == "monthly_bonus")
    treated, control = walked.arms("monthly_bonus")
    assert abs(treated.mean() - control.mean()) < 2.5 * standard_error(treated, control)


def test_the_daily_sprint_costs_creators_after_its_end(walked: Walked) -> None:
    true = walked.truth["daily_sprint", "share_active", "after", None]
    assert true < -0.04
    treated, control = walked.arms("daily_sprint", after=True)
    effect = walked.truth["daily_sprint", "sessions", "after", None]
    assert effect < 0
    assert abs(treated.mean() - control.mean() - effect) < 3 * standard_error(treated, control)


def test_coaching_brings_creators_to_a_first_live(walked: Walked) -> None:
    number = NUMBER["first_live_coaching"]
    true = walked.truth["first_live_coaching", FIRST_LIVE, "during", None]
    assert true > 0.06
    member, people = walked.programs.membership, walked.people
    late = people.trained_at > walked.programs.monday_of(0) + OPTIONS.days * DAY - 40 * DAY
    mine = (member.program == number) & ~late
    live = (people.first_live_at != NEVER).astype(np.float64)
    treated, control = live[mine & member.is_treated], live[mine & ~member.is_treated]
    assert abs(treated.mean() - control.mean() - true) < 3 * standard_error(treated, control)
    coached = walked.programs.coached
    first = walked.people.first_live_at[coached]
    early = first < walked.programs.monday_of(0) + (OPTIONS.days - 3) * DAY
    starts = set(
        zip(
            walked.sessions["creator"].tolist(),
            walked.sessions["started_at"].tolist(),
            strict=True,
        )
    )
    assert early.sum() > 5
    assert set(zip(coached[early].tolist(), first[early].tolist(), strict=True)) <= starts


def test_a_longer_world_assigns_the_same_creators(walked: Walked) -> None:
    longer = walk(replace(OPTIONS, days=OPTIONS.days + 30))
    last = walked.programs.monday_of(0) + OPTIONS.days * DAY
    ours, theirs = walked.assignments, longer.assignments
    for name in ours:
        before = theirs["assigned_at"] < last
        assert np.array_equal(ours[name][ours["assigned_at"] < last], theirs[name][before]), name
