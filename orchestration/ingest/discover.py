"""What stands in the landing zone, and which of it the ledger does not know yet.

What lives here: listing, `stat`, and the question whether a day is settled. What may not: opening
a landed file. Names are somebody else's: they are compared and shown, never used to build anything.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from orchestration.contracts.loader import FeedContract
from orchestration.ingest import reasons
from orchestration.ingest.ledger import Ledger, PartitionRecord
from orchestration.ingest.reasons import Reason
from orchestration.ingest.results import LandedDays, Problem
from orchestration.settings import Settings

FileFormat = Literal["parquet", "csv", "jsonl"]

_EXTENSIONS: tuple[tuple[str, FileFormat, bool], ...] = (
    (".parquet", "parquet", False),
    (".csv", "csv", False),
    (".csv.gz", "csv", True),
    (".jsonl", "jsonl", False),
    (".jsonl.gz", "jsonl", True),
)
_DAY_NAME = re.compile(r"dt=(\d{4}-\d{2}-\d{2})")


@dataclass(frozen=True, slots=True)
class LandedFile:
    """One entry of a day's folder: what `stat` says, and why it cannot be used if it cannot.

    `name` is fit to be shown and stored (control characters and broken encodings are escaped);
    `path` is where it stands, `real_path` where its bytes stand once links are followed.
    """

    name: str
    path: Path
    real_path: Path
    format: FileFormat | None
    is_gzip: bool
    size: int
    mtime_ns: int
    inode: int
    problem: Reason | None = None


@dataclass(frozen=True, slots=True)
class LandedPartition:
    """All that stands in one day's folder; hidden and temporary files are `ignored`.

    `is_there`: the folder exists. Somebody who makes a day's folder says that the day has arrived.
    """

    files: tuple[LandedFile, ...]
    ignored: tuple[str, ...] = ()
    is_there: bool = True


def landed_days(feed: str, settings: Settings) -> LandedDays:
    """The arrival days of a feed with a folder in landing, sorted; wrong names are problems."""
    days: list[date] = []
    problems: list[Problem] = []
    for entry in _entries(settings.landing / feed):
        if _is_hidden(entry.name):
            continue
        day = _day_of(entry.name)
        if day is None or not entry.is_dir():
            problems.append(_file_problem(shown_name(entry.name), reasons.wrong_day_name()))
        else:
            days.append(day)
    return LandedDays(days=tuple(sorted(days)), problems=tuple(problems))


def unknown_feeds(settings: Settings, contracts: Mapping[str, FeedContract]) -> tuple[Problem, ...]:
    """Folders in landing for which no contract exists: somebody expects them to be read."""
    return tuple(
        _file_problem(shown_name(entry.name), reasons.unknown_feed(contracts))
        for entry in _entries(settings.landing)
        if not _is_hidden(entry.name) and entry.name not in contracts
    )


def pending_days(
    contracts: Mapping[str, FeedContract],
    settings: Settings,
    ledger: Ledger,
    *,
    history: bool = False,
) -> dict[str, list[date]]:
    """The landed days, by feed, that are not settled: new, changed, refused, or of a new contract.

    Costs one `stat` a file; no file is opened. An empty folder is pending where the feed is
    mandatory: it has to be refused aloud.
    """
    records = {(record.feed, record.day): record for record in ledger.partitions()}
    refused = {(refusal.feed, refusal.day) for refusal in ledger.refusals()}
    pending: dict[str, list[date]] = {}
    for feed, contract in contracts.items():
        pending[feed] = []
        for day in landed_days(feed, settings).days:
            landed = landed_partition(feed, day, settings)
            record = records.get((feed, day))
            is_new = bool(landed.files) and not is_settled(
                contract, landed, record, settings, history=history
            )
            is_empty = contract.mandatory and not landed.files and record is None
            if is_new or is_empty or (landed.files and (feed, day) in refused):
                pending[feed].append(day)
    return pending


def landed_partition(feed: str, day: date, settings: Settings) -> LandedPartition:
    """Everything in one day's folder, sorted by shown name; empty if there is no folder."""
    landing = Path(os.path.realpath(settings.landing))
    folder = settings.landing / feed / f"dt={day.isoformat()}"
    files: list[LandedFile] = []
    ignored: list[str] = []
    for entry in _entries(folder):
        if _is_hidden(entry.name):
            ignored.append(shown_name(entry.name))
        else:
            files.append(_landed_file(Path(entry.path), landing))
    return LandedPartition(
        files=tuple(sorted(files, key=lambda file: file.name)),
        ignored=tuple(sorted(ignored)),
        is_there=folder.is_dir(),
    )


