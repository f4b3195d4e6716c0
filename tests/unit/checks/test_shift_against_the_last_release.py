"""Movement against the last release stops a run, unless a person says why it is right."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.checks.results import CheckResult
from orchestration.checks.shift import SHIFT_CHECK_IDS, settled_kpis, shift_checks
from orchestration.checks.tables import MARTS
from orchestration.release.certificate import Certificate, ColumnFact, TableFact
from tests.unit.checks.small_warehouse import (
    LAST_ARRIVAL,
    NEW_DAY,
    change,
    code,
    inputs_until,
    make_warehouse,
)

RUN = "run-2"


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    return make_warehouse(tmp_path / "warehouse.duckdb")


@pytest.fixture
def last(warehouse: Path) -> Certificate:
    """The certificate of a release of this warehouse as it stands."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        marts = {
            mart: TableFact(
                row_count=len(connection.execute(f"from marts.{mart}").fetchall()),
                columns=(ColumnFact(name="a", type="BIGINT"),),
                content_hash="0" * 64,
            )
            for mart in MARTS
        }
        kpis = settled_kpis(connection, LAST_ARRIVAL)
    return Certificate(
        format_version=1,
        release_id="20260401T120000Z-00000000",
        created_at=datetime(2026, 4, 1, tzinfo=UTC),
        run_id="run-1",
        previous_release_id=None,
        identity_hash="0" * 64,
        inputs=tuple(inputs_until()),
        code=code(),
        engines={},
        rules={},
        marts=marts,
        about={},
        kpis=kpis,
        files={},
        checks=(),
        accepted_shift=None,
        certificate_hash="0" * 64,
    )


def _failed(
    warehouse: Path, last: Certificate | None, *, reason: str | None = None
) -> dict[str, CheckResult]:
    results = shift_checks(warehouse, last, run_id=RUN, accepted_shift=reason)
    assert {each.check_id for each in results} == SHIFT_CHECK_IDS, "always every check"
    assert all(each.run_id == RUN and each.severity == "error" for each in results)
    return {each.check_id: each for each in results if not each.passed}


def test_before_the_first_release_everything_passes_and_says_so(tmp_path: Path) -> None:
    results = shift_checks(tmp_path / "not even there.duckdb", None, run_id=RUN)

    assert all(each.passed for each in results)
    assert {each.message_en for each in results} == {"There is no earlier release to compare with."}


def test_an_ordinary_day_passes(warehouse: Path, last: Certificate) -> None:
    change(warehouse, NEW_DAY.format(sessions=30))

    assert _failed(warehouse, last) == {}


@pytest.mark.parametrize(("sessions", "stops"), [(8, True), (9, False), (90, False), (91, True)])
def test_a_volume_outside_its_bounds_stops(
    warehouse: Path, last: Certificate, sessions: int, *, stops: bool
) -> None:
    change(
        warehouse,
        "insert into intermediate.int_feed_volumes values "
        f"('live_sessions', date '2026-03-30', {sessions}, 30)",
    )

    failed = _failed(warehouse, last)

    assert set(failed) == ({"shift.arrival_volume"} if stops else set())
    if stops:
        told = failed["shift.arrival_volume"]
        assert told.table == "intermediate.int_feed_volumes"
        assert told.failed_count == 1
        assert told.sample[0]["arrival_date"] == "2026-03-30"
        assert f"live_sessions 2026-03-30: {sessions}" in told.message_en
        assert "mediana" in told.message_es


def test_old_days_small_feeds_and_new_feeds_are_not_judged(
    warehouse: Path, last: Certificate
) -> None:
    change(
        warehouse,
        """
        update intermediate.int_feed_volumes set accepted_count = 1
        where arrival_date = '2026-03-20';
        insert into intermediate.int_feed_volumes values
            ('live_sessions', date '2026-03-30', 1, 19),
            ('creators', date '2026-03-30', 1, null),
            ('gifts', date '2026-03-30', 1, 500);
        """,
    )

    assert _failed(warehouse, last) == {}


