"""The decision: may this run be published?

What lives here: the closed list of checks that must have answered, the translation of dbt's results
into answers, and the verdict. What may not: running checks or publishing.

It fails closed. A scheduler lets a run go green when a test was excluded, when a check never
reported, or when a test only warned; so the verdict does not ask what failed, but whether every
required check answered for this run and passed. Silence is a refusal.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import duckdb

from orchestration.checks.results import (
    MASKED_COLUMNS,
    MAX_SAMPLE_ROWS,
    CheckResult,
    Severity,
    masked_sample,
)
from orchestration.checks.shift import SHIFT_CHECK_IDS

if TYPE_CHECKING:
    from orchestration.checks.suites import Suite

Reason = Literal["missing", "failed", "contradicts_itself", "other_run", "downgraded", "no_list"]

_HARMLESS_NAME = re.compile(
    r"(^(is|has)_)|(_(id|key|date|at|count|seconds|rate|index|kind|grain|usd)$)"
    r"|^(platform|country|market|language|status|tier|category|arrival_(file|row)|timezone)$"
    r"|^(column_name|faulty_column|broken_rule|masked_value)$"
)
"""Columns of text that may be shown even where a query touches personal columns.

A `masked_value` is one that the query itself has masked where a contract says so.
"""

_BUILT = frozenset({"model", "seed", "snapshot"})
_MAX_ERROR_CHARACTERS = 600


class DbtArtifactError(ValueError):
    """A `manifest.json` or `run_results.json` from which no closed list can be read."""


@dataclass(frozen=True)
class Refusal:
    """One reason why a run is not published.

    Attributes:
        check_id: The check.
        reason: Which way the gate was not satisfied.
        table: The table judged; empty if nobody answered.
        message_en: One sentence for people.
        message_es: The same in Spanish.
        sample: Failing rows, personal columns masked.
    """

    check_id: str
    reason: Reason
    table: str
    message_en: str
    message_es: str
    sample: tuple[dict[str, str], ...] = ()


@dataclass(frozen=True)
class Decision:
    """The gate's verdict on a run.

    Attributes:
        run_id: The run judged.
        refusals: Why not; empty if it may be published.
        warnings: Checks of severity warn that did not pass: published, and told.
    """

    run_id: str
    refusals: tuple[Refusal, ...]
    warnings: tuple[CheckResult, ...] = ()

    @property
    def published_allowed(self) -> bool:
        """Whether the run may be published."""
        return not self.refusals


def required_checks(manifest: Mapping[str, object], suites: Sequence[Suite]) -> set[str]:
    """The closed list of checks that must pass before a release.

    Args:
        manifest: dbt's `manifest.json`.
        suites: The declared expectation suites.

    Returns:
        Ids of every dbt data test of severity error, every expectation of severity error, and every
        shift check. Not dbt's unit tests: they judge code on rows of their own, and a change of
        code has to pass them before it gets here (`make test`).
    """
    tests = {
        unique_id: node
        for unique_id, node in _section(manifest, "nodes").items()
        if node.get("resource_type") == "test"
    }
    if not tests:
        raise DbtArtifactError(
            "The dbt manifest is one without a single data test, so it is of another project. "
            "Build it again with `dbt parse`."
        )
    required = set(SHIFT_CHECK_IDS)
    required.update(name for name, node in tests.items() if _severity(node) == "error")
    for suite in suites:
        required.update(
            expectation.check_id
            for expectation in suite.expectations
            if expectation.severity == "error"
        )
    return required


def decide(run_id: str, required: Collection[str], results: Sequence[CheckResult]) -> Decision:
    """Judge a run's answers against the closed list.

    Args:
        run_id: The run that wants to publish.
        required: Ids of the checks that must have passed, from `required_checks`.
        results: Every answer there is.

    Returns:
        The verdict. Published is allowed only if each required check answered for this run, as an
        error-severity check, without contradicting itself, and passed; and no other answer of
        severity error failed.
    """
    refusals: list[Refusal] = []
    if not required:
        refusals.append(
            Refusal(
                check_id="gate",
                reason="no_list",
                table="",
                message_en="The list of required checks is empty, so nothing proves this run. "
                "Build the dbt manifest (`dbt parse`) and run again.",
                message_es="La lista de controles obligatorios está vacía, así que nada respalda "
                "esta corrida. Genere el manifest de dbt (`dbt parse`) y vuelva a correr.",
            )
        )
    answers: dict[str, list[CheckResult]] = defaultdict(list)
    for result in results:
        if result.run_id == run_id:
            answers[result.check_id].append(result)
        else:
            refusals.append(_of_another_run(run_id, result))
    for check_id in sorted(required):
        refusal = _judge_required(run_id, check_id, answers.get(check_id, []))
        if refusal is not None:
            refusals.append(refusal)
    for check_id in sorted(set(answers) - set(required)):
        failed = [
            each for each in answers[check_id] if not each.passed and each.severity == "error"
        ]
        if failed:
            refusals.append(_failed(failed[0]))
    return Decision(
        run_id=run_id,
        refusals=tuple(refusals),
        warnings=tuple(each for each in results if each.severity == "warn" and not each.passed),
    )


def dbt_results(
    run_results: Mapping[str, object],
    manifest: Mapping[str, object],
    *,
    run_id: str,
    warehouse: Path | None = None,
) -> list[CheckResult]:
    """Translate dbt's `run_results.json` into answers.

    Args:
        run_results: dbt's `run_results.json`; models and seeds that were built are passed over.
        manifest: The `manifest.json` of the same invocation.
        run_id: The run these results belong to.
        warehouse: Where to fetch failing rows of failed data tests; without it, no sample.

    Returns:
        One answer a test. Only the status `pass` passes: a test that was skipped because its model
        failed, or that ended in an error, has not proved anything. Before them, one a model or seed
        that could not be built, which is why others did not answer.
    """
    nodes = _section(manifest, "nodes")
    unit_tests = _section(manifest, "unit_tests")
    answers = []
    not_built = []
    for entry in _entries(run_results):
        unique_id = str(entry.get("unique_id"))
        node = nodes.get(unique_id)
        if node and node.get("resource_type") in _BUILT and entry.get("status") == "error":
            not_built.append(_not_built(unique_id, node=node, entry=entry, run_id=run_id))
            continue
        if unique_id in unit_tests:
            node = unit_tests[unique_id]
        elif node is None or node.get("resource_type") != "test":
            if unique_id.startswith(("test.", "unit_test.")):
                # A test that the manifest does not know: manifest and results are of two builds.
                node = {}
            else:
                continue
        answers.append(
            _dbt_answer(
                unique_id, node=node, nodes=nodes, entry=entry, run_id=run_id, warehouse=warehouse
            )
        )
    return [*not_built, *answers]


def sample_failing_rows(warehouse: Path, compiled_sql: str) -> tuple[dict[str, str], ...]:
    """The first failing rows of a test, for people, with personal columns masked.

    Args:
        warehouse: The warehouse file; opened read-only.
        compiled_sql: The test's compiled query, which returns failing rows.

    Returns:
        Up to five rows. Where the query so much as mentions a personal column, text columns are
        masked unless their name is known to be harmless: dbt's `unique` test, for one, returns the
        value under the name `unique_field`.

    Raises:
        duckdb.Error: The query does not run.
    """
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return failing_rows(connection, compiled_sql)


def failing_rows(
    connection: duckdb.DuckDBPyConnection, query: str, values: Sequence[object] = ()
) -> tuple[dict[str, str], ...]:
    """`sample_failing_rows` on an open connection, with bound values."""
    query = query.strip().rstrip(";")
    cursor = connection.cursor().execute(
        f"select * from (\n{query}\n) limit {MAX_SAMPLE_ROWS}", list(values)
    )
    described = [(str(each[0]), str(each[1])) for each in cursor.description or ()]
    rows = cursor.fetchall()
    names = [name for name, _ in described]
    personal = set(MASKED_COLUMNS)
    words = set(re.findall(r"[a-z_]+", query.lower()))
    if words & MASKED_COLUMNS:
        personal.update(
            name.lower()
            for name, kind in described
            if kind in {"VARCHAR", "STRING"} and not _HARMLESS_NAME.search(name.lower())
        )
    return masked_sample(
        [dict(zip(names, row, strict=True)) for row in rows], personal=frozenset(personal)
    )


def _judge_required(run_id: str, check_id: str, answers: Sequence[CheckResult]) -> Refusal | None:
    if not answers:
        return Refusal(
            check_id=check_id,
            reason="missing",
            table="",
            message_en=f"Check {check_id} gave no answer in run {run_id}: it was excluded, skipped "
            "or never started. A release needs its answer.",
            message_es=f"El control {check_id} no dio respuesta en la corrida {run_id}: se "
            "excluyó, se omitió o nunca arrancó. Una publicación necesita su respuesta.",
        )
    if len({each.passed for each in answers}) > 1:
        return Refusal(
            check_id=check_id,
            reason="contradicts_itself",
            table=answers[0].table,
            message_en=f"Check {check_id} both passed and failed in run {run_id}. Run it again in "
            "a run of its own.",
            message_es=f"El control {check_id} pasó y falló en la misma corrida {run_id}. "
            "Repítalo en una corrida aparte.",
            sample=next((each.sample for each in answers if not each.passed), ()),
        )
    answer = answers[0]
    if not answer.passed:
        return _failed(answer)
    if any(each.severity != "error" for each in answers):
        return Refusal(
            check_id=check_id,
            reason="downgraded",
            table=answer.table,
            message_en=f"Check {check_id} is required, but answered as a mere warning. Severity is "
            "declared with the check, not where it runs.",
            message_es=f"El control {check_id} es obligatorio, pero respondió como simple aviso. "
            "La severidad se declara con el control, no donde se ejecuta.",
        )
    return None


def _failed(answer: CheckResult) -> Refusal:
    return Refusal(
        check_id=answer.check_id,
        reason="failed",
        table=answer.table,
        message_en=answer.message_en,
        message_es=answer.message_es,
        sample=answer.sample,
    )


def _of_another_run(run_id: str, result: CheckResult) -> Refusal:
    whose_en = f"run {result.run_id}" if result.run_id else "no run at all"
    whose_es = f"la corrida {result.run_id}" if result.run_id else "ninguna corrida"
    return Refusal(
        check_id=result.check_id,
        reason="other_run",
        table=result.table,
        message_en=f"The answer of check {result.check_id} belongs to {whose_en}, not to "
        f"{run_id}: it judged other data.",
        message_es=f"La respuesta del control {result.check_id} pertenece a {whose_es}, no a "
        f"{run_id}: juzgó otros datos.",
    )


def _section(document: Mapping[str, object], name: str) -> Mapping[str, Mapping[str, object]]:
    """A part of the manifest; its absence would silently shorten the closed list."""
    section = document.get(name)
    if not isinstance(section, Mapping):
        raise DbtArtifactError(
            f"The dbt manifest has no `{name}`: it is not one, or of another dbt. Build it again "
            "with `dbt parse`."
        )
    return section


def _entries(run_results: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    entries = run_results.get("results")
    if not isinstance(entries, list):
        raise DbtArtifactError("The dbt run results have no `results`: build again.")
    return entries


def _severity(node: Mapping[str, object]) -> Severity:
    """A test's severity. What is not clearly `warn` is an error."""
    config = node.get("config")
    declared = config.get("severity") if isinstance(config, Mapping) else None
    return "warn" if str(declared).lower() == "warn" else "error"


