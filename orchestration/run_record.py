"""What a run leaves behind for people and for the screen: `runs/<run id>/`.

What lives here: the names and forms of these files, except the answers of checks, which
`checks.evidence` keeps in the same folder. What may not: judgement.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

from orchestration.checks.evidence import valid_run_id
from orchestration.ingest.results import DayResult, DriftFinding, Problem
from orchestration.release.atomic import write_bytes
from orchestration.settings import Settings

_INGEST_PREFIX = "ingest-"
_GONE_PREFIX = "gone-"
_OUTCOME = "outcome.json"
_ALIVE = "alive.lock"


def run_folder(settings: Settings, run_id: str) -> Path:
    """The folder of one run."""
    return settings.runs / valid_run_id(run_id)


@contextmanager
def alive(settings: Settings, run_id: str) -> Iterator[None]:
    """Show that the run's process lives, by a kernel lock that dies with it."""
    path = run_folder(settings, run_id) / _ALIVE
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def is_dead(settings: Settings, run_id: str) -> bool:
    """Whether the run said that it lives, and its process ended without saying that it ends."""
    path = run_folder(settings, run_id) / _ALIVE
    try:
        with path.open() as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
    except (FileNotFoundError, BlockingIOError):
        return False
    return True


def write_ingest(settings: Settings, run_id: str, feed: str, results: Sequence[DayResult]) -> None:
    """Keep what became of each arrival day of a feed."""
    rows = [dataclasses.asdict(result) for result in results]
    _write(run_folder(settings, run_id) / f"{_INGEST_PREFIX}{feed}.json", rows)


def read_ingest(settings: Settings, run_id: str) -> dict[str, list[DayResult]]:
    """What became of each arrival day, by feed."""
    found = sorted(run_folder(settings, run_id).glob(f"{_INGEST_PREFIX}*.json"))
    return {
        path.stem.removeprefix(_INGEST_PREFIX): [
            _day_result(row) for row in json.loads(path.read_text(encoding="utf-8"))
        ]
        for path in found
    }


def write_gone(settings: Settings, run_id: str, feed: str, days: Sequence[date]) -> None:
    """Keep which accepted days a run found to be gone from landing, and no run before it."""
    _write(run_folder(settings, run_id) / f"{_GONE_PREFIX}{feed}.json", list(days))


def read_gone(settings: Settings, run_id: str) -> dict[str, list[date]]:
    """The days that this run found to be gone from landing, by feed."""
    return {
        path.stem.removeprefix(_GONE_PREFIX): [
            date.fromisoformat(day) for day in json.loads(path.read_text(encoding="utf-8"))
        ]
        for path in sorted(run_folder(settings, run_id).glob(f"{_GONE_PREFIX}*.json"))
    }


def _day_result(row: dict[str, Any]) -> DayResult:
    read_back = {
        "day": date.fromisoformat(row["day"]),
        "problems": tuple(Problem(**problem) for problem in row["problems"]),
        "drift": tuple(_drift_finding(found) for found in row["drift"]),
    }
    for name in ("min_event_at", "max_event_at"):
        read_back[name] = datetime.fromisoformat(row[name]) if row[name] else None
    return DayResult(**{**row, **read_back})


def _drift_finding(row: dict[str, Any]) -> DriftFinding:
    good = row["last_good_day"]
    return DriftFinding(**{**row, "last_good_day": date.fromisoformat(good) if good else None})


def write_outcome(settings: Settings, run_id: str, outcome: Mapping[str, Any]) -> None:
    """Keep how publication ended."""
    _write(run_folder(settings, run_id) / _OUTCOME, dict(outcome))


def read_outcome(settings: Settings, run_id: str) -> dict[str, Any] | None:
    """How publication ended, None where the run did not get so far."""
    path = run_folder(settings, run_id) / _OUTCOME
    if not path.exists():
        return None
    outcome: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return outcome


def _write(path: Path, content: object) -> None:
    # Dates and times are the only values JSON has no word for; they read back as ISO text.
    text = json.dumps(content, ensure_ascii=False, indent=1, default=str)
    write_bytes(path, f"{text}\n".encode())
