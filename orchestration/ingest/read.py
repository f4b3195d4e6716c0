"""Open a taken file for DuckDB: which columns it has, and the query that yields its rows.

What lives here: the differences between CSV, JSON lines and Parquet; after this module there are
none. What may not: types, rules, contracts' limits. A file's column names are somebody else's text:
they are bound as parameters, and DuckDB sees columns by position (`_c0`, `_c1`, ...) only.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.contracts.loader import FeedContract
from orchestration.ingest import reasons
from orchestration.ingest.intake import TakenFile, with_plain_line_ends
from orchestration.ingest.reasons import FileRefusedError

MAX_COLUMNS = 1000
_DELIMITERS = (",", ";", "\t", "|")
_HEADER_BYTES = 1024 * 1024
# No text holds this sequence, so each line of a JSON lines file stays one value.
_NO_DELIMITER = "\x01\x02\x03\x04"
# A home below a folder like env=prod must not add a column.
_PARQUET_OPTIONS = "binary_as_string = true, hive_partitioning = false"
_MIXED_LINE_ENDS = "state machine reached an invalid state"


@dataclass(frozen=True, slots=True)
class RawColumn:
    """A column of the file: the SQL expression of its value, and DuckDB's type of it."""

    name: str
    expression: str
    type: str = "VARCHAR"
    # True where the value was nested JSON although a contract's column is always one value.
    is_nested: str | None = None

    @property
    def text(self) -> str:
        """The value as text."""
        if self.type == "VARCHAR":
            return self.expression
        return f"cast({self.expression} as varchar)"


@dataclass(frozen=True, slots=True)
class Source:
    """A file that is ready to be queried.

    `relation` yields `_row` (1 = first data row) and the columns that the expressions speak of;
    `parameters` are its named bindings. `known` maps contract columns to the file's, `unknown` are
    the others. `content` is the whole raw row as JSON text.
    """

    relation: str
    parameters: dict[str, Any]
    known: dict[str, RawColumn]
    unknown: tuple[RawColumn, ...]
    content: str
    csv_columns: int = 0
    csv_header_lines: int = 0

    def bound(self, query: str) -> dict[str, Any]:
        """The bindings that a query speaks of: DuckDB refuses those it does not use."""
        return {name: value for name, value in self.parameters.items() if f"${name}" in query}

    @property
    def extra(self) -> str:
        """The unknown columns with a value as a JSON text, NULL where there are none."""
        if not self.unknown:
            return "cast(null as varchar)"
        entries = ", ".join(
            f"{{'k': $_names_unknown[{index + 1}], 'v': {column.text}}}"
            for index, column in enumerate(self.unknown)
        )
        filled = f"list_filter([{entries}], lambda e: e.v is not null and trim(e.v) <> '')"
        return (
            f"case when len({filled}) > 0 "
            f"then cast(to_json(map_from_entries({filled})) as varchar) end"
        )


def open_source(
    connection: duckdb.DuckDBPyConnection, taken: TakenFile, contract: FeedContract
) -> Source:
    """Look at the file's columns and make it ready.

    Raises:
        FileRefusedError: the file lacks required columns, names one twice, or cannot be read.
    """
    opener: dict[str, Callable[..., Source]] = {
        "csv": _open_csv,
        "jsonl": _open_jsonl,
        "parquet": _open_parquet,
    }
    return opener[taken.format](connection, taken, contract)


