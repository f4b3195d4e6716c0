"""Fixtures of the ingest tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.ingest.landed_world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An empty home with a landing zone."""
    return World(home=tmp_path / "home")
