"""What lands, as ingest sees it: entries of folders, files, and what a landing zone can be asked.

What lives here: shapes and names. What may not: looking anywhere (`landing_zone`,
`landing_bucket`). Names are somebody else's: they are compared and shown, never used to build
anything.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal, Protocol

from orchestration.ingest.reasons import Reason

FileFormat = Literal["parquet", "csv", "jsonl"]

_EXTENSIONS: tuple[tuple[str, FileFormat, bool], ...] = (
    (".parquet", "parquet", False),
    (".csv", "csv", False),
    (".csv.gz", "csv", True),
    (".jsonl", "jsonl", False),
    (".jsonl.gz", "jsonl", True),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """Something with a name at the top of landing or in a feed's folder."""

    name: str
    is_folder: bool


@dataclass(frozen=True, slots=True)
class LandedFile:
    """One entry of a day's folder: what a listing says, and why it cannot be used if it cannot.

    `name` is fit to be shown and stored (control characters and broken encodings are escaped).
    `size` and `mtime_ns` tell whether it is the file of last time, without opening it. `place` is
    for the zone alone: where the file stands and what identifies it there.
    """

    name: str
    format: FileFormat | None
    is_gzip: bool
    size: int
    mtime_ns: int
    place: object
    problem: Reason | None = None


@dataclass(frozen=True, slots=True)
class LandedPartition:
    """All that stands in one day's folder; hidden and temporary files are `ignored`.

    `is_there`: the folder exists. Somebody who makes a day's folder says that the day has arrived.
    """

    files: tuple[LandedFile, ...]
    ignored: tuple[str, ...] = ()
    is_there: bool = True


class LandingZone(Protocol):
    """What ingest asks of wherever files land. It never writes there."""

    @property
    def place(self) -> str:
        """Where it is, for people."""
        ...

    def feeds(self) -> list[Entry]:
        """What stands at the top, sorted, hidden names left out."""
        ...

    def days(self, feed: str) -> list[Entry]:
        """What stands in a feed's folder, sorted, hidden names left out; empty if there is none."""
        ...

    def partition(self, feed: str, day: date) -> LandedPartition:
        """Everything in one day's folder, sorted by shown name."""
        ...

    def readable(self, landed: LandedFile, spare: Path) -> Path:
        """A path at which a file's bytes can be read once: its own, or a copy at `spare`.

        Raises:
            OSError: it cannot be read.
            FileRefusedError: it cannot be brought here; the reason says why.
        """
        ...

    def bring(self, landed: LandedFile, target: Path) -> None:
        """Put a file's bytes at a path of ours, by a link where that is possible.

        Raises:
            OSError: it cannot be read.
            FileRefusedError: it cannot be brought here; the reason says why.
        """
        ...

    def is_unchanged(self, landed: LandedFile) -> bool:
        """Whether the file is still the one that was listed, and what was brought is all of it."""
        ...


def format_of(name: str) -> tuple[FileFormat | None, bool]:
    """The format that a file's name promises, and whether it is packed."""
    lowered = name.lower()
    for extension, format_, is_gzip in _EXTENSIONS:
        if lowered.endswith(extension):
            return format_, is_gzip
    return None, False


def is_hidden(name: str) -> bool:
    """Whether a name says that the file is nobody's business, or not finished."""
    return name.startswith((".", "_"))


def stored_name(name: str) -> str:
    """A file name that can be shown, stored and bound, and that no other file of its folder has.

    Backslashes are doubled, so that no name looks like the escape of another: files are kept apart
    by it, and of two with one name only one would be read.
    """
    return shown_name(name.replace("\\", "\\\\"))


def shown_name(name: str) -> str:
    """A text that can be shown and stored: no control characters, valid UTF-8."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )
