"""The working file: what a build reads, what it has to rebuild, and who may write.

What lives here: the home lock, the registration of raw partitions as relations that dbt reads, the
plan of a build (which partitions are new in it, whether code or seeds changed), and the mark that a
build is whole. What may not: transformations (those are models) and checks.

The file has three schemas beside the ones dbt builds: `raw` (views over the accepted Parquet
partitions), `arrived` (those of them that no release stands on yet, for the gate) and `ops` (the
ledger as tables, and what was built when).
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from orchestration import arrived
from orchestration.contracts.loader import FeedContract
from orchestration.errors import BilingualError
from orchestration.ingest.discover import raw_path
from orchestration.ingest.ledger import EventDay, Ledger, PartitionRecord
from orchestration.release.certificate import InputPartition, sorted_inputs
from orchestration.release.pointer import current_release
from orchestration.seeds.check import check_seeds
from orchestration.settings import Settings
from orchestration.versions import models_fingerprint

if TYPE_CHECKING:
    import duckdb

logger = logging.getLogger("semillero.run")

_LOCK_POLL_SECONDS = 0.2

_HELD = "Could not set lock"
"""How DuckDB says that another process has the file open."""

TOUCHED_QUEUES = (
    "intermediate.int_creator_histories_touched",
    "intermediate.int_creator_days_touched",
)
"""What builds found to be built again, kept until one of them is whole."""

_held_homes: dict[Path, int] = {}
"""Homes that this process holds, and how many callers hold each."""


class HomeBusyError(BilingualError):
    """Another run holds the home and did not let go within the configured wait."""


class WarehouseError(RuntimeError):
    """The working file cannot be used as it is."""


@contextmanager
def home_lock(settings: Settings, purpose: str) -> Iterator[None]:
    """Hold the home for one writer; wait for another run, at most `lock_wait_seconds`.

    A run holds it from its first step to its last: between the build and the publication of one
    run, no other may build. Who asks again in the process that has it is let in: the command line
    holds it before Dagster begins, and then the run's `Home` asks for it.

    The lock is the kernel's (flock): it ends with the process, also with a killed one, so no stale
    lock has ever to be removed by hand.

    Raises:
        HomeBusyError: Another process still holds it after the wait; the message names it.
    """
    home = settings.home
    with nullcontext() if _held_homes.get(home) else _flock(settings, purpose):
        _held_homes[home] = _held_homes.get(home, 0) + 1
        try:
            yield
        finally:
            _held_homes[home] -= 1


@contextmanager
def _flock(settings: Settings, purpose: str) -> Iterator[None]:
    settings.home.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + settings.lock_wait_seconds
    with (settings.home / "writer.lock").open("a+", encoding="utf-8") as handle:
        is_waiting = False
        while not _is_taken(handle):
            handle.seek(0)
            holder = handle.read().strip() or "another process"
            if time.monotonic() >= deadline:
                raise HomeBusyError(
                    f"{settings.home} is being written by {holder}, and still was after "
                    f"{settings.lock_wait_seconds} s. Wait for it to end, or stop it, then run "
                    "again.",
                    f"En {settings.home} está escribiendo {holder}, y así seguía después de "
                    f"{settings.lock_wait_seconds} s. Espere a que termine, o deténgalo, y repita "
                    "el comando.",
                )
            if not is_waiting:
                logger.info("Waiting for %s, which is writing %s ...", holder, settings.home)
            is_waiting = True
            time.sleep(_LOCK_POLL_SECONDS)
        handle.seek(0)
        handle.truncate()
        handle.write(f"process {os.getpid()} ({purpose})\n")
        handle.flush()
        try:
            yield
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)


def _is_taken(handle: TextIO) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@dataclass(frozen=True)
class BuildPlan:
    """What a build has to do.

    Attributes:
        build_id: The run that builds; publication asks for it again.
        full_refresh: Everything is built anew.
        why_anew: Why, as the end of a sentence; empty where it is not.
        pending: (feed, arrival day) of the partitions whose revision is not in the warehouse yet.
    """

    build_id: str
    full_refresh: bool
    why_anew: str
    pending: tuple[tuple[str, date], ...]


def connect(settings: Settings, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open the working file with the configured limits.

    Raises:
        WarehouseError: The file is damaged, or another process still has it open after
            `lock_wait_seconds`.
    """
    import duckdb

    settings.home.mkdir(parents=True, exist_ok=True)
    # The path itself is never SQL; options are ours.
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": settings.duckdb_memory_limit,
        "temp_directory": str(settings.scratch / "duckdb"),
    }
    if settings.duckdb_threads:
        config["threads"] = settings.duckdb_threads
    deadline = time.monotonic() + settings.lock_wait_seconds
    is_waiting = False
    while True:
        try:
            connection = duckdb.connect(str(settings.warehouse), read_only=read_only, config=config)
            break
        except duckdb.Error as error:
            said = f"{settings.warehouse}: {str(error).splitlines()[0]}."
            if _HELD not in said:
                raise WarehouseError(
                    f"The warehouse cannot be opened. {said} If the file is damaged, delete it: "
                    "the next run rebuilds it from raw/."
                ) from error
            if time.monotonic() >= deadline:
                raise WarehouseError(
                    f"The warehouse is open in another program. {said} Close that (BI reads "
                    "`current/marts.duckdb`, never this file), then run again."
                ) from error
        # The dbt of a killed run ends only after the model that it is building.
        if not is_waiting:
            logger.info("Waiting for the program that has %s open ...", settings.warehouse)
        is_waiting = True
        time.sleep(_LOCK_POLL_SECONDS)
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def plan_build(
    settings: Settings, contracts: Mapping[str, FeedContract], build_id: str
) -> BuildPlan:
    """Register what the ledger accepts in the warehouse and say what has to be built.

    Everything is written in one transaction, so a crash leaves the earlier registration.

    Raises:
        SeedError: The seeds contradict themselves; nothing was written.
    """
    with Ledger(settings.ledger) as ledger:
        partitions = tuple(ledger.partitions())
        event_days = ledger.event_days()
        rule_months = ledger.rule_months()
    check_seeds()
    partitions = tuple(partition for partition in partitions if partition.feed in contracts)
    fingerprint = models_fingerprint()
    connection = connect(settings)
    try:
        connection.execute("BEGIN")
        _create_own_tables(connection)
        last_build = connection.execute(
            """select models_fingerprint, is_full_refresh, is_complete
            from ops.builds order by build_number desc limit 1"""
        ).fetchone()
        loaded = {
            (feed, day): revision
            for feed, day, revision in connection.execute(
                "select feed, arrival_date, revision from ops.loaded_partitions"
            ).fetchall()
        }
        accepted = {(partition.feed, partition.day): partition.revision for partition in partitions}
        why_anew = _why_anew(last_build, fingerprint, loaded.keys() - accepted.keys())
        full_refresh = bool(why_anew)
        if full_refresh:
            loaded = {}
            connection.execute("delete from ops.loaded_partitions")
        pending = tuple(sorted(key for key in accepted if loaded.get(key) != accepted[key]))
        _write_ledger_tables(connection, partitions, event_days, set(pending))
        _insert_json(
            connection,
            "ops.rule_months",
            [
                {"month_start_date": month.isoformat(), "is_as_is": is_as_is}
                for month, is_as_is in rule_months.items()
            ],
        )
        _register_feeds(connection, settings, contracts, partitions)
        connection.execute(
            """insert into ops.builds
            select coalesce(max(build_number), 0) + 1, ?, ?, ?, false, ?, null from ops.builds""",
            [build_id, fingerprint, full_refresh, datetime.now(UTC)],
        )
        connection.execute("COMMIT")
    finally:
        connection.close()
    return BuildPlan(build_id, full_refresh, why_anew, pending)


