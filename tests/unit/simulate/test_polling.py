"""A simulated poller sees what was on, tells what is true, and goes wrong only as it was asked to.

What lives here: properties of the landed polls and of the truth beside them. What may not: whether
the pipeline finds the sessions again (`oracles/`).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from orchestration.simulate.polling import ALL_DIRT, Polled, PollingOptions, poll_sessions


def polled(tmp_path: Path, options: PollingOptions) -> tuple[duckdb.DuckDBPyConnection, Polled]:
    """Two hundred creators, a show of 90 minutes a day each for ten days, before 40 viewers."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.execute(
        """create table true_sessions as
        select 'c' || creator as creator_id, 'tiktok' as platform, 'music' as category,
            timestamptz '2026-07-01 00:00:00+00' + to_days(cast(day as integer))
                + to_minutes(creator * 7) as started_at,
            started_at + interval 90 minute as ended_at, 40.0 as average_viewers
        from range(200) as creators (creator), range(10) as days (day)"""
    )
    made = poll_sessions(connection, options, tmp_path / "landing", tmp_path / "truth")
    files = str(tmp_path / "landing" / "*" / "*" / "*.parquet")
    connection.execute(
        "create view landed as select * from read_parquet($f)".replace("$f", f"'{files}'")
    )
    connection.execute(
        f"create view truth as from read_parquet('{tmp_path}/truth/observed_sessions.parquet')"
    )
    return connection, made


def number(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def test_a_clean_poller_shows_every_show_in_time_and_nothing_else(tmp_path: Path) -> None:
    connection, made = polled(tmp_path, PollingOptions())
    assert made.sessions == made.seen == 2000
    assert number(connection, "select count(*) from landed") == made.rows
    assert 5 <= made.rows / 2000 <= 7
    outside = """select count(*) from landed where not exists (
        select 1 from true_sessions as shows
        where shows.creator_id = landed.creator_id and landed.started_at = shows.started_at
            and landed.observed_at >= shows.started_at and landed.observed_at < shows.ended_at)"""
    assert number(connection, outside) == 0
    assert len(list((tmp_path / "landing" / "live_snapshots").iterdir())) == 11


def test_the_same_options_give_the_same_polls(tmp_path: Path) -> None:
    one, _ = polled(tmp_path / "one", ALL_DIRT)
    two, _ = polled(tmp_path / "two", ALL_DIRT)
    query = "select * from landed order by all"
    assert one.execute(query).fetchall() == two.execute(query).fetchall()


@pytest.mark.parametrize(
    ("options", "is_there"),
    [
        (
            {"moved_start_rate": 1.0},
            """select count(*) from landed where not exists (select 1 from true_sessions as shows
            where shows.creator_id = landed.creator_id and shows.started_at = landed.started_at)""",
        ),
        (
            {"linger_rate": 1.0},
            """select count(*) from landed where not exists (select 1 from true_sessions as shows
            where shows.creator_id = landed.creator_id and landed.observed_at >= shows.started_at
                and landed.observed_at < shows.ended_at)""",
        ),
        (
            {"marathon_rate": 1.0},
            "select count(*) from truth where ended_at > started_at + interval 1 day",
        ),
        ({"second_platform_rate": 0.5}, "select count(*) from truth where platform = 'youtube'"),
        (
            {"restart_rate": 1.0},
            """select count(*) from (select distinct creator_id, started_at from landed)
            having count(*) > 3000 and (select count(*) from truth) = 2000""",
        ),
        (
            {"break_rate": 1.0, "break_seconds": (1200, 1500)},
            "select greatest(count(*) - 2000, 0) from truth",
        ),
        (
            {"repeated_row_rate": 0.5},
            "select count(*) - count(distinct (creator_id, observed_at)) from landed",
        ),
        ({"announces_starts": False}, "select count(*) from landed where started_at is null"),
    ],
)
def test_each_kind_of_dirt_is_there_when_asked_for(
    tmp_path: Path, options: dict[str, object], is_there: str
) -> None:
    connection, _ = polled(tmp_path, replace(PollingOptions(), **options))  # type: ignore[arg-type]
    assert number(connection, is_there) > 0


def test_polls_are_missed_in_outages_and_one_by_one(tmp_path: Path) -> None:
    _, clean = polled(tmp_path / "clean", PollingOptions())
    _, missed = polled(tmp_path / "missed", PollingOptions(missed_poll_rate=0.2))
    _, outages = polled(tmp_path / "outages", PollingOptions(outage_rate=1.0))
    assert 0.75 * clean.rows < missed.rows < 0.85 * clean.rows
    assert outages.rows < clean.rows
    assert outages.seen < clean.seen


@pytest.mark.parametrize("options", [{"interval_seconds": 0}, {"jitter_seconds": 900}])
def test_an_impossible_poller_is_refused_by_name(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        PollingOptions(**options)  # type: ignore[arg-type]
