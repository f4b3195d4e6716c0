"""Gifts, polls, uses of material and measures agree with the true sessions that they follow from.

What lives here: properties of a week's rows, before anything is written. What may not: files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

from orchestration.simulate import WorldOptions, derived, landing, polling, world
from orchestration.simulate import parameters as p
from orchestration.simulate.activity import KEEP, Activity, first_monday, week_count
from orchestration.simulate.clock import WEEK
from orchestration.simulate.draws import NEVER, Rows
from orchestration.simulate.gifts import gifts_of, is_chosen
from orchestration.simulate.world import BANNED_STATUS

OPTIONS = WorldOptions(creators=3_000, days=42, seed=5, gift_share=1.0, polled_share=0.1)


@dataclass(frozen=True)
class Lived:
    """A world that was lived through: its people, each week's true sessions and changes."""

    people: world.Population
    weeks: list[Rows]
    changes: list[Rows]


@pytest.fixture(scope="module")
def lived() -> Lived:
    clock = world.clock_of(OPTIONS)
    until = first_monday(OPTIONS) + week_count(OPTIONS) * WEEK
    people = world.populate(OPTIONS, clock, until)
    activity = Activity(people, OPTIONS, clock)
    lived = Lived(people, [], [])
    for sessions in activity.weeks():
        lived.weeks.append(sessions)
        lived.changes.append(activity.take_changes())
    return lived


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with landing.open_scratch(tmp_path) as connection:
        yield connection


# --- gifts ------------------------------------------------------------------------------------


def test_gifts_sum_to_their_sessions_to_the_last_diamond(lived: Lived) -> None:
    for week, sessions in enumerate(lived.weeks):
        gifts = gifts_of(week, sessions, OPTIONS)
        first = int(sessions["session"][0])
        given = np.bincount(gifts["session"] - first, gifts["diamonds"], len(sessions["session"]))
        assert (given == sessions["diamonds"]).all()
        assert gifts["diamonds"].min() > 0


def test_a_session_has_at_most_its_gifters_and_its_own_time(lived: Lived) -> None:
    for week, sessions in enumerate(lived.weeks):
        gifts = gifts_of(week, sessions, OPTIONS)
        at = np.searchsorted(sessions["session"], gifts["session"])
        assert (gifts["creator"] == sessions["creator"][at]).all()
        assert (gifts["sent_at"] >= sessions["started_at"][at]).all()
        assert (gifts["sent_at"] < sessions["ended_at"][at]).all()
        pairs = np.unique(np.stack([at, gifts["sender"]]), axis=1)
        senders = np.bincount(pairs[0], minlength=len(sessions["session"]))
        assert (senders <= sessions["gifters"]).all()
        assert senders.sum() > 0.8 * sessions["gifters"].sum()


def test_a_gift_costs_its_list_price_times_its_quantity(lived: Lived) -> None:
    gifts = gifts_of(2, lived.weeks[2], OPTIONS)
    prices = np.array([price for _, price in p.GIFTS])
    assert (gifts["diamonds"] == prices[gifts["gift"]] * gifts["quantity"]).all()
    assert gifts["quantity"].min() >= 1
    assert set(gifts["gift"].tolist()) >= set(range(9))
    number = np.stack([gifts["session"], gifts["number"]])
    assert np.unique(number, axis=1).shape == number.shape


