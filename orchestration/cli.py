"""The command line: `semillero`.

What lives here: commands, their options and exit codes (0 done, 1 refused or failed, 2 wrong use).
What may not: work. Every command imports what it needs when it runs, so `--help` is instant.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.logging import RichHandler

from orchestration.errors import BilingualError
from orchestration.progress import SpanishHandler
from orchestration.settings import Settings, get_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestration.contracts.loader import FeedContract
    from orchestration.ingest.quarantine_tool import Selection

app = typer.Typer(
    help="The open analytics warehouse for LIVE-streaming creator operations.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
ingest_app = typer.Typer(help="Turn outside formats into landing files.", no_args_is_help=True)
release_app = typer.Typer(help="Look at what was published.", no_args_is_help=True)
contracts_app = typer.Typer(help="What follows from the contracts.", no_args_is_help=True)
quarantine_app = typer.Typer(
    help="See what was refused, correct it, let it in again.", no_args_is_help=True
)
drift_app = typer.Typer(
    help="See what drifted in the feeds; take it for the new normal.", no_args_is_help=True
)
metrics_app = typer.Typer(
    help="Ask the current release for metrics, by any group and period.", no_args_is_help=True
)
app.add_typer(ingest_app, name="ingest")
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(release_app, name="release")
app.add_typer(contracts_app, name="contracts")
app.add_typer(drift_app, name="drift")
app.add_typer(metrics_app, name="metrics")

REFUSED = 1
WRONG_USE = 2

FeedArgument = Annotated[str, typer.Argument(help="The feed.")]
DayArgument = Annotated[
    datetime, typer.Argument(formats=["%Y-%m-%d"], help="The arrival day (UTC).")
]
FeedOption = Annotated[str | None, typer.Option(help="Only this feed.")]
DayOption = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only this arrival day (UTC).")
]
FromOption = Annotated[
    datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First arrival day (UTC).")
]
ToOption = Annotated[
    datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last arrival day (UTC).")
]
RuleOption = Annotated[
    str | None, typer.Option(help="Only rows refused under this rule, like too_late.")
]
PersonalOption = Annotated[
    bool,
    typer.Option("--personal", help="Also personal values, and those that no contract classifies."),
]


def _console() -> Console:
    return Console(highlight=False, soft_wrap=False)


def _load_settings() -> Settings:
    try:
        return get_settings()
    except ValidationError as error:
        for problem in error.errors():
            name = "_".join(["SEMILLERO", *(str(part).upper() for part in problem["loc"])])
            typer.secho(f"{name}: {problem['msg']}", fg="red", err=True)
        raise typer.Exit(WRONG_USE) from error


def _speak(settings: Settings) -> None:
    """Send the `semillero` loggers to the terminal, one short line each, in the right language."""
    show = SpanishHandler if settings.language == "es" else RichHandler
    handler = show(
        console=Console(stderr=True, highlight=False),
        show_path=False,
        show_level=False,
        log_time_format="%H:%M:%S",
        markup=False,
    )
    root = logging.getLogger("semillero")
    root.setLevel(logging.INFO)
    root.handlers = [handler]
    root.propagate = False
    # dbt and Dagster set up loggers of their own; their words stand in dbt.log and in the UI.
    for name in ("dagster", "great_expectations"):
        other = logging.getLogger(name)
        other.handlers = [logging.NullHandler()]
        other.propagate = False


@contextmanager
def _errors_for_people(
    *failures: type[Exception], wrong_use: tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Print an expected error as its message, not as a traceback.

    Args:
        failures: Errors after which the command was refused or failed: exit code 1. So do those in
            both languages, and those of the disk, which every command can meet.
        wrong_use: Errors that only another command line puts right: exit code 2.
    """
    try:
        yield
    except failures as error:
        raise _end(_said(error), REFUSED) from error
    except wrong_use as error:
        raise _end(_said(error), WRONG_USE) from error
    except BilingualError as error:
        raise _end(_said(error), REFUSED) from error
    except OSError as error:
        from orchestration.screen import TEXTS

        text = TEXTS[get_settings().language]
        where = error.filename or text["disk_of_the_home"]
        said = text["disk_failed"].format(where=where, error=error.strerror or error)
        raise _end(said, REFUSED) from error


