"""The DuckDB connection that reads what others wrote: it sees its own folder and nothing else.

What lives here: how the ingesting connection is set up. What may not: queries about feeds.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from orchestration.settings import Settings
from orchestration.sql import literal

_COUNTED_MEMORY = 0.75
"""DuckDB counts its buffers. The rest of the limit is for what it does not count, and for Python:
a day of 50 million CSV rows took a fifth more than DuckDB was given."""


def open_connection(folder: Path, settings: Settings) -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB that can read and write below `folder` only, with its settings locked.

    A crafted file or name that reached SQL could still not read the machine, load an extension or
    undo these settings. Insertion order is kept: row numbers are read off it. DuckDB gives it up
    behind a join, so no list of allowed words may become one.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{int(settings.duckdb_memory_bytes * _COUNTED_MEMORY)}B",
        "temp_directory": str(folder / "spill"),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "preserve_insertion_order": True,
    }
    if settings.duckdb_threads:
        config["threads"] = settings.duckdb_threads
    connection = duckdb.connect(":memory:", config=config)
    _count_one_thread_more(connection)
    connection.execute("set TimeZone = 'UTC'")
    # A Python variable must never stand in for a table that a query forgot to make.
    connection.execute("set python_enable_replacements = false")
    connection.execute(f"set allowed_directories = [{literal(str(folder))}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set disabled_optimizers = 'in_clause'")
    connection.execute("set lock_configuration = true")
    # What contract rules ask of `time_zones` (see `check`): a lookup, and no join.
    connection.execute(
        "create temp type time_zone as enum (select distinct name from pg_timezone_names())"
    )
    return connection


def _count_one_thread_more(connection: duckdb.DuckDBPyConnection) -> None:
    """Let DuckDB count one thread more than it has.

    All threads read one JSON file together only where there are more of them than files; as many
    files as threads are read by one thread each, and a pattern line (see `read`) is a file. What
    is declared external is never started, so no more of them run than the settings allow.
    """
    (threads,) = connection.execute("select current_setting('threads')").fetchone() or (1,)
    connection.execute(f"set threads = {int(threads) + 1}")
    connection.execute("set external_threads = 2")
