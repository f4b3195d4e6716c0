"""How well sessions are found again in polls, and how fast: tables for the documents.

    .venv/bin/python bench/snapshots.py [million observations]

The first table is what `tests/oracles/test_snapshot_sessions.py` holds to its limits. The second
builds sessions of many polls anew, and then a day more, in the models themselves; DuckDB may use
4 GB.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from orchestration.settings import PROJECT_ROOT

sys.path[:0] = [str(PROJECT_ROOT / "tests" / name) for name in ("integration", "oracles")]

DAYS = 10
FIRST_DAY = date(2026, 7, 1)

# Every creator is on for two hours a day, polled every ten minutes: twelve polls a session.
_A_DAY = """
copy (
    select
        'c' || creator as creator_id, 'tiktok' as platform, 'music' as category,
        cast(null as varchar) as title, cast($day as timestamptz)
            + to_seconds(creator * 7919 % 75600) + to_minutes(10 * poll)
            + to_seconds((creator * 31 + poll * 17) % 45) as observed_at,
        (creator * 37 + poll * poll * 101) % 500 as viewer_count,
        cast($day as timestamptz) + to_seconds(creator * 7919 % 75600 - 120) as started_at,
        cast(null as varchar) as _extra, cast($day as date) as _dt, 'polls.parquet' as _file,
        row_number() over () as _row
    from range($creators) as creators (creator), range(12) as polls (poll)
) to $path (format parquet)
"""


def speed(million: int) -> None:
    """Print rows a second and the most memory, for a first build and for a day more."""
    import duckdb
    from dbt_world import DbtWorld

    creators = million * 1_000_000 // (12 * DAYS)
    with tempfile.TemporaryDirectory() as folder:
        world = DbtWorld(Path(folder))
        world.build(command="seed", finish=False)
        model = ("int_session_rule_periods", "int_observed_sessions_changed")
        selected = ("stg_ops__raw_partitions", "stg_ops__raw_event_days", "stg_raw__live_snapshots")
        for number in range(DAYS):
            day = FIRST_DAY + timedelta(days=number)
            partition = Path(folder) / "raw" / "live_snapshots" / f"dt={day}"
            partition.mkdir(parents=True)
            with duckdb.connect() as connection:
                connection.execute("set timezone = 'UTC'")
                connection.execute(
                    _A_DAY,
                    {"day": str(day), "creators": creators, "path": f"{partition}/data.parquet"},
                )
            world.register("live_snapshots", day, {day: creators * 12})
            if number < DAYS - 2:
                continue
            began = time.monotonic()
            world.build(select=(*selected, *model, "int_observed_sessions"))
            seconds = time.monotonic() - began
            rows = creators * 12 * (DAYS - 1 if number == DAYS - 2 else 1)
            name = "first build" if number == DAYS - 2 else "a day more"
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            print(
                f"{name:>12}: {rows:>12,} new observations, {seconds:6.1f} s, "
                f"{rows / seconds / 1e6:5.2f} M a second; at most {peak:.1f} GB so far"
            )


def main() -> None:
    """Print both tables."""
    from holodex_facts import HOLODEX
    from snapshot_proof import holodex_proof, simulated_proof, table

    with tempfile.TemporaryDirectory() as folder:
        scores = list(simulated_proof(Path(folder)))
    if HOLODEX.is_dir():
        with tempfile.TemporaryDirectory() as folder:
            scores.append(holodex_proof(Path(folder)))
    print(table(scores))
    print(f"\n{os.cpu_count()} cores")
    speed(int(sys.argv[1]) if len(sys.argv) > 1 else 20)


if __name__ == "__main__":
    main()
