"""What Dagster loads: the parts, put together.

What lives here: `build_defs()`, which only merges. What may not: I/O at import, definitions, logic.
Loading reads the package's own declarations (contracts, suites, funnels and their like, the dbt
manifest) and touches nothing below the home folder.
"""

from __future__ import annotations

import dagster as dg

from orchestration.assets.jobs import build_daily_job, build_daily_schedule
from orchestration.assets.manifest import read_manifest
from orchestration.assets.models import build_models, keys_by_table
from orchestration.assets.raw import build_raw_assets
from orchestration.assets.release import build_gate, build_release
from orchestration.assets.resources import Home, dbt_resource
from orchestration.checks.contract_suites import contract_suites
from orchestration.checks.suites import load_suites
from orchestration.contracts.loader import load_contracts
from orchestration.declared.render import refuse_stale
from orchestration.settings import get_settings


def build_defs() -> dg.Definitions:
    """All definitions of Semillero.

    Raises:
        ContractError, DeclarationError, SuiteError, ManifestError: A declaration is wrong or
            missing; the message says which and what to do.
    """
    settings = get_settings()
    refuse_stale()
    manifest = read_manifest(settings)
    contracts = load_contracts()
    suites = (*contract_suites(contracts), *load_suites())
    models = build_models(manifest)
    table_keys = keys_by_table(manifest)
    # Who reads what arrived first. Checks of the raw assets themselves would have to come before
    # the build, and the gate comes after it.
    table_keys |= {f"arrived.{feed}": table_keys[f"staging.stg_raw__{feed}"] for feed in contracts}
    daily = build_daily_job()
    return dg.Definitions(
        assets=[
            *build_raw_assets(contracts, settings),
            models,
            build_release(manifest, suites, models),
        ],
        asset_checks=[build_gate(suites, table_keys, contracts)],
        jobs=[daily],
        schedules=[build_daily_schedule(daily)],
        resources={"home": Home(), "dbt": dbt_resource(settings)},
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The entry point of `dagster dev` and of the webserver."""
    return build_defs()
