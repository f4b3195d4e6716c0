"""What arrived since the last release, as relations that the contract suites judge.

What lives here: the registration of schema `arrived` in the warehouse: a view a feed over the
partitions that no release stands on yet, what columns their files really have, and the table that
contracts' row rules ask. What may not: what must hold of them (`checks.contract_suites`).

Since the last *release*, not since the last build: a build whose release was refused has loaded its
partitions, and they have still passed no gate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.contracts.loader import FeedContract
from orchestration.sql import literal

if TYPE_CHECKING:
    import duckdb


class ArrivedError(RuntimeError):
    """A raw file that vouches for nothing: it cannot even be opened."""


def register(
    connection: duckdb.DuckDBPyConnection,
    contracts: Mapping[str, FeedContract],
    files: Mapping[str, Sequence[Path]],
) -> dict[str, set[str]]:
    """(Re)create schema `arrived`.

    Args:
        connection: The warehouse, in a transaction.
        contracts: By feed.
        files: The Parquet files of the partitions that arrived, by feed; each stands in a folder
            `<feed>/dt=YYYY-MM-DD/`. A feed may be left out.

    Returns:
        The feeds of which some file has not the columns that it should have, with the columns that
        there are. They can be read only by name, and the gate will refuse them.

    Raises:
        ArrivedError: A file is no Parquet.
    """
    connection.execute("create schema if not exists arrived")
    # Rules of contracts ask this table by its bare name.
    connection.execute(
        "create or replace view arrived.time_zones as select name from pg_timezone_names()"
    )
    connection.execute(
        """create or replace table arrived.partition_columns (
            feed varchar, arrival_date date, column_name varchar, data_type varchar)"""
    )
    for paths in files.values():
        if paths:
            _look(connection, paths)
    odd: dict[str, set[str]] = {}
    for feed, contract in contracts.items():
        paths = files.get(feed, ())
        found = _columns(connection, feed)
        if any(columns != contract.raw_types_in_full() for columns in found):
            odd[feed] = {name for columns in found for name in columns}
        present = odd.get(feed, set())
        query = select_from_raw(contract, paths, present=present, by_name=feed in odd)
        connection.execute(f'create or replace view arrived."{feed}" as {query}')
    return odd


def select_from_raw(
    contract: FeedContract, files: Sequence[Path], *, present: set[str], by_name: bool
) -> str:
    """The query of some raw files of a feed.

    Args:
        contract: The feed's.
        files: May be none.
        present: Columns that at least one file has; the others are NULL. Asked only if `by_name`.
        by_name: Some file lacks columns: match them by name, which opens every file's footer.
    """
    types = contract.raw_types()
    if not files:
        typed = ", ".join(f'cast(null as {kind}) as "{name}"' for name, kind in types.items())
        return f"select {typed} where false"
    names = ", ".join(
        f'"{name}"' if not by_name or name in present else f'cast(null as {kind}) as "{name}"'
        for name, kind in types.items()
    )
    quoted = ", ".join(literal(str(path)) for path in sorted(files))
    options = "hive_partitioning = false" + (", union_by_name = true" if by_name else "")
    return f"select {names} from read_parquet([{quoted}], {options})"


def _look(connection: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> None:
    """Write down which columns the files have."""
    import duckdb

    try:
        connection.execute(
            """
            insert into arrived.partition_columns
            select
                split_part(file_name, '/', -3), cast(split_part(file_name, 'dt=', -1)[:10] as date),
                name, duckdb_type
            from parquet_schema($paths)
            where duckdb_type is not null
            order by file_name, column_id
            """,
            {"paths": [str(path) for path in paths]},
        )
    except duckdb.Error as error:
        raise ArrivedError(
            f"An accepted file of raw is no Parquet: {str(error).splitlines()[0]} Delete it, then "
            "run again over its day: what is still in landing/ is read again."
        ) from error


def _columns(connection: duckdb.DuckDBPyConnection, feed: str) -> list[dict[str, str]]:
    """The different sets of columns that a feed's arrived files have, with their types."""
    found = connection.execute(
        """
        select distinct names from (
            select arrival_date, list([column_name, data_type] order by column_name) as names
            from arrived.partition_columns where feed = $feed group by arrival_date)
        """,
        {"feed": feed},
    ).fetchall()
    return [{name: kind for name, kind in names} for (names,) in found]  # noqa: C416 - pairs
