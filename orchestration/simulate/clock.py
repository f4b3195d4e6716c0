"""Local time for whole arrays: what each creator's clock shows at an instant.

What lives here: tables of UTC offsets by zone and by UTC and local hour, and the two conversions.
What may not: any other source of time zones than the system's IANA database (`zoneinfo`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from orchestration.simulate.draws import Ints

DAY = 86_400
HOUR = 3_600
WEEK = 7 * DAY

_MARGIN_DAYS = 120
"""Around the window: onboarding that began in it, and local days that stick out of it."""


def epoch_of(day: date) -> int:
    """Seconds since 1970 at 00:00 UTC of a day."""
    return (day - date(1970, 1, 1)).days * DAY


def date_of(epoch: int) -> date:
    """The UTC day of an instant (or the day of a local time counted like one)."""
    return date(1970, 1, 1) + timedelta(days=int(epoch) // DAY)


class Clock:
    """UTC offsets of the world's zones over its window.

    A table by whole hour is exact: every offset of these zones is of whole hours and every change
    falls on a whole one, which is checked while it is built. Instants beyond the margins use the
    nearest offset.
    """

    def __init__(self, zones: tuple[str, ...], start: date, days: int) -> None:
        """Build the table for `zones` from before `start` to after `start + days`."""
        self.zones = zones
        self.first = epoch_of(start) - _MARGIN_DAYS * DAY
        hours = (days + 2 * _MARGIN_DAYS) * 24
        self._offsets = np.vstack([self._offsets_of(ZoneInfo(zone), hours) for zone in zones])
        if (self._offsets % HOUR).any():
            raise AssertionError("A zone is not whole hours away from UTC.")
        self._local_offsets = self._offsets_by_local_hour()

    def _offsets_of(self, zone: ZoneInfo, hours: int) -> Ints:
        def at(hour: float) -> int:
            shown = datetime.fromtimestamp(self.first + hour * HOUR, UTC).astimezone(zone)
            offset = shown.utcoffset()
            return int(offset.total_seconds()) if offset is not None else 0

        offsets = np.empty(hours, dtype=np.int64)
        # Days without a change are the rule: ask for each hour only where a day's ends differ.
        for day in range(0, hours, 24):
            first, after = at(day), at(day + 24)
            offsets[day : day + 24] = first
            if first != after:
                offsets[day : day + 24] = [at(hour) for hour in range(day, day + 24)]
                halves = [at(hour + 0.5) for hour in range(day, day + 24)]
                if halves != offsets[day : day + 24].tolist():
                    raise AssertionError(f"{zone} changes its clock within an hour.")
        return offsets

    def _offsets_by_local_hour(self) -> Ints:
        """What to take from each local hour: the offset before a change, unless only the one after.

        So where clocks go back, an hour that is shown twice is the first of the two; and where they
        go forward, an hour that is skipped is the later instant, as a clock would show it that
        nobody had put forward (both as in `zoneinfo`, RFC 5545 and the Temporal proposal).
        """
        local = np.broadcast_to(
            self.first + np.arange(self._offsets.shape[1]) * HOUR, self._offsets.shape
        )
        zone = np.arange(len(self.zones))[:, None]
        before, after = self.offset(zone, local - DAY), self.offset(zone, local + DAY)
        is_before = self.to_local(zone, local - before) == local
        is_after = self.to_local(zone, local - after) == local
        offsets: Ints = np.where(~is_before & is_after, after, before)
        return offsets

    def offset(self, zone: Ints, utc: Ints) -> Ints:
        """Seconds to add to UTC in each row's zone."""
        hour = np.clip((utc - self.first) // HOUR, 0, self._offsets.shape[1] - 1)
        result: Ints = self._offsets[zone, hour]
        return result

    def to_local(self, zone: Ints, utc: Ints) -> Ints:
        """Local wall time, in seconds counted as if it were UTC."""
        return utc + self.offset(zone, utc)

    def to_utc(self, zone: Ints, local: Ints) -> Ints:
        """The instant of a local wall time.

        In the hour that a change skips it is the later one (what a clock shows that stood still),
        and of an hour that is shown twice the first.
        """
        hour = np.clip((local - self.first) // HOUR, 0, self._local_offsets.shape[1] - 1)
        result: Ints = local - self._local_offsets[zone, hour]
        return result
