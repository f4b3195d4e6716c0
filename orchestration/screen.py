"""The one screen a run ends with, in English or in Spanish.

What lives here: what the screen says, and how it reads a run's evidence and the published marts.
What may not: judgement on the run (it was made by then) or any writing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Literal

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from orchestration import run_record, screen_drift
from orchestration.screen_parts import facts_table, listed, number_table, part
from orchestration.settings import Settings

if TYPE_CHECKING:
    import duckdb

    from orchestration.ingest.landed import LandingZone
    from orchestration.ingest.results import DayResult, Problem
    from orchestration.sources.landing import LandingSummary

Verdict = Literal["published", "unchanged", "refused"]

_SHOWN = 6
"""Problems shown; the rest is counted. One screen, not a log."""

_SHOWN_DAYS = 3

_NOTABLE = "bold yellow"
"""Titles of what deserves a look."""

_FEWEST_CREATORS = 30
"""A rate of fewer creators than this is an anecdote."""

TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "published": "Published release {release}",
        "unchanged": "Nothing new: release {release} stays current",
        "refused": "Refused: nothing was published",
        "still_current": "Readers keep the release {release}.",
        "no_release": "There is no release yet: semillero run publishes one.",
        "none_yet": "There is no release yet.",
        "rendered": "Written: {path}",
        "as_contracts_say": "The dbt sources and the data dictionaries are what the contracts say.",
        "not_as_contracts_say": "{path} is not what the contracts say: semillero contracts render",
        "verified": "{release}: every file and every mart is what the certificate says.",
        "feed": "Feed",
        "days": "Days read",
        "read": "Rows read",
        "accepted": "Accepted",
        "refused_rows": "Refused",
        "duplicates": "Duplicates",
        "read_title": "What was read",
        "problems_title": "What was refused, and why",
        "one_row": "row {row}",
        "rows_of": "{count} rows, the first is row {row}",
        "whole_file": "whole file",
        "partition_refused": "the day was refused",
        "more": "... and {count} more. All of them: {path}",
        "checks": "{passed} of {total} checks passed",
        "warnings_title": "Published, but worth a look",
        "failed_title": "Why it was refused",
        "as_is_title": "Months read by the rules of today",
        "as_is": "  {month}: valid LIVE days by the rules of the last arrival day; back to those "
        "of its time with `semillero run --as-was {month}`",
        "numbers_title": "Three numbers worth knowing",
        "active": "Active creators in the last complete week ({week})",
        "change": "{change:+.1%} on the week before",
        "no_change": "no complete week before it",
        "retention": "Still active four weeks after their first LIVE",
        "retained": "{active} of {size} creators, the {cohorts} newest weekly cohorts",
        "too_few": "fewer than 30 creators in complete cohorts so far",
        "hours": "LIVE hours in the last complete week",
        "valid_days": "{days} valid LIVE days",
        "not_known": "not known yet",
        "no_complete_week": "no complete, covered week so far",
        "where_title": "Where it is",
        "marts": "Marts for BI",
        "parquet": "Parquet",
        "certificate": "Certificate",
        "quarantine": "Refused rows",
        "landing": "Landing",
        "mirror": "Mirror in the bucket",
        "mirror_behind_title": "The release stands here, but its mirror in the bucket is behind",
        "bring_mirror_up": "bring the mirror up: semillero release mirror (or the next run)",
        "mirror_is_current": "{url} holds release {release}",
        "mirror_is_behind": "{url} is behind (it points to: {release}): semillero release mirror",
        "no_mirror": "SEMILLERO_RELEASE_URL is not set: there is nowhere to mirror a release.",
        "disk_of_the_home": "The disk of the home folder",
        "disk_failed": (
            "{where}: {error}. What readers see was not touched. Make room, or make the place "
            "writable, then run the command again."
        ),
        "day_and_range": "Give either --day or --from and --to, not both.",
        "landing_is_a_bucket": (
            "This command writes files into a landing folder, but SEMILLERO_LANDING_URL says that "
            "files land in {url}. Run it with that variable empty and another SEMILLERO_HOME, then "
            "upload what it wrote below landing/."
        ),
        "next_title": "What next",
        "ui": "see runs, checks and lineage: make ui, then http://127.0.0.1:3000",
        "bi": "query the marts read-only with any DuckDB client: {path}",
        "docs": "what each mart means: README.md, CONTEXT.md, models/marts/*/*.yml",
        "look": "see the rows of a failed check: {path}",
        "fix": "correct or remove the file in landing/, then: semillero run",
        "replace": "put the corrected file in its place in landing/, then: semillero run",
        "drift_title": "What drifted",
        "normal_title": "Taken for the new normal",
        "accept_drift": "if the drift is the new normal: semillero drift accept {feed} {day} "
        '--because "why", then: semillero run',
        "accept": 'if the change is real: semillero run --accept-shift "why"',
        "interrupted": "The run was interrupted. Nothing is lost: the next one goes on from here.",
        "again": "remove the cause, then: semillero run",
        "quarantined": "see refused rows with their reasons: {command}",
        "gone_title": "Landed files that are gone",
        "gone": "{feed} {days}: their files are gone from landing, the accepted rows stay. If they "
        "should not: {command}",
        "and_more": " and {count} more",
        "because": "why",
        "withdrawn_title": "Withdrawn days",
        "withdrawn": "{feed} {day}: {because} ({who}, {at:%Y-%m-%d %H:%M} UTC)",
        "not_read_title": "What stands in landing/ and was not read",
        "not_a_folder": "a file where a folder of day folders (dt=YYYY-MM-DD) is expected.",
        "landed_title": "Landed",
        "rows": "Rows",
        "files": "Files",
        "new_files": "New or changed",
        "first": "First arrival",
        "last": "Last arrival",
        "notes_title": "What was repaired or left out",
        "run_range": "load it: semillero run --from {first} --to {last}",
        "newest_arrival": "Newest arrival day of all feeds: {day} (days since: {days})",
        "pending": "Days to load",
        "refused_days": "Refused days",
        "ledger_title": "What raw holds",
        "current": "current",
        "release": "Release",
        "published_at": "Published (UTC)",
        "inputs": "Input partitions",
        "broken": "Not to be trusted",
    },
    "es": {
        "published": "Se publicó la versión {release}",
        "unchanged": "Nada nuevo: sigue vigente la versión {release}",
        "refused": "Rechazado: no se publicó nada",
        "still_current": "Quien consulta sigue viendo la versión {release}.",
        "no_release": "Todavía no hay ninguna versión publicada: semillero run publica una.",
        "none_yet": "Todavía no hay ninguna versión publicada.",
        "rendered": "Escrito: {path}",
        "as_contracts_say": "Las fuentes de dbt y los diccionarios de datos son lo que dicen los "
        "contratos.",
        "not_as_contracts_say": "{path} no es lo que dicen los contratos: semillero contracts "
        "render",
        "verified": "{release}: cada archivo y cada tabla son lo que dice el certificado.",
        "feed": "Fuente",
        "days": "Días leídos",
        "read": "Filas leídas",
        "accepted": "Aceptadas",
        "refused_rows": "Rechazadas",
        "duplicates": "Duplicadas",
        "read_title": "Qué se leyó",
        "problems_title": "Qué se rechazó y por qué",
        "one_row": "fila {row}",
        "rows_of": "{count} filas, la primera es la fila {row}",
        "whole_file": "archivo completo",
        "partition_refused": "se rechazó el día",
        "more": "... y {count} más. Todo está en: {path}",
        "checks": "Pasaron {passed} de {total} controles",
        "warnings_title": "Se publicó, pero conviene revisar",
        "failed_title": "Por qué se rechazó",
        "as_is_title": "Meses que se leen con las reglas de hoy",
        "as_is": "  {month}: días LIVE válidos según las reglas del último día de llegada; vuelva "
        "a las de su época con `semillero run --as-was {month}`",
        "numbers_title": "Tres números que conviene saber",
        "active": "Creadores activos en la última semana completa ({week})",
        "change": "{change:+.1%} frente a la semana anterior",
        "no_change": "sin una semana completa anterior",
        "retention": "Siguen activos cuatro semanas después de su primer LIVE",
        "retained": "{active} de {size} creadores, las {cohorts} cohortes semanales más nuevas",
        "too_few": "todavía hay menos de 30 creadores en cohortes completas",
        "hours": "Horas de LIVE en la última semana completa",
        "valid_days": "{days} días LIVE válidos",
        "not_known": "aún no se sabe",
        "no_complete_week": "todavía no hay una semana completa y cubierta",
        "where_title": "Dónde está",
        "marts": "Tablas para BI",
        "parquet": "Parquet",
        "certificate": "Certificado",
        "quarantine": "Filas rechazadas",
        "landing": "Zona de llegada",
        "mirror": "Copia en el bucket",
        "mirror_behind_title": "La versión está publicada aquí, pero no su copia en el bucket",
        "bring_mirror_up": "poner la copia al día: semillero release mirror (o la próxima corrida)",
        "mirror_is_current": "{url} tiene la versión {release}",
        "mirror_is_behind": "{url} no está al día (apunta a: {release}): semillero release mirror",
        "no_mirror": "SEMILLERO_RELEASE_URL no está definida: no hay dónde copiar una versión.",
        "disk_of_the_home": "El disco de la carpeta de Semillero",
        "disk_failed": (
            "{where}: {error}. Lo que ven los lectores no se tocó. Libere espacio o dé permiso de "
            "escritura en ese lugar, y repita el comando."
        ),
        "day_and_range": "Indique --day, o bien --from y --to, pero no ambas cosas.",
        "landing_is_a_bucket": (
            "Este comando escribe archivos en una carpeta de llegada, pero según "
            "SEMILLERO_LANDING_URL los archivos llegan a {url}. Ejecútelo con esa variable vacía y "
            "otra SEMILLERO_HOME, y luego suba lo que haya escrito en landing/."
        ),
        "next_title": "Qué sigue",
        "ui": "ver corridas, controles y linaje: make ui y luego http://127.0.0.1:3000",
        "bi": "consultar las tablas en solo lectura con cualquier cliente de DuckDB: {path}",
        "docs": "qué significa cada tabla: README.es.md, CONTEXT.md, models/marts/*/*.yml",
        "look": "ver las filas de un control que falló: {path}",
        "fix": "corrija o quite el archivo en landing/ y luego: semillero run",
        "replace": "ponga el archivo corregido en su lugar en landing/ y luego: semillero run",
        "drift_title": "Dónde hay deriva",
        "normal_title": "Lo que ya se tiene por normal",
        "accept_drift": "si la deriva es lo normal desde ahora: semillero drift accept {feed} "
        '{day} --because "por qué", y luego: semillero run',
        "accept": 'si el cambio es real: semillero run --accept-shift "por qué"',
        "interrupted": "La corrida se interrumpió. No se perdió nada: la próxima sigue desde aquí.",
        "again": "elimine la causa y luego: semillero run",
        "quarantined": "ver las filas rechazadas con sus motivos: {command}",
        "gone_title": "Archivos de landing que ya no están",
        "gone": "{feed} {days}: sus archivos ya no están en landing y las filas aceptadas se "
        "conservan. Si no deben quedar: {command}",
        "and_more": " y {count} más",
        "because": "por qué",
        "withdrawn_title": "Días retirados",
        "withdrawn": "{feed} {day}: {because} ({who}, {at:%Y-%m-%d %H:%M} UTC)",
        "not_read_title": "Qué hay en landing/ que no se leyó",
        "not_a_folder": "es un archivo; aquí se espera una carpeta con carpetas de días "
        "(dt=AAAA-MM-DD).",
        "landed_title": "Depositado en landing",
        "rows": "Filas",
        "files": "Archivos",
        "new_files": "Nuevos o cambiados",
        "first": "Primera llegada",
        "last": "Última llegada",
        "notes_title": "Qué se corrigió o se dejó fuera",
        "run_range": "cargarlo: semillero run --from {first} --to {last}",
        "newest_arrival": "Día de llegada más nuevo de todas las fuentes: {day} (días desde "
        "entonces: {days})",
        "pending": "Días por cargar",
        "refused_days": "Días con rechazo",
        "ledger_title": "Qué hay en raw",
        "current": "vigente",
        "release": "Versión",
        "published_at": "Publicada (UTC)",
        "inputs": "Particiones de entrada",
        "broken": "No es confiable",
    },
}


@dataclass(frozen=True)
class RunEnd:
    """How a run ended, as far as the screen needs to know.

    Attributes:
        run_id: The Dagster run.
        verdict: What became of it.
        release: The current release after the run, None where there is none.
        reasons: Why it was refused, one sentence each, in the language of the screen.
        warnings: What checks of severity warn found, in the same language.
        checks_passed: Checks that passed.
        checks_total: Checks that answered.
        is_shift: Whether it was refused because something moved too far.
    """

    run_id: str
    verdict: Verdict
    release: str | None
    reasons: Sequence[str]
    warnings: Sequence[str]
    checks_passed: int
    checks_total: int
    is_shift: bool = False
    mirror_behind: str | None = None


def show(console: Console, settings: Settings, end: RunEnd) -> None:
    """Print the final screen."""
    from orchestration.ingest.landing_zone import open_zone

    texts = TEXTS[settings.language]
    ingested = run_record.read_ingest(settings, end.run_id)
    parts: list[RenderableType] = [_headline(texts, end)]
    if end.checks_total:
        parts.append(Text(texts["checks"].format(passed=end.checks_passed, total=end.checks_total)))
    if any(_read(days) for days in ingested.values()):
        parts += ["", _read_table(texts, ingested)]
    parts += part(texts["problems_title"], _problems(texts, settings, ingested))
    gone = _gone(texts, run_record.read_gone(settings, end.run_id))
    parts += part(texts["gone_title"], gone, _NOTABLE)
    parts += part(texts["drift_title"], screen_drift.run_lines(settings, ingested), _NOTABLE)
    not_read = _not_read(texts, settings, open_zone(settings))
    parts += part(texts["not_read_title"], not_read, _NOTABLE)
    if end.verdict == "refused":
        folder = run_record.run_folder(settings, end.run_id)
        reasons = listed(end.reasons, _SHOWN, texts["more"], path=folder)
        parts += part(texts["failed_title"], reasons, "bold red")
    elif end.release:
        warnings = [Text(f"  {warning}") for warning in end.warnings]
        parts += part(texts["warnings_title"], warnings, _NOTABLE)
        parts += part(texts["as_is_title"], _as_is_lines(texts, settings), _NOTABLE)
        parts += part(texts["numbers_title"], [_numbers(texts, settings)])
        parts += part(texts["where_title"], [_where(texts, settings)])
    parts += part(texts["next_title"], [_next_steps(texts, settings, end)])
    style = {"published": "green", "unchanged": "cyan", "refused": "red"}[end.verdict]
    console.print(Panel(Group(*parts), title="Semillero", border_style=style, padding=(1, 2)))


def _as_is_lines(texts: Mapping[str, str], settings: Settings) -> list[Text]:
    """The months that somebody reads by the rules of today."""
    from orchestration.ingest.ledger import Ledger

    with Ledger(settings.ledger) as ledger:
        chosen = ledger.rule_months()
    return [
        Text(texts["as_is"].format(month=f"{month:%Y-%m}"))
        for month, is_as_is in chosen.items()
        if is_as_is
    ]


def _headline(texts: Mapping[str, str], end: RunEnd) -> Text:
    style = {"published": "bold green", "unchanged": "bold cyan", "refused": "bold red"}
    headline = Text(texts[end.verdict].format(release=end.release), style=style[end.verdict])
    if end.verdict == "refused":
        rest = texts["still_current"] if end.release else texts["none_yet"]
        headline.append("\n" + rest.format(release=end.release), style="default")
    if end.mirror_behind:
        headline.append("\n" + texts["mirror_behind_title"], style="bold red")
        headline.append("\n" + end.mirror_behind, style="default")
    return headline


def _read(days: Sequence[DayResult]) -> list[DayResult]:
    return [day for day in days if day.outcome in {"accepted", "refused"}]


def _read_table(texts: Mapping[str, str], ingested: Mapping[str, Sequence[DayResult]]) -> Table:
    columns = ("days", "read", "accepted", "refused_rows", "duplicates")
    table = number_table(texts, "read_title", ["feed"], columns)
    for feed, days in ingested.items():
        read = _read(days)
        if not read:
            continue
        totals = (
            sum(getattr(day, name) for day in read)
            for name in ("rows_read", "rows_accepted", "rows_refused", "rows_duplicate")
        )
        table.add_row(feed, f"{len(read):,}", *(f"{total:,}" for total in totals))
    return table


def _problems(
    texts: Mapping[str, str], settings: Settings, ingested: Mapping[str, Sequence[DayResult]]
) -> list[Text]:
    """One line for each feed, rule and column; refused days first.

    Columns that fail one rule in the very same rows (three time stamps without a zone) have one
    line. Why a day as a whole was refused is said further down, once.
    """
    grouped: dict[tuple[bool, str, str, str], list[tuple[DayResult, Problem]]] = {}
    for feed, days in ingested.items():
        for day in days:
            for problem in day.problems:
                if problem.is_of_day:
                    continue
                key = (day.outcome != "refused", feed, problem.rule, problem.column or "")
                grouped.setdefault(key, []).append((day, problem))
    lines = []
    told = set()
    for (is_kept, feed, rule, _), found in sorted(grouped.items(), key=lambda item: item[0]):
        rows = tuple((day.day, each.file, each.row, each.count) for day, each in found)
        if (feed, rule, rows) in told:
            continue
        told.add((feed, rule, rows))
        day, first = found[0]
        count = sum(problem.count for _, problem in found)
        reason = getattr(first, f"reason_{settings.language}")
        verdict = "" if is_kept else f" [{texts['partition_refused']}]"
        amount = _amount(texts, count, first)
        lines.append(f"{feed} {day.day} {first.file} ({amount}): {reason}{verdict}")
    return listed(lines, _SHOWN, texts["more"], path=_how_to_look(ingested))


def _how_to_look(ingested: Mapping[str, Sequence[DayResult]]) -> str:
    """The command that shows the refused rows of a run, as narrow as they are."""
    found = [
        (feed, day.day)
        for feed, days in ingested.items()
        for day in _read(days)
        if day.rows_refused or day.outcome == "refused"
    ]
    feeds, days = {feed for feed, _ in found}, {day for _, day in found}
    if len(feeds) != 1:
        return "semillero quarantine list"
    (feed,) = feeds
    one_day = f" --day {min(days)}" if len(days) == 1 else ""
    return f"semillero quarantine show --feed {feed}{one_day}"


def _gone(texts: Mapping[str, str], gone: Mapping[str, Sequence[date]]) -> list[Text]:
    """One line a feed: the accepted days whose landed files are gone."""
    lines = []
    for feed, days in gone.items():
        named = ", ".join(str(day) for day in days[:_SHOWN_DAYS])
        if len(days) > _SHOWN_DAYS:
            named += texts["and_more"].format(count=len(days) - _SHOWN_DAYS)
        command = f'semillero withdraw {feed} {days[0]} --because "{texts["because"]}"'
        lines.append(Text("  " + texts["gone"].format(feed=feed, days=named, command=command)))
    return lines


def _amount(texts: Mapping[str, str], count: int, first: Problem) -> str:
    if first.row is None:
        return texts["whole_file"]
    wording = texts["one_row"] if count == 1 else texts["rows_of"]
    return wording.format(count=f"{count:,}", row=first.row)


def _not_read(texts: Mapping[str, str], settings: Settings, zone: LandingZone) -> list[Text]:
    """What somebody put into landing and no run will ever read, because of its name."""
    from orchestration.contracts.loader import load_contracts
    from orchestration.ingest import discover
    from orchestration.storage import StorageError

    contracts = load_contracts()
    try:
        zone.feeds()
    except StorageError as error:
        return [Text(f"  {error.message(settings.language)}")]
    said = [
        f"landing/{problem.file}: {getattr(problem, f'reason_{settings.language}')}"
        for problem in discover.unknown_feeds(zone, contracts)
    ]
    said += [
        f"landing/{entry.name}: {texts['not_a_folder']}"
        for entry in zone.feeds()
        if entry.name in contracts and not entry.is_folder
    ]
    for feed in contracts:
        said += [
            f"landing/{feed}/{problem.file}: {getattr(problem, f'reason_{settings.language}')}"
            for problem in discover.landed_days(feed, zone).problems
        ]
    return listed(said, _SHOWN, texts["more"], path=zone.place)


def _numbers(texts: Mapping[str, str], settings: Settings) -> Table:
    import duckdb

    table = facts_table()
    with duckdb.connect(str(settings.current / "marts.duckdb"), read_only=True) as connection:
        for row in (
            _active(texts, connection),
            _retention(texts, connection),
            _hours(texts, connection),
        ):
            table.add_row(*row)
    return table


_LAST_WEEK = """
    select max(period_start_date) as week from marts.growth_accounting
    where period_grain = 'week' and segment_kind = 'all' and is_complete