def test_a_few_senders_give_most_and_come_back_to_the_same_creator(lived: Lived) -> None:
    gifts = [gifts_of(week, sessions, OPTIONS) for week, sessions in enumerate(lived.weeks)]
    sender, creator, session, diamonds = (
        np.concatenate([block[name] for block in gifts])
        for name in ("sender", "creator", "session", "diamonds")
    )
    known = sender != NEVER
    _, who = np.unique(np.stack([sender, creator])[:, known], axis=1, return_inverse=True)
    given = np.sort(np.bincount(who, diamonds[known]))[::-1]
    assert given[: len(given) // 10].sum() > 0.6 * given.sum()
    shows = np.unique(np.stack([who, session[known]]), axis=1)
    times = np.bincount(shows[0])
    # Whoever came back gave more each time than those who came once.
    assert (times > 1).mean() > 0.2
    per_show = np.bincount(who, diamonds[known]) / times
    assert np.median(per_show[times > 3]) > np.median(per_show[times == 1])


def test_a_greater_share_of_creators_holds_a_lesser_one(lived: Lived) -> None:
    everybody = np.arange(lived.people.size)
    small, large = (is_chosen(everybody, share, 1) for share in (0.1, 0.3))
    assert not (small & ~large).any()
    assert 0.07 < small.mean() < 0.13
    assert is_chosen(everybody, 1.0, 1).all()
    assert not is_chosen(everybody, 0.0, 1).any()
    gifts = gifts_of(1, lived.weeks[1], replace(OPTIONS, gift_share=0.1))
    assert 0 < len(gifts["session"]) < len(gifts_of(1, lived.weeks[1], OPTIONS)["session"]) / 3


# --- polls ------------------------------------------------------------------------------------


def polls_of(
    scratch: duckdb.DuckDBPyConnection, lived: Lived, options: WorldOptions
) -> tuple[dict[int, int], list[Rows]]:
    """First arrivals by session, and the polled sessions by week; rows are in `poll_rows`."""
    poller = polling.Poller(lived.people, options)
    named: dict[int, int] = {}
    polled: list[Rows] = []
    for week, sessions in enumerate(lived.weeks):
        mine = poller.is_polled[sessions["creator"]]
        polled.append({name: values[mine] for name, values in sessions.items()})
        found = poller.of_week(scratch, first_monday(options) + week * WEEK, polled[-1])
        named.update(zip(found["session"].tolist(), found["arrival"].tolist(), strict=True))
    return named, polled


def test_polls_show_the_sessions_of_polled_creators_and_name_nearly_all(
    scratch: duckdb.DuckDBPyConnection, lived: Lived
) -> None:
    named, polled = polls_of(scratch, lived, OPTIONS)
    sessions = np.concatenate([week["session"] for week in polled])
    assert set(named) <= set(sessions.tolist())
    assert len(named) > 0.98 * len(sessions)
    for week in polled:
        landing.put(scratch, "true_shows", week)
    # Every poll is of a show of that creator, at most a day's lingering after it ended, and the
    # start that is announced first is the true one.
    strays, moved, total = scratch.execute("""
        with shown as (
            select poll_rows.*, shows.started_at, shows.session,
                row_number() over (partition by shows.session order by observed_at) as nth
            from poll_rows
            left join platforms on poll_rows.platform = platforms.name
            asof left join true_shows as shows
                on poll_rows.creator_id = printf('c%07d', shows.creator)
                and platforms.code = shows.platform
                and poll_rows.observed_at >= shows.started_at
        )
        select
            count(*) filter (session is null or announced_at < started_at - 900),
            count(*) filter (nth = 1 and announced_at < started_at),
            count(*)
        from shown""").fetchone() or (0, 0, 0)
    assert total > 4 * len(sessions)
    assert (strays, moved) == (0, 0)


def test_a_clean_poller_shows_a_show_only_while_it_is_on(
    scratch: duckdb.DuckDBPyConnection, lived: Lived
) -> None:
    _, polled = polls_of(scratch, lived, replace(OPTIONS, dirt=False, poll_minutes=5))
    for week in polled:
        landing.put(scratch, "true_shows", week)
    outside = scratch.execute("""
        select count(*) from poll_rows
        where not exists (
            select 1 from true_shows as shows
            where poll_rows.creator_id = printf('c%07d', shows.creator)
                and poll_rows.announced_at = shows.started_at
                and poll_rows.observed_at between shows.started_at and shows.ended_at
        )""").fetchone()
    assert outside == (0,)


def test_nobody_is_polled_without_the_feed_or_in_too_small_a_world() -> None:
    assert polling.polled_creators(3_000, OPTIONS).sum() > p.POLLED_LEAST_CREATORS
    assert not polling.polled_creators(500, replace(OPTIONS, creators=500)).any()
    without = tuple(feed for feed in OPTIONS.feeds if feed != "live_snapshots")
    assert not polling.polled_creators(3_000, replace(OPTIONS, feeds=without)).any()


# --- material and measures --------------------------------------------------------------------


def stacked(blocks: list[Rows]) -> Rows:
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def test_the_new_and_the_active_take_up_material_in_a_language_they_read(lived: Lived) -> None:
    people = lived.people
    material = derived.Material(people, OPTIONS, world.clock_of(OPTIONS))
    mondays = [first_monday(OPTIONS) + week * WEEK for week in range(len(lived.weeks))]
    uses = stacked(
        [material.of_week(n, mondays[n], sessions) for n, sessions in enumerate(lived.weeks)]
    )
    creator = uses["creator"]
    key = np.stack([creator, uses["week"], uses["number"]])
    assert np.unique(key, axis=1).shape == key.shape
    was_live = np.unique(np.concatenate([week["creator"] for week in lived.weeks]))
    is_trained = people.trained_at[creator] != NEVER
    assert (np.isin(creator, was_live) | is_trained).all()
    by_creator = np.bincount(creator, minlength=people.size)
    newcomers = np.flatnonzero(
        ~people.is_existing & (people.trained_at != NEVER) & (people.first_live_at != NEVER)
    )
    old_hands = np.intersect1d(was_live, np.flatnonzero(people.is_existing))
    assert by_creator[newcomers].mean() > by_creator[old_hands].mean() > 0
    language = np.array([language for _, _, language in p.ASSETS])[uses["asset"]]
    spoken = np.array(p.LANGUAGES)[people.language[creator]]
    assert (language[spoken == "es"] == "es").mean() > 0.6
    assert set(language.tolist()) == {"", "es", "en"}


def test_static_sessions_draw_measures_and_a_ban_is_where_the_status_says_so(
    lived: Lived,
) -> None:
    measures = derived.Measures(lived.people, OPTIONS)
    made = stacked(
        [
            measures.of_week(week, sessions, lived.changes[week])
            for week, sessions in enumerate(lived.weeks)
        ]
    )
    status = stacked(lived.changes)
    window = (status["status"] == BANNED_STATUS) & (status["agency"] == KEEP)
    bans = made["severity"] == derived.BAN
    banned = set(
        zip(status["creator"][window].tolist(), status["at"][window].tolist(), strict=True)
    )
    assert banned
    assert banned == set(
        zip(made["creator"][bans].tolist(), made["occurred_at"][bans].tolist(), strict=True)
    )
    assert set(made["creator"][bans].tolist()) <= set(
        made["creator"][made["severity"] == derived.SUSPENSION].tolist()
    )
    all_sessions = {
        name: np.concatenate([week[name] for week in lived.weeks])
        for name in ("session", "creator", "is_static")
    }
    about = made["session"] != NEVER
    at = np.searchsorted(all_sessions["session"], made["session"][about])
    assert (all_sessions["creator"][at] == made["creator"][about]).all()
    assert all_sessions["is_static"][at].mean() > 5 * all_sessions["is_static"].mean()
    assert len(made["creator"]) < 0.01 * len(all_sessions["session"])
