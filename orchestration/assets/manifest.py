"""The dbt manifest: built ahead of a run, when the project changed, and never by a run itself.

Dagster needs it to know the models before anything runs; parsing costs seconds, reading does not.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestration.settings import Settings
from orchestration.versions import models_fingerprint

logger = logging.getLogger("semillero.manifest")


class ManifestError(RuntimeError):
    """The dbt project does not parse, or was not parsed yet."""


def manifest_path(settings: Settings) -> Path:
    """Where dbt keeps the manifest of the project."""
    return settings.dbt_project_dir / "target" / "manifest.json"


def _stamp_path(settings: Settings) -> Path:
    return settings.dbt_project_dir / "target" / "manifest.fingerprint"


def prepare_manifest(settings: Settings) -> Path:
    """Parse the dbt project unless the manifest at hand was made from these very files.

    dbt keeps its parse beside the manifest and uses it again only for the same connection, so the
    home belongs to what the manifest was made for.

    Raises:
        ManifestError: dbt cannot parse the project; the message is dbt's.
    """
    path, stamp = manifest_path(settings), _stamp_path(settings)
    fingerprint = f"{models_fingerprint()} {settings.home}"
    if path.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == fingerprint:
        return path
    logger.info("Parsing the dbt project (it changed, or the home is another) ...")
    from dbt.cli.main import dbtRunner

    from orchestration.assets.resources import export_for_dbt

    export_for_dbt(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    project = os.fspath(settings.dbt_project_dir)
    arguments = ["parse", "--project-dir", project, "--profiles-dir", project, "--quiet"]
    result = dbtRunner().invoke([*arguments, "--target-path", os.fspath(path.parent)])
    if not result.success:
        raise ManifestError(f"The dbt project does not parse: {result.exception}")
    unfinished = stamp.with_suffix(f".{os.getpid()}")
    unfinished.write_text(fingerprint, encoding="utf-8")
    unfinished.replace(stamp)
    return path


def read_manifest(settings: Settings) -> Mapping[str, Any]:
    """The manifest that was built ahead.

    Raises:
        ManifestError: There is none; the message says how to make it.
    """
    path = manifest_path(settings)
    if not path.exists():
        raise ManifestError(
            f"{path} is missing: the dbt project was not parsed yet. Run `semillero prepare` "
            "(`make run`, `make ui` and `make test` do it for you)."
        )
    manifest: Mapping[str, Any] = json.loads(path.read_bytes())
    return manifest