def _open_csv(
    connection: duckdb.DuckDBPyConnection, taken: TakenFile, contract: FeedContract
) -> Source:
    names, delimiter, header_lines = _csv_header(taken, contract)
    columns = [RawColumn(name, f"_c{index}") for index, name in enumerate(names)]
    known, unknown = _match(columns, contract)
    # Only numbers and one of four delimiters are composed here; the path is bound.
    layout = ", ".join(f"'_c{index}': 'VARCHAR'" for index in range(len(names)))
    reader = (
        f"read_csv($_path, columns = {{{layout}}}, auto_detect = false, header = false, "
        f"skip = {header_lines}, delim = '{delimiter}', quote = '\"', escape = '\"', "
        "strict_mode = true, null_padding = false, hive_partitioning = false, "
        "store_rejects = true, "
        "rejects_table = 'csv_rejects', rejects_scan = 'csv_scans')"
    )
    connection.execute("drop table if exists csv_rejects; drop table if exists csv_scans")
    values = ", ".join(column.expression for column in columns)
    return Source(
        relation=f"select row_number() over () as _row, * from {reader}",
        parameters={
            "_path": str(taken.path),
            "_names_all": [column.name for column in columns],
            "_names_unknown": [column.name for column in unknown],
        },
        known=known,
        unknown=unknown,
        content=f"cast(to_json(map($_names_all, [{values}])) as varchar)",
        csv_columns=len(columns),
        csv_header_lines=header_lines,
    )


def _csv_header(taken: TakenFile, contract: FeedContract) -> tuple[list[str], str, int]:
    with taken.path.open("rb") as source:
        head = source.read(_HEADER_BYTES)
    lines = head.decode("utf-8-sig", errors="replace").splitlines()
    blank = next((index for index, line in enumerate(lines) if line.strip()), None)
    if blank is None:
        raise FileRefusedError(
            reasons.missing_columns(
                [column.name for column in contract.columns if column.must_be_present], []
            )
        )
    known = {column.name for column in contract.columns}
    best: tuple[list[str], str] = ([], _DELIMITERS[0])
    best_score = -1
    for delimiter in _DELIMITERS:
        cells = next(csv.reader([lines[blank]], delimiter=delimiter), [])
        score = sum(cell.strip().casefold() in known for cell in cells)
        if score > best_score:
            best, best_score = (cells, delimiter), score
    names = [cell.strip() or f"column_{position}" for position, cell in enumerate(best[0], start=1)]
    if len(names) > MAX_COLUMNS:
        raise FileRefusedError(reasons.too_many_columns(MAX_COLUMNS))
    return names, best[1], blank + 1


def retry_with_plain_line_ends(taken: TakenFile, error: duckdb.Error) -> TakenFile | None:
    """The file with one kind of line end, if that is what DuckDB stumbled over; else None."""
    if taken.format != "csv" or _MIXED_LINE_ENDS not in str(error) or "-lf" in taken.path.stem:
        return None
    return TakenFile(
        landed=taken.landed,
        path=with_plain_line_ends(taken.path),
        format=taken.format,
        sha256=taken.sha256,
    )


def place_csv_rejects(connection: duckdb.DuckDBPyConnection, header_lines: int) -> int:
    """Give rejected CSV lines their row numbers, and the rows after them theirs.

    DuckDB leaves a rejected line out of its numbering. Its `line` counts rows from the header on,
    so row = line - header lines, and as many good rows stand before it as that, less the rejected.
    Makes the table `malformed(row, error, line)` and corrects `checked._row`.

    Returns:
        The number of rejected lines.

    Raises:
        FileRefusedError: a quotation mark swallowed whole lines. As one refused row they would
            pass for a small fault, and good rows would be missing from a day that was accepted.
    """
    connection.execute(
        """
        create or replace temp table malformed as
        select
            cast(line - $header_lines as bigint) as row,
            -- A line may have several faults, and some faults no column: the first one found.
            min_by(error_type, coalesce(column_idx, 0)) as error,
            coalesce(trim(any_value(csv_line), e'\\r\\n'), '') as line
        from csv_rejects
        group by csv_rejects.line
        """,
        {"header_lines": header_lines},
    )
    count, swallowing_row = connection.execute(
        r"""
        select
            count(*),
            min(row) filter (
                where error in ('UNQUOTED VALUE', 'LINE SIZE OVER MAXIMUM')
                and line like e'%\n%'
            )
        from malformed
        """
    ).fetchone() or (0, None)
    if swallowing_row is not None:
        raise FileRefusedError(reasons.unclosed_quote(swallowing_row))
    if count:
        connection.execute(
            """
            create or replace temp table checked as
            with ranked as (
                select row - row_number() over (order by row) as good_before from malformed
            ),
            jumps as (
                select good_before, count(*) as bad_here from ranked group by good_before
            ),
            shifts as (
                select
                    good_before,
                    sum(bad_here) over (order by good_before) as shift
                from jumps
            )
            select checked.* replace (
                cast(checked._row + coalesce(shifts.shift, 0) as bigint) as _row
            )
            from checked
            asof left join shifts on checked._row > shifts.good_before
            """
        )
    return int(count)


