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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import cast
from xml.parsers import expat

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
_MAX_MARKED_CELLS = 50_000
"""Cells with a formula or an error; a sheet with more of them is no export."""

_REFERENCE = re.compile(r"([A-Za-z]{1,3})([1-9]\d{0,6})")
_ROW_NUMBER = re.compile(r"[1-9]\d{0,6}")

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
    looks = _look_through(content, parts, max_sheet_bytes)
    return Workbook(sheets=tuple(_read_sheets(content, looks)), made_at=_made_at(content, parts))


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
    # The reader finds parts whatever their letter case: of two, which one would it take?
    names = {info.filename.replace("\\", "/").casefold() for info in infos}
    if len(infos) > _MAX_PARTS or len(names) != len(infos):
        raise BackstageError(problems.damaged("zip: parts"))
    return parts


def _look_through(
    content: bytes, parts: dict[str, zipfile.ZipInfo], limit: int
) -> dict[str, _Look]:
    """Unpack every part that a reader opens, and note what stands in each sheet, by its name."""
    paths = _sheet_paths(content, parts)
    read = {name: info for name, info in parts.items() if not name.startswith("xl/media/")}
    total = sum(info.file_size for info in read.values())
    if total > 2 * limit:
        raise BackstageError(problems.too_big("xl/", total, 2 * limit))
    for name, info in read.items():
        if name not in paths.values():
            for _ in _unpack(content, info, limit):
                pass
    looks: dict[str, _Look] = {}
    for sheet, path in paths.items():
        if path not in parts:
            raise BackstageError(problems.damaged(path))
        looks[sheet] = _Look(sheet)
        looks[sheet].take(_unpack(content, parts[path], limit))
    return looks


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
        name = element.get("name", "")
        if name in found:
            # Sheets are read by name: one of the two would never be looked at.
            raise BackstageError(problems.damaged("xl/workbook.xml"))
        found[name] = str(PurePosixPath(path))
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


class _Look:
    """What the XML of a sheet tells that its values do not: how far it reaches, what is computed.

    Cells are counted as the reader of spreadsheets counts them, also where they or their rows do
    not say where they stand: what it would reserve memory for has to be known before.
    """

    def __init__(self, sheet: str) -> None:
        self.formulas: set[tuple[int, int]] = set()
        self.errors: set[tuple[int, int]] = set()
        self._sheet = sheet
        self._next = (-1, 0)
        self._cell = (0, 0)
        self._last = (0, 0)

    def take(self, pieces: Iterable[bytes]) -> None:
        """Look at all of it.

        Raises:
            BackstageError: It is damaged, reaches too far, or is full of formulas.
        """
        # Whatever encoding the file declares, the reader takes its bytes for UTF-8.
        parser = expat.ParserCreate("utf-8")
        parser.StartElementHandler = self._start
        parser.StartDoctypeDeclHandler = self._doctype
        try:
            for piece in pieces:
                parser.Parse(piece)
            parser.Parse(b"", True)  # noqa: FBT003  expat takes no name for it
        except expat.ExpatError as error:
            raise BackstageError(problems.damaged(self._sheet)) from error

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2] if ":" in tag else tag
        if name == "c":
            reference = attributes.get("r")
            self._cell = self._next if reference is None else self._place(reference)
            self._reach(*self._cell)
            self._next = (self._next[0], self._cell[1] + 1)
            if attributes.get("t") == "e":
                self._mark(self.errors)
        elif name == "row":
            number = attributes.get("r", str(self._next[0] + 2))
            if not _ROW_NUMBER.fullmatch(number):
                raise BackstageError(problems.damaged(self._sheet))
            self._next = (int(number) - 1, 0)
        elif name == "f":
            self._mark(self.formulas)

    def _doctype(self, *_: object) -> None:
        # No writer of spreadsheets declares entities; who does means harm.
        raise BackstageError(problems.damaged(self._sheet))

    def _place(self, reference: str) -> tuple[int, int]:
        match = _REFERENCE.fullmatch(reference)
        if match is None:
            raise BackstageError(problems.damaged(self._sheet))
        return int(match[2]) - 1, _column_number(match[1])

    def _reach(self, row: int, column: int) -> None:
        last_row, last_column = self._last
        if row <= last_row and column <= last_column:
            return
        self._last = last_row, last_column = max(row, last_row), max(column, last_column)
        if last_column >= MAX_COLUMNS or (last_column + 1) * (last_row + 1) > MAX_CELLS:
            raise BackstageError(problems.too_wide(self._sheet, cell_name(*self._last)))

    def _mark(self, cells: set[tuple[int, int]]) -> None:
        cells.add(self._cell)
        if len(cells) > _MAX_MARKED_CELLS:
            raise BackstageError(problems.computed_sheet(self._sheet))


@lru_cache(maxsize=1024)
def _column_number(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _read_sheets(content: bytes, looks: dict[str, _Look]) -> Iterator[Sheet]:
    from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        for metadata in book.sheets_metadata:
            if metadata.typ != SheetTypeEnum.WorkSheet:
                continue
            # A sheet that was not looked through ends here, as a damaged file.
            look = looks[metadata.name]
            sheet = book.get_sheet_by_name(metadata.name)
            yield Sheet(
                name=metadata.name,
                is_hidden=metadata.visible != SheetVisibleEnum.Visible,
                rows=cast("list[list[Cell]]", sheet.to_python(skip_empty_area=False)),
                merged=tuple(
                    MergedRange(*first, *last) for first, last in sheet.merged_cell_ranges or ()
                ),
                formulas=frozenset(look.formulas),
                errors=frozenset(look.errors),
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
    try:
        return max(found).astimezone(UTC) if found else None
    except OverflowError:
        # The first or last hours of what a calendar holds: nobody saved anything then.
        return None
