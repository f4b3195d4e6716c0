"""What one cell of an export says.

What lives here: pure functions from a cell as the spreadsheet gives it (text, number, date) to a
value of the feed, and the one error they raise. What may not: files, rows, guesses. What could mean
two things is refused unless the other cells of its column decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

Cell = str | float | bool | datetime | date | time | timedelta | None
"""What a reader of spreadsheets gives for a cell; an empty one is None or ''."""

Mark = Literal[".", ","]

ProblemCode = Literal[
    "formula",
    "excel_error",
    "lost_digits",
    "no_creator_id",
    "creator_twice",
    "not_a_whole_number",
    "not_a_number",
    "ambiguous_number",
    "not_a_duration",
    "not_a_moment",
    "not_the_period",
]

MISSING = frozenset({"", "-", "--", "\u2013", "\u2014"})
"""What stands where there is no value."""

_SUMS = frozenset(
    {"total", "totals", "totales", "subtotal", "sum", "suma", "average", "promedio", "count"}
)
"""Words of the line that people put below a table: it is no creator who left."""

_LARGEST_EXACT = 10**15
"""A spreadsheet keeps 15 digits of a number; an ID has 19."""

_LONGEST_NUMBER = 18
"""Digits of a number in a whole-number column. (Python's int() refuses some thousands.)"""

_SPACES = re.compile("[\\s\u00a0\u2009\u202f']+")
_ID = re.compile(r"(?=.*\d)[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
_SCIENTIFIC = re.compile(r"\d([.,]\d+)?e\+?\d+", re.IGNORECASE)
_GROUPED = re.compile(r"\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*")
_NUMBER = re.compile(r"[+-]?\d[\d.,]*|[+-]?[.,]\d+")
_PARTS_OF_TIME = re.compile(
    r"(?:(\d+)\s*(?:h|hr|hrs|hours?|horas?))?\s*"
    r"(?:(\d+)\s*(?:m|min|mins|minutes?|minutos?))?\s*"
    r"(?:(\d+)\s*(?:s|sec|secs|seg|segs|seconds?|segundos?))?",
    re.IGNORECASE,
)
_HOURS = re.compile(r"([\d.,]+)\s*(?:h|hr|hrs|hours?|horas?)?", re.IGNORECASE)
_CLOCK = re.compile(r"(\d+):([0-5]\d)(?::([0-5]\d))?")
_DAYS = re.compile(r"(.*?)\s*(?:d|days?|días?|dias?)", re.IGNORECASE)
_PERIOD = re.compile(
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})\s*(?:~|\u2013|\u2014|\bto\b|\ba\b|\s-\s)\s*"
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})",
    re.IGNORECASE,
)
_MOMENT = re.compile(
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})"
    r"(?:[T\s]\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?"
    r"\s*(?:Z|\(?\s*(?:UTC|GMT)\s*(?:([+-])\s*(\d{1,2})(?::?(\d{2}))?)?\s*\)?)?",
    re.IGNORECASE,
)


class CellError(ValueError):
    """A cell that cannot be read as what its column holds; `code` says why."""

    def __init__(self, code: ProblemCode) -> None:
        super().__init__(code)
        self.code: ProblemCode = code


def is_missing(cell: Cell) -> bool:
    """Whether the cell says that there is no value."""
    return cell is None or (isinstance(cell, str) and cell.strip() in MISSING)


def text(cell: Cell) -> str | None:
    """Text as it stands, without outer spaces; a number without the fraction it does not have."""
    if is_missing(cell):
        return None
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _LARGEST_EXACT:
        return str(int(cell))
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    return str(cell).strip()


def creator_id(cell: Cell) -> tuple[str | None, bool]:
    """The ID of a creator, and whether a sentence stands in its place.

    Who left the network has a sentence where the ID was. It is the same for all of them, so it is
    no ID: the rows stay apart, without one.

    Raises:
        CellError: there is none, or a number that has lost its last digits.
    """
    if is_missing(cell):
        raise CellError("no_creator_id")
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        if abs(cell) >= _LARGEST_EXACT:
            raise CellError("lost_digits")
        if cell < 0 or not float(cell).is_integer():
            raise CellError("no_creator_id")
        return str(int(cell)), False
    shown = " ".join(str(cell).split())
    if _SCIENTIFIC.fullmatch(shown):
        raise CellError("lost_digits")
    if _ID.fullmatch(shown):
        return shown, False
    words = [word for word in shown.split() if any(letter.isalpha() for letter in word)]
    is_sum = any(word.casefold().strip(":.") in _SUMS for word in words)
    if len(words) > 2 and not is_sum and not shown.startswith("="):  # noqa: PLR2004  three words: a sentence
        return None, True
    raise CellError("no_creator_id")


