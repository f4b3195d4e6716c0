"""A simulated world agrees with itself, with its truth, and with what it says of its dirt.

The files are read with plain DuckDB readers as text, so that nothing of the pipeline can make a
world look right.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.contracts.loader import load_contracts
from orchestration.simulate import WorldOptions, WorldSummary, audience, simulate
from orchestration.simulate.landing import DRIFT, LAYOUTS
from orchestration.simulate.options import DIRT_KINDS


@dataclass(frozen=True)
class World:
    """A world that was made, and a connection on which to ask about its files."""

    summary: WorldSummary
    options: WorldOptions
    connection: duckdb.DuckDBPyConnection

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        return self.connection.execute(query).fetchall()

    @property
    def missing_days(self) -> set[date]:
        """The arrival days of `live_sessions` that never come, as the truth says."""
        said = json.loads((self.summary.truth / "truth.json").read_text(encoding="utf-8"))
        return {date.fromisoformat(day) for day in said["missing_days"]["live_sessions"]}

    def number(self, query: str) -> float:
        """The single number that a query gives."""
        return float(self.ask(query)[0][0])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A dirty mixed world: landed feeds as tables of text, the truth as `true_<name>`.

    A landed row also has `arrival` (date), `file` and `format`.
    """
    kinds = tuple(kind for kind in DIRT_KINDS if kind != "unit_change")
    options = WorldOptions(creators=1_500, days=75, seed=11, dirt=kinds)
    summary = simulate(tmp_path_factory.mktemp("world") / "landing", options)
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    for feed in summary.rows:
        _load(connection, summary.landing, feed)
    for path in summary.truth.glob("*.parquet"):
        connection.execute(
            f"create table true_{path.stem} as select * from read_parquet($path)",
            {"path": str(path)},
        )
    yield World(summary, options, connection)
    connection.close()


def _load(connection: duckdb.DuckDBPyConnection, landing: Path, feed: str) -> None:
    """Read all files of a feed as text; what a typed column shows is what it holds, with a Z."""
    names = [column.name for column in (*LAYOUTS[feed].columns, DRIFT)]
    declared = ", ".join(f'"{name}" varchar' for name in names)
    connection.execute(
        f"create table {feed} ({declared}, arrival date, file varchar, format varchar)"
    )
    texts = "{" + ", ".join(f"'{name}': 'varchar'" for name in names) + "}"
    same = "union_by_name = true, hive_partitioning = false, filename = true"
    files: dict[str, list[str]] = {}
    for path in sorted((landing / feed).glob("dt=*/*")):
        files.setdefault(path.name.split(".", 1)[1], []).append(str(path))
    for shape, paths in files.items():
        if shape == "parquet":
            source = f"read_parquet($paths, {same})"
        elif shape.startswith("jsonl"):
            source = f"read_json($paths, format = 'newline_delimited', columns = {texts}, {same})"
        else:
            source = f"read_csv($paths, all_varchar = true, header = true, {same})"
        columns = connection.execute(f"describe from {source}", {"paths": paths}).fetchall()
        shown = ", ".join(
            f"strftime({name}, '%Y-%m-%dT%H:%M:%SZ') as {name}"
            if kind == "TIMESTAMP WITH TIME ZONE"
            else f'cast("{name}" as varchar) as "{name}"'
            for name, kind, *_ in columns
            if name != "filename"
        )
        connection.execute(
            f"insert into {feed} by name select {shown}, '{shape}' as format, filename as file, "
            f"cast(regexp_extract(filename, 'dt=([0-9-]+)', 1) as date) as arrival from {source}",
            {"paths": paths},
        )


def _hashes(home: Path) -> dict[str, str]:
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("world_format", ["mixed", "csv.gz"])
def test_the_same_options_give_the_same_bytes_in_another_folder(
    tmp_path: Path, world_format: str
) -> None:
    options = WorldOptions(creators=200, days=20, seed=3, format=world_format)  # type: ignore[arg-type]
    for name in ("one", "two"):
        simulate(tmp_path / name / "landing", options)
    first, second = _hashes(tmp_path / "one"), _hashes(tmp_path / "two")
    assert first == second
    assert {name.split("/")[0] for name in first} == {"landing", "truth"}


