"""Which days are not like others, by market: what holidays do to shows and to their audience.

What lives here: the rules that turn `parameters.HOLIDAYS` into dates, and tables of factors by
market and day for a week. What may not: numbers (`parameters`), or who is LIVE (`activity`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from orchestration.simulate import parameters as p
from orchestration.simulate.clock import date_of
from orchestration.simulate.draws import Floats

DAYS_SEEN = 9
"""Of a week from Monday: shows of its last evenings begin after midnight."""

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Kept:
    """A holiday on a date in one market."""

    market: str
    day: date
    name: str
    shows: float
    audience: float


@dataclass(frozen=True)
class WeekFactors:
    """Factors of one week, market by day from Monday (`DAYS_SEEN` of them)."""

    shows: Floats
    audience: Floats


def easter(year: int) -> date:
    """Easter Sunday: the anonymous Gregorian algorithm (Meeus, Astronomical Algorithms, ch. 8)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    weekday = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * weekday) // 451
    month, day = divmod(h + weekday - 7 * m + 114, 31)
    return date(year, month, day + 1)


def date_in(year: int, rule: str) -> date:
    """The date of a rule (see `parameters.Holiday.day`) in a year."""
    if rule.startswith("easter"):
        return easter(year) + int(rule.removeprefix("easter")) * _DAY
    if "-" in rule:
        return date(year, int(rule[:2]), int(rule[3:]))
    month, weekday, nth = (int(part) for part in rule.split())
    first = date(year, month, 1)
    return first + ((weekday - first.weekday()) % 7 + 7 * (nth - 1)) * _DAY


def kept_between(first: date, last: date) -> Iterator[Kept]:
    """Every holiday that is kept from one day to another, by market, in the order of the table."""
    for holiday in p.HOLIDAYS:
        for year in range(first.year - 1, last.year + 1):
            began = date_in(year, holiday.day)
            for day in (began + number * _DAY for number in range(holiday.days)):
                if first <= day <= last:
                    for market in holiday.markets:
                        yield Kept(market, day, holiday.name, holiday.shows, holiday.audience)


def factors_of_week(monday: int) -> WeekFactors | None:
    """The factors of the local week from a Monday (an epoch); None for a week like any other.

    Where two holidays fall on one day, the greater change counts: nobody stays away twice.
    """
    first = date_of(monday)
    found = list(kept_between(first, first + (DAYS_SEEN - 1) * _DAY))
    if not found:
        return None
    codes = {market.market: code for code, market in enumerate(p.MARKETS)}
    shows = np.ones((len(p.MARKETS), DAYS_SEEN))
    audience = np.ones((len(p.MARKETS), DAYS_SEEN))
    for kept in found:
        place = codes[kept.market], (kept.day - first).days
        if abs(np.log(kept.shows)) > abs(np.log(shows[place])):
            shows[place] = kept.shows
            audience[place] = kept.audience
    return WeekFactors(shows, audience)
