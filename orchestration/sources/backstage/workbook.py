"""An `.xlsx` file as sheets of cells, without trusting it.

What lives here: what kind of file it is, how much it may unpack to, which sheets can be seen, and
which cells hold formulas or errors (their values are somebody's, not the export's). What may not:
what the cells mean (`report`).

An `.xlsx` is a zip of XML. Its directory may lie about sizes, a few bytes may unpack to gigabytes,
and one cell at the far corner makes a reader of ranges reserve memory for all that lies between. So
every part is unpacked once, counted, before the reader of spreadsheets (calamine) sees the file.
"""

from __future__ import annotations

import io
import re
import struct
import xml.etree.ElementTree as ET
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import cast

from orchestration.sources.backstage import problems
from orchestration.sources.backstage.problems import BackstageError, Said
from orchestration.sources.backstage.values import Cell

MAX_COLUMNS = 500
MAX_CELLS = 20_000_000
"""Cells of the rectangle from A1 to the last one; a reader reserves memory for each."""

_MAX_PARTS = 5_000
_SMALL_PART_BYTES = 16 * 1024**2
_CHUNK = 1 << 20
_PACKED_CHUNK = 1 << 16
_MAX_LISTED = 50_000

_CELL = re.compile(rb"<(?:\w+:)?c\s[^>]*?\br=[\"']([A-Za-z]{1,4})(\d{1,9})[\"']")
_CELL_WITH_FORMULA = re.compile(
    rb"<(?:\w+:)?c\s[^>]*?\br=[\"']([A-Za-z]{1,4})(\d{1,9})[\"'][^>]*>\s*<(?:\w+:)?f[\s/>]"
)
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")
_ERROR = re.compile(rb"\st=[\"']e[\"']")
_CELL_TAG = re.compile(rb"<(?:\w+:)?c\s[^>]*>")
_REFERENCE = re.compile(rb"\br=[\"']([A-Za-z]{1,4})(\d{1,9})[\"']")

_OLE = bytes.fromhex("d0cf11e0a1b11ae1")


@dataclass(frozen=True)
class MergedRange:
    """Merged cells, rows and columns counted from 0, both limits included."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int

    @property
    def shown(self) -> str:
        """Like B1:D1."""
        first = cell_name(self.first_row, self.first_column)
        return f"{first}:{cell_name(self.last_row, self.last_column)}"


@dataclass(frozen=True)
class Sheet:
    """One sheet.

    Attributes:
        name: As on its tab.
        is_hidden: Whether a person who opens the file does not see it.
        rows: Cells from A1 on; `rows[0]` is row 1 of the sheet. All rows are equally long.
        merged: Merged cells.
        formulas: Where formulas stand (row, column, from 0).
        errors: Where errors like #N/A stand.
    """

    name: str
    is_hidden: bool
    rows: list[list[Cell]]
    merged: tuple[MergedRange, ...]
    formulas: frozenset[tuple[int, int]]
    errors: frozenset[tuple[int, int]]


@dataclass(frozen=True)
class Workbook:
    """A file's sheets, and when it says it was made (None where it does not)."""

    sheets: tuple[Sheet, ...]
    made_at: datetime | None


@dataclass(frozen=True)
class _Marks:
    """What a look at a sheet's XML tells that its values do not."""

    formulas: frozenset[tuple[int, int]]
    errors: frozenset[tuple[int, int]]


