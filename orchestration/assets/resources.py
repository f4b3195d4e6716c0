"""What assets are given: the home (settings and contracts) and dbt."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource
from packaging.version import Version, parse

from orchestration.contracts.loader import FeedContract, load_contracts
from orchestration.ingest.ledger import Ledger
from orchestration.ingest.publication import finish
from orchestration.run_record import alive, is_dead
from orchestration.settings import Settings, get_settings
from orchestration.warehouse import home_lock


class Home(dg.ConfigurableResource[Settings]):
    """The home folder that a run works in, and the contracts it works by.

    A run holds the home's lock from its first step to its last.
    """

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Any]:
        """Wait for another run that writes the home, then hold it until this run has ended.

        Were it given back between the steps, another run could rebuild the warehouse after this
        one's checks, and this one could not publish what it had checked. Dagster's own pools and
        limits of concurrent runs would not do: what a killed run held there it holds for ever.
        """
        if context.run is None or context.instance is None:
            raise ValueError("the home is a resource of runs")
        run_id = context.run.run_id
        with alive(self.settings, run_id), home_lock(self.settings, f"run {run_id}"):
            bury_dead_runs(context.instance, self.settings)
            with Ledger(self.settings.ledger) as ledger:
                finish(ledger, self.settings)
            yield self

    @property
    def settings(self) -> Settings:
        """The settings of the environment the run was started in."""
        return get_settings()

    @property
    def contracts(self) -> Mapping[str, FeedContract]:
        """The contract of each feed."""
        return load_contracts()


def bury_dead_runs(instance: dg.DagsterInstance, settings: Settings) -> None:
    """Mark runs as failed that Dagster believes to be running, and whose process is gone."""
    for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
        if is_dead(settings, run.run_id):
            instance.report_run_failed(run, "The run's process was killed. The next run heals it.")


class Dbt(DbtCliResource):
    """dagster-dbt's resource, without the `dbt --version` subprocess it starts in every run.

    The installed package knows its version; the subprocess costs seconds of imports.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return parse(version("dbt-core"))


def dbt_resource(settings: Settings) -> Dbt:
    """Dbt on this project, with the executable of this very environment."""
    project = os.fspath(settings.dbt_project_dir)
    beside = Path(sys.executable).with_name("dbt")
    return Dbt(
        project_dir=project,
        profiles_dir=project,
        dbt_executable=str(beside) if beside.exists() else "dbt",
    )


def export_for_dbt(settings: Settings) -> None:
    """Put what `profiles.yml` reads into the environment that dbt inherits."""
    os.environ["SEMILLERO_HOME"] = str(settings.home)
    os.environ["SEMILLERO_DUCKDB_MEMORY_LIMIT"] = settings.duckdb_memory_limit