def _tested_table(node: Mapping[str, object], nodes: Mapping[str, Mapping[str, object]]) -> str:
    """The relations a test judges, as `schema.table`."""
    attached = node.get("attached_node")
    depends_on = node.get("depends_on")
    parents = depends_on.get("nodes", []) if isinstance(depends_on, Mapping) else []
    candidates = [str(attached)] if attached else [str(parent) for parent in parents]
    tables = []
    for unique_id in candidates:
        model = nodes.get(unique_id)
        if model is None:
            tables.append(".".join(unique_id.split(".")[-2:]))
        else:
            tables.append(f"{model.get('schema')}.{model.get('alias') or model.get('name')}")
    return ", ".join(tables)


def _not_built(
    unique_id: str, *, node: Mapping[str, object], entry: Mapping[str, object], run_id: str
) -> CheckResult:
    """The answer of a model or seed that could not be built, in the words of dbt and the engine."""
    table = f"{node.get('schema')}.{node.get('alias') or node.get('name')}"
    said = " ".join(str(entry.get("message") or "").split())[:_MAX_ERROR_CHARACTERS]
    return CheckResult(
        check_id=unique_id,
        kind="dbt_test",
        table=table,
        severity="error",
        passed=False,
        message_en=f"{table} could not be built. {said}".strip(),
        message_es=f"No se pudo construir {table}. {said}".strip(),
        run_id=run_id,
    )