def _said(error: Exception) -> str:
    """What an error says; in the language of the screen if it knows both."""
    if isinstance(error, BilingualError):
        return error.message(get_settings().language)
    return str(error)


def _end(said: str, code: int) -> typer.Exit:
    """Say why the command ends here; to be raised."""
    typer.secho(said, fg="red", err=True)
    return typer.Exit(code)


def _local_landing(settings: Settings) -> Path:
    """The landing folder, for commands that write into it; ends where landing is a bucket."""
    if settings.landing_url:
        from orchestration.screen import TEXTS

        text = TEXTS[settings.language]["landing_is_a_bucket"]
        raise _end(text.format(url=settings.landing_url), WRONG_USE)
    return settings.landing


def _as_date(value: datetime | None) -> date | None:
    return value.date() if value else None


@app.command()
def run(
    from_day: FromOption = None,
    to_day: ToOption = None,
    history: Annotated[
        bool, typer.Option("--history", help="First load of history: lift the lateness horizon.")
    ] = False,
    accept_shift: Annotated[
        str | None,
        typer.Option(help="Why a shift of volumes or KPIs is real; written into the certificate."),
    ] = None,
    as_was: Annotated[
        str | None,
        typer.Option(
            metavar="MONTH",
            help="Read a month (2026-07) by the metric rules of its time again, as all are unless "
            "told otherwise.",
        ),
    ] = None,
    as_is: Annotated[
        str | None,
        typer.Option(
            metavar="MONTH",
            help="Read a month (2026-07) by the metric rules of the last arrival day, from this "
            "run on.",
        ),
    ] = None,
) -> None:
    """Ingest what arrived, build the marts, check them, publish a release."""
    settings = _load_settings()
    _speak(settings)
    from orchestration import daily, screen
    from orchestration.assets.manifest import ManifestError, prepare_manifest
    from orchestration.checks.suites import SuiteError
    from orchestration.contracts.loader import ContractError
    from orchestration.ingest.ledger import LedgerError
    from orchestration.release.errors import ReleaseError
    from orchestration.warehouse import HomeBusyError

    options = daily.RunOptions(
        first=_as_date(from_day),
        last=_as_date(to_day),
        history=history,
        accept_shift=accept_shift,
        as_was=as_was,
        as_is=as_is,
    )
    with _errors_for_people(
        ContractError,
        HomeBusyError,
        LedgerError,
        ManifestError,
        ReleaseError,
        SuiteError,
        daily.DagsterStorageError,
        wrong_use=(daily.NothingToRunError, daily.RuleMonthError),
    ):
        daily.days_to_run(settings, options)
        daily.chosen_month(settings, options)
        prepare_manifest(settings)
        end = daily.run(settings, options)
        screen.show(_console(), settings, end)
    if end.verdict == "refused" or end.mirror_behind:
        raise typer.Exit(REFUSED)


