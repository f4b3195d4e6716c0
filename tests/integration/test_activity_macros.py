"""Funnel, retention and lifecycle on random activities, against a reference in plain Python.

What lives here: hundreds of random histories with ties, repeats and exclusions; a reference that
tries every choice of activities (and, for strict order, every order of simultaneous ones); and what
must hold of any answer. What may not: published cases (tests/oracles).

All histories go through one query a question: a history is an entity.
"""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise, permutations, product

import duckdb
import pytest
from dbt_world import DbtWorld
from rendered_macros import render

HISTORIES = 600
START = datetime(2026, 1, 26, 22, tzinfo=UTC).replace(tzinfo=None)
HALF_SECOND = timedelta(milliseconds=500)

Entity = tuple[str, int]
Event = tuple[int, str]
"""An instant, in half seconds, and an activity."""
Steps = tuple[int | None, ...]
"""When each step was reached, in half seconds; None where it was not."""


# --- Random histories -----------------------------------------------------------------------------


def random_histories(seed: int, count: int = HISTORIES) -> dict[Entity, list[Event]]:
    """Short histories on few instants, so that ties, repeats and full windows are the rule."""
    dice = random.Random(seed)  # noqa: S311 - histories of a test, not secrets
    return {
        (f"world {number % 7}", number): [
            (dice.randrange(dice.choice([3, 8, 12])), dice.choice("AAABBBCCX"))
            for _ in range(dice.randrange(1, 9))
        ]
        for number in range(count)
    }


HISTORY = random_histories(20260126)


# --- Funnels --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """A call of `funnel`; intervals in seconds, one (least, most) a step."""

    steps: str
    window_seconds: int
    order: str = "ordered"
    exclusions: tuple[tuple[str, int, int], ...] = ()
    intervals: tuple[tuple[int | None, int | None], ...] = ()
    since: int | None = None
    occurrences: tuple[int, ...] = ()

    @property
    def call(self) -> str:
        """The macro call."""
        steps: list[object] = list(self.steps)
        if self.intervals or self.occurrences:
            none = [(None, None)] * len(self.steps)
            steps = [
                {"activity": activity, "occurrence": occurrence, "counted_from_step": self.since}
                | ({"not_before_seconds": least} if least is not None else {})
                | ({"within_seconds": most} if most is not None else {})
                for activity, occurrence, (least, most) in zip(
                    self.steps,
                    self.occurrences or [1] * len(self.steps),
                    self.intervals or none,
                    strict=True,
                )
            ]
        exclusions = [
            {"activity": activity, "after_step": first, "before_step": last}
            for activity, first, last in self.exclusions
        ]
        return (
            f"funnel('activities', ['world', 'creator'], {steps!r}, {self.window_seconds}, "
            f"order={self.order!r}, exclusions={exclusions!r})"
        )


def choices(events: Sequence[Event], question: Question) -> Iterator[list[Event]]:
    """Every way to take one activity for each of the first steps, in time and within the window."""
    window = 2 * question.window_seconds

    def go_on(taken: list[int]) -> Iterator[list[int]]:
        yield taken
        if len(taken) == len(question.steps):
            return
        for number, (instant, activity) in enumerate(events):
            if number in taken or activity != question.steps[len(taken)]:
                continue
            if taken and instant < events[taken[-1]][0]:
                continue
            if taken and instant - events[taken[0]][0] > window:
                continue
            yield from go_on([*taken, number])

    for taken in go_on([]):
        if taken:
            yield [events[number] for number in taken]


def attempts_ordered(events: Sequence[Event], question: Question) -> list[Steps]:
    """Of each first instant: the earliest that each step can be reached, over all choices."""
    earliest: dict[int, dict[int, int]] = defaultdict(dict)
    for chosen in choices(events, question):
        steps = earliest[chosen[0][0]]
        last = len(chosen)
        steps[last] = min(chosen[-1][0], steps.get(last, chosen[-1][0]))
    return [
        tuple(steps.get(step) for step in range(1, len(question.steps) + 1))
        for _, steps in sorted(earliest.items())
    ]