@pytest.mark.parametrize(
    ("seed", "creators", "world_format"),
    [(7, 400, "mixed"), (1, 300, "csv.gz"), (23, 2_500, "parquet"), (5, 3, "jsonl")],
)
def test_a_longer_world_begins_with_the_bytes_of_a_shorter_one(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    creators: int,
    world_format: str,
) -> None:
    # A week of these worlds is worked on in several pieces then, as that of a large one is.
    monkeypatch.setattr(audience, "_AT_ONCE", 300)
    landed = {}
    for days in (40, 60):
        options = WorldOptions(
            creators=creators,
            days=days,
            seed=seed,
            format=world_format,  # type: ignore[arg-type]
            window_days=40,
            dirt="all",
        )
        summary = simulate(tmp_path / str(days) / "landing", options)
        landed[days] = _hashes(summary.landing)
        if days == options.window_days:
            assert summary.creators == creators
            last = options.last_arrival_date.isoformat()
    longer = {name: sha for name, sha in landed[60].items() if _arrival_in(name) <= last}
    assert landed[40] == longer
    assert len(landed[60]) > len(longer)


def _arrival_in(name: str) -> str:
    return name.split("dt=")[1].split("/", maxsplit=1)[0]


def test_the_first_bytes_of_a_world_do_not_depend_on_where_a_week_is_cut(tmp_path: Path) -> None:
    """Any last day will do: one of each weekday, and a window that is shorter than the world."""
    landed = {}
    for days in range(15, 23):
        options = WorldOptions(creators=120, days=days, seed=2, window_days=10, dirt="all")
        landed[days] = _hashes(simulate(tmp_path / str(days) / "landing", options).landing)
    for days in range(15, 22):
        assert landed[days].items() < landed[days + 1].items()


def test_another_seed_gives_another_world(tmp_path: Path) -> None:
    for seed in (1, 2):
        simulate(tmp_path / str(seed) / "landing", WorldOptions(creators=60, days=5, seed=seed))
    assert _hashes(tmp_path / "1") != _hashes(tmp_path / "2")


def test_a_clean_world_lands_exactly_its_truth(tmp_path: Path) -> None:
    summary = simulate(
        tmp_path / "landing", WorldOptions(creators=200, days=10, dirt="none", format="parquet")
    )
    assert set(summary.dirt.values()) == {0}
    assert summary.rows["live_sessions"] == summary.sessions > 0
    names = {path.suffix for path in (tmp_path / "landing").rglob("*.*") if path.is_file()}
    assert names == {".parquet"}


def test_the_smallest_world_can_be_made(tmp_path: Path) -> None:
    summary = simulate(tmp_path / "landing", WorldOptions(creators=1, days=1))
    assert summary.creators == 1
    assert (tmp_path / "truth" / "growth_week.parquet").exists()


def test_landed_columns_are_those_of_the_contracts_and_drift_is_not() -> None:
    contracts = load_contracts()
    for feed, layout in LAYOUTS.items():
        known = [column.name for column in contracts[feed].columns]
        assert sorted(column.name for column in layout.columns) == sorted(known), feed
        assert DRIFT.name not in known


def test_every_arrival_day_has_sessions_and_creators_and_none_lies_outside(world: World) -> None:
    days = world.options.days
    expected = [world.options.first_arrival_date + timedelta(days=n) for n in range(days)]
    for feed in ("live_sessions", "creators"):
        landed = [row[0] for row in world.ask(f"select distinct arrival from {feed} order by all")]
        missing = world.missing_days if feed == "live_sessions" else set()
        assert landed == [day for day in expected if day not in missing], feed
    assert world.summary.files == sum(1 for p in world.summary.landing.rglob("*") if p.is_file())


def test_a_mixed_world_uses_every_format(world: World) -> None:
    formats = {row[0] for row in world.ask("select distinct format from live_sessions")}
    assert formats == {"parquet", "csv", "csv.gz", "jsonl", "jsonl.gz"}


