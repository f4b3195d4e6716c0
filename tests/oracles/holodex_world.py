"""A small warehouse that real sessions fill: too many rows to bind one by one.

What lives here: `BulkWorld`, whose partitions DuckDB writes from a query over the Holodex Parquet.
What may not: assertions, and what any test expects.
"""

from __future__ import annotations

import duckdb
from dbt_world import DbtWorld
from holodex_facts import HOLODEX

SESSIONS = HOLODEX / "sessions_raw_notitle.parquet"


class BulkWorld(DbtWorld):
    """A world whose partitions are written by DuckDB: 45,855 rows are too many to bind."""

    def arrive_rows(self, feed: str, query: str) -> None:
        """Land the rows of a query over the view `holodex`, each on its day `_dt`."""
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            connection.read_parquet(str(SESSIONS)).create_view("holodex")
            connection.execute(f"create table landed as {query}")
            types = self._types[feed]
            given = {name for (name, *_) in connection.execute("describe landed").fetchall()}
            columns = ", ".join(
                f"cast({name if name in given else 'null'} as {kind}) as {name}"
                for name, kind in types.items()
            )
            event = self._event_columns[feed]
            days = connection.execute("select distinct _dt from landed order by _dt").fetchall()
            for (day,) in days:
                folder = self.home / "raw" / feed / f"dt={day.isoformat()}"
                folder.mkdir(parents=True)
                connection.execute("set variable arrival_day = cast($1 as date)", [day])
                arrived = "from landed where _dt = getvariable('arrival_day')"
                connection.sql(f"select {columns} {arrived}").write_parquet(
                    str(folder / "data.parquet")
                )
                counted = connection.execute(
                    f"select {f'cast({event} as date)' if event else 'null'}, count(*) "
                    f"{arrived} group by all"
                ).fetchall()
                key = (feed, day)
                self._revisions[key] = 1
                self._event_days[key] = dict(counted) if event else {}
                self._counts[key] = sum(count for _, count in counted)
