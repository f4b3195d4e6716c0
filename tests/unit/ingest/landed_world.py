"""A small home with a landing zone, for tests of ingest: real files, real dirt, real DuckDB."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from orchestration.contracts import FeedContract, load_contracts
from orchestration.ingest import DayResult, Ingestor, Ledger, Problem
from orchestration.settings import Settings

DAY = date(2026, 3, 10)


@dataclass
class World:
    """A home folder, and short words for what tests do with it."""

    home: Path
    options: dict[str, Any] = field(default_factory=dict)
    day: date = DAY

    @property
    def settings(self) -> Settings:
        """Settings of this home: one thread, so that tests share the machine."""
        return Settings(home=self.home, **({"duckdb_threads": 1} | self.options))

    @property
    def contracts(self) -> dict[str, FeedContract]:
        """The package's own contracts."""
        return load_contracts()

    def folder(self, feed: str, day: date = DAY) -> Path:
        """A feed's folder of one arrival day, made if need be."""
        folder = self.settings.landing / feed / f"dt={day.isoformat()}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def land(self, feed: str, name: str, content: str | bytes, day: date = DAY) -> Path:
        """Put a file into landing."""
        path = self.folder(feed, day) / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def ingest(self, feed: str, day: date = DAY, *, history: bool = False) -> DayResult:
        """Ingest one day; its counts must add up whatever happened."""
        with Ingestor(self.settings, history=history) as ingestor:
            result = ingestor.ingest(self.contracts[feed], day)
        accounted = result.rows_accepted + result.rows_refused + result.rows_duplicate
        assert result.rows_read == accounted
        return result

    def raw_file(self, feed: str, day: date = DAY) -> Path:
        """Where the accepted Parquet stands."""
        return self.settings.raw / feed / f"dt={day.isoformat()}" / "data.parquet"

    def raw(self, feed: str, columns: str = "*", day: date = DAY) -> list[tuple[Any, ...]]:
        """Accepted rows, in order."""
        return _query(
            f"select {columns} from read_parquet($path, hive_partitioning = false) order by all",
            self.raw_file(feed, day),
        )

    def quarantined(
        self, feed: str, day: date = DAY, *, refused_day: bool = False
    ) -> list[dict[str, Any]]:
        """Rows of the quarantine, in the order in which they were written."""
        name = "refused-partition.parquet" if refused_day else "rows.parquet"
        path = self.settings.quarantine / feed / f"dt={day.isoformat()}" / name
        if not path.exists():
            return []
        names = ("feed", "dt", "file", "row", "rule", "column", "reason_en", "reason_es", "content")
        listed = ", ".join(f'"{column}"' for column in names)
        rows = _query(f"select {listed} from read_parquet($path, hive_partitioning = false)", path)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def ledger(self) -> Ledger:
        """The home's ledger."""
        return Ledger(self.settings.ledger)


def _query(query: str, path: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        return connection.execute(query, {"path": str(path)}).fetchall()


SESSION_COLUMNS = (
    "session_id",
    "creator_id",
    "platform",
    "started_at",
    "ended_at",
    "title",
    "average_viewers",
    "likes",
    "is_static",
)


def session(number: int, **changes: str) -> dict[str, str]:
    """One honest session of the tenth of March as text, with changes."""
    row = {
        "session_id": f"s{number}",
        "creator_id": f"c{number % 7}",
        "platform": "tiktok",
        "started_at": f"2026-03-10T10:{number % 60:02d}:00Z",
        "ended_at": f"2026-03-10T11:{number % 60:02d}:00Z",
        "title": f"Directo nº {number}",
        "average_viewers": f"{number}.5",
        "likes": str(number),
        "is_static": "false",
    }
    return row | changes


def sessions(count: int, start: int = 1) -> list[dict[str, str]]:
    """Honest sessions, numbered."""
    return [session(number) for number in range(start, start + count)]


def as_csv(rows: Sequence[Mapping[str, str]], delimiter: str = ",") -> str:
    """Rows as CSV text with the header of the first."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_gzip(text: str) -> bytes:
    """Text as a gzip file."""
    return gzip.compress(text.encode(), mtime=0)


def only(problems: Sequence[Problem], rule: str) -> Problem:
    """The one problem of that rule."""
    found = [problem for problem in problems if problem.rule == rule]
    assert len(found) == 1, problems
    return found[0]
