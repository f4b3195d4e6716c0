"""What is said to people about a file, a sheet or a cell that cannot be taken.

What lives here: the wording, in both languages, and the error that carries it. What may not: the
finding (`workbook`, `report`) or the screen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestration.errors import BilingualError
from orchestration.settings import Language
from orchestration.sources.backstage.values import ProblemCode


@dataclass(frozen=True)
class Said:
    """One sentence, or several, in both languages."""

    en: str
    es: str

    def message(self, language: Language) -> str:
        """The sentence in the language asked for."""
        return self.es if language == "es" else self.en


class BackstageError(BilingualError):
    """A file that is no export, or landing that cannot be written."""

    def __init__(self, said: Said) -> None:
        super().__init__(said.en, said.es)
        self.said = said


_EXPORT_AGAIN = Said(
    "Export it again from Backstage and give that file, not saved by another program in between.",
    "Expórtelo de nuevo desde Backstage y use ese archivo sin guardarlo antes en otro programa.",
)

CELL_TEXTS: Mapping[ProblemCode, Said] = {
    "formula": Said(
        "a formula, where an export has a value",
        "una fórmula, donde una exportación tiene un valor",
    ),
    "excel_error": Said(
        "an error of the spreadsheet (like #N/A)", "un error de la hoja de cálculo (como #N/A)"
    ),
    "lost_digits": Said(
        "an ID stored as a number: spreadsheets keep 15 of its 19 digits",
        "un ID guardado como número: la hoja de cálculo conserva 15 de sus 19 dígitos",
    ),
    "no_creator_id": Said("no creator ID", "sin ID de creador"),
    "creator_twice": Said(
        "the same creator in several rows that contradict each other",
        "la misma persona en varias filas que se contradicen",
    ),
    "not_a_whole_number": Said("not a whole number", "no es un número entero"),
    "not_a_number": Said("not a number or percentage", "no es un número ni un porcentaje"),
    "ambiguous_number": Said(
        "a number like 1.234, which could be one or a thousand, and no other cell tells",
        "un número como 1.234, que puede ser uno o mil, y ninguna otra celda lo aclara",
    ),
    "not_a_duration": Said("not a duration", "no es una duración"),
    "not_a_moment": Said(
        "not a date (expected: 2026-07-31 18:05:00 (UTC+0))",
        "no es una fecha (se espera: 2026-07-31 18:05:00 (UTC+0))",
    ),
    "not_the_period": Said(
        "not the period of the other rows (expected: 2026-07-01 ~ 2026-07-06)",
        "no es el periodo de las demás filas (se espera: 2026-07-01 ~ 2026-07-06)",
    ),
}
"""What is wrong with a cell, as the end of a sentence. The contract refuses rows by these codes."""

NOTES: Mapping[str, Said] = {
    "masked_rows": Said(
        "rows of creators who left, with a sentence in place of their ID (counted, but nobody's)",
        "filas de creadores que se fueron, con una frase en lugar del ID (se cuentan, pero no son "
        "de nadie)",
    ),
    "repeated": Said(
        "exports whose rows were given before, under another name or in the other language "
        "(nothing to do)",
        "exportaciones con filas ya entregadas, con otro nombre o en el otro idioma (no hay nada "
        "que hacer)",
    ),
    "period_derived": Said(
        "exports of the last 30 days that name no period (derived from when they were made)",
        "exportaciones de los últimos 30 días que no indican su periodo (se dedujo de cuándo se "
        "hicieron)",
    ),
    "windows": Said(
        "exports that count neither from the 1st of a month nor the last 30 days (kept, but no "
        "daily values come from them)",
        "exportaciones que no cuentan desde el día 1 ni los últimos 30 días (se guardan, pero no "
        "dan valores diarios)",
    ),
    "formula_like_texts": Said(
        "texts that begin like a formula (kept as text, never computed)",
        "textos que empiezan como una fórmula (se guardan como texto, nunca se calculan)",
    ),
    "other_sheets": Said(
        "sheets without the headers of an export, not read",
        "hojas sin los encabezados de una exportación, no leídas",
    ),
    "hidden_sheets": Said("hidden sheets, not read", "hojas ocultas, no leídas"),
    "ignored_files": Said(
        "files that are not .xlsx, not opened", "archivos que no son .xlsx, no abiertos"
    ),
}
"""What a person should know of a reading, before its count."""


def not_found(where: str) -> Said:
    """There is nothing at the path."""
    return Said(
        f"{where} does not exist. Give an .xlsx file exported from Backstage, or a folder of them.",
        f"{where} no existe. Indique un archivo .xlsx exportado de Backstage o una carpeta con "
        "esos archivos.",
    )


def nothing_here(where: str) -> Said:
    """A folder without spreadsheets."""
    return Said(
        f"{where} holds no .xlsx file. Put the files exported from Backstage there.",
        f"{where} no contiene ningún archivo .xlsx. Ponga ahí los archivos exportados de "
        "Backstage.",
    )


def not_a_spreadsheet(found: Said) -> Said:
    """The bytes are something else."""
    return Said(
        f"This is not an .xlsx file, whatever its name says: it is {found.en}. {_EXPORT_AGAIN.en}",
        f"No es un archivo .xlsx, aunque su nombre lo diga: es {found.es}. {_EXPORT_AGAIN.es}",
    )


EMPTY = Said("empty", "un archivo vacío")
OLD_OR_PROTECTED = Said(
    "an old .xls, or protected with a password",
    "un .xls antiguo o está protegido con contraseña",
)
WEB_PAGE = Said("a web page", "una página web")
PLAIN_TEXT = Said("plain text (CSV?)", "texto simple (¿CSV?)")
BINARY_WORKBOOK = Said("a binary workbook (.xlsb)", "un libro binario (.xlsb)")
OTHER_ZIP = Said("a zip archive without a workbook", "un archivo zip sin libro de cálculo")
SOMETHING_ELSE = Said("of an unknown format", "de un formato desconocido")


def damaged(detail: str) -> Said:
    """A workbook that breaks off or contradicts itself."""
    return Said(
        f"The file is damaged ({detail}): it was cut off or changed. {_EXPORT_AGAIN.en}",
        f"El archivo está dañado ({detail}): se cortó o fue modificado. {_EXPORT_AGAIN.es}",
    )


def too_big(part: str, size: int, limit: int) -> Said:
    """A part of the workbook unpacks to more than the setting allows."""
    shown, most = f"{size / 1024**2:,.0f} MB", f"{limit / 1024**2:,.0f} MB"
    return Said(
        f"{part} unpacks to {shown}; at most {most} are read. An export of 10,000 creators has "
        "about 20 MB. Export fewer creators or columns, or raise SEMILLERO_MAX_SHEET_BYTES if the "
        "file is what it should be.",
        f"{part} ocupa {shown} al descomprimirse; se leen como máximo {most}. Una exportación de "
        "10,000 creadores ocupa unos 20 MB. Exporte menos creadores o columnas, o suba "
        "SEMILLERO_MAX_SHEET_BYTES si el archivo es el correcto.",
    )


def too_wide(sheet: str, last_cell: str) -> Said:
    """Cells stand far out: to read them would take memory for all that lies between."""
    return Said(
        f"The sheet {sheet!r} reaches to cell {last_cell}, far beyond any export. Delete what "
        f"stands out there, or better: {_EXPORT_AGAIN.en[0].lower()}{_EXPORT_AGAIN.en[1:]}",
        f"La hoja {sheet!r} llega hasta la celda {last_cell}, mucho más allá de cualquier "
        "exportación. Borre lo que haya ahí o, mejor, "
        f"{_EXPORT_AGAIN.es[0].lower()}{_EXPORT_AGAIN.es[1:]}",
    )


def computed_sheet(sheet: str) -> Said:
    """Formulas or errors wherever one looks."""
    return Said(
        f"The sheet {sheet!r} is full of formulas or errors; an export holds values. "
        f"{_EXPORT_AGAIN.en}",
        f"La hoja {sheet!r} está llena de fórmulas o errores; una exportación contiene valores. "
        f"{_EXPORT_AGAIN.es}",
    )


def not_an_export(best: tuple[str, ...]) -> Said:
    """No row of headers that are known."""
    seen = ", ".join(repr(header) for header in best) or "-"
    return Said(
        "No sheet has the headers of a Backstage export (Creator ID, Diamonds, LIVE duration ... "
        f"or ID del creador, Diamantes, Duración de LIVE ...). Headers found: {seen}. Keep the "
        "header row as Backstage writes it.",
        "Ninguna hoja tiene los encabezados de una exportación de Backstage (ID del creador, "
        "Diamantes, Duración de LIVE ... o Creator ID, Diamonds, LIVE duration ...). Encabezados "
        f"encontrados: {seen}. Conserve la fila de encabezados tal como la escribe Backstage.",
    )


def no_id_column(sheet: str) -> Said:
    """Known headers, but not the one that says whose row it is."""
    return Said(
        f"The sheet {sheet!r} looks like a Backstage export but has no column 'Creator ID': "
        "nobody could say whose numbers these are. Export it again with that column.",
        f"La hoja {sheet!r} parece una exportación de Backstage pero no tiene la columna 'ID del "
        "creador': no se sabría de quién son los números. Expórtela de nuevo con esa columna.",
    )


def only_hidden(sheet: str) -> Said:
    """What looks like the export is on a hidden sheet."""
    return Said(
        f"The export stands on a hidden sheet ({sheet!r}); hidden sheets are not read. Unhide it "
        "if it is the right one, and run the command again.",
        f"La exportación está en una hoja oculta ({sheet!r}); las hojas ocultas no se leen. "
        "Muéstrela si es la correcta y repita el comando.",
    )


def merged_headers(sheet: str, where: str) -> Said:
    """A header that covers several columns: nobody can say which of them it names."""
    return Said(
        f"In the sheet {sheet!r} the header row has merged cells ({where}): one header over "
        "several columns does not say which is which. Unmerge them and give each column its "
        "header, or export the file again.",
        f"En la hoja {sheet!r} la fila de encabezados tiene celdas combinadas ({where}): un "
        "encabezado sobre varias columnas no dice cuál es cuál. Sepárelas y ponga a cada columna "
        "su encabezado, o exporte de nuevo el archivo.",
    )


def merged_rows(sheet: str, where: str) -> Said:
    """Merged cells among the creators' rows: nobody can say whose value they show."""
    return Said(
        f"In the sheet {sheet!r} cells are merged below the headers ({where}): whose number stands "
        "there cannot be told. Export the file again, or unmerge them and fill in every row.",
        f"En la hoja {sheet!r} hay celdas combinadas debajo de los encabezados ({where}): no se "
        "sabe de quién es el número que muestran. Exporte de nuevo el archivo, o sepárelas y "
        "complete cada fila.",
    )