def attempts_strict(events: Sequence[Event], question: Question) -> list[Steps]:
    """The same over runs of neighbours, in every order of what is simultaneous."""
    instants: dict[int, list[str]] = defaultdict(list)
    for instant, activity in events:
        instants[instant].append(activity)
    earliest: dict[int, dict[int, int]] = defaultdict(dict)
    orders = [sorted(set(permutations(held))) for _, held in sorted(instants.items())]
    for order in product(*orders):
        row = [
            (instant, activity)
            for instant, held in zip(sorted(instants), order, strict=True)
            for activity in held
        ]
        for first in range(len(row)):
            run = row[first : first + len(question.steps)]
            for last, (instant, activity) in enumerate(run, start=1):
                is_late = instant - run[0][0] > 2 * question.window_seconds
                if activity != question.steps[last - 1] or is_late:
                    break
                steps = earliest[run[0][0]]
                steps[last] = min(instant, steps.get(last, instant))
    return [
        tuple(steps.get(step) for step in range(1, len(question.steps) + 1))
        for _, steps in sorted(earliest.items())
    ]


def attempts_unordered(events: Sequence[Event], question: Question) -> list[Steps]:
    """From each instant of a step: after which instants 1, 2, ... of the steps were done."""
    wanted = Counter(question.steps)
    attempts = []
    for first in sorted({instant for instant, activity in events if activity in wanted}):
        done: list[int] = []
        for last in sorted({instant for instant, _ in events}):
            if not first <= last <= first + 2 * question.window_seconds:
                continue
            held = Counter(activity for instant, activity in events if first <= instant <= last)
            done += [last] * ((wanted & held).total() - len(done))
        attempts.append((*done, *[None] * (len(question.steps) - len(done))))
    return attempts


def attempts_timed(events: Sequence[Event], question: Question) -> list[Steps]:
    """Ordered, with intervals and occurrences: each step at the first instant that fits."""
    occurrences = question.occurrences or (1,) * len(question.steps)
    intervals = question.intervals or ((None, None),) * len(question.steps)
    attempts = []
    for first in sorted({instant for instant, activity in events if activity == question.steps[0]}):
        left = sorted(events)
        left.remove((first, question.steps[0]))
        reached: list[int] = [first]
        for number in range(1, len(question.steps)):
            since = reached[-1 if question.since is None else question.since - 1]
            least, most = intervals[number]
            fitting = [
                event
                for event in left
                if event[1] == question.steps[number]
                and event[0] >= max(reached[-1], since + 2 * (least or 0))
            ][: occurrences[number]]
            if len(fitting) < occurrences[number]:
                break
            instant = fitting[-1][0]
            limit = math.inf if most is None else since + 2 * most
            if instant > min(limit, first + 2 * question.window_seconds):
                break
            for event in fitting:
                left.remove(event)
            reached.append(instant)
        attempts.append((*reached, *[None] * (len(question.steps) - len(reached))))
    return attempts


def is_spoilt(attempt: Steps, events: Sequence[Event], question: Question) -> bool:
    """Whether an excluded activity happened between its two steps, or until the window ended."""
    assert attempt[0] is not None
    for excluded, after_step, before_step in question.exclusions:
        since, until = attempt[after_step - 1], attempt[before_step - 1]
        if since is None:
            continue
        end = attempt[0] + 2 * question.window_seconds + 1 if until is None else until
        if any(since < instant < end for instant, activity in events if activity == excluded):
            return True
    return False


def expected_funnel(
    question: Question, histories: dict[Entity, list[Event]]
) -> dict[Entity, Steps]:
    """Each entity's best attempt; who has no unspoilt attempt is not in it."""
    attempts_of = {
        "ordered": attempts_ordered,
        "strict": attempts_strict,
        "unordered": attempts_unordered,
    }[question.order]
    if question.intervals or question.occurrences:
        attempts_of = attempts_timed
    best = {}
    for entity, events in histories.items():
        attempts = [
            attempt
            for attempt in attempts_of(events, question)
            if not is_spoilt(attempt, events, question)
        ]
        if attempts:
            best[entity] = max(attempts, key=depth)
    return best


def depth(attempt: Steps) -> int:
    """How many steps were reached; `max` by it keeps the first of equals, so the earliest."""
    return sum(instant is not None for instant in attempt)


