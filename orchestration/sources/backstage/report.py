"""A sheet of a workbook as a report: what it is, and its rows in the feed's words.

What lives here: finding the header row, recognising language, kind and period, and turning rows of
cells into rows of `backstage_reports`, with every cell that could not be read. What may not: files
(`workbook`), single cells (`values`), landing (`adapter`).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal

from orchestration.sources.backstage import columns, problems, values
from orchestration.sources.backstage.columns import Field, Language
from orchestration.sources.backstage.problems import BackstageError
from orchestration.sources.backstage.values import Cell, CellError, ProblemCode
from orchestration.sources.backstage.workbook import Sheet, cell_name

Kind = Literal["month", "last_30_days", "window"]
"""`month` counts from the 1st on. `window` is any other period: never part of a difference."""

Value = str | int | bool | None

_HEADER_ROWS = 30
"""Where the header row is looked for: exports have it first, people put titles above."""

_FEWEST_HEADERS = 3
_FEWEST_WITH_ID = 2
_L30D_DAYS = 30
_SHOWN_HEADERS = 8
_LONGEST_HEADER = 100
_FIRST_CREDIBLE_YEAR = 2019
"""Some writers put a constant of 2006 where the time of saving belongs."""


@dataclass(frozen=True)
class CellProblem:
    """A cell that could not be read: where it stands and what it should have been."""

    row: int
    cell: str
    header: str
    field: str
    code: ProblemCode


@dataclass(frozen=True)
class Report:
    """One export, as far as a person is told before it is landed.

    Attributes:
        report_id: The same for the same rows, whatever the file is called and in whichever language
            it was exported.
        sheet: Its tab.
        language: The language of most of its headers.
        kind: What its period is.
        period_start: First day counted.
        period_end: Last day counted.
        is_period_derived: The file names no period; it follows from when it was made.
        exported_at: When it was made.
        row_count: Rows with anything in them.
        masked_count: Rows of creators who left, whose ID is a sentence.
        refused_count: Rows with a cell that could not be read; ingest will refuse them.
        problems: Those cells.
        unknown_headers: Headers nobody has seen before; their cells are kept as they are.
        formula_like_count: Texts that begin like a formula; kept as text.
    """

    report_id: str
    sheet: str
    language: Language
    kind: Kind
    period_start: date
    period_end: date
    is_period_derived: bool
    exported_at: datetime
    row_count: int
    masked_count: int
    refused_count: int
    problems: tuple[CellProblem, ...]
    unknown_headers: tuple[str, ...]
    formula_like_count: int


@dataclass(frozen=True)
class _Column:
    """A column with a header; `field` is None where nobody has seen the header before."""

    index: int
    header: str
    field: Field | None
    language: Language | None


@dataclass(frozen=True)
class _Table:
    """A sheet's header row and what stands below it."""

    sheet: Sheet
    columns: tuple[_Column, ...]
    first_row: int

    def cells(self, column: _Column) -> Iterable[Cell]:
        return (row[column.index] for row in self.sheet.rows[self.first_row :])

    def column_of(self, name: str) -> _Column | None:
        return next((each for each in self.columns if each.field and each.field.name == name), None)


def find_reports(sheets: Sequence[Sheet]) -> list[_Table]:
    """The visible sheets that are exports.

    Raises:
        BackstageError: None is; the message says what was found instead.
    """
    tables = [(sheet, _table_of(sheet)) for sheet in sheets]
    found = [table for sheet, table in tables if table is not None and not sheet.is_hidden]
    if found:
        return found
    hidden = next((sheet for sheet, table in tables if table is not None), None)
    if hidden is not None:
        raise BackstageError(problems.only_hidden(hidden.name))
    raise BackstageError(problems.not_an_export(_texts_seen(sheets)))


