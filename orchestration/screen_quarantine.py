"""What `semillero quarantine` and `semillero withdraw` show, in English and in Spanish.

What lives here: the words and tables of these commands. What may not: judgement or any writing, and
the screen of a run (`screen`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console, Group
from rich.text import Text

from orchestration.ingest.ledger import Withdrawal
from orchestration.ingest.quarantine_tool import Export, HeldRow, HeldSummary
from orchestration.ingest.replay import ReplayResult
from orchestration.screen_parts import listed, number_table
from orchestration.settings import Settings

_SHOWN_REASONS = 8
_SHOWN_COUNTS = 60
_VALUE_WIDTH = 60

TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "empty": "Quarantine holds no such rows.",
        "title": "What stands in quarantine",
        "feed": "Feed",
        "day": "Arrival day",
        "day_line": "{feed} {day}: {state}, {read} rows read, up to {tolerance} may be refused",
        "count_rows": "rows: {rows}{share}",
        "count_files": "whole files, or the day itself: {files}",
        "accepted": "accepted",
        "refused": "refused",
        "withdrawn": "withdrawn",
        "total": "{rows} rows of {days} arrival days. A row that breaks two rules stands there "
        "under both.",
        "more_counts": "... and {count} more lines: narrow it with --feed, --day or --rule.",
        "row": "row {row}",
        "whole_file": "whole file",
        "whole_day": "whole day",
        "sample": "{shown} shown. More: --limit; values that are masked: --personal.",
        "exported": "{rows} rows written to {path} (readable for you only).",
        "escaped": "{count} cells begin like a formula and have an apostrophe before them: take it "
        "off when you land them again, or export .jsonl or .parquet.",
        "left_out": "Left out, because personal or unclassified: {columns}. With them: --personal.",
        "export_next": "Correct it and land it again, in the folder of the day on which it goes "
        "in. The columns refused_... may stay: the next run reports them as unknown columns.",
        "replay_title": "What was judged again",
        "dry_title": "What would be judged again (nothing was changed)",
        "outcome": "Outcome",
        "replayed": "let in",
        "nothing": "stays",
        "reread": "read again",
        "skipped": "not done",
        "judged": "Judged",
        "let_in": "Accepted",
        "duplicate": "Dupli-\ncates",
        "stays": "Stays",
        "why": "Why the others stay",
        "more_reasons": "... and {count} more reasons: semillero quarantine show",
        "replay_next": "To bring them into the marts: semillero run",
        "withdrawn_rows": "{feed} {day} is withdrawn: {count} rows wait in quarantine under the "
        "rule withdrawn.",
        "withdrawn_next": "The marts follow with the next semillero run. The day stays out until "
        "its landed files change. To take it back: {command}",
    },
    "es": {
        "empty": "En cuarentena no hay filas así.",
        "title": "Qué hay en cuarentena",
        "feed": "Fuente",
        "day": "Día de llegada",
        "day_line": "{feed} {day}: {state}, {read} filas leídas, se tolera {tolerance} de rechazo",
        "count_rows": "filas: {rows}{share}",
        "count_files": "archivos completos, o el día mismo: {files}",
        "accepted": "aceptado",
        "refused": "rechazado",
        "withdrawn": "retirado",
        "total": "{rows} filas de {days} días de llegada. Una fila que incumple dos reglas aparece "
        "en ambas.",
        "more_counts": "... y {count} líneas más: acote con --feed, --day o --rule.",
        "row": "fila {row}",
        "whole_file": "archivo completo",
        "whole_day": "día completo",
        "sample": "Se muestran {shown}. Más: --limit; valores ocultos: --personal.",
        "exported": "Se escribieron {rows} filas en {path} (solo usted puede leerlo).",
        "escaped": "{count} celdas empiezan como una fórmula y llevan un apóstrofo delante: "
        "quítelo al depositarlas de nuevo, o exporte a .jsonl o .parquet.",
        "left_out": "Quedó fuera, por ser personal o no estar clasificado: {columns}. Para "
        "incluirlo: --personal.",
        "export_next": "Corríjalo y deposítelo de nuevo, en la carpeta del día en que entra. Las "
        "columnas refused_... pueden quedarse: la próxima corrida las reporta como desconocidas.",
        "replay_title": "Qué se volvió a juzgar",
        "dry_title": "Qué se volvería a juzgar (no se cambió nada)",
        "outcome": "Resultado",
        "replayed": "admitido",
        "nothing": "sigue",
        "reread": "releído",
        "skipped": "omitido",
        "judged": "Juzgadas",
        "let_in": "Aceptadas",
        "duplicate": "Dupli-\ncadas",
        "stays": "Siguen",
        "why": "Por qué siguen las demás",
        "more_reasons": "... y {count} motivos más: semillero quarantine show",
        "replay_next": "Para llevarlas a las tablas: semillero run",
        "withdrawn_rows": "Se retiró {feed} {day}: {count} filas esperan en cuarentena con la "
        "regla withdrawn.",
        "withdrawn_next": "Las tablas se ajustan con el próximo semillero run. El día queda fuera "
        "mientras no cambien sus archivos en landing. Para recuperarlo: {command}",
    },
}


def show_held(console: Console, settings: Settings, held: HeldSummary) -> None:
    """Print the counts of quarantine, by feed, day and rule."""
    texts = TEXTS[settings.language]
    if not held.counts:
        console.print(texts["empty"])
        return
    console.print(Text(texts["title"], style="bold"))
    told: tuple[object, ...] = ()
    for count in held.counts[:_SHOWN_COUNTS]:
        if told != (count.feed, count.day, count.state):
            told = (count.feed, count.day, count.state)
            line = texts["day_line"].format(
                feed=count.feed,
                day=count.day,
                state=texts[count.state],
                read=f"{count.read_count or 0:,}",
                tolerance=f"{count.tolerance:.1%}",
            )
            console.print(Text(line))
        share = "" if count.share is None else f" ({count.share:.1%})"
        amounts = [
            *([texts["count_rows"].format(rows=f"{count.rows:,}", share=share)] * bool(count.rows)),
            *([texts["count_files"].format(files=f"{count.files:,}")] * bool(count.files)),
        ]
        console.print(Text(f"  {count.rule:<24} {', '.join(amounts)}"))
    hidden = len(held.counts) - _SHOWN_COUNTS
    if hidden > 0:
        console.print(texts["more_counts"].format(count=f"{hidden:,}"))
    console.print(texts["total"].format(rows=f"{held.rows:,}", days=f"{held.days:,}"))


def show_sample(console: Console, settings: Settings, rows: Sequence[HeldRow]) -> None:
    """Print refused rows: where each stood, why it was refused, what it says."""
    texts = TEXTS[settings.language]
    if not rows:
        console.print(texts["empty"])
        return
    for row in rows:
        if row.row is not None:
            place = f"{row.file} {texts['row'].format(row=row.row)}"
        elif row.file.startswith("dt="):
            place = texts["whole_day"]
        else:
            place = f"{row.file} ({texts['whole_file']})"
        console.print(Text(f"{row.feed} {row.day} {place}", style="bold"))
        for rule, reason in row.reasons:
            console.print(Text(f"  {rule}: {reason}"))
        if row.values:
            said = "  ".join(f"{name}={_short(value)}" for name, value in row.values)
            console.print(Text(f"  {said}", style="dim"))
    console.print(texts["sample"].format(shown=f"{len(rows):,}"))


def show_export(console: Console, settings: Settings, export: Export) -> None:
    """Print what was written, and what to know before it is landed again."""
    texts = TEXTS[settings.language]
    console.print(Text(texts["exported"].format(rows=f"{export.rows:,}", path=export.path)))
    if export.escaped_cells:
        console.print(Text(texts["escaped"].format(count=f"{export.escaped_cells:,}")))
    if export.left_out:
        console.print(Text(texts["left_out"].format(columns=", ".join(export.left_out))))
    console.print(Text(texts["export_next"]))


def show_replay(
    console: Console, settings: Settings, results: Sequence[ReplayResult], *, dry_run: bool
) -> None:
    """Print what each day's replay let in, and why the rest stays."""
    texts = TEXTS[settings.language]
    if not results:
        console.print(texts["empty"])
        return
    table = number_table(
        texts,
        "dry_title" if dry_run else "replay_title",
        ("feed", "day", "outcome"),
        ("judged", "let_in", "duplicate", "stays"),
    )
    for result in results:
        numbers = (result.judged, result.accepted, result.duplicate, result.still_refused)
        shown = [f"{number:,}" for number in numbers]
        table.add_row(result.feed, str(result.day), texts[result.outcome], *shown)
    console.print(table)
    _show_why(console, texts, settings, results)
    if not dry_run and any(result.outcome in {"replayed", "reread"} for result in results):
        console.print(texts["replay_next"])