PLAIN = [
    Question(steps, window, order)
    for steps in ("AB", "ABC", "AAB", "ABA", "ABBC", "CABA")
    for window in (1, 2, 4, 100)
    for order in ("strict", "ordered", "unordered")
]
EXCLUDING = [
    Question(steps, window, order, exclusions)
    for steps, exclusions in (
        ("AB", (("X", 1, 2),)),
        ("ABC", (("X", 1, 2),)),
        ("ABC", (("X", 2, 3),)),
        ("ABC", (("X", 1, 3),)),
        ("AAB", (("X", 1, 2), ("C", 2, 3))),
    )
    for window in (1, 3, 100)
    for order in ("strict", "ordered", "unordered")
]
TIMED = [
    Question("ABC", 4, intervals=((None, None), (1, None), (None, 2))),
    Question("ABC", 100, intervals=((None, None), (0, 2), (1, 1)), exclusions=(("X", 1, 3),)),
    Question("ABC", 100, intervals=((None, None), (1, 2), (2, 4)), since=1),
    Question("ABA", 5, intervals=((None, None), (None, None), (2, None)), since=1),
    Question("AABC", 9, intervals=((None, None),) * 3 + ((2, 4),), occurrences=(1, 2, 1, 1)),
    Question("AB", 100, occurrences=(1, 2)),
    Question("ABC", 4, occurrences=(1, 3, 1)),
    Question("ABC", 100, occurrences=(1, 3, 1)),
    Question("AAC", 100, occurrences=(1, 2, 2), intervals=((None, None), (1, 4), (None, 3))),
]
QUESTIONS = [*PLAIN, *EXCLUDING, *TIMED]


@dataclass(frozen=True)
class Asked:
    """The macros' SQL and a place to run it."""

    connection: duckdb.DuckDBPyConnection
    sql: dict[str, str]

    def activities(self, histories: dict[Entity, list[Event]]) -> None:
        """Put histories in the table."""
        self.connection.execute(
            "create or replace table activities "
            "(world varchar, creator bigint, activity varchar, occurred_at timestamp, "
            "local_date date)"
        )
        self.connection.executemany(
            "insert into activities values (?, ?, ?, ?, ?)",
            [
                [*entity, activity, START + instant * HALF_SECOND, day_of(instant)]
                for entity, events in histories.items()
                for instant, activity in events
            ],
        )

    def funnel(self, question: Question) -> dict[Entity, Steps]:
        """The macro's answer, in half seconds; checks what each row says twice."""
        answer: dict[Entity, Steps] = {}
        for row in self.connection.execute(self.sql[question.call]).fetchall():
            world, creator, entered_at, reached_count, *steps = row
            assert entered_at == steps[0]
            reached = tuple(
                None if step is None else round((step - START) / HALF_SECOND) for step in steps
            )
            assert reached_count == depth(reached)
            assert None not in reached[:reached_count]
            assert (world, creator) not in answer
            answer[world, creator] = reached
        return answer

    def rows(self, call: str) -> list[tuple[object, ...]]:
        """The rows of a call."""
        return self.connection.execute(self.sql[call]).fetchall()


def day_of(instant: int) -> date:
    """A day for an instant: histories span weeks and months there, with gaps."""
    return START.date() + timedelta(days=instant * instant)


# --- Retention and lifecycle ----------------------------------------------------------------------

GRAINS = ("day", "week", "month")


def retention_call(grain: str, start: str, back: str, mode: str, recurrence: str) -> str:
    """A call of `retention`; `.` stands for any activity."""
    starts, returns = ("none" if name == "." else repr(name) for name in (start, back))
    return (
        f"retention('activities', ['world', 'creator'], {starts}, {returns}, {grain!r}, "
        f"mode={mode!r}, recurrence={recurrence!r})"
    )


def lifecycle_call(grain: str, activity: str) -> str:
    """A call of `lifecycle`; `.` stands for any activity."""
    name = "none" if activity == "." else repr(activity)
    return f"lifecycle('activities', ['world', 'creator'], {name}, {grain!r})"


def period_number(grain: str, day: date) -> int:
    """Periods since some beginning."""
    if grain == "day":
        return day.toordinal()
    if grain == "week":
        return (day.toordinal() - 1) // 7
    return day.year * 12 + day.month


