"""Dagster's SQLite event log, with its connections kept open.

Dagster opens and closes a connection for every event. Closing the last connection of a database in
WAL mode folds the log back into the file, with two fsyncs; a first load of 120 arrival days writes
some 1,600 events, and most of its time went there. What lives here: the one method that changes.
What may not: anything that changes what is stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy
from dagster import StringSource
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy.pool import StaticPool


class KeptOpenSqliteEventLogStorage(SqliteEventLogStorage):
    """`SqliteEventLogStorage` in its usual place, one open connection a database and process.

    `synchronous = normal` is durable against a killed process, and in WAL mode consistent after a
    power cut, which may cost the last events: Dagster's account of a run, not data.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """Open nothing but what the parent makes on a first start."""
        self._engines: dict[str, sqlalchemy.Engine] = {}
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Only Dagster's home: the database files stand where Dagster puts them by default."""
        return {"dagster_home": StringSource}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> KeptOpenSqliteEventLogStorage:
        """Made by Dagster from `dagster.yaml`."""
        folder = Path(config_value["dagster_home"]) / "history" / "runs"
        return cls(str(folder), inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sqlalchemy.Connection]:
        # The lock makes sharing one connection between Dagster's threads safe.
        with self._db_lock:
            engine = self._engines.get(shard)
            if engine is None:
                engine = sqlalchemy.create_engine(
                    self.conn_string_for_shard(shard),
                    poolclass=StaticPool,
                    connect_args={
                        "timeout": SQLITE_BUSY_TIMEOUT_SECONDS,
                        "check_same_thread": False,
                    },
                )
                self._initdb(engine)
                with engine.connect() as connection:
                    connection.exec_driver_sql("pragma synchronous = normal")
                self._engines[shard] = engine
            with engine.connect() as connection, connection.begin():
                yield connection

    def dispose(self) -> None:
        """Close what is open."""
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
        super().dispose()
