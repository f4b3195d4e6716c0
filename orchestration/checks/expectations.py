"""The one adapter between declared expectations and Great Expectations.

What lives here: running suites against the warehouse. What may not: declaring expectations (they
are data) or any knowledge of single marts. Great Expectations is imported inside the function: it
costs seconds, and only a run that built something needs it.

Great Expectations has no DuckDB backend. It is reached through duckdb-engine, with a dialect that
knows three things more:

* DuckDB opens no second transaction on the one connection that is shared, and read-only it needs
  none: begin, commit and rollback do nothing.
* The connection is handed over open, not as a path inside a URL, where a quote needs care.
* Great Expectations asks for a table's columns by its bare name, so the schemas are on the search
  path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import duckdb

from orchestration.checks.gate import failing_rows
from orchestration.checks.results import MASKED_COLUMNS, MAX_SAMPLE_ROWS, CheckResult
from orchestration.checks.suites import (
    Expectation,
    Parameter,
    Suite,
    SuiteError,
    filled_kwargs,
    filled_sql,
)
from orchestration.checks.tables import MARTS
from orchestration.sql import literal, quoted

if TYPE_CHECKING:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult
    from great_expectations.datasource.fluent.interfaces import Batch
    from sqlalchemy.engine.interfaces import DBAPIConnection

_MESSAGE_CHARACTERS = 400


@dataclass(frozen=True)
class _Outcome:
    """What Great Expectations said of one expectation, or why it could say nothing."""

    passed: bool
    failed_count: int | None = None
    observed: str = ""
    sample: tuple[dict[str, str], ...] = ()
    error: str | None = None


def run_suites(
    warehouse: Path,
    suites: Sequence[Suite],
    *,
    run_id: str,
    parameters: Mapping[str, Parameter] | None = None,
) -> list[CheckResult]:
    """Judge the warehouse's tables by declared suites.

    Args:
        warehouse: The warehouse file; opened read-only, on one connection.
        suites: From `load_suites`.
        run_id: The run these answers belong to.
        parameters: Values for `$name` that replace the suites' own.

    Returns:
        One answer for each expectation, in the order of declaration. What could not be judged has
        not passed.

    Raises:
        SuiteError: `parameters` names something that no suite declares.
    """
    given = dict(parameters or {})
    unknown = sorted(set(given) - {name for suite in suites for name in suite.parameters})
    if unknown:
        raise SuiteError(f"No suite declares the parameter(s) {', '.join(unknown)}.")
    try:
        tables = _Tables(warehouse, {suite.table.split(".")[0] for suite in suites})
    except Exception as error:  # noqa: BLE001 (whatever it is: no suite ran, so no check passed)
        return [
            _answer(each, _Outcome(passed=False, error=_said(error)), run_id)
            for suite in suites
            for each in suite.expectations
        ]
    try:
        return [answer for suite in suites for answer in _run_suite(tables, suite, given, run_id)]
    finally:
        tables.close()


class _Tables:
    """The warehouse as Great Expectations sees it: one session, nothing written."""

    def __init__(self, warehouse: Path, schemas: set[str]) -> None:
        from great_expectations import get_context
        from great_expectations.data_context.types.base import ProgressBarsConfig
        from sqlalchemy.pool import StaticPool

        # Great Expectations and the samples share one database: DuckDB refuses to open a file twice
        # in a process with different settings, and duckdb-engine would set some.
        self.connection = duckdb.connect(str(warehouse), read_only=True)
        try:
            _use_schemas(self.connection, schemas)
            _register_dialect(self.connection)
            context = get_context(mode="ephemeral")
            context.enable_analytics(enable=False)
            context.variables.progress_bars = ProgressBarsConfig(
                globally=False, metric_calculations=False
            )
            engine_options: dict[str, Any] = {"kwargs": {"poolclass": StaticPool}}
            self._source = context.data_sources.add_sql(
                name="warehouse",
                connection_string=f"{_DIALECT_NAME}://",
                create_temp_table=False,
                **engine_options,
            )
        except BaseException:
            self.connection.close()
            raise

    def batch(self, table: str) -> Batch:
        """A whole table."""
        name = table.split(".")[1]
        asset_name = f"{table} {len(self._source.assets)}"
        asset = self._source.add_table_asset(name=asset_name, table_name=name)
        return asset.add_batch_definition_whole_table("whole").get_batch()

    def close(self) -> None:
        """Let go of the file: the next step writes it."""
        self._source.get_engine().dispose()
        self.connection.close()


_DIALECT_NAME = "semillero_duckdb"


def _use_schemas(connection: duckdb.DuckDBPyConnection, schemas: set[str]) -> None:
    """Let tables of these schemas be found by their bare names."""
    found = connection.execute(
        # The same schema often holds several of them.
        "select distinct schema_name from (select database_name, schema_name from duckdb_tables() "
        "union all select database_name, schema_name from duckdb_views()) "
        "where database_name = current_database()"
    ).fetchall()
    path = ",".join(quoted(name) for (name,) in sorted(found) if name in schemas)
    if path:
        connection.execute(f"set search_path = {literal(path)}")
    connection.execute("set TimeZone = 'UTC'")


def _register_dialect(shared: duckdb.DuckDBPyConnection) -> None:
    """Teach SQLAlchemy the dialect on this connection, under this project's own name."""
    import duckdb_engine
    from sqlalchemy.dialects import registry

    class WarehouseDialect(duckdb_engine.Dialect):
        """duckdb-engine on one open, read-only connection."""

        supports_statement_cache = False

        def connect(self, *_: object, **__: object) -> DBAPIConnection:
            return cast("DBAPIConnection", duckdb_engine.ConnectionWrapper(shared))

        def do_begin(self, dbapi_connection: object) -> None:
            """Nothing to begin on a read-only connection."""

        def do_commit(self, dbapi_connection: object) -> None:
            """Nothing to commit."""

        def do_rollback(self, dbapi_connection: object) -> None:
            """Nothing to roll back."""

    # SQLAlchemy asks for a dialect by name and calls what the name stands for to get the class.
    registry.impls[_DIALECT_NAME] = lambda: WarehouseDialect