def _why_anew(
    last_build: tuple[str, bool, bool] | None,
    fingerprint: str,
    vanished: AbstractSet[tuple[str, date]],
) -> str:
    if last_build is None:
        return ", the first build"
    last_fingerprint, was_full_refresh, was_completed = last_build
    if last_fingerprint != fingerprint:
        return ", everything anew: models, seeds or engines changed"
    if vanished:
        return ", everything anew: partitions are gone"
    if was_full_refresh and not was_completed:
        # It left tables of both states.
        return ", everything anew: the last such build broke off"
    return ""


def release_inputs(
    settings: Settings, contracts: Mapping[str, FeedContract]
) -> tuple[InputPartition, ...]:
    """Everything the ledger accepts, as the inputs of a release."""
    with Ledger(settings.ledger) as ledger:
        partitions = [each for each in ledger.partitions() if each.feed in contracts]
    return sorted_inputs(
        [
            InputPartition(
                feed=partition.feed,
                arrival_date=partition.day,
                revision=partition.revision,
                files=tuple((file.name, file.sha256) for file in partition.files),
                accepted=partition.accepted_count,
                refused=partition.refused_count,
                duplicate=partition.duplicate_count,
            )
            for partition in partitions
        ]
    )


def months_as_is(settings: Settings) -> tuple[str, ...]:
    """The months that go by the rules of today, like 2026-07, in order."""
    with Ledger(settings.ledger) as ledger:
        chosen = ledger.rule_months()
    return tuple(f"{month:%Y-%m}" for month, is_as_is in sorted(chosen.items()) if is_as_is)


