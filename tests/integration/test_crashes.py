"""Killed runs, simultaneous runs, readers of a run: what BI sees, and that the next run heals it.

The runs are processes of the real command line and are killed with everything they started, at
moments that are recognized by what they leave behind, not by the clock.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest
from dagster import DagsterRunStatus
from sample_home import FEEDS, LAST_DAY, Runner, let_arrive

from orchestration import warehouse
from orchestration.daily import open_instance
from orchestration.release.pointer import current_release, release_folders
from orchestration.release.verify import verify_folder
from orchestration.settings import Settings

pytestmark = pytest.mark.slow

Moment: TypeAlias = Callable[[Path], bool]

_PATIENCE_SECONDS = 180


def _newest_run(home: Path) -> Path | None:
    runs = sorted((home / "runs").glob("*"), key=lambda path: path.stat().st_ctime_ns)
    return runs[-1] if runs else None


def _during_ingest(home: Path) -> bool:
    """The day's Parquet stands in raw; the ledger, written after it, hardly knows it yet."""
    return (home / "raw" / "live_sessions" / f"dt={LAST_DAY}" / "data.parquet").exists()


def _during_the_build(home: Path) -> bool:
    """Dbt builds the facts."""
    run = _newest_run(home)
    log = run / "dbt" / "dbt.log" if run else None
    if log is None or not log.exists():
        return False
    return "START sql incremental model marts.fct_live_sessions" in log.read_text(encoding="utf-8")


def _in_the_gate(home: Path) -> bool:
    """The answers of dbt's tests are kept, those of the gate are being made."""
    run = _newest_run(home)
    return run is not None and (run / "checks.json").exists()


def _during_publication(home: Path) -> bool:
    """The release is in the making, its marts are being written."""
    return any((home / "releases").glob(".making-*/marts.duckdb"))


