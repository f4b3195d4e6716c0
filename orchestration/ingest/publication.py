"""Put what was decided about a day into place, whole or not at all.

What lives here: moving a finished file into place, and changing raw, quarantine and ledger of a day
as one thing. What may not: deciding anything, or knowing what the files hold.

An ordinary ingest publishes quarantine, then raw, then the ledger: what a crash leaves behind is
read again from landing. A replay or a withdrawal cannot lean on that. Its only source is the
quarantine or raw file that it replaces, and landing may have been cleaned up long ago. So it makes
both new files ready beside the old ones, and one transaction of the ledger decides: it holds the
day's new state together with the moves that are left to do. Killed before it, nothing happened;
killed after it, the moves are done by whoever holds the home next. No row is lost or doubled.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from orchestration.ingest import discover, quarantine
from orchestration.ingest.ledger import Ledger, PartitionRecord, Withdrawal
from orchestration.release.atomic import fsync_file, fsync_folder
from orchestration.settings import Settings

_REPLACE = "replace"
_REMOVE = "remove"


def publish_file(source: Path, target: Path) -> None:
    """Move a finished file into place so that it is there whole after any crash, or not at all."""
    missing = [folder for folder in target.parents if not folder.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    fsync_file(source)
    source.replace(target)
    fsync_folder(target.parent)
    # A new folder's own name stands in its parent.
    for folder in missing:
        fsync_folder(folder.parent)


def accept_day(
    ledger: Ledger,
    settings: Settings,
    record: PartitionRecord,
    event_days: dict[date, int],
    files: Mapping[str, Path | None],
) -> None:
    """Make a state the accepted one of its day, with its files.

    Args:
        ledger: The home's ledger.
        settings: Where things stand.
        record: The new state.
        event_days: Accepted rows by event day.
        files: The finished `raw` and `quarantine` files; None where there is none any more.
    """
    moves = _stage(settings, record.feed, record.day, files)
    ledger.accept(record, event_days, moves)
    finish(ledger, settings)


def withdraw_day(
    ledger: Ledger, settings: Settings, withdrawal: Withdrawal, files: Mapping[str, Path | None]
) -> None:
    """Replace a day's accepted state by its withdrawal, with its files (see `accept_day`)."""
    partition = withdrawal.partition
    moves = _stage(settings, partition.feed, partition.day, files)
    ledger.withdraw(withdrawal, moves)
    finish(ledger, settings)


def finish(ledger: Ledger, settings: Settings) -> None:
    """Do the moves that a killed process decided and did not get to. Needs the home's lock."""
    for feed, day, moves in ledger.publications():
        targets = _targets(settings, feed, day)
        for name, move in moves.items():
            target = targets[name]
            staged = _staged(target)
            if move == _REMOVE:
                target.unlink(missing_ok=True)
            elif staged.exists():
                staged.replace(target)
            # Else it was moved before the crash.
            if target.parent.exists():
                fsync_folder(target.parent)
        ledger.forget_publication(feed, day)


def _stage(
    settings: Settings, feed: str, day: date, files: Mapping[str, Path | None]
) -> dict[str, str]:
    """Make the files ready beside those that they replace, under names that nobody reads."""
    targets = _targets(settings, feed, day)
    for name, source in files.items():
        if source is not None:
            publish_file(source, _staged(targets[name]))
    return {name: _REMOVE if source is None else _REPLACE for name, source in files.items()}


def _targets(settings: Settings, feed: str, day: date) -> dict[str, Path]:
    return {
        "raw": discover.raw_path(feed, day, settings),
        "quarantine": quarantine.accepted_path(feed, day, settings),
    }


def _staged(target: Path) -> Path:
    return target.with_name(f".{target.name}.staged")