def _dbt_answer(
    unique_id: str,
    *,
    node: Mapping[str, object],
    nodes: Mapping[str, Mapping[str, object]],
    entry: Mapping[str, object],
    run_id: str,
    warehouse: Path | None,
) -> CheckResult:
    status = str(entry.get("status"))
    failures = entry.get("failures")
    count = failures if isinstance(failures, int) and not isinstance(failures, bool) else None
    name = str(node.get("name") or unique_id)
    table = _tested_table(node, nodes)
    passed = status == "pass"
    sample: tuple[dict[str, str], ...] = ()
    if passed:
        message_en, message_es = f"dbt test {name} passed.", f"La prueba dbt {name} pasó."
    elif status in {"fail", "warn"}:
        message_en = (
            f"dbt test {name} found {count if count is not None else 'failing'} row(s) in {table}."
        )
        message_es = (
            f"La prueba dbt {name} encontró {count if count is not None else 'varias'} fila(s) con "
            f"problema en {table}."
        )
        sample, note_en, note_es = _dbt_sample(unique_id, entry, warehouse)
        message_en, message_es = message_en + note_en, message_es + note_es
    else:
        said = " ".join(str(entry.get("message") or "").split())
        message_en = f"dbt test {name} on {table} did not answer (status {status}). {said}".strip()
        message_es = (
            f"La prueba dbt {name} sobre {table} no dio respuesta (estado {status}). {said}".strip()
        )
    return CheckResult(
        check_id=unique_id,
        kind="dbt_test",
        table=table,
        severity=_severity(node),
        passed=passed,
        message_en=message_en,
        message_es=message_es,
        failed_count=count,
        sample=sample,
        run_id=run_id,
    )


def _dbt_sample(
    unique_id: str, entry: Mapping[str, object], warehouse: Path | None
) -> tuple[tuple[dict[str, str], ...], str, str]:
    """Failing rows, or why there are none to show; and how to see them all."""
    compiled = entry.get("compiled_code")
    how_en = f" See them all: `dbt show --inline` with the compiled query of {unique_id}."
    how_es = f" Para verlas todas: `dbt show --inline` con la consulta compilada de {unique_id}."
    if warehouse is None or not isinstance(compiled, str) or unique_id.startswith("unit_test."):
        return (), how_en, how_es
    try:
        return sample_failing_rows(warehouse, compiled), how_en, how_es
    except duckdb.Error as error:
        said = " ".join(str(error).split())[:200]
        return (
            (),
            f"{how_en} (No sample: {said})",
            f"{how_es} (Sin muestra: {said})",
        )