def test_true_sessions_are_possible(world: World) -> None:
    assert world.number("select count(*) from true_live_sessions") == world.summary.sessions
    impossible = """
        select count(*) from true_live_sessions
        where ended_at <= started_at
            or viewer_seconds > peak_viewers * epoch(ended_at - started_at)
            or unique_viewers < peak_viewers
            or gifters > unique_viewers
            or diamonds < gifters
            or (gifters = 0 and diamonds > 0)
            or least(likes, comments, shares, new_followers, gifters, viewer_seconds) < 0
            or updated_at <= ended_at
    """
    assert world.number(impossible) == 0


def test_what_wins_by_the_rules_is_the_truth(world: World) -> None:
    horizon_days = 35
    differences = world.ask(f"""
        with acceptable as (
            select * from live_sessions
            where creator_id is not null
                and started_at like '%Z'
                and cast(diamonds as bigint) >= 0
                and (ended_at is null or ended_at >= started_at)
                and arrival - cast(started_at[:10] as date) <= {horizon_days}
        ),
        winners as (
            select * from acceptable
            qualify row_number() over (
                partition by session_id order by updated_at desc, arrival desc
            ) = 1
        ),
        landed as (
            select
                session_id, creator_id, platform, cast(started_at as timestamptz) as started_at,
                cast(ended_at as timestamptz) as ended_at,
                cast(diamonds as bigint) as diamonds,
                cast(viewer_seconds as bigint) as viewer_seconds,
                arrival - date '{world.options.start}' as arrival_day
            from winners
        ),
        known as (
            select
                session_id, creator_id, platform, started_at, ended_at, diamonds, viewer_seconds,
                arrival_day
            from true_live_sessions
        )
        (from landed except from known) union all (from known except from landed)
    """)
    assert differences == []


def test_dirt_is_counted_as_a_scan_of_the_files_finds_it(world: World) -> None:
    start = world.options.start
    scan = {
        "duplicate": """
            select sum(copies - 1) from (
                select count(*) as copies from live_sessions
                group by session_id, file, updated_at having count(*) > 1
            )""",
        "restated": """
            select count(*) from (
                select session_id from live_sessions where ended_at is not null
                group by session_id
                having count(distinct updated_at) > 1 and count(distinct arrival) > 1
            )""",
        "corrected_file": """
            select count(*) from (
                select session_id from live_sessions
                group by session_id, arrival
                having count(distinct updated_at) > 1 and count(distinct file) > 1
            )""",
        "clock_skew": """
            select count(*) from true_live_sessions
            where platform <> 'tiktok' and (clock_skew_seconds between 120 and 540)""",
        "bot_like": """
            select count(*) from true_live_sessions
            where ended_at - started_at > interval 4 hours and unique_viewers < 10
                and likes >= 10000""",
        "unit_change": "select 0",
        "missing_day": f"""
            select {world.options.days} - count(distinct arrival) from live_sessions""",
        "open_first": "select count(*) from live_sessions where ended_at is null",
        "late": f"""
            select count(*) from true_live_sessions
            where arrival_day - 1 > cast(ended_at as date) - date '{start}'
                and cast(updated_at as date) <= cast(ended_at as date) + 1
                and arrival_day - 1 - (cast(ended_at as date) - date '{start}') >= 2
            """,
        "end_before_start": "select count(*) from live_sessions where ended_at < started_at",
        "negative_diamonds": "select count(*) from live_sessions where diamonds like '-%'",
        "naive_timestamps": "select count(*) from live_sessions where started_at not like '%Z'",
        "missing_creator_id": "select count(*) from live_sessions where creator_id is null",
        "too_late": """
            select count(*) from live_sessions
            where arrival - cast(started_at[:10] as date) > 35""",
        "wrong_payout": "select count(distinct (payout_id, kind)) from true_payout_errors",
        "schema_drift": """
            select count(distinct file) from live_sessions where capture_quality is not null""",
    }
    found = {kind: int(world.number(query)) for kind, query in scan.items()}
    assert found == world.summary.dirt
    assert {kind for kind, count in found.items() if count == 0} == {"unit_change"}
    noted = dict(world.ask("select kind, count(*) from true_dirt group by kind"))
    # Days and files are no sessions; what is wrong with payouts has a table of its own.
    of_files = {"schema_drift", "missing_day", "unit_change", "wrong_payout"}
    assert noted == {kind: n for kind, n in found.items() if kind not in of_files}
    # A flag in the truth is on exactly what a scan would suspect.
    assert (
        world.number("select count(*) from true_live_sessions where is_bot_like")
        == (found["bot_like"])
    )


