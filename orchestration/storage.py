"""Objects in a bucket: listed, brought here, sent there, through DuckDB's httpfs.

What lives here: the one connection that talks to object storage, and what its errors mean to
people. What may not: knowing what the objects are (`ingest`, `release.mirror`).

Credentials come from the environment, go into a secret in the memory of this connection and nowhere
else: DuckDB's own error texts, in which a server may repeat them, are never passed on whole.
"""

from __future__ import annotations

import contextlib
import importlib.util
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import duckdb
from pydantic import SecretStr

from orchestration.errors import BilingualError
from orchestration.settings import BucketAccess, Settings
from orchestration.sql import literal

MAX_OBJECT_BYTES = 4 * 1024**3 - 1
"""DuckDB reads an object as one value, and a value holds no more."""

_PACKAGE = "duckdb_extension_httpfs"
# Uploads pass in pieces of this size; DuckDB holds 2,048 of them at a time.
_PIECE_BYTES = 32 * 1024
# DuckDB sizes the parts of an upload by the greatest file it may have to send: at least this.
_LEAST_MAX_FILE_BYTES = 50 * 1000**3
_SHOWN_LETTERS = 200
_OTHER_VERSION = "HTTP Error: ETag on reading file"


class StorageError(BilingualError):
    """Object storage cannot be used; says which, why and what to do."""


class ObjectTooBigError(Exception):
    """An object does not fit into the memory that DuckDB may use."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object, as a listing tells of it.

    Attributes:
        key: Its name below the store's URL.
        size: Bytes.
        modified_us: When it was last written, in microseconds since 1970 (UTC); servers tell whole
            seconds.
    """

    key: str
    size: int
    modified_us: int


class ObjectStore:
    """What stands below one `s3://bucket/folder`."""

    def __init__(self, url: str, settings: Settings) -> None:
        """Open the connection; nothing is requested from the server yet.

        Raises:
            StorageError: The extension is not installed, or the environment has no credentials.
        """
        self.url = url
        self._access = BucketAccess()
        self._connection = _connect(self._access, settings)
        self._is_believed = False

    def listing(self, folder: str = "") -> list[StoredObject]:
        """Everything below a folder of plain name, by key. No content is read.

        Costs two requests a thousand objects; one more an object where a name has a `?`, and two
        if the first listing of all is empty.

        Raises:
            StorageError: The server does not answer, or refuses.
        """
        pattern = f"{self.url}/{folder}/**" if folder else f"{self.url}/**"
        with self._told():
            self._read_urls_as_patterns(yes=True)
            query = "select file from glob($pattern)"
            rows = self._connection.execute(query, {"pattern": pattern}).fetchall()
            keys = [row[0].removeprefix(f"{self.url}/") for row in rows]
        if not keys and not self._is_believed:
            self._refuse_impostor()
        self._is_believed = True
        if not keys:
            return []
        with self._told():
            # DuckDB reads what follows a `?` as options of the connection, such as another server
            # to send the request to: such a name must not be among those that a pattern opens.
            if not any("?" in key for key in keys):
                return self._stored(pattern)
        return [facts for key in sorted(keys) if (facts := self.facts(key))]

    def facts(self, key: str) -> StoredObject | None:
        """Size and time of one object; None if it is gone.

        A key with `.` or `..` among its folders cannot be asked about, because HTTP clients take
        them out: it is shown as empty, and nobody may want it.

        Raises:
            StorageError: The server does not answer, or refuses.
        """
        if {".", ".."} & set(key.split("/")):
            return StoredObject(key, 0, 0)
        with self._told():
            self._read_urls_as_patterns(yes=False)
            try:
                (found,) = self._stored(f"{self.url}/{key}")
            except duckdb.HTTPException as error:
                if _is_missing_object(error):
                    return None
                raise
            return found

    def download(self, key: str, target: Path) -> bool:
        """Copy an object into a file; False if it is gone, or was written anew meanwhile.

        The object passes through DuckDB's memory as a whole.

        Raises:
            ObjectTooBigError: It does not fit there.
            StorageError: The server does not answer, or refuses.
            OSError: The file cannot be written.
        """
        with self._told():
            self._read_urls_as_patterns(yes=False)
            try:
                self._connection.execute(
                    "copy (select content from read_blob($url)) to $path (format blob)",
                    {"url": f"{self.url}/{key}", "path": str(target)},
                )
            except duckdb.OutOfMemoryException:
                raise ObjectTooBigError(key) from None
            except duckdb.HTTPException as error:
                # DuckDB asks for the size first, and sees by the ETag if the bytes are of another.
                if _is_missing_object(error) or str(error).startswith(_OTHER_VERSION):
                    return False
                raise
        return True

    def read(self, key: str) -> bytes | None:
        """The content of a small object; None if there is none.

        Raises:
            StorageError: The server does not answer, or refuses.
        """
        with self._told():
            self._read_urls_as_patterns(yes=False)
            try:
                row = self._connection.execute(
                    "select content from read_blob($url)", {"url": f"{self.url}/{key}"}
                ).fetchone()
            except duckdb.HTTPException as error:
                if _is_missing_object(error):
                    return None
                raise
        return bytes(row[0]) if row else None

    def upload(self, source: Path, key: str) -> None:
        """Send a file, in pieces and parts, so that its size does not matter to memory.

        The object appears when its last byte has arrived, never half. DuckDB removes what stood
        under the key if it fails: only for keys that nobody reads yet.

        Raises:
            StorageError: The server does not answer, or refuses.
            OSError: The file cannot be read.
        """
        size = source.stat().st_size
        with self._told(), source.open("rb") as file, _piece_function(self._connection, file.read):
            self._read_urls_as_patterns(yes=False)
            allowed = max(_LEAST_MAX_FILE_BYTES, size)
            self._connection.execute(f"set s3_uploader_max_filesize = '{allowed} bytes'")
            self._connection.execute(
                "copy (select next_piece($size) from range($pieces)) to $url (format blob)",
                {
                    "size": _PIECE_BYTES,
                    "pieces": math.ceil(size / _PIECE_BYTES),
                    "url": f"{self.url}/{key}",
                },
            )

    def replace(self, key: str, content: bytes) -> None:
        """Write a small object anew, in one request; if it fails, the old one stays.

        A plain COPY that fails deletes its target, also one that stood there before. One into a
        folder, file by file, does not; it ends each name with a number, which is why `key` ends in
        `0.json`.

        Raises:
            StorageError: The server does not answer, or refuses.
        """
        folder, _, name = f"{self.url}/{key}".rpartition("/")
        stem, number, extension = name.rpartition("0.")
        if not number:
            raise ValueError(f"{key} is not <name>0.<extension>")
        with self._told():
            self._read_urls_as_patterns(yes=False)
            self._connection.execute(
                "copy (select $content::blob) to $folder (format blob, per_thread_output true, "
                f"overwrite_or_ignore true, filename_pattern '{stem}', "
                f"file_extension '{extension}')",
                {"content": content, "folder": folder},
            )

    def _refuse_impostor(self) -> None:
        """Believe an empty listing only from a server that knows what it does not have.

        A proxy's sign-in page or an empty answer is a listing without objects to DuckDB, and an
        empty bucket is as quiet as a bucket in which all is well. Who once told of an object, or
        of one that there is not, is no impostor.
        """
        if self.facts(uuid4().hex) is not None:
            raise _not_storage(self.url, self._access, "HTTP 200")

    def _stored(self, what: str) -> list[StoredObject]:
        rows = self._connection.execute(
            "select filename, size, epoch_us(last_modified) from read_blob($what) order by all",
            {"what": what},
        ).fetchall()
        start = len(self.url) + 1
        return [StoredObject(url[start:], size, modified) for url, size, modified in rows]

    def _read_urls_as_patterns(self, *, yes: bool) -> None:
        """Let DuckDB expand `*` in a URL and read options after `?`, or take each as it stands."""
        literally = "false" if yes else "true"
        self._connection.execute(f"set s3_url_compatibility_mode = {literally}")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what DuckDB says into what a person can act on, without its own words' secrets."""
        try:
            yield
        except duckdb.Error as error:
            # Not as a cause: Dagster would keep the server's own words in its log.
            raise _storage_error(self.url, self._access, error) from None


