"""The core facts on small worlds: any order of arrivals and accidents gives one result.

What lives here: incremental builds against a full one, both against a reference in plain Python
that counts minutes one by one, and what protects the facts (transactions, refused lone rebuilds,
generic tests that find what they look for). What may not: marts above the core.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dbt_world import DbtWorld, Row, moment

CORE = ("+fct_creator_days", "+dim_agencies", "dim_dates")
FACTS = (
    "marts.dim_creators",
    "marts.dim_creators_history",
    "marts.dim_agencies",
    "marts.fct_live_sessions",
    "marts.fct_creator_days",
)
MARKET_ZONES = {"MX": "America/Mexico_City", "BR": "America/Sao_Paulo", "CL": "America/Santiago"}
FIRST_DAY = date(2024, 4, 1)
DAYS = 12
"""Clocks in Chile went back on 7 April 2024, at midnight: within these days."""

Partitions = dict[tuple[str, date], list[dict[str, object]]]


def creator(creator_id: str, **values: object) -> dict[str, object]:
    return {
        "creator_id": creator_id,
        "platform": "tiktok",
        "handle": f"@{creator_id}",
        "country": "MX",
        "status": "active",
        "updated_at": moment("2024-04-01T00:00"),
    } | values


def session(session_id: str, started_at: datetime, minutes: int | None, **values: object) -> Row:
    return {
        "session_id": session_id,
        "creator_id": "ana",
        "platform": "tiktok",
        "started_at": started_at,
        "ended_at": None if minutes is None else started_at + timedelta(minutes=minutes),
    } | values


# --- A random world, and what it must come to -----------------------------------------------------


def random_creator(chance: random.Random, creator_id: str, day: date) -> dict[str, object]:
    return creator(
        creator_id,
        platform=chance.choice(["tiktok", "other"]),
        country=chance.choice(["MX", "BR", "CL", "US", "JP", None]),
        timezone=chance.choice([None, None, "America/Havana", "America/Santiago", "Asia/Tokyo"]),
        agency_id=chance.choice(["a1", "a2", None]),
        tier=chance.choice(["rank_1", "rank_2"]),
        follower_count=chance.randrange(1000),
        updated_at=datetime(day.year, day.month, day.day, chance.randrange(24), tzinfo=UTC),
    )


def random_session(chance: random.Random, session_id: str, day: date) -> dict[str, object]:
    """A session that arrives on `day`, started up to four days earlier."""
    started_at = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(
        minutes=chance.randrange(4 * 1440)
    )
    minutes = chance.choice([None, 0, 20, 45, 90, 150, 400, 30 * 60, chance.randrange(1440)])
    return dict(
        session(
            session_id,
            started_at,
            minutes,
            creator_id=chance.choice(["c1", "c2", "c3", "c4", "stranger"]),
            platform=chance.choice(["tiktok", "other", "youtube"]),
            is_static=chance.choice([None, True, False]),
            average_viewers=chance.choice([None, 12.5, 3]),
            viewer_seconds=chance.choice([None, 5000]),
            diamonds=chance.choice([None, 0, 7]),
            updated_at=chance.choice(
                [None, moment("2024-04-05T00:00"), moment("2024-04-08T12:00")]
            ),
        )
    )


def random_partition(chance: random.Random, feed: str, day: date) -> list[dict[str, object]]:
    """What arrives on a day; few keys, so that they come again and again."""
    if feed == "creators":
        ids = chance.sample(["c1", "c2", "c3", "c4", "c5"], chance.randrange(1, 4))
        return [random_creator(chance, creator_id, day) for creator_id in ids]
    ids = [f"s{chance.randrange(40)}" for _ in range(chance.randrange(1, 16))]
    return [random_session(chance, session_id, day) for session_id in ids]


def corrected(
    chance: random.Random, feed: str, rows: list[dict[str, object]], day: date
) -> list[dict[str, object]]:
    """Another revision of a partition: rows lost, rows changed, rows new."""
    kept = [row for row in rows if chance.random() < 0.6]
    changed = [
        row | {"diamonds": 99} if "diamonds" in row else row | {"timezone": "Europe/Madrid"}
        for row in kept
    ]
    return changed + random_partition(chance, feed, day)[:3]


def winners(partitions: Partitions, feed: str, key: str) -> dict[object, dict[str, object]]:
    """The valid version of every key."""
    best: dict[object, tuple[tuple[object, ...], dict[str, object]]] = {}
    for (name, day), rows in partitions.items():
        if name != feed:
            continue
        for number, row in enumerate(rows, start=1):
            changed_at = row.get("updated_at") or datetime.min.replace(tzinfo=UTC)
            rank = (changed_at, day, number)
            if row[key] not in best or best[row[key]][0] < rank:
                best[row[key]] = (rank, row)
    return {identity: row for identity, (_, row) in best.items()}


@dataclass(frozen=True)
class Told:
    """What a creator was from an instant, and from a local day, on."""

    noted_at: datetime
    noted_on: date
    row: dict[str, object]

    @property
    def zone(self) -> ZoneInfo:
        """The creator's own, else the market's, else UTC."""
        market_zone = {"US": "America/New_York"} | MARKET_ZONES
        return ZoneInfo(
            str(self.row["timezone"] or market_zone.get(str(self.row["country"]), "UTC"))
        )


def reference_histories(partitions: Partitions) -> dict[str, list[Told]]:
    """Every creator's versions, by the moment that they speak of, the last one of a day alone."""
    best: dict[tuple[str, datetime], tuple[tuple[date, int], dict[str, object]]] = {}
    for (feed, day), rows in partitions.items():
        if feed != "creators":
            continue
        for number, row in enumerate(rows, start=1):
            noted_at = row["updated_at"]
            assert isinstance(noted_at, datetime)
            key = (str(row["creator_id"]), noted_at)
            if key not in best or best[key][0] < (day, number):
                best[key] = ((day, number), row)
    histories: dict[str, list[Told]] = defaultdict(list)
    for (creator_id, noted_at), (_, row) in sorted(best.items(), key=lambda item: item[0]):
        versions = histories[creator_id]
        zone = Told(noted_at, noted_at.date(), row).zone
        noted_on = max([noted_at.astimezone(zone).date(), *(each.noted_on for each in versions)])
        if versions and versions[-1].noted_on == noted_on:
            versions.pop()
        versions.append(Told(noted_at, noted_on, row))
    return histories


