"""Open a taken file for DuckDB: which columns it has, and the query that yields its rows.

What lives here: the differences between CSV, JSON lines and Parquet; after this module there are
none. What may not: types, rules, contracts' limits. A file's column names are somebody else's text:
they are bound as parameters, and DuckDB sees columns by position (`_c0`, `_c1`, ...) only.
"""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from orchestration.contracts.loader import FeedContract
from orchestration.ingest import reasons
from orchestration.ingest.intake import TakenFile, refuse_other_encodings, with_plain_line_ends
from orchestration.ingest.reasons import FileRefusedError

MAX_COLUMNS = 1000
_DELIMITERS = (",", ";", "\t", "|")
_HEADER_BYTES = 1024 * 1024
# No text holds this sequence, so each line of a JSON lines file stays one value.
_NO_DELIMITER = "\x01\x02\x03\x04"
# A home below a folder like env=prod must not add a column.
_PARQUET_OPTIONS = "binary_as_string = true, hive_partitioning = false"
_LINE_END = re.compile(r"\r\n|\n|\r")
_SAID_DELIMITER = re.compile(r"\"?sep=(?P<delimiter>[,;\t|])\"?", re.IGNORECASE)
_MIXED_LINE_ENDS = "state machine reached an invalid state"


# Text goes through the table `landed`: its rowid is the only row number that DuckDB gives without
# reading on one thread.
_NUMBERED = "select rowid + 1 as _row, * from landed"
_NUMBERED_BELOW_PATTERN = "select rowid as _row, * from landed where rowid > 0"
_NUMBERED_AROUND_REJECTS = (
    "select landed_numbers.row as _row, landed.* "
    "from landed inner join landed_numbers on landed.rowid = landed_numbers.place"
)
_IS_BLANK = "(case when line >= '!' then false else coalesce(trim(line), '') = '' end)"
# An object that names a column twice would silently lose one of its values; so would a name with
# NUL in it, at which a JSON pointer ends.
_ARE_KEYS_USABLE = (
    "(len({0}) = len(list_distinct({0})) and not contains(array_to_string({0}, ''), chr(0)))"
)
_IS_OBJECT = (
    "case when not json_valid(line) then false when json_type(line) <> 'OBJECT' then false "
    f"else {_ARE_KEYS_USABLE.format('json_keys(line)')} end"
)
_NO_FAULT = "cast(null as varchar)"
# DuckDB's own JSON reader takes a third of the time of looking at each line. It would guess types,
# and read 12.7 as 13 where it had guessed integers; so the first line that it sees is one of ours,
# in which every value is a text. It stops at the first line that is no object, has another key than
# that one, or names a key twice.
_REGULAR_LINES = (
    "read_json($_paths, format = 'newline_delimited', records = true, sample_size = 1, "
    "maximum_sample_files = 1, map_inference_threshold = -1, hive_partitioning = false)"
)
_HEAD_LINES = 2_000
_LINES = (
    "select line from read_csv($_path, columns = {'line': 'VARCHAR'}, auto_detect = false, "
    f"header = false, delim = '{_NO_DELIMITER}', quote = '', escape = '', strict_mode = false, "
    "hive_partitioning = false)"
)


class IrregularLinesError(Exception):
    """Some line of a JSON lines file is not like the others: look at each (`line_by_line`)."""


@dataclass(frozen=True, slots=True)
class RawColumn:
    """A column of the file: the SQL expression of its value, and DuckDB's type of it."""

    name: str
    expression: str
    type: str = "VARCHAR"
    # True where the value was nested JSON although a contract's column is always one value.
    is_nested: str | None = None
    # False where no value can: a CSV file with NUL is no text, and was refused.
    may_hold_nul: bool = True

    @property
    def text(self) -> str:
        """The value as text."""
        if self.type == "VARCHAR":
            return self.expression
        return f"cast({self.expression} as varchar)"


