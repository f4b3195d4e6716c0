"""Rules and markets that cannot be are refused before anything runs, with file and line.

What lives here: the seeds as they are, and copies of them with one thing wrong each. What may not:
what rules do to days (integration tests).
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.seeds.check import check_seeds
from orchestration.seeds.metric_rules import RULE_COLUMNS
from orchestration.seeds.tables import SEEDS, SeedError

Edit = Callable[[list[dict[str, str]]], None]


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    """A copy of the seeds."""
    for path in SEEDS.glob("*.csv"):
        shutil.copy(path, tmp_path)
    return tmp_path


def rewrite(path: Path, edit: Edit) -> None:
    """Change the rows of a seed."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = list(rows[0])
    edit(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def refusal(seeds: Path) -> SeedError:
    """What the check says of seeds that it must refuse."""
    with pytest.raises(SeedError) as caught:
        check_seeds(seeds)
    return caught.value


def general_from(rows: list[dict[str, str]], rule_id: str, **changes: str) -> None:
    """Add another rule for all creators, like the one on the first line but for some values."""
    rows.append({**rows[0], "rule_id": rule_id, **changes})


def test_the_seeds_as_they_are_pass() -> None:
    check_seeds()


def test_the_five_published_definitions_are_there() -> None:
    with (SEEDS / "metric_rules.csv").open(encoding="utf-8", newline="") as file:
        rules = {row["rule_id"]: row for row in csv.DictReader(file)}
    asked = {
        name: {
            column: rules[name][column]
            for column in RULE_COLUMNS[6:12]
            if rules[name][column] not in {"", "false"}
        }
        for name in rules
        if name != "as_reported"
    }
    # domain.md, "One word, five rules".
    assert asked == {
        "network_hour": {"min_live_seconds": "3600", "exclude_static": "true"},
        "other_platform_vietnam": {"min_live_seconds": "3600", "max_counted_seconds": "28800"},
        "other_platform_us": {
            "min_longest_session_seconds": "1800",
            "min_session_seconds": "1800",
            "max_counted_seconds": "7200",
        },
        "reward_mission_25_minutes": {"min_longest_session_seconds": "1501", "min_diamonds": "1"},
        "partner_hour": {
            "min_longest_session_seconds": "3600",
            "min_session_seconds": "3600",
            "max_counted_seconds": "7200",
        },
    }


def test_two_rules_for_the_same_creators_on_a_day_are_both_shown(seeds: Path) -> None:
    def contend(rows: list[dict[str, str]]) -> None:
        general_from(rows, "network_two_hours", valid_from="2026-07-15", min_live_seconds="7200")

    rewrite(seeds / "metric_rules.csv", contend)
    error = refusal(seeds)
    assert (
        "seeds/metric_rules.csv, line 8: network_two_hours (2026-07-15 - no end) contends with "
        "network_hour (1900-01-01 - no end) on line 2: both are in force on 2026-07-15"
    ) in error.en
    assert "línea 8: network_two_hours (2026-07-15 - sin fin) choca con network_hour" in error.es


def test_a_new_rule_may_follow_where_the_old_one_ends(seeds: Path) -> None:
    def follow(rows: list[dict[str, str]]) -> None:
        rows[0]["valid_to"] = "2026-07-14"
        general_from(rows, "network_two_hours", valid_from="2026-07-15", valid_to="")

    rewrite(seeds / "metric_rules.csv", follow)
    check_seeds(seeds)


@pytest.mark.parametrize(
    ("valid_to", "valid_from", "said"),
    [
        ("2026-07-10", "2026-07-15", "line 8: from 2026-07-11 to 2026-07-14 no rule is in force"),
        ("2026-07-14", "", "line 2: from 2026-07-15 to ... no rule is in force"),
    ],
)
def test_days_without_a_rule_are_named(
    seeds: Path, valid_to: str, valid_from: str, said: str
) -> None:
    def leave_a_hole(rows: list[dict[str, str]]) -> None:
        rows[0]["valid_to"] = valid_to
        if valid_from:
            general_from(rows, "network_two_hours", valid_from=valid_from, valid_to="")

    rewrite(seeds / "metric_rules.csv", leave_a_hole)
    error = refusal(seeds)
    assert said in error.en
    assert "no rige ninguna regla" in error.es


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"valid_from": "2026-08-01", "valid_to": "2026-07-01"},
            "line 4: rule other_platform_us ends (2026-07-01) before it starts (2026-08-01)",
        ),
        ({"market": "XX"}, "line 4: market 'XX' of rule other_platform_us is not in"),
        ({"market": "us"}, "line 4: market 'us' of rule other_platform_us is not in"),
        ({"platform": "tiktk"}, "line 4: platform 'tiktk' of rule other_platform_us is not in"),
        ({"program": "Old Program"}, "line 4: program 'Old Program' is not a word"),
        ({"min_session_seconds": "-60"}, "line 4: min_session_seconds of rule"),
        ({"min_session_seconds": "1800.5"}, "line 4: min_session_seconds of rule"),
        ({"min_session_seconds": "half an hour"}, "line 4: min_session_seconds of rule"),
        ({"max_counted_seconds": "0"}, "line 4: max_counted_seconds of rule"),
        ({"max_counted_seconds": "900"}, "line 4: rule other_platform_us asks for 1800 s"),
        ({"exclude_static": ""}, "line 4: exclude_static of rule"),
        ({"exclude_static": "yes"}, "line 4: exclude_static of rule"),
        ({"valid_from": "15/07/2026"}, "line 4: valid_from of rule other_platform_us is '15/07"),
        ({"valid_from": "2026-02-30"}, "line 4: valid_from of rule"),
        ({"valid_from": ""}, "line 4: valid_from of rule"),
        ({"valid_to": "20260731"}, "line 4: valid_to of rule"),
        ({"rule_id": "partner_hour"}, "line 6: rule_id 'partner_hour' stands on line 4 already"),
        ({"rule_id": ""}, "line 4: rule_id '' is not a word"),
        ({"source_es": ""}, "line 4: source_es is empty"),
        ({"max_session_seconds": "86400"}, "line 4: only the rule for any platform"),
        ({"max_gap_seconds": "60"}, "line 4: max_gap_seconds belongs to a platform"),
    ],
)
def test_a_rule_that_nobody_could_apply_is_refused_with_its_line(
    seeds: Path, changes: dict[str, str], said: str
) -> None:
    rewrite(seeds / "metric_rules.csv", lambda rows: rows[2].update(changes))
    error = refusal(seeds)
    assert f"seeds/metric_rules.csv, {said}" in error.en
    assert "seeds/metric_rules.csv, línea" in error.es