def told_at(versions: list[Told], moment: datetime) -> Told | None:
    """Who a creator was at a moment; before the first known version that one holds."""
    earlier = [each for each in versions if each.noted_at <= moment]
    return earlier[-1] if earlier else next(iter(versions), None)


def told_on(versions: list[Told], day: date) -> tuple[object, object, object]:
    """Market, agency and tier of a local day."""
    earlier = [each for each in versions if each.noted_on <= day]
    told = earlier[-1] if earlier else next(iter(versions), None)
    if told is None:
        return None, None, None
    country = told.row["country"]
    market = country if country in {"US", *MARKET_ZONES} else "ZZ"
    return market, told.row.get("agency_id"), told.row.get("tier")


def reference_days(partitions: Partitions) -> dict[tuple[str, date], tuple[object, ...]]:
    """What the facts say of every creator day, by minutes.

    That is session_count, live_seconds, longest_session_seconds, market, agency_id and tier.
    """
    histories = reference_histories(partitions)
    minutes: dict[tuple[str, date], set[int]] = defaultdict(set)
    started: dict[tuple[str, date], list[tuple[datetime, str, datetime, str]]] = defaultdict(list)
    for session_id, row in winners(partitions, "live_sessions", "session_id").items():
        creator_id, begin, end = str(row["creator_id"]), row["started_at"], row["ended_at"]
        assert isinstance(begin, datetime)
        counted_end = begin
        if isinstance(end, datetime):
            counted_end = min(end, begin + timedelta(hours=24))
        told = told_at(histories.get(creator_id, []), begin)
        zone = told.zone if told else ZoneInfo("UTC")
        started[creator_id, begin.astimezone(zone).date()].append(
            (begin, str(session_id), counted_end, str(row["platform"]))
        )
        for minute in range(int(begin.timestamp()) // 60, int(counted_end.timestamp()) // 60):
            local = datetime.fromtimestamp(minute * 60, tz=zone)
            minutes[creator_id, local.date()].add(minute)
    days: dict[tuple[str, date], tuple[object, ...]] = {}
    for key in minutes.keys() | started.keys():
        shows = sorted(started[key])
        repeated = sum(
            any(
                other[3] != show[3] and (show[0] < other[2] or show[0] == other[0])
                for other in shows[:place]
            )
            for place, show in enumerate(shows)
        )
        days[key] = (
            len(shows) - repeated,
            len(minutes[key]) * 60,
            longest_run(minutes[key]) * 60,
            *told_on(histories.get(key[0], []), key[1]),
        )
    return days


def longest_run(numbers: set[int]) -> int:
    longest = 0
    for number in numbers:
        if number - 1 not in numbers:
            end = number
            while end in numbers:
                end += 1
            longest = max(longest, end - number)
    return longest


@pytest.mark.parametrize("seed", [1, 2])
def test_builds_in_any_order_of_arrivals_and_accidents_equal_one_full_build(
    world: DbtWorld, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a reproducible world, not a secret
    days = [FIRST_DAY + timedelta(days=number) for number in range(DAYS)]
    waiting = [(feed, day) for feed in ("creators", "live_sessions") for day in days]
    chance.shuffle(waiting)
    partitions: Partitions = {}

    def arrive(feed: str, day: date, rows: list[dict[str, object]]) -> None:
        partitions[feed, day] = rows
        world.arrive(feed, day, rows)

    def correct(feed: str) -> None:
        day = chance.choice([key for key in partitions if key[0] == feed])[1]
        arrive(feed, day, corrected(chance, feed, partitions[feed, day], day))

    # Until where each build comes before it breaks off; None is a build that finishes.
    reaches: list[str | None] = [None, "+int_live_sessions_changed", "+fct_live_sessions", None]
    for number, reach in enumerate(reaches):
        for feed, day in waiting[number::4]:
            arrive(feed, day, random_partition(chance, feed, day))
        if number > 0:
            for _ in range(2):
                correct("creators")
                correct("live_sessions")
        world.build(select=CORE if reach is None else (reach,), finish=reach is None)
    lost = max(partitions, key=lambda key: (key[0] == "live_sessions", len(partitions[key])))
    arrive(*lost, [])
    arrive(
        "creators", days[-1], [random_creator(chance, "c1", days[-1]) | {"timezone": "Asia/Tokyo"}]
    )
    world.build(select=CORE)

    step_by_step = world.contents(FACTS)
    world.build(select=CORE, full_refresh=True)
    assert world.contents(FACTS) == step_by_step

    expected = reference_days(partitions)
    found = world.rows(
        """select creator_id, local_date, session_count, live_seconds, longest_session_seconds,
            market, agency_id, tier
        from marts.fct_creator_days"""
    )
    assert {(row[0], row[1]): row[2:] for row in found} == expected


# --- What protects the facts ----------------------------------------------------------------------


def ana_is_live(world: DbtWorld) -> None:
    """One creator with one session, built and finished."""
    world.arrive("creators", FIRST_DAY, [creator("ana")])
    world.arrive("live_sessions", FIRST_DAY, [session("s1", moment("2024-04-01T18:00"), 60)])
    world.build(select=CORE)


def test_a_build_that_breaks_after_removing_rows_leaves_the_fact_as_it_was(world: DbtWorld) -> None:
    ana_is_live(world)
    before = world.contents(["marts.fct_creator_days"])
    # A column that the model does not have: it fails after the pre-hook has deleted.
    world.execute("alter table marts.fct_creator_days add column surprise integer")
    world.arrive("live_sessions", FIRST_DAY, [session("s1", moment("2024-04-01T18:00"), 90)])
    with pytest.raises(RuntimeError, match="fct_creator_days"):
        world.build(select=CORE, finish=False)
    world.execute("alter table marts.fct_creator_days drop column surprise")
    assert world.contents(["marts.fct_creator_days"]) == before
    # The sessions are already the new ones, so only the queue still knows which day to build again.
    world.build(select=CORE)
    assert world.rows("select live_seconds from marts.fct_creator_days") == [(5400,)]


def test_nothing_is_written_again_where_nothing_arrived(world: DbtWorld) -> None:
    ana_is_live(world)
    before = world.contents(FACTS)
    world.build(select=CORE)
    assert world.contents(FACTS) == before
    for queue in ("int_creators_changed", "int_live_sessions_changed", "int_creator_days_touched"):
        assert world.rows(f"select count(*) from intermediate.{queue}") == [(0,)]


def test_another_market_measures_past_days_by_its_own_rule(world: DbtWorld) -> None:
    world.arrive("creators", FIRST_DAY, [creator("ana", platform="other")])
    world.arrive("live_sessions", FIRST_DAY, [session("s1", moment("2024-04-01T18:00"), 40)])
    world.build(select=CORE)
    rules = "select rule_id, is_valid_day from marts.fct_creator_days"
    assert world.rows(rules) == [("network_hour", False)]
    moved = creator("ana", platform="other", country="US", timezone="America/Mexico_City")
    world.arrive("creators", FIRST_DAY + timedelta(days=1), [moved])
    world.build(select=CORE)
    assert world.rows(rules) == [("other_platform_us", True)]


def test_a_fact_is_not_rebuilt_alone_from_the_last_changes(world: DbtWorld) -> None:
    ana_is_live(world)
    world.build(select=CORE)
    before = world.contents(FACTS)
    with pytest.raises(RuntimeError, match="select both"):
        world.dbt("run", "--full-refresh", "--select", "fct_live_sessions")
    assert world.contents(FACTS) == before


def test_compiled_files_stay_in_target_although_models_stand_beside_the_project(
    world: DbtWorld,
) -> None:
    ana_is_live(world)
    target = world.home / "target"
    written = set(world.home.parent.rglob("*.sql"))
    assert any(path.name == "fct_creator_days.sql" for path in written)
    assert all(path.is_relative_to(target) for path in written)


PERIODS_CASE = "test_periods_leave_no_day({}, ['a'], 'b', 'c')"
LONG_AGO, NEW_YEAR, NO_END = "date '1900-01-01'", "date '2024-01-01'", "date '9999-12-31'"
GENERIC_TEST_CASES = [
    ("test_unique_combination({}, ['a', 'b'])", "(1, 1), (1, 2)", 0),
    ("test_unique_combination({}, ['a', 'b'])", "(1, 1), (1, 1), (2, 1)", 1),
    ("test_unique_combination({}, ['a', 'b'])", "(1, null), (2, 2)", 1),
    ("test_holds({}, 'a < b')", "(1, 2), (0, 5)", 0),
    ("test_holds({}, 'a < b')", "(1, 2), (2, 2), (3, 2)", 2),
    ("test_holds({}, 'a < b')", "(1, null)", 1),
    ("test_holds({}, 'a < b or b is null')", "(1, null)", 0),
    (PERIODS_CASE, f"(1, {LONG_AGO}, {NEW_YEAR}), (1, {NEW_YEAR}, {NO_END})", 0),
    (PERIODS_CASE, f"(1, {LONG_AGO}, {NEW_YEAR}), (1, {NEW_YEAR} + 1, {NO_END})", 1),
    (PERIODS_CASE, f"(1, {LONG_AGO}, {NEW_YEAR}), (2, {NEW_YEAR}, {NO_END})", 2),
]


def test_a_generic_test_finds_the_rows_that_must_fail(seeded_world: DbtWorld) -> None:
    queries = []
    for call, rows, _ in GENERIC_TEST_CASES:
        names = "a, b, c" if call == PERIODS_CASE else "a, b"
        relation = f"(select * from (values {rows}) as cases ({names}))"
        queries.append("{{ " + call.format(f'"{relation}"') + " }}")
    result = seeded_world.invoke("compile", "--inline", "\n;\n".join(queries))
    assert result.success, result.exception
    compiled = result.result.results[0].node.compiled_code.split(";")
    found = [len(seeded_world.rows(query)) for query in compiled]
    assert found == [failures for _, _, failures in GENERIC_TEST_CASES]
