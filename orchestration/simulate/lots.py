"""Draws for millions of rows: a lot of sixteen bits each, looked up in a table of quantiles.

What lives here: lots, and the tables that turn them into normal, exponential and other values. What
may not: rates and shapes (`parameters`), or whose draws they are.

A lookup takes a fifth of the time of a draw from NumPy's generator and an exponential. Tables hold
the middles of 65,536 equally likely parts of a distribution: the outermost normal values are 4.3
standard deviations away, and whoever needs rarer things draws them as rare things. They are
computed in double precision and then rounded, so that processors with other vector instructions
get the same bytes.
"""

from __future__ import annotations

from functools import lru_cache
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from orchestration.simulate.draws import Bools, Floats, Ints

LOTS = 1 << 16
Lots: TypeAlias = npt.NDArray[np.uint16]
Singles: TypeAlias = npt.NDArray[np.float32]
Codes: TypeAlias = npt.NDArray[np.int8]

_FEW = 12.0
"""Up to this mean a count is drawn exactly; above, a normal value stands in for it."""


def draw(rng: np.random.Generator, size: int, kinds: int) -> list[Lots]:
    """Lots of `kinds` kinds, `size` of each."""
    words = rng.bit_generator.random_raw(-(-size * kinds // 4))
    lots = words.astype("<u8", copy=False).view("<u2")
    return [lots[kind * size : (kind + 1) * size] for kind in range(kinds)]


@lru_cache
def normal() -> Singles:
    """Standard normal values by lot."""
    quantile = NormalDist().inv_cdf
    # Symmetric to the last bit, so that only half of it is computed.
    upper = np.array([quantile((lot + 0.5) / LOTS) for lot in range(LOTS // 2, LOTS)])
    return np.concatenate([-upper[::-1], upper]).astype(np.float32)


@lru_cache
def exponential() -> Singles:
    """Standard exponential values by lot."""
    return (-np.log1p(-(np.arange(LOTS) + 0.5) / LOTS)).astype(np.float32)


@lru_cache
def about(median: float, sigma: float) -> Singles:
    """Log-normal values by lot."""
    return (median * np.exp(sigma * normal().astype(np.float64))).astype(np.float32)


@lru_cache
def codes(*shares: tuple[int, float]) -> Codes:
    """Codes by lot: each with its share of the lots, the last with all that is left over."""
    table = np.empty(LOTS, np.int8)
    edge = 0.0
    for code, share in shares:
        table[round(edge * LOTS) :] = code
        edge += share
    return table


def chosen(lots: Lots, share: float) -> Bools:
    """Whether each lot is among a share of them (to 1 in 65,536)."""
    falls: Bools = lots < round(share * LOTS)
    return falls


def between(lots: Lots, first: int, after: int) -> Ints:
    """Whole numbers from `first` up to before `after`, of at most 65,536."""
    spread: Ints = (lots.astype(np.int64) * (after - first) >> 16) + first
    return spread


def counts(rng: np.random.Generator, lots: Lots, mean: Floats) -> Ints:
    """Counts around a mean: Poisson where they are few, nearly so where they are many."""
    few: Ints = rng.poisson(np.minimum(mean, _FEW))
    many = np.flatnonzero(mean > _FEW)
    few[many] = np.rint(mean[many] + np.sqrt(mean[many]) * normal()[lots[many]]).astype(np.int64)
    return np.maximum(few, 0)
