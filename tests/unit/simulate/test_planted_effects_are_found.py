"""Planted effects are where an analyst would look for them: arms, markets and weeks of the files.

What lives here: the landed feeds of programs and the true valid days of a large world, against what
the truth says that each program did. What may not: the walk itself (`test_programs`), or estimates
that are better than differences of means.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from orchestration.simulate import WorldOptions, simulate
from orchestration.simulate import program_parameters as pp
from orchestration.simulate.draws import Floats
from orchestration.simulate.options import PROGRAMS

OPTIONS = WorldOptions(
    creators=10_000,
    days=126,
    seed=5,
    format="parquet",
    feeds=(
        "creators",
        "live_sessions",
        "onboarding_events",
        "programs",
        "program_tasks",
        "program_assignments",
        "program_events",
        "reward_payouts",
    ),
)
CATALOGUE = {program.program_id: program for program in pp.CATALOGUE}


class Study:
    """A world's files, and a panel of everybody whom a program was assigned or offered to.

    Table `panel`: program_id, creator_id, arm (`invited` for who was shown a campaign and stayed
    away), cluster_id, exposure (weeks from the program's first; below 0 before), valid_days and
    is_active of that local week. Weeks are whole, and whole in the world.
    """

    def __init__(self, home: Path) -> None:
        """Make the world in an empty folder."""
        world = simulate(home / "landing", OPTIONS)
        self.connection = duckdb.connect()
        self.connection.execute("set timezone = 'UTC'")
        for feed in OPTIONS.feeds:
            self._load(feed, world.landing / feed / "*" / "*.parquet")
        for path in world.truth.glob("*.parquet"):
            self._load(f"true_{path.stem}", path / "*.parquet" if path.is_dir() else path)
        self.connection.execute(f"""
            create table panel as
            with members as (
                select program_id, creator_id, arm, cluster_id from program_assignments
                union all
                select program_id, creator_id, 'invited', null from program_events
                where event = 'exposed' and program_id = 'spring_festival'
                    and creator_id not in (select creator_id from program_assignments)
            ),
            weeks as (
                select members.*, unnest(generate_series(-4, 20)) as exposure,
                    cast(starts_at as date) + cast(7 * exposure as integer) as monday
                from members inner join programs using (program_id)
                where kind <> 'training'
            )
            select weeks.program_id, weeks.creator_id, arm, cluster_id, exposure,
                count(*) filter (days.is_valid_network_hour) as valid_days,
                count(*) filter (days.is_valid_reward_mission_25_minutes) as mission_days,
                count(days.creator_id) > 0 as is_active
            from weeks left join true_valid_days as days
                on days.creator_id = weeks.creator_id
                and days.local_date between monday and monday + 6
            where monday + 8 <= date '{OPTIONS.last_arrival_date}'
            group by all
        """)

    def _load(self, table: str, files: Path) -> None:
        self.connection.execute(
            f"create table {table} as select * from "
            "read_parquet($files, hive_partitioning = false, union_by_name = true)",
            {"files": str(files)},
        )

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        return self.connection.execute(query).fetchall()

    def true_effect(
        self, program_id: str, period: str, outcome: str = "valid_days", week: int | None = None
    ) -> float:
        """What the truth says of an outcome, a creator and week."""
        [(effect,)] = self.ask(f"""
            select effect from true_program_effects
            where program_id = '{program_id}' and period = '{period}' and outcome = '{outcome}'
                and exposure_week is not distinct from {"null" if week is None else week}
        """)
        return float(effect)

    def changes(
        self,
        program_id: str,
        arm: str,
        weeks: tuple[int, int],
        *,
        outcome: str = "valid_days",
        unit: str = "creator_id",
    ) -> Floats:
        """Of each unit of an arm: an outcome's mean in some weeks, less that of the four before."""
        rows = self.ask(f"""
            select avg({outcome}) filter (exposure between {weeks[0]} and {weeks[1]})
                - avg({outcome}) filter (exposure < 0)
            from (select * replace (cast(is_active as integer) as is_active) from panel)
            where program_id = '{program_id}' and arm = '{arm}'
            group by {unit} order by {unit}
        """)
        return np.array([row[0] for row in rows], np.float64)


def difference(one: Floats, other: Floats) -> tuple[float, float]:
    """Of two means, and its standard error."""
    error = np.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other))
    return float(one.mean() - other.mean()), float(error)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    """The files of a world of all programs."""
    made = Study(tmp_path_factory.mktemp("study"))
    yield made
    made.connection.close()


def during(program_id: str) -> tuple[int, int]:
    """The weeks in which a program runs."""
    program = CATALOGUE[program_id]
    return 0, program.last_week - program.first_week


def after(program_id: str) -> tuple[int, int]:
    """The weeks after its end that the truth follows."""
    last = during(program_id)[1]
    return last + 1, last + pp.AFTER_WEEKS


