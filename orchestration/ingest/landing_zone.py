"""The landing zone that the settings name, and the one on the local disk.

What lives here: listing and linking local files. What may not: whether a day is settled
(`discover`), or what is in a file (`intake`).
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from orchestration.ingest import reasons
from orchestration.ingest.landed import (
    Entry,
    LandedFile,
    LandedPartition,
    LandingZone,
    format_of,
    is_hidden,
    shown_name,
    stored_name,
)
from orchestration.ingest.reasons import Reason
from orchestration.ingest.results import day_name
from orchestration.settings import Settings


def open_zone(settings: Settings) -> LandingZone:
    """The landing zone that the settings name. Nothing is listed yet."""
    if settings.landing_url:
        # Only who lands in a bucket loads DuckDB's extension for it.
        from orchestration.ingest.landing_bucket import BucketZone

        return BucketZone(settings)
    return LocalZone(settings.landing)


@dataclass(frozen=True, slots=True)
class _LocalPlace:
    """Where a file stands, and where its bytes stand once links are followed."""

    path: Path
    real_path: Path
    inode: int


class LocalZone:
    """A folder on this machine: `<landing>/<feed>/dt=YYYY-MM-DD/<file>`."""

    def __init__(self, landing: Path) -> None:
        """Remember the folder, which need not exist."""
        self._landing = landing

    @property
    def place(self) -> str:
        """The folder."""
        return str(self._landing)

    def feeds(self) -> list[Entry]:
        """The entries of the landing folder."""
        return _shown_entries(self._landing)

    def days(self, feed: str) -> list[Entry]:
        """The entries of a feed's folder."""
        return _shown_entries(self._landing / feed)

    def partition(self, feed: str, day: date) -> LandedPartition:
        """The entries of a day's folder, one `stat` each."""
        landing = Path(os.path.realpath(self._landing))
        folder = self._landing / feed / day_name(day)
        files: list[LandedFile] = []
        ignored: list[str] = []
        for entry in _entries(folder):
            if is_hidden(entry.name):
                ignored.append(shown_name(entry.name))
            else:
                files.append(_landed_file(Path(entry.path), landing))
        return LandedPartition(
            files=tuple(sorted(files, key=lambda file: file.name)),
            ignored=tuple(sorted(ignored)),
            is_there=folder.is_dir(),
        )

    def readable(self, landed: LandedFile, spare: Path) -> Path:  # noqa: ARG002 - no copy needed
        """The file's own path."""
        return _local(landed).real_path

    def bring(self, landed: LandedFile, target: Path) -> None:
        """Link the file, or copy it where there are no links."""
        source = _local(landed).real_path
        try:
            os.link(source, target)
        except OSError as error:
            # Another file system, no hard links there, or a file of another owner: copy instead.
            if error.errno not in {
                errno.EXDEV,
                errno.EPERM,
                errno.EACCES,
                errno.ENOTSUP,
                errno.EMLINK,
            }:
                raise
            shutil.copyfile(source, target)

    def is_unchanged(self, landed: LandedFile) -> bool:
        """Whether size, time and identity are those of the listing."""
        place = _local(landed)
        try:
            facts = place.path.stat()
        except OSError:
            return False
        return (facts.st_size, facts.st_mtime_ns, facts.st_ino) == (
            landed.size,
            landed.mtime_ns,
            place.inode,
        )


def _local(landed: LandedFile) -> _LocalPlace:
    if not isinstance(landed.place, _LocalPlace):
        raise TypeError(f"{landed.name} was not listed by a local landing zone")
    return landed.place


def _landed_file(path: Path, landing: Path) -> LandedFile:
    real_path = Path(os.path.realpath(path))
    format_, is_gzip = format_of(path.name)
    problem: Reason | None = None
    size = mtime_ns = inode = 0
    try:
        facts = path.stat()
    except (OSError, ValueError) as error:
        problem = reasons.unreadable(_os_detail(error))
    else:
        mtime_ns, inode = facts.st_mtime_ns, facts.st_ino
        if not stat.S_ISREG(facts.st_mode):
            problem = reasons.not_a_file()
        else:
            size = facts.st_size
            if format_ is None:
                problem = reasons.unknown_extension()
            elif size == 0:
                problem = reasons.empty_file()
    # First of all: whatever it is, what lies outside landing is none of our business.
    if not real_path.is_relative_to(landing):
        problem = reasons.outside_landing()
    return LandedFile(
        name=stored_name(path.name),
        format=format_,
        is_gzip=is_gzip,
        size=size,
        mtime_ns=mtime_ns,
        place=_LocalPlace(path, real_path, inode),
        problem=problem,
    )


def _shown_entries(folder: Path) -> list[Entry]:
    return [
        Entry(entry.name, is_folder=entry.is_dir())
        for entry in _entries(folder)
        if not is_hidden(entry.name)
    ]


def _entries(folder: Path) -> Iterable[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _os_detail(error: Exception) -> str:
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error)
