"""A funnel of one entry more, from the declaration to the release, against what is true.

What lives here: a copy of the project with an entry added to `funnels.yaml`, run on a simulated
world with dirt; its marts against the world's truth; and creators who entered yesterday. What may
not: what a funnel means (test_activity_macros.py), wrong declarations (tests/unit/declared).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.settings import PROJECT_ROOT

pytestmark = pytest.mark.slow

ENTRY = """
  - name: newcomers
    label_en: Newcomers
    label_es: Nuevos
    description_en: From the application to the first LIVE, however long it takes.
    description_es: Desde la solicitud hasta el primer LIVE, tarde lo que tarde.
    entity: creator
    order: ordered
    window_days: 400
    segments: [all, market, category]
    steps:
      - name: applied
        label_en: Applied
        label_es: Presentó su solicitud
        activity: applied
      - name: approved
        label_en: Approved
        label_es: Aprobado
        activity: approved
      - name: trained
        label_en: Trained
        label_es: Capacitado
        activity: trained
      - name: first_live
        label_en: First LIVE
        label_es: Primer LIVE
        activity: live_day
"""


class Released:
    """What a run published, and what is true."""

    def __init__(self, home: Path) -> None:
        """Look into a home."""
        self.home = home

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query on the release; `{truth}` is the folder of the truth."""
        marts = self.home / "current" / "marts.duckdb"
        with duckdb.connect(str(marts), read_only=True) as connection:
            text = query.replace("{truth}", str(self.home / "truth"))
            return connection.execute(text).fetchall()


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Released]:
    """A copy of the project with one entry more, run on a simulated world with the usual dirt."""
    folder = tmp_path_factory.mktemp("funnels")
    project, home = folder / "project", folder / "home"
    for part in ("orchestration", "dbt_project", "models", "seeds"):
        shutil.copytree(
            PROJECT_ROOT / part,
            project / part,
            ignore=shutil.ignore_patterns("target", "logs", "__pycache__"),
        )
    shutil.copy(PROJECT_ROOT / "dagster.yaml", project)
    declared = project / "orchestration" / "declared" / "funnels.yaml"
    declared.write_text(declared.read_text(encoding="utf-8") + ENTRY, encoding="utf-8")
    environment = os.environ | {"SEMILLERO_HOME": str(home), "PYTHONPATH": str(project)}
    for command in (
        ["simulate", "--creators", "600", "--days", "75", "--gift-share", "0"],
        ["run", "--history"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "orchestration.cli", *command],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    yield Released(home)
    shutil.rmtree(folder)


def test_one_entry_more_is_a_funnel_more_without_sql(released: Released) -> None:
    assert released.rows(
        "select distinct step_index, step_name from marts.funnel_conversion "
        "where funnel_name = 'newcomers' order by step_index"
    ) == [(1, "applied"), (2, "approved"), (3, "trained"), (4, "first_live")]
    kinds = "select distinct segment_kind from marts.funnel_conversion where funnel_name = "
    assert {kind for (kind,) in released.rows(f"{kinds} 'newcomers'")} == {
        "all",
        "market",
        "category",
    }
    assert len(released.rows(f"{kinds} 'onboarding'")) > 1


def test_newcomers_come_as_far_as_the_simulator_knows(released: Released) -> None:
    # The truth counts each step by itself, over all time: a window of 400 days is all time here,
    # and nobody in the world is trained before being approved, or LIVE before being trained.
    differing = released.rows("""
        with counted as (
            select
                segment_kind, segment_value, entry_week_start_date,
                sum(reached_count) filter (where step_index = 1) as applied_count,
                sum(reached_count) filter (where step_index = 2) as approved_count,
                sum(reached_count) filter (where step_index = 3) as trained_count,
                sum(reached_count) filter (where step_index = 4) as first_live_count
            from marts.funnel_conversion
            where funnel_name = 'newcomers'
            group by all
        ),
        known as (
            select
                segment_kind, segment_value, entry_start_date, applied_count, approved_count,
                trained_count, first_live_count
            from '{truth}/funnel_week.parquet'
            where segment_kind in ('all', 'market', 'category')
        )
        (from counted except from known) union all (from known except from counted)
    """)
    assert differing == []
    assert released.rows(
        "select sum(first_live_count) > 50 from '{truth}/funnel_week.parquet'"
    ) == [(True,)]


def test_the_shipped_onboarding_finds_no_more_than_is_true(released: Released) -> None:
    # It has limits for each step, so it may find fewer, and does not find many fewer.
    ((applied, approved, trained, lived),) = released.rows("""
        select
            sum(applied_count), sum(approved_count), sum(trained_count), sum(first_live_count)
        from '{truth}/funnel_week.parquet' where segment_kind = 'all'
    """)
    found = released.rows("""
        select sum(reached_count) from marts.funnel_conversion
        where funnel_name = 'onboarding' and segment_kind = 'all' and step_index <= 4
        group by step_index order by step_index
    """)
    for (count,), true_count in zip(found, (applied, approved, trained, lived), strict=True):
        assert 0.9 * true_count <= count <= true_count


def test_nobody_who_entered_yesterday_has_failed(released: Released) -> None:
    young = released.rows("""
        select count(*), count(*) filter (where is_matured)
        from marts.funnel_creator_steps
        where
            funnel_name = 'onboarding' and step_index > 1
            and entered_at >= (
                select max(entered_at) - interval 2 day
                from marts.funnel_creator_steps where funnel_name = 'onboarding'
            )
    """)
    assert young[0][0] > 0
    assert young[0][1] == 0
    # Their weeks have no rate, no interval and no median, but an estimate that says how far it saw.
    assert released.rows("""
        select
            count(*) > 0,
            count(conversion_from_start_rate) + count(conversion_from_previous_rate) + count(ci_low)
            + count(ci_high) + count(median_seconds_from_start) + count(p90_seconds_from_previous),
            count(km_conversion_rate) > 0,
            max(km_followed_days) < 21
        from marts.funnel_conversion
        where
            funnel_name = 'onboarding' and step_index = 2
            and entry_week_start_date >= (select max(entry_week_start_date) - 7
            from marts.funnel_conversion where funnel_name = 'onboarding')
    """) == [(True, 0, True, True)]


def test_rates_are_those_of_the_matured_and_the_estimate_agrees(released: Released) -> None:
    assert released.rows("""
        with judged as (
            select
                entry_week_start_date, step_index,
                count(*) filter (where is_matured) as matured_count,
                count(*) filter (where is_matured and is_reached) as reached_count
            from marts.funnel_creator_steps
            where funnel_name = 'onboarding'
            group by all
        )
        select count(*) > 5, max(abs(cells.conversion_from_start_rate
            - judged.reached_count / judged.matured_count)) < 0.000001
        from marts.funnel_conversion as cells
        inner join judged using (entry_week_start_date, step_index)
        where
            cells.funnel_name = 'onboarding' and cells.segment_kind = 'all' and cells.is_complete
            and cells.step_index = 2
    """) == [(True, True)]
