"""A simulated world whose landed files can be made to drift: real files, planted drift."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

import duckdb

from orchestration.contracts import FeedContract, load_contracts
from orchestration.ingest import DayResult, Ingestor, Ledger, discover
from orchestration.ingest.results import DriftFinding
from orchestration.settings import Settings
from orchestration.simulate import WorldOptions, simulate

Format = Literal["parquet", "csv", "jsonl"]
CREATORS, DAYS = 900, 14


def make_landing(folder: Path, format_: Format) -> Path:
    """The landing zone of a small simulated world with its dirt, in one format."""
    options = WorldOptions(creators=CREATORS, days=DAYS, seed=3, format=format_)
    simulate(folder / "landing", options, truth_dir=folder / "truth")
    return folder / "landing"


@dataclass
class DriftingWorld:
    """A home whose landing zone fills day by day, with drift where a test wants it."""

    home: Path
    source: Path
    feed: str = "live_sessions"
    changed_contract: FeedContract | None = None
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """Settings of this home: one thread, so that tests share the machine."""
        return Settings(home=self.home, duckdb_threads=1, **self.options)

    @property
    def contract(self) -> FeedContract:
        """The feed's contract, or the one that the test put in its place."""
        return self.changed_contract or load_contracts()[self.feed]

    @property
    def days(self) -> list[date]:
        """The arrival days of the feed in the simulated world."""
        return [
            date.fromisoformat(folder.name.removeprefix("dt="))
            for folder in sorted((self.source / self.feed).iterdir())
        ]

    def land(self, day: date, sql: str = "select * from landed") -> Path:
        """Land a day's file, rewritten by a query over its rows as they were landed (`landed`)."""
        (original,) = (self.source / self.feed / f"dt={day}").iterdir()
        target = self.settings.landing / self.feed / f"dt={day}" / original.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if sql == "select * from landed":
            shutil.copyfile(original, target)
            return target
        format_ = original.suffix[1:]
        with duckdb.connect(config={"threads": 1}) as connection:
            connection.execute("set TimeZone = 'UTC'")
            _load(connection, original, format_)
            written = {"parquet": "parquet", "csv": "csv, header", "jsonl": "json"}[format_]
            connection.execute(f"copy ({sql}) to $path (format {written})", {"path": str(target)})
        return target

    def ingest(self, day: date, *, history: bool = False) -> DayResult:
        """Ingest one day; its counts must add up whatever happened."""
        with Ingestor(self.settings, history=history) as ingestor:
            result = ingestor.ingest(self.contract, day)
        accounted = result.rows_accepted + result.rows_refused + result.rows_duplicate
        assert result.rows_read == accounted
        return result

    def ingest_good(self, count: int) -> list[DayResult]:
        """Land and ingest the first days as they are."""
        results = []
        for day in self.days[:count]:
            self.land(day)
            results.append(self.ingest(day))
        return results

    def drift_of(self, day: date, sql: str) -> tuple[DayResult, dict[str, DriftFinding]]:
        """Land a rewritten day, ingest it, and give its drift by `kind column`."""
        self.land(day, sql)
        result = self.ingest(day)
        return result, {f"{found.kind} {found.column}": found for found in result.drift}

    def raw_rows(self, day: date) -> int:
        """How many accepted rows raw holds of a day; 0 where there is no file."""
        path = discover.raw_path(self.feed, day, self.settings)
        if not path.exists():
            return 0
        with duckdb.connect() as connection:
            row = connection.execute(
                "select count(*) from read_parquet($path)", {"path": str(path)}
            ).fetchone()
        return int(row[0]) if row else 0

    def ledger(self) -> Ledger:
        """The home's ledger."""
        return Ledger(self.settings.ledger)


def _load(connection: duckdb.DuckDBPyConnection, path: Path, format_: str) -> None:
    """The table `landed`: Parquet as it is typed, CSV as texts, JSON lines as JSON values."""
    readers: Mapping[str, str] = {
        "parquet": "read_parquet($path, hive_partitioning = false)",
        "csv": "read_csv($path, all_varchar = true, header = true, hive_partitioning = false)",
    }
    if format_ in readers:
        connection.execute(
            f"create table landed as select * from {readers[format_]}", {"path": str(path)}
        )
        return
    # Each value stays the JSON that it was: a number a number, a text a text.
    keys = connection.execute(
        "select distinct unnest(json_keys(json)) as key from read_ndjson_objects($path) "
        "order by key",
        {"path": str(path)},
    ).fetchall()
    columns = ", ".join(f"json_extract(json, '$.{key}') as {key}" for (key,) in keys)
    connection.execute(
        f"create table landed as select {columns} from read_ndjson_objects($path)",
        {"path": str(path)},
    )