def collect_malformed_json(connection: duckdb.DuckDBPyConnection) -> int:
    """Set aside the lines that are no JSON object, as the table `malformed(row, error, line)`.

    Returns:
        The number of such lines.
    """
    connection.execute(
        """
        create or replace temp table malformed as
        select _row as row, 'MALFORMED JSON' as error, line from json_lines where not is_object
        """
    )
    counted = connection.execute("select count(*) from malformed").fetchone()
    return int(counted[0]) if counted else 0


def _open_jsonl(
    connection: duckdb.DuckDBPyConnection, taken: TakenFile, contract: FeedContract
) -> Source:
    _load_json_lines(connection, taken)
    keys = connection.execute(
        f"""
        select distinct unnest(json_keys(line)) as name
        from json_lines where is_object order by name limit {MAX_COLUMNS + 1}
        """
    ).fetchall()
    if len(keys) > MAX_COLUMNS:
        raise FileRefusedError(reasons.too_many_columns(MAX_COLUMNS))
    has_objects = bool(keys)
    columns = [_json_column(index, key) for index, (key,) in enumerate(keys, start=1)]
    # Without one good line there are no columns to miss: the lines themselves are the problem.
    known, unknown = _match(columns, contract, may_miss=not has_objects and _has_lines(connection))
    return Source(
        relation=(
            "select _row, line as _line, json_extract_string(line, $_pointers) as _values "
            "from json_lines where is_object"
        ),
        parameters={
            "_pointers": [_pointer(key) for (key,) in keys],
            "_names_unknown": [column.name for column in unknown],
        },
        known=known,
        unknown=unknown,
        content="_line",
    )


def _load_json_lines(connection: duckdb.DuckDBPyConnection, taken: TakenFile) -> None:
    try:
        connection.execute(
            f"""
            create or replace temp table json_lines as
            select
                _row,
                line,
                -- An object that names a column twice would silently lose one of its values.
                -- (A case, because "and" would parse what is not valid, and fail.)
                case
                    when not json_valid(line) then false
                    when json_type(line) <> 'OBJECT' then false
                    else len(json_keys(line)) = len(list_distinct(json_keys(line)))
                end as is_object
            from (
                select row_number() over () as _row, line
                from read_csv(
                    $_path, columns = {{'line': 'VARCHAR'}}, auto_detect = false, header = false,
                    delim = '{_NO_DELIMITER}', quote = '', escape = '', strict_mode = false,
                    hive_partitioning = false
                )
            )
            where line is not null and trim(line) <> ''
            """,
            {"_path": str(taken.path)},
        )
    except duckdb.InvalidInputException as error:
        # The only fault that text without delimiters and quotation marks can have.
        if "Maximum line size" not in str(error):
            raise
        raise FileRefusedError(reasons.line_too_long()) from error


def _has_lines(connection: duckdb.DuckDBPyConnection) -> bool:
    return connection.execute("select 1 from json_lines limit 1").fetchone() is not None


def _pointer(key: str) -> str:
    # JSON pointer (RFC 6901): the only escapes are these two, in this order.
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _open_parquet(
    connection: duckdb.DuckDBPyConnection, taken: TakenFile, contract: FeedContract
) -> Source:
    described = connection.execute(
        f"describe select * from read_parquet($_path, {_PARQUET_OPTIONS})",
        {"_path": str(taken.path)},
    ).fetchall()
    if len(described) > MAX_COLUMNS:
        raise FileRefusedError(reasons.too_many_columns(MAX_COLUMNS))
    columns = [
        RawColumn(str(name).strip(), f"_c{index}", str(type_))
        for index, (name, type_, *_) in enumerate(described)
    ]
    known, unknown = _match(columns, contract)
    aliases = ", ".join([*(column.expression for column in columns), "_file_row"])
    values = ", ".join(column.text for column in columns)
    return Source(
        relation=(
            f"select _file_row + 1 as _row, * exclude (_file_row) from read_parquet("
            f"$_path, {_PARQUET_OPTIONS}, file_row_number = true) as source({aliases})"
        ),
        parameters={
            "_path": str(taken.path),
            "_names_all": [column.name for column in columns],
            "_names_unknown": [column.name for column in unknown],
        },
        known=known,
        unknown=unknown,
        content=f"cast(to_json(map($_names_all, [{values}])) as varchar)",
    )