@app.command()
def simulate(
    creators: Annotated[
        int | None, typer.Option(help="How many people applied or had joined (2000).")
    ] = None,
    days: Annotated[
        int | None, typer.Option(help="Length of the world in days (120), or days to add.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same bytes (7).")] = None,
    start: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="First day with events, UTC (2026-07-01)."),
    ] = None,
    dirt: Annotated[
        str | None,
        typer.Option(help="none, usual, all, or kinds with commas between them (usual)."),
    ] = None,
    file_format: Annotated[
        str | None,
        typer.Option("--format", help="parquet, csv, csv.gz, jsonl, jsonl.gz or mixed (mixed)."),
    ] = None,
    extend: Annotated[
        bool, typer.Option("--extend", help="Add --days to the world that is there.")
    ] = False,
    feeds: Annotated[
        str | None,
        typer.Option(
            help="The feeds to make, with commas between them (all but backstage_reports, which "
            "are spreadsheets beside landing)."
        ),
    ] = None,
    gift_share: Annotated[
        float | None, typer.Option(help="Share of creators whose gifts are landed (0.05).")
    ] = None,
    polled_share: Annotated[
        float | None, typer.Option(help="Share of creators whom only polls show (0.05).")
    ] = None,
    programs: Annotated[
        str | None,
        typer.Option(help="all, none, or ids of programs with commas between them (all)."),
    ] = None,
    if_empty: Annotated[
        bool, typer.Option("--if-empty", help="Do nothing where something has landed already.")
    ] = False,
) -> None:
    """Make a sample LATAM LIVE world in the landing zone, and the truth about it."""
    settings = _load_settings()
    _speak(settings)
    is_empty = not settings.landing_url and not (
        settings.landing.is_dir() and any(settings.landing.iterdir())
    )
    if if_empty and not is_empty:
        return
    landing = _local_landing(settings)
    from orchestration.simulate import WorldError, WorldOptions
    from orchestration.simulate import extend as make_longer
    from orchestration.simulate import simulate as make_world

    asked = {
        "creators": creators,
        "seed": seed,
        "start": start.date() if start is not None else None,
        "dirt": dirt,
        "format": file_format,
        "feeds": feeds and tuple(feed.strip() for feed in feeds.split(",")),
        "programs": programs,
        "gift_share": gift_share,
        "polled_share": polled_share,
    }
    given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    truth, tell = settings.home / "truth", logging.getLogger("semillero.simulate").info
    with _errors_for_people(wrong_use=(WorldError,)):
        if extend:
            if given:
                raise WorldError(
                    f"--{next(iter(given))} cannot be given with --extend: the world that is there "
                    "goes on as it was made."
                )
            if days is None:
                raise WorldError("--extend needs --days: how many to add.")
            world = make_longer(landing, days, truth_dir=truth, progress=tell)
        else:
            if days is not None:
                given["days"] = days
            world = make_world(landing, WorldOptions(**given), truth_dir=truth, progress=tell)
    logging.getLogger("semillero.simulate").info(
        "Sample world: %s creators, %s LIVE sessions, %s files that arrive %s to %s (%s). "
        "What is true of it: %s",
        f"{world.creators:,}",
        f"{world.sessions:,}",
        f"{world.files:,}",
        world.first_arrival_date,
        world.last_arrival_date,
        world.landing,
        world.truth,
    )


@ingest_app.command()
def holodex(
    folder: Annotated[Path, typer.Argument(help="Folder with the two Holodex Parquet files.")],
) -> None:
    """Land collected Holodex sessions (YouTube) as creators, agencies and live_sessions."""
    settings = _load_settings()
    _speak(settings)
    _local_landing(settings)
    from orchestration.screen import show_landing
    from orchestration.sources.holodex import land_holodex

    tell = logging.getLogger("semillero.holodex").info
    with _errors_for_people():
        landed = land_holodex(folder, settings, progress=tell)
    show_landing(_console(), settings, landed)


@ingest_app.command()
def backstage(
    path: Annotated[Path, typer.Argument(help="An exported .xlsx file, or a folder of them.")],
    yes: Annotated[bool, typer.Option("--yes", help="Land without asking.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what was recognised and write nothing.")
    ] = False,
) -> None:
    """Land exports of Backstage (TikTok LIVE, English or Spanish) as backstage_reports."""
    settings = _load_settings()
    _speak(settings)
    if not dry_run:
        _local_landing(settings)
    from orchestration.screen import show_landing
    from orchestration.screen_backstage import TEXTS, show_reading
    from orchestration.sources.backstage import land_exports, read_exports

    texts = TEXTS[settings.language]
    tell = logging.getLogger("semillero.backstage").info
    with _errors_for_people(), read_exports(path, settings, progress=tell) as reading:
        show_reading(_console(), settings, reading)
        count = f"{len(reading.new):,}"
        if not reading.new:
            typer.echo(texts["nothing"])
        elif dry_run:
            typer.echo(texts["dry_run"])
        elif not yes and not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise _end(texts["not_written"].format(count=count), WRONG_USE)
        elif yes or typer.confirm(texts["ask"].format(count=count)):
            landed = land_exports(reading, settings)
            if landed is not None:
                show_landing(_console(), settings, landed)
    if reading.refused:
        raise typer.Exit(REFUSED)