@contextmanager
def _started(home: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """An ordinary `semillero run`, in a process group of its own that does not outlive the test."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "orchestration.cli", "run"],
            env={**os.environ, "SEMILLERO_HOME": str(home), "COLUMNS": "200"},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _kill_group(process)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        process.wait()


def _kill_at(home: Path, moment: Moment, log: Path) -> None:
    """Start a run and kill it, with the dbt that it started, as soon as the moment has come."""
    known = _newest_run(home)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    with _started(home, log) as process:
        is_of_this_run = moment in {_during_ingest, _during_publication}
        while not (moment(home) and (is_of_this_run or _newest_run(home) != known)):
            assert process.poll() is None, f"the run ended before it: {log.read_text()}"
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.002)
        assert process.poll() is None, log.read_text()


def _content_hashes(home: Path) -> dict[str, str]:
    release = current_release(Settings(home=home))
    assert release is not None
    assert verify_folder(release.path) == []
    return {name: mart.content_hash for name, mart in release.certificate.marts.items()}


def _let_the_last_day_arrive(home: Path) -> None:
    for feed in FEEDS:
        if (home / "held_back" / feed).exists():
            let_arrive(home, feed)


def _said(log: Path) -> str:
    return " ".join(log.read_text(encoding="utf-8").split())


@pytest.fixture(scope="module")
def undisturbed(
    published_world: Path, tmp_path_factory: pytest.TempPathFactory, run_in: Runner
) -> dict[str, str]:
    """Content hashes of the marts after the last day was loaded by a run that nobody disturbed."""
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    shutil.copytree(published_world, home, symlinks=True)
    _let_the_last_day_arrive(home)
    end = run_in(home)
    assert end.verdict == "published", end.reasons
    return _content_hashes(home)


def test_a_day_killed_at_every_stage_leaves_the_old_release_and_heals(
    home: Path, tmp_path: Path, run_in: Runner, undisturbed: dict[str, str]
) -> None:
    """Each killed run gets further than the one before it, over whatever that one left behind."""
    old = (home / "current").readlink()
    old_hashes = _content_hashes(home)
    _let_the_last_day_arrive(home)
    for moment in (_during_ingest, _during_the_build, _in_the_gate, _during_publication):
        _kill_at(home, moment, tmp_path / f"{moment.__name__}.log")
        assert (home / "current").readlink() == old, moment.__name__
        assert _content_hashes(home) == old_hashes, moment.__name__

    end = run_in(home)

    assert end.verdict == "published", end.reasons
    assert _content_hashes(home) == undisturbed
    assert len(release_folders(Settings(home=home))) == 2
    # Nothing of the dead is left in the way, and Dagster does not wait for them.
    with open_instance(Settings(home=home)) as instance:
        statuses = [run.status for run in instance.get_runs()]
    assert DagsterRunStatus.STARTED not in statuses
    assert statuses.count(DagsterRunStatus.FAILURE) == 4
    assert not list((home / "releases").glob(".making-*"))
    assert not [path for path in (home / "scratch").rglob("*") if path.is_file()]


def test_a_first_build_killed_in_the_middle_publishes_nothing_and_heals(
    published_world: Path, tmp_path: Path, run_in: Runner
) -> None:
    home = tmp_path / "home"
    shutil.copytree(published_world / "landing", home / "landing")
    _kill_at(home, _during_the_build, tmp_path / "killed.log")
    assert current_release(Settings(home=home)) is None

    end = run_in(home)

    assert end.verdict == "published", end.reasons
    assert _content_hashes(home) == _content_hashes(published_world)


_READER = """
import sys, time
from pathlib import Path
import duckdb
marts, enough = sys.argv[1], Path(sys.argv[2])
seen = []
while not enough.exists():
    with duckdb.connect(marts, read_only=True) as connection:
        rows, release = connection.execute(
            "select (select count(*) from marts.fct_creator_days), release_id from release_info"
        ).fetchone()
    if not seen or seen[-1] != release:
        seen.append(release)
    assert rows > 0
    time.sleep(0.01)
print(",".join(seen))
"""


def test_two_runs_at_once_make_one_release_while_a_reader_reads_on(
    home: Path, tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    old = (home / "current").readlink().name
    _let_the_last_day_arrive(home)
    enough = tmp_path / "enough"
    logs = [tmp_path / "one.log", tmp_path / "other.log"]
    with subprocess.Popen(
        [sys.executable, "-c", _READER, str(home / "current" / "marts.duckdb"), str(enough)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as reader:
        try:
            with _started(home, logs[0]) as one, _started(home, logs[1]) as other:
                codes = [
                    one.wait(timeout=_PATIENCE_SECONDS),
                    other.wait(timeout=_PATIENCE_SECONDS),
                ]
        finally:
            enough.touch()
        read, _ = reader.communicate(timeout=_PATIENCE_SECONDS)

    assert codes == [0, 0], [_said(log) for log in logs]
    said = sorted(map(_said, logs), key=lambda each: "Published release" not in each)
    assert "Published release" in said[0]
    assert "Waiting for process" in said[1]
    assert "Nothing new" in said[1]
    assert _content_hashes(home) == undisturbed
    new = (home / "current").readlink().name
    assert len(release_folders(Settings(home=home))) == 2
    assert reader.returncode == 0, read
    assert read.strip() == f"{old},{new}"


@contextmanager
def _doing(script: str, *arguments: str) -> Iterator[None]:
    """A process that has said that it holds what the script takes, and holds it for a second."""
    code = f"{script}\nprint('held', flush=True)\nimport time\ntime.sleep(1)"
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield


_HOLD_THE_WAREHOUSE = "import duckdb, sys; held = duckdb.connect(sys.argv[1])"


def test_a_warehouse_that_a_dying_dbt_still_holds_is_waited_for(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, lock_wait_seconds=60)
    with _doing(_HOLD_THE_WAREHOUSE, str(settings.warehouse)):
        warehouse.connect(settings).close()


def test_a_warehouse_that_stays_open_elsewhere_is_refused_with_what_to_do(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, lock_wait_seconds=0)
    with (
        _doing(_HOLD_THE_WAREHOUSE, str(settings.warehouse)),
        pytest.raises(warehouse.WarehouseError, match="open in another program"),
    ):
        warehouse.connect(settings)


_HOLD_THE_HOME = """
import sys
from pathlib import Path
from orchestration.settings import Settings
from orchestration.warehouse import home_lock
held = home_lock(Settings(home=Path(sys.argv[1])), "the test")
held.__enter__()
"""


def test_a_home_that_stays_busy_is_refused_with_its_holder(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, lock_wait_seconds=0)
    with (
        _doing(_HOLD_THE_HOME, str(tmp_path)),
        pytest.raises(warehouse.HomeBusyError, match=r"written by process \d+ \(the test\)"),
        warehouse.home_lock(settings, "another"),
    ):
        pass
    with warehouse.home_lock(settings, "a run"), warehouse.home_lock(settings, "its step"):
        pass
