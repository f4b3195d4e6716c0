"""What a person reads while a command works, in Spanish.

What lives here: the Spanish twin of each message that a `semillero` logger gives. What may not: the
messages themselves (they stand in English where something happens, and so in Dagster's log) or the
screen a run ends with.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping

from rich.logging import RichHandler

SPANISH: Mapping[str, str] = {
    "Arrival days %s to %s": "Días de llegada: %s a %s",
    "Waiting for %s, which is writing %s ...": "En espera de %s, que está escribiendo en %s ...",
    "Waiting for the program that has %s open ...": (
        "En espera del programa que tiene abierto %s ..."
    ),
    "Parsing the dbt project (it changed, or the home is another) ...": (
        "Leyendo el proyecto dbt (cambió, o la carpeta es otra) ..."
    ),
    "What is declared changed: its macros were made anew.": (
        "Lo declarado cambió: sus macros se generaron de nuevo."
    ),
    "%s %s refused: %s": "%s %s rechazado: %s",
    "%s %s drift: %s": "%s %s deriva: %s",
    "%s: days read %d, rows accepted %s, refused %s, duplicates %s": (
        "%s: días leídos %d, filas aceptadas %s, rechazadas %s, duplicadas %s"
    ),
    "%s: the landed files of %s accepted days are gone (the first is %s); their rows stay": (
        "%s: ya no están los archivos de %s días aceptados (el primero es %s); sus filas se "
        "conservan"
    ),
    "No input changed since the current release: nothing to build.": (
        "Ningún dato de entrada cambió desde la versión vigente: no hay nada que construir."
    ),
    "Building the marts (new partitions: %d%s) ...": (
        "Construyendo las tablas (particiones nuevas: %d%s) ..."
    ),
    ", the first build": ", la primera vez",
    ", everything anew: models, seeds or engines changed": (
        ", todo de nuevo: cambiaron modelos, semillas o motores"
    ),
    ", everything anew: partitions are gone": ", todo de nuevo: faltan particiones",
    ", everything anew: the last such build broke off": (
        ", todo de nuevo: la última construcción se interrumpió"
    ),
    "  dbt: %d models and tests done ...": "  dbt: %d modelos y pruebas hechos ...",
    "Checking the marts: %d expectations and shift bounds ...": (
        "Controlando las tablas: %d expectativas y límites de cambio ..."
    ),
    "%s: %s": "%s: %s",
    "Published release %s": "Se publicó la versión %s",
    "Mirrored release %s to %s (%d files)": "Se copió la versión %s en %s (%d archivos)",
    "Sample world: %s creators, %s LIVE sessions, %s files that arrive %s to %s (%s). "
    "What is true of it: %s": (
        "Mundo de muestra: %s creadores, %s sesiones LIVE, %s archivos que llegan del %s al %s "
        "(%s). Lo que es cierto en él: %s"
    ),
}
"""By the English message, before its values are put in; also for values that are fixed phrases."""


class SpanishHandler(RichHandler):
    """Shows each message in Spanish; the record itself, and so Dagster's log, stays English."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show the Spanish twin."""
        shown = copy.copy(record)
        shown.msg = SPANISH.get(str(record.msg), record.msg)
        if isinstance(record.args, tuple):
            shown.args = tuple(
                SPANISH.get(value, value) if isinstance(value, str) else value
                for value in record.args
            )
        super().emit(shown)
