"""What a morning costs: the first load, a morning without news, and a day more; as ratios.

    .venv/bin/python bench/daily_run.py

The yardstick is what a naive job pays every morning before it has done anything: one `dbt build`
process that parses the project and builds it all from the same raw data. Absolute times depend on
the machine and its neighbours; the ratios are of one run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from orchestration.settings import PROJECT_ROOT
from orchestration.simulate import WorldOptions

BIN = Path(sys.executable).parent
WORLD = WorldOptions()


def timed(home: Path, *command: str, cwd: Path = PROJECT_ROOT) -> float:
    """Seconds of wall time of a command, which must succeed."""
    began = time.monotonic()
    subprocess.run(  # noqa: S603  this project's own commands
        command,
        cwd=cwd,
        env=os.environ | {"SEMILLERO_HOME": str(home)},
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.monotonic() - began


def main() -> None:
    """Measure and print."""
    semillero = str(BIN / "semillero")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        timed(home, semillero, "simulate")
        last = f"dt={WORLD.last_arrival_date}"
        held_back = {
            path: home / "held_back" / path.parent.name
            for path in (home / "landing").glob(f"*/{last}")
        }
        for path, aside in held_back.items():
            aside.parent.mkdir(exist_ok=True)
            shutil.move(path, aside)
        timed(home, semillero, "prepare")
        seconds = {"first load": timed(home, semillero, "run")}
        seconds["no news"] = timed(home, semillero, "run")
        for path, aside in held_back.items():
            shutil.move(aside, path)
        seconds["a day more"] = timed(home, semillero, "run")
        dbt = [str(BIN / "dbt"), "--no-partial-parse", "build", "--full-refresh"]
        target = ["--target-path", f"{folder}/target", "--log-path", f"{folder}/logs"]
        naive = timed(home, *dbt, *target, cwd=PROJECT_ROOT / "dbt_project")
    print(f"{WORLD.creators:,} creators, {WORLD.days} days, {os.cpu_count()} cores")
    print(f"{'naive dbt build':>16}: {naive:6.1f} s")
    for name, value in seconds.items():
        print(f"{name:>16}: {value:6.1f} s, {value / naive:.2f} x")


if __name__ == "__main__":
    main()
