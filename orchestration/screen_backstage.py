"""What was recognised in spreadsheets, shown before anything is written, in English or Spanish.

What lives here: the table of a reading of Backstage exports, and the question whether to land them.
What may not: reading them, or judgement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestration.screen_parts import listed, part, plain_table
from orchestration.settings import Settings
from orchestration.sources.backstage import CELL_TEXTS, notes_of

if TYPE_CHECKING:
    from orchestration.sources.backstage import Reading, Recognised

_SHOWN_REPORTS = 40
_SHOWN_CELLS = 8
_SHOWN_FILES = 20

TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Recognised in the spreadsheets",
        "file": "File",
        "kind": "What it is",
        "period": "Period",
        "rows": "Rows",
        "masked": "Without ID",
        "refused": "Unreadable",
        "lands": "Arrives",
        "month": "month to date",
        "last_30_days": "last 30 days",
        "window": "another window",
        "en": "English",
        "es": "Spanish",
        "repeats": "the same as {file}",
        "landed": "landed before",
        "derived": "period derived",
        "sums": "{rows} rows = {readable} readable + {refused} unreadable (they go to quarantine, "
        "each with its reason)",
        "cells_title": "Cells that could not be read",
        "one_cell": "{file}, sheet {sheet}, {cell} ({header}): {what}",
        "files_title": "Files that could not be used",
        "unknown_title": "Headers seen for the first time (kept as they are, told as drift)",
        "notes_title": "Worth knowing",
        "more": "... and {count} more",
        "ask": "Land {count} exports?",
        "nothing": "Nothing to land.",
        "not_written": "Nothing was written: add --yes to land {count} exports.",
        "dry_run": "Nothing was written (--dry-run).",
    },
    "es": {
        "title": "Qué se reconoció en las hojas de cálculo",
        "file": "Archivo",
        "kind": "Qué es",
        "period": "Periodo",
        "rows": "Filas",
        "masked": "Sin ID",
        "refused": "Ilegibles",
        "lands": "Llega el",
        "month": "acumulado del mes",
        "last_30_days": "últimos 30 días",
        "window": "otro intervalo",
        "en": "inglés",
        "es": "español",
        "repeats": "igual a {file}",
        "landed": "ya se había depositado",
        "derived": "periodo deducido",
        "sums": "{rows} filas = {readable} legibles + {refused} ilegibles (van a cuarentena, cada "
        "una con su motivo)",
        "cells_title": "Celdas que no se pudieron leer",
        "one_cell": "{file}, hoja {sheet}, {cell} ({header}): {what}",
        "files_title": "Archivos que no se pudieron usar",
        "unknown_title": "Encabezados vistos por primera vez (se guardan tal cual y se avisan como "
        "deriva)",
        "notes_title": "Conviene saber",
        "more": "... y {count} más",
        "ask": "¿Depositar {count} exportaciones?",
        "nothing": "No hay nada que depositar.",
        "not_written": "No se escribió nada: agregue --yes para depositar {count} exportaciones.",
        "dry_run": "No se escribió nada (--dry-run).",
    },
}


def show_reading(console: Console, settings: Settings, reading: Reading) -> None:
    """Print what each file is, what of it cannot be read, and where it will land."""
    texts = TEXTS[settings.language]
    if reading.recognised:
        console.print(_table(reading, texts))
        found = [each.report for each in reading.new]
        rows, refused = sum(r.row_count for r in found), sum(r.refused_count for r in found)
        sums = texts["sums"].format(
            rows=f"{rows:,}", readable=f"{rows - refused:,}", refused=f"{refused:,}"
        )
        console.print(Text(sums))
    _show_cells(console, settings, reading, texts)
    unknown = {header for each in reading.recognised for header in each.report.unknown_headers}
    notes = [note.message(settings.language) for note in notes_of(reading)]
    files = [f"{each.file}: {each.said.message(settings.language)}" for each in reading.refused]
    _show_list(console, texts, "unknown_title", sorted(unknown), _SHOWN_FILES)
    _show_list(console, texts, "notes_title", notes, _SHOWN_FILES)
    _show_list(console, texts, "files_title", files, _SHOWN_FILES)


def _table(reading: Reading, texts: Mapping[str, str]) -> Table:
    table = plain_table(texts["title"])
    # What every export has none of is no column: eighty letters are few.
    counted = [
        name
        for name in ("masked", "refused")
        if any(getattr(each.report, f"{name}_count") for each in reading.recognised)
    ]
    for name in ("file", "kind"):
        table.add_column(texts[name], overflow="fold")
    table.add_column(texts["period"], no_wrap=True)
    for name in ("rows", *counted):
        table.add_column(texts[name], justify="right")
    table.add_column(texts["lands"], no_wrap=True)
    in_order = sorted(
        reading.recognised, key=lambda each: (each.report.period_end, each.report.kind, each.file)
    )
    for each in in_order[:_SHOWN_REPORTS]:
        table.add_row(*_cells(each, texts, counted))
    if len(reading.recognised) > _SHOWN_REPORTS:
        rest = len(reading.recognised) - _SHOWN_REPORTS
        table.add_row(Text(texts["more"].format(count=f"{rest:,}")))
    return table


def _cells(each: Recognised, texts: Mapping[str, str], counted: Sequence[str]) -> list[Text]:
    report = each.report
    kind = f"{texts[report.kind]}, {texts[report.language]}"
    if report.is_period_derived:
        kind += f"; {texts['derived']}"
    if each.repeats == each.target.name:
        kind += f"; {texts['landed']}"
    elif each.repeats:
        kind += f"; {texts['repeats'].format(file=each.repeats)}"
    end = report.period_end
    is_of_a_year = report.period_start.year == end.year
    # As Text: a file name in square brackets would be read as a style.
    return [
        Text(cell)
        for cell in (
            each.file,
            kind,
            f"{report.period_start} ~ {f'{end:%m-%d}' if is_of_a_year else end}",
            f"{report.row_count:,}",
            *(f"{getattr(report, f'{name}_count'):,}" for name in counted),
            "" if each.repeats else each.target.parent.name.removeprefix("dt="),
        )
    ]


def _show_cells(
    console: Console, settings: Settings, reading: Reading, texts: Mapping[str, str]
) -> None:
    # Only where a cell stands and what it is not: what it holds may be somebody's name.
    lines = [
        texts["one_cell"].format(
            file=each.file,
            sheet=repr(each.report.sheet),
            cell=problem.cell,
            header=problem.header,
            what=CELL_TEXTS[problem.code].message(settings.language),
        )
        for each in reading.new
        for problem in each.report.problems
    ]
    _show_list(console, texts, "cells_title", lines, _SHOWN_CELLS)


def _show_list(
    console: Console, texts: Mapping[str, str], title: str, lines: list[str], most: int
) -> None:
    for line in part(texts[title], listed(lines, most, texts["more"], mark="- ")):
        console.print(line)
