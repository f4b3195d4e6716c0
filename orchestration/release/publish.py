"""From a judged warehouse to a release that stands, and then to `current`.

What lives here: the one function that publishes, and the steps it takes. What may not: judging
(`checks.gate`), reading releases (`pointer`), proving them afterwards (`verify`).

Everything is made in a folder that no reader knows, forced to the disk, renamed to its final name,
and only then pointed to. So a crash between any two steps leaves `current` on the old release or on
the new one. Nothing that BI has open is ever opened for writing.

In `marts.duckdb` the tables stand in schema `main`, on purpose. DuckDB names the catalog after the
file, so a schema `marts` inside it would make every `marts.fct_creator_days` ambiguous between
catalog and schema, in every client. This way the name means the same table in the warehouse (schema
`marts`) and in the release (catalog `marts`), and bare names work too.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import duckdb

from orchestration.checks.evidence import valid_run_id
from orchestration.checks.gate import decide
from orchestration.checks.results import CheckResult
from orchestration.checks.shift import settled_kpis
from orchestration.checks.tables import ABOUT, MARTS
from orchestration.release.atomic import fsync_folder, fsync_tree
from orchestration.release.certificate import (
    FORMAT_VERSION,
    Certificate,
    CheckFact,
    CodeVersion,
    ColumnFact,
    FileFact,
    InputPartition,
    KpiFact,
    TableFact,
    engine_versions,
    identity_hash,
    rule_hashes,
    sorted_inputs,
    write_certificate,
)
from orchestration.release.errors import ReleaseError, ReleaseRefusedError
from orchestration.release.hashing import file_sha256, table_content
from orchestration.release.pointer import (
    RELEASE_NAME,
    Release,
    current_release,
    load_release,
    move_current,
    release_folders,
)
from orchestration.settings import Settings
from orchestration.sql import literal, quoted

STORAGE_VERSION = "v1.0.0"
"""Read by every DuckDB client since 1.0; BI drivers lag behind the engine."""

_STORAGE_NUMBER = 64
"""How the header of a DuckDB file spells `v1.0.0`."""

ROW_GROUP_ROWS = 122_880

_MAKING = ".making-"
_TIME_FORMAT = "%Y%m%dT%H%M%SZ"


class PublishStep(StrEnum):
    """The points of a publication at which it can be interrupted, in order."""

    LOCKED = "locked"
    CLEANED = "leftovers cleaned"
    CHECKPOINTED = "warehouse checkpointed"
    MARTS_COPIED = "marts copied"
    MARTS_PROVED = "marts file proved"
    PARQUET_WRITTEN = "parquet written"
    CERTIFIED = "certificate written"
    SYNCED = "forced to disk"
    STANDING = "folder renamed"
    CURRENT = "current moved"


def _no_progress(step: PublishStep) -> None:
    """Nobody watches."""


def publish(
    settings: Settings,
    *,
    run_id: str,
    inputs: Sequence[InputPartition],
    code: CodeVersion,
    checks: Sequence[CheckResult],
    required: Collection[str],
    now: datetime,
    accepted_shift: str | None = None,
    months_as_is: Sequence[str] = (),
    on_step: Callable[[PublishStep], None] = _no_progress,
) -> Release:
    """Publish the warehouse's marts as a release, if the gate lets them.

    Args:
        settings: Where everything lives.
        run_id: The run that publishes; answers of other runs are refused.
        inputs: The arrival days that the warehouse was built from.
        code: The code that built it.
        checks: Every answer of this run.
        required: The closed list from `checks.gate.required_checks`. Publication asks the gate
            itself, because no scheduler can be trusted to have stopped here.
        now: The time of publication.
        accepted_shift: The reason a person gave for letting a shift pass.
        months_as_is: The months that the warehouse reads by the rules of today.
        on_step: Called after each step, for progress.

    Returns:
        The release. `is_unchanged` says that `current` already was the release of these inputs and
        this code, and that nothing was written.

    Raises:
        ReleaseRefusedError: The gate did not open; nothing was touched.
        ReleaseError: Another publication is at work, `current` cannot be trusted, a mart is
            missing, or the disk did not take the files. `current` is what it was.
    """
    valid_run_id(run_id)
    decision = decide(run_id, required, checks)
    if not decision.published_allowed:
        lines = "\n".join(
            f"- {refusal.check_id}: {refusal.message_en}" for refusal in decision.refusals
        )
        raise ReleaseRefusedError(
            f"Run {run_id} is not published: {len(decision.refusals)} reason(s).\n{lines}"
        )
    engines, rules = engine_versions(), rule_hashes()
    identity = identity_hash(inputs, code, engines, rules, months_as_is)
    settings.releases.mkdir(parents=True, exist_ok=True)
    with _publishing(settings):
        on_step(PublishStep.LOCKED)
        _remove_leftovers(settings)
        on_step(PublishStep.CLEANED)
        previous = current_release(settings)
        if previous is not None and _stands_for(previous, identity):
            return Release(
                previous.release_id, previous.path, previous.certificate, is_unchanged=True
            )
        release_id, created_at = _next_name(settings, now, identity)
        making = settings.releases / f"{_MAKING}{run_id}"
        making.mkdir()
        try:
            draft = Certificate(
                format_version=FORMAT_VERSION,
                release_id=release_id,
                created_at=created_at,
                run_id=run_id,
                previous_release_id=previous.release_id if previous else None,
                identity_hash=identity,
                inputs=sorted_inputs(inputs),
                code=code,
                engines=engines,
                rules=rules,
                months_as_is=tuple(months_as_is),
                marts={},
                about={},
                kpis=(),
                files={},
                checks=_check_facts(checks),
                accepted_shift=(accepted_shift or "").strip() or None,
                certificate_hash="0" * 64,
            )
            _make(settings, making, draft, previous, on_step)
            final = settings.releases / release_id
            making.rename(final)
        except (OSError, duckdb.Error) as error:
            shutil.rmtree(making, ignore_errors=True)
            raise ReleaseError(
                f"Run {run_id} passed the gate, but its release could not be written: {error}. "
                "`current` was not touched; free space or repair the disk, then run again."
            ) from error
        except BaseException:
            shutil.rmtree(making, ignore_errors=True)
            raise
        fsync_folder(settings.releases)
        on_step(PublishStep.STANDING)
        try:
            move_current(settings, release_id)
        except OSError as error:
            raise ReleaseError(
                f"Release {release_id} stands, but `current` could not be moved to it: {error}. "
                "BI still reads the old release. Make the home folder writable, then run again."
            ) from error
        on_step(PublishStep.CURRENT)
        return load_release(final)


def matching_current(
    settings: Settings,
    *,
    inputs: Sequence[InputPartition],
    code: CodeVersion,
    months_as_is: Sequence[str] = (),
) -> Release | None:
    """The current release if it was made from these inputs, code and rules: nothing to do then.

    Raises:
        ReleaseError: `current` cannot be trusted.
    """
    current = current_release(settings)
    identity = identity_hash(inputs, code, engine_versions(), rule_hashes(), months_as_is)
    return current if current is not None and _stands_for(current, identity) else None


@contextmanager
def _publishing(settings: Settings) -> Iterator[None]:
    """Hold the right to publish. The lock dies with its process, so no crash leaves it behind."""
    descriptor = os.open(settings.releases / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ReleaseError(
                f"Another run is publishing into {settings.releases}. Let it finish, then run "
                "again."
            ) from error
        yield
    finally:
        os.close(descriptor)


def _remove_leftovers(settings: Settings) -> None:
    """Remove what dead publications left. Under the lock, every `.making-` is of a dead one."""
    for path in settings.releases.iterdir():
        if path.name.startswith(_MAKING):
            shutil.rmtree(path)
    for path in settings.current.parent.glob(f".{settings.current.name}.*.making"):
        path.unlink(missing_ok=True)


def _stands_for(release: Release, identity: str) -> bool:
    """Whether a release is of this identity and its files are there in their size."""
    if release.certificate.identity_hash != identity:
        return False
    for name, fact in release.certificate.files.items():
        path = release.path / name
        if not path.is_file() or path.stat().st_size != fact.byte_count:
            return False
    return True


def _next_name(settings: Settings, now: datetime, identity: str) -> tuple[str, datetime]:
    """A release's name and time, after every other release even if the clock went back."""
    moment = now.astimezone(UTC).replace(microsecond=0)
    names = [folder.name for folder in release_folders(settings)]
    if names:
        newest = max(
            datetime.strptime(name.split("-")[0], _TIME_FORMAT).replace(tzinfo=UTC)
            for name in names
        )
        moment = max(moment, newest + timedelta(seconds=1))
    name = f"{moment.strftime(_TIME_FORMAT)}-{identity[:8]}"
    if not RELEASE_NAME.match(name):
        raise ReleaseError(f"{name} is no name of a release: is the clock right ({now})?")
    return name, moment


