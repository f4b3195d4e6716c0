"""`semillero ingest backstage`: what it shows, what it writes, and what its exit code says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.screen_backstage import TEXTS
from orchestration.simulate.backstage import SheetCell, write_workbook

HEADERS: list[SheetCell] = [
    "Data period",
    "Creator ID",
    "Diamonds",
    "LIVE duration",
    "Future column",
]
SAVED_AT = datetime(2026, 7, 7, 9, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, not even made."""
    home = tmp_path / "home"
    monkeypatch.setenv("SEMILLERO_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "200")
    return home


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good export with one bad cell, and a file that is none."""
    folder = tmp_path / "exports"
    folder.mkdir()
    period = "2026-07-01 ~ 2026-07-06"
    rows: list[list[SheetCell]] = [
        HEADERS,
        [period, "c1", 5, "1h 0m 0s", "x"],
        [period, "c2", "lots", "1h 0m 0s", "y"],
    ]
    write_workbook(folder / "[bold]a.xlsx", {"S": rows}, SAVED_AT)
    (folder / "b.xlsx").write_text("no", encoding="utf-8")
    return folder


def _ask(*arguments: str) -> tuple[int, str]:
    answer = CliRunner().invoke(app, ["ingest", "backstage", *arguments])
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
    return answer.exit_code, " ".join(answer.output.split())


def test_without_a_terminal_it_shows_and_does_not_write(home: Path, folder: Path) -> None:
    code, said = _ask(str(folder))
    assert code == 2
    for expected in (
        "[bold]a.xlsx month to date, English 2026-07-01 ~ 07-06 2 1 2026-07-07",
        "2 rows = 1 readable + 1 unreadable",
        "sheet 'S', C3 (Diamonds): not a whole number",
        "Future column",
        "b.xlsx: This is not an .xlsx file",
        "add --yes to land 1 exports",
    ):
        assert expected in said
    assert not (home / "landing").exists()


def test_a_dry_run_writes_nothing_and_still_tells_of_bad_files(home: Path, folder: Path) -> None:
    code, said = _ask(str(folder), "--dry-run")
    assert code == 1
    assert "Nothing was written (--dry-run)" in said
    assert not (home / "landing").exists()
    assert _ask(str(folder / "[bold]a.xlsx"), "--dry-run")[0] == 0


def test_yes_lands_the_good_files_and_the_exit_code_tells_of_the_bad(
    home: Path, folder: Path
) -> None:
    code, said = _ask(str(folder), "--yes")
    assert code == 1
    assert "semillero run --from 2026-07-07 --to 2026-07-07" in said
    (landed,) = (home / "landing").rglob("*.parquet")
    assert landed.parent.name == "dt=2026-07-07"
    code, said = _ask(str(folder / "[bold]a.xlsx"), "--yes")
    assert code == 0
    assert "Nothing to land" in said


def test_spanish_operators_read_spanish(
    home: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEMILLERO_LANGUAGE", "es")
    code, said = _ask(str(folder))
    assert code == 2
    for expected in ("acumulado del mes", "no es un número entero", "agregue --yes", "ilegibles"):
        assert expected in said
    assert not home.joinpath("landing").exists()


def test_a_path_that_is_not_there_is_a_sentence(home: Path, tmp_path: Path) -> None:
    code, said = _ask(str(tmp_path / "nowhere"))
    assert code == 1
    assert "does not exist" in said
    assert not home.exists()


def test_the_texts_of_both_languages_are_the_same_ones() -> None:
    assert TEXTS["en"].keys() == TEXTS["es"].keys()
