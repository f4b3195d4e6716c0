"""JSON lines are read fast where they are like each other, and alike wherever they are not.

Each world is read twice: as it is, and with every line looked at. Whatever stands in the last line,
below thousands that promise nothing of it, both must accept and refuse the same rows.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestration.ingest import DayResult, read
from tests.unit.ingest.landed_world import World, session, sessions

ROWS = 2_500  # more than the head that is looked at
LINES = {
    "a key that no other line has": json.dumps(session(ROWS) | {"mood": "feliz"}),
    "a key less": json.dumps({k: v for k, v in session(ROWS).items() if k != "title"}),
    "the keys in another order": json.dumps(dict(reversed(session(ROWS).items()))),
    "a key in capitals": json.dumps(session(ROWS) | {"LIKES": "4"}),
    "a key twice": json.dumps(session(ROWS))[:-1] + ', "likes": "7"}',
    "a number that is no whole one": json.dumps(session(ROWS) | {"likes": 12.7}),
    "a whole number with a point": json.dumps(session(ROWS) | {"likes": 12.0}),
    "a truth where a number should be": json.dumps(session(ROWS) | {"likes": True}),
    "a huge number": json.dumps(session(ROWS) | {"likes": 10**30}),
    "a number for a text": json.dumps(session(ROWS) | {"title": 1234567890123456789}),
    "a title that reads like an array": json.dumps(session(ROWS) | {"title": "[2026]"}),
    "a title in brackets": json.dumps(session(ROWS) | {"title": "[EN VIVO] sorteo"}),
    "an object for a text": json.dumps(session(ROWS) | {"title": {"es": "sorteo"}}),
    "an array for an id": json.dumps(session(ROWS) | {"creator_id": ["c1", "c2"]}),
    "nothing but null": "null",
    "no keys": "{}",
    "no object": "[1, 2]",
    "no JSON": '{"session_id": "s1", ',
    "two objects": json.dumps(session(ROWS)) + json.dumps(session(ROWS + 1)),
    "a NUL in a text": json.dumps(session(ROWS) | {"title": "a\0b"}),
    "letters of every kind": json.dumps(session(ROWS) | {"title": 'ñ 🎉 \\ " \t \n fin'}),
    "an impossible value": json.dumps(session(ROWS) | {"likes": "-5"}),
    "a blank line before": "\n" + json.dumps(session(ROWS) | {"likes": "-5"}),
    "a blank line after": json.dumps(session(ROWS)) + "\n\n",
    "no line end": json.dumps(session(ROWS)),
}


Verdict = tuple[DayResult, list[tuple[Any, ...]], list[tuple[Any, ...]]]


def verdict(world: World, text: str) -> Verdict:
    world.land("live_sessions", "day.jsonl", text)
    result = world.ingest("live_sessions")
    is_refused = result.outcome == "refused"
    refused = world.quarantined("live_sessions", refused_day=is_refused)
    raw = [] if is_refused else world.raw("live_sessions")
    return result, raw, [(row["row"], row["rule"], row["column"]) for row in refused]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("last", LINES.values(), ids=LINES)
def test_an_odd_line_below_thousands_gets_the_same_verdict_as_line_by_line(
    tmp_path: Path, last: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [json.dumps(row, ensure_ascii=False) for row in sessions(ROWS - 1)]
    text = "\n".join([*lines, last])
    fast = verdict(World(tmp_path / "fast", {"duckdb_threads": threads}), text)
    monkeypatch.setattr(read, "_open_regular_jsonl", lambda *_: None)
    careful = verdict(World(tmp_path / "careful", {"duckdb_threads": threads}), text)
    assert fast == careful
    assert fast[0].outcome == "refused" or fast[0].rows_accepted >= ROWS - 1


def test_lines_that_are_alike_are_never_looked_at_one_by_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careful(*_: object) -> None:
        raise AssertionError("each line was looked at")

    monkeypatch.setattr(read, "_look_at_json_lines", careful)
    rows = [session(number, title="" if number % 2 else "día") for number in range(ROWS)]
    rows[-1]["likes"] = "-1"
    world.land("live_sessions", "day.jsonl", "\n".join(json.dumps(row) for row in rows))
    result = world.ingest("live_sessions")
    assert (result.rows_accepted, result.rows_refused) == (ROWS - 1, 1)
    [refused] = world.quarantined("live_sessions")
    assert refused["row"] == ROWS
    assert json.loads(refused["content"])["likes"] == "-1"
