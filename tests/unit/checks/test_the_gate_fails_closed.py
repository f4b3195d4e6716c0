"""The gate opens only for a run in which every required check answered and passed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestration.checks.evidence import evidence_path, load_evidence, record_evidence
from orchestration.checks.gate import (
    DbtArtifactError,
    dbt_results,
    decide,
    required_checks,
    sample_failing_rows,
)
from orchestration.checks.results import (
    MASKED_COLUMNS,
    CheckResult,
    EvidenceError,
    masked_sample,
)
from orchestration.checks.shift import SHIFT_CHECK_IDS
from orchestration.contracts.loader import load_contracts
from orchestration.settings import Settings
from tests.unit.checks.small_warehouse import make_warehouse

RUN = "run-1"

PASSED = CheckResult(
    check_id="test.grain",
    kind="dbt_test",
    table="marts.fct_creator_days",
    severity="error",
    passed=True,
    message_en="One row a day.",
    message_es="Una fila por día.",
    run_id=RUN,
)
FAILED = replace(PASSED, passed=False, message_en="3 rows twice.", message_es="3 filas dobles.")


def _reasons(*results: CheckResult, required: tuple[str, ...] = ("test.grain",)) -> list[str]:
    return [refusal.reason for refusal in decide(RUN, required, results).refusals]


def test_it_opens_when_every_required_check_passed() -> None:
    decision = decide(RUN, ["test.grain"], [PASSED])

    assert decision.published_allowed
    assert decision.refusals == ()
    assert _reasons(PASSED, PASSED) == [], "the same answer twice is the same answer"


def test_a_failed_check_is_refused_with_its_message_and_rows() -> None:
    failed = replace(FAILED, sample=({"creator_id": "c1"},))

    (refusal,) = decide(RUN, ["test.grain"], [failed]).refusals

    assert (refusal.reason, refusal.check_id) == ("failed", "test.grain")
    assert refusal.table == "marts.fct_creator_days"
    assert refusal.message_en == "3 rows twice."
    assert refusal.message_es == "3 filas dobles."
    assert refusal.sample == ({"creator_id": "c1"},)


def test_silence_is_a_refusal() -> None:
    (refusal,) = decide(RUN, ["test.grain", "test.gone"], [PASSED]).refusals

    assert (refusal.reason, refusal.check_id) == ("missing", "test.gone")
    assert "test.gone" in refusal.message_en
    assert "test.gone" in refusal.message_es


def test_evidence_of_another_run_or_of_none_is_refused() -> None:
    assert _reasons(replace(PASSED, run_id="run-0")) == ["other_run", "missing"]
    assert _reasons(replace(PASSED, run_id="")) == ["other_run", "missing"]
    assert _reasons(PASSED, replace(PASSED, run_id="run-0")) == ["other_run"]


def test_a_check_that_contradicts_itself_is_refused() -> None:
    assert _reasons(FAILED, PASSED) == ["contradicts_itself"]
    assert _reasons(PASSED, FAILED) == ["contradicts_itself"]


def test_a_required_check_cannot_be_turned_into_a_warning() -> None:
    assert _reasons(replace(PASSED, severity="warn")) == ["downgraded"]
    assert _reasons(replace(FAILED, severity="warn")) == ["failed"]


def test_an_error_that_nobody_required_is_refused_too_and_a_warning_is_told() -> None:
    extra = replace(FAILED, check_id="contract.creators", kind="contract")
    assert _reasons(PASSED, extra) == ["failed"]

    warning = replace(FAILED, check_id="test.soft", severity="warn")
    decision = decide(RUN, ["test.grain"], [PASSED, warning])
    assert decision.published_allowed
    assert decision.warnings == (warning,)


def test_an_empty_list_of_required_checks_opens_nothing() -> None:
    assert _reasons(PASSED, required=()) == ["no_list"]


MODEL = "model.semillero.dim_creators"


def _test_node(name: str, **config: object) -> dict[str, object]:
    return {
        "resource_type": "test",
        "name": name,
        "config": config,
        "attached_node": MODEL,
        "depends_on": {"nodes": [MODEL]},
    }


MANIFEST: dict[str, object] = {
    "nodes": {
        MODEL: {"resource_type": "model", "schema": "marts", "name": "dim_creators", "alias": None},
        "test.semillero.hard": _test_node("hard", severity="ERROR"),
        "test.semillero.unsaid": _test_node("unsaid"),
        "test.semillero.soft": _test_node("soft", severity="warn"),
    },
    "unit_tests": {
        "unit_test.semillero.logic": {"name": "logic", "depends_on": {"nodes": [MODEL]}}
    },
}


def test_the_closed_list_has_every_dbt_test_that_is_not_a_declared_warning() -> None:
    assert required_checks(MANIFEST, []) == {
        "test.semillero.hard",
        "test.semillero.unsaid",
        *SHIFT_CHECK_IDS,
    }


def test_a_manifest_that_is_none_gives_no_list() -> None:
    with pytest.raises(DbtArtifactError, match="dbt parse"):
        required_checks({"unit_tests": {}}, [])
    with pytest.raises(DbtArtifactError, match="without a single data test"):
        required_checks({"nodes": {MODEL: {"resource_type": "model"}}}, [])
    with pytest.raises(DbtArtifactError, match="results"):
        dbt_results({}, MANIFEST, run_id=RUN)


def test_dbt_statuses_become_answers_and_only_pass_passes() -> None:
    statuses = ["pass", "fail", "warn", "error", "skipped", "runtime error", "success", "None"]
    for status in statuses:
        entry = {"unique_id": "test.semillero.hard", "status": status, "failures": 2}
        (answer,) = dbt_results({"results": [entry]}, MANIFEST, run_id=RUN)
        assert answer.passed == (status == "pass"), status
        assert answer.severity == "error"
        assert answer.table == "marts.dim_creators"
        assert answer.run_id == RUN
    (soft,) = dbt_results(
        {"results": [{"unique_id": "test.semillero.soft", "status": "warn", "failures": 2}]},
        MANIFEST,
        run_id=RUN,
    )
    assert (soft.severity, soft.passed, soft.failed_count) == ("warn", False, 2)


def test_models_are_no_checks_and_an_unknown_test_is_one() -> None:
    answers = dbt_results(
        {
            "results": [
                {"unique_id": MODEL, "status": "success"},
                {"unique_id": "test.semillero.of_another_build", "status": "fail", "failures": 1},
                {"unique_id": "unit_test.semillero.logic", "status": "pass", "failures": 0},
            ]
        },
        MANIFEST,
        run_id=RUN,
    )

    assert [(each.check_id, each.passed, each.severity) for each in answers] == [
        ("test.semillero.of_another_build", False, "error"),
        ("unit_test.semillero.logic", True, "error"),
    ]


def test_a_model_that_could_not_be_built_is_told_first_in_the_engines_words() -> None:
    answers = dbt_results(
        {
            "results": [
                {"unique_id": "test.semillero.hard", "status": "skipped"},
                {
                    "unique_id": MODEL,
                    "status": "error",
                    "message": "Runtime Error in dim_creators\n  Out of Memory Error: no block",
                },
            ]
        },
        MANIFEST,
        run_id=RUN,
    )
    first, _ = answers
    assert (first.check_id, first.table, first.passed) == (MODEL, "marts.dim_creators", False)
    assert first.severity == "error"
    assert "Out of Memory Error: no block" in first.message_en
    assert first.message_es.startswith("No se pudo construir marts.dim_creators. ")


def test_a_failed_dbt_test_shows_rows_without_personal_data(tmp_path: Path) -> None:
    warehouse = make_warehouse(tmp_path / "warehouse.duckdb")
    entry = {
        "unique_id": "test.semillero.hard",
        "status": "fail",
        "failures": 40,
        "compiled_code": "select creator_id, handle, handle as unique_field, 2 as n_records\n"
        'from "warehouse"."marts"."dim_creators" order by creator_id;\n',
    }

    (answer,) = dbt_results({"results": [entry]}, MANIFEST, run_id=RUN, warehouse=warehouse)

    assert len(answer.sample) == 5
    assert answer.sample[0] == {
        "creator_id": "creator-0",
        "handle": "***",
        "unique_field": "***",
        "n_records": "2",
    }
    assert "40 row(s) in marts.dim_creators" in answer.message_en
    broken = dict(entry, compiled_code="select * from nowhere")
    (told,) = dbt_results({"results": [broken]}, MANIFEST, run_id=RUN, warehouse=warehouse)
    assert told.sample == ()
    assert "No sample" in told.message_en


def test_a_sample_never_writes(tmp_path: Path) -> None:
    warehouse = make_warehouse(tmp_path / "warehouse.duckdb")

    rows = sample_failing_rows(warehouse, "select null as handle, 'x' as harmless -- done")

    assert rows == ({"handle": "NULL", "harmless": "***"},)
    assert [path.name for path in tmp_path.iterdir()] == ["warehouse.duckdb"]


def test_samples_are_short() -> None:
    rows = masked_sample([{"text": "x" * 10_000, "Email": "a@b.c"}] * 9)

    assert len(rows) == 5
    assert len(rows[0]["text"]) == 200
    assert rows[0]["Email"] == "***"


def test_evidence_comes_back_as_it_was_and_belongs_to_its_run(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    unstamped = replace(PASSED, run_id="", sample=({"a": "1"},), failed_count=3)

    record_evidence(settings, RUN, [unstamped])
    record_evidence(settings, RUN, [FAILED])

    assert load_evidence(settings, RUN) == [replace(unstamped, run_id=RUN), FAILED]
    assert load_evidence(settings, "run-2") == []
    evidence_path(settings, "run-2").parent.mkdir()
    evidence_path(settings, RUN).rename(evidence_path(settings, "run-2"))
    with pytest.raises(EvidenceError, match="'run-1', not of 'run-2'"):
        load_evidence(settings, "run-2")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"run_id": "run-1"}',
        '{"run_id": "run-1", "results": 3}',
        '{"run_id": "run-1", "results": [3]}',
        '{"run_id": "run-1", "results": [{"check_id": "x", "passed": true}]}',
    ],
)
def test_evidence_that_cannot_be_read_exactly_is_none(tmp_path: Path, content: str) -> None:
    settings = Settings(home=tmp_path)
    evidence_path(settings, RUN).parent.mkdir(parents=True)
    evidence_path(settings, RUN).write_text(content, encoding="utf-8")

    with pytest.raises(EvidenceError):
        load_evidence(settings, RUN)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("passed", "false"),
        ("passed", 1),
        ("severity", "none"),
        ("kind", "rumour"),
        ("failed_count", "3"),
        ("sample", "x"),
        ("message_en", None),
    ],
)
def test_a_result_with_a_field_of_the_wrong_kind_is_refused(field: str, value: object) -> None:
    with pytest.raises(EvidenceError):
        CheckResult.from_json({**PASSED.to_json(), field: value})


@pytest.mark.parametrize("run_id", ["", "../x", "a/b", "a b", ".", "x" * 200])
def test_a_run_id_that_is_no_folder_name_is_refused(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(EvidenceError):
        record_evidence(Settings(home=tmp_path), run_id, [PASSED])


def test_what_a_contract_calls_personal_is_masked() -> None:
    for contract in load_contracts().values():
        assert contract.personal_columns <= MASKED_COLUMNS, contract.feed
