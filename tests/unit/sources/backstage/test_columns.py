"""Every header that was seen anywhere is known, in both languages, however it is typed."""

from __future__ import annotations

import json

import pytest

from orchestration.contracts.loader import load_contracts
from orchestration.settings import PROJECT_ROOT
from orchestration.sources.backstage.columns import FIELDS, field_of
from orchestration.sources.backstage.problems import CELL_TEXTS
from orchestration.sources.backstage.report import OWN_COLUMNS

HEADERS = PROJECT_ROOT.parent / "shared" / "data" / "oracles" / "backstage_headers.json"

OTHER_ENGLISH = {
    "Joined time": "joined_at",
    "Total Diamonds": "diamonds",
    "Diamonds in selected period": "diamonds",
    "LIVE duration in selected period": "live_seconds",
    "Valid go LIVE days in selected period": "valid_days",
    "Selected period": "period",
    "Valid LIVE days": "valid_days",
    "LIVE duration(h)": "live_seconds",
    "Valid days(d)": "valid_days",
    "Estimated bonus": "estimated_bonus",
    "Tier": "tier",
    "Rank-up status": "tier_status",
    "Activeness level": "activeness_level",
}
SPANISH_RANK = ("Estado de rango", "Estado del rango", "Estado de rango del creador")


@pytest.mark.skipif(not HEADERS.exists(), reason="../shared/data/oracles is not beside us")
@pytest.mark.parametrize(
    ("export", "count", "language"),
    [("english_month", 41, "en"), ("english_last_30_days", 26, "en"), ("spanish_month", 35, "es")],
)
def test_every_header_of_the_three_exports_means_a_column_of_its_own(
    export: str, count: int, language: str
) -> None:
    headers = json.loads(HEADERS.read_text(encoding="utf-8"))[export]
    found = [field_of(header) for header in headers]
    assert [header for header, known in zip(headers, found, strict=True) if known is None] == []
    names = {known[0].name for known in found if known is not None}
    assert len(headers) == len(names) == count
    assert {known[1] for known in found if known is not None} == {language}


@pytest.mark.parametrize(("header", "column"), OTHER_ENGLISH.items())
def test_other_english_spellings_mean_the_same_columns(header: str, column: str) -> None:
    known = field_of(header)
    assert known is not None
    assert known[0].name == column


@pytest.mark.parametrize("header", [*SPANISH_RANK, "Rango del creador"])
def test_the_optional_spanish_rank_column_is_known_in_every_wording(header: str) -> None:
    known = field_of(header)
    assert known is not None
    assert known[0].name == "tier_status"


@pytest.mark.parametrize(
    "counter",
    [
        "Diamantes",
        "Duración de LIVE",
        "Días válidos de emisiones LIVE",
        "Nuevos seguidores",
        "Emisiones LIVE",
    ],
)
def test_both_spanish_wordings_of_the_comparison_are_one_column(counter: str) -> None:
    one, other = (
        field_of(f"{counter} - frente al mes pasado"),
        field_of(f"{counter} - Frente al último mes"),
    )
    assert one is not None
    assert one == other


@pytest.mark.parametrize(
    "typed",
    [
        "Creator\u2019s  username",
        " CREATOR'S USERNAME ",
        "creator\u00b4s\u00a0username:",
    ],
)
def test_apostrophes_spaces_letter_case_and_colons_do_not_hide_a_header(typed: str) -> None:
    known = field_of(typed)
    assert known is not None
    assert known[0].name == "username"


def test_accents_and_dashes_do_not_hide_a_header() -> None:
    known = field_of("Dias validos de emisiones LIVE \u2013 frente al mes pasado")
    assert known is not None
    assert known[0].name == "valid_days_vs_last_month_rate"


def test_a_header_nobody_has_seen_is_not_guessed() -> None:
    assert field_of("Diamonds (net)") is None
    assert field_of("") is None


def test_every_column_that_is_read_is_promised_by_the_contract_and_no_other() -> None:
    contract = load_contracts()["backstage_reports"]
    read = {field.name for field in FIELDS} - {"period"} | set(OWN_COLUMNS)
    assert read == {column.name for column in contract.columns}


def test_every_kind_of_unreadable_cell_has_its_rule_in_the_contract() -> None:
    rules = " ".join(rule.refuse_when for rule in load_contracts()["backstage_reports"].rules)
    assert [code for code in CELL_TEXTS if code not in rules] == []
