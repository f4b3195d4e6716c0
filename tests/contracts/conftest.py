"""What the house tests read: the checkout, the dbt manifest, the files that git knows.

What lives here: fixtures that only read. What may not: rules (each stands in the test file that
upholds it) and anything that opens a warehouse.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestration.settings import PROJECT_ROOT, get_settings

# Where there is no git (an unpacked archive), everything but what a run or a build makes.
_MADE_BY_RUNS = frozenset(
    {
        ".git",
        ".venv",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".hypothesis",
        "__pycache__",
        "data",
        "target",
        "logs",
    }
)


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The folder that holds README, models and the package."""
    return PROJECT_ROOT


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """The dbt manifest of the checkout as it is now; parsed again only if the project changed."""
    from orchestration.assets.manifest import prepare_manifest

    home = tmp_path_factory.mktemp("home_of_the_manifest")
    # Parsing writes these variables; the context puts back what the developer had.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMILLERO_HOME", str(home))
        patch.setenv("SEMILLERO_DUCKDB_MEMORY_LIMIT", "1GB")
        path = prepare_manifest(get_settings())
    parsed: Mapping[str, Any] = json.loads(path.read_bytes())
    return parsed


@pytest.fixture(scope="session")
def kept_files(checkout: Path) -> list[Path]:
    """Files that are committed or would be: tracked ones and new ones that are not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=checkout, check=True, capture_output=True)
        names = [name for name in listed.stdout.decode().split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = [
            path.relative_to(checkout).as_posix()
            for path in checkout.rglob("*")
            if not _MADE_BY_RUNS & set(path.relative_to(checkout).parts)
        ]
    return sorted(checkout / name for name in names if (checkout / name).is_file())
