"""How an adapter puts files into the landing zone, and how it tells what it did.

What lives here: the summary that every adapter returns, and the one atomic way to place a file.
What may not: knowledge of any outside format.
"""

from __future__ import annotations

import filecmp
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from orchestration.release.atomic import fsync_file, fsync_folder
from orchestration.settings import Language


@dataclass(frozen=True)
class LandingNote:
    """Something that was repaired, derived or left out, with how often.

    Attributes:
        code: Stable name, for tests and for who reads the summary as data.
        feed: The canonical feed it is about.
        count: How many rows (or files, where the message says so).
        message_en: The sentence for people, in English; it contains the count.
        message_es: The same sentence in Spanish.
    """

    code: str
    feed: str
    count: int
    message_en: str
    message_es: str

    def message(self, language: Language) -> str:
        """The sentence in the language asked for."""
        return self.message_es if language == "es" else self.message_en


@dataclass(frozen=True)
class FeedLanding:
    """What one feed got.

    Attributes:
        rows: Rows over all its files.
        files: Files that now stand in landing, one an arrival day.
        files_changed: How many of them are new or differ from what stood there before.
        first_arrival: First arrival day (UTC).
        last_arrival: Last arrival day (UTC).
    """

    rows: int
    files: tuple[Path, ...]
    files_changed: int
    first_arrival: date
    last_arrival: date


@dataclass(frozen=True)
class LandingSummary:
    """What an adapter landed: the feeds by name, and notes on what it repaired or left out."""

    feeds: Mapping[str, FeedLanding]
    notes: tuple[LandingNote, ...]

    @property
    def first_arrival(self) -> date:
        """First arrival day over all feeds (UTC)."""
        return min(feed.first_arrival for feed in self.feeds.values())

    @property
    def last_arrival(self) -> date:
        """Last arrival day over all feeds (UTC)."""
        return max(feed.last_arrival for feed in self.feeds.values())

    @property
    def files_changed(self) -> int:
        """New or different files over all feeds; 0 says that nothing needs to be ingested."""
        return sum(feed.files_changed for feed in self.feeds.values())


def landing_path(landing: Path, feed: str, arrival: date, file_name: str) -> Path:
    """Where a file of a feed and an arrival day belongs."""
    return landing / feed / f"dt={arrival.isoformat()}" / file_name


def place_file(finished: Path, target: Path) -> bool:
    """Move a finished file to its place, atomically; leave an identical one untouched.

    An identical file keeps its inode and its modification time, so that whoever recognises files
    by those sees that nothing arrived.

    Args:
        finished: A complete file on the same file system as `target`.
        target: Its final path; folders are made as needed.

    Returns:
        True if the file at `target` is new or differs from what stood there.

    Raises:
        OSError: The folder or the file cannot be written, or lies on another file system.
    """
    if target.is_file() and filecmp.cmp(finished, target, shallow=False):
        finished.unlink()
        return False
    missing = [folder for folder in target.parents if not folder.exists()]
    fsync_file(finished)
    target.parent.mkdir(parents=True, exist_ok=True)
    finished.replace(target)
    fsync_folder(target.parent)
    # A new folder's own name stands in its parent; the first of all is landing in the home.
    for folder in missing:
        fsync_folder(folder.parent)
    return True
