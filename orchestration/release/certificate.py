"""What a release says about itself: from which inputs and code, with which content, checked how.

What lives here: the certificate's shape, its seal, reading and writing it, and the facts that go
into it about code, engines and rules. What may not: making or moving releases.

A certificate carries the hash of itself over canonical JSON. The seal does not stop somebody who
recomputes it; it stops the edit by hand, the half copied file and the flipped bit, which are what
happens.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestration.release.atomic import write_bytes
from orchestration.release.errors import CertificateError
from orchestration.release.hashing import document_sha256, file_sha256
from orchestration.settings import PROJECT_ROOT

CERTIFICATE_NAME = "certificate.json"
FORMAT_VERSION = 1

_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class InputPartition:
    """One feed's arrival day that went into a release.

    Attributes:
        feed: The feed's name.
        arrival_date: The day of arrival (UTC).
        revision: The ingest ledger's hash of contract, files and options.
        files: (original name, sha256) of each landed file.
        accepted: Rows that went on.
        refused: Rows in quarantine.
        duplicate: Rows that repeated another in the same partition.
    """

    feed: str
    arrival_date: date
    revision: str
    files: tuple[tuple[str, str], ...]
    accepted: int
    refused: int
    duplicate: int


@dataclass(frozen=True)
class CodeVersion:
    """Which code made a release.

    Attributes:
        commit: The git commit, or None outside a checkout.
        fingerprint: Hash over models, seeds, macros, contracts and package, as they were run: a
            commit alone says nothing about local changes.
    """

    commit: str | None
    fingerprint: str


class _Strict(BaseModel):
    """Unknown or missing fields mean that somebody else wrote it: refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnFact(_Strict):
    """A published column."""

    name: str
    type: str


class TableFact(_Strict):
    """A published table: how many rows, which columns, and the hash of what they say."""

    row_count: _Count
    columns: tuple[ColumnFact, ...]
    content_hash: _Sha256


class FileFact(_Strict):
    """A published file."""

    sha256: _Sha256
    byte_count: _Count


class KpiFact(_Strict):
    """A key figure over the days that had settled when the release was made.

    Attributes:
        name: `live_seconds` or `diamonds`.
        total: Its sum over `fct_creator_days` up to and including `through_date`.
        through_date: The last local day that no ordinary arrival was still to fill; None when
            there was none yet.
    """

    name: str
    total: int
    through_date: date | None


class CheckFact(_Strict):
    """A check's answer, as `CheckResult.to_json` writes it, without its sample rows.

    Sample rows stay with the run's evidence: a release is handed to people who may not see them.
    """

    check_id: str
    kind: Literal["dbt_test", "expectation", "shift", "contract"]
    table: str
    severity: Literal["error", "warn"]
    passed: bool
    message_en: str
    message_es: str
    failed_count: int | None
    run_id: str


class Certificate(_Strict):
    """Everything that a release can be asked about later.

    Attributes:
        format_version: Of this document.
        release_id: The name of the release's folder.
        created_at: When it was published (UTC).
        run_id: The run that made it, and whose evidence opened the gate.
        previous_release_id: What `current` was before, if anything.
        identity_hash: Hash of inputs, code, engines and rules. Equal identities give equal content
            hashes, so nothing is published for an identity that is current already.
        inputs: Each feed's arrival days, sorted.
        code: Which code.
        engines: Versions of what computed it.
        rules: sha256 of each seed file.
        months_as_is: Months whose valid LIVE days go by the rules of the last arrival day, like
            2026-07; all others go by those of their time.
        marts: The published marts.
        about: `release_info` and `quality_results`, which tell of this release only, so that their
            content differs between releases of equal marts.
        kpis: Key figures that the next run is compared with.
        files: Every file of the release except the certificate, by relative path.
        checks: Every answer that the gate judged.
        accepted_shift: Why a person let a shift pass, if one did.
        certificate_hash: Hash of all the above.
    """

    format_version: Literal[1]
    release_id: str
    created_at: datetime
    run_id: str
    previous_release_id: str | None
    identity_hash: _Sha256
    inputs: tuple[InputPartition, ...]
    code: CodeVersion
    engines: dict[str, str]
    rules: dict[str, _Sha256]
    # Certificates of before there was a choice do not have it.
    months_as_is: tuple[str, ...] = ()
    marts: dict[str, TableFact]
    about: dict[str, TableFact]
    kpis: tuple[KpiFact, ...]
    files: dict[str, FileFact]
    checks: tuple[CheckFact, ...]
    accepted_shift: str | None
    certificate_hash: _Sha256

    def computed_hash(self) -> str:
        """The hash that `certificate_hash` must hold."""
        return document_sha256(self.model_dump(mode="json", exclude={"certificate_hash"}))

    def sealed(self) -> Certificate:
        """The same certificate with the right hash of itself."""
        return self.model_copy(update={"certificate_hash": self.computed_hash()})

    def newest_arrivals(self) -> dict[str, date]:
        """The newest arrival day of each feed in this release."""
        newest: dict[str, date] = {}
        for partition in self.inputs:
            day = newest.get(partition.feed, partition.arrival_date)
            newest[partition.feed] = max(day, partition.arrival_date)
        return newest


