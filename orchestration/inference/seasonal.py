"""What a daily KPI was expected to be, and whether a day lies outside of it.

What lives here: seasonal-trend decomposition of daily series (statsmodels' STL, robust), bounds
from the median absolute deviation of what it leaves, and when there is no judgement. What may not:
which series there are, and what a person is told about them.

The method: R. B. Cleveland, W. S. Cleveland, J. E. McRae and I. Terpenning (1990), "STL: A
Seasonal-Trend Decomposition Procedure Based on Loess", Journal of Official Statistics 6:3-73, with
its robust iterations, so that a bad day neither bends the trend nor becomes its weekday's habit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd  # type: ignore[import-untyped]
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

WEEK = 7
MIN_KNOWN_DAYS = 56
"""Eight weeks: with fewer, a weekday's habit is two or three days."""
MIN_KNOWN_SHARE = 0.8
MIN_MEDIAN_COUNT = 20
"""Below so many creators (or whatever is counted) a day, what varies is chance."""
WIDTH = 5.0
"""Half the width of the bounds, in robust standard deviations."""
MATERIAL_SHARE = 0.05
"""Bounds are never narrower than this share of what was expected."""
MATERIAL_RATE = 0.01
"""The same for rates, in points."""
MAD_TO_SIGMA = 1.482602218505602
"""1 / the normal quantile of 0.75: makes the MAD of normal noise its standard deviation."""
_SEASONAL_WINDOW = 15
_TREND_WINDOW = 29
_JUMP = 3
_NOISE_OF_ARITHMETIC = 1e-9

NOT_JUDGED = "not_judged"
IN_BOUNDS = "none"
LOW = "low"
HIGH = "high"
HOLIDAY = "holiday"

SERIES = ("kpi", "market")


@dataclass(frozen=True)
class Judgement:
    """What was expected of each day of a series; arrays of one length, NaN where nothing was.

    Attributes:
        expected: In the unit of the series.
        low: Lower bound.
        high: Upper bound.
    """

    expected: Floats
    low: Floats
    high: Floats


def expect(values: Floats, is_holiday: Bools, *, is_rate: bool) -> Judgement | None:
    """Expected values and bounds of a daily series without missing days of the calendar.

    Args:
        values: One value a day; NaN where a day is not known (not covered, not complete).
        is_holiday: Days that are not like others. Like unknown ones they do not shape what is
            expected, but they are compared with it.
        is_rate: Rates are decomposed as they are; all else on the scale of log(1 + x), where a
            weekday's habit multiplies and bounds cannot fall below 0.

    Returns:
        None where there is no judgement: less than `MIN_KNOWN_DAYS` known days, too many gaps, or
        nothing that varies.
    """
    import numpy as np
    from statsmodels.tsa.seasonal import STL  # type: ignore[import-untyped]

    started = int(np.argmax(~np.isnan(values)))
    known = ~np.isnan(values) & ~is_holiday
    in_range = known[started:]
    if in_range.sum() < MIN_KNOWN_DAYS or in_range.mean() < MIN_KNOWN_SHARE:
        return None
    scaled = values if is_rate else np.log1p(values)
    filled = _fill_from_same_weekday(scaled[started:], in_range)
    fit = STL(
        filled,
        period=WEEK,
        seasonal=_SEASONAL_WINDOW,
        trend=_TREND_WINDOW,
        seasonal_deg=0,
        robust=True,
        seasonal_jump=_JUMP,
        trend_jump=_JUMP,
        low_pass_jump=_JUMP,
    ).fit()
    middle = np.asarray(fit.trend + fit.seasonal)
    left = (filled - middle)[in_range]
    sigma = MAD_TO_SIGMA * float(np.median(np.abs(left - np.median(left))))
    if sigma < _NOISE_OF_ARITHMETIC:
        return None
    material = MATERIAL_RATE if is_rate else float(np.log1p(MATERIAL_SHARE))
    width = max(WIDTH * sigma, material)
    bounds = [np.full(len(values), np.nan) for _ in range(3)]
    for bound, moved in zip(bounds, (0.0, -width, width), strict=True):
        on_scale = middle + moved
        bound[started:] = np.clip(on_scale, 0, 1) if is_rate else np.maximum(np.expm1(on_scale), 0)
    return Judgement(*bounds)


def judge(series: pd.DataFrame) -> pd.DataFrame:
    """Judge every series of a frame, day by day.

    Args:
        series: calendar_date, kpi, market, unit, kpi_value (missing where unknown), numerator,
            denominator, active_count, is_holiday; one row a day, KPI and market.

    Returns:
        calendar_date, kpi, market, expected_value, expected_low, expected_high (six decimals),
        anomaly_code; rows only where there is a judgement.
    """
    import numpy as np
    import pandas as pd

    parts: list[pd.DataFrame] = []
    for (kpi, market), rows in series.groupby(list(SERIES), sort=True):
        days = _every_day(rows)
        if not _counts_enough(days):
            continue
        values = days["kpi_value"].to_numpy(dtype=float, na_value=np.nan)
        is_holiday = days["is_holiday"].fillna(value=False).to_numpy(dtype=bool)
        judgement = expect(values, is_holiday, is_rate=rows["unit"].iloc[0] == "rate")
        if judgement is None:
            continue
        judged = ~np.isnan(values) & ~np.isnan(judgement.expected)
        codes = np.where(
            values < judgement.low, LOW, np.where(values > judgement.high, HIGH, IN_BOUNDS)
        )
        codes = np.where((codes != IN_BOUNDS) & is_holiday, HOLIDAY, codes)
        part = pd.DataFrame(
            {
                "calendar_date": days.index,
                "kpi": kpi,
                "market": market,
                "expected_value": judgement.expected.round(6),
                "expected_low": judgement.low.round(6),
                "expected_high": judgement.high.round(6),
                "anomaly_code": codes,
            }
        )
        parts.append(part[judged])
    return pd.concat(parts, ignore_index=True) if parts else _nothing()


def _every_day(rows: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    by_day = rows.assign(calendar_date=pd.to_datetime(rows["calendar_date"])).set_index(
        "calendar_date"
    )
    return by_day.reindex(pd.date_range(by_day.index.min(), by_day.index.max(), freq="D"))


def _counts_enough(days: pd.DataFrame) -> bool:
    """Whether as many are counted on the median known day as chance does not rule."""
    known = days[days["kpi_value"].notna()]
    counts: list[Any] = [known["active_count"], known["numerator"]]
    if known["denominator"].notna().any():
        counts.append(known["denominator"])
    return all(count.astype(float).median() >= MIN_MEDIAN_COUNT for count in counts)


def _fill_from_same_weekday(scaled: Floats, known: Bools) -> Floats:
    """Unknown days as the mean of the nearest known days of their weekday, before and after."""
    import numpy as np

    filled = scaled.copy()
    median = float(np.median(scaled[known]))
    for day in np.flatnonzero(~known):
        before = [at for at in range(day - WEEK, -1, -WEEK) if known[at]][:1]
        after = [at for at in range(day + WEEK, len(scaled), WEEK) if known[at]][:1]
        filled[day] = scaled[before + after].mean() if before + after else median
    return filled


def _nothing() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {
            "calendar_date": pd.Series(dtype="datetime64[us]"),
            "kpi": pd.Series(dtype="str"),
            "market": pd.Series(dtype="str"),
            "expected_value": pd.Series(dtype="float64"),
            "expected_low": pd.Series(dtype="float64"),
            "expected_high": pd.Series(dtype="float64"),
            "anomaly_code": pd.Series(dtype="str"),
        }
    )
