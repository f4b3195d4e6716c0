"""Reading seeds with the lines of their rows, and what can be wrong with any of them.

What lives here: a CSV as rows that know their line, a fault with file and line in both languages,
and the refusals that every seed shares: a value that is missing, twice there, no number, no day.
What may not: what any seed means.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from orchestration.errors import BilingualError
from orchestration.settings import PROJECT_ROOT

SEEDS = PROJECT_ROOT / "seeds"
ANY = "*"
LAST_DAY = date(9999, 12, 31)

_SHOWN = 12

WORD = re.compile(r"[a-z][a-z0-9_]*")


class SeedError(BilingualError):
    """A seed says what cannot be: which file and line, and what to do."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, in both languages, with `file, line N` in front."""

    en: str
    es: str


@dataclass(frozen=True)
class SeedRow:
    """A row of a seed: the line on which it begins, and its values by column."""

    line: int
    values: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        """The text of a column, without blanks around it."""
        return self.values[column]


def error_of(faults: Sequence[Fault]) -> SeedError:
    """All faults in one error; the first dozen are shown."""
    more = len(faults) - _SHOWN
    shown = faults[:_SHOWN]
    en = [f"* {fault.en}" for fault in shown] + ([f"... and {more} more."] if more > 0 else [])
    es = [f"* {fault.es}" for fault in shown] + ([f"... y {more} más."] if more > 0 else [])
    return SeedError(
        "\n".join(["The seeds are refused; nothing was run.", *en]),
        "\n".join(["Se rechazan las semillas; no se ejecutó nada.", *es]),
    )


def fault(file: str, line: int, en: str, es: str) -> Fault:
    """What is wrong on a line of a seed."""
    return Fault(f"seeds/{file}, line {line}: {en}", f"seeds/{file}, línea {line}: {es}")


# --- Reading --------------------------------------------------------------------------------------


