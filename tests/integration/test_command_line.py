"""Wrong use of the command line: a sentence for a person and an exit code, never a traceback."""

from __future__ import annotations

import ast
import io
import re
from datetime import date
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.ingest.replay import ReplayOutcome, ReplayResult
from orchestration.progress import SPANISH
from orchestration.screen import TEXTS
from orchestration.screen_quarantine import TEXTS as QUARANTINE_TEXTS
from orchestration.screen_quarantine import show_replay
from orchestration.settings import PROJECT_ROOT, Settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, not even made."""
    home = tmp_path / "home"
    monkeypatch.setenv("SEMILLERO_HOME", str(home))
    return home


def _ask(*arguments: str) -> tuple[int, str]:
    answer = CliRunner().invoke(app, arguments)
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
    return answer.exit_code, " ".join(answer.output.split())


def test_a_run_with_nothing_landed_says_what_to_do(home: Path) -> None:
    code, said = _ask("run")
    assert code == 2
    assert "Nothing has landed" in said
    assert "semillero simulate" in said
    assert not home.exists()


def test_who_asks_in_spanish_is_told_in_spanish(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEMILLERO_LANGUAGE", "es")
    said = [_ask("run"), _ask("run", "--from", "2026-02-02", "--to", "2026-02-01")]
    assert [code for code, _ in said] == [2, 2]
    assert "Aún no llega nada" in said[0][1]
    assert "--from 2026-02-02 es posterior a --to 2026-02-01" in said[1][1]
    assert not home.exists()


def test_one_day_and_a_range_of_days_are_not_both_taken(home: Path) -> None:
    code, said = _ask("quarantine", "list", "--day", "2026-02-02", "--from", "2026-02-01")
    assert code == 2
    assert "either --day or --from and --to" in said
    assert not home.exists()


def test_a_range_upside_down_is_refused(home: Path) -> None:
    code, said = _ask("run", "--from", "2026-02-02", "--to", "2026-02-01")
    assert code == 2
    assert "--from 2026-02-02 is after --to 2026-02-01" in said
    assert not home.exists()


def test_a_day_of_the_future_is_refused_with_the_calendar(home: Path) -> None:
    code, said = _ask("run", "--from", "2026-02-02", "--to", "2199-01-01")
    assert code == 2
    assert "2199-01-01 is not within the arrival days" in said
    assert not home.exists()


def test_a_home_that_duckdb_would_read_as_a_pattern_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SEMILLERO_HOME", str(tmp_path / "data[1]"))
    code, said = _ask("status")
    assert code == 2
    assert "SEMILLERO_HOME" in said
    assert "pattern" in said


def test_a_memory_limit_that_is_no_size_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMILLERO_DUCKDB_MEMORY_LIMIT", "plenty")
    code, said = _ask("status")
    assert code == 2
    assert "SEMILLERO_DUCKDB_MEMORY_LIMIT" in said


def test_an_unknown_language_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMILLERO_LANGUAGE", "pt")
    code, said = _ask("status")
    assert code == 2
    assert "SEMILLERO_LANGUAGE" in said


def test_a_missing_holodex_folder_is_named_in_the_language_of_the_settings(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEMILLERO_LANGUAGE", "es")
    code, said = _ask("ingest", "holodex", str(home / "nowhere"))
    assert code == 1
    assert "nowhere" in said
    assert "carpeta" in said


def test_an_impossible_world_is_refused_with_its_number(home: Path) -> None:
    code, said = _ask("simulate", "--creators", "0")
    assert code == 2
    assert "creators must lie between 1 and" in said
    code, said = _ask("simulate", "--programs", "lottery")
    assert code == 2
    assert "not 'lottery'" in said
    assert not home.exists()


def test_the_status_of_an_empty_home_is_no_error(home: Path) -> None:
    code, said = _ask("status")
    assert code == 0
    assert "There is no release yet" in said
    assert not home.exists()


def test_a_sample_world_is_not_made_over_something_that_landed(home: Path) -> None:
    landed = home / "landing" / "creators" / "dt=2026-07-01" / "mine.csv"
    landed.parent.mkdir(parents=True)
    landed.write_text("creator_id\n")
    assert _ask("simulate", "--if-empty") == (0, "")
    code, said = _ask("simulate")
    assert code == 2
    assert "landing" in said
    assert landed.read_text() == "creator_id\n"


def test_a_damaged_ledger_is_named_with_what_to_do(home: Path) -> None:
    _land(home, "creators/dt=2026-07-01/mine.csv")
    (home / "ledger.sqlite").write_bytes(b"no database at all " * 500)
    for command in ("status", "run"):
        code, said = _ask(command)
        assert code == 1
        assert "ledger.sqlite is damaged" in said
        assert "move it away and run again" in said


def test_a_folder_where_current_should_be_is_a_failure_not_wrong_use(home: Path) -> None:
    (home / "current").mkdir(parents=True)
    code, said = _ask("status")
    assert code == 1
    assert "is not a symlink" in said


def test_a_home_that_is_a_file_gives_a_sentence(home: Path) -> None:
    home.write_text("not a folder")
    code, said = _ask("simulate", "--creators", "20", "--days", "7")
    assert code == 1
    assert f"{home}: File exists" in said
    assert home.read_text() == "not a folder"


def test_what_no_run_will_read_is_shown_with_the_reason(home: Path) -> None:
    _land(home, "sessions/dt=2026-07-01/mine.csv")
    _land(home, "live_sessions/2026-07-01/mine.csv")
    _land(home, "creators")
    code, said = _ask("status")
    assert code == 0
    assert "landing/sessions: No contract describes this feed" in said
    assert "landing/live_sessions/2026-07-01: This is not a day's folder" in said
    assert "landing/creators: a file where a folder" in said


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_status_fits_eighty_columns_and_breaks_no_word(
    home: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setenv("SEMILLERO_LANGUAGE", language)
    monkeypatch.setenv("COLUMNS", "80")
    _land(home, "creators/dt=2026-07-01/mine.csv")
    lines = CliRunner().invoke(app, ["status"]).output.splitlines()
    assert max(map(len, lines)) <= 80
    words = {word for line in lines for word in line.split()}
    assert {"onboarding_events", *TEXTS[language]["refused_days"].split()} <= words
    assert not any("…" in line for line in lines)


def test_both_languages_of_a_screen_say_the_same_things() -> None:
    for texts in (TEXTS, QUARANTINE_TEXTS):
        assert texts["en"].keys() == texts["es"].keys()
        for name, english in texts["en"].items():
            spanish = texts["es"][name]
            assert set(re.findall(r"{(\w+)", english)) == set(re.findall(r"{(\w+)", spanish)), name


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_longest_feed_fits_into_the_replay_table(
    home: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    outcomes: tuple[ReplayOutcome, ...] = ("replayed", "nothing", "reread", "skipped")
    results = [
        ReplayResult("program_assignments", date(2026, 3, 10), outcome, 88_888, 88_888, 88_888)
        for outcome in outcomes
    ]
    monkeypatch.setenv("SEMILLERO_LANGUAGE", language)
    console = Console(width=80, record=True, file=io.StringIO())
    show_replay(console, Settings(home=home), results, dry_run=False)
    shown = console.export_text()
    assert "…" not in shown
    assert shown.count("program_assignments") == len(results)


def test_quarantine_commands_on_an_empty_home_say_so_and_make_nothing(home: Path) -> None:
    for command in ("list", "show"):
        assert _ask("quarantine", command) == (0, "Quarantine holds no such rows.")
    code, said = _ask("quarantine", "export", str(home.parent / "out.csv"))
    assert (code, "nothing was written" in said) == (2, True)
    assert not home.exists()
    assert _ask("quarantine", "replay") == (0, "Quarantine holds no such rows.")


def test_a_feed_that_does_not_exist_is_wrong_use(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEMILLERO_LANGUAGE", "es")
    code, said = _ask("quarantine", "list", "--feed", "live_sesions")
    assert (code, "Ningún contrato describe esta fuente" in said) == (2, True)
    code, said = _ask("withdraw", "live_sesions", "2026-03-10", "--because", "x")
    assert (code, "fuentes conocidas" in said) == (2, True)
    code, said = _ask("withdraw", "live_sessions", "2026-03-10", "--because", "x")
    assert (code, "no es un día aceptado" in said) == (1, True)
    assert home.exists()


def test_every_message_of_a_working_command_has_its_spanish_twin() -> None:
    said = set()
    for path in (PROJECT_ROOT / "orchestration").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "logger"
            ):
                texts = [arg for arg in node.args if isinstance(arg, ast.Constant)]
                assert texts, f"{path.name}, line {node.lineno}: no message to translate"
                said.add(str(texts[0].value))
    assert said - SPANISH.keys() == set()
    for english, spanish in SPANISH.items():
        assert re.findall(r"%[sd]", english) == re.findall(r"%[sd]", spanish)


@pytest.mark.slow
def test_a_damaged_dagster_storage_is_named_with_what_to_do(home: Path) -> None:
    _land(home, "creators/dt=2026-07-01/mine.csv")
    for path in (
        "storage/index.db",
        "history/runs.db",
        "history/runs/index.db",
        "schedules/schedules.db",
    ):
        database = home / "dagster" / path
        database.parent.mkdir(parents=True, exist_ok=True)
        database.write_bytes(b"no database at all " * 500)
    code, said = _ask("run")
    assert code == 1
    assert f"Dagster's storage in {home / 'dagster'} cannot be used" in said
    assert "move this folder away" in said


def _land(home: Path, name: str) -> None:
    path = home / "landing" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("creator_id\n")


def test_a_sample_world_goes_on_and_only_as_it_was_made(home: Path) -> None:
    assert _ask("simulate", "--extend", "--days", "3")[0] == 2
    asked = ("--dirt", "late,unit_change", "--programs", "first_live_coaching")
    made, _ = _ask("simulate", "--creators", "20", "--days", "7", *asked)
    assert made == 0
    code, said = _ask("simulate", "--extend", "--days", "3", "--seed", "8")
    assert code == 2
    assert "--seed cannot be given with --extend" in said
    code, said = _ask("simulate", "--extend")
    assert code == 2
    assert "--extend needs --days" in said
    assert _ask("simulate", "--extend", "--days", "3")[0] == 0
    assert (home / "landing" / "creators" / "dt=2026-07-11").is_dir()
    assert '"days": 10' in (home / "truth" / "truth.json").read_text()
    assert '"programs": [\n      "first_live_coaching"' in (home / "truth/truth.json").read_text()
