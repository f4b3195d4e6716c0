"""Take an accepted day out again: an act of a person, with a reason, that can be undone.

What lives here: how the rows of a day move from raw to quarantine. What may not: the order in which
that becomes visible (`publication`), or bringing them back (`replay`, rule `withdrawn`).
"""

from __future__ import annotations

import os
import pwd
from datetime import date

import duckdb

from orchestration.contracts.loader import FeedContract
from orchestration.ingest import discover, quarantine, reasons
from orchestration.ingest.engine import open_connection
from orchestration.ingest.ledger import Ledger, PartitionRecord, Withdrawal, utc_now
from orchestration.ingest.publication import finish, withdraw_day
from orchestration.ingest.reasons import RefusedError
from orchestration.ingest.replay import bring
from orchestration.scratch import scratch_folder
from orchestration.settings import Settings


class WithdrawError(RefusedError):
    """The day cannot be taken out."""


def withdraw(settings: Settings, contract: FeedContract, day: date, because: str) -> Withdrawal:
    """Take an accepted day out of raw; its rows wait in quarantine under the rule `withdrawn`.

    Needs the home's lock. The day stays out as long as landing holds exactly the files that it was
    accepted from, or none.

    Raises:
        WithdrawError: there is no reason given, or no accepted state to take out.
        OSError: the home folder cannot be written.
    """
    if not because.strip():
        raise WithdrawError(reasons.because_of_what())
    with scratch_folder(settings) as folder, Ledger(settings.ledger) as ledger:
        finish(ledger, settings)
        record = ledger.partition(contract.feed, day)
        if record is None:
            raise WithdrawError(reasons.not_accepted(contract.feed, day))
        if not discover.raw_is_intact(record, settings):
            raise WithdrawError(reasons.raw_lost())
        withdrawal = Withdrawal(
            withdrawn_at=utc_now(),
            withdrawn_by=_who(),
            because=because.strip(),
            partition=record,
        )
        bring(discover.raw_path(contract.feed, day, settings), folder / "raw.parquet")
        held = quarantine.accepted_path(contract.feed, day, settings)
        if held.exists():
            bring(held, folder / "held.parquet")
        with open_connection(folder, settings) as connection:
            quarantine.start(connection)
            if held.exists():
                _add_held(connection, record, str(folder / "held.parquet"))
            _add_raw(connection, contract, withdrawal, str(folder / "raw.parquet"))
            path = folder / "rows.parquet"
            quarantine.write(connection, path, contract.feed, day, record.revision)
        withdraw_day(ledger, settings, withdrawal, {"raw": None, "quarantine": path})
    return withdrawal


def _add_held(connection: duckdb.DuckDBPyConnection, record: PartitionRecord, path: str) -> None:
    """Keep what was refused of the day beside what is taken out."""
    other = connection.execute(
        "select count(*) from read_parquet($path, hive_partitioning = false) "
        "where revision <> $revision",
        {"path": path, "revision": record.revision},
    ).fetchone()
    if other is not None and other[0]:
        raise WithdrawError(reasons.broken_off())
    connection.execute(
        """
        insert into quarantine
        select file, row, rule, "column", reason_en, reason_es, content
        from read_parquet($path, hive_partitioning = false)
        """,
        {"path": path},
    )


def _add_raw(
    connection: duckdb.DuckDBPyConnection,
    contract: FeedContract,
    withdrawal: Withdrawal,
    path: str,
) -> None:
    """Keep each accepted row as quarantine keeps rows: its values as text, in one JSON object."""
    described = connection.execute(
        "describe select * from read_parquet($path, hive_partitioning = false)", {"path": path}
    ).fetchall()
    present = {name for name, *_ in described}
    names = [column.name for column in contract.columns if column.name in present]
    values = ", ".join(f'cast("{name}" as varchar)' for name in names)
    reason = reasons.withdrawn(withdrawal.because)
    connection.execute(
        f"""
        insert into quarantine
        select
            _file, _row, $rule, null, $en, $es,
            -- The columns that the contract does not know are columns again.
            cast(
                case when _extra is null then own else json_merge_patch(own, _extra) end
                as varchar
            )
        from (
            select *, to_json(map($names, [{values}])) as own
            from read_parquet($path, hive_partitioning = false)
        )
        """,
        {"path": path, "rule": reason.rule, "en": reason.en, "es": reason.es, "names": names},
    )


def _who() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        # A container's user may have no name.
        return f"uid {os.getuid()}"