def rows_above(sheet: str, row: int, header_row: int) -> Said:
    """Data above the headers, as when somebody sorted them along with the rows."""
    return Said(
        f"In the sheet {sheet!r} the headers stand in row {header_row}, but row {row} above them "
        "looks like a creator's: was the sheet sorted together with its headers? Move them to the "
        "top, or export the file again.",
        f"En la hoja {sheet!r} los encabezados están en la fila {header_row}, pero la fila {row}, "
        "más arriba, parece de una persona: ¿se ordenó la hoja junto con sus encabezados? Páselos "
        "al inicio o exporte de nuevo el archivo.",
    )


def headers_again(sheet: str, row: int) -> Said:
    """Another table below the first one, with other columns."""
    return Said(
        f"In the sheet {sheet!r} other headers begin in row {row}: what stands below them would be "
        "read under the wrong ones. Give each export as its own file.",
        f"En la hoja {sheet!r} comienzan otros encabezados en la fila {row}: lo que está debajo se "
        "leería con los encabezados equivocados. Use un archivo por cada exportación.",
    )


def days_to_come(sheet: str, period: str) -> Said:
    """A period that ends in the future: nobody can have counted it."""
    return Said(
        f"The sheet {sheet!r} says that it counts {period}, but days of that are still to come. "
        "Correct the column 'Data period', or this computer's clock if it is wrong.",
        f"La hoja {sheet!r} dice que cuenta {period}, pero ese periodo incluye días que aún no "
        "llegan. Corrija la columna 'Periodo de datos', o el reloj de esta computadora si está "
        "mal.",
    )