@pytest.mark.parametrize(
    ("lowest", "highest", "arrives", "stops"),
    [
        ([4, 5], [200, 210], 2, False),
        ([4, 5], [200, 210], 599, False),
        ([4, 5], [200, 210], 1, True),
        ([4, 5], [200, 210], 601, True),
        # One outage and one shower, long ago, are not what the feed is like.
        ([0, 30], [30, 5_000], 8, True),
        ([0, 30], [30, 5_000], 91, True),
    ],
)
def test_a_feed_that_swings_is_held_to_its_swings_and_a_steady_one_to_its_median(
    warehouse: Path,
    last: Certificate,
    lowest: list[int],
    highest: list[int],
    arrives: int,
    *,
    stops: bool,
) -> None:
    """Gifts of a few creators: 30 rows a day in the middle, and on some days next to none."""
    for day, count in enumerate([*lowest, *highest], start=10):
        change(
            warehouse,
            f"update intermediate.int_feed_volumes set accepted_count = {count} "
            f"where feed = 'live_sessions' and arrival_date = date '2026-03-{day}'",
        )
    change(
        warehouse,
        "insert into intermediate.int_feed_volumes values "
        f"('live_sessions', date '2026-03-30', {arrives}, 30)",
    )

    assert set(_failed(warehouse, last)) == ({"shift.arrival_volume"} if stops else set())


def test_lost_rows_stop_from_a_tenth_on(warehouse: Path, last: Certificate) -> None:
    change(warehouse, "delete from marts.dim_creators where creator_id in ('creator-0')")
    assert _failed(warehouse, last) == {}

    change(
        warehouse, "delete from marts.dim_creators where regexp_full_match(creator_id, '.*-[1-9]')"
    )
    failed = _failed(warehouse, last)
    assert set(failed) == {"shift.rows.dim_creators"}
    assert failed["shift.rows.dim_creators"].failed_count == 10
    assert (
        "30 rows; the last release had 40: 25% lost" in failed["shift.rows.dim_creators"].message_en
    )


def test_published_days_may_not_move_by_more_than_a_tenth(
    warehouse: Path, last: Certificate
) -> None:
    change(warehouse, "update marts.fct_creator_days set diamonds = diamonds * 1.05")
    assert _failed(warehouse, last) == {}

    change(warehouse, "update marts.fct_creator_days set diamonds = diamonds * 2")
    failed = _failed(warehouse, last)
    assert set(failed) == {"shift.kpi.diamonds"}
    assert "2026-03-27" in failed["shift.kpi.diamonds"].message_en


def test_days_that_were_still_filling_may_move(warehouse: Path, last: Certificate) -> None:
    change(
        warehouse,
        "update marts.fct_creator_days set live_seconds = live_seconds * 50 "
        "where local_date > '2026-03-27'",
    )

    assert _failed(warehouse, last) == {}


def test_a_key_figure_that_was_zero_has_no_rate(warehouse: Path, last: Certificate) -> None:
    nothing = tuple(kpi.model_copy(update={"total": 0}) for kpi in last.kpis)

    assert _failed(warehouse, last.model_copy(update={"kpis": nothing})) == {}
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        assert settled_kpis(connection, None)[0].through_date is None
        assert settled_kpis(connection, date(2020, 1, 1))[0].total == 0


def test_an_accepted_shift_passes_with_its_reason_in_both_languages(
    warehouse: Path, last: Certificate
) -> None:
    change(warehouse, "delete from marts.dim_creators")

    assert _failed(warehouse, last, reason="  ") != {}, "an empty reason is none"
    assert _failed(warehouse, last, reason="agency left") == {}
    results = shift_checks(warehouse, last, run_id=RUN, accepted_shift="agency left")
    (rows,) = [each for each in results if each.check_id == "shift.rows.dim_creators"]
    assert rows.message_en.endswith("Accepted: agency left")
    assert rows.message_es.endswith("Aceptado: agency left")
    (other,) = [each for each in results if each.check_id == "shift.rows.dim_dates"]
    assert "agency left" not in other.message_en


def test_a_comparison_that_cannot_run_cannot_be_accepted(
    warehouse: Path, last: Certificate
) -> None:
    change(warehouse, "drop table intermediate.int_feed_volumes; drop table marts.dim_dates")

    failed = _failed(warehouse, last, reason="never mind")

    assert set(failed) == {"shift.arrival_volume", "shift.rows.dim_dates"}
    assert "did not run" in failed["shift.arrival_volume"].message_en
    nowhere = warehouse.with_name("nowhere.duckdb")
    assert set(_failed(nowhere, last, reason="never mind")) == SHIFT_CHECK_IDS