@dataclass(frozen=True, slots=True)
class Source:
    """A file that is ready to be queried.

    `relation` yields `_row` (1 = first data row) and the columns that the expressions speak of, in
    the file's order; `parameters` are its named bindings. `rows` are the relation's;
    `malformed_rows` are lines of the file that are none, in the table `malformed(row, error,
    line)`. `known` maps contract columns to the file's, `unknown` are the others; `width` counts
    both. `content` is the whole raw row as JSON text.
    """

    relation: str
    rows: int
    parameters: dict[str, Any]
    known: dict[str, RawColumn]
    unknown: tuple[RawColumn, ...]
    content: str
    width: int
    malformed_rows: int = 0
    # Rows of text have a number only once they are in a table: see `load_rows`.
    is_numbered: bool = True
    # SQL: NULL where a line is a row, '' where it is blank, else what is wrong with it. None where
    # every line must be a row.
    no_row: str | None = None
    header_lines: int = 0
    has_mixed_line_ends: bool = False

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
    connection: duckdb.DuckDBPyConnection,
    taken: TakenFile,
    contract: FeedContract,
    *,
    line_by_line: bool = False,
) -> Source:
    """Look at the file's columns and make it ready.

    JSON lines are taken to be like each other, unless they are to be read `line_by_line`.

    Raises:
        FileRefusedError: the file lacks required columns, names one twice, or cannot be read.
    """
    if taken.format == "jsonl" and not line_by_line:
        regular = _open_regular_jsonl(connection, taken, contract)
        if regular is not None:
            return regular
    if taken.format == "csv":
        return _open_csv(taken, contract)
    if taken.format == "jsonl":
        return _open_jsonl(connection, taken, contract)
    return _open_parquet(connection, taken, contract)


def _of_columns(
    relation: str,
    bound: dict[str, Any],
    columns: list[RawColumn],
    known: dict[str, RawColumn],
    unknown: tuple[RawColumn, ...],
) -> Source:
    """A source whose relation has the file's columns; its raw row is put together from them."""
    values = ", ".join(column.text for column in columns)
    names = {
        "_names_all": [column.name for column in columns],
        "_names_unknown": [column.name for column in unknown],
    }
    return Source(
        relation=relation,
        rows=0,
        parameters=bound | names,
        known=known,
        unknown=unknown,
        content=f"cast(to_json(map($_names_all, [{values}])) as varchar)",
        width=len(columns),
    )


def _of_lines(
    lines: str,
    bound: dict[str, Any],
    keys: list[str],
    known: dict[str, RawColumn],
    unknown: tuple[RawColumn, ...],
) -> Source:
    """A source of lines of JSON, `_line`, with the values of these keys; the line is the raw row.

    A line with a `_no_row` is parsed no further: each of the others is parsed once for all keys.
    """
    values = "".join(f", _values[{index + 1}] as _c{index}" for index in range(len(keys)))
    names = {
        "_pointers": [json_pointer(key) for key in keys],
        "_names_unknown": [column.name for column in unknown],
    }
    return Source(
        relation=(
            f"select * exclude (_values){values} from (select *, json_extract_string("
            f"case when _no_row is null then _line end, $_pointers) as _values from ({lines}))"
        ),
        rows=0,
        parameters=bound | names,
        known=known,
        unknown=unknown,
        content="_line",
        width=len(keys),
    )


def _open_csv(taken: TakenFile, contract: FeedContract) -> Source:
    header = _csv_header(taken, contract)
    columns = [
        RawColumn(name, f"_c{index}", may_hold_nul=False) for index, name in enumerate(header.names)
    ]
    known, unknown = _match(columns, contract)
    # Only numbers and one of four delimiters are composed here; the path is bound.
    layout = ", ".join(f"'_c{index}': 'VARCHAR'" for index in range(len(columns)))
    reader = (
        f"read_csv($_path, columns = {{{layout}}}, auto_detect = false, header = false, "
        f"skip = {header.lines}, delim = '{header.delimiter}', quote = '\"', escape = '\"', "
        "strict_mode = true, null_padding = false, hive_partitioning = false, "
        "store_rejects = true, rejects_table = 'csv_rejects', rejects_scan = 'csv_scans')"
    )
    return replace(
        _of_columns(f"select * from {reader}", {"_path": str(taken.path)}, columns, known, unknown),
        is_numbered=False,
        header_lines=header.lines,
        has_mixed_line_ends=header.has_mixed_line_ends,
    )