def first_day(grain: str, number: int) -> date:
    """The first day of a period."""
    if grain == "day":
        return date.fromordinal(number)
    if grain == "week":
        return date.fromordinal(number * 7 + 1)
    return date((number - 1) // 12, (number - 1) % 12 + 1, 1)


def periods_in(events: Sequence[Event], activity: str, grain: str) -> set[int]:
    """In which periods an activity happened."""
    return {
        period_number(grain, day_of(instant)) for instant, name in events if activity in (name, ".")
    }


RETENTIONS = list(
    product(GRAINS, ("A", "."), ("A", "B", "."), ("on", "on_or_after"), ("first", "recurring"))
)
LIFECYCLES = list(product(GRAINS, ("A", ".")))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> DbtWorld:
    """The project, parsed once."""
    return DbtWorld(tmp_path_factory.mktemp("macros"))


@pytest.fixture(scope="module")
def asked(world: DbtWorld) -> Iterator[Asked]:
    """Every call of this file, rendered once."""
    calls = [
        *(question.call for question in QUESTIONS),
        *(retention_call(*arguments) for arguments in RETENTIONS),
        *(lifecycle_call(*arguments) for arguments in LIFECYCLES),
    ]
    sql = render(calls, world)
    with duckdb.connect() as connection:
        asked = Asked(connection, dict(zip(calls, sql, strict=True)))
        asked.activities(HISTORY)
        yield asked


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_a_funnel_is_what_trying_every_choice_finds(question: Question, asked: Asked) -> None:
    found, expected = asked.funnel(question), expected_funnel(question, HISTORY)
    differing = [
        (HISTORY[entity], expected.get(entity), found.get(entity))
        for entity in HISTORY
        if found.get(entity) != expected.get(entity)
    ]
    assert differing == []


def test_the_histories_are_hard_enough() -> None:
    for steps in ("ABC", "ABBC", "AAB"):
        by_order = [
            expected_funnel(Question(steps, 2, order), HISTORY)
            for order in ("strict", "ordered", "unordered")
        ]
        full = [sum(depth(a) == len(steps) for a in found.values()) for found in by_order]
        assert 0 < full[0] < full[1] < full[2]
    plain = expected_funnel(Question("ABC", 3), HISTORY)
    excluding = expected_funnel(Question("ABC", 3, exclusions=(("X", 1, 3),)), HISTORY)
    assert 0 < len(excluding) < len(plain) < len(HISTORY)
    assert any(excluding[entity] != plain[entity] for entity in excluding)


@pytest.mark.parametrize("steps", sorted({question.steps for question in PLAIN}))
@pytest.mark.parametrize("window", [1, 2, 4, 100])
def test_strict_reaches_no_more_than_ordered_and_that_no_more_than_unordered(
    steps: str, window: int, asked: Asked
) -> None:
    orders = ("strict", "ordered", "unordered")
    found = [asked.funnel(Question(steps, window, order)) for order in orders]
    for narrow, wide in pairwise(found):
        assert all(depth(narrow[entity]) <= depth(wide[entity]) for entity in narrow)


@pytest.mark.parametrize(
    "question", [question for question in QUESTIONS if not question.intervals], ids=str
)
def test_a_longer_window_never_loses_a_conversion(question: Question, asked: Asked) -> None:
    longer = replace(question, window_seconds=100)
    short, long = asked.funnel(question), asked.funnel(longer)
    full = len(question.steps)
    for entity, attempt in short.items():
        # An exclusion has longer to happen, which spoils what is under way; what is done is done.
        if not question.exclusions or depth(attempt) == full:
            assert depth(long[entity]) >= depth(attempt)


def test_neither_the_order_of_rows_nor_names_of_creators_matter(asked: Asked) -> None:
    dice = random.Random(1)  # noqa: S311 - a shuffle
    numbers = list(range(HISTORIES))
    dice.shuffle(numbers)
    renamed = {entity: (entity[0], numbers[entity[1]] + 9_000) for entity in HISTORY}
    rows = [(renamed[entity], event) for entity, events in HISTORY.items() for event in events]
    dice.shuffle(rows)
    shuffled: dict[Entity, list[Event]] = defaultdict(list)
    for entity, event in rows:
        shuffled[entity].append(event)
    with duckdb.connect() as connection:
        again = Asked(connection, asked.sql)
        again.activities(shuffled)
        for question in QUESTIONS:
            before, after = asked.funnel(question), again.funnel(question)
            assert after == {renamed[entity]: attempt for entity, attempt in before.items()}


@pytest.mark.parametrize("arguments", RETENTIONS, ids="-".join)
def test_retention_is_what_looking_at_every_period_finds(
    arguments: tuple[str, str, str, str, str], asked: Asked
) -> None:
    grain, start, back, mode, recurrence = arguments
    expected = set()
    for entity, events in HISTORY.items():
        starts = sorted(periods_in(events, start, grain))
        returns = periods_in(events, back, grain)
        for cohort in starts[:1] if recurrence == "first" else starts:
            last = max(returns, default=cohort)
            for period in range(cohort, max(last, cohort) + 1):
                is_back = any(
                    later >= period if mode == "on_or_after" else later == period
                    for later in returns
                )
                if period == cohort or is_back:
                    days = first_day(grain, cohort), first_day(grain, period)
                    expected.add((*entity, days[0], period - cohort, days[1]))
    found = asked.rows(retention_call(*arguments))
    assert len(found) == len(set(found))
    assert set(found) == expected


@pytest.mark.parametrize("grain", GRAINS)
@pytest.mark.parametrize(("start", "back"), [("A", "A"), ("A", "B"), ("A", "."), (".", ".")])
@pytest.mark.parametrize("recurrence", ["first", "recurring"])
def test_retained_on_a_period_is_retained_on_or_after_it(
    grain: str, start: str, back: str, recurrence: str, asked: Asked
) -> None:
    on = set(asked.rows(retention_call(grain, start, back, "on", recurrence)))
    on_or_after = set(asked.rows(retention_call(grain, start, back, "on_or_after", recurrence)))
    assert on < on_or_after


@pytest.mark.parametrize(("grain", "activity"), LIFECYCLES)
def test_lifecycle_is_what_looking_at_every_period_finds(
    grain: str, activity: str, asked: Asked
) -> None:
    expected = set()
    for entity, events in HISTORY.items():
        active = periods_in(events, activity, grain)
        for period in range(min(active, default=1), max(active, default=0) + 2):
            if period in active:
                state = "resurrected"
                if period - 1 in active:
                    state = "retained"
                elif period == min(active):
                    state = "new"
                expected.add((*entity, first_day(grain, period), state))
            elif period - 1 in active:
                expected.add((*entity, first_day(grain, period), "churned"))
    found = asked.rows(lifecycle_call(grain, activity))
    assert len(found) == len(set(found))
    assert set(found) == expected


@pytest.mark.parametrize(("grain", "activity"), LIFECYCLES)
def test_active_creators_balance_from_period_to_period(
    grain: str, activity: str, asked: Asked
) -> None:
    counts: Counter[tuple[int, str]] = Counter()
    for *_, start, state in asked.rows(lifecycle_call(grain, activity)):
        assert isinstance(start, date)
        counts[period_number(grain, start), str(state)] += 1
    periods = [period for period, _ in counts]
    for period in range(min(periods), max(periods) + 1):
        now = {state: counts[period, state] for state in ("new", "retained", "resurrected")}
        before = sum(counts[period - 1, state] for state in now)
        active = sum(now.values())
        assert active == before - counts[period, "churned"] + now["new"] + now["resurrected"]
        assert now["retained"] == before - counts[period, "churned"]


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("funnel('a', 'c', ['A'], 60)", "at least two steps"),
        ("funnel('a', 'c', ['A', 'B'], 0)", "window_seconds is 0"),
        ("funnel('a', 'c', ['A', 'B'], 1.5)", "window_seconds is 1.5"),
        ("funnel('a', 'c', ['A', 'B'], 60, order='sorted')", "order is 'sorted'"),
        (
            "funnel('a', 'c', ['A', {'activity': 'B', 'within_seconds': 9}], 60, order='strict')",
            "intervals are for the later steps of an ordered funnel",
        ),
        (
            "funnel('a', 'c', [{'activity': 'A', 'occurrence': 2}, 'B'], 60)",
            "occurrence is for the later steps",
        ),
        (
            Question("AB", 60, exclusions=(("X", 2, 2),)).call,
            "an exclusion between steps 2 and 2",
        ),
        (
            Question("AB", 60, exclusions=(("B", 1, 2),)).call,
            "'B' is both a step and excluded",
        ),
        ("retention('a', 'c', 'A', 'B', 'week', mode='after')", "mode is 'after'"),
        ("retention('a', 'c', 'A', 'B', 'week', recurrence='ever')", "recurrence is 'ever'"),
        ("retention('a', 'c', 'A', 'B', 'quarter')", "grain is 'quarter'"),
        ("lifecycle('a', 'c', 'A', 'hour')", "grain is 'hour'"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(
    call: str, reason: str, world: DbtWorld, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RuntimeError):
        render([call], world)
    assert reason in capfd.readouterr().out
