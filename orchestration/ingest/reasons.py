"""Every sentence with which ingest refuses something, in English and in Spanish.

What lives here: wording only. What may not: conditions. Values of rows never enter a sentence:
sentences are shown on screens and in logs, and a value may be personal. Quarantine holds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from orchestration.errors import BilingualError
from orchestration.ingest.results import DriftFinding, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestration.contracts.loader import Kind

KIND_WORDS: dict[str, tuple[str, str]] = {
    "string": ("a text", "un texto"),
    "integer": ("a whole number", "un número entero"),
    "decimal": ("a decimal number", "un número decimal"),
    "timestamp": (
        "a timestamp like 2026-01-31T20:15:00Z",
        "una fecha y hora como 2026-01-31T20:15:00Z",
    ),
    "date": ("a date like 2026-01-31", "una fecha como 2026-01-31"),
    "boolean": ("true or false", "true o false"),
}
"""What a value of a column should be, as the end of a sentence."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was refused: the rule's id and its sentence in both languages."""

    rule: str
    en: str
    es: str

    def as_problem(self, file: str) -> Problem:
        """The problem of a whole file, or of what `day_name` calls a day."""
        return Problem(file, None, self.rule, None, 1, self.en, self.es)


class RefusedError(BilingualError):
    """Something that was asked for cannot be done; the reason says why."""

    def __init__(self, reason: Reason) -> None:
        """Carry the reason."""
        super().__init__(reason.en, reason.es)
        self.reason = reason


class FileRefusedError(RefusedError):
    """A whole file cannot be used; ingest turns it into a file-level problem."""

    def __init__(self, reason: Reason, column: str | None = None) -> None:
        """Carry the reason, and the column it concerns if it is about one."""
        super().__init__(reason)
        self.column = column


# --- rows -----------------------------------------------------------------------------------


def missing_value(column: str) -> Reason:
    """A required value is empty."""
    return Reason(
        "missing_value",
        f"{column} is empty, and the contract requires it.",
        f"{column} está vacío y el contrato lo exige.",
    )


def wrong_type(column: str, kind: Kind) -> Reason:
    """A value cannot be read as its column's kind."""
    en, es = KIND_WORDS[kind]
    return Reason("wrong_type", f"{column} is not {en}.", f"{column} no es {es}.")


def naive_timestamp(column: str, feed: str) -> Reason:
    """A timestamp does not say its zone."""
    return Reason(
        "naive_timestamp",
        f"{column} has no time zone: write an offset or Z after the time, or declare the zone of "
        f"{feed} in SEMILLERO_FEED_TIMEZONES.",
        f"{column} no tiene zona horaria: escriba un desfase o Z después de la hora, o declare la "
        f"zona de {feed} en SEMILLERO_FEED_TIMEZONES.",
    )


def impossible_date(column: str) -> Reason:
    """A timestamp lies outside any time in which LIVE platforms existed."""
    return Reason(
        "impossible_date",
        f"{column} lies outside the years 2000 to 2099.",
        f"{column} está fuera de los años 2000 a 2099.",
    )


def too_long(column: str, limit: int) -> Reason:
    """A text is longer than the contract allows."""
    return Reason(
        "too_long",
        f"{column} is longer than {limit} characters.",
        f"{column} tiene más de {limit} caracteres.",
    )


def nul_character(column: str) -> Reason:
    """A text holds NUL, at which many programs end a text."""
    return Reason(
        "nul_character",
        f"{column} holds the character NUL (\\u0000), which no text may hold.",
        f"{column} contiene el carácter NUL (\\u0000), que ningún texto puede contener.",
    )


def not_allowed(column: str, allowed: Iterable[str]) -> Reason:
    """A value is not in the contract's list."""
    values = ", ".join(allowed)
    return Reason(
        "not_allowed",
        f"{column} is not one of: {values}.",
        f"{column} no es ninguno de estos valores: {values}.",
    )


def below_minimum(column: str, minimum: float) -> Reason:
    """A number is under the contract's minimum; for a minimum of zero it is negative."""
    if minimum == 0:
        return Reason("below_minimum", f"{column} is negative.", f"{column} es un número negativo.")
    return Reason(
        "below_minimum", f"{column} is below {minimum}.", f"{column} es menor que {minimum}."
    )


