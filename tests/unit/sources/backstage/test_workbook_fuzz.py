"""Whatever people do to an export: no traceback, no lost row, and never another number.

What lives here: honest exports of the three kinds whose headers are known, rewritten and damaged
by hypothesis as people and spreadsheet programs do it. What may not: a fault that was thought of
before (`test_bad_workbooks`).

A row that nobody damaged has to arrive with exactly its numbers, however they are written.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import openpyxl  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet  # type: ignore[import-untyped]

from orchestration.contracts import FeedContract, load_contracts
from orchestration.ingest import Ingestor
from orchestration.settings import PROJECT_ROOT
from orchestration.sources.backstage import land_exports, read_exports
from orchestration.sources.backstage.columns import Field, field_of
from tests.fuzzing import examples
from tests.unit.sources.backstage.exports import MASK, PERIOD, SAVED_AT, settings_of

HEADERS = PROJECT_ROOT.parent / "shared" / "data" / "oracles" / "backstage_headers.json"
EXPORTS = ("english_month", "english_last_30_days", "spanish_month")
CREATORS = 6
FEED = "backstage_reports"

Row = dict[str, Any]
"""The cells of a row by header."""


@dataclass
class Sheet:
    """An export as somebody has it open.

    Attributes:
        headers: Its headers, as they are typed by now.
        rows: What stands below them; a row without cells is a blank one.
        titles: What stands above them and is no row.
        above: Rows that stand above them.
        truth: What honest rows say, by creator and column of the feed.
        damaged: Creators of whom nothing is expected any more.
        masked_count: Rows of creators who left.
        is_odd: Something was done for which the file as a whole may be refused.
        edits: What is done to the workbook at last, by the program that saves it.
    """

    headers: list[str]
    rows: list[Row]
    titles: list[list[Any]] = field(default_factory=list)
    above: list[Row] = field(default_factory=list)
    truth: dict[str, dict[str, Any]] = field(default_factory=dict)
    damaged: set[str] = field(default_factory=set)
    masked_count: int = 0
    is_odd: bool = False
    edits: list[Callable[[openpyxl.Workbook, Worksheet], None]] = field(default_factory=list)

    def damage(self, row: Row) -> None:
        """Expect nothing any more of whose row this is."""
        self.damaged.add(str(row.get(self.header_of("creator_id"))))

    def header_of(self, name: str) -> str:
        """The header of a column of the feed; empty where there is none any more."""
        known = ((header, field_of(header)) for header in self.headers)
        return next((header for header, found in known if found and found[0].name == name), "")

    def creators(self) -> list[Row]:
        """Rows that are not blank."""
        return [row for row in self.rows if row]


# --- honest exports, in all the ways of writing the same -----------------------------------------


@lru_cache
def _headers(export: str) -> tuple[str, ...]:
    return tuple(json.loads(HEADERS.read_text(encoding="utf-8"))[export])


def _honest(export: str, draw: random.Random) -> Sheet:
    sheet = Sheet(headers=list(_headers(export)), rows=[])
    for number in range(CREATORS):
        row: Row = {}
        creator = f"71234567890123456{number:02d}"
        values: dict[str, Any] = {}
        for header in sheet.headers:
            known = field_of(header)
            assert known is not None
            row[header], values[known[0].name] = _cell(known[0], creator, draw)
        sheet.rows.append(row)
        sheet.truth[creator] = values
    return sheet


def _cell(column: Field, creator: str, draw: random.Random) -> tuple[Any, Any]:
    """A cell, and what it says."""
    if column.kind == "id":
        return creator, creator
    if column.kind == "period":
        return PERIOD, None
    if draw.random() < 0.1:
        return draw.choice(("-", "", None)), None
    cells: dict[str, Callable[[random.Random], tuple[Any, Any]]] = {
        "count": _count,
        "days": _days,
        "duration": _duration,
        "rate": _rate,
        "share": _share,
        "moment": _moment,
    }
    if column.kind in cells:
        return cells[column.kind](draw)
    word = draw.choice(("Sur", "+2+2", "ñandú & <co>", "Ana_lu", "1.234"))
    return word, word if column.kind == "text" else None


def _count(draw: random.Random) -> tuple[Any, int]:
    number = draw.choice((0, 7, 1_234, 999_999, 12_345_678, draw.randrange(10**9)))
    grouped = f"{number:,}"
    ways = (number, float(number), str(number), grouped, grouped.replace(",", "."))
    more = (grouped.replace(",", " "), grouped.replace(",", "\u00a0"), f"{number}.0", f" {number} ")
    return draw.choice(ways + more), number


def _days(draw: random.Random) -> tuple[Any, int]:
    number = draw.randrange(32)
    return draw.choice((number, str(number), f"{number}d", f"{number} d", f"{number} días")), number


def _duration(draw: random.Random) -> tuple[Any, int]:
    # Hundredths of an hour, so that every way of writing says the same seconds.
    seconds = draw.randrange(20_000) * 36
    hours, rest = divmod(seconds, 3600)
    minutes, second = divmod(rest, 60)
    decimal = f"{Decimal(seconds) / 3600:.2f}"
    ways = (
        f"{hours}h {minutes}m {second}s",
        f"{hours}h {minutes}min {second}s",
        f"{decimal}h",
        f"{decimal.replace('.', ',')}h",
        decimal,
        float(decimal),
        f"{hours}:{minutes:02d}:{second:02d}",
        dt.timedelta(seconds=seconds),
    )
    return draw.choice(ways), seconds


def _rate(draw: random.Random) -> tuple[Any, Decimal]:
    value = Decimal(draw.randrange(-20_000, 50_000)) / 10_000
    percent = f"{value * 100:.2f}%"
    ways = (percent, percent.replace(".", ","), f"{value * 100:.2f} %", f"{value:.4f}")
    return draw.choice((*ways, float(value))), value


def _share(draw: random.Random) -> tuple[str, Decimal]:
    value = Decimal(draw.randrange(10_001)) / 10_000
    percent = f"{value * 100:.2f}%"
    return draw.choice((percent, percent.replace(".", ","))), value


def _moment(draw: random.Random) -> tuple[Any, dt.datetime]:
    moment = dt.datetime(2025, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=draw.randrange(500_000))
    there = moment.astimezone(dt.timezone(dt.timedelta(hours=-6)))
    ways = (
        f"{moment:%Y-%m-%d %H:%M:%S} (UTC+0)",
        f"{there:%Y-%m-%d %H:%M:%S} (UTC-6)",
        f"{moment:%Y/%m/%d %H:%M}",
        moment.replace(tzinfo=None),
    )
    return draw.choice(ways), moment


# --- what people do to them ----------------------------------------------------------------------


def swap_columns(sheet: Sheet, draw: random.Random) -> None:
    draw.shuffle(sheet.headers)


def leave_out_columns(sheet: Sheet, draw: random.Random) -> None:
    kept = {sheet.header_of("creator_id"), sheet.header_of("period"), sheet.header_of("diamonds")}
    # What tells the export of the last 30 days from others is how its counters are called.
    optional = [header for header in sheet.headers if header not in kept]
    for header in draw.sample(optional, len(optional) // 4):
        sheet.headers.remove(header)


def retype_headers(sheet: Sheet, draw: random.Random) -> None:
    for header in draw.sample(sheet.headers, 3):
        typed = draw.choice(
            (header.upper(), f"  {header} ", header.replace(" ", "\n"), f"{header}:")
        )
        sheet.headers[sheet.headers.index(header)] = typed
        for row in sheet.creators():
            row[typed] = row.pop(header, None)


def rename_a_column(sheet: Sheet, draw: random.Random) -> None:
    header = draw.choice(sheet.headers)
    typed = draw.choice(("Nota", "_row", "report_id", "x" * 3000, '"; drop', "\u200b", "Diamonds?"))
    known = field_of(header)
    sheet.is_odd |= known is not None and known[0].name in {"creator_id", "period", "diamonds"}
    if typed in sheet.headers:
        return
    sheet.headers[sheet.headers.index(header)] = typed
    for row in sheet.creators():
        row[typed] = row.pop(header, None)
    for values in sheet.truth.values():
        values.pop(known[0].name if known else "", None)


def put_blank_rows_between(sheet: Sheet, draw: random.Random) -> None:
    for _ in range(3):
        sheet.rows.insert(draw.randrange(len(sheet.rows) + 1), {})


def add_a_total(sheet: Sheet, draw: random.Random) -> None:
    label = draw.choice(
        ("Total", "TOTAL:", "Total de la red completa", "Suma de los creadores", "")
    )
    row: Row = {sheet.header_of("diamonds") or sheet.headers[-1]: 123_456}
    row[draw.choice((sheet.header_of("creator_id") or sheet.headers[0], sheet.headers[0]))] = label
    sheet.rows.append(row)


def add_titles(sheet: Sheet, draw: random.Random) -> None:
    titles: list[list[Any]] = [[], ["Red Sur, julio 2026"], [None, "Exportado", "hoy"]]
    sheet.titles += titles[: draw.randrange(4)]


def repeat_a_row(sheet: Sheet, draw: random.Random) -> None:
    sheet.rows.append(dict(draw.choice(sheet.creators())))


def contradict_a_row(sheet: Sheet, draw: random.Random) -> None:
    row = dict(draw.choice(sheet.creators()))
    row[draw.choice(sheet.headers)] = 3
    sheet.damage(row)
    sheet.rows.append(row)


def mask_a_creator(sheet: Sheet, draw: random.Random) -> None:
    row = draw.choice(sheet.creators())
    sheet.damage(row)
    row[sheet.header_of("creator_id")] = MASK
    sheet.masked_count += 1


def put_junk_into_cells(sheet: Sheet, draw: random.Random) -> None:
    junk = (
        *(
            "#N/A",
            "n/d",
            "1.2.3,4",
            "١٢",
            "1e400",
            "-",
            "=A1",
            "\t",
            "9" * 400,
            "12:99",
            "31/07/2026",
        ),
        *(-1, 0.1, 1e300, True, float(2**60), 45_678, dt.date(2026, 7, 1), dt.time(1, 2)),
        *("1.234", "1,234", "a" * 30_000, "_x0000_", "'1", "2026-13-01", PERIOD),
    )
    for row in draw.sample(sheet.creators(), 2):
        sheet.damage(row)
        row[draw.choice(sheet.headers)] = draw.choice(junk)
    # A cell that shows the decimal mark decides for its column; so may one that is damaged.
    sheet.is_odd = True


def turn_dates_into_serials(sheet: Sheet, draw: random.Random) -> None:
    header = sheet.header_of("joined_at")
    if header:
        row = draw.choice(sheet.creators())
        sheet.damage(row)
        row[header] = 45_678.25


def turn_ids_into_numbers(sheet: Sheet, draw: random.Random) -> None:
    header = sheet.header_of("creator_id")
    rows = sheet.creators() if draw.random() < 0.3 else [draw.choice(sheet.creators())]
    for row in rows:
        sheet.damage(row)
        if str(row.get(header)).isdigit():
            row[header] = int(row[header])
    sheet.is_odd = True


def sort_the_headers_too(sheet: Sheet, _: random.Random) -> None:
    sheet.above, sheet.rows = sheet.above + sheet.rows[:2], sheet.rows[2:]
    sheet.is_odd = True


def append_another_table(sheet: Sheet, draw: random.Random) -> None:
    kept = sheet.header_of("creator_id")
    others = [header for header in sheet.headers if header != kept]
    order = dict(zip(others, draw.sample(others, len(others)), strict=True)) | {kept: kept}
    # Its creator's honest numbers stand below its own headers, not below the first ones.
    row = draw.choice(sheet.creators())
    sheet.rows.remove(row)
    sheet.rows.append({header: order[header] for header in sheet.headers})
    sheet.rows.append({header: row.get(order[header]) for header in sheet.headers})
    sheet.is_odd = True


def mix_periods(sheet: Sheet, draw: random.Random) -> None:
    header = sheet.header_of("period")
    if header:
        periods = ("2026-06-01 ~ 2026-06-30", "9999-12-01 ~ 9999-12-31", "julio", "")
        period, rows = draw.choice(periods), sheet.creators()
        for row in draw.choice((rows, rows[:1])):
            sheet.damage(row)
            row[header] = period
        sheet.is_odd = True


def merge_cells(sheet: Sheet, draw: random.Random) -> None:
    row, column = draw.randrange(1, 12), draw.choice((1, 2, 4, 60, 700))
    end = {"end_row": row + draw.randrange(3), "end_column": column + draw.randrange(3)}
    sheet.is_odd = True
    for each in sheet.creators():
        sheet.damage(each)
    sheet.edits.append(lambda _, page: page.merge_cells(start_row=row, start_column=column, **end))


def compute_cells(sheet: Sheet, draw: random.Random) -> None:
    for _ in range(3):
        row = draw.choice(sheet.creators())
        sheet.damage(row)
        row[draw.choice(sheet.headers)] = draw.choice(("=1+1", '=HYPERLINK("x","y")', "=A1"))
    sheet.is_odd = True


def add_a_sheet(sheet: Sheet, draw: random.Random) -> None:
    state = draw.choice(("visible", "hidden", "veryHidden"))
    is_copy = draw.random() < 0.5

    def edit(book: openpyxl.Workbook, page: Worksheet) -> None:
        added = book.copy_worksheet(page) if is_copy else book.create_sheet("Notas")
        added.sheet_state = state
        if not is_copy:
            added.append(["ID", "Nota"])

    sheet.edits.append(edit)


MUTATIONS = (
    swap_columns,
    leave_out_columns,
    retype_headers,
    rename_a_column,
    put_blank_rows_between,
    add_a_total,
    add_titles,
    repeat_a_row,
    contradict_a_row,
    mask_a_creator,
    put_junk_into_cells,
    turn_dates_into_serials,
    turn_ids_into_numbers,
    sort_the_headers_too,
    append_another_table,
    mix_periods,
    merge_cells,
    compute_cells,
    add_a_sheet,
)


def _saved(sheet: Sheet, path: Path) -> None:
    """Save it as a spreadsheet program does, but for the time, which is always the same."""
    book = openpyxl.Workbook()
    page = book.active
    assert isinstance(page, Worksheet)
    above = [[row.get(header) for header in sheet.headers] for row in sheet.above]
    rows = [[row.get(header) for header in sheet.headers] for row in sheet.rows]
    for line in (*sheet.titles, *above, sheet.headers, *rows):
        page.append(line)
    for edit in sheet.edits:
        edit(book, page)
    made = path.with_suffix(".made")
    book.save(made)
    saved_at = f"{SAVED_AT:%Y-%m-%dT%H:%M:%SZ}"
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = f'<x xmlns="urn:x"><modified>{saved_at}</modified></x>'.encode()
            new.writestr(name, content)
    made.unlink()


# --- what must hold ------------------------------------------------------------------------------


@lru_cache
def _contract() -> FeedContract:
    # Any share of refused rows: what is asked here is what becomes of each row.
    return replace(load_contracts()[FEED], max_refused_share=1.0)


@pytest.mark.skipif(not HEADERS.exists(), reason="../shared/data/oracles is not beside us")
@examples(100)
@given(
    export=st.sampled_from(EXPORTS),
    mutations=st.lists(st.sampled_from(MUTATIONS), max_size=3),
    draw=st.randoms(use_true_random=False),
)
def test_whatever_is_done_to_an_export_no_row_is_lost_and_no_number_is_another(
    export: str,
    mutations: list[Callable[[Sheet, random.Random], None]],
    draw: random.Random,
) -> None:
    sheet = _honest(export, draw)
    for mutate in mutations:
        mutate(sheet, draw)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        _saved(sheet, home / "a.xlsx")
        own = settings_of(home)
        with read_exports(home / "a.xlsx", own, progress=lambda _: None) as reading:
            land_exports(reading, own)
        if reading.refused:
            assert sheet.is_odd, reading.refused[0].said.en
            return
        assert reading.recognised
        rows = [[row.get(header) for header in sheet.headers] for row in sheet.above + sheet.rows]
        filled = [row for row in rows if any(_is_filled(cell) for cell in row)]
        for each in reading.recognised:
            assert each.report.row_count == len(filled)
        with Ingestor(own) as ingestor:
            results = [
                ingestor.ingest(_contract(), day) for day in {each.arrival for each in reading.new}
            ]
        for result in results:
            accounted = result.rows_accepted + result.rows_refused + result.rows_duplicate
            assert result.rows_read == accounted
        assert sum(result.rows_read for result in results) == sum(
            each.report.row_count for each in reading.new
        )
        told = [(each.rule, each.column, each.reason_en) for r in results for each in r.problems]
        _assert_true(sheet, own.raw, told)


def _is_filled(cell: object) -> bool:
    return cell is not None and bool(str(cell).strip())


def _assert_true(sheet: Sheet, raw: Path, told: object) -> None:
    """Rows that nobody damaged are there, and say what they said."""
    expected = {creator for creator in sheet.truth if creator not in sheet.damaged}
    rows: list[dict[str, Any]] = []
    for path in raw.rglob("*.parquet"):
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            found = connection.read_parquet(str(path))
            rows += [dict(zip(found.columns, values, strict=True)) for values in found.fetchall()]
    seen = {row["creator_id"] for row in rows}
    assert expected <= seen or sheet.is_odd, told
    assert sum(row["is_masked"] for row in rows) <= sheet.masked_count
    present = {known[0].name for header in sheet.headers if (known := field_of(header))}
    for row in rows:
        creator = row["creator_id"]
        if creator not in expected:
            continue
        for name, value in sheet.truth[creator].items():
            if name in present and name not in {"period", "group_name"} and value is not None:
                assert row[name] == value, (name, value)