def test_a_corrected_file_holds_the_day_again_and_wins(world: World) -> None:
    days = world.ask("""
        select arrival, count(distinct file) from live_sessions
        group by arrival having count(distinct file) > 1""")
    assert days
    assert all(count == 2 for _, count in days)
    assert (
        world.number("""
            select count(*) from live_sessions as first
            inner join live_sessions as second using (session_id, arrival)
            where first.file not like '%^_v2.%' escape '^'
                and second.file like '%^_v2.%' escape '^'
                and first.updated_at > second.updated_at""")
        == 0
    )


def test_what_a_missing_day_took_is_kept_apart(world: World) -> None:
    lost = world.ask("select distinct arrival_day from true_lost_sessions order by all")
    start = world.options.start
    assert {start + timedelta(days=row[0]) for row in lost} == world.missing_days
    landed = """
        select count(*) from true_lost_sessions semi join live_sessions using (session_id)"""
    assert world.number(landed) == 0
    known = """
        select count(*) from true_lost_sessions semi join true_live_sessions using (session_id)"""
    assert world.number(known) == 0


@pytest.mark.parametrize("kind", ["duplicate", "late", "too_late", "missing_day", "clock_skew"])
def test_a_kind_of_dirt_alone_moves_nothing_else(tmp_path: Path, kind: str) -> None:
    seen: dict[str, set[tuple[Any, ...]]] = {}
    for dirt in ("none", kind):
        options = WorldOptions(creators=600, days=60, seed=4, dirt=dirt, format="parquet")
        summary = simulate(tmp_path / dirt / "landing", options)
        assert all((count > 0) == (name == dirt) for name, count in summary.dirt.items())
        seen[dirt] = set(
            duckdb.execute(
                """
                select session_id, creator_id, platform, viewer_seconds, likes, diamonds
                from read_parquet([$known, $lost])
                """,
                {
                    "known": str(summary.truth / "live_sessions.parquet" / "*.parquet"),
                    "lost": str(summary.truth / "lost_sessions.parquet" / "*.parquet"),
                },
            ).fetchall()
        )
    # Late rows and clocks that are ahead may lie beyond the last arrival day, which is all.
    assert seen[kind] <= seen["none"]
    assert len(seen[kind]) > 0.98 * len(seen["none"])


def test_changed_units_are_in_the_files_and_not_in_the_truth(tmp_path: Path) -> None:
    options = WorldOptions(creators=200, days=45, dirt="unit_change", format="parquet")
    summary = simulate(tmp_path / "landing", options)
    factors = duckdb.execute(
        """
        select landed.viewer_seconds / known.viewer_seconds as factor,
            min(arrival_day), max(arrival_day)
        from read_parquet($landed) as landed
        inner join read_parquet($truth) as known using (session_id)
        where known.viewer_seconds > 0
        group by factor order by factor
        """,
        {
            "landed": str(summary.landing / "live_sessions" / "*" / "*.parquet"),
            "truth": str(summary.truth / "live_sessions.parquet"),
        },
    ).fetchall()
    assert factors == [(1.0, 1, 39), (1_000.0, 40, 45)]
    assert summary.dirt["unit_change"] > 0


