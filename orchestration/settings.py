"""The one typed settings object, and the only reader of the environment.

What lives here: every switch of the product, its default and its meaning, and the paths below the
home folder. What may not: I/O. `Settings` touches nothing below the home; whoever needs a folder
makes it.
"""

from __future__ import annotations

import re
import zoneinfo
from pathlib import Path
from typing import Literal, Self

from pydantic import (
    AliasChoices,
    ByteSize,
    Field,
    SecretStr,
    TypeAdapter,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parent.parent
"""The checkout: models, seeds and the dbt project stand beside the package."""

Language = Literal["en", "es"]
"""The languages in which a person reads what Semillero says."""

_SIZE = TypeAdapter(ByteSize)
_BUCKET_URL = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/(?!\.\.?(/|$))[A-Za-z0-9._=-]+)*")


class Settings(BaseSettings):
    """All settings, read from `SEMILLERO_*` environment variables.

    Paths are properties below `home`, so that moving the home moves everything.
    """

    model_config = SettingsConfigDict(
        env_prefix="SEMILLERO_", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    home: Path = Field(
        default=PROJECT_ROOT / "data",
        description="The folder below which everything lives: landing, raw, warehouse, releases.",
    )
    landing_url: str = Field(
        default="",
        description="Where files land if not below the home: s3://bucket or s3://bucket/folder. "
        "Credentials come from the AWS_* variables of the environment and are never a setting.",
    )
    release_url: str = Field(
        default="",
        description="Where each release is mirrored once it stands in the home, for readers of "
        "object storage: s3://bucket/folder. Empty mirrors nothing.",
    )
    first_day: str = Field(
        default="2024-01-01",
        description="First arrival day of the partitions (YYYY-MM-DD).",
    )
    language: Language = Field(
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
        default="4GB",
        description="DuckDB's memory limit, for ingest and for the warehouse, like 4GB or 512MB.",
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

    @field_validator("duckdb_memory_limit")
    @classmethod
    def _is_a_size(cls, value: str) -> str:
        _SIZE.validate_python(value)
        return value

    @field_validator("feed_timezones")
    @classmethod
    def _known_zones(cls, value: dict[str, str]) -> dict[str, str]:
        for feed, zone in value.items():
            if zone not in zoneinfo.available_timezones():
                raise ValueError(
                    f"{zone!r}, declared for {feed}, is not a time zone; "
                    "use an IANA name like America/Bogota."
                )
        return value

    @field_validator("landing_url", "release_url")
    @classmethod
    def _plain_bucket_url(cls, value: str) -> str:
        url = value.strip().rstrip("/")
        # Plain names only: DuckDB would read * ? [ ] as a pattern and ?name=value as an option that
        # sends the credentials elsewhere, and a URL is no place for credentials.
        if url and not _BUCKET_URL.fullmatch(url):
            raise ValueError(
                "not s3://bucket or s3://bucket/folder with letters, digits and . _ = - only. "
                "Credentials, region and endpoint belong into AWS_ACCESS_KEY_ID, "
                "AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL."
            )
        return url

    @model_validator(mode="after")
    def _apart(self) -> Self:
        landing, release = f"{self.landing_url}/", f"{self.release_url}/"
        if (
            self.landing_url
            and self.release_url
            and (landing.startswith(release) or release.startswith(landing))
        ):
            raise ValueError(
                "SEMILLERO_LANDING_URL and SEMILLERO_RELEASE_URL lie within each other: releases "
                "would be read as landed files. Give each a folder of its own."
            )
        return self

    @property
    def duckdb_memory_bytes(self) -> int:
        """DuckDB's memory limit as a number."""
        return _SIZE.validate_python(self.duckdb_memory_limit)

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


class BucketAccess(BaseSettings):
    """How to reach object storage: the usual AWS variables, and nothing but the environment.

    Not part of `Settings`, which is shown, compared and handed around. This is made where a
    connection is opened and forgotten there; what is secret in it prints as stars.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, populate_by_name=True
    )

    access_key_id: SecretStr = Field(
        default=SecretStr(""), validation_alias=AliasChoices("AWS_ACCESS_KEY_ID")
    )
    secret_access_key: SecretStr = Field(
        default=SecretStr(""), validation_alias=AliasChoices("AWS_SECRET_ACCESS_KEY")
    )
    session_token: SecretStr = Field(
        default=SecretStr(""), validation_alias=AliasChoices("AWS_SESSION_TOKEN")
    )
    region: str = Field(
        default="us-east-1", validation_alias=AliasChoices("AWS_REGION", "AWS_DEFAULT_REGION")
    )
    endpoint_url: str = Field(
        default="",
        validation_alias=AliasChoices("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
        description="http or https address of a server that is not Amazon's.",
    )
    ca_bundle: str = Field(
        default="",
        validation_alias=AliasChoices("AWS_CA_BUNDLE"),
        description="File with the certificates to trust; empty trusts the system's.",
    )


def get_settings() -> Settings:
    """The settings as the environment has them now."""
    return Settings()
