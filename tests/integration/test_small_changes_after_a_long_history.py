"""One small change after a long history: the marts are those of one build of everything.

What lives here: a world of a hundred days whose past is long settled, and one change after the
other to it: a morning, a creator's correction, late events, a withdrawn day. Each touches little,
so whatever a build forgets to make again shows. What may not: histories in any order
(test_any_order_of_arrivals), where each build touches nearly everything.

Other creators, days and another order of the changes:

    SEMILLERO_PROPERTY_SEEDS=2,3 python -m pytest <this file>
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from dbt_world import DbtWorld
from test_any_order_of_arrivals import (
    assign_missions,
    copies_that_differ,
    copy_marts,
    export_backstage,
    filled,
)

from orchestration.checks.tables import MARTS
from orchestration.contracts.loader import load_contracts
from orchestration.ingest import Ingestor
from orchestration.settings import Settings
from orchestration.simulate import WorldOptions, simulate
from orchestration.simulate.options import DEFAULT_FEEDS
from tests.fuzzing import property_seeds

pytestmark = pytest.mark.slow

WORLD = WorldOptions(
    creators=200,
    days=100,
    seed=5,
    start=date(2026, 6, 1),
    feeds=tuple(feed for feed in DEFAULT_FEEDS if feed != "gifts"),
)
FIRST_BUILD = date(2026, 9, 4)
"""The last arrival day of the first build."""
LONG_AGO = date(2026, 7, 20)
"""No row of an arrival until here can still come late after the first build."""

LATE_MISSIONS = date(2026, 7, 6)
"""Here a third of the creators is assigned to a program by whose rule days are counted too."""

COUNTED = {
    "dim_creators_history",
    "fct_valid_days",
    "funnel_creator_steps",
    "funnel_conversion",
    "cohort_retention",
    "growth_accounting",
    "kpi_daily",
    "kpi_contributions",
    "content_supply_hourly",
}
"""The marts that changes must reach; labels are made of seeds and declarations alone."""

Key = tuple[str, date]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> dict[Key, Path]:
    """The raw partitions of the world, through the real ingest.

    Until the first build whatever arrived in five days is one arrival, but for sessions, which then
    would not be covered: what is settled is as long, with half of the partitions to take in.
    """
    home = tmp_path_factory.mktemp("history")
    simulate(home / "landing", WORLD, truth_dir=home / "truth")
    options = Settings(home=home, duckdb_threads=1)
    export_backstage(options, WORLD.start + timedelta(days=20), 30)
    assign_missions(home, WORLD.start + timedelta(days=9), share=2)
    assign_missions(home, LATE_MISSIONS, share=3)
    contracts = load_contracts()
    for folder in sorted((home / "landing").glob("*/dt=*")):
        day = date.fromisoformat(folder.name.removeprefix("dt="))
        if day < FIRST_BUILD and folder.parent.name != "live_sessions":
            day += timedelta(days=(FIRST_BUILD - day).days % 5)
            together = folder.with_name(f"dt={day}")
            together.mkdir(exist_ok=True)
            for file in folder.iterdir() if together != folder else ():
                shutil.move(file, together / f"{folder.name}-{file.name}")
            if together != folder:
                folder.rmdir()
    with Ingestor(options) as ingestor:
        for folder in sorted((home / "landing").glob("*/dt=*")):
            day = date.fromisoformat(folder.name.removeprefix("dt="))
            ingestor.ingest(contracts[folder.parent.name], day)
    return {
        (file.parts[-3], date.fromisoformat(file.parts[-2].removeprefix("dt="))): file
        for file in sorted((home / "raw").glob("*/dt=*/data.parquet"))
    }


class Twins:
    """Two worlds to which the same happens: one is built as it comes, one is built anew each time.

    Attributes:
        dice: What chooses creators, days and rows.
        grown: Built anew once, and from then on only what changed.
        anew: Built anew each time.
        held: The partitions that both have.
    """

    def __init__(self, seed: int, first: DbtWorld, scratch: Path) -> None:
        """Both begin without partitions, with the seeds of a world."""
        self.dice = random.Random(seed)  # noqa: S311 - changes of a test, not secrets
        self.grown = first.clone(scratch / "grown")
        self.anew = first.clone(scratch / "anew")
        self.held: set[Key] = set()
        self._scratch = scratch
        self._files = 0

    def adopt(self, key: Key, file: Path) -> None:
        """Let a partition arrive, or another version of it."""
        for world in (self.grown, self.anew):
            world.adopt(*key, file)
        self.held.add(key)

    def withdraw(self, key: Key) -> None:
        """Take a partition away."""
        for world in (self.grown, self.anew):
            world.withdraw(*key)
        self.held.remove(key)

    def rewrite(self, key: Key, query: str) -> None:
        """Let another version of a partition arrive.

        Args:
            key: Feed and arrival day.
            query: Its rows, of `held` (the partition as it is) and `all_held` (all of its feed).
        """
        feed, day = key
        self._files += 1
        file = self._scratch / f"version-{self._files}.parquet"
        raw = self.grown.home / "raw" / feed
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            for table, files in (("held", f"dt={day}"), ("all_held", "*")):
                connection.execute(
                    f"create table {table} as "
                    "from read_parquet($1, hive_partitioning = false, union_by_name = true)",
                    [str(raw / files / "data.parquet")],
                )
            connection.sql(query).write_parquet(str(file))
            rows = connection.execute(
                "select count(*) from (from held except all from read_parquet($1))", [str(file)]
            ).fetchone()
            more = connection.execute(
                "select count(*) from (from read_parquet($1) except all from held)", [str(file)]
            ).fetchone()
        # A version that is the same would be no change.
        assert rows != (0,) or more != (0,)
        self.adopt(key, file)

    def keys(self, feed: str, first: date = date.min, last: date = date.max) -> list[Key]:
        """The partitions of a feed that arrived in some days, the first of them first."""
        return sorted(key for key in self.held if key[0] == feed and first <= key[1] <= last)

    def any_creators(self, count: int) -> list[str]:
        """Creators who were LIVE both long ago and lately, and so are told of in most marts."""
        rows = self.grown.rows(
            """select creator_id from marts.fct_creator_days
            inner join marts.dim_creators using (creator_id)
            where session_count > 0
                and creator_id in (select creator_id from marts.funnel_creator_steps)
            group by creator_id
            having min(local_date) < $1 and max(local_date) > $1 and count(*) > 8
            order by creator_id""",
            [LONG_AGO],
        )
        return self.dice.sample([name for (name,) in rows], count)


Change = Callable[[Twins, dict[Key, Path]], None]


# --- Changes --------------------------------------------------------------------------------------


def a_morning_comes(twins: Twins, history: dict[Key, Path]) -> None:
    """Whatever arrived on the next day."""
    last = max(day for _, day in twins.held)
    for key, file in history.items():
        if key[1] == last + timedelta(days=1):
            twins.adopt(key, file)


def creators_moved_today(twins: Twins, _: dict[Key, Path]) -> None:
    """One to another market, agency and tier, as of today; of one, the day of joining is mended."""
    mover, earlier = twins.any_creators(2)
    key = twins.keys("creators")[-1]
    twins.rewrite(
        key,
        f"""from held where creator_id not in ('{mover}', '{earlier}')
        union all by name
        select * replace (
            if(creator_id = '{mover}', if(country = 'MX', 'BR', 'MX'), country) as country,
            if(creator_id = '{mover}', null, timezone) as timezone,
            if(creator_id = '{mover}', 'agency-moved', agency_id) as agency_id,
            if(creator_id = '{mover}', 'rank_9', tier) as tier,
            if(creator_id = '{mover}', joined_at, joined_at - interval 33 day) as joined_at,
            greatest(updated_at, cast('{key[1]}T06:00:00Z' as timestamptz)) as updated_at,
            cast('{key[1]}' as date) as _dt, 'moved.csv' as _file,
            if(creator_id = '{mover}', 1, 2) as _row)
        from all_held where creator_id in ('{mover}', '{earlier}')
        qualify row_number() over (partition by creator_id order by updated_at desc, _dt desc) = 1
        """,
    )


def the_past_of_creators_is_mended(twins: Twins, _: dict[Key, Path]) -> None:
    """One was with another agency in another market at first; another one was never there."""
    mended, nobody = twins.any_creators(2)
    for key in twins.keys("creators"):
        rows = twins.grown.rows(
            "select distinct creator_id from read_parquet($1)",
            [str(twins.grown.home / "raw" / "creators" / f"dt={key[1]}" / "data.parquet")],
        )
        if key == twins.keys("creators")[0] or (nobody,) in rows:
            twins.rewrite(
                key,
                f"""select * replace (
                    if(creator_id = '{mended}' and _dt < '{LONG_AGO}', 'agency-before', agency_id)
                        as agency_id,
                    if(creator_id = '{mended}' and _dt < '{LONG_AGO}', 'AR', country) as country,
                    if(creator_id = '{mended}' and _dt < '{LONG_AGO}', 'rank_8', tier) as tier)
                from held where creator_id <> '{nobody}'""",
            )


def onboarding_comes_late(twins: Twins, history: dict[Key, Path]) -> None:
    """A partition of long ago arrives; in others a step was earlier, and one is not there."""
    twins.adopt(*_withheld(twins, history, "onboarding_events"))
    for key in twins.dice.sample(twins.keys("onboarding_events", last=LONG_AGO), 2):
        twins.rewrite(
            key,
            """select * replace (if(step = 'approved', occurred_at - interval 2 day, occurred_at)
                as occurred_at)
            from held qualify row_number() over (order by event_id) > 1""",
        )


def programs_are_told_otherwise(twins: Twins, history: dict[Key, Path]) -> None:
    """Events and assignments of long ago arrive, and what was a training is a campaign."""
    twins.adopt(*_withheld(twins, history, "program_events"))
    twins.adopt(*_withheld(twins, history, "program_assignments"))
    for key in twins.keys("programs"):
        twins.rewrite(
            key,
            """select * replace (case kind when 'training' then 'campaign' else 'training' end
                as kind) from held""",
        )
    twins.rewrite(
        twins.keys("program_events", last=LONG_AGO)[-1],
        "select * replace (occurred_at + interval 1 day as occurred_at) from held",
    )


def sessions_of_these_days_are_corrected(twins: Twins, _: dict[Key, Path]) -> None:
    """Some are not there, some began on the evening before, some earned more; and a report too."""
    key = twins.dice.choice(twins.keys("live_sessions", FIRST_BUILD - timedelta(days=7)))
    twins.rewrite(
        key,
        """select * exclude (part) replace (
            started_at - if(part = 1, interval 9 hour, interval 0 hour) as started_at,
            ended_at - if(part = 1, interval 9 hour, interval 0 hour) as ended_at,
            if(part = 2, 2 * diamonds + 1, diamonds) as diamonds)
        from (select *, row_number() over (order by session_id, _row) % 4 as part from held)
        where part <> 3""",
    )
    twins.rewrite(
        twins.dice.choice(twins.keys("backstage_reports")),
        "from held qualify row_number() over (order by _file, _row) % 5 <> 0",
    )


def sessions_of_long_ago_arrive(twins: Twins, history: dict[Key, Path]) -> None:
    """Some creators' sessions of a day of the settled past, which were left out."""
    key = _key_of_late_sessions(history)
    twins.adopt(key, history[key])


