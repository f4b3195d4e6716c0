"""Files that are no export, damaged, hostile or edited: a sentence each, in both languages."""

from __future__ import annotations

import datetime as dt
import io
import random
import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import openpyxl  # type: ignore[import-untyped]
import pytest
from openpyxl.worksheet.worksheet import Worksheet  # type: ignore[import-untyped]

from orchestration.simulate.backstage import SheetCell, write_workbook
from orchestration.sources.backstage import notes_of
from tests.unit.sources.backstage.exports import (
    ANA,
    ENGLISH,
    EVA,
    SAVED_AT,
    codes,
    landed_rows,
    month_row,
    read,
    refusal,
    write,
)

MB = 1024**2


def _edited(path: Path, edit: Callable[[openpyxl.Workbook, Worksheet], None]) -> Path:
    """A workbook made by a spreadsheet program, edited by a person."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    for row in (ENGLISH, month_row(), month_row(EVA)):
        sheet.append(list(row))
    edit(book, sheet)
    book.save(path)
    return path


def _repacked(source: Path, target: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """A copy of a workbook with changed parts."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return target


@pytest.mark.parametrize(
    ("content", "english", "spanish"),
    [
        (b"", "empty", "vacío"),
        (b"Creator ID,Diamonds\n1,2\n", "plain text", "texto simple"),
        (b"<html><table></table></html>", "a web page", "una página web"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600, "password", "contraseña"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\0", "unknown format", "formato desconocido"),
    ],
)
def test_an_xlsx_that_is_not_one_is_told_for_what_it_is(
    tmp_path: Path, content: bytes, english: str, spanish: str
) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    assert english in refusal(path, tmp_path)
    assert spanish in refusal(path, tmp_path, "es")


def test_a_zip_without_a_workbook_and_a_binary_workbook_are_told_apart(tmp_path: Path) -> None:
    for part, said in (("readme.xml", "zip archive"), ("xl/workbook.bin", "xlsb")):
        with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
            archive.writestr(part, "<x/>")
        assert said in refusal(tmp_path / "a.xlsx", tmp_path)


def test_a_file_cut_off_anywhere_is_damaged_never_a_traceback(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.xlsx", *(month_row(f"c{n}") for n in range(50))).read_bytes()
    for length in range(4, len(whole), max(1, len(whole) // 25)):
        (tmp_path / "cut.xlsx").write_bytes(whole[:length])
        assert "damaged" in refusal(tmp_path / "cut.xlsx", tmp_path)


def test_bytes_changed_anywhere_never_give_other_numbers(tmp_path: Path) -> None:
    """Every part has a checksum: a changed one is refused, or (in what nobody reads) harmless."""
    whole = write(tmp_path / "whole.xlsx", *(month_row(f"c{n}") for n in range(20))).read_bytes()
    right = landed_rows(tmp_path / "whole.xlsx", tmp_path / "right")
    draw = random.Random(1)  # noqa: S311  bits to flip, not a secret
    for number in range(150):
        broken = bytearray(whole)
        broken[draw.randrange(len(broken))] ^= 1 << draw.randrange(8)
        path = tmp_path / "broken.xlsx"
        path.write_bytes(broken)
        reading = read(path, tmp_path)
        assert len(reading.refused) + len(reading.recognised) == 1
        if reading.recognised:
            found = landed_rows(path, tmp_path / f"home-{number}")
            assert [row["diamonds"] for row in found] == [row["diamonds"] for row in right]


def test_a_200_mb_sheet_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", month_row())
    filler = b"<!--" + b" " * (200 * MB) + b"-->"

    def grow(name: str, content: bytes) -> bytes:
        if "sheet1" not in name:
            return content
        return content.replace(b"<sheetData>", filler + b"<sheetData>")

    big = _repacked(path, tmp_path / "big.xlsx", grow)
    assert big.stat().st_size < MB
    said = refusal(big, tmp_path)
    assert "200 MB" in said
    assert "128 MB" in said
    assert "SEMILLERO_MAX_SHEET_BYTES" in said


def test_a_directory_that_lies_about_a_sheet_is_caught_while_unpacking(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", *(month_row(f"c{n}") for n in range(2000)))
    content = bytearray(path.read_bytes())
    name = b"xl/worksheets/sheet1.xml"
    entry = content.rindex(name) - 46
    assert content[entry : entry + 4] == b"PK\x01\x02"
    # Claim 100 bytes where half a megabyte comes out.
    content[entry + 24 : entry + 28] = (100).to_bytes(4, "little")
    path.write_bytes(content)
    reading = read(path, tmp_path, max_sheet_bytes=100_000)
    assert "unpacks to" in reading.refused[0].said.en
    assert "damaged" in refusal(path, tmp_path)


def test_one_cell_at_the_far_corner_does_not_reserve_memory_for_all_between(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "a.xlsx", month_row())
    far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    big = _repacked(path, tmp_path / "far.xlsx", lambda _, part: part.replace(b"</sheetData>", far))
    assert "XFD1048576" in refusal(big, tmp_path)


@pytest.mark.parametrize(
    "far",
    [
        # 33 GB for 2 KB of file, before cells without a place of their own were counted too.
        b'<row r="1048576">' + b"<c><v>1</v></c>" * 100 + b"</row>",
        b"<row>" + b"<c><v>1</v></c>" * 600 + b"</row>",
        b'<row r="3"><c s=">" r = "xfd1048576"><v>1</v></c></row>',
    ],
)
def test_far_cells_are_found_however_they_say_where_they_stand(tmp_path: Path, far: bytes) -> None:
    path = write(tmp_path / "a.xlsx", month_row())
    end = b"</sheetData>"
    big = _repacked(path, tmp_path / "far.xlsx", lambda _, part: part.replace(end, far + end))
    assert "far beyond any export" in refusal(big, tmp_path)


@pytest.mark.parametrize(
    "cell",
    [
        b'<c r="C2"><!-- --><f>1+1</f><v>2</v></c>',
        b'<c s=">" r="C2"><f>1+1</f><v>2</v></c>',
        b"<c><f>1+1</f><v>2</v></c>",
        b'<x:c xmlns:x="urn:any" r="C2"><x:f>1+1</x:f><x:v>2</x:v></x:c>',
    ],
)
def test_a_formula_is_found_however_its_cell_is_written(tmp_path: Path, cell: bytes) -> None:
    path = write(tmp_path / "a.xlsx", month_row())
    edited = _repacked(
        path,
        tmp_path / "b.xlsx",
        lambda _, part: re.sub(rb'<c r="C2".*?</c>', lambda _: cell, part),
    )
    assert codes(edited, tmp_path) == {"C2": "formula"}


def test_a_sheet_of_formulas_is_refused_whether_or_not_anybody_computed_them(
    tmp_path: Path,
) -> None:
    def fill(rows: int) -> Callable[[openpyxl.Workbook, Worksheet], None]:
        def add_formulas(_: openpyxl.Workbook, sheet: Worksheet) -> None:
            for row in range(4, 4 + rows):
                for column in range(1, 6):
                    sheet.cell(row, column, "=1+1")

        return add_formulas

    for rows in (1, 10_001):
        path = _edited(tmp_path / f"{rows}.xlsx", fill(rows))
        assert "full of formulas" in refusal(path, tmp_path)


def test_parts_that_the_reader_would_find_and_we_would_not_refuse_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", month_row())

    def other_case(name: str, content: bytes) -> bytes:
        return content.replace(b"/sheet1", b"/SHEET1") if name.endswith(".rels") else content

    assert "damaged" in refusal(_repacked(path, tmp_path / "b.xlsx", other_case), tmp_path)

    def same_name(_: str, content: bytes) -> bytes:
        twice = b'<sheet name="Data" sheetId="2" r:id="rId1"/></sheets>'
        return content.replace(b"</sheets>", twice)

    assert "damaged" in refusal(_repacked(path, tmp_path / "c.xlsx", same_name), tmp_path)


@pytest.mark.parametrize("moment", [b"0001-01-01T00:00:00+14:00", b"9999-12-31T23:00:00-14:00"])
def test_a_time_of_saving_outside_the_calendar_says_nothing(tmp_path: Path, moment: bytes) -> None:
    path = write(tmp_path / "a.xlsx", month_row())
    edited = _repacked(
        path,
        tmp_path / "b.xlsx",
        lambda _, part: part.replace(f"{SAVED_AT:%Y-%m-%dT%H:%M:%SZ}".encode(), moment),
    )
    (found,) = read(edited, tmp_path).recognised
    assert found.report.exported_at == dt.datetime.fromtimestamp(
        int(edited.stat().st_mtime), dt.UTC
    )


def test_declared_entities_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", month_row())
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]><workbook'

    def declare(name: str, content: bytes) -> bytes:
        return content.replace(b"<workbook", bomb, 1) if name == "xl/workbook.xml" else content

    assert "damaged" in refusal(_repacked(path, tmp_path / "b.xlsx", declare), tmp_path)


def test_a_spreadsheet_of_something_else_is_refused_with_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    write_workbook(path, {"S": [["Producto", "Precio"], ["Té", 3]]}, SAVED_AT)
    assert "'Producto', 'Precio'" in refusal(path, tmp_path)
    # Rows without headers show whose they are to nobody.
    write_workbook(path, {"S": [month_row("ana_la_de_siempre"), ["a", "b"]]}, SAVED_AT)
    assert "'a', 'b'" in refusal(path, tmp_path)
    write_workbook(path, {"S": []}, SAVED_AT)
    assert "No sheet has the headers" in refusal(path, tmp_path)


def test_formulas_are_refused_cell_by_cell_whatever_they_show(tmp_path: Path) -> None:
    def add_formulas(_: openpyxl.Workbook, sheet: Worksheet) -> None:
        sheet["C2"] = "=1+1"
        sheet["B3"] = '=HYPERLINK("http://x","7123456789012345679")'

    path = _edited(tmp_path / "a.xlsx", add_formulas)
    assert codes(path, tmp_path) == {"C2": "formula", "B3": "formula"}


def test_errors_of_the_spreadsheet_are_never_read_as_nothing(tmp_path: Path) -> None:
    def add_error(_: openpyxl.Workbook, sheet: Worksheet) -> None:
        sheet["C2"] = "#N/A"
        sheet["C2"].data_type = "e"

    assert codes(_edited(tmp_path / "a.xlsx", add_error), tmp_path) == {"C2": "excel_error"}


def test_dates_durations_and_percentages_of_a_spreadsheet_program_are_understood(
    tmp_path: Path,
) -> None:
    def use_types(_: openpyxl.Workbook, sheet: Worksheet) -> None:
        sheet["D2"] = dt.timedelta(hours=119, minutes=47, seconds=31)
        sheet["D2"].number_format = "[h]:mm:ss"
        sheet["C2"] = 1234567
        sheet["C2"].number_format = "#,##0"
        sheet["F1"], sheet["F2"] = "Join time", dt.datetime(2025, 3, 14, 8, 15)  # noqa: DTZ001
        sheet["G1"], sheet["G2"] = "Diamonds - Percentage achieved", 0.9013
        sheet["G2"].number_format = "0.00%"

    row, _ = landed_rows(_edited(tmp_path / "a.xlsx", use_types), tmp_path)
    assert row["live_seconds"] == 119 * 3600 + 47 * 60 + 31
    assert row["diamonds"] == 1234567
    assert row["joined_at"] == dt.datetime(2025, 3, 14, 8, 15, tzinfo=dt.UTC)
    assert str(row["diamonds_achieved_rate"]) == "0.9013"


def test_ids_saved_as_numbers_refuse_the_file_since_all_lost_their_digits(tmp_path: Path) -> None:
    def use_numbers(_: openpyxl.Workbook, sheet: Worksheet) -> None:
        sheet["B2"], sheet["B3"] = int(ANA), int(EVA)

    path = _edited(tmp_path / "a.xlsx", use_numbers)
    assert "15 of their 19 digits" in refusal(path, tmp_path)
    assert "15 de sus 19 dígitos" in refusal(path, tmp_path, "es")


def test_a_merged_title_is_stepped_over_and_merged_headers_are_refused(tmp_path: Path) -> None:
    def add_title(_: openpyxl.Workbook, sheet: Worksheet) -> None:
        sheet.insert_rows(1)
        sheet["A1"] = "July"
        sheet.merge_cells("A1:E1")

    assert len(landed_rows(_edited(tmp_path / "a.xlsx", add_title), tmp_path)) == 2

    def merge_headers(_: openpyxl.Workbook, sheet: Worksheet) -> None:
        sheet.merge_cells("C1:D1")

    said = refusal(_edited(tmp_path / "b.xlsx", merge_headers), tmp_path)
    assert "C1:D1" in said


def test_merged_cells_beside_the_table_do_not_matter_and_among_its_rows_refuse_the_file(
    tmp_path: Path,
) -> None:
    def beside(_: openpyxl.Workbook, sheet: Worksheet) -> None:
        sheet.insert_rows(1)
        sheet["A1"] = "July"
        sheet.merge_cells("ZZ1:ZZ3")
        sheet.merge_cells("Y2:Z2")

    assert len(landed_rows(_edited(tmp_path / "a.xlsx", beside), tmp_path)) == 2

    def among(_: openpyxl.Workbook, sheet: Worksheet) -> None:
        sheet.merge_cells("C2:C3")

    path = _edited(tmp_path / "b.xlsx", among)
    assert "merged below the headers (C2:C3)" in refusal(path, tmp_path)
    assert "combinadas debajo de los encabezados (C2:C3)" in refusal(path, tmp_path, "es")


def test_headers_that_were_sorted_into_the_rows_or_stand_twice_refuse_the_file(
    tmp_path: Path,
) -> None:
    titles = [str(cell) for cell in month_row(EVA)]
    path = write(tmp_path / "a.xlsx", ENGLISH, month_row(), headers=titles)
    assert "row 1 above them looks like a creator's" in refusal(path, tmp_path)
    assert "la fila 1, más arriba" in refusal(path, tmp_path, "es")
    # Who was not LIVE has an ID and a period, and dashes.
    path = write(tmp_path / "c.xlsx", ENGLISH, month_row(), headers=[*titles[:2], *"-" * 3])
    assert "row 1 above them looks like a creator's" in refusal(path, tmp_path)
    other = [ENGLISH[place] for place in (0, 1, 4, 3, 2)]
    path = write(tmp_path / "b.xlsx", month_row(), other, month_row(EVA, diamonds=6, days=1200))
    assert "other headers begin in row 3" in refusal(path, tmp_path)
    assert "otros encabezados en la fila 3" in refusal(path, tmp_path, "es")
    # The same headers again, as where pages were put together, are one row that is no creator's.
    path = write(tmp_path / "c.xlsx", month_row(), ENGLISH, month_row(EVA))
    assert codes(path, tmp_path).keys() == {f"{column}3" for column in "ABCDE"}


def test_headers_in_two_rows_are_read_where_merged_cells_say_how(tmp_path: Path) -> None:
    def group_headers(_: openpyxl.Workbook, sheet: Worksheet) -> None:
        sheet.insert_rows(1)
        sheet["C1"] = "Results"
        sheet.merge_cells("C1:E1")
        for column in "AB":
            sheet[f"{column}1"] = sheet[f"{column}2"].value
            sheet.merge_cells(f"{column}1:{column}2")

    rows = landed_rows(_edited(tmp_path / "a.xlsx", group_headers), tmp_path)
    assert [row["creator_id"] for row in rows] == [ANA, EVA]
    assert [row["row_number"] for row in rows] == [3, 4]


def test_headers_with_digits_are_headers_in_two_rows_and_below_others_too(tmp_path: Path) -> None:
    headers = ["Creator ID:", "Diamonds in L30D", "LIVE duration in L30D", "Last LIVE"]
    headers += ["Valid go LIVE days in L30D"]
    row: list[SheetCell] = [ANA, 5, "1h", "2026-07-01", "3d"]

    def use_two_rows(_: openpyxl.Workbook, sheet: Worksheet) -> None:
        sheet.delete_rows(1, 3)
        sheet.append([*headers[:3], "Activity", None, *headers[4:]])
        sheet.append([None, None, None, "Last LIVE", "Status"])
        sheet.append([*row[:4], "Active", row[4]])
        for column in "ABCF":
            sheet.merge_cells(f"{column}1:{column}2")
        sheet.merge_cells("D1:E1")

    (landed,) = landed_rows(_edited(tmp_path / "a.xlsx", use_two_rows), tmp_path)
    assert (landed["creator_id"], landed["valid_days"], landed["status"]) == (ANA, 3, "active")
    path = tmp_path / "b.xlsx"
    order = (1, 0, 2, 3, 4)
    tables: list[Sequence[SheetCell]] = [headers, row]
    tables += [[headers[n] for n in order], [row[n] for n in order]]
    write_workbook(path, {"S": tables}, SAVED_AT)
    assert "other headers begin in row 3" in refusal(path, tmp_path)


def test_hidden_sheets_are_not_read_and_never_silently(tmp_path: Path) -> None:
    def hide_a_copy(book: openpyxl.Workbook, sheet: Worksheet) -> None:
        book.copy_worksheet(sheet).sheet_state = "hidden"

    reading = read(_edited(tmp_path / "a.xlsx", hide_a_copy), tmp_path)
    assert len(reading.recognised) == 1
    assert reading.hidden_sheets == (("a.xlsx", "Sheet Copy"),)

    def hide_the_only_one(book: openpyxl.Workbook, sheet: Worksheet) -> None:
        book.create_sheet("Notes")
        sheet.sheet_state = "veryHidden"

    said = refusal(_edited(tmp_path / "b.xlsx", hide_the_only_one), tmp_path)
    assert "hidden sheet ('Sheet')" in said


@pytest.mark.parametrize(
    ("headers", "row", "said"),
    [
        (("Data period", "Diamonds", "LIVE duration"), ["p", 1, "1h"], "no column 'Creator ID'"),
        (("Creator ID", "Diamonds", "LIVE duration"), [ANA, 1, "1h"], "which period"),
        (("Creator ID", "Data period", "Diamonds", "Total Diamonds"), [ANA], "mean the same"),
    ],
)
def test_a_header_that_is_missing_or_stands_twice_refuses_the_file(
    tmp_path: Path, headers: tuple[str, ...], row: list[str | int], said: str
) -> None:
    path = tmp_path / "a.xlsx"
    write_workbook(path, {"S": [headers, row]}, SAVED_AT)
    assert said in refusal(path, tmp_path)


def test_mixed_periods_and_headers_without_rows_refuse_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", month_row(), month_row(EVA, period="2026-06-01 ~ 2026-06-30"))
    assert "mixes periods" in refusal(path, tmp_path)
    assert "which period" in refusal(write(tmp_path / "b.xlsx"), tmp_path)


@pytest.mark.parametrize("period", ["9999-12-01 ~ 9999-12-31", "2199-01-01 ~ 2199-01-31"])
def test_a_period_that_is_not_over_cannot_have_been_counted(tmp_path: Path, period: str) -> None:
    path = write(tmp_path / "a.xlsx", month_row(period=period))
    assert f"counts {period}, but days of that are still to come" in refusal(path, tmp_path)
    assert "días que aún no llegan" in refusal(path, tmp_path, "es")


def test_a_sheet_that_is_no_export_beside_one_that_is_one_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    sheets: dict[str, list[list[str | int | float | None]]] = {
        "Data": [list(ENGLISH), month_row()],
        "More": [["ID", "Diam"], [EVA, 5]],
        "Sheet3": [],
    }
    write_workbook(path, sheets, SAVED_AT)
    reading = read(path, tmp_path)
    assert reading.other_sheets == (("a.xlsx", "More"),)
    assert "sheets without the headers of an export, not read: 1" in [
        note.message_en for note in notes_of(reading)
    ]


def test_a_folder_named_like_a_file_and_a_file_nobody_may_read(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "x.xlsx").mkdir(parents=True)
    write(folder / "x.xlsx" / "a.xlsx", month_row())
    assert [each.file for each in read(folder, tmp_path).recognised] == ["a.xlsx"]


def test_what_the_simulator_writes_is_a_workbook_to_other_programs_too(tmp_path: Path) -> None:
    path, name = tmp_path / "a.xlsx", "\"<&>' ñ"
    write_workbook(path, {name: [ENGLISH, month_row("<&>")]}, SAVED_AT)
    book = openpyxl.load_workbook(io.BytesIO(path.read_bytes()))
    assert [cell.value for cell in book[name][2]][:2] == ["2026-07-01 ~ 2026-07-06", "<&>"]
    assert read(path, tmp_path).recognised[0].report.sheet == name
