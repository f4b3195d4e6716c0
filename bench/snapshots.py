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


_YARDSTICK = """
select count(previous_at) from (
    select lag(observed_at) over (partition by creator_id, platform order by observed_at)
        as previous_at
    from raw.live_snapshots
)
"""
"""One sorted pass over the same rows: what any reading of polls in order has to pay."""


def speed(million: int) -> None:
    """Print what a first build and a day more cost in processor time, and the most memory.

    Wall time of a busy machine says little; processor seconds and their ratio to one pass say more.
    """
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
                connection.execute("set enable_progress_bar = false")
                connection.execute(
                    _A_DAY,
                    {"day": str(day), "creators": creators, "path": f"{partition}/data.parquet"},
                )
            world.register("live_snapshots", day, {day: creators * 12})
            if number < DAYS - 2:
                continue
            began = time.process_time()
            world.build(select=(*selected, *model, "int_observed_sessions"))
            seconds = time.process_time() - began
            is_first = number == DAYS - 2
            rows = creators * 12 * (DAYS - 1 if is_first else 1)
            began = time.process_time()
            world.rows(_YARDSTICK)
            sorted_pass = time.process_time() - began
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            print(
                f"{'first build' if is_first else 'a day more':>12}: {rows:>12,} new observations, "
                f"{seconds:6.1f} processor seconds; one sorted pass over all polls so far "
                f"{sorted_pass:6.1f} ({seconds / sorted_pass:.1f} x); at most {peak:.1f} GB"
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