def read(path: Path, columns: Sequence[str], faults: list[Fault]) -> list[SeedRow]:
    """The rows of a CSV with these very columns, in any order; what is wrong goes to `faults`."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        faults.append(fault(path.name, 1, "the file is missing.", "el archivo no existe."))
        return []
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        faults.append(
            fault(
                path.name,
                line,
                "this is not UTF-8; save the file as CSV in UTF-8.",
                "esto no es UTF-8; guarde el archivo como CSV en UTF-8.",
            )
        )
        return []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[SeedRow] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        header_faults = list(_header_faults(path.name, header, columns))
        faults += header_faults
        if header_faults:
            return []
        line = reader.line_num + 1
        for cells in reader:
            if len(cells) != len(header):
                faults.append(
                    fault(
                        path.name,
                        line,
                        f"{len(cells)} values for {len(header)} columns. Is a comma missing, or "
                        "a text with a comma without quotes?",
                        f"{len(cells)} valores para {len(header)} columnas. ¿Falta una coma, o "
                        "hay un texto con coma sin comillas?",
                    )
                )
            else:
                values = dict(zip(header, (cell.strip() for cell in cells), strict=True))
                rows.append(SeedRow(line, values))
            line = reader.line_num + 1
    except csv.Error as error:
        faults.append(
            fault(
                path.name,
                reader.line_num,
                f"this is not CSV: {error}. Is a quote left open?",
                f"esto no es CSV: {error}. ¿Quedaron comillas sin cerrar?",
            )
        )
        return []
    if not rows and not faults:
        faults.append(fault(path.name, 2, "there are no rows.", "no hay filas."))
    return rows


def _header_faults(file: str, header: Sequence[str], columns: Sequence[str]) -> Iterator[Fault]:
    known = ", ".join(columns)
    for name in sorted(set(header) - set(columns)):
        yield fault(
            file,
            1,
            f"column {name!r} is not known. Known are: {known}.",
            f"no se conoce la columna {name!r}. Se conocen: {known}.",
        )
    for name in sorted(set(columns) - set(header)):
        yield fault(file, 1, f"column {name!r} is missing.", f"falta la columna {name!r}.")
    for name in sorted({name for name in header if header.count(name) > 1}):
        yield fault(
            file,
            1,
            f"column {name!r} stands there twice.",
            f"la columna {name!r} aparece dos veces.",
        )


# --- Values --------------------------------------------------------------------------------------


def repeated(file: str, rows: Sequence[SeedRow], *columns: str) -> Iterator[Fault]:
    """Rows whose columns together say what an earlier row said."""
    first: dict[tuple[str, ...], int] = {}
    name = ", ".join(columns)
    for row in rows:
        key = tuple(row[column] for column in columns)
        before = first.setdefault(key, row.line)
        if before != row.line:
            said = ", ".join(repr(value) for value in key)
            yield fault(
                file,
                row.line,
                f"{name} {said} stands on line {before} already.",
                f"{name} {said} ya está en la línea {before}.",
            )


def empty(file: str, row: SeedRow, columns: Sequence[str]) -> Iterator[Fault]:
    """Columns without a value that need one."""
    for column in columns:
        if not row[column]:
            yield fault(file, row.line, f"{column} is empty.", f"{column} está vacío.")


def not_a_word(file: str, row: SeedRow, column: str) -> Fault:
    """A value that is to be a name for code, and is none."""
    return fault(
        file,
        row.line,
        f"{column} {row[column]!r} is not a word of small letters, digits and _.",
        f"{column} {row[column]!r} no es una palabra de minúsculas, dígitos y _.",
    )


def not_one_of(file: str, row: SeedRow, column: str, known: Collection[str]) -> Iterator[Fault]:
    """A value outside of a closed list."""
    if row[column] not in known:
        shown = ", ".join(sorted(known))
        yield fault(
            file,
            row.line,
            f"{column} {row[column]!r} is not known. Known are: {shown}.",
            f"no se conoce {column} {row[column]!r}. Se conocen: {shown}.",
        )


def not_whole(file: str, row: SeedRow, column: str, least: int, greatest: int) -> Iterator[Fault]:
    """A value that is no whole number within limits."""
    text = row[column]
    if not re.fullmatch(r"-?[0-9]{1,12}", text) or not least <= int(text) <= greatest:
        yield fault(
            file,
            row.line,
            f"{column} is {text!r}; it must be a whole number from {least} to {greatest}.",
            f"{column} es {text!r}; debe ser un número entero de {least} a {greatest}.",
        )


def not_a_number(
    file: str, row: SeedRow, column: str, least: str, greatest: str
) -> Iterator[Fault]:
    """A value that is no number with at most six decimals within limits."""
    text = row[column]
    is_number = re.fullmatch(r"-?[0-9]{1,12}([.][0-9]{1,6})?", text)
    if not is_number or not Decimal(least) <= Decimal(text) <= Decimal(greatest):
        yield fault(
            file,
            row.line,
            f"{column} is {text!r}; it must be a number from {least} to {greatest}, with a point "
            "and at most six decimals.",
            f"{column} es {text!r}; debe ser un número de {least} a {greatest}, con punto y a lo "
            "sumo seis decimales.",
        )


def validity(
    file: str, row: SeedRow, whose: tuple[str, str]
) -> tuple[tuple[date, date] | None, list[Fault]]:
    """First and last day on which a row is in force, or what is wrong with them.

    Args:
        file: Name of the seed.
        row: A row with `valid_from` and `valid_to`.
        whose: What the row is, in English and Spanish, like `rule x` and `la regla x`.
    """
    en, es = whose
    found: list[date] = []
    faults: list[Fault] = []
    for column, otherwise in (("valid_from", None), ("valid_to", LAST_DAY)):
        text = row[column]
        if not text and otherwise is not None:
            found.append(otherwise)
            continue
        day = day_of(text)
        if day is not None:
            found.append(day)
        else:
            faults.append(
                fault(
                    file,
                    row.line,
                    f"{column} of {en} is {text!r}, which is no day; write YYYY-MM-DD.",
                    f"{column} de {es} es {text!r}, que no es un día; escriba AAAA-MM-DD.",
                )
            )
    if faults:
        return None, faults
    first, last = found
    if last < first:
        faults.append(
            fault(
                file,
                row.line,
                f"{en} ends ({last}) before it starts ({first}).",
                f"{es} termina ({last}) antes de empezar ({first}).",
            )
        )
        return None, faults
    return (first, last), faults


def day_of(text: str) -> date | None:
    """The day that a text like 2026-07-01 names; None where it names none."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
