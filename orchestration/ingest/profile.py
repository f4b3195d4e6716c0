"""What a day's rows look like as a whole: the figures by which drift is noticed.

What lives here: the profile of one feed's arrival day, taken inside DuckDB from the accepted rows,
the quarantine and the files' own types. What may not: comparing days (`drift`), or keeping profiles
(`ledger`). A profile holds counts, quantiles and the words of declared vocabularies: never an id,
a handle or a free text.

Its cost is small beside reading the day: counts of given values and of words are exact, one pass
over their columns; quantiles come from a sample of about `SAMPLE_ROWS` rows. Which rows these are
follows from their numbers alone, so the same files give the same profile.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from orchestration.contracts.loader import Column, FeedContract
from orchestration.ingest.read import RawColumn, Source, json_pointer

if TYPE_CHECKING:
    import duckdb

SAMPLE_ROWS = 10_000
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MAX_WORDS = 200
"""A vocabulary of more words than this is none: it is not followed."""

_HEAD_ROWS = 2_000
_MAX_WORD_LENGTH = 64
_MAX_REFUSED_WORDS = 20
_GOLDEN = 2_654_435_761
_TURN = 2**32

# What a file says about a column, in words that all formats share.
Delivered = Literal[
    "integer", "decimal", "boolean", "date", "timestamp", "timestamp_tz", "text", "nested"
]

_OF_DUCKDB: tuple[tuple[str, Delivered], ...] = (
    ("TIMESTAMP WITH TIME ZONE", "timestamp_tz"),
    ("TIMESTAMP", "timestamp"),
    ("DATE", "date"),
    ("BOOLEAN", "boolean"),
    ("VARCHAR", "text"),
    ("DECIMAL", "decimal"),
    ("DOUBLE", "decimal"),
    ("FLOAT", "decimal"),
)
_OF_JSON: Mapping[str, Delivered] = {
    "VARCHAR": "text",
    "BIGINT": "integer",
    "UBIGINT": "integer",
    "HUGEINT": "integer",
    "DOUBLE": "decimal",
    "BOOLEAN": "boolean",
    "ARRAY": "nested",
    "OBJECT": "nested",
}


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One column over the rows of a day.

    Attributes:
        column: The contract's column, or an unknown one of the file (then only the name counts).
        row_count: Rows over which the others are counted: the accepted ones, and those refused for
            this column's value.
        given_count: Of them, rows with a value that could be read.
        unreadable_count: Of them, rows whose value could not be read as the contract's type.
        delivered: What the files say the column is, by format; formats without types are absent.
        number_share: For texts outside vocabularies: the share of values that are numbers.
        quantiles: p05, p25, p50, p75, p95 of the values that are not zero, signs aside; None where
            there are none. Values refused as out of range count: a changed unit makes such.
        measured_count: Values in the sample that the quantiles come from.
        words: How often each value of a vocabulary occurs, values refused as not allowed included;
            None where the column is no vocabulary, or has more than `MAX_WORDS`.
    """

    column: str
    row_count: int = 0
    given_count: int = 0
    unreadable_count: int = 0
    delivered: Mapping[str, str] = field(default_factory=dict)
    number_share: float | None = None
    quantiles: tuple[float, ...] | None = None
    measured_count: int = 0
    words: Mapping[str, int] | None = None

    @property
    def null_share(self) -> float:
        """The share of rows without a value, 0 to 1."""
        if not self.row_count:
            return 0.0
        return (self.row_count - self.given_count - self.unreadable_count) / self.row_count

    @property
    def unreadable_share(self) -> float:
        """The share of rows whose value could not be read, 0 to 1."""
        return self.unreadable_count / self.row_count if self.row_count else 0.0


