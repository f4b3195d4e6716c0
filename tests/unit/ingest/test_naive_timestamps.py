"""A time without a zone is read in the settings' zone, else in the contract's, else refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from orchestration.contracts.loader import FeedContract
from orchestration.ingest import DayResult, Ingestor, discover
from orchestration.ingest.landing_zone import open_zone
from tests.unit.ingest.landed_world import DAY, World, as_csv, sessions

NAIVE = {"started_at": "2026-03-10T10:00:00", "ended_at": "2026-03-10T11:00:00"}
ROWS = [row | NAIVE for row in sessions(3)]


def _with_zone(contract: FeedContract, zone: str, *names: str) -> FeedContract:
    columns = tuple(
        replace(column, default_zone=zone) if column.name in names else column
        for column in contract.columns
    )
    # The loader would give another zone another fingerprint.
    return replace(contract, columns=columns, fingerprint=f"{contract.fingerprint} {zone} {names}")


def _ingest(world: World, contract: FeedContract) -> DayResult:
    with Ingestor(world.settings) as ingestor:
        return ingestor.ingest(contract, DAY)


@pytest.mark.parametrize("file", ["day.csv", "day.jsonl"])
def test_the_contracts_zone_is_taken_where_the_settings_say_nothing(
    world: World, file: str
) -> None:
    contract = world.contracts["live_sessions"]
    rows = [row | {"updated_at": "2026-03-10T12:00:00Z"} for row in ROWS]
    text = as_csv(rows)
    if file.endswith("jsonl"):
        text = "\n".join(json.dumps(row) for row in rows)
    world.land("live_sessions", file, text)
    result = _ingest(world, _with_zone(contract, "America/Bogota", "started_at", "ended_at"))
    assert (result.outcome, result.rows_accepted) == ("accepted", 3)
    assert result.min_event_at == datetime(2026, 3, 10, 15, tzinfo=UTC)


def test_the_settings_zone_goes_before_the_contracts(world: World) -> None:
    world.options["feed_timezones"] = {"live_sessions": "America/Mexico_City"}
    contract = world.contracts["live_sessions"]
    world.land("live_sessions", "day.csv", as_csv(ROWS))
    result = _ingest(world, _with_zone(contract, "America/Bogota", "started_at", "ended_at"))
    assert result.min_event_at == datetime(2026, 3, 10, 16, tzinfo=UTC)


def test_a_zone_of_one_column_is_no_zone_of_another(world: World) -> None:
    contract = world.contracts["live_sessions"]
    world.land("live_sessions", "day.csv", as_csv(ROWS))
    result = _ingest(world, _with_zone(contract, "America/Bogota", "started_at"))
    found = {problem.column for problem in result.problems if problem.rule == "naive_timestamp"}
    assert found == {"ended_at"}


def test_a_value_with_its_own_offset_keeps_it(world: World) -> None:
    contract = world.contracts["live_sessions"]
    world.land("live_sessions", "day.csv", as_csv(sessions(3)))
    result = _ingest(world, _with_zone(contract, "America/Bogota", "started_at", "ended_at"))
    assert result.min_event_at == datetime(2026, 3, 10, 10, 1, tzinfo=UTC)


def test_another_zone_in_the_contract_makes_the_day_pending(world: World) -> None:
    contract = _with_zone(world.contracts["live_sessions"], "America/Bogota", "started_at")
    contract = _with_zone(contract, "America/Bogota", "ended_at")
    world.land("live_sessions", "day.csv", as_csv(ROWS))
    assert _ingest(world, contract).outcome == "accepted"
    moved = _with_zone(contract, "America/Lima", "started_at", "ended_at")
    zone = open_zone(world.settings)
    with world.ledger() as ledger:
        pending = [
            discover.pending_days({"live_sessions": each}, world.settings, ledger, zone)
            for each in (contract, moved)
        ]
    assert pending == [{"live_sessions": []}, {"live_sessions": [DAY]}]
