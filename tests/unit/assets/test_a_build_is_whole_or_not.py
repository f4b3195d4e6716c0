"""When a build may be marked as whole: never after a part of it."""

from __future__ import annotations

from typing import Any

from orchestration.assets.models import is_whole

MANIFEST: dict[str, Any] = {
    "nodes": {
        "seed.semillero.markets": {"resource_type": "seed"},
        "model.semillero.fct": {"resource_type": "model"},
        "test.semillero.fct_grain": {"resource_type": "test"},
    }
}


def _results(**status: str) -> dict[str, Any]:
    names = {"markets": "seed.semillero.markets", "fct": "model.semillero.fct"}
    found = [{"unique_id": names[name], "status": each} for name, each in status.items()]
    return {"results": [*found, {"unique_id": "test.semillero.fct_grain", "status": "fail"}]}


def test_everything_built_is_whole_whatever_the_tests_say() -> None:
    assert is_whole(MANIFEST, _results(markets="success", fct="success"))


def test_a_model_materialized_alone_in_the_ui_is_not_a_whole_build() -> None:
    assert not is_whole(MANIFEST, _results(fct="success"))


def test_a_skipped_model_is_not_built() -> None:
    assert not is_whole(MANIFEST, _results(markets="success", fct="skipped"))
