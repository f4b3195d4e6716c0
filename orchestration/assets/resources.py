"""What assets are given: the home (settings and contracts) and dbt."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import dagster as dg
from dagster_dbt import DbtCliResource
from packaging.version import Version, parse

from orchestration.contracts.loader import FeedContract, load_contracts
from orchestration.settings import Settings, get_settings


class Home(dg.ConfigurableResource[Settings]):
    """The home folder that a run works in, and the contracts it works by."""

    @property
    def settings(self) -> Settings:
        """The settings of the environment the run was started in."""
        return get_settings()

    @property
    def contracts(self) -> Mapping[str, FeedContract]:
        """The contract of each feed."""
        return load_contracts()


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
