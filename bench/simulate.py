"""How many LIVE sessions a second one core simulates, and how much memory a world takes.

    .venv/bin/python bench/simulate.py                                a million sessions
    .venv/bin/python bench/simulate.py --creators 1000000 --days 365  the largest that is promised
    .venv/bin/python bench/simulate.py --feeds all                    with every other feed

What is measured is the processor time of all threads (there is one: DuckDB has one, and NumPy uses
one for what is done here), which is what a core can do; on a busy machine the clock on the wall
says less. The world has the usual dirt, and its files are Parquet. Told apart are:

* generation: who goes LIVE when, before whom, the dirt in it, and the order of files (NumPy);
* writing: the landing files of `live_sessions` (DuckDB), from NumPy's arrays to the closed file;
* truth: what is true of sessions, beside the world;
* other feeds, where they are asked for: what follows from sessions, and their files;
* everything: also who is there, what changes about creators, counts, imports, and putting files in
  place.

The target is about the sessions feed: generation and writing. The world is made in a process of its
own, whose peak memory is the world's.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestration.simulate.draws import Rows

TARGET = 500_000
GIB = 2**30


class Stopwatch:
    """Processor seconds by part, of functions that are replaced while a world is made."""

    def __init__(self) -> None:
        """Nothing took any time yet."""
        self.spent: dict[str, float] = defaultdict(float)
        self._is_running = False

    @contextmanager
    def running(self, part: str) -> Iterator[None]:
        """Count what happens within to a part, unless it is within another."""
        if self._is_running:
            yield
            return
        self._is_running = True
        began = time.process_time()
        try:
            yield
        finally:
            self.spent[part] += time.process_time() - began
            self._is_running = False

    def watch(self, part: str, *functions: tuple[object, str]) -> None:
        """Count calls of functions, each given by its owner and name, to a part."""
        for owner, name in functions:
            setattr(owner, name, self._watched(part, getattr(owner, name)))

    def _watched(self, part: str, function: Callable[..., object]) -> Callable[..., object]:
        def watched(*values: object, **named: object) -> object:
            with self.running(part):
                return function(*values, **named)

        return watched


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Make the world in this process, and say where the time went."""
    from orchestration.simulate import WorldOptions, landing, simulate, truth, walk
    from orchestration.simulate.activity import Activity
    from orchestration.simulate.derived import Derived
    from orchestration.simulate.dirt import Dirt, Landed
    from orchestration.simulate.options import DEFAULT_FEEDS

    watch = Stopwatch()
    weeks = Activity.weeks

    def watched_weeks(self: Activity) -> Iterator[Rows]:
        walked = weeks(self)
        while True:
            with watch.running("generation"):
                block = next(walked, None)
            if block is None:
                return
            yield block

    setattr(Activity, "weeks", watched_weeks)  # noqa: B010  mypy knows it as a method
    watch.watch("generation", (Dirt, "by_its_clock"), (Dirt, "land"), (Landed, "without"))
    watch.watch("generation", (walk, "_as_in_files"))
    watch.watch("writing", (landing.Writer, "hold_sessions"), (landing.Writer, "_write_sessions"))
    watch.watch("other feeds", (Derived, "put"), (landing.Writer, "_write_feed"))
    watch.watch("truth", (walk, "_by_both_routes"), (truth.WeeklyActivity, "add"))
    watch.watch("truth", (truth.WeeklyActivity, "with_local_start"), (truth, "write_sessions"))
    began, wall = time.process_time(), time.monotonic()
    options = WorldOptions(
        creators=arguments.creators,
        days=arguments.days,
        dirt=arguments.dirt,
        format="parquet",
        feeds=DEFAULT_FEEDS if arguments.feeds == "all" else ("live_sessions",),
        # What programs do to sessions is a part of its own.
        programs="all" if arguments.feeds == "all" else "none",
    )
    folder = Path(tempfile.mkdtemp(prefix="bench-simulate-", dir=arguments.folder))
    try:
        made = simulate(folder / "landing", options)
    finally:
        shutil.rmtree(folder)
    return {
        "sessions": made.sessions,
        "bytes": made.bytes,
        "seconds": dict(watch.spent),
        "all_seconds": time.process_time() - began,
        "wall_seconds": time.monotonic() - wall,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def main() -> None:
    """Measure in a process of its own, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--creators", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=70)
    parser.add_argument("--dirt", default="usual")
    parser.add_argument("--feeds", choices=("sessions", "all"), default="sessions")
    parser.add_argument("--folder", type=Path, default=None, help="where the world is made")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        print(json.dumps(measure(arguments)))
        return
    again = [sys.executable, __file__, "--inside", *sys.argv[1:]]
    inside = subprocess.run(again, check=True, capture_output=True, text=True)  # noqa: S603
    said = json.loads(inside.stdout)
    sessions = said["sessions"]
    print(
        f"{arguments.creators:,} creators, {arguments.days:,} days: {sessions:,} sessions, "
        f"{said['bytes'] / GIB:,.2f} GiB of Parquet"
    )
    print(f"{'':12} {'seconds':>9} {'sessions/s/core':>16}")
    parts = {**said["seconds"], "everything": said["all_seconds"]}
    for part, seconds in parts.items():
        print(f"{part:12} {seconds:9.1f} {sessions / seconds:16,.0f}")
    both = said["seconds"]["generation"] + said["seconds"]["writing"]
    verdict = "reached" if sessions / both >= TARGET else "not reached"
    print(f"the sessions feed: {sessions / both:,.0f} a second a core; {TARGET:,} are {verdict}")
    print(f"on the wall {said['wall_seconds']:,.1f} s; peak {said['peak_bytes'] / GIB:.2f} GiB")


if __name__ == "__main__":
    main()