def _texts_seen(sheets: Sequence[Sheet]) -> tuple[str, ...]:
    """What the fullest of the first rows says, so that the person recognises the file.

    Rows with numbers are left out: they are no headers, and may hold names of people.
    """
    rows = [row for sheet in sheets if not sheet.is_hidden for row in sheet.rows[:_HEADER_ROWS]]
    texts = [
        [_plain_header(cell) for cell in row if isinstance(cell, str) and cell.strip()]
        for row in rows
        if not any(_has_digits(cell) for cell in row)
    ]
    fullest = max(texts, key=len, default=[])
    return tuple(text[:40] for text in fullest[:_SHOWN_HEADERS])


def _has_digits(cell: Cell) -> bool:
    return not values.is_missing(cell) and any(letter.isdigit() for letter in str(cell))


def _table_of(sheet: Sheet) -> _Table | None:
    known = [_known_count(sheet, index) for index in range(min(len(sheet.rows), _HEADER_ROWS))]
    most = max(known, default=0)
    if most < _FEWEST_HEADERS:
        return None
    index = known.index(most)
    for merged in sheet.merged:
        is_wide = merged.first_column != merged.last_column
        is_beyond = merged.first_column >= len(sheet.rows[index])
        if is_wide and not is_beyond and merged.first_row <= index <= merged.last_row:
            raise BackstageError(problems.merged_headers(sheet.name, merged.shown))
    table = _Table(sheet=sheet, columns=_columns_of(sheet, index), first_row=index + 1)
    if table.column_of("creator_id") is None:
        raise BackstageError(problems.no_id_column(sheet.name))
    _refuse_other_shapes(table)
    return table


def _is_data(cell: Cell) -> bool:
    # Some headers have digits: Diamonds in L30D.
    return _has_digits(cell) and columns.field_of(str(cell)) is None


def _known_count(sheet: Sheet, index: int) -> int:
    return sum(columns.field_of(text) is not None for text in _header_texts(sheet, index) if text)


def _refuse_other_shapes(table: _Table) -> None:
    """A sheet that is not one row of headers with a row a creator below it.

    People sort the headers into the middle, paste one export below another and merge cells. All of
    it reads without complaint, as fewer rows or as numbers under the wrong header.
    """
    sheet, header = table.sheet, table.first_row - 1
    known = [column.index for column in table.columns if column.field is not None]
    creator = table.column_of("creator_id")
    for index, row in enumerate(sheet.rows[:header]):
        filled = [place for place in known if _is_data(row[place])]
        # Who was not LIVE has little more than an ID, among dashes.
        has_id = creator is not None and creator.index in filled
        if len(filled) >= (_FEWEST_WITH_ID if has_id else _FEWEST_HEADERS):
            raise BackstageError(problems.rows_above(sheet.name, index + 1, header + 1))
    for merged in sheet.merged:
        touches_known = any(merged.first_column <= place <= merged.last_column for place in known)
        if touches_known and merged.last_row > header and merged.first_row < len(sheet.rows):
            raise BackstageError(problems.merged_rows(sheet.name, merged.shown))
    texts = _header_texts(sheet, header)
    for index in range(table.first_row, len(sheet.rows)):
        # Every ID has digits: few rows are worth a closer look.
        if creator is None or _is_data(sheet.rows[index][creator.index]):
            continue
        is_header = _known_count(sheet, index) >= _FEWEST_HEADERS
        if is_header and _header_texts(sheet, index) != texts:
            raise BackstageError(problems.headers_again(sheet.name, index + 1))


def _header_texts(sheet: Sheet, index: int) -> list[str]:
    """The texts of a row; a cell merged with the ones above it has theirs."""
    texts = [_plain_header(cell) for cell in sheet.rows[index]]
    for merged in sheet.merged:
        is_upright = merged.first_column == merged.last_column
        is_beyond = merged.first_column >= len(texts)
        if is_upright and not is_beyond and merged.first_row < index <= merged.last_row:
            texts[merged.first_column] = _plain_header(
                sheet.rows[merged.first_row][merged.first_column]
            )
    return texts


def _plain_header(cell: Cell) -> str:
    """A header fit to be shown and to name a column, whatever somebody wrote there."""
    if not isinstance(cell, str):
        return ""
    spaced = (
        letter if letter.isprintable() else " " if letter.isspace() else "" for letter in cell
    )
    return " ".join("".join(spaced).split())[:_LONGEST_HEADER]


