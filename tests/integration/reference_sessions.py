"""What polls must come to, in plain Python: one observation after the other, nothing clever.

What lives here: a second reading of the rules in CONTEXT.md and `models/docs.md`, written without
the SQL. What may not: assertions, and anything that reads the warehouse.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise


@dataclass(frozen=True)
class Rules:
    """The general rule of `seeds/metric_rules.csv`, in seconds."""

    max_gap: int = 1800
    max_same_start_gap: int = 86400
    max_start_shift: int = 900
    max_start_credit: int = 21600
    merge_restart: int = 600
    poll_interval: int = 900
    min_linger_polls: int = 4


@dataclass(frozen=True)
class Observation:
    """One poll that showed a creator."""

    at: datetime
    viewers: int
    announced: datetime | None = None
    category: str | None = None


@dataclass
class Entry:
    """Polls that show one entry of the platform."""

    observations: list[Observation] = field(default_factory=list)


@dataclass(frozen=True)
class Session:
    """A session that polls have shown."""

    first_at: datetime
    last_at: datetime
    last_live_at: datetime
    started_at: datetime
    ended_at: datetime
    category: str | None
    peak_viewers: int
    average_viewers: Decimal


def latest_observations(
    partitions: Mapping[tuple[str, date], Sequence[Mapping[str, object]]],
) -> dict[tuple[str, str], list[Observation]]:
    """By creator and platform, in order of time: of one moment, the row that arrived last."""
    best: dict[tuple[str, str, datetime], Observation] = {}
    for (feed, _), rows in sorted(partitions.items()):
        if feed != "live_snapshots":
            continue
        for row in rows:
            at, announced, viewers = row["observed_at"], row.get("started_at"), row["viewer_count"]
            assert isinstance(at, datetime)
            assert isinstance(viewers, int)
            assert announced is None or isinstance(announced, datetime)
            category = row.get("category")
            best[str(row["creator_id"]), str(row["platform"]), at] = Observation(
                at, viewers, announced, None if category is None else str(category)
            )
    found: dict[tuple[str, str], list[Observation]] = {}
    for (creator_id, platform, _), seen in sorted(best.items(), key=lambda item: item[0]):
        found.setdefault((creator_id, platform), []).append(seen)
    return found


def sessions_of(observations: Sequence[Observation], rules: Rules) -> list[Session]:
    """The sessions of one creator on one platform."""
    entries: list[Entry] = []
    for seen in observations:
        if not entries or not _same_entry(entries[-1].observations[-1], seen, rules):
            entries.append(Entry())
        entries[-1].observations.append(seen)
    groups: list[list[Entry]] = []
    for entry in entries:
        announced = _believed_start(entry, rules)
        if groups and announced is not None:
            pause = announced - _end(groups[-1][-1], rules)
            if pause <= timedelta(seconds=rules.merge_restart):
                groups[-1].append(entry)
                continue
        groups.append([entry])
    return [_session(group, rules) for group in groups]


def _seconds(later: datetime, earlier: datetime) -> int:
    return int((later - earlier).total_seconds())


def _same_entry(before: Observation, after: Observation, rules: Rules) -> bool:
    gap = _seconds(after.at, before.at)
    if after.announced is not None and after.announced == before.announced:
        return gap <= rules.max_same_start_gap
    if gap > rules.max_gap:
        return False
    if after.announced is None:
        return True
    if after.announced > before.at:
        return False
    if before.announced is None:
        return True
    return abs(_seconds(after.announced, before.announced)) <= rules.max_start_shift


def _half_interval(entry: Entry, rules: Rules) -> int:
    seen = entry.observations
    gaps = [_seconds(b.at, a.at) for a, b in pairwise(seen)]
    short = [gap for gap in gaps if gap <= rules.max_gap]
    return sum(short) // (2 * len(short)) if short else rules.poll_interval // 2


def _believed_start(entry: Entry, rules: Rules) -> datetime | None:
    first = entry.observations[0]
    announced = [seen.announced for seen in entry.observations if seen.announced is not None]
    for candidate in (first.announced, min(announced, default=None)):
        if candidate is not None:
            before = _seconds(first.at, candidate)
            if 0 <= before <= rules.max_start_credit:
                return candidate
    return None


def _live(entry: Entry, rules: Rules) -> list[Observation]:
    """The polls at which the show was still on."""
    seen = entry.observations
    frozen = 1
    while frozen < len(seen) and seen[-frozen - 1].viewers == seen[-1].viewers:
        frozen += 1
    before = seen[: len(seen) - frozen]
    varied = len({one.viewers for one in before}) > 1
    still = longest = 0
    for one, other in zip([None, *before], before, strict=False):
        still = still + 1 if one is not None and one.viewers == other.viewers else 1
        longest = max(longest, still)
    is_frozen = frozen >= rules.min_linger_polls and frozen > 2 * longest
    return before if varied and is_frozen else seen


def _end(entry: Entry, rules: Rules) -> datetime:
    return _live(entry, rules)[-1].at + timedelta(seconds=_half_interval(entry, rules))


def _average(group: Iterable[Entry], rules: Rules) -> Decimal | None:
    doubled = watched = 0
    for entry in group:
        live = _live(entry, rules)
        for one, two in pairwise(live):
            seconds = min(_seconds(two.at, one.at), rules.max_gap)
            watched += seconds
            doubled += seconds * (one.viewers + two.viewers)
    if watched == 0:
        return None
    return (Decimal(doubled) / (2 * watched)).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def _session(group: list[Entry], rules: Rules) -> Session:
    seen = [one for entry in group for one in entry.observations]
    first = group[0]
    started_at = _believed_start(first, rules) or first.observations[0].at - timedelta(
        seconds=_half_interval(first, rules)
    )
    named = Counter(one.category for one in seen if one.category is not None)
    peak = max(one.viewers for one in seen)
    average = _average(group, rules)
    return Session(
        first_at=seen[0].at,
        last_at=seen[-1].at,
        last_live_at=max(_live(entry, rules)[-1].at for entry in group),
        started_at=started_at,
        ended_at=max([started_at, *(_end(entry, rules) for entry in group)]),
        category=min(named, key=lambda name: (-named[name], name)) if named else None,
        peak_viewers=peak,
        average_viewers=Decimal(peak) if average is None else average,
    )