def _connect(access: BucketAccess, settings: Settings) -> duckdb.DuckDBPyConnection:
    """A DuckDB of its own: the connection that reads what others wrote stays closed in."""
    extension = _extension()
    if (
        not access.access_key_id.get_secret_value()
        or not access.secret_access_key.get_secret_value()
    ):
        raise StorageError(
            "Object storage needs credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY "
            "(and AWS_SESSION_TOKEN where they are temporary) in the environment of this process. "
            "Profiles and files are not read.",
            "El almacenamiento de objetos requiere credenciales: defina AWS_ACCESS_KEY_ID y "
            "AWS_SECRET_ACCESS_KEY (y AWS_SESSION_TOKEN si son temporales) en el entorno de este "
            "proceso. No se leen perfiles ni archivos.",
        )
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": settings.duckdb_memory_limit,
        "temp_directory": str(settings.scratch / "storage"),
        # Pieces of an upload follow each other.
        "threads": 1,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_persistent_secrets": False,
    }
    connection = duckdb.connect(":memory:", config=config)
    connection.execute("set python_enable_replacements = false")
    try:
        # DuckDB checks the signature here; unsigned extensions stay forbidden.
        connection.execute(f"load {literal(str(extension))}")
    except duckdb.Error:
        raise _no_extension() from None
    connection.execute("set enable_server_cert_verification = true")
    connection.execute("set s3_uploader_thread_limit = 4")
    if access.ca_bundle:
        connection.execute("set ca_cert_file = $path", {"path": access.ca_bundle})
    _create_secret(connection, access)
    return connection