def _check_facts(checks: Sequence[CheckResult]) -> tuple[CheckFact, ...]:
    facts = []
    for check in sorted(checks, key=lambda each: each.check_id):
        document = check.to_json()
        del document["sample"]
        facts.append(CheckFact.model_validate(document))
    return tuple(facts)


def _make(
    settings: Settings,
    making: Path,
    draft: Certificate,
    previous: Release | None,
    on_step: Callable[[PublishStep], None],
) -> None:
    """Make a release's files in a folder that no reader knows."""
    if not settings.warehouse.is_file():
        raise ReleaseError(f"There is no warehouse at {settings.warehouse}: nothing to publish.")
    marts_file = making / "marts.duckdb"
    with _warehouse(settings) as connection:
        connection.execute("checkpoint")
        on_step(PublishStep.CHECKPOINTED)
        tables = _tables_to_publish(connection)
        newest = _as_of(connection)
        kpis = settled_kpis(connection, newest)
        connection.execute(
            f"attach {literal(str(marts_file))} as release (storage_version '{STORAGE_VERSION}')"
        )
        for name in tables:
            _copy_table(connection, name)
        _write_about(connection, draft, newest)
        facts = {
            name: _table_fact(connection, f"release.{quoted(name)}") for name in (*tables, *ABOUT)
        }
        connection.execute("checkpoint release")
        on_step(PublishStep.MARTS_COPIED)
        connection.execute("detach release")
    _prove_marts_file(marts_file, facts)
    on_step(PublishStep.MARTS_PROVED)
    linked = _write_parquet(settings, making, marts_file, facts, previous)
    on_step(PublishStep.PARQUET_WRITTEN)
    files = {}
    for path in sorted(making.rglob("*")):
        if path.is_file():
            name = path.relative_to(making).as_posix()
            files[name] = linked.get(name) or FileFact(
                sha256=file_sha256(path), byte_count=path.stat().st_size
            )
    sealed = draft.model_copy(
        update={
            "marts": {name: facts[name] for name in tables},
            "about": {name: facts[name] for name in ABOUT},
            "kpis": _kpis(kpis),
            "files": files,
        }
    ).sealed()
    write_certificate(making, sealed)
    on_step(PublishStep.CERTIFIED)
    for path in making.rglob("*"):
        if path.is_file():
            # Nobody changes a release, not even by opening it in the wrong mode.
            path.chmod(0o444)
    fsync_tree(making)
    on_step(PublishStep.SYNCED)


