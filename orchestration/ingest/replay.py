"""Judge refused rows again and let in those that may be: the way out of quarantine.

What lives here: which rows a replay judges, and how those that are accepted join their arrival day.
What may not: rules (the contract's, through `check`), the order of publication (`publication`), or
reading quarantine for people (`quarantine_tool`).

Rows are judged from quarantine's own copy of them, so that it does not matter whether somebody has
cleaned up landing since. Three things can have changed meanwhile: the contract, the declared time
zone, and that a person asks for late rows now, which is what replaying them means. A day that was
refused as a whole has its good rows nowhere but in landing, and is read again from there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

import duckdb

from orchestration.contracts.loader import FeedContract
from orchestration.ingest import day_rows, discover, quarantine, reasons
from orchestration.ingest.check import DayRules, judge
from orchestration.ingest.day_rows import RAW_FORMAT, WITHOUT_LOSERS
from orchestration.ingest.ingest import IngestError, Ingestor
from orchestration.ingest.landing_zone import open_zone
from orchestration.ingest.ledger import PartitionRecord, utc_now
from orchestration.ingest.publication import accept_day
from orchestration.ingest.read import open_kept_rows
from orchestration.ingest.reasons import FileRefusedError, Reason
from orchestration.ingest.results import TOO_LATE, Problem, day_name, why_refused
from orchestration.ingest.session import IngestSession
from orchestration.settings import Settings

WITHDRAWN = "withdrawn"

ReplayOutcome = Literal["replayed", "nothing", "reread", "skipped"]


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """How the replay of one feed's arrival day went.

    Attributes:
        feed: The feed.
        day: The arrival day.
        outcome: `replayed` (rows were let in), `nothing` (no row judged may go in), `reread` (a
            refused day was accepted from landing), `skipped` (it could not be done: see problems).
        judged: Rows judged again.
        accepted: Rows let in that the day now has.
        duplicate: Rows let in that another row of the same key outdoes.
        problems: Why the others stay, or why nothing could be done.
    """

    feed: str
    day: date
    outcome: ReplayOutcome
    judged: int = 0
    accepted: int = 0
    duplicate: int = 0
    problems: tuple[Problem, ...] = ()

    @property
    def still_refused(self) -> int:
        """Rows judged again that stay in quarantine."""
        return self.judged - self.accepted - self.duplicate


@dataclass(frozen=True, slots=True)
class _State:
    """What a replay starts from: the day's record, and whether it was withdrawn (raw is empty)."""

    record: PartitionRecord
    is_withdrawn: bool


