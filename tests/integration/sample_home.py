"""The sample home that integration tests share: its world, its held back day, how a day arrives.

What lives here: names and functions that tests import. What may not: fixtures (conftest has them).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TypeAlias

from orchestration.screen import RunEnd
from orchestration.simulate import WorldOptions
from orchestration.simulate.options import DEFAULT_FEEDS

WORLD = WorldOptions(creators=250, days=42, seed=11, start=date(2026, 7, 1))
LAST_DAY = WORLD.last_arrival_date
"""Held back from the published home: the day that a test lets arrive."""

FEEDS = DEFAULT_FEEDS

Runner: TypeAlias = Callable[..., RunEnd]


def let_arrive(home: Path, feed: str, day: date = LAST_DAY) -> Path:
    """Move the held back files of a feed into landing; returns their folder."""
    target = home / "landing" / feed / f"dt={day}"
    shutil.move(home / "held_back" / feed, target)
    return target
