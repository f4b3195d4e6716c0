"""Contracts load into what ingest obeys, and one that contradicts itself says where."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import open_data_contract_standard
import pytest
import yaml

from orchestration.contracts.loader import (
    CONTRACTS_DIR,
    ContractError,
    load_contract,
    load_contract_folder,
    load_contracts,
)
from orchestration.ingest import Ingestor
from orchestration.settings import Settings

CONTRACT_FILES = sorted(CONTRACTS_DIR.glob("*.yaml"))


def test_the_feeds_load_in_the_order_of_their_file_names() -> None:
    feeds = list(load_contracts())
    assert feeds == sorted(feeds)
    assert feeds == [path.stem for path in CONTRACT_FILES]


@pytest.mark.parametrize("path", CONTRACT_FILES, ids=lambda path: path.stem)
def test_every_contract_is_valid_by_the_standards_own_schema(path: Path) -> None:
    schema_file = Path(open_data_contract_standard.__file__).with_name("schema.json")
    schema = json.loads(schema_file.read_text(encoding="utf-8"))
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    # It has no type stubs in the environment: taken by name, it is simply untyped.
    jsonschema = importlib.import_module("jsonschema")
    validator = jsonschema.Draft201909Validator(schema)
    errors = [error.message for error in validator.iter_errors(content)]
    assert errors == []


@pytest.mark.parametrize(
    ("feed", "required_first"),
    [
        ("creators", "creator_id platform handle country joined_at status updated_at"),
        ("agencies", "agency_id name country updated_at"),
        ("onboarding_events", "event_id creator_id step occurred_at"),
        ("live_sessions", "session_id creator_id platform started_at ended_at"),
        ("gifts", "gift_id session_id creator_id sender_id sent_at diamonds"),
        ("programs", "program_id kind name_en name_es starts_at ends_at design"),
        (
            "program_tasks",
            "task_id program_id metric threshold window reward_amount currency valid_from",
        ),
        ("program_assignments", "program_id creator_id arm assigned_at"),
        ("program_events", "event_id program_id creator_id event occurred_at"),
        (
            "reward_payouts",
            "payout_id program_id creator_id amount currency period_start period_end paid_at",
        ),
        ("asset_uses", "use_id asset_id asset_kind language creator_id used_at"),
        ("enforcement_events", "event_id creator_id severity policy occurred_at"),
    ],
)
def test_the_required_columns_stand_first_as_the_design_lists_them(
    feed: str, required_first: str
) -> None:
    columns = load_contracts()[feed].columns
    present = [column.name for column in columns if column.must_be_present]
    assert present == required_first.split()
    assert [column.name for column in columns[: len(present)]] == present


def test_handles_are_personal_and_may_be_empty() -> None:
    creators = load_contracts()["creators"]
    assert creators.personal_columns == {"handle", "manager_id"}
    assert not creators.column("handle").required


def test_every_text_stands_in_both_languages_and_they_differ() -> None:
    for contract in load_contracts().values():
        for column in contract.columns:
            assert column.description_en != column.description_es, column.name
        for rule in contract.rules:
            assert rule.reason_en != rule.reason_es, rule.rule


def test_importing_the_loader_imports_neither_duckdb_nor_pydantic_models() -> None:
    code = (
        "import sys; import orchestration.contracts.loader; "
        "print(sorted({'duckdb', 'yaml', 'open_data_contract_standard'} & set(sys.modules)))"
    )
    root = CONTRACTS_DIR.parent.parent
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert found.stdout.strip() == "[]"


# --- contracts that contradict themselves ----------------------------------------------------

Content = dict[str, Any]


def column(content: Content, name: str) -> Content:
    found: Content = next(
        entry for entry in content["schema"][0]["properties"] if entry["name"] == name
    )
    return found


def set_flag(content: Content, name: str, value: object) -> None:
    content.setdefault("customProperties", []).append({"property": name, "value": value})


def written(
    tmp_path: Path, change: Callable[[Content], object], feed: str = "live_sessions"
) -> Path:
    content = yaml.safe_load((CONTRACTS_DIR / f"{feed}.yaml").read_text(encoding="utf-8"))
    change(content)
    path = tmp_path / f"{feed}.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def drop_spanish(content: Content) -> None:
    column(content, "likes")["customProperties"] = []


def repeat_column(content: Content) -> None:
    content["schema"][0]["properties"].append(dict(column(content, "likes")))


def break_rule(content: Content, sql: str) -> None:
    content["schema"][0]["quality"][0]["implementation"]["refuse_when"] = sql


def limit(content: Content, name: str, **options: object) -> None:
    column(content, name).setdefault("logicalTypeOptions", {}).update(options)


def promise(content: Content, unit: str = "d", **properties: object) -> Content:
    content["slaProperties"] = [
        {"property": name, "value": value, "unit": unit} for name, value in properties.items()
    ]
    return content


def add_rule(content: Content, sql: str) -> None:
    rule = yaml.safe_load(yaml.safe_dump(content["schema"][0]["quality"][0]))
    rule["id"] = "second"
    rule["implementation"]["refuse_when"] = sql
    content["schema"][0]["quality"].append(rule)


def closed(content: Content, sql: str) -> None:
    column(content, "platform")["enum"] = [{"value": "a"}, {"value": "b"}]
    add_rule(content, sql)


CONTRADICTIONS: list[tuple[Callable[[Content], object], str]] = [
    (drop_spanish, "column 'likes': descriptionEs"),
    (lambda c: column(c, "likes").pop("description"), "column 'likes': description"),
    (repeat_column, "column 'likes' stands twice"),
    (
        lambda c: column(c, "likes")["logicalTypeOptions"].update(minimum=5, maximum=3),
        "column 'likes': minimum 5 is above maximum 3",
    ),
    (lambda c: column(c, "title")["logicalTypeOptions"].update(maxLength=0), "maxLength"),
    (lambda c: column(c, "title")["logicalTypeOptions"].update(minimum=1), "does nothing"),
    (lambda c: column(c, "likes").update(logicalType="array"), "logicalType 'array'"),
    (lambda c: column(c, "likes").update(physicalType="DOUBLE"), "physicalType DOUBLE"),
    (lambda c: column(c, "likes").update(requried=True), r"properties\[likes\].requried"),
    (lambda c: column(c, "likes").update(name="_row"), "column '_row'"),
    (lambda c: column(c, "session_id").update(required=False), "primaryKey"),
    (lambda c: column(c, "session_id").pop("primaryKey"), "no column is a primaryKey"),
    (lambda c: column(c, "session_id").update(primaryKeyPosition=2), "primaryKeyPosition"),
    (lambda c: c["customProperties"][0].update(value="start"), "eventColumn 'start'"),
    (lambda c: c["customProperties"][0].update(value="ended_at"), "eventColumn 'ended_at'"),
    (lambda c: c["customProperties"].pop(0), "latenessApplies needs an eventColumn"),
    (lambda c: set_flag(c, "mandatroy", value=True), "'mandatroy' means nothing"),
    (lambda c: set_flag(c, "maxRefusedShare", 1.5), "maxRefusedShare"),
    (lambda c: break_rule(c, "finished_at < started_at"), "finished_at"),
    (lambda c: break_rule(c, "ended_at < "), "refuse_when"),
    (lambda c: break_rule(c, "likes + 1"), "must be true or false"),
    (lambda c: c["schema"][0].update(name="sessions"), r"schema\[0\].name"),
    (lambda c: c.update(version=None), "version"),
    (lambda c: c.update(kind="Contract"), "kind"),
    (lambda c: c.update(colour="red"), "colour"),
    (lambda c: column(c, "likes").pop("classification"), "classification None is not one of"),
    (lambda c: column(c, "likes").update(classification="secret"), "classification 'secret'"),
    (lambda c: c["description"].pop("purpose"), "description: purpose"),
    (lambda c: c["description"].pop("customProperties"), "purposeEs"),
    (lambda c: c["schema"][0].pop("dataGranularityDescription"), "dataGranularityDescription"),
    (lambda c: c["schema"][0].pop("customProperties"), "granularityEs"),
    (lambda c: limit(c, "likes", minimum=0.5), "'likes': minimum 0.5 is no whole number"),
    (lambda c: limit(c, "likes", maximum=10**19), "'likes': maximum 1.* than a integer can hold"),
    (lambda c: limit(c, "average_viewers", maximum=10**14), "more than a decimal can hold"),
    (lambda c: limit(c, "likes", defaultTimezone="UTC"), "defaultTimezone does nothing"),
    (lambda c: limit(c, "started_at", timezone=False), "'started_at': timezone: False contradicts"),
    (lambda c: limit(c, "started_at", defaultTimezone="Macondo"), "defaultTimezone 'Macondo'"),
    (lambda c: column(c, "title").update(enum=[{"value": " "}]), "'title': an enum value is blank"),
    (
        lambda c: column(c, "updated_at").update(logicalType="date", physicalType="DATE"),
        "'updated_at': decides which of two duplicates wins",
    ),
    (lambda c: promise(c, latency=1), "latency without frequency"),
    (lambda c: promise(c, frequency=0), "frequency: 0 d is no time"),
    (lambda c: promise(c, frequency=1, latency=-1), "latency: -1 d is no time"),
    (lambda c: promise(c, "weeks", frequency=1), "frequency: unit must be d .* not 'weeks'"),
    (lambda c: promise(c, frequency="daily"), "frequency: value must be a number, not 'daily'"),
    (lambda c: promise(c, retention=3), "slaProperties: retention: is not one of"),
    (lambda c: c["slaProperties"].append(c["slaProperties"][0]), "frequency: stands twice"),
    (lambda c: set_flag(c, "freshnessSeverity", "loud"), "freshnessSeverity must be warn or error"),
    (
        lambda c: set_flag(promise(c), "freshnessSeverity", "error"),
        "freshnessSeverity needs a frequency",
    ),
    (lambda c: add_rule(c, " ended_at  <\nstarted_at "), "the same as that of 'ended_before"),
    (lambda c: add_rule(c, "1 = 1"), "quality 'second': refuse_when reads no column"),
    (lambda c: add_rule(c, "_dt > date '2026-01-01'"), "reads no column"),
    (lambda c: add_rule(c, "title is null"), "refuses rows in which title is empty"),
    (lambda c: closed(c, "platform in ('b', 'c')"), "refuses 'b', which the enum of platform"),
    (lambda c: closed(c, "platform = 'z'"), "can refuse nothing"),
]


@pytest.mark.parametrize(("change", "message"), CONTRADICTIONS, ids=[m for _, m in CONTRADICTIONS])
def test_a_contradiction_names_the_file_and_the_field(
    tmp_path: Path, change: Callable[[Content], object], message: str
) -> None:
    with pytest.raises(ContractError, match=message) as error:
        load_contract(written(tmp_path, change))
    assert str(error.value).startswith("live_sessions.yaml: ")


def test_a_file_that_is_not_yaml_is_a_contract_error(tmp_path: Path) -> None:
    path = tmp_path / "gifts.yaml"
    path.write_text("a: [1", encoding="utf-8")
    with pytest.raises(ContractError, match=r"gifts\.yaml: cannot be read as YAML"):
        load_contract(path)


def test_an_enum_value_longer_than_its_column_is_refused(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        lambda c: column(c, "status").update(logicalTypeOptions={"maxLength": 3}),
        "creators",
    )
    with pytest.raises(ContractError, match="longer than maxLength"):
        load_contract(path)


def test_texts_do_not_change_the_fingerprint_and_limits_do(tmp_path: Path) -> None:
    original = load_contracts()["live_sessions"].fingerprint
    worded = written(tmp_path, lambda c: column(c, "likes").update(description="Hearts."))
    assert load_contract(worded).fingerprint == original
    limited = written(
        tmp_path, lambda c: column(c, "likes")["logicalTypeOptions"].update(maximum=10)
    )
    assert load_contract(limited).fingerprint != original


def test_classes_texts_and_promises_do_not_make_days_pending(tmp_path: Path) -> None:
    original = load_contracts()["live_sessions"].fingerprint
    for change in (
        lambda c: column(c, "likes").update(classification="public"),
        lambda c: promise(c, frequency=9, latency=9),
        lambda c: c["description"].update(purpose="Shows."),
        lambda c: set_flag(c, "freshnessSeverity", "error"),
    ):
        assert load_contract(written(tmp_path, change)).fingerprint == original
    zoned = written(tmp_path, lambda c: limit(c, "started_at", defaultTimezone="America/Lima"))
    assert load_contract(zoned).fingerprint != original


def test_promised_freshness_is_read_in_days_whatever_its_unit(tmp_path: Path) -> None:
    contract = load_contract(written(tmp_path, lambda c: promise(c, "h", frequency=12, latency=6)))
    assert (contract.frequency_days, contract.latency_days) == (0.5, 0.25)
    contract = load_contract(written(tmp_path, lambda c: promise(c, frequency=7)))
    assert (contract.frequency_days, contract.latency_days) == (7, 0)
    contract = load_contract(written(tmp_path, lambda c: c.pop("slaProperties")))
    assert (contract.frequency_days, contract.latency_days) == (None, None)
    assert contract.freshness_severity == "warn"


def test_free_text_is_masked_like_personal_data() -> None:
    sessions = load_contracts()["live_sessions"]
    assert sessions.column("title").classification == "sensitive"
    assert sessions.personal_columns == {"title"}


def test_a_rule_that_asks_for_one_of_two_optional_columns_is_no_contradiction(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, lambda c: add_rule(c, "title is null and category is null"))
    assert [rule.rule for rule in load_contract(path).rules][-1] == "second"


def test_one_yaml_file_adds_a_feed(tmp_path: Path) -> None:
    texts = {"description": "Text.", "classification": "internal", "customProperties": [
        {"property": "descriptionEs", "value": "Texto."}
    ]}  # fmt: skip
    contract = {
        "apiVersion": "v3.2.0",
        "kind": "DataContract",
        "id": "gifts",
        "version": "1.0.0",
        "status": "active",
        "description": {
            "purpose": "Gifts.",
            "customProperties": [{"property": "purposeEs", "value": "Regalos."}],
        },
        "customProperties": [{"property": "eventColumn", "value": "sent_at"}],
        "schema": [
            {
                "name": "gifts",
                "dataGranularityDescription": "One row per gift",
                "customProperties": [{"property": "granularityEs", "value": "Una fila por regalo"}],
                "properties": [
                    {"name": "session_id", "logicalType": "string", "primaryKey": True,
                     "primaryKeyPosition": 2, "required": True, **texts},
                    {"name": "gift_id", "logicalType": "string", "primaryKey": True,
                     "primaryKeyPosition": 1, "required": True, **texts},
                    {"name": "sent_at", "logicalType": "timestamp", "required": True, **texts},
                    {"name": "paid_on", "logicalType": "date", **texts},
                ],
            }
        ],
    }  # fmt: skip
    folder = tmp_path / "contracts"
    folder.mkdir()
    (folder / "gifts.yaml").write_text(yaml.safe_dump(contract), encoding="utf-8")
    gifts = load_contract_folder(folder)["gifts"]
    assert gifts.key == ("gift_id", "session_id")

    settings = Settings(home=tmp_path / "home")
    day = settings.landing / "gifts" / "dt=2026-03-10"
    day.mkdir(parents=True)
    (day / "gifts.csv").write_text(
        "gift_id,session_id,sent_at,paid_on\n"
        "g1,s1,2026-03-10T10:00:00-05:00,2026-03-31\n"
        "g1,s2,2026-03-10T10:00:00-05:00,31/03/2026\n",
        encoding="utf-8",
    )
    with Ingestor(settings) as ingestor:
        result = ingestor.ingest(gifts, date(2026, 3, 10))
    assert (result.outcome, result.rows_accepted, result.rows_refused) == ("accepted", 1, 1)
    assert str(result.min_event_at) == "2026-03-10 15:00:00+00:00"
    assert "a date like 2026-01-31" in result.problems[0].reason_en
