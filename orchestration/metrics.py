"""Metrics asked of the current release through MetricFlow.

What lives here: a release as MetricFlow sees it, the question, the answer. What may not: what
metrics are (`models/semantic`), and how an answer is shown (`screen_metrics`).

MetricFlow's own command opens DuckDB files for writing, asks a package index for newer versions of
itself, and knows tables by the names they have in the warehouse. Here its engine gets a client that
has the release's file attached for reading only, under those names.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from orchestration.errors import BilingualError
from orchestration.release.pointer import current_release
from orchestration.settings import PROJECT_ROOT, Language, Settings
from orchestration.sql import literal, quoted

if TYPE_CHECKING:
    import duckdb
    from metricflow.data_table.mf_table import MetricFlowDataTable
    from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
    from metricflow.protocols.sql_client import SqlEngine
    from metricflow.sql.render.sql_plan_renderer import SqlPlanRenderer
    from metricflow_semantics.sql.sql_bind_parameters import SqlBindParameterSet


class MetricsError(BilingualError):
    """The question cannot be answered; asked otherwise, it may be."""


class NoMetricsError(BilingualError):
    """There is nothing to ask: no release, or one without what the metrics are made of."""


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        metrics: Names of metrics.
        group_by: What the values are told for: `metric_time__week`, `market`, `agency` ...
        where: Conditions in MetricFlow's form, like `{{ Entity('market') }} = 'MX'`.
        first: First local day, or None for all. Weeks and months are told whole: MetricFlow widens
            the range to theirs.
        last: Last local day, itself included.
        order_by: Columns of the answer; a `-` before one turns it around.
        limit: The most rows, or None for all.
    """

    metrics: Sequence[str]
    group_by: Sequence[str] = ()
    where: Sequence[str] = ()
    first: date | None = None
    last: date | None = None
    order_by: Sequence[str] = ()
    limit: int | None = None


@dataclass(frozen=True)
class Answer:
    """The rows of an answer, under the names of their columns: groups first, then metrics."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class Metric:
    """A metric as people know it."""

    name: str
    label: str
    description: str
    unit: str
    is_kpi: bool


class ReadOnlyClient:
    """MetricFlow's way to a DuckDB connection; it asks, and changes nothing."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Ask over a connection that somebody else closes."""
        self._connection = connection

    @property
    def sql_engine_type(self) -> SqlEngine:
        """DuckDB."""
        from metricflow.protocols.sql_client import SqlEngine

        return SqlEngine.DUCKDB

    @property
    def sql_plan_renderer(self) -> SqlPlanRenderer:
        """How MetricFlow writes SQL for DuckDB."""
        from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer

        return DuckDbSqlPlanRenderer()

    def query(
        self, stmt: str, sql_bind_parameter_set: SqlBindParameterSet | None = None
    ) -> MetricFlowDataTable:
        """The rows of a statement."""
        from metricflow.data_table.mf_table import MetricFlowDataTable

        self._refuse_parameters(sql_bind_parameter_set)
        found = self._connection.execute(stmt)
        names = [column[0] for column in found.description or []]
        return MetricFlowDataTable.create_from_rows(names, found.fetchall())

    def execute(self, stmt: str, sql_bind_parameter_set: SqlBindParameterSet | None = None) -> None:
        """Nothing: statements without rows would change something."""
        raise NotImplementedError(f"A release is only read; this is not: {stmt}")

    def dry_run(self, stmt: str, sql_bind_parameter_set: SqlBindParameterSet | None = None) -> None:
        """Let DuckDB plan a statement; it raises its own error where it cannot."""
        self._refuse_parameters(sql_bind_parameter_set)
        self._connection.execute(f"explain {stmt}")

    def close(self) -> None:
        """Nothing: whoever opened the connection closes it."""

    def render_bind_parameter_key(self, bind_parameter_key: str) -> str:
        """How a parameter stands in a statement."""
        return f"${bind_parameter_key}"

    @staticmethod
    def _refuse_parameters(parameters: SqlBindParameterSet | None) -> None:
        if parameters is not None and parameters.param_dict:
            raise NotImplementedError("MetricFlow has asked with parameters, as it never did.")


