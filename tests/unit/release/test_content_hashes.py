"""The content hash tells rows apart, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.release.hashing import document_sha256, table_content

TYPES = """
    select i as big, i::smallint as small, i % 2 = 0 as flag, (i / 7)::decimal(18, 4) as money,
           i / 7 as ratio, 'text ' || i as words, date '2026-01-01' + i::integer as day,
           timestamp '2026-01-01' + interval (i) minute as moment,
           timestamptz '2026-01-01 00:00:00+00' + interval (i) minute as instant,
           [i, null, i + 1] as numbers, {'a': 'x, y', 'b': i} as pair, 'b'::blob as bytes,
           case when i % 3 = 0 then null else i end as gaps
    from range(30000) as rows(i)
"""


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        yield made


def _hash(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    connection.execute(f"create or replace temp table judged as {query}")
    return table_content(connection, "judged").content_hash


def test_order_threads_and_time_zone_do_not_matter(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("set TimeZone = 'UTC'")
    expected = _hash(connection, TYPES)

    connection.execute("set threads = 1")
    connection.execute("set TimeZone = 'America/Bogota'")

    # timestamptz literals above carry their offset, so the rows are the same.
    assert _hash(connection, f"select * from ({TYPES}) order by hash(big)") == expected
    connection.execute("set threads = 4")
    connection.execute("set preserve_insertion_order = false")
    assert _hash(connection, f"select * from ({TYPES}) order by big desc") == expected


EXPECTED = "f9c4353875c245087e739ed0a4fe9042fa9c9157d37a180a8f2d069a2f8e70df"


def test_the_hash_is_the_same_on_every_machine(connection: duckdb.DuckDBPyConnection) -> None:
    """Written down, so that an engine that spells a value differently is noticed."""
    query = (
        "select * from (values (1, 'á|N', 1.50::decimal(18, 4), date '2026-01-31', null), "
        "(2, null, -0.25::decimal(18, 4), date '1969-12-31', true)) as t(a, b, c, d, e)"
    )

    assert _hash(connection, query) == EXPECTED


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("select 1 as a", "select 1 as a union all select 1"),
        ("select 1 as a where false", "select null::integer as a"),
        ("select 1 as a", "select 1 as b"),
        ("select 1::integer as a", "select 1::bigint as a"),
        ("select null::varchar as a", "select 'N' as a"),
        ("select null::varchar as a", "select '' as a"),
        ("select 'ab' as a, 'c' as b", "select 'a' as a, 'bc' as b"),
        ("select 'x|1:y' as a, '' as b", "select 'x' as a, 'y|0:' as b"),
        ("select 'x' as a, null::varchar as b", "select null::varchar as a, 'x' as b"),
        (
            "select 1 as a, 2 as b union all select 3, 4",
            "select 1 as a, 4 as b union all select 3, 2",
        ),
        ("select ['a, b'] as a", "select ['a', 'b'] as a"),
        ("select ['null'] as a", "select [null::varchar] as a"),
        ("select 1.0::double as a", "select (1.0 + 2.220446049250313e-16)::double as a"),
        (
            "select 1 as a union all select 1 union all select 2 union all select 2",
            "select 1 as a union all select 1 union all select 1 union all select 1",
        ),
    ],
)
def test_what_differs_has_another_hash(
    connection: duckdb.DuckDBPyConnection, one: str, other: str
) -> None:
    assert _hash(connection, one) != _hash(connection, other)


def test_a_column_may_have_any_name(connection: duckdb.DuckDBPyConnection) -> None:
    content = table_content(connection, """(select 1 as "a ""b"" 'c'", 2 as "select")""")

    assert content.row_count == 1
    assert content.columns == (("a \"b\" 'c'", "INTEGER"), ("select", "INTEGER"))


texts = st.lists(
    st.tuples(st.none() | st.text(max_size=6), st.none() | st.text(max_size=6)), max_size=6
)


# DuckDB opens a database for each example: the first takes longer than the rest.
@settings(max_examples=40, deadline=None)
@given(one=texts, other=texts)
def test_equal_hashes_mean_equal_bags_of_rows(
    one: list[tuple[str | None, str | None]], other: list[tuple[str | None, str | None]]
) -> None:
    def content(rows: list[tuple[str | None, str | None]]) -> str:
        with duckdb.connect() as made:
            made.execute("create table judged (a varchar, b varchar)")
            if rows:
                made.executemany("insert into judged values (?, ?)", rows)
            return table_content(made, "judged").content_hash

    def key(row: tuple[str | None, str | None]) -> tuple[bool, str, bool, str]:
        return (row[0] is None, row[0] or "", row[1] is None, row[1] or "")

    same = sorted(one, key=key) == sorted(other, key=key)
    assert (content(one) == content(other)) == same


def test_documents_hash_alike_whatever_the_order_of_keys() -> None:
    assert document_sha256({"a": 1, "b": [1, 2]}) == document_sha256({"b": [1, 2], "a": 1})
    assert document_sha256({"a": [1, 2]}) != document_sha256({"a": [2, 1]})
