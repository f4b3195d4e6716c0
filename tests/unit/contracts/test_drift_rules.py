"""What a contract may say about drift, and what it is told when it says something else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.contracts.loader import ContractError, load_contract, load_contracts
from tests.unit.contracts.test_contract_loader import Content, column, set_flag, written


def say(content: Content, name: str, property_name: str, value: object) -> None:
    """Give a column a custom property."""
    column(content, name)["customProperties"].append({"property": property_name, "value": value})


def feed_rules(content: Content, value: object) -> None:
    """Give the feed other rules of drift than the contract has."""
    content["customProperties"] = [
        entry for entry in content["customProperties"] if entry["property"] != "drift"
    ]
    set_flag(content, "drift", value)


def test_a_thousandfold_day_of_live_sessions_is_refused_and_other_drift_is_told() -> None:
    contract = load_contracts()["live_sessions"]
    assert contract.drift_action("changed_unit", "viewer_seconds") == "refuse"
    assert contract.drift_action("changed_unit", "diamonds") == "refuse"
    assert contract.drift_action("new_category", "platform") == "warn"
    assert contract.drift_action("vanished_column", "diamonds") == "warn"
    assert contract.drift_action("new_column", "bitrate_kbps") == "warn"


def test_what_cannot_happen_to_a_column_is_ignored() -> None:
    contract = load_contracts()["live_sessions"]
    assert contract.drift_action("changed_unit", "title") == "ignore"
    assert contract.drift_action("vanished_column", "session_id") == "ignore"


def test_a_column_has_the_last_word_then_the_feed_then_the_default(tmp_path: Path) -> None:
    def change(content: Content) -> None:
        feed_rules(content, {"null_share": "refuse", "changed_unit": "refuse"})
        say(content, "likes", "drift", {"changed_unit": "ignore"})

    contract = load_contract(written(tmp_path, change))
    assert contract.drift_action("changed_unit", "likes") == "ignore"
    assert contract.drift_action("changed_unit", "shares") == "refuse"
    assert contract.drift_action("null_share", "likes") == "refuse"
    assert contract.drift_action("changed_type", "likes") == "warn"


FAULTS: list[tuple[Callable[[Content], object], str]] = [
    (lambda c: feed_rules(c, {"changed_units": "refuse"}), "'changed_units' is no kind of drift"),
    (lambda c: feed_rules(c, {"changed_unit": "stop"}), "ignore, warn, refuse, not 'stop'"),
    (lambda c: feed_rules(c, ["changed_unit"]), "drift must be a mapping"),
    (lambda c: say(c, "title", "drift", {"changed_unit": "refuse"}), "'title': drift: changed_uni"),
    (lambda c: say(c, "likes", "drift", {"new_category": "warn"}), "new_category cannot happen"),
    (lambda c: say(c, "creator_id", "drift", {"vanished_column": "warn"}), "cannot happen here"),
    (
        lambda c: say(c, "likes", "vocabulary", value=True),
        "'likes': vocabulary: true needs a string",
    ),
    (lambda c: say(c, "session_id", "vocabulary", value=True), "'session_id': vocabulary: true"),
    (lambda c: say(c, "title", "vocabulary", "yes"), "vocabulary must be true or false"),
]


@pytest.mark.parametrize(("change", "message"), FAULTS, ids=[message for _, message in FAULTS])
def test_a_rule_that_means_nothing_does_not_load(
    tmp_path: Path, change: Callable[[Content], object], message: str
) -> None:
    with pytest.raises(ContractError, match=message) as error:
        load_contract(written(tmp_path, change))
    assert str(error.value).startswith("live_sessions.yaml: ")


def test_a_personal_column_cannot_be_a_vocabulary(tmp_path: Path) -> None:
    path = written(tmp_path, lambda c: say(c, "handle", "vocabulary", value=True), "creators")
    with pytest.raises(ContractError, match="its new values are shown to people"):
        load_contract(path)


def test_only_what_refuses_changes_the_fingerprint(tmp_path: Path) -> None:
    original = load_contracts()["creators"].fingerprint

    def fingerprint(change: Callable[[Content], object]) -> str:
        return load_contract(written(tmp_path, change, "creators")).fingerprint

    ignored = fingerprint(lambda c: say(c, "follower_count", "drift", {"changed_unit": "ignore"}))
    refused = fingerprint(lambda c: say(c, "follower_count", "drift", {"changed_unit": "refuse"}))
    assert ignored == original
    assert refused != original
