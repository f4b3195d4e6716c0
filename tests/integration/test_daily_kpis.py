"""Daily KPIs and their contributions on a random world, against a count in plain Python.

What lives here: the count (creator-days as dictionaries, one day at a time, nothing shared with
the models), and what the data tests of the marts catch. What may not: how creator-days come about
(their own tests), and what is out of the ordinary (tests/unit/inference).
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dbt_world import DbtWorld
from test_growth_and_cohort import World, arrive, make_world

DAY = timedelta(days=1)
SELECT = ("+kpi_daily", "+kpi_contributions", "+content_supply_hourly", "int_feed_volumes")
TO_SIX_DECIMALS = Fraction(1, 1_000_000)

CreatorDay = dict[str, Any]
Amount = tuple[int | None, int | None]


def with_counters(world: World, seed: int) -> World:
    """The world with viewers, diamonds and followers, which some sessions do not tell."""
    dice = random.Random(seed)  # noqa: S311 - a test world, not a secret
    for rows in world.arrivals.values():
        for row in rows:
            if dice.random() < 0.8:
                row["viewer_seconds"] = dice.randrange(100_000)
                row["peak_viewers"] = dice.randrange(1, 500)
                row["average_viewers"] = 1.0
            if dice.random() < 0.7:
                row["diamonds"] = dice.choice([0, 3, 900])
            if dice.random() < 0.7:
                row["gifters"] = dice.randrange(9)
            row["new_followers"] = dice.choice([None, 0, 4])
            row["comments"] = dice.choice([None, 0, 11])
    return world


@dataclass(frozen=True)
class Built:
    """A built world and what its KPIs are counted from."""

    dbt: DbtWorld
    days: list[CreatorDay]
    joined: dict[str, tuple[str, str, date | None]]
    covered: frozenset[date]
    as_of: date

    def place(self, day: CreatorDay, kind: str) -> str:
        """Market or agency in which a creator's day counts."""
        return str(day[kind] or "unknown")

    def is_complete(self, day: date, lookback: int) -> bool:
        """Every day covered, and the day after too: west of UTC the evening lies in it."""
        span = {day - number * DAY for number in range(lookback)} | {day + DAY}
        return span <= self.covered and day + DAY < self.as_of


