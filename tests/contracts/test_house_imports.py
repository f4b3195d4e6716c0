"""The package loads quickly, touches nothing, and its parts know only what they may.

What lives here: the table of who imports whom, and what loading costs. What may not: what the parts
do (their own tests say that).
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

# Who may import what of ours, beside itself. The longest matching name decides; a part that is not
# listed may import nothing of ours, so a new one is a decision somebody writes down here.
MAY_IMPORT: Mapping[str, frozenset[str]] = {
    "settings": frozenset(),
    "errors": frozenset({"settings"}),
    "sql": frozenset(),
    # What can be labelled is what is published, as the closed lists of the checks say.
    "seeds": frozenset({"settings", "errors", "checks.results", "checks.tables"}),
    # Carries bytes from and to a bucket; what they mean is for who asks.
    "storage": frozenset({"settings", "errors", "sql"}),
    "contracts": frozenset({"settings"}),
    "declared": frozenset({"settings", "errors", "contracts", "release.atomic"}),
    # What others may keep of a release (its certificate, the pointer) knows nothing of its making.
    "release.atomic": frozenset(),
    "release.errors": frozenset(),
    "release.hashing": frozenset({"sql"}),
    "release.certificate": frozenset(
        {"settings", "release.atomic", "release.errors", "release.hashing"}
    ),
    "release.pointer": frozenset(
        {"settings", "release.atomic", "release.certificate", "release.errors"}
    ),
    "versions": frozenset({"settings", "release.certificate"}),
    "scratch": frozenset({"settings"}),
    "sources": frozenset({"settings", "errors", "contracts", "release.atomic", "scratch"}),
    "simulate": frozenset({"settings", "contracts", "release.atomic", "sources.landing"}),
    "ingest": frozenset(
        {"settings", "errors", "sql", "contracts", "release.atomic", "scratch", "storage"}
    ),
    # Checks compare with the last certificate; what a release makes of them is not theirs.
    "checks": frozenset({"settings", "sql", "contracts", "release.atomic", "release.certificate"}),
    # What ingest found out of itself is told among the answers.
    "checks.drift": frozenset({"checks.results", "ingest.results"}),
    "checks.results": frozenset({"contracts"}),
    "checks.tables": frozenset(),
    # Publication asks the gate and keeps the KPIs that the next run's shift checks will ask for; it
    # runs no check, reads no feed and plans no build.
    "release": frozenset(
        {
            "settings",
            "sql",
            "storage",
            "checks.results",
            "checks.tables",
            "checks.evidence",
            "checks.gate",
            "checks.shift",
        }
    ),
    # Statistics on small tables: it knows frames, and nothing of ours.
    "inference": frozenset(),
    "arrived": frozenset({"sql", "contracts"}),
    "warehouse": frozenset(
        {
            "settings",
            "arrived",
            "contracts",
            "errors",
            "ingest.discover",
            "ingest.ledger",
            "seeds",
            "release.certificate",
            "release.pointer",
            "versions",
        }
    ),
    "run_record": frozenset({"settings", "checks.evidence", "ingest.results", "release.atomic"}),
    "screen": frozenset(
        {
            "settings",
            "storage",
            "checks.freshness",
            "contracts",
            "ingest",
            "release.mirror",
            "release.pointer",
            "run_record",
            "screen_drift",
            "screen_parts",
            "sources.landing",
        }
    ),
    # Asks what was published; who parses the project hands over what dbt made of it.
    "metrics": frozenset({"settings", "errors", "sql", "release.pointer"}),
    "screen_metrics": frozenset({"settings", "metrics", "screen_parts"}),
    "screen_drift": frozenset({"settings", "ingest", "screen_parts"}),
    "screen_quarantine": frozenset({"settings", "ingest", "screen_parts"}),
    "screen_backstage": frozenset({"settings", "screen_parts", "sources.backstage"}),
    "screen_parts": frozenset(),
    "assets": frozenset(
        {
            "settings",
            "storage",
            "contracts",
            "declared",
            "ingest",
            "seeds",
            "warehouse",
            "checks",
            "release",
            "run_record",
            "versions",
        }
    ),
    # Nobody but these three knows the assets.
    "definitions": frozenset(
        {
            "settings",
            "contracts",
            "declared",
            "checks.contract_suites",
            "checks.suites",
            "assets",
        }
    ),
    "daily": frozenset(
        {
            "settings",
            "contracts",
            "errors",
            "ingest",
            "assets",
            "definitions",
            "checks.drift",
            "checks.evidence",
            "checks.results",
            "release",
            "run_record",
            "seeds",
            "screen",
            "warehouse",
        }
    ),
    "progress": frozenset(),
    "cli": frozenset({"*"}),
}

# Seconds of start-up (design section 4): imported inside the function that needs them. dagster-dbt
# itself reads dbt's version and adapter classes, so of dbt the parser and runner are what counts.
HEAVY = (
    "great_expectations",
    "pandas",
    "dbt.cli",
    "dbt.parser",
    "altair",
    "scipy",
    "statsmodels",
    "metricflow",
    "metricflow_semantics",
)
# Parts that must also do without Dagster: what is thin is thin because its logic is importable.
DAGSTER_MAY_BE_IN = ("orchestration.assets", "orchestration.definitions")


def imports_of(source: str, module: str, *, is_package: bool = False) -> set[str]:
    """The modules of ours that a source text imports anywhere, without `orchestration.`.

    `from orchestration.release import atomic` gives `release.atomic`: a name that is a class or a
    function counts as part of its module.
    """
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = module.split(".") if is_package else module.split(".")[:-1]
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{origin}.{alias.name}" for alias in node.names}
    prefix = "orchestration."
    return {name.removeprefix(prefix) for name in found if name.startswith(prefix)}


def _covers(part: str, name: str) -> bool:
    return part in {"*", name} or name.startswith(f"{part}.")


def import_faults(module: str, imported: Iterable[str]) -> list[str]:
    """Imports of ours that the table does not allow. `module` is without `orchestration.`."""
    rows = [part for part in MAY_IMPORT if _covers(part, module)]
    if not rows:
        return [f"{module}: not in the table of who imports whom"]
    row = max(rows, key=len)
    allowed = MAY_IMPORT[row] | {row}
    return [
        f"{module} imports {name}"
        for name in sorted(imported)
        if not any(_covers(part, name) for part in allowed)
    ]


def circles(imports: Mapping[str, Iterable[str]]) -> list[str]:
    """Modules that reach themselves through what they import, each with its way around.

    Packages (`__init__`) only hand on names, so what counts is where a name comes from.
    """

    def module_of(name: str) -> str | None:
        while name and name not in imports:
            name = name.rpartition(".")[0]
        return name or None

    graph = {
        module: {found for name in names if (found := module_of(name)) and found != module}
        for module, names in imports.items()
    }
    faults = []
    for start in sorted(graph):
        ways = [[start, following] for following in sorted(graph[start])]
        seen: set[str] = set()
        while ways:
            way = ways.pop()
            if way[-1] == start:
                faults.append(" -> ".join(way))
                break
            if way[-1] not in seen:
                seen.add(way[-1])
                ways += [[*way, following] for following in sorted(graph.get(way[-1], ()))]
    return faults


def _modules(checkout: Path) -> dict[str, Path]:
    package = checkout / "orchestration"
    modules = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            modules[name] = path
    return modules


def _imports(checkout: Path) -> dict[str, set[str]]:
    return {
        name: imports_of(
            path.read_text(encoding="utf-8"),
            f"orchestration.{name}",
            is_package=path.name == "__init__.py",
        )
        for name, path in _modules(checkout).items()
    }


def test_parts_import_only_what_they_may(checkout: Path) -> None:
    faults = [import_faults(name, names) for name, names in _imports(checkout).items()]
    assert [fault for found in faults for fault in found] == []


def test_no_module_imports_itself_in_a_circle(checkout: Path) -> None:
    modules = _modules(checkout)
    imports = {
        name: names
        for name, names in _imports(checkout).items()
        if modules[name].name != "__init__.py"
    }
    assert circles(imports) == []


# --- Loading -------------------------------------------------------------------------------------

_PROBE = """
import importlib, json, os, sys
home, light, heavy = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
touched = []
def watch(event, arguments):
    if event == "import" or event.startswith("sys."):
        return
    for argument in arguments:
        if isinstance(argument, (str, bytes)) and os.fsdecode(argument).startswith(home):
            touched.append(f"{event}: {os.fsdecode(argument)}")
