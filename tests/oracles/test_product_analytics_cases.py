"""The three macros on the published test cases of a product that computes the same things.

What lives here: how a case of the file becomes a macro call, and every figure of its `expected`,
one reader each. What may not: expectations of our own (tests/integration/test_activity_macros.py).
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import pytest
from dbt_world import DbtWorld
from rendered_macros import render

from orchestration.settings import PROJECT_ROOT

CASES_FILE = PROJECT_ROOT.parent / "shared" / "data" / "oracles" / "product_analytics_cases.json"
MISSING = f"the cases are not beside this checkout (../shared/data/oracles/{CASES_FILE.name})"
Case = Mapping[str, Any]
Result = list[dict[str, Any]]

CASES: list[Case] = (
    json.loads(CASES_FILE.read_text(encoding="utf-8"))["cases"] if CASES_FILE.exists() else []
)
_READ_OF_A_QUERY = {
    *("order", "steps", "window_seconds", "exclusions", "date_from", "date_to"),
    *("type", "interval", "week_start", "tz", "first", "last", "n", "target", "returning"),
}
EVENTS = """
select
    person,
    event as activity,
    occurred_at,
    cast(timezone($tz, timezone('UTC', occurred_at)) as date) as local_date
from (
    select
        unnest.person,
        unnest.event,
        timezone('UTC', cast(unnest.timestamp as timestamptz)) as occurred_at
    from unnest(from_json(
        $events, '[{"person": "VARCHAR", "event": "VARCHAR", "timestamp": "VARCHAR"}]'
    ))
)
where
    occurred_at >= coalesce(timezone('UTC', cast($date_from as timestamptz)), occurred_at)
    and occurred_at <= coalesce(timezone('UTC', cast($date_to as timestamptz)), occurred_at)
"""

pytestmark = pytest.mark.skipif(not CASES, reason=MISSING)


def macro_call(case: Case) -> str:
    """The macro call that answers a case, on a table `activities`."""
    query = case["query"]
    if case["kind"] == "funnel":
        exclusions = [
            {
                "activity": exclusion["event"],
                "after_step": exclusion["from_step"] + 1,
                "before_step": exclusion["to_step"] + 1,
            }
            for exclusion in query.get("exclusions", [])
        ]
        return (
            f"funnel('activities', 'person', {query['steps']!r}, {query['window_seconds']}, "
            f"order={query['order']!r}, exclusions={exclusions!r})"
        )
    if case["kind"] == "lifecycle":
        (activity,) = {event["event"] for event in case["events"]}
        return f"lifecycle('activities', 'person', {activity!r}, {query['interval']!r})"
    assert case["kind"] == "retention"
    target, returning = (
        "none" if name is None else repr(name) for name in (query["target"], query["returning"])
    )
    mode = "on_or_after" if query["type"] == "rolling" else "on"
    recurrence = "first" if query["type"] == "first_time" else "recurring"
    return (
        f"retention('activities', 'person', {target}, {returning}, {query['interval']!r}, "
        f"mode={mode!r}, recurrence={recurrence!r})"
    )


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    """The rows of every case's query."""
    queries = render(
        [macro_call(case) for case in CASES], DbtWorld(tmp_path_factory.mktemp("cases"))
    )
    found: dict[str, Result] = {}
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        for case, sql in zip(CASES, queries, strict=True):
            query = case["query"]
            connection.execute(
                f"create or replace table activities as {EVENTS}",
                {
                    "events": json.dumps(case["events"]),
                    "tz": query.get("tz", "UTC"),
                    "date_from": query.get("date_from"),
                    "date_to": query.get("date_to"),
                },
            )
            cursor = connection.execute(sql)
            names = [column[0] for column in cursor.description or []]
            found[case["id"]] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return found


# --- Funnels --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Funnel:
    """What a funnel's rows say, as the cases ask for it; steps are numbered from 1."""

    rows: Result
    steps_count: int

    def counts(self) -> list[int]:
        """How many reached each step."""
        steps = range(1, self.steps_count + 1)
        return [sum(row["steps_reached_count"] >= step for row in self.rows) for step in steps]

    def seconds(self, step: int) -> list[float]:
        """From the step before, of everybody who reached a step."""
        return [
            (row[f"step_{step}_at"] - row[f"step_{step - 1}_at"]).total_seconds()
            for row in self.rows
            if row[f"step_{step}_at"] is not None
        ]

    def of_steps(self, figure: Callable[[list[float]], float]) -> list[float | None]:
        """A figure of the seconds to each step; none to the first."""
        later = range(2, self.steps_count + 1)
        return [None, *(figure(self.seconds(step)) for step in later)]


