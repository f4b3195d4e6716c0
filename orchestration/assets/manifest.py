"""The dbt manifest: built ahead of a run, when the project changed, and never by a run itself.

Dagster needs it to know the models before anything runs; parsing costs seconds, reading does not.
The macros made from what is declared are part of the project, so they are made here first.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestration.declared.render import render
from orchestration.seeds.check import check_seeds
from orchestration.settings import Settings
from orchestration.versions import project_fingerprint

logger = logging.getLogger("semillero.manifest")

_PARTIAL_PARSE = "partial_parse.msgpack"
_SEMANTIC_MANIFEST = "semantic_manifest.json"


class ManifestError(RuntimeError):
    """The dbt project does not parse, or was not parsed yet."""


def manifest_path(settings: Settings) -> Path:
    """Where dbt keeps the manifest of the project."""
    return settings.dbt_project_dir / "target" / "manifest.json"


def semantic_manifest_path(settings: Settings) -> Path:
    """Where dbt keeps what MetricFlow reads of the project."""
    return manifest_path(settings).with_name(_SEMANTIC_MANIFEST)


def _stamp_path(settings: Settings) -> Path:
    return settings.dbt_project_dir / "target" / "manifest.fingerprint"


def prepare_manifest(settings: Settings) -> Path:
    """Parse the dbt project unless the manifest at hand was made from these very files.

    What is declared is checked and rendered before: its macros are among those files.

    dbt keeps its parse beside the manifest and uses it again only for the same connection, so the
    home belongs to what the manifest was made for.

    Raises:
        DeclarationError: What is declared cannot be obeyed.
        ManifestError: dbt cannot parse the project; the message is dbt's.
        SeedError: Rules or markets contradict themselves; the message names file and line.
    """
    check_seeds()
    path, stamp = manifest_path(settings), _stamp_path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Runs of several homes share the checkout; two parses at once left a manifest of both.
    with (path.parent / ".parse.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if render():
            logger.info("What is declared changed: its macros were made anew.")
        fingerprint = f"{project_fingerprint()} {settings.home}"
        made = (path, semantic_manifest_path(settings), stamp)
        is_there = all(each.exists() for each in made)
        if is_there and stamp.read_text(encoding="utf-8") == fingerprint:
            return path
        logger.info("Parsing the dbt project (it changed, or the home is another) ...")
        with tempfile.TemporaryDirectory(prefix=".parsing-", dir=path.parent) as folder:
            _parse(settings, Path(folder))
            # Until the new stamp stands, a killed process leaves a manifest that is made again.
            stamp.unlink(missing_ok=True)
            for name in (_PARTIAL_PARSE, _SEMANTIC_MANIFEST, path.name):
                (Path(folder) / name).replace(path.with_name(name))
        unfinished = stamp.with_suffix(f".{os.getpid()}")
        unfinished.write_text(fingerprint, encoding="utf-8")
        unfinished.replace(stamp)
    return path


def _parse(settings: Settings, folder: Path) -> None:
    """Let dbt parse into a folder that nobody reads, from what it had parsed before."""
    from dbt.cli.main import dbtRunner

    from orchestration.assets.resources import export_for_dbt

    export_for_dbt(settings)
    parsed_before = manifest_path(settings).with_name(_PARTIAL_PARSE)
    if parsed_before.exists():
        shutil.copy2(parsed_before, folder)
    project = os.fspath(settings.dbt_project_dir)
    arguments = ["parse", "--project-dir", project, "--profiles-dir", project, "--quiet"]
    result = dbtRunner().invoke([*arguments, "--target-path", os.fspath(folder)])
    if not result.success:
        raise ManifestError(f"The dbt project does not parse: {result.exception}")


def read_manifest(settings: Settings) -> Mapping[str, Any]:
    """The manifest that was built ahead.

    Raises:
        ManifestError: There is none, or it is damaged; the message says how to make it.
    """
    path = manifest_path(settings)
    if not path.exists():
        raise ManifestError(
            f"{path} is missing: the dbt project was not parsed yet. Run `semillero prepare` "
            "(`make run`, `make ui` and `make test` do it for you)."
        )
    try:
        manifest: Mapping[str, Any] = json.loads(path.read_bytes())
    except ValueError as error:
        raise ManifestError(
            f"{path} is damaged: {error}. Delete it, then run `semillero prepare`."
        ) from error
    return manifest
