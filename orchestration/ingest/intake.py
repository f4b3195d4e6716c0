"""A landed file becomes a private one under a safe name, hashed and unpacked.

What lives here: the only code that opens landed files. What may not: parsing. Every byte passes
once, in chunks: hash, decompression (capped) and the NUL bytes of UTF-16 are seen on the same way.
That text is UTF-8 is for DuckDB to see as it parses; where the fault stands is found here, once
there is one.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from isal import igzip, isal_zlib

from orchestration.ingest import reasons
from orchestration.ingest.landed import FileFormat, LandedFile, LandingZone
from orchestration.ingest.reasons import FileRefusedError
from orchestration.settings import Settings

_CHUNK_BYTES = 1024 * 1024


class Seen(NamedTuple):
    """What one pass over a file shows.

    Attributes:
        sha256: Of the landed bytes.
        lines: Of the unpacked bytes, blank ones counted; 0 for Parquet.
    """

    sha256: str
    lines: int


@dataclass(frozen=True, slots=True)
class TakenFile:
    """A landed file under its private name, ready to be read.

    Attributes:
        landed: The file as landing has it.
        path: Where its unpacked bytes are.
        format: How they are to be read.
        seen: What a pass over it shows, which goes on while DuckDB reads.
    """

    landed: LandedFile
    path: Path
    format: FileFormat
    seen: Future[Seen]

    def settle(self) -> Seen:
        """Wait for the pass over the file.

        Raises:
            FileRefusedError: it is to be text, and holds a NUL byte; or it cannot be read.
        """
        return self.seen.result()

    @property
    def sha256(self) -> str:
        """Of the landed bytes; waits like `settle`."""
        return self.settle().sha256

    @property
    def lines(self) -> int:
        """Of the unpacked bytes; waits like `settle`."""
        return self.settle().lines


def take_in(  # noqa: PLR0917 - each of its own type
    landed: LandedFile,
    zone: LandingZone,
    folder: Path,
    number: int,
    settings: Settings,
    beside: Executor,
) -> TakenFile:
    """Bring one landed file into the folder; `beside` runs what need not be waited for.

    Raises:
        FileRefusedError: the file cannot be used; the reason says why, in both languages.
    """
    if landed.problem is not None:
        raise FileRefusedError(landed.problem)
    if landed.format is None:
        raise FileRefusedError(reasons.unknown_extension())
    # Numbered names: nothing of a landed name may reach a path or a glob of DuckDB.
    path = folder / f"file-{number:06d}.{landed.format}"
    try:
        if landed.is_gzip:
            packed = zone.readable(landed, path.with_suffix(".packed"))
            seen: Future[Seen] = Future()
            seen.set_result(_unpack(packed, path, settings.max_decompressed_bytes))
        else:
            if landed.size > settings.max_decompressed_bytes:
                raise FileRefusedError(reasons.too_big(settings.max_decompressed_bytes))
            zone.bring(landed, path)
            seen = beside.submit(hash_and_validate, path, is_text=landed.format != "parquet")
    except OSError as error:
        raise _unreadable(error) from error
    refuse_if_changed(landed, zone)
    return TakenFile(landed, path, landed.format, seen)


def _unreadable(error: OSError) -> FileRefusedError:
    return FileRefusedError(reasons.unreadable(error.strerror or type(error).__name__))


def refuse_if_changed(landed: LandedFile, zone: LandingZone) -> None:
    """Make sure that the landed file is still the one that was listed.

    A hard link shares its bytes with a writer who is not done: this is asked again after reading.

    Raises:
        FileRefusedError: size, time or identity differ, or it is gone.
    """
    if not zone.is_unchanged(landed):
        raise FileRefusedError(reasons.changed_while_read())


def with_plain_line_ends(path: Path) -> Path:
    r"""A copy of a text file in which every `\r\n` is `\n`, beside it.

    DuckDB wants one kind of line end a file; exports that were edited by hand mix two.
    """
    copy = path.with_name(f"{path.stem}-lf{path.suffix}")
    held = b""
    with path.open("rb") as source, copy.open("wb") as target:
        while chunk := source.read(_CHUNK_BYTES):
            piece = held + chunk
            # A `\r` at the very end may be half of a pair: it waits for the next chunk.
            held = b"\r" if piece.endswith(b"\r") else b""
            target.write(piece[: len(piece) - len(held)].replace(b"\r\n", b"\n"))
        target.write(held)
    return copy


class _TextSeen:
    """What is noted of a text whose chunks pass by."""

    def __init__(self) -> None:
        self.has_nul = False
        self._line_ends = 0
        self._last = b"\n"

    def see(self, chunk: bytes) -> None:
        self.has_nul = self.has_nul or b"\0" in chunk
        self._line_ends += chunk.count(b"\n")
        self._last = chunk[-1:]

    @property
    def lines(self) -> int:
        return self._line_ends + (self._last != b"\n")


def hash_and_validate(path: Path, *, is_text: bool) -> Seen:
    """One pass over a file: its sha256, and the number of its lines if it is text.

    Raises:
        FileRefusedError: it is to be text, and holds a NUL byte; or it cannot be read.
    """
    digest = hashlib.sha256()
    text = _TextSeen()
    try:
        with path.open("rb", buffering=0) as source:
            while chunk := source.read(_CHUNK_BYTES):
                digest.update(chunk)
                if is_text:
                    text.see(chunk)
    except OSError as error:
        raise _unreadable(error) from error
    if text.has_nul:
        refuse_other_encodings(path)
    return Seen(digest.hexdigest(), text.lines)


def refuse_other_encodings(path: Path) -> None:
    """Look for what makes a file no UTF-8 text: a wrong byte, or NUL, of which UTF-16 is full.

    Raises:
        FileRefusedError: there is one; the reason names the byte and its line.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    lines_before = 0
    with path.open("rb", buffering=0) as source:
        is_last = False
        while not is_last:
            chunk = source.read(_CHUNK_BYTES)
            is_last = not chunk
            try:
                decoder.decode(chunk, is_last)
            except UnicodeDecodeError as error:
                line = lines_before + error.object.count(b"\n", 0, error.start) + 1
                raise FileRefusedError(reasons.not_utf8(error.object[error.start], line)) from error
            nul = chunk.find(b"\0")
            if nul >= 0:
                line = lines_before + chunk.count(b"\n", 0, nul) + 1
                raise FileRefusedError(reasons.not_utf8(0, line))
            lines_before += chunk.count(b"\n")