def test_no_file_carries_more_refusable_rows_than_its_contract_tolerates(world: World) -> None:
    tolerated = load_contracts()["live_sessions"].max_refused_share
    worst = world.number("""
        select max(share) from (
            select
                count(*) filter (
                    creator_id is null or started_at not like '%Z' or diamonds like '-%'
                    or ended_at < started_at or arrival - cast(started_at[:10] as date) > 35
                ) / count(*) as share
            from live_sessions group by file
        )""")
    assert 0 < worst <= tolerated


def test_truth_json_says_what_the_summary_says(world: World) -> None:
    said = json.loads((world.summary.truth / "truth.json").read_text(encoding="utf-8"))
    assert said["options"]["creators"] == world.options.creators
    assert said["dirt"] == world.summary.dirt
    assert {feed: counts["rows"] for feed, counts in said["feeds"].items()} == world.summary.rows
    for feed, rows in world.summary.rows.items():
        assert world.number(f"select count(*) from {feed}") == rows


def test_onboarding_goes_in_order_and_loses_people_at_each_step(world: World) -> None:
    disordered = """
        select count(*) from true_creators
        where approved_at <= applied_at or trained_at <= approved_at or first_live_at <= trained_at
            or (trained_at is not null and approved_at is null)
            or (first_live_at is not null and trained_at is null)
    """
    assert world.number(disordered) == 0
    counts = dict(world.ask("select step, count(*) from onboarding_events group by step"))
    assert counts["applied"] > counts["approved"] > counts["trained"] > 0
    assert world.number("select count(*) - count(distinct event_id) from onboarding_events") == 0
    early = """
        select count(*) from onboarding_events
        where arrival <> cast(occurred_at[:10] as date) + 1"""
    assert world.number(early) == 0


def test_nobody_is_live_before_the_first_live_or_after_dropping_out(world: World) -> None:
    wrong = """
        select count(*) from true_live_sessions
        inner join true_creators using (creator_id)
        where first_live_at is null or started_at < first_live_at
    """
    assert world.number(wrong) == 0
    firsts = """
        select count(*) from true_creators
        where not is_existing and first_live_at is not null
            and first_live_at < (select max(started_at) - interval 3 days from true_live_sessions)
            and not exists (
                select 1
                from (from true_live_sessions union all from true_lost_sessions) as sessions
                where sessions.creator_id = true_creators.creator_id
                    and sessions.started_at - to_seconds(clock_skew_seconds)
                        = true_creators.first_live_at
            )
    """
    assert world.number(firsts) == 0


def test_a_creator_is_on_two_shows_at_once_only_on_two_platforms(world: World) -> None:
    overlaps = """
        select count(*) from (
            select
                started_at < max(ended_at) over (
                    partition by creator_id, platform order by started_at, session_id
                    rows between unbounded preceding and 1 preceding
                ) as collides
            from true_live_sessions
        ) where collides"""
    assert world.number(overlaps) == 0
    assert world.number("select count(distinct platform) from true_live_sessions") == 3


def test_creators_are_known_before_they_are_live_and_change_forward(world: World) -> None:
    unknown = """
        select count(*) from live_sessions as sessions
        where creator_id is not null and not exists (
            select 1 from creators
            where creators.creator_id = sessions.creator_id
                and creators.arrival <= sessions.arrival
        )"""
    assert world.number(unknown) == 0
    repeated = """
        select count(*) from (
            select 1 from creators group by creator_id, arrival having count(*) > 1
        )"""
    assert world.number(repeated) == 0
    backwards = """
        select count(*) from (
            select updated_at <= lag(updated_at) over (
                partition by creator_id order by arrival
            ) as goes_back
            from creators
        ) where goes_back"""
    assert world.number(backwards) == 0
    assert world.number("select count(distinct creator_id) from creators") == 1_500
    latest = """
        select count(*) from (
            select * from creators
            qualify row_number() over (partition by creator_id order by arrival desc) = 1
        ) as latest
        inner join true_creators using (creator_id)
        where latest.status <> true_creators.status
            or latest.tier <> true_creators.tier
            or latest.agency_id is distinct from true_creators.agency_id"""
    assert world.number(latest) == 0