@app.command()
def status() -> None:
    """What landed, what was refused, what is published."""
    settings = _load_settings()
    from orchestration.contracts.loader import ContractError
    from orchestration.ingest.ledger import LedgerError
    from orchestration.release.errors import ReleaseError
    from orchestration.screen import show_status

    with _errors_for_people(ContractError, LedgerError, ReleaseError):
        show_status(_console(), settings)


@release_app.command("list")
def list_command() -> None:
    """List the releases, oldest first; the current one is marked."""
    settings = _load_settings()
    from orchestration.release.errors import ReleaseError
    from orchestration.screen import show_releases

    with _errors_for_people(ReleaseError):
        show_releases(_console(), settings)


@release_app.command()
def verify(
    release_id: Annotated[
        str | None, typer.Argument(help="A release; the current one if not given.")
    ] = None,
) -> None:
    """Recompute every hash of a release and compare with its certificate."""
    settings = _load_settings()
    from orchestration.release.errors import ReleaseError
    from orchestration.release.pointer import current_release
    from orchestration.release.verify import verify_folder
    from orchestration.screen import TEXTS

    with _errors_for_people(ReleaseError):
        if release_id is None:
            current = current_release(settings)
            if current is None:
                typer.echo(TEXTS[settings.language]["no_release"])
                raise typer.Exit(REFUSED)
            release_id = current.release_id
        problems = verify_folder(settings.releases / Path(release_id).name)
    for problem in problems:
        typer.secho(problem, fg="red", err=True)
    if problems:
        raise typer.Exit(REFUSED)
    typer.echo(TEXTS[settings.language]["verified"].format(release=release_id))


@release_app.command()
def mirror() -> None:
    """Bring the mirror in the bucket up to the current release."""
    settings = _load_settings()
    _speak(settings)
    from orchestration.release.errors import ReleaseError
    from orchestration.release.mirror import mirror_current
    from orchestration.screen import TEXTS
    from orchestration.warehouse import HomeBusyError, home_lock

    texts = TEXTS[settings.language]
    if not settings.release_url:
        raise _end(texts["no_mirror"], WRONG_USE)
    with (
        _errors_for_people(HomeBusyError, ReleaseError),
        home_lock(settings, "semillero release mirror"),
    ):
        mirrored = mirror_current(settings)
    if mirrored is None:
        typer.echo(texts["no_release"])
        raise typer.Exit(REFUSED)
    typer.echo(
        texts["mirror_is_current"].format(url=settings.release_url, release=mirrored.release_id)
    )


@contracts_app.command("render")
def render_contracts() -> None:
    """Make the dbt sources and the data dictionaries from the contracts."""
    settings = _load_settings()
    from orchestration.contracts.loader import ContractError
    from orchestration.contracts.render import render
    from orchestration.screen import TEXTS

    texts = TEXTS[settings.language]
    with _errors_for_people(ContractError):
        written = render()
    for path in written:
        typer.echo(texts["rendered"].format(path=path))
    if not written:
        typer.echo(texts["as_contracts_say"])


@contracts_app.command("check")
def check_contracts() -> None:
    """Load every contract, and say which made file is not what the contracts say."""
    settings = _load_settings()
    from orchestration.contracts.loader import ContractError
    from orchestration.contracts.render import differing
    from orchestration.screen import TEXTS

    texts = TEXTS[settings.language]
    with _errors_for_people(ContractError):
        files = differing()
    for path in files:
        typer.secho(texts["not_as_contracts_say"].format(path=path), fg="red", err=True)
    if files:
        raise typer.Exit(REFUSED)
    typer.echo(texts["as_contracts_say"])