sys.addaudithook(watch)
found = {}
for name in light:
    importlib.import_module(name)
    for module in [*heavy, "dagster", "dbt"]:
        if module in sys.modules and module not in found:
            found[module] = name
from orchestration.definitions import build_defs
import orchestration.definitions
for module in heavy:
    if module in sys.modules and module not in found:
        found[module] = "orchestration.definitions"
touched_at_import = list(touched)
definitions = build_defs()
keys = [key.to_user_string() for key in definitions.resolve_asset_graph().get_all_asset_keys()]
print(json.dumps({
    "found": found, "keys": keys, "touched_at_import": touched_at_import, "touched": touched,
}))
"""


@pytest.fixture(scope="module")
def loaded(
    checkout: Path, manifest: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What a fresh interpreter sees while it loads every module and the definitions."""
    assert manifest["nodes"]
    home = tmp_path_factory.mktemp("nowhere") / "home"
    light = [
        f"orchestration.{name}"
        for name in _modules(checkout)
        if not f"orchestration.{name}".startswith(DAGSTER_MAY_BE_IN)
    ]
    probe = [sys.executable, "-c", _PROBE, str(home), json.dumps(light), json.dumps(HEAVY)]
    environment = {**os.environ, "SEMILLERO_HOME": str(home)}
    environment.pop("DAGSTER_HOME", None)
    done = subprocess.run(
        probe, cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    found["home_exists"] = home.exists()
    return found


def test_importing_any_module_loads_no_heavy_library(loaded: dict[str, Any]) -> None:
    assert loaded["found"] == {}


def test_importing_the_definitions_does_not_look_at_the_home(loaded: dict[str, Any]) -> None:
    assert loaded["touched_at_import"] == []


def test_building_the_definitions_leaves_a_missing_home_missing(loaded: dict[str, Any]) -> None:
    assert loaded["touched"] == []
    assert loaded["home_exists"] is False


def test_the_definitions_hold_every_stage_from_raw_to_release(loaded: dict[str, Any]) -> None:
    assert {"raw/live_sessions", "release"} <= set(loaded["keys"])
    assert any(key.endswith("growth_accounting") for key in loaded["keys"])


def test_what_metrics_are_made_of_is_no_asset(
    loaded: dict[str, Any], manifest: Mapping[str, Any]
) -> None:
    tables = {
        node["name"]
        for node in (*manifest["nodes"].values(), *manifest["sources"].values())
        if node["resource_type"] in {"model", "seed", "source"}
    }
    made = {key.rpartition("/")[2] for key in loaded["keys"]}
    assert made - tables == {"release"}


# --- Each rule can fail --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "imported", "is_fault"),
    [
        ("contracts.loader", "settings", False),
        ("contracts.loader", "contracts.errors", False),
        ("contracts.loader", "ingest.ledger", True),
        ("ingest.ledger", "release.atomic", False),
        ("ingest.ledger", "release.atomic.write_bytes", False),
        ("ingest.ledger", "release.publish", True),
        ("ingest.ledger", "checks.results", True),
        ("checks.results", "settings", True),
        ("checks.shift", "checks.results", False),
        ("checks.gate", "release.publish", True),
        ("release.publish", "checks.gate.decide", False),
        ("release.publish", "checks.expectations", True),
        ("release.publish", "warehouse", True),
        ("release.atomic", "settings", True),
        ("warehouse", "release.publish", True),
        ("screen", "assets.jobs", True),
        ("assets.raw", "ingest", False),
        ("assets.raw", "definitions", True),
        ("daily", "assets.jobs", False),
        ("cli", "daily", False),
        ("something_new", "settings", True),
    ],
)
def test_who_imports_whom_is_decided_by_the_table(
    module: str,
    imported: str,
    is_fault: bool,  # noqa: FBT001 - a column of the table above
) -> None:
    assert bool(import_faults(module, [imported])) is is_fault