def load_rows(
    connection: duckdb.DuckDBPyConnection, taken: TakenFile, source: Source, query: str
) -> Source:
    """Put a query of a source whose rows have no numbers into a table, and number it.

    Makes the view `landed_rows`: the query's columns and `_row`.

    Raises:
        FileRefusedError: the file is not UTF-8, or its rows cannot be told apart.
        IrregularLinesError: the lines of a JSON lines file are not as like as they were taken to
            be.
    """
    if taken.format == "jsonl" and source.no_row is None:
        _load_regular_jsonl(connection, taken, source, query)
        malformed, numbered = 0, _NUMBERED_BELOW_PATTERN
    elif taken.format == "csv":
        _load_csv(connection, taken, source, query)
        malformed = _place_csv_rejects(connection, taken, source.header_lines)
        numbered = _NUMBERED_AROUND_REJECTS if malformed else _NUMBERED
    else:
        _load(connection, query, source.bound(query))
        malformed = _set_malformed_json_aside(connection)
        numbered = f"{_NUMBERED} where _no_row is null"
    connection.execute(f"create or replace temp view landed_rows as {numbered}")
    return replace(source, rows=_count(connection, "landed_rows"), malformed_rows=malformed)


def _load(connection: duckdb.DuckDBPyConnection, query: str, bound: dict[str, Any]) -> None:
    connection.execute(f"create or replace temp table landed as {query}", bound)


def _load_csv(
    connection: duckdb.DuckDBPyConnection, taken: TakenFile, source: Source, query: str
) -> None:
    bound = source.bound(query)
    for is_plain in [True] if source.has_mixed_line_ends else [False, True]:
        if is_plain:
            bound["_path"] = str(with_plain_line_ends(taken.path))
        connection.execute("drop table if exists csv_rejects; drop table if exists csv_scans")
        try:
            _load(connection, query, bound)
        except duckdb.InvalidInputException as error:
            if _MIXED_LINE_ENDS not in str(error):
                raise
        else:
            return
    raise FileRefusedError(reasons.stray_line_end())


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    counted = connection.execute(f"select count(*) from {table}").fetchone()
    return int(counted[0]) if counted else 0


@dataclass(frozen=True, slots=True)
class _CsvHeader:
    """The first lines of a CSV file; `lines` is how many stand before the first row.

    `has_mixed_line_ends`: two kinds of line end stand near the beginning. DuckDB complains of some
    mixtures and finds no row at all in others, without a word.
    """

    names: list[str]
    delimiter: str
    lines: int
    has_mixed_line_ends: bool


def _csv_header(taken: TakenFile, contract: FeedContract) -> _CsvHeader:
    with taken.path.open("rb") as source:
        head = source.read(_HEADER_BYTES)
    lines = _LINE_END.split(head.decode("utf-8-sig", errors="replace"))
    first = next((index for index, line in enumerate(lines) if line.strip()), None)
    delimiters: tuple[str, ...] = _DELIMITERS
    if first is not None:
        # Excel writes and wants this line, which is no row, before the header.
        said = _SAID_DELIMITER.fullmatch(lines[first])
        if said is not None:
            delimiters = (said["delimiter"],)
            after = range(first + 1, len(lines))
            first = next((index for index in after if lines[index].strip()), None)
    if first is None:
        raise FileRefusedError(
            reasons.missing_columns(
                [column.name for column in contract.columns if column.must_be_present], []
            )
        )
    if "\N{REPLACEMENT CHARACTER}" in lines[first]:
        # The rows are decoded by DuckDB, the header only here.
        refuse_other_encodings(taken.path)
    known = {column.name for column in contract.columns}
    best: tuple[list[str], str] = ([], delimiters[0])
    best_score = -1
    for delimiter in delimiters:
        cells = _csv_cells(lines[first], delimiter)
        score = sum(cell.strip().casefold() in known for cell in cells)
        if score > best_score:
            best, best_score = (cells, delimiter), score
    names = [cell.strip() or f"column_{position}" for position, cell in enumerate(best[0], start=1)]
    if len(names) > MAX_COLUMNS:
        raise FileRefusedError(reasons.too_many_columns(MAX_COLUMNS))
    pairs = head.count(b"\r\n")
    is_mixed = 0 < pairs < head.count(b"\n")
    return _CsvHeader(names, best[1], first + 1, is_mixed)


