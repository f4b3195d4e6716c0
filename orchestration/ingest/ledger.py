"""The ingest ledger: what was accepted last, per feed and arrival day, in one SQLite file.

What lives here: the tables and their reading and writing. What may not: files of the landing or raw
zones, or the decision what is accepted. A line here is written last, after the Parquet it speaks of
is durable; so what the ledger says can be trusted, and what it does not say is done again.
"""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from orchestration.contracts.drift_rules import DriftKind
from orchestration.ingest.drift import Acceptance, PastDay
from orchestration.ingest.profile import Profile
from orchestration.ingest.results import DriftFinding

if TYPE_CHECKING:
    from types import TracebackType

_SCHEMA = """
create table if not exists partitions (
    feed text not null,
    arrival_date text not null,
    revision text not null,
    basis text not null,
    lateness_days integer,
    too_late_count integer not null,
    read_count integer not null,
    accepted_count integer not null,
    refused_count integer not null,
    duplicate_count integer not null,
    min_event_at text,
    max_event_at text,
    columns text not null,
    drift text not null,
    raw_bytes integer not null,
    ingested_at text not null,
    primary key (feed, arrival_date)
) without rowid;
create table if not exists partition_files (
    feed text not null,
    arrival_date text not null,
    name text not null,
    sha256 text not null,
    bytes integer not null,
    mtime_ns integer not null,
    rows integer not null
);
create index if not exists partition_files_by_day on partition_files (feed, arrival_date);
create table if not exists event_days (
    feed text not null,
    arrival_date text not null,
    event_date text not null,
    row_count integer not null,
    primary key (feed, arrival_date, event_date)
) without rowid;
create table if not exists refusals (
    feed text not null,
    arrival_date text not null,
    refused_at text not null,
    rule text not null,
    reason_en text not null,
    reason_es text not null,
    read_count integer not null,
    refused_count integer not null,
    primary key (feed, arrival_date)
) without rowid;
create table if not exists withdrawals (
    feed text not null,
    arrival_date text not null,
    withdrawn_at text not null,
    withdrawn_by text not null,
    because text not null,
    partition text not null,
    files text not null,
    primary key (feed, arrival_date)
) without rowid;
create table if not exists publications (
    feed text not null,
    arrival_date text not null,
    moves text not null,
    primary key (feed, arrival_date)
) without rowid;
create table if not exists profiles (
    feed text not null,
    arrival_date text not null,
    profile text not null,
    primary key (feed, arrival_date)
) without rowid;
create table if not exists drift (
    feed text not null,
    arrival_date text not null,
    is_day_refused integer not null,
    kind text not null,
    column_name text not null,
    action text not null,
    what_en text not null,
    what_es text not null,
    last_good_day text,
    primary key (feed, arrival_date, is_day_refused, kind, column_name)
) without rowid;
create table if not exists drift_acceptances (
    feed text not null,
    arrival_date text not null,
    kind text not null,
    column_name text not null,
    because text not null,
    accepted_at text not null,
    primary key (feed, arrival_date, kind, column_name)
) without rowid;
create table if not exists rule_months (
    month_start_date text not null primary key,
    is_as_is integer not null,
    chosen_at text not null
) without rowid;
create table if not exists gone_days (
    feed text not null,
    arrival_date text not null,
    noticed_at text not null,
    primary key (feed, arrival_date)
) without rowid;
"""

_PARTITION_COLUMNS = (
    "feed, arrival_date, revision, basis, lateness_days, too_late_count, read_count, "
    "accepted_count, refused_count, duplicate_count, min_event_at, max_event_at, columns, drift, "
    "raw_bytes, ingested_at"
)

_PROFILES_KEPT = 500

# What one accepted state of a day is made of.
_TABLES_OF_A_STATE = ("partitions", "partition_files", "event_days")


