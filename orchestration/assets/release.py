"""The gate and the release: what the marts must satisfy, and their publication.

What lives here: the declared checks as Dagster asset checks that block, and the `release` asset,
which believes none of Dagster's colours: publication asks for the closed list of required checks.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg

from orchestration import run_record
from orchestration.assets.mirror import mirror_release
from orchestration.assets.models import log_failed, todays_morning
from orchestration.assets.resources import Home
from orchestration.checks import freshness, gate, shift
from orchestration.checks.drift import drift_checks
from orchestration.checks.evidence import load_evidence, record_evidence
from orchestration.checks.results import CheckResult
from orchestration.checks.suites import Suite
from orchestration.contracts.loader import FeedContract
from orchestration.release.errors import ReleaseError
from orchestration.release.pointer import Release, current_release
from orchestration.release.publish import publish
from orchestration.settings import Settings
from orchestration.versions import code_version
from orchestration.warehouse import last_build_id, months_as_is, release_inputs

logger = logging.getLogger("semillero.release")

GATE = "gate"
MIRROR = "mirror"
RELEASE = dg.AssetKey("release")

ACCEPT_SHIFT_TAG = "semillero/accept_shift"
"""Run tag with the reason why a shift of volumes or KPIs is real; it goes into the certificate."""


def build_gate(
    suites: Sequence[Suite],
    table_keys: Mapping[str, dg.AssetKey],
    contracts: Mapping[str, FeedContract],
) -> dg.AssetChecksDefinition:
    """Expectations, promised freshness and shift bounds as asset checks of what they judge.

    Args:
        suites: The declared expectations, and those that follow from the contracts.
        table_keys: The asset of each table, by `schema.table`; of `arrived`, the staging models.
        contracts: By feed.
    """
    specs = [
        dg.AssetCheckSpec(
            check_name(expectation.check_id),
            asset=table_keys[expectation.table],
            blocking=expectation.severity == "error",
            description=expectation.name_en,
        )
        for suite in suites
        for expectation in suite.expectations
    ] + [
        dg.AssetCheckSpec(
            check_name(check_id),
            asset=table_keys[table],
            blocking=True,
            description="Moved within bounds against the last release, or a person said why.",
        )
        for check_id, table in shift.SHIFT_CHECKS.items()
    ]
    specs += [
        dg.AssetCheckSpec(
            check_name(freshness.check_id(contract.feed)),
            asset=table_keys[f"arrived.{contract.feed}"],
            blocking=contract.freshness_severity == "error",
            description="The feed has not stopped.",
        )
        for contract in freshness.promising(contracts)
    ]
    assets = {str(spec.name): spec.asset_key for spec in specs}

    @dg.multi_asset_check(name=GATE, specs=specs)
    def run_gate(
        context: dg.AssetCheckExecutionContext, home: Home
    ) -> Iterator[dg.AssetCheckResult]:
        logger.info("Checking the marts: %d expectations and shift bounds ...", len(specs))
        results = judge_marts(
            home.settings,
            context.run.run_id,
            suites,
            contracts,
            accepted_shift=context.run.tags.get(ACCEPT_SHIFT_TAG),
            today=todays_morning(context.run),
        )
        for result in results:
            yield _as_dagster(result, assets)

    return run_gate


def judge_marts(
    settings: Settings,
    run_id: str,
    suites: Sequence[Suite],
    contracts: Mapping[str, FeedContract],
    *,
    accepted_shift: str | None,
    today: date | None,
) -> list[CheckResult]:
    """Run the declared checks and keep their answers as this run's evidence."""
    from orchestration.checks.expectations import run_suites

    current = current_release(settings)
    results = [
        *run_suites(settings.warehouse, suites, run_id=run_id),
        *shift.shift_checks(
            settings.warehouse,
            current.certificate if current else None,
            run_id=run_id,
            accepted_shift=accepted_shift,
        ),
        *freshness.freshness_checks(settings.warehouse, contracts, run_id=run_id, today=today),
    ]
    drifted = drift_checks(run_record.read_ingest(settings, run_id), run_id=run_id)
    record_evidence(settings, run_id, [*results, *drifted])
    log_failed(results, settings)
    return results


def check_name(check_id: str) -> str:
    """A check's name in Dagster, which knows letters, digits and underscores only."""
    return check_id.replace(".", "__")


def _as_dagster(result: CheckResult, assets: Mapping[str, dg.AssetKey]) -> dg.AssetCheckResult:
    is_error = result.severity == "error"
    return dg.AssetCheckResult(
        asset_key=assets[check_name(result.check_id)],
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
        description="The immutable folder that BI reads, made only when every required check "
        "answered for this run and passed.",
        check_specs=[
            dg.AssetCheckSpec(
                MIRROR,
                asset=RELEASE,
                description="The mirror in the bucket, where one is wanted, holds this release.",
            )
        ],
    )
    def release(
        context: dg.AssetExecutionContext, home: Home
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        try:
            made = publish_run(
                home.settings,
                home.contracts,
                context.run.run_id,
                required=gate.required_checks(manifest, suites)
                | freshness.required_ids(home.contracts),
                accepted_shift=context.run.tags.get(ACCEPT_SHIFT_TAG),
            )
        except ReleaseError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        yield dg.MaterializeResult(
            metadata={
                "release": made.release_id,
                "marts": dg.MetadataValue.path(str(home.settings.current / "marts.duckdb")),
                "rows": dg.MetadataValue.json(
                    {name: mart.row_count for name, mart in made.certificate.marts.items()}
                ),
            }
        )
        # Last: the release stands and is told of, whatever becomes of its mirror.
        behind = mirror_release(
            home.settings, context.run.run_id, made.release_id, is_published=not made.is_unchanged
        )
        yield dg.AssetCheckResult(
            asset_key=RELEASE,
            check_name=MIRROR,
            passed=behind is None,
            severity=dg.AssetCheckSeverity.ERROR,
            metadata={
                "mirror": home.settings.release_url or "none wanted",
                "behind": behind or "no",
            },
        )
        if behind:
            raise dg.Failure(description=behind, allow_retries=False)

    return release


def publish_run(
    settings: Settings,
    contracts: Mapping[str, FeedContract],
    run_id: str,
    *,
    required: set[str],
    accepted_shift: str | None,
) -> Release:
    """Publish what this run built and checked.

    Raises:
        ReleaseError: The gate does not open, or the warehouse holds another build than the one
            that was checked. Nothing is published.
    """
    if last_build_id(settings) != run_id:
        raise ReleaseError(
            f"The warehouse does not hold a whole build of run {run_id}: another run rebuilt "
            "it after the checks, or the build broke off. Nothing was published; run again."
        )
    made = publish(
        settings,
        run_id=run_id,
        inputs=release_inputs(settings, contracts),
        code=code_version(),
        checks=load_evidence(settings, run_id),
        required=required,
        now=datetime.now(UTC),
        accepted_shift=accepted_shift,
        months_as_is=months_as_is(settings),
    )
    run_record.write_outcome(
        settings, run_id, {"release": made.release_id, "is_published": not made.is_unchanged}
    )
    logger.info("Published release %s", made.release_id)
    return made