def column_name(column: int) -> str:
    """The letters of a column counted from 0: 0 is A, 26 is AA."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def cell_name(row: int, column: int) -> str:
    """A cell as people call it; both counted from 0."""
    return f"{column_name(column)}{row + 1}"


def open_workbook(path: Path, max_sheet_bytes: int) -> Workbook:
    """Read a file's sheets.

    Args:
        path: Whatever its name, it is judged by its bytes.
        max_sheet_bytes: No part may unpack to more.

    Raises:
        BackstageError: It is no `.xlsx`, damaged, or too big; the message is for people.
    """
    try:
        size = path.stat().st_size
        if size > max_sheet_bytes:
            raise BackstageError(problems.too_big(path.name, size, max_sheet_bytes))
        content = path.read_bytes()
    except OSError as error:
        raise BackstageError(
            problems.cannot_read(error.strerror or type(error).__name__)
        ) from error
    _refuse_other_formats(content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = _parts_of(archive)
    except (zipfile.BadZipFile, struct.error, ValueError, NotImplementedError) as error:
        raise BackstageError(problems.damaged("zip")) from error
    if "xl/workbook.bin" in parts:
        raise BackstageError(problems.not_a_spreadsheet(problems.BINARY_WORKBOOK))
    if "xl/workbook.xml" not in parts:
        raise BackstageError(problems.not_a_spreadsheet(problems.OTHER_ZIP))
    marks = _look_through(content, parts, max_sheet_bytes)
    return Workbook(sheets=tuple(_read_sheets(content, marks)), made_at=_made_at(content, parts))


def _refuse_other_formats(content: bytes) -> None:
    if content.startswith(b"PK\x03\x04"):
        return
    found: Said
    head = content[:2048].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not content:
        found = problems.EMPTY
    elif content.startswith(_OLE):
        found = problems.OLD_OR_PROTECTED
    elif head.startswith((b"<!doctype html", b"<html", b"<table", b"<?xml", b"<head")):
        found = problems.WEB_PAGE
    elif b"\0" not in content[:4096] and _is_text(content[:4096]):
        found = problems.PLAIN_TEXT
    else:
        found = problems.SOMETHING_ELSE
    raise BackstageError(problems.not_a_spreadsheet(found))


def _is_text(head: bytes) -> bool:
    try:
        # The last letter of the piece may be cut in two.
        head[:-4].decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _parts_of(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    infos = archive.infolist()
    parts = {info.filename: info for info in infos}
    if len(infos) > _MAX_PARTS or len(parts) != len(infos):
        raise BackstageError(problems.damaged("zip: parts"))
    return parts


def _look_through(
    content: bytes, parts: dict[str, zipfile.ZipInfo], limit: int
) -> dict[str, _Marks]:
    """Unpack every part that a reader opens, and note what stands in each sheet, by its name."""
    paths = _sheet_paths(content, parts)
    total = sum(info.file_size for name, info in parts.items() if name.endswith(".xml"))
    if total > 2 * limit:
        raise BackstageError(problems.too_big("xl/", total, 2 * limit))
    for name, info in parts.items():
        # Pictures and the like are never unpacked by anybody here.
        if not name.endswith((".xml", ".rels")) or name in paths.values():
            continue
        for _ in _unpack(content, info, limit):
            pass
    return {
        sheet: _marks_of(sheet, b"".join(_unpack(content, parts[path], limit)))
        for sheet, path in paths.items()
        if path in parts
    }


def _sheet_paths(content: bytes, parts: dict[str, zipfile.ZipInfo]) -> dict[str, str]:
    """The part of each sheet, by the sheet's name."""
    targets = {
        relation.get("Id"): relation.get("Target", "")
        for relation in _xml(content, parts.get("xl/_rels/workbook.xml.rels"))
    }
    found: dict[str, str] = {}
    for element in _xml(content, parts["xl/workbook.xml"]).iter():
        if element.tag.rpartition("}")[2] != "sheet":
            continue
        relation = next(
            (value for key, value in element.attrib.items() if key.endswith("}id")), None
        )
        target = targets.get(relation, "")
        path = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        found[element.get("name", "")] = str(PurePosixPath(path))
    return found


def _xml(content: bytes, info: zipfile.ZipInfo | None) -> ET.Element:
    if info is None:
        return ET.Element("nothing")
    text = b"".join(_unpack(content, info, _SMALL_PART_BYTES))
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        # No writer of spreadsheets declares entities; who does means harm.
        raise BackstageError(problems.damaged(info.filename))
    try:
        return ET.fromstring(text)  # noqa: S314  entities were refused a line above
    except ET.ParseError as error:
        raise BackstageError(problems.damaged(info.filename)) from error


def _unpack(content: bytes, info: zipfile.ZipInfo, limit: int) -> Iterator[bytes]:
    """The bytes of a part, piece by piece.

    Not by `zipfile`, which stops where the directory says the part ends: what reads the file after
    us would go on.

    Raises:
        BackstageError: It is too big, or not what the directory says.
    """
    if info.file_size > limit:
        raise BackstageError(problems.too_big(info.filename, info.file_size, limit))
    start = info.header_offset
    if info.flag_bits & 1 or content[start : start + 4] != b"PK\x03\x04":
        raise BackstageError(problems.damaged(info.filename))
    name_length, extra_length = struct.unpack("<HH", content[start + 26 : start + 30])
    start += 30 + name_length + extra_length
    packed = memoryview(content)[start : start + info.compress_size]
    if info.compress_type == zipfile.ZIP_STORED:
        pieces: Iterator[bytes] = iter([bytes(packed)])
    elif info.compress_type == zipfile.ZIP_DEFLATED:
        pieces = _inflate(packed, info.filename)
    else:
        raise BackstageError(problems.damaged(info.filename))
    total, checksum = 0, 0
    for piece in pieces:
        total += len(piece)
        if total > limit:
            raise BackstageError(problems.too_big(info.filename, total, limit))
        checksum = zlib.crc32(piece, checksum)
        yield piece
    if total != info.file_size or checksum != info.CRC:
        raise BackstageError(problems.damaged(info.filename))


