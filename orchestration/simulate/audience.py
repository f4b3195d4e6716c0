"""Who watches each show, and what they give.

What lives here: `Audience`, which fills in the counts of a week's shows. What may not: when shows
are and for how long (`activity`).
"""

from __future__ import annotations

import numpy as np

from orchestration.simulate import lots as table
from orchestration.simulate import parameters as p
from orchestration.simulate.clock import DAY, HOUR, Clock
from orchestration.simulate.draws import NEVER, Rows
from orchestration.simulate.holidays import DAYS_SEEN, WeekFactors, factors_of_week
from orchestration.simulate.world import Population

_OWN = NEVER - 1
"""Of a category that is drawn: the creator's own."""
_KINDS_OF_LOTS = 14
_AT_ONCE = 1 << 15
"""Shows that are worked on together: what is held of them stays in a processor's cache."""


class Audience:
    """The audience of everybody in the world."""

    def __init__(self, people: Population, clock: Clock) -> None:
        """Nobody is LIVE yet."""
        self._people = people
        self._clock = clock
        talent = people.talent
        self._median = np.exp(
            p.AUDIENCE_LOG_MEAN
            + p.AUDIENCE_TALENT * talent
            + p.AUDIENCE_STAR * np.maximum(talent, 0)
        )
        self._gift_rate = 0.02 * np.exp(0.3 * talent)

    def of_shows(self, rng: np.random.Generator, monday: int, shows: Rows) -> Rows:
        """Fill in who watched and what they gave: unique >= peak >= average, gifters <= unique.

        Args:
            rng: The week's generator.
            monday: Its first local midnight.
            shows: creator, started_at, seconds, platform, share (which part of a creator's audience
                watches on this platform), is_static.

        Returns:
            `activity.SESSION_COLUMNS`; `session` counts from 0.
        """
        size = len(shows["creator"])
        factors = factors_of_week(monday)
        blocks = [
            self._of_some(rng, monday, factors, {each: shows[each][rows] for each in shows})
            for first in range(0, max(size, 1), _AT_ONCE)
            for rows in (slice(first, first + _AT_ONCE),)
        ]
        filled = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
        return {"session": np.arange(size), **filled}

    def _of_some(
        self, rng: np.random.Generator, monday: int, factors: WeekFactors | None, shows: Rows
    ) -> Rows:
        """The same of few enough shows, without their numbers."""
        people, creator, is_static = self._people, shows["creator"], shows["is_static"]
        start, seconds, size = shows["started_at"], shows["seconds"], len(shows["creator"])
        lots = iter(table.draw(rng, size, _KINDS_OF_LOTS))

        audience = self._median[creator] * table.about(1.0, p.AUDIENCE_SIGMA)[next(lots)]
        audience *= shows["share"]
        audience[is_static] *= 0.3
        if factors is not None:
            local = self._clock.to_local(people.zone[creator], start)
            day = np.clip((local - monday) // DAY, 0, DAYS_SEEN - 1)
            audience *= factors.audience[people.market[creator], day]
        viewer_seconds = (audience * seconds).astype(np.int64)
        average_hundredths = np.rint(viewer_seconds * 100 / seconds).astype(np.int64)
        swell = 1.15 + 0.5 * table.exponential().astype(np.float64)
        peak = np.ceil(average_hundredths / 100 * swell[next(lots)]).astype(np.int32)
        # How many come and go, nearly Poisson: no count of these is looked at alone.
        passing = audience * seconds * (5.0 / HOUR)
        passing += np.sqrt(passing) * table.normal()[next(lots)]
        unique = peak + np.maximum(np.rint(passing), 0.0).astype(np.int32)
        viewers = unique.astype(np.float64)
        rate = np.minimum(self._gift_rate[creator] * table.about(1.0, 0.6)[next(lots)], 0.5)
        gifters = np.minimum(table.counts(rng, next(lots), viewers * rate), unique)
        given = table.about(
            float(np.exp(p.DIAMONDS_PER_GIFTER_LOG_MEAN)), p.DIAMONDS_PER_GIFTER_SIGMA
        )
        followed = np.minimum(table.about(0.012, 0.5), np.float32(0.3))[next(lots)]
        followers = np.minimum(table.counts(rng, next(lots), viewers * followed), unique)
        category = table.codes(
            (NEVER, p.SESSION_CATEGORY_EMPTY_RATE),
            (0, (1 - p.SESSION_CATEGORY_EMPTY_RATE) * p.SESSION_CATEGORY_IS_TALK_RATE),
            (_OWN, 1.0),
        )[next(lots)]
        title_share = (1 - p.TITLE_EMPTY_RATE) / p.TITLES_PER_LANGUAGE
        titles = [(title, title_share) for title in range(p.TITLES_PER_LANGUAGE)]
        ended = start + seconds
        return {
            "creator": creator,
            "platform": shows["platform"].astype(np.int8),
            "category": np.where(
                category == _OWN, people.category[creator].astype(np.int8), category
            ),
            "title": table.codes((NEVER, p.TITLE_EMPTY_RATE), *titles)[next(lots)],
            "started_at": start,
            "ended_at": ended,
            "viewer_seconds": viewer_seconds,
            "average_hundredths": average_hundredths,
            "peak_viewers": peak,
            "unique_viewers": unique,
            "likes": (viewers * table.about(5.0, 0.8)[next(lots)]).astype(np.int64),
            "comments": (viewers * table.about(0.5, 0.7)[next(lots)]).astype(np.int32),
            "shares": (viewers * table.about(0.02, 0.8)[next(lots)]).astype(np.int32),
            "new_followers": followers.astype(np.int32),
            "gifters": gifters.astype(np.int32),
            # A gift is at least one diamond.
            "diamonds": gifters + (gifters * given[next(lots)].astype(np.float64)).astype(np.int64),
            "is_static": is_static.astype(np.int8),
            "updated_at": ended + table.between(next(lots), 60, 600),
            "is_bot_like": np.zeros(size, np.int8),
        }