def days_are_withdrawn(twins: Twins, _: dict[Key, Path]) -> None:
    """Sessions and onboarding of long ago go away, and then everything is built anew."""
    for feed in ("live_sessions", "onboarding_events"):
        twins.withdraw(twins.dice.choice(twins.keys(feed, last=LONG_AGO)[1:]))


def mornings_come_of_which_one_build_broke_off(twins: Twins, history: dict[Key, Path]) -> None:
    """Over the day on which a further month is settled."""
    a_morning_comes(twins, history)
    # A build that ends before the marts of creators' days, and then the rest of the days at once.
    twins.grown.build(select=["+fct_creator_days"], finish=False)
    while max(day for _, day in twins.held) < WORLD.last_arrival_date:
        a_morning_comes(twins, history)


def _withheld(twins: Twins, history: dict[Key, Path], feed: str) -> tuple[Key, Path]:
    """The partition of long ago that the first build has not seen."""
    (key,) = (
        key
        for key in history
        if key[0] == feed and key[1] <= LONG_AGO + timedelta(days=5) and key not in twins.held
    )
    return key, history[key]


def _key_of_late_sessions(history: dict[Key, Path]) -> Key:
    return min(key for key in history if key[0] == "live_sessions" and key[1] > date(2026, 6, 20))


