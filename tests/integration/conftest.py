"""What takes long is made once, and copied by every test that changes it.

What lives here: a home in which a sample world was published, and a small warehouse with its seeds.
What may not: rows of a test.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from dbt_world import DbtWorld
from sample_home import FEEDS, LAST_DAY, WORLD, Runner

from orchestration.assets.manifest import prepare_manifest
from orchestration.daily import RunOptions, run
from orchestration.screen import RunEnd
from orchestration.settings import Settings, get_settings
from orchestration.simulate import parameters, simulate


@pytest.fixture(scope="session")
def run_in() -> Iterator[Runner]:
    """Run the daily job in a home, as the command line does but without its imports each time."""
    # The command line does this before each run; a manifest of yesterday's models fails oddly.
    prepare_manifest(get_settings())
    with pytest.MonkeyPatch.context() as environment:

        def run_home(home: Path, **options: object) -> RunEnd:
            environment.setenv("SEMILLERO_HOME", str(home))
            return run(Settings(), RunOptions(**options))  # type: ignore[arg-type]

        yield run_home


@pytest.fixture(scope="session")
def published_world(tmp_path_factory: pytest.TempPathFactory, run_in: Runner) -> Path:
    """A home with a release of all days but the last, and the last day's files in `held_back`.

    The name has a space and a quote: no path may become SQL. Nobody moves to another market: facts
    are read in the zone of today, so a mover's late evenings fall on other days than they did.
    """
    home = tmp_path_factory.mktemp("published") / "it's a home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parameters, "MARKET_MOVES_PER_WEEK", 0.0)
        simulate(home / "landing", WORLD, truth_dir=home / "truth")
    for feed in FEEDS:
        last = home / "landing" / feed / f"dt={LAST_DAY}"
        if last.exists():
            target = home / "held_back" / feed
            target.parent.mkdir(exist_ok=True)
            shutil.move(last, target)
    end = run_in(home)
    assert end.verdict == "published", end.reasons
    return home


@pytest.fixture
def home(published_world: Path, tmp_path: Path) -> Path:
    """A copy of the published home that a test may change."""
    copy = tmp_path / "home"
    shutil.copytree(published_world, copy, symlinks=True)
    return copy


@pytest.fixture(scope="session")
def seeded_world(tmp_path_factory: pytest.TempPathFactory) -> DbtWorld:
    """Seeds and the parsed project, to be cloned."""
    world = DbtWorld(tmp_path_factory.mktemp("seeded"))
    world.build(command="seed", finish=False)
    return world


@pytest.fixture
def world(tmp_path: Path, seeded_world: DbtWorld) -> DbtWorld:
    """A world with seeds and nothing else."""
    return seeded_world.clone(tmp_path / "home")
