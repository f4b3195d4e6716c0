"""How many LIVE sessions a second one core simulates, and how much memory a world takes.

    .venv/bin/python bench/simulate.py                                a million sessions
    .venv/bin/python bench/simulate.py --creators 1000000 --days 365  the largest that is promised

Three things are told apart, in sessions a second of processor time (which is what a core can do; on
a busy machine the clock on the wall says less):

* generation: who goes LIVE when, before whom, and the dirt in it (NumPy);
* writing: the landing files of `live_sessions` (DuckDB, one thread, Parquet), then other feeds;
* truth: what stands beside them.

The world is made in a process of its own, whose peak memory is the world's.
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
from collections.abc import Iterator
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

    @contextmanager
    def running(self, part: str) -> Iterator[None]:
        """Count what happens within to a part."""
        began = time.process_time()
        try:
            yield
        finally:
            self.spent[part] += time.process_time() - began

    def watch(self, owner: object, name: str, part: str, *, other: str = "") -> None:
        """Count calls of a function to a part; to `other` those that are not about sessions."""
        function = getattr(owner, name)

        def watched(*values: object, **named: object) -> object:
            is_other = other and not {"live_sessions", "session_rows"} & {
                v for v in values if isinstance(v, str)
            }
            with self.running(other if is_other else part):
                return function(*values, **named)

        setattr(owner, name, watched)


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Make the world in this process, and say where the time went."""
    from orchestration.simulate import WorldOptions, landing, simulate, truth
    from orchestration.simulate.activity import Activity
    from orchestration.simulate.dirt import Dirt

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
    watch.watch(Dirt, "land", "generation")
    watch.watch(landing.Writer, "_write_feed", "writing", other="other feeds")
    watch.watch(landing, "put", "writing", other="other feeds")
    watch.watch(truth, "write_sessions", "truth")
    began, wall = time.process_time(), time.monotonic()
    options = WorldOptions(
        creators=arguments.creators, days=arguments.days, dirt=arguments.dirt, format="parquet"
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
    parser.add_argument("--creators", type=int, default=60_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--dirt", default="usual")
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
    print(f"generation and writing: {sessions / both:,.0f} a second; {TARGET:,} are {verdict}")
    print(f"on the wall {said['wall_seconds']:,.1f} s; peak {said['peak_bytes'] / GIB:.2f} GiB")


if __name__ == "__main__":
    main()
