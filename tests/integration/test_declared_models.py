"""One entry of YAML, and the marts have it: a segment kind and a cohort that do not ship.

What lives here: a copy of the project with declarations of its own, built on a small world. What
may not: counts of what ships (`test_growth_and_cohort`).
"""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dbt_world
import pytest
from dbt_world import DbtWorld

from orchestration.declared import load_declarations
from orchestration.declared.loader import DECLARED_FOLDER
from orchestration.declared.render import rendered
from orchestration.settings import PROJECT_ROOT

_SEGMENT = """
  - name: status
    label_en: Status
    label_es: Estado
    description_en: Where a creator stands with the agency.
    description_es: En qué situación está un creador con la agencia.
    attribute: status
"""
_COHORT = """
  - name: roster
    label_en: Joining, by market
    label_es: Ingreso por mercado
    description_en: Creators by joining, shown by market only.
    description_es: Creadores según su ingreso, solo por mercado.
    date: joined_date
    segments: [market]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of models, seeds and dbt project in which a segment kind and a cohort are declared."""
    declared = tmp_path / "declared"
    declared.mkdir()
    for path in DECLARED_FOLDER.glob("*.yaml"):
        shutil.copy(path, declared)
    for name, entry in (("segments.yaml", _SEGMENT), ("cohorts.yaml", _COHORT)):
        with (declared / name).open("a", encoding="utf-8") as file:
            file.write(entry)
    root = tmp_path / "checkout"
    leave_out = shutil.ignore_patterns("target", "logs")
    for folder in ("dbt_project", "models", "seeds"):
        shutil.copytree(PROJECT_ROOT / folder, root / folder, ignore=leave_out)
    for path, text in rendered(load_declarations(declared)).items():
        (root / path.relative_to(PROJECT_ROOT)).write_text(text, encoding="utf-8")
    monkeypatch.setattr(dbt_world, "DBT_PROJECT", root / "dbt_project")
    return root


@pytest.mark.usefixtures("project")
def test_a_declared_segment_and_cohort_are_in_the_marts_without_sql(tmp_path: Path) -> None:
    world = DbtWorld(tmp_path / "home")
    day = date(2026, 3, 2)
    moment = datetime(2026, 3, 2, 18, tzinfo=UTC)
    statuses = ["active", "active", "paused"]
    world.arrive(
        "creators",
        day,
        [
            {
                "creator_id": f"c{number}",
                "platform": "tiktok",
                "handle": f"c{number}",
                "country": "MX",
                "joined_at": moment - timedelta(days=7),
                "status": status,
                "updated_at": moment,
            }
            for number, status in enumerate(statuses)
        ],
    )
    world.arrive(
        "live_sessions",
        day,
        [
            {
                "session_id": f"s{number}",
                "creator_id": f"c{number}",
                "platform": "tiktok",
                "started_at": moment,
                "ended_at": moment + timedelta(hours=1),
                "updated_at": moment,
            }
            for number in range(3)
        ],
    )
    world.build(command="seed", finish=False)
    world.build(select=("+growth_accounting", "+cohort_retention"))
    assert world.rows(
        """select segment_value, active_count from marts.growth_accounting
           where segment_kind = 'status' and period_grain = 'day' order by all"""
    ) == [("active", 2), ("paused", 1)]
    assert world.rows(
        """select distinct segment_kind, segment_value, cohort_size from marts.cohort_retention
           where cohort_kind = 'roster' and period_grain = 'week' order by all"""
    ) == [("all", "all", 3), ("market", "MX", 3)]
    assert world.rows(
        """select distinct segment_kind from marts.cohort_retention
           where cohort_kind = 'joined' and segment_kind in ('status', 'tier') order by all"""
    ) == [("status",), ("tier",)]
    world.dbt("test", "--select", "growth_accounting,test_type:data")
    world.dbt("test", "--select", "cohort_retention,test_type:data")
