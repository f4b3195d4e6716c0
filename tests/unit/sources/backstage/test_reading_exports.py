"""From spreadsheets to landing: the same rows for the same export, and no row without its due."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.contracts.loader import load_contracts
from orchestration.ingest import Ingestor
from orchestration.simulate.backstage import SheetCell, write_workbook
from orchestration.sources import landing
from orchestration.sources.backstage import BackstageError, adapter, land_exports, read_exports
from tests.unit.sources.backstage.exports import (
    ANA,
    ENGLISH,
    EVA,
    MASK,
    PERIOD,
    SAVED_AT,
    SPANISH,
    codes,
    landed_rows,
    month_row,
    read,
    settings_of,
    without_place,
    write,
)

ARRIVAL = date(2026, 7, 7)


def test_an_export_is_recognised_by_its_headers_whatever_it_is_called(tmp_path: Path) -> None:
    path = write(tmp_path / "informe final (2) DEFINITIVO.dat", month_row())
    (found,) = read(path, tmp_path).recognised
    assert found.report.kind == "month"
    assert found.report.language == "en"
    assert (found.report.period_start, found.report.period_end) == (
        date(2026, 7, 1),
        date(2026, 7, 6),
    )
    assert found.target.parent.name == "dt=2026-07-07"


def test_both_languages_of_one_export_give_identical_rows(tmp_path: Path) -> None:
    headers = ("Group", "Graduation status", "Diamonds - Vs. last month")
    english = write(
        tmp_path / "en.xlsx",
        [*month_row(), "Not in a group", "Non-new creator", "90.13%"],
        [*month_row(MASK), "Norte", "Active", "-"],
        headers=(*ENGLISH, *headers),
    )
    headers = ("Grupo", "Estado de graduación", "Diamantes - Frente al último mes")
    spanish = write(
        tmp_path / "es.xlsx",
        [
            *month_row(diamonds="1.200", duration="12h 5min 3s"),
            *("Sin grupo", "Creador no nuevo", "90,13 %"),
        ],
        [*month_row("El creador ha abandonado la red"), "Norte", "Activo", "-"],
        headers=(*SPANISH, *headers),
    )
    one = landed_rows(english, tmp_path / "one")
    other = landed_rows(spanish, tmp_path / "other")
    assert [without_place(row) for row in one] == [without_place(row) for row in other]
    assert one[0]["diamonds"] == 1200
    assert one[0]["group_name"] is None
    assert (one[0]["source_language"], other[0]["source_language"]) == ("en", "es")

    folder = tmp_path / "both"
    folder.mkdir()
    shutil.copy(english, folder / "b.xlsx")
    shutil.copy(spanish, folder / "a.xlsx")
    shutil.copy(english, folder / "copy of b.xlsx")
    reading = read(folder, tmp_path)
    assert len(reading.new) == 1
    assert [each.repeats for each in reading.recognised] == ["", "a.xlsx", "a.xlsx"]


def test_giving_a_file_again_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", month_row())
    settings = settings_of(tmp_path)
    for is_first in (True, False):
        with read_exports(path, settings, progress=lambda _: None) as reading:
            summary = land_exports(reading, settings)
        assert (summary is not None) is is_first
    (landed,) = settings.landing.rglob("*.parquet")
    before = landed.stat().st_mtime_ns
    # Saved again under another name, later, by a program that forgets when: the rows are the same.
    again = tmp_path / "b.xlsx"
    shutil.copy(path, again)
    os.utime(again, (1, 1))
    with read_exports(again, settings, progress=lambda _: None) as reading:
        assert reading.recognised[0].repeats
        assert land_exports(reading, settings) is None
    assert landed.stat().st_mtime_ns == before


def test_the_same_rows_on_two_sheets_of_a_file_land_once(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    rows = [ENGLISH, month_row(), month_row(EVA)]
    write_workbook(path, {"julio": rows, "copia": rows}, SAVED_AT)
    reading = read(path, tmp_path)
    assert [each.repeats for each in reading.recognised] == ["", "julio"]
    assert sum(each.report.row_count for each in reading.new) == len(landed_rows(path, tmp_path))


def test_a_corrected_export_lands_beside_the_first_and_says_when_it_was_made(
    tmp_path: Path,
) -> None:
    write_workbook(tmp_path / "a.xlsx", {"D": [ENGLISH, month_row()]}, SAVED_AT)
    later = SAVED_AT.replace(day=9)
    write_workbook(tmp_path / "b.xlsx", {"D": [ENGLISH, month_row(diamonds=1300)]}, later)
    found = landed_rows(tmp_path, tmp_path)
    assert {(row["diamonds"], row["updated_at"]) for row in found} == {
        (1200, SAVED_AT),
        (1300, later),
    }
    assert len({row["report_id"] for row in found}) == 2


def test_columns_may_be_any_subset_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    headers = ["Diamonds", "Something new", "Creator ID", "Data period"]
    write_workbook(path, {"D": [headers, ["1,200", "=x", ANA, PERIOD]]}, SAVED_AT)
    (row,) = landed_rows(path, tmp_path)
    assert (row["creator_id"], row["diamonds"], row["Something new"]) == (ANA, 1200, "=x")
    assert "live_seconds" not in row
    (found,) = read(path, tmp_path / "other").recognised
    assert found.report.unknown_headers == ("Something new",)
    assert found.report.formula_like_count == 1


def test_an_unknown_header_cannot_take_the_name_of_a_column_of_ours(tmp_path: Path) -> None:
    headers = [*ENGLISH, "Report_ID", "report_id", "x'; drop table y --"]
    path = write(tmp_path / "a.xlsx", [*month_row(), "one", "two", "three"], headers=headers)
    (row,) = landed_rows(path, tmp_path)
    assert len(row["report_id"]) == 16
    assert {row["Report_ID (F)"], row["report_id (G)"], row["x'; drop table y --"]} == {
        "one",
        "two",
        "three",
    }


def test_an_unknown_header_is_shown_and_kept_without_what_no_screen_may_get(tmp_path: Path) -> None:
    odd = "_x001B_[31mEstado_x0000_\n interno\u200b" + " x" * 20_000
    path = tmp_path / "a.xlsx"
    write_workbook(path, {"D": [(*ENGLISH, odd), [*month_row(), "v"]]}, SAVED_AT)
    (header,) = read(path, tmp_path).recognised[0].report.unknown_headers
    assert header.startswith("[31mEstado interno x")
    assert len(header) == 100
    assert landed_rows(path, tmp_path)[0][header] == "v"


def test_leavers_keep_their_rows_and_are_never_one_creator(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.xlsx",
        month_row(),
        *(month_row(MASK, diamonds=number) for number in range(96)),
        month_row(MASK, diamonds=5),
    )
    rows = landed_rows(path, tmp_path)
    assert len(rows) == 98
    masked = [row for row in rows if row["is_masked"]]
    assert len(masked) == 97
    assert {row["creator_id"] for row in masked} == {None}
    assert all(row["cell_problems"] is None for row in rows)


def test_every_unreadable_cell_is_named_and_its_row_goes_to_quarantine(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.xlsx",
        month_row(),
        month_row(EVA, diamonds="many"),
        month_row("c1", duration="long"),
        month_row("c2", days="2.5d"),
        month_row("-"),
        month_row("Total"),
        month_row(7.1e18),
        month_row("c3", period="2026-07-1"),
        month_row("c4", duration="1.234h"),
        month_row("c5", diamonds=-4),
    )
    assert codes(path, tmp_path) == {
        "C3": "not_a_whole_number",
        "D4": "not_a_duration",
        "E5": "not_a_whole_number",
        "B6": "no_creator_id",
        "B7": "no_creator_id",
        "B8": "lost_digits",
        "A9": "not_the_period",
        "D10": "ambiguous_number",
    }
    settings = settings_of(tmp_path)
    with read_exports(path, settings, progress=lambda _: None) as reading:
        assert reading.recognised[0].report.refused_count == 8
        land_exports(reading, settings)
    # One good row of ten: too few rows for a share to mean that the feed is broken.
    with Ingestor(settings) as ingestor:
        result = ingestor.ingest(load_contracts()["backstage_reports"], ARRIVAL)
    assert result.outcome == "accepted"
    assert (result.rows_read, result.rows_accepted, result.rows_refused) == (10, 1, 9)
    rules = {problem.rule for problem in result.problems}
    assert {
        "unreadable_number",
        "unreadable_duration",
        "unreadable_date",
        "no_creator_id",
        "creator_id_lost_digits",
        "below_minimum",
    } <= rules
    assert all(problem.reason_en and problem.reason_es for problem in result.problems)


def test_a_refused_row_names_file_sheet_and_cell_in_quarantine(tmp_path: Path) -> None:
    path = tmp_path / "julio.xlsx"
    rows = [ENGLISH, month_row(), month_row(EVA, diamonds="many")]
    write_workbook(path, {"Hoja 1": rows}, SAVED_AT)
    settings = settings_of(tmp_path)
    with read_exports(path, settings, progress=lambda _: None) as reading:
        land_exports(reading, settings)
    with Ingestor(settings) as ingestor:
        ingestor.ingest(load_contracts()["backstage_reports"], ARRIVAL)
    (quarantined,) = settings.quarantine.rglob("*.parquet")
    with duckdb.connect() as connection:
        found = connection.read_parquet(str(quarantined)).project('"column", rule, content')
        contents = found.fetchall()
    assert {(column, rule) for column, rule, _ in contents} >= {("diamonds", "wrong_type")}
    for expected in ("julio.xlsx", "Hoja 1", "not_a_whole_number C3", "many"):
        assert all(expected in content for _, _, content in contents)


def test_a_creator_in_contradicting_rows_is_believed_in_neither(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.xlsx",
        month_row(ANA, diamonds=1),
        month_row(EVA),
        month_row(ANA, diamonds=2),
        month_row(EVA),
    )
    assert codes(path, tmp_path) == {"B2": "creator_twice", "B4": "creator_twice"}


def test_the_last_30_days_have_a_period_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    headers = ["Creator ID:", "Diamonds in L30D", "LIVE duration in L30D", "Last LIVE", "Notes"]
    row: list[SheetCell] = [ANA, 900, "3h 0m 0s", "2026-07-05 20:00:00 (UTC+0)", "=call me"]
    write_workbook(path, {"D": [headers, row]}, SAVED_AT)
    (found,) = read(path, tmp_path / "other").recognised
    assert found.report.kind == "last_30_days"
    assert found.report.is_period_derived
    assert (found.report.period_start, found.report.period_end) == (
        date(2026, 6, 7),
        date(2026, 7, 6),
    )
    (landed,) = landed_rows(path, tmp_path)
    assert (landed["diamonds"], landed["live_seconds"], landed["notes"]) == (900, 10800, "=call me")
    assert landed["last_live_at"] == datetime(2026, 7, 5, 20, tzinfo=UTC)


@pytest.mark.parametrize("period", ["2026-06-20 ~ 2026-07-06", "2026-07-03 ~ 2026-07-06"])
def test_a_window_that_does_not_count_from_the_first_is_no_month(
    tmp_path: Path, period: str
) -> None:
    path = write(tmp_path / "a.xlsx", month_row(period=period))
    (found,) = read(path, tmp_path).recognised
    assert found.report.kind == "window"


def test_a_file_that_does_not_credibly_say_when_it_was_made_is_dated_by_the_disk(
    tmp_path: Path,
) -> None:
    # Some writers put this constant where the time belongs.
    constant = datetime(2006, 9, 16, tzinfo=UTC)
    path = tmp_path / "a.xlsx"
    write_workbook(path, {"D": [ENGLISH, month_row()]}, constant)
    os.utime(path, (SAVED_AT.timestamp(), SAVED_AT.timestamp()))
    (found,) = read(path, tmp_path).recognised
    assert found.report.exported_at == SAVED_AT
    # Nor can anybody have saved it in the future, where it would win over every correction.
    for moment in (datetime(2199, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, tzinfo=UTC)):
        write_workbook(path, {"D": [ENGLISH, month_row()]}, moment)
        os.utime(path, (SAVED_AT.timestamp(), SAVED_AT.timestamp()))
        (found,) = read(path, tmp_path).recognised
        assert found.report.exported_at == SAVED_AT
    # And a clock that is wrong cannot have exported days that were not over.
    os.utime(path, (0, 0))
    (found,) = read(path, tmp_path).recognised
    assert found.report.exported_at == datetime(2026, 7, 6, tzinfo=UTC)


def test_titles_above_the_headers_and_blank_rows_below_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    rows: list[Sequence[SheetCell]] = [
        ["Red de creadores, julio"],
        [],
        ENGLISH,
        [],
        month_row(),
        [None],
        [" ", "\u00a0", None],
        month_row(EVA),
    ]
    write_workbook(path, {"D": rows}, SAVED_AT)
    assert [row["row_number"] for row in landed_rows(path, tmp_path)] == [5, 8]


def test_bad_files_of_a_folder_do_not_stop_the_good_ones(tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    (folder / "julio").mkdir(parents=True)
    write(folder / "julio" / "a.xlsx", month_row())
    (folder / "b.xlsx").write_text("hello", encoding="utf-8")
    (folder / "c.csv").write_text("hello", encoding="utf-8")
    (folder / "~$a.xlsx").write_bytes(b"lock")
    reading = read(folder, tmp_path)
    assert [each.file for each in reading.recognised] == ["a.xlsx"]
    assert [each.file for each in reading.refused] == ["b.xlsx"]
    assert reading.ignored == ("c.csv",)


def test_nothing_is_left_in_scratch_and_landing_is_untouched_until_told(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    with read_exports(write(tmp_path / "a.xlsx", month_row()), settings, progress=lambda _: None):
        assert not settings.landing.exists()
    assert list(settings.scratch.iterdir()) == []


def test_what_a_killed_reading_left_in_scratch_is_removed_by_the_next(tmp_path: Path) -> None:
    """It holds people's names: somebody closed the terminal instead of answering."""
    path, settings = write(tmp_path / "a.xlsx", month_row()), settings_of(tmp_path)
    code = (
        "import os, sys; from pathlib import Path; from orchestration.settings import Settings; "
        "from orchestration.sources.backstage import read_exports\n"
        "with read_exports(Path(sys.argv[1]), Settings(home=sys.argv[2]), progress=print):\n"
        "    os._exit(9)"
    )
    killed = subprocess.run(
        [sys.executable, "-c", code, str(path), str(settings.home)], check=False, timeout=60
    )
    assert killed.returncode == 9
    assert list(settings.scratch.rglob("*.parquet"))
    with read_exports(path, settings, progress=lambda _: None):
        assert len(list(settings.scratch.iterdir())) == 1
    assert list(settings.scratch.iterdir()) == []


