"""One feed's arrival day from landing to raw: the order of things, and what is published when.

What lives here: the `Ingestor`, which asks the other modules in turn and makes the result durable.
What may not: rules, formats, wording. The order of publication is the promise: quarantine, then
raw, then the ledger. Whatever a crash leaves behind, the ledger does not know it, and the next
ingest of the day does it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from orchestration.contracts.loader import MASK, FeedContract
from orchestration.ingest import day_rows, discover, quarantine, reasons
from orchestration.ingest.check import DayRules, Judgement, judge
from orchestration.ingest.day_rows import RAW_FORMAT, WITHOUT_LOSERS, Span
from orchestration.ingest.drift import LOOKBACK_DAYS, compare
from orchestration.ingest.intake import TakenFile, refuse_if_changed, take_in
from orchestration.ingest.landed import LandedFile, LandedPartition, LandingZone
from orchestration.ingest.landing_zone import open_zone
from orchestration.ingest.ledger import (
    LedgerFile,
    PartitionRecord,
    Refusal,
    Withdrawal,
    utc_now,
)
from orchestration.ingest.profile import Looked, Profile
from orchestration.ingest.profile import take as take_profile
from orchestration.ingest.publication import publish_file
from orchestration.ingest.read import (
    IrregularLinesError,
    Source,
    load_rows,
    open_source,
    refuse_parquet_bomb,
)
from orchestration.ingest.reasons import FileRefusedError, Reason
from orchestration.ingest.results import TOO_LATE, DayResult, DriftFinding, Problem, day_name
from orchestration.ingest.session import IngestSession
from orchestration.settings import Settings

# Below this many rows a share says nothing: one bad row of ten is not a broken feed.
MIN_ROWS_FOR_SHARE = 20
_SAMPLE_ROWS = 5
_SAMPLE_WIDTH = 40
_WRITTEN = "read_parquet($_path, hive_partitioning = false)"


class IngestError(RuntimeError):
    """The machinery contradicts itself: a fault of the program, not of the data."""


@dataclass(slots=True)
class _DayAtHand:
    """What is known so far of the day that is being read."""

    landed: LandedPartition
    folder: Path
    taken: dict[str, TakenFile] = field(default_factory=dict)
    bad_files: list[str] = field(default_factory=list)
    engine_broke: bool = False
    rows_by_file: dict[str, int] = field(default_factory=dict)
    # Where a day of one file was written as it was read; the rows of several are in `accepted`.
    streamed: Path | None = None
    # Rows of the streamed file that were left out for another of their key.
    duplicate_count: int = 0
    failed_count: int = 0
    looked: Looked = field(default_factory=Looked)
    profile: Profile = field(default_factory=lambda: Profile({}))
    drift: tuple[DriftFinding, ...] = ()

    @property
    def read_count(self) -> int:
        return sum(self.rows_by_file.values())


@dataclass(frozen=True, slots=True)
class _Written:
    """The day's Parquet in scratch, and what was counted on the way."""

    path: Path
    accepted_count: int
    duplicate_count: int
    span: Span
    sample: str