def finish_build(settings: Settings, plan: BuildPlan) -> None:
    """Mark the plan's partitions as loaded; only after every model of the build succeeded.

    Until then the next run plans them again, and the queues of touched histories and creator days
    keep what an unfinished build had found, so that none is forgotten.
    """
    connection = connect(settings)
    try:
        connection.execute("BEGIN")
        connection.execute("delete from ops.loaded_partitions")
        connection.execute(
            """insert into ops.loaded_partitions
            select feed, arrival_date, revision from ops.raw_partitions"""
        )
        for queue in TOUCHED_QUEUES:
            connection.execute(f"delete from {queue}")
        connection.execute("update ops.raw_partitions set is_pending = false")
        connection.execute(
            "update ops.builds set is_complete = true, finished_at = ? where build_id = ?",
            [datetime.now(UTC), plan.build_id],
        )
        connection.execute("COMMIT")
        connection.execute("CHECKPOINT")
    finally:
        connection.close()


def last_build_id(settings: Settings) -> str | None:
    """The build that the warehouse holds, if it is whole.

    None where the last build was not finished: what the file holds then is between two states.
    """
    if not settings.warehouse.exists():
        return None
    connection = connect(settings, read_only=True)
    try:
        row = connection.execute(
            "select build_id, is_complete from ops.builds order by build_number desc limit 1"
        ).fetchone()
    finally:
        connection.close()
    return str(row[0]) if row and row[1] else None


def _create_own_tables(connection: duckdb.DuckDBPyConnection) -> None:
    for statement in (
        "create schema if not exists raw",
        "create schema if not exists ops",
        "create schema if not exists intermediate",
        # Written anew for every build, so that a newer Semillero may give them other columns.
        """create or replace table ops.raw_partitions (
            feed varchar, arrival_date date, revision varchar, accepted_count bigint,
            refused_count bigint, duplicate_count bigint, is_pending boolean)""",
        """create or replace table ops.raw_event_days (
            feed varchar, arrival_date date, event_date date, row_count bigint)""",
        """create or replace table ops.rule_months (
            month_start_date date, is_as_is boolean)""",
        """create table if not exists ops.loaded_partitions (
            feed varchar, arrival_date date, revision varchar)""",
        """create table if not exists ops.builds (
            build_number bigint, build_id varchar, models_fingerprint varchar,
            is_full_refresh boolean, is_complete boolean, started_at timestamptz,
            finished_at timestamptz)""",
    ):
        connection.execute(statement)


