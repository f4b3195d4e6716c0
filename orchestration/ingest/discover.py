"""What stands in the landing zone, and which of it the ledger does not know yet.

What lives here: the days that landed, and the question whether one is settled. What may not:
opening a landed file, or knowing what kind of place landing is (`landed`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from orchestration.contracts.loader import FeedContract
from orchestration.ingest import reasons
from orchestration.ingest.landed import LandedPartition, LandingZone, shown_name
from orchestration.ingest.ledger import Ledger, PartitionRecord, Withdrawal
from orchestration.ingest.reasons import Reason
from orchestration.ingest.results import LandedDays, Problem, day_name
from orchestration.settings import Settings

_DAY_NAME = re.compile(r"dt=(\d{4}-\d{2}-\d{2})")


def landed_days(feed: str, zone: LandingZone) -> LandedDays:
    """The arrival days of a feed with a folder in landing, sorted; wrong names are problems."""
    days: list[date] = []
    problems: list[Problem] = []
    for entry in zone.days(feed):
        day = _day_of(entry.name)
        if day is None or not entry.is_folder:
            problems.append(_file_problem(shown_name(entry.name), reasons.wrong_day_name()))
        else:
            days.append(day)
    return LandedDays(days=tuple(sorted(days)), problems=tuple(problems))


def unknown_feeds(zone: LandingZone, contracts: Mapping[str, FeedContract]) -> tuple[Problem, ...]:
    """Folders in landing for which no contract exists: somebody expects them to be read."""
    return tuple(
        _file_problem(shown_name(entry.name), reasons.unknown_feed(contracts))
        for entry in zone.feeds()
        if entry.name not in contracts
    )


def pending_days(
    contracts: Mapping[str, FeedContract],
    settings: Settings,
    ledger: Ledger,
    zone: LandingZone,
    *,
    history: bool = False,
) -> dict[str, list[date]]:
    """The landed days, by feed, that are not settled: new, changed, refused, or of a new contract.

    Costs one `stat` a file, or one listing a feed; no file is opened. An empty folder is pending
    where the feed is mandatory: it has to be refused aloud.
    """
    records = {(record.feed, record.day): record for record in ledger.partitions()}
    refused = {(refusal.feed, refusal.day) for refusal in ledger.refusals()}
    withdrawals = {(each.partition.feed, each.partition.day): each for each in ledger.withdrawals()}
    pending: dict[str, list[date]] = {}
    for feed, contract in contracts.items():
        pending[feed] = []
        for day in landed_days(feed, zone).days:
            landed = zone.partition(feed, day)
            record = records.get((feed, day))
            is_out = is_withdrawn(landed, withdrawals.get((feed, day)))
            is_new = (
                bool(landed.files)
                and not is_out
                and not is_settled(contract, landed, record, settings, history=history)
            )
            is_empty = contract.mandatory and not landed.files and record is None and not is_out
            if is_new or is_empty or (landed.files and (feed, day) in refused):
                pending[feed].append(day)
    return pending


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


def is_withdrawn(landed: LandedPartition, withdrawal: Withdrawal | None) -> bool:
    """Whether a day that was taken out stays out, judged without opening files.

    It does as long as landing holds exactly the files that were taken out, or none of them.
    """
    if withdrawal is None:
        return False
    known = sorted((file.name, file.bytes, file.mtime_ns) for file in withdrawal.partition.files)
    return not landed.files or known == sorted(
        (file.name, file.size, file.mtime_ns) for file in landed.files
    )


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
    return settings.raw / feed / day_name(day) / "data.parquet"


def _day_of(name: str) -> date | None:
    match = _DAY_NAME.fullmatch(name)
    if match is None:
        return None
    try:
        return date.fromisoformat(match.group(1))
    except ValueError:
        return None


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
