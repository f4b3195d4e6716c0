"""What a run found out, on disk, so that publication can ask for it.

What lives here: writing and reading `runs/<run_id>/checks.json`. What may not: judging it
(`gate` does).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from orchestration.checks.results import CheckResult, EvidenceError
from orchestration.release.atomic import write_json
from orchestration.settings import Settings

_RUN_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$")

_FIELDS = {"run_id", "results"}


def valid_run_id(run_id: str) -> str:
    """The run id, if it is safe as a folder's name.

    Raises:
        EvidenceError: It holds anything but letters, digits, `_` and `-`.
    """
    if not _RUN_ID.match(run_id):
        raise EvidenceError(
            f"{run_id!r} is no run id: only letters, digits, '_' and '-' (it names a folder)."
        )
    return run_id


def evidence_path(settings: Settings, run_id: str) -> Path:
    """Where a run's evidence stands."""
    return settings.runs / valid_run_id(run_id) / "checks.json"


def record_evidence(settings: Settings, run_id: str, results: Iterable[CheckResult]) -> None:
    """Add answers to a run's evidence, each marked as this run's.

    Earlier answers stay: a check that failed and then passed in the same run has contradicted
    itself, and the gate must see both.
    """
    path = evidence_path(settings, run_id)
    known = load_evidence(settings, run_id) if path.exists() else []
    added = [result.stamped(run_id) for result in results]
    write_json(
        path, {"run_id": run_id, "results": [result.to_json() for result in [*known, *added]]}
    )


def load_evidence(settings: Settings, run_id: str) -> list[CheckResult]:
    """A run's answers; none if the run recorded none.

    Raises:
        EvidenceError: The file is not evidence, or is another run's.
    """
    path = evidence_path(settings, run_id)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    try:
        document = json.loads(content)
    except ValueError as error:
        raise EvidenceError(f"{path} is not JSON: {error}. Run the checks again.") from error
    if not isinstance(document, dict) or set(document) != _FIELDS:
        raise EvidenceError(f"{path} is not a run's evidence. Run the checks again.")
    if document["run_id"] != run_id:
        raise EvidenceError(
            f"{path} holds the evidence of run {document['run_id']!r}, not of {run_id!r}. Run the "
            "checks again."
        )
    if not isinstance(document["results"], list):
        raise EvidenceError(f"{path}: `results` is not a list. Run the checks again.")
    return [CheckResult.from_json(each) for each in document["results"]]
