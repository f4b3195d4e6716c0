"""What a release holds, what it shares with the one before, and that nothing is ever half done."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.checks.results import CheckResult
from orchestration.checks.tables import MARTS
from orchestration.release import atomic
from orchestration.release.errors import ReleaseError, ReleaseRefusedError
from orchestration.release.pointer import Release, current_release, list_releases
from orchestration.release.publish import PublishStep, matching_current, publish
from orchestration.release.verify import verify_folder
from orchestration.settings import PROJECT_ROOT, Settings
from tests.unit.checks.small_warehouse import NEW_DAY, change, code, inputs_until
from tests.unit.release.conftest import NOW, Publish

NEXT_DAY = date(2026, 3, 30)

READER = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=True)
for line in sys.stdin:
    answer = connection.execute("select count(*) from marts.fct_live_sessions").fetchone()
    print(answer[0], flush=True)
"""

KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from orchestration.checks.shift import shift_checks
from orchestration.release.publish import PublishStep, publish
from orchestration.settings import PROJECT_ROOT, Settings
from tests.unit.checks.small_warehouse import code, inputs_until

def kill(step):
    if step is PublishStep[sys.argv[2]]:
        os.kill(os.getpid(), signal.SIGKILL)

settings = Settings(home=Path(sys.argv[1]))
checks = shift_checks(settings.warehouse, None, run_id="run-2")
publish(
    settings, run_id="run-2", inputs=inputs_until(), code=code("two"), checks=checks,
    required=[each.check_id for each in checks], now=datetime(2026, 4, 2, tzinfo=UTC), on_step=kill,
)
"""

FAILED = CheckResult(
    check_id="expectation.creator_days_fit_into_a_day",
    kind="expectation",
    table="marts.fct_creator_days",
    severity="error",
    passed=False,
    message_en="Nobody is LIVE for longer than a day lasts. Does not hold: 1 row(s).",
    message_es="Nadie está en LIVE más de lo que dura un día. No se cumple: 1 fila(s).",
    failed_count=1,
    sample=({"creator_id": "creator-3"},),
    run_id="run-1",
)


def test_a_release_holds_every_mart_twice_and_says_where_it_came_from(
    settings: Settings, publish_run: Publish
) -> None:
    warning = FAILED.__class__(**{**FAILED.to_json(), "severity": "warn"})  # type: ignore[arg-type]

    release = publish_run(extra=[warning])

    assert release.release_id.startswith("20260401T120000Z-")
    assert settings.current.readlink() == Path("releases") / release.release_id
    assert verify_folder(release.path) == []
    certificate = release.certificate
    assert set(certificate.marts) == set(MARTS)
    assert certificate.marts["fct_creator_days"].row_count == 840
    assert certificate.previous_release_id is None
    assert len(certificate.inputs) == 56
    assert "markets.csv" in certificate.rules
    assert set(certificate.engines) >= {"duckdb", "dbt-core", "great-expectations", "python"}
    assert {kpi.name: kpi.through_date for kpi in certificate.kpis} == {
        "diamonds": date(2026, 3, 27),
        "live_seconds": date(2026, 3, 27),
    }
    # Opened by its own name or attached under another, with and without the mart's schema name.
    with duckdb.connect(str(settings.current / "marts.duckdb"), read_only=True) as connection:
        assert _one(connection, "select count(*) from marts.fct_creator_days") == 840
        assert _one(connection, "select count(*) from fct_creator_days") == 840
        assert _one(connection, "select release_id from marts.release_info") == release.release_id
        told = connection.execute(
            "select table_name, severity, is_passed, failed_count from marts.quality_results "
            "where kind = 'expectation'"
        ).fetchall()
        assert told == [("marts.fct_creator_days", "warn", False, 1)]
        assert (
            _one(
                connection,
                "select comment from duckdb_columns() where column_name = 'handle'",
            )
            == "Personal: the creator's handle."
        )
        assert (
            _one(
                connection, "select comment from duckdb_tables() where table_name = 'dim_creators'"
            )
            == "One row per creator's latest record."
        )
    for mart in (*MARTS, "release_info", "quality_results"):
        assert (settings.current / "parquet" / mart / "data.parquet").is_file()
    names = {path.name for path in release.path.iterdir()}
    assert names == {"marts.duckdb", "parquet", "certificate.json"}
    assert [path.name for path in settings.releases.iterdir() if path.name[0] == "."] == [".lock"]
    # No sample row leaves with the release.
    assert "creator-3" not in (release.path / "certificate.json").read_text(encoding="utf-8")


def test_a_refused_run_leaves_no_trace(settings: Settings, publish_run: Publish) -> None:
    with pytest.raises(ReleaseRefusedError, match="creator_days_fit_into_a_day: Nobody is LIVE"):
        publish_run(extra=[FAILED])
    assert not settings.releases.exists()

    first = publish_run()
    before = _tree(settings.home)
    change(settings.warehouse, NEW_DAY.format(sessions=2))
    with pytest.raises(ReleaseRefusedError, match=r"live_sessions 2026-03-30: 2 \(0\.07 x\)"):
        publish_run(run_id="run-2", inputs=inputs_until(NEXT_DAY), version=code("two"))
    assert _tree(settings.home) == before
    assert current_release(settings) == first


def test_a_missing_answer_or_an_empty_list_publishes_nothing(settings: Settings) -> None:
    for required in ([], ["test.never_ran"]):
        with pytest.raises(ReleaseRefusedError):
            publish(
                settings,
                run_id="run-1",
                inputs=inputs_until(),
                code=code(),
                checks=[],
                required=required,
                now=NOW,
            )
    assert not settings.releases.exists()


def test_an_accepted_shift_is_published_with_its_reason(
    settings: Settings, publish_run: Publish
) -> None:
    publish_run()
    change(settings.warehouse, NEW_DAY.format(sessions=2))
    with pytest.raises(ReleaseRefusedError):
        publish_run(
            run_id="run-2",
            inputs=inputs_until(NEXT_DAY),
            accepted_shift="holiday",
            extra=[FAILED.stamped("run-2")],
        )

    release = publish_run(
        run_id="run-2", inputs=inputs_until(NEXT_DAY), accepted_shift="holiday in Mexico"
    )

    assert release.certificate.accepted_shift == "holiday in Mexico"
    (volume,) = [
        each for each in release.certificate.checks if each.check_id == "shift.arrival_volume"
    ]
    assert volume.message_en.endswith("Accepted: holiday in Mexico")
    with duckdb.connect(str(release.marts), read_only=True) as connection:
        assert _one(connection, "select accepted_shift from marts.release_info")


def test_publishing_the_same_twice_changes_nothing(
    settings: Settings, publish_run: Publish
) -> None:
    first = publish_run()
    before = _tree(settings.home)

    second = publish_run(run_id="run-2", now=NOW + timedelta(days=1))

    assert not first.is_unchanged
    assert second.is_unchanged
    assert second.release_id == first.release_id
    assert _tree(settings.home) == before
    assert matching_current(settings, inputs=inputs_until(), code=code()) == first
    assert matching_current(settings, inputs=inputs_until(), code=code("two")) is None
    assert matching_current(settings, inputs=inputs_until(NEXT_DAY), code=code()) is None


def test_what_did_not_change_is_shared_with_the_release_before(
    settings: Settings, publish_run: Publish
) -> None:
    first = publish_run()
    change(settings.warehouse, NEW_DAY.format(sessions=30))

    second = publish_run(run_id="run-2", inputs=inputs_until(NEXT_DAY))

    assert second.certificate.previous_release_id == first.release_id
    for mart in ("dim_creators", "cohort_retention", "dim_dates"):
        relative = f"parquet/{mart}/data.parquet"
        assert (first.path / relative).samefile(second.path / relative), mart
    changed = "parquet/fct_creator_days/data.parquet"
    assert not (first.path / changed).samefile(second.path / changed)
    assert verify_folder(first.path) == []
    assert verify_folder(second.path) == []


def test_a_damaged_file_is_never_shared(publish_run: Publish) -> None:
    first = publish_run()
    damaged = first.path / "parquet/dim_creators/data.parquet"
    _flip(damaged, damaged.stat().st_size // 2)

    second = publish_run(run_id="run-2", version=code("two"))

    assert not damaged.samefile(second.path / "parquet/dim_creators/data.parquet")
    assert verify_folder(second.path) == []


def test_a_release_whose_file_is_gone_is_made_anew(publish_run: Publish) -> None:
    first = publish_run()
    (first.path / "marts.duckdb").unlink()

    second = publish_run(run_id="run-2")

    assert not second.is_unchanged
    assert verify_folder(second.path) == []


def test_same_inputs_and_code_give_the_same_content_on_another_machine(
    settings: Settings, publish_run: Publish, tmp_path: Path
) -> None:
    first = publish_run()
    other = Settings(home=tmp_path / "elsewhere", duckdb_threads=1)
    other.home.mkdir()
    with duckdb.connect(str(other.warehouse)) as connection:
        connection.execute("create schema marts; create schema intermediate")
        connection.execute(f"attach '{str(settings.warehouse).replace(chr(39), chr(39) * 2)}' as w")
        for mart in MARTS:
            connection.execute(
                f"create table marts.{mart} as from w.marts.{mart} order by hash({mart})"
            )
        connection.execute(
            "create table intermediate.int_live_as_of as from w.intermediate.int_live_as_of"
        )

    second = publish(
        other,
        run_id="another",
        inputs=list(reversed(inputs_until())),
        code=code(),
        checks=[FAILED.__class__(**{**FAILED.to_json(), "passed": True, "run_id": "another"})],  # type: ignore[arg-type]
        required=[FAILED.check_id],
        now=NOW + timedelta(hours=3),
    )

    assert second.certificate.marts == first.certificate.marts
    assert second.certificate.identity_hash == first.certificate.identity_hash
    assert second.certificate.kpis == first.certificate.kpis
    assert second.release_id[-8:] == first.release_id[-8:]


def test_a_release_sorts_after_the_last_even_when_the_clock_went_back(publish_run: Publish) -> None:
    first = publish_run()

    second = publish_run(run_id="run-2", version=code("two"), now=NOW - timedelta(days=300))

    assert second.release_id > first.release_id
    assert second.certificate.created_at == first.certificate.created_at + timedelta(seconds=1)


def test_a_reader_keeps_its_release_while_the_next_is_published(
    settings: Settings, publish_run: Publish
) -> None:
    publish_run()
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(settings.current / "marts.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert _ask(reader) == "840"
        change(settings.warehouse, NEW_DAY.format(sessions=30))
        answers = []
        publish_run(
            run_id="run-2",
            inputs=inputs_until(NEXT_DAY),
            on_step=lambda _: answers.append(_ask(reader)),
        )
        assert answers == ["840"] * len(PublishStep)
    finally:
        reader.stdin.close()  # type: ignore[union-attr]
        reader.wait(timeout=20)
    assert reader.returncode == 0
    with duckdb.connect(str(settings.current / "marts.duckdb"), read_only=True) as connection:
        assert _one(connection, "select count(*) from marts.fct_live_sessions") == 870


class _CrashError(BaseException):
    """As good as a kill: nothing in the product catches it."""


def _crash_at(wanted: PublishStep) -> Callable[[PublishStep], None]:
    def on_step(step: PublishStep) -> None:
        if step is wanted:
            raise _CrashError

    return on_step


@pytest.mark.parametrize("step", list(PublishStep))
def test_a_crash_after_any_step_leaves_the_old_release_or_the_new(
    settings: Settings, publish_run: Publish, step: PublishStep
) -> None:
    first = publish_run()
    change(settings.warehouse, NEW_DAY.format(sessions=30))

    with pytest.raises(_CrashError):
        publish_run(run_id="run-2", inputs=inputs_until(NEXT_DAY), on_step=_crash_at(step))

    survivor = current_release(settings)
    assert survivor is not None
    assert (survivor.release_id == first.release_id) == (step is not PublishStep.CURRENT)
    assert all(verify_folder(each.path) == [] for each in list_releases(settings))
    healed = publish_run(run_id="run-3", inputs=inputs_until(NEXT_DAY))
    assert healed.certificate.marts["fct_live_sessions"].row_count == 870
    assert current_release(settings) == Release(healed.release_id, healed.path, healed.certificate)
    assert not list(settings.releases.glob(".making-*"))


@pytest.mark.parametrize(
    "step",
    [PublishStep.MARTS_COPIED, PublishStep.CERTIFIED, PublishStep.STANDING, PublishStep.CURRENT],
)
def test_a_killed_publication_is_healed_by_the_next(
    settings: Settings, publish_run: Publish, step: PublishStep
) -> None:
    """A real `kill -9` runs no `except` and no `finally`."""
    first = publish_run()

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(settings.home), step.name],
        cwd=PROJECT_ROOT,
        capture_output=True,
        check=False,
    )

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    survivor = current_release(settings)
    assert survivor is not None
    assert (survivor.release_id == first.release_id) == (step is not PublishStep.CURRENT)
    assert verify_folder(survivor.path) == []
    link = settings.home / ".current.0123.making"
    link.symlink_to("releases/nothing")
    healed = publish_run(run_id="run-3", version=code("two"))
    assert healed.is_unchanged == (step is PublishStep.CURRENT)
    assert verify_folder(healed.path) == []
    assert not list(settings.releases.glob(".making-*"))
    assert not link.is_symlink()


@pytest.mark.parametrize("call", ["rename", "replace", "symlink_to"])
def test_a_disk_that_refuses_is_told_and_changes_nothing(
    settings: Settings, publish_run: Publish, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    first = publish_run()

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, call, refuse)
        with pytest.raises(ReleaseError, match="No space left on device"):
            publish_run(run_id="run-2", version=code("two"))

    survivor = current_release(settings)
    assert survivor is not None
    assert survivor.release_id == first.release_id
    assert publish_run(run_id="run-3", version=code("two")).release_id > first.release_id


def test_everything_is_on_the_disk_before_anything_points_to_it(
    publish_run: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    done: dict[PublishStep, int] = {}
    real = atomic.fsync_file

    def watched(path: Path) -> None:
        real(path)
        synced.append(path.name)

    monkeypatch.setattr(atomic, "fsync_file", watched)

    release = publish_run(on_step=lambda step: done.update({step: len(synced)}))

    before_rename = synced[: done[PublishStep.SYNCED]]
    files = [path.name for path in release.path.rglob("*") if path.is_file()]
    assert sorted(before_rename[-len(files) :]) == sorted(files)


def test_two_publications_at_once_are_one_too_many(
    settings: Settings, publish_run: Publish
) -> None:
    def second(step: PublishStep) -> None:
        if step is PublishStep.MARTS_PROVED:
            with pytest.raises(ReleaseError, match="Another run is publishing"):
                publish_run(run_id="run-2", version=code("two"))

    publish_run(on_step=second)

    assert len(list_releases(settings)) == 1


def test_a_mart_that_is_missing_or_taken_is_refused(
    settings: Settings, publish_run: Publish
) -> None:
    change(settings.warehouse, "create table marts.quality_results as select 1 as one")
    with pytest.raises(ReleaseError, match="quality_results, which publication itself writes"):
        publish_run()
    change(
        settings.warehouse,
        "drop table marts.quality_results; drop table marts.dim_dates;"
        "create view marts.dim_dates as select date '2026-01-01' as calendar_date",
    )
    with pytest.raises(ReleaseError, match="lacks mart\\(s\\) dim_dates"):
        publish_run()
    assert not settings.current.is_symlink()


def test_inputs_that_name_a_day_twice_are_refused(publish_run: Publish) -> None:
    with pytest.raises(ReleaseError, match="twice"):
        publish_run(inputs=[*inputs_until(), inputs_until()[0]])


def test_the_certificate_is_plain_json_for_other_tools(publish_run: Publish) -> None:
    release = publish_run()

    document = json.loads((release.path / "certificate.json").read_text(encoding="utf-8"))

    assert document["inputs"][0]["arrival_date"] == "2026-03-02"
    assert document["inputs"][0]["files"][0][0] == "creators.csv"
    assert document["created_at"] == "2026-04-01T12:00:00Z"


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> object:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def _ask(reader: subprocess.Popen[str]) -> str:
    assert reader.stdin is not None
    assert reader.stdout is not None
    reader.stdin.write("again\n")
    reader.stdin.flush()
    return reader.stdout.readline().strip()


def _flip(path: Path, offset: int) -> None:
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[offset] ^= 0x01
    path.write_bytes(content)


def _tree(home: Path) -> dict[str, tuple[int, int]]:
    """Every file that BI could see, with inode and time."""
    return {
        str(path.relative_to(home)): (path.lstat().st_ino, path.lstat().st_mtime_ns)
        for path in [home / "current", *(home / "releases").rglob("*")]
        if path.is_symlink() or (path.is_file() and path.name != ".lock")
    }
