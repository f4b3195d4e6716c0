"""Making a world from its options: what is refused, and putting the result in place whole.

What lives here: `simulate` and `extend`. What may not: how a world is made (`walk`), or anything
slow to import.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.release.atomic import exchange, fsync_folder, fsync_tree
from orchestration.simulate.options import (
    ON_DEMAND_FEEDS,
    WorldError,
    WorldOptions,
    WorldSummary,
)

if TYPE_CHECKING:
    from orchestration.simulate.walk import Made

_BYTES_A_CREATOR_DAY = 30
"""Generous: files, scratch and truth together, as measured on text formats."""


def simulate(
    landing: Path,
    options: WorldOptions | None = None,
    *,
    truth_dir: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> WorldSummary:
    """Make a world: landing files by arrival day, and beside them what is true.

    Backstage exports, where they are asked for, go into `exports` beside landing.

    Nothing appears in either folder before everything is written, so an interrupted simulation
    leaves no half world behind.

    Args:
        landing: The landing folder; must be absent or empty.
        options: What to make.
        truth_dir: Where the truth goes, absent or empty; `truth` beside landing if not given.
        progress: Is told, in a few words, what is being done.

    Returns:
        What was made.

    Raises:
        WorldError: A folder is not empty, or the disk is too small.
    """
    began = time.monotonic()
    options = options if options is not None else WorldOptions()
    truth = truth_dir if truth_dir is not None else landing.parent / "truth"
    tell = progress if progress is not None else _say_nothing
    exports = landing.parent / "exports"
    for name, folder in (("landing", landing), ("truth", truth)):
        _refuse_used(name, folder)
    if "backstage_reports" in options.feeds:
        _refuse_used("exports", exports)
    landing.parent.mkdir(parents=True, exist_ok=True)
    truth.parent.mkdir(parents=True, exist_ok=True)
    _refuse_small_disk(landing.parent, options, options.days)

    with tempfile.TemporaryDirectory(prefix=".simulate-", dir=landing.parent) as temporary:
        from orchestration.simulate.walk import make

        workshop = Path(temporary)
        made = make(workshop, options, tell)
        _put_in_place(workshop / "truth", truth)
        if (workshop / "exports").exists():
            _put_in_place(workshop / "exports", exports)
        _put_in_place(workshop / "landing", landing)
    return _summary(landing, truth, options, made, began)


def extend(
    landing: Path,
    days: int,
    *,
    truth_dir: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> WorldSummary:
    """Let a world go on: land its next days, and say anew what is true.

    The world is lived again from its beginning, and only what is new is written: files that landed
    before are not opened. The days are put in place before the truth, so where an extension was
    interrupted, the same one again finishes it.

    Args:
        landing: The landing folder of a world.
        days: How many days to add.
        truth_dir: Where its truth is; `truth` beside landing if not given.
        progress: Is told, in a few words, what is being done.

    Returns:
        The world as it is then; `files` and `bytes` are the new ones.

    Raises:
        WorldError: The world cannot go on, or the disk is too small.
    """
    began = time.monotonic()
    truth = truth_dir if truth_dir is not None else landing.parent / "truth"
    tell = progress if progress is not None else _say_nothing
    if isinstance(days, bool) or not isinstance(days, int) or days < 1:
        raise WorldError(f"days must be a whole number from 1 to add to a world, not {days!r}.")
    said = _told_before(landing, truth)
    before = WorldOptions.from_json(said["options"])
    options = replace(before, days=before.days + days)
    _refuse_small_disk(landing.parent, options, days)

    from orchestration.simulate.walk import make

    with tempfile.TemporaryDirectory(prefix=".simulate-", dir=landing.parent) as temporary:
        workshop = Path(temporary)
        made = make(workshop, options, tell, written_before=before.days)
        for feed, written in made.written.items():
            if feed in ON_DEMAND_FEEDS:
                continue
            rows = said["feeds"].get(feed, {"rows": 0})["rows"]
            if written.rows_before != rows:
                raise WorldError(
                    f"This machine does not make the same world again: {written.rows_before:,} "
                    f"rows of {feed} until {before.last_arrival_date}, and the truth says "
                    f"{rows:,}. {_MAKE_ANEW}"
                )
        _refuse_other_files(workshop / "landing", landing)
        fsync_tree(workshop)
        for day in sorted((workshop / "landing").glob("*/dt=*")):
            _add_day(day, landing / day.parent.name / day.name)
        if (workshop / "exports").exists():
            # Anew and whole: who has left by the end is told in them.
            (landing.parent / "exports").mkdir(exist_ok=True)
            _exchange(workshop / "exports", landing.parent / "exports")
        _exchange(workshop / "truth", truth)
    return _summary(landing, truth, options, made, began)


_MAKE_ANEW = "Make a new world in an empty home, with all its days."


def _told_before(landing: Path, truth: Path) -> dict[str, Any]:
    """What `truth.json` says of a world that is to go on.

    Raises:
        WorldError: There is none, or another version made it.
    """
    from orchestration.simulate.truth import made_by

    path = truth / "truth.json"
    if not path.is_file():
        raise WorldError(
            f"There is no world to add days to: {path} is missing. Only a world whose truth stands "
            f"beside it can go on. {_MAKE_ANEW}"
        )
    if not landing.is_dir():
        raise WorldError(f"The landing folder {landing} of this world is missing. {_MAKE_ANEW}")
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        maker, _ = said["made_by"], (said["options"]["days"], said["feeds"])
    except (ValueError, KeyError, TypeError) as error:
        raise WorldError(
            f"{path} is damaged, or of a version that could not add days. {_MAKE_ANEW}"
        ) from error
    if maker != made_by():
        ours = made_by()
        differs = ", ".join(
            f"{name} {maker.get(name, 'unknown')} (here {ours[name]})"
            for name in ours
            if maker.get(name) != ours[name]
        )
        raise WorldError(
            f"The world of {path} was made by another version: {differs}. Days of this one would "
            f"not follow from it. {_MAKE_ANEW}"
        )
    return dict(said)


def _refuse_other_files(made: Path, landing: Path) -> None:
    """Refuse, before anything is moved, where a new day's folder holds other files already."""
    for day in made.glob("*/dt=*"):
        there = landing / day.parent.name / day.name
        if not there.exists():
            continue
        names = {path.name for path in there.iterdir()}
        if names != {path.name for path in day.iterdir()} or any(
            (there / name).read_bytes() != (day / name).read_bytes() for name in names
        ):
            raise WorldError(
                f"Files of somebody else stand in {there}, a day that would be added. Move them "
                "away and repeat."
            )