def sorted_inputs(inputs: Sequence[InputPartition]) -> tuple[InputPartition, ...]:
    """Inputs in the certificate's order, refusing the same feed and day twice."""
    ordered = tuple(sorted(inputs, key=lambda each: (each.feed, each.arrival_date)))
    for before, after in pairwise(ordered):
        if (before.feed, before.arrival_date) == (after.feed, after.arrival_date):
            raise CertificateError(
                f"The inputs name feed {after.feed} of {after.arrival_date} twice. A release is "
                "made from one revision of each arrival day; ask the ledger for its last ones."
            )
    return ordered


def identity_hash(
    inputs: Sequence[InputPartition],
    code: CodeVersion,
    engines: dict[str, str],
    rules: dict[str, str],
    months_as_is: Sequence[str] = (),
) -> str:
    """The hash of all that determines what the marts say."""
    return document_sha256(
        {
            **({"months_as_is": list(months_as_is)} if months_as_is else {}),
            "inputs": [
                [each.feed, each.arrival_date.isoformat(), each.revision]
                for each in sorted_inputs(inputs)
            ],
            # The fingerprint, not the commit: a commit that changes the README changes no mart.
            "code": code.fingerprint,
            "engines": engines,
            "rules": rules,
        }
    )


def engine_versions() -> dict[str, str]:
    """Versions of what computes and judges a release."""
    packages = ("duckdb", "dbt-core", "dbt-duckdb", "great-expectations")
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def rule_hashes(folder: Path = PROJECT_ROOT / "seeds") -> dict[str, str]:
    """The sha256 of each seed file, by path below the seeds folder."""
    return {
        path.relative_to(folder).as_posix(): file_sha256(path)
        for path in sorted(folder.rglob("*.csv"))
    }


def write_certificate(folder: Path, certificate: Certificate) -> None:
    """Write a sealed certificate into a release's folder."""
    text = certificate.model_dump_json(indent=2)
    write_bytes(folder / CERTIFICATE_NAME, f"{text}\n".encode())


def read_certificate(folder: Path) -> Certificate:
    """Read and prove a release's certificate.

    Raises:
        CertificateError: It is missing, is not one, was changed after it was sealed, or belongs to
            another folder.
    """
    path = folder / CERTIFICATE_NAME
    advice = "Do not repair it by hand: point `current` to a whole release, or publish a new one."
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CertificateError(f"{path} cannot be read ({error.strerror}). {advice}") from error
    try:
        certificate = Certificate.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise CertificateError(
            f"{path} is not a certificate: {where}: {first['msg']}. {advice}"
        ) from error
    # Over the document as it stands, not over what it was read as: "5" and 5 read alike.
    document = json.loads(content)
    if document.pop("certificate_hash") != document_sha256(document):
        raise CertificateError(
            f"{path} was changed after it was sealed: its content does not match its hash. {advice}"
        )
    if certificate.release_id != folder.name:
        raise CertificateError(
            f"{path} belongs to release {certificate.release_id}, not to {folder.name}: the folder "
            f"was renamed or its certificate copied from another. {advice}"
        )
    return certificate
