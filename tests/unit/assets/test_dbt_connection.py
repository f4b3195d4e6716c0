"""The connection that dbt works with: it outlasts a spill, and its last words are a person's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.environments.local import LocalEnvironment

from orchestration.assets.models import _last_words
from orchestration.settings import PROJECT_ROOT


def test_statements_go_on_after_one_that_spilled_to_disk(tmp_path: Path) -> None:
    profile = (PROJECT_ROOT / "dbt_project" / "profiles.yml").read_text(encoding="utf-8")
    for word, value in (
        ("env_var('SEMILLERO_HOME')", str(tmp_path)),
        ("env_var('SEMILLERO_DUCKDB_MEMORY_LIMIT', '4GB')", "60MB"),
    ):
        assert word in profile
        profile = profile.replace(f"{{{{ {word} }}}}", value)
    declared = yaml.safe_load(profile)["semillero"]["outputs"]["duckdb"]
    # Typed as anything: dbt-duckdb leaves its methods untyped.
    environment: Any = LocalEnvironment(DuckDBCredentials.from_dict(declared))
    first = environment.handle().cursor()
    sort = "create table sorted as select hash(range) as number from range(20000000) order by 1"
    first.execute(sort)
    second = environment.handle().cursor()
    assert second.execute("select current_setting('TimeZone')").fetchall() == [("UTC",)]
    assert (tmp_path / "warehouse.duckdb.tmp").is_dir(), "nothing was spilled"
    environment.close()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "none"),
        (["just a line", ""], "just a line"),
        (
            [
                json.dumps({"info": {"level": "error", "msg": "Out of\n  memory"}, "data": {}}),
                json.dumps({"info": {"level": "debug", "msg": "Flushing usage events"}}),
                '{"info": {"level": "err',
            ],
            "Out of memory",
        ),
    ],
)
def test_the_last_words_of_dbt_are_its_last_error(
    tmp_path: Path, lines: list[str], words: str
) -> None:
    log = tmp_path / "dbt.log"
    if lines:
        log.write_text("\n".join(lines), encoding="utf-8")
    assert _last_words(log) == words