def _add_day(day: Path, target: Path) -> None:
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    day.rename(target)
    fsync_folder(target.parent)


def _exchange(made: Path, target: Path) -> None:
    """Put a folder in the place of another: readers see the old one or the new one, whole."""
    beside = Path(tempfile.mkdtemp(prefix=".truth-", dir=target.parent))
    try:
        shutil.move(made, beside / made.name)
        fsync_tree(beside)
        exchange(beside / made.name, target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _summary(
    landing: Path, truth: Path, options: WorldOptions, made: Made, began: float
) -> WorldSummary:
    return WorldSummary(
        landing=landing,
        truth=truth,
        first_arrival_date=options.first_arrival_date,
        last_arrival_date=options.last_arrival_date,
        creators=made.creators,
        creators_live=made.creators_live,
        sessions=made.sessions,
        files=sum(feed.new_files for feed in made.written.values()),
        bytes=sum(feed.bytes for feed in made.written.values()),
        seconds=time.monotonic() - began,
        rows={name: feed.rows for name, feed in made.written.items()},
        dirt=made.dirt,
    )


def _refuse_used(name: str, folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise WorldError(f"The {name} folder {folder} is a file. Give the path of a folder.")
    entries = sum(1 for _ in folder.iterdir())
    if entries:
        raise WorldError(
            f"The {name} folder {folder} is not empty ({entries:,} entries). A world is only made "
            "in an empty one: choose another home, or move these away."
        )


def _refuse_small_disk(folder: Path, options: WorldOptions, days: int) -> None:
    needed = options.creators * days * _BYTES_A_CREATOR_DAY
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise WorldError(
            f"{options.creators:,} creators over {days:,} days need up to "
            f"{needed / 1e9:,.1f} GB, and {folder} has {free / 1e9:,.1f} GB left. "
            "Ask for fewer creators or days."
        )


def _put_in_place(made: Path, target: Path) -> None:
    if target.exists():
        target.rmdir()
    shutil.move(made, target)


def _say_nothing(_: str) -> None:
    """Progress that nobody reads."""
