"""What `semillero metrics` shows, in English and in Spanish.

What lives here: the words and tables of these commands. What may not: how metrics are asked
(`metrics`), or what they mean (`models/semantic`).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TextIO

from rich.console import Console
from rich.text import Text

from orchestration.metrics import Answer, Metric
from orchestration.screen_parts import plain_table
from orchestration.settings import Settings

TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "kpis": "KPIs",
        "amounts": "What KPIs are made of",
        "unit": "Unit: {unit}",
        "told_by": "All of these together can be told by: metric_time (also metric_time__week, "
        "__month, __quarter, __year), {groups}",
        "no_rows": "Nothing was seen that answers this.",
        "next": "More of one, and by what it can be told: semillero metrics list live_hours\n"
        "Ask: semillero metrics query live_hours --by metric_time__week,market",
    },
    "es": {
        "kpis": "Indicadores (KPI)",
        "amounts": "De qué se hacen los indicadores",
        "unit": "Unidad: {unit}",
        "told_by": "Todas estas métricas juntas se pueden ver por: metric_time (también "
        "metric_time__week, __month, __quarter, __year), {groups}",
        "no_rows": "No se observó nada que responda a esto.",
        "next": "Más sobre una, y por qué se puede ver: semillero metrics list live_hours\n"
        "Para consultar: semillero metrics query live_hours --by metric_time__week,market",
    },
}

_DECIMALS = 6
"""As many as `kpi_daily` publishes."""

# What a spreadsheet takes for a formula: OWASP, "CSV injection". Numbers are not texts here.
_FORMULA = re.compile(r"[=+\-@\t\r]")


def show_metrics(console: Console, settings: Settings, metrics: Sequence[Metric]) -> None:
    """Print the names of all metrics with their labels and units, KPIs first."""
    texts = TEXTS[settings.language]
    for title, are_kpis in (("kpis", True), ("amounts", False)):
        table = plain_table(texts[title])
        for _ in range(3):
            table.add_column()
        for metric in metrics:
            if metric.is_kpi is are_kpis:
                table.add_row(metric.name, metric.label, metric.unit)
        table.show_header = False
        console.print(table)
        console.print()
    console.print(Text(texts["next"]))


def show_metric(
    console: Console, settings: Settings, metrics: Sequence[Metric], groups: Sequence[str]
) -> None:
    """Print what some metrics are, and by what they can be told together."""
    texts = TEXTS[settings.language]
    for metric in metrics:
        console.print(Text(f"{metric.label} ({metric.name})", style="bold"))
        console.print(Text(f"  {metric.description}"))
        console.print(Text(f"  {texts['unit'].format(unit=metric.unit)}"))
    console.print(Text(texts["told_by"].format(groups=", ".join(groups))))


def show_answer(console: Console, settings: Settings, answer: Answer) -> None:
    """Print an answer as a table; values with as many decimals as KPIs have."""
    if not answer.rows:
        console.print(TEXTS[settings.language]["no_rows"])
        return
    table = plain_table()
    for index, column in enumerate(answer.columns):
        is_number = all(isinstance(row[index], int | float | Decimal | None) for row in answer.rows)
        # A column whose name is cut could not be asked for again.
        table.add_column(column, justify="right" if is_number else "left", overflow="fold")
    for row in answer.rows:
        table.add_row(*(Text(_shown(cell)) for cell in row))
    console.print(table)


def write_csv(file: TextIO, answer: Answer) -> None:
    """Write an answer as CSV: numbers as they are, texts that no spreadsheet runs."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(answer.columns)
    for row in answer.rows:
        writer.writerow([_harmless(cell) for cell in row])


def _shown(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float | Decimal):
        return f"{cell:,.{_DECIMALS}f}".rstrip("0").rstrip(".")
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell)


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell
