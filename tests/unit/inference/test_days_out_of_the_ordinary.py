"""Which days of a daily series are out of the ordinary, and when nobody can tell.

What lives here: series with a known season, noise, holidays and planted days. What may not: the
models that hand in the series.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pytest

from orchestration.inference.seasonal import MIN_KNOWN_DAYS, expect, judge

WEEKDAYS = np.array([1.0, 0.95, 0.97, 1.0, 1.15, 1.4, 1.3])
FALSE_FLAG_RATE = 0.005
"""At most so many of honest days are flagged: one series in half a year has one."""


def level(seed: int, days: int = 182, mean: float = 300.0, noise: float = 0.06) -> np.ndarray:
    """A growing series with a weekly season and the noise of counts."""
    dice = np.random.default_rng(seed)
    number = np.arange(days)
    middle = mean * WEEKDAYS[number % 7] * 1.15 ** (number / days)
    return dice.poisson(middle * dice.lognormal(0, noise, days)).astype(float)


def judged(values: np.ndarray, holidays: Mapping[int, bool] | None = None) -> pd.DataFrame:
    """The judgements of one series, by day number."""
    first = pd.Timestamp("2026-01-05")
    days = pd.date_range(first, periods=len(values), freq="D")
    frame = pd.DataFrame(
        {
            "calendar_date": days,
            "market": "MX",
            "kpi": "live_sessions",
            "unit": "sessions",
            "kpi_value": values,
            "numerator": values,
            "denominator": np.nan,
            "active_count": 200.0,
            "is_holiday": [bool((holidays or {}).get(day)) for day in range(len(values))],
        }
    )
    found = judge(frame)
    return found.assign(day=(found["calendar_date"] - first).dt.days).set_index("day")


@pytest.mark.parametrize("day", [70, 140, 178, 181])
@pytest.mark.parametrize(("factor", "code"), [(0.5, "low"), (2.0, "high"), (0.0, "low")])
def test_a_planted_fall_or_rise_is_flagged_also_on_the_last_day(
    day: int, factor: float, code: str
) -> None:
    for seed in range(10):
        values = level(seed)
        values[day] = np.round(values[day] * factor)
        assert judged(values)["anomaly_code"][day] == code


def test_three_bad_days_in_a_row_are_three_flags_and_the_days_around_them_none() -> None:
    values = level(3)
    values[100:103] *= 0.4
    codes = judged(values)["anomaly_code"]
    assert list(codes[100:103]) == ["low"] * 3
    assert set(codes.drop([100, 101, 102])) == {"none"}


def test_honest_series_have_hardly_a_flag() -> None:
    codes = pd.concat(
        [judged(level(seed, mean=mean))["anomaly_code"] for seed in range(40) for mean in (30, 900)]
    )
    assert len(codes) == 80 * 182
    assert (codes != "none").mean() <= FALSE_FLAG_RATE


def test_holidays_are_told_as_holidays_and_do_not_spoil_other_days() -> None:
    holidays = {20: True, 62: True, 111: True, 181: True}
    values = level(7)
    values[list(holidays)] *= 0.35
    codes = judged(values, holidays)["anomaly_code"]
    assert set(codes[list(holidays)]) == {"holiday"}
    assert (codes.drop(list(holidays)) != "none").mean() <= FALSE_FLAG_RATE


def test_days_without_data_get_no_judgement_and_the_days_beside_them_no_flag() -> None:
    values = level(11)
    values[[30, 31, 32, 90]] = np.nan
    found = judged(values)
    assert not set(found.index) & {30, 31, 32, 90}
    assert set(found["anomaly_code"]) == {"none"}


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(level(1, days=MIN_KNOWN_DAYS - 1), id="short"),
        pytest.param(level(1, mean=9), id="small"),
        pytest.param(np.full(182, 40.0), id="without_variation"),
        pytest.param(np.where(np.arange(182) % 3 == 0, np.nan, level(1)), id="full_of_gaps"),
        pytest.param(np.full(182, np.nan), id="unknown"),
    ],
)
def test_a_series_that_cannot_be_judged_has_no_judgement(values: np.ndarray) -> None:
    assert judged(values).empty


def test_nothing_in_gives_nothing_out_with_the_columns_of_the_table() -> None:
    columns = ["calendar_date", "kpi", "market", "expected_value", "expected_low", "expected_high"]
    assert list(judged(np.array([]))) == [*columns, "anomaly_code"]


def test_bounds_stay_where_the_value_can_be() -> None:
    dice = np.random.default_rng(2)
    rates = np.clip(dice.normal(0.97, 0.02, 182), 0, 1)
    found: Any = expect(rates, np.zeros(182, dtype=bool), is_rate=True)
    assert found.high.max() <= 1
    assert found.low.min() >= 0
    counts: Any = expect(level(2, mean=25), np.zeros(182, dtype=bool), is_rate=False)
    assert counts.low.min() >= 0
    assert (counts.low <= counts.expected).all()
    assert (counts.expected <= counts.high).all()


def test_the_same_series_is_judged_the_same_in_any_order_of_rows() -> None:
    values = level(5)
    whole = judged(values)
    days = pd.date_range("2026-01-05", periods=182, freq="D")
    frame = pd.DataFrame(
        {
            "calendar_date": days,
            "market": "MX",
            "kpi": "live_sessions",
            "unit": "sessions",
            "kpi_value": values,
            "numerator": values,
            "denominator": np.nan,
            "active_count": 200.0,
            "is_holiday": False,
        }
    )
    pd.testing.assert_frame_equal(
        judge(frame.sample(frac=1, random_state=1)), whole.reset_index(drop=True)
    )
