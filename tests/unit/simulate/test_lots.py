"""Draws by table have the distributions that they stand for, as far as a table can."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from orchestration.simulate import lots
from orchestration.simulate.draws import NEVER, Stage, generator

SIZE = 400_000


def drawn(kinds: int = 1) -> list[lots.Lots]:
    return lots.draw(generator(5, Stage.AUDIENCE, 1), SIZE, kinds)


def test_lots_are_spread_evenly_and_one_kind_says_nothing_about_another() -> None:
    first, second, third = drawn(3)
    assert [len(each) for each in (first, second, third)] == [SIZE] * 3
    shares = np.bincount(first >> 10, minlength=64) / SIZE
    assert np.abs(shares - 1 / 64).max() < 5 * np.sqrt(1 / 64 / SIZE)
    for one, other in ((first, second), (second, third), (first[1:], first[:-1])):
        assert abs(np.corrcoef(one, other)[0, 1]) < 5 / np.sqrt(SIZE)


def test_a_number_of_lots_that_fills_no_whole_word_is_drawn_too() -> None:
    rng = generator(5, Stage.AUDIENCE, 1)
    assert [len(each) for each in lots.draw(rng, 3, 3)] == [3, 3, 3]
    assert [len(each) for each in lots.draw(rng, 0, 5)] == [0] * 5


@pytest.mark.parametrize("share", [0.001, 0.05, 0.5, 0.95, 0.999])
def test_tables_hold_the_quantiles_of_their_distributions(share: float) -> None:
    (lot,) = drawn()
    normal = NormalDist().inv_cdf(share)
    assert np.quantile(lots.normal()[lot], share) == pytest.approx(normal, abs=0.03)
    assert np.quantile(lots.exponential()[lot], share) == pytest.approx(-np.log(1 - share), rel=0.1)
    median, sigma = 5.0, 0.8
    expected = median * np.exp(sigma * normal)
    assert np.quantile(lots.about(median, sigma)[lot], share) == pytest.approx(expected, rel=0.03)


def test_the_normal_table_has_the_moments_of_the_distribution_and_ends_at_four_deviations() -> None:
    table = lots.normal().astype(np.float64)
    assert table.mean() == 0
    assert table.std() == pytest.approx(1, abs=1e-4)
    assert table.max() == pytest.approx(4.3, abs=0.1)
    assert np.all(np.diff(table) > 0)


def test_codes_and_choices_fall_by_their_shares_and_whole_numbers_within_their_bounds() -> None:
    (lot,) = drawn()
    code = lots.codes((NEVER, 0.02), (0, 0.15), (7, 1.0))[lot]
    shares = [(code == each).mean() for each in (NEVER, 0, 7)]
    assert shares == pytest.approx([0.02, 0.15, 0.83], abs=0.003)
    assert lots.chosen(lot, 0.015).mean() == pytest.approx(0.015, abs=0.001)
    spread = lots.between(lot, -30, 31)
    assert (spread.min(), spread.max()) == (-30, 30)
    assert np.abs(np.bincount(spread + 30) / SIZE - 1 / 61).max() < 0.002


@pytest.mark.parametrize("mean", [0.0, 0.05, 1.0, 11.0, 13.0, 400.0])
def test_counts_have_the_mean_and_the_spread_of_a_poisson(mean: float) -> None:
    (lot,) = drawn()
    count = lots.counts(generator(5, Stage.AUDIENCE, 2), lot, np.full(SIZE, mean))
    assert count.min() >= 0
    assert count.mean() == pytest.approx(mean, abs=6 * np.sqrt(mean / SIZE))
    assert count.var() == pytest.approx(mean, rel=0.04)
