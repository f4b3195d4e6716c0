"""Sessions that look as if machines had watched them: hours long, few viewers, many likes.

What lives here: `with_bots`. What may not: judging them; they are true, and the truth flags them.
"""

from __future__ import annotations

import numpy as np

from orchestration.simulate import parameters as p
from orchestration.simulate.clock import HOUR
from orchestration.simulate.draws import Rows, Stage, generator


def with_bots(seed: int, week: int, sessions: Rows) -> Rows:
    """A week's sessions (in order of creator and start), some of them made to look like bots.

    Only sessions with room for the hours before the same creator's next one this week: who is LIVE
    when stays as it was, but for the end of these.
    """
    size = len(sessions["session"])
    rng = generator(seed, Stage.BOTS, week)
    seconds = (rng.uniform(*p.BOT_LIKE_HOURS, size) * HOUR).astype(np.int64)
    ended = sessions["started_at"] + seconds
    fits = np.zeros(size, bool)
    fits[:-1] = (sessions["creator"][1:] == sessions["creator"][:-1]) & (
        ended[:-1] + p.REST_SECONDS < sessions["started_at"][1:]
    )
    rows = np.flatnonzero(fits & (rng.random(size) < p.BOT_LIKE_RATE))
    count, seconds, ended = len(rows), seconds[rows], ended[rows]
    peak = rng.integers(2, 6, count)
    viewer_seconds = (seconds * rng.uniform(1.0, peak)).astype(np.int64)
    changed = {
        "ended_at": ended,
        "updated_at": ended + (sessions["updated_at"] - sessions["ended_at"])[rows],
        "viewer_seconds": viewer_seconds,
        "average_hundredths": viewer_seconds * 100 // seconds,
        "peak_viewers": peak,
        "unique_viewers": peak + rng.integers(0, 4, count),
        "likes": rng.integers(20_000, 200_000, count),
        "is_bot_like": np.ones(count, np.int64),
        **dict.fromkeys(
            ("comments", "shares", "new_followers", "gifters", "diamonds"),
            np.zeros(count, np.int64),
        ),
    }
    result = dict(sessions)
    for name, values in changed.items():
        result[name] = sessions[name].copy()
        result[name][rows] = values
    return result
