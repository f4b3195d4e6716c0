"""The accepted rows of a day inside DuckDB: which one of a key counts, and when they happened.

What lives here: the shape of raw rows, duplicates, and the days that events fall on. What may not:
judging rows (`check`), or where files stand. A relation of accepted rows has the contract's columns
typed, and `_extra`, `_dt`, `_file`, `_row`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from orchestration.contracts.loader import FeedContract

if TYPE_CHECKING:
    import duckdb

# Half the time of DuckDB's own choice, and smaller files: level 1 of zstd, the encodings of version
# 2, and no dictionary of columns whose values hardly repeat.
RAW_FORMAT = (
    "(format parquet, compression zstd, compression_level 1, parquet_version v2, "
    "dictionary_size_limit 2048, row_group_size 122880)"
)
WITHOUT_LOSERS = "anti join losers using (_file, _row)"
_NEWEST = "updated_at"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_MICROSECONDS = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Span:
    """When a day's rows happened: rows by UTC day, and the first and last moment.

    Empty where the feed has no event column, or no rows.
    """

    rows_by_day: dict[date, int]
    first: datetime | None = None
    last: datetime | None = None


def start(connection: duckdb.DuckDBPyConnection, contract: FeedContract) -> None:
    """Make the empty table `accepted`."""
    columns = ", ".join(f'"{name}" {kind}' for name, kind in contract.raw_types().items())
    connection.execute(f"create or replace temp table accepted ({columns})")


def key_hash(contract: FeedContract) -> str:
    """SQL that is equal where keys are equal, and smaller than long keys to keep."""
    return "hash({})".format(", ".join(f'"{name}"' for name in contract.key))


def ranking_columns(contract: FeedContract) -> list[str]:
    """What tells which rows are of one key, and which of them counts."""
    newest = [column.name for column in contract.columns if column.name == _NEWEST]
    return [*contract.key, *newest]


def find_losers(
    connection: duckdb.DuckDBPyConnection, contract: FeedContract, rows: str, bound: dict[str, Any]
) -> int:
    """Make the table `losers(_file, _row)` of all rows that another of their key outdoes.

    The row updated last wins, then the one that stands last.

    Args:
        connection: Where the rows are.
        contract: Whose rows.
        rows: SQL of a relation of them, of which `ranking_columns`, `_file` and `_row` are asked.
        bound: What the relation binds.

    Returns:
        How many they are; where there are none, no table is made.
    """
    row_count, key_count = connection.execute(
        f"select count(*), count(distinct {key_hash(contract)}) from {rows}", bound
    ).fetchone() or (0, 0)
    if row_count == key_count:
        return 0
    key = ", ".join(f'"{name}"' for name in contract.key)
    newest = f'"{_NEWEST}" desc nulls last, ' if _NEWEST in ranking_columns(contract) else ""
    # Few keys are there twice, and only their rows are put in order.
    connection.execute(
        f"""
        create or replace temp table losers as
        select _file, _row from (
            select
                _file,
                _row,
                row_number() over (
                    partition by {key} order by {newest}_file desc, _row desc
                ) as place
            from {rows}
            where {key_hash(contract)} in (
                select {key_hash(contract)} as key_hash from {rows}
                group by key_hash having count(*) > 1
            )
        )
        where place > 1
        """,
        bound,
    )
    counted = connection.execute("select count(*) from losers").fetchone()
    return int(counted[0]) if counted else 0


def span_of(
    connection: duckdb.DuckDBPyConnection, contract: FeedContract, rows: str, bound: dict[str, Any]
) -> Span:
    """When the rows of a relation happened."""
    if contract.event_column is None:
        return Span({})
    event = f'epoch_us("{contract.event_column}")'
    # Whole numbers: DuckDB asks its calendar for the day of every single moment.
    days = connection.execute(
        f"select {event} // {_DAY_MICROSECONDS} as day, count(*), min({event}), max({event}) "
        f"from {rows} group by day order by day",
        bound,
    ).fetchall()
    if not days:
        return Span({})
    return Span(
        {(_EPOCH + timedelta(days=day)).date(): count for day, count, _, _ in days},
        _EPOCH + timedelta(microseconds=min(first for _, _, first, _ in days)),
        _EPOCH + timedelta(microseconds=max(last for _, _, _, last in days)),
    )