class Replayer(IngestSession):
    """Replays days, one after the other. A context manager; needs the home's lock.

    With `rule` only rows refused under it are judged. The lateness horizon is lifted unless another
    rule than `too_late` is named. What a person withdrew comes back only under its own rule.
    """

    def __init__(
        self, settings: Settings, *, rule: str | None = None, dry_run: bool = False
    ) -> None:
        """Remember what to do; nothing is opened before the `with`."""
        super().__init__(settings)
        self._rule = rule
        self._dry_run = dry_run

    @property
    def _lifts_horizon(self) -> bool:
        return self._rule in {None, TOO_LATE}

    def replay(self, contract: FeedContract, day: date) -> tuple[ReplayResult, ...]:
        """Replay what quarantine holds of one feed's arrival day.

        Returns:
            A result for the landed files that were refused as a whole, and one for the refused rows
            of the accepted state; none where nothing of the day stands in quarantine.

        Raises:
            OSError: the home folder cannot be written.
        """
        zone = self._settings.feed_timezones.get(contract.feed)
        results = []
        if self._is_meant(quarantine.refused_path(contract.feed, day, self._settings)):
            results.append(self._read_again(contract, day))
        is_read_again = any(result.outcome == "reread" for result in results)
        if not is_read_again and self._is_meant(
            quarantine.accepted_path(contract.feed, day, self._settings)
        ):
            results.append(self._replay_rows(contract, day, zone))
        return tuple(results)

    def _is_meant(self, path: Path) -> bool:
        """Whether a quarantine file exists and holds something of the rule that is asked for."""
        if not path.exists() or self._rule is None:
            return path.exists()
        copy = self._folder / "asked.parquet"
        bring(path, copy)
        try:
            found = self._connection.execute(
                "select count(*) from read_parquet($path, hive_partitioning = false) "
                "where rule = $rule",
                {"path": str(copy), "rule": self._rule},
            ).fetchone()
        finally:
            copy.unlink()
        return found is not None and found[0] > 0

    # --- a day that was refused as a whole ------------------------------------------------------

    def _read_again(self, contract: FeedContract, day: date) -> ReplayResult:
        if not open_zone(self._settings).partition(contract.feed, day).files:
            return _skipped(contract, day, reasons.not_landed_any_more())
        if self._dry_run:
            return _stays(contract, day, reasons.read_again())
        # The ledger is opened by one at a time.
        self._ledger.close()
        with Ingestor(self._settings, history=self._lifts_horizon) as ingestor:
            result = ingestor.ingest(contract, day)
        if result.outcome == "refused":
            reason = Reason("refused", why_refused(result, "en"), why_refused(result, "es"))
            return replace(_skipped(contract, day, reason), judged=result.rows_read)
        return ReplayResult(
            contract.feed,
            day,
            "reread",
            judged=result.rows_read,
            accepted=result.rows_accepted,
            duplicate=result.rows_duplicate,
            problems=result.problems,
        )

    # --- the refused rows of an accepted or withdrawn day ---------------------------------------

    def _replay_rows(self, contract: FeedContract, day: date, zone: str | None) -> ReplayResult:
        state = self._state(contract, day)
        if state is None:
            return _skipped(contract, day, reasons.broken_off())
        with self._day_folder() as folder:
            try:
                return self._replay_state(contract, state, zone, folder)
            except duckdb.Error as error:
                self._replace_connection()
                detail = str(error).split("\n", 1)[0].replace(str(folder), "quarantine")
                return _skipped(contract, day, reasons.unreadable(detail))

    def _state(self, contract: FeedContract, day: date) -> _State | None:
        record = self._ledger.partition(contract.feed, day)
        if record is not None:
            is_intact = discover.raw_is_intact(record, self._settings)
            return _State(record, is_withdrawn=False) if is_intact else None
        withdrawal = self._ledger.withdrawal(contract.feed, day)
        return _State(withdrawal.partition, is_withdrawn=True) if withdrawal is not None else None

    def _replay_state(
        self, contract: FeedContract, state: _State, zone: str | None, folder: Path
    ) -> ReplayResult:
        day, record = state.record.day, state.record
        bring(quarantine.accepted_path(contract.feed, day, self._settings), folder / "held.parquet")
        self._connection.execute(
            "create or replace temp table held as "
            "select * from read_parquet($path, hive_partitioning = false)",
            {"path": str(folder / "held.parquet")},
        )
        if self._count("select count(*) from held where revision <> $of", record.revision):
            return _skipped(contract, day, reasons.broken_off())
        if state.is_withdrawn and self._rule != WITHDRAWN:
            return _stays(contract, day, reasons.stays_withdrawn())
        horizon = None if self._lifts_horizon else record.lateness_days
        judged = self._judge_again(contract, DayRules(day=day, horizon_days=horizon, zone=zone))
        problems = quarantine.problems(self._connection, day)
        let_in = self._count("select count(*) from accepted")
        nothing = ReplayResult(contract.feed, day, "nothing", judged=judged, problems=problems)
        if let_in == 0:
            return nothing
        if not state.is_withdrawn:
            self._add_raw(contract, record, folder)
        self._keep_the_rest()
        return self._join(contract, state, folder, nothing, horizon)

    def _judge_again(self, contract: FeedContract, rules: DayRules) -> int:
        """Fill `accepted` and `quarantine` with the judged rows; returns how many they are."""
        connection = self._connection
        quarantine.start(connection)
        day_rows.start(connection, contract)
        connection.execute("create or replace temp table judged (file varchar, row bigint)")
        connection.execute(
            f"""
            create or replace temp table candidates as
            select file, row, any_value(content) as content
            from held
            where row is not null
            group by file, row
            having
                bool_or(case when $rule is null then rule <> '{WITHDRAWN}' else rule = $rule end)
                -- The text of a line that could not be parsed has no columns to judge.
                and not bool_or(rule = 'malformed_row')
            """,
            {"rule": self._rule},
        )
        # distinct: a file has many rows
        files = connection.execute("select distinct file from candidates order by file").fetchall()
        for (file,) in files:
            connection.execute(
                "create or replace temp table kept as "
                "select row as _row, content from candidates where file = $file",
                {"file": file},
            )
            try:
                source = open_kept_rows(connection, contract)
            except FileRefusedError:
                # Its rows stay as they are; the next landed file of this kind says why.
                continue
            judgement = judge(source, contract, rules)
            connection.execute(
                f"insert into accepted {judgement.accepted}",
                {"_file": file, **source.bound(judgement.accepted)},
            )
            quarantine.add_failed_rows(connection, file, source, judgement)
            connection.execute("insert into judged select $file, _row from kept", {"file": file})
        return self._count("select count(*) from judged")

    def _add_raw(self, contract: FeedContract, record: PartitionRecord, folder: Path) -> None:
        """Add the accepted rows to `accepted`, by today's columns."""
        path = folder / "raw.parquet"
        bring(discover.raw_path(record.feed, record.day, self._settings), path)
        described = self._connection.execute(
            "describe select * from read_parquet($path, hive_partitioning = false)",
            {"path": str(path)},
        ).fetchall()
        present = {name for name, *_ in described}
        values = ", ".join(
            f'cast("{column.name}" as {column.duckdb_type})' if column.name in present else "null"
            for column in contract.columns
        )
        self._connection.execute(
            f"insert into accepted select {values}, _extra, _dt, _file, _row "
            "from read_parquet($path, hive_partitioning = false)",
            {"path": str(path)},
        )

    def _keep_the_rest(self) -> None:
        """Add to `quarantine` what was not judged, as it stood there."""
        self._connection.execute(
            """
            insert into quarantine
            select held.file, held.row, held.rule, held."column", held.reason_en, held.reason_es,
                held.content
            from held
            left join judged on held.file = judged.file and held.row = judged.row
            where judged.row is null
            """
        )

    def _join(
        self,
        contract: FeedContract,
        state: _State,
        folder: Path,
        result: ReplayResult,
        horizon: int | None,
    ) -> ReplayResult:
        """Write the day anew, with duplicates by key left out, and publish it."""
        record, connection = state.record, self._connection
        before = 0 if state.is_withdrawn else record.accepted_count
        rows = self._count("select count(*) from accepted")
        revision = self._revision(contract, record, horizon)
        losers = day_rows.find_losers(connection, contract, "accepted", {})
        accepted = rows - losers
        duplicate = record.duplicate_count + losers
        refused = record.read_count - accepted - duplicate
        kept = quarantine.refused_rows_count(connection)
        if kept != refused:
            raise IngestError(
                f"{contract.feed} dt={record.day}: {record.read_count} rows were read once, but "
                f"after the replay {accepted} are accepted, {duplicate} duplicate and {kept} in "
                "quarantine; nothing was published."
            )
        done = replace(
            result,
            outcome="replayed",
            accepted=accepted - before,
            duplicate=losers,
        )
        if self._dry_run:
            return done
        raw = folder / "data.parquet"
        kept_rows = f"from accepted {WITHOUT_LOSERS if losers else ''}"
        connection.execute(
            f"copy ({kept_rows} order by _file, _row) to $path {RAW_FORMAT}", {"path": str(raw)}
        )
        span = day_rows.span_of(connection, contract, f"({kept_rows})", {})
        rest: Path | None = None
        if self._count("select count(*) from quarantine"):
            rest = folder / "rows.parquet"
            quarantine.write(connection, rest, contract.feed, record.day, revision)
        accept_day(
            self._ledger,
            self._settings,
            replace(
                record,
                revision=revision,
                lateness_days=horizon,
                too_late_count=self._count(
                    "select count(*) from quarantine where rule = $of", TOO_LATE
                ),
                accepted_count=accepted,
                refused_count=refused,
                duplicate_count=duplicate,
                min_event_at=span.first,
                max_event_at=span.last,
                raw_bytes=raw.stat().st_size,
                ingested_at=utc_now(),
            ),
            span.rows_by_day,
            {"raw": raw, "quarantine": rest},
        )
        return done

    def _revision(
        self, contract: FeedContract, record: PartitionRecord, horizon: int | None
    ) -> str:
        """Follows from the earlier state, what judged, and which rows were let in."""
        rows = self._connection.execute(
            "select cast(bit_xor(md5_number(concat(_row, ' ', _file))) as varchar) from accepted"
        ).fetchone()
        digest = hashlib.sha256()
        basis = discover.basis_of(contract, self._settings)
        digest.update(f"{record.revision}\n{basis}\n{horizon}\n{rows}\n".encode())
        return digest.hexdigest()

    def _count(self, query: str, of: str | None = None) -> int:
        row = self._connection.execute(query, {"of": of} if of is not None else {}).fetchone()
        if row is None:
            raise IngestError("an aggregate gave no row")
        return int(row[0])


def bring(source: Path, target: Path) -> None:
    """Put a file of ours where the closed-in connection can read it; we never change one in place.

    Raises:
        OSError: it is gone, or cannot be copied.
    """
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _skipped(contract: FeedContract, day: date, reason: Reason) -> ReplayResult:
    return replace(_stays(contract, day, reason), outcome="skipped")


def _stays(contract: FeedContract, day: date, reason: Reason) -> ReplayResult:
    problem = reason.as_problem(day_name(day))
    return ReplayResult(contract.feed, day, "nothing", problems=(problem,))