def above_maximum(column: str, maximum: float) -> Reason:
    """A number is over the contract's maximum."""
    return Reason(
        "above_maximum", f"{column} is above {maximum}.", f"{column} es mayor que {maximum}."
    )


def future_event(column: str, day: date) -> Reason:
    """An event lies after its own arrival."""
    return Reason(
        "future_event",
        f"{column} lies more than a day after the day of arrival, {day}.",
        f"{column} cae más de un día después del día de llegada, {day}.",
    )


def too_late(column: str, day: date, horizon_days: int) -> Reason:
    """An event is older than the lateness horizon."""
    return Reason(
        "too_late",
        f"{column} is more than {horizon_days} days before the day of arrival, {day}; to take it "
        "in: `semillero quarantine replay --rule too_late`, or for a first load `run --history`.",
        f"{column} cae más de {horizon_days} días antes del día de llegada, {day}; para admitirlo: "
        "`semillero quarantine replay --rule too_late`, o en una primera carga `run --history`.",
    )


def malformed_row(engine_error: str, expected: int) -> Reason:
    """A line that could not be parsed, by the kind of DuckDB's reject or of our own."""
    if engine_error == "MALFORMED JSON":
        return MALFORMED_JSON
    if engine_error in {"MISSING COLUMNS", "TOO MANY COLUMNS"}:
        less_en, less_es = (
            ("fewer", "menos") if engine_error == "MISSING COLUMNS" else ("more", "más")
        )
        return Reason(
            "malformed_row",
            f"The line has {less_en} values than the header's {expected} columns.",
            f"La línea tiene {less_es} valores que las {expected} columnas del encabezado.",
        )
    if engine_error == "UNQUOTED VALUE":
        return Reason(
            "malformed_row",
            "A quotation mark is opened or closed in the wrong place.",
            "Una comilla se abre o se cierra en el lugar equivocado.",
        )
    if engine_error == "LINE SIZE OVER MAXIMUM":
        return Reason(
            "malformed_row",
            "The line is longer than 2 MB.",
            "La línea ocupa más de 2 MB.",
        )
    return Reason(
        "malformed_row",
        f"The line cannot be read as CSV ({engine_error.lower()}).",
        f"La línea no se puede leer como CSV ({engine_error.lower()}).",
    )


MALFORMED_JSON = Reason(
    "malformed_row",
    "The line is not one JSON object, or names a column twice.",
    "La línea no es un solo objeto JSON, o nombra dos veces una columna.",
)

# --- files ----------------------------------------------------------------------------------


def not_a_file() -> Reason:
    """A folder, pipe or device stands where a file should."""
    return Reason(
        "not_a_file",
        "This is a folder or a device, not a file: put the files directly in the day's folder.",
        "Es una carpeta o un dispositivo, no un archivo: ponga los archivos directamente en la "
        "carpeta del día.",
    )


def unknown_extension() -> Reason:
    """The name does not end like a known format."""
    return Reason(
        "unknown_extension",
        "The name does not end in .parquet, .csv, .csv.gz, .jsonl or .jsonl.gz.",
        "El nombre no termina en .parquet, .csv, .csv.gz, .jsonl ni .jsonl.gz.",
    )


def outside_landing() -> Reason:
    """A link leads out of the landing zone."""
    return Reason(
        "outside_landing",
        "This link leads outside the landing folder: put the file itself here.",
        "Este enlace lleva fuera de la carpeta landing: ponga aquí el archivo mismo.",
    )


def empty_file() -> Reason:
    """The file has no bytes."""
    return Reason(
        "empty_file",
        "The file is empty (0 bytes): the transfer probably failed; send it again.",
        "El archivo está vacío (0 bytes): probablemente falló la transferencia; envíelo de nuevo.",
    )


def unreadable(detail: str) -> Reason:
    """The operating system or DuckDB cannot read the file."""
    return Reason(
        "unreadable_file",
        f"The file cannot be read: {detail}",
        f"No se puede leer el archivo: {detail}",
    )


def rows_contradict() -> Reason:
    """A damaged Parquet file: what it says of itself is not what it holds."""
    return Reason(
        "unreadable_file",
        "The file cannot be read: it does not hold the rows that it announces; send it again.",
        "No se puede leer el archivo: no contiene las filas que anuncia; envíelo de nuevo.",
    )


