"""A wrong declaration or rule stops `semillero run` before anything runs, by file and line.

What lives here: the command line itself, on a copy of the project in which one thing is wrong, with
days landed that a sound project would read. What may not: every fault that there can be (the tests
of declarations and of seeds have them).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.settings import PROJECT_ROOT

REFUSED = 1
WRONG_USE = 2
NETWORK_HOUR = "network_hour,*,*,*,1900-01-01,,"
ONE_TWO = "network_two_hours,*,*,*,2026-07-15,,"


@dataclass(frozen=True)
class Fault:
    """One thing put wrong.

    `old` becomes `new` in the file where it first stands, and the line that holds `marked` then is
    the one that has to be named. `es` where Spanish is asked too: once for each kind of file.
    """

    file: str
    old: str
    new: str
    marked: str
    en: str
    es: str = ""


def _repeated_rule(text: str) -> str:
    """The general rule once more, from a day in the middle of its time."""
    line = next(line for line in text.splitlines() if line.startswith(NETWORK_HOUR))
    return f"{text}{line.replace(NETWORK_HOUR, ONE_TWO)}\n"


DECLARED = "orchestration/declared"
FAULTS = {
    "an unknown step": Fault(
        f"{DECLARED}/funnels.yaml",
        "        activity: trained\n",
        "        activity: trainned\n",
        "activity: trainned",
        "trainned",
    ),
    "a window of zero": Fault(
        f"{DECLARED}/funnels.yaml",
        "window_days: 120",
        "window_days: 0",
        "window_days: 0",
        "`window_days` must be more than 0, not 0",
        "`window_days` debe ser mayor que 0, no 0",
    ),
    "a segment that does not exist": Fault(
        f"{DECLARED}/cohorts.yaml",
        "    activity: live_day\n",
        "    activity: live_day\n    segments: [planet]\n",
        "segments: [planet]",
        "planet",
    ),
    "a cohort that nobody can enter": Fault(
        f"{DECLARED}/cohorts.yaml",
        "    activity: live_day\n",
        "    activity: graduated\n",
        "    activity: graduated",
        "graduated",
    ),
    "a rule that ends before it starts": Fault(
        "seeds/metric_rules.csv",
        NETWORK_HOUR,
        "network_hour,*,*,*,2026-08-01,2026-07-01,",
        "network_hour,",
        "rule network_hour ends (2026-07-01) before it starts (2026-08-01)",
    ),
    "days without a rule": Fault(
        "seeds/metric_rules.csv",
        NETWORK_HOUR,
        "network_hour,*,*,*,1900-01-01,2026-07-14,",
        "network_hour,",
        "from 2026-07-15 to ... no rule is in force",
    ),
    "two rules for one day": Fault(
        "seeds/metric_rules.csv",
        "",
        "",
        "network_two_hours,",
        "network_two_hours (2026-07-15 - no end) contends with network_hour (1900-01-01 - no end) "
        "on line 2",
        "network_two_hours (2026-07-15 - sin fin) choca con network_hour",
    ),
}
WHOLE_FILE: dict[str, Callable[[str], str]] = {"two rules for one day": _repeated_rule}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project as it ships, without what runs leave behind."""
    copy = tmp_path_factory.mktemp("project")
    for folder in ("orchestration", "dbt_project", "models", "seeds"):
        shutil.copytree(
            PROJECT_ROOT / folder,
            copy / folder,
            ignore=shutil.ignore_patterns("target", "logs", "__pycache__"),
        )
    for file in ("dagster.yaml", "pyproject.toml"):
        shutil.copy(PROJECT_ROOT / file, copy)
    return copy


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which days of a small world have landed, and nothing was run."""
    home = tmp_path_factory.mktemp("landed") / "home"
    _, code = _said(PROJECT_ROOT, home, "en", "simulate", "--creators", "20", "--days", "3")
    assert code == 0
    return home


def _said(project: Path, home: Path, language: str, *arguments: str) -> tuple[str, int]:
    """What a command of this copy of the project says, in one line, and its exit code."""
    ended = subprocess.run(
        (sys.executable, "-m", "orchestration.cli", *arguments),
        cwd=project,
        env=os.environ
        | {
            "PYTHONPATH": str(project),
            "SEMILLERO_HOME": str(home),
            "SEMILLERO_LANGUAGE": language,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    said = " ".join((ended.stdout + ended.stderr).split())
    assert "Traceback" not in said, said
    return said, ended.returncode


def _everything_in(home: Path) -> dict[str, int]:
    return {
        str(path.relative_to(home)): path.stat().st_mtime_ns
        for path in home.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("name", FAULTS)
def test_a_run_is_refused_before_anything_runs(project: Path, landed: Path, name: str) -> None:
    fault = FAULTS[name]
    path = project / fault.file
    sound = path.read_text(encoding="utf-8")
    assert fault.old in sound
    before = _everything_in(landed)
    change = WHOLE_FILE.get(name)
    wrong = change(sound) if change else sound.replace(fault.old, fault.new, 1)
    path.write_text(wrong, encoding="utf-8")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        line = next(number for number, each in enumerate(lines, 1) if fault.marked in each)
        in_english, code = _said(project, landed, "en", "run")
        in_spanish, _ = _said(project, landed, "es", "run") if fault.es else ("", REFUSED)
    finally:
        path.write_text(sound, encoding="utf-8")
    assert code == REFUSED, in_english
    assert f"{path.name}, line {line}: " in in_english, in_english
    assert fault.en in in_english, in_english
    if fault.es:
        assert f"{path.name}, línea {line}: " in in_spanish, in_spanish
        assert fault.es in in_spanish, in_spanish
    assert _everything_in(landed) == before


@pytest.mark.parametrize(
    ("arguments", "en"),
    [
        (("--as-is", "2026-13"), "'2026-13' is no month; write it as 2026-07."),
        (("--as-was", "July"), "'July' is no month; write it as 2026-07."),
        (("--as-is", "2199-01"), "2199-01 is still to come: there is nothing to recompute."),
        (("--as-was", "2001-01"), "No LIVE data of 2001-01 has been read."),
        (("--as-was", "2026-07", "--as-is", "2026-07"), "cannot be given in one run"),
    ],
)
def test_a_month_that_nobody_can_recompute_is_wrong_use(
    landed: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], en: str
) -> None:
    monkeypatch.setenv("SEMILLERO_HOME", str(landed))
    answer = CliRunner().invoke(app, ["run", *arguments])
    said = " ".join(answer.output.split())
    assert answer.exit_code == WRONG_USE, said
    assert en in said, said
    assert not (landed / "warehouse.duckdb").exists()
    assert not (landed / "releases").exists()
