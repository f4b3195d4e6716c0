"""The gate and the release: what the marts must satisfy, and their publication.

What lives here: the declared checks as Dagster asset checks that block, and the `release` asset,
which believes none of Dagster's colours: it asks for the closed list of required checks itself.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from orchestration import run_record
from orchestration.assets.resources import Home
from orchestration.checks import gate, shift
from orchestration.checks.evidence import load_evidence, record_evidence
from orchestration.checks.expectations import run_suites
from orchestration.checks.results import CheckResult
from orchestration.checks.suites import Suite
from orchestration.ingest.ledger import Ledger
from orchestration.release.pointer import current_release
from orchestration.release.publish import publish
from orchestration.settings import Settings
from orchestration.versions import code_version
from orchestration.warehouse import home_lock, last_build_id, release_inputs

logger = logging.getLogger("semillero.release")

GATE = "gate"
RELEASE = dg.AssetKey("release")


class GateConfig(dg.Config):
    """What a person said to the gate.

    Attributes:
        accept_shift: Why a shift of volumes or KPIs is real; it goes into the certificate.
    """

    accept_shift: str | None = None


def check_name(check_id: str) -> str:
    """A check's name in Dagster, which knows letters, digits and underscores only."""
    return check_id.replace(".", "__")


def _asset_of(table: str) -> dg.AssetKey:
    """The asset that a check judges: the first table it names, by its dbt asset key."""
    schema, _, name = table.split(",")[0].strip().partition(".")
    return dg.AssetKey([schema, name])


def build_gate(suites: Sequence[Suite]) -> dg.AssetChecksDefinition:
    """The declared expectations and the shift bounds as asset checks of the marts they judge."""
    specs = [
        dg.AssetCheckSpec(
            check_name(check.check_id),
            asset=_asset_of(check.table),
            blocking=check.severity == "error",
            description=check.name_en,
        )
        for check in gate.declared_checks(suites)
    ]

    @dg.multi_asset_check(name=GATE, specs=specs, pool="warehouse")
    def run_gate(
        context: dg.AssetCheckExecutionContext, config: GateConfig, home: Home
    ) -> Iterator[dg.AssetCheckResult]:
        settings = home.settings
        logger.info("Checking the marts: %d expectations and shift bounds ...", len(specs))
        with home_lock(settings, "checks of the marts"):
            results = [
                *run_suites(settings.warehouse, suites, parameters={}),
                *shift.run_shift_checks(
                    settings.warehouse,
                    current_release(settings),
                    accepted_shift=config.accept_shift,
                ),
            ]
        record_evidence(settings, context.run_id, results)
        for result in results:
            yield _as_dagster(result)

    return run_gate


def _as_dagster(result: CheckResult) -> dg.AssetCheckResult:
    is_error = result.severity == "error"
    return dg.AssetCheckResult(
        asset_key=_asset_of(result.table),
        check_name=check_name(result.check_id),
        passed=result.passed,
        severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
        metadata={
            "message": dg.MetadataValue.text(result.message_en),
            "mensaje": dg.MetadataValue.text(result.message_es),
            "sample": dg.MetadataValue.json(list(result.sample)),
        },
    )


def build_release(
    manifest: Mapping[str, Any], suites: Sequence[Suite], models: dg.AssetsDefinition
) -> dg.AssetsDefinition:
    """The published release, downstream of every model."""

    @dg.asset(
        key=RELEASE,
        deps=sorted(models.keys),
        group_name="release",
        kinds={"duckdb", "parquet"},
        pool="warehouse",
        description="The immutable folder that BI reads, made only when every required check "
        "answered for this run and passed.",
    )
    def release(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult[None]:
        settings = home.settings
        with home_lock(settings, "publication"):
            return publish_run(settings, context.run_id, manifest, suites)

    return release


def publish_run(
    settings: Settings, run_id: str, manifest: Mapping[str, Any], suites: Sequence[Suite]
) -> dg.MaterializeResult[None]:
    """Publish what this run built and checked, or refuse.

    Raises:
        dagster.Failure: The gate does not open; the description says why, and nothing is published.
    """
    results = load_evidence(settings, run_id)
    decision = gate.decide(run_id, gate.required_checks(manifest, suites), results)
    if not decision.published_allowed:
        reasons = "\n".join(f"* {refusal.message_en}" for refusal in decision.refusals)
        raise dg.Failure(description=f"The gate refused the release:\n{reasons}")
    if last_build_id(settings) != run_id:
        raise dg.Failure(
            description="The warehouse does not hold a whole build of this run: another run rebuilt "
            "it after the checks, or the build broke off. Run again.",
        )
    with Ledger(settings.ledger) as ledger:
        inputs = release_inputs(list(ledger.partitions()))
    made = publish(
        settings,
        run_id=run_id,
        inputs=inputs,
        code=code_version(),
        checks=results,
        now=datetime.now(UTC),
    )
    logger.info("Published %s", made.release_id)
    return dg.MaterializeResult(metadata={"release": made.release_id})