def changed_while_read() -> Reason:
    """Somebody was still writing."""
    return Reason(
        "changed_while_read",
        "The file changed while it was being read: wait until the transfer has ended, "
        "then run again.",
        "El archivo cambió mientras se leía: espere a que termine la transferencia "
        "y vuelva a ejecutar.",
    )


def not_utf8(byte: int, line: int) -> Reason:
    """A text file in another encoding."""
    return Reason(
        "not_utf8",
        f"The file is not UTF-8: byte 0x{byte:02x} at line {line}; save it as UTF-8.",
        f"El archivo no es UTF-8: byte 0x{byte:02x} en la línea {line}; guárdelo como UTF-8.",
    )


def broken_gzip(*, truncated: bool) -> Reason:
    """A gzip file that ends early or does not match its checksum."""
    if truncated:
        return Reason(
            "broken_gzip",
            "The gzip file ends too early (truncated): send it again.",
            "El archivo gzip termina antes de tiempo (truncado): envíelo de nuevo.",
        )
    return Reason(
        "broken_gzip",
        "The file is not valid gzip (wrong header or checksum): send it again.",
        "El archivo no es un gzip válido (encabezado o suma de control incorrectos): "
        "envíelo de nuevo.",
    )


def too_big(limit: int) -> Reason:
    """A file that unpacks to more than the cap."""
    return Reason(
        "too_big",
        f"The file unpacks to more than {limit:,} bytes: split it, or raise "
        "SEMILLERO_MAX_DECOMPRESSED_BYTES if it is honest.",
        f"El archivo se descomprime a más de {limit:,} bytes: divídalo, o suba "
        "SEMILLERO_MAX_DECOMPRESSED_BYTES si es legítimo.",
    )


def object_too_big(limit: str) -> Reason:
    """An object of a bucket that cannot be brought here in one go."""
    return Reason(
        "object_too_big",
        f"The object does not fit into {limit}, and it is brought here as a whole: split it, pack "
        "it (.gz), or, up to 4 GiB, raise SEMILLERO_DUCKDB_MEMORY_LIMIT.",
        f"El objeto no cabe en {limit} y se trae completo: divídalo, comprímalo (.gz) o, hasta "
        "4 GiB, aumente SEMILLERO_DUCKDB_MEMORY_LIMIT.",
    )


def line_too_long() -> Reason:
    """A JSON line beyond what is read as one value."""
    return Reason(
        "line_too_long",
        "The file has a line of more than 2 MB: JSON lines need one object a line.",
        "El archivo tiene una línea de más de 2 MB: JSON lines necesita un objeto por línea.",
    )


def unclosed_quote(row: int) -> Reason:
    """A quotation mark that swallows the lines after it."""
    return Reason(
        "unclosed_quote",
        f"A quotation mark in row {row} is not closed in its line, so the rows after it cannot be "
        "told apart: double the quotation marks inside values, and send the file again.",
        f"Una comilla de la fila {row} no se cierra en su línea y no se distinguen las filas "
        "siguientes: duplique las comillas dentro de los valores y vuelva a enviarlo.",
    )


def stray_line_end() -> Reason:
    """A lone carriage return among the lines of a CSV file."""
    return Reason(
        "stray_line_end",
        "Some line holds a lone carriage return (CR, without a line feed), so rows cannot be told "
        "apart: write all line ends the same way, put quotation marks around values with line "
        "ends inside, and send the file again.",
        "Alguna línea tiene un retorno de carro suelto (CR, sin salto de línea) y no se distinguen "
        "las filas: escriba igual todos los fines de línea, ponga entre comillas los valores que "
        "los contengan y vuelva a enviar el archivo.",
    )


def missing_columns(missing: Iterable[str], found: Iterable[str]) -> Reason:
    """Required columns that the file does not have."""
    found_list = ", ".join(found)
    missing_list = ", ".join(missing)
    return Reason(
        "missing_column",
        f"Required columns are missing: {missing_list}. Found: {found_list or 'none'}.",
        f"Faltan columnas obligatorias: {missing_list}. Se encontraron: {found_list or 'ninguna'}.",
    )


def duplicate_column(names: Iterable[str]) -> Reason:
    """Two columns of the file have one name (letter case aside)."""
    listed = ", ".join(names)
    return Reason(
        "duplicate_column",
        f"The file names a column twice: {listed}.",
        f"El archivo nombra dos veces una columna: {listed}.",
    )


