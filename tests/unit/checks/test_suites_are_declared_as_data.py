"""What is declared loads; what is wrong in a declaration is refused with file and entry."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from orchestration.checks.suites import (
    SUITES_FOLDER,
    SuiteError,
    filled_kwargs,
    filled_sql,
    load_suite,
    load_suites,
)
from orchestration.checks.tables import MARTS

SOUND = {
    "table": "marts.dim_creators",
    "parameters": {"limit": 3},
    "expectations": [
        {
            "id": "sound",
            "sql": "select * from {batch} where follower_count > $limit",
            "severity": "error",
            "name_en": "Nobody has followers.",
            "name_es": "Nadie tiene seguidores.",
        }
    ],
}


def _write(tmp_path: Path, entry: dict[str, object], **file: object) -> Path:
    document = {**SOUND, **file}
    document["expectations"] = [{**SOUND["expectations"][0], **entry}]  # type: ignore[index]
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def test_every_shipped_suite_loads_with_unique_ids_in_two_languages() -> None:
    suites = load_suites()

    ids = [each.check_id for suite in suites for each in suite.expectations]
    assert len(ids) == len(set(ids))
    judged = {suite.table.removeprefix("marts.") for suite in suites}
    assert judged >= {
        "fct_live_sessions",
        "fct_creator_days",
        "dim_creators",
        "dim_agencies",
        "growth_accounting",
        "cohort_retention",
    }
    assert judged - set(MARTS) == {
        "intermediate.int_coverage_days",
        "intermediate.int_live_coverage_days",
    }
    assert len(list(SUITES_FOLDER.glob("*.yaml"))) == len(suites)


def test_parameters_become_values_and_literals(tmp_path: Path) -> None:
    (expectation,) = load_suite(_write(tmp_path, {})).expectations

    assert filled_sql(expectation, {"limit": 3}).endswith("> 3")
    assert filled_sql(expectation, {"limit": "it's"}).endswith("> 'it''s'")
    with pytest.raises(SuiteError, match="braces"):
        filled_sql(expectation, {"limit": "{batch}"})
    assert filled_kwargs(expectation, {"limit": 3}) == {}


@pytest.mark.parametrize(
    ("entry", "file", "said"),
    [
        ({}, {"table": "marts.dim_users"}, "unknown table marts.dim_users"),
        ({"also": ["marts.dim_users"]}, {}, "entry sound: unknown table marts.dim_users"),
        (
            {"sql": None, "expectation": "expect_column_values_to_match_regex"},
            {},
            "entry sound: unknown expectation expect_column_values_to_match_regex",
        ),
        ({"name_es": ""}, {}, "entry sound, name_es"),
        ({"name_es": "Nobody has followers."}, {}, "name_es` repeats"),
        ({"severity": "info"}, {}, "entry sound, severity"),
        ({"severity": "warn"}, {}, "needs its `reason`"),
        ({"sql": None}, {}, "either `expectation` or `sql`"),
        ({"expectation": "expect_column_to_exist"}, {}, "either `expectation` or `sql`"),
        ({"kwargs": {"column": "handle"}}, {}, "`kwargs` belong to"),
        ({"sql": "select 1"}, {}, "must read `{batch}`"),
        ({"sql": "select '{x}' from {batch}"}, {}, "no braces"),
        ({"sql": "select * from {batch} where a = $gone"}, {}, "unknown parameter gone"),
        ({"id": "Not An Id"}, {}, "entry Not An Id, id"),
        ({"sevrity": "error"}, {}, "entry sound, sevrity"),
    ],
)
def test_a_wrong_declaration_is_refused_with_file_and_entry(
    tmp_path: Path, entry: dict[str, object], file: dict[str, object], said: str
) -> None:
    with pytest.raises(SuiteError, match=re.escape(said)) as caught:
        load_suite(_write(tmp_path, entry, **file))
    assert "wrong.yaml" in str(caught.value)


def test_a_missing_translation_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path, {})
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    del document["expectations"][0]["name_es"]
    path.write_text(yaml.safe_dump(document), encoding="utf-8")

    with pytest.raises(SuiteError, match=r"wrong\.yaml, entry sound, name_es: Field required"):
        load_suite(path)


@pytest.mark.parametrize("content", ["", "[]", "table: [", "\tx", "\xff"])
def test_a_file_that_is_no_declaration_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_bytes(content.encode("latin-1"))

    with pytest.raises(SuiteError, match=r"wrong\.yaml"):
        load_suite(path)


def test_an_id_is_taken_once_and_a_folder_without_suites_is_no_gate(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="nothing would be checked"):
        load_suites(tmp_path)
    text = _write(tmp_path, {}).read_text(encoding="utf-8")
    (tmp_path / "again.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SuiteError, match="the id is taken by again"):
        load_suites(tmp_path)