class Ingestor(IngestSession):
    """Ingests days, one after the other, over one closed-in DuckDB connection.

    A context manager. `history` lifts the lateness horizon: a first load of history is late by
    nature.
    """

    def __init__(
        self, settings: Settings, *, history: bool = False, zone: LandingZone | None = None
    ) -> None:
        """Remember what to do; nothing is opened before the `with`. Who has a zone shares it."""
        super().__init__(settings)
        self._history = history
        self._zone = zone if zone is not None else open_zone(settings)

    def ingest(self, contract: FeedContract, day: date) -> DayResult:
        """Bring one feed's arrival day into raw, or say why not.

        Bad input never raises: it is in the result. A day whose files, contract and options are
        those of the accepted state is `unchanged` and costs a few `stat` calls.

        Raises:
            OSError: the home folder cannot be written.
        """
        zone = self._settings.feed_timezones.get(contract.feed)
        landed = self._zone.partition(contract.feed, day)
        record = self._ledger.partition(contract.feed, day)
        result = self._without_reading(contract, day, landed, record)
        if result is None:
            result = self._with_reading(contract, day, landed, record, zone)
        ignored = tuple(reasons.ignored_file().as_problem(name) for name in landed.ignored)
        return replace(result, problems=result.problems + ignored)

    def _without_reading(
        self,
        contract: FeedContract,
        day: date,
        landed: LandedPartition,
        record: PartitionRecord | None,
    ) -> DayResult | None:
        if discover.is_settled(contract, landed, record, self._settings, history=self._history):
            if record is None:
                raise IngestError("a day without a record cannot be settled")
            if landed.files:
                self._lift_refusal(contract.feed, day)
            return _unchanged(record, self._ledger.drift_of(record))
        withdrawal = self._ledger.withdrawal(contract.feed, day) if record is None else None
        if discover.is_withdrawn(landed, withdrawal):
            self._lift_refusal(contract.feed, day)
            return DayResult(feed=contract.feed, day=day, outcome="withdrawn")
        if landed.files:
            return None
        if record is not None:
            return DayResult(
                feed=contract.feed,
                day=day,
                outcome="refused",
                revision=record.revision,
                problems=(reasons.raw_lost().as_problem(day_name(day)),),
            )
        if landed.is_there and contract.mandatory:
            reason = reasons.empty_day()
            self._remember_refusal(contract, day, reason)
            problems = (reason.as_problem(day_name(day)),)
            return DayResult(feed=contract.feed, day=day, outcome="refused", problems=problems)
        self._lift_refusal(contract.feed, day)
        return DayResult(feed=contract.feed, day=day, outcome="nothing_landed")

    def _with_reading(
        self,
        contract: FeedContract,
        day: date,
        landed: LandedPartition,
        record: PartitionRecord | None,
        zone: str | None,
    ) -> DayResult:
        with self._day_folder() as folder:
            try:
                return self._read_day(contract, day, _DayAtHand(landed, folder), record, zone)
            finally:
                self._forget_rows()

    def _read_day(
        self,
        contract: FeedContract,
        day: date,
        at_hand: _DayAtHand,
        record: PartitionRecord | None,
        zone: str | None,
    ) -> DayResult:
        quarantine.start(self._connection)
        withdrawal = self._ledger.withdrawal(contract.feed, day) if record is None else None
        is_new = record is None and withdrawal is None
        self._take_in(at_hand, settles=not is_new)
        if record is not None and self._is_same(contract, at_hand, record):
            self._ledger.retouch(contract.feed, day, _ledger_files(at_hand, record))
            self._lift_refusal(contract.feed, day)
            return _unchanged(record, self._ledger.drift_of(record))
        if withdrawal is not None and _is_withdrawn_content(at_hand, withdrawal):
            files = _ledger_files(at_hand, withdrawal.partition)
            self._ledger.retouch_withdrawal(contract.feed, day, files)
            self._lift_refusal(contract.feed, day)
            return DayResult(feed=contract.feed, day=day, outcome="withdrawn")
        day_rows.start(self._connection, contract)
        horizon = discover.lateness_of(contract, self._settings, history=self._history)
        before = withdrawal.partition if withdrawal is not None else record
        if before is not None and before.lateness_days is None:
            # The correction of a day that was loaded with --history, or whose late rows were
            # replayed, must not throw out what was let in.
            horizon = None
        rules = DayRules(day=day, horizon_days=horizon, zone=zone)
        for taken in list(at_hand.taken.values()):
            self._read(contract, taken, at_hand, rules)
        if at_hand.engine_broke:
            broken = reasons.bad_file_refuses_day(at_hand.bad_files)
            return self._refuse(contract, day, at_hand, record, broken)
        written = self._write(contract, at_hand)
        self._compare(contract, day, at_hand, written)
        refusal = self._refusal(contract, day, at_hand, record)
        if refusal is not None:
            return self._refuse(contract, day, at_hand, record, refusal)
        result = self._accept(contract, day, at_hand, written, horizon)
        gone = _gone_files(at_hand, record, result)
        return replace(result, problems=result.problems + gone)

    # --- reading ----------------------------------------------------------------------------

    def _take_in(self, at_hand: _DayAtHand, *, settles: bool) -> None:
        """Take the files in; whether they are known already can be asked once they are settled."""
        for number, file in enumerate(at_hand.landed.files, start=1):
            try:
                taken = take_in(
                    file, self._zone, at_hand.folder, number, self._settings, self._beside
                )
                if settles:
                    taken.settle()
                at_hand.taken[file.name] = taken
            except FileRefusedError as error:
                self._refuse_file(at_hand, file.name, error)

    def _refuse_file(self, at_hand: _DayAtHand, name: str, error: FileRefusedError) -> None:
        at_hand.bad_files.append(name)
        quarantine.forget_file(self._connection, name)
        quarantine.add_file(self._connection, name, error.reason, error.column)

    def _forget_rows(self) -> None:
        self._connection.execute("drop view if exists landed_rows")
        tables = (
            "landed", "landed_head", "landed_numbers", "json_shapes", "malformed", "accepted",
            "repeated_keys", "suspects", "losers",
        )  # fmt: skip
        for table in tables:
            self._connection.execute(f"drop table if exists {table}")

    def _read(
        self,
        contract: FeedContract,
        taken: TakenFile,
        at_hand: _DayAtHand,
        rules: DayRules,
    ) -> None:
        if at_hand.engine_broke:
            if isinstance(taken.seen.exception(), FileRefusedError):
                del at_hand.taken[taken.landed.name]
            return
        try:
            self._read_checked(contract, taken, at_hand, rules)
        except (duckdb.InternalException, duckdb.FatalException) as error:
            # DuckDB gives up the whole database after one of these: begin a new one, and refuse
            # the day, because the rows that were already read are gone with it.
            self._replace_connection()
            quarantine.start(self._connection)
            at_hand.engine_broke = True
            refusal = FileRefusedError(reasons.engine_failed(_first_line(error, taken)))
            self._give_up(at_hand, taken, refusal)
        except (duckdb.Error, UnicodeDecodeError) as error:
            # DuckDB's message may quote half a letter of the file, which Python cannot decode.
            refusal = FileRefusedError(reasons.unreadable(_first_line(error, taken)))
            self._give_up(at_hand, taken, refusal)
        except FileRefusedError as refusal:
            self._give_up(at_hand, taken, refusal)

    def _give_up(self, at_hand: _DayAtHand, taken: TakenFile, refusal: FileRefusedError) -> None:
        """Refuse a file. What is wrong with its bytes counts before what was made of them."""
        name = taken.landed.name
        try:
            taken.settle()
        except FileRefusedError as error:
            # Such a file has no fingerprint.
            del at_hand.taken[name]
            refusal = error
        else:
            if not self._zone.is_unchanged(taken.landed):
                refusal = FileRefusedError(reasons.changed_while_read())
        self._refuse_file(at_hand, name, refusal)

    def _read_checked(
        self,
        contract: FeedContract,
        taken: TakenFile,
        at_hand: _DayAtHand,
        rules: DayRules,
    ) -> None:
        connection, name = self._connection, taken.landed.name
        if taken.format == "parquet":
            refuse_parquet_bomb(connection, taken, self._settings.max_decompressed_bytes)
        try:
            source, judgement = self._open_and_judge(contract, taken, rules)
        except IrregularLinesError:
            source, judgement = self._open_and_judge(contract, taken, rules, line_by_line=True)
        # What DuckDB made of a file that is no text is not looked at.
        taken.settle()
        # Most days have one file: its rows go from the file to the Parquet in one stream, so the
        # duplicates among them are looked for first.
        streamed = at_hand.folder / "accepted.parquet" if len(at_hand.taken) == 1 else None
        query, duplicates = judgement.accepted, 0
        if streamed is not None:
            duplicates, judgement = self._find_duplicates(contract, name, source, judgement)
            query = f"from ({query}) {WITHOUT_LOSERS}" if duplicates else query
        accepted = self._add_accepted(name, source, query, streamed)
        failed = source.rows - accepted - duplicates
        if failed:
            kept = quarantine.add_failed_rows(connection, name, source, judgement)
            if kept != failed:
                raise FileRefusedError(reasons.rows_contradict())
        if source.malformed_rows:
            quarantine.add_malformed_rows(connection, name, source.width)
        # A hard link shows what a writer does meanwhile: only now is the file known to be whole.
        refuse_if_changed(taken.landed, self._zone)
        at_hand.streamed, at_hand.duplicate_count = streamed, duplicates
        at_hand.rows_by_file[name] = source.rows + source.malformed_rows
        at_hand.failed_count += failed + source.malformed_rows
        at_hand.looked.at(connection, taken.format, source, contract)

    def _open_and_judge(
        self,
        contract: FeedContract,
        taken: TakenFile,
        rules: DayRules,
        *,
        line_by_line: bool = False,
    ) -> tuple[Source, Judgement]:
        source = open_source(self._connection, taken, contract, line_by_line=line_by_line)
        judgement = judge(source, contract, rules)
        if judgement.load is not None:
            source = load_rows(self._connection, taken, source, judgement.load)
        return source, judgement

    def _find_duplicates(
        self, contract: FeedContract, name: str, source: Source, judgement: Judgement
    ) -> tuple[int, Judgement]:
        """Make the table `losers` of one file's rows.

        Returns:
            How many there are, and the judgement: where rows had to be read for this, the refused
            ones need not be read again.
        """
        connection, rows = self._connection, f"({judgement.accepted})"
        if judgement.load is None:
            connection.execute(
                "create or replace temp table repeated_keys as "
                f"from ({judgement.key_hashes}) group by key_hash having count(*) > 1",
                source.bound(judgement.key_hashes),
            )
            if self._one_row("select count(*) from repeated_keys", {}) == (0,):
                return 0, judgement
            connection.execute(
                f"create or replace temp table suspects as {judgement.suspects}",
                source.bound(judgement.suspects),
            )
            rows = "(select *, $_file as _file from suspects where failed is null)"
            refused = "select _row, failed, content from suspects where failed is not null"
            judgement = replace(judgement, refused=refused)
        return day_rows.find_losers(connection, contract, rows, {"_file": name}), judgement

    def _add_accepted(self, name: str, source: Source, query: str, streamed: Path | None) -> int:
        bound = {"_file": name, **source.bound(query)}
        if streamed is not None:
            return self._copy(query, bound, streamed)
        added = self._connection.execute(f"insert into accepted {query}", bound).fetchone()
        return int(added[0]) if added else 0

    def _copy(self, query: str, bound: dict[str, Any], path: Path) -> int:
        """Write the rows of a query, in its order.

        Returns:
            How many there were.
        """
        copied = self._connection.execute(
            f"copy ({query}) to $_target {RAW_FORMAT}", {"_target": str(path), **bound}
        ).fetchone()
        return int(copied[0]) if copied else 0

    # --- deciding ---------------------------------------------------------------------------

    def _is_same(
        self, contract: FeedContract, at_hand: _DayAtHand, record: PartitionRecord
    ) -> bool:
        wanted = discover.lateness_of(contract, self._settings, history=self._history)
        return (
            discover.raw_is_intact(record, self._settings)
            and discover.lateness_is_covered(record, wanted)
            and record.revision == self._revision(contract, at_hand, record.lateness_days)
        )

    def _revision(
        self, contract: FeedContract, at_hand: _DayAtHand, horizon_days: int | None
    ) -> str:
        digest = hashlib.sha256()
        digest.update(f"{discover.basis_of(contract, self._settings)}\n{horizon_days}\n".encode())
        for file in at_hand.landed.files:
            taken = at_hand.taken.get(file.name)
            content = taken.sha256 if taken is not None else f"unusable {file.size}"
            digest.update(f"{file.name}\n{content}\n".encode())
        return digest.hexdigest()

    def _compare(
        self, contract: FeedContract, day: date, at_hand: _DayAtHand, written: _Written
    ) -> None:
        """Take the day's profile and name what drifted."""
        if not at_hand.rows_by_file:
            return
        at_hand.profile = take_profile(
            self._connection,
            contract,
            at_hand.looked,
            rows=_WRITTEN,
            bound={"_path": str(written.path)},
            row_count=written.accepted_count,
            failed_count=at_hand.failed_count,
        )
        at_hand.drift = compare(
            contract,
            day,
            at_hand.profile,
            self._ledger.past_days(contract.feed, day, LOOKBACK_DAYS),
            self._ledger.drift_acceptances(contract.feed),
        )

    def _refusal(
        self,
        contract: FeedContract,
        day: date,
        at_hand: _DayAtHand,
        record: PartitionRecord | None,
    ) -> Reason | None:
        """Why the day as a whole is refused; None where it goes on."""
        read, failed = at_hand.read_count, at_hand.failed_count
        if at_hand.bad_files and not contract.tolerates_bad_files:
            return reasons.bad_file_refuses_day(at_hand.bad_files)
        if not at_hand.rows_by_file and record is not None and record.accepted_count:
            return reasons.no_usable_file()
        # Late rows wait in quarantine for a replay; they do not show that the feed is broken.
        late = quarantine.merely_late_count(self._connection) if failed else 0
        timely, faulty = read - late, failed - late
        if timely >= MIN_ROWS_FOR_SHARE and faulty > contract.max_refused_share * timely:
            reason = reasons.refused_share(faulty, timely, contract.max_refused_share)
            # Values beyond a limit, or of another type, are told best by how all of them moved.
            return reasons.with_drift(reason, at_hand.drift)
        if contract.mandatory and read == failed and (faulty or not read):
            return reasons.nothing_accepted()
        refused = [found for found in at_hand.drift if found.action == "refuse"]
        return reasons.drifted(contract.feed, day, refused) if refused else None

    # --- publishing -------------------------------------------------------------------------

    def _refuse(
        self,
        contract: FeedContract,
        day: date,
        at_hand: _DayAtHand,
        record: PartitionRecord | None,
        reason: Reason,
    ) -> DayResult:
        horizon = discover.lateness_of(contract, self._settings, history=self._history)
        quarantine.add_file(self._connection, None, reason, None)
        problems = quarantine.problems(self._connection, day)
        path = at_hand.folder / "refused-partition.parquet"
        quarantine.write(
            self._connection, path, contract.feed, day, self._revision(contract, at_hand, horizon)
        )
        publish_file(path, quarantine.refused_path(contract.feed, day, self._settings))
        self._remember_refusal(
            contract,
            day,
            reason,
            read=at_hand.read_count,
            refused=at_hand.failed_count,
            drift=at_hand.drift,
        )
        return DayResult(
            feed=contract.feed,
            day=day,
            outcome="refused",
            revision=record.revision if record is not None else None,
            rows_read=at_hand.read_count,
            rows_refused=at_hand.read_count,
            problems=problems,
            drift=at_hand.drift,
        )

    def _accept(
        self,
        contract: FeedContract,
        day: date,
        at_hand: _DayAtHand,
        written: _Written,
        horizon_days: int | None,
    ) -> DayResult:
        counts = written.accepted_count + at_hand.failed_count + written.duplicate_count
        if counts != at_hand.read_count:
            raise IngestError(
                f"{contract.feed} dt={day}: {at_hand.read_count} rows were read, but "
                f"{written.accepted_count} accepted, {at_hand.failed_count} refused and "
                f"{written.duplicate_count} duplicate; nothing was published."
            )
        revision = self._revision(contract, at_hand, horizon_days)
        refused_rows = quarantine.accepted_path(contract.feed, day, self._settings)
        problems: tuple[Problem, ...] = ()
        if at_hand.failed_count or at_hand.bad_files:
            kept = quarantine.refused_rows_count(self._connection)
            if kept != at_hand.failed_count:
                raise IngestError(
                    f"{contract.feed} dt={day}: {at_hand.failed_count} rows were refused, but "
                    f"quarantine holds {kept}; nothing was published."
                )
            problems = quarantine.problems(self._connection, day)
            path = at_hand.folder / "rows.parquet"
            quarantine.write(self._connection, path, contract.feed, day, revision)
            publish_file(path, refused_rows)
        else:
            refused_rows.unlink(missing_ok=True)
        record = PartitionRecord(
            feed=contract.feed,
            day=day,
            revision=revision,
            basis=discover.basis_of(contract, self._settings),
            lateness_days=horizon_days,
            too_late_count=sum(found.count for found in problems if found.rule == TOO_LATE),
            read_count=at_hand.read_count,
            accepted_count=written.accepted_count,
            refused_count=at_hand.failed_count,
            duplicate_count=written.duplicate_count,
            min_event_at=written.span.first,
            max_event_at=written.span.last,
            columns=tuple(sorted(at_hand.looked.raw_names)),
            drift=tuple(f"{found.kind} {found.column}" for found in at_hand.drift),
            raw_bytes=written.path.stat().st_size,
            ingested_at=utc_now(),
            files=_ledger_files(at_hand, None),
        )
        publish_file(written.path, discover.raw_path(contract.feed, day, self._settings))
        observed = (at_hand.profile, at_hand.drift)
        self._ledger.accept(record, written.span.rows_by_day, observed=observed)
        quarantine.refused_path(contract.feed, day, self._settings).unlink(missing_ok=True)
        return replace(
            _unchanged(record, at_hand.drift),
            outcome="accepted",
            problems=problems,
            sample=written.sample,
        )

    def _write(self, contract: FeedContract, at_hand: _DayAtHand) -> _Written:
        """Leave out duplicates by key and have the day's Parquet in scratch, in delivered order."""
        path, duplicates = at_hand.streamed, at_hand.duplicate_count
        if path is None:
            path = at_hand.folder / "data.parquet"
            duplicates = day_rows.find_losers(self._connection, contract, "accepted", {})
            self._copy(f"from accepted {WITHOUT_LOSERS if duplicates else ''}", {}, path)
        written = {"_path": str(path)}
        (accepted_count,) = self._one_row(f"select count(*) from {_WRITTEN}", written)
        return _Written(
            path=path,
            accepted_count=accepted_count,
            duplicate_count=duplicates,
            span=day_rows.span_of(self._connection, contract, _WRITTEN, written),
            sample=self._sample(contract, path),
        )

    def _sample(self, contract: FeedContract, path: Path) -> str:
        columns = [column.name for column in contract.columns]
        personal = contract.personal_columns
        shown = ", ".join(
            f"case when \"{name}\" is not null then '{MASK}' end"
            if name in personal
            else f'left(cast("{name}" as varchar), {_SAMPLE_WIDTH})'
            for name in columns
        )
        rows = self._connection.execute(
            f"select {shown} from {_WRITTEN} limit {_SAMPLE_ROWS}", {"_path": str(path)}
        ).fetchall()
        if not rows:
            return ""
        head = [columns, ["---"] * len(columns)]
        body = [[_markdown_cell(value) for value in row] for row in rows]
        return "\n".join("| " + " | ".join(cells) + " |" for cells in [*head, *body])

    def _remember_refusal(
        self,
        contract: FeedContract,
        day: date,
        reason: Reason,
        *,
        read: int = 0,
        refused: int = 0,
        drift: Sequence[DriftFinding] = (),
    ) -> None:
        self._ledger.refuse(
            Refusal(
                feed=contract.feed,
                day=day,
                refused_at=utc_now(),
                rule=reason.rule,
                reason_en=reason.en,
                reason_es=reason.es,
                read_count=read,
                refused_count=refused,
            ),
            drift,
        )

    def _lift_refusal(self, feed: str, day: date) -> None:
        if self._ledger.refusal(feed, day) is not None:
            self._ledger.lift_refusal(feed, day)
        quarantine.refused_path(feed, day, self._settings).unlink(missing_ok=True)

    def _one_row(self, query: str, bound: dict[str, Any]) -> tuple[int, ...]:
        row = self._connection.execute(query, bound).fetchone()
        if row is None:
            raise IngestError("an aggregate gave no row")
        return row