def test_what_truly_came_of_the_treated_is_what_their_valid_days_say(study: Study) -> None:
    """To the day: of whole weeks of which every late row has landed."""
    [(compared, different)] = study.ask("""
        with told as (
            select program_id, exposure_week as exposure, creator_weeks, actual_total
            from true_program_effects
            where outcome = 'valid_days' and exposure_week is not null
        ),
        counted as (
            select program_id, exposure, count(*) as creator_weeks, sum(valid_days) as valid_days
            from panel where arm = 'treatment' group by all
        )
        select count(*), count(*) filter (
            told.creator_weeks <> counted.creator_weeks or valid_days <> actual_total
        )
        from told inner join counted using (program_id, exposure)
        where program_id <> 'stage_toolkit' and exposure < 10""")
    assert different == 0
    assert compared > 50


@pytest.mark.parametrize("program_id", ["steady_weeks", "monthly_bonus", "daily_sprint"])
def test_arms_drawn_by_lot_differ_by_the_true_effect_and_by_chance(
    study: Study, program_id: str
) -> None:
    for period, weeks in (("during", during(program_id)), ("after", after(program_id))):
        treated, control = (
            study.changes(program_id, arm, weeks) for arm in ("treatment", "control")
        )
        found, error = difference(treated, control)
        true = study.true_effect(program_id, period)
        assert abs(found - true) < 3 * error, period
        if (program_id, period) == ("steady_weeks", "during"):
            assert true > 2.5 * error
        if program_id == "monthly_bonus":
            assert true == 0
            assert abs(found) < 2 * error


def test_what_the_steady_weeks_brought_is_gone_six_weeks_after_their_end(study: Study) -> None:
    first, last = after("steady_weeks")
    fading = [study.true_effect("steady_weeks", "after", week=week) for week in (first, last)]
    assert study.true_effect("steady_weeks", "during") > fading[0] > 5 * fading[1] >= 0
    arms = [
        study.changes("steady_weeks", arm, (last - 1, last)) for arm in ("treatment", "control")
    ]
    found, error = difference(*arms)
    assert abs(found - fading[1]) < 3 * error


def test_agencies_drawn_by_lot_differ_by_the_true_effect_and_errors_are_those_of_agencies(
    study: Study,
) -> None:
    weeks = during("agency_marathon")
    found, error = difference(
        *(
            study.changes("agency_marathon", arm, weeks, unit="cluster_id")
            for arm in ("treatment", "control")
        )
    )
    assert abs(found - study.true_effect("agency_marathon", "during")) < 3 * error
    assert study.ask("""
        select count(*) from (
            select cluster_id from program_assignments where program_id = 'agency_marathon'
            group by cluster_id having count(distinct arm) > 1
        )""") == [(0,)]
    [(treated, control)] = study.ask("""
        select count(distinct cluster_id) filter (arm = 'treatment'),
            count(distinct cluster_id) filter (arm = 'control')
        from program_assignments where program_id = 'agency_marathon'""")
    assert min(treated, control) > 10


def test_markets_that_are_reached_pull_away_from_those_that_never_are_more_each_week(
    study: Study,
) -> None:
    """Each market against those never reached, over the same weeks of the calendar."""
    program = CATALOGUE["stage_toolkit"]
    first = {market: week - program.first_week for market, week in program.rollout}
    by_exposure: dict[int, list[tuple[float, float]]] = {0: [], 4: []}
    for market, begins in first.items():
        for exposure, found in by_exposure.items():
            weeks = (begins + exposure, begins + exposure + 1)
            treated = np.array(
                [
                    row[0]
                    for row in study.ask(f"""
                        select avg(valid_days) filter (exposure between {weeks[0]} and {weeks[1]})
                            - avg(valid_days) filter (exposure < 0)
                        from panel where program_id = 'stage_toolkit' and cluster_id = '{market}'
                        group by creator_id""")
                ]
            )
            found.append(difference(treated, study.changes("stage_toolkit", "control", weeks)))
    means = {
        exposure: (
            float(np.mean([effect for effect, _ in found])),
            float(np.sqrt(np.sum([error**2 for _, error in found])) / len(found)),
        )
        for exposure, found in by_exposure.items()
    }
    for exposure, (mean, error) in means.items():
        true = np.mean(
            [
                study.true_effect("stage_toolkit", "during", week=week)
                for week in (exposure, exposure + 1)
            ]
        )
        assert abs(mean - true) < 3 * error
    assert means[4][0] > means[0][0] + 0.1
    assert study.true_effect("stage_toolkit", "during", week=4) > 3 * study.true_effect(
        "stage_toolkit", "during", week=0
    )


