"""The marts as an analyst would write them once for DuckDB alone; `bench/marts.py` times both.

    .venv/bin/python bench/by_hand.py <home> <database to write>

The files of `bench/by_hand/` from left to right, over a home's raw Parquet and the seeds' CSV: no
dbt, no incremental build, no checks. They give the same rows as the marts below, column by column
and type by type (`tests/integration/test_marts_by_hand.py`), of a world as it is simulated. What
they take for granted, and the models do not:

* rows of both routes, no Backstage exports, and no arrival day that somebody withdrew;
* seeds and declarations as shipped: one rule for polls, no rule that begins or ends in between, no
  month by other rules than those of its time, and the funnels, cohorts and segments by name;
* no clock that goes back over midnight, and no two of a creator's days that begin at one instant;
* a last complete day that lies less than five weeks before the last arrival.

What was expected of a KPI is not SQL on either side: the same function of this project is asked
once, between two files.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import duckdb

from orchestration.settings import PROJECT_ROOT

MARTS = (
    "dim_creators",
    "dim_creators_history",
    "fct_live_sessions",
    "fct_creator_days",
    "fct_valid_days",
    "growth_accounting",
    "cohort_retention",
    "funnel_creator_steps",
    "funnel_conversion",
    "kpi_daily",
    "kpi_contributions",
    "content_supply_hourly",
)
"""The marts that are made by hand. The others are small, or made of Backstage exports."""

_SERIES = "4_kpi_series.sql"
"""The file after which it is asked what was to be expected."""


def write_marts(home: Path, database: Path, memory_limit: str) -> None:
    """Run the script; its tables are in schema `main` of a new database."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit,
        "preserve_insertion_order": False,
    }
    with duckdb.connect(str(database), config=config) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set enable_progress_bar = false")
        connection.execute("set variable raw = $folder", {"folder": str(home / "raw")})
        connection.execute("set variable seeds = $folder", {"folder": str(PROJECT_ROOT / "seeds")})
        for path in sorted((PROJECT_ROOT / "bench" / "by_hand").glob("*.sql")):
            connection.execute(path.read_text(encoding="utf-8"))
            if path.name == _SERIES:
                _expect(connection)


def _expect(connection: duckdb.DuckDBPyConnection) -> None:
    from orchestration.inference.seasonal import judge

    connection.register("judged", judge(connection.execute("from kpi_series").df()))
    connection.execute("create table kpi_expectations as from judged")
    connection.unregister("judged")


def main() -> None:
    """Write the marts of a home."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("database", type=Path)
    parser.add_argument("--memory", default="3GB", help="what DuckDB may use")
    given = parser.parse_args()
    write_marts(given.home, given.database, given.memory)


if __name__ == "__main__":
    main()