def test_an_empty_time_zone_leaves_the_local_day_true(world: World) -> None:
    rows = world.ask("""
        select distinct country, true_creators.timezone
        from creators inner join true_creators using (creator_id)
        where creators.timezone is null""")
    seeds = Path(__file__).parents[3] / "seeds" / "markets.csv"
    zone_of = dict(
        world.connection.execute(
            "select country, timezone from read_csv($path)", {"path": str(seeds)}
        ).fetchall()
    )
    assert rows
    assert all(zone_of[country] == zone for country, zone in rows)


def test_shows_start_in_the_local_evening(world: World) -> None:
    by_hour = dict(
        world.ask("""
            select hour(started_at at time zone timezone) as local_hour, count(*)
            from true_live_sessions group by local_hour""")
    )
    assert max(by_hour, key=lambda hour: by_hour[hour]) in {19, 20, 21}
    assert by_hour[20] > 10 * by_hour.get(4, 0)
    # The local date in the truth is what DuckDB's own time zones say.
    assert (
        world.number("""
            select count(*) from true_live_sessions
            where local_start_date <> cast(started_at at time zone timezone as date)""")
        == 0
    )


def test_shows_look_like_shows(world: World) -> None:
    low, median, high, longest = world.ask("""
        with hours as (select epoch(ended_at - started_at) / 3600 as h from true_live_sessions)
        select quantile_cont(h, 0.05), median(h), quantile_cont(h, 0.95), max(h) from hours""")[0]
    assert low > 0.2
    assert 1.2 < median < 1.8
    assert 3.0 < high < 7.0
    assert longest > 24
    tail = world.ask("""
        select sum(diamonds) filter (place <= 0.1) / sum(diamonds) from (
            select diamonds, percent_rank() over (order by diamonds desc) as place
            from (select sum(diamonds) as diamonds from true_live_sessions group by creator_id)
        )""")[0][0]
    assert tail > 0.5


def test_weekly_retention_falls_fast_at_first_and_ever_slower(world: World) -> None:
    weeks = [
        row[0]
        for row in world.ask("""
            with cohort as (
                select creator_id, timezone,
                    date_trunc('week', first_live_at at time zone timezone) as first_week
                from true_creators
                where not is_existing
                    and first_live_at < (
                        select max(started_at) - interval 35 days from true_live_sessions
                    )
            )
            select count(distinct creator_id)
            from cohort inner join true_live_sessions using (creator_id)
            group by date_diff('week', first_week, date_trunc('week', local_start_date))
            order by date_diff('week', first_week, date_trunc('week', local_start_date))
            limit 5""")
    ]
    assert len(weeks) == 5
    first_drop = weeks[0] - weeks[1]
    assert first_drop > weeks[1] - weeks[2] > 0
    assert first_drop > 2 * (weeks[3] - weeks[4])
    assert weeks[4] > 0.3 * weeks[0]


def test_growth_accounting_in_the_truth_adds_up(world: World) -> None:
    broken = """
        select count(*) from (
            select *,
                lag(active_count, 1, 0) over (
                    partition by segment_kind, segment_value order by period_start_date
                ) as active_before
            from true_growth_week
        )
        where active_count <> new_count + retained_count + resurrected_count
            or active_count <> active_before - churned_count + new_count + resurrected_count
            or weekday(period_start_date) <> 1
    """
    assert world.number(broken) == 0
    live = world.number("select count(distinct creator_id) from true_live_sessions")
    new = world.ask("""
        select segment_kind, sum(new_count) from true_growth_week
        group by segment_kind order by segment_kind""")
    assert new == [("all", live), ("category", live), ("market", live)]
    assert world.summary.creators_live == live


def test_growth_accounting_is_what_the_true_sessions_say(world: World) -> None:
    counted = world.ask("""
        select cast(date_trunc('week', local_start_date) as date) as week,
            count(distinct creator_id)
        from true_live_sessions group by week order by week""")
    said = world.ask("""
        select period_start_date, active_count from true_growth_week
        where segment_kind = 'all' order by period_start_date""")
    assert counted == said
