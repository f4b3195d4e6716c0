"""Notice that the landed files of an accepted day are gone, without crying at every clean-up.

What lives here: which missing days are worth a word, and that it is said once. What may not: doing
anything about them. Raw keeps an accepted day whatever becomes of its files; whether it should is
for a person to say (`withdraw`).

Teams clean up landing: everything older than thirty days goes, or everything that was loaded. That
takes the oldest days and leaves younger ones. So a day is worth a word only where something older
still stands: older by its arrival day and by the time at which its files were written, because
clean-ups go by one or by the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from orchestration.ingest import discover
from orchestration.ingest.landed import LandingZone
from orchestration.ingest.landing_zone import open_zone
from orchestration.ingest.ledger import Ledger, utc_now
from orchestration.settings import Settings


@dataclass(frozen=True, slots=True)
class GoneDays:
    """What is missing of a feed's accepted days in landing.

    Attributes:
        days: Missing days that no clean-up by age explains, in order.
        news: Those of them that no run has spoken of yet.
        cleaned_count: Missing days that a clean-up by age explains.
    """

    days: tuple[date, ...]
    news: tuple[date, ...]
    cleaned_count: int


def gone_days(feed: str, settings: Settings, ledger: Ledger) -> GoneDays:
    """Compare a feed's accepted days with landing; costs a listing of each day's folder."""
    accepted = ledger.accepted_days(feed)
    standing = _standing_days(feed, open_zone(settings)) if accepted else set()
    noticed = {gone.day for gone in ledger.gone_days() if gone.feed == feed}
    days = []
    oldest_write: int | None = None
    for day, written in accepted:
        if day in standing:
            oldest_write = written if oldest_write is None else min(oldest_write, written)
        elif oldest_write is not None and oldest_write <= written:
            days.append(day)
    return GoneDays(
        days=tuple(days),
        news=tuple(day for day in days if day not in noticed),
        cleaned_count=sum(day not in standing for day, _ in accepted) - len(days),
    )


def notice(feed: str, settings: Settings) -> GoneDays:
    """What is missing of a feed, remembered as said: the next run has no news of it."""
    with Ledger(settings.ledger) as ledger:
        found = gone_days(feed, settings, ledger)
        noticed = {gone.day for gone in ledger.gone_days() if gone.feed == feed}
        if noticed != set(found.days):
            ledger.note_gone(feed, found.days, utc_now())
    return found


def _standing_days(feed: str, zone: LandingZone) -> set[date]:
    return {day for day in discover.landed_days(feed, zone).days if zone.partition(feed, day).files}
