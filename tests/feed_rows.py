"""Rows that a contract accepts, made from the contract alone, and their files in every format.

What lives here: random but honest rows of any feed (equal seeds give equal rows), and the writing
of rows as a landed file. What may not: knowledge of any one feed, dirt, or assertions.

    rows = valid_rows(load_contracts()["gifts"], 200, seed=1, day=date(2026, 3, 10))
    land_rows(folder, "gifts", "csv.gz", contract, rows, seed=1)

Values are drawn by type, limits and enum; what a row rule refuses is drawn again. Texts are nasty
on purpose: quotation marks, delimiters, formulas, accents, emoji, right-to-left.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import random
import string
import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Literal

import duckdb

from orchestration.contracts.loader import Column, FeedContract

FeedRow = dict[str, object]
"""Each contract column by name: str, int, Decimal, bool, date, datetime with its zone, or None."""

LandedFormat = Literal["parquet", "csv", "csv.gz", "jsonl", "jsonl.gz"]

FORMATS: tuple[LandedFormat, ...] = ("parquet", "csv", "csv.gz", "jsonl", "jsonl.gz")

_NULL_SHARE = 0.15
_BATCH = 400
_MOST_BATCHES = 200
_DEFAULT_MAXIMUM = 10**9
# Fits into DECIMAL(18,4), and into a double's exact digits: JSON readers go through one.
_DECIMAL_DIGITS = 10**10
_NASTY = (
    "Ana 'la Reina' \"LIVE\"",
    "uno, dos; tres | cuatro\ttab",
    "=HYPERLINK(0)",
    "ñandú 你好 🎤 العربية",
    "NULL",
    "{not json}",
    "[1, 2]",
    "\\ back \\n slash",
    "<b>x</b> & %s {0} $1",
    "-- ; drop table x",
    "0012",
    "1e3",
    "true",
    "2026-01-01",
)
_OFFSETS = (0, -300, -180, 330, 60)


def valid_rows(contract: FeedContract, count: int, *, seed: int, day: date) -> list[FeedRow]:
    """Rows that the contract accepts on that arrival day, with different keys.

    Args:
        contract: Any feed's.
        count: How many.
        seed: Equal seeds give equal rows.
        day: The arrival day; events lie in the thirty days before it.

    Raises:
        ValueError: The row rules refuse whatever is drawn: the contract can hardly be kept.
    """
    draw = random.Random(f"{contract.feed} {seed}")  # noqa: S311 - test data
    rows: list[FeedRow] = []
    keys: set[tuple[object, ...]] = set()
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        _prepare(connection, contract)
        for batch in range(_MOST_BATCHES):
            drawn = [
                {
                    column.name: _value(column, contract, draw, day, batch * _BATCH + number)
                    for column in contract.columns
                }
                for number in range(_BATCH)
            ]
            for row in _kept(connection, contract, drawn, day):
                key = tuple(row[name] for name in contract.key)
                if key not in keys and len(rows) < count:
                    keys.add(key)
                    rows.append(row)
            if len(rows) == count:
                return rows
    raise ValueError(
        f"{contract.feed}: of {_MOST_BATCHES * _BATCH} drawn rows only {len(rows)} keep the rules."
    )


def land_rows(
    folder: Path,
    name: str,
    file_format: LandedFormat,
    contract: FeedContract,
    rows: Sequence[Mapping[str, object]],
    *,
    seed: int = 0,
) -> Path:
    """Write rows as a landed file `<name>.<format>`; the folder is made if need be.

    Instants are written with various offsets, NULLs as empty, as `null` or left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.{file_format}"
    draw = random.Random(seed)  # noqa: S311 - test data
    if file_format == "parquet":
        _write_parquet(path, contract, rows)
        return path
    content = (as_csv if file_format.startswith("csv") else as_json_lines)(contract, rows, draw)
    data = content.encode()
    path.write_bytes(gzip.compress(data, mtime=0) if file_format.endswith(".gz") else data)
    return path