"""


def _active(
    texts: Mapping[str, str], connection: duckdb.DuckDBPyConnection
) -> tuple[str, str, str]:
    row = connection.execute(f"""
        with weeks as (
            select period_start_date, active_count, is_complete,
                lag(active_count) over (order by period_start_date) as active_count_before,
                lag(is_complete) over (order by period_start_date) as is_complete_before
            from marts.growth_accounting
            where period_grain = 'week' and segment_kind = 'all')
        select period_start_date, active_count,
            case when is_complete_before then active_count_before end
        from weeks where period_start_date = ({_LAST_WEEK})""").fetchone()
    if row is None:
        return texts["active"].format(week="-"), texts["not_known"], texts["no_complete_week"]
    week, active, before = row
    change = texts["change"].format(change=active / before - 1) if before else texts["no_change"]
    return texts["active"].format(week=week), f"{active:,}", change


def _retention(
    texts: Mapping[str, str], connection: duckdb.DuckDBPyConnection
) -> tuple[str, str, str]:
    row = connection.execute("""
        with newest as (
            select active_count, matured_count
            from marts.cohort_retention
            where cohort_kind = 'first_live' and period_grain = 'week' and segment_kind = 'all'
                and period_index = 4 and is_complete
            order by cohort_start_date desc limit 8)
        select sum(active_count), sum(matured_count), count(*) from newest""").fetchone()
    active, size, cohorts = row or (0, 0, 0)
    if not size or size < _FEWEST_CREATORS:
        return texts["retention"], texts["not_known"], texts["too_few"]
    retained = texts["retained"].format(active=f"{active:,}", size=f"{size:,}", cohorts=cohorts)
    return texts["retention"], f"{active / size:.1%}", retained


def _hours(texts: Mapping[str, str], connection: duckdb.DuckDBPyConnection) -> tuple[str, str, str]:
    row = connection.execute(f"""
        with last_week as ({_LAST_WEEK})
        select sum(live_seconds) / 3600, count(*) filter (where is_valid_day)
        from marts.fct_creator_days, last_week
        where local_date >= week and local_date < week + 7""").fetchone()
    if row is None or row[0] is None:
        return texts["hours"], texts["not_known"], texts["no_complete_week"]
    return texts["hours"], f"{row[0]:,.0f}", texts["valid_days"].format(days=f"{row[1]:,}")


def _where(texts: Mapping[str, str], settings: Settings) -> Table:
    table = facts_table()
    table.add_row(texts["marts"], str(settings.current / "marts.duckdb"))
    table.add_row(texts["parquet"], str(settings.current / "parquet"))
    table.add_row(texts["certificate"], str(settings.current / "certificate.json"))
    table.add_row(texts["quarantine"], str(settings.quarantine))
    if settings.release_url:
        table.add_row(texts["mirror"], settings.release_url)
    return table


def _ways_out(texts: Mapping[str, str], settings: Settings, end: RunEnd) -> list[str]:
    """What to do after a refusal, by who refused: ingest, a check, a shift bound, the machine."""
    ingested = run_record.read_ingest(settings, end.run_id)
    is_day_refused = any(day.outcome == "refused" for days in ingested.values() for day in days)
    is_check_failed = end.checks_passed < end.checks_total
    steps = []
    if is_day_refused:
        steps += [texts["fix"], texts["quarantined"].format(command=_how_to_look(ingested))]
    steps += [
        texts["accept_drift"].format(feed=feed, day=day.day)
        for feed, days in ingested.items()
        for day in days
        if day.outcome == "refused" and any(found.action == "refuse" for found in day.drift)
    ][:_SHOWN]
    if end.is_shift:
        steps.append(texts["accept"])
    if is_check_failed:
        folder = run_record.run_folder(settings, end.run_id)
        steps.append(texts["look"].format(path=folder))
        if not is_day_refused:
            # Taking the file away would not do: its day was accepted, and raw keeps it.
            steps.insert(0, texts["replace"])
    return [*(steps or [texts["again"]]), texts["ui"]]


def _next_steps(texts: Mapping[str, str], settings: Settings, end: RunEnd) -> Table:
    table = facts_table()
    if end.verdict == "refused":
        steps = _ways_out(texts, settings, end)
    else:
        ingested = run_record.read_ingest(settings, end.run_id)
        has_refused = any(day.rows_refused for days in ingested.values() for day in _read(days))
        look = texts["quarantined"].format(command=_how_to_look(ingested))
        steps = [
            *([texts["bring_mirror_up"]] if end.mirror_behind else []),
            *([look] if has_refused else []),
            texts["bi"].format(path=settings.current / "marts.duckdb"),
            texts["ui"],
            texts["docs"],
        ]
    for step in steps:
        table.add_row(f"- {step}")
    return table


def show_landing(console: Console, settings: Settings, landed: LandingSummary) -> None:
    """Print what an adapter landed, what it repaired, and how to load it."""
    texts = TEXTS[settings.language]
    columns = ("rows", "files", "new_files", "first", "last")
    table = number_table(texts, "landed_title", ["feed"], columns)
    for feed, what in landed.feeds.items():
        numbers = (what.rows, len(what.files), what.files_changed)
        shown = [f"{number:,}" for number in numbers]
        table.add_row(feed, *shown, str(what.first_arrival), str(what.last_arrival))
    console.print(table)
    notes = [Text(f"- {note.feed}: {note.message(settings.language)}") for note in landed.notes]
    step = texts["run_range"].format(first=landed.first_arrival, last=landed.last_arrival)
    parts = [*part(texts["notes_title"], notes), *part(texts["next_title"], [Text(f"- {step}")])]
    console.print(Group(*parts))


def show_status(console: Console, settings: Settings) -> None:
    """Print what raw holds, what is pending or refused, and what is published."""
    from orchestration.contracts.loader import load_contracts
    from orchestration.ingest import discover
    from orchestration.ingest.gone import gone_days
    from orchestration.ingest.landing_zone import open_zone
    from orchestration.ingest.ledger import Ledger

    texts = TEXTS[settings.language]
    contracts = load_contracts()
    zone = open_zone(settings)
    with Ledger(settings.ledger) as ledger:
        partitions, refusals = ledger.partitions(), ledger.refusals()
        pending = discover.pending_days(contracts, settings, ledger, zone)
        withdrawals = ledger.withdrawals()
        drift, acceptances = ledger.drift(), ledger.drift_acceptances()
        found = {feed: gone_days(feed, ledger, zone) for feed in contracts}
    columns = ("days", "accepted", "refused_rows", "last", "pending", "refused_days")
    table = number_table(texts, "ledger_title", ["feed"], columns)
    for feed in contracts:
        held = [each for each in partitions if each.feed == feed]
        table.add_row(
            feed,
            f"{len(held):,}",
            f"{sum(each.accepted_count for each in held):,}",
            f"{sum(each.refused_count for each in held):,}",
            str(max((each.day for each in held), default="-")),
            f"{len(pending.get(feed, [])):,}",
            f"{sum(refusal.feed == feed for refusal in refusals):,}",
        )
    console.print(table)
    _show_freshness(console, settings, [(each.feed, each.day) for each in partitions])
    drifted = screen_drift.status_lines(settings, drift)
    normal = screen_drift.acceptance_lines(settings, acceptances)
    for line in (
        *part(texts["drift_title"], drifted, _NOTABLE),
        *part(texts["normal_title"], normal),
        *part(texts["as_is_title"], _as_is_lines(texts, settings), _NOTABLE),
        *part(texts["not_read_title"], _not_read(texts, settings, zone), _NOTABLE),
    ):
        console.print(line)
    for refusal in refusals:
        reason = getattr(refusal, f"reason_{settings.language}")
        console.print(Text(f"{refusal.feed} {refusal.day}: {reason}", style="red"))
    if refusals or any(each.refused_count for each in partitions):
        console.print(Text(texts["quarantined"].format(command="semillero quarantine list")))
    gone = _gone(texts, {feed: days for feed, days in found.items() if days})
    withdrawn = [
        texts["withdrawn"].format(
            feed=each.partition.feed,
            day=each.partition.day,
            because=each.because,
            who=each.withdrawn_by,
            at=each.withdrawn_at,
        )
        for each in withdrawals
    ]
    parts = [
        *part(texts["gone_title"], gone, _NOTABLE),
        *part(texts["withdrawn_title"], [Text(f"  {said}") for said in withdrawn]),
    ]
    console.print(Group(*parts, ""))
    show_releases(console, settings)
    _show_buckets(console, settings)


def _show_buckets(console: Console, settings: Settings) -> None:
    """Where files land and where releases are copied to, if either is a bucket."""
    texts = TEXTS[settings.language]
    if settings.landing_url:
        console.print(Text(f"{texts['landing']}: {settings.landing_url}"))
    if not settings.release_url:
        return
    from orchestration.release.mirror import mirrored_release
    from orchestration.release.pointer import current_release
    from orchestration.storage import StorageError

    current = current_release(settings)
    try:
        served = mirrored_release(settings)
    except StorageError as error:
        console.print(Text(f"{texts['mirror']}: {error.message(settings.language)}", "red"))
        return
    is_current = served == (current.release_id if current else None)
    said = texts["mirror_is_current" if is_current else "mirror_is_behind"].format(
        url=settings.release_url, release=served or "-"
    )
    console.print(Text(f"{texts['mirror']}: {said}", "" if is_current else "yellow"))


def _show_freshness(
    console: Console, settings: Settings, accepted: Sequence[tuple[str, date]]
) -> None:
    """When anything arrived last, and which feeds have stopped since."""
    from orchestration.checks.freshness import freshness
    from orchestration.contracts.loader import load_contracts

    if not accepted:
        return
    texts = TEXTS[settings.language]
    newest = max(day for _, day in accepted)
    days = (datetime.now(UTC).date() - newest).days
    console.print(Text(texts["newest_arrival"].format(day=newest, days=f"{days:,}")))
    for each in freshness(load_contracts(), accepted):
        if each.has_stopped:
            style = "red" if each.severity == "error" else "yellow"
            console.print(Text(getattr(each, f"message_{settings.language}"), style=style))


def show_releases(console: Console, settings: Settings) -> None:
    """Print the releases, oldest first."""
    from orchestration.release.pointer import broken_releases, current_release, list_releases

    texts = TEXTS[settings.language]
    current = current_release(settings)
    releases = list_releases(settings)
    if not releases:
        console.print(texts["no_release"])
    else:
        columns = ("published_at", "inputs", "current")
        table = number_table(texts, None, ["release"], columns)
        for release in releases:
            facts = release.certificate
            is_current = current is not None and release.release_id == current.release_id
            table.add_row(
                release.release_id,
                f"{facts.created_at:%Y-%m-%d %H:%M}",
                f"{len(facts.inputs):,}",
                "*" if is_current else "",
            )
        console.print(table)
    for folder, reason in broken_releases(settings):
        console.print(Text(f"{texts['broken']}: {folder.name}: {reason}", style="red"))
