"""A day's way into raw: every format alike, again and again, whole or not at all."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.ingest import Ingestor, discover
from orchestration.ingest import ingest as ingest_module
from orchestration.ingest.engine import open_connection
from orchestration.ingest.landing_zone import open_zone
from orchestration.ingest.ledger import Ledger
from orchestration.ingest.results import why_refused
from tests.unit.ingest.landed_world import DAY, World, as_csv, as_gzip, session, sessions

NEXT_DAY = DAY + timedelta(days=1)


def as_jsonl(rows: list[dict[str, str]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def as_parquet(rows: list[dict[str, str]], path: Path) -> None:
    """The rows with real types, as a typed source would write them."""
    casts = {
        "started_at": "timestamptz",
        "ended_at": "timestamptz",
        "average_viewers": "double",
        "likes": "integer",
        "is_static": "boolean",
    }
    columns = ", ".join(
        f"cast(r.{name} as {casts.get(name, 'varchar')}) as {name}" for name in rows[0]
    )
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'America/Lima'")
        connection.execute(
            f"copy (select {columns} from (select unnest($rows) as r)) to $path (format parquet)",
            {"rows": rows, "path": str(path)},
        )


def test_the_same_rows_give_the_same_raw_content_in_every_format(world: World) -> None:
    rows = sessions(50)
    rows[3]["title"] = 'comillas "dobles", comas; y\ttabuladores'
    rows[4]["title"] = "dos\nlíneas"
    rows[5]["title"] = "emoji 🎉 y acentos áéíóúñ"
    contents: dict[str, str | bytes] = {
        "a.csv": as_csv(rows),
        "b.csv.gz": as_gzip(as_csv(rows)),
        "c.jsonl": as_jsonl(rows),
        "d.jsonl.gz": as_gzip(as_jsonl(rows)),
        "e.csv": "\ufeff" + as_csv(rows, delimiter=";"),
        "f.csv": as_csv(rows, delimiter="\t"),
        "g.csv": as_csv(rows, delimiter="|").replace("session_id|", " Session_ID |"),
        "h.csv": as_csv(rows).replace("\n", "\r\n").replace("dos\r\n", "dos\n"),
        "i.jsonl": "\ufeff" + as_jsonl(rows).replace("\n", "\r\n"),
    }
    found: dict[str, list[tuple[object, ...]]] = {}
    for offset, (name, content) in enumerate(contents.items()):
        day = DAY + timedelta(days=offset)
        world.land("live_sessions", name, content, day)
        assert world.ingest("live_sessions", day).outcome == "accepted", name
        found[name] = world.raw("live_sessions", "* exclude (_dt, _file)", day)
    day = DAY + timedelta(days=len(contents))
    as_parquet(rows, world.folder("live_sessions", day) / "typed.parquet")
    assert world.ingest("live_sessions", day).outcome == "accepted"
    found["typed.parquet"] = world.raw("live_sessions", "* exclude (_dt, _file)", day)
    assert len(found["a.csv"]) == 50
    for name, content_of_raw in found.items():
        assert content_of_raw == found["a.csv"], name


def test_raw_has_every_contract_column_in_its_type_and_where_each_row_came_from(
    world: World,
) -> None:
    world.land("live_sessions", "day.csv", as_csv(sessions(3)))
    world.ingest("live_sessions")
    with duckdb.connect() as connection:
        types = {
            name: type_
            for name, type_, *_ in connection.execute(
                "describe select * from read_parquet($p, hive_partitioning = false)",
                {"p": str(world.raw_file("live_sessions"))},
            ).fetchall()
        }
    contract = world.contracts["live_sessions"]
    expected = {
        column.name: column.duckdb_type.replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")
        for column in contract.columns
    }
    expected |= {"_extra": "VARCHAR", "_dt": "DATE", "_file": "VARCHAR", "_row": "BIGINT"}
    assert types == expected
    assert list(types) == list(expected)
    assert world.raw("live_sessions", "_dt, _file, _row")[0] == (DAY, "day.csv", 1)


def test_a_second_ingest_changes_nothing(world: World) -> None:
    world.land("live_sessions", "day.csv", as_csv(sessions(30)))
    first = world.ingest("live_sessions")
    raw = world.raw_file("live_sessions")
    before = (raw.read_bytes(), raw.stat().st_mtime_ns)
    second = world.ingest("live_sessions")
    assert second.outcome == "unchanged"
    assert (second.revision, second.rows_accepted) == (first.revision, 30)
    assert (second.min_event_at, second.max_event_at) == (first.min_event_at, first.max_event_at)
    assert (raw.read_bytes(), raw.stat().st_mtime_ns) == before


def test_an_unchanged_day_opens_no_file(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.land("live_sessions", "day.csv", as_csv(sessions(3)))
    world.ingest("live_sessions")

    def must_not_be_called(*_: object) -> None:
        raise AssertionError("an unchanged file was opened")

    monkeypatch.setattr(ingest_module, "take_in", must_not_be_called)
    assert world.ingest("live_sessions").outcome == "unchanged"


def test_the_same_bytes_sent_again_change_nothing_but_are_remembered(world: World) -> None:
    path = world.land("live_sessions", "day.csv", as_csv(sessions(3)))
    world.ingest("live_sessions")
    before = world.raw_file("live_sessions").stat().st_mtime_ns
    os.utime(path, ns=(1, 1))
    assert pending(world) == [DAY]
    assert world.ingest("live_sessions").outcome == "unchanged"
    assert world.raw_file("live_sessions").stat().st_mtime_ns == before
    assert pending(world) == []


def pending(world: World, *, history: bool = False) -> list[date]:
    with world.ledger() as ledger:
        days = discover.pending_days(
            world.contracts, world.settings, ledger, open_zone(world.settings), history=history
        )
    return days["live_sessions"]


def test_the_same_input_gives_the_same_bytes_in_another_home(world: World, tmp_path: Path) -> None:
    other = replace(world, home=tmp_path / "other")
    for home in (world, other):
        home.land("live_sessions", "b.csv", as_csv(sessions(500)))
        home.land("live_sessions", "a.csv", as_csv(sessions(500, start=300)))
        home.ingest("live_sessions")
    assert (
        world.raw_file("live_sessions").read_bytes() == other.raw_file("live_sessions").read_bytes()
    )


def test_a_corrected_file_replaces_the_day_and_its_quarantine(world: World) -> None:
    rows = sessions(30)
    rows[0]["likes"] = "-1"
    world.land("live_sessions", "day.csv", as_csv(rows))
    first = world.ingest("live_sessions")
    assert len(world.quarantined("live_sessions")) == 1
    world.land("live_sessions", "day.csv", as_csv(sessions(29)))
    second = world.ingest("live_sessions")
    assert second.outcome == "accepted"
    assert second.revision != first.revision
    assert len(world.raw("live_sessions")) == 29
    assert world.quarantined("live_sessions") == []


def test_duplicates_keep_the_newest_then_the_last_file_then_the_last_row(world: World) -> None:
    def changed(number: int, likes: int, updated_at: str) -> dict[str, str]:
        return session(number, likes=str(likes), updated_at=updated_at)

    world.land(
        "live_sessions",
        "a.csv",
        as_csv([
            changed(1, 10, "2026-03-10T12:00:00Z"),
            changed(1, 11, "2026-03-10T13:00:00Z"),
            changed(1, 12, ""),
            changed(2, 20, "2026-03-10T12:00:00Z"),
            changed(3, 30, ""),
            changed(3, 31, ""),
        ]),
    )  # fmt: skip
    world.land("live_sessions", "b.csv", as_csv([changed(2, 21, "2026-03-10T12:00:00Z")]))
    result = world.ingest("live_sessions")
    assert (result.rows_read, result.rows_accepted, result.rows_duplicate) == (7, 3, 4)
    assert world.raw("live_sessions", "session_id, likes") == [("s1", 11), ("s2", 21), ("s3", 31)]


def test_the_ledger_holds_counts_files_and_event_days(world: World) -> None:
    rows = [*sessions(20), session(90, started_at="2026-03-09T23:59:59.5Z")]
    path = world.land("live_sessions", "day.csv", as_csv(rows))
    result = world.ingest("live_sessions")
    assert result.min_event_at == datetime(2026, 3, 9, 23, 59, 59, 500_000, tzinfo=UTC)
    with world.ledger() as ledger:
        record = ledger.partition("live_sessions", DAY)
        assert record is not None
        assert (record.read_count, record.accepted_count, record.refused_count) == (21, 21, 0)
        (file,) = record.files
        assert (file.name, file.rows, file.bytes) == ("day.csv", 21, path.stat().st_size)
        assert len(file.sha256) == 64
        assert [(day.event_date, day.row_count) for day in ledger.event_days()] == [
            (date(2026, 3, 9), 1),
            (DAY, 20),
        ]
        assert ledger.partitions() == (record,)


def test_reading_a_ledger_that_does_not_exist_makes_no_file(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger(path) as ledger:
        assert ledger.partitions() == ()
        assert ledger.event_days() == ()
        assert ledger.refusals() == ()
        assert ledger.partition("creators", DAY) is None
    assert not path.exists()


def test_unknown_and_vanished_columns_are_drift_and_kept(world: World) -> None:
    world.land("live_sessions", "day.csv", as_csv(sessions(3)))
    world.ingest("live_sessions")
    rows = [{"mood": "feliz", "Zeta": "", **row} for row in sessions(3)]
    for row in rows:
        del row["likes"]
    moved = [
        row | {"started_at": row["started_at"].replace("-10T", "-11T"), "ended_at": ""}
        for row in rows
    ]
    world.land("live_sessions", "day.csv", as_csv(moved), NEXT_DAY)
    result = world.ingest("live_sessions", NEXT_DAY)
    assert [(found.kind, found.column, found.last_good_day) for found in result.drift] == [
        ("new_column", "Zeta", DAY),
        ("new_column", "mood", DAY),
        ("vanished_column", "likes", DAY),
    ]
    assert world.raw("live_sessions", "_extra, likes", NEXT_DAY)[0] == ('{"mood":"feliz"}', None)


def test_history_lifts_the_lateness_horizon_and_the_next_ordinary_run_leaves_it(
    world: World,
) -> None:
    old = [session(number, started_at="2024-05-01T10:00:00Z") for number in range(30)]
    world.land("live_sessions", "day.csv", as_csv(old))
    late = world.ingest("live_sessions")
    # All rows wait in quarantine, but nothing is wrong with the feed: its day is not refused.
    assert (late.outcome, late.rows_accepted, late.rows_refused) == ("accepted", 0, 30)
    assert len(world.quarantined("live_sessions")) == 30
    assert world.ingest("live_sessions", history=True).rows_accepted == 30
    assert pending(world) == []
    assert world.ingest("live_sessions").outcome == "unchanged"


def test_the_correction_of_a_day_of_history_keeps_its_old_rows(world: World) -> None:
    old = [session(number, started_at="2024-05-01T10:00:00Z") for number in range(30)]
    world.land("live_sessions", "day.csv", as_csv(old))
    world.ingest("live_sessions", history=True)
    world.land("live_sessions", "day.csv", as_csv([*old[1:], session(99)]))
    assert world.ingest("live_sessions").rows_accepted == 30


def test_late_rows_do_not_excuse_broken_ones(world: World) -> None:
    late = [session(number, started_at="2024-05-01T10:00:00Z") for number in range(30)]
    broken = [session(30 + number, likes="-1") for number in range(5)]
    honest = [session(40 + number) for number in range(25)]
    world.land("live_sessions", "day.csv", as_csv([*late, *broken, *honest]))
    refused = world.ingest("live_sessions")
    assert refused.outcome == "refused"
    assert "5 of 30 rows" in refused.problems[0].reason_en
    # The late rows are more, but it is not for them that the day is refused.
    assert why_refused(refused, "en").endswith("day.csv, row 31: likes is negative.")
    assert why_refused(refused, "es").endswith("day.csv, fila 31: likes es un número negativo.")


def test_history_takes_in_what_an_ordinary_run_refused_as_too_late(world: World) -> None:
    rows = sessions(40)
    rows[0]["started_at"] = "2024-05-01T10:00:00Z"
    world.land("live_sessions", "day.csv", as_csv(rows))
    assert world.ingest("live_sessions").rows_refused == 1
    assert pending(world) == []
    assert pending(world, history=True) == [DAY]
    assert world.ingest("live_sessions", history=True).rows_accepted == 40


def test_a_session_of_more_than_a_day_is_kept(world: World) -> None:
    world.land("live_sessions", "d.csv", as_csv([session(1, ended_at="2026-03-12T10:00:00Z")]))
    assert world.ingest("live_sessions").rows_accepted == 1


def test_mixed_line_ends_are_read_and_rows_keep_their_values(world: World) -> None:
    lines = as_csv(sessions(30)).splitlines()
    text = "\r\n".join(lines[:10]) + "\r\n" + "\n".join(lines[10:]) + "\n"
    world.land("live_sessions", "mixed.csv", text)
    assert world.ingest("live_sessions").rows_accepted == 30
    assert world.raw("live_sessions", "is_static")[0] == (False,)


def test_a_whole_number_written_with_a_point_is_a_whole_number(world: World) -> None:
    world.land("live_sessions", "d.csv", as_csv([session(1, likes="12.0"), session(2, likes="")]))
    world.ingest("live_sessions")
    assert world.raw("live_sessions", "session_id, likes") == [("s1", 12), ("s2", None)]


# --- whole or not at all --------------------------------------------------------------------


def test_a_crash_between_raw_and_ledger_is_healed_by_the_next_ingest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.land("live_sessions", "day.csv", as_csv(sessions(5)))
    world.ingest("live_sessions")
    world.land("live_sessions", "day.csv", as_csv(sessions(8)))

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as crash:
        crash.setattr(Ledger, "accept", killed)
        with pytest.raises(KeyboardInterrupt):
            world.ingest("live_sessions")
    assert len(world.raw("live_sessions")) == 8
    assert pending(world) == [DAY]
    assert world.ingest("live_sessions").outcome == "accepted"
    assert world.ingest("live_sessions").rows_accepted == 8


def test_a_crash_is_healed_even_if_the_old_file_came_back_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = world.land("live_sessions", "day.csv", as_csv(sessions(5)))
    facts = path.stat()
    world.ingest("live_sessions")
    world.land("live_sessions", "day.csv", as_csv(sessions(300)))
    with monkeypatch.context() as crash:
        crash.setattr(Ledger, "accept", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            world.ingest("live_sessions")
    path.write_text(as_csv(sessions(5)))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert world.ingest("live_sessions").outcome == "accepted"
    assert len(world.raw("live_sessions")) == 5


def test_a_lost_raw_file_is_made_again(world: World) -> None:
    world.land("live_sessions", "day.csv", as_csv(sessions(5)))
    world.ingest("live_sessions")
    world.raw_file("live_sessions").unlink()
    assert pending(world) == [DAY]
    assert world.ingest("live_sessions").outcome == "accepted"


def test_landed_files_may_be_cleaned_away_after_acceptance(world: World) -> None:
    path = world.land("live_sessions", "day.csv", as_csv(sessions(5)))
    world.ingest("live_sessions")
    path.unlink()
    assert world.ingest("live_sessions").outcome == "unchanged"
    world.raw_file("live_sessions").unlink()
    result = world.ingest("live_sessions")
    assert (result.outcome, result.problems[0].rule) == ("refused", "raw_lost")


def test_a_refusal_is_forgotten_when_the_accepted_files_come_back(world: World) -> None:
    path = world.land("live_sessions", "day.csv", as_csv(sessions(5)))
    facts = path.stat()
    world.ingest("live_sessions")
    path.write_text("nonsense")
    assert world.ingest("live_sessions").outcome == "refused"
    path.write_text(as_csv(sessions(5)))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert pending(world) == [DAY]
    assert world.ingest("live_sessions").outcome == "unchanged"
    assert pending(world) == []
    assert world.quarantined("live_sessions", refused_day=True) == []


def test_landed_files_are_never_modified(world: World) -> None:
    contents = {"a.csv": as_csv(sessions(5)).encode(), "b.csv.gz": as_gzip(as_csv(sessions(9)))}
    for name, content in contents.items():
        world.land("live_sessions", name, content)
    world.ingest("live_sessions")
    folder = world.folder("live_sessions")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == contents


def test_scratch_folders_of_dead_processes_are_removed_and_living_ones_kept(world: World) -> None:
    scratch = world.settings.scratch
    dead = scratch / "private-1-dead"
    dead.mkdir(parents=True)
    (dead / "lock").touch()
    world.land("live_sessions", "day.csv", as_csv(sessions(3)))
    with Ingestor(world.settings) as living:
        world.ingest("live_sessions")
        assert not dead.exists()
        assert len(list(scratch.iterdir())) == 1
        result = living.ingest(world.contracts["live_sessions"], DAY)
        assert result.outcome == "unchanged"
    assert list(scratch.iterdir()) == []


def test_files_are_copied_where_hard_links_are_not_possible(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cross_device(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", cross_device)
    world.land("live_sessions", "day.csv", as_csv(sessions(3)))
    assert world.ingest("live_sessions").rows_accepted == 3


def test_the_connection_sees_its_own_folder_and_cannot_be_talked_out_of_it(
    world: World, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    folder = tmp_path / "scratch"
    folder.mkdir()
    shutil.copyfile(secret, folder / "own.csv")
    connection = open_connection(folder, world.settings)
    try:
        own = connection.execute("from read_csv($p)", {"p": str(folder / "own.csv")}).fetchall()
        assert own == [(1,)]
        for path in (secret, folder / ".." / "secret.csv"):
            with pytest.raises(duckdb.PermissionException):
                connection.execute("from read_csv($p)", {"p": str(path)})
        for statement in (
            f"copy (select 1) to '{tmp_path / 'out.csv'}'",
            f"attach '{tmp_path / 'out.duckdb'}'",
            "install httpfs",
            "load httpfs",
            "set enable_external_access = true",
            "set lock_configuration = false",
            "set allowed_directories = ['/']",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(statement)
    finally:
        connection.close()


def test_a_home_with_quotes_and_equal_signs_in_its_path_works(world: World, tmp_path: Path) -> None:
    odd = replace(world, home=tmp_path / "it's a=home; --")
    odd.land("live_sessions", "day.csv", as_csv(sessions(3)))
    as_parquet(sessions(3), odd.folder("live_sessions", NEXT_DAY) / "day.parquet")
    assert odd.ingest("live_sessions").rows_accepted == 3
    assert odd.ingest("live_sessions", NEXT_DAY).rows_accepted == 3


# --- discovery ------------------------------------------------------------------------------


def test_landed_days_are_sorted_and_wrong_names_are_problems(world: World) -> None:
    for day in (NEXT_DAY, DAY):
        world.folder("live_sessions", day)
    feed = world.settings.landing / "live_sessions"
    for name in ("dt=2024-13-45", "dt=2024-1-1", "2024-01-01", ".tmp"):
        (feed / name).mkdir()
    (feed / "stray.csv").touch()
    (feed / "dt=2026-03-20").touch()
    landed = discover.landed_days("live_sessions", open_zone(world.settings))
    assert landed.days == (DAY, NEXT_DAY)
    assert {problem.file for problem in landed.problems} == {
        "dt=2024-13-45",
        "dt=2024-1-1",
        "2024-01-01",
        "stray.csv",
        "dt=2026-03-20",
    }
    assert "dt=YYYY-MM-DD" in landed.problems[0].reason_en
    assert "dt=AAAA-MM-DD" in landed.problems[0].reason_es


def test_a_feed_that_never_landed_has_no_days(world: World) -> None:
    assert discover.landed_days("agencies", open_zone(world.settings)).days == ()


def test_folders_without_a_contract_are_named(world: World) -> None:
    world.folder("live_sesions")
    (problem,) = discover.unknown_feeds(open_zone(world.settings), world.contracts)
    assert problem.file == "live_sesions"
    assert "known feeds: agencies, asset_uses" in problem.reason_en
    assert "fuentes conocidas" in problem.reason_es


def test_pending_days_are_those_that_are_new_changed_or_refused(world: World) -> None:
    days = [DAY + timedelta(days=offset) for offset in range(4)]
    for day in days:
        rows = [session(1, started_at=f"{day}T10:00:00Z", ended_at="")]
        world.land("live_sessions", "day.csv", as_csv(rows), day)
    assert pending(world) == days
    for day in days[:3]:
        world.ingest("live_sessions", day)
    world.land("live_sessions", "more.csv", as_csv(sessions(2)), days[1])
    world.land("live_sessions", "day.csv", "nonsense", days[2])
    world.ingest("live_sessions", days[2])
    assert pending(world) == days[1:]
    with gzip.open(world.folder("live_sessions", days[0]) / "late.csv.gz", "wt") as late:
        late.write(as_csv(sessions(1)))
    assert pending(world) == days