def whole_number(cell: Cell) -> int | None:
    """A count. Whatever separates groups of three digits in it can only separate thousands.

    Raises:
        CellError: it is not a whole number.
    """
    if isinstance(cell, str):
        plain = _SPACES.sub("", cell)
        if plain in MISSING:
            return None
        digits = plain[1:] if plain[:1] in "+-" else plain
        if not digits.isascii():
            raise CellError("not_a_whole_number")
        if not digits.isdigit():
            digits = _without_groups(digits)
        if len(digits) > _LONGEST_NUMBER:
            raise CellError("not_a_whole_number")
        return -int(digits) if plain[0] == "-" else int(digits)
    if cell is None:
        return None
    if (
        isinstance(cell, int | float)
        and not isinstance(cell, bool)
        and float(cell).is_integer()
        and abs(cell) < _LARGEST_EXACT
    ):
        return int(cell)
    raise CellError("not_a_whole_number")


def _without_groups(digits: str) -> str:
    # A fraction of one, two or four zeros and more is how frames write a whole number; of three,
    # it is a thousand.
    head, separator, tail = digits.rpartition("." if digits.rfind(".") > digits.rfind(",") else ",")
    if separator and tail and set(tail) == {"0"} and len(tail) != 3:  # noqa: PLR2004
        digits = head
    if digits.isdigit():
        return digits
    if _GROUPED.fullmatch(digits):
        return re.sub("[.,]", "", digits)
    raise CellError("not_a_whole_number")


def days(cell: Cell) -> int | None:
    """A number of days: `21d`, `6`.

    Raises:
        CellError: it is not a whole number of days.
    """
    if isinstance(cell, str) and (match := _DAYS.fullmatch(cell.strip())):
        if not match[1]:
            raise CellError("not_a_whole_number")
        return whole_number(match[1])
    return whole_number(cell)