@dataclass(frozen=True, slots=True)
class Profile:
    """The columns that the files of a day had, by name; `unknown` are not the contract's."""

    columns: Mapping[str, ColumnProfile]
    unknown: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The profile as one JSON text; `from_json` gives the same profile back."""
        columns = [
            {name: value for name, value in asdict(each).items() if value not in (None, {})}
            for each in self.columns.values()
        ]
        return json.dumps({"columns": columns, "unknown": self.unknown}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Profile:
        """Read what `to_json` wrote."""
        content = json.loads(text)
        columns = [
            ColumnProfile(**{**each, "quantiles": tuple(each["quantiles"])})
            if "quantiles" in each
            else ColumnProfile(**each)
            for each in content["columns"]
        ]
        return cls({each.column: each for each in columns}, tuple(content["unknown"]))


@dataclass(slots=True)
class Looked:
    """What is noted file by file while a day is read, for its profile.

    `raw_names` maps each contract column to the names that files gave it.
    """

    raw_names: dict[str, set[str]] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    delivered: dict[str, dict[str, str]] = field(default_factory=dict)

    def at(
        self,
        connection: duckdb.DuckDBPyConnection,
        format_: str | None,
        source: Source,
        contract: FeedContract,
    ) -> None:
        """Note which columns the file that was just read has, and of which types it says they are.

        Of JSON lines the table `landed_head` must still stand.
        """
        for name, raw in source.known.items():
            self.raw_names.setdefault(name, set()).add(raw.name)
        self.unknown.update(column.name for column in source.unknown)
        said: Mapping[str, Delivered] = {}
        if format_ == "parquet":
            said = {name: _of_duckdb(raw.type) for name, raw in source.known.items()}
        elif format_ == "jsonl":
            said = _json_types(connection, source.known)
        for name, delivered in said.items():
            is_decimal = contract.column(name).kind == "decimal"
            # A day on which every average happens to be whole is no other type.
            kept = "decimal" if is_decimal and delivered == "integer" else delivered
            self.delivered.setdefault(name, {})[str(format_)] = kept


def _of_duckdb(type_: str) -> Delivered:
    if type_.endswith("]") or type_.startswith(("STRUCT", "MAP", "UNION")):
        return "nested"
    for start, delivered in _OF_DUCKDB:
        if type_.startswith(start):
            return delivered
    return "integer" if type_.endswith("INT") or type_ == "INTEGER" else "text"


def _json_types(
    connection: duckdb.DuckDBPyConnection, known: Mapping[str, RawColumn]
) -> dict[str, Delivered]:
    """The JSON type that most of the first lines give each column; all-null columns are absent."""
    if not known:
        return {}
    rows = connection.execute(
        """
        with types as (
            select unnest($names) as name, unnest(json_type(line, $pointers)) as json_type
            from landed_head
            where json_valid(line)
        )
        select name, json_type, count(*) as seen from types
        where json_type is not null and json_type <> 'NULL'
        group by name, json_type
        -- The rarer first: what is set last stays.
        order by name, seen, json_type
        """,
        {
            "names": list(known),
            "pointers": [json_pointer(raw.name) for raw in known.values()],
        },
    ).fetchall()
    return {name: _OF_JSON.get(json_type, "text") for name, json_type, _ in rows}


def take(
    connection: duckdb.DuckDBPyConnection,
    contract: FeedContract,
    looked: Looked,
    *,
    rows: str,
    bound: Mapping[str, Any],
    row_count: int,
    failed_count: int,
) -> Profile:
    """The profile of the day at hand, from its accepted rows and the table `quarantine`.

    Args:
        connection: The ingesting connection.
        contract: The feed's contract.
        looked: What was noted of the day's files.
        rows: The relation of the accepted rows, without duplicates.
        bound: What it binds.
        row_count: How many they are.
        failed_count: Refused rows; with none, the quarantine is not asked.
    """
    columns = [column for column in contract.columns if column.name in looked.raw_names]
    unknown = tuple(sorted(looked.unknown))
    if not columns:
        return Profile({}, unknown)
    every = max(1, -(-(row_count + failed_count) // SAMPLE_ROWS))
    refused = _Refused(connection, looked, every) if failed_count else None
    day = _Rows(connection, rows, bound, every)
    figures = _figures(day, columns)
    sizes = _sizes(day, columns, refused)
    words = _words(day, columns, refused, figures)
    profiles = {}
    for column in columns:
        name = column.name
        missing = refused.count(name, "missing_value") if refused else 0
        unreadable = refused.count(name, "wrong_type", "naive_timestamp") if refused else 0
        quantiles, measured_count = sizes.get(name, (None, 0))
        profiles[name] = ColumnProfile(
            column=name,
            row_count=row_count + missing + unreadable,
            given_count=row_count if column.required else figures[_GIVEN, name],
            unreadable_count=unreadable,
            delivered=dict(sorted(looked.delivered.get(name, {}).items())),
            number_share=figures.get((_NUMBER_SHARE, name)),
            quantiles=quantiles,
            measured_count=measured_count,
            words=words.get(name),
        )
    return Profile(profiles, unknown)


# Figures, each an aggregate over one column.
_QUANTILES_SQL = f"[{', '.join(map(str, QUANTILES))}]"
_GIVEN = 'count("{0}")'
_WORDS = 'histogram("{0}")'
_NUMBER_SHARE = (
    'avg(case when "{0}" is not null '
    'then cast(try_cast("{0}" as double) is not null as tinyint) end)'
)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The accepted rows, and one in `every` of them, spread evenly whatever their order.

    The sample goes by multiples of the golden ratio: a fixed step would meet the same creator in
    each round of a polled file, and a hash of every row costs four times as much.
    """

    connection: duckdb.DuckDBPyConnection
    relation: str
    bound: Mapping[str, Any]
    every: int

    @property
    def sample(self) -> str:
        if self.every == 1:
            return self.relation
        return f"{self.relation} where {_is_in_sample('_row', self.every)}"

    def fetch(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        return self.connection.execute(query, {**self.bound, **values}).fetchall()


def _is_in_sample(row: str, every: int) -> str:
    return f"({row} * {_GOLDEN}) % {_TURN} < {_TURN // every}"


_Figures = dict[tuple[str, str], Any]


def _figures(day: _Rows, columns: list[Column]) -> _Figures:
    """Counts of given values, the shares of texts that are numbers, and a small day's words.

    One query for a small day: it takes longer to plan than to answer.
    """
    exact = [(_GIVEN, column.name) for column in columns if not column.required]
    texts = [
        (_NUMBER_SHARE, column.name)
        for column in columns
        if column.kind == "string" and not column.is_vocabulary
    ]
    if day.every == 1:
        words = [(_WORDS, column.name) for column in columns if column.is_vocabulary]
        return _ask(day, exact + texts + words, day.relation)
    # Whether texts are numbers, the first rows tell; long texts are what costs most to read.
    head = f"(select * from {day.relation} limit {_HEAD_ROWS})"
    return (_given_by_footer(day, exact) or _ask(day, exact, day.relation)) | _ask(day, texts, head)


def _given_by_footer(day: _Rows, wanted: list[tuple[str, str]]) -> _Figures:
    """Counts of given values as the Parquet file itself states them; empty if it does not."""
    if "_path" not in day.bound:
        return {}
    rows = day.fetch(
        "select path_in_schema, sum(num_values - stats_null_count), count(stats_null_count), "
        "count(*) from parquet_metadata($_path) group by path_in_schema"
    )
    given = {name: int(count) for name, count, told, groups in rows if told == groups}
    if not all(column in given for _, column in wanted):
        return {}
    return {(figure, column): given[column] for figure, column in wanted}


def _ask(day: _Rows, wanted: list[tuple[str, str]], rows: str) -> _Figures:
    if not wanted:
        return {}
    asked = ", ".join(figure.format(column) for figure, column in wanted)
    (answer,) = day.fetch(f"select {asked} from {rows}")
    return dict(zip(wanted, answer, strict=True))


def _sizes(
    day: _Rows, columns: list[Column], refused: _Refused | None
) -> dict[str, tuple[tuple[float, ...], int]]:
    """Quantiles of each number column that has a value other than zero, and of how many values.

    Values refused as out of range count too: a changed unit makes such.
    """
    names = [column.name for column in columns if column.is_number and not column.is_key]
    if not names:
        return {}
    # One row a value, so that one aggregate does for all columns: a dozen take longer to plan than
    # a small day takes to read.
    values = ", ".join(f'cast("{name}" as double)' for name in names)
    outside = [
        (position, value)
        for position, name in enumerate(names)
        for value in (refused.numbers(name) if refused else [])
    ]
    rows = day.fetch(
        f"""
        select position, quantile_disc(abs(value), {_QUANTILES_SQL}), count(value) from (
            select unnest($positions) as position, unnest([{values}]) as value from {day.sample}
            union all
            select unnest($outside_positions), unnest($outside_values)
        )
        where value <> 0
        group by position
        """,
        positions=list(range(len(names))),
        outside_positions=[position for position, _ in outside],
        outside_values=[value for _, value in outside],
    )
    return {names[position]: (tuple(sizes), count) for position, sizes, count in rows}


def _words(
    day: _Rows, columns: list[Column], refused: _Refused | None, figures: _Figures
) -> dict[str, dict[str, int]]:
    """How often each value of a vocabulary occurs; vocabularies that are none are left out."""
    names = [column.name for column in columns if column.is_vocabulary]
    if not names:
        return {}
    found: dict[str, dict[str, int]] = {name: {} for name in names}
    for name, word, seen in _counted_words(day, names, figures):
        short = word[:_MAX_WORD_LENGTH]
        found[name][short] = found[name].get(short, 0) + seen
    found = {name: words for name, words in found.items() if len(words) <= MAX_WORDS}
    for name, words in found.items():
        for word, seen in (refused.words(name) if refused else {}).items():
            words[word] = words.get(word, 0) + seen
    return found


def _counted_words(
    day: _Rows, names: list[str], figures: _Figures
) -> Iterator[tuple[str, str, int]]:
    if day.every == 1:
        for name in names:
            for word, seen in sorted((figures.get((_WORDS, name)) or {}).items()):
                yield name, word, seen
        return
    each = [
        f'(select {position} as position, "{name}" as word, count(*) as seen from {day.relation} '
        f'where "{name}" is not null group by word limit {MAX_WORDS + 1})'
        for position, name in enumerate(names)
    ]
    rows = day.fetch(f"{' union all '.join(each)} order by all")
    for position, word, seen in rows:
        yield names[position], word, int(seen)


class _Refused:
    """The refused rows of the day, as far as a column's value was the reason."""

    # Quarantine keeps a row under the names that its file has.
    _VALUE = "list_filter(json_extract_string(content, $pointers), v -> v is not null)[1]"

    def __init__(self, connection: duckdb.DuckDBPyConnection, looked: Looked, every: int) -> None:
        self._connection = connection
        self._looked = looked
        self._every = every
        self._counts: dict[tuple[str, str], int] = {
            (column, rule): count
            for column, rule, count in connection.execute(
                'select "column", rule, count(*) from quarantine '
                'where row is not null and "column" is not null group by "column", rule'
            ).fetchall()
        }

    def count(self, column: str, *rules: str) -> int:
        """Rows refused for this column by one of the rules."""
        return sum(self._counts.get((column, rule), 0) for rule in rules)

    def numbers(self, column: str) -> list[float]:
        """Sampled values that were refused as out of range, signs aside."""
        if not self.count(column, "above_maximum", "below_minimum"):
            return []
        rows = self._connection.execute(
            f"""
            select try_cast({self._VALUE} as double) as value from quarantine
            where "column" = $column and rule in ('above_maximum', 'below_minimum')
                and {_is_in_sample("row", self._every)}
            order by file, row
            limit {SAMPLE_ROWS}
            """,
            self._bound(column),
        ).fetchall()
        return [abs(value) for (value,) in rows if value and math.isfinite(value)]

    def words(self, column: str) -> dict[str, int]:
        """Values that were refused as not allowed, the most frequent ones."""
        if not self.count(column, "not_allowed"):
            return {}
        rows = self._connection.execute(
            f"""
            select left({self._VALUE}, {_MAX_WORD_LENGTH}) as word, count(*) as seen from quarantine
            where "column" = $column and rule = 'not_allowed'
            group by word having word is not null
            order by seen desc, word limit {_MAX_REFUSED_WORDS}
            """,
            self._bound(column),
        ).fetchall()
        return dict(rows)

    def _bound(self, column: str) -> dict[str, object]:
        pointers = [json_pointer(name) for name in sorted(self._looked.raw_names.get(column, ()))]
        return {"column": column, "pointers": pointers}
