"""Who creators were on each day, against what is true of a simulated world in which many move.

What lives here: `dim_creators_history` and the market, agency, tier and clock that facts have from
it, held against the truth of the simulator, in one build and in several. What may not: random
histories (the core models' own test has them).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest
from dbt_world import DbtWorld, moment
from test_core_models import CORE, FIRST_DAY, creator, session

from orchestration.contracts.loader import load_contracts
from orchestration.ingest import Ingestor
from orchestration.settings import Settings
from orchestration.simulate import WorldOptions, parameters, simulate

WORLD = WorldOptions(creators=300, days=56, seed=23, start=date(2026, 7, 1))
FACTS = ("marts.dim_creators_history", "marts.fct_live_sessions", "marts.fct_creator_days")


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with raw and truth of a world in which one in thirty moves to a market each week."""
    home = tmp_path_factory.mktemp("movers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parameters, "MARKET_MOVES_PER_WEEK", 0.033)
        simulate(home / "landing", WORLD, truth_dir=home / "truth")
    contracts = load_contracts()
    with Ingestor(Settings(home=home, duckdb_threads=1)) as ingestor:
        for folder in sorted((home / "landing").glob("*/dt=*")):
            ingestor.ingest(contracts[folder.parent.name], date.fromisoformat(folder.name[3:]))
    return home


def adopt_until(world: DbtWorld, landed: Path, last: date, after: date = date.min) -> None:
    """Let the arrival days after one day until another arrive."""
    for feed in ("creators", "agencies", "live_sessions", "live_snapshots"):
        for folder in sorted((landed / "raw" / feed).glob("dt=*")):
            day = date.fromisoformat(folder.name[3:])
            if after < day <= last:
                world.adopt(feed, day, folder / "data.parquet")


@pytest.fixture(scope="module")
def built(
    landed: Path, seeded_world: DbtWorld, tmp_path_factory: pytest.TempPathFactory
) -> DbtWorld:
    """The world, in one build."""
    world = seeded_world.clone(tmp_path_factory.mktemp("built"))
    adopt_until(world, landed, WORLD.last_arrival_date)
    world.build(select=CORE, full_refresh=True)
    return world


def true_histories(landed: Path) -> dict[str, list[tuple[date, tuple[str, str | None, str]]]]:
    """For every creator, since which local day which market, agency and tier were true."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        rows = connection.execute(
            """select history.creator_id, history.updated_at, history.timezone,
                if(creators.country_is_empty, 'ZZ', history.market), history.agency_id, history.tier
            from read_parquet($1) as history
            inner join read_parquet($2) as creators using (creator_id)
            order by history.creator_id, history.updated_at""",
            [
                str(landed / "truth" / "creator_history.parquet"),
                str(landed / "truth" / "creators.parquet"),
            ],
        ).fetchall()
    histories: dict[str, list[tuple[date, tuple[str, str | None, str]]]] = defaultdict(list)
    for creator_id, updated_at, timezone, *told in rows:
        day = updated_at.astimezone(ZoneInfo(timezone)).date()
        known = histories[creator_id]
        if known:
            day = max(day, known[-1][0])
        known.append((day, (told[0], told[1], told[2])))
    return histories


def test_every_facts_market_agency_and_tier_are_the_truth_of_its_day(
    landed: Path, built: DbtWorld
) -> None:
    histories = true_histories(landed)

    def true_on(creator_id: str, day: date) -> tuple[str, str | None, str]:
        known = histories[creator_id]
        place = bisect_right([since for since, _ in known], day) - 1
        return known[max(place, 0)][1]

    changed = 0
    for table, day_column in (
        ("fct_creator_days", "local_date"),
        ("fct_live_sessions", "local_start_date"),
    ):
        rows = built.rows(
            f"select creator_id, {day_column}, market, agency_id, tier from marts.{table}"
        )
        assert len(rows) > 2_000
        wrong = [row for row in rows if row[2:] != true_on(row[0], row[1])]
        assert wrong == []
        changed += sum(row[2:] != true_on(row[0], date.max) for row in rows)
    # With the values of today, hundreds of rows would be wrong.
    assert changed > 500


def test_a_mover_takes_no_earlier_session_along_to_the_new_clock(
    landed: Path, built: DbtWorld
) -> None:
    built.execute(
        f"""create or replace table main.true_sessions as
        select session_id, creator_id, started_at at time zone 'UTC' as started_at, timezone,
            local_start_date
        from read_parquet('{landed}/truth/live_sessions.parquet/*.parquet')"""
    )
    moves = defaultdict(list)
    for creator_id, moved_at in built.rows(
        """select creator_id, valid_from_at from marts.dim_creators_history
        qualify timezone <> lag(timezone) over (partition by creator_id order by valid_from_at)"""
    ):
        moves[creator_id].append(moved_at)
    assert sum(map(len, moves.values())) > 25
    rows = built.rows(
        """select held.creator_id, held.started_at, held.timezone = truth.timezone
            and held.local_start_date = truth.local_start_date
        from marts.fct_live_sessions as held
        inner join main.true_sessions as truth using (session_id)
        where held.session_source = 'reported'"""
    )
    odd = [row[:2] for row in rows if not row[2]]
    # The feed notes a move some hours after its Monday began: those hours are by the old clock.
    late = [
        any(timedelta(0) <= moved_at - started_at < timedelta(hours=9) for moved_at in moves[name])
        for name, started_at in odd
    ]
    assert all(late)
    assert len(odd) < len(rows) / 500
    of_movers = sum(row[0] in moves for row in rows)
    assert of_movers > 200


def test_days_arriving_one_by_one_late_and_corrected_tell_the_histories_of_one_build(
    landed: Path, built: DbtWorld, seeded_world: DbtWorld, tmp_path: Path
) -> None:
    world = seeded_world.clone(tmp_path / "home")
    late = date(2026, 8, 4)
    ends = [date(2026, 7, 30), date(2026, 8, 5), date(2026, 8, 18), WORLD.last_arrival_date]
    before = date.min
    for number, end in enumerate(ends):
        adopt_until(world, landed, end, before)
        before = end
        if number == 1:
            # Without its creators, who come with the next build.
            world.withdraw("creators", late)
        if number == 2:
            world.adopt(
                "creators", late, landed / "raw" / "creators" / f"dt={late}" / "data.parquet"
            )
        world.build(select=CORE, finish=number != 1)
    assert world.contents(FACTS) == built.contents(FACTS)


def test_a_change_of_today_makes_only_days_from_today_on_again(world: DbtWorld) -> None:
    world.arrive("creators", FIRST_DAY, [creator("ana"), creator("bea")])
    days = [FIRST_DAY + timedelta(days=number) for number in range(6)]
    for day in days:
        rows = [
            session(f"{name}-{day}", moment(f"{day}T18:00"), 90, creator_id=name)
            for name in ("ana", "bea")
        ]
        world.arrive("live_sessions", day, rows)
    world.build(select=CORE)
    world.execute("update marts.fct_creator_days set diamonds = -1")

    moved = creator("ana", country="ES", agency_id="sur", updated_at=moment(f"{days[4]}T08:00"))
    world.arrive("creators", days[5], [moved])
    world.build(select=CORE)
    again = world.rows(
        """select creator_id, local_date, market, agency_id from marts.fct_creator_days
        where diamonds is distinct from -1 order by local_date"""
    )
    assert again == [("ana", day, "ES", "sur") for day in days[4:]]

    # It turns out that she had moved two days earlier: those follow, the others stay.
    world.execute("update marts.fct_creator_days set diamonds = -1")
    earlier = {**moved, "updated_at": moment(f"{days[2]}T08:00")}
    world.arrive("creators", days[4], [earlier])
    world.build(select=CORE)
    again = world.rows(
        """select creator_id, local_date, market from marts.fct_creator_days
        where diamonds is distinct from -1 order by local_date"""
    )
    assert again == [("ana", day, "ES") for day in days[2:4]]


def test_a_roster_sent_again_in_full_changes_no_history(world: DbtWorld) -> None:
    roster = [creator("ana"), creator("bea", country="CL")]
    world.arrive("creators", FIRST_DAY, roster)
    world.arrive("live_sessions", FIRST_DAY, [session("s1", moment("2024-04-01T18:00"), 60)])
    world.build(select=CORE)
    before = world.contents(FACTS)
    later = [{**row, "updated_at": moment("2024-04-02T00:00")} for row in roster]
    world.arrive("creators", FIRST_DAY + timedelta(days=1), roster)
    world.arrive("creators", FIRST_DAY + timedelta(days=2), later)
    world.build(select=CORE, finish=False)
    assert world.contents(FACTS) == before
    for queue in ("int_creator_histories_changed", "int_creator_histories_touched"):
        assert world.rows(f"select count(*) from intermediate.{queue}") == [(0,)]


ALL_TIME = ("1900-01-01", "9999-12-31")
EIGHT = "2024-02-01 08:00"
BEFORE = (("1900-01-01", "2024-01-31"), ("1900-01-01", EIGHT))
FOLLOWING = [
    # Days and instants of each version, and how many rows are wrong.
    ([(ALL_TIME, ALL_TIME)], 0),
    ([BEFORE, (("2024-02-01", "9999-12-31"), (EIGHT, "9999-12-31"))], 0),
    ([BEFORE, (("2024-02-02", "9999-12-31"), (EIGHT, "9999-12-31"))], 1),
    ([BEFORE, (("2024-01-31", "9999-12-31"), (EIGHT, "9999-12-31"))], 1),
    ([BEFORE, (("2024-02-01", "9999-12-31"), ("2024-02-01 07:00", "9999-12-31"))], 1),
    ([(("1900-01-01", "2024-01-31"), ALL_TIME)], 1),
    ([(("1950-01-01", "9999-12-31"), ALL_TIME)], 1),
]


def test_versions_that_leave_a_hole_or_overlap_are_found(seeded_world: DbtWorld) -> None:
    queries = []
    for versions, _ in FOLLOWING:
        rows = " union all ".join(
            f"select 'ana' as creator_id, date '{first}' as valid_from_date, "
            f"date '{last}' as valid_to_date, timestamp '{begin}' as valid_from_at, "
            f"timestamp '{end}' as valid_to_at"
            for (first, last), (begin, end) in versions
        )
        queries.append(f"""{{{{ test_follow_each_other("({rows})", 'creator_id') }}}}""")
    result = seeded_world.invoke("compile", "--inline", "\n;\n".join(queries))
    assert result.success, result.exception
    compiled = result.result.results[0].node.compiled_code.split(";")
    assert [len(seeded_world.rows(query)) for query in compiled] == [bad for _, bad in FOLLOWING]