IN_ANY_ORDER: dict[Change, set[str]] = {
    creators_moved_today: {
        "dim_creators",
        "dim_creators_history",
        "cohort_retention",
        "growth_accounting",
        "funnel_conversion",
    },
    the_past_of_creators_is_mended: {
        "dim_creators",
        "dim_creators_history",
        "fct_creator_days",
        "cohort_retention",
        "growth_accounting",
        "kpi_daily",
        "kpi_contributions",
    },
    onboarding_comes_late: {"funnel_creator_steps", "funnel_conversion"},
    programs_are_told_otherwise: {"fct_valid_days", "funnel_creator_steps", "funnel_conversion"},
    sessions_of_these_days_are_corrected: {
        "fct_live_sessions",
        "fct_creator_days",
        "fct_valid_days",
        "fct_backstage_days",
        "growth_accounting",
        "cohort_retention",
        "kpi_daily",
        "kpi_contributions",
        "content_supply_hourly",
    },
    sessions_of_long_ago_arrive: {
        "fct_live_sessions",
        "fct_creator_days",
        "growth_accounting",
        "cohort_retention",
        "kpi_daily",
    },
}
"""Changes whose order does not matter, and marts that each must reach."""


@pytest.mark.parametrize("seed", property_seeds(1))
def test_after_every_small_change_the_marts_are_those_of_one_build_of_everything(
    history: dict[Key, Path], seeded_world: DbtWorld, tmp_path: Path, seed: int
) -> None:
    twins = Twins(seed, seeded_world, tmp_path)
    withheld = {
        twins.dice.choice([key for key in history if key[0] == feed and key[1] <= LONG_AGO])
        for feed in ("onboarding_events", "program_events")
    }
    withheld.add(("program_assignments", LATE_MISSIONS))
    for key, file in history.items():
        if key[1] <= FIRST_BUILD and key not in withheld:
            twins.adopt(key, file)
    twins.rewrite(
        _key_of_late_sessions(history),
        "from held where md5_number(creator_id) % 4 <> 0",
    )
    for world in (twins.grown, twins.anew):
        world.build(full_refresh=True)
    assert filled(twins.grown) == list(MARTS)
    before = copy_marts(twins.anew, "before")
    assert copies_that_differ(copy_marts(twins.grown, "before"), before) == {}

    shuffled = list(IN_ANY_ORDER)
    twins.dice.shuffle(shuffled)
    reached: set[str] = set()
    forgotten, not_reached = {}, {}
    for number, change in enumerate(
        [
            a_morning_comes,
            *shuffled,
            days_are_withdrawn,
            mornings_come_of_which_one_build_broke_off,
        ]
    ):
        change(twins, history)
        # After a withdrawal the job builds everything anew (`warehouse.plan_build`).
        twins.grown.build(full_refresh=change is days_are_withdrawn)
        twins.anew.build(full_refresh=True)
        after = copy_marts(twins.anew, f"after-{number}")
        found = copies_that_differ(copy_marts(twins.grown, f"after-{number}"), after)
        if found:
            forgotten[change.__name__] = found
        changed = copies_that_differ(before, after).keys()
        if not changed >= IN_ANY_ORDER.get(change, set()):
            not_reached[change.__name__] = IN_ANY_ORDER[change] - changed
        reached |= changed
        before = after
    # In the order of the changes: what the first forgets, those after it may show as well.
    assert forgotten == {}
    # Equal because nothing was to be done would say nothing.
    assert not_reached == {}
    assert COUNTED - reached == set()
