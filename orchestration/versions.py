"""Which code is running: the fingerprints that decide what is rebuilt and what is published.

What lives here: hashes over the project's own files and the versions of its engines. What may not:
anything about data.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from orchestration.release.certificate import CodeVersion
from orchestration.settings import PROJECT_ROOT

_MODEL_SUFFIXES = frozenset({".sql", ".py", ".yml", ".yaml", ".csv", ".md"})
_PYTHON_SUFFIXES = frozenset({".py", ".yaml"})
_GENERATED = frozenset({"target", "logs", "__pycache__"})
_SEMANTIC = Path("models", "semantic")
"""What metrics are: no table is made of it (a house test says so)."""

LABEL_FILES = frozenset(
    {"dbt_project/macros/definitions/declared_labels.sql", "seeds/mart_labels.csv"}
)
"""What only the mart `labels` reads, a table that every build makes anew (a house test says so)."""

_LABELS = tuple(map(Path, sorted(LABEL_FILES)))


def project_fingerprint() -> str:
    """What dbt's parse of the project depends on: also what no table is made of."""
    return _fingerprint()


def marts_fingerprint() -> str:
    """What the published content depends on beside its inputs: models, macros, seeds, engines.

    How metrics are asked changes no table, so it is left out.
    """
    return _fingerprint(_SEMANTIC)


def models_fingerprint() -> str:
    """What facts depend on beside their inputs: as `marts_fingerprint`, but for labels.

    When it changes, everything is rebuilt: a fact computed by yesterday's SQL is not today's fact.
    """
    return _fingerprint(_SEMANTIC, *_LABELS)


def _fingerprint(*leave_out: Path) -> str:
    roots = [PROJECT_ROOT / name for name in ("dbt_project", "models", "seeds")]
    engines = [
        f"{name}={version(name)}" for name in ("duckdb", "dbt-core", "dbt-duckdb", "statsmodels")
    ]
    return _sha256([_hash_files(roots, _MODEL_SUFFIXES, leave_out), *engines])


def code_version() -> CodeVersion:
    """The models and the Python, contracts and suites that decide what is published."""
    python = _hash_files([PROJECT_ROOT / "orchestration"], _PYTHON_SUFFIXES)
    return CodeVersion(commit=_commit(), fingerprint=_sha256([marts_fingerprint(), python]))


def _commit() -> str | None:
    """The checkout's commit; None outside a checkout or without git."""
    git = shutil.which("git")
    if git is None:
        return None
    answer = subprocess.run(  # noqa: S603  a fixed command
        [git, "-C", str(PROJECT_ROOT), "rev-parse", "HEAD"],
        capture_output=True,
        check=False,
        text=True,
    )
    return answer.stdout.strip() or None


def _hash_files(
    roots: Sequence[Path], suffixes: frozenset[str], leave_out: Sequence[Path] = ()
) -> str:
    """sha256 over relative names and contents of the files below `roots`, in a fixed order."""
    digest = hashlib.sha256()
    for root in roots:
        for path in sorted(root.rglob("*")):
            relative = path.relative_to(PROJECT_ROOT)
            if path.suffix not in suffixes or _GENERATED.intersection(relative.parts):
                continue
            if any(relative.is_relative_to(each) for each in leave_out):
                continue
            content = path.read_bytes()
            digest.update(f"{relative.as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()


def _sha256(parts: Sequence[str]) -> str:
    return hashlib.sha256("|".join(parts).encode()).hexdigest()