def test_every_fault_is_told_at_once_and_not_more_than_a_screen(seeds: Path) -> None:
    def spoil(rows: list[dict[str, str]]) -> None:
        for row in rows:
            row.update(exclude_static="maybe", source_en="", source_es="")

    rewrite(seeds / "metric_rules.csv", spoil)
    error = refusal(seeds)
    assert error.en.count("\n* ") == 12
    assert "... and 6 more." in error.en
    assert "... y 6 más." in error.es


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("metric_rules.csv", ",min_diamonds,", ",min_dimonds,", "line 1: column 'min_dimonds' is"),
        ("metric_rules.csv", ",min_diamonds,", ",min_dimonds,", "line 1: column 'min_diamonds' is"),
        ("metric_rules.csv", ",valid_to,", ",valid_from,", "column 'valid_from' stands there"),
        ("metric_rules.csv", "as_reported,*,", "as_reported,", "line 7: 23 values for 24 columns"),
        ("metric_rules.csv", '"Creator network', 'Creator" network', "line 2: "),
        ("markets.csv", "America/Bogota", "America/Bogotá", "line 3: 'America/Bogotá' is not an"),
        ("markets.csv", "America/Bogota", "UTC-5", "line 3: 'UTC-5' is not an IANA time zone"),
        ("markets.csv", "CO,CO,", "MX,CO,", "line 3: market 'MX' stands on line 2 already"),
        ("markets.csv", "ZZ,ZZ", "YY,YY", "line 1: market ZZ is missing"),
        ("markets.csv", "COP", "pesos", "line 3: currency 'pesos' is not a code"),
        ("platforms.csv", "kwai,Kwai", "Kwai,Kwai", "line 3: platform 'Kwai' is not a word"),
        ("platforms.csv", "kwai,Kwai", "kwai,", "line 3: name is empty"),
    ],
)
def test_a_seed_that_cannot_be_read_names_file_and_line(
    seeds: Path, name: str, old: str, new: str, said: str
) -> None:
    path = seeds / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    error = refusal(seeds)
    assert f"seeds/{name}, " in error.en
    assert said in error.en


def test_a_file_that_is_not_utf_8_or_missing_or_empty_is_refused(seeds: Path) -> None:
    path = seeds / "markets.csv"
    path.write_bytes(path.read_text(encoding="utf-8").encode("latin-1"))
    assert "seeds/markets.csv, line 2: this is not UTF-8" in refusal(seeds).en
    path.write_text("", encoding="utf-8")
    assert "seeds/markets.csv, line 1: column 'country' is missing" in refusal(seeds).en
    path.unlink()
    assert "seeds/markets.csv, line 1: the file is missing" in refusal(seeds).en


def test_a_byte_order_mark_and_lines_of_windows_are_read(seeds: Path) -> None:
    path = seeds / "metric_rules.csv"
    text = path.read_text(encoding="utf-8").replace("\n", "\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    check_seeds(seeds)
