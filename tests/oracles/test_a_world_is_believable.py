"""The shapes of a simulated world stay near those of real LIVE sessions.

What lives here: bounds on the distances that `bench/calibration.py` prints, and that a world of
other habits does not keep them. What may not: levels (shows a week, viewers), which no collection
of another platform can know.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import duckdb
import pytest
from holodex_facts import HOLODEX, MISSING

from orchestration.simulate import parameters, simulate

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not HOLODEX.is_dir(), reason=MISSING),
]

BOUNDS = {
    "shows a creator-week": 0.15,
    "days LIVE a creator-week": 0.15,
    "minutes a show": 0.06,
    "minutes, usual of a creator": 0.06,
    "minutes, one show over the usual": 0.08,
    "hours between shows": 0.20,
    "hours from the usual start": 0.25,
    "viewers, usual of a creator": 0.25,
    "viewers, one show over the usual": 0.15,
}
"""Mean |log ratio| of five quantiles; seeds differ by 0.05 at this size, counts jump."""


@pytest.fixture(scope="module")
def calibration() -> ModuleType:
    """The script, which is no part of the package."""
    path = Path(__file__).parents[2] / "bench" / "calibration.py"
    spec = importlib.util.spec_from_file_location("calibration", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Its dataclass asks for its module by name.
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "calibration", module)
        spec.loader.exec_module(module)
    return module


@pytest.fixture
def distances(calibration: ModuleType, tmp_path: Path) -> Callable[[], dict[str, float]]:
    """Makes a world by today's parameters and says how far each of its shapes is from Holodex."""

    def measure() -> dict[str, float]:
        with duckdb.connect() as connection:
            simulate(tmp_path / "landing", replace(calibration.WORLD, creators=1_500, seed=23))
            calibration.load(connection, HOLODEX, tmp_path / "truth")
            return {item.name: item.shape_distance for item in calibration.compare(connection)}

    return measure


def test_the_shapes_of_a_world_are_those_of_real_sessions(
    distances: Callable[[], dict[str, float]],
) -> None:
    found = distances()
    assert found.keys() == BOUNDS.keys()
    assert {name: far for name, far in found.items() if far > BOUNDS[name]} == {}


def test_a_world_of_other_habits_is_told_from_real_sessions(
    distances: Callable[[], dict[str, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parameters, "SHOW_SIGMA", 0.9)
    monkeypatch.setattr(parameters, "START_SPREAD_HOURS", 2.5)
    monkeypatch.setattr(parameters, "AUDIENCE_STAR", -0.6)
    found = distances()
    assert {name for name, far in found.items() if far > BOUNDS[name]} >= {
        "minutes a show",
        "minutes, one show over the usual",
        "hours from the usual start",
        "viewers, usual of a creator",
    }
