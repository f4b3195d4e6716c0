"""A row's number is its place in the file, for every feed and every format of text.

DuckDB numbers rows by the order in which it hands them on, and behind a join it keeps none: the
first row of a file was once taken for another, and numbers in the quarantine were of other rows.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.contracts import load_contracts
from orchestration.ingest import read
from tests.feed_rows import valid_rows
from tests.unit.ingest.landed_world import DAY, World

ROWS = 4_000
REPEATS = 10
CREATORS = [
    {
        "creator_id": f"c{number:06d}",
        "platform": "tiktok",
        "handle": f"handle_{number}",
        "country": "MX",
        "joined_at": "2026-01-05T10:00:00Z",
        "status": ("active", "left", "banned")[number % 3],
        "updated_at": "2026-03-09T10:00:00Z",
        "timezone": ("America/Bogota", "America/Mexico_City", None)[number % 3],
        "language": "es",
        "tier": "rank_1",
    }
    for number in range(1, ROWS + 1)
]


def _as_csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _as_json(rows: list[dict[str, Any]]) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in rows)


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("shape", ["csv", "jsonl"])
def test_each_row_has_the_number_of_its_place(tmp_path: Path, shape: str, threads: int) -> None:
    faulty = dict(CREATORS[2_718], timezone="Mars/Olympus")
    rows = [*CREATORS[:2_718], faulty, *CREATORS[2_719:]]
    text = _as_csv(rows) if shape == "csv" else _as_json(rows)
    for number in range(REPEATS):
        world = World(tmp_path / str(number), options={"duckdb_threads": threads})
        world.land("creators", f"day.{shape}", text)
        result = world.ingest("creators")
        assert (result.rows_accepted, result.rows_refused) == (ROWS - 1, 1)
        assert [row["row"] for row in world.quarantined("creators")] == [2_719]
        places = world.raw("creators", "_row, creator_id")
        assert places == [
            (place, row["creator_id"])
            for place, row in enumerate(CREATORS, start=1)
            if place != 2_719
        ]


@pytest.mark.parametrize("shape", ["csv", "jsonl"])
@pytest.mark.parametrize("feed", sorted(load_contracts()))
def test_no_rows_are_numbered_behind_a_join(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, feed: str, shape: str
) -> None:
    plans: list[str] = []
    load = read._load  # noqa: SLF001 - the plan of exactly this statement

    def explained(connection: duckdb.DuckDBPyConnection, query: str, bound: dict[str, Any]) -> None:
        plan = connection.execute(f"explain {query}", bound).fetchall()
        plans.append(plan[0][1])
        load(connection, query, bound)

    monkeypatch.setattr(read, "_load", explained)
    rows = [dict(row) for row in valid_rows(load_contracts()[feed], 50, seed=1, day=DAY)]
    world = World(tmp_path)
    told = [{name: _told(value) for name, value in row.items()} for row in rows]
    world.land(feed, f"day.{shape}", _as_csv(told) if shape == "csv" else _as_json(told))
    assert world.ingest(feed).rows_accepted == len(rows)
    assert plans
    assert not [plan for plan in plans if "JOIN" in plan]


def _told(value: object) -> object:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
