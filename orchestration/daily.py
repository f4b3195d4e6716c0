"""One run of the daily job from the command line: through Dagster, in this process.

What lives here: which days a run covers, the Dagster instance below the home, and how a finished
run is summed up. What may not: the work itself (assets) or its display (screen).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration import run_record
from orchestration.contracts.loader import load_contracts
from orchestration.errors import BilingualError
from orchestration.ingest import discover
from orchestration.ingest.landing_zone import open_zone
from orchestration.ingest.ledger import Ledger
from orchestration.ingest.results import why_refused
from orchestration.screen import TEXTS, RunEnd, Verdict
from orchestration.seeds.tables import day_of
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.warehouse import home_lock

if TYPE_CHECKING:
    from dagster import DagsterInstance, ExecuteInProcessResult

    from orchestration.checks.results import CheckResult

logger = logging.getLogger("semillero.run")

_SHOWN_ROWS = 3
_SHOWN_MONTHS = 12

_LIVE_ROUTES = frozenset({"live_sessions", "live_snapshots", "backstage_reports"})
"""Feeds by which it is known who was LIVE (the models' macro `live_routes` has the same)."""


class NothingToRunError(BilingualError):
    """There is no arrival day to run, or the asked range is not one."""


class DagsterStorageError(BilingualError):
    """Dagster cannot write down its runs, so that none can be done."""


class RuleMonthError(BilingualError):
    """A month cannot be read by the rules that were asked for."""


@dataclass(frozen=True)
class RunOptions:
    """What a person asked a run to do.

    Attributes:
        first: First arrival day; None takes the earliest day with new or changed files.
        last: Last arrival day; None takes the latest such day.
        history: Lift the lateness horizon.
        accept_shift: Why a shift of volumes or KPIs is real; None lets the gate refuse it.
        as_was: A month (like 2026-07) that is to go by the rules of its time again.
        as_is: A month that is to go by the rules of the last arrival day from now on.
    """

    first: date | None = None
    last: date | None = None
    history: bool = False
    accept_shift: str | None = None
    as_was: str | None = None
    as_is: str | None = None


def chosen_month(settings: Settings, options: RunOptions) -> date | None:
    """The first day of the month whose rules a person chooses with this run, if any.

    Raises:
        RuleMonthError: Both ways at once, no month, a month to come, or one without LIVE data.
    """
    if options.as_was is not None and options.as_is is not None:
        raise RuleMonthError(
            "--as-was and --as-is cannot be given in one run: choose one month and one way.",
            "--as-was y --as-is no se pueden dar en la misma corrida: elija un mes y una forma.",
        )
    text = options.as_was if options.as_was is not None else options.as_is
    if text is None:
        return None
    month = day_of(f"{text}-01")
    if month is None:
        raise RuleMonthError(
            f"{text!r} is no month; write it as 2026-07.",
            f"{text!r} no es un mes; escríbalo como 2026-07.",
        )
    if month > datetime.now(UTC).date():
        raise RuleMonthError(
            f"{text} is still to come: there is nothing to recompute.",
            f"{text} aún no empieza: no hay nada que recalcular.",
        )
    with Ledger(settings.ledger) as ledger:
        known = {
            f"{each.event_date:%Y-%m}"
            for each in ledger.event_days()
            if each.feed in _LIVE_ROUTES and each.row_count
        }
    if text not in known:
        shown = ", ".join(sorted(known)[-_SHOWN_MONTHS:])
        raise RuleMonthError(
            f"No LIVE data of {text} has been read. There is data of: {shown or 'no month yet'}.",
            f"No se han leído datos de LIVE de {text}. Hay datos de: {shown or 'ningún mes aún'}.",
        )
    return month


def _choose_rules(settings: Settings, options: RunOptions) -> None:
    """Write down the choice before the run: a crash leaves it made or not made, never half."""
    month = chosen_month(settings, options)
    if month is not None:
        with Ledger(settings.ledger) as ledger:
            ledger.choose_rules(month, datetime.now(UTC), is_as_is=options.as_is is not None)


def days_to_run(settings: Settings, options: RunOptions) -> tuple[date, date]:
    """The range of arrival days of a run.

    Raises:
        NothingToRunError: The range is upside down or outside the calendar, or nothing has landed.
    """
    earliest = date.fromisoformat(settings.first_day)
    today = datetime.now(UTC).date()
    first, last = options.first, options.last
    if first is None or last is None:
        arrived = _arrived_days(settings, history=options.history)
        if not arrived and first is None and last is None:
            place = open_zone(settings).place
            raise NothingToRunError(
                f"Nothing has landed in {place}: there is no folder <feed>/dt=YYYY-MM-DD there. "
                "Drop files there, or make a sample world with `semillero simulate`.",
                f"Aún no llega nada a {place}: no hay ninguna carpeta <feed>/dt=AAAA-MM-DD. Ponga "
                "ahí los archivos, o cree un mundo de ejemplo con `semillero simulate`.",
            )
        first = first or min([*arrived, last or today])
        last = last or max([*arrived, first])
    if first > last:
        raise NothingToRunError(
            f"--from {first} is after --to {last}.", f"--from {first} es posterior a --to {last}."
        )
    if first < earliest or last > today:
        raise NothingToRunError(
            f"{first} to {last} is not within the arrival days {earliest} (SEMILLERO_FIRST_DAY) to "
            f"{today} (today, UTC). Folders landing/<feed>/dt=<day> carry the day of arrival.",
            f"{first} a {last} se sale de los días de llegada, que van de {earliest} "
            f"(SEMILLERO_FIRST_DAY) a {today} (hoy, UTC). Las carpetas landing/<feed>/dt=<día> "
            "llevan el día de llegada.",
        )
    return first, last


def _arrived_days(settings: Settings, *, history: bool) -> list[date]:
    """Days with new or changed files; else the last day that landed, so that the gate is asked.

    Landing may have been cleaned up since, and a day been replayed or withdrawn: the last day that
    raw holds will do as well.
    """
    contracts = load_contracts()
    zone = open_zone(settings)
    with Ledger(settings.ledger) as ledger:
        pending = discover.pending_days(contracts, settings, ledger, zone, history=history)
        known = [each.day for each in ledger.partitions()]
        known += [each.partition.day for each in ledger.withdrawals()]
    days = sorted({day for feed_days in pending.values() for day in feed_days})
    if days:
        return days
    landed = [day for feed in contracts for day in discover.landed_days(feed, zone).days]
    return [max(landed or known)] if landed or known else []


@contextmanager
def _dagster_storage(settings: Settings) -> Iterator[None]:
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except DBAPIError as error:
        raise DagsterStorageError(
            f"Dagster's storage in {settings.dagster_home} cannot be used: {error.orig}. If the "
            "disk is full, make room. If the storage is damaged, move this folder away: it holds "
            "the history of runs and no data, and the next run makes it anew. Then run again.",
            f"No se puede usar el almacén de Dagster en {settings.dagster_home}: {error.orig}. Si "
            "el disco está lleno, libere espacio. Si el almacén está dañado, mueva esa carpeta a "
            "otro lugar: guarda el historial de corridas y ningún dato, y la próxima corrida la "
            "crea de nuevo. Después repita el comando.",
        ) from error


def open_instance(settings: Settings) -> DagsterInstance:
    """Dagster's instance below the home, configured by the checkout's `dagster.yaml`."""
    from dagster import DagsterInstance

    prepare_dagster_home(settings)
    return DagsterInstance.get()


def prepare_dagster_home(settings: Settings) -> None:
    """Link `dagster.yaml` into the home and point DAGSTER_HOME there."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    link = settings.dagster_home / "dagster.yaml"
    wanted = PROJECT_ROOT / "dagster.yaml"
    if not link.is_symlink() or link.readlink() != wanted:
        unfinished = link.with_name(f".dagster.yaml.{os.getpid()}")
        unfinished.unlink(missing_ok=True)
        unfinished.symlink_to(wanted)
        unfinished.replace(link)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    os.environ["SEMILLERO_HOME"] = str(settings.home)


def run(settings: Settings, options: RunOptions) -> RunEnd:
    """Run the daily job over a range of arrival days as one Dagster run.

    Raises:
        NothingToRunError: See `days_to_run`.
        RuleMonthError: See `chosen_month`.
        HomeBusyError: Another run holds the home.
        DagsterStorageError: Dagster's own files are damaged, or their disk is full.
    """
    first, last = days_to_run(settings, options)
    chosen_month(settings, options)
    from orchestration.assets.jobs import JOB_NAME, range_tags
    from orchestration.assets.release import ACCEPT_SHIFT_TAG
    from orchestration.definitions import build_defs

    accepted = {ACCEPT_SHIFT_TAG: options.accept_shift} if options.accept_shift else {}
    logger.info("Arrival days %s to %s", first, last)
    with (
        # Before Dagster knows of the run: who has to wait has not begun.
        home_lock(settings, "semillero run"),
        _dagster_storage(settings),
        open_instance(settings) as instance,
        # dagster-dbt repeats dbt's log on standard output; it stands in runs/<run id>/dbt/dbt.log.
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        redirect_stdout(nowhere),
    ):
        _choose_rules(settings, options)
        job = build_defs().resolve_job_def(JOB_NAME)
        result = job.execute_in_process(
            instance=instance,
            tags={**range_tags(first, last), **accepted},
            run_config=_run_config(options),
            raise_on_error=False,
        )
        return _sum_up(settings, result)


def _run_config(options: RunOptions) -> dict[str, Any]:
    ingest = {"config": {"history": options.history}}
    operations = {f"raw__{feed}": ingest for feed in load_contracts()}
    # A person reads the `semillero` loggers; Dagster's own account of the run is in its UI.
    return {"ops": operations, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def _sum_up(settings: Settings, result: ExecuteInProcessResult) -> RunEnd:
    from orchestration.checks.drift import PREFIX as DRIFT_PREFIX
    from orchestration.checks.evidence import load_evidence
    from orchestration.release.pointer import current_release

    outcome = run_record.read_outcome(settings, result.run_id)
    checks = load_evidence(settings, result.run_id)
    current = current_release(settings)
    verdict: Verdict = "refused"
    mirror_behind = (outcome or {}).get("mirror_behind", {}).get(settings.language)
    # What failed after publication does not undo it.
    if result.success or mirror_behind:
        # A run in which nothing had to be built does not reach publication.
        verdict = "published" if outcome and outcome["is_published"] else "unchanged"
    said = [
        f"{feed} {day.day}: {why_refused(day, settings.language)}"
        for feed, days in run_record.read_ingest(settings, result.run_id).items()
        for day in days
        if day.outcome == "refused"
    ] + [
        _told(check, settings) for check in checks if not check.passed and check.severity == "error"
    ]
    return RunEnd(
        run_id=result.run_id,
        verdict=verdict,
        release=current.release_id if current else None,
        reasons=said or _failures(result, settings),
        warnings=[
            getattr(check, f"message_{settings.language}")
            for check in checks
            # What drifted is told with what was read.
            if not check.passed
            and check.severity == "warn"
            and not check.check_id.startswith(DRIFT_PREFIX)
        ],
        checks_passed=sum(check.passed for check in checks),
        checks_total=len(checks),
        is_shift=any(
            check.kind == "shift" and not check.passed and check.severity == "error"
            for check in checks
        ),
        mirror_behind=mirror_behind,
    )


def _told(check: CheckResult, settings: Settings) -> str:
    """A failed check for people: its name, its table, what it found, and the first rows."""
    message = getattr(check, f"message_{settings.language}")
    rows = [
        ", ".join(f"{name}={value}" for name, value in row.items())
        for row in check.sample[:_SHOWN_ROWS]
    ]
    return "\n    ".join([f"{check.check_id} ({check.table}): {message}", *rows])


def _failures(result: ExecuteInProcessResult, settings: Settings) -> Sequence[str]:
    """What the failed steps said, without tracebacks."""
    reasons: list[str] = []
    for event in result.all_events:
        if not event.is_step_failure:
            continue
        failure = event.step_failure_data
        if failure.user_failure_data and failure.user_failure_data.description:
            reasons.append(failure.user_failure_data.description)
        elif failure.error:
            cause = failure.error.cause or failure.error
            if failure.error.cls_name == "DagsterExecutionInterruptedError":
                return [TEXTS[settings.language]["interrupted"]]
            reasons.append(_in_words(event.step_key or "", cause.message.strip()))
    return reasons or [
        "The run failed before any step could say why; see the run in the Dagster UI."
    ]


def _in_words(step: str, message: str) -> str:
    """An error as a sentence: our own say it all, others gain the step in which they came up."""
    kind, colon, said = message.partition(": ")
    if colon and kind.startswith("orchestration."):
        return said
    return f"{step}: {message}"