@contextmanager
def engine_of(settings: Settings, semantic_manifest: Path) -> Iterator[MetricFlowEngine]:
    """MetricFlow over the current release.

    Args:
        settings: Where the release is, and DuckDB's limits.
        semantic_manifest: The file that dbt made of `models/semantic`.

    Raises:
        NoMetricsError: There is no release, or it has no table that a metric is made of.
        ReleaseError: `current` cannot be trusted.
    """
    release = current_release(settings)
    if release is None:
        raise NoMetricsError(
            "There is no release to ask. Publish one first: semillero run",
            "No hay ninguna versión publicada que consultar. Publique una: semillero run",
        )
    with engine_over(settings, semantic_manifest, release.marts) as engine:
        yield engine


@contextmanager
def engine_over(
    settings: Settings, semantic_manifest: Path, marts: Path
) -> Iterator[MetricFlowEngine]:
    """MetricFlow over a file of marts (tables in schema `main`), which is only read.

    Raises:
        NoMetricsError: The file has no table that a metric is made of.
    """
    text = semantic_manifest.read_text(encoding="utf-8")
    with _attached(settings, marts, relations_of(json.loads(text))) as connection:
        yield engine_on(connection, text)


def engine_on(connection: duckdb.DuckDBPyConnection, semantic_manifest: str) -> MetricFlowEngine:
    """MetricFlow over a connection that has the tables under dbt's names.

    Args:
        connection: Asked only with what is put to the engine; nothing is asked before.
        semantic_manifest: What dbt made of `models/semantic`, as JSON.
    """
    from metricflow.engine.metricflow_engine import MetricFlowEngine
    from metricflow_semantics.model.dbt_manifest_parser import (
        parse_manifest_from_dbt_generated_manifest,
    )
    from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

    manifest = parse_manifest_from_dbt_generated_manifest(semantic_manifest)
    return MetricFlowEngine(
        SemanticManifestLookup(manifest), cast("Any", ReadOnlyClient(connection))
    )


def ask(engine: MetricFlowEngine, question: Question) -> Answer:
    """Put a question to a release.

    Values of ratios come as MetricFlow divides them, not rounded to six decimals like `kpi_daily`.

    Raises:
        MetricsError: MetricFlow or DuckDB cannot answer it; the message is theirs.
    """
    with _understandable():
        table = engine.query(_request(question)).result_df
    if table is None:
        raise NotImplementedError("MetricFlow has answered with no table, as it never did.")
    return Answer(
        tuple(table.column_names),
        tuple(tuple(_day(cell) for cell in row) for row in table.rows),
    )


def sql_of(engine: MetricFlowEngine, question: Question) -> str:
    """The SQL that answers a question, with the names that tables have in the warehouse.

    Raises:
        MetricsError: MetricFlow cannot answer it; the message is its own.
    """
    with _understandable():
        return engine.explain(_request(question)).sql_statement.without_descriptions.sql


def metrics_of(semantic_manifest: Path, kpis: Sequence[str], language: Language) -> list[Metric]:
    """Every metric, those of `kpis` first and in its order."""
    found = {}
    for each in json.loads(semantic_manifest.read_text(encoding="utf-8"))["metrics"]:
        meta: Mapping[str, str] = (each.get("config") or {}).get("meta") or {}
        is_spanish = language == "es"
        found[each["name"]] = Metric(
            name=each["name"],
            label=meta["label_es"] if is_spanish else each["label"],
            description=meta["description_es"] if is_spanish else each["description"],
            unit=meta["unit"],
            is_kpi=each["name"] in kpis,
        )
    return [
        *(found[name] for name in kpis if name in found),
        *(found[name] for name in sorted(found.keys() - set(kpis))),
    ]


def kpi_names() -> list[str]:
    """The KPIs, in the order of their seed."""
    with (PROJECT_ROOT / "seeds" / "kpis.csv").open(encoding="utf-8", newline="") as seed:
        return [row["kpi"] for row in csv.DictReader(seed)]


def groups_of(engine: MetricFlowEngine, metrics: Sequence[str]) -> list[str]:
    """By what all of these metrics can be told, beside `metric_time`.

    Raises:
        MetricsError: One of the metrics does not exist.
    """
    with _understandable():
        names = list(metrics)
        dimensions = engine.simple_dimensions_for_metrics(names)
        entities = engine.entities_for_metrics(names)
    return sorted(
        {each.granularity_free_dunder_name for each in dimensions} - {"metric_time"}
        | {each.name for each in entities}
    )


