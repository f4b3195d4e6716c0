"""What ingest answers: problems and the outcome of a day, as plain frozen data.

What lives here: the shapes that other stages read. What may not: I/O, or the wording of reasons
(`reasons`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from orchestration.contracts.drift_rules import DriftKind
from orchestration.settings import Language

TOO_LATE = "too_late"
"""The rule of rows that came after the lateness horizon. They wait, and never refuse their day."""

_DAY = "dt="

Outcome = Literal["accepted", "unchanged", "nothing_landed", "refused", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was refused or passed over, once per (file, rule, column).

    `row` is the first row concerned (1 = first data row), None where the whole file is meant.
    `file` is the landed name, or `dt=YYYY-MM-DD` where the whole day is meant. `count` is the
    number of rows, or 1 for a file.
    """

    file: str
    row: int | None
    rule: str
    column: str | None
    count: int
    reason_en: str
    reason_es: str

    @property
    def is_of_day(self) -> bool:
        """Whether it is about the day as a whole."""
        return self.file.startswith(_DAY)


def day_name(day: date) -> str:
    """How a day as a whole is called where a file's name stands, and its folder."""
    return f"{_DAY}{day.isoformat()}"


@dataclass(frozen=True, slots=True)
class DriftFinding:
    """One respect in which a day differs from the good days before it.

    `action`: it was told (`warn`), it refused the day (`refuse`), or a person took it for the new
    normal (`accepted`). `last_good_day` is the last arrival day that did not differ so; None where
    there is none.
    """

    kind: DriftKind
    column: str
    action: Literal["warn", "refuse", "accepted"]
    what_en: str
    what_es: str
    last_good_day: date | None = None

    def told(self, language: Language) -> str:
        """The finding in words, the last good day beside it."""
        if language == "es":
            good = "" if self.last_good_day is None else f" Último día bueno: {self.last_good_day}."
            return f"{self.what_es}{good}"
        good = "" if self.last_good_day is None else f" Last good day: {self.last_good_day}."
        return f"{self.what_en}{good}"


@dataclass(frozen=True, slots=True)
class DayResult:
    """How one feed's arrival day went.

    `rows_read = rows_accepted + rows_refused + rows_duplicate`, always: a refused day accepts
    nothing and refuses all it read. `revision` is the accepted one (of an earlier run where this
    day is unchanged), None where nothing was ever accepted or a person took it out. `sample` is a
    small Markdown table of accepted rows, personal columns masked; empty unless the outcome is
    `accepted`.
    """

    feed: str
    day: date
    outcome: Outcome
    revision: str | None = None
    rows_read: int = 0
    rows_accepted: int = 0
    rows_refused: int = 0
    rows_duplicate: int = 0
    min_event_at: datetime | None = None
    max_event_at: datetime | None = None
    problems: tuple[Problem, ...] = ()
    drift: tuple[DriftFinding, ...] = ()
    sample: str = ""


@dataclass(frozen=True, slots=True)
class ToldDrift:
    """One finding as it is told once a run: on which day first, and on how many days."""

    first: date
    days: int
    finding: DriftFinding


def drift_to_tell(results: Iterable[DayResult]) -> list[ToldDrift]:
    """What drifted on days that were just read, once for each kind and column.

    What refused its day comes first; what a person accepted is not told again.
    """
    told: dict[tuple[str, str], ToldDrift] = {}
    for result in results:
        for found in result.drift:
            if result.outcome not in {"accepted", "refused"} or found.action == "accepted":
                continue
            before = told.get((found.kind, found.column))
            first = ToldDrift(result.day, 1, found)
            told[found.kind, found.column] = (
                first if before is None else replace(before, days=before.days + 1)
            )
    return sorted(
        told.values(),
        key=lambda each: (each.finding.action != "refuse", each.first, each.finding.kind),
    )


@dataclass(frozen=True, slots=True)
class LandedDays:
    """The arrival days of a feed that have a folder in landing, and what else stands there."""

    days: tuple[date, ...]
    problems: tuple[Problem, ...] = ()


def why_refused(result: DayResult, language: Language) -> str:
    """Why a day was refused, in one or two sentences: the verdict, and the most frequent fault.

    The verdict alone ("67 of 67 rows were refused") does not tell a person what to correct. Late
    rows may be the most frequent, but they are no fault: no day is refused for them.
    """
    days = [problem for problem in result.problems if problem.is_of_day]
    faults = [
        problem for problem in result.problems if not problem.is_of_day and problem.rule != TOO_LATE
    ]
    said = [getattr(problem, f"reason_{language}") for problem in days[:1]]
    if faults:
        worst = max(faults, key=lambda problem: problem.count)
        row = {"en": "row", "es": "fila"}[language]
        where = worst.file if worst.row is None else f"{worst.file}, {row} {worst.row}"
        said.append(f"{where}: {getattr(worst, f'reason_{language}')}")
    return " ".join(said)