def _kpis(kpis: tuple[KpiFact, ...]) -> tuple[KpiFact, ...]:
    return tuple(sorted(kpis, key=lambda each: each.name))


@contextmanager
def _warehouse(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse, within the configured memory and without leaving its time zone to chance."""
    settings.scratch.mkdir(parents=True, exist_ok=True)
    temporary = settings.scratch / "publish"
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": settings.duckdb_memory_limit,
        "temp_directory": str(temporary),
    }
    if settings.duckdb_threads:
        config["threads"] = settings.duckdb_threads
    with duckdb.connect(str(settings.warehouse), config=config) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


def _tables_to_publish(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The tables of schema `marts`; views are work in progress and stay behind."""
    rows = connection.execute(
        "select table_name from duckdb_tables() "
        "where database_name = current_database() and schema_name = 'marts' and not temporary "
        "order by table_name"
    ).fetchall()
    tables = [str(row[0]) for row in rows]
    missing = sorted(set(MARTS) - set(tables))
    if missing:
        raise ReleaseError(
            f"The warehouse lacks mart(s) {', '.join(missing)}: a release holds all of them. Build "
            "them as tables in schema marts (`dbt build`), then run again."
        )
    reserved = sorted(set(ABOUT) & set(tables))
    if reserved:
        raise ReleaseError(
            f"Schema marts holds {', '.join(reserved)}, which publication itself writes. Rename "
            "the model."
        )
    return tables


def _as_of(connection: duckdb.DuckDBPyConnection) -> date | None:
    """The last arrival day of any LIVE route: the day up to which the marts speak."""
    row = connection.execute("select as_of_date from intermediate.int_live_as_of").fetchone()
    return row[0] if row else None


def _copy_table(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Copy a mart in its order, with its and its columns' descriptions."""
    table = quoted(name)
    mart = MARTS.get(name)
    order = ", ".join(quoted(column) for column in mart.order_by) if mart else "all"
    connection.execute(
        f"create table release.{table} as select * from marts.{table} order by {order}"
    )
    described = connection.execute(
        "select comment from duckdb_tables() where database_name = current_database() "
        "and schema_name = 'marts' and table_name = ? and comment is not null",
        [name],
    ).fetchall()
    for (comment,) in described:
        connection.execute(f"comment on table release.{table} is {literal(str(comment))}")
    columns = connection.execute(
        "select column_name, comment from duckdb_columns() where database_name = "
        "current_database() and schema_name = 'marts' and table_name = ? and comment is not null",
        [name],
    ).fetchall()
    for column, comment in columns:
        connection.execute(
            f"comment on column release.{table}.{quoted(str(column))} is {literal(str(comment))}"
        )


def _write_about(
    connection: duckdb.DuckDBPyConnection, draft: Certificate, newest_arrival: date | None
) -> None:
    """Write the two tables with which a release tells of itself in SQL."""
    for table, kinds in ABOUT.items():
        columns = ", ".join(f"{quoted(column)} {kind}" for column, kind in kinds.items())
        connection.execute(f"create table release.{quoted(table)} ({columns})")
    connection.execute(
        "insert into release.release_info values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            draft.release_id,
            draft.created_at.replace(tzinfo=None),
            draft.run_id,
            draft.previous_release_id,
            newest_arrival,
            len(draft.inputs),
            draft.identity_hash,
            draft.code.commit,
            draft.code.fingerprint,
            draft.accepted_shift,
        ],
    )
    if draft.checks:
        connection.executemany(
            "insert into release.quality_results values (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                [
                    check.check_id,
                    check.kind,
                    check.table,
                    check.severity,
                    check.passed,
                    check.message_en,
                    check.message_es,
                    check.failed_count,
                ]
                for check in draft.checks
            ],
        )


