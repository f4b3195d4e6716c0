"""The one typed settings object, and the only reader of the environment.

What lives here: every switch of the product, its default and its meaning, and the paths below the
home folder. What may not: I/O. `Settings` touches no file; whoever needs a folder makes it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parent.parent
"""The checkout: models, seeds and the dbt project stand beside the package."""


class Settings(BaseSettings):
    """All settings, read from `SEMILLERO_*` environment variables.

    Paths are properties below `home`, so that moving the home moves everything.
    """

    model_config = SettingsConfigDict(env_prefix="SEMILLERO_", frozen=True, extra="ignore")

    home: Path = Field(
        default=PROJECT_ROOT / "data",
        description="The folder below which everything lives: landing, raw, warehouse, releases.",
    )
    first_day: str = Field(
        default="2024-01-01",
        description="First arrival day of the partitions (YYYY-MM-DD).",
    )
    language: Literal["en", "es"] = Field(
        default="en", description="Language of what a person reads on the screen."
    )
    lateness_horizon_days: int = Field(
        default=35,
        ge=1,
        description="Rows whose event is older than this many days at arrival are too late.",
    )
    feed_timezones: dict[str, str] = Field(
        default_factory=dict,
        description="Time zone of the naive timestamps of a feed, by feed name (JSON object). "
        "Without an entry a naive timestamp is refused.",
    )
    duckdb_memory_limit: str = Field(
        default="4GB", description="DuckDB's memory limit, for ingest and for the warehouse."
    )
    duckdb_threads: int = Field(default=0, ge=0, description="DuckDB threads; 0 takes one a core.")
    max_decompressed_bytes: int = Field(
        default=64 * 1024**3,
        gt=0,
        description="A landed file that unpacks to more than this is refused.",
    )
    max_sheet_bytes: int = Field(
        default=128 * 1024**2,
        gt=0,
        description="A spreadsheet with a part that unpacks to more than this is refused.",
    )
    lock_wait_seconds: int = Field(
        default=600,
        ge=0,
        description="How long a run waits for another that is writing the warehouse.",
    )

    @field_validator("home")
    @classmethod
    def _absolute_without_glob(cls, value: Path) -> Path:
        home = value.expanduser().absolute()
        # DuckDB expands globs in every path it reads, quoted or not: such a home could not be read.
        if any(character in str(home) for character in "*?[]{}"):
            raise ValueError(
                f"the home folder {home} has one of * ? [ ] {{ }} in its path, which DuckDB reads "
                "as a pattern. Set SEMILLERO_HOME to a folder without them."
            )
        return home

    @property
    def landing(self) -> Path:
        """Somebody else's files: `landing/<feed>/dt=YYYY-MM-DD/`. Never modified."""
        return self.home / "landing"

    @property
    def raw(self) -> Path:
        """Ours: `raw/<feed>/dt=YYYY-MM-DD/data.parquet`."""
        return self.home / "raw"

    @property
    def quarantine(self) -> Path:
        """Refused rows: `quarantine/<feed>/dt=YYYY-MM-DD/rows.parquet`."""
        return self.home / "quarantine"

    @property
    def ledger(self) -> Path:
        """The ingest ledger, an SQLite file."""
        return self.home / "ledger.sqlite"

    @property
    def warehouse(self) -> Path:
        """The working DuckDB file: one writer at a time, never opened by BI."""
        return self.home / "warehouse.duckdb"

    @property
    def releases(self) -> Path:
        """What passed the gate, one immutable folder each."""
        return self.home / "releases"

    @property
    def current(self) -> Path:
        """The symlink that BI follows."""
        return self.home / "current"

    @property
    def scratch(self) -> Path:
        """Files in the making, on the home's file system so that they can be renamed into place."""
        return self.home / "scratch"

    @property
    def runs(self) -> Path:
        """What each run found out, by Dagster run id: the evidence that publication asks for."""
        return self.home / "runs"

    @property
    def dagster_home(self) -> Path:
        """Dagster's own storage."""
        return self.home / "dagster"

    @property
    def dbt_project_dir(self) -> Path:
        """Where `dbt_project.yml` and `profiles.yml` stand."""
        return PROJECT_ROOT / "dbt_project"


def get_settings() -> Settings:
    """The settings as the environment has them now."""
    return Settings()
