"""Declared suites, run by Great Expectations against a real warehouse file.

Every test here shares one Great Expectations import, which takes seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestration.checks.evidence import load_evidence, record_evidence
from orchestration.checks.expectations import run_suites
from orchestration.checks.gate import decide, required_checks
from orchestration.checks.results import CheckResult
from orchestration.checks.shift import SHIFT_CHECK_IDS, shift_checks
from orchestration.checks.suites import (
    KNOWN_EXPECTATIONS,
    Suite,
    SuiteError,
    load_suite,
    load_suites,
)
from orchestration.settings import Settings
from tests.unit.checks.small_warehouse import change, make_warehouse

RUN = "run-1"
SOFT_TEST = {"resource_type": "test", "name": "soft", "config": {"severity": "warn"}}
NO_DBT: dict[str, object] = {"nodes": {"test.semillero.soft": SOFT_TEST}}


@pytest.fixture(scope="module")
def suites() -> Sequence[Suite]:
    return load_suites()


def _failed(results: Sequence[CheckResult]) -> dict[str, CheckResult]:
    return {each.check_id.removeprefix("expectation."): each for each in results if not each.passed}


def _of(suites: Sequence[Suite], table: str) -> Suite:
    (found,) = (suite for suite in suites if suite.table == table)
    return found


def _suite(tmp_path: Path, text: str) -> Suite:
    path = tmp_path / "declared.yaml"
    path.write_text(text, encoding="utf-8")
    return load_suite(path)


def test_a_sound_warehouse_passes_every_declared_expectation_and_the_gate(
    tmp_path: Path, suites: Sequence[Suite], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "a home with a 'quote'"
    settings = Settings(home=home)
    make_warehouse(settings.warehouse)
    before = {path.name for path in home.iterdir()}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    results = run_suites(settings.warehouse, suites, run_id=RUN)

    assert _failed(results) == {}
    assert len(results) == sum(len(suite.expectations) for suite in suites)
    assert {path.name for path in home.iterdir()} == before
    assert list(elsewhere.iterdir()) == [], "nothing is written to the working folder"
    record_evidence(settings, RUN, results)
    record_evidence(settings, RUN, shift_checks(settings.warehouse, None, run_id=RUN))
    decision = decide(RUN, required_checks(NO_DBT, suites), load_evidence(settings, RUN))
    assert decision.published_allowed, decision.refusals
    # The next step is the warehouse's one writer again.
    change(settings.warehouse, "create table marts.after as select 1 as one")


def test_bad_data_is_named_with_table_and_rows_and_never_published(
    tmp_path: Path, suites: Sequence[Suite]
) -> None:
    warehouse = make_warehouse(tmp_path / "warehouse.duckdb")
    change(
        warehouse,
        """
        update marts.fct_creator_days set live_seconds = -5
        where creator_id = 'creator-3' and local_date = '2026-03-04';
        update marts.fct_creator_days set diamonds = diamonds + 1 where creator_id = 'creator-4';
        update marts.fct_backstage_days set diamonds = diamonds + 1, live_seconds = 100000
        where creator_id = 'creator-5' and slice_end_date = '2026-03-05';
        insert into marts.fct_live_sessions
        select 'x' || i, 'nobody-' || i, timestamp '2026-03-05 10:00:00', date '2026-03-05', 60,
               false, 0, 0, 0, 0, 0, null, 0, false
        from range(60) as numbers(i);
        """,
    )

    results = run_suites(warehouse, suites, run_id=RUN)

    failed = _failed(results)
    impossible = failed["creator_days_fit_into_a_day"]
    assert impossible.table == "marts.fct_creator_days"
    assert impossible.failed_count == 1
    assert impossible.sample == (
        {"creator_id": "creator-3", "local_date": "2026-03-04", "live_seconds": "-5"},
    )
    assert "marts.fct_creator_days" in impossible.message_en
    assert "No se cumple" in impossible.message_es
    unreconciled = failed["reconciled_counters_of_sessions_and_days"]
    assert unreconciled.sample[0]["measure"] == "diamonds"
    unknown = failed["sessions_count_for_known_creators"]
    assert unknown.sample == ({"sessions": "900", "of_unknown_creators": "60"},)
    assert "reconciled_session_counts_of_sessions_and_days" in failed
    assert failed["backstage_slices_fit_into_their_days"].failed_count == 1
    assert failed["backstage_sums_of_days_are_the_month_to_date"].failed_count == 1
    shift = shift_checks(warehouse, None, run_id=RUN, accepted_shift="we know")
    decision = decide(RUN, required_checks(NO_DBT, suites), [*results, *shift])
    assert not decision.published_allowed
    assert {refusal.reason for refusal in decision.refusals} == {"failed"}


def test_a_label_that_is_missing_empty_or_in_one_language_is_named(
    tmp_path: Path, suites: Sequence[Suite]
) -> None:
    warehouse = make_warehouse(tmp_path / "warehouse.duckdb")
    change(
        warehouse,
        """
        delete from marts.labels where value = 'onboarding' and language = 'es';
        delete from marts.labels where value = 'applied';
        delete from marts.labels where value = 'retention_week_1';
        update marts.labels set name = ' ' where value = 'not_judged' and language = 'es';
        """,
    )

    failed = _failed(run_suites(warehouse, [_of(suites, "marts.labels")], run_id=RUN))

    assert set(failed) == {
        "labels_speak_both_languages",
        "labels_are_not_empty",
        "labels_name_what_marts_hold",
    }
    assert [row["value"] for row in failed["labels_speak_both_languages"].sample] == ["onboarding"]
    assert [row["value"] for row in failed["labels_are_not_empty"].sample] == ["not_judged"]
    assert sorted(row["value"] for row in failed["labels_name_what_marts_hold"].sample) == [
        "applied",
        "retention_week_1",
    ]


def test_a_map_of_supply_with_holes_or_shares_that_do_not_add_up_is_never_published(
    tmp_path: Path, suites: Sequence[Suite]
) -> None:
    warehouse = make_warehouse(tmp_path / "warehouse.duckdb")
    change(
        warehouse,
        """
        delete from marts.content_supply_hourly
        where market = 'MX' and iso_weekday = 3 and hour_of_day = 4;
        update marts.content_supply_hourly set demand_share_rate = demand_share_rate + 0.001
        where market = 'all' and iso_weekday = 1 and hour_of_day = 0;
        update marts.content_supply_hourly set supply_status = 'plenty'
        where market = 'all' and iso_weekday = 2 and hour_of_day = 0;
        update marts.content_supply_hourly
        set live_seconds = null, supply_share_rate = null, supply_status = 'missing'
        where market = 'MX' and iso_weekday = 5 and hour_of_day = 20;
        update marts.content_supply_hourly set window_end_date = date '2026-03-30'
        where market = 'MX' and iso_weekday = 6;
        update marts.content_supply_hourly set covered_days_count = 5
        where market = 'all' and iso_weekday = 7 and hour_of_day = 23;
        """,
    )

    results = run_suites(warehouse, [_of(suites, "marts.content_supply_hourly")], run_id=RUN)

    failed = _failed(results)
    assert {name: check.failed_count for name, check in failed.items()} == {
        "supply_has_every_hour_of_the_week": 1,
        "supply_statuses_are_known": 1,
        "supply_is_judged_only_where_it_is_known": 1,
        "supply_shares_of_a_market_sum_to_one": 2,
        "supply_window_is_four_weeks_up_to_the_last_complete_day": 1,
        "supply_days_are_four_of_a_weekday_at_most": 1,
    }
    assert failed["supply_has_every_hour_of_the_week"].sample == (
        {"market": "MX", "iso_weekday": "3", "hour_of_day": "4"},
    )
    shares = {row["market"] for row in failed["supply_shares_of_a_market_sum_to_one"].sample}
    assert shares == {"all", "MX"}
    decision = decide(RUN, required_checks(NO_DBT, suites), results)
    assert not decision.published_allowed
    assert {refusal.reason for refusal in decision.refusals} >= {"failed"}


def test_an_expectation_that_cannot_be_judged_fails_alone(tmp_path: Path) -> None:
    warehouse = make_warehouse(tmp_path / "warehouse.duckdb")
    suite = _suite(
        tmp_path,
        """
        table: marts.dim_creators
        expectations:
          - {id: no_such_column, expectation: expect_column_values_to_not_be_null,
             kwargs: {column: gone}, severity: error,
             name_en: The column is there., name_es: La columna existe.}
          - {id: no_such_argument, expectation: expect_column_values_to_not_be_null,
             kwargs: {colum: handle}, severity: error,
             name_en: The argument is known., name_es: El argumento es válido.}
          - {id: broken_query, sql: "select nothing from {batch} where", severity: error,
             name_en: The query runs fine., name_es: La consulta funciona.}
          - {id: sound, expectation: expect_column_values_to_not_be_null, kwargs: {column: handle},
             severity: error, name_en: The handle is there., name_es: El usuario existe.}
        """,
    )

    results = run_suites(warehouse, [suite], run_id=RUN)

    assert [each.passed for each in results] == [False, False, False, True]
    assert all("Could not be judged: " in each.message_en for each in results[:3])
    assert "gone" in results[0].message_en
    assert "No se pudo evaluar: " in results[2].message_es


def test_no_answer_passes_when_the_warehouse_or_its_table_is_not_there(
    tmp_path: Path, suites: Sequence[Suite]
) -> None:
    missing = run_suites(tmp_path / "none.duckdb", suites, run_id=RUN)
    assert missing
    assert not any(each.passed for each in missing)
    assert not (tmp_path / "none.duckdb").exists()

    warehouse = make_warehouse(tmp_path / "warehouse.duckdb")
    change(warehouse, "drop table marts.dim_agencies")
    results = run_suites(warehouse, suites, run_id=RUN)
    assert set(_failed(results)) == {
        "agencies_commission_is_a_share",
        "agencies_of_creators_are_known",
    }


def test_personal_columns_are_masked_in_samples(tmp_path: Path) -> None:
    warehouse = make_warehouse(tmp_path / "warehouse.duckdb")
    suite = _suite(
        tmp_path,
        """
        table: marts.dim_creators
        expectations:
          - {id: by_value, expectation: expect_column_values_to_be_in_set,
             kwargs: {column: handle, value_set: [nobody]}, severity: error,
             name_en: The handle is nobody., name_es: El usuario es nadie.}
          - {id: by_query, sql: "select creator_id, handle, upper(handle) as alias from {batch}",
             severity: error, name_en: There are no handles., name_es: No hay usuarios.}
          - {id: by_set, expectation: expect_column_distinct_values_to_be_in_set,
             kwargs: {column: handle, value_set: [nobody]}, severity: error,
             name_en: The handles are nobody's., name_es: Los usuarios son de nadie.}
          - {id: by_largest, expectation: expect_column_max_to_be_between,
             kwargs: {column: handle, min_value: zzz}, severity: error,
             name_en: The last handle is late., name_es: El último usuario va al final.}
        """,
    )

    results = run_suites(warehouse, [suite], run_id=RUN)

    assert not any(each.passed for each in results)
    for each in results:
        assert "secret" not in str(each.to_json()).lower()
    assert results[1].sample[0]["handle"] == "***"
    assert results[1].sample[0]["alias"] == "***"
    assert len(results[1].sample) == 5


def test_a_missing_value_is_counted_and_shown(tmp_path: Path) -> None:
    warehouse = make_warehouse(tmp_path / "warehouse.duckdb")
    change(warehouse, "update marts.dim_creators set market = null where creator_id = 'creator-9'")
    suite = _suite(
        tmp_path,
        """
        table: marts.dim_creators
        expectations:
          - {id: has_market, expectation: expect_column_values_to_not_be_null,
             kwargs: {column: market}, severity: error,
             name_en: The market is there., name_es: El mercado existe.}
        """,
    )

    (result,) = run_suites(warehouse, [suite], run_id=RUN)

    assert not result.passed
    assert result.failed_count == 1
    assert result.sample[0]["creator_id"] == "creator-9"
    assert result.sample[0]["market"] == "NULL"


def test_parameters_replace_the_declared_ones_and_unknown_ones_are_refused(tmp_path: Path) -> None:
    warehouse = make_warehouse(tmp_path / "warehouse.duckdb")
    suite = _suite(
        tmp_path,
        """
        table: marts.dim_creators
        parameters: {smallest: 1, name: "it's"}
        expectations:
          - {id: enough, expectation: expect_table_row_count_to_be_between,
             kwargs: {min_value: $smallest}, severity: error,
             name_en: There are enough rows., name_es: Hay filas suficientes.}
          - {id: named, sql: "select 1 as one from {batch} where handle = $name",
             severity: error, name_en: Nobody has that name., name_es: Nadie se llama así.}
        """,
    )

    assert all(each.passed for each in run_suites(warehouse, [suite], run_id=RUN))
    stricter = run_suites(warehouse, [suite], run_id=RUN, parameters={"smallest": 41})
    assert [each.passed for each in stricter] == [False, True]
    assert "observed 40" in stricter[0].message_en
    with pytest.raises(SuiteError, match="smalest"):
        run_suites(warehouse, [suite], run_id=RUN, parameters={"smalest": 41})


def test_every_known_expectation_exists_in_great_expectations() -> None:
    import great_expectations.expectations as types

    for name in KNOWN_EXPECTATIONS:
        assert hasattr(types, "".join(part.capitalize() for part in name.split("_"))), name


def test_shift_answers_are_part_of_what_is_required(suites: Sequence[Suite]) -> None:
    assert required_checks(NO_DBT, suites) >= SHIFT_CHECK_IDS
