"""Small spreadsheets as agencies export them, for the tests of what reads them.

What lives here: rows and files. What may not: assertions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestration.settings import Settings
from orchestration.simulate.backstage import SheetCell, write_workbook
from orchestration.sources.backstage import Reading, land_exports, read_exports

SAVED_AT = datetime(2026, 7, 7, 9, 30, tzinfo=UTC)
PERIOD = "2026-07-01 ~ 2026-07-06"
ANA = "7123456789012345678"
EVA = "7123456789012345679"
MASK = "The creator has quit the network"

ENGLISH = ("Data period", "Creator ID", "Diamonds", "LIVE duration", "Valid go LIVE days")
SPANISH = (
    "Periodo de datos",
    "ID del creador",
    "Diamantes",
    "Duración de LIVE",
    "Días válidos de emisiones LIVE",
)


def month_row(creator: SheetCell = ANA, **changes: SheetCell) -> list[SheetCell]:
    """A row under `ENGLISH` or `SPANISH`; changes are named diamonds, duration, days, period."""
    cells = {"period": PERIOD, "diamonds": 1200, "duration": "12h 5m 3s", "days": "4d", **changes}
    return [cells["period"], creator, cells["diamonds"], cells["duration"], cells["days"]]


def write(path: Path, *rows: Sequence[SheetCell], headers: Sequence[str] = ENGLISH) -> Path:
    """A workbook with one sheet of headers and rows."""
    write_workbook(path, {"Data": [headers, *rows]}, SAVED_AT)
    return path


def settings_of(home: Path, **changes: Any) -> Settings:  # noqa: ANN401  settings of any type
    """Settings with a home of the test's own."""
    return Settings(home=home / "home", **changes)


def read(path: Path, home: Path, **changes: Any) -> Reading:  # noqa: ANN401  settings of any type
    """A reading of a file or folder; its staged rows are gone, its reports are not."""
    with read_exports(path, settings_of(home, **changes), progress=lambda _: None) as reading:
        return reading


def landed_rows(path: Path, home: Path) -> list[dict[str, Any]]:
    """Land a file or folder and give back the landed rows, by file and row."""
    import duckdb

    settings = settings_of(home)
    with read_exports(path, settings, progress=lambda _: None) as reading:
        land_exports(reading, settings)
    rows: list[dict[str, Any]] = []
    for file in sorted(settings.landing.rglob("*.parquet")):
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            found = connection.read_parquet(str(file)).order("row_number")
            rows += [dict(zip(found.columns, values, strict=True)) for values in found.fetchall()]
    return rows


def refusal(path: Path, home: Path, language: str = "en") -> str:
    """Why the only file of a reading was refused."""
    reading = read(path, home)
    assert reading.recognised == ()
    (refused,) = reading.refused
    return refused.said.es if language == "es" else refused.said.en


def codes(path: Path, home: Path) -> dict[str, str]:
    """The code of every unreadable cell of a file's only report, by cell."""
    reading = read(path, home)
    assert reading.refused == ()
    (recognised,) = reading.recognised
    return {problem.cell: problem.code for problem in recognised.report.problems}


def without_place(row: Mapping[str, Any]) -> dict[str, Any]:
    """A landed row without what tells its file and its language apart."""
    return {
        name: value
        for name, value in row.items()
        if name not in {"source_file", "source_sheet", "source_language"}
    }
