"""A home with a small warehouse, and a publication that only needs what a test changes.

What lives here: fixtures. What may not: assertions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration.checks.results import CheckResult
from orchestration.checks.shift import shift_checks
from orchestration.release.certificate import CodeVersion, InputPartition
from orchestration.release.pointer import Release, current_release
from orchestration.release.publish import PublishStep, publish
from orchestration.settings import Settings
from tests.unit.checks.small_warehouse import code, inputs_until, make_warehouse

NOW = datetime(2026, 4, 1, 12, 0, 0, tzinfo=UTC)

Publish = Callable[..., Release]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    home = tmp_path / "a home with a 'quote' and \"two\""
    made = Settings(home=home, duckdb_memory_limit="500MB")
    make_warehouse(made.warehouse)
    return made


@pytest.fixture
def publish_run(settings: Settings) -> Publish:
    """Judge the shift against the current release and publish, as a run does."""

    def run(
        *,
        run_id: str = "run-1",
        inputs: Sequence[InputPartition] | None = None,
        version: CodeVersion | None = None,
        now: datetime = NOW,
        accepted_shift: str | None = None,
        extra: Sequence[CheckResult] = (),
        on_step: Callable[[PublishStep], None] = lambda _: None,
    ) -> Release:
        current = current_release(settings)
        checks = shift_checks(
            settings.warehouse,
            current.certificate if current else None,
            run_id=run_id,
            accepted_shift=accepted_shift,
        )
        return publish(
            settings,
            run_id=run_id,
            inputs=inputs if inputs is not None else inputs_until(),
            code=version or code(),
            checks=[*checks, *extra],
            required=[each.check_id for each in checks],
            now=now,
            accepted_shift=accepted_shift,
            on_step=on_step,
        )

    return run
