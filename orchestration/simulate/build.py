"""Making a world from its options: what is refused, and putting the result in place whole.

What lives here: `simulate`. What may not: how a world is made (`walk`), or anything slow to import.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from orchestration.simulate.options import WorldError, WorldOptions, WorldSummary

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
    for name, folder in (("landing", landing), ("truth", truth)):
        _refuse_used(name, folder)
    landing.parent.mkdir(parents=True, exist_ok=True)
    truth.parent.mkdir(parents=True, exist_ok=True)
    _refuse_small_disk(landing.parent, options)

    with tempfile.TemporaryDirectory(prefix=".simulate-", dir=landing.parent) as temporary:
        from orchestration.simulate.walk import make

        workshop = Path(temporary)
        made = make(workshop, options, tell)
        _put_in_place(workshop / "truth", truth)
        _put_in_place(workshop / "landing", landing)
    return WorldSummary(
        landing=landing,
        truth=truth,
        first_arrival_date=options.first_arrival_date,
        last_arrival_date=options.last_arrival_date,
        creators=made.creators,
        creators_live=made.creators_live,
        sessions=made.sessions,
        files=sum(feed.files for feed in made.written.values()),
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


def _refuse_small_disk(folder: Path, options: WorldOptions) -> None:
    needed = options.creators * options.days * _BYTES_A_CREATOR_DAY
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise WorldError(
            f"{options.creators:,} creators over {options.days:,} days need up to "
            f"{needed / 1e9:,.1f} GB, and {folder} has {free / 1e9:,.1f} GB left. "
            "Ask for fewer creators or days."
        )


def _put_in_place(made: Path, target: Path) -> None:
    if target.exists():
        target.rmdir()
    shutil.move(made, target)


def _say_nothing(_: str) -> None:
    """Progress that nobody reads."""
