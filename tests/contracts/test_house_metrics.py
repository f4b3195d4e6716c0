"""Every KPI is a metric under its own name and words, and what is said of metrics makes no table.

What lives here: rules over the seed of KPIs, `models/semantic` and what dbt makes of it. What may
not: whether values are right (`tests/integration/test_metrics.py`).
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from orchestration import versions
from orchestration.checks.tables import MARTS
from orchestration.contracts.loader import load_contracts
from orchestration.metrics import Question, engine_on, relations_of, sql_of

Manifest = Mapping[str, Any]

SEMANTIC_KEYS = {"version", "semantic_models", "metrics"}


@pytest.fixture(scope="module")
def semantic(checkout: Path, manifest: Manifest) -> str:
    """What dbt made of `models/semantic`, as JSON."""
    assert manifest["metrics"], "the semantic manifest is made with the manifest"
    return (checkout / "dbt_project/target/semantic_manifest.json").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def kpis(checkout: Path) -> dict[str, dict[str, str]]:
    """The rows of the seed, by KPI."""
    with (checkout / "seeds/kpis.csv").open(encoding="utf-8", newline="") as seed:
        return {row["kpi"]: row for row in csv.DictReader(seed)}


def metrics_by_name(manifest: Manifest) -> dict[str, Any]:
    return {metric["name"]: metric for metric in manifest["metrics"].values()}


def inputs_of(metric: Mapping[str, Any]) -> set[str]:
    """The metrics that a metric is made of."""
    params = metric["type_params"]
    named = [params.get("numerator"), params.get("denominator"), *(params.get("metrics") or [])]
    return {each["name"] for each in named if each}


def test_every_kpi_is_a_metric_under_its_own_name(
    manifest: Manifest, kpis: dict[str, dict[str, str]]
) -> None:
    metrics = metrics_by_name(manifest)
    in_file = {name for name, each in metrics.items() if each["path"].endswith("kpis.yml")}
    assert in_file == set(kpis)


def test_a_metric_of_a_kpi_has_the_words_and_unit_of_the_kpi(
    manifest: Manifest, kpis: dict[str, dict[str, str]]
) -> None:
    metrics = metrics_by_name(manifest)
    said = {
        kpi: (
            metrics[kpi]["label"],
            metrics[kpi]["description"],
            *(metrics[kpi]["config"]["meta"][key] for key in ("label_es", "description_es")),
            metrics[kpi]["config"]["meta"]["unit"],
        )
        for kpi in kpis
    }
    columns = ("name_en", "definition_en", "name_es", "definition_es", "unit")
    assert said == {kpi: tuple(row[name] for name in columns) for kpi, row in kpis.items()}


def test_every_other_metric_is_part_of_a_kpi_and_says_what_it_is_in_both_languages(
    manifest: Manifest, kpis: dict[str, dict[str, str]]
) -> None:
    metrics = metrics_by_name(manifest)
    parts = {name for kpi in kpis for name in inputs_of(metrics[kpi])}
    assert metrics.keys() - kpis.keys() == parts - kpis.keys()
    for name in parts - kpis.keys():
        assert metrics[name]["label"]
        assert metrics[name]["description"].endswith(".")
        meta = metrics[name]["config"]["meta"]
        assert all(meta[key] for key in ("label_es", "description_es", "unit"))


def test_every_metric_can_be_told_by_time_and_market(manifest: Manifest, semantic: str) -> None:
    with duckdb.connect() as connection:
        engine = engine_on(connection, semantic)
        for name in metrics_by_name(manifest):
            for grain in ("day", "week", "month"):
                sql = sql_of(engine, Question([name], [f"metric_time__{grain}", "market"]))
                assert f"metric_time__{grain}" in sql


def test_metrics_are_made_of_published_marts_alone(semantic: str) -> None:
    relations = relations_of(json.loads(semantic))
    assert relations
    assert [each for each in relations if each[2] not in MARTS or each[1] != "marts"] == []


def test_nothing_personal_can_be_asked_for(semantic: str) -> None:
    personal = {
        column.name
        for contract in load_contracts().values()
        for column in contract.columns
        if column.is_personal
    }
    assert "handle" in personal
    asked = {
        each["expr"] or each["name"]
        for model in json.loads(semantic)["semantic_models"]
        for each in (*model["dimensions"], *model["entities"])
        # The name of an agency is no person's.
        if model["name"] != "agencies"
    }
    assert {word for text in asked for word in personal if word in text} == set()


# --- No table is made of it ----------------------------------------------------------------------


def semantic_faults(models: Path) -> list[str]:
    """Files below `models/semantic` that say more than what metrics are, or metrics elsewhere."""
    faults = []
    for path in sorted(models.rglob("*")):
        name = path.relative_to(models).as_posix()
        is_semantic = name.startswith("semantic/")
        if path.is_dir():
            continue
        if path.suffix not in {".yml", ".yaml"}:
            faults += [f"{name}: only yml may stand here"] if is_semantic else []
            continue
        keys = set(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
        if is_semantic:
            faults += [
                f"{name}: {key} is no part of metrics" for key in sorted(keys - SEMANTIC_KEYS)
            ]
        else:
            moved = sorted(keys & (SEMANTIC_KEYS - {"version"}))
            faults += [f"{name}: {key} belong into models/semantic" for key in moved]
    return faults


def test_what_metrics_are_stands_apart_from_what_tables_are_made_of(checkout: Path) -> None:
    assert semantic_faults(checkout / "models") == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("semantic/kpi_extra.sql", "select 1"),
        ("semantic/models.yml", "models: []"),
        ("marts/kpi/kpi_daily.yml", "metrics: []"),
    ],
)
def test_a_model_among_metrics_and_a_metric_among_models_are_faults(
    tmp_path: Path, name: str, text: str
) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    assert len(semantic_faults(tmp_path)) == 1


@pytest.mark.parametrize(
    ("changed", "is_built_anew"),
    [("models/semantic/kpis.yml", False), ("models/marts/kpi/kpi_daily.yml", True)],
)
def test_a_metric_that_changes_is_parsed_again_and_builds_nothing_anew(
    checkout: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changed: str,
    is_built_anew: bool,  # noqa: FBT001 - a column of the table above
) -> None:
    leave_out = shutil.ignore_patterns("target", "logs")
    for folder in ("dbt_project", "models", "seeds"):
        shutil.copytree(checkout / folder, tmp_path / folder, ignore=leave_out)
    monkeypatch.setattr(versions, "PROJECT_ROOT", tmp_path)
    before = versions.models_fingerprint(), versions.project_fingerprint()

    with (tmp_path / changed).open("a", encoding="utf-8") as file:
        file.write("\n# one more line\n")

    assert (versions.models_fingerprint() != before[0]) is is_built_anew
    assert versions.project_fingerprint() != before[1]
