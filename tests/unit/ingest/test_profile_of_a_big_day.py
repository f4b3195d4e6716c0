"""A day of more rows than the sample: exact counts, close quantiles, the same every time."""

from __future__ import annotations

import math
from pathlib import Path

import duckdb
import pytest

from orchestration.ingest.profile import SAMPLE_ROWS, Profile
from tests.unit.ingest.landed_world import DAY, World

ROWS = 4 * SAMPLE_ROWS
SESSIONS = f"""
    select
        's' || i as session_id, 'c' || i % 5000 as creator_id, 'tiktok' as platform,
        strftime(timestamp '{DAY} 00:00:00' + to_seconds(i % 80000), '%Y-%m-%dT%H:%M:%SZ')
            as started_at,
        null as ended_at,
        case when i % 10 < 3 then null else 'Directo ' || i end as title,
        -- In rounds of four, as a poller writes: every fourth row would be one of them.
        cast(power(10, i % 4) * (1 + hash(i) % 9) as bigint) as viewer_seconds,
        case when i = {ROWS // 2} then 'irl' else 'music' end as category
    from range({ROWS}) as numbers(i)
"""


def landed(folder: Path, name: str, where: str = "true") -> None:
    """Write the sessions, or some of them, as a landed file."""
    format_ = {"parquet": "parquet", "csv": "csv, header", "jsonl": "json"}[Path(name).suffix[1:]]
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(
            f"copy (select * from ({SESSIONS}) where {where}) to $path (format {format_})",
            {"path": str(folder / name)},
        )


def profile_of(world: World) -> Profile:
    """The profile that the ledger keeps of the day."""
    assert world.ingest("live_sessions").outcome == "accepted"
    with world.ledger() as ledger:
        (past,) = ledger.past_days("live_sessions", DAY.replace(day=DAY.day + 1), 1)
    return past.profile


@pytest.mark.parametrize("name", ["day.parquet", "day.csv", "day.jsonl"])
def test_counts_are_exact_and_quantiles_close_however_many_rows_there_are(
    world: World, name: str
) -> None:
    landed(world.folder("live_sessions"), name)
    profile = profile_of(world)
    title, seconds = profile.columns["title"], profile.columns["viewer_seconds"]
    assert (title.row_count, title.given_count) == (ROWS, ROWS * 7 // 10)
    assert title.null_share == pytest.approx(0.3)
    assert title.number_share == 0
    assert profile.columns["session_id"].given_count == ROWS
    # The one session of another category is not lost in a sample.
    assert profile.columns["category"].words == {"irl": 1, "music": ROWS - 1}
    assert SAMPLE_ROWS * 0.9 < seconds.measured_count < SAMPLE_ROWS * 1.1
    with duckdb.connect(config={"threads": 1}) as connection:
        row = connection.execute(
            f"select quantile_disc(viewer_seconds, [0.05, 0.25, 0.5, 0.75, 0.95]) from ({SESSIONS})"
        ).fetchone()
    assert row is not None
    for found, true in zip(seconds.quantiles or (), row[0], strict=True):
        assert abs(math.log(found / true)) <= math.log(2.5)


def test_a_day_of_two_files_has_the_profile_of_its_rows(world: World) -> None:
    folder = world.folder("live_sessions")
    landed(folder, "one.parquet", "hash(session_id) % 2 = 0")
    landed(folder, "two.csv", "hash(session_id) % 2 = 1")
    profile = profile_of(world)
    assert profile.columns["title"].given_count == ROWS * 7 // 10
    assert profile.columns["category"].words == {"irl": 1, "music": ROWS - 1}
    assert profile.columns["viewer_seconds"].delivered == {"parquet": "integer"}


def test_threads_do_not_change_a_profile(tmp_path: Path) -> None:
    profiles = []
    for threads in (1, 3):
        world = World(home=tmp_path / str(threads), options={"duckdb_threads": threads})
        landed(world.folder("live_sessions"), "day.csv")
        profiles.append(profile_of(world))
    assert profiles[0] == profiles[1]
