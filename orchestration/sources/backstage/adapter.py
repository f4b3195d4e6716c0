"""From exported spreadsheets to landing files of `backstage_reports`, in two steps.

What lives here: reading a file or a folder into a scratch folder (`read_exports`), so that a person
sees what was recognised, and moving it into landing (`land_exports`). What may not: what cells mean
(`report`), or showing anything.

Files run one day late: a report on days up to D can be exported on D + 1 at the earliest. So its
arrival day is D + 1, whenever the file is given: the same file always lands in the same place.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from orchestration.scratch import scratch_folder
from orchestration.settings import Settings
from orchestration.sources.backstage import problems, report
from orchestration.sources.backstage.columns import FIELD_BY_NAME, CellKind
from orchestration.sources.backstage.problems import BackstageError, Said
from orchestration.sources.backstage.report import Report, Value
from orchestration.sources.backstage.workbook import open_workbook
from orchestration.sources.landing import (
    FeedLanding,
    LandingNote,
    LandingSummary,
    landing_path,
    place_file,
)

FEED = "backstage_reports"
_SUFFIX = ".parquet"
_OWN_TYPES = {
    "row_number": "BIGINT",
    "is_period_derived": "BOOLEAN",
    "period_start_date": "DATE",
    "period_end_date": "DATE",
    "updated_at": "TIMESTAMPTZ",
    "is_masked": "BOOLEAN",
}
_TYPES: dict[CellKind, str] = {
    "count": "BIGINT",
    "days": "BIGINT",
    "duration": "BIGINT",
    "rate": "DECIMAL(18,4)",
    "share": "DECIMAL(18,4)",
    "moment": "TIMESTAMPTZ",
}


@dataclass(frozen=True)
class Recognised:
    """One report that was found in a file.

    Attributes:
        file: The file's name.
        report: What it is.
        target: Where it lands.
        staged: Where its rows wait, complete.
        repeats: What has the same rows: the name of an earlier file of this reading, of an earlier
            sheet of this file, or of the file in landing. Nothing is landed then; empty where the
            report is new.
    """

    file: str
    report: Report
    target: Path
    staged: Path
    repeats: str

    @property
    def arrival(self) -> date:
        """The arrival day (UTC)."""
        return self.report.period_end + timedelta(days=1)


@dataclass(frozen=True)
class RefusedFile:
    """A file that is no export, with the reason."""

    file: str
    said: Said


@dataclass(frozen=True)
class Reading:
    """What stands in a file or folder.

    Attributes:
        recognised: Reports, in the order of the files' names.
        refused: Files that could not be used.
        hidden_sheets: (file, sheet) of hidden sheets beside a visible report; they are not read.
        other_sheets: (file, sheet) of visible sheets beside a report that are none themselves.
        ignored: Names of files that are no `.xlsx` by name; they are not opened.
    """

    recognised: tuple[Recognised, ...]
    refused: tuple[RefusedFile, ...]
    hidden_sheets: tuple[tuple[str, str], ...]
    other_sheets: tuple[tuple[str, str], ...]
    ignored: tuple[str, ...]

    @property
    def new(self) -> tuple[Recognised, ...]:
        """Reports that landing does not have yet."""
        return tuple(each for each in self.recognised if not each.repeats)


@contextlib.contextmanager
def read_exports(
    path: Path, settings: Settings, *, progress: Callable[[str], None]
) -> Iterator[Reading]:
    """Read a file or every `.xlsx` below a folder; landing is not touched.

    A context manager: the rows wait in a scratch folder, which is gone afterwards.

    Args:
        path: A file, whatever its name, or a folder.
        settings: Where landing and scratch are, how big a sheet may be, the language of `progress`.
        progress: Called with a sentence before each file.

    Raises:
        BackstageError: There is nothing at the path, or scratch cannot be written. A file that
            cannot be used is no error: it is in the reading.
    """
    try:
        files, ignored = _files_of(path.expanduser().absolute())
    except RuntimeError as error:
        # `~name` of nobody here.
        raise BackstageError(problems.not_found(str(path))) from error
    except OSError as error:
        raise BackstageError(problems.cannot_read(error.strerror or str(error))) from error
    with contextlib.ExitStack() as stack:
        try:
            scratch = stack.enter_context(scratch_folder(settings))
        except OSError as error:
            raise _cannot_write(settings, error) from error
        yield _read_files(files, ignored, scratch, settings, progress)


def _files_of(path: Path) -> tuple[list[Path], list[Path]]:
    if path.is_file():
        return [path], []
    if not path.is_dir():
        raise BackstageError(problems.not_found(str(path)))
    files: list[Path] = []
    ignored: list[Path] = []
    for each in sorted(path.rglob("*")):
        # Programs that have a workbook open keep a lock file (~$name.xlsx) beside it.
        if not each.is_file() or each.name.startswith((".", "~$")):
            continue
        (files if each.suffix.lower() == ".xlsx" else ignored).append(each)
    if not files:
        raise BackstageError(problems.nothing_here(str(path)))
    return files, ignored


def _read_files(
    files: Sequence[Path],
    ignored: Sequence[Path],
    scratch: Path,
    settings: Settings,
    progress: Callable[[str], None],
) -> Reading:
    recognised: list[Recognised] = []
    refused: list[RefusedFile] = []
    hidden: list[tuple[str, str]] = []
    other: list[tuple[str, str]] = []
    first_seen: dict[str, tuple[str, str]] = {}
    for path in files:
        name = _shown_name(path)
        progress(f"Leyendo {name}" if settings.language == "es" else f"Reading {name}")
        try:
            workbook = open_workbook(path, settings.max_sheet_bytes)
            tables = report.find_reports(workbook.sheets)
            saved_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            read = [
                report.read_report(
                    table,
                    made_at=workbook.made_at,
                    file_saved_at=saved_at,
                    file_name=name,
                    now=datetime.now(UTC),
                )
                for table in tables
            ]
        except BackstageError as error:
            refused.append(RefusedFile(name, error.said))
            continue
        except OSError as error:
            detail = error.strerror or type(error).__name__
            refused.append(RefusedFile(name, problems.cannot_read(detail)))
            continue
        hidden += [(name, sheet.name) for sheet in workbook.sheets if sheet.is_hidden]
        reports = [table.sheet for table in tables]
        other += [
            (name, sheet.name)
            for sheet in workbook.sheets
            if sheet.rows and not sheet.is_hidden and sheet not in reports
        ]
        for found, rows in read:
            arrival = found.period_end + timedelta(days=1)
            target = landing_path(settings.landing, FEED, arrival, f"{found.report_id}{_SUFFIX}")
            repeats = target.name if target.is_file() else ""
            if found.report_id in first_seen:
                file, sheet = first_seen[found.report_id]
                repeats = sheet if file == name else file
            first_seen.setdefault(found.report_id, (name, found.sheet))
            staged = scratch / f"{len(recognised):06d}{_SUFFIX}"
            if not repeats:
                try:
                    _write(found, rows, staged)
                except (OSError, duckdb.IOException) as error:
                    raise _cannot_write(settings, error) from error
            recognised.append(Recognised(name, found, target, staged, repeats))
    return Reading(
        recognised=tuple(recognised),
        refused=tuple(refused),
        hidden_sheets=tuple(hidden),
        other_sheets=tuple(other),
        ignored=tuple(_shown_name(each) for each in ignored),
    )


def _shown_name(path: Path) -> str:
    """A name that can be shown and stored, whatever bytes it is made of."""
    return "".join(
        letter if letter.isprintable() else "\ufffd"
        for letter in path.name.encode("utf-8", "replace").decode("utf-8")
    )


def _write(found: Report, rows: Sequence[dict[str, Value]], path: Path) -> None:
    """Write a report's rows as Parquet: typed, but for columns with a cell that could not be read.

    Their text stands there as it was, so that whoever looks at the refused row sees it.
    """
    unreadable = {problem.field for problem in found.problems}
    types = {name: _type_of(name, unreadable) for row in rows for name in row}
    lines = path.with_suffix(".jsonl")
    with lines.open("w", encoding="utf-8", errors="replace") as target:
        for row in rows:
            target.write(json.dumps(row, ensure_ascii=False) + "\n")
    # One thread: the same rows are the same bytes. Headers that nobody knows are names of columns
    # here, and never SQL text.
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.read_json(
            str(lines), columns=types, format="newline_delimited", maximum_object_size=1 << 27
        ).write_parquet(str(path), compression="zstd")
    lines.unlink()


def _type_of(name: str, unreadable: AbstractSet[str]) -> str:
    if name in _OWN_TYPES:
        return _OWN_TYPES[name]
    field = FIELD_BY_NAME.get(name)
    if field is None or name in unreadable:
        return "VARCHAR"
    return _TYPES.get(field.kind, "VARCHAR")


def land_exports(reading: Reading, settings: Settings) -> LandingSummary | None:
    """Move the reports of a reading into landing that are not there yet.

    Returns:
        What landed; None where everything had landed before.

    Raises:
        BackstageError: Landing cannot be written.
    """
    if not reading.new:
        return None
    changed = 0
    try:
        for each in reading.new:
            changed += place_file(each.staged, each.target)
    except OSError as error:
        raise _cannot_write(settings, error) from error
    landing = FeedLanding(
        rows=sum(each.report.row_count for each in reading.new),
        files=tuple(each.target for each in reading.new),
        files_changed=changed,
        first_arrival=min(each.arrival for each in reading.new),
        last_arrival=max(each.arrival for each in reading.new),
    )
    # What is worth knowing was shown with the reading.
    return LandingSummary(feeds={FEED: landing}, notes=())


def notes_of(reading: Reading) -> tuple[LandingNote, ...]:
    """What a person should know of a reading beside its table."""
    found = [each.report for each in reading.recognised]
    counts = {
        "masked_rows": sum(each.masked_count for each in found),
        "repeated": len(reading.recognised) - len(reading.new),
        "period_derived": sum(each.is_period_derived for each in found),
        "windows": sum(each.kind == "window" for each in found),
        "formula_like_texts": sum(each.formula_like_count for each in found),
        "other_sheets": len(reading.other_sheets),
        "hidden_sheets": len(reading.hidden_sheets),
        "ignored_files": len(reading.ignored),
    }
    return tuple(
        LandingNote(code, FEED, count, f"{said.en}: {count:,}", f"{said.es}: {count:,}")
        for code, said in problems.NOTES.items()
        if (count := counts[code])
    )


def _cannot_write(settings: Settings, error: OSError | duckdb.IOException) -> BackstageError:
    detail = str(error).partition("\n")[0]
    if isinstance(error, OSError):
        detail = error.strerror or type(error).__name__
    return BackstageError(problems.cannot_write(str(settings.home), detail))
