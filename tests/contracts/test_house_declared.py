"""What is declared is what dbt sees, and nothing runs on what is wrong.

What lives here: the committed macros against the YAML, and the commands on a wrong declaration.
What may not: which declarations are wrong (`tests/unit/declared`).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from orchestration.declared import load_declarations
from orchestration.declared.loader import DECLARED_FOLDER, DeclarationError
from orchestration.declared.render import LABELS, MACROS, is_current, rendered

Manifest = Mapping[str, Any]


def test_the_committed_macros_are_what_is_declared() -> None:
    stale = [
        path.name
        for path, text in rendered(load_declarations()).items()
        if not is_current(text, path)
    ]
    assert stale == [], "change the YAML, then: semillero prepare"


def test_dbt_knows_every_kind_of_declaration(manifest: Manifest) -> None:
    made = {
        name
        for name in manifest["macros"]
        if Path(manifest["macros"][name]["original_file_path"]).name in {MACROS.name, LABELS.name}
    }
    kinds = {path.stem for path in DECLARED_FOLDER.glob("*.yaml")}
    assert made == {f"macro.semillero.declared_{kind}" for kind in [*kinds, "labels"]}


@pytest.fixture
def wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A window of zero in what commands read as declared; where it stands, as a person sees it."""
    folder = tmp_path / "declared"
    folder.mkdir()
    for path in DECLARED_FOLDER.glob("*.yaml"):
        shutil.copy(path, folder)
    funnels = folder / "funnels.yaml"
    text = funnels.read_text(encoding="utf-8").replace("window_days: 28", "window_days: 0")
    funnels.write_text(text, encoding="utf-8")
    monkeypatch.setattr(
        "orchestration.declared.render.load_declarations", lambda: load_declarations(folder)
    )
    monkeypatch.setenv("SEMILLERO_HOME", str(tmp_path / "home"))
    landed = tmp_path / "home" / "landing" / "creators" / "dt=2026-07-01"
    landed.mkdir(parents=True)
    (landed / "creators.csv").write_text("creator_id\n", encoding="utf-8")
    line = text[: text.index("window_days: 0")].count("\n") + 1
    return f"funnels.yaml, line {line}: "


@pytest.mark.parametrize("command", ["run", "prepare"])
def test_a_command_refuses_a_wrong_declaration_before_anything_runs(
    wrong: str, command: str, tmp_path: Path
) -> None:
    from orchestration.cli import app

    before = MACROS.read_bytes()
    done = CliRunner().invoke(app, [command], env={"COLUMNS": "400"})
    assert done.exit_code == 1
    assert wrong in done.output
    assert "`window_days` must be more than 0, not 0" in done.output
    assert not (tmp_path / "home" / "warehouse.duckdb").exists()
    assert not (tmp_path / "home" / "raw").exists()
    assert MACROS.read_bytes() == before


def test_dagster_does_not_load_a_wrong_declaration(wrong: str, manifest: Manifest) -> None:
    from orchestration.definitions import build_defs

    assert manifest["nodes"]
    with pytest.raises(DeclarationError) as refused:
        build_defs()
    assert wrong in refused.value.message("en")
    assert "`window_days` debe ser mayor que 0, no 0" in refused.value.message("es")
