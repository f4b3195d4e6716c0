"""Polls in small worlds: any order of arrivals and accidents gives the same observed sessions.

What lives here: incremental builds against a full one, and both against `reference_sessions`, which
reads one poll after the other. What may not: how good the rules are (`oracles/`).
"""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from dbt_world import DbtWorld, moment
from reference_sessions import Rules, latest_observations, sessions_of

CORE = ("+fct_creator_days",)
TABLES = ("intermediate.int_observed_sessions", "marts.fct_live_sessions", "marts.fct_creator_days")
FIRST_DAY = date(2024, 4, 1)
DAYS = 9
RULES = Rules()

Partitions = dict[tuple[str, date], list[dict[str, object]]]


def poll(at: datetime, viewers: int = 10, **values: object) -> dict[str, object]:
    return {
        "creator_id": "ana",
        "platform": "tiktok",
        "observed_at": at,
        "viewer_count": viewers,
    } | values


# --- A random world -------------------------------------------------------------------------------


def random_polls(chance: random.Random, day: date) -> list[dict[str, object]]:
    """Runs of polls that arrive on a day, of this day and of days before, on a grid of minutes.

    Gaps, shifts and distances lie on both sides of every limit of the rules.
    """
    rows = []
    for _ in range(chance.randrange(1, 7)):
        at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(
            minutes=10 * chance.randrange(-2 * 144, 144)
        )
        who: dict[str, object] = {
            "creator_id": chance.choice(["c1", "c2", "c3"]),
            "platform": chance.choice(["tiktok", "tiktok", "youtube"]),
        }
        before = chance.choice([-5, 0, 3, 10, 12, 40, 355, 365, 25 * 60])
        announced = None if chance.random() < 0.25 else at - timedelta(minutes=before)
        viewers = chance.randrange(20)
        for _ in range(chance.randrange(1, 14)):
            if chance.random() < 0.5:
                viewers = chance.choice([0, 3, 4, 5, chance.randrange(20)])
            rows.append(
                poll(
                    at,
                    viewers,
                    started_at=None if chance.random() < 0.1 else announced,
                    category=chance.choice([None, "music", "talk"]),
                    **who,
                )
            )
            at += timedelta(minutes=chance.choice([5, 10, 10, 10, 20, 30, 35, 60, 26 * 60]))
            if announced is not None and chance.random() < 0.2:
                announced += timedelta(minutes=chance.choice([-20, -10, 10, 14, 15, 16, 60]))
    by_key = {(row["creator_id"], row["platform"], row["observed_at"]): row for row in rows}
    return list(by_key.values())


def random_sessions(chance: random.Random, day: date) -> list[dict[str, object]]:
    """A few reported sessions, beside the polls or not."""
    rows: list[dict[str, object]] = []
    for _ in range(chance.randrange(2, 7)):
        started_at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(
            minutes=10 * chance.randrange(-2 * 144, 144)
        )
        minutes = chance.choice([None, 0, 60, 400, 3000])
        rows.append(
            {
                "session_id": f"s{chance.randrange(12)}",
                "creator_id": chance.choice(["c1", "c2", "c3"]),
                "platform": chance.choice(["tiktok", "youtube"]),
                "started_at": started_at,
                "ended_at": None if minutes is None else started_at + timedelta(minutes=minutes),
                "viewer_seconds": 700,
            }
        )
    return rows


def random_partition(chance: random.Random, feed: str, day: date) -> list[dict[str, object]]:
    if feed == "creators":
        return [
            {
                "creator_id": creator_id,
                "platform": "tiktok",
                "handle": creator_id,
                "country": "MX",
                "timezone": chance.choice([None, "Asia/Tokyo", "America/Havana"]),
                "status": "active",
                "updated_at": datetime(day.year, day.month, day.day, tzinfo=UTC),
            }
            for creator_id in chance.sample(["c1", "c2", "c3"], 1)
        ]
    return random_polls(chance, day) if feed == "live_snapshots" else random_sessions(chance, day)


def expected_sessions(partitions: Partitions) -> list[tuple[Any, ...]]:
    """The observed sessions as the fact must hold them."""
    observations = latest_observations(partitions)
    polled_until: dict[str, datetime] = {}
    for (_, platform), seen in observations.items():
        polled_until[platform] = max(polled_until.get(platform, seen[-1].at), seen[-1].at)
    rows = []
    for (creator_id, platform), seen in observations.items():
        for session in sessions_of(seen, RULES):
            is_open = (
                session.last_live_at == session.last_at
                and (polled_until[platform] - session.last_at).total_seconds() <= RULES.max_gap
            )
            rows.append(
                (
                    f"observed-{session.first_at:%Y%m%dT%H%M%SZ}-{platform}-{creator_id}",
                    creator_id,
                    platform,
                    session.started_at.replace(tzinfo=None),
                    None if is_open else session.ended_at.replace(tzinfo=None),
                    session.category,
                    session.peak_viewers,
                    session.average_viewers,
                )
            )
    return sorted(rows)


