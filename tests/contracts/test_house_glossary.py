"""CONTEXT.md is complete: each word has its meaning, unit, Spanish twin and synonyms to avoid.

What lives here: the form of the glossary, and that code and glossary name the same words. What may
not: what the words mean.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

_ENTRY = re.compile(
    r"^\*\*(?P<word>[^*]+)\*\* · \*(?P<spanish>[^*]+)\* · (?P<unit>.+) · not: (?P<avoided>.+)\\$"
)
# What somebody who reads the marts or a run's last screen meets without explanation.
MUST_BE_EXPLAINED = (
    "creator",
    "LIVE session",
    "local day",
    "valid LIVE day",
    "metric rule",
    "active",
    "new",
    "retained",
    "resurrected",
    "churned",
    "cohort",
    "matured",
    "segment",
    "coverage",
    "complete period",
    "as of",
    "program",
    "claim grade",
    "landing",
    "raw",
    "quarantine",
    "ledger",
    "warehouse",
    "gate",
    "release",
    "certificate",
    "current",
)


@dataclass(frozen=True)
class Entry:
    """One word of the glossary."""

    word: str
    spanish: str
    unit: str
    avoided: tuple[str, ...]
    meaning: str


def read_glossary(text: str) -> tuple[list[Entry], list[str]]:
    """The entries, and the lines that begin like one and are none."""
    entries, faults = [], []
    paragraphs = re.split(r"\n\s*\n", text)
    for paragraph in paragraphs:
        head, _, meaning = paragraph.strip().partition("\n")
        # The one rule is a bold sentence; entries have their parts after a middle dot.
        if not head.startswith("**") or " · " not in head:
            continue
        match = _ENTRY.match(head)
        if match is None or not meaning.strip():
            faults.append(f"not an entry with twin, unit, synonyms and meaning: {head}")
            continue
        avoided = tuple(word.strip(" `") for word in match["avoided"].split(","))
        entries.append(Entry(match["word"], match["spanish"], match["unit"], avoided, meaning))
    return entries, faults


def glossary_faults(text: str) -> list[str]:
    """Entries that are malformed, stand twice, or avoid a word that is itself an entry's."""
    entries, faults = read_glossary(text)
    words = [entry.word.casefold() for entry in entries]
    faults += [f"{word}: stands twice" for word in sorted({w for w in words if words.count(w) > 1})]
    faults += [
        f"{entry.word}: avoids itself"
        for entry in entries
        if entry.word.casefold() in {word.casefold() for word in entry.avoided}
    ]
    return faults


def test_every_entry_of_the_glossary_is_whole(checkout: Path) -> None:
    assert glossary_faults((checkout / "CONTEXT.md").read_text(encoding="utf-8")) == []


def test_the_words_that_people_meet_are_explained(checkout: Path) -> None:
    entries, _ = read_glossary((checkout / "CONTEXT.md").read_text(encoding="utf-8"))
    words = {entry.word for entry in entries}
    assert [word for word in MUST_BE_EXPLAINED if word not in words] == []


def test_the_glossary_says_that_absence_is_no_fact(checkout: Path) -> None:
    text = (checkout / "CONTEXT.md").read_text(encoding="utf-8")
    assert "What was seen is a fact; absence is not." in text


# --- Each rule can fail --------------------------------------------------------------------------

_GOOD = "**creator** · *creador, creadora* · one `creator_id` · not: user, host\\\nWho goes LIVE."


def test_a_whole_entry_is_read_in_its_parts() -> None:
    assert glossary_faults(_GOOD) == []
    entries, _ = read_glossary(_GOOD)
    assert entries == [
        Entry(
            word="creator",
            spanish="creador, creadora",
            unit="one `creator_id`",
            avoided=("user", "host"),
            meaning="Who goes LIVE.",
        )
    ]


@pytest.mark.parametrize(
    "text",
    [
        "**creator** · one `creator_id` · not: user\\\nWho goes LIVE.",
        "**creator** · *creador* · not: user\\\nWho goes LIVE.",
        "**creator** · *creador* · one `creator_id`\\\nWho goes LIVE.",
        "**creator** · *creador* · one `creator_id` · not: user",
        "**creator** · *creador* · one `creator_id` · not: user, Creator\\\nWho goes LIVE.",
        f"{_GOOD}\n\n{_GOOD}",
    ],
)
def test_an_entry_with_a_part_missing_is_a_fault(text: str) -> None:
    assert glossary_faults(text)
