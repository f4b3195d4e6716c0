"""What ingest wrote is judged again by its contract before it is released; a tampered file is not.

Rows are made from the contracts, ingested, and then the Parquet in raw is changed behind the
ledger's back, as a hand or a bug would.
"""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest

from orchestration.arrived import ArrivedError
from orchestration.checks.contract_suites import contract_suites
from orchestration.checks.expectations import run_suites
from orchestration.checks.gate import decide, required_checks
from orchestration.checks.results import CheckResult
from orchestration.contracts.loader import load_contracts
from orchestration.ingest import Ingestor
from orchestration.settings import Settings
from orchestration.warehouse import plan_build
from tests.feed_rows import land_rows, valid_rows

RUN = "run-1"
CONTRACTS = load_contracts()
DAYS = [date(2026, 3, 10), date(2026, 3, 11)]
NO_DBT: dict[str, object] = {"nodes": {"test.x": {"resource_type": "test", "config": {}}}}


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which two days of every feed were accepted."""
    settings = Settings(home=tmp_path_factory.mktemp("it's a home"), duckdb_threads=1)
    with Ingestor(settings) as ingestor:
        for feed, contract in CONTRACTS.items():
            for day in DAYS:
                rows = valid_rows(contract, 40, seed=3, day=day)
                land_rows(settings.landing / feed / f"dt={day}", "rows", "csv", contract, rows)
                assert ingestor.ingest(contract, day).rows_accepted == 40
    return settings.home


@pytest.fixture
def home(ingested: Path, tmp_path: Path) -> Settings:
    """A copy that a test may change."""
    shutil.copytree(ingested, tmp_path / "home")
    return Settings(home=tmp_path / "home", duckdb_threads=1)


def _tamper(settings: Settings, feed: str, query: str, day: date = DAYS[1]) -> None:
    """Replace a raw Parquet by a query of itself."""
    path = settings.raw / feed / f"dt={day}" / "data.parquet"
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(
            "create table old as from read_parquet($path, hive_partitioning = false)",
            {"path": str(path)},
        )
        connection.sql(query).write_parquet(str(path))


def _judge(settings: Settings, *feeds: str) -> dict[str, CheckResult]:
    """The answers of the contract suites, by id without `expectation.contract_`."""
    plan_build(settings, CONTRACTS, RUN)
    suites = [each for each in contract_suites(CONTRACTS) if each.table.split(".")[1] in feeds]
    results = run_suites(settings.warehouse, suites, run_id=RUN)
    return {each.check_id.removeprefix("expectation.contract_"): each for each in results}


def test_what_ingest_wrote_passes_every_contract_with_two_questions_a_feed(home: Settings) -> None:
    plan_build(home, CONTRACTS, RUN)
    results = run_suites(home.warehouse, contract_suites(CONTRACTS), run_id=RUN)
    assert [each.message_en for each in results if not each.passed] == []
    # One for each promise would cost a morning ten seconds: some 60 ms each.
    assert len(results) == 2 * len(CONTRACTS)


def test_a_null_where_a_value_is_required_is_named_with_its_row(home: Settings) -> None:
    _tamper(
        home,
        "gifts",
        "from (select * replace (if(_row = 7, null, creator_id) as creator_id) from old)",
    )
    answers = _judge(home, "gifts")
    assert answers["gifts_columns"].passed
    failed = answers["gifts_rows"]
    assert (failed.passed, failed.failed_count, failed.table) == (False, 1, "arrived.gifts")
    assert failed.sample == (
        {
            "arrival_date": "2026-03-11",
            "arrival_file": "rows.csv",
            "arrival_row": "7",
            "faulty_column": "creator_id",
            "broken_rule": "missing_value",
            "masked_value": "NULL",
        },
    )
    assert "Does not hold: table arrived.gifts, 1 row(s)" in failed.message_en
    assert "No se cumple: tabla arrived.gifts, 1 fila(s)" in failed.message_es
    required = required_checks(NO_DBT, contract_suites(CONTRACTS))
    decision = decide(RUN, required, list(answers.values()))
    reasons = {each.check_id: each.reason for each in decision.refusals}
    assert reasons["expectation.contract_gifts_rows"] == "failed"
    # A suite that nobody ran is no pass either.
    assert reasons["expectation.contract_creators_rows"] == "missing"


BROKEN_PROMISES = [
    # feed, changed value, column and rule that are told, value as it is shown
    ("gifts", "-5 as diamonds", ("diamonds", "below_minimum", "-5")),
    ("gifts", "repeat('x', 129) as sender_id", ("sender_id", "too_long", "***")),
    ("gifts", "'  ' as sender_id", ("sender_id", "blank_value", "***")),
    ("programs", "'raffle' as design", ("design", "not_allowed", "raffle")),
    ("programs", "'50%: m:n {x} $y' as currency", ("", "not_a_currency_code", "NULL")),
    ("program_events", "1.5 as score", ("score", "above_maximum", "1.5000")),
    ("program_tasks", "'year' as \"window\"", ("window", "not_allowed", "year")),
    ("creators", "'Mexico' as country", ("", "not_a_country_code", "NULL")),
    ("creators", "'America/Macondo' as timezone", ("", "unknown_timezone", "NULL")),
    ("creators", "repeat('x', 201) as handle", ("handle", "too_long", "***")),
    (
        "reward_payouts",
        "date '2020-01-01' as period_end",
        ("", "period_ends_before_it_starts", "NULL"),
    ),
    (
        "asset_uses",
        "timestamptz '2026-03-13 00:00:00+00' as used_at",
        ("used_at", "future_event", "2026-03-13 00:00:00+00"),
    ),
    (
        "live_sessions",
        "timestamptz '1970-01-01 00:00:00+00' as updated_at",
        ("updated_at", "impossible_date", "1970-01-01 00:00:00+00"),
    ),
]


@pytest.mark.parametrize(("feed", "change", "expected"), BROKEN_PROMISES)
def test_each_broken_promise_is_told_by_column_and_rule_with_personal_values_masked(
    home: Settings, feed: str, change: str, expected: tuple[str, str, str]
) -> None:
    value, name = change.rsplit(" as ", 1)
    _tamper(
        home, feed, f"from (select * replace (if(_row = 3, {value}, {name}) as {name}) from old)"
    )
    failed = _judge(home, feed)[f"{feed}_rows"]
    assert not failed.passed
    told = {
        (row["faulty_column"], row["broken_rule"], row["masked_value"], row["arrival_row"])
        for row in failed.sample
    }
    assert (*expected, "3") in told


def test_a_column_that_vanished_or_changed_its_type_is_named(home: Settings) -> None:
    _tamper(home, "gifts", "select * exclude (session_id, gift_name) from old")
    _tamper(home, "programs", "select *, 1 as surprise from old")
    _tamper(
        home,
        "reward_payouts",
        "select * replace (cast(amount as double) as amount) from old",
        DAYS[0],
    )
    answers = _judge(home, "gifts", "programs", "reward_payouts")
    found = {
        (name, row["arrival_date"], row["column_name"], row["found_kind"], row["promised_kind"])
        for name in ("gifts_columns", "programs_columns", "reward_payouts_columns")
        for row in answers[name].sample
    }
    assert found == {
        ("gifts_columns", "2026-03-11", "gift_name", "NULL", "VARCHAR"),
        ("gifts_columns", "2026-03-11", "session_id", "NULL", "VARCHAR"),
        ("programs_columns", "2026-03-11", "surprise", "INTEGER", "NULL"),
        ("reward_payouts_columns", "2026-03-10", "amount", "DOUBLE", "DECIMAL(18,4)"),
    }
    # What is missing is NULL meanwhile, so that the build comes as far as the gate.
    assert answers["gifts_rows"].failed_count == 40
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        counted = connection.execute(
            "select count(*), count(session_id), count(gift_name) > 0 from raw.gifts"
        ).fetchone()
    assert counted == (80, 40, True)


def test_a_file_that_is_no_parquet_stops_the_build_with_its_name(home: Settings) -> None:
    path = home.raw / "gifts" / f"dt={DAYS[0]}" / "data.parquet"
    path.write_bytes(b"nonsense")
    with pytest.raises(ArrivedError, match=r"gifts/dt=2026-03-10/data\.parquet.*run again"):
        plan_build(home, CONTRACTS, RUN)


def test_a_build_that_was_not_released_is_judged_again(home: Settings) -> None:
    _tamper(home, "gifts", "select * replace (-1 as diamonds) from old")
    assert not _judge(home, "gifts")["gifts_rows"].passed
    with duckdb.connect(str(home.warehouse)) as connection:
        # The build was whole, so its partitions count as loaded; the gate refused them.
        connection.execute(
            "insert into ops.loaded_partitions "
            "select feed, arrival_date, revision from ops.raw_partitions"
        )
        connection.execute("update ops.builds set is_complete = true")
    plan = plan_build(home, CONTRACTS, RUN)
    assert plan.pending == ()
    assert not _judge(home, "gifts")["gifts_rows"].passed


def test_a_feed_of_which_nothing_arrived_passes(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "empty")
    answers = _judge(settings, *CONTRACTS)
    assert {name for name, each in answers.items() if not each.passed} == set()
