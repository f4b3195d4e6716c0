"""What the marts cost beside the same tables written by hand: a full build, a day more, and memory.

    .venv/bin/python bench/marts.py [--creators 20000] [--days 180] [--home <home with raw>]

All of one run, on one machine, over the same raw Parquet and with the same memory for DuckDB:

* `by hand` is `bench/by_hand.py`, a process that writes twelve marts from left to right;
* `full build` is one `dbt build --full-refresh` of those marts and of what they stand on, without
  tests, from a project that was parsed before;
* `a day more` is the same without `--full-refresh`, after one more day was simulated and ingested.

Left out on both sides are the marts that `by_hand.MARTS` does not name (labels, dates, agencies,
what is made of Backstage exports). Where a named one stands on such a model, dbt builds it all the
same (without exports it is empty), and the script has nothing like it.

Each is done for a tiny world too. That is the fixed start-up: Python, dbt, and models that have
next to nothing to do. Ratios are told with it and beyond it. `--home` takes the days of a home that
is there instead of making a world; they are linked or copied, and stay as they are. Where others
use the machine, processor time says more than seconds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from by_hand import MARTS

from orchestration.settings import PROJECT_ROOT

BIN = Path(sys.executable).parent
TINY = ("--creators", "120", "--days", "28", "--polled-share", "0.9")
"""With polls: the script takes both routes for granted."""
GIB = 2**30

TARGET_FULL = 1.5
TARGET_DAY = 0.03
TARGET_GIB = 4.0

_Given = ParamSpec("_Given")
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Cost:
    """What a process took: wall time, processor time, and the most memory it held."""

    seconds: float
    processor: float
    gib: float


@dataclass(frozen=True)
class Costs:
    """What a world took; `sessions` are its LIVE sessions, `same` the marts with the same rows."""

    by_hand: Cost
    full: Cost
    day: Cost
    ingest_seconds: float
    sessions: int
    same: int


def apart(work: Callable[_Given, _Answer], *args: _Given.args, **kwargs: _Given.kwargs) -> _Answer:
    """Do it in a process of its own.

    A process begins with the greatest memory of the one that started it, as the kernel counts: so
    the one that measures has to stay small.
    """
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, args, kwargs)


def cost_of(home: Path, memory: str, *command: str, cwd: Path = PROJECT_ROOT) -> Cost:
    """Run a command, which must succeed, to its end."""
    environment = {
        "SEMILLERO_HOME": str(home),
        "SEMILLERO_DUCKDB_MEMORY_LIMIT": memory,
        "PYTHONPATH": str(PROJECT_ROOT),
    }
    with tempfile.TemporaryFile() as said:
        began = time.monotonic()
        process = subprocess.Popen(  # noqa: S603  this project's own commands
            command,
            cwd=cwd,
            env=os.environ | environment,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            sys.exit(f"{' '.join(command[:3])} failed:\n{said.read().decode()[-4000:]}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / GIB)


def semillero(home: Path, memory: str, *arguments: str) -> Cost:
    """Run the command line of this project."""
    return cost_of(home, memory, sys.executable, "-m", "orchestration.cli", *arguments)


def landed_days(home: Path) -> set[str]:
    """The arrival days of all feeds, as their folders are called."""
    return {path.name for path in (home / "landing").glob("*/dt=*")}


def ingest(home: Path, days: set[str], memory: str) -> float:
    """Seconds of an ingest of the landed days; refused ones stay out."""
    import logging
    from datetime import date

    from orchestration.contracts import load_contracts
    from orchestration.ingest import Ingestor
    from orchestration.settings import Settings

    logging.disable()
    began = time.monotonic()
    with Ingestor(Settings(home=home, duckdb_memory_limit=memory), history=True) as ingestor:
        for feed, contract in load_contracts().items():
            for day in sorted(days):
                if (home / "landing" / feed / day).is_dir():
                    ingestor.ingest(contract, date.fromisoformat(day.removeprefix("dt=")))
    return time.monotonic() - began


def begin_build(home: Path, memory: str) -> tuple[object, bool]:
    """Register what was ingested; the plan, and whether everything is built anew."""
    from orchestration.contracts import load_contracts
    from orchestration.settings import Settings
    from orchestration.warehouse import plan_build

    settings = Settings(home=home, duckdb_memory_limit=memory)
    plan = plan_build(settings, load_contracts(), f"bench {time.time_ns()}")
    return plan, plan.full_refresh


def end_build(home: Path, plan: object, memory: str) -> None:
    """Mark the partitions of a plan as loaded."""
    from orchestration.settings import Settings
    from orchestration.warehouse import BuildPlan, finish_build

    if isinstance(plan, BuildPlan):
        finish_build(Settings(home=home, duckdb_memory_limit=memory), plan)


def build(home: Path, memory: str, *, is_full: bool) -> Cost:
    """Build the marts with dbt."""
    plan, full_refresh = apart(begin_build, home, memory)
    if full_refresh is not is_full:
        sys.exit(f"The build of {home} was to be {'full' if is_full else 'incremental'}.")
    target = home / "dbt"
    if not target.exists():
        semillero(home, memory, "prepare")
        target.mkdir()
        # What dbt parsed before, as the daily run hands it on.
        parsed = PROJECT_ROOT / "dbt_project" / "target" / "partial_parse.msgpack"
        shutil.copy(parsed, target / parsed.name)
    cost = cost_of(
        home,
        memory,
        str(BIN / "dbt"),
        "build",
        *(["--full-refresh"] if is_full else []),
        *("--resource-type", "model", "--resource-type", "seed"),
        *("--select", *(f"+{mart}" for mart in MARTS)),
        *("--target-path", str(target), "--log-path", str(target)),
        cwd=PROJECT_ROOT / "dbt_project",
    )
    apart(end_build, home, plan, memory)
    return cost


def compare(home: Path, database: Path) -> tuple[int, int]:
    """How many LIVE sessions there are, and how many marts hold the same rows on both sides."""
    import duckdb

    from orchestration.release.hashing import table_content

    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("set enable_progress_bar = false")
        by_hand = {mart: table_content(connection, f'main."{mart}"') for mart in MARTS}
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute("set enable_progress_bar = false")
        marts = {mart: table_content(connection, f'marts."{mart}"') for mart in MARTS}
    same = sum(by_hand[mart] == marts[mart] for mart in MARTS)
    return marts["fct_live_sessions"].row_count, same


def measure(home: Path, memory: str) -> Costs:
    """All costs of a home whose days are ingested and not built."""
    for path in (home / "raw").rglob("*.parquet"):
        # Whoever is first would read from disk, and the other from memory.
        with path.open("rb") as file:
            while file.read(GIB // 64):
                pass
    database = home / "by_hand.duckdb"
    command = (sys.executable, str(PROJECT_ROOT / "bench" / "by_hand.py"))
    by_hand = cost_of(home, memory, *command, str(home), str(database), "--memory", memory)
    full = build(home, memory, is_full=True)
    sessions, same = apart(compare, home, database)
    database.unlink()
    before = landed_days(home)
    semillero(home, memory, "simulate", "--extend", "--days", "1")
    ingest_seconds = apart(ingest, home, landed_days(home) - before, memory)
    day = build(home, memory, is_full=False)
    return Costs(by_hand, full, day, ingest_seconds, sessions, same)


def made_world(home: Path, memory: str, *options: str) -> Path:
    """A home with a world of its own, ingested."""
    semillero(home, memory, "simulate", "--format", "parquet", *options)
    apart(ingest, home, landed_days(home), memory)
    return home


def linked_home(source: Path, home: Path) -> Path:
    """A home with the days of another, which stays as it is: files are replaced, not written to."""

    def link(one: str, other: str) -> None:
        try:
            os.link(one, other)
        except OSError:
            shutil.copy2(one, other)

    for folder in ("landing", "raw"):
        shutil.copytree(source / folder, home / folder, copy_function=link)
    shutil.copytree(source / "truth", home / "truth")
    shutil.copy2(source / "ledger.sqlite", home / "ledger.sqlite")
    return home


def show(costs: Costs, tiny: Costs, memory: str) -> None:
    """Print the table."""
    print(
        f"{costs.sessions:,} LIVE sessions, {os.cpu_count()} cores, {memory} for DuckDB; "
        f"{costs.same} of {len(MARTS)} marts hold the same rows as by hand\n"
    )
    print(f"{'':>12} {'seconds':>8} {'start-up':>8} {'processor':>9} {'start-up':>8} {'GiB':>5}")
    for name, cost, fixed in (
        ("by hand", costs.by_hand, tiny.by_hand),
        ("full build", costs.full, tiny.full),
        ("a day more", costs.day, tiny.day),
    ):
        print(
            f"{name:>12} {cost.seconds:8.1f} {fixed.seconds:8.1f} {cost.processor:9.1f} "
            f"{fixed.processor:8.1f} {cost.gib:5.2f}"
        )
    print(f"{'its ingest':>12} {costs.ingest_seconds:8.1f} {tiny.ingest_seconds:8.1f}\n")
    shown = {
        "full build / by hand": (
            costs.full.seconds / costs.by_hand.seconds,
            costs.full.processor / costs.by_hand.processor,
            TARGET_FULL,
        ),
        "the same, beyond start-up": (
            (costs.full.seconds - tiny.full.seconds)
            / (costs.by_hand.seconds - tiny.by_hand.seconds),
            (costs.full.processor - tiny.full.processor)
            / (costs.by_hand.processor - tiny.by_hand.processor),
            TARGET_FULL,
        ),
        "a day more / full, beyond start-up": (
            (costs.day.seconds - tiny.day.seconds) / (costs.full.seconds - tiny.full.seconds),
            (costs.day.processor - tiny.day.processor)
            / (costs.full.processor - tiny.full.processor),
            TARGET_DAY,
        ),
    }
    print(f"{'':>36} {'seconds':>8} {'processor':>9} {'target':>6}")
    for name, (wall, processor, target) in shown.items():
        print(f"{name:>36} {wall:8.3f} {processor:9.3f} {target:6.2f}")
    print(f"{'peak memory, GiB':>36} {max(costs.full.gib, costs.day.gib):8.2f} {TARGET_GIB:16.2f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--creators", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=180)
    parser.add_argument("--home", type=Path, help="a home with a simulated world that was ingested")
    parser.add_argument("--memory", default="3GB", help="what DuckDB may use")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tiny = made_world(Path(folder) / "tiny", given.memory, *TINY)
        home = Path(folder) / "home"
        if given.home:
            home.mkdir()
            linked_home(given.home, home)
        else:
            size = ("--creators", str(given.creators), "--days", str(given.days))
            made_world(home, given.memory, *size)
        fixed = measure(tiny, given.memory)
        show(measure(home, given.memory), fixed, given.memory)


if __name__ == "__main__":
    main()
