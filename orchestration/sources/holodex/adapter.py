"""From a folder of collected Holodex files to landing files of three canonical feeds.

What lives here: checking the two files, running the SQL of `queries.py` in DuckDB, placing one file
per feed and arrival day, and the notes. What may not: rows in Python, SQL text made of values, or
opinions on single rows (ingest refuses them, with a reason). The source and its licence (MIT) are
named in the package's docstring.
"""

from __future__ import annotations

import glob
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import duckdb

from orchestration.errors import BilingualError
from orchestration.settings import Settings
from orchestration.sources.holodex import queries
from orchestration.sources.landing import (
    FeedLanding,
    LandingNote,
    LandingSummary,
    landing_path,
    place_file,
)

FILE_NAME = "holodex.parquet"
"""The adapter's own file in each landing partition: other sources' files stand beside it."""

NOT_AGENCIES = ("independents", "twitch independents")
"""What Holodex writes (lower case) where a channel belongs to no agency."""

ColumnFamily = Literal["text", "number", "timestamp"]

SESSIONS_FILE = "sessions_raw_notitle.parquet"
SESSION_COLUMNS: dict[str, ColumnFamily] = {
    "channel_id": "text",
    "source_file": "text",
    "topic": "text",
    "start_utc": "timestamp",
    "end_utc": "timestamp",
    "peak_at_utc": "timestamp",
    "viewers_avg": "number",
    "viewers_peak": "number",
    "subscribers_gained": "number",
}

CHANNELS_FILE = "channels.parquet"
CHANNEL_COLUMNS: dict[str, ColumnFamily] = {
    "channel_id": "text",
    "channel_name": "text",
    "type": "text",
    "agency": "text",
    "subscribers": "number",
    "source_file": "text",
}

_NUMBER_TYPES = frozenset(
    {
        *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
        *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"),
        *("FLOAT", "DOUBLE", "DECIMAL"),
    }
)

_FEEDS = ("agencies", "creators", "live_sessions")


class HolodexError(BilingualError):
    """The folder cannot become feeds, or landing cannot be written."""


@dataclass(frozen=True)
class _Prepared:
    feed: str
    arrival: date
    rows: int
    path: Path


def land_holodex(
    folder: Path, settings: Settings, *, progress: Callable[[str], None]
) -> LandingSummary:
    """Land a folder of collected Holodex files as creators, agencies and live_sessions.

    Each feed gets `landing/<feed>/dt=<arrival day>/holodex.parquet`. All files are complete before
    the first is moved into place, so bad input changes nothing; landing the same folder again
    leaves every file as it is. Files of other sources are not touched.

    Args:
        folder: Holds `sessions_raw_notitle.parquet` and `channels.parquet`. Only read.
        settings: Where landing and scratch are, DuckDB's memory limit, the language of `progress`.
        progress: Called with a sentence before each long step.

    Returns:
        Rows, files and arrival days by feed, and notes on what was repaired or left out.

    Raises:
        HolodexError: A file is missing, unreadable, empty or lacks columns, or landing cannot be
            written.
    """
    folder = folder.expanduser().absolute()
    _require_folder(folder)

    def say(message_en: str, message_es: str) -> None:
        progress(message_es if settings.language == "es" else message_en)

    try:
        settings.scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="holodex-", dir=settings.scratch) as scratch_name:
            scratch = Path(scratch_name)
            with _connect(settings, scratch) as connection:
                say(f"Reading the Holodex files in {folder}", f"Leyendo los archivos de {folder}")
                _load(connection, folder / SESSIONS_FILE, SESSION_COLUMNS, queries.LOAD_SESSIONS)
                _load(connection, folder / CHANNELS_FILE, CHANNEL_COLUMNS, queries.LOAD_CHANNELS)
                _lock_down(connection, scratch)
                _build_feeds(connection, folder)
                notes = _notes(connection)
                say("Writing one file per feed and day", "Escribiendo un archivo por feed y día")
                prepared = [
                    written for feed in _FEEDS for written in _write_feed(connection, feed, scratch)
                ]
            say(
                f"Moving {len(prepared)} files into landing",
                f"Moviendo {len(prepared)} archivos a landing",
            )
            feeds = _place(prepared, settings.landing)
    except OSError as error:
        raise HolodexError(
            f"The Holodex files could not be landed: {error}. Check that {settings.home} is "
            "writable, has room, and is one file system; then run the command again.",
            f"No se pudieron depositar los archivos de Holodex: {error}. Revise que se pueda "
            f"escribir en {settings.home}, que haya espacio y que sea un solo sistema de archivos; "
            "después repita el comando.",
        ) from error
    except duckdb.Error as error:
        raise HolodexError(
            f"The Holodex files in {folder} were read, but could not be turned into feeds: "
            f"{_first_line(error)}. Check free memory and disk below {settings.home}; if both are "
            "fine, the files hold something this adapter does not know.",
            f"Los archivos de Holodex en {folder} se leyeron, pero no se pudieron convertir en "
            f"feeds: {_first_line(error)}. Revise la memoria y el disco en {settings.home}; si "
            "ambos están bien, los archivos contienen algo que este adaptador no conoce.",
        ) from error
    return LandingSummary(feeds=feeds, notes=notes + _left_behind(feeds, settings.landing))