@dataclass(frozen=True, slots=True)
class LedgerFile:
    """One landed file as it was taken in; `sha256` is empty where it could not be read."""

    name: str
    sha256: str
    bytes: int
    mtime_ns: int
    rows: int = 0


@dataclass(frozen=True, slots=True)
class PartitionRecord:
    """The last accepted state of one feed's arrival day.

    `basis` is the hash of what besides the files decides about rows (contract, declared time zone);
    `lateness_days` is the horizon it was accepted under, None where lifted or not applicable;
    `columns` are the contract columns that the files had, `drift` the kinds and columns of what
    drifted (in words: `Ledger.drift_of`); `raw_bytes` is the size of the Parquet
    file, by which a replaced or vanished one is noticed.
    """

    feed: str
    day: date
    revision: str
    basis: str
    lateness_days: int | None
    too_late_count: int
    read_count: int
    accepted_count: int
    refused_count: int
    duplicate_count: int
    min_event_at: datetime | None
    max_event_at: datetime | None
    columns: tuple[str, ...]
    drift: tuple[str, ...]
    raw_bytes: int
    ingested_at: datetime
    files: tuple[LedgerFile, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class EventDay:
    """Accepted rows of one arrival day by the UTC day of the feed's event column."""

    feed: str
    arrival_date: date
    event_date: date
    row_count: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a feed's arrival day was refused last; gone once the day is accepted."""

    feed: str
    day: date
    refused_at: datetime
    rule: str
    reason_en: str
    reason_es: str
    read_count: int
    refused_count: int


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """An accepted day that a person took out: who, when, why, and what was accepted until then.

    `partition.files` are the landed files of that state: as long as landing holds exactly these,
    the day does not come back by itself.
    """

    withdrawn_at: datetime
    withdrawn_by: str
    because: str
    partition: PartitionRecord


@dataclass(frozen=True, slots=True)
class DayDrift:
    """What drifted on a feed's arrival day; `is_day_refused`: in the files that were refused."""

    feed: str
    day: date
    is_day_refused: bool
    finding: DriftFinding


class LedgerError(RuntimeError):
    """The ledger cannot be read or written: damaged, or the disk refuses; with what to do."""


class Ledger:
    """The ledger of one home folder.

    Reading a ledger that does not exist yet gives empty answers and makes no file; the first
    `accept` or `refuse` makes it.
    """

    def __init__(self, path: Path) -> None:
        """Remember where the ledger is; nothing is opened yet."""
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._is_writable = False
        self._profiles: dict[str, Profile] = {}

    def __enter__(self) -> Self:
        """Open nothing until it is needed."""
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        if self._connection is not None:
            self._connection.close()
        self._connection, self._is_writable = None, False

    def partitions(self) -> tuple[PartitionRecord, ...]:
        """All accepted partitions with their files, by feed and day."""
        return self._partitions("", ())

    def partition(self, feed: str, day: date) -> PartitionRecord | None:
        """The accepted state of one feed's arrival day, if any."""
        found = self._partitions("where feed = ? and arrival_date = ?", (feed, day.isoformat()))
        return found[0] if found else None

    def event_days(self) -> tuple[EventDay, ...]:
        """Accepted rows by arrival and event day, in order."""
        rows = self._rows(
            "select feed, arrival_date, event_date, row_count from event_days "
            "order by feed, arrival_date, event_date"
        )
        return tuple(
            EventDay(feed, date.fromisoformat(arrival), date.fromisoformat(event), count)
            for feed, arrival, event, count in rows
        )

    def rule_months(self) -> dict[date, bool]:
        """First days of the months that anybody ever chose rules for: does each go by today's?"""
        rows = self._rows(
            "select month_start_date, is_as_is from rule_months order by month_start_date",
            (),
            table="rule_months",
        )
        return {date.fromisoformat(month): bool(is_as_is) for month, is_as_is in rows}

    def choose_rules(self, month: date, at: datetime, *, is_as_is: bool) -> None:
        """Let a month go by the rules of today (`is_as_is`), or again by those of its time."""
        with self._writing() as connection:
            connection.execute(
                "insert or replace into rule_months values (?, ?, ?)",
                (month.isoformat(), int(is_as_is), at.isoformat()),
            )

    def refusals(self) -> tuple[Refusal, ...]:
        """The standing refusals, by feed and day."""
        return self._refusals("", ())

    def refusal(self, feed: str, day: date) -> Refusal | None:
        """The standing refusal of one feed's arrival day, if any."""
        found = self._refusals("where feed = ? and arrival_date = ?", (feed, day.isoformat()))
        return found[0] if found else None

    def _refusals(self, where: str, values: tuple[str, ...]) -> tuple[Refusal, ...]:
        rows = self._rows(
            "select feed, arrival_date, refused_at, rule, reason_en, reason_es, read_count, "
            f"refused_count from refusals {where} order by feed, arrival_date",
            values,
        )
        return tuple(
            Refusal(feed, date.fromisoformat(day), datetime.fromisoformat(at), *rest)
            for feed, day, at, *rest in rows
        )

    def accept(
        self,
        record: PartitionRecord,
        event_days: dict[date, int],
        moves: Mapping[str, str] | None = None,
        observed: tuple[Profile, Sequence[DriftFinding]] | None = None,
    ) -> None:
        """Make this the accepted state of its day, in one transaction.

        `observed` are the day's profile and drift; without, those of the files read last stay.

        It lifts a withdrawal and, where the state was read from landing, a refusal. `moves` are
        files that the same transaction decides to put into place (see `publication`): then the
        state comes from quarantine, which says nothing about what stands in landing.
        """
        key = (record.feed, record.day.isoformat())
        about_landing = ("refusals", "gone_days") if moves is None else ()
        with self._writing() as connection:
            for table in (*_TABLES_OF_A_STATE, "withdrawals", *about_landing):
                connection.execute(f"delete from {table} where feed = ? and arrival_date = ?", key)
            connection.execute(
                f"insert into partitions ({_PARTITION_COLUMNS}) "
                "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *key,
                    record.revision,
                    record.basis,
                    record.lateness_days,
                    record.too_late_count,
                    record.read_count,
                    record.accepted_count,
                    record.refused_count,
                    record.duplicate_count,
                    record.min_event_at.isoformat() if record.min_event_at else None,
                    record.max_event_at.isoformat() if record.max_event_at else None,
                    json.dumps(record.columns),
                    json.dumps(record.drift, ensure_ascii=False),
                    record.raw_bytes,
                    record.ingested_at.isoformat(),
                ),
            )
            _write_files(connection, key, record.files)
            connection.executemany(
                "insert into event_days values (?, ?, ?, ?)",
                [(*key, event.isoformat(), count) for event, count in event_days.items()],
            )
            if moves is None:
                _write_drift(connection, key, (), is_day_refused=True)
            if observed is not None:
                profile, drift = observed
                connection.execute(
                    "insert or replace into profiles values (?, ?, ?)", (*key, profile.to_json())
                )
                _write_drift(connection, key, drift, is_day_refused=False)
            _plan_moves(connection, key, moves)

    def refuse(self, refusal: Refusal, drift: Sequence[DriftFinding] = ()) -> None:
        """Record the last refusal of a day and its drift; its accepted state stays as it is."""
        with self._writing() as connection:
            key = (refusal.feed, refusal.day.isoformat())
            _write_drift(connection, key, drift, is_day_refused=True)
            connection.execute(
                "insert or replace into refusals values (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    refusal.feed,
                    refusal.day.isoformat(),
                    refusal.refused_at.isoformat(),
                    refusal.rule,
                    refusal.reason_en,
                    refusal.reason_es,
                    refusal.read_count,
                    refusal.refused_count,
                ),
            )

    def lift_refusal(self, feed: str, day: date) -> None:
        """Forget a refusal: the landed files are again those that were accepted."""
        with self._writing() as connection:
            connection.execute(
                "delete from refusals where feed = ? and arrival_date = ?", (feed, day.isoformat())
            )
            _write_drift(connection, (feed, day.isoformat()), (), is_day_refused=True)

    def retouch(self, feed: str, day: date, files: tuple[LedgerFile, ...]) -> None:
        """Replace the file facts of an accepted day whose contents are the same bytes as before."""
        with self._writing() as connection:
            _write_files(connection, (feed, day.isoformat()), files)

    # --- drift ------------------------------------------------------------------------------

    def past_days(self, feed: str, before: date, limit: int) -> list[PastDay]:
        """The accepted days of a feed before an arrival day that have a profile, latest first."""
        rows = self._rows(
            "select arrival_date, profile from profiles inner join partitions "
            "using (feed, arrival_date) where feed = ? and arrival_date < ? "
            f"order by arrival_date desc limit {limit:d}",
            (feed, before.isoformat()),
            table="profiles",
        )
        if not rows:
            return []
        drifted: dict[str, dict[tuple[DriftKind, str], date | None]] = {}
        for day, kind, column, good in self._rows(
            "select arrival_date, kind, column_name, last_good_day from drift where feed = ? "
            "and arrival_date between ? and ? and not is_day_refused and action = 'warn'",
            (feed, rows[-1][0], rows[0][0]),
            table="drift",
        ):
            drifted.setdefault(day, {})[kind, column] = date.fromisoformat(good) if good else None
        return [
            PastDay(date.fromisoformat(day), self._profile(text), drifted.get(day, {}))
            for day, text in rows
        ]

    def _profile(self, text: str) -> Profile:
        # A first load asks for nearly the same days again and again.
        if text not in self._profiles:
            if len(self._profiles) >= _PROFILES_KEPT:
                self._profiles.clear()
            self._profiles[text] = Profile.from_json(text)
        return self._profiles[text]

    def drift(self, feed: str | None = None, day: date | None = None) -> tuple[DayDrift, ...]:
        """What drifted, by day, feed, kind and column; of one feed, or of one of its days.

        A withdrawn day is no part of the marts, so what it drifted in is nobody's concern until a
        replay takes it back.
        """
        wanted = [("feed", feed), ("arrival_date", day.isoformat() if day else None)]
        where = "".join(f" and {name} = ?" for name, value in wanted if value is not None)
        rows = self._rows(
            "select feed, arrival_date, is_day_refused, kind, column_name, action, what_en, "
            "what_es, last_good_day from drift where (is_day_refused or (feed, arrival_date) in "
            f"(select feed, arrival_date from partitions)){where} "
            "order by arrival_date, feed, is_day_refused, kind, column_name",
            tuple(value for _, value in wanted if value is not None),
            table="drift",
        )
        return tuple(
            DayDrift(
                feed=row[0],
                day=date.fromisoformat(row[1]),
                is_day_refused=bool(row[2]),
                finding=DriftFinding(
                    kind=row[3],
                    column=row[4],
                    action=row[5],
                    what_en=row[6],
                    what_es=row[7],
                    last_good_day=date.fromisoformat(row[8]) if row[8] else None,
                ),
            )
            for row in rows
        )

    def drift_of(self, record: PartitionRecord) -> tuple[DriftFinding, ...]:
        """What drifted in an accepted state, also one that an earlier Semillero accepted."""
        if not record.drift:
            return ()
        found = tuple(
            each.finding for each in self.drift(record.feed, record.day) if not each.is_day_refused
        )
        return found or tuple(_drift_in_words(said) for said in record.drift)

    def accept_drift(
        self, feed: str, day: date, found: Sequence[DriftFinding], because: str, at: datetime
    ) -> None:
        """Record that a person takes what drifted on a day for the new normal."""
        key = (feed, day.isoformat())
        with self._writing() as connection:
            connection.executemany(
                "insert or replace into drift_acceptances values (?, ?, ?, ?, ?, ?)",
                [(*key, each.kind, each.column, because, at.isoformat()) for each in found],
            )
            connection.executemany(
                "update drift set action = 'accepted' where feed = ? and arrival_date = ? "
                "and not is_day_refused and kind = ? and column_name = ?",
                [(*key, each.kind, each.column) for each in found],
            )

    def drift_acceptances(self, feed: str | None = None) -> tuple[Acceptance, ...]:
        """What people accepted, by day, feed, kind and column."""
        rows = self._rows(
            "select feed, arrival_date, kind, column_name, because, accepted_at "
            f"from drift_acceptances {'where feed = ?' if feed else ''} "
            "order by arrival_date, feed, kind, column_name",
            (feed,) if feed else (),
            table="drift_acceptances",
        )
        return tuple(
            Acceptance(
                feed, date.fromisoformat(day), kind, column, because, datetime.fromisoformat(at)
            )
            for feed, day, kind, column, because, at in rows
        )

    # --- withdrawals ------------------------------------------------------------------------

    def withdraw(self, withdrawal: Withdrawal, moves: Mapping[str, str]) -> None:
        """Replace a day's accepted state by its withdrawal, in one transaction.

        What the ledger says of the state is kept word for word with the withdrawal, so that a
        replay can bring the day back.
        """
        feed, day = withdrawal.partition.feed, withdrawal.partition.day.isoformat()
        with self._writing() as connection:
            cursor = connection.execute(
                "select * from partitions where feed = ? and arrival_date = ?", (feed, day)
            )
            names = [column[0] for column in cursor.description]
            stored = dict(zip(names, cursor.fetchone(), strict=True))
            files = [dataclasses.asdict(file) for file in withdrawal.partition.files]
            for table in (*_TABLES_OF_A_STATE, "gone_days"):
                connection.execute(
                    f"delete from {table} where feed = ? and arrival_date = ?", (feed, day)
                )
            connection.execute(
                "insert or replace into withdrawals values (?, ?, ?, ?, ?, ?, ?)",
                (
                    feed,
                    day,
                    withdrawal.withdrawn_at.isoformat(),
                    withdrawal.withdrawn_by,
                    withdrawal.because,
                    json.dumps(stored),
                    json.dumps(files),
                ),
            )
            _plan_moves(connection, (feed, day), moves)

    def withdrawals(self) -> tuple[Withdrawal, ...]:
        """The standing withdrawals, by feed and day."""
        return self._withdrawals("", ())

    def withdrawal(self, feed: str, day: date) -> Withdrawal | None:
        """The standing withdrawal of one feed's arrival day, if any."""
        found = self._withdrawals("where feed = ? and arrival_date = ?", (feed, day.isoformat()))
        return found[0] if found else None

    def retouch_withdrawal(self, feed: str, day: date, files: tuple[LedgerFile, ...]) -> None:
        """Replace the file facts of a withdrawn day whose contents are the same bytes as before."""
        with self._writing() as connection:
            connection.execute(
                "update withdrawals set files = ? where feed = ? and arrival_date = ?",
                (
                    json.dumps([dataclasses.asdict(file) for file in files]),
                    feed,
                    day.isoformat(),
                ),
            )

    def _withdrawals(self, where: str, values: tuple[str, ...]) -> tuple[Withdrawal, ...]:
        rows = self._rows(
            "select withdrawn_at, withdrawn_by, because, partition, files "
            f"from withdrawals {where} order by feed, arrival_date",
            values,
            table="withdrawals",
        )
        found = []
        for withdrawn_at, withdrawn_by, because, partition, files in rows:
            stored = json.loads(partition)
            columns = tuple(stored.get(name) for name in _PARTITION_COLUMNS.split(", "))
            kept = tuple(LedgerFile(**file) for file in json.loads(files))
            found.append(
                Withdrawal(
                    withdrawn_at=datetime.fromisoformat(withdrawn_at),
                    withdrawn_by=withdrawn_by,
                    because=because,
                    partition=_partition_record(columns, kept),
                )
            )
        return tuple(found)

    # --- publications -----------------------------------------------------------------------

    def publications(self) -> tuple[tuple[str, date, dict[str, str]], ...]:
        """What was decided and perhaps not yet put into place: feed, day and moves."""
        rows = self._rows(
            "select feed, arrival_date, moves from publications order by feed, arrival_date",
            table="publications",
        )
        return tuple(
            (feed, date.fromisoformat(day), json.loads(moves)) for feed, day, moves in rows
        )

    def forget_publication(self, feed: str, day: date) -> None:
        """The files of a publication stand where they belong."""
        with self._writing() as connection:
            connection.execute(
                "delete from publications where feed = ? and arrival_date = ?",
                (feed, day.isoformat()),
            )

    # --- landed files that are gone ---------------------------------------------------------

    def gone_days(self, feed: str) -> frozenset[date]:
        """The accepted days of a feed that a run has said to be gone from landing."""
        query = "select arrival_date from gone_days where feed = ?"
        rows = self._rows(query, (feed,), table="gone_days")
        return frozenset(date.fromisoformat(day) for (day,) in rows)

    def accepted_days(self, feed: str) -> tuple[tuple[date, int], ...]:
        """The accepted days of a feed in order, and when its newest file was written (ns)."""
        rows = self._rows(
            "select arrival_date, coalesce(max(mtime_ns), 0) from partitions "
            "left join partition_files using (feed, arrival_date) "
            "where feed = ? group by arrival_date order by arrival_date",
            (feed,),
        )
        return tuple((date.fromisoformat(day), written) for day, written in rows)

    def note_gone(self, feed: str, days: Iterable[date], at: datetime) -> None:
        """Make these the gone days of a feed; what was noticed before keeps its time."""
        wanted = {day.isoformat() for day in days}
        with self._writing() as connection:
            known = {
                day
                for (day,) in connection.execute(
                    "select arrival_date from gone_days where feed = ?", (feed,)
                )
            }
            connection.executemany(
                "delete from gone_days where feed = ? and arrival_date = ?",
                [(feed, day) for day in sorted(known - wanted)],
            )
            connection.executemany(
                "insert into gone_days values (?, ?, ?)",
                [(feed, day, at.isoformat()) for day in sorted(wanted - known)],
            )

    def _partitions(self, where: str, values: tuple[str, ...]) -> tuple[PartitionRecord, ...]:
        rows = self._rows(
            f"select {_PARTITION_COLUMNS} from partitions {where} order by feed, arrival_date",
            values,
        )
        if not rows:
            return ()
        one_day = "where feed = ? and arrival_date = ?" if values else ""
        files: dict[tuple[str, str], list[LedgerFile]] = {}
        for feed, day, *rest in self._rows(
            "select feed, arrival_date, name, sha256, bytes, mtime_ns, rows "
            f"from partition_files {one_day} order by rowid",
            (rows[0][0], rows[0][1]) if values else (),
        ):
            files.setdefault((feed, day), []).append(LedgerFile(*rest))
        return tuple(_partition_record(row, tuple(files.get((row[0], row[1]), ()))) for row in rows)

    def _rows(
        self, query: str, values: tuple[str, ...] = (), *, table: str = "refusals"
    ) -> list[tuple[Any, ...]]:
        with self._errors_for_people():
            if self._connection is None:
                if not self._path.exists():
                    return []
                self._connect()
            if self._connection is None or not self._has_table(table):
                return []
            with closing(self._connection.execute(query, values)) as cursor:
                return cursor.fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction."""
        with self._errors_for_people(), self._writable() as connection:
            yield connection

    @contextmanager
    def _errors_for_people(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise LedgerError(
                f"The ledger {self._path} cannot be used: {error}. Free space on its disk, make it "
                "writable or end the program that holds it, then run again."
            ) from error
        except sqlite3.DatabaseError as error:
            raise LedgerError(
                f"The ledger {self._path} is damaged: {error}. Put a copy of it back, or move it "
                "away and run again: everything that stands in landing/ is then read anew, and a "
                "day that no longer stands there is no longer part of the marts."
            ) from error

    def _has_table(self, table: str) -> bool:
        # A crash right after the file was made leaves one without tables, and an older Semillero
        # one without the newer tables: empty, not broken.
        if self._is_writable or self._connection is None:
            return self._is_writable
        found = self._connection.execute(
            "select count(*) from sqlite_master where type = 'table' and name = ?", (table,)
        ).fetchone()
        return bool(found[0])

    def _connect(self) -> None:
        self._connection = sqlite3.connect(self._path, timeout=30)
        # A lost ledger line would mean trusting raw files that nobody vouches for.
        self._connection.execute("pragma synchronous = full")

    def _writable(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connect()
        connection = self._connection
        if connection is None:
            raise AssertionError("the ledger was not opened")
        if not self._is_writable:
            connection.executescript(_SCHEMA)
            self._is_writable = True
        return connection


def _partition_record(row: tuple[Any, ...], files: tuple[LedgerFile, ...]) -> PartitionRecord:
    """A row of `_PARTITION_COLUMNS` as its record."""
    return PartitionRecord(
        feed=row[0],
        day=date.fromisoformat(row[1]),
        revision=row[2],
        basis=row[3],
        lateness_days=row[4],
        too_late_count=row[5],
        read_count=row[6],
        accepted_count=row[7],
        refused_count=row[8],
        duplicate_count=row[9],
        min_event_at=datetime.fromisoformat(row[10]) if row[10] else None,
        max_event_at=datetime.fromisoformat(row[11]) if row[11] else None,
        columns=tuple(json.loads(row[12])),
        drift=tuple(json.loads(row[13])),
        raw_bytes=row[14],
        ingested_at=datetime.fromisoformat(row[15]),
        files=files,
    )


def _write_files(
    connection: sqlite3.Connection, key: tuple[str, str], files: Sequence[LedgerFile]
) -> None:
    """Make these the files of a day's accepted state."""
    connection.execute("delete from partition_files where feed = ? and arrival_date = ?", key)
    connection.executemany(
        "insert into partition_files values (?, ?, ?, ?, ?, ?, ?)",
        [(*key, file.name, file.sha256, file.bytes, file.mtime_ns, file.rows) for file in files],
    )


