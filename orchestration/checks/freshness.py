"""Has a feed stopped? Each feed against what its contract promises, and against the others.

What lives here: the judgement and its wording. What may not: coverage (which days a feed really
has, which is a matter of models) or the ledger's reading.

The clock is the newest accepted arrival day of all feeds, not the machine's: a day of March that is
run again in June finds the feeds as they stood, and a sample of last year is no alarm. Where a
schedule started the run, the clock is today: then it is a morning, and if everything stopped,
nothing else would say so. A day that was accepted without rows is an arrival; a feed that never
arrived is none that stopped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from orchestration.checks.results import CheckResult, Severity
from orchestration.contracts.loader import FeedContract

_TABLE = "ops.raw_partitions"


@dataclass(frozen=True)
class Freshness:
    """How fresh a feed is.

    Attributes:
        feed: The feed.
        last_good_date: Its newest accepted arrival day; None where it never arrived.
        clock_date: The day it is judged at.
        allowed_days: The most days there may be between the two.
        severity: What it means if there are more.
    """

    feed: str
    last_good_date: date | None
    clock_date: date | None
    allowed_days: float
    severity: Severity

    @property
    def silent_days(self) -> int:
        """Days since the last good one; 0 where there is none."""
        if self.last_good_date is None or self.clock_date is None:
            return 0
        return max(0, (self.clock_date - self.last_good_date).days)

    @property
    def has_stopped(self) -> bool:
        """Whether the feed broke its promise."""
        return self.silent_days > self.allowed_days

    @property
    def message_en(self) -> str:
        """One sentence for people."""
        if self.last_good_date is None:
            return f"{self.feed} has never arrived, so it cannot have stopped."
        if not self.has_stopped:
            return f"{self.feed} is as fresh as promised: last good day {self.last_good_date}."
        return (
            f"{self.feed} has stopped: its last good day is {self.last_good_date}, "
            f"{self.silent_days} days before {self.clock_date}; its contract allows "
            f"{self.allowed_days:g}. Ask whoever delivers it, and look for refused days: "
            "semillero status."
        )

    @property
    def message_es(self) -> str:
        """The same in Spanish."""
        if self.last_good_date is None:
            return f"{self.feed} nunca ha llegado, así que no puede haberse detenido."
        if not self.has_stopped:
            return (
                f"{self.feed} está tan al día como promete: último día bueno {self.last_good_date}."
            )
        return (
            f"{self.feed} se detuvo: su último día bueno es {self.last_good_date}, "
            f"{self.silent_days} días antes del {self.clock_date}; su contrato permite "
            f"{self.allowed_days:g}. Pregunte a quien la entrega y revise si hay días rechazados: "
            "semillero status."
        )


def check_id(feed: str) -> str:
    """The id of a feed's freshness check."""
    return f"freshness.{feed}"


def promising(contracts: Mapping[str, FeedContract]) -> tuple[FeedContract, ...]:
    """The contracts that promise freshness."""
    return tuple(each for each in contracts.values() if each.frequency_days is not None)


def required_ids(contracts: Mapping[str, FeedContract]) -> frozenset[str]:
    """The freshness checks without which nothing is released."""
    return frozenset(
        check_id(each.feed) for each in promising(contracts) if each.freshness_severity == "error"
    )


def freshness(
    contracts: Mapping[str, FeedContract],
    accepted: Iterable[tuple[str, date]],
    today: date | None = None,
) -> tuple[Freshness, ...]:
    """Judge every feed that promises freshness.

    Args:
        contracts: By feed.
        accepted: Feed and arrival day of each accepted partition.
        today: The day of a scheduled morning; None where the newest arrival of all is the clock.
    """
    newest: dict[str, date] = {}
    for feed, day in accepted:
        newest[feed] = max(day, newest.get(feed, day))
    days: Collection[date] = [*newest.values(), *([today] if today else [])]
    clock = max(days, default=None)
    return tuple(
        Freshness(
            feed=each.feed,
            last_good_date=newest.get(each.feed),
            clock_date=clock,
            allowed_days=(each.frequency_days or 0) + (each.latency_days or 0),
            severity=each.freshness_severity,
        )
        for each in promising(contracts)
    )


def freshness_checks(
    warehouse: Path,
    contracts: Mapping[str, FeedContract],
    *,
    run_id: str,
    today: date | None = None,
) -> list[CheckResult]:
    """One answer for each feed that promises freshness, from the partitions the build stands on.

    Args:
        warehouse: The warehouse file; opened read-only.
        contracts: By feed.
        run_id: The run these answers belong to.
        today: See `freshness`.
    """
    try:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            accepted = connection.execute(
                "select feed, max(arrival_date) from ops.raw_partitions group by feed"
            ).fetchall()
    except duckdb.Error as error:
        said = str(error).splitlines()[0]
        return [
            _answer(
                each.feed,
                each.freshness_severity,
                run_id,
                texts=(f"Could not be judged: {said}", f"No se pudo evaluar: {said}"),
                passed=False,
            )
            for each in promising(contracts)
        ]
    return answers(freshness(contracts, accepted, today), run_id=run_id)


def answers(judged: Iterable[Freshness], *, run_id: str) -> list[CheckResult]:
    """Judgements as the answers of checks."""
    return [
        _answer(
            each.feed,
            each.severity,
            run_id,
            texts=(each.message_en, each.message_es),
            passed=not each.has_stopped,
        )
        for each in judged
    ]


def _answer(
    feed: str, severity: Severity, run_id: str, *, texts: tuple[str, str], passed: bool
) -> CheckResult:
    return CheckResult(
        check_id=check_id(feed),
        kind="contract",
        table=_TABLE,
        severity=severity,
        passed=passed,
        message_en=texts[0],
        message_es=texts[1],
        run_id=run_id,
    )
