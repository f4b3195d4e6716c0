"""Growth accounting of 30,535 real LIVE sessions, against the table published with the data.

What lives here: the published table, a count of the Parquet in plain Python (which says that the
table is right), and our model on the same sessions. What may not: the Holodex adapter (its own
tests), so that a failure here is the model's.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import duckdb
import pytest
from holodex_facts import MISSING, PUBLISHED, UNCOLLECTED
from holodex_world import SESSIONS, BulkWorld

WEEK = timedelta(days=7)

pytestmark = pytest.mark.skipif(not SESSIONS.exists(), reason=MISSING)


SESSION_ROWS = """
select
    channel_id || '@' || start_utc as session_id,
    channel_id as creator_id,
    'youtube' as platform,
    timezone('UTC', cast(start_utc as timestamp)) as started_at,
    timezone('UTC', cast(end_utc as timestamp)) as ended_at,
    timezone('UTC', cast(end_utc as timestamp)) as updated_at,
    cast(end_utc as date) as _dt,
    'holodex.parquet' as _file,
    row_number() over (order by source_file, source_ordinal) as _row
from holodex
"""


@pytest.fixture(scope="module")
def growth(tmp_path_factory: pytest.TempPathFactory) -> dict[date, dict[str, Any]]:
    """Our model's rows of (week, all), by week."""
    world = BulkWorld(tmp_path_factory.mktemp("holodex"))
    world.arrive_rows("live_sessions", SESSION_ROWS)
    world.build(command="seed", finish=False)
    world.build(select=["+growth_accounting"])
    columns = ("active", "new", "retained", "resurrected", "churned", "coverage", "is_complete")
    rows = world.rows(
        """
        select
            period_start_date, active_count, new_count, retained_count, resurrected_count,
            churned_count, coverage_rate, is_complete
        from marts.growth_accounting
        where period_grain = 'week' and segment_kind = 'all'
        """
    )
    return {week: dict(zip(columns, values, strict=True)) for week, *values in rows}


def test_the_published_table_is_what_the_sessions_say() -> None:
    """Sets of channels per week, in plain Python: no SQL but the reading."""
    sessions = duckdb.execute(
        "select distinct channel_id, cast(start_utc as date) from read_parquet(?)", [str(SESSIONS)]
    ).fetchall()
    active: dict[date, set[str]] = defaultdict(set)
    for channel_id, day in sessions:
        active[day - timedelta(days=day.weekday())].add(channel_id)
    known: set[str] = set()
    counted = {}
    for week in sorted(active):
        new = active[week] - known
        retained = active[week] & active.get(week - WEEK, set())
        resurrected = active[week] - new - retained
        counted[week] = (len(active[week]), len(new), len(retained), len(resurrected))
        known |= active[week]
    assert {week: counted[week] for week in PUBLISHED} == PUBLISHED


def test_our_growth_accounting_is_the_published_table(
    growth: dict[date, dict[str, Any]],
) -> None:
    found = {
        week: tuple(growth[week][name] for name in ("active", "new", "retained", "resurrected"))
        for week in PUBLISHED
    }
    assert found == PUBLISHED


def test_weeks_without_collection_are_unknown_and_not_churn(
    growth: dict[date, dict[str, Any]],
) -> None:
    nothing = {
        "active": None,
        "new": None,
        "retained": None,
        "resurrected": None,
        "churned": None,
        "coverage": 0,
        "is_complete": False,
    }
    assert {week: growth[week] for week in UNCOLLECTED} == dict.fromkeys(UNCOLLECTED, nothing)


def test_churn_is_withheld_also_in_the_first_week_after_a_gap(
    growth: dict[date, dict[str, Any]],
) -> None:
    first_weeks_after = [
        week for week in growth if growth.get(week - WEEK, {}).get("coverage") == 0
    ]
    assert date(2024, 10, 14) in first_weeks_after
    assert {growth[week]["churned"] for week in first_weeks_after} == {None}


def test_churn_is_shown_where_two_weeks_in_a_row_were_collected(
    growth: dict[date, dict[str, Any]],
) -> None:
    """13 and 20 May 2024 are whole: 1252 - 1123 creators were not seen again."""
    assert growth[date(2024, 5, 20)]["is_complete"]
    assert growth[date(2024, 5, 20)]["churned"] == 1252 - 1123
    assert growth[date(2024, 5, 20)]["coverage"] == 1
