"""What `semillero drift` shows, in English and in Spanish, and the drift of a run.

What lives here: the words and tables of drift. What may not: judgement or any writing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from rich.console import Console
from rich.text import Text

from orchestration.ingest.drift import Acceptance
from orchestration.ingest.ledger import DayDrift
from orchestration.ingest.results import DayResult, DriftFinding, drift_to_tell
from orchestration.screen_parts import listed, part
from orchestration.settings import Settings

SHOWN = 6
"""Findings shown on a screen of a run or of the status; the rest is counted."""

TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "What drifted",
        "none": "Nothing drifted.",
        "warn": "told",
        "refuse": "refused the day",
        "accepted": "accepted",
        "acceptances": "Taken for the new normal",
        "acceptance": "{feed} from {day} on, {kind} {column}: {because} ({at:%Y-%m-%d %H:%M} UTC)",
        "more": "... and {count} more: semillero drift list",
        "on_days": " On {days} days from then on.",
        "done": "From {day} on this is normal for {feed}:",
        "next": "To read the day and to bring it into the marts: semillero run",
    },
    "es": {
        "title": "Dónde hay deriva",
        "none": "No hay deriva.",
        "warn": "se avisó",
        "refuse": "rechazó el día",
        "accepted": "aceptado",
        "acceptances": "Lo que ya se tiene por normal",
        "acceptance": "{feed} desde {day}, {kind} {column}: {because} ({at:%Y-%m-%d %H:%M} UTC)",
        "more": "... y {count} más: semillero drift list",
        "on_days": " En {days} días desde entonces.",
        "done": "Desde {day} esto es lo normal en {feed}:",
        "next": "Para leer el día y llevarlo a las tablas: semillero run",
    },
}

_STYLES: Mapping[str, str] = {"refuse": "red", "warn": "yellow", "accepted": "default"}

KINDS: Mapping[str, str] = {
    "new_column": "columna nueva",
    "vanished_column": "columna perdida",
    "changed_type": "otro tipo",
    "null_share": "valores vacíos",
    "new_category": "valor nuevo",
    "changed_unit": "otra unidad",
    "changed_distribution": "otra distribución",
}
"""The Spanish words for the kinds; in English they are the contract's, with spaces."""


def kind_words(kind: str, settings: Settings) -> str:
    """A kind of drift in the language of the screen."""
    return KINDS[kind] if settings.language == "es" else kind.replace("_", " ")


def run_lines(settings: Settings, ingested: Mapping[str, Sequence[DayResult]]) -> list[Text]:
    """What drifted in a run, one line for each feed, kind and column.

    What refused its day is left out: that stands under the reasons of the refusal.
    """
    texts = TEXTS[settings.language]
    lines = []
    for feed, days in ingested.items():
        for told in drift_to_tell(days):
            if told.finding.action == "refuse":
                continue
            more = texts["on_days"].format(days=told.days) if told.days > 1 else ""
            lines.append(f"{feed} {told.first}: {told.finding.told(settings.language)}{more}")
    return listed(lines, SHOWN, texts["more"])


def status_lines(settings: Settings, noted: Sequence[DayDrift]) -> list[Text]:
    """What drifted on the last day of each feed that drifted, and nobody accepted."""
    texts = TEXTS[settings.language]
    last: dict[str, date] = {}
    for each in noted:
        last[each.feed] = max(each.day, last.get(each.feed, each.day))
    lines = [
        f"{each.feed} {each.day}: {each.finding.told(settings.language)}"
        for each in noted
        # Why a day was refused stands beside its refusal.
        if each.day == last[each.feed] and each.finding.action == "warn"
    ]
    return listed(lines, SHOWN, texts["more"])


def acceptance_lines(settings: Settings, acceptances: Sequence[Acceptance]) -> list[Text]:
    """What people took for the new normal."""
    texts = TEXTS[settings.language]
    return [
        Text(
            "  "
            + texts["acceptance"].format(
                feed=each.feed,
                day=each.day,
                kind=kind_words(each.kind, settings),
                column=each.column,
                because=each.because,
                at=each.accepted_at,
            )
        )
        for each in acceptances
    ]


def show_drift(
    console: Console,
    settings: Settings,
    noted: Sequence[DayDrift],
    acceptances: Sequence[Acceptance],
) -> None:
    """Print what drifted when, with the last good day beside it, and what was accepted."""
    texts = TEXTS[settings.language]
    if not noted:
        console.print(texts["none"])
    else:
        console.print(Text(texts["title"], style="bold"))
        for each in noted:
            found = each.finding
            said = [
                f"{each.day} {each.feed}",
                f"{kind_words(found.kind, settings)} {found.column}",
                texts[found.action],
            ]
            console.print(Text(f"  {', '.join(said)}", style=_STYLES[found.action]))
            console.print(Text(f"    {found.told(settings.language)}"))
    for line in part(texts["acceptances"], acceptance_lines(settings, acceptances)):
        console.print(line)


def show_acceptance(
    console: Console, settings: Settings, feed: str, day: date, found: Sequence[DriftFinding]
) -> None:
    """Print what was accepted, and what to do now."""
    texts = TEXTS[settings.language]
    console.print(texts["done"].format(feed=feed, day=day))
    for each in found:
        console.print(Text(f"  {getattr(each, f'what_{settings.language}')}"))
    console.print(texts["next"])