def test_who_joined_the_campaign_did_better_than_who_did_not_and_it_did_nothing(
    study: Study,
) -> None:
    assert study.ask("""
        select count(*) from true_program_effects
        where program_id = 'spring_festival' and effect <> 0""") == [(0,)]
    levels = {
        arm: np.array(
            study.ask(f"""
                select avg(valid_days) filter (exposure between 0 and 3),
                    avg(valid_days) filter (exposure < 0)
                from panel where program_id = 'spring_festival' and arm = '{arm}'
                group by creator_id order by creator_id"""),
            np.float64,
        )
        for arm in ("treatment", "invited")
    }
    naive, error = difference(levels["treatment"][:, 0], levels["invited"][:, 0])
    assert naive > 5 * error
    assert naive > 0.4 * levels["invited"][:, 0].mean()
    # They were better before.
    before, error = difference(levels["treatment"][:, 1], levels["invited"][:, 1])
    assert before > 5 * error


def test_sessions_name_the_campaign_of_who_joined_while_it_runs_and_of_nobody_else(
    study: Study,
) -> None:
    [(named, wrong)] = study.ask("""
        select count(campaign_id), count(*) filter (
            campaign_id is distinct from if(
                creator_id in (
                    select creator_id from program_assignments
                    where program_id = 'spring_festival'
                )
                and started_at >= programs.starts_at and started_at < programs.ends_at,
                'spring_festival', null
            )
        )
        from live_sessions cross join (
            select starts_at, ends_at from programs where program_id = 'spring_festival'
        ) as programs
        where creator_id is not null""")
    assert wrong == 0
    assert named > 500


def test_the_mission_is_reached_just_so_and_with_idle_pictures(study: Study) -> None:
    needed = CATALOGUE["reward_mission"].task
    assert needed is not None
    weeks = dict(
        study.ask("""
            select progress, count(*) from true_due_rewards
            where program_id = 'reward_mission' and is_closed group by progress""")
    )
    at = needed.threshold
    assert weeks[at] > 1.5 * weeks[at - 1]
    assert weeks[at] > 1.5 * weeks[at + 1]
    # Nobody else's weeks are so: the mission's days of who is in no mission.
    others = dict(
        study.ask("""
            select mission_days, count(*) from panel
            where program_id = 'monthly_bonus' and exposure >= 0 group by mission_days""")
    )
    assert others[at] < others[at - 1]
    idle = dict(
        study.ask("""
            select program_assignments.program_id = 'reward_mission' as is_in_mission,
                avg(cast(is_static as integer))
            from true_live_sessions inner join program_assignments using (creator_id)
            inner join programs using (program_id)
            where started_at between programs.starts_at and ends_at
            group by is_in_mission""")
    )
    assert idle[True] > 3 * idle[False]
    # By the general rule, which leaves idle pictures out, the mission brought nothing.
    assert study.true_effect("reward_mission", "during") == 0
    assert study.true_effect("reward_mission", "during", "sessions") > 0.1


def test_coaching_brings_more_newcomers_to_a_first_live(study: Study) -> None:
    rates = {
        arm: np.array(rows, np.float64)
        for arm in ("treatment", "control")
        if (
            rows := [
                row[0]
                for row in study.ask(f"""
                    with newcomers as (
                        select creator_id, arm, min(occurred_at) as trained_at
                        from program_assignments inner join onboarding_events using (creator_id)
                        where program_id = 'first_live_coaching' and step = 'trained'
                        group by all
                    )
                    select cast(coalesce(
                        min(started_at) <= trained_at + interval 28 days, false
                    ) as integer)
                    from newcomers left join true_live_sessions using (creator_id)
                    where arm = '{arm}'
                        and trained_at < timestamptz '{OPTIONS.last_arrival_date}'
                            - interval 30 days
                    group by creator_id, trained_at order by creator_id""")
            ]
        )
    }
    found, error = difference(rates["treatment"], rates["control"])
    true = study.true_effect("first_live_coaching", "during", "first_live_within_28_days")
    assert true > 2.5 * error
    assert abs(found - true) < 3 * error


def test_the_daily_sprint_loses_creators_once_it_is_over(study: Study) -> None:
    weeks = after("daily_sprint")
    found, error = difference(
        *(
            study.changes("daily_sprint", arm, weeks, outcome="is_active")
            for arm in ("treatment", "control")
        )
    )
    true = study.true_effect("daily_sprint", "after", "share_active")
    assert true < -0.04
    assert abs(found - true) < 3 * error
    assert study.true_effect("daily_sprint", "during") > 0


def test_every_program_of_the_catalogue_is_looked_at(study: Study) -> None:
    looked_at = {
        "steady_weeks", "agency_marathon", "stage_toolkit", "reward_mission", "spring_festival",
        "first_live_coaching", "monthly_bonus", "daily_sprint",
    }  # fmt: skip
    assert looked_at == set(PROGRAMS)
    assert {row[0] for row in study.ask("select program_id from programs")} == looked_at
