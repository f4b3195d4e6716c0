"""The feeds of programs as they land, their truth beside them, and what ingest says to them.

Files are read with plain DuckDB; valid days are counted once more in SQL from the true sessions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.contracts.loader import load_contracts
from orchestration.ingest import Ingestor
from orchestration.settings import Settings
from orchestration.simulate import WorldOptions, extend, simulate
from orchestration.simulate import program_parameters as pp
from orchestration.simulate.options import DIRT_KINDS

FEEDS = ("programs", "program_tasks", "program_assignments", "program_events", "reward_payouts")
OPTIONS = WorldOptions(creators=1_200, days=100, seed=9, format="csv")
LAST_PAID = OPTIONS.last_arrival_date - timedelta(days=pp.PAID_LATE_AFTER_DAYS + 1)
"""Of windows until this day every payout that comes in time has arrived."""


class Landed:
    """A home with a world in it, and a connection on which to ask."""

    def __init__(self, home: Path, options: WorldOptions) -> None:
        """Make the world; feeds are tables of text, the truth `true_<name>`."""
        self.home = home
        self.truth = home / "truth"
        simulate(home / "landing", options, truth_dir=self.truth)
        self.connection = duckdb.connect()
        self.connection.execute("set timezone = 'UTC'")
        for feed in (*FEEDS, "creators"):
            self.connection.execute(
                f"create table {feed} as select * from read_csv($files, all_varchar = true, "
                "hive_partitioning = true, hive_types_autocast = false)",
                {"files": str(home / "landing" / feed / "*" / "*")},
            )
        for path in sorted(self.truth.glob("*.parquet")):
            files = str(path / "*.parquet") if path.is_dir() else str(path)
            self.connection.execute(
                f"create table true_{path.stem} as select * from read_parquet($files)",
                {"files": files},
            )

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        return self.connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landed]:
    """A world of all programs, as CSV."""
    world = Landed(tmp_path_factory.mktemp("programs"), OPTIONS)
    yield world
    world.connection.close()


def test_the_real_ingest_accepts_every_row_of_every_feed_of_programs(landed: Landed) -> None:
    contracts = load_contracts()
    with Ingestor(Settings(home=landed.home, duckdb_threads=1)) as ingestor:
        for feed in FEEDS:
            # Every twelfth day of the many that pay, and the first of each.
            days = sorted((landed.home / "landing" / feed).glob("dt=*"))
            days = days[:4] + days[4::12]
            results = [
                ingestor.ingest(contracts[feed], date.fromisoformat(day.name[3:])) for day in days
            ]
            assert {result.outcome for result in results} == {"accepted"}, feed
            assert sum(result.rows_refused + result.rows_duplicate for result in results) == 0
            named = ", ".join(f"'{day.name[3:]}'" for day in days)
            [(rows,)] = landed.ask(f"select count(*) from {feed} where dt in ({named})")
            assert sum(result.rows_accepted for result in results) == rows > 0


def test_ingest_refuses_nothing_of_programs_in_any_format(tmp_path: Path) -> None:
    """Whatever the dirt: an amount that is wrong is nothing that a contract can know."""
    kinds = tuple(kind for kind in DIRT_KINDS if kind not in ("unit_change", "missing_day"))
    options = replace(OPTIONS, creators=500, days=70, format="mixed", dirt=kinds)
    world = simulate(tmp_path / "landing", options)
    contracts, formats = load_contracts(), set()
    with Ingestor(Settings(home=tmp_path, duckdb_threads=1)) as ingestor:
        for feed in FEEDS:
            days = sorted((tmp_path / "landing" / feed).glob("dt=*"))
            formats |= {path.name.split(".", 1)[1] for day in days for path in day.iterdir()}
            results = [
                ingestor.ingest(contracts[feed], date.fromisoformat(day.name[3:])) for day in days
            ]
            assert {result.outcome for result in results} == {"accepted"}, feed
            assert sum(result.rows_accepted for result in results) == world.rows[feed] > 0
    assert formats == {"csv", "csv.gz", "jsonl", "parquet"}
    assert world.dirt["wrong_payout"] > 0


def test_everything_lands_on_the_day_after_it_was_known(landed: Landed) -> None:
    for feed, at in (
        ("programs", "updated_at"),
        ("program_assignments", "updated_at"),
        ("program_events", "occurred_at"),
        ("reward_payouts", "paid_at"),
    ):
        late = f"select count(*) from {feed} where cast(dt as date) <> cast({at}[:10] as date) + 1"
        assert landed.ask(late) == [(0,)], feed


def test_a_program_is_announced_then_assigned_then_starts(landed: Landed) -> None:
    assert landed.ask("""
        select count(*) from program_assignments inner join programs using (program_id)
        where program_assignments.assigned_at < programs.updated_at
            or (kind <> 'training' and program_assignments.assigned_at >= programs.starts_at)
            or program_assignments.dt < programs.dt
    """) == [(0,)]
    assert landed.ask("""
        select count(*) from program_assignments
        where creator_id not in (select creator_id from creators)
    """) == [(0,)]


def test_payouts_are_what_the_truth_says_is_due_and_wrong(landed: Landed) -> None:
    """Settled windows only: what is closed long enough to have been paid, however late."""
    assert landed.ask("""
        with settled as (
            select * from true_due_rewards
            where is_closed and period_end <= date '2026-08-20'
        ),
        paid as (
            select task_id, creator_id, period_start, sum(cast(amount as decimal(18, 2))) as paid
            from reward_payouts group by all
        ),
        wrong as (
            select task_id, creator_id, period_start, paid_amount - due_amount as difference
            from true_payout_errors
        )
        select count(*) from settled
        left join paid on paid.task_id = settled.task_id
            and paid.creator_id = settled.creator_id
            and cast(paid.period_start as date) = settled.period_start
        left join wrong on wrong.task_id = settled.task_id
            and wrong.creator_id = settled.creator_id and wrong.period_start = settled.period_start
        where coalesce(paid, 0) <> due_amount + coalesce(difference, 0)
    """) == [(0,)]
    assert landed.ask("""
        select count(*) from true_payout_errors
        where payout_id not in (select payout_id from reward_payouts)
    """) == [(0,)]
    [(errors, kinds)] = landed.ask("select count(*), count(distinct kind) from true_payout_errors")
    assert errors > 10
    assert kinds >= 4


def test_without_wrong_payouts_what_is_due_is_paid_once_and_everybody_else_as_before(
    landed: Landed, tmp_path: Path
) -> None:
    dirt = tuple(kind for kind in OPTIONS.to_json()["dirt"] if kind != "wrong_payout")
    clean = Landed(tmp_path, replace(OPTIONS, dirt=dirt))
    assert clean.ask("select count(*) from true_payout_errors") == [(0,)]
    assert clean.ask(f"""
        with paid as (
            select task_id, creator_id, period_start, count(*) as payouts,
                sum(cast(amount as decimal(18, 2))) as amount
            from reward_payouts group by all
        )
        select count(*) from paid full join (
            from true_due_rewards where due_amount > 0 and is_closed
        ) as due on paid.task_id = due.task_id and paid.creator_id = due.creator_id
            and cast(paid.period_start as date) = due.period_start
        where (payouts is distinct from 1 or amount is distinct from due_amount)
            -- Not every payout of the last windows has arrived.
            and (paid.task_id is not null or due.period_end <= date '{LAST_PAID}')
    """) == [(0,)]
    [(dues, sum_due)] = clean.ask(f"""
        select count(*), sum(due_amount) from true_due_rewards
        where due_amount > 0 and is_closed and period_end <= date '{LAST_PAID}'""")
    [(payouts, sum_paid)] = clean.ask(f"""
        select count(*), sum(cast(amount as decimal(18, 2))) from reward_payouts
        where cast(period_end as date) <= date '{LAST_PAID}'""")
    assert (dues, sum_due) == (payouts, sum_paid)
    assert dues > 200
    said = json.loads((clean.truth / "truth.json").read_text(encoding="utf-8"))
    assert said["dirt"]["wrong_payout"] == 0
    # Whoever is paid rightly is paid the same on the same day, in both worlds.
    wrong = set(landed.ask("select creator_id from true_payout_errors"))
    every = "select creator_id, payout_id, amount, paid_at from reward_payouts"
    rightly, before = (
        {row for row in world.ask(every) if row[:1] not in wrong} for world in (clean, landed)
    )
    assert rightly == before
    said = json.loads((landed.truth / "truth.json").read_text(encoding="utf-8"))
    [(errors,)] = landed.ask("select count(*) from true_payout_errors")
    assert said["dirt"]["wrong_payout"] == errors > 10


def test_valid_days_are_those_of_the_true_sessions_counted_in_sql(landed: Landed) -> None:
    differences = landed.ask("""
        with recursive sessions as (
            select creator_id, timezone, started_at, is_static, diamonds, session_id,
                least(coalesce(ended_at, started_at), started_at + interval 24 hours) as ended_at
            from true_live_sessions
        ),
        minutes as (
            -- The union of overlapping sessions, as seconds of UTC days counted one by one, would
            -- be large: take creators with one platform, whose sessions never overlap.
            select * from sessions where creator_id not in (
                select creator_id from true_live_sessions
                group by creator_id having count(distinct platform) > 1
            )
        ),
        pieces as (
            select creator_id, session_id, timezone, started_at, ended_at, is_static, diamonds,
                unnest(generate_series(
                    cast(started_at at time zone timezone as date),
                    cast(ended_at at time zone timezone as date), interval 1 day
                )) as local_day
            from minutes
        ),
        cut as (
            select creator_id, cast(local_day as date) as local_date, is_static,
                if(local_day = date_trunc('day', started_at at time zone timezone), diamonds, 0)
                    as diamonds,
                local_day = date_trunc('day', started_at at time zone timezone) as is_first,
                epoch(
                    least(ended_at at time zone timezone, local_day + interval 1 day)
                    - greatest(started_at at time zone timezone, local_day)
                ) as seconds
            from pieces
        ),
        days as (
            select creator_id, local_date,
                sum(seconds) filter (not is_static) >= 3600 as is_valid_hour,
                max(seconds) >= 1501 and sum(diamonds) >= 1 as is_valid_mission
            from cut where is_first or seconds > 0
            group by all
        )
        select count(*), count(*) filter (
            coalesce(days.is_valid_hour, false) <> told.is_valid_network_hour
            or days.is_valid_mission <> told.is_valid_reward_mission_25_minutes
        ), count(*) filter (told.is_valid_network_hour)
        from days full join (
            select * from true_valid_days
            where creator_id in (select creator_id from minutes)
        ) as told using (creator_id, local_date)
    """)
    [(days, different, valid)] = differences
    assert days > valid > 1_000
    # Days on which a clock changes last longer or shorter than their clock says.
    assert different <= 0.001 * days


def test_truth_json_tells_of_every_program_what_was_planted(landed: Landed) -> None:
    said = json.loads((landed.truth / "truth.json").read_text(encoding="utf-8"))["programs"]
    assert [each["program_id"] for each in said] == [each.program_id for each in pp.CATALOGUE]
    idle = [each["program_id"] for each in said if not each["has_true_effect"]]
    assert idle == ["spring_festival", "monthly_bonus"]
    arms = dict(
        landed.ask("""
            select program_id, [count(*) filter (arm = 'treatment'),
                count(*) filter (arm = 'control')]
            from program_assignments group by program_id""")
    )
    for each in said:
        assert arms[each["program_id"]] == [each["arms"]["treatment"], each["arms"]["control"]]
        assert bool(each["planted"]) == each["has_true_effect"]
    assert landed.ask("""
        select count(*) from true_program_effects
        where program_id in ('spring_festival', 'monthly_bonus') and effect <> 0
    """) == [(0,)]


def test_a_world_without_programs_lands_none_and_a_short_one_none_that_has_not_begun(
    tmp_path: Path,
) -> None:
    small = replace(OPTIONS, creators=200, days=14, window_days=14, programs="none")
    simulate(tmp_path / "none" / "landing", small)
    assert not any((tmp_path / "none" / "landing" / feed).exists() for feed in FEEDS)
    simulate(tmp_path / "short" / "landing", replace(small, programs="all"))
    told = json.loads((tmp_path / "short" / "truth" / "truth.json").read_text(encoding="utf-8"))
    assert [each["program_id"] for each in told["programs"]] == ["first_live_coaching"]
    landed = (tmp_path / "short" / "landing" / "programs").glob("*/*")
    assert len(list(landed)) == 1


def _contents(home: Path) -> dict[Path, bytes]:
    return {path.relative_to(home): path.read_bytes() for path in home.rglob("*") if path.is_file()}


def test_a_world_of_programs_goes_on_with_the_bytes_of_a_longer_one(tmp_path: Path) -> None:
    options = replace(OPTIONS, creators=300, days=70, window_days=100, format="mixed", dirt="all")
    short, long = tmp_path / "short", tmp_path / "long"
    simulate(short / "landing", options)
    before = _contents(short / "landing")
    payouts = len([name for name in before if name.parts[0] == "reward_payouts"])
    extend(short / "landing", 30)
    simulate(long / "landing", replace(options, days=100))
    after = _contents(short / "landing")
    assert {name: after[name] for name in before} == before
    assert after == _contents(long / "landing")
    assert _contents(short / "truth") == _contents(long / "truth")
    later = len([name for name in after if name.parts[0] == "reward_payouts"])
    assert later > payouts > 2


def test_a_program_that_runs_alone_has_the_creators_it_has_among_others(
    landed: Landed, tmp_path: Path
) -> None:
    alone = Landed(tmp_path, replace(OPTIONS, programs="steady_weeks, monthly_bonus"))
    chosen = alone.ask("select program_id, creator_id, arm from program_assignments order by all")
    assert {row[0] for row in chosen} == {"steady_weeks", "monthly_bonus"}
    assert chosen == landed.ask("""
        select program_id, creator_id, arm from program_assignments
        where program_id in ('steady_weeks', 'monthly_bonus') order by all""")
    said = json.loads((alone.truth / "truth.json").read_text(encoding="utf-8"))
    assert said["options"]["programs"] == ["steady_weeks", "monthly_bonus"]
    assert [each["program_id"] for each in said["programs"]] == ["steady_weeks", "monthly_bonus"]


def test_nobody_in_a_program_is_known_by_polls_alone_whether_or_not_there_are_polls(
    tmp_path: Path,
) -> None:
    options = WorldOptions(
        creators=2_000, days=60, seed=3, format="csv", feeds=(*FEEDS, "creators", "live_snapshots")
    )
    landed = Landed(tmp_path / "polled", options)
    assert landed.ask("""
        select count(*) from program_assignments
        where creator_id in (
            select creator_id from true_live_sessions where route = 'live_snapshots'
        )""") == [(0,)]
    [(polled,)] = landed.ask(
        "select count(*) from true_live_sessions where route = 'live_snapshots'"
    )
    assert polled > 200
    without = Landed(tmp_path / "unpolled", replace(options, feeds=(*FEEDS, "creators")))
    who = "select program_id, creator_id, arm from program_assignments order by all"
    assert landed.ask(who) == without.ask(who)
