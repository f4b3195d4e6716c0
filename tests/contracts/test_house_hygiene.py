"""What is in the checkout belongs there: no machine, no registry, no half-done work, no glut.

What lives here: rules over the files that git keeps. What may not: style, which ruff and sqlfluff
judge.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# One letter stands in brackets where a pattern would otherwise match itself.
_MACHINE_FOLDERS = "(?:work|root|tmp|home|Users)"
_MACHINE_PATH = re.compile(rf"(?<![\w./<>*{{}}~-])/{_MACHINE_FOLDERS}(?:/|\b(?![\w.-]))")
_REGISTRY = re.compile(
    r"pypi[.]org|pythonhosted[.]org|npmjs[.](?:org|com)|--(?:extra-)?index[-]url", re.IGNORECASE
)
_HALF_DONE = re.compile(r"\b(?:TO[D]O|FIX[M]E|XX[X]|HA[C]K)\b")
_BARE_NOQA = re.compile(r"#\s*noqa(?!:\s*[A-Z]+\d+)|#\s*type:\s*ignore(?!\[)", re.IGNORECASE)
_MERGE_MARK = re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE)

_MADE_BY_RUNS = frozenset(
    [
        ".duckdb",
        ".wal",
        ".parquet",
        ".sqlite",
        ".pyc",
        ".log",
        ".zip",
        ".gz",
        ".xlsx",
        ".pkl",
        ".whl",
    ]
)
_MADE_BY_BUILDS = frozenset({"manifest.json", "run_results.json", "partial_parse.msgpack"})
_NOTES_TO_SELF = re.compile(r"(?:plan|status|summary|notes|progress)\.md", re.IGNORECASE)
_PIN = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([A-Za-z0-9.!+_-]+)(\s*;.*)?")
_MAX_BYTES = 400_000

TOP_LEVEL = frozenset(
    {
        ".ci",
        ".gitignore",
        ".sqlfluff",
        ".sqlfluffignore",
        "CONTEXT.md",
        "CONTRIBUTING.md",
        "DECISIONS.md",
        "LICENSE",
        "Makefile",
        "README.es.md",
        "README.md",
        "bench",
        "dagster.yaml",
        "dbt_project",
        "models",
        "orchestration",
        "pyproject.toml",
        "requirements.lock",
        "seeds",
        "tests",
    }
)
"""Design section 3: the top level is fixed, and what is new there is a decision."""


def text_faults(text: str) -> list[str]:
    """What no kept file may hold, with its line."""
    rules = {
        "a path of one machine": _MACHINE_PATH,
        "a package registry": _REGISTRY,
        "half-done work (open an issue)": _HALF_DONE,
        "an exception without its code": _BARE_NOQA,
        "a merge that was not finished": _MERGE_MARK,
    }
    return [
        f"line {number}: {what}: {found.group().strip()}"
        for what, pattern in rules.items()
        for number, line in enumerate(text.splitlines(), start=1)
        for found in [pattern.search(line)]
        if found
    ]


def place_faults(name: str, size: int) -> list[str]:
    """Files that no checkout should keep."""
    path = PurePosixPath(name)
    faults = []
    if path.parts[0] not in TOP_LEVEL:
        faults.append(f"{name}: {path.parts[0]} is not in the layout (design section 3)")
    if path.suffix.lower() in _MADE_BY_RUNS or path.name in _MADE_BY_BUILDS:
        faults.append(f"{name}: made by a run or a build, not written by anybody")
    if _NOTES_TO_SELF.fullmatch(path.name):
        faults.append(f"{name}: plans and summaries belong in issues and DECISIONS.md")
    if size > _MAX_BYTES:
        faults.append(f"{name}: {size:,} bytes; a checkout is not a store")
    return faults


def lock_faults(lock: str, wanted: Iterable[str]) -> list[str]:
    """A lock that names an address, leaves a version open, or misses what pyproject asks for."""
    faults, pinned = [], {}
    for line in filter(None, map(str.strip, lock.splitlines())):
        if line.startswith("#"):
            continue
        match = _PIN.fullmatch(line)
        if match is None:
            faults.append(f"{line}: not of the form name==version")
        else:
            pinned[canonicalize_name(match.group(1))] = match.group(2)
    for text in wanted:
        requirement = Requirement(text)
        version = pinned.get(canonicalize_name(requirement.name))
        if version is None:
            faults.append(f"{requirement.name}: not in the lock")
        elif not requirement.specifier.contains(version, prereleases=True):
            faults.append(f"{requirement.name}: locked {version}, wanted {requirement.specifier}")
    return faults


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", errors="replace")


def test_kept_files_name_no_machine_no_registry_and_no_half_done_work(
    checkout: Path, kept_files: list[Path]
) -> None:
    assert [
        f"{path.relative_to(checkout)}, {fault}"
        for path in kept_files
        if path.suffix not in _MADE_BY_RUNS
        for fault in text_faults(_text(path))
    ] == []


def test_kept_files_stand_where_the_layout_puts_them(
    checkout: Path, kept_files: list[Path]
) -> None:
    assert [
        fault
        for path in kept_files
        for fault in place_faults(path.relative_to(checkout).as_posix(), path.stat().st_size)
    ] == []


def test_the_lock_pins_every_dependency_and_names_no_address(checkout: Path) -> None:
    project = tomllib.loads(_text(checkout / "pyproject.toml"))["project"]
    extras = [text for group in project["optional-dependencies"].values() for text in group]
    lock = _text(checkout / "requirements.lock")
    assert lock_faults(lock, [*project["dependencies"], *extras]) == []


def test_every_page_the_layout_promises_is_there(checkout: Path) -> None:
    pages = ["README.md", "README.es.md", "CONTEXT.md", "DECISIONS.md", "CONTRIBUTING.md"]
    promised = [*pages, "Makefile", ".ci/run", "dagster.yaml"]
    assert [name for name in promised if not (checkout / name).is_file()] == []


# --- Each rule can fail --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "path: " + "/" + "work/main/data",
        "cd " + "/" + "tmp",
        'home = "/' + 'root/semillero"',
        "pip install --index" + "-url https://mirror.example/simple",
        "https://files.python" + "hosted.org/packages",
        "# TO" + "DO: later",
        "x = 1  # no" + "qa",
        "x = 1  # type: " + "ignore",
        "<<<<<<" + "< HEAD",
    ],
)
def test_a_trace_of_a_machine_or_of_half_done_work_is_a_fault(text: str) -> None:
    assert text_faults(text)


@pytest.mark.parametrize(
    "text",
    [
        "SEMILLERO_HOME=/path/to/home",
        "todo lo que llegó",
        "see landing/work/dt=2026-01-01 and <home>/tmp",
        "https://example.org/home",
        "x = 1  # noqa: E501",
        "x = 1  # type: ignore[arg-type]",
    ],
)
def test_ordinary_text_is_no_fault(text: str) -> None:
    assert text_faults(text) == []


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("scratch/query.sql", 10),
        ("models/marts/core/dim_creators.parquet", 10),
        ("dbt_project/target/manifest.json", 10),
        ("tests/PLAN.md", 10),
        ("seeds/markets.csv", 500_000),
    ],
)
def test_a_file_out_of_place_is_a_fault(name: str, size: int) -> None:
    assert place_faults(name, size)


def test_a_file_in_its_place_is_no_fault() -> None:
    assert place_faults("models/marts/core/dim_creators.sql", 2_000) == []


@pytest.mark.parametrize(
    "lock",
    ["", "duckdb>=1.5", "duckdb==1.4.0", "--index" + "-url https://mirror.example\nduckdb==1.5.5"],
)
def test_a_lock_that_leaves_something_open_is_a_fault(lock: str) -> None:
    assert lock_faults("# compiled\nduckdb==1.5.5\n", ["duckdb==1.5.5"]) == []
    assert lock_faults(lock, ["duckdb==1.5.5"])