def _inflate(packed: memoryview, name: str) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for start in range(0, len(packed), _PACKED_CHUNK):
            waiting = bytes(packed[start : start + _PACKED_CHUNK])
            while waiting and not inflater.eof:
                yield inflater.decompress(waiting, _CHUNK)
                waiting = inflater.unconsumed_tail
    except zlib.error as error:
        raise BackstageError(problems.damaged(name)) from error
    if not inflater.eof:
        raise BackstageError(problems.damaged(name))


def _marks_of(sheet: str, text: bytes) -> _Marks:
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        # Not UTF-8: what is searched for below would not be found.
        raise BackstageError(problems.damaged(sheet))
    _refuse_far_cells(sheet, text)
    formulas: frozenset[tuple[int, int]] = frozenset()
    if _FORMULA.search(text):
        formulas = frozenset(
            _place(match[1], match[2]) for match in _limited(_CELL_WITH_FORMULA, text)
        )
    errors: set[tuple[int, int]] = set()
    if _ERROR.search(text):
        for match in _CELL_TAG.finditer(text):
            reference = _REFERENCE.search(match[0])
            if reference and _ERROR.search(match[0]) and len(errors) < _MAX_LISTED:
                errors.add(_place(reference[1], reference[2]))
    return _Marks(formulas=formulas, errors=frozenset(errors))


def _limited(pattern: re.Pattern[bytes], text: bytes) -> Iterator[re.Match[bytes]]:
    for number, match in enumerate(pattern.finditer(text)):
        if number >= _MAX_LISTED:
            return
        yield match


def _refuse_far_cells(sheet: str, text: bytes) -> None:
    # Letters repeat in every row: few different ones are worth turning into numbers.
    cells = _CELL.findall(text)
    if not cells:
        return
    columns = max(_column_number(letters) for letters in {letters for letters, _ in cells})
    # As text, the longest number is the greatest; of these, the last in order.
    rows = int(max((row for _, row in cells), key=lambda row: (len(row), row)))
    if columns >= MAX_COLUMNS or (columns + 1) * rows > MAX_CELLS:
        raise BackstageError(problems.too_wide(sheet, cell_name(rows - 1, columns)))


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - ord("A") + 1
    return number - 1


def _place(letters: bytes, row: bytes) -> tuple[int, int]:
    return int(row) - 1, _column_number(letters)


def _read_sheets(content: bytes, marks: dict[str, _Marks]) -> Iterator[Sheet]:
    from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        for metadata in book.sheets_metadata:
            if metadata.typ != SheetTypeEnum.WorkSheet:
                continue
            sheet = book.get_sheet_by_name(metadata.name)
            found = marks.get(metadata.name, _Marks(frozenset(), frozenset()))
            yield Sheet(
                name=metadata.name,
                is_hidden=metadata.visible != SheetVisibleEnum.Visible,
                rows=cast("list[list[Cell]]", sheet.to_python(skip_empty_area=False)),
                merged=tuple(
                    MergedRange(*first, *last) for first, last in sheet.merged_cell_ranges or ()
                ),
                formulas=found.formulas,
                errors=found.errors,
            )
    except (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError, BackstageError):
        raise
    # Calamine is Rust: where it meets what its author did not think of, it panics, and a panic is
    # no Exception. For the person it is one more damaged file.
    except BaseException as error:
        raise BackstageError(problems.damaged(type(error).__name__)) from error


def _made_at(content: bytes, parts: dict[str, zipfile.ZipInfo]) -> datetime | None:
    """When the workbook was last saved, by its own properties; None where they do not say."""
    info = parts.get("docProps/core.xml")
    if info is None:
        return None
    found: list[datetime] = []
    for element in _xml(content, info).iter():
        if element.tag.rpartition("}")[2] in {"created", "modified"} and element.text:
            try:
                moment = datetime.fromisoformat(element.text.strip())
            except ValueError:
                continue
            found.append(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    return max(found).astimezone(UTC) if found else None
