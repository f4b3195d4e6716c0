"""Gifts of true sessions: rows whose diamonds are the session's, to the last one.

What lives here: from a week of true sessions to rows of `gifts`. What may not: how many diamonds or
gifters a session has (`activity` decides that), and when or how rows are written.

A few senders give most, and they come back: a creator's fans are numbered by how close they are, a
session's gifters are drawn with the closest far more often, and the closer a fan, the more of the
session's diamonds. Some gifters are passing guests that are seen with many creators.
"""

from __future__ import annotations

import numpy as np

from orchestration.simulate import parameters as p
from orchestration.simulate.clock import DAY, epoch_of
from orchestration.simulate.draws import NEVER, Bools, Floats, Ints, Rows, Stage, generator
from orchestration.simulate.options import WorldOptions

GIFT_COLUMNS = (
    "session", "number", "creator", "sender", "sent_at", "diamonds", "gift", "quantity", "arrival",
)  # fmt: skip
"""Whole numbers all of them: `number` counts a session's gifts from 0, `gift` is a place in
`parameters.GIFTS`, `sender` is `NEVER` where the platform does not say."""

_PRICES = np.array([price for _, price in p.GIFTS], np.int64)
_FANS = 1_000_000
"""More than any creator has, so that a fan's number is the creator's and their own."""
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


def is_chosen(creators: Ints, share: float, salt: int) -> Bools:
    """A share of creators that depends on nothing but their number; a greater share holds a lesser.

    Args:
        creators: Creator numbers.
        share: 0 to 1.
        salt: Tells one choice from another.
    """
    mixed = (creators.astype(np.uint64) + np.uint64(salt) * np.uint64(7_919)) * _SPREAD
    mixed ^= mixed >> np.uint64(32)
    mixed *= _SPREAD
    chosen: Bools = (mixed >> np.uint64(40)).astype(np.float64) < share * 2.0**24
    return chosen


def gifts_of(week: int, sessions: Rows, options: WorldOptions) -> Rows:
    """The gifts of one week's true sessions, of the creators whose gifts are landed.

    A session's gifts arrive together, with the day on which it ended: then its counts are final.

    Args:
        week: Number of the week.
        sessions: `activity.SESSION_COLUMNS`.
        options: `gift_share` says of how many creators.

    Returns:
        `GIFT_COLUMNS`, in order of session and number. Of each session with diamonds they sum to
        its diamonds, and have at most as many senders as it has gifters.
    """
    rng = generator(options.seed, Stage.GIFTS, week)
    chosen = is_chosen(sessions["creator"], options.gift_share, Stage.GIFTS)
    rows = np.flatnonzero(chosen & (sessions["gifters"] > 0))
    gifters, diamonds = sessions["gifters"][rows], sessions["diamonds"][rows]
    of_session = np.repeat(np.arange(len(rows)), gifters)
    creator = sessions["creator"][rows][of_session]
    closeness, sender = _senders(rng, creator, sessions["unique_viewers"][rows][of_session])
    amount = _amounts(rng, of_session, closeness, gifters, diamonds)

    gift, quantity, giver = _gifts_for(rng, amount)
    session = of_session[giver]
    started, ended = sessions["started_at"][rows][session], sessions["ended_at"][rows][session]
    at = started + np.floor(rng.random(len(giver)) * (ended - started)).astype(np.int64)
    order = np.lexsort((giver, at, session))
    session, giver, at = session[order], giver[order], at[order]
    gift, quantity = gift[order], quantity[order]
    first_of_session = np.searchsorted(session, session, side="left")
    return {
        "session": sessions["session"][rows][session],
        "number": np.arange(len(session)) - first_of_session,
        "creator": creator[giver],
        "sender": sender[giver],
        "sent_at": at,
        "diamonds": _PRICES[gift] * quantity,
        "gift": gift,
        "quantity": quantity,
        "arrival": (ended[order] - epoch_of(options.start)) // DAY + 1,
    }


def _senders(rng: np.random.Generator, creator: Ints, viewers: Ints) -> tuple[Floats, Ints]:
    """How close each gifter is (0 is the closest fan), and who it is."""
    size = len(creator)
    fans = p.FANS_LEAST + p.FANS_PER_VIEWER * viewers
    fan = np.minimum(
        np.floor(fans * rng.random(size) ** p.FANS_RETURN_POWER).astype(np.int64), _FANS - 1
    )
    is_guest = rng.random(size) < p.GUEST_GIFTER_SHARE
    guest = rng.integers(0, p.GUEST_GIFTERS, size)
    sender = np.where(is_guest, guest, (creator + 1) * _FANS + fan)
    is_unknown = rng.random(size) < p.SENDER_EMPTY_RATE
    closeness: Floats = np.where(is_guest, fans, fan).astype(np.float64)
    return closeness, np.where(is_unknown, NEVER, sender)


def _amounts(
    rng: np.random.Generator, of_session: Ints, closeness: Floats, gifters: Ints, diamonds: Ints
) -> Ints:
    """What each gifter gives: at least one diamond, and together exactly the session's."""
    weight = np.exp(p.GIFTER_SIGMA * rng.standard_normal(len(of_session)))
    weight /= (closeness + 1.0) ** p.CLOSENESS_POWER
    together = np.bincount(of_session, weights=weight, minlength=len(gifters))
    spare = diamonds - gifters
    amount = np.floor(spare[of_session] * (weight / together[of_session])).astype(np.int64)
    # What rounding left over goes to the session's most generous, the first of them.
    left = spare - np.bincount(of_session, weights=amount, minlength=len(gifters)).astype(np.int64)
    order = np.lexsort((np.arange(len(of_session)), -weight, of_session))
    first = np.cumsum(gifters) - gifters
    amount[order[first]] += left
    whole: Ints = amount + 1
    return whole


def _gifts_for(rng: np.random.Generator, amount: Ints) -> tuple[Ints, Ints, Ints]:
    """Gifts that cost exactly what each gifter gives: at most three runs of equal ones.

    Returns:
        gift, quantity, and the place of the gifter in `amount`.
    """
    dearest = np.searchsorted(_PRICES, amount, side="right") - 1
    # Mostly the dearest that they can pay, or one somewhat below it.
    step = np.minimum(rng.geometric(p.DEAREST_GIFT_RATE, len(amount)) - 1, dearest)
    parts: list[tuple[Ints, Ints, Ints]] = []
    giver, rest, gift = np.arange(len(amount)), amount, dearest - step
    for run in range(3):
        quantity = rest // _PRICES[gift]
        parts.append((gift, quantity, giver))
        left = rest - quantity * _PRICES[gift]
        some = left > 0
        giver, rest = giver[some], left[some]
        # The last run is of the cheapest gift, which costs one diamond: nothing is left over.
        gift = (
            np.searchsorted(_PRICES, rest, side="right") - 1
            if run == 0
            else np.zeros(len(rest), np.int64)
        )
    gifts, quantities, givers = zip(*parts, strict=True)
    return np.concatenate(gifts), np.concatenate(quantities), np.concatenate(givers)