def _select(
    contracts: Mapping[str, FeedContract],
    feed: str | None,
    day: datetime | None,
    days: tuple[datetime | None, datetime | None],
    rule: str | None,
) -> Selection:
    """What part of quarantine is meant; exits where that cannot be."""
    from orchestration.ingest.quarantine_tool import Selection

    if feed is not None:
        _known_feed(contracts, feed)
    if day and any(days):
        from orchestration.screen import TEXTS

        raise _end(TEXTS[get_settings().language]["day_and_range"], WRONG_USE)
    first, last = (_as_date(end) for end in ((day, day) if day else days))
    return Selection(feed=feed, first=first, last=last, rule=rule)


def _known_feed(contracts: Mapping[str, FeedContract], feed: str) -> FeedContract:
    if feed not in contracts:
        from orchestration.ingest.reasons import unknown_feed

        said = getattr(unknown_feed(contracts), get_settings().language)
        raise _end(f"{feed}: {said}", WRONG_USE)
    return contracts[feed]


@quarantine_app.command("list")
def quarantine_list(
    feed: FeedOption = None,
    day: DayOption = None,
    from_day: FromOption = None,
    to_day: ToOption = None,
    rule: RuleOption = None,
) -> None:
    """Count refused rows, by feed, arrival day and rule."""
    settings = _load_settings()
    from orchestration.contracts.loader import ContractError, load_contracts
    from orchestration.ingest.ledger import LedgerError
    from orchestration.ingest.quarantine_tool import summary
    from orchestration.screen_quarantine import show_held

    with _errors_for_people(ContractError, LedgerError):
        contracts = load_contracts()
        selection = _select(contracts, feed, day, (from_day, to_day), rule)
        show_held(_console(), settings, summary(settings, contracts, selection))


@quarantine_app.command("show")
def quarantine_show(
    feed: FeedOption = None,
    day: DayOption = None,
    from_day: FromOption = None,
    to_day: ToOption = None,
    rule: RuleOption = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows to show.")] = 20,
    personal: PersonalOption = False,
) -> None:
    """Show refused rows with their reasons; personal values are masked."""
    settings = _load_settings()
    from orchestration.contracts.loader import ContractError, load_contracts
    from orchestration.ingest.quarantine_tool import sample
    from orchestration.screen_quarantine import show_sample

    with _errors_for_people(ContractError):
        contracts = load_contracts()
        selection = _select(contracts, feed, day, (from_day, to_day), rule)
        rows = sample(settings, contracts, selection, limit=limit, personal=personal)
        show_sample(_console(), settings, rows)


@quarantine_app.command("export")
def quarantine_export(
    path: Annotated[Path, typer.Argument(help="The file to write: .csv, .jsonl or .parquet.")],
    feed: FeedOption = None,
    day: DayOption = None,
    from_day: FromOption = None,
    to_day: ToOption = None,
    rule: RuleOption = None,
    personal: PersonalOption = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
) -> None:
    """Write refused rows of a feed in its own columns, to correct them and land them again."""
    settings = _load_settings()
    from orchestration.contracts.loader import ContractError, load_contracts
    from orchestration.ingest.quarantine_tool import QuarantineToolError, export
    from orchestration.screen_quarantine import show_export

    with _errors_for_people(ContractError, wrong_use=(QuarantineToolError,)):
        contracts = load_contracts()
        selection = _select(contracts, feed, day, (from_day, to_day), rule)
        written = export(settings, contracts, selection, path, personal=personal, force=force)
        show_export(_console(), settings, written)


