"""Every refused row and file, with its reason in both languages and its whole raw content.

What lives here: the quarantine table of the day at hand, its file, and the summary for people. What
may not: deciding what is refused. One row stands here per row and reason: a row that breaks two
rules has two, so `count(distinct (file, row))` counts refused rows. `row` is NULL where a whole
file is meant, `file` where the whole day is.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

from orchestration.ingest import reasons
from orchestration.ingest.check import Judgement
from orchestration.ingest.read import Source
from orchestration.ingest.reasons import Reason
from orchestration.ingest.results import Problem, day_name
from orchestration.settings import Settings


def accepted_path(feed: str, day: date, settings: Settings) -> Path:
    """Where the refused rows of an accepted day stand."""
    return settings.quarantine / feed / day_name(day) / "rows.parquet"


def refused_path(feed: str, day: date, settings: Settings) -> Path:
    """Where the refused rows of a day that was refused as a whole stand."""
    return settings.quarantine / feed / day_name(day) / "refused-partition.parquet"


def start(connection: duckdb.DuckDBPyConnection) -> None:
    """Begin a day with an empty quarantine."""
    connection.execute(
        "create or replace temp table quarantine (file varchar, row bigint, rule varchar, "
        '"column" varchar, reason_en varchar, reason_es varchar, content varchar)'
    )


def add_file(
    connection: duckdb.DuckDBPyConnection, file: str | None, reason: Reason, column: str | None
) -> None:
    """Keep that a whole file, or with `file` None the whole day, was refused."""
    connection.execute(
        "insert into quarantine values ($file, null, $rule, $column, $en, $es, null)",
        {
            "file": file,
            "rule": reason.rule,
            "column": column,
            "en": reason.en,
            "es": reason.es,
        },
    )


def forget_file(connection: duckdb.DuckDBPyConnection, file: str) -> None:
    """Take back the rows of a file that is refused as a whole after all."""
    connection.execute("delete from quarantine where file = $file", {"file": file})


def add_failed_rows(
    connection: duckdb.DuckDBPyConnection, file: str, source: Source, judgement: Judgement
) -> int:
    """Keep the refused rows of a source, once per check that they fail.

    Returns:
        The number of refused rows.
    """
    checks = [
        {
            "number": number,
            "rule": check.reason.rule,
            "column": check.column,
            "en": check.reason.en,
            "es": check.reason.es,
        }
        for number, check in enumerate(judgement.checks)
    ]
    connection.execute(
        f"""
        insert into quarantine
        select $_file, failed._row, checks.entry.rule, checks.entry."column", checks.entry.en,
            checks.entry.es, failed.content
        from (
            select _row, content, unnest(failed) as number
            from ({judgement.refused})
        ) as failed
        inner join (select unnest($_checks) as entry) as checks
            on failed.number = checks.entry.number
        """,
        {"_file": file, "_checks": checks, **source.bound(judgement.refused)},
    )
    counted = connection.execute(
        "select count(distinct row) from quarantine where file = $file and rule <> 'malformed_row'",
        {"file": file},
    ).fetchone()
    return int(counted[0]) if counted else 0


def add_malformed_rows(connection: duckdb.DuckDBPyConnection, file: str, columns: int) -> None:
    """Keep the lines of `malformed`, which could not be parsed, with their text."""
    kinds = connection.execute("select distinct error from malformed").fetchall()
    for (error,) in kinds:
        reason = reasons.malformed_row(str(error), columns)
        connection.execute(
            """
            insert into quarantine
            select $file, row, $rule, null, $en, $es,
                cast(to_json({'line': line}) as varchar)
            from malformed where error = $error
            """,
            {
                "file": file,
                "rule": reason.rule,
                "en": reason.en,
                "es": reason.es,
                "error": error,
            },
        )


def refused_rows_count(connection: duckdb.DuckDBPyConnection) -> int:
    """How many rows stand in the quarantine of the day at hand, each counted once."""
    counted = connection.execute(
        "select count(distinct (file, row)) from quarantine where row is not null"
    ).fetchone()
    return int(counted[0]) if counted else 0


def problems(connection: duckdb.DuckDBPyConnection, day: date) -> tuple[Problem, ...]:
    """The quarantine of the day at hand, once per file, rule and column."""
    rows = connection.execute(
        """
        select file, min(row), rule, "column", count(*), reason_en, reason_es
        from quarantine
        group by file, rule, "column", reason_en, reason_es
        order by file nulls first, min(row) nulls first, rule, "column"
        """
    ).fetchall()
    return tuple(
        Problem(
            file=file if file is not None else day_name(day),
            row=row,
            rule=rule,
            column=column,
            count=count,
            reason_en=reason_en,
            reason_es=reason_es,
        )
        for file, row, rule, column, count, reason_en, reason_es in rows
    )


def merely_late_count(connection: duckdb.DuckDBPyConnection) -> int:
    """Rows of the day at hand that nothing is wrong with but their age."""
    found = connection.execute(
        """
        select count(*) from (
            select file, row from quarantine
            where row is not null
            group by file, row
            having count(*) filter (where rule <> 'too_late') = 0)
        """
    ).fetchone()
    return int(found[0]) if found else 0


def write(
    connection: duckdb.DuckDBPyConnection, path: Path, feed: str, day: date, revision: str
) -> int:
    """Write the quarantine of the day at hand to a Parquet file.

    Returns:
        The number of rows written.
    """
    counted = connection.execute(
        """
        copy (
            select $feed as feed, cast($day as date) as dt, file, row, rule, "column", reason_en,
                reason_es, content, $revision as revision
            from quarantine
            order by file nulls first, row nulls first, rule, "column", reason_en, content
        ) to $path (format parquet, compression zstd)
        """,
        {"feed": feed, "day": day.isoformat(), "revision": revision, "path": str(path)},
    ).fetchone()
    return int(counted[0]) if counted else 0