def _require_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    what_en = "is a file, not a folder" if folder.exists() else "does not exist"
    what_es = "es un archivo, no una carpeta" if folder.exists() else "no existe"
    raise HolodexError(
        f"{folder} {what_en}. Give the folder that holds {SESSIONS_FILE} and {CHANNELS_FILE}.",
        f"{folder} {what_es}. Indique la carpeta que contiene {SESSIONS_FILE} y {CHANNELS_FILE}.",
    )


def _connect(settings: Settings, scratch: Path) -> duckdb.DuckDBPyConnection:
    # One thread: the order in which threads finish must not reach the bytes of a file. The whole
    # folder takes about a second.
    connection = duckdb.connect(config={"threads": 1, "memory_limit": settings.duckdb_memory_limit})
    connection.execute("set timezone = 'UTC'")
    connection.execute("set temp_directory = $path", {"path": str(scratch / "spill")})
    return connection


def _lock_down(connection: duckdb.DuckDBPyConnection, scratch: Path) -> None:
    """From here on the connection reaches nothing but its own scratch folder."""
    connection.execute("set allowed_directories = $paths", {"paths": [str(scratch)]})
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def _load(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    expected: dict[str, ColumnFamily],
    statement: str,
) -> None:
    if not path.is_file():
        what_en = "is a folder, not a file" if path.is_dir() else "is missing"
        what_es = "es una carpeta, no un archivo" if path.is_dir() else "no está"
        raise HolodexError(
            f"{path.name} {what_en} in {path.parent}. The adapter needs {SESSIONS_FILE} and "
            f"{CHANNELS_FILE} side by side: copy both there.",
            f"{path.name} {what_es} en {path.parent}. El adaptador necesita {SESSIONS_FILE} y "
            f"{CHANNELS_FILE} juntos: copie ambos ahí.",
        )
    # DuckDB reads a path as a pattern, so `data[1]/` would name another folder.
    bound = {"path": glob.escape(str(path))}
    try:
        columns = connection.execute("describe from read_parquet($path)", bound).fetchall()
        _require_columns(path, {str(row[0]): str(row[1]) for row in columns}, expected)
        loaded = connection.execute(statement, bound).fetchone()
    except duckdb.Error as error:
        raise HolodexError(
            f"{path} cannot be read as Parquet: {_first_line(error)}. It is damaged, incomplete or "
            "another format: copy it again.",
            f"No se puede leer {path} como Parquet: {_first_line(error)}. Está dañado, incompleto "
            "o es de otro formato: cópielo de nuevo.",
        ) from error
    if loaded is None or loaded[0] == 0:
        raise HolodexError(
            f"{path} has no rows. Nothing was landed; check the collection that wrote it.",
            f"{path} no tiene filas. No se depositó nada; revise la recolección que lo escribió.",
        )


def _require_columns(path: Path, found: dict[str, str], expected: dict[str, ColumnFamily]) -> None:
    missing = [name for name in expected if name not in found]
    if missing:
        raise HolodexError(
            f"{path} lacks {len(missing)} of the columns the adapter reads: {', '.join(missing)}. "
            "Is it the file of that name from the Holodex collection?",
            f"A {path} le faltan {len(missing)} de las columnas que lee el adaptador: "
            f"{', '.join(missing)}. ¿Es el archivo de ese nombre de la recolección de Holodex?",
        )
    wrong = [
        f"{name} ({found[name]}, not {family})"
        for name, family in expected.items()
        if not _is_of_family(found[name], family)
    ]
    if wrong:
        raise HolodexError(
            f"{path} has columns of another type than the Holodex collection writes: "
            f"{', '.join(wrong)}. Write the file again with its original types.",
            f"{path} tiene columnas de otro tipo que el que escribe la recolección de Holodex: "
            f"{', '.join(wrong)}. Escriba el archivo de nuevo con sus tipos originales.",
        )


def _is_of_family(found: str, family: ColumnFamily) -> bool:
    if family == "text":
        return found == "VARCHAR"
    if family == "timestamp":
        return found.startswith("TIMESTAMP")
    return found.partition("(")[0] in _NUMBER_TYPES