def header_twice(sheet: str, one: str, other: str) -> Said:
    """Two columns that mean the same."""
    return Said(
        f"In the sheet {sheet!r} the columns {one!r} and {other!r} mean the same. Delete the one "
        "that does not count.",
        f"En la hoja {sheet!r} las columnas {one!r} y {other!r} significan lo mismo. Borre la que "
        "no corresponda.",
    )


def no_period(sheet: str) -> Said:
    """A month's export without its period."""
    return Said(
        f"The sheet {sheet!r} does not say which period it counts: the column 'Data period' is "
        "missing or empty. Export it again with that column.",
        f"La hoja {sheet!r} no dice qué periodo cuenta: falta la columna 'Periodo de datos' o "
        "está vacía. Expórtela de nuevo con esa columna.",
    )


def several_periods(sheet: str, periods: tuple[str, ...]) -> Said:
    """Rows of different periods under one header."""
    shown = ", ".join(periods)
    return Said(
        f"The sheet {sheet!r} mixes periods ({shown}). Give each export as its own file.",
        f"La hoja {sheet!r} mezcla periodos ({shown}). Use un archivo por cada exportación.",
    )


def all_ids_lost(sheet: str) -> Said:
    """Every ID was rounded by a spreadsheet program."""
    return Said(
        f"In the sheet {sheet!r} the creator IDs are stored as numbers. Spreadsheets keep 15 of "
        "their 19 digits, so different creators became one ID. Export the file again and do not "
        "save it in Excel before.",
        f"En la hoja {sheet!r} los ID de creador están guardados como números. La hoja de cálculo "
        "conserva 15 de sus 19 dígitos, así que varias personas quedaron con un mismo ID. Exporte "
        "de nuevo el archivo y no lo guarde antes en Excel.",
    )


def no_rows(sheet: str) -> Said:
    """Headers and nothing below."""
    return Said(
        f"The sheet {sheet!r} has headers but no creators below them.",
        f"La hoja {sheet!r} tiene encabezados pero ningún creador debajo.",
    )


def cannot_write(home: str, detail: str) -> Said:
    """Landing or scratch refused."""
    return Said(
        f"The exports could not be landed: {detail}. Check that {home} is writable, has room, and "
        "is one file system; then run the command again.",
        f"No se pudieron depositar las exportaciones: {detail}. Revise que se pueda escribir en "
        f"{home}, que haya espacio y que sea un solo sistema de archivos; después repita el "
        "comando.",
    )


def cannot_read(detail: str) -> Said:
    """The operating system refused."""
    return Said(
        f"The file cannot be opened: {detail}. Close the program that has it open, check who may "
        "read it, and run the command again.",
        f"No se puede abrir el archivo: {detail}. Cierre el programa que lo tiene abierto, revise "
        "los permisos de lectura y repita el comando.",
    )
