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
from orchestration.ingest.ledger import Ledger, utc_now
from orchestration.settings import Settings


@dataclass(frozen=True, slots=True)
class Noticed:
    """What is missing of a feed's accepted days in landing.

    Attributes:
        days: Missing days that no clean-up by age explains, in order.
        news: Those of them that no run has spoken of yet.
    """

    days: tuple[date, ...]
    news: tuple[date, ...]


def gone_days(feed: str, ledger: Ledger, zone: LandingZone) -> tuple[date, ...]:
    """The accepted days of a feed that are missing in landing and that no clean-up explains.

    Costs a listing of each day's folder.
    """
    accepted = ledger.accepted_days(feed)
    standing = _standing_days(feed, zone) if accepted else set()
    days = []
    oldest_write: int | None = None
    for day, written in accepted:
        if day in standing:
            oldest_write = written if oldest_write is None else min(oldest_write, written)
        elif oldest_write is not None and oldest_write <= written:
            days.append(day)
    return tuple(days)


def notice(feed: str, settings: Settings, zone: LandingZone) -> Noticed:
    """What is missing of a feed, remembered as said: the next run has no news of it."""
    with Ledger(settings.ledger) as ledger:
        days = gone_days(feed, ledger, zone)
        told = ledger.gone_days(feed)
        if told != set(days):
            ledger.note_gone(feed, days, utc_now())
    return Noticed(days=days, news=tuple(day for day in days if day not in told))


def _standing_days(feed: str, zone: LandingZone) -> set[date]:
    return {day for day in discover.landed_days(feed, zone).days if zone.partition(feed, day).files}