def _unchanged(record: PartitionRecord, drift: tuple[DriftFinding, ...]) -> DayResult:
    return DayResult(
        feed=record.feed,
        day=record.day,
        outcome="unchanged",
        revision=record.revision,
        rows_read=record.read_count,
        rows_accepted=record.accepted_count,
        rows_refused=record.refused_count,
        rows_duplicate=record.duplicate_count,
        min_event_at=record.min_event_at,
        max_event_at=record.max_event_at,
        drift=drift,
    )


def _ledger_files(at_hand: _DayAtHand, before: PartitionRecord | None) -> tuple[LedgerFile, ...]:
    rows = at_hand.rows_by_file
    if before is not None:
        rows = {file.name: file.rows for file in before.files}

    def fact(file: LandedFile) -> LedgerFile:
        taken = at_hand.taken.get(file.name)
        return LedgerFile(
            name=file.name,
            sha256=taken.sha256 if taken is not None else "",
            bytes=file.size,
            mtime_ns=file.mtime_ns,
            rows=rows.get(file.name, 0),
        )

    return tuple(fact(file) for file in at_hand.landed.files)


def _is_withdrawn_content(at_hand: _DayAtHand, withdrawal: Withdrawal) -> bool:
    """Whether the files were touched or sent again, and are still those that were taken out."""
    known = sorted((file.name, file.sha256) for file in withdrawal.partition.files)
    return known == sorted((name, taken.sha256) for name, taken in at_hand.taken.items())


