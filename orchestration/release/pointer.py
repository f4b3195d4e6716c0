"""Which release is `current`, and which ones stand.

What lives here: reading and moving the `current` symlink, finding releases, the form of their
names. What may not: making a release or proving its content (`publish`, `verify`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from orchestration.release.atomic import point_symlink
from orchestration.release.certificate import Certificate, read_certificate
from orchestration.release.errors import CertificateError, ReleaseError
from orchestration.settings import Settings

RELEASE_NAME = re.compile(r"^\d{8}T\d{6}Z-[0-9a-f]{8}$")
"""`<UTC time>-<first eight characters of the identity hash>`: sorts by time."""


@dataclass(frozen=True)
class Release:
    """A release that stands.

    Attributes:
        release_id: Its name.
        path: Its folder.
        certificate: What it says about itself, proved by its seal.
        is_unchanged: Set by `publish` when this release was current already for the same inputs and
            code, and nothing was published.
    """

    release_id: str
    path: Path
    certificate: Certificate = field(repr=False)
    is_unchanged: bool = False

    @property
    def marts(self) -> Path:
        """The DuckDB file that BI opens."""
        return self.path / "marts.duckdb"


def load_release(folder: Path) -> Release:
    """Read the release in a folder.

    Raises:
        CertificateError: Its certificate cannot be trusted.
    """
    return Release(folder.name, folder, read_certificate(folder))


def current_release(settings: Settings) -> Release | None:
    """The release that BI reads, or None before the first one.

    Raises:
        ReleaseError: `current` is not a symlink to a folder of `releases/`, or points to nothing.
        CertificateError: The release's certificate cannot be trusted.
    """
    link = settings.current
    advice = (
        f"Nobody but Semillero moves {link}. Remove it and point it to a release's folder "
        "(`ln -s releases/<id> current`), or remove it and run again to publish one."
    )
    if not link.is_symlink():
        if link.exists():
            raise ReleaseError(f"{link} is not a symlink. {advice}")
        return None
    target = link.resolve()
    if target.parent != settings.releases.resolve() or not RELEASE_NAME.match(target.name):
        raise ReleaseError(
            f"{link} points to {target}, which is no release in {settings.releases}. {advice}"
        )
    if not target.is_dir():
        raise ReleaseError(f"{link} points to {target.name}, which is not there. {advice}")
    return load_release(settings.releases / target.name)


def release_folders(settings: Settings) -> list[Path]:
    """Every folder with a release's name, oldest first, whole or not."""
    if not settings.releases.is_dir():
        return []
    return sorted(
        path
        for path in settings.releases.iterdir()
        if RELEASE_NAME.match(path.name) and path.is_dir() and not path.is_symlink()
    )


def list_releases(settings: Settings) -> list[Release]:
    """The releases whose certificates can be trusted, oldest first."""
    releases = []
    for folder in release_folders(settings):
        try:
            releases.append(load_release(folder))
        except CertificateError:
            continue  # `broken_releases` tells about it
    return releases


def broken_releases(settings: Settings) -> list[tuple[Path, str]]:
    """Folders that look like releases and cannot be trusted, each with the reason."""
    broken = []
    for folder in release_folders(settings):
        try:
            load_release(folder)
        except CertificateError as error:
            broken.append((folder, str(error)))
    return broken


def move_current(settings: Settings, release_id: str) -> None:
    """Make a release the current one, in one step.

    Raises:
        ReleaseError: There is no such release, or something that is no symlink stands in the way.
        CertificateError: The release cannot be trusted.
    """
    if not RELEASE_NAME.match(release_id):
        raise ReleaseError(f"{release_id!r} is not the name of a release.")
    if settings.current.exists() and not settings.current.is_symlink():
        raise ReleaseError(
            f"{settings.current} is not a symlink, so it was not touched. Move it away, then run "
            "again."
        )
    load_release(settings.releases / release_id)
    # Relative, so that the home folder can be moved or mounted elsewhere as a whole.
    target = settings.releases.relative_to(settings.current.parent) / release_id
    point_symlink(settings.current, target.as_posix())