def _csv_cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        # A name of more than 128 KB: none of ours.
        return []


def _place_csv_rejects(
    connection: duckdb.DuckDBPyConnection, taken: TakenFile, header_lines: int
) -> int:
    """Give rejected CSV lines their row numbers, and the rows after them theirs.

    DuckDB leaves a rejected line out of its numbering. Its `line` counts rows from the header on,
    so row = line - header lines, and as many good rows stand before it as that, less the rejected.
    Makes the table `malformed(row, error, line)` and, if there are any, `landed_numbers`.

    Returns:
        The number of rejected lines.

    Raises:
        FileRefusedError: the file is not UTF-8; or a quotation mark swallowed whole lines. As one
            refused row they would pass for a small fault, and good rows would be missing from a
            day that was accepted.
    """
    connection.execute(
        """
        create or replace temp table malformed as
        select
            cast(line - $header_lines as bigint) as row,
            -- A line may have several faults, and some faults no column: the first one found.
            min_by(error_type, coalesce(column_idx, 0)) as error,
            coalesce(trim(any_value(csv_line), e'\\r\\n'), '') as line,
            bool_or(error_type = 'INVALID ENCODING') as is_encoding
        from csv_rejects
        group by csv_rejects.line
        """,
        {"header_lines": header_lines},
    )
    count, has_other_encoding, swallowing_row = connection.execute(
        r"""
        select
            count(*),
            coalesce(bool_or(is_encoding), false),
            min(row) filter (
                where error in ('UNQUOTED VALUE', 'LINE SIZE OVER MAXIMUM')
                and line like e'%\n%'
            )
        from malformed
        """
    ).fetchone() or (0, False, None)
    if has_other_encoding:
        refuse_other_encodings(taken.path)
    if swallowing_row is not None:
        raise FileRefusedError(reasons.unclosed_quote(swallowing_row))
    if count:
        connection.execute(
            """
            create or replace temp table landed_numbers as
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
            ),
            places as (select rowid as place from landed)
            select
                places.place,
                cast(places.place + 1 + coalesce(shifts.shift, 0) as bigint) as row
            from places
            asof left join shifts on places.place + 1 > shifts.good_before
            """
        )
    return int(count)


def _open_jsonl(
    connection: duckdb.DuckDBPyConnection, taken: TakenFile, contract: FeedContract
) -> Source:
    _look_at_json_lines(connection, taken.path)
    _take_json_head(connection, taken.path)
    keys = _usable_json_keys(connection)
    if len(keys) > MAX_COLUMNS:
        raise FileRefusedError(reasons.too_many_columns(MAX_COLUMNS))
    columns = [_json_column(index, key) for index, key in enumerate(keys)]
    has_rows, has_blank, has_malformed = connection.execute(
        "select bool_or(not is_blank), bool_or(is_blank), bool_or(not is_blank and not is_object) "
        "from json_shapes"
    ).fetchone() or (None, None, None)
    # Without one good line there are no columns to miss: the lines themselves are the problem.
    known, unknown = _match(columns, contract, may_miss=not keys and bool(has_rows))
    # What no line of the file is need not be asked of each.
    no_row = "case when {} then '' {} else {} end".format(
        _IS_BLANK if has_blank else "false",
        f"when not ({_IS_OBJECT}) then 'MALFORMED JSON'" if has_malformed else "",
        _NO_FAULT,
    )
    lines = f"select line as _line, {no_row} as _no_row from ({_LINES})"
    source = _of_lines(lines, {"_path": str(taken.path)}, keys, known, unknown)
    return replace(source, is_numbered=False, no_row="_no_row")