def _gone_files(
    at_hand: _DayAtHand, before: PartitionRecord | None, now: DayResult
) -> tuple[Problem, ...]:
    """Files of the earlier state that stand no more in landing, where the day lost rows by it.

    A correction under another name leaves none behind: then nothing is missing, and nothing said.
    """
    if before is None or now.rows_accepted >= before.accepted_count:
        return ()
    contents = {taken.sha256 for taken in at_hand.taken.values()}
    names = {file.name for file in at_hand.landed.files}
    lost = before.accepted_count - now.rows_accepted
    return tuple(
        reason.as_problem(file.name)
        for file in before.files
        if file.name not in names and file.sha256 not in contents
        for reason in [reasons.files_gone(file.rows, lost)]
    )


def _first_line(error: duckdb.Error | UnicodeDecodeError, taken: TakenFile) -> str:
    """DuckDB's message without the rest of it, and with the file's own name in it."""
    text = str(error)
    if isinstance(error, UnicodeDecodeError):
        text = error.object.decode("utf-8", "replace")
    first = text.split("\n", 1)[0].strip() or type(error).__name__
    return first.replace(str(taken.path), taken.landed.name)


def _markdown_cell(value: str | None) -> str:
    return "" if value is None else value.replace("|", "\\|").replace("\n", " ").replace("\r", " ")