def is_settled(
    contract: FeedContract,
    landed: LandedPartition,
    record: PartitionRecord | None,
    settings: Settings,
    *,
    history: bool,
) -> bool:
    """Whether the accepted state stands for exactly what is landed, judged without opening files.

    An accepted day whose landed files were cleaned away stays settled: raw is ours to keep.
    """
    if record is None or not raw_is_intact(record, settings):
        return False
    if not landed.files:
        return True
    if record.basis != basis_of(contract, settings):
        return False
    if not lateness_is_covered(record, lateness_of(contract, settings, history=history)):
        return False
    known = sorted((file.name, file.bytes, file.mtime_ns) for file in record.files)
    return known == sorted((file.name, file.size, file.mtime_ns) for file in landed.files)


def basis_of(contract: FeedContract, settings: Settings) -> str:
    """What besides the files and the horizon decides about rows: contract and declared zone."""
    zone = settings.feed_timezones.get(contract.feed, "")
    return hashlib.sha256(f"{contract.fingerprint}\n{zone}".encode()).hexdigest()


def lateness_of(contract: FeedContract, settings: Settings, *, history: bool) -> int | None:
    """The lateness horizon in days that counts for this feed now; None where there is none."""
    if history or not contract.lateness_applies:
        return None
    return settings.lateness_horizon_days


def lateness_is_covered(record: PartitionRecord, wanted: int | None) -> bool:
    """Whether the accepted state already holds all rows that the wanted horizon lets in.

    A day loaded with `--history` must survive the ordinary run of the next morning, and lifting
    the horizon means something only where rows were refused as too late.
    """
    if record.lateness_days is None or record.too_late_count == 0:
        return True
    return wanted is not None and wanted <= record.lateness_days


def raw_is_intact(record: PartitionRecord, settings: Settings) -> bool:
    """Whether the Parquet file that the ledger vouches for stands there, in its size."""
    path = raw_path(record.feed, record.day, settings)
    return path.is_file() and path.stat().st_size == record.raw_bytes


def raw_path(feed: str, day: date, settings: Settings) -> Path:
    """Where a feed's arrival day stands in raw."""
    return settings.raw / feed / f"dt={day.isoformat()}" / "data.parquet"


def shown_name(name: str) -> str:
    """A file name that can be shown, stored and bound: no control characters, valid UTF-8."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def _landed_file(path: Path, landing: Path) -> LandedFile:
    name = shown_name(path.name)
    real_path = Path(os.path.realpath(path))
    format_, is_gzip = _format_of(path.name)
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
        name=name,
        path=path,
        real_path=real_path,
        format=format_,
        is_gzip=is_gzip,
        size=size,
        mtime_ns=mtime_ns,
        inode=inode,
        problem=problem,
    )


def _format_of(name: str) -> tuple[FileFormat | None, bool]:
    lowered = name.lower()
    for extension, format_, is_gzip in _EXTENSIONS:
        if lowered.endswith(extension):
            return format_, is_gzip
    return None, False


def _entries(folder: Path) -> Iterable[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _day_of(name: str) -> date | None:
    match = _DAY_NAME.fullmatch(name)
    if match is None:
        return None
    try:
        return date.fromisoformat(match.group(1))
    except ValueError:
        return None


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "_"))


def _file_problem(name: str, reason: Reason) -> Problem:
    return Problem(
        file=name,
        row=None,
        rule=reason.rule,
        column=None,
        count=1,
        reason_en=reason.en,
        reason_es=reason.es,
    )


def _os_detail(error: Exception) -> str:
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error)
