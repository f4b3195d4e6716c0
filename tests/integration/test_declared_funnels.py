"""A funnel and a cohort more, from their declaration to the release, against what is true.

What lives here: a copy of the project with an entry added to `funnels.yaml` and to `cohorts.yaml`,
run on a simulated world with dirt; its marts against the world's truth; and creators who entered
yesterday. What may not: what a funnel means (test_activity_macros.py), wrong declarations
(tests/unit/declared).
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

COHORT = """
  - name: trained
    label_en: Trained
    label_es: Capacitación
    description_en: Creators by the week or month in which they were trained.
    description_es: Creadores según la semana o el mes en que se capacitaron.
    activity: trained
    segments: [all, market]
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
    cohorts = declared.with_name("cohorts.yaml")
    cohorts.write_text(cohorts.read_text(encoding="utf-8") + COHORT, encoding="utf-8")
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


def test_the_estimates_of_time_are_those_of_statsmodels(released: Released) -> None:
    """Curve, log-log interval and quantiles of Kaplan and Meier, for each entry week and market."""
    from numpy import asarray, exp, log
    from statsmodels.duration.survfunc import SurvfuncRight  # type: ignore[import-untyped]

    limit_days = 400
    followed = released.rows(
        f"""
        with steps as (
            select
                creator_id, entry_week_start_date, step_index,
                least(
                    date_diff('day', entered_at::date, seen_until_date) - 1, {limit_days}
                ) as followed_days,
                case
                    when is_reached then date_diff('day', entered_at::date, reached_at::date)
                end as reached_days
            from marts.funnel_creator_steps
            where funnel_name = 'newcomers' and step_index > 1
        ),
        placed as (
            select
                steps.*, coalesce(creators.market, 'unknown') as market,
                coalesce(reached_days <= followed_days, false) as is_reached_in_sight
            from steps
            left join marts.dim_creators as creators using (creator_id)
        )
        select
            entry_week_start_date, unnest(['all', market]) as place, step_index,
            case when is_reached_in_sight then reached_days else followed_days end as left_days,
            is_reached_in_sight
        from placed
        where is_reached_in_sight or followed_days >= 0
        """
    )
    cells: dict[tuple[Any, ...], list[tuple[int, bool]]] = {}
    for week, place, step, left_days, is_reached in followed:
        cells.setdefault((week, place, step), []).append((left_days, is_reached))

    def estimated(leaving: list[tuple[int, bool]]) -> tuple[float | None, ...]:
        days = asarray([each[0] for each in leaving])
        reached = asarray([int(each[1]) for each in leaving])
        if not reached.any():
            return 0.0, None, None, float(days.max()), None, None
        curve = SurvfuncRight(days, reached)
        last, error = float(curve.surv_prob[-1]), float(curve.surv_prob_se[-1])
        low = high = None
        if last > 1e-12:
            spread = 1.959963984540054 * error / (last * log(last))
            bounds = [1 - float(exp(log(last) * exp(sign * spread))) for sign in (-1, 1)]
            low, high = sorted(bounds)
        first_below = [
            next(
                (
                    float(day)
                    for day, left in zip(curve.surv_times, curve.surv_prob, strict=True)
                    if left <= share + 1e-9
                ),
                None,
            )
            for share in (0.5, 0.1)
        ]
        return 1 - last, low, high, float(days.max()), *first_below

    published = {
        row[:3]: row[3:]
        for row in released.rows(
            """
            select
                entry_week_start_date, segment_value, step_index, km_conversion_rate::double,
                km_ci_low::double, km_ci_high::double, km_followed_days::double,
                km_median_days_from_start::double, km_p90_days_from_start::double
            from marts.funnel_conversion
            where
                funnel_name = 'newcomers' and segment_kind in ('all', 'market') and step_index > 1
                and km_conversion_rate is not null
            """
        )
    }
    assert published.keys() == cells.keys()
    for cell, leaving in cells.items():
        # Six decimals are published.
        assert published[cell] == pytest.approx(estimated(leaving), abs=6e-7), (cell, leaving)
    # Not only easy ones: curves that people leave early, and quantiles that nobody has reached yet.
    assert sum(len(set(leaving)) > 10 for leaving in cells.values()) > 20
    assert any(row[0] > 0 and row[4] is None for row in published.values())
    assert any(row[4] is not None and row[5] is None for row in published.values())
    assert any(row[5] is not None for row in published.values())


def test_a_cohort_by_an_activity_is_what_counting_by_hand_gives(released: Released) -> None:
    """Weeks in which creators were trained, from the events as they arrived, with their returns."""
    warehouse = released.home / "warehouse.duckdb"
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        by_hand = connection.execute("""
            with events as (
                select * from raw.onboarding_events
                qualify row_number() over (
                    partition by event_id order by _dt desc, _file desc, _row desc
                ) = 1
            ),
            trained as (
                select
                    creator_id, coalesce(max(creators.market), 'unknown') as market,
                    date_trunc('week', min_by(
                        timezone(coalesce(creators.timezone, 'UTC'), events.occurred_at),
                        events.occurred_at
                    ))::date as week
                from events
                left join marts.dim_creators as creators using (creator_id)
                where events.step = 'trained'
                group by creator_id
            ),
            placed as (
                select creator_id, week, unnest(['all', market]) as place from trained
            ),
            sizes as (select week, place, count(*) as cohort_size from placed group by all)
            select
                week, place, (date_trunc('week', local_date)::date - week) // 7 as period_index,
                any_value(cohort_size), count(distinct creator_id) as active_count
            from placed
            inner join sizes using (week, place)
            inner join marts.fct_creator_days using (creator_id)
            where session_count > 0 and date_trunc('week', local_date)::date >= week
            group by all
        """).fetchall()
    published = released.rows("""
        select cohort_start_date, segment_value, period_index, cohort_size, active_count
        from marts.cohort_retention
        where
            cohort_kind = 'trained' and period_grain = 'week'
            and segment_kind in ('all', 'market') and active_count > 0
    """)
    assert len(published) > 50
    assert sorted(published) == sorted(by_hand)
    assert released.rows("""
        select distinct segment_kind from marts.cohort_retention
        where cohort_kind = 'trained' order by 1
    """) == [("all",), ("market",)]