def _columns_of(sheet: Sheet, index: int) -> tuple[_Column, ...]:
    found: list[_Column] = []
    header_of: dict[str, str] = {}
    for position, header in enumerate(_header_texts(sheet, index)):
        if not header:
            if any(not values.is_missing(row[position]) for row in sheet.rows[index + 1 :]):
                unnamed = f"column {cell_name(0, position).rstrip('1')}"
                found.append(_Column(position, unnamed, None, None))
            continue
        known = columns.field_of(header)
        if known is None:
            found.append(_Column(position, header, None, None))
            continue
        field, language = known
        if field.name in header_of:
            raise BackstageError(problems.header_twice(sheet.name, header_of[field.name], header))
        header_of[field.name] = header
        found.append(_Column(position, header, field, language))
    return tuple(found)


def read_report(
    table: _Table,
    *,
    made_at: datetime | None,
    file_saved_at: datetime,
    file_name: str,
    now: datetime,
) -> tuple[Report, list[dict[str, Value]]]:
    """Read a sheet's rows.

    Args:
        table: From `find_reports`.
        made_at: When the workbook says that it was made.
        file_saved_at: When the file was, which counts where the workbook does not say.
        file_name: For the rows, so that a refused one can be found again.
        now: The present moment (UTC), after which no export can have been made.

    Returns:
        The report, and its rows by column of the feed. A cell that could not be read keeps its
        text, and its row says so in `cell_problems`: the contract refuses the row by it.

    Raises:
        BackstageError: The sheet as a whole cannot be used.
    """
    sheet = table.sheet
    exported_at = _exported_at(made_at, file_saved_at, now)
    kind, first, last, is_derived = _period_of(table, exported_at)
    # Somewhere it is tomorrow already.
    if last > (now + timedelta(days=1)).date():
        raise BackstageError(problems.days_to_come(sheet.name, f"{first} ~ {last}"))
    # Whoever saved it, nobody can have exported a day before it was over.
    exported_at = max(exported_at, datetime.combine(last, time(), UTC))
    numbers = [
        index
        for index in range(table.first_row, len(sheet.rows))
        if not all(_is_blank(cell) for cell in sheet.rows[index])
    ]
    known = {column.index for column in table.columns if column.field is not None}
    computed = {
        row
        for row, column in sheet.formulas | sheet.errors
        if row >= table.first_row and column in known
    }
    if not computed <= set(numbers):
        # Formulas that nobody computed: the reader of spreadsheets does not tell of such rows.
        raise BackstageError(problems.computed_sheet(sheet.name))
    if not numbers:
        raise BackstageError(problems.no_rows(sheet.name))
    rows, found = _read_rows(table, numbers, (first, last))
    _mark_contradictions(table, rows, found)
    lost = sum(problem.code == "lost_digits" for problem in found)
    masked = sum(row["is_masked"] is True for row in rows)
    if lost and lost == len(rows) - masked:
        raise BackstageError(problems.all_ids_lost(sheet.name))

    language = _language_of(table)
    period = {"period_start_date": first.isoformat(), "period_end_date": last.isoformat()}
    report_id = _hash([kind, *period.values()], rows)
    codes: dict[int, list[str]] = defaultdict(list)
    for problem in found:
        codes[problem.row].append(f"{problem.code} {problem.cell}")
    for row in rows:
        number = int(row["row_number"] or 0)
        row.update(
            report_id=report_id,
            report_kind=kind,
            is_period_derived=is_derived,
            **period,
            updated_at=_instant(exported_at),
            source_file=file_name,
            source_sheet=sheet.name,
            source_language=language,
            cell_problems="; ".join(codes[number]) if number in codes else None,
        )
    report = Report(
        report_id=report_id,
        sheet=sheet.name,
        language=language,
        kind=kind,
        period_start=first,
        period_end=last,
        is_period_derived=is_derived,
        exported_at=exported_at,
        row_count=len(rows),
        masked_count=masked,
        refused_count=len(codes),
        problems=tuple(found),
        unknown_headers=tuple(each.header for each in table.columns if each.field is None),
        formula_like_count=_formula_like_count(table),
    )
    return report, rows