def expected_twins(world: DbtWorld) -> set[str]:
    """Observed sessions that overlap a reported one, pair by pair."""
    rows = world.rows(
        """select session_id, creator_id, platform, session_source, started_at, counted_ended_at,
            is_open from marts.fct_live_sessions"""
    )

    def end(row: tuple[Any, ...]) -> datetime:
        last: datetime = row[4] + timedelta(seconds=RULES.max_gap) if row[6] else row[5]
        return last

    return {
        one[0]
        for one in rows
        for other in rows
        if (one[3], other[3]) == ("observed", "reported")
        and one[1:3] == other[1:3]
        and one[4] < end(other)
        and other[4] < end(one)
    }


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_polls_in_any_order_of_arrivals_and_accidents_equal_one_full_build(
    world: DbtWorld, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a reproducible world, not a secret
    days = [FIRST_DAY + timedelta(days=number) for number in range(DAYS)]
    feeds = ("creators", "live_sessions", "live_snapshots")
    waiting = [(feed, day) for feed in feeds for day in days]
    chance.shuffle(waiting)
    partitions: Partitions = {}

    def arrive(feed: str, day: date, rows: list[dict[str, object]]) -> None:
        partitions[feed, day] = rows
        world.arrive(feed, day, rows)

    def correct(feed: str) -> None:
        day = chance.choice([key for key in partitions if key[0] == feed])[1]
        kept = [row for row in partitions[feed, day] if chance.random() < 0.6]
        more = random_partition(chance, feed, day)[:3]
        keys = {(row.get("creator_id"), row.get("observed_at")) for row in kept}
        arrive(
            feed,
            day,
            kept + [r for r in more if (r.get("creator_id"), r.get("observed_at")) not in keys],
        )

    # Until where each build comes before it breaks off; None is a build that finishes.
    reaches: list[str | None] = [None, "+int_observed_sessions", None, "+fct_live_sessions", None]
    for number, reach in enumerate(reaches):
        for feed, day in waiting[number :: len(reaches)]:
            arrive(feed, day, random_partition(chance, feed, day))
        if number > 0:
            for feed in feeds:
                correct(feed)
        world.build(select=CORE if reach is None else (reach,), finish=reach is None)
        if reach is None:
            found = world.rows(
                """select session_id, creator_id, platform, started_at, ended_at, category,
                    peak_viewers, average_viewers
                from marts.fct_live_sessions where session_source = 'observed' order by 1"""
            )
            assert found == expected_sessions(partitions), number
    lost = max(key for key in partitions if key[0] == "live_snapshots")
    arrive(*lost, [])
    world.build(select=CORE)

    step_by_step = world.contents(TABLES)
    world.build(select=CORE, full_refresh=True)
    assert world.contents(TABLES) == step_by_step

    twins = world.rows("select session_id from marts.fct_live_sessions where is_also_reported")
    assert {row[0] for row in twins} == expected_twins(world)
    assert twins


def test_a_day_of_polls_ends_the_shows_of_creators_whom_it_does_not_show(world: DbtWorld) -> None:
    noon = moment("2024-04-01T12:00")
    first = [poll(noon + timedelta(minutes=10 * number)) for number in range(4)]
    world.arrive("live_snapshots", FIRST_DAY, first)
    world.build(select=CORE)
    ends = "select session_id, ended_at from marts.fct_live_sessions where creator_id = 'ana'"
    session_id = "observed-20240401T120000Z-tiktok-ana"
    assert world.rows(ends) == [(session_id, None)]

    later = [poll(noon + timedelta(hours=20), creator_id="bea")]
    world.arrive("live_snapshots", FIRST_DAY + timedelta(days=1), later)
    world.build(select=CORE)
    # Seen on until 12:30, polled every ten minutes: over five minutes later, on average.
    assert world.rows(ends) == [(session_id, datetime(2024, 4, 1, 12, 35))]  # noqa: DTZ001
    days = "select live_seconds, average_viewers from marts.fct_creator_days"
    assert world.rows(f"{days} where creator_id = 'ana'") == [(2400, Decimal(10))]


def test_a_day_more_of_polls_reads_no_more_of_the_past_than_it_touches(world: DbtWorld) -> None:
    for number in range(5):
        day = FIRST_DAY + timedelta(days=number)
        world.arrive("live_snapshots", day, [poll(moment(f"{day}T12:00"), started_at=None)])
        world.build(select=CORE)
    day = FIRST_DAY + timedelta(days=5)
    world.arrive("live_snapshots", day, [poll(moment(f"{day}T12:00"))])
    world.build(select=CORE)
    # Yesterday's poll is within reach of today's (both could announce one start), older are not.
    changed = "select session_id from intermediate.int_observed_sessions_changed order by 1"
    assert world.rows(changed) == [
        ("observed-20240405T120000Z-tiktok-ana",),
        ("observed-20240406T120000Z-tiktok-ana",),
    ]
