"""How a name or a text of ours becomes part of an SQL statement.

What lives here: quotation marks. What may not: values of feeds and names of files, which are bound.
"""

from __future__ import annotations


def quoted(name: str) -> str:
    """A name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as an SQL string literal, for the statements in which DuckDB binds no parameter."""
    return "'" + text.replace("'", "''") + "'"
