"""Contracts, dbt sources and staging models say the same about a feed, in both languages.

What lives here: agreement between declarations. What may not: whether ingest obeys them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.contracts.loader import LINEAGE_COLUMNS, Column, load_contracts

Manifest = Mapping[str, Any]

_ALIASES = {
    "timestamp with time zone": "timestamptz",
    "string": "varchar",
    "text": "varchar",
    "int64": "bigint",
    "bool": "boolean",
}
# Names that are the same in both languages, so that equal texts are no forgotten translation.
SAME_IN_BOTH = frozenset({"id", "agency id", "total", "error"})


# --- Sources -------------------------------------------------------------------------------------


def _type(text: object) -> str:
    plain = str(text or "").lower().replace(", ", ",").strip()
    return _ALIASES.get(plain, plain)


def source_faults(source: Mapping[str, Any], columns: tuple[Column, ...]) -> list[str]:
    """Where the dbt source of a feed says something else than its contract."""
    declared: Mapping[str, Any] = source["columns"]
    expected = {column.name: column.duckdb_type for column in columns} | dict(LINEAGE_COLUMNS)
    feed = source["name"]
    faults = [f"{feed}.{name}: missing in the source" for name in expected if name not in declared]
    faults += [f"{feed}.{name}: not in the contract" for name in declared if name not in expected]
    for name, duckdb_type in expected.items():
        found = declared.get(name, {}).get("data_type")
        if name in declared and _type(found) != _type(duckdb_type):
            faults.append(f"{feed}.{name}: {found} in the source, {duckdb_type} in the contract")
    for column in columns:
        text = str(declared.get(column.name, {}).get("description") or "").strip()
        if column.name in declared and text != column.description_en:
            faults.append(f"{feed}.{column.name}: described as {text!r}, not as in the contract")
    faults += [
        f"{feed}.{name}: no description"
        for name in LINEAGE_COLUMNS
        if name in declared and not str(declared[name].get("description") or "").strip()
    ]
    return faults


def staging_faults(feed: str, manifest: Manifest) -> list[str]:
    """A feed without the one staging model that reads it."""
    source_id = f"source.semillero.raw.{feed}"
    readers = [
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and source_id in node["depends_on"]["nodes"]
    ]
    expected = [f"stg_raw__{feed}"]
    return [] if readers == expected else [f"{feed}: read by {readers}, not by {expected}"]


def _raw_sources(manifest: Manifest) -> dict[str, Any]:
    return {
        source["name"]: source
        for source in manifest["sources"].values()
        if source["source_name"] == "raw"
    }


def test_every_contract_has_its_dbt_source_and_no_source_is_without_contract(
    manifest: Manifest,
) -> None:
    assert set(_raw_sources(manifest)) == set(load_contracts())


def test_dbt_sources_say_what_the_contracts_say(manifest: Manifest) -> None:
    sources = _raw_sources(manifest)
    assert [
        fault
        for feed, contract in load_contracts().items()
        for fault in source_faults(sources[feed], contract.columns)
    ] == []


def test_every_contract_has_its_staging_model(manifest: Manifest) -> None:
    assert [fault for feed in load_contracts() for fault in staging_faults(feed, manifest)] == []


# --- Both languages ------------------------------------------------------------------------------


def pair_faults(english: object, spanish: object, where: str) -> list[str]:
    """A text that is missing in one language, or was copied instead of translated."""
    texts = {"English": str(english or "").strip(), "Spanish": str(spanish or "").strip()}
    missing = [f"{where}: no {language} text" for language, text in texts.items() if not text]
    if missing:
        return missing
    same = texts["English"].casefold() == texts["Spanish"].casefold()
    if same and texts["English"].casefold() not in SAME_IN_BOTH:
        return [f"{where}: the Spanish text is the English one"]
    return []


def _twin(key: str) -> str | None:
    if key.endswith("_en"):
        return f"{key.removesuffix('_en')}_es"
    return "es" if key == "en" else None


def tree_faults(tree: object, where: str) -> Iterator[str]:
    """Every `*_en` (or `en`) of a declaration has its `*_es` (or `es`), and the other way round."""
    if isinstance(tree, list):
        for index, item in enumerate(tree):
            name = item.get("id", index) if isinstance(item, dict) else index
            yield from tree_faults(item, f"{where}[{name}]")
    if not isinstance(tree, dict):
        return
    for key, value in tree.items():
        twin = _twin(str(key))
        if twin:
            yield from pair_faults(value, tree.get(twin), f"{where}.{key}")
        elif str(key).endswith("_es") and f"{str(key).removesuffix('_es')}_en" not in tree:
            yield f"{where}.{key}: no English text"
        yield from tree_faults(value, f"{where}.{key}")


def count_pairs(tree: object) -> int:
    """How many texts of a declaration are in two languages."""
    if isinstance(tree, list):
        return sum(count_pairs(item) for item in tree)
    if not isinstance(tree, dict):
        return 0
    return sum(bool(_twin(str(key))) + count_pairs(value) for key, value in tree.items())


def suite_faults(suite: object, where: str) -> list[str]:
    """A suite in which a check has no bilingual text at all, or an incomplete one."""
    faults = list(tree_faults(suite, where))
    for name, checks in suite.items() if isinstance(suite, dict) else ():
        faults += [
            f"{where}.{name}[{check.get('id', '?')}]: no text for people"
            for check in (checks if isinstance(checks, list) else ())
            if isinstance(check, dict) and not count_pairs(check)
        ]
    return faults


def test_contracts_speak_english_and_spanish() -> None:
    faults = []
    for feed, contract in load_contracts().items():
        for column in contract.columns:
            where = f"{feed}.{column.name}"
            faults += pair_faults(column.description_en, column.description_es, where)
        for rule in contract.rules:
            faults += pair_faults(rule.reason_en, rule.reason_es, f"{feed}: {rule.rule}")
    assert faults == []


def test_expectation_suites_speak_english_and_spanish(checkout: Path) -> None:
    suites = sorted((checkout / "orchestration" / "checks" / "suites").glob("*.yaml"))
    assert suites, "there are no expectation suites: the gate would judge nothing"
    assert [
        fault
        for path in suites
        for fault in suite_faults(yaml.safe_load(path.read_text(encoding="utf-8")), path.name)
    ] == []


def test_mart_labels_are_translated_not_copied(manifest: Manifest) -> None:
    faults = []
    for node in manifest["nodes"].values():
        if node["resource_type"] != "model":
            continue
        for name, column in node["columns"].items():
            meta = {**column.get("meta", {}), **(column.get("config") or {}).get("meta", {})}
            if "label_en" in meta:
                where = f"{node['name']}.{name}"
                faults += pair_faults(meta["label_en"], meta.get("label_es"), where)
    assert faults == []


# --- Each rule can fail --------------------------------------------------------------------------


def _column(**changes: object) -> Column:
    plain: dict[str, Any] = {
        "name": "session_id",
        "kind": "string",
        "required": True,
        "must_be_present": True,
        "max_length": None,
        "minimum": None,
        "maximum": None,
        "allowed": None,
        "is_key": True,
        "classification": "internal",
        "description_en": "The session.",
        "description_es": "La sesión.",
    }
    return Column(**{**plain, **changes})


def _source(**changes: object) -> dict[str, Any]:
    lineage = {
        name: {"data_type": kind, "description": "Where the row came from."}
        for name, kind in LINEAGE_COLUMNS.items()
    }
    session = {"session_id": {"data_type": "varchar", "description": "The session."}}
    return {"name": "live_sessions", "columns": {**session, **lineage, **changes}}


def test_a_source_that_agrees_has_no_fault() -> None:
    assert source_faults(_source(), (_column(),)) == []
    assert _type("TIMESTAMP WITH TIME ZONE") == _type("timestamptz")
    assert _type("decimal(18, 4)") == _type("DECIMAL(18,4)")


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"session_id": {"data_type": "bigint", "description": "The session."}}, {}),
        ({"session_id": {"data_type": "varchar", "description": "A stream."}}, {}),
        ({"extra": {"data_type": "varchar", "description": "Unknown."}}, {}),
        ({"_row": {"data_type": "bigint", "description": ""}}, {}),
        ({"_dt": {"data_type": "varchar", "description": "Arrival."}}, {}),
        ({}, {"name": "other_id"}),
    ],
)
def test_a_source_that_differs_from_its_contract_is_a_fault(
    changes: dict[str, object], column: dict[str, object]
) -> None:
    assert source_faults(_source(**changes), (_column(**column),))


def test_a_feed_that_nobody_or_a_mart_reads_is_a_fault() -> None:
    def reader(name: str) -> Manifest:
        depends_on = {"nodes": ["source.semillero.raw.gifts"]}
        node = {"resource_type": "model", "name": name, "depends_on": depends_on}
        return {"nodes": {name: node}}

    assert staging_faults("gifts", reader("stg_raw__gifts")) == []
    assert staging_faults("gifts", {"nodes": {}})
    assert staging_faults("gifts", reader("fct_gifts"))


@pytest.mark.parametrize(
    ("english", "spanish", "is_fault"),
    [
        ("Active creators", "Creadores activos", False),
        ("ID", "ID", False),
        ("Active creators", "Active creators", True),
        ("Active creators", "active creators ", True),
        ("Active creators", "", True),
        (None, "Creadores activos", True),
    ],
)
def test_a_text_that_is_missing_or_copied_is_a_fault(
    english: str | None,
    spanish: str | None,
    is_fault: bool,  # noqa: FBT001 - a table's column
) -> None:
    assert bool(pair_faults(english, spanish, "here")) is is_fault


def test_a_suite_with_a_mute_check_is_a_fault() -> None:
    good = {"checks": [{"id": "a", "message_en": "Rows are gone.", "message_es": "Faltan filas."}]}
    assert suite_faults(good, "suite.yaml") == []
    assert suite_faults({"checks": [{"id": "a"}]}, "suite.yaml")
    assert suite_faults({"checks": [{"id": "a", "message_en": "Rows are gone."}]}, "suite.yaml")
    assert suite_faults({"checks": [{"id": "a", "message_es": "Faltan filas."}]}, "suite.yaml")
    assert suite_faults({"checks": [{"id": "a", "message": {"en": "x", "es": "x"}}]}, "suite.yaml")