def too_many_columns(limit: int) -> Reason:
    """More different columns than any feed has."""
    return Reason(
        "too_many_columns",
        f"The file names more than {limit} different columns.",
        f"El archivo nombra más de {limit} columnas distintas.",
    )


def ignored_file() -> Reason:
    """A hidden or temporary file was passed over."""
    return Reason(
        "ignored_file",
        "Passed over: names that begin with . or _ are taken as temporary.",
        "Omitido: los nombres que empiezan con . o _ se consideran temporales.",
    )


def engine_failed(detail: str) -> Reason:
    """DuckDB gave up on a file in a way that also ended the day's other work."""
    return Reason(
        "unreadable_file",
        f"Reading the file broke the engine: {detail} The rest of the day was not read.",
        f"La lectura del archivo interrumpió el motor: {detail} No se leyó el resto del día.",
    )


# --- days -----------------------------------------------------------------------------------


def refused_share(refused: int, read: int, allowed: float) -> Reason:
    """Too large a part of a day's rows was refused."""
    return Reason(
        "refused_share",
        f"{refused:,} of {read:,} rows were refused ({refused / read:.1%}); the contract tolerates "
        f"{allowed:.1%}. Correct the files and run again.",
        f"Se rechazaron {refused:,} de {read:,} filas ({refused / read:.1%}); el contrato tolera "
        f"{allowed:.1%}. Corrija los archivos y vuelva a ejecutar.",
    )


def drifted(feed: str, day: date, found: Iterable[DriftFinding]) -> Reason:
    """A day differs from the good days before it in a way that the contract refuses."""
    found = list(found)
    said_en = " ".join(each.told("en") for each in found)
    said_es = " ".join(each.told("es") for each in found)
    accept = f"semillero drift accept {feed} {day} --because"
    return Reason(
        "drift",
        f"Drift: {said_en} Correct the file and run again; what was accepted before stays. If this "
        f'is the new normal: {accept} "why", then run again.',
        f"Deriva: {said_es} Corrija el archivo y vuelva a ejecutar; lo aceptado antes se conserva. "
        f'Si esto es lo normal desde ahora: {accept} "por qué", y vuelva a ejecutar.',
    )


def nothing_drifted(feed: str, day: date) -> Reason:
    """Somebody wants to accept a drift that there is not."""
    return Reason(
        "nothing_drifted",
        f"Nothing drifted in {feed} on {day}, or it is accepted already: see what did with "
        "semillero drift list.",
        f"No hay deriva en {feed} el {day}, o ya se aceptó: vea dónde la hay con semillero drift "
        "list.",
    )


def with_drift(reason: Reason, found: Iterable[DriftFinding]) -> Reason:
    """A refusal together with the drift that probably explains it."""
    found = list(found)
    en = " ".join([reason.en, *(each.told("en") for each in found)])
    es = " ".join([reason.es, *(each.told("es") for each in found)])
    return Reason(reason.rule, en, es)


def nothing_accepted() -> Reason:
    """A mandatory feed's day without one good row."""
    return Reason(
        "nothing_accepted",
        "The day has no row that can be accepted, and this feed is mandatory.",
        "El día no tiene ninguna fila que se pueda aceptar, y esta fuente es obligatoria.",
    )


def empty_day() -> Reason:
    """A mandatory feed's folder without a file: the transfer broke off before it began."""
    return Reason(
        "empty_day",
        "The day's folder holds no file, and this feed is mandatory: put the files there, or "
        "remove the folder if nothing was to come.",
        "La carpeta del día no tiene ningún archivo y esta fuente es obligatoria: ponga ahí los "
        "archivos, o quite la carpeta si no tenía que llegar nada.",
    )


def raw_lost() -> Reason:
    """The accepted Parquet is gone, and so are the files it was made from."""
    return Reason(
        "raw_lost",
        "The accepted raw file of this day is missing and its landed files are gone: "
        "restore either.",
        "Falta el archivo raw aceptado de este día y ya no están sus archivos en landing: "
        "restaure uno de los dos.",
    )