FUNNEL_READERS: Mapping[str, Callable[[Funnel], object]] = {
    "counts": lambda funnel: funnel.counts(),
    "counts_first_last": lambda funnel: [funnel.counts()[0], funnel.counts()[-1]],
    "counts_from_step2": lambda funnel: funnel.counts()[1:],
    "step1_count": lambda funnel: funnel.counts()[0],
    "persons_step1": lambda funnel: sorted(row["person"] for row in funnel.rows),
    "avg_conversion_seconds": lambda funnel: funnel.of_steps(statistics.mean),
    "median_conversion_seconds": lambda funnel: funnel.of_steps(statistics.median),
    "avg_conversion_seconds_step2": lambda funnel: statistics.mean(funnel.seconds(2)),
    "median_conversion_seconds_step2": lambda funnel: statistics.median(funnel.seconds(2)),
}
"""Our answer to each figure that a funnel case expects."""


def funnel_answer(case: Case, rows: Result) -> dict[str, object]:
    """Our figures, by the names of the case."""
    funnel = Funnel(rows, len(case["query"]["steps"]))
    return {name: FUNNEL_READERS[name](funnel) for name in case["expected"]}


# --- Retention and lifecycle ----------------------------------------------------------------------


def periods_of(interval: str, first: date, count: int) -> list[date]:
    """So many periods from the one that holds a day; weeks start on Monday."""
    if interval == "day":
        return [first + timedelta(days=number) for number in range(count)]
    if interval == "week":
        monday = first - timedelta(days=first.weekday())
        return [monday + timedelta(weeks=number) for number in range(count)]
    months = [first.year * 12 + first.month - 1 + number for number in range(count)]
    return [date(month // 12, month % 12 + 1, 1) for month in months]


def retention_answer(case: Case, rows: Result) -> list[list[int]]:
    """The triangle: a row each period that could be a cohort's, up to the last period asked for."""
    query = case["query"]
    cohorts = periods_of(query["interval"], date.fromisoformat(query["first"]), query["n"])
    return [
        [
            sum(row["cohort_start_date"] == cohort and row["period_index"] == index for row in rows)
            for index in range(query["n"] - number)
        ]
        for number, cohort in enumerate(cohorts)
    ]


LIFECYCLE_STATES: Mapping[str, tuple[str, int]] = {
    "new": ("new", 1),
    "returning": ("retained", 1),
    "resurrecting": ("resurrected", 1),
    "dormant": ("churned", -1),
}
"""The case's word, ours, and the sign with which the case counts it."""


def lifecycle_answer(case: Case, rows: Result) -> dict[str, object]:
    """Our counts of each period, by the names of the case."""
    query = case["query"]
    last = date.fromisoformat(query["last"])
    candidates = periods_of(query["interval"], date.fromisoformat(query["first"]), 400)
    periods = [period for period in candidates if period <= last]
    states = {name: LIFECYCLE_STATES[name] for name in case["expected"]}
    return {
        name: [
            sign
            * sum(
                row["period_start_date"] == period and row["lifecycle_state"] == state
                for row in rows
            )
            for period in periods
        ]
        for name, (state, sign) in states.items()
    }


ANSWERS: Mapping[str, Callable[[Case, Result], object]] = {
    "funnel": funnel_answer,
    "retention": retention_answer,
    "lifecycle": lifecycle_answer,
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_a_published_case_comes_out_as_published(case: Case, answers: dict[str, Result]) -> None:
    assert ANSWERS[case["kind"]](case, answers[case["id"]]) == case["expected"]


def test_no_case_and_no_figure_of_a_case_goes_unread() -> None:
    assert len(CASES) == len({case["id"] for case in CASES}) == 21
    readers: Mapping[str, Sequence[str]] = {
        "funnel": list(FUNNEL_READERS),
        "lifecycle": list(LIFECYCLE_STATES),
    }
    for case in CASES:
        asked = case["expected"] if case["kind"] in readers else {}
        assert set(asked) <= set(readers.get(case["kind"], ())), case["id"]
        assert set(case["query"]) <= _READ_OF_A_QUERY, case["id"]
        # Weeks are from Monday everywhere; a case that asks for another start would be misread.
        assert case["query"].get("week_start", "monday") == "monday", case["id"]
    expected_kinds = {"funnel": 10, "lifecycle": 5, "retention": 6}
    kinds = [case["kind"] for case in CASES]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == expected_kinds


def test_a_wrong_answer_would_be_seen(answers: dict[str, Result]) -> None:
    by_id = {case["id"]: case for case in CASES}
    left_out = {
        "funnel_strict_basic": "p7",
        "lifecycle_day": "p3",
        "retention_rolling": "person3",
    }
    for case_id, person in left_out.items():
        case = by_id[case_id]
        short = [row for row in answers[case_id] if row["person"] != person]
        assert ANSWERS[case["kind"]](case, short) != case["expected"], case_id


def test_times_of_the_cases_are_read_as_utc() -> None:
    moments = {event["timestamp"] for case in CASES for event in case["events"]}
    assert all(datetime.fromisoformat(moment).utcoffset() == timedelta() for moment in moments)
