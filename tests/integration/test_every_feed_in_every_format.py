"""Every feed, in every format, goes from landing over raw to staging without losing a value.

What lives here: the way of honest rows, made from the contracts alone. What may not: dirt (the
tests of ingest have it) and expectations about single feeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import duckdb
import pytest
from dbt_world import DbtWorld

from orchestration.contracts.loader import FeedContract, load_contracts
from orchestration.ingest import Ingestor
from orchestration.settings import Settings
from orchestration.warehouse import plan_build
from tests.feed_rows import FORMATS, FeedRow, LandedFormat, land_rows, valid_rows

CONTRACTS = load_contracts()
FIRST_DAY = date(2026, 3, 9)
# Each format is an arrival day of its own.
DAYS = {name: FIRST_DAY + timedelta(days=number) for number, name in enumerate(FORMATS)}
ROWS = 60

Landed = Mapping[tuple[str, LandedFormat], Sequence[FeedRow]]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("all feeds"), duckdb_threads=1)


@pytest.fixture(scope="module")
def landed(settings: Settings) -> Landed:
    """Rows of every feed, ingested in every format; none is refused."""
    rows: dict[tuple[str, LandedFormat], Sequence[FeedRow]] = {}
    with Ingestor(settings) as ingestor:
        for feed, contract in CONTRACTS.items():
            for name, day in DAYS.items():
                made = valid_rows(contract, ROWS, seed=day.toordinal(), day=day)
                folder = settings.landing / feed / f"dt={day}"
                land_rows(folder, "rows", name, contract, made, seed=7)
                result = ingestor.ingest(contract, day)
                counts = (result.outcome, result.rows_accepted, result.rows_refused)
                assert counts == ("accepted", ROWS, 0), (feed, name, result.problems)
                rows[feed, name] = made
    return rows


def _raw_rows(settings: Settings, contract: FeedContract, day: date) -> list[tuple[object, ...]]:
    path = settings.raw / contract.feed / f"dt={day}" / "data.parquet"
    names = ", ".join(
        f"epoch_us({column.name})" if column.kind == "timestamp" else f'"{column.name}"'
        for column in contract.columns
    )
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        return connection.execute(
            f"select {names} from read_parquet($path, hive_partitioning = false) order by _row",
            {"path": str(path)},
        ).fetchall()


def _as_stored(row: FeedRow, contract: FeedContract) -> tuple[object, ...]:
    return tuple(
        round(row[column.name].timestamp() * 10**6)  # type: ignore[attr-defined]
        if column.kind == "timestamp" and row[column.name] is not None
        else row[column.name]
        for column in contract.columns
    )


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("feed", CONTRACTS)
def test_raw_holds_each_value_as_it_was_landed(
    feed: str, file_format: LandedFormat, landed: Landed, settings: Settings
) -> None:
    contract = CONTRACTS[feed]
    expected = [_as_stored(row, contract) for row in landed[feed, file_format]]
    assert _raw_rows(settings, contract, DAYS[file_format]) == expected


@pytest.mark.slow
def test_each_feed_arrives_in_its_staging_model_with_its_origin(
    landed: Landed, settings: Settings
) -> None:
    assert landed
    plan = plan_build(settings, CONTRACTS, "a-build")
    assert len(plan.pending) == len(CONTRACTS) * len(DAYS)
    world = DbtWorld(settings.home)
    models = [f"stg_raw__{feed}" for feed in CONTRACTS]
    statuses = world.dbt("run", *(part for model in models for part in ("--select", model)))
    assert len(statuses) == len(models)
    counted = {
        (feed, day, file): count
        for feed in CONTRACTS
        for day, file, count in world.rows(
            f"select arrival_date, arrival_file, count(*) from staging.stg_raw__{feed} "
            "group by all having count(*) = count(distinct arrival_row)"
        )
    }
    assert counted == {
        (feed, day, f"rows.{name}"): ROWS for feed in CONTRACTS for name, day in DAYS.items()
    }
