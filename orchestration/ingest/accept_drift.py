"""Take what drifted on a day for the new normal: an act of a person, with a reason.

What lives here: what such an act needs, and its record. What may not: the comparison that obeys it
(`drift`), or reading the day again (an ordinary run does, as the day is pending).
"""

from __future__ import annotations

from datetime import date

from orchestration.ingest import reasons
from orchestration.ingest.ledger import Ledger, utc_now
from orchestration.ingest.reasons import RefusedError
from orchestration.ingest.results import DriftFinding
from orchestration.settings import Settings


class AcceptDriftError(RefusedError):
    """There is nothing to accept."""


def accept_drift(
    settings: Settings, feed: str, day: date, because: str
) -> tuple[DriftFinding, ...]:
    """Record that everything that drifted on a day is normal from that day on.

    Needs the home's lock. Of a day whose files were refused, these are meant; else the accepted
    state. The day's level becomes the baseline of the days after it.

    Returns:
        What was accepted.

    Raises:
        AcceptDriftError: no reason is given, or nothing drifted on the day.
    """
    if not because.strip():
        raise AcceptDriftError(reasons.because_of_what())
    with Ledger(settings.ledger) as ledger:
        noted = ledger.drift(feed, day)
        refused = tuple(each.finding for each in noted if each.is_day_refused)
        accepted = tuple(
            each.finding
            for each in noted
            if not each.is_day_refused and each.finding.action != "accepted"
        )
        found = refused or accepted
        if not found:
            raise AcceptDriftError(reasons.nothing_drifted(feed, day))
        ledger.accept_drift(feed, day, found, because.strip(), utc_now())
    return found