@quarantine_app.command("replay")
def quarantine_replay(
    feed: FeedOption = None,
    day: DayOption = None,
    from_day: FromOption = None,
    to_day: ToOption = None,
    rule: RuleOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Judge, say what would happen, change nothing.")
    ] = False,
) -> None:
    """Judge refused rows again by today's contract; late ones are let in."""
    settings = _load_settings()
    _speak(settings)
    from orchestration.contracts.loader import ContractError, load_contracts
    from orchestration.ingest.ledger import LedgerError
    from orchestration.ingest.quarantine_tool import held_days
    from orchestration.ingest.replay import Replayer
    from orchestration.screen_quarantine import show_replay
    from orchestration.warehouse import HomeBusyError, home_lock

    expected = (ContractError, HomeBusyError, LedgerError)
    with _errors_for_people(*expected, wrong_use=(ValueError,)):
        contracts = load_contracts()
        selection = _select(contracts, feed, day, (from_day, to_day), rule)
        with (
            home_lock(settings, "semillero quarantine replay"),
            Replayer(settings, rule=rule, dry_run=dry_run) as replayer,
        ):
            results = [
                result
                for held in held_days(settings, contracts, selection)
                for result in replayer.replay(contracts[held.feed], held.day)
            ]
        show_replay(_console(), settings, results, dry_run=dry_run)
    if any(result.outcome == "skipped" for result in results):
        raise typer.Exit(REFUSED)


@app.command()
def withdraw(
    feed: FeedArgument,
    day: DayArgument,
    because: Annotated[str, typer.Option(help="Why; kept with the day.")],
) -> None:
    """Take an accepted arrival day out again; its rows wait in quarantine."""
    settings = _load_settings()
    _speak(settings)
    from orchestration.contracts.loader import ContractError, load_contracts
    from orchestration.ingest.ledger import LedgerError
    from orchestration.ingest.withdraw import withdraw as take_out
    from orchestration.screen_quarantine import show_withdrawal
    from orchestration.warehouse import HomeBusyError, home_lock

    with _errors_for_people(ContractError, HomeBusyError, LedgerError):
        contract = _known_feed(load_contracts(), feed)
        with home_lock(settings, "semillero withdraw"):
            withdrawal = take_out(settings, contract, day.date(), because)
        show_withdrawal(_console(), settings, withdrawal)


@drift_app.command("list")
def drift_list(
    feed: FeedOption = None, from_day: FromOption = None, to_day: ToOption = None
) -> None:
    """What drifted when, with the last good day beside it, and what was accepted."""
    settings = _load_settings()
    from orchestration.contracts.loader import ContractError, load_contracts
    from orchestration.ingest.ledger import Ledger, LedgerError
    from orchestration.screen_drift import show_drift

    first, last = _as_date(from_day) or date.min, _as_date(to_day) or date.max
    with _errors_for_people(ContractError, LedgerError):
        if feed is not None:
            _known_feed(load_contracts(), feed)
        with Ledger(settings.ledger) as ledger:
            noted = [each for each in ledger.drift(feed) if first <= each.day <= last]
            acceptances = [
                each for each in ledger.drift_acceptances(feed) if first <= each.day <= last
            ]
        show_drift(_console(), settings, noted, acceptances)


@drift_app.command("accept")
def drift_accept(
    feed: FeedArgument,
    day: DayArgument,
    because: Annotated[str, typer.Option(help="Why it is normal from now on; kept.")],
) -> None:
    """Take what drifted on a day for the new normal; the next run lets the day in."""
    settings = _load_settings()
    _speak(settings)
    from orchestration.contracts.loader import ContractError, load_contracts
    from orchestration.ingest.accept_drift import accept_drift
    from orchestration.ingest.ledger import LedgerError
    from orchestration.screen_drift import show_acceptance
    from orchestration.warehouse import HomeBusyError, home_lock

    with _errors_for_people(ContractError, HomeBusyError, LedgerError):
        _known_feed(load_contracts(), feed)
        with home_lock(settings, "semillero drift accept"):
            found = accept_drift(settings, feed, day.date(), because)
        show_acceptance(_console(), settings, feed, day.date(), found)