def _json_column(position: int, key: str) -> RawColumn:
    value = f"_values[{position}]"
    return RawColumn(
        name=key.strip(),
        expression=value,
        is_nested=(
            f"(left({value}, 1) in ('{{', '[') and "
            f"json_type(_line, $_pointers[{position}]) in ('OBJECT', 'ARRAY'))"
        ),
    )


def open_kept_rows(connection: duckdb.DuckDBPyConnection, contract: FeedContract) -> Source:
    """Make the rows of one file in table `kept(_row, content)` ready, as quarantine kept them.

    Quarantine holds every row as one JSON object, whatever the file was. What only some of the
    file's rows had may be missing in those that were refused, so no column must be there; that each
    required value is, is judged row by row.

    Raises:
        FileRefusedError: two columns of the file are one by today's contract.
    """
    keys = connection.execute(
        # distinct: every row names its columns
        "select distinct unnest(json_keys(content)) as name from kept order by name"
    ).fetchall()
    columns = [_json_column(index, key) for index, (key,) in enumerate(keys, start=1)]
    known, unknown = _match(columns, contract, may_miss=True)
    return Source(
        relation=(
            "select _row, content as _line, json_extract_string(content, $_pointers) as _values "
            "from kept"
        ),
        parameters={
            "_pointers": [_pointer(key) for (key,) in keys],
            "_names_unknown": [column.name for column in unknown],
        },
        known=known,
        unknown=unknown,
        content="_line",
    )


def refuse_parquet_bomb(
    connection: duckdb.DuckDBPyConnection, taken: TakenFile, limit: int
) -> None:
    """Refuse a Parquet file that unpacks to more than the cap.

    Run-length encoding makes a hundred million equal rows a few bytes even before compression, so
    each row counts as a byte at least.

    Raises:
        FileRefusedError: it is too big.
    """
    counted = connection.execute(
        "select num_rows from parquet_file_metadata($_path)", {"_path": str(taken.path)}
    ).fetchone()
    if counted is not None and int(counted[0]) > limit:
        raise FileRefusedError(reasons.too_big(limit))


def _match(
    columns: list[RawColumn], contract: FeedContract, *, may_miss: bool = False
) -> tuple[dict[str, RawColumn], tuple[RawColumn, ...]]:
    """Match the file's names to the contract's, letter case and outer spaces aside."""
    seen: dict[str, str] = {}
    twice: list[str] = []
    for column in columns:
        folded = column.name.casefold()
        if folded in seen:
            twice.append(column.name)
        seen[folded] = column.name
    if twice:
        raise FileRefusedError(reasons.duplicate_column(_shown(twice)))
    of_contract = {column.name for column in contract.columns}
    known = {
        column.name.casefold(): column
        for column in columns
        if column.name.casefold() in of_contract
    }
    unknown = tuple(
        sorted(
            (column for column in columns if column.name.casefold() not in of_contract),
            key=lambda column: column.name,
        )
    )
    missing = [
        column.name
        for column in contract.columns
        if column.must_be_present and column.name not in known
    ]
    if missing and not may_miss:
        raise FileRefusedError(
            reasons.missing_columns(missing, _shown([column.name for column in columns])),
            column=missing[0],
        )
    return known, unknown


def _shown(names: list[str], limit: int = 40) -> list[str]:
    """Names of a file, short enough for a message."""
    shown = [name if len(name) <= limit else f"{name[:limit]}..." for name in names[:limit]]
    return [*shown, "..."] if len(names) > limit else shown
