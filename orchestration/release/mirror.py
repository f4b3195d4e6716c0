"""The mirror: a served copy of the current release in a bucket.

What lives here: sending the current release's folder to `<url>/<release_id>/`, and moving the
pointer object `<url>/current-0.json` to it. What may not: making releases, or deciding anything
from what the bucket holds. The release in the home is the truth; the mirror is for readers.

Order: every file, the certificate last, a listing that proves them all, then the pointer in one
request. Whoever follows the pointer never meets a release that is not whole. What broke off is
completed by the next attempt, which sends only what is not there in its size.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass

from orchestration.release.certificate import CERTIFICATE_NAME
from orchestration.release.pointer import Release, current_release
from orchestration.settings import Settings
from orchestration.storage import ObjectStore, StorageError

POINTER_NAME = "current-0.json"
"""Which release is the current one; a name that DuckDB can replace without deleting it first."""

logger = logging.getLogger("semillero.release")


@dataclass(frozen=True)
class Mirrored:
    """A mirror that is whole and pointed to.

    Attributes:
        release_id: Which release.
        url: Its folder in the bucket.
        sent_count: Files that had to be sent; 0 says that all was there already.
    """

    release_id: str
    url: str
    sent_count: int


def mirror_current(settings: Settings) -> Mirrored | None:
    """Make the mirror hold what `current` holds.

    Returns:
        What it holds, or None where no mirror is wanted or nothing is published yet.

    Raises:
        StorageError: The bucket cannot be used, or does not keep what it is sent. Its pointer is
            what it was.
        ReleaseError: `current` cannot be trusted.
    """
    release = current_release(settings) if settings.release_url else None
    if release is None:
        return None
    store = ObjectStore(settings.release_url, settings)
    missing = _missing(store, release)
    # The certificate last: a folder that has one is whole.
    for name in sorted(missing, key=lambda each: (each == CERTIFICATE_NAME, each)):
        store.upload(release.path / name, f"{release.release_id}/{name}")
    if missing and (lost := _missing(store, release)):
        raise StorageError(
            f"{store.url} did not keep {', '.join(lost)} of release {release.release_id} as they "
            "were sent. Its pointer was not moved; run `semillero release mirror` again.",
            f"{store.url} no conservó {', '.join(lost)} de la versión {release.release_id} tal "
            "como se enviaron. Su puntero no se movió; ejecute otra vez `semillero release "
            "mirror`.",
        )
    pointer = _pointer(store, release)
    is_moved = store.read(POINTER_NAME) != pointer
    if is_moved:
        store.replace(POINTER_NAME, pointer)
    url = f"{store.url}/{release.release_id}"
    if missing or is_moved:
        logger.info("Mirrored release %s to %s (%d files)", release.release_id, url, len(missing))
    return Mirrored(release.release_id, url, len(missing))


def mirrored_release(settings: Settings) -> str | None:
    """The release that the pointer in the bucket names; None where there is no pointer.

    Raises:
        StorageError: The bucket cannot be used, or its pointer is none of ours.
    """
    store = ObjectStore(settings.release_url, settings)
    content = store.read(POINTER_NAME)
    if content is None:
        return None
    try:
        return str(json.loads(content)["release_id"])
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f"{store.url}/{POINTER_NAME} is not a pointer of Semillero. Run `semillero release "
            "mirror` to write it anew.",
            f"{store.url}/{POINTER_NAME} no es un puntero de Semillero. Ejecute `semillero release "
            "mirror` para escribirlo de nuevo.",
        ) from error


def _missing(store: ObjectStore, release: Release) -> list[str]:
    """The files of a release that the bucket does not hold in their size."""
    sizes = {name: fact.byte_count for name, fact in release.certificate.files.items()}
    sizes[CERTIFICATE_NAME] = (release.path / CERTIFICATE_NAME).stat().st_size
    start = f"{release.release_id}/"
    held = {each.key.removeprefix(start): each.size for each in store.listing(release.release_id)}
    return [name for name, size in sizes.items() if held.get(name) != size]


def _pointer(store: ObjectStore, release: Release) -> bytes:
    folder = f"{store.url}/{release.release_id}"
    document = {
        "release_id": release.release_id,
        "created_at": release.certificate.created_at.isoformat(),
        "certificate_hash": release.certificate.certificate_hash,
        "certificate": f"{folder}/{CERTIFICATE_NAME}",
        "marts": f"{folder}/marts.duckdb",
        "parquet": f"{folder}/parquet",
    }
    return f"{json.dumps(document, indent=2)}\n".encode()
