"""Landed files that went away are noticed once; an ordinary clean-up is not.

What lives here: which missing days are worth a word. What may not: single files of a day that is
still there (that is a correction) or the screens (integration tests).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from datetime import date, timedelta

import pytest

from orchestration.ingest.gone import Noticed, notice
from orchestration.ingest.landing_zone import open_zone
from orchestration.ingest.withdraw import withdraw
from tests.unit.ingest.landed_world import DAY, World, as_csv, session

FEED = "live_sessions"
DAYS = [DAY + timedelta(days=offset) for offset in range(6)]


@pytest.fixture
def loaded(world: World) -> World:
    """Six accepted days, each written a day after the one before it."""
    for number, day in enumerate(DAYS):
        rows = [session(1, started_at=f"{day}T10:00:00Z", ended_at="")]
        path = world.land(FEED, "day.csv", as_csv(rows), day)
        os.utime(path, ns=(number * 10**9, number * 10**9))
        world.ingest(FEED, day)
    return world


def remove(world: World, days: Iterable[date]) -> None:
    for day in days:
        shutil.rmtree(world.folder(FEED, day))


def noticed(world: World) -> Noticed:
    return notice(FEED, world.settings, open_zone(world.settings))


def test_nothing_is_said_while_everything_stands(loaded: World) -> None:
    assert noticed(loaded) == Noticed((), ())


def test_a_day_taken_out_of_the_middle_is_news_once(loaded: World) -> None:
    remove(loaded, [DAYS[2]])
    assert noticed(loaded) == Noticed((DAYS[2],), (DAYS[2],))
    assert noticed(loaded) == Noticed((DAYS[2],), ())
    remove(loaded, [DAYS[4]])
    assert noticed(loaded) == Noticed((DAYS[2], DAYS[4]), (DAYS[4],))


def test_an_emptied_folder_is_a_missing_day_too(loaded: World) -> None:
    (loaded.folder(FEED, DAYS[3]) / "day.csv").unlink()
    assert noticed(loaded).news == (DAYS[3],)


def test_files_that_are_back_are_forgotten_and_news_when_they_go_again(loaded: World) -> None:
    kept = loaded.home / "kept"
    shutil.move(loaded.folder(FEED, DAYS[2]), kept)
    assert noticed(loaded).news == (DAYS[2],)
    shutil.copytree(kept, loaded.settings.landing / FEED / f"dt={DAYS[2]}")
    assert noticed(loaded) == Noticed((), ())
    remove(loaded, [DAYS[2]])
    assert noticed(loaded).news == (DAYS[2],)


@pytest.mark.parametrize("count", [1, 4, 6])
def test_a_clean_up_of_everything_older_is_not_news(loaded: World, count: int) -> None:
    remove(loaded, DAYS[:count])
    assert noticed(loaded) == Noticed((), ())


def test_a_clean_up_by_the_age_of_files_is_not_news_where_an_old_day_came_late(
    loaded: World,
) -> None:
    early = DAY - timedelta(days=20)
    rows = [session(1, started_at=f"{early}T10:00:00Z", ended_at="")]
    path = loaded.land(FEED, "day.csv", as_csv(rows), early)
    os.utime(path, ns=(10**12, 10**12))
    loaded.ingest(FEED, early)
    remove(loaded, DAYS[:4])
    assert noticed(loaded) == Noticed((), ())


def test_a_withdrawn_day_is_not_missing(loaded: World) -> None:
    remove(loaded, [DAYS[2]])
    noticed(loaded)
    withdraw(loaded.settings, loaded.contracts[FEED], DAYS[2], "deleted at the source")
    assert noticed(loaded) == Noticed((), ())
    with loaded.ledger() as ledger:
        assert ledger.gone_days(FEED) == set()