def _write_drift(
    connection: sqlite3.Connection,
    key: tuple[str, str],
    found: Sequence[DriftFinding],
    *,
    is_day_refused: bool,
) -> None:
    """Make this the drift of a day's accepted state, or of its refused files."""
    connection.execute(
        "delete from drift where feed = ? and arrival_date = ? and is_day_refused = ?",
        (*key, is_day_refused),
    )
    connection.executemany(
        "insert into drift values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                *key,
                is_day_refused,
                each.kind,
                each.column,
                each.action,
                each.what_en,
                each.what_es,
                each.last_good_day.isoformat() if each.last_good_day else None,
            )
            for each in found
        ],
    )


def _drift_in_words(said: str) -> DriftFinding:
    """What an earlier Semillero wrote down: `unknown_column x` or `vanished_column x`."""
    word, _, column = said.partition(" ")
    kind: DriftKind = "vanished_column" if word == "vanished_column" else "new_column"
    return DriftFinding(kind, column, "warn", said, said)


def _plan_moves(
    connection: sqlite3.Connection, key: tuple[str, str], moves: Mapping[str, str] | None
) -> None:
    if moves is not None:
        connection.execute(
            "insert or replace into publications values (?, ?, ?)", (*key, json.dumps(moves))
        )


def utc_now() -> datetime:
    """The moment of writing, with its zone."""
    return datetime.now(tz=UTC)
