"""The mart of labels as a dashboard joins it.

What lives here: rows of the mart, built from the seeds, declarations and yml as they are, and which
build a changed label causes. What may not: whether the words are good (`tests/contracts`).
"""

from __future__ import annotations

import shutil
from pathlib import Path

import dbt_world
import duckdb
import pytest
from dbt_world import DbtWorld

from orchestration import versions
from orchestration.contracts.loader import load_contracts
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.warehouse import plan_build


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> DbtWorld:
    """Seeds and the mart of labels, nothing else."""
    world = DbtWorld(tmp_path_factory.mktemp("home"))
    world.build(command="seed", finish=False)
    world.build(select=("labels",))
    return world


def test_a_kpi_a_code_and_a_market_are_named_by_joining_mart_column_and_value(
    world: DbtWorld,
) -> None:
    assert world.rows(
        """
        select told.kpi, kpis.name, anomalies.name, markets.name
        from (values ('live_hours', 'not_judged', 'MX'), ('diamonds', 'holiday', 'all'))
            as told (kpi, anomaly_code, market)
        inner join marts.labels as kpis
            on kpis.mart = 'kpi_daily' and kpis.column_name = 'kpi' and kpis.value = told.kpi
                and kpis.language = 'es'
        inner join marts.labels as anomalies
            on anomalies.mart = 'kpi_daily' and anomalies.column_name = 'anomaly_code'
                and anomalies.value = told.anomaly_code and anomalies.language = 'es'
        inner join marts.labels as markets
            on markets.mart = 'kpi_daily' and markets.column_name = 'market'
                and markets.value = told.market and markets.language = 'es'
        order by all
        """
    ) == [
        ("diamonds", "Diamantes", "Feriado", "Todos los mercados"),
        ("live_hours", "Horas en LIVE", "Sin evaluar", "México"),
    ]


def test_two_funnels_with_a_step_of_the_same_name_are_told_apart(world: DbtWorld) -> None:
    assert world.rows(
        """
        select funnel_name, name, description from marts.labels
        where mart = 'funnel_conversion' and column_name = 'step_name'
            and value = 'third_valid_day' and language = 'es'
        order by all
        """
    ) == [
        (
            "campaign_participation",
            "Tercer día LIVE válido",
            "Día LIVE válido, número 3, a más tardar 21 días después del paso «Hizo LIVE».",
        ),
        (
            "onboarding",
            "Tercer día LIVE válido",
            "Día LIVE válido, número 3, a más tardar 21 días después del paso «Primer LIVE».",
        ),
    ]


def test_a_line_of_a_mart_wins_and_the_others_share_theirs(world: DbtWorld) -> None:
    assert world.rows(
        """
        select mart, name from marts.labels
        where column_name = 'agency_id' and entry_kind = 'column' and language = 'es'
        order by all
        """
    ) == [
        ("dim_agencies", "Agencia"),
        ("dim_creators", "Agencia"),
        ("dim_creators_history", "Agencia"),
        ("fct_creator_days", "Agencia de ese día"),
        ("fct_live_sessions", "Agencia de ese día"),
    ]


def test_a_code_is_named_only_where_a_mart_can_hold_it(world: DbtWorld) -> None:
    assert world.rows(
        """
        select mart, string_agg(value, ' ' order by value) from marts.labels
        where column_name = 'period_grain' and entry_kind = 'code' and language = 'en'
        group by mart order by all
        """
    ) == [("cohort_retention", "month week"), ("growth_accounting", "day month week")]


def test_flags_and_the_tables_that_publication_adds_are_named_too(world: DbtWorld) -> None:
    assert world.rows(
        """
        select mart, column_name, value, name from marts.labels
        where language = 'es' and column_name in ('is_open', 'is_passed') order by all
        """
    ) == [
        ("fct_live_sessions", "is_open", "*", "En curso"),
        ("fct_live_sessions", "is_open", "false", "No"),
        ("fct_live_sessions", "is_open", "true", "Sí"),
        ("quality_results", "is_passed", "*", "Aprobado"),
        ("quality_results", "is_passed", "false", "No aprobado"),
        ("quality_results", "is_passed", "true", "Aprobado"),
    ]


def test_every_column_of_a_built_mart_is_named_in_both_languages(world: DbtWorld) -> None:
    assert (
        world.rows(
            """
        select columns.column_name
        from duckdb_columns() as columns
        where columns.schema_name = 'marts' and columns.table_name = 'labels'
            and 2 <> (
                select count(*) from marts.labels
                where labels.mart = 'labels' and labels.column_name = columns.column_name
                    and labels.entry_kind = 'column'
            )
        """
        )
        == []
    )


def test_a_changed_label_is_in_the_next_build_and_builds_nothing_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "checkout"
    leave_out = shutil.ignore_patterns("target", "logs")
    for folder in ("dbt_project", "models", "seeds"):
        shutil.copytree(PROJECT_ROOT / folder, root / folder, ignore=leave_out)
    monkeypatch.setattr(dbt_world, "DBT_PROJECT", root / "dbt_project")
    monkeypatch.setattr(versions, "PROJECT_ROOT", root)
    settings = Settings(home=tmp_path / "home")
    settings.home.mkdir()

    def plan(build: str) -> bool:
        made = plan_build(settings, load_contracts(), build)
        # As a build that made every model leaves it.
        with duckdb.connect(str(settings.warehouse)) as connection:
            connection.execute("update ops.builds set is_complete = true")
        return made.full_refresh

    assert plan("first"), "the first build makes everything"
    assert not plan("second")

    seed = root / "seeds" / "mart_labels.csv"
    text = seed.read_text(encoding="utf-8")
    seed.write_text(text.replace(",KPI diarios,", ",Indicadores del día,"), encoding="utf-8")
    declared = root / "dbt_project" / "macros" / "definitions" / "declared_labels.sql"
    text = declared.read_text(encoding="utf-8")
    declared.write_text(text.replace('"Tercer día LIVE válido"', '"D\'ía tres"'), encoding="utf-8")

    assert not plan("third"), "a label is no reason to build facts anew"
    other = DbtWorld(tmp_path / "other")
    other.build(command="seed", finish=False)
    other.build(select=("labels",))
    assert other.rows(
        """
        select distinct name from marts.labels
        where language = 'es' and (
            (mart = 'kpi_daily' and entry_kind = 'mart') or value = 'third_valid_day'
        ) order by all
        """
    ) == [("D'ía tres",), ("Indicadores del día",)]

    rules = root / "seeds" / "metric_rules.csv"
    rules.write_text(
        rules.read_text(encoding="utf-8").replace("*,1900-01-01,,3600,", "*,1900-01-01,,7200,"),
        encoding="utf-8",
    )
    assert plan("fourth"), "a rule is one"