def duration(cell: Cell, mark: Mark | None) -> int | None:
    """Whole seconds. A number without a unit is hours.

    Raises:
        CellError: it is no duration, or its decimal mark could also separate thousands.
    """
    if is_missing(cell):
        return None
    if isinstance(cell, str):
        return _duration_of_text(" ".join(cell.split()), mark)
    if isinstance(cell, timedelta):
        return _whole_seconds(Decimal(cell // timedelta(microseconds=1)) / 1_000_000)
    if isinstance(cell, time):
        return cell.hour * 3600 + cell.minute * 60 + cell.second
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return _whole_seconds(Decimal(str(cell)) * 3600)
    raise CellError("not_a_duration")


def _duration_of_text(shown: str, mark: Mark | None) -> int:
    if len(shown) > _LONGEST_NUMBER * 2:
        raise CellError("not_a_duration")
    for pattern in (_PARTS_OF_TIME, _CLOCK):
        match = pattern.fullmatch(shown)
        if match and any(match.groups()):
            hours, minutes, seconds = (int(part or 0) for part in match.groups())
            return _whole_seconds(Decimal(hours * 3600 + minutes * 60 + seconds))
    match = _HOURS.fullmatch(shown)
    if match is None:
        raise CellError("not_a_duration")
    try:
        return _whole_seconds(number(match[1], mark) * 3600)
    except CellError as error:
        code: ProblemCode = (
            "ambiguous_number" if error.code == "ambiguous_number" else "not_a_duration"
        )
        raise CellError(code) from error


def _whole_seconds(seconds: Decimal) -> int:
    if not seconds.is_finite() or not 0 <= seconds < 10**_LONGEST_NUMBER:
        raise CellError("not_a_duration")
    return int(seconds.quantize(Decimal(1), ROUND_HALF_UP))


def rate(cell: Cell, mark: Mark | None, *, bare_is_percent: bool = False) -> Decimal | None:
    """A share with four decimals: `90.13%` and `0.94618` are 0.9013 and 0.9462.

    Four decimals, because that is what both ways of writing it have.

    Args:
        cell: The cell.
        mark: The decimal mark of the column, where its cells show one.
        bare_is_percent: Whether a number without a sign is percent: the column shows that.

    Raises:
        CellError: it is no number, or its decimal mark could also separate thousands.
    """
    if is_missing(cell):
        return None
    if isinstance(cell, str):
        shown = cell.strip()
        is_percent = shown.endswith("%")
        value = number(shown.rstrip("% \u00a0\u202f"), mark)
    elif isinstance(cell, int | float) and not isinstance(cell, bool):
        value, is_percent = Decimal(str(cell)), False
    else:
        raise CellError("not_a_number")
    if not value.is_finite() or abs(value) >= 10**12:
        raise CellError("not_a_number")
    if is_percent or bare_is_percent:
        value /= 100
    return value.quantize(Decimal("0.0001"), ROUND_HALF_UP)


def number(shown: str, mark: Mark | None) -> Decimal:
    """A number in whichever way it is written.

    Args:
        shown: The text, for example `1,234.5`, `1.234,5` or `0.94618`.
        mark: Which sign the column uses for decimals, None where it does not show.

    Raises:
        CellError: it is no number, or `1.234` could be two.
    """
    plain = _SPACES.sub("", shown)
    if len(plain) > _LONGEST_NUMBER * 2 or not plain.isascii() or not _NUMBER.fullmatch(plain):
        raise CellError("not_a_number")
    found = _mark_of(plain)
    if found == "either":
        if mark is None:
            raise CellError("ambiguous_number")
        found = mark
    whole, _, fraction = plain.rpartition(found) if found in plain else (plain, "", "")
    sign, digits = ("-", whole[1:]) if whole[:1] == "-" else ("", whole.removeprefix("+"))
    if not (digits.isdigit() or not digits or _GROUPED.fullmatch(digits)):
        raise CellError("not_a_number")
    if fraction and not fraction.isdigit():
        raise CellError("not_a_number")
    return Decimal(f"{sign}{re.sub('[.,]', '', digits) or '0'}.{fraction or '0'}")


def _mark_of(plain: str) -> Mark | Literal["either"]:
    """The decimal mark that a number shows; `either` where it may be the thousands'."""
    digits = plain.lstrip("+-")
    points, commas = digits.count("."), digits.count(",")
    if points and commas:
        return "." if digits.rfind(".") > digits.rfind(",") else ","
    if not points and not commas:
        return "."
    sign: Mark = "." if points else ","
    if points + commas > 1:
        return "," if points else "."
    head, _, tail = digits.partition(sign)
    is_group = len(tail) == 3 and 1 <= len(head) <= 3 and head[0] != "0"  # noqa: PLR2004
    return "either" if is_group else sign


def decimal_mark(cells: Iterable[Cell]) -> Mark | None:
    """The decimal mark that the cells of a column agree on; None where they show none or both."""
    seen: set[Mark] = set()
    for cell in cells:
        if not isinstance(cell, str):
            continue
        plain = _SPACES.sub("", cell).rstrip("%hH")
        if _NUMBER.fullmatch(plain) and ("." in plain or "," in plain):
            mark = _mark_of(plain)
            if mark != "either":
                seen.add(mark)
    return seen.pop() if len(seen) == 1 else None


def is_bare_percent(cells: Iterable[Cell]) -> bool:
    """Whether a column of shares holds numbers above 1 without a sign: then it is percent."""
    for cell in cells:
        try:
            if isinstance(cell, str):
                if "%" in cell or cell.strip() in MISSING:
                    continue
                if number(cell, ".") > 1:
                    return True
            elif isinstance(cell, int | float) and cell > 1:
                return True
        except CellError:
            continue
    return False


def period(cell: Cell) -> tuple[date, date] | None:
    """First and last day of a period, both included.

    Raises:
        CellError: it is no period.
    """
    if is_missing(cell):
        return None
    match = _PERIOD.fullmatch(" ".join(str(cell).split())) if isinstance(cell, str) else None
    if match is None:
        raise CellError("not_the_period")
    parts = [int(part) for part in match.groups()]
    try:
        first, last = date(*parts[:3]), date(*parts[3:])
    except ValueError as error:
        raise CellError("not_the_period") from error
    if last < first:
        raise CellError("not_the_period")
    return first, last


def moment(cell: Cell) -> datetime | None:
    """An instant in UTC. Exports write `(UTC+0)` behind it; without, it is UTC all the same.

    Raises:
        CellError: it is no date, or one whose day and month cannot be told apart.
    """
    if is_missing(cell):
        return None
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=UTC, microsecond=0)
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day, tzinfo=UTC)
    match = _MOMENT.fullmatch(" ".join(str(cell).split())) if isinstance(cell, str) else None
    if match is None:
        raise CellError("not_a_moment")
    sign, hours, minutes = match.groups()[6:]
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    try:
        zone = timezone(-offset if sign == "-" else offset)
        parts = [int(part or 0) for part in match.groups()[:6]]
        return datetime(*parts, tzinfo=zone).astimezone(UTC)  # type: ignore[arg-type, misc]
    except (ValueError, OverflowError) as error:
        raise CellError("not_a_moment") from error