def _open_regular_jsonl(
    connection: duckdb.DuckDBPyConnection, taken: TakenFile, contract: FeedContract
) -> Source | None:
    """A file whose lines are like each other as far as its head shows; None where they are not."""
    try:
        _take_json_head(connection, taken.path)
        _find_json_shapes(connection, "select line from landed_head", {}, "json_keys(line)")
    except (duckdb.InvalidInputException, UnicodeDecodeError):
        return None
    are_regular = connection.execute("select bool_and(is_object) from json_shapes").fetchone()
    keys = _usable_json_keys(connection)
    # DuckDB's own names for these would not be the file's.
    has_odd_names = "" in keys or len({key.casefold() for key in keys}) < len(keys)
    if are_regular != (True,) or not keys or len(keys) > MAX_COLUMNS or has_odd_names:
        return None
    columns = [
        RawColumn(key.strip(), f"_c{index}", is_nested=_looks_nested(f"_c{index}"))
        for index, key in enumerate(keys)
    ]
    try:
        known, unknown = _match(columns, contract)
    except FileRefusedError:
        # Lines below the head may have what these lack.
        return None
    names = ", ".join(column.expression for column in columns)
    lines = f"select * from {_REGULAR_LINES} as source({names})"
    paths = {"_paths": _below_a_pattern(taken.path, keys)}
    return replace(_of_columns(lines, paths, columns, known, unknown), is_numbered=False)


def _below_a_pattern(path: Path, keys: list[str]) -> list[str]:
    """The paths of a line of texts with these keys and, below it, of the file's lines."""
    pattern = path.with_name(f"{path.stem}-pattern.jsonl")
    pattern.write_text(json.dumps(dict.fromkeys(keys, "text")) + "\n", encoding="utf-8")
    return [str(pattern), str(path)]


def _looks_nested(text: str) -> str:
    """SQL that stops at a text which may have been an object or an array: it never is true."""
    return (
        f"case when prefix({text}, '{{') or prefix({text}, '[') "
        f"then case when json_valid({text}) then cast(error('nested') as boolean) end end"
    )


def _load_regular_jsonl(
    connection: duckdb.DuckDBPyConnection, taken: TakenFile, source: Source, query: str
) -> None:
    try:
        _load(connection, query, source.bound(query))
    except (duckdb.InvalidInputException, UnicodeDecodeError) as error:
        raise IrregularLinesError from error
    # The reader passes over blank lines, and the rows after them would have wrong numbers; and it
    # takes null for an object.
    is_empty = " and ".join(f'"{name}" is null' for name in source.known)
    empty_lines = _count(connection, f"landed where rowid > 0 and {is_empty}")
    # Row numbers are read off the order: the pattern line stands first, whoever read it.
    is_pattern = " and ".join(
        f"coalesce(cast(\"{name}\" as varchar), 'text') = 'text'" for name in source.known
    )
    is_in_order = _count(connection, f"landed where rowid = 0 and {is_pattern}") == 1
    if _count(connection, "landed") != 1 + taken.lines or empty_lines or not is_in_order:
        raise IrregularLinesError


