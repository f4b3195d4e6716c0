"""A small warehouse for tests of dbt models: rows in, dbt in this process, rows out.

What lives here: `DbtWorld`, which writes Parquet partitions, registers them as the job does (`raw`
views, `ops` tables), runs dbt through `dbtRunner` in a home of its own, and reads tables back. What
may not: assertions, and knowledge of any model beyond the queues that a finished build empties.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from orchestration.contracts.loader import DUCKDB_TYPES, load_contracts
from orchestration.settings import PROJECT_ROOT
from orchestration.warehouse import TOUCHED_QUEUES

if TYPE_CHECKING:
    import duckdb
    from dbt.contracts.graph.manifest import Manifest

DBT_PROJECT = PROJECT_ROOT / "dbt_project"

Row = Mapping[str, object]
"""One feed row: contract columns by name; what is left out is NULL."""

_LINEAGE = {"_extra": "VARCHAR", "_dt": "DATE", "_file": "VARCHAR", "_row": "BIGINT"}


def moment(text: str) -> datetime:
    """A time of a row, in UTC: `moment("2024-04-01T12:00")`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class DbtWorld:
    """A home with its own warehouse.

    Building remembers which partition revisions a finished build has loaded, as the job does, so
    that the next build sees only what arrived or was replaced since.
    """

    def __init__(self, home: Path, manifest: Manifest | None = None) -> None:
        """Start empty.

        Args:
            home: An existing folder of the test's own.
            manifest: A parsed project to start from (`DbtWorld.manifest` of another world), which
                saves the seconds of parsing.
        """
        self.home = home
        self.manifest = manifest
        self._types = {
            feed: {column.name: DUCKDB_TYPES[column.kind] for column in contract.columns} | _LINEAGE
            for feed, contract in load_contracts().items()
        }
        self._revisions: dict[tuple[str, date], int] = {}
        self._counts: dict[tuple[str, date], int] = {}
        self._event_days: dict[tuple[str, date], dict[date, int]] = {}
        self._event_columns = {
            feed: contract.event_column for feed, contract in load_contracts().items()
        }
        self._loaded: dict[tuple[str, date], int] = {}
        self.rule_months: dict[date, bool] = {}
        (home / "scratch" / "duckdb").mkdir(parents=True, exist_ok=True)

    def clone(self, home: Path) -> DbtWorld:
        """A world of its own in `home`, with the seeds, manifest and partitions of this one."""
        shutil.copytree(self.home, home, dirs_exist_ok=True)
        world = DbtWorld(home, self.manifest)
        world._revisions = dict(self._revisions)
        world._counts = dict(self._counts)
        world._event_days = {key: dict(days) for key, days in self._event_days.items()}
        world._loaded = dict(self._loaded)
        world.rule_months = dict(self.rule_months)
        return world

    def arrive(
        self, feed: str, arrival_day: date, rows: Sequence[Row], file: str = "file.csv"
    ) -> None:
        """Write (or replace) the partition of a feed and arrival day."""
        import duckdb

        types = self._types[feed]
        unknown = {name for row in rows for name in row} - types.keys()
        if unknown:
            raise ValueError(f"{feed} has no columns {sorted(unknown)}: see its contract.")
        folder = self.home / "raw" / feed / f"dt={arrival_day.isoformat()}"
        folder.mkdir(parents=True, exist_ok=True)
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            columns = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
            connection.execute(f"create table partition ({columns})")
            if rows:
                places = ", ".join("?" for _ in types)
                connection.executemany(
                    f"insert into partition values ({places})",
                    [
                        [
                            *(row.get(name) for name in types if name not in _LINEAGE),
                            row.get("_extra"),
                            arrival_day,
                            row.get("_file", file),
                            row.get("_row", number),
                        ]
                        for number, row in enumerate(rows, start=1)
                    ],
                )
            connection.sql("from partition").write_parquet(str(folder / "data.parquet"))
        key = (feed, arrival_day)
        self._revisions[key] = self._revisions.get(key, 0) + 1
        self._counts[key] = len(rows)
        self._event_days[key] = {}
        event_column = self._event_columns[feed]
        if event_column is not None:
            for row in rows:
                moment = row[event_column]
                if not isinstance(moment, date):
                    raise TypeError(f"{feed}.{event_column} must be a time or day, not {moment!r}.")
                day = moment.astimezone(UTC).date() if isinstance(moment, datetime) else moment
                days = self._event_days[key]
                days[day] = days.get(day, 0) + 1

    def adopt(self, feed: str, arrival_day: date, file: Path) -> None:
        """Take (or replace) a partition from a Parquet file that an ingest made."""
        import duckdb

        target = self.home / "raw" / feed / f"dt={arrival_day.isoformat()}" / "data.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
        event = self._event_columns[feed]
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            rows = connection.execute(
                f"select {f'cast({event} as date)' if event else 'null'}, count(*) "
                "from read_parquet($1, hive_partitioning = false) group by all",
                [str(file)],
            ).fetchall()
        key = (feed, arrival_day)
        self._revisions[key] = self._revisions.get(key, 0) + 1
        self._counts[key] = sum(count for _, count in rows)
        self._event_days[key] = dict(rows) if event else {}

    def withdraw(self, feed: str, arrival_day: date) -> None:
        """Take a partition out of what is registered."""
        key = (feed, arrival_day)
        shutil.rmtree(self.home / "raw" / feed / f"dt={arrival_day.isoformat()}")
        for facts in (self._revisions, self._counts, self._event_days):
            facts.pop(key)

    def arrive_from_landing(self, feed: str) -> None:
        """Let ingest read the landing days of a feed in this home, and register what it accepted.

        For many rows: they never pass through Python.

        Raises:
            RuntimeError: A day was refused; the message carries ingest's.
        """
        from orchestration.ingest.ingest import Ingestor
        from orchestration.ingest.ledger import Ledger
        from orchestration.settings import Settings

        settings = Settings(home=self.home)
        contract = load_contracts()[feed]
        with Ingestor(settings, history=True) as ingestor:
            for folder in sorted((self.home / "landing" / feed).glob("dt=*")):
                result = ingestor.ingest(contract, date.fromisoformat(folder.name[3:]))
                if result.outcome == "refused" or result.rows_refused:
                    raise RuntimeError(f"{folder.name} was refused: {result.problems}")
        event_days: dict[date, dict[date, int]] = {}
        with Ledger(settings.ledger) as ledger:
            for event in ledger.event_days():
                if event.feed == feed:
                    days = event_days.setdefault(event.arrival_date, {})
                    days[event.event_date] = event.row_count
        for day, counts in event_days.items():
            self.register(feed, day, counts)

    def register(self, feed: str, arrival_day: date, event_days: Mapping[date, int]) -> None:
        """Say that a partition stands in raw (anew), with so many rows of each event day."""
        key = (feed, arrival_day)
        self._revisions[key] = self._revisions.get(key, 0) + 1
        self._counts[key] = sum(event_days.values())
        self._event_days[key] = dict(event_days)

    def build(
        self,
        *,
        full_refresh: bool = False,
        select: Sequence[str] = (),
        command: str = "run",
        finish: bool = True,
        variables: Mapping[str, object] | None = None,
    ) -> dict[str, str]:
        """Register what arrived and run dbt.

        Args:
            full_refresh: Build everything anew, from every partition.
            select: dbt selectors; without any, the whole project.
            command: The dbt command: run, build, test or seed.
            finish: Mark the partitions as loaded afterwards; False leaves the state of a build that
                broke off.
            variables: Values of dbt's `vars` other than those of the project.

        Returns:
            The status of every node that ran, by unique id.

        Raises:
            RuntimeError: A node failed; the message carries dbt's.
        """
        self._register(full_refresh=full_refresh)
        arguments = [command]
        if full_refresh:
            arguments.append("--full-refresh")
        for selector in select:
            arguments += ["--select", selector]
        if variables:
            arguments += ["--vars", json.dumps(variables)]
        statuses = self.dbt(*arguments)
        if finish:
            self._loaded = dict(self._revisions)
            for queue in self.tables() & set(TOUCHED_QUEUES):
                self.execute(f"delete from {queue}")
        return statuses

    def dbt(self, *arguments: str) -> dict[str, str]:
        """Run one dbt command on this world.

        Raises:
            RuntimeError: It failed; the message carries what dbt said of every failed node.
        """
        result = self.invoke(*arguments)
        nodes = getattr(result.result, "results", None) or []
        failed = [
            f"{node.node.unique_id}: {node.message}"
            for node in nodes
            if node.status in {"error", "fail", "runtime error", "partial success"}
        ]
        if not result.success:
            raise RuntimeError("\n".join(failed) or str(result.exception))
        return {node.node.unique_id: str(node.status) for node in nodes}

    def invoke(self, *arguments: str) -> Any:  # noqa: ANN401 - dbt's result differs by command
        """Run one dbt command and hand back dbt's own result, failed or not."""
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.main import dbtRunner

        runner = dbtRunner(manifest=self.manifest)
        with _environment(SEMILLERO_HOME=str(self.home)):
            if runner.manifest is None:
                parsed = runner.invoke([*self._flags(), "parse", *self._paths()])
                if not parsed.success:
                    raise RuntimeError(f"The dbt project does not parse: {parsed.exception}")
                self.manifest = cast("Manifest", parsed.result)
                runner = dbtRunner(manifest=self.manifest)
            command, *options = arguments
            try:
                return runner.invoke([*self._flags(), command, *options, *self._paths()])
            finally:
                # dbt keeps the file open with its limits, and then nobody can open it with others.
                DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]

    def rows(
        self, query: str, parameters: Sequence[object] | Mapping[str, object] = ()
    ) -> list[tuple[Any, ...]]:
        """The rows of a query on the warehouse."""
        with self._connect() as connection:
            return connection.execute(query, parameters).fetchall()

    def contents(self, tables: Iterable[str]) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of some tables (with their schema), in an order that the rows alone decide."""
        return {table: sorted(self.rows(f"from {table}"), key=repr) for table in tables}

    def execute(self, statement: str) -> None:
        """Change the warehouse by hand, for example to stage an accident."""
        with self._connect() as connection:
            connection.execute(statement)

    def tables(self) -> set[str]:
        """Names of all tables and views, with their schema."""
        return {
            f"{schema}.{name}"
            for schema, name in self.rows(
                "select table_schema, table_name from information_schema.tables"
            )
        }

    def _register(self, *, full_refresh: bool) -> None:
        with self._connect() as connection:
            for statement in (
                "create schema if not exists raw",
                "create schema if not exists ops",
                """create or replace table ops.raw_partitions (
                    feed varchar, arrival_date date, revision varchar, accepted_count bigint,
                    refused_count bigint, duplicate_count bigint, is_pending boolean)""",
                """create or replace table ops.raw_event_days (
                    feed varchar, arrival_date date, event_date date, row_count bigint)""",
                """create or replace table ops.rule_months (
                    month_start_date date, is_as_is boolean)""",
            ):
                connection.execute(statement)
            for month in self.rule_months.items():
                connection.execute("insert into ops.rule_months values (?, ?)", month)
            for (feed, day), revision in self._revisions.items():
                loaded = None if full_refresh else self._loaded.get((feed, day))
                is_pending = loaded != revision
                connection.execute(
                    "insert into ops.raw_partitions values (?, ?, ?, ?, 0, 0, ?)",
                    [
                        feed,
                        day,
                        str(revision),
                        self._counts[feed, day],
                        is_pending,
                    ],
                )
                for event_day, count in self._event_days[feed, day].items():
                    connection.execute(
                        "insert into ops.raw_event_days values (?, ?, ?, ?)",
                        [feed, day, event_day, count],
                    )
            for feed, types in self._types.items():
                self._register_feed(connection, feed, types)

    def _register_feed(
        self, connection: duckdb.DuckDBPyConnection, feed: str, types: Mapping[str, str]
    ) -> None:
        files = [
            str(self.home / "raw" / feed / f"dt={day.isoformat()}" / "data.parquet")
            for name, day in sorted(self._revisions)
            if name == feed
        ]
        if files:
            quoted = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
            query = f"from read_parquet([{quoted}], hive_partitioning = false)"
        else:
            nulls = ", ".join(f'cast(null as {kind}) as "{name}"' for name, kind in types.items())
            query = f"select {nulls} where false"
        connection.execute(f'create or replace view raw."{feed}" as {query}')

    @contextmanager
    def _connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        import duckdb

        # As dbt opens it (profiles.yml): one process cannot have the file open in two ways.
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": os.environ.get("SEMILLERO_DUCKDB_MEMORY_LIMIT", "4GB"),
            "temp_directory": str(self.home / "scratch" / "duckdb"),
            "preserve_insertion_order": False,
        }
        path = str(self.home / "warehouse.duckdb")
        with duckdb.connect(path, config=config) as connection:
            connection.execute("set timezone = 'UTC'")
            yield connection

    @staticmethod
    def _flags() -> list[str]:
        # Nobody reads artifacts and logs of a test; writing them takes a third of a small run.
        return ["--quiet", "--no-use-colors", "--no-write-json", "--log-level-file", "none"]

    def _paths(self) -> list[str]:
        return [
            *("--project-dir", str(DBT_PROJECT)),
            *("--profiles-dir", str(DBT_PROJECT)),
            *("--target-path", str(self.home / "target")),
            *("--log-path", str(self.home / "logs")),
        ]


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """Set environment variables for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
