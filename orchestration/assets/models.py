"""Raw to marts: the dbt project as Dagster assets, one build a run.

What lives here: how dbt nodes appear in Dagster, and the one invocation that builds them. What may
not: SQL.
"""

import contextlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.storage.tags import SCHEDULE_NAME_TAG
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliInvocation,
    dbt_assets,
)

from orchestration import run_record
from orchestration.assets.mirror import mirror_release
from orchestration.assets.resources import Dbt, Home, export_for_dbt
from orchestration.checks import freshness, gate
from orchestration.checks.contract_suites import contract_suites
from orchestration.checks.evidence import record_evidence
from orchestration.checks.results import CheckResult
from orchestration.contracts.loader import FeedContract
from orchestration.release.certificate import InputPartition
from orchestration.release.publish import matching_current
from orchestration.settings import Settings
from orchestration.versions import code_version
from orchestration.warehouse import (
    BuildPlan,
    finish_build,
    months_as_is,
    plan_build,
    release_inputs,
)

logger = logging.getLogger("semillero.models")

_SHOWN_FAILURES = 5


class Translator(DagsterDbtTranslator):
    """Names and groups of dbt nodes in Dagster."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The stage a model belongs to, so that the graph reads left to right."""
        if dbt_resource_props["resource_type"] == "seed":
            return "seeds"
        # "../models/marts/core/fct_live_sessions.sql": the folder below models is the stage.
        return Path(dbt_resource_props["original_file_path"]).parts[2]