def _table_fact(connection: duckdb.DuckDBPyConnection, relation: str) -> TableFact:
    content = table_content(connection, relation)
    return TableFact(
        row_count=content.row_count,
        columns=tuple(ColumnFact(name=name, type=kind) for name, kind in content.columns),
        content_hash=content.content_hash,
    )


def _prove_marts_file(marts_file: Path, facts: dict[str, TableFact]) -> None:
    """Prove that the file opens on its own, in the old format, and holds every table."""
    with marts_file.open("rb") as file:
        # Layout of a DuckDB file: checksum (8 bytes), "DUCK", then the format's number.
        header = file.read(20)
    number = int.from_bytes(header[12:20], "little")
    if header[8:12] != b"DUCK" or number != _STORAGE_NUMBER:
        raise ReleaseError(
            f"{marts_file.name} was written in storage format {number}, which old DuckDB clients "
            f"do not read ({_STORAGE_NUMBER} is wanted). Check the pinned DuckDB version."
        )
    log = marts_file.with_name(f"{marts_file.name}.wal")
    if log.exists():
        raise ReleaseError(f"{marts_file.name} left a write-ahead log: it is not complete.")
    with duckdb.connect(str(marts_file), read_only=True) as connection:
        for name, fact in facts.items():
            row = connection.execute(f"select count(*) from {quoted(name)}").fetchone()
            if row is None or row[0] != fact.row_count:
                raise ReleaseError(
                    f"marts.{name} reads back with {row[0] if row else 'no'} rows instead of "
                    f"{fact.row_count}: the disk did not keep what was written."
                )


def _write_parquet(
    settings: Settings,
    making: Path,
    marts_file: Path,
    facts: dict[str, TableFact],
    previous: Release | None,
) -> dict[str, FileFact]:
    """Write each table as Parquet, or share the previous release's file if it says the same.

    Returns:
        What is known already about the files that were shared, by relative path.
    """
    shared: dict[str, FileFact] = {}
    temporary = settings.scratch / "publish"
    with duckdb.connect(str(marts_file), read_only=True) as connection:
        connection.execute(f"set memory_limit = {literal(settings.duckdb_memory_limit)}")
        connection.execute(f"set temp_directory = {literal(str(temporary))}")
        for name, fact in facts.items():
            relative = f"parquet/{name}/data.parquet"
            target = making / relative
            target.parent.mkdir(parents=True)
            old = _shareable(previous, name, relative, fact)
            if previous is not None and old is not None and _link(previous.path / relative, target):
                shared[relative] = old
                continue
            connection.execute(
                f"copy (select * from {quoted(name)}) to {literal(str(target))} "
                f"(format parquet, compression zstd, row_group_size {ROW_GROUP_ROWS})"
            )
    return shared


def _shareable(
    previous: Release | None, name: str, relative: str, fact: TableFact
) -> FileFact | None:
    """The previous release's file for a table, if it says the same and is undamaged."""
    if previous is None or previous.certificate.marts.get(name) != fact:
        return None
    old = previous.certificate.files.get(relative)
    path = previous.path / relative
    # The whole file is read: a link must never carry damage from one release into the next.
    if old is None or not path.is_file() or file_sha256(path) != old.sha256:
        return None
    return old


def _link(source: Path, target: Path) -> bool:
    """Hard-link a file; False where the file system has no hard links or no more of them."""
    try:
        os.link(source, target)
    except OSError:
        return False
    return True