def show_withdrawal(console: Console, settings: Settings, withdrawal: Withdrawal) -> None:
    """Print what was taken out, and the way back."""
    texts = TEXTS[settings.language]
    feed, day = withdrawal.partition.feed, withdrawal.partition.day
    command = f"semillero quarantine replay --feed {feed} --day {day} --rule withdrawn"
    count = f"{withdrawal.partition.accepted_count:,}"
    console.print(Text(texts["withdrawn_rows"].format(feed=feed, day=day, count=count)))
    console.print(Text(texts["withdrawn_next"].format(command=command)))


def _show_why(
    console: Console,
    texts: Mapping[str, str],
    settings: Settings,
    results: Sequence[ReplayResult],
) -> None:
    lines = [
        f"{result.feed} {result.day}"
        f"{f' {problem.file} ({problem.count:,})' if problem.row is not None else ''}: "
        f"{getattr(problem, f'reason_{settings.language}')}"
        for result in results
        for problem in result.problems
    ]
    if not lines:
        return
    console.print(Text(texts["why"], style="bold"))
    console.print(Group(*listed(lines, _SHOWN_REASONS, texts["more_reasons"])))


def _short(value: str) -> str:
    return value if len(value) <= _VALUE_WIDTH else f"{value[:_VALUE_WIDTH]}..."
