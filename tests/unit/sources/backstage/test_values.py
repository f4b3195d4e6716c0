"""What one cell says: every format that exports have, and nothing guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest

from orchestration.sources.backstage import values
from orchestration.sources.backstage.values import Cell, CellError, Mark


def _code(error: pytest.ExceptionInfo[CellError]) -> str:
    return error.value.code


@pytest.mark.parametrize(
    ("cell", "seconds"),
    [
        ("119h 47m 31s", 119 * 3600 + 47 * 60 + 31),
        ("12h 5min 3s", 12 * 3600 + 5 * 60 + 3),
        ("12 h 5 min", 12 * 3600 + 5 * 60),
        ("45m", 2700),
        ("31s", 31),
        ("0h 0m 0s", 0),
        ("88.46h", 318456),
        ("88,46 h", 318456),
        ("88.46", 318456),
        (88.46, 318456),
        (88.0, 316800),
        ("0", 0),
        ("1,234.5h", 4444200),
        ("119:47:31", 119 * 3600 + 47 * 60 + 31),
        (timedelta(hours=119, minutes=47), 119 * 3600 + 47 * 60),
        (time(5, 3, 2), 5 * 3600 + 3 * 60 + 2),
        ("-", None),
        ("", None),
        (None, None),
    ],
)
def test_a_duration_is_whole_seconds_however_it_is_written(cell: Cell, seconds: int | None) -> None:
    assert values.duration(cell, None) == seconds


@pytest.mark.parametrize(
    "cell", ["abc", "12x", "-5h", "5h 3h", "h", "NaN", True, -1.0, float("nan"), "9" * 200]
)
def test_what_is_no_duration_is_refused(cell: Cell) -> None:
    with pytest.raises(CellError) as error:
        values.duration(cell, None)
    assert _code(error) == "not_a_duration"


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("1234", 1234),
        ("1,234", 1234),
        ("1.234", 1234),
        ("1\u00a0234", 1234),
        ("1\u202f234", 1234),
        ("12,345,678", 12345678),
        ("12.345.678", 12345678),
        ("1,234.00", 1234),
        ("1.234,0", 1234),
        ("12.0", 12),
        (12.0, 12),
        ("0", 0),
        ("-5", -5),
        ("-", None),
        ("\u2014", None),
        (None, None),
    ],
)
def test_a_count_may_have_its_thousands_in_either_locale(cell: Cell, number: int | None) -> None:
    assert values.whole_number(cell) == number


@pytest.mark.parametrize(
    "cell",
    [
        *("12.5", 12.5, "1,23", "1,2345", "1,234.567", "12k", "=1+1", "\u0661\u0662"),
        *(True, float("inf"), float("nan"), "9" * 30, "9" * 5000),
    ],
)
def test_what_is_no_whole_number_is_refused_never_rounded(cell: Cell) -> None:
    with pytest.raises(CellError) as error:
        values.whole_number(cell)
    assert _code(error) == "not_a_whole_number"


@pytest.mark.parametrize(
    ("cell", "number"), [("21d", 21), ("6", 6), (6.0, 6), ("21 días", 21), ("-", None)]
)
def test_days_may_carry_their_unit(cell: Cell, number: int | None) -> None:
    assert values.days(cell) == number


@pytest.mark.parametrize(
    ("cell", "share"),
    [
        ("90.13%", "0.9013"),
        ("0.94618", "0.9462"),
        (0.94618, "0.9462"),
        ("90,13 %", "0.9013"),
        ("0,94618", "0.9462"),
        ("-12.5%", "-0.1250"),
        ("150%", "1.5000"),
        ("-", None),
    ],
)
def test_percentages_and_shares_are_the_same_number(cell: Cell, share: str | None) -> None:
    found = values.rate(cell, None)
    assert found == (None if share is None else Decimal(share))


@pytest.mark.parametrize(
    ("cell", "mark", "number"),
    [
        ("1.234", ".", "1.234"),
        ("1.234", ",", "1234"),
        ("1,234", ",", "1.234"),
        ("0.946", None, "0.946"),
        ("1234.567", None, "1234.567"),
        ("1,234.5", None, "1234.5"),
        ("1.234,5", None, "1234.5"),
        ("1.234.567", None, "1234567"),
    ],
)
def test_a_mark_that_could_mean_two_things_is_decided_by_the_column(
    cell: str, mark: Mark | None, number: str
) -> None:
    assert values.number(cell, mark) == Decimal(number)


def test_a_mark_that_nothing_decides_is_refused() -> None:
    with pytest.raises(CellError) as error:
        values.number("1.234", None)
    assert _code(error) == "ambiguous_number"
    with pytest.raises(CellError) as error:
        values.duration("1.234h", None)
    assert _code(error) == "ambiguous_number"


def test_a_column_shows_its_decimal_mark_unless_it_shows_both() -> None:
    assert values.decimal_mark(["1.234h", "88.46h", "-", None, 3.5]) == "."
    assert values.decimal_mark(["1.234", "88,46"]) == ","
    assert values.decimal_mark(["1,234.5"]) == "."
    assert values.decimal_mark(["1.234", "12"]) is None
    assert values.decimal_mark(["1.5", "1,5"]) is None


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("2025-03-14 08:15:22 (UTC+0)", datetime(2025, 3, 14, 8, 15, 22, tzinfo=UTC)),
        ("2025-03-14 08:15 (UTC-3)", datetime(2025, 3, 14, 11, 15, tzinfo=UTC)),
        ("2025/03/14 08:15:22", datetime(2025, 3, 14, 8, 15, 22, tzinfo=UTC)),
        ("2025-03-14", datetime(2025, 3, 14, tzinfo=UTC)),
        (datetime(2025, 3, 14, 8, 15), datetime(2025, 3, 14, 8, 15, tzinfo=UTC)),  # noqa: DTZ001
        (date(2025, 3, 14), datetime(2025, 3, 14, tzinfo=UTC)),
        ("-", None),
    ],
)
def test_join_times_are_utc(cell: Cell, moment: datetime | None) -> None:
    assert values.moment(cell) == moment


@pytest.mark.parametrize(
    "cell", ["14/03/2025", "2025-02-30", "2025-03-14 25:00", 45000.5, "yesterday", True]
)
def test_a_date_that_cannot_be_told_is_refused(cell: Cell) -> None:
    with pytest.raises(CellError) as error:
        values.moment(cell)
    assert _code(error) == "not_a_moment"


@pytest.mark.parametrize(
    "cell",
    [
        "2026-07-01 ~ 2026-07-06",
        "2026-07-01~2026-07-06",
        "2026/7/1 - 2026/7/6",
        "2026-07-01 a 2026-07-06",
    ],
)
def test_a_period_is_two_days(cell: str) -> None:
    assert values.period(cell) == (date(2026, 7, 1), date(2026, 7, 6))


@pytest.mark.parametrize("cell", ["July", "2026-07-06 ~ 2026-07-01", "2026-07-32 ~ 2026-08-01", 7])
def test_what_is_no_period_is_refused(cell: Cell) -> None:
    with pytest.raises(CellError):
        values.period(cell)


def test_an_id_is_text_or_a_number_that_kept_its_digits() -> None:
    assert values.creator_id("7123456789012345678") == ("7123456789012345678", False)
    assert values.creator_id(" c0000012 ") == ("c0000012", False)
    assert values.creator_id(123456.0) == ("123456", False)


@pytest.mark.parametrize("cell", [7.123456789012346e18, "7.12346E+18", "7,12E18"])
def test_an_id_that_lost_its_digits_is_never_taken(cell: Cell) -> None:
    with pytest.raises(CellError) as error:
        values.creator_id(cell)
    assert _code(error) == "lost_digits"


@pytest.mark.parametrize(
    "cell", ["The creator has quit the network", "El creador abandonó la red", "somebody left us"]
)
def test_a_sentence_in_place_of_an_id_is_a_mask(cell: str) -> None:
    assert values.creator_id(cell) == (None, True)


@pytest.mark.parametrize(
    "cell",
    [
        *("-", "", None, "Total", "=A1 & B1 & C1", -5.0, 1.5, True),
        # The line below the table is nobody who left, or the network's diamonds count twice.
        *("Total de la red:", "Sum of all creators", "Promedio por creador activo"),
    ],
)
def test_what_is_neither_id_nor_sentence_is_no_creator(cell: Cell) -> None:
    with pytest.raises(CellError) as error:
        values.creator_id(cell)
    assert _code(error) == "no_creator_id"