def as_csv(
    contract: FeedContract, rows: Sequence[Mapping[str, object]], draw: random.Random
) -> str:
    """Rows as CSV with a header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [column.name for column in contract.columns]
    writer.writerow(names)
    for row in rows:
        writer.writerow([_as_text(row[name], draw) for name in names])
    return text.getvalue()


def as_json_lines(
    contract: FeedContract, rows: Sequence[Mapping[str, object]], draw: random.Random
) -> str:
    """Rows as JSON lines; an optional NULL is sometimes left out."""
    lines = []
    for row in rows:
        cells = {
            column.name: row[column.name]
            for column in contract.columns
            if row[column.name] is not None or column.must_be_present or draw.random() < 0.5
        }
        shown = (f"{json.dumps(name)}: {_as_json(value, draw)}" for name, value in cells.items())
        lines.append("{" + ", ".join(shown) + "}\n")
    return "".join(lines)


# --- drawing ------------------------------------------------------------------------------------


def _value(
    column: Column, contract: FeedContract, draw: random.Random, day: date, number: int
) -> object:
    if not column.required and draw.random() < _NULL_SHARE:
        return None
    if column.name == contract.event_column:
        start = datetime.combine(day, time(), UTC) - timedelta(days=30)
        moment = start + timedelta(microseconds=draw.randrange(30 * 86_400 * 10**6))
        return moment if column.kind == "timestamp" else moment.date()
    drawers: Mapping[str, Callable[[], object]] = {
        "string": lambda: _text(column, draw, number),
        "integer": lambda: _integer(column, draw),
        "decimal": lambda: _decimal(column, draw),
        "timestamp": lambda: (
            datetime.combine(day, time(), UTC)
            + timedelta(microseconds=draw.randrange(-400 * 86_400, 100 * 86_400) * 10**6)
            + timedelta(microseconds=draw.choice((0, 0, 1, 999_999)))
        ),
        "date": lambda: day + timedelta(days=draw.randrange(-400, 100)),
        "boolean": lambda: draw.random() < 0.5,
    }
    return drawers[column.kind]()


def _text(column: Column, draw: random.Random, number: int) -> str:
    if column.allowed is not None:
        return draw.choice(column.allowed)
    if column.is_key:
        text = f"{column.name[:4]}-{number:07d}"
    else:
        # Rules ask for codes and names of zones: without such texts nothing would be let through.
        text = draw.choice(
            (
                draw.choice(_NASTY),
                "".join(draw.choices(string.ascii_letters + "áéñ 0123456789", k=12)).strip() or "x",
                "".join(draw.choices(string.ascii_letters, k=2)),
                "".join(draw.choices(string.ascii_letters, k=3)),
                f"id-{draw.randrange(1000)}",
                draw.choice(_zones()),
            )
        )
    if column.max_length is not None and len(text) < column.max_length and draw.random() < 0.02:
        text = text.ljust(column.max_length, "é")
    return text if column.max_length is None else text[: column.max_length].strip() or "x"


def _integer(column: Column, draw: random.Random) -> int:
    low = math.ceil(column.minimum) if column.minimum is not None else -_DEFAULT_MAXIMUM
    high = math.floor(column.maximum) if column.maximum is not None else max(low, _DEFAULT_MAXIMUM)
    return _steps(low, high, draw)


def _decimal(column: Column, draw: random.Random) -> Decimal:
    low = Decimal(str(column.minimum)) if column.minimum is not None else -Decimal(_DECIMAL_DIGITS)
    high = (
        Decimal(str(column.maximum))
        if column.maximum is not None
        else max(low, Decimal(_DECIMAL_DIGITS))
    )
    return Decimal(_steps(int(low * 10_000), int(high * 10_000), draw)) / 10_000


def _steps(low: int, high: int, draw: random.Random) -> int:
    """A whole number in the range: often a small one, sometimes its ends."""
    if draw.random() < 0.05:
        return draw.choice((low, high))
    near = min(max(low, 0), high)
    if near > low and draw.random() < 0.1:
        return near - int(10 ** draw.uniform(0, math.log10(near - low + 1))) + 1
    return near + int(10 ** draw.uniform(0, math.log10(high - near + 1))) - 1


@lru_cache(maxsize=1)
def _zones() -> tuple[str, ...]:
    """Zones that both Python and DuckDB know."""
    with duckdb.connect(":memory:") as connection:
        known = connection.execute("select name from pg_timezone_names()").fetchall()
    return tuple(sorted(zoneinfo.available_timezones() & {name for (name,) in known}))


# --- rejecting ----------------------------------------------------------------------------------


def _prepare(connection: duckdb.DuckDBPyConnection, contract: FeedContract) -> None:
    connection.execute("set TimeZone = 'UTC'")
    columns = ", ".join(f'"{column.name}" {column.duckdb_type}' for column in contract.columns)
    connection.execute(f"create table feed (_number bigint, _dt date, {columns})")
    connection.execute("create table time_zones as select name from pg_timezone_names()")


def _kept(
    connection: duckdb.DuckDBPyConnection,
    contract: FeedContract,
    drawn: Sequence[FeedRow],
    day: date,
) -> list[FeedRow]:
    """The drawn rows that no row rule refuses."""
    if not contract.rules:
        return list(drawn)
    connection.execute("delete from feed")
    _insert(
        connection,
        "feed",
        [[number, day, *row.values()] for number, row in enumerate(drawn)],
    )
    refused = " or ".join(f"coalesce({rule.refuse_when}, false)" for rule in contract.rules)
    kept = connection.execute(f"select _number from feed where not ({refused}) order by _number")
    return [drawn[number] for (number,) in kept.fetchall()]


def _insert(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Sequence[object]]
) -> None:
    """Insert in statements of many rows: DuckDB's executemany plans each row anew."""
    for start in range(0, len(rows), 100):
        part = rows[start : start + 100]
        places = ", ".join("(" + ", ".join("?" for _ in row) + ")" for row in part)
        connection.execute(
            f"insert into {table} values {places}", [value for row in part for value in row]
        )


# --- writing ------------------------------------------------------------------------------------


def _write_parquet(
    path: Path, contract: FeedContract, rows: Sequence[Mapping[str, object]]
) -> None:
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        columns = ", ".join(f'"{column.name}" {column.duckdb_type}' for column in contract.columns)
        connection.execute(f"create table landed ({columns})")
        _insert(
            connection,
            "landed",
            [[row[column.name] for column in contract.columns] for row in rows],
        )
        connection.sql("from landed").write_parquet(str(path))


def _as_text(value: object, draw: random.Random) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        offset = draw.choice(_OFFSETS)
        if not offset:
            return f"{value.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"
        return value.astimezone(timezone(timedelta(minutes=offset))).isoformat()
    return str(value)


def _as_json(value: object, draw: random.Random) -> str:
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, Decimal):
        # A JSON number, which Python's own writer would make a double.
        return f"{value:f}"
    return json.dumps(_as_text(value, draw), ensure_ascii=False)
