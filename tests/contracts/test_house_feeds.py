"""What contracts say is what dbt, the data dictionary and staging say, in both languages.

What lives here: agreement between declarations. What may not: whether ingest obeys them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.contracts.loader import LINEAGE_COLUMNS, load_contracts
from orchestration.contracts.render import differing, rendered

Manifest = Mapping[str, Any]

# Names that are the same in both languages, so that equal texts are no forgotten translation.
SAME_IN_BOTH = frozenset({"id", "agency id", "total", "error"})


# --- What is made from the contracts -------------------------------------------------------------


def test_what_is_made_from_the_contracts_is_what_they_say(checkout: Path) -> None:
    files = [str(path.relative_to(checkout)) for path in differing()]
    assert files == [], "change the contracts, then: semillero contracts render"


def test_dbt_reads_the_made_sources_as_the_contracts_mean_them(manifest: Manifest) -> None:
    found = {
        source["name"]: {name: column["data_type"] for name, column in source["columns"].items()}
        for source in manifest["sources"].values()
        if source["source_name"] == "raw"
    }
    assert found == {
        feed: {column.name: column.duckdb_type.lower() for column in contract.columns}
        | {name: kind.lower() for name, kind in LINEAGE_COLUMNS.items()}
        for feed, contract in load_contracts().items()
    }


def test_every_name_that_sql_reserves_is_quoted_in_the_sources(manifest: Manifest) -> None:
    quoted = {
        (source["name"], name)
        for source in manifest["sources"].values()
        for name, column in source["columns"].items()
        if column["quote"]
    }
    assert ("program_tasks", "window") in quoted


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
        faults += pair_faults(contract.purpose_en, contract.purpose_es, f"{feed}: purpose")
        faults += pair_faults(contract.grain_en, contract.grain_es, f"{feed}: grain")
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


# --- Each rule can fail --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"description_en": "A stream."},
        {"description_es": "Una emisión."},
        {"kind": "integer"},
        {"name": "other_id"},
        {"classification": "personal"},
        {"allowed": ("a", "b")},
    ],
)
def test_a_contract_that_changed_makes_other_files(change: dict[str, Any]) -> None:
    contracts = load_contracts()
    gifts = contracts["gifts"]
    columns = (replace(gifts.columns[0], **change), *gifts.columns[1:])
    changed = {**contracts, "gifts": replace(gifts, columns=columns)}
    before, after = rendered(contracts), rendered(changed)
    assert [path for path in before if before[path] != after[path]]


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
