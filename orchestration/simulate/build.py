"""Making a world from its options: the order of the steps, and putting the result in place whole.

What lives here: `simulate`. What may not: how any step works.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.simulate.options import WorldError, WorldOptions, WorldSummary

if TYPE_CHECKING:
    import duckdb

    from orchestration.simulate.activity import Activity
    from orchestration.simulate.dirt import Dirt
    from orchestration.simulate.draws import Bools, Ints
    from orchestration.simulate.landing import Written
    from orchestration.simulate.truth import WeeklyActivity
    from orchestration.simulate.world import Population

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
        workshop = Path(temporary)
        made = _make(workshop, options, tell)
        _put_in_place(workshop / "truth", truth)
        _put_in_place(workshop / "landing", landing)
    written: dict[str, Written] = made["written"]
    return WorldSummary(
        landing=landing,
        truth=truth,
        first_arrival_date=options.first_arrival_date,
        last_arrival_date=options.last_arrival_date,
        creators=options.creators,
        creators_live=made["creators_live"],
        sessions=made["sessions"],
        files=sum(feed.files for feed in written.values()),
        bytes=sum(feed.bytes for feed in written.values()),
        seconds=time.monotonic() - began,
        rows={name: feed.rows for name, feed in written.items()},
        dirt=made["dirt"],
    )


def _make(workshop: Path, options: WorldOptions, tell: Callable[[str], None]) -> dict[str, Any]:
    """Make the world in a workshop folder: `landing/` and `truth/` in it."""
    import numpy as np

    from orchestration.simulate import dirt, landing, truth, world
    from orchestration.simulate.activity import Activity
    from orchestration.simulate.clock import DAY, epoch_of

    tell(f"drawing {options.creators:,} creators")
    clock = world.clock_of(options)
    people = world.populate(options, clock)
    activity = Activity(people, options, clock)
    weekly = truth.WeeklyActivity(people, options, clock)
    soiler = dirt.Dirt(options, lambda arrival: _naive_fits(arrival, options))

    connection = landing.open_scratch(workshop)
    try:
        _put_people(connection, people)
        sessions, kinds = _walk(connection, activity, weekly, soiler, tell)
        changes = activity.changes()
        changes["change"] = np.arange(len(changes["at"]))
        landing.put(connection, "changes", changes)
        landing.creator_rows(connection, options)
        for table, rows, at in (
            ("event_rows", world.onboarding_events(people, options), "occurred_at"),
            ("agency_rows", world.agency_states(options), "updated_at"),
        ):
            rows["arrival"] = (rows[at] - epoch_of(options.start)) // DAY + 1
            landing.put(connection, table, rows)
        written = _write_feeds(connection, workshop / "landing", options, tell)
        counts: dict[str, Any] = {
            "creators_live": weekly.creators_live,
            "sessions": sessions,
            "dirt": {**kinds, "drift_files": written["live_sessions"].drift_files},
        }
        tell("writing what is true")
        root = workshop / "truth"
        root.mkdir()
        truth.write_sessions(connection, root)
        truth.write_creators(connection, root)
        truth.write_dirt(connection, root, options)
        truth.write_growth(connection, root, weekly.growth())
        by_feed = {name: {"rows": w.rows, "files": w.files} for name, w in written.items()}
        truth.write_summary(root, options, {**counts, "feeds": by_feed})
    finally:
        connection.close()
    return {**counts, "written": written}


def _walk(
    connection: duckdb.DuckDBPyConnection,
    activity: Activity,
    weekly: WeeklyActivity,
    soiler: Dirt,
    tell: Callable[[str], None],
) -> tuple[int, dict[str, int]]:
    """Go through the weeks: true sessions, landed rows and notes into the scratch database."""
    import numpy as np

    from orchestration.simulate import dirt, landing

    kinds = np.zeros(len(dirt.KINDS), np.int64)
    sessions = 0
    for week, block in enumerate(activity.weeks()):
        landed = soiler.land(week, block)
        weekly.add(landed.true)
        sessions += len(landed.true["session"])
        kinds += np.bincount(landed.notes["kind"], minlength=len(kinds))
        landing.put(connection, "session_rows", weekly.with_local_start(landed.rows))
        landing.put(connection, "dirt_notes", landed.notes)
        tell(f"week {week + 1}: {sessions:,} sessions so far")
    return sessions, dict(zip(dirt.KINDS, kinds.tolist(), strict=True))


def _put_people(connection: duckdb.DuckDBPyConnection, people: Population) -> None:
    """Table `people`: every creator's fixed attributes."""
    from dataclasses import fields

    import numpy as np

    from orchestration.simulate import landing

    columns = {field.name: getattr(people, field.name) for field in fields(people)}
    landing.put(connection, "people", {"creator": np.arange(people.size), **columns})


def _write_feeds(
    connection: duckdb.DuckDBPyConnection,
    root: Path,
    options: WorldOptions,
    tell: Callable[[str], None],
) -> dict[str, Written]:
    """Write all landing files."""
    from orchestration.simulate.landing import LAYOUTS, write_feed

    root.mkdir()
    written = {}
    for feed in LAYOUTS:
        tell(f"writing {feed}")
        written[feed] = write_feed(connection, root, options, feed)
    return written


def _naive_fits(arrival: Ints, options: WorldOptions) -> Bools:
    """Whether each arrival day's session file is text: Parquet's type always carries the zone."""
    import numpy as np

    from orchestration.simulate.landing import file_format

    is_text = [
        file_format("live_sessions", day, options.format) != "parquet"
        for day in range(1, options.days + 1)
    ]
    fits: Bools = np.array([False, *is_text])[arrival]
    return fits


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