def _create_secret(connection: duckdb.DuckDBPyConnection, access: BucketAccess) -> None:
    values: dict[str, str | bool] = {
        "key_id": access.access_key_id.get_secret_value(),
        "secret": access.secret_access_key.get_secret_value(),
        "region": access.region,
    }
    if access.session_token.get_secret_value():
        values["session_token"] = access.session_token.get_secret_value()
    if access.endpoint_url:
        address = urlsplit(access.endpoint_url)
        is_plain = address.path in {"", "/"} and not address.query and "@" not in address.netloc
        if address.scheme not in {"http", "https"} or not address.netloc or not is_plain:
            raise StorageError(
                "AWS_ENDPOINT_URL is not http://host:port or https://host:port.",
                "AWS_ENDPOINT_URL no tiene la forma http://servidor:puerto ni "
                "https://servidor:puerto.",
            )
        values |= {
            "endpoint": address.netloc,
            "use_ssl": address.scheme == "https",
            # Servers of one's own have no name a bucket.
            "url_style": "path",
        }
    options = ", ".join(f"{name} ${name}" for name in values)
    try:
        connection.execute(f"create secret (type s3, provider config, {options})", values)
    except duckdb.Error:
        raise StorageError(
            "DuckDB does not take the credentials in the AWS_* variables: one of them has a form "
            "that none can have.",
            "DuckDB no acepta las credenciales de las variables AWS_*: alguna tiene un formato "
            "imposible.",
        ) from None


def _extension() -> Path:
    """The file of the installed httpfs wheel that is of this DuckDB's version."""
    found = importlib.util.find_spec(_PACKAGE)
    for folder in (found.submodule_search_locations or []) if found else []:
        path = Path(folder) / "extensions" / f"v{duckdb.__version__}" / "httpfs.duckdb_extension"
        if path.is_file():
            return path
    raise _no_extension()


def _no_extension() -> StorageError:
    version = duckdb.__version__
    return StorageError(
        f"s3:// addresses need DuckDB's extension httpfs {version}, which is not installed for "
        f"this Python: pip install duckdb-extension-httpfs=={version} (the extra `s3` of "
        "semillero).",
        f"Las direcciones s3:// requieren la extensión httpfs {version} de DuckDB, que no está "
        f"instalada en este Python: pip install duckdb-extension-httpfs=={version} (el extra `s3` "
        "de semillero).",
    )


@contextmanager
def _piece_function(
    connection: duckdb.DuckDBPyConnection, read: Callable[[int], bytes]
) -> Iterator[None]:
    """Let SQL ask for the next piece of a file, so that DuckDB never holds all of it."""
    connection.create_function("next_piece", read, ["BIGINT"], "BLOB", side_effects=True)
    try:
        yield
    finally:
        with contextlib.suppress(duckdb.Error):
            connection.remove_function("next_piece")


def _is_missing_object(error: duckdb.HTTPException) -> bool:
    return _status(error) == HTTPStatus.NOT_FOUND and "NoSuchBucket" not in str(error)


def _status(error: duckdb.Error) -> int:
    return int(getattr(error, "status_code", 0))


def _storage_error(url: str, access: BucketAccess, error: duckdb.Error) -> StorageError:
    """What an error of the connection means. `url` names bucket and folder: no secrets."""
    said, status = str(error), _status(error)
    if "NoSuchBucket" in said:
        return StorageError(
            f"{url}: there is no such bucket at {_server(access)}. Check the name, AWS_REGION "
            "and AWS_ENDPOINT_URL.",
            f"{url}: no existe ese bucket en {_server(access)}. Revise el nombre, AWS_REGION y "
            "AWS_ENDPOINT_URL.",
        )
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return StorageError(
            f"{url}: {_server(access)} does not let these credentials in (HTTP {status}). Check "
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN (temporary ones end), "
            "that they may list, read and, for releases, write there, and this computer's clock.",
            f"{url}: {_server(access)} no admite estas credenciales (HTTP {status}). Revise "
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN (las temporales vencen), "
            "que puedan listar, leer y, para las versiones publicadas, escribir ahí, y el reloj de "
            "esta computadora.",
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return StorageError(
            f"{url}: the transfer does not fit into SEMILLERO_DUCKDB_MEMORY_LIMIT. Raise it.",
            f"{url}: la transferencia no cabe en SEMILLERO_DUCKDB_MEMORY_LIMIT. Auméntelo.",
        )
    said = " ".join(said.partition("\n\nLINE ")[0].split())
    return _not_storage(url, access, _without_secrets(said, access)[:_SHOWN_LETTERS])


def _not_storage(url: str, access: BucketAccess, detail: str) -> StorageError:
    return StorageError(
        f"{url}: {_server(access)} did not answer as object storage does: {detail}. Nothing was "
        "published half; when it is back, run again.",
        f"{url}: {_server(access)} no respondió como un almacenamiento de objetos: {detail}. No se "
        "publicó nada a medias; cuando vuelva, ejecute de nuevo.",
    )


def _server(access: BucketAccess) -> str:
    return urlsplit(access.endpoint_url).netloc or f"Amazon S3 ({access.region})"


def _without_secrets(text: str, access: BucketAccess) -> str:
    """A text in which a server or DuckDB may have repeated what it was given, without that."""
    secrets: list[SecretStr] = [
        access.secret_access_key,
        access.session_token,
        access.access_key_id,
    ]
    for secret in secrets:
        if secret.get_secret_value():
            text = text.replace(secret.get_secret_value(), "***")
    return text
