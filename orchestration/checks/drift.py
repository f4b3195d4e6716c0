"""What drifted in a run, as answers beside those of the other checks.

What lives here: one answer of severity warn for each feed that was read. What may not: finding
drift (ingest does), or refusing anything: what must not pass was refused by ingest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestration.checks.results import CheckResult
from orchestration.ingest.results import DayResult, drift_to_tell

PREFIX = "drift."


def drift_checks(ingested: Mapping[str, Sequence[DayResult]], *, run_id: str) -> list[CheckResult]:
    """One answer a feed of which a day was read in this run.

    Args:
        ingested: What became of each arrival day, by feed.
        run_id: The run.
    """
    answers = []
    for feed, days in ingested.items():
        if not any(day.outcome == "accepted" for day in days):
            continue
        told = drift_to_tell(day for day in days if day.outcome == "accepted")
        said_en = " ".join(f"{each.first}: {each.finding.told('en')}" for each in told)
        said_es = " ".join(f"{each.first}: {each.finding.told('es')}" for each in told)
        answers.append(
            CheckResult(
                check_id=f"{PREFIX}{feed}",
                kind="contract",
                table=f"raw.{feed}",
                severity="warn",
                passed=not told,
                message_en=f"{feed} drifted. {said_en}" if told else f"{feed} did not drift.",
                message_es=f"Hay deriva en {feed}. {said_es}"
                if told
                else f"No hay deriva en {feed}.",
                failed_count=len(told),
                run_id=run_id,
            )
        )
    return answers