def files_gone(rows: int, lost: int) -> Reason:
    """A file of the day went away, and the day has fewer rows than before."""
    return Reason(
        "files_gone",
        f"This file was part of the day ({rows:,} rows) and is gone from landing; the day was read "
        f"again from what is left and has {lost:,} accepted rows less. Put it back if that was not "
        "meant, and run again.",
        f"Este archivo era parte del día ({rows:,} filas) y ya no está en landing; el día se leyó "
        f"de nuevo con lo que queda y tiene {lost:,} filas aceptadas menos. Si no era la "
        "intención, devuélvalo a su lugar y vuelva a ejecutar.",
    )


def withdrawn(because: str) -> Reason:
    """A person took the whole accepted day out."""
    return Reason(
        "withdrawn",
        f"The day was withdrawn: {because}",
        f"El día se retiró: {because}",
    )


def because_of_what() -> Reason:
    """A withdrawal without a reason."""
    return Reason(
        "no_reason_given",
        "Say why the day is withdrawn: --because 'why'. It is kept with the day.",
        "Diga por qué se retira el día: --because 'por qué'. Se guarda junto con el día.",
    )


def not_accepted(feed: str, day: date) -> Reason:
    """A withdrawal of a day that raw does not hold."""
    return Reason(
        "not_accepted",
        f"{feed} {day} is not an accepted day, so there is nothing to withdraw: `semillero status` "
        "shows what raw holds.",
        f"{feed} {day} no es un día aceptado, así que no hay nada que retirar: `semillero status` "
        "muestra qué hay en raw.",
    )


def broken_off() -> Reason:
    """Quarantine and ledger speak of two states of the day: an ingest was killed between them."""
    return Reason(
        "broken_off",
        "The last ingest of this day broke off: run `semillero run` first, then replay.",
        "La última carga de este día se interrumpió: ejecute primero `semillero run` y luego "
        "reprocese.",
    )


def read_again() -> Reason:
    """What a replay would do with a day that was refused as a whole."""
    return Reason(
        "read_again",
        "The day was refused as a whole: a replay reads it again from landing.",
        "El día se rechazó completo: un reproceso lo lee de nuevo desde landing.",
    )


def stays_withdrawn() -> Reason:
    """A replay that does not ask for withdrawn rows."""
    return Reason(
        "withdrawn",
        "The day is withdrawn and stays out: to take it back, replay it with --rule withdrawn.",
        "El día está retirado y queda fuera: para recuperarlo, reprocéselo con --rule withdrawn.",
    )


def not_landed_any_more() -> Reason:
    """A refused day whose files are gone cannot be read again."""
    return Reason(
        "not_landed",
        "The day was refused as a whole, and its files are gone from landing: put them (or what "
        "`semillero quarantine export` wrote, corrected) back into the day's folder, and run.",
        "El día se rechazó completo y sus archivos ya no están en landing: vuelva a ponerlos en la "
        "carpeta del día (o lo que escribió `semillero quarantine export`, ya corregido) y ejecute "
        "de nuevo.",
    )


def no_usable_file() -> Reason:
    """A tolerated bad file would replace good rows with nothing."""
    return Reason(
        "no_usable_file",
        "No landed file can be used, and the day was accepted before: the accepted rows stay.",
        "Ningún archivo se puede usar y el día ya se había aceptado: se conservan sus filas.",
    )


def bad_file_refuses_day(files: Iterable[str]) -> Reason:
    """A bad file, in a feed that does not tolerate any, refuses its day."""
    listed = ", ".join(files)
    return Reason(
        "bad_file",
        f"The whole day is refused because of: {listed}. Correct or remove it and run again; "
        "what was accepted before stays.",
        f"Se rechaza todo el día por: {listed}. Corríjalo o quítelo y vuelva a ejecutar; "
        "lo aceptado antes se conserva.",
    )


def wrong_day_name() -> Reason:
    """An entry beside the day folders that is not one."""
    return Reason(
        "wrong_day_name",
        "This is not a day's folder: name it dt=YYYY-MM-DD, with a day that exists.",
        "No es la carpeta de un día: nómbrela dt=AAAA-MM-DD, con un día que exista.",
    )


def unknown_feed(known: Iterable[str]) -> Reason:
    """A folder in landing for which no contract exists."""
    listed = ", ".join(known)
    return Reason(
        "unknown_feed",
        f"No contract describes this feed; known feeds: {listed}.",
        f"Ningún contrato describe esta fuente; fuentes conocidas: {listed}.",
    )