def _write_ledger_tables(
    connection: duckdb.DuckDBPyConnection,
    partitions: Sequence[PartitionRecord],
    event_days: Sequence[EventDay],
    pending: set[tuple[str, date]],
) -> None:
    partition_rows = [
        {
            "feed": partition.feed,
            "arrival_date": partition.day.isoformat(),
            "revision": partition.revision,
            "accepted_count": partition.accepted_count,
            "refused_count": partition.refused_count,
            "duplicate_count": partition.duplicate_count,
            "is_pending": (partition.feed, partition.day) in pending,
        }
        for partition in partitions
    ]
    event_rows = [
        {
            "feed": each.feed,
            "arrival_date": each.arrival_date.isoformat(),
            "event_date": each.event_date.isoformat(),
            "row_count": each.row_count,
        }
        for each in event_days
    ]
    _insert_json(connection, "ops.raw_partitions", partition_rows)
    _insert_json(connection, "ops.raw_event_days", event_rows)


def _insert_json(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, object]]
) -> None:
    """Insert small ledger rows in one statement: DuckDB's executemany is one a row."""
    if not rows:
        return
    columns = connection.execute(f"describe {table}").fetchall()
    structure = json.dumps([{name: kind for name, kind, *_ in columns}])
    connection.execute(
        f"insert into {table} select unnest(from_json(?, ?), recursive := true)",
        [json.dumps(rows), structure],
    )


def _raw_files(
    settings: Settings,
    contracts: Mapping[str, FeedContract],
    partitions: Sequence[PartitionRecord],
) -> dict[str, dict[Path, PartitionRecord]]:
    """The accepted Parquet files of each feed, each with the partition that it holds.

    The list is explicit, so that a partition half written or refused later is not read.
    """
    files: dict[str, dict[Path, PartitionRecord]] = {feed: {} for feed in contracts}
    for partition in partitions:
        path = raw_path(partition.feed, partition.day, settings)
        files[partition.feed][path] = partition
    for feed, found in files.items():
        missing = [str(path) for path in found if not path.exists()]
        if missing:
            raise WarehouseError(
                f"The ledger knows {len(missing)} accepted partitions of {feed} whose file is "
                f"gone, the first is {missing[0]}. Run `semillero run` over these days: what is "
                "still in landing/ is read again."
            )
    return files


def _released_revisions(settings: Settings) -> set[tuple[str, date, str]]:
    """The partitions that the current release was made of: they have passed the gate."""
    current = current_release(settings)
    if current is None:
        return set()
    return {(each.feed, each.arrival_date, each.revision) for each in current.certificate.inputs}


def _register_feeds(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    contracts: Mapping[str, FeedContract],
    partitions: Sequence[PartitionRecord],
) -> None:
    """(Re)create `raw.<feed>`, a view over all accepted partitions, and `arrived.<feed>`."""
    files = _raw_files(settings, contracts, partitions)
    released = _released_revisions(settings)
    news = {
        feed: [
            path
            for path, partition in found.items()
            if (feed, partition.day, partition.revision) not in released
        ]
        for feed, found in files.items()
    }
    odd = arrived.register(connection, contracts, news)
    for feed, contract in contracts.items():
        # Files of earlier releases have every column; the gate saw to it.
        is_all_news = len(news[feed]) == len(files[feed])
        present = odd.get(feed, set()) if is_all_news else set(contract.raw_types())
        query = arrived.select_from_raw(
            contract, list(files[feed]), present=present, by_name=feed in odd
        )
        connection.execute(f'create or replace view raw."{feed}" as {query}')