def facts_of(dbt: DbtWorld) -> Built:
    """Read creator-days, creators and coverage."""
    names = [
        *("creator_id", "local_date", "market", "agency_id", "session_count", "live_seconds"),
        *("is_valid_day", "viewer_seconds", "peak_viewers", "diamonds", "gifters"),
        *("new_followers", "comments"),
    ]
    rows = dbt.rows(f"select {', '.join(names)} from intermediate.int_creator_days_placed")
    joined = dbt.rows(
        "select creator_id, coalesce(market, 'unknown'), coalesce(agency_id, 'unknown'),"
        " joined_date from marts.dim_creators"
    )
    covered = dbt.rows(
        "select event_date from intermediate.int_live_coverage_days where is_covered"
    )
    [(as_of,)] = dbt.rows("select as_of_date from intermediate.int_live_as_of")
    return Built(
        dbt,
        [dict(zip(names, row, strict=True)) for row in rows],
        {row[0]: (row[1], row[2], row[3]) for row in joined},
        frozenset(day for (day,) in covered if day <= as_of),
        as_of,
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A world that arrived in four parts, each built on what was there."""
    world = with_counters(make_world(seed=4, creator_count=150, day_count=80), seed=4)
    dbt = DbtWorld(tmp_path_factory.mktemp("kpis"))
    arrival_days = sorted(world.arrivals)
    dbt.arrive("creators", arrival_days[0], world.roster())
    dbt.build(command="seed", finish=False)
    for start, end in ((0, 30), (30, 45), (45, 46), (46, len(arrival_days))):
        arrive(dbt, world, arrival_days[start:end])
        dbt.build(select=SELECT)
    return facts_of(dbt)


def total(rows: Iterable[CreatorDay], column: str) -> int | None:
    """A sum that is 0 over no rows and None where rows are there and none tells."""
    rows = list(rows)
    told = [row[column] for row in rows if row[column] is not None]
    return sum(told) if told or not rows else None


def count_by_hand(built: Built, kind: str) -> dict[tuple[date, str, str], Amount]:
    """Numerator and denominator of every daily KPI by day, KPI and place, where there is any."""
    by_day: dict[date, list[CreatorDay]] = defaultdict(list)
    active_days: dict[str, dict[date, str]] = defaultdict(dict)
    for row in built.days:
        by_day[row["local_date"]].append(row)
        if row["session_count"] and row["local_date"] <= built.as_of:
            active_days[row["creator_id"]][row["local_date"]] = built.place(row, kind)
    first = {creator: min(days) for creator, days in active_days.items()}
    starts = min(built.covered)
    found: dict[tuple[date, str, str], Amount] = {}
    for number in range((built.as_of - starts).days + 1):
        day = starts + number * DAY
        places: dict[str, list[CreatorDay]] = defaultdict(list)
        for row in by_day[day]:
            places["all"].append(row)
            places[built.place(row, kind)].append(row)
        for place, rows in places.items():
            for kpi, amount in amounts_of_day(rows).items():
                found[day, kpi, place] = amount
        for kpi, place, top, bottom in amounts_of_spans(built, active_days, first, day, kind):
            for where in ("all", place):
                before = found.get((day, kpi, where), (0, 0))
                found[day, kpi, where] = ((before[0] or 0) + top, (before[1] or 0) + bottom)
    return found


def amounts_of_day(rows: list[CreatorDay]) -> dict[str, Amount]:
    """What follows from the creator-days of one place and day."""
    started = [row for row in rows if row["session_count"]]

    def seconds_where(column: str) -> int | None:
        told = [row for row in rows if row[column] is not None or not row["session_count"]]
        return total(told, "live_seconds") if told else None

    active = len(started)
    live = total(rows, "live_seconds")
    watched = [row for row in rows if row["viewer_seconds"] is not None]
    gifted = [row for row in rows if row["gifters"] is not None]
    commented = [row for row in watched if row["comments"] is not None]
    told_peaks = [row["peak_viewers"] for row in rows if row["peak_viewers"] is not None]
    return {
        "active_creators": (active, None),
        "live_hours": (live, None),
        "live_sessions": (total(rows, "session_count"), None),
        "valid_live_days": (sum(row["is_valid_day"] for row in rows), None),
        "valid_day_rate": (sum(row["is_valid_day"] for row in rows), len(rows)),
        "hours_per_active_creator": (live, active),
        "viewer_hours": (total(rows, "viewer_seconds"), None),
        "average_viewers": (total(rows, "viewer_seconds"), seconds_where("viewer_seconds")),
        "peak_viewers": (max(told_peaks, default=None), None),
        "diamonds": (total(rows, "diamonds"), None),
        "diamonds_per_hour": (total(rows, "diamonds"), seconds_where("diamonds")),
        "gifters_per_session": (
            total(rows, "gifters"),
            total(gifted, "session_count") if gifted else None,
        ),
        "new_followers_per_hour": (total(rows, "new_followers"), seconds_where("new_followers")),
        "comments_per_viewer_hour": (
            total(commented, "comments") if commented else None,
            total(commented, "viewer_seconds") if commented else None,
        ),
    }


def amounts_of_spans(
    built: Built,
    active_days: dict[str, dict[date, str]],
    first: dict[str, date],
    day: date,
    kind: str,
) -> list[tuple[str, str, int, int]]:
    """What needs more than a day: (KPI, place, numerator, denominator) of each creator."""
    found: list[tuple[str, str, int, int]] = []
    for creator, places in active_days.items():
        for length in (7, 28):
            inside = [each for each in places if 0 <= (day - each).days < length]
            if inside:
                last = places[max(inside)]
                found.append((f"active_creators_{length}d", last, 1, 0))
                found.append((f"stickiness_{length}d", last, 0, 1))
            found += [(f"stickiness_{length}d", places[each], 1, 0) for each in inside]
        entered = first[creator]
        where = places[entered]
        if entered == day:
            found.append(("new_creators", where, 1, 0))
        for kpi, start, end in (("retention_week_1", 7, 13), ("retention_week_4", 28, 34)):
            if (day - entered).days == end:
                came_back = any(start <= (each - entered).days <= end for each in places)
                found.append((kpi, where, int(came_back), 1))
    for creator, (market, agency, joined) in built.joined.items():
        if joined is not None and (day - joined).days == 14:
            activated = creator in first and (first[creator] - joined).days <= 14
            where = market if kind == "market" else agency
            found.append(("activation_rate", where, int(activated), 1))
    return found


def read_kpis(dbt: DbtWorld) -> dict[tuple[date, str, str], dict[str, Any]]:
    """The mart's daily KPIs by day, KPI and market."""
    names = [
        *("calendar_date", "kpi", "market", "kpi_value", "numerator", "denominator"),
        *("is_complete", "coverage_rate", "week_before_value", "change_on_week"),
    ]
    rows = dbt.rows(
        f"select {', '.join(f'daily.{name}' for name in names)}, kpis.lookback_days,"
        " kpis.numerator_factor, kpis.denominator_factor, kpis.denominator is not null"
        " from marts.kpi_daily as daily inner join seeds.kpis as kpis on daily.kpi = kpis.kpi"
        " where kpis.period = 'day' and daily.kpi <> 'covered_day_rate'"
    )
    extra = ("lookback", "numerator_factor", "denominator_factor", "is_ratio")
    return {(row[0], row[1], row[2]): dict(zip((*names, *extra), row, strict=True)) for row in rows}


def value_of(row: dict[str, Any], amount: Amount) -> Fraction | None:
    """Numerator over denominator, by their factors."""
    top, bottom = amount
    if top is None or (row["is_ratio"] and not bottom):
        return None
    below = (bottom if row["is_ratio"] else 1) or 1
    return Fraction(top * row["numerator_factor"], below * row["denominator_factor"])


def test_every_kpi_of_every_day_and_market_equals_the_count_by_hand(built: Built) -> None:
    counted = count_by_hand(built, "market")
    told = read_kpis(built.dbt)
    assert set(counted) <= set(told)
    wrong: list[tuple[Any, ...]] = []
    for key, row in told.items():
        day, kpi, _ = key
        amount = counted.get(key, (0, 0 if row["is_ratio"] else None))
        if not row["is_ratio"]:
            amount = (amount[0], None)
        span = [day - number * DAY for number in range(row["lookback"])]
        is_seen = bool(built.covered & set(span))
        is_complete = built.is_complete(day, row["lookback"])
        value = value_of(row, amount) if (is_complete if row["is_ratio"] else is_seen) else None
        expected = (*amount, is_complete) if is_seen else (None, None, is_complete)
        # Without LIVE creators there is 0 of all; with some who tell nothing, nothing.
        if (row["numerator"], row["denominator"], row["is_complete"]) != expected:
            wrong.append((key, kpi, expected, row))
        elif (row["kpi_value"] is None) != (value is None) or (
            value is not None and abs(Fraction(row["kpi_value"]) - value) > TO_SIX_DECIMALS
        ):
            wrong.append((key, kpi, value, row))
    assert wrong[:3] == []


def test_changes_compare_the_same_weekday_where_both_days_are_complete(built: Built) -> None:
    told = read_kpis(built.dbt)
    compared = 0
    for (day, kpi, market), row in told.items():
        before = told.get((day - 7 * DAY, kpi, market))
        is_known = before is not None and before["is_complete"] and row["is_complete"]
        expected = before["kpi_value"] if before is not None and is_known else None
        assert row["week_before_value"] == expected
        if expected is not None and row["kpi_value"] is not None:
            compared += 1
            assert row["change_on_week"] == row["kpi_value"] - expected
    assert compared


@pytest.mark.parametrize("kind", ["market", "agency"])
def test_contributions_are_kitagawas_and_sum_to_the_change_exactly(built: Built, kind: str) -> None:
    counted = count_by_hand(built, "market" if kind == "market" else "agency_id")
    factors = {kpi: row for (_, kpi, _), row in read_kpis(built.dbt).items()}
    parts: dict[tuple[date, str], list[tuple[Any, ...]]] = defaultdict(list)
    for day, kpi, *rest in built.dbt.rows(
        "select calendar_date, kpi, segment_value, change_of_whole, contribution,"
        " within_contribution, mix_contribution from marts.kpi_contributions"
        " where comparison = 'week' and segment_kind = $1 and kpi not in"
        " ('churned_creators', 'quick_ratio')",
        [kind],
    ):
        parts[day, kpi].append(tuple(rest))
    assert len(parts) > 100
    for (day, kpi), rows in parts.items():
        row = factors[kpi]
        assert sum((each[2] for each in rows), Decimal()) == rows[0][1]
        slack = (len(rows) + 1) * TO_SIX_DECIMALS
        for place, _, contribution, within, mix in rows:
            expected = kitagawa(
                [counted.get((when, kpi, place), (0, 0)) for when in (day - 7 * DAY, day)],
                [counted.get((when, kpi, "all"), (0, 0)) for when in (day - 7 * DAY, day)],
                row,
            )
            assert abs(Fraction(within) - expected[0]) <= slack, (day, kpi, place)
            assert abs(Fraction(mix) - expected[1]) <= slack, (day, kpi, place)
            assert contribution == within + mix


def kitagawa(part: list[Amount], whole: list[Amount], row: dict[str, Any]) -> tuple[Fraction, ...]:
    """Within and mix, in exact arithmetic: (before, now) of a part and of the whole."""
    scale = Fraction(row["numerator_factor"], row["denominator_factor"])
    (top0, low0), (top1, low1) = [(top or 0, low or 0) for top, low in part]
    if not row["is_ratio"]:
        return scale * (top1 - top0), Fraction(0)
    (all0, whole0), (all1, whole1) = [(top or 0, low or 0) for top, low in whole]
    own = [Fraction(top, low) if low else None for top, low in ((top0, low0), (top1, low1))]
    ratio0 = own[0] if own[0] is not None else own[1]
    ratio1 = own[1] if own[1] is not None else own[0]
    if ratio0 is None or ratio1 is None:
        return Fraction(0), scale * (Fraction(top1, whole1) - Fraction(top0, whole0))
    share0, share1 = Fraction(low0, whole0), Fraction(low1, whole1)
    mean_of_whole = (Fraction(all0, whole0) + Fraction(all1, whole1)) / 2
    within = (share0 + share1) / 2 * (ratio1 - ratio0)
    mix = ((ratio0 + ratio1) / 2 - mean_of_whole) * (share1 - share0)
    return scale * within, scale * mix


def test_every_hour_of_the_week_has_the_seconds_that_a_clock_gives_it(built: Built) -> None:
    """Minute by minute in each creator's zone: every session of the world starts on a minute."""
    complete = sorted(day for day in built.covered if built.is_complete(day, 1))
    window = {complete[-1] - number * DAY for number in range(28)} & set(complete)
    markets = {
        (day["creator_id"], day["local_date"]): built.place(day, "market") for day in built.days
    }
    sessions = built.dbt.rows(
        "select creator_id, timezone, started_at, counted_ended_at, viewer_seconds"
        " from marts.fct_live_sessions where not is_also_reported"
    )
    minutes: set[tuple[str, date, int, datetime]] = set()
    watched: dict[tuple[str, int, int], Fraction] = defaultdict(Fraction)
    for creator, zone, started_at, ended_at, viewer_seconds in sessions:
        length = int((ended_at - started_at).total_seconds()) // 60
        for number in range(length):
            instant = started_at + timedelta(minutes=number)
            clock = instant.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
            if clock.date() not in window:
                continue
            minutes.add((creator, clock.date(), clock.hour, instant))
            for market in ("all", markets[creator, clock.date()]):
                key = (market, clock.isoweekday(), clock.hour)
                watched[key] += Fraction(viewer_seconds or 0, length)
    lived: dict[tuple[str, int, int], int] = defaultdict(int)
    for creator, day, hour, _ in minutes:
        for market in ("all", markets[creator, day]):
            lived[market, day.isoweekday(), hour] += 60
    told = {
        (market, weekday, hour): (seconds, viewer_seconds)
        for market, weekday, hour, seconds, viewer_seconds in built.dbt.rows(
            "select market, iso_weekday, hour_of_day, live_seconds, viewer_seconds"
            " from marts.content_supply_hourly where covered_days_count > 0"
        )
    }
    assert lived.keys() <= told.keys()
    assert {key: seconds for key, (seconds, _) in told.items() if seconds} == lived
    # Whole seconds: each session may be one short in an hour and one over in the next.
    assert all(
        abs((viewer_seconds or 0) - watched[key]) <= len(sessions)
        for key, (_, viewer_seconds) in told.items()
    )
    for market in {market for market, _, _ in told}:
        sums = sum(viewers or 0 for (place, _, _), (_, viewers) in told.items() if place == market)
        exact = sum(value for (place, _, _), value in watched.items() if place == market)
        assert abs(sums - exact) <= len(sessions)


def test_an_hour_with_viewers_and_few_live_hours_misses_supply(built: Built) -> None:
    rows = built.dbt.rows(
        "select supply_status, supply_share_rate, demand_share_rate, covered_days_count"
        " from marts.content_supply_hourly"
    )
    assert {status for status, *_ in rows} >= {"missing", "enough"}
    for status, supply, demand, days in rows:
        if days < 3 or supply is None or demand is None:
            assert status == "unknown"
            continue
        edge = Decimal("0.8") * demand
        is_missing = demand >= Decimal("0.003") and supply < edge
        # Shares are told with six decimals, and judged with all.
        is_close = min(abs(supply - edge), abs(demand - Decimal("0.003"))) < Decimal("0.00001")
        assert (status == "missing") == is_missing or is_close


def test_a_day_that_arrives_equals_a_full_build(built: Built) -> None:
    tables = ("marts.kpi_daily", "marts.kpi_contributions", "marts.content_supply_hourly")
    before = built.dbt.contents(tables)
    built.dbt.build(full_refresh=True, select=SELECT)
    assert built.dbt.contents(tables) == before


ACCIDENTS: dict[str, str] = {
    "kpi_daily_grain": "insert into marts.kpi_daily from marts.kpi_daily limit 1",
    "kpi_daily_markets_sum_to_all": """
        update marts.kpi_daily set numerator = numerator + 1
        where market = 'all' and kpi = 'live_hours'""",
    "kpi_daily_changes_are_differences": """
        update marts.kpi_daily set change_on_week = change_on_week + 1
        where change_on_week is not null""",
    "kpi_daily_rates_and_changes_only_where_complete": """
        update marts.kpi_daily set kpi_value = 0
        where not is_complete and kpi = 'valid_day_rate' and denominator is not null""",
    "kpi_daily_is_null_where_nothing_is_covered": """
        update marts.kpi_daily set numerator = 0 where coverage_rate = 0""",
    "kpi_contributions_grain": """
        insert into marts.kpi_contributions from marts.kpi_contributions limit 1""",
    "kpi_contributions_sum_to_the_change": """
        update marts.kpi_contributions set contribution = contribution + 0.000001
        where kpi = 'live_hours'""",
    "kpi_contributions_are_within_and_mix": """
        update marts.kpi_contributions set mix_contribution = 1""",
    "content_supply_hourly_sums_to_creator_days": """
        update marts.content_supply_hourly set live_seconds = live_seconds + 1""",
    "kpi_targets_do_not_contend": """
        insert into seeds.kpi_targets select kpi, market, date '2026-01-01', null, 0.1, 'a', 'b'
        from seeds.kpi_targets""",
}
"""Statements that break the marts, by the data test that has to notice."""


def test_the_data_tests_notice_each_accident(built: Built) -> None:
    """The last test of the file: it leaves the marts broken."""
    for accident in ACCIDENTS.values():
        built.dbt.execute(accident)
    result = built.dbt.invoke(
        "test",
        *("--select", "kpi_daily,test_type:data", "kpi_contributions,test_type:data"),
        *("kpi_targets,test_type:data", "content_supply_hourly,test_type:data"),
    )
    failed = {node.node.name for node in result.result.results if node.status == "fail"}
    assert sorted(ACCIDENTS.keys() - failed) == []