def build_models(manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """The assets of every seed and model in the manifest, with their tests as checks."""

    @dbt_assets(
        manifest=manifest,
        name="models",
        dagster_dbt_translator=Translator(DagsterDbtTranslatorSettings(enable_asset_checks=True)),
    )
    def models(context: dg.AssetExecutionContext, dbt: Dbt, home: Home) -> Iterator[Any]:
        settings = home.settings
        inputs = release_inputs(settings, home.contracts)
        current = matching_current(
            settings,
            inputs=inputs,
            code=code_version(),
            months_as_is=months_as_is(settings),
        )
        if current:
            # Nothing is yielded, so the gate and the release have nothing to do either.
            logger.info("No input changed since the current release: nothing to build.")
            behind = mirror_release(
                settings, context.run.run_id, current.release_id, is_published=False
            )
            if behind:
                raise dg.Failure(description=behind, allow_retries=False)
            # The gate is not asked, and a morning on which everything stopped is just that.
            _tell_of_stopped_feeds(context, settings, home.contracts, inputs)
            return
        plan = plan_build(settings, home.contracts, context.run.run_id)
        logger.info(
            "Building the marts (new partitions: %d%s) ...", len(plan.pending), plan.why_anew
        )
        export_for_dbt(settings)
        invocation = _start(context, dbt, settings, plan)
        yield from _stream(invocation)
        run_results = _run_results(invocation)
        results = gate.dbt_results(
            run_results,
            manifest,
            run_id=context.run.run_id,
            warehouse=settings.warehouse,
        )
        if not invocation.is_successful():
            results = [*_broken_contracts(settings, home.contracts, context.run.run_id), *results]
        record_evidence(settings, context.run.run_id, results)
        if is_whole(manifest, run_results):
            finish_build(settings, plan)
        _raise_if_failed(invocation, results)

    return models


def _broken_contracts(
    settings: Settings, contracts: Mapping[str, FeedContract], run_id: str
) -> list[CheckResult]:
    """Contracts that what arrived does not keep: the cause, where a build failed because of them.

    After a build that failed the gate is not asked.
    """
    from orchestration.checks.expectations import run_suites

    results = run_suites(settings.warehouse, contract_suites(contracts), run_id=run_id)
    log_failed(results, settings)
    return [each for each in results if not each.passed]


def _tell_of_stopped_feeds(
    context: dg.AssetExecutionContext,
    settings: Settings,
    contracts: Mapping[str, FeedContract],
    inputs: Sequence[InputPartition],
) -> None:
    """Keep and log which feeds have stopped; fails where a contract says that this must not be."""
    accepted = [(each.feed, each.arrival_date) for each in inputs]
    judged = freshness.freshness(contracts, accepted, todays_morning(context.run))
    results = freshness.answers(judged, run_id=context.run.run_id)
    record_evidence(settings, context.run.run_id, results)
    log_failed(results, settings)
    stopped = [each for each in results if not each.passed and each.severity == "error"]
    if stopped:
        raise dg.Failure(
            description="\n".join(each.message_en for each in stopped), allow_retries=False
        )


def todays_morning(run: dg.DagsterRun) -> date | None:
    """Today, if a schedule started the run: only such a run claims to be this morning's."""
    return datetime.now(UTC).date() if SCHEDULE_NAME_TAG in run.tags else None


def log_failed(results: Sequence[CheckResult], settings: Settings) -> None:
    """Tell a person what did not pass, in the language of the screen."""
    for result in results:
        if not result.passed:
            level = logging.ERROR if result.severity == "error" else logging.WARNING
            message = getattr(result, f"message_{settings.language}")
            logger.log(level, "%s: %s", result.check_id, message)


def keys_by_table(manifest: Mapping[str, Any]) -> dict[str, dg.AssetKey]:
    """The asset of each model and seed, by `schema.table`."""
    translator = Translator()
    return {
        f"{node['schema']}.{node['name']}": translator.get_asset_key(node)
        for node in manifest["nodes"].values()
        if node["resource_type"] in {"model", "seed"}
    }


def _start(
    context: dg.AssetExecutionContext, dbt: Dbt, settings: Settings, plan: BuildPlan
) -> DbtCliInvocation:
    # Unit tests prove the code, on rows of their own; `make test` runs them. Every morning they
    # would say the same about other data, and cost more than the build.
    arguments = ["build", "--exclude-resource-type", "unit_test"]
    if plan.full_refresh:
        arguments.append("--full-refresh")
    target = run_record.run_folder(settings, context.run.run_id) / "dbt"
    return dbt.cli(arguments, context=context, target_path=target, raise_on_error=False)


def _stream(invocation: DbtCliInvocation) -> Iterator[Any]:
    """Pass dbt's events on to Dagster and tell a person now and then how far it is."""
    for count, event in enumerate(invocation.stream(), start=1):
        if count % 40 == 0:
            logger.info("  dbt: %d models and tests done ...", count)
        yield event


def _run_results(invocation: DbtCliInvocation) -> Mapping[str, Any]:
    path = invocation.target_path / "run_results.json"
    if not path.exists():
        raise dg.Failure(
            description="dbt ended without results, so nothing was checked and nothing is "
            f"published. Its log is {invocation.target_path / 'dbt.log'}; its last words: "
            f"{_last_words(invocation.target_path / 'dbt.log')}",
            allow_retries=False,
        )
    run_results: Mapping[str, Any] = json.loads(path.read_bytes())
    return run_results


def _last_words(log: Path) -> str:
    """The last error that dbt wrote into its log, else the log's last line."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    said = [line.strip() for line in lines if line.strip()][-1:]
    for line in lines:
        # One JSON object a line; a line that was cut off by the end is none.
        with contextlib.suppress(ValueError, KeyError, TypeError):
            event = json.loads(line)
            if event["info"]["level"] == "error":
                said = [event["info"]["msg"]]
    return " ".join(said[0].split()) if said else "none"


def is_whole(manifest: Mapping[str, Any], run_results: Mapping[str, Any]) -> bool:
    """Whether a build made every seed, model and snapshot of the project.

    Somebody can materialize a single model in the UI. That is no whole build: what it left out has
    still to see the new partitions.
    """
    wanted = {
        unique_id
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] in {"model", "seed", "snapshot"}
    }
    made = {each["unique_id"] for each in run_results["results"] if each["status"] == "success"}
    return wanted <= made


def _raise_if_failed(invocation: DbtCliInvocation, results: list[CheckResult]) -> None:
    if invocation.is_successful():
        return
    failed = [result for result in results if not result.passed and result.severity == "error"]
    shown = "\n".join(f"* {result.message_en}" for result in failed[:_SHOWN_FAILURES])
    raise dg.Failure(
        description=f"dbt build failed: {len(failed)} checks did not pass. Nothing is published.\n"
        f"{shown}",
        allow_retries=False,
    )