def _run_suite(
    tables: _Tables,
    suite: Suite,
    given: Mapping[str, Parameter],
    run_id: str,
) -> list[CheckResult]:
    values = {
        **suite.parameters,
        **{name: value for name, value in given.items() if name in suite.parameters},
    }
    try:
        batch = tables.batch(suite.table)
    except Exception as error:  # noqa: BLE001 (a table that cannot be read has passed nothing)
        outcome = _Outcome(passed=False, error=_said(error))
        return [_answer(each, outcome, run_id) for each in suite.expectations]
    answers = []
    for expectation in suite.expectations:
        try:
            outcome = _judge(batch, tables.connection, expectation, values)
        except Exception as error:  # noqa: BLE001 (an expectation that breaks has not passed)
            outcome = _Outcome(passed=False, error=_said(error))
        answers.append(_answer(expectation, outcome, run_id))
    return answers


def _judge(
    batch: Batch,
    connection: duckdb.DuckDBPyConnection,
    expectation: Expectation,
    values: Mapping[str, Parameter],
) -> _Outcome:
    import great_expectations.expectations as types
    from great_expectations.expectations.core.unexpected_rows_expectation import (
        UnexpectedRowsExpectation,
    )

    result_format: dict[str, Any] = {
        "result_format": "SUMMARY",
        "partial_unexpected_count": MAX_SAMPLE_ROWS,
    }
    if expectation.sql is not None:
        # `{batch}` becomes a subquery with an alias of its own; a name can be read more than once
        # and be given another alias.
        query = filled_sql(expectation, values).replace("{batch}", "batch")
        # The patterns of contracts have braces and colons: Great Expectations formats the text,
        # and SQLAlchemy looks for `:parameters` in it.
        plain = query.replace("{", "{{").replace("}", "}}")
        plain = re.sub(r":(?=\w)", r"\\:", plain)
        judged = UnexpectedRowsExpectation(
            unexpected_rows_query=f"with batch as (select * from {{batch}}) "
            f"select * from (\n{plain}\n) as unexpected"
        )
    else:
        name = "".join(part.capitalize() for part in str(expectation.expectation).split("_"))
        judged = getattr(types, name)(**filled_kwargs(expectation, values))
    result = batch.validate(judged, result_format=result_format)
    error = _exception_in(result)
    if error is not None:
        return _Outcome(passed=False, error=error)
    # Only the exact True passes: None, or a number that is true, is not an answer.
    passed = result.success is True
    found: dict[str, Any] = result.result or {}
    if passed:
        return _Outcome(passed=True, failed_count=0)
    if expectation.sql is not None:
        table = ".".join(quoted(part) for part in expectation.table.split("."))
        query = filled_sql(expectation, values).replace("{batch}", table)
        return _Outcome(
            passed=False,
            failed_count=_count(found.get("observed_value")),
            sample=_sample(connection, query),
        )
    return _Outcome(
        passed=False,
        failed_count=_count(found.get("unexpected_count")),
        # The largest handle is a handle.
        observed="" if MASKED_COLUMNS & set(_judged_columns(expectation)) else _observed(found),
        sample=_unexpected_rows(connection, expectation, found),
    )


