"""Impossible worlds are refused before anything is made, with the numbers that rule them out."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from orchestration.simulate import WorldError, WorldOptions, simulate
from orchestration.simulate.clock import Clock, epoch_of
from orchestration.simulate.options import DIRT_KINDS, PROGRAMS, USUAL_DIRT


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"days": 0}, "days must lie between 1 and 3,660, not 0"),
        ({"days": 4_000}, "not 4,000"),
        ({"creators": -5}, "creators must lie between 1 and 5,000,000, not -5"),
        ({"creators": 0}, "not 0"),
        ({"creators": 1.5}, "whole number, not 1.5"),
        ({"creators": True}, "whole number, not True"),
        ({"seed": -1}, "seed must be 0 or more, not -1"),
        ({"start": date(1999, 12, 31)}, "1999-12-31"),
        ({"start": "2026-07-01"}, "must be a date"),
        ({"start": datetime(2026, 7, 1)}, "must be a date"),  # noqa: DTZ001
        ({"start": date(2099, 12, 1), "days": 120}, "120 days from 2099-12-01"),
        ({"start": date(9999, 12, 31)}, "9999-12-31"),
        ({"format": "xlsx"}, "jsonl.gz, mixed, not 'xlsx'"),
        ({"dirt": "no"}, "dirt must be made of none, usual, all, duplicate, .*, not 'no'"),
        ({"dirt": ("late", "sand")}, "not 'sand'"),
        ({"programs": "lottery"}, "programs must be made of none, all, steady_weeks, .*'lottery'"),
        ({"programs": True}, "programs must be all, none, or ids of programs, not True"),
        ({"window_days": -1}, "window_days must lie between 1 and 3,660, not -1"),
    ],
)
def test_an_impossible_option_is_named_with_its_value(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(WorldError, match=says):
        WorldOptions(**wrong)


def test_dirt_is_chosen_by_words_and_kinds_and_kept_as_kinds() -> None:
    assert WorldOptions(dirt="none").dirt == ()
    assert WorldOptions().dirt == WorldOptions(dirt="usual").dirt == USUAL_DIRT
    assert WorldOptions(dirt="all").dirt == DIRT_KINDS
    chosen = WorldOptions(dirt="unit_change, late,late")
    assert chosen.dirt == ("late", "unit_change")
    assert WorldOptions.from_json(chosen.to_json()) == chosen


def test_programs_are_chosen_by_words_and_ids_and_kept_as_ids() -> None:
    assert WorldOptions(programs="none").programs == ()
    assert WorldOptions().programs == WorldOptions(programs="all").programs == PROGRAMS
    chosen = WorldOptions(programs="daily_sprint, steady_weeks,steady_weeks")
    assert chosen.programs == ("steady_weeks", "daily_sprint")
    assert WorldOptions.from_json(chosen.to_json()) == chosen


def test_a_landing_folder_in_use_is_refused_and_left_alone(tmp_path: Path) -> None:
    somebody = tmp_path / "landing" / "creators" / "theirs.csv"
    somebody.parent.mkdir(parents=True)
    somebody.write_text("creator_id\n")
    with pytest.raises(WorldError, match=r"landing.*is not empty \(1 entries\)"):
        simulate(tmp_path / "landing", WorldOptions(creators=10, days=2))
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [somebody]


def test_a_truth_folder_in_use_or_a_file_as_landing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / "truth.json").write_text("{}")
    with pytest.raises(WorldError, match="truth folder"):
        simulate(tmp_path / "landing", WorldOptions(creators=10, days=2))
    (tmp_path / "file").write_text("")
    with pytest.raises(WorldError, match="is a file"):
        simulate(tmp_path / "file", WorldOptions(creators=10, days=2), truth_dir=tmp_path / "t")


def test_a_world_that_does_not_fit_on_the_disk_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 1_000

    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage)
    with pytest.raises(WorldError, match="10 creators over 20 days"):
        simulate(tmp_path / "landing", WorldOptions(creators=10, days=20))


def test_an_interrupted_simulation_leaves_nothing_behind(tmp_path: Path) -> None:
    def stop(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path / "landing", WorldOptions(creators=10, days=2), progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_landing_folder_with_an_odd_name_is_used(tmp_path: Path) -> None:
    home = tmp_path / "it's [1]; home"
    (home / "landing").mkdir(parents=True)
    simulate(home / "landing", WorldOptions(creators=20, days=2))
    assert list((home / "landing" / "creators").iterdir())


@pytest.mark.parametrize(
    ("zone", "day", "offsets"),
    [
        ("America/Santiago", date(2026, 9, 6), {-14_400, -10_800}),
        ("America/Tijuana", date(2026, 11, 1), {-25_200, -28_800}),
        ("America/Mexico_City", date(2026, 4, 5), {-21_600}),
    ],
)
def test_the_clock_knows_daylight_saving(zone: str, day: date, offsets: set[int]) -> None:
    clock = Clock((zone,), day, 1)
    utc = epoch_of(day) + np.arange(0, 86_400, 900)
    codes = np.zeros(len(utc), np.int64)
    assert set(clock.offset(codes, utc).tolist()) == offsets
    local = clock.to_local(codes, utc)
    back = clock.to_utc(codes, local)
    # The hour that is shown twice has two instants: one of them comes back.
    assert np.abs(back - utc).max() <= 3_600
    assert np.array_equal(clock.to_local(codes, back), local)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("America/Santiago", date(2026, 9, 6)),
        ("America/Santiago", date(2027, 4, 3)),
        ("America/New_York", date(2026, 11, 1)),
        ("America/New_York", date(2027, 3, 14)),
        ("America/Tijuana", date(2027, 3, 14)),
        ("Europe/Madrid", date(2026, 10, 25)),
        ("Europe/Madrid", date(2027, 3, 28)),
        ("Atlantic/Canary", date(2027, 3, 28)),
        ("America/Mexico_City", date(2026, 4, 5)),
    ],
)
def test_an_hour_that_is_skipped_is_the_later_one_and_of_one_shown_twice_the_first(
    zone: str, day: date
) -> None:
    """Held against `zoneinfo`, whose `fold=0` says the same on both sides of UTC."""
    shown = epoch_of(day) + np.arange(-86_400, 2 * 86_400, 600)
    instants = Clock((zone,), day, 1).to_utc(np.zeros(len(shown), np.int64), shown)
    expected = [
        datetime.fromtimestamp(int(local), UTC).replace(tzinfo=ZoneInfo(zone)).timestamp()
        for local in shown
    ]
    assert instants.tolist() == expected