def _unpack(packed_path: Path, path: Path, limit: int) -> Seen:
    digest = hashlib.sha256()
    size = 0
    text = _TextSeen()
    with (
        packed_path.open("rb", buffering=0) as packed,
        igzip.IGzipFile(fileobj=_Hashing(packed, digest)) as source,  # type: ignore[no-untyped-call]
        path.open("wb") as target,
    ):
        try:
            while chunk := source.read(_CHUNK_BYTES):
                size += len(chunk)
                if size > limit:
                    raise FileRefusedError(reasons.too_big(limit))
                text.see(chunk)
                target.write(chunk)
        except EOFError as error:
            raise FileRefusedError(reasons.broken_gzip(truncated=True)) from error
        except (gzip.BadGzipFile, isal_zlib.error) as error:  # type: ignore[misc] # wrong stub
            raise FileRefusedError(reasons.broken_gzip(truncated=False)) from error
    if size == 0:
        raise FileRefusedError(reasons.empty_file())
    if text.has_nul:
        refuse_other_encodings(path)
    return Seen(digest.hexdigest(), text.lines)


class _Hashing(io.RawIOBase):
    """A raw stream that hashes what is read through it: the landed bytes, before unpacking."""

    def __init__(self, source: IO[bytes], digest: hashlib._Hash) -> None:
        self._source = source
        self._digest = digest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        chunk = self._source.read(len(buffer))
        self._digest.update(chunk)
        buffer[: len(chunk)] = chunk
        return len(chunk)