def _exception_in(result: ExpectationValidationResult) -> str | None:
    """What went wrong inside Great Expectations, which files it away instead of raising it."""
    info = result.exception_info or {}
    # Either one exception, or one for each metric that failed.
    for each in [info, *(value for value in info.values() if isinstance(value, dict))]:
        if each.get("raised_exception"):
            return _short(str(each.get("exception_message")))
    return None


def _unexpected_rows(
    connection: duckdb.DuckDBPyConnection, expectation: Expectation, found: Mapping[str, Any]
) -> tuple[dict[str, str], ...]:
    """Rows that hold an unexpected value: the grain's columns and the ones judged."""
    schema, name = expectation.table.split(".")
    key = MARTS[name].key if name in MARTS else ()
    judged = _judged_columns(expectation)
    unexpected = found.get("partial_unexpected_list") or []
    if not judged or not found.get("unexpected_count"):
        return ()
    columns = ", ".join(quoted(each) for each in dict.fromkeys((*key, *judged)))
    if unexpected:
        # A pair of columns gives pairs of values.
        tuples = [each if isinstance(each, tuple | list) else (each,) for each in unexpected]
        same = " and ".join(f"{quoted(each)} is not distinct from ?" for each in judged)
        where = " or ".join(f"({same})" for _ in tuples)
        values = [value for each in tuples for value in each]
    else:
        where, values = f"{quoted(judged[0])} is null", []
    query = f"select {columns} from {quoted(schema)}.{quoted(name)} where {where}"
    return _sample(connection, query, values)


def _judged_columns(expectation: Expectation) -> list[str]:
    return [
        str(expectation.kwargs[each])
        for each in ("column", "column_A", "column_B")
        if each in expectation.kwargs
    ]


def _sample(
    connection: duckdb.DuckDBPyConnection, query: str, values: Sequence[object] = ()
) -> tuple[dict[str, str], ...]:
    try:
        return failing_rows(connection, query, values)
    except duckdb.Error:
        # The verdict stands without a sample.
        return ()


def _count(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _observed(found: Mapping[str, Any]) -> str:
    value = found.get("observed_value")
    return "" if value is None else _short(str(value))


def _said(error: Exception) -> str:
    return _short(f"{type(error).__name__}: {error}")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MESSAGE_CHARACTERS else line[: _MESSAGE_CHARACTERS - 1] + "…"


def _answer(expectation: Expectation, outcome: _Outcome, run_id: str) -> CheckResult:
    message_en, message_es = expectation.name_en, expectation.name_es
    if outcome.error is not None:
        message_en = f"{message_en} Could not be judged: {outcome.error}"
        message_es = f"{message_es} No se pudo evaluar: {outcome.error}"
    elif not outcome.passed:
        facts_en, facts_es = [f"table {expectation.tables}"], [f"tabla {expectation.tables}"]
        if outcome.failed_count is not None:
            facts_en.append(f"{outcome.failed_count} row(s)")
            facts_es.append(f"{outcome.failed_count} fila(s)")
        if outcome.observed:
            facts_en.append(f"observed {outcome.observed}")
            facts_es.append(f"observado {outcome.observed}")
        message_en = f"{message_en} Does not hold: {', '.join(facts_en)}."
        message_es = f"{message_es} No se cumple: {', '.join(facts_es)}."
    return CheckResult(
        check_id=expectation.check_id,
        kind="expectation",
        table=expectation.tables,
        severity=expectation.severity,
        passed=outcome.passed,
        message_en=message_en,
        message_es=message_es,
        failed_count=outcome.failed_count,
        sample=outcome.sample,
        run_id=run_id,
    )