def test_a_landed_export_stands_after_the_power_went_in_a_new_home_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tmp_path)
    synced: list[Path] = []
    monkeypatch.setattr(landing, "fsync_folder", synced.append)
    path = write(tmp_path / "a.xlsx", month_row())
    with read_exports(path, settings, progress=lambda _: None) as reading:
        land_exports(reading, settings)
    (file,) = settings.landing.rglob("*.parquet")
    # Each folder that is new has its name in its parent, up to the home's.
    assert set(synced) == {file.parent, *file.parents[1:3], settings.home}


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        duckdb.IOException("IO Error: Could not write all bytes: No space left on device\nmore"),
    ],
)
def test_a_full_disk_is_a_sentence_whoever_meets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def write_nothing(*_: object) -> None:
        raise error

    monkeypatch.setattr(adapter, "_write", write_nothing)
    with pytest.raises(BackstageError, match=r"No space left on device\. Check that") as told:
        read(write(tmp_path / "a.xlsx", month_row()), tmp_path)
    assert "haya espacio" in told.value.message("es")


def test_a_path_without_anything_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(BackstageError, match="does not exist"):
        read(tmp_path / "nowhere", tmp_path)
    with pytest.raises(BackstageError, match=r"~nobody-of-that-name/a\.xlsx does not exist"):
        read(Path("~nobody-of-that-name/a.xlsx"), tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BackstageError, match=r"holds no \.xlsx file") as error:
        read(tmp_path / "empty", tmp_path)
    assert "archivos exportados" in error.value.message("es")
