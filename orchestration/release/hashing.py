"""Fingerprints: of files, of documents, and of what a table says.

What lives here: sha256 of files and canonical JSON, and the order-independent content hash of a
table, computed inside DuckDB. What may not: reading rows into Python.

The content hash answers "do these two tables hold the same rows?" whatever order, thread count,
file layout or machine made them. Each row becomes one unambiguous text, the text one 128-bit number
(MD5), and the numbers are summed: a sum forgets order and remembers duplicates, where XOR would let
two equal rows cancel out. It proves accidents and changes, not the absence of an attacker; for that
the certificate also holds the sha256 of each file.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.sql import quoted

_CHUNK_BYTES = 4 * 1024 * 1024

_PLAIN_TYPES = frozenset(
    {
        "BOOLEAN",
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
        "UHUGEINT",
        "FLOAT",
        "DOUBLE",
        "DATE",
        "TIME",
        "TIMESTAMP",
        "TIMESTAMP_S",
        "TIMESTAMP_MS",
        "TIMESTAMP_NS",
        "UUID",
    }
)
"""Types whose text can hold neither `|` nor be the text `N`, so that they need no length prefix."""

_LOW_64_BITS = "18446744073709551615::uhugeint"


@dataclass(frozen=True)
class TableContent:
    """What a table says, in a form that can be compared between releases.

    Attributes:
        row_count: Rows.
        columns: (name, DuckDB type) in the table's order.
        content_hash: 64 hexadecimal characters over columns, row count and rows.
    """

    row_count: int
    columns: tuple[tuple[str, str], ...]
    content_hash: str


def file_sha256(path: Path) -> str:
    """The sha256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_CHUNK_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def canonical_json(document: object) -> bytes:
    """The one way to write a JSON document down: sorted keys, no spaces, UTF-8."""
    return json.dumps(
        document, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode()


def document_sha256(document: object) -> str:
    """The sha256 of a JSON document, whatever order its keys were in."""
    return hashlib.sha256(canonical_json(document)).hexdigest()


def table_content(connection: duckdb.DuckDBPyConnection, relation: str) -> TableContent:
    """Count and fingerprint a table, in one pass inside DuckDB.

    Args:
        connection: Where the table can be read.
        relation: The relation as SQL, already quoted, e.g. `"marts"."fct_creator_days"`.

    Returns:
        Its row count, columns and content hash.
    """
    described = connection.execute(f"describe select * from {relation}").fetchall()
    columns = tuple((str(row[0]), str(row[1])) for row in described)
    texts = ", ".join(_column_text(name, kind) for name, kind in columns)
    answer = connection.execute(
        "select count(*), "
        f"coalesce(sum((row_hash & {_LOW_64_BITS})::ubigint), 0)::varchar, "
        "coalesce(sum((row_hash >> 64)::ubigint), 0)::varchar "
        f"from (select md5_number(concat({texts}))::uhugeint as row_hash from {relation})"
    ).fetchone()
    if answer is None:  # an aggregate always answers; this is for the type checker
        raise RuntimeError(f"No answer while hashing {relation}.")
    row_count, low, high = int(answer[0]), int(answer[1]), int(answer[2])
    content_hash = document_sha256(
        {
            "columns": [list(column) for column in columns],
            "row_count": row_count,
            # Both sums modulo 2**64: a state of 128 bits, whatever the number of rows.
            "sums": [f"{low % 2**64:016x}", f"{high % 2**64:016x}"],
        }
    )
    return TableContent(row_count=row_count, columns=columns, content_hash=content_hash)


def _column_text(name: str, kind: str) -> str:
    """SQL of a column's part of the row text: `N` for NULL, else the value, then `|`."""
    column = quoted(name)
    if kind in _PLAIN_TYPES or kind.startswith("DECIMAL"):
        return f"coalesce({column}::varchar, 'N'), '|'"
    if kind == "TIMESTAMP WITH TIME ZONE":
        # Its text depends on the session's time zone; microseconds since 1970 do not.
        return f"coalesce(epoch_us({column})::varchar, 'N'), '|'"
    if kind == "BLOB":
        text = f"hex({column})"
    elif kind == "VARCHAR":
        text = column
    else:
        text = f"to_json({column})::varchar"
    # The length first: no value can then be written so that it reads like two.
    return f"coalesce(strlen({text}) || ':' || {text}, 'N'), '|'"