@metrics_app.command("list")
def metrics_list(
    metrics: Annotated[
        list[str] | None,
        typer.Argument(help="Metrics to explain, with what they can be told by together."),
    ] = None,
) -> None:
    """List the metrics, or say what some of them are."""
    settings = _load_settings()
    _speak(settings)
    from orchestration import metrics as asked
    from orchestration.assets.manifest import (
        ManifestError,
        prepare_manifest,
        semantic_manifest_path,
    )
    from orchestration.release.errors import ReleaseError
    from orchestration.screen_metrics import show_metric, show_metrics

    with _errors_for_people(ManifestError, ReleaseError, wrong_use=(asked.MetricsError,)):
        prepare_manifest(settings)
        path = semantic_manifest_path(settings)
        known = asked.metrics_of(path, asked.kpi_names(), settings.language)
        if not metrics:
            show_metrics(_console(), settings, known)
            return
        with asked.engine_of(settings, path) as engine:
            groups = asked.groups_of(engine, metrics)
        show_metric(_console(), settings, [each for each in known if each.name in metrics], groups)


@metrics_app.command("query")
def metrics_query(
    metrics: Annotated[list[str], typer.Argument(help="Metrics, like live_hours active_creators.")],
    by: Annotated[
        str,
        typer.Option(
            help="What to tell them by, with commas between: metric_time__week,market,agency"
        ),
    ] = "",
    where: Annotated[
        list[str] | None,
        typer.Option(help="A condition, like \"{{ Entity('market') }} = 'MX'\"; may be repeated."),
    ] = None,
    from_day: Annotated[
        datetime | None,
        typer.Option(
            "--from",
            formats=["%Y-%m-%d"],
            help="First local day; weeks and months are told whole.",
        ),
    ] = None,
    to_day: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last local day.")
    ] = None,
    order: Annotated[
        str,
        typer.Option(
            help="Columns to order by, with commas between; - before one turns it around."
        ),
    ] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="The most rows.")] = None,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV, with unrounded values.")
    ] = False,
    sql: Annotated[bool, typer.Option("--sql", help="Print the SQL, and ask nothing.")] = False,
) -> None:
    """Ask the current release for metrics."""
    settings = _load_settings()
    _speak(settings)
    from orchestration import metrics as asked
    from orchestration.assets.manifest import (
        ManifestError,
        prepare_manifest,
        semantic_manifest_path,
    )
    from orchestration.release.errors import ReleaseError
    from orchestration.screen_metrics import show_answer, write_csv

    groups = _listed(by)
    question = asked.Question(
        metrics=metrics,
        group_by=groups,
        where=where or (),
        first=_as_date(from_day),
        last=_as_date(to_day),
        # Two questions have two answers in the same order.
        order_by=_listed(order) or groups,
        limit=limit,
    )
    with _errors_for_people(ManifestError, ReleaseError, wrong_use=(asked.MetricsError,)):
        prepare_manifest(settings)
        with asked.engine_of(settings, semantic_manifest_path(settings)) as engine:
            if sql:
                typer.echo(asked.sql_of(engine, question))
                return
            answer = asked.ask(engine, question)
    if as_csv:
        write_csv(sys.stdout, answer)
    else:
        show_answer(_console(), settings, answer)


def _listed(text: str) -> list[str]:
    """The words of an option that takes several with commas between."""
    return [word.strip() for word in text.split(",") if word.strip()]


@app.command()
def prepare() -> None:
    """Parse the dbt project ahead of a run, if it changed."""
    settings = _load_settings()
    _speak(settings)
    from orchestration.assets.manifest import ManifestError, prepare_manifest

    with _errors_for_people(ManifestError):
        prepare_manifest(settings)


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Port on the loopback address.")] = 3000,
) -> None:
    """Start the Dagster webserver and daemon on loopback (the UI has no login)."""
    settings = _load_settings()
    _speak(settings)
    from orchestration.assets.manifest import ManifestError, prepare_manifest
    from orchestration.daily import prepare_dagster_home

    with _errors_for_people(ManifestError):
        prepare_manifest(settings)
        prepare_dagster_home(settings)
    typer.echo(f"Dagster: http://127.0.0.1:{port} (Ctrl-C ends it)", err=True)
    dagster = str(Path(sys.executable).with_name("dagster"))
    command = [
        dagster,
        "dev",
        "-m",
        "orchestration.definitions",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    os.execv(dagster, command)  # noqa: S606  the UI takes this process over; no shell is involved


if __name__ == "__main__":
    app()
