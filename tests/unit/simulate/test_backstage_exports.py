"""Simulated exports: the same bytes for the same seed, and the dirt that was asked for."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import openpyxl  # type: ignore[import-untyped]
import pytest

from orchestration.simulate.backstage import (
    EMPTY,
    MASK,
    BackstageOptions,
    Creator,
    ExportedTruth,
    write_exports,
)

START = date(2026, 7, 1)
OPTIONS = BackstageOptions(start=START, days=35)
CREATORS = [
    Creator(f"c{number}", f"name {number}", datetime(2026, 6, 1 + number, 8, tzinfo=UTC))
    for number in range(20)
]


def _days() -> dict[str, dict[date, dict[str, int]]]:
    return {
        creator.creator_id: {
            START + timedelta(days=number): {
                "diamonds": 10,
                "live_seconds": 4000,
                "valid_days": 1,
                "new_followers": 2,
                "session_count": 1,
                "matches": 3,
                "match_diamonds": 4,
            }
            for number in range(5 + index)
        }
        for index, creator in enumerate(CREATORS)
    }


def _write(folder: Path, options: BackstageOptions = OPTIONS) -> ExportedTruth:
    folder.mkdir()
    return write_exports(folder, CREATORS, _days(), options)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    _write(tmp_path / "one")
    _write(tmp_path / "other")
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "other").iterdir())
    assert all(
        (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
        for name in files
    )


def test_without_dirt_there_is_one_tidy_file_a_morning(tmp_path: Path) -> None:
    truth = _write(tmp_path / "x", BackstageOptions(start=START, days=35, dirt=False))
    assert len(list((tmp_path / "x").iterdir())) == 35
    assert not truth.left_on
    assert not truth.missing_days
    assert not truth.restated


def test_dirt_has_every_kind_that_real_exports_have(tmp_path: Path) -> None:
    truth = _write(tmp_path / "x")
    names = {path.name for path in (tmp_path / "x").iterdir()}
    assert truth.missing_days
    assert truth.restated
    assert truth.masked
    assert truth.left_on.keys() - truth.masked
    assert any(name.startswith("copia") for name in names)
    assert any(name.startswith("datos") for name in names)
    assert any(name.startswith("creators") for name in names)
    texts = {
        str(cell)
        for name in names
        for row in openpyxl.load_workbook(tmp_path / "x" / name).worksheets[0].values
        for cell in row
    }
    assert MASK in texts
    assert "LIVE duration in L30D" in texts
    assert "Red de creadores" in texts
    assert "Días válidos de emisiones LIVE" in texts


@pytest.mark.parametrize("day", [date(2026, 7, 5), date(2026, 7, 31), date(2026, 8, 2)])
def test_a_report_counts_from_the_first_to_its_last_day(tmp_path: Path, day: date) -> None:
    options = BackstageOptions(start=START, days=35, dirt=False)
    truth = _write(tmp_path / "x", options)
    rows = list(openpyxl.load_workbook(tmp_path / "x" / truth.files[day]).worksheets[0].values)
    column = list(rows[0]).index("Diamonds")
    last = CREATORS[-1].creator_id
    (shown,) = [row[column] for row in rows if last in row]
    expected = sum(
        _days()[last].get(day.replace(day=1) + timedelta(days=number), EMPTY)["diamonds"]
        for number in range(day.day)
    )
    assert shown == expected