def _exported_at(made_at: datetime | None, file_saved_at: datetime, now: datetime) -> datetime:
    """When the workbook says that it was made, if that can be; else when the disk says so."""
    moment = min(file_saved_at, now)
    if (
        made_at is not None
        and made_at.year >= _FIRST_CREDIBLE_YEAR
        and made_at <= now + timedelta(days=1)
    ):
        moment = made_at
    return moment.replace(microsecond=0)


def _is_blank(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _language_of(table: _Table) -> Language:
    # Ties go to the first seen, which is the first column's.
    counted = Counter(each.language for each in table.columns if each.language is not None)
    return counted.most_common(1)[0][0]


def _period_of(table: _Table, exported_at: datetime) -> tuple[Kind, date, date, bool]:
    column = table.column_of("period")
    seen: set[tuple[date, date]] = set()
    for cell in table.cells(column) if column else ():
        try:
            period = values.period(cell)
        except CellError:
            # The row is refused; what counts here is whether the others agree.
            continue
        if period is not None:
            seen.add(period)
    is_last_30_days = any(columns.is_of_last_30_days(each.header) for each in table.columns)
    if len(seen) > 1:
        shown = sorted(f"{first} ~ {last}" for first, last in seen)[:4]
        raise BackstageError(problems.several_periods(table.sheet.name, tuple(shown)))
    if seen:
        first, last = seen.pop()
        if is_last_30_days:
            return "last_30_days", first, last, False
        is_month = first.day == 1 and (first.year, first.month) == (last.year, last.month)
        return ("month" if is_month else "window"), first, last, False
    if not is_last_30_days:
        raise BackstageError(problems.no_period(table.sheet.name))
    last = exported_at.date() - timedelta(days=1)
    return "last_30_days", last - timedelta(days=_L30D_DAYS - 1), last, True


def _read_rows(
    table: _Table, numbers: Sequence[int], period: tuple[date, date]
) -> tuple[list[dict[str, Value]], list[CellProblem]]:
    sheet = table.sheet
    known = [(column, _reader(table, column, period)) for column in table.columns if column.field]
    unknown = [
        (column, name)
        for column, name in zip(
            (each for each in table.columns if each.field is None),
            _unknown_names(table),
            strict=True,
        )
    ]
    found: list[CellProblem] = []
    rows: list[dict[str, Value]] = []
    for index in numbers:
        cells = sheet.rows[index]
        row: dict[str, Value] = {"row_number": index + 1, "is_masked": False}
        for column, read in known:
            cell = cells[column.index]
            place = (index, column.index)
            try:
                _refuse_computed(sheet, place)
                read(cell, row)
            except CellError as error:
                name = column.field.name if column.field is not None else ""
                if name != "period":
                    row[name] = values.text(cell)
                found.append(
                    CellProblem(index + 1, cell_name(*place), column.header, name, error.code)
                )
        for column, name in unknown:
            row[name] = values.text(cells[column.index])
        rows.append(row)
    return rows, found


def _refuse_computed(sheet: Sheet, place: tuple[int, int]) -> None:
    """Exports hold values. What a formula shows is somebody's, and an error is nothing."""
    if place in sheet.formulas:
        raise CellError("formula")
    if place in sheet.errors:
        raise CellError("excel_error")


def _unknown_names(table: _Table) -> list[str]:
    """Names for the columns nobody has seen: the header, made unlike every other name."""
    taken = {name.casefold() for name in OWN_COLUMNS} | {field.name for field in columns.FIELDS}
    names: list[str] = []
    for column in table.columns:
        if column.field is not None:
            continue
        name = column.header
        while name.strip().casefold() in taken:
            name = f"{name} ({cell_name(0, column.index).rstrip('1')})"
        taken.add(name.strip().casefold())
        names.append(name)
    return names


OWN_COLUMNS = (
    "report_id",
    "row_number",
    "report_kind",
    "is_period_derived",
    "period_start_date",
    "period_end_date",
    "updated_at",
    "source_file",
    "source_sheet",
    "source_language",
    "is_masked",
    "cell_problems",
)
"""Columns of the feed that no cell of the export holds."""


def _reader(
    table: _Table, column: _Column, period: tuple[date, date]
) -> Callable[[Cell, dict[str, Value]], None]:
    """What puts a cell of this column into its row."""
    field = column.field
    if field is None:
        raise ValueError("a column without a field has no reader")
    name = field.name

    def put(read: Callable[[Cell], Value]) -> Callable[[Cell, dict[str, Value]], None]:
        def put_value(cell: Cell, row: dict[str, Value]) -> None:
            row[name] = read(cell)

        return put_value

    def put_creator(cell: Cell, row: dict[str, Value]) -> None:
        row["creator_id"], row["is_masked"] = values.creator_id(cell)

    def check_period(cell: Cell, _: dict[str, Value]) -> None:
        if values.period(cell) != period:
            raise CellError("not_the_period")

    mark = None
    if field.kind in {"duration", "rate", "share"}:
        mark = values.decimal_mark(table.cells(column))
    is_percent = field.kind == "share" and values.is_bare_percent(table.cells(column))
    readers: dict[str, Callable[[Cell, dict[str, Value]], None]] = {
        "id": put_creator,
        "period": check_period,
        "text": put(_group if name == "group_name" else values.text),
        "status": put(lambda cell: _status(name, cell)),
        "count": put(values.whole_number),
        "days": put(values.days),
        "duration": put(lambda cell: values.duration(cell, mark)),
        "rate": put(lambda cell: _plain(values.rate(cell, mark))),
        "share": put(lambda cell: _plain(values.rate(cell, mark, bare_is_percent=is_percent))),
        "moment": put(lambda cell: _instant(values.moment(cell))),
    }
    return readers[field.kind]


def _group(cell: Cell) -> str | None:
    shown = values.text(cell)
    return None if shown is None or shown.casefold() in columns.NO_GROUP else shown


def _status(name: str, cell: Cell) -> str | None:
    shown = values.text(cell)
    if shown is None:
        return None
    return columns.STATUS_CODES.get(name, {}).get(shown.casefold(), shown)


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _mark_contradictions(
    table: _Table, rows: list[dict[str, Value]], found: list[CellProblem]
) -> None:
    """Several rows of one creator that do not say the same: nobody can say which is right."""
    column = table.column_of("creator_id")
    if column is None:
        return
    by_creator: dict[Value, list[dict[str, Value]]] = defaultdict(list)
    for row in rows:
        if row.get("creator_id") is not None:
            by_creator[row["creator_id"]].append(row)
    unreadable = {problem.row for problem in found}
    for same in by_creator.values():
        readable = [row for row in same if row["row_number"] not in unreadable]
        contents = {json.dumps({**row, "row_number": 0}, sort_keys=True) for row in readable}
        if len(contents) > 1:
            for row in readable:
                number = int(row["row_number"] or 0)
                cell = cell_name(number - 1, column.index)
                found.append(
                    CellProblem(number, cell, column.header, "creator_id", "creator_twice")
                )


def _hash(head: list[str], rows: list[dict[str, Value]]) -> str:
    """Of what the rows say, not of where they stand or what the file is called."""
    contents = sorted(
        json.dumps(
            {
                name: value
                for name, value in row.items()
                if name != "row_number" and value is not None
            },
            sort_keys=True,
            ensure_ascii=False,
        )
        for row in rows
    )
    return hashlib.sha256("\n".join([*head, *contents]).encode()).hexdigest()[:16]


def _formula_like_count(table: _Table) -> int:
    texts = [
        column
        for column in table.columns
        if column.field is None or column.field.kind in {"text", "status"}
    ]
    return sum(
        isinstance(cell, str) and cell.lstrip().startswith("=")
        for column in texts
        for cell in table.cells(column)
    )