def test_a_circle_is_found_and_shown() -> None:
    assert circles({"a": {"b.name"}, "b": {"c"}, "c": {"settings"}}) == []
    assert circles({"a": {"b.name"}, "b": {"c"}, "c": {"a.other"}, "d": {"a"}}) == [
        "a -> b -> c -> a",
        "b -> c -> a -> b",
        "c -> a -> b -> c",
    ]


def test_imports_are_found_wherever_they_stand() -> None:
    source = """
import orchestration.settings
from orchestration import evidence
def late() -> None:
    from orchestration.release.atomic import write_bytes
    from . import gate
    from ..ingest import ledger
    import json
"""
    assert imports_of(source, "orchestration.checks.shift") == {
        "settings",
        "evidence",
        "release.atomic.write_bytes",
        "checks.gate",
        "ingest.ledger",
    }


def test_relative_imports_of_a_package_start_at_the_package() -> None:
    assert imports_of("from . import gate", "orchestration.checks", is_package=True) == {
        "checks.gate"
    }


def test_the_probe_sees_a_home_that_is_touched(tmp_path: Path) -> None:
    home = tmp_path / "home"
    watched = _PROBE.partition("found = {}")[0] + (
        "import pathlib; pathlib.Path(home).mkdir(); print(json.dumps(touched))"
    )
    done = subprocess.run(
        [sys.executable, "-c", watched, str(home), "[]", "[]"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == [f"os.mkdir: {home}"]