def _build_feeds(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    connection.execute(
        "create table not_agencies as select unnest($names) as name", {"names": list(NOT_AGENCIES)}
    )
    connection.execute(queries.ARRANGE_SESSIONS)
    dated = connection.execute("select count(arrival_date) from arranged_sessions").fetchone()
    if dated is None or dated[0] == 0:
        raise HolodexError(
            f"No row of {folder / SESSIONS_FILE} has a start_utc or an end_utc, so no arrival day "
            "is known. Nothing was landed; check the collection that wrote it.",
            f"Ninguna fila de {folder / SESSIONS_FILE} tiene start_utc o end_utc, así que no se "
            "conoce ningún día de llegada. No se depositó nada; revise la recolección.",
        )
    # Creators look up their agency's id, so agencies come first.
    connection.execute(queries.FEED_AGENCIES)
    connection.execute(queries.FEED_CREATORS)
    connection.execute(queries.FEED_LIVE_SESSIONS)


def _write_feed(connection: duckdb.DuckDBPyConnection, feed: str, scratch: Path) -> list[_Prepared]:
    prepared = []
    for arrival, rows in connection.execute(queries.DAYS[feed]).fetchall():
        path = scratch / f"{feed}-{arrival.isoformat()}.parquet"
        connection.execute(queries.WRITE_DAY[feed], {"arrival_date": arrival, "path": str(path)})
        prepared.append(_Prepared(feed=feed, arrival=arrival, rows=rows, path=path))
    return prepared


def _place(prepared: list[_Prepared], landing: Path) -> dict[str, FeedLanding]:
    feeds: dict[str, FeedLanding] = {}
    for feed in _FEEDS:
        mine = [item for item in prepared if item.feed == feed]
        if not mine:
            # A collection of independents only has no agencies; that is not an error.
            continue
        targets = tuple(landing_path(landing, feed, item.arrival, FILE_NAME) for item in mine)
        changed = sum(
            place_file(item.path, target) for item, target in zip(mine, targets, strict=True)
        )
        feeds[feed] = FeedLanding(
            rows=sum(item.rows for item in mine),
            files=targets,
            files_changed=changed,
            first_arrival=mine[0].arrival,
            last_arrival=mine[-1].arrival,
        )
    return feeds


def _left_behind(feeds: dict[str, FeedLanding], landing: Path) -> tuple[LandingNote, ...]:
    """Files of an earlier collection whose days this folder lacks: kept, and said."""
    notes = []
    for feed, landed in feeds.items():
        ours = set(landed.files)
        count = sum(path not in ours for path in (landing / feed).glob(f"dt=*/{FILE_NAME}"))
        notes.append(
            LandingNote(
                "earlier_files_kept",
                feed,
                count,
                f"{count:,} files of an earlier collection stay in landing: this folder has "
                "nothing for their days.",
                f"{count:,} archivos de una recolección anterior quedan en landing: esta carpeta "
                "no trae nada para esos días.",
            )
        )
    return tuple(note for note in notes if note.count)


def _counts(connection: duckdb.DuckDBPyConnection, statement: str) -> dict[str, int]:
    cursor = connection.execute(statement)
    names = [column[0] for column in cursor.description or ()]
    row = cursor.fetchone() or ()
    return {name: int(value or 0) for name, value in zip(names, row, strict=True)}


def _notes(connection: duckdb.DuckDBPyConnection) -> tuple[LandingNote, ...]:
    """What was repaired, derived or left out; a count of zero is not worth a sentence."""
    sessions = _counts(connection, queries.COUNT_SESSIONS)
    creators = _counts(connection, queries.COUNT_CREATORS)
    if creators["agency_collisions"]:
        raise HolodexError(
            f"{creators['agency_collisions']} agencies would share an id with another. Nothing "
            "was landed; rename one of them in channels.parquet.",
            f"{creators['agency_collisions']} agencias compartirían identificador con otra. No se "
            "depositó nada; cambie el nombre de una en channels.parquet.",
        )
    unaffiliated = creators["independents"] + creators["agency_missing"]
    notes = (
        LandingNote(
            "repeated_rows",
            "live_sessions",
            sessions["repeated_rows"],
            f"{sessions['repeated_rows']:,} rows repeat the channel and start of "
            f"{sessions['repeated_sessions']:,} sessions with another end. All are landed; the "
            "last end wins in the pipeline.",
            f"{sessions['repeated_rows']:,} filas repiten el canal y el inicio de "
            f"{sessions['repeated_sessions']:,} sesiones con otro final. Se depositan todas; en el "
            "proceso gana el último final.",
        ),
        LandingNote(
            "over_48_hours",
            "live_sessions",
            sessions["over_48_hours"],
            f"{sessions['over_48_hours']:,} rows last over 48 hours. Kept: hard to believe, "
            "not impossible.",
            f"{sessions['over_48_hours']:,} filas duran más de 48 horas. Se conservan: cuesta "
            "creerlo, pero no es imposible.",
        ),
        LandingNote(
            "peak_outside",
            "live_sessions",
            sessions["peak_outside"],
            f"{sessions['peak_outside']:,} rows have their viewer peak outside the session. The "
            "peak's size is kept; its time has no column in the feed.",
            f"{sessions['peak_outside']:,} filas tienen el pico de espectadores fuera de la "
            "sesión. Se conserva el valor del pico; su hora no tiene columna en el feed.",
        ),
        LandingNote(
            "without_topic",
            "live_sessions",
            sessions["without_topic"],
            f"{sessions['without_topic']:,} rows have no topic: their category is empty.",
            f"{sessions['without_topic']:,} filas no tienen tema: su categoría queda vacía.",
        ),
        LandingNote(
            "subscribers_gained_left_out",
            "live_sessions",
            sessions["subscribers_gained"],
            f"{sessions['subscribers_gained']:,} values of subscribers_gained are left out: each "
            "is the change since the channel's previous row, even months before, and not what "
            "the session gained. new_followers stays empty.",
            f"{sessions['subscribers_gained']:,} valores de subscribers_gained quedan fuera: cada "
            "uno es el cambio desde la fila anterior del canal, incluso meses antes, y no lo que "
            "ganó la sesión. new_followers queda vacío.",
        ),
        LandingNote(
            "without_end",
            "live_sessions",
            sessions["without_end"],
            f"{sessions['without_end']:,} rows have no end. They arrive on the day of their start, "
            "or on the last day where that is missing too.",
            f"{sessions['without_end']:,} filas no tienen final. Llegan el día de su inicio, o el "
            "último día si también falta el inicio.",
        ),
        LandingNote(
            "unreadable_average",
            "live_sessions",
            sessions["unreadable_average"],
            f"{sessions['unreadable_average']:,} rows have an average of viewers that is not a "
            "number: it is left empty.",
            f"{sessions['unreadable_average']:,} filas tienen un promedio de espectadores que no "
            "es un número: queda vacío.",
        ),
        LandingNote(
            "without_creator",
            "live_sessions",
            sessions["without_creator"],
            f"{sessions['without_creator']:,} rows belong to channels that {CHANNELS_FILE} does "
            "not have. They are landed; no creator is invented for them.",
            f"{sessions['without_creator']:,} filas son de canales que no están en "
            f"{CHANNELS_FILE}. Se depositan; no se inventa ningún creador para ellas.",
        ),
        LandingNote(
            "renamed_channels",
            "creators",
            creators["renamed_channels"],
            f"{creators['renamed_channels']:,} channels have more than one record (renames). The "
            "later record arrives on the day its name was first seen, and wins from then on.",
            f"{creators['renamed_channels']:,} canales tienen más de un registro (cambios de "
            "nombre). El posterior llega el día en que se vio su nombre por primera vez, y gana "
            "desde entonces.",
        ),
        LandingNote(
            "records_without_order",
            "creators",
            creators["records_without_order"],
            f"{creators['records_without_order']:,} further records of channels are left out: no "
            "session tells when they were valid.",
            f"{creators['records_without_order']:,} registros adicionales de canales quedan fuera: "
            "ninguna sesión indica cuándo fueron válidos.",
        ),
        LandingNote(
            "without_agency",
            "creators",
            unaffiliated,
            f"{unaffiliated:,} channel records belong to no agency ('Independents', 'Twitch "
            f"Independents': {creators['independents']:,}; empty: "
            f"{creators['agency_missing']:,}): their agency is empty.",
            f"{unaffiliated:,} registros de canal no pertenecen a ninguna agencia ('Independents', "
            f"'Twitch Independents': {creators['independents']:,}; vacío: "
            f"{creators['agency_missing']:,}): su agencia queda vacía.",
        ),
        LandingNote(
            "creators_unknown",
            "creators",
            creators["creators"],
            f"Country and joining day of {creators['creators']:,} creators are not in the data: "
            "both are empty (unknown market), and their local day is UTC. Their follower count is "
            "the one last seen. The group within the agency has no column in the feed.",
            f"El país y el día de ingreso de {creators['creators']:,} creadores no están en los "
            "datos: ambos quedan vacíos (mercado desconocido) y su día local es UTC. Sus "
            "seguidores son los últimos vistos. El grupo dentro de la agencia no tiene columna en "
            "el feed.",
        ),
        LandingNote(
            "agencies_unknown",
            "agencies",
            creators["agencies"],
            f"The country of {creators['agencies']:,} agencies is not in the data: it is empty.",
            f"El país de {creators['agencies']:,} agencias no está en los datos: queda vacío.",
        ),
    )
    return tuple(note for note in notes if note.count)


def _first_line(error: duckdb.Error) -> str:
    # The rest quotes the adapter's own SQL, which tells the reader nothing about the file.
    return str(error).strip().splitlines()[0].rstrip(".")
