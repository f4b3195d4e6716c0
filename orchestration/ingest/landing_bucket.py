"""A landing zone in a bucket: `s3://.../<feed>/dt=YYYY-MM-DD/<object>`.

What lives here: how objects look like folders and files to ingest. What may not: requests
(`storage`). Names of objects are somebody else's; they are shown, compared and bound, whatever
letters they are of.

A listing tells name, size and second of last writing. They identify an object as name, size and
time identify a file, and an object that was written within seconds of its listing could be written
again in the same second: it is read once more next time.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from orchestration.ingest import reasons
from orchestration.ingest.landed import (
    Entry,
    LandedFile,
    LandedPartition,
    format_of,
    is_hidden,
    shown_name,
    stored_name,
)
from orchestration.ingest.reasons import FileRefusedError, Reason
from orchestration.ingest.results import day_name
from orchestration.settings import Settings
from orchestration.storage import (
    MAX_OBJECT_BYTES,
    ObjectStore,
    ObjectTooBigError,
    StoredObject,
)

_SETTLING_SECONDS = 5
_NOT_SETTLED = 0


class BucketZone:
    """What stood in the bucket when it was first asked about a feed; each feed is listed once."""

    def __init__(self, settings: Settings) -> None:
        """Remember where; the connection is opened by the first question."""
        self._settings = settings
        self._connection: ObjectStore | None = None
        self._listed: dict[str, list[StoredObject]] = {}
        self._is_all_listed = False
        self._listed_at = 0.0

    @property
    def place(self) -> str:
        """The bucket and its folder."""
        return self._settings.landing_url

    @property
    def _store(self) -> ObjectStore:
        if self._connection is None:
            self._connection = ObjectStore(self._settings.landing_url, self._settings)
        return self._connection

    def feeds(self) -> list[Entry]:
        """The names at the top of the bucket's folder."""
        self._listed_at = time.time()
        objects = self._store.listing()
        by_feed: dict[str, list[StoredObject]] = {}
        for each in objects:
            by_feed.setdefault(each.key.partition("/")[0], []).append(each)
        self._listed, self._is_all_listed = by_feed, True
        return _entries(each.key for each in objects)

    def days(self, feed: str) -> list[Entry]:
        """The names in a feed's folder."""
        return _entries(each.key.partition("/")[2] for each in self._objects(feed))

    def partition(self, feed: str, day: date) -> LandedPartition:
        """The objects of a day. What lies deeper is one entry for its folder."""
        folder = f"{feed}/{day_name(day)}/"
        files: dict[str, LandedFile] = {}
        ignored: set[str] = set()
        for each in self._objects(feed):
            if not each.key.startswith(folder):
                continue
            name, slash, _ = each.key.removeprefix(folder).partition("/")
            if is_hidden(name):
                ignored.add(shown_name(name))
            else:
                files[name + slash] = self._landed(each, name, is_folder=bool(slash))
        return LandedPartition(
            files=tuple(sorted(files.values(), key=lambda file: file.name)),
            ignored=tuple(sorted(ignored)),
            is_there=bool(files or ignored),
        )

    def readable(self, landed: LandedFile, spare: Path) -> Path:
        """A copy at `spare`."""
        self.bring(landed, spare)
        return spare

    def bring(self, landed: LandedFile, target: Path) -> None:
        """Download an object, and see that it is the listed one, whole."""
        listed = _stored(landed)
        try:
            is_whole = self._store.download(listed.key, target)
        except ObjectTooBigError as error:
            raise FileRefusedError(
                reasons.object_too_big(self._settings.duckdb_memory_limit)
            ) from error
        if not is_whole or target.stat().st_size != listed.size:
            raise FileRefusedError(reasons.changed_while_read())
        # The download itself holds on to one version; was it the one that the day is judged by?
        if self._store.facts(listed.key) != listed:
            raise FileRefusedError(reasons.changed_while_read())

    def is_unchanged(self, landed: LandedFile) -> bool:  # noqa: ARG002 - asked in `bring`
        """Yes: the copy is ours alone, and was compared when it was brought."""
        return True

    def _objects(self, feed: str) -> list[StoredObject]:
        if feed not in self._listed and not self._is_all_listed:
            self._listed_at = time.time()
            self._listed[feed] = self._store.listing(feed)
        return self._listed.get(feed, [])

    def _landed(self, stored: StoredObject, name: str, *, is_folder: bool) -> LandedFile:
        format_, is_gzip = format_of(name)
        problem: Reason | None = None
        if is_folder:
            problem = reasons.not_a_file()
        elif format_ is None:
            problem = reasons.unknown_extension()
        elif stored.size == 0:
            problem = reasons.empty_file()
        elif stored.size > MAX_OBJECT_BYTES:
            problem = reasons.object_too_big("4 GiB")
        is_settled = self._listed_at - stored.modified_us / 1e6 > _SETTLING_SECONDS
        return LandedFile(
            name=stored_name(name) or "/",
            format=format_,
            is_gzip=is_gzip,
            size=0 if is_folder else stored.size,
            mtime_ns=stored.modified_us * 1000 if is_settled and not is_folder else _NOT_SETTLED,
            place=stored,
            problem=problem,
        )


def _entries(keys: Iterable[str]) -> list[Entry]:
    """The first names of some keys; a key with more behind its first name makes it a folder."""
    parted = {key.partition("/")[:2] for key in keys if key}
    return sorted(
        # An empty name (`//a.csv`) has to be shown as something.
        (
            Entry(name or "/", is_folder=bool(slash))
            for name, slash in parted
            if not is_hidden(name)
        ),
        key=lambda entry: (entry.name, entry.is_folder),
    )


def _stored(landed: LandedFile) -> StoredObject:
    if not isinstance(landed.place, StoredObject):
        raise TypeError(f"{landed.name} was not listed by a landing zone in a bucket")
    return landed.place
