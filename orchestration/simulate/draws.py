"""Random numbers by stage, so that a world can grow without changing what it already had.

What lives here: one independent generator a stage (and week), all from the world's seed. What may
not: a generator shared between stages: adding a draw to one would then change every stage after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum, unique
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Rows = dict[str, npt.NDArray[Any]]
"""Rows by column; times are whole seconds since 1970 in UTC, `NEVER` where there is none."""

NEVER = -1


@unique
class Stage(IntEnum):
    """The stages that draw. Numbers are part of what makes a world: never reuse one."""

    POPULATION = 1
    FUNNEL = 2
    LIFE = 3
    SHOWS = 4
    AUDIENCE = 5
    DIRT = 6
    AGENCIES = 7
    FILES = 50
    CLOCKS = 51
    BOTS = 52
    GIFTS = 21
    ASSETS = 22
    MEASURES = 23
    HABITS = 40
    MOVES = 41
    PROGRAMS = 30
    EFFECTS = 31
    PAYOUTS = 32


def generator(seed: int, stage: Stage, step: int = 0) -> np.random.Generator:
    """The generator of one stage at one step (a week's index, where the stage runs by week)."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stage.value, step)))


def pick(rng: np.random.Generator, shares: Sequence[float], size: int) -> Ints:
    """`size` codes, drawn by `shares` (which need not sum to one)."""
    edges = np.cumsum(np.asarray(shares, dtype=np.float64))
    codes = np.searchsorted(edges / edges[-1], rng.random(size), side="right")
    return np.minimum(codes, len(shares) - 1).astype(np.int64)