def _request(question: Question) -> MetricFlowQueryRequest:
    from metricflow.engine.metricflow_engine import MetricFlowQueryRequest

    if question.first and question.last and question.first > question.last:
        # MetricFlow answers with nothing, and a warning in a log.
        raise MetricsError(
            f"--from {question.first} is after --to {question.last}. Turn them around.",
            f"--from {question.first} es posterior a --to {question.last}. Inviértalos.",
        )
    return MetricFlowQueryRequest.create(
        metric_names=list(question.metrics),
        group_by_names=list(question.group_by) or None,
        where_constraints=list(question.where) or None,
        time_constraint_start=_midnight(question.first),
        time_constraint_end=_midnight(question.last),
        order_by_names=list(question.order_by) or None,
        limit=question.limit,
    )


def _midnight(day: date | None) -> datetime | None:
    # Naive, as MetricFlow wants it: local days have no zone.
    return datetime(day.year, day.month, day.day) if day else None  # noqa: DTZ001


def _day(cell: object) -> object:
    """A day as a day: MetricFlow tells days as midnights."""
    return cell.date() if isinstance(cell, datetime) else cell


@contextmanager
def _understandable() -> Iterator[None]:
    """Turn what MetricFlow and DuckDB say of a question into an error for people."""
    import duckdb
    from metricflow_semantic_interfaces.errors import ParsingException
    from metricflow_semantics.errors.error_classes import MetricFlowException

    try:
        yield
    except (MetricFlowException, ParsingException, duckdb.Error) as error:
        said = str(error).strip()
        raise MetricsError(
            f"MetricFlow cannot answer that.\n{said}\n"
            "`semillero metrics list` shows what there is.",
            f"MetricFlow no puede responder eso. Dice (en inglés):\n{said}\n"
            "`semillero metrics list` muestra lo que hay.",
        ) from error


def relations_of(manifest: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(catalog, schema, table) of everything that metrics are made of, by dbt's names."""
    spines = manifest["project_configuration"]["time_spines"]
    nodes = [
        *(each["node_relation"] for each in manifest["semantic_models"]),
        *(each["node_relation"] for each in spines),
    ]
    return sorted({(node["database"], node["schema_name"], node["alias"]) for node in nodes})


@contextmanager
def _attached(
    settings: Settings, marts: Path, relations: Sequence[tuple[str, str, str]]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that has a release's tables under dbt's names, and reads nothing else.

    The catalogs with dbt's names are empty ones in memory, with a view for each table. So the file
    is attached for reading only, and never copied, however large it is.
    """
    import duckdb

    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": settings.duckdb_memory_limit,
        "temp_directory": str(settings.scratch / "metrics"),
    }
    if settings.duckdb_threads:
        config["threads"] = settings.duckdb_threads
    with duckdb.connect(config=config) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach {literal(str(marts))} as published (read_only)")
        there = {
            str(name)
            for (name,) in connection.execute(
                "select table_name from duckdb_tables() where database_name = 'published' "
                "and schema_name = 'main'"
            ).fetchall()
        }
        missing = sorted({table for _, _, table in relations} - there)
        if missing:
            named = ", ".join(missing)
            raise NoMetricsError(
                f"{marts} has no {named}, which metrics are made of: the release is older than "
                "they are. Publish one: semillero run",
                f"{marts} no tiene {named}, de lo que se hacen las métricas: la versión publicada "
                "es anterior a ellas. Publique una: semillero run",
            )
        for catalog in sorted({catalog for catalog, _, _ in relations}):
            connection.execute(f"attach ':memory:' as {quoted(catalog)}")
        for catalog, schema in sorted({relation[:2] for relation in relations}):
            connection.execute(f"create schema {quoted(catalog)}.{quoted(schema)}")
        for catalog, schema, table in relations:
            connection.execute(
                f"create view {quoted(catalog)}.{quoted(schema)}.{quoted(table)} as "
                f"from published.main.{quoted(table)}"
            )
        # What a question may say of conditions is SQL: it reads these tables and nothing else.
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        yield connection
