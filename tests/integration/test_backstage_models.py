"""Backstage reports as days: any order of arrivals gives one result, and that is the true one.

What lives here: incremental builds against a full one, both against a reference in plain Python,
and exports of a simulated world taken the whole way, from spreadsheets to days. What may not:
reading of spreadsheets as such (unit tests), marts above.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from dbt_world import DbtWorld

from orchestration.contracts.loader import load_contracts
from orchestration.ingest import Ingestor
from orchestration.settings import Settings
from orchestration.simulate import WorldOptions, simulate
from orchestration.simulate.backstage import (
    COUNTERS,
    BackstageOptions,
    Creator,
    ExportedTruth,
    true_days,
    write_exports,
)
from orchestration.sources.backstage import land_exports, read_exports

FEED = "backstage_reports"
TESTED = ("+backstage_reconciliation", "+fct_backstage_reports")
MODELS = (*TESTED, "+fct_creator_days")
TABLES = (
    "intermediate.int_backstage_counters",
    "intermediate.int_backstage_months",
    "marts.fct_backstage_days",
    "marts.fct_backstage_reports",
    "marts.backstage_reconciliation",
    "marts.fct_creator_days",
)
CREATORS = ("ana", "eva", "leo", "mia")
FIRST_DAY = date(2026, 6, 27)
DAYS = 45
METRICS = ("diamonds", "live_seconds", "matches")

Report = list[dict[str, object]]
Partitions = dict[date, Report]


def report_row(creator: str | None, last: date, number: int, **values: object) -> dict[str, object]:
    """A row of a month-to-date report, exported on the morning after."""
    return {
        "report_id": f"r-{last}",
        "row_number": number,
        "report_kind": "month",
        "is_period_derived": False,
        "period_start_date": last.replace(day=1),
        "period_end_date": last,
        "updated_at": datetime.combine(last + timedelta(days=1), time(9), UTC),
        "creator_id": creator,
        "is_masked": creator is None,
    } | values


# --- Random reports in random orders --------------------------------------------------------------


def random_report(chance: random.Random, last: date) -> Report:
    """A report with some creators, some columns, masked rows, and now and then another period."""
    version = chance.randrange(3)
    kind = chance.choices(["month", "last_30_days", "window"], [8, 1, 1])[0]
    rows: Report = []
    for number, creator in enumerate([*CREATORS, None, None], start=2):
        if chance.random() < 0.25:
            continue
        row = report_row(
            creator,
            last,
            number,
            report_kind=kind,
            report_id=f"r-{last}-{version}",
            updated_at=datetime.combine(last + timedelta(days=1), time(9 + version), UTC),
            joined_at=chance.choice([None, datetime(2026, 7, 5, 8, tzinfo=UTC)]),
            diamonds_last_month=chance.choice([None, 70, 80]),
        )
        for metric in METRICS:
            # Mostly growing with the day, now and then restated or left out.
            grown = last.day * 10 + chance.randrange(12)
            row[metric] = chance.choices([grown, grown // 2, None], [8, 1, 2])[0]
        rows.append(row)
    return rows


def reference(partitions: Partitions) -> dict[tuple[str, date], dict[str, object]]:
    """Slices by creator and last day, in plain Python: one creator and month after the other."""
    versions: dict[tuple[str, date], list[tuple[tuple[Any, ...], dict[str, Any]]]] = defaultdict(
        list
    )
    for arrival, rows in partitions.items():
        for row in rows:
            if row["report_kind"] == "month" and row["creator_id"] is not None:
                rank = (row["updated_at"], row["report_id"], arrival, row["row_number"])
                key = (str(row["creator_id"]), row["period_end_date"])
                versions[key].append((rank, dict(row)))  # type: ignore[index]
    known: dict[tuple[str, date], dict[str, Any]] = {}
    for key, found in versions.items():
        found.sort(key=lambda each: each[0])
        latest: dict[str, Any] = {}
        for _, row in found:
            latest |= {name: value for name, value in row.items() if value is not None}
        known[key] = latest
    return _slices(known)


def _slices(known: Mapping[tuple[str, date], dict[str, Any]]) -> dict[tuple[str, date], Any]:
    slices: dict[tuple[str, date], dict[str, object]] = {}
    for creator in CREATORS:
        before: dict[str, Any] = {}
        previous: date | None = None
        last_row: Mapping[str, Any] = {}
        for last in sorted(day for name, day in known if name == creator):
            row = known[creator, last]
            if previous is not None and previous.replace(day=1) != last.replace(day=1):
                before, previous, last_row = {}, None, {}
            start = last.replace(day=1)
            joined = row.get("joined_at")
            if previous is not None:
                start = previous + timedelta(days=1)
            elif joined is not None:
                start = max(start, min(joined.date(), last))
            values = {
                metric: None if row.get(metric) is None else row[metric] - before.get(metric, 0)
                for metric in METRICS
            }
            slices[creator, last] = {
                "slice_start_date": start,
                "is_first_sighting": previous is None and start < last,
                "is_restatement": any(
                    value is not None and value < (-36 if metric == "live_seconds" else 0)
                    for metric, value in values.items()
                ),
                "has_carried_counters": previous is not None
                and any(row.get(m) is not None and last_row.get(m) is None for m in METRICS),
                "days_count": (last - start).days + 1,
                **values,
            }
            before |= {m: row[m] for m in METRICS if row.get(m) is not None}
            previous, last_row = last, row
    return slices


def slices_of(world: DbtWorld) -> dict[tuple[str, date], dict[str, object]]:
    names = ("slice_start_date", "is_first_sighting", "is_restatement", "has_carried_counters")
    columns = (*names, "days_count", *METRICS)
    return {
        (creator, last): dict(zip(columns, values, strict=True))
        for creator, last, *values in world.rows(
            f"select creator_id, slice_end_date, {', '.join(columns)} from marts.fct_backstage_days"
        )
    }


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_any_order_of_arrivals_corrections_and_accidents_gives_the_same_days(
    world: DbtWorld, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311  a test
    final: Partitions = {}
    steps: list[tuple[date, Report]] = []
    for number in range(DAYS):
        last = FIRST_DAY + timedelta(days=number)
        if chance.random() < 0.15:
            continue
        arrival = last + timedelta(days=1)
        rows = random_report(chance, last)
        if chance.random() < 0.2:
            # Corrected later; the correction may be about another day, even of another month.
            steps.append((arrival, rows))
            rows = random_report(chance, last - timedelta(days=chance.choice([0, 0, 1, 20])))
        if chance.random() < 0.2:
            rows = rows + random_report(chance, last)
        # Ingest leaves one row a key.
        final[arrival] = list({(row["report_id"], row["row_number"]): row for row in rows}.values())
    chance.shuffle(steps)
    later = list(final.items())
    chance.shuffle(later)
    steps += later
    while steps:
        size = chance.randrange(8, 24)
        for arrival, rows in steps[:size]:
            world.arrive(FEED, arrival, rows)
        steps = steps[size:]
        # A build that broke off anywhere leaves its partitions to the next one.
        if chance.random() < 0.5:
            world.build(select=["+int_backstage_counters"], finish=False)
        if chance.random() < 0.5:
            world.build(select=MODELS, finish=False)
        world.build(select=MODELS)

    anew = world.clone(tmp_path / "anew")
    anew.build(select=MODELS, full_refresh=True)
    assert world.contents(TABLES) == anew.contents(TABLES)
    assert slices_of(world) == reference(final)
    world.build(select=TESTED, command="test")


def test_one_more_day_touches_its_month_only(world: DbtWorld) -> None:
    for number in range(40):
        last = FIRST_DAY + timedelta(days=number)
        world.arrive(
            FEED, last + timedelta(days=1), [report_row("ana", last, 2, diamonds=last.day)]
        )
    world.build(select=MODELS)
    last = FIRST_DAY + timedelta(days=40)
    world.arrive(FEED, last + timedelta(days=1), [report_row("ana", last, 2, diamonds=last.day)])
    world.build(select=MODELS)
    touched = world.rows("select month_start_date from intermediate.int_backstage_months_touched")
    assert touched == [(last.replace(day=1),)]


def test_a_day_that_is_withdrawn_takes_its_numbers_with_it(world: DbtWorld) -> None:
    days = [date(2026, 7, 1), date(2026, 7, 2), date(2026, 8, 1)]
    for last in days:
        rows = [report_row("ana", last, 2, diamonds=last.day * 5)]
        world.arrive(FEED, last + timedelta(days=1), rows)
    world.build(select=MODELS)
    # Its rows are gone, and nothing of the month is left to say that it was ever touched.
    world.arrive(FEED, date(2026, 8, 2), [])
    world.build(select=MODELS)
    assert set(slices_of(world)) == {("ana", date(2026, 7, 1)), ("ana", date(2026, 7, 2))}


def test_a_column_more_takes_nobodys_day_away_and_without_live_counters_no_day_is_covered(
    world: DbtWorld,
) -> None:
    exports: list[dict[str, object]] = [
        {"session_count": 1, "diamonds": 10},
        {"session_count": 3, "diamonds": 15, "matches": 4},
        {"diamonds": 20, "matches": 5},
        {"session_count": 6, "diamonds": 30, "matches": 5},
    ]
    for number, counters in enumerate(exports, start=1):
        last = date(2026, 7, number)
        world.arrive(FEED, last + timedelta(days=1), [report_row("ana", last, 2, **counters)])
        world.build(select=(*MODELS, "+int_live_coverage_days"))
    days = "select local_date, session_count, diamonds from marts.fct_creator_days order by 1"
    assert world.rows(days) == [(date(2026, 7, 1), 1, 10), (date(2026, 7, 2), 2, 5)]
    covered = (
        "select event_date from intermediate.int_live_coverage_days where is_covered order by 1"
    )
    assert world.rows(covered) == [(date(2026, 7, 1),), (date(2026, 7, 2),)]


def test_a_broken_sum_and_a_contradicted_month_are_found(world: DbtWorld) -> None:
    last = date(2026, 7, 31)
    world.arrive(FEED, date(2026, 8, 1), [report_row("ana", last, 2, diamonds=100)])
    said = report_row("ana", date(2026, 8, 1), 2, diamonds=1, diamonds_last_month=90)
    world.arrive(FEED, date(2026, 8, 2), [said])
    world.build(select=MODELS)
    ((status, difference),) = world.rows(
        "select status, next_month_difference from marts.backstage_reconciliation "
        "where metric = 'diamonds' and month_start_date = '2026-07-01'"
    )
    assert (status, difference) == ("differs", -10)
    # That is the platform's doing and a warning; a sum of ours that is wrong stops everything.
    world.build(select=["backstage_reconciliation"], command="test")
    world.execute(
        "update marts.backstage_reconciliation "
        "set days_sum = days_sum + 1, days_difference = days_difference + 1"
    )
    with pytest.raises(RuntimeError, match="backstage_days_sum_to_the_month_to_date"):
        world.build(select=["backstage_reconciliation"], command="test")


# --- From spreadsheets to days --------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, list[Creator], ExportedTruth, BackstageOptions]:
    """The exports of two months and a bit of a simulated world, with dirt, and the truth."""
    folder = tmp_path_factory.mktemp("exports")
    simulate(folder / "landing", WorldOptions(creators=80, days=45), truth_dir=folder / "truth")
    creators, days = true_days(folder / "truth")
    (folder / "exports").mkdir()
    options = BackstageOptions(start=date(2026, 7, 1), days=40, seed=4)
    truth = write_exports(folder / "exports", creators, days, options)
    assert truth.masked
    assert truth.restated
    assert len(truth.missing_days) == 3
    return folder / "exports", creators, truth, options


@pytest.mark.slow
def test_days_made_of_exports_are_the_true_days(
    world: DbtWorld,
    exported: tuple[Path, list[Creator], ExportedTruth, BackstageOptions],
    tmp_path: Path,
) -> None:
    folder, creators, truth, options = exported
    settings = Settings(home=tmp_path / "semillero")
    with read_exports(folder, settings, progress=lambda _: None) as reading:
        assert reading.refused == ()
        land_exports(reading, settings)
    import duckdb

    contract = load_contracts()[FEED]
    with Ingestor(settings) as ingestor:
        for arrival in sorted({each.arrival for each in reading.recognised}):
            result = ingestor.ingest(contract, arrival)
            assert (result.outcome, result.rows_refused) == ("accepted", 0), result.problems
            path = settings.raw / FEED / f"dt={arrival}" / "data.parquet"
            with duckdb.connect() as connection:
                connection.execute("set timezone = 'UTC'")
                raw = connection.read_parquet(str(path))
                names = raw.columns
                rows = [dict(zip(names, row, strict=True)) for row in raw.fetchall()]
            world.arrive(FEED, arrival, [_without_arrival(row) for row in rows])
    world.build(select=MODELS)
    world.build(select=TESTED, command="test")

    exact = (
        *("diamonds", "valid_days", "new_followers", "session_count"),
        *("matches", "match_diamonds"),
    )
    left = truth.left_on
    seen: dict[str, set[date]] = defaultdict(set)
    found = world.rows(
        "select creator_id, slice_start_date, slice_end_date, live_seconds, "
        f"is_first_sighting, {', '.join(exact)} from marts.fct_backstage_days"
    )
    gaps: set[date] = set()
    for creator, first, last, live_seconds, is_first_sighting, *values in found:
        for counter, value in zip(exact, values, strict=True):
            assert value == truth.total(creator, first, last, counter), (creator, last, counter)
        # Some exports give hours with two decimals: half of one here, half of one there.
        true_seconds = truth.total(creator, first, last, "live_seconds")
        assert abs(live_seconds - true_seconds) <= 36, (creator, last)
        days = {first + timedelta(days=number) for number in range((last - first).days + 1)}
        assert not days & seen[creator], "no day is in two slices"
        seen[creator] |= days
        gaps |= set() if is_first_sighting else days - {last}
    last_report = options.report_days[-1]
    for each in creators:
        joined = max(each.joined_at.date(), options.start)
        end = left.get(each.creator_id, last_report + timedelta(days=1))
        wanted = {joined + timedelta(days=number) for number in range((end - joined).days)}
        # A leaver's last days are lost where the last file with the ID is missing.
        assert wanted - seen[each.creator_id] <= truth.missing_days
        assert seen[each.creator_id] <= wanted

    falls = world.rows(
        "select creator_id, slice_end_date from marts.fct_backstage_days where diamonds < 0"
    )
    assert set(falls) == truth.restated
    assert gaps == truth.missing_days
    statuses = dict(world.rows(_STATUSES))
    assert "differs" not in statuses
    in_both_months = [
        each
        for each in creators
        if each.joined_at.date() < date(2026, 8, 1)
        and left.get(each.creator_id, date.max) > date(2026, 8, 1)
    ]
    # All five counters that next month repeats, of everybody whom it knows by name.
    assert statuses["agrees"] == 5 * len(in_both_months) > 0
    masked = world.rows(
        "select max(masked_count), min(masked_count) from marts.fct_backstage_reports"
    )
    assert masked[0][0] > 1
    assert world.rows("select * from marts.fct_backstage_days where creator_id is null") == []
    assert set(COUNTERS) == {*exact, "live_seconds"}


_STATUSES = "select status, count(*) from marts.backstage_reconciliation group by status"


def _without_arrival(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.replace(tzinfo=UTC)
        if isinstance(value, datetime) and value.tzinfo is None
        else value
        for name, value in row.items()
        if name not in {"_dt", "_file", "_row"}
    }