def _take_json_head(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Keep the first lines as the table `landed_head(line)`."""
    connection.execute(
        f"create or replace temp table landed_head as {_LINES} limit {_HEAD_LINES}",
        {"_path": str(path)},
    )


def _usable_json_keys(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The keys of the objects in `json_shapes`, in order; at most one more than may be."""
    keys = connection.execute(
        "select distinct unnest(keys) as name from json_shapes where is_object "
        f"order by name limit {MAX_COLUMNS + 1}"
    ).fetchall()
    return [key for (key,) in keys]


def _look_at_json_lines(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Find which lists of keys the lines have, as the table `json_shapes`.

    Raises:
        FileRefusedError: the file is not UTF-8, or a line is too long.
    """
    bound = {"_path": str(path)}
    try:
        _find_json_shapes(connection, _LINES, bound, "json_keys(line)")
    except (duckdb.InvalidInputException, UnicodeDecodeError):
        # Some line is not valid JSON. Few files have one, and looking first costs a parse. (DuckDB
        # may quote half a letter of it, which Python cannot decode.)
        pass
    else:
        return
    try:
        keys = "case when json_valid(line) then json_keys(line) end"
        _find_json_shapes(connection, _LINES, bound, keys)
    except duckdb.InvalidInputException as error:
        if "Maximum line size" in str(error):
            raise FileRefusedError(reasons.line_too_long()) from error
        # The only other fault that text without delimiters and quotation marks can have.
        refuse_other_encodings(path)
        raise


def _set_malformed_json_aside(connection: duckdb.DuckDBPyConnection) -> int:
    """Find the loaded lines that are no JSON object, as the table `malformed(row, error, line)`.

    Returns:
        The number of malformed lines.
    """
    connection.execute(
        """
        create or replace temp table malformed as
        select rowid + 1 as row, _no_row as error, _content as line
        from landed
        where _no_row <> ''
        """
    )
    return _count(connection, "malformed")


def _find_json_shapes(
    connection: duckdb.DuckDBPyConnection, lines: str, bound: dict[str, Any], keys: str
) -> None:
    """Make `json_shapes(keys, is_blank, is_object)`: the lists of keys that the lines have.

    Few lists for many lines: what is asked of a list need not be asked of its lines.
    """
    connection.execute(
        f"""
        create or replace temp table json_shapes as
        select
            keys,
            is_blank,
            coalesce(is_object and {_ARE_KEYS_USABLE.format("keys")}, false) as is_object
        from (
            select distinct
                keys,
                is_blank,
                -- No keys: an empty object, or no object at all.
                case
                    when len(keys) = 0 then json_type(line) = 'OBJECT' else keys is not null
                end as is_object
            from (
                select
                    line,
                    {_IS_BLANK} as is_blank,
                    case when not {_IS_BLANK} then {keys} end as keys
                from ({lines})
            )
        )
        """,
        bound,
    )


def json_pointer(key: str) -> str:
    """Where a key stands in a JSON object, in the words of DuckDB's functions (RFC 6901)."""
    # The only escapes are these two, in this order.
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
    counted = connection.execute(
        f"select count(*) from read_parquet($_path, {_PARQUET_OPTIONS})",
        {"_path": str(taken.path)},
    ).fetchone()
    aliases = ", ".join([*(column.expression for column in columns), "_file_row"])
    relation = (
        f"select _file_row + 1 as _row, * exclude (_file_row) from read_parquet("
        f"$_path, {_PARQUET_OPTIONS}, file_row_number = true) as source({aliases})"
    )
    source = _of_columns(relation, {"_path": str(taken.path)}, columns, known, unknown)
    return replace(source, rows=int(counted[0]) if counted else 0)


def _json_column(index: int, key: str) -> RawColumn:
    return RawColumn(
        name=key.strip(),
        expression=f"_c{index}",
        # (A case, because "and" would look into every line.)
        is_nested=(
            f"case when prefix(_c{index}, '{{') or prefix(_c{index}, '[') "
            f"then json_type(_line, $_pointers[{index + 1}]) in ('OBJECT', 'ARRAY') end"
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
    names = [key for (key,) in keys]
    columns = [_json_column(index, name) for index, name in enumerate(names)]
    known, unknown = _match(columns, contract, may_miss=True)
    lines = f"select _row, content as _line, {_NO_FAULT} as _no_row from kept"
    source = _of_lines(lines, {}, names, known, unknown)
    return replace(source, rows=_count(connection, "kept"))


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
