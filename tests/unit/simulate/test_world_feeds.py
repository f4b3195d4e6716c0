"""What a world lands beside its sessions agrees with them, and the pipeline takes all of it in.

The first world is large enough for a part of its creators to be known by polls alone. Files go
through the real ingest; its raw files and quarantine are held against the truth beside the world.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.contracts.loader import load_contracts
from orchestration.ingest import Ingestor
from orchestration.settings import Settings
from orchestration.simulate import WorldError, WorldOptions, WorldSummary, simulate
from orchestration.simulate.landing import LAYOUTS
from orchestration.simulate.options import DEFAULT_FEEDS
from orchestration.simulate.parameters import POLLED_LEAST_CREATORS

FOLLOWING = ("live_snapshots", "gifts", "asset_uses", "enforcement_events")
"""Feeds that follow from sessions and creators."""

OPTIONS = WorldOptions(creators=2_000, days=45, seed=3, gift_share=0.25)


@dataclass(frozen=True)
class Taken:
    """A world that went through ingest: raw feeds as views, the truth as `true_<name>`."""

    summary: WorldSummary
    refused: dict[str, int]
    outcomes: dict[str, set[str]]
    connection: duckdb.DuckDBPyConnection

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        return self.connection.execute(query).fetchall()

    def number(self, query: str) -> int:
        """The single number that a query gives."""
        return int(self.ask(query)[0][0])


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Taken]:
    home = tmp_path_factory.mktemp("feeds")
    summary = simulate(home / "landing", OPTIONS)
    refused = dict.fromkeys(summary.rows, 0)
    outcomes: dict[str, set[str]] = {feed: set() for feed in summary.rows}
    contracts, settings = load_contracts(), Settings(home=home, duckdb_threads=1)
    with Ingestor(settings) as ingestor:
        for feed in (*FOLLOWING, "live_sessions", "creators"):
            for number in range(1, OPTIONS.days + 1):
                day = OPTIONS.start + timedelta(days=number)
                if (settings.landing / feed / f"dt={day}").exists():
                    result = ingestor.ingest(contracts[feed], day)
                    refused[feed] += result.rows_refused
                    outcomes[feed].add(result.outcome)
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        for feed in (*FOLLOWING, "live_sessions", "creators"):
            files = sorted(str(path) for path in (home / "raw" / feed).rglob("*.parquet"))
            connection.execute(
                f"create table {feed} as select * from read_parquet($files, "
                "union_by_name = true, hive_partitioning = false)",
                {"files": files},
            )
        for path in summary.truth.glob("*.parquet"):
            connection.execute(
                f"create table true_{path.stem} as select * from read_parquet($path)",
                {"path": str(path)},
            )
        yield Taken(summary, refused, outcomes, connection)


def test_ingest_accepts_every_row_that_follows_from_sessions(taken: Taken) -> None:
    for feed in FOLLOWING:
        assert taken.outcomes[feed] == {"accepted"}, feed
        assert taken.refused[feed] == 0, feed
        assert 0 < taken.number(f"select count(*) from {feed}") <= taken.summary.rows[feed]


def test_gifts_sum_to_the_published_diamonds_of_their_sessions(taken: Taken) -> None:
    """Of every session but those of the last day, whose correction may still be on its way."""
    wrong = taken.ask(f"""
        with given as (
            select session_id, sum(diamonds) as diamonds, count(distinct sender_id) as senders,
                min(sent_at) as first_at, max(sent_at) as last_at, any_value(creator_id) as creator
            from gifts group by session_id
        )
        select sessions.session_id, sessions.diamonds, given.diamonds
        from true_live_sessions as sessions
        left join given on sessions.session_id = given.session_id
        where sessions.creator_id in (select creator_id from gifts)
            and sessions.ended_at < timestamptz '{OPTIONS.last_arrival_date}' - interval 1 day
            and (
                coalesce(given.diamonds, 0) <> sessions.diamonds
                or coalesce(given.senders, 0) > sessions.gifters
                or given.first_at < sessions.started_at or given.last_at > sessions.ended_at
                or given.creator <> sessions.creator_id
            )""")
    assert wrong == []
    assert taken.number("select count(distinct session_id) from gifts") > 500
    shared = taken.number("select count(distinct creator_id) from gifts")
    assert 0.15 < shared / taken.summary.creators_live < 0.35


def test_who_is_polled_is_in_no_other_feed_of_sessions_and_the_truth_has_both(
    taken: Taken,
) -> None:
    both = """
        select count(*) from live_sessions
        where creator_id in (select creator_id from live_snapshots)"""
    assert taken.number(both) == 0
    routes = dict(taken.ask("select route, count(*) from true_live_sessions group by route"))
    assert 0.02 < routes["live_snapshots"] / sum(routes.values()) < 0.12
    assert sum(routes.values()) == taken.summary.sessions


def test_polls_name_every_true_session_of_their_creators_and_nothing_else(taken: Taken) -> None:
    found = taken.ask("""
        with shown as (
            select polls.creator_id, polls.platform, polls.observed_at,
                polls.started_at as announced_at, sessions.session_id, sessions.started_at
            from live_snapshots as polls
            asof left join (
                select * from true_live_sessions where route = 'live_snapshots'
            ) as sessions
                on polls.creator_id = sessions.creator_id
                and polls.platform = sessions.platform
                and polls.observed_at >= sessions.started_at
        )
        select
            count(*) filter (session_id is null),
            count(distinct session_id),
            (select count(*) from true_live_sessions where route = 'live_snapshots')
        from shown""")
    strangers, sessions, true = found[0]
    assert strangers == 0
    assert sessions == true
    announced = taken.number("""
        select count(*) from true_live_sessions as sessions
        where route = 'live_snapshots' and not exists (
            select 1 from live_snapshots as polls
            where polls.creator_id = sessions.creator_id and polls.platform = sessions.platform
                and polls.started_at = sessions.started_at
        )""")
    # A restart announces a new start, and the polls before it may all have been missed.
    assert announced <= 0.02 * true


def test_a_ban_is_on_the_day_on_which_the_creators_feed_says_banned(taken: Taken) -> None:
    wrong = """
        select count(*) from enforcement_events as bans
        where severity = 'ban' and not exists (
            select 1 from creators
            where creators.creator_id = bans.creator_id and status = 'banned'
                and creators._dt = bans._dt
        )"""
    assert taken.number(wrong) == 0
    bans, all_measures = taken.ask(
        "select count(*) filter (severity = 'ban'), count(*) from enforcement_events"
    )[0]
    assert 0 < bans < all_measures
    # Nobody is LIVE after a ban.
    after = """
        select count(*) from true_live_sessions as sessions
        inner join enforcement_events as bans on sessions.creator_id = bans.creator_id
        where bans.severity = 'ban' and sessions.started_at > bans.occurred_at"""
    assert taken.number(after) == 0


def test_material_is_used_by_creators_that_are_known(taken: Taken) -> None:
    unknown = """
        select count(*) from asset_uses as uses
        where not exists (
            select 1 from creators
            where creators.creator_id = uses.creator_id and creators._dt <= uses._dt
        )"""
    assert taken.number(unknown) == 0
    languages = {row[0] for row in taken.ask("select distinct language from asset_uses")}
    assert languages == {None, "es", "en"}


# --- Which feeds are made ---------------------------------------------------------------------


def _hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_world_with_fewer_feeds_has_the_same_sessions_byte_for_byte(tmp_path: Path) -> None:
    options = WorldOptions(creators=400, days=20, seed=9)
    all_of_them = simulate(tmp_path / "all" / "landing", options)
    few = simulate(
        tmp_path / "few" / "landing", replace(options, feeds=("creators", "live_sessions"))
    )
    assert {path.name for path in few.landing.iterdir()} == {"creators", "live_sessions"}
    assert set(few.rows) == {"creators", "live_sessions"}
    for feed in few.rows:
        assert _hashes(few.landing / feed) == _hashes(all_of_them.landing / feed)
    for name in ("live_sessions.parquet", "creators.parquet", "growth_week.parquet"):
        few_files, all_files = few.truth / name, all_of_them.truth / name
        if few_files.is_dir():
            assert _hashes(few_files) == _hashes(all_files)
        else:
            assert few_files.read_bytes() == all_files.read_bytes()
    said = json.loads((few.truth / "truth.json").read_text(encoding="utf-8"))
    assert said["options"]["feeds"] == ["creators", "live_sessions"]


def test_who_is_not_polled_lands_the_same_with_and_without_polls(tmp_path: Path) -> None:
    options = WorldOptions(
        creators=POLLED_LEAST_CREATORS * 4, days=8, format="csv", polled_share=0.25
    )
    polled = simulate(tmp_path / "polled" / "landing", options)
    alone = simulate(tmp_path / "alone" / "landing", replace(options, polled_share=0.0))
    lines = {}
    for summary in (polled, alone):
        files = (summary.landing / "live_sessions").rglob("*.csv")
        lines[summary.landing] = {
            line for path in files for line in path.read_text(encoding="utf-8").splitlines()
        }
    assert lines[polled.landing] < lines[alone.landing]
    assert 0 < len(lines[polled.landing]) < len(lines[alone.landing])


def test_every_feed_that_is_made_has_a_contract_and_can_be_asked_for() -> None:
    assert set(LAYOUTS) == set(DEFAULT_FEEDS)
    assert set(LAYOUTS) <= set(load_contracts())


@pytest.mark.parametrize(
    "wrong",
    [
        {"feeds": ()},
        {"feeds": ("live_sessions", "memes")},
        {"gift_share": 1.5},
        {"polled_share": -0.1},
        {"poll_minutes": 0},
        {"poll_minutes": 40},
    ],
)
def test_impossible_feeds_are_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(WorldError, match=next(iter(wrong))):
        WorldOptions(**wrong)


def test_exports_are_made_where_they_are_asked_for_and_agree_with_the_sessions(
    tmp_path: Path,
) -> None:
    import openpyxl  # type: ignore[import-untyped]

    options = WorldOptions(
        creators=300, days=35, dirt=False, feeds=("live_sessions", "backstage_reports")
    )
    summary = simulate(tmp_path / "home" / "landing", options)
    said = json.loads((summary.truth / "backstage.json").read_text(encoding="utf-8"))
    exports = tmp_path / "home" / "exports"
    assert sorted(path.name for path in exports.iterdir()) == sorted(said["files"].values())
    assert len(said["files"]) == options.days
    for day in ("2026-07-20", "2026-07-31", "2026-08-03"):
        header, *rows = openpyxl.load_workbook(exports / said["files"][day]).worksheets[0].values
        shown = {
            row[header.index("Creator ID")]: (
                row[header.index("Diamonds")],
                row[header.index("LIVE streams")],
            )
            for row in rows
            if row[header.index("LIVE streams")]
        }
        true = duckdb.execute(
            """
            select creator_id, cast(sum(diamonds) as bigint), count(*)
            from read_parquet($sessions) as sessions
            inner join read_parquet($creators) as creators using (creator_id)
            where agency_id = $agency and ended_at is not null
                and local_start_date <= cast($day as date)
                and date_trunc('month', local_start_date) = date_trunc('month', cast($day as date))
            group by creator_id""",
            {
                "sessions": str(summary.truth / "live_sessions.parquet"),
                "creators": str(summary.truth / "creators.parquet"),
                "agency": said["agency_id"],
                "day": day,
            },
        ).fetchall()
        assert shown == {creator: (diamonds, count) for creator, diamonds, count in true}


def test_matches_are_in_the_exports_alone_and_their_truth_stands_beside_them(
    tmp_path: Path,
) -> None:
    import openpyxl

    options = WorldOptions(creators=900, days=35, feeds=("live_sessions", "backstage_reports"))
    summary = simulate(tmp_path / "home" / "landing", options)
    said = json.loads((summary.truth / "backstage.json").read_text(encoding="utf-8"))
    days = duckdb.read_parquet(str(summary.truth / "backstage_days.parquet"))
    creators, fighters, most = duckdb.execute(
        """
        with totals as (
            select creator_id, sum(matches) as matches, sum(live_seconds) as seconds,
                -- A total that was restated fell below what had come in matches.
                bool_and(match_diamonds <= diamonds or diamonds < 0) as is_part
            from days group by creator_id
        )
        select count(*), count(*) filter (where matches > 0), max(matches * 3600 / seconds)
        from totals where is_part"""
    ).fetchall()[0]
    assert creators == days.aggregate("count(distinct creator_id)").fetchall()[0][0]
    assert 0.4 < fighters / creators < 0.75
    assert most < 10
    for day in ("2026-07-31", "2026-08-03"):
        path = tmp_path / "home" / "exports" / said["files"][day]
        rows = list(openpyxl.load_workbook(path).worksheets[0].values)
        (start,) = [number for number, row in enumerate(rows) if "Creator ID" in row]
        header = rows[start]
        shown = {
            row[header.index("Creator ID")]: (
                int(str(row[header.index("Matches")]).replace(",", "")),
                int(str(row[header.index("Diamonds from matches")]).replace(",", "")),
            )
            for row in rows[start + 1 :]
        }
        true = duckdb.execute(
            """
            select creator_id, cast(sum(matches) as bigint), cast(sum(match_diamonds) as bigint)
            from days
            where local_date between date_trunc('month', cast($day as date)) and $day
            group by creator_id""",
            {"day": day},
        ).fetchall()
        seen = {creator: counts for creator, *counts in true if creator in shown}
        assert len(seen) > 10
        assert {creator: list(shown[creator]) for creator in seen} == seen
        assert shown
