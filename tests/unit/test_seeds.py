"""Labels, KPIs, targets, holidays and rules of supply that cannot be are refused with their line.

What lives here: the seeds as they are, and copies of them with one thing wrong each, and which of
them builds anything anew. What may not: metric rules, markets and platforms
(`test_metric_rules.py`), and words that are only badly translated (`tests/contracts`).
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestration import versions
from orchestration.seeds.check import check_seeds
from orchestration.seeds.tables import SEEDS, SeedError
from orchestration.settings import PROJECT_ROOT


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    """A copy of the seeds."""
    folder = tmp_path / "seeds"
    folder.mkdir()
    for path in SEEDS.glob("*.csv"):
        shutil.copy(path, folder)
    return folder


def line_of(path: Path, beginning: str) -> int:
    """The line of a seed that begins so."""
    lines = path.read_text(encoding="utf-8").splitlines()
    (found,) = (number for number, line in enumerate(lines, 1) if line.startswith(beginning))
    return found


def append(path: Path, line: str) -> int:
    """Add a line to a seed; where it stands."""
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    return len(path.read_text(encoding="utf-8").splitlines())


def replace_in_line(path: Path, beginning: str, old: str, new: str) -> int:
    """Change the line of a seed that begins so; where it stands."""
    number = line_of(path, beginning)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert old in lines[number - 1], lines[number - 1]
    lines[number - 1] = lines[number - 1].replace(old, new, 1)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return number


def refusals(seeds: Path) -> tuple[list[str], list[str]]:
    """What the check says of seeds that it must refuse, a fault a line, in both languages."""
    with pytest.raises(SeedError) as caught:
        check_seeds(seeds)
    english, spanish = caught.value.en.splitlines(), caught.value.es.splitlines()
    assert english[0] == "The seeds are refused; nothing was run."
    assert spanish[0] == "Se rechazan las semillas; no se ejecutó nada."
    return english[1:], spanish[1:]


def test_the_seeds_as_they_are_pass() -> None:
    check_seeds()


@pytest.mark.parametrize(
    ("line", "en", "es"),
    [
        (
            "kpi_daily,kpi_value,,Value,Valor,What.,Qué.",
            "mart, column_name, value 'kpi_daily', 'kpi_value', '' stands on line",
            "mart, column_name, value 'kpi_daily', 'kpi_value', '' ya está en la línea",
        ),
        (
            "kpi_weekly,,,Weekly KPIs,KPI semanales,What.,Qué.",
            "there is no mart 'kpi_weekly'.",
            "no existe la tabla publicada 'kpi_weekly'.",
        ),
        (
            "kpi_daily,kpi_valeu,,Value,Valor,What.,Qué.",
            "mart kpi_daily has no column 'kpi_valeu'.",
            "la tabla kpi_daily no tiene la columna 'kpi_valeu'.",
        ),
        (
            "*,kpi_valeu,,Value,Valor,What.,Qué.",
            "no mart has a column 'kpi_valeu'.",
            "ninguna tabla publicada tiene una columna 'kpi_valeu'.",
        ),
        (
            "kpi_daily,anomaly_code,lowest,Lowest,El más bajo,What.,Qué.",
            "'lowest' is no code of column 'anomaly_code': neither its accepted values nor",
            "'lowest' no es un código de la columna 'anomaly_code': no está entre sus valores",
        ),
        (
            "*,cohort_size,,Size,Tamaño,What.,Qué.",
            "this line labels nothing: every mart has a line of its own for it.",
            "esta línea no sirve a nadie: cada tabla tiene su propia línea para eso.",
        ),
    ],
)
def test_a_label_of_nothing_or_twice_there_is_refused(
    seeds: Path, line: str, en: str, es: str
) -> None:
    number = append(seeds / "mart_labels.csv", line)
    (english,), (spanish,) = refusals(seeds)
    assert english.startswith(f"* seeds/mart_labels.csv, line {number}: {en}")
    assert spanish.startswith(f"* seeds/mart_labels.csv, línea {number}: {es}")


@pytest.mark.parametrize(
    ("text", "column"),
    [
        (",Market that day,", "name_en"),
        (",Mercado de ese día,", "name_es"),
        (",Where the creator worked on that day.,", "description_en"),
    ],
)
def test_a_label_without_a_text_is_refused(seeds: Path, text: str, column: str) -> None:
    path = seeds / "mart_labels.csv"
    number = replace_in_line(path, "fct_creator_days,market,", text, ",,")
    english, spanish = refusals(seeds)
    assert english == [f"* seeds/mart_labels.csv, line {number}: {column} is empty."]
    assert spanish == [f"* seeds/mart_labels.csv, línea {number}: {column} está vacío."]


def test_a_label_that_lost_its_mart_is_refused(seeds: Path) -> None:
    number = replace_in_line(seeds / "mart_labels.csv", "kpi_daily,,,", "kpi_daily", "")
    english, _ = refusals(seeds)
    assert f"* seeds/mart_labels.csv, line {number}: mart is empty." in english


@pytest.mark.parametrize(
    ("old", "new", "en"),
    [
        ("active_creators,content", "active creators,content", "kpi 'active creators' is not a"),
        ("active_creators,content", "live_hours,content", "kpi 'live_hours' stands on line 2"),
        ("content_supply", "supply", "family 'supply' is not known. Known are: content_supply,"),
        (",Active creators,", ",,", "name_en is empty."),
        ("Personas creadoras activas", "", "name_es is empty."),
        (",creators,content operations", ",,content operations", "unit is empty."),
        (",content operations", ",", "owner is empty."),
        (",up,", ",more,", "good_direction 'more' is not known. Known are: down, up."),
        (",sum,", ",mean,", "combines_by 'mean' is not known."),
        (",sum,", ",ratio,", "KPI active_creators combines by 'ratio': a ratio has a denominator"),
        ("active_count,1,,", "active_count,1,session_count,", "KPI active_creators combines by"),
        (",active_count,", ",activ_count,", "numerator 'activ_count' is not known."),
        (",active_count,", ",,", "numerator '' is not known."),
        ("active_count,1,", "active_count,0,", "numerator_factor is '0'; it must be a whole"),
        ("active_count,1,,1,1", "active_count,1,,-1,1", "denominator_factor is '-1'; it must"),
        ("active_count,1,,1,1", "active_count,1,,1,0", "lookback_days is '0'; it must be a whole"),
        (",day,", ",hour,", "period 'hour' is not known. Known are: day, week."),
        (",true", ",yes", "has_expectation 'yes' is not known. Known are: false, true."),
    ],
)
def test_a_kpi_that_nobody_could_compute_or_read_is_refused(
    seeds: Path, old: str, new: str, en: str
) -> None:
    path = seeds / "kpis.csv"
    number = replace_in_line(path, "active_creators,", old, new)
    english, spanish = refusals(seeds)
    said = [fault for fault in english if en in fault]
    assert len(said) == 1, english
    assert re.match(r"\* seeds/kpis\.csv, line \d+: ", said[0])
    assert "stands on line" in en or f"line {number}: " in said[0]
    assert all(re.match(r"\* seeds/kpi\w*\.csv, línea \d+: ", fault) for fault in spanish)


@pytest.mark.parametrize(
    ("old", "new", "en", "es"),
    [
        ("quick_ratio", "quik_ratio", "kpi 'quik_ratio' is not known.", "no se conoce kpi"),
        (",*,", ",XX,", "market 'XX' is not known.", "no se conoce market 'XX'."),
        (",*,", ",,", "market '' is not known.", "no se conoce market ''."),
        (",1,", ",-1,", "target_value is '-1'; it must be a number from 0", "target_value es '-1'"),
        (",1,", ',"1,5",', "target_value is '1,5'; it must be a number", "con punto y a lo sumo"),
        (",1,", ",,", "target_value is ''; it must be a number", "target_value es ''"),
        (",1,", ",NaN,", "target_value is 'NaN'; it must be a number", "target_value es 'NaN'"),
        (
            "1900-01-01,,",
            "2026-08-01,2026-07-01,",
            "the target of quick_ratio ends (2026-07-01) before it starts (2026-08-01).",
            "la meta de quick_ratio termina (2026-07-01) antes de empezar (2026-08-01).",
        ),
        (
            "1900-01-01",
            "01/07/2026",
            "valid_from of the target of quick_ratio is '01/07/2026', which is no day",
            "valid_from de la meta de quick_ratio es '01/07/2026', que no es un día",
        ),
    ],
)
def test_a_target_that_nobody_could_reach_is_refused(
    seeds: Path, old: str, new: str, en: str, es: str
) -> None:
    number = replace_in_line(seeds / "kpi_targets.csv", "quick_ratio,", old, new)
    english, spanish = refusals(seeds)
    assert any(f"seeds/kpi_targets.csv, line {number}: {en}" in fault for fault in english)
    assert any(f"línea {number}: " in fault and es in fault for fault in spanish)


def test_a_target_in_percent_is_refused_where_the_kpi_is_a_rate(seeds: Path) -> None:
    number = replace_in_line(seeds / "kpi_targets.csv", "valid_day_rate,", ",0.6,", ",60,")
    (english,), _ = refusals(seeds)
    assert english.startswith(
        f"* seeds/kpi_targets.csv, line {number}: target_value is '60'; it must be a number from "
        "0 to 1,"
    )


def test_two_targets_for_the_same_market_and_day_are_both_named(seeds: Path) -> None:
    path = seeds / "kpi_targets.csv"
    first = line_of(path, "quick_ratio,*")
    number = append(path, "quick_ratio,*,2026-01-01,,1.2,More,Más")
    (english,), (spanish,) = refusals(seeds)
    assert english == (
        f"* seeds/kpi_targets.csv, line {number}: the target of quick_ratio for market * contends "
        f"with that on line {first}: both are in force on 2026-01-01. End one on the day before "
        "the other begins."
    )
    assert f"línea {number}: la meta de quick_ratio para el mercado * choca con" in spanish


def test_a_target_of_one_market_beside_that_of_any_is_no_fault(seeds: Path) -> None:
    append(seeds / "kpi_targets.csv", "quick_ratio,MX,2026-01-01,,1.2,More,Más")
    check_seeds(seeds)


@pytest.mark.parametrize(
    ("line", "en", "es"),
    [
        (
            "AR,2025-01-01,New Year,Año Nuevo",
            "market, holiday_date 'AR', '2025-01-01' stands on line 2 already.",
            "market, holiday_date 'AR', '2025-01-01' ya está en la línea 2.",
        ),
        ("XX,2026-07-09,Day,Día", "market 'XX' is not known.", "no se conoce market 'XX'."),
        ("AR,09/07/2026,Day,Día", "holiday_date is '09/07/2026', which is no", "no es un día"),
        ("AR,2026-02-30,Day,Día", "holiday_date is '2026-02-30', which is no", "no es un día"),
        ("AR,2026-02-03,Day,", "name_es is empty.", "name_es está vacío."),
    ],
)
def test_a_holiday_that_cannot_be_is_refused(seeds: Path, line: str, en: str, es: str) -> None:
    number = append(seeds / "holidays.csv", line)
    (english,), (spanish,) = refusals(seeds)
    assert english.startswith(f"* seeds/holidays.csv, line {number}: {en}")
    assert f"seeds/holidays.csv, línea {number}: " in spanish
    assert es in spanish


@pytest.mark.parametrize(
    ("old", "new", "en"),
    [
        ("0.8,", "-0.8,", "max_supply_to_demand is '-0.8'; it must be a number from 0 to 1"),
        ("0.8,", "80,", "max_supply_to_demand is '80'; it must be a number from 0 to 1"),
        (",0.003,", ",,", "min_demand_share is ''; it must be a number from 0 to 1"),
        (",3,", ",0,", "min_covered_days is '0'; it must be a whole number from 1 to 4."),
        (",3,", ",5,", "min_covered_days is '5'; it must be a whole number from 1 to 4."),
    ],
)
def test_a_rule_of_supply_that_no_hour_could_meet_is_refused(
    seeds: Path, old: str, new: str, en: str
) -> None:
    replace_in_line(seeds / "supply_rules.csv", "0.8,", old, new)
    (english,), (spanish,) = refusals(seeds)
    assert english.startswith(f"* seeds/supply_rules.csv, line 2: {en}")
    assert "seeds/supply_rules.csv, línea 2: " in spanish


def test_a_second_rule_of_supply_is_refused(seeds: Path) -> None:
    append(seeds / "supply_rules.csv", "0.7,0.003,3,Another,Otra")
    (english,), _ = refusals(seeds)
    assert english.startswith("* seeds/supply_rules.csv, line 3: there is one rule of supply;")


@pytest.mark.parametrize(
    "name", ["kpis.csv", "kpi_targets.csv", "holidays.csv", "supply_rules.csv", "mart_labels.csv"]
)
def test_a_seed_that_is_missing_or_has_another_header_is_refused(seeds: Path, name: str) -> None:
    path = seeds / name
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("_en", "_eng", 1), encoding="utf-8")
    english, _ = refusals(seeds)
    assert any(f"seeds/{name}, line 1: column " in fault for fault in english)
    path.unlink()
    english, _ = refusals(seeds)
    assert english == [f"* seeds/{name}, line 1: the file is missing."]


@pytest.mark.parametrize("command", ["run", "prepare"])
def test_a_command_refuses_a_wrong_label_before_anything_runs(
    seeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    from orchestration.cli import app

    number = append(seeds / "mart_labels.csv", "kpi_weekly,,,Weekly,Semanal,What.,Qué.")
    home = tmp_path / "home"
    monkeypatch.setenv("SEMILLERO_HOME", str(home))
    for module in ("assets.manifest", "warehouse"):
        monkeypatch.setattr(f"orchestration.{module}.check_seeds", lambda: check_seeds(seeds))
    landed = home / "landing" / "creators" / "dt=2026-07-01"
    landed.mkdir(parents=True)
    (landed / "creators.csv").write_text("creator_id\n", encoding="utf-8")
    done = CliRunner().invoke(app, [command], env={"COLUMNS": "400"})
    assert done.exit_code == 1
    assert f"seeds/mart_labels.csv, line {number}: there is no mart 'kpi_weekly'." in done.output
    assert not (home / "warehouse.duckdb").exists()
    assert not (home / "raw").exists()


# --- What a changed seed builds anew --------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what the marts depend on, as the checkout whose fingerprints are taken."""
    root = tmp_path / "checkout"
    leave_out = shutil.ignore_patterns("target", "logs")
    for folder in ("dbt_project", "models", "seeds"):
        shutil.copytree(PROJECT_ROOT / folder, root / folder, ignore=leave_out)
    monkeypatch.setattr(versions, "PROJECT_ROOT", root)
    return root


@pytest.mark.parametrize("file", sorted(versions.LABEL_FILES))
def test_a_changed_label_is_another_release_and_builds_no_fact_anew(
    checkout: Path, file: str
) -> None:
    facts = versions.models_fingerprint()
    published = versions.marts_fingerprint(), versions.code_version().fingerprint
    with (checkout / file).open("a", encoding="utf-8") as text:
        text.write("\n")
    assert versions.models_fingerprint() == facts
    assert versions.marts_fingerprint() != published[0]
    assert versions.code_version().fingerprint != published[1]


@pytest.mark.parametrize(
    "file",
    [
        "seeds/metric_rules.csv",
        "seeds/kpis.csv",
        "dbt_project/macros/definitions/declared.sql",
        "models/marts/kpi/kpi_daily.sql",
    ],
)
def test_whatever_models_compute_with_builds_facts_anew(checkout: Path, file: str) -> None:
    facts = versions.models_fingerprint()
    with (checkout / file).open("a", encoding="utf-8") as text:
        text.write("\n")
    assert versions.models_fingerprint() != facts
