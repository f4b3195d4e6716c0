"""A world goes on: new days are added to it, and nothing of what was there is touched."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from orchestration.simulate import WorldError, WorldOptions, extend, simulate
from orchestration.simulate import build as building

OPTIONS = WorldOptions(creators=150, days=20, seed=9, dirt="all")


def _files(folder: Path) -> dict[str, tuple[str, int, int]]:
    """Content, time of change and inode of every file."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
            path.stat().st_ino,
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


def _contents(folder: Path) -> dict[str, str]:
    return {name: sha for name, (sha, _, _) in _files(folder).items()}


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    """The landing folder of a world of twenty days."""
    return simulate(tmp_path / "world" / "landing", OPTIONS).landing


def test_a_world_that_goes_on_is_the_world_that_was_made_long(
    landing: Path, tmp_path: Path
) -> None:
    before = _files(landing)
    added = extend(landing, 9)
    again = extend(landing, 1)
    after = _files(landing)
    assert {name: after[name] for name in before} == before
    assert added.files + again.files == len(after) - len(before)
    long = simulate(
        tmp_path / "long" / "landing",
        WorldOptions(creators=150, days=30, seed=9, dirt="all", window_days=20),
    )
    assert _contents(landing) == _contents(long.landing)
    assert _contents(landing.parent / "truth") == _contents(long.truth)
    assert (again.rows, again.sessions) == (long.rows, long.sessions)
    assert again.last_arrival_date == long.last_arrival_date
    assert {path.name for path in landing.parent.iterdir()} == {"landing", "truth"}


def test_an_interrupted_extension_is_finished_by_the_same_one(
    landing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _contents(landing.parent / "truth")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(building, "_exchange", stop)
        with pytest.raises(KeyboardInterrupt):
            extend(landing, 5)
    assert _contents(landing.parent / "truth") == before
    extend(landing, 5)
    long = simulate(
        tmp_path / "long" / "landing",
        WorldOptions(creators=150, days=25, seed=9, dirt="all", window_days=20),
    )
    assert _contents(landing) == _contents(long.landing)
    assert _contents(landing.parent / "truth") == _contents(long.truth)


def test_what_landed_may_have_been_moved_away_meanwhile(landing: Path) -> None:
    gone = next((landing / "creators").glob("dt=*/*"))
    gone.unlink()
    extend(landing, 2)
    assert not gone.exists()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("remove", "truth.json is missing.*Make a new world"),
        ("half", "truth.json is damaged"),
        ("version", r"another version: simulator 0123 \(here [0-9a-f]{16}\)"),
        ("options", "does not make the same world again"),
    ],
)
def test_a_world_that_cannot_go_on_says_why_and_stays(
    landing: Path, damage: str, says: str
) -> None:
    path = landing.parent / "truth" / "truth.json"
    said = json.loads(path.read_text())
    if damage == "remove":
        path.unlink()
    elif damage == "half":
        path.write_text(path.read_text()[:100])
    elif damage == "version":
        path.write_text(json.dumps({**said, "made_by": {**said["made_by"], "simulator": "0123"}}))
    else:
        path.write_text(json.dumps({**said, "options": {**said["options"], "seed": 10}}))
    before = _files(landing.parent)
    with pytest.raises(WorldError, match=says):
        extend(landing, 3)
    assert _files(landing.parent) == before


def test_files_of_somebody_else_on_a_new_day_are_left_alone(landing: Path) -> None:
    theirs = landing / "creators" / "dt=2026-07-22" / "theirs.csv"
    theirs.parent.mkdir()
    theirs.write_text("creator_id\n")
    before = _files(landing.parent)
    with pytest.raises(WorldError, match=r"somebody else stand in .*dt=2026-07-22"):
        extend(landing, 3)
    assert _files(landing.parent) == before


@pytest.mark.parametrize(
    ("days", "says"), [(0, "from 1 to add"), (-3, "not -3"), (4_000, "3,660, not 4,020")]
)
def test_an_impossible_number_of_days_is_refused(landing: Path, days: int, says: str) -> None:
    with pytest.raises(WorldError, match=says):
        extend(landing, days)


def test_days_that_do_not_fit_on_the_disk_are_refused(
    landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 1_000

    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage)
    with pytest.raises(WorldError, match="150 creators over 7 days"):
        extend(landing, 7)
