"""How far this run moved from the last release.

What lives here: bounds on arrival volumes, rows of marts and key figures, compared with the last
release's certificate. What may not: judging a table on its own (dbt tests and expectations do).

A shift may be real: a platform closes a market, an agency leaves. So a person can accept it, with a
reason that goes into the certificate. Accepting covers movement only: a check that could not run
stays failed, and no other kind of check can be accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType

import duckdb

from orchestration.checks.results import MAX_SAMPLE_ROWS, CheckResult, masked_sample
from orchestration.checks.tables import MARTS
from orchestration.release.certificate import Certificate, KpiFact
from orchestration.sql import quoted

MIN_VOLUME_RATIO = 0.3
MAX_VOLUME_RATIO = 3.0
MIN_TRAILING_MEDIAN = 20
"""Below so many rows a day, a ratio is noise: a small agency has honest days of two sessions."""
TRAILING_ARRIVALS = 28
"""Whose median it is (`int_feed_volumes`), and beyond which an arrival must be out of the usual.

Gifts come in showers: where few creators get most of them, every third day is outside the bounds of
its median. So the bounds are taken of the second fewest and second most rows of those arrivals,
where these are further away: a feed that is steady has the same bounds as by its median, and one
outage among the 28 does not hide the next.
"""

MAX_LOST_ROWS_RATE = 0.10
MAX_KPI_MOVE_RATE = 0.10

KPI_NAMES = ("live_seconds", "diamonds")

SETTLING_DAYS = 2
"""How long a local day still fills in the ordinary way.

A session arrives on its UTC day or the next; a local day west of Greenwich ends in the next UTC
day. So after arrival day A, local days up to A - 2 are whole.
"""

_VOLUME_ID = "shift.arrival_volume"


def _rows_id(mart: str) -> str:
    return f"shift.rows.{mart}"


def _kpi_id(name: str) -> str:
    return f"shift.kpi.{name}"


SHIFT_CHECKS: Mapping[str, str] = MappingProxyType(
    {
        _VOLUME_ID: "intermediate.int_feed_volumes",
        **{_rows_id(mart): f"marts.{mart}" for mart in MARTS},
        **{_kpi_id(name): "marts.fct_creator_days" for name in KPI_NAMES},
    }
)
"""Every shift check with the table it judges."""

SHIFT_CHECK_IDS = frozenset(SHIFT_CHECKS)
"""Every shift check, by stable id: part of the gate's closed list."""


@dataclass(frozen=True)
class _Finding:
    """What a comparison found: whether it stays within bounds, and what to tell."""

    within: bool
    message_en: str
    message_es: str
    failed_count: int | None = None
    sample: tuple[dict[str, str], ...] = ()


def shift_checks(
    warehouse: Path,
    last: Certificate | None,
    *,
    run_id: str,
    accepted_shift: str | None = None,
) -> list[CheckResult]:
    """Compare the warehouse with the last release.

    Args:
        warehouse: The warehouse file; opened read-only.
        last: The certificate of the current release, None before the first.
        run_id: The run these answers belong to.
        accepted_shift: Why a person lets a shift pass (`--accept-shift`).

    Returns:
        One answer for each id in `SHIFT_CHECK_IDS`, always all of them.
    """
    # Blanks are no reason.
    reason = (accepted_shift or "").strip() or None
    comparisons: dict[str, Callable[[duckdb.DuckDBPyConnection, Certificate], _Finding]] = {
        _VOLUME_ID: _arrival_volume,
        **{_rows_id(mart): _rows_of(mart) for mart in MARTS},
        **{_kpi_id(name): _kpi_of(name) for name in KPI_NAMES},
    }

    if last is None:
        first = _Finding(
            within=True,
            message_en="There is no earlier release to compare with.",
            message_es="No hay una publicación anterior con la cual comparar.",
        )
        return [
            _answer(check_id, table, first, run_id, reason)
            for check_id, table in SHIFT_CHECKS.items()
        ]
    answers: list[CheckResult] = []
    try:
        connection = duckdb.connect(str(warehouse), read_only=True)
    except duckdb.Error as error:
        return [_broken(check_id, table, error, run_id) for check_id, table in SHIFT_CHECKS.items()]
    with connection:
        for check_id, table in SHIFT_CHECKS.items():
            try:
                finding = comparisons[check_id](connection, last)
            except duckdb.Error as error:
                answers.append(_broken(check_id, table, error, run_id))
            else:
                answers.append(_answer(check_id, table, finding, run_id, reason))
    return answers


def settled_kpis(
    connection: duckdb.DuckDBPyConnection, newest_arrival: date | None
) -> tuple[KpiFact, ...]:
    """The key figures of this warehouse over settled days, for the certificate.

    Args:
        connection: Where `marts.fct_creator_days` can be read.
        newest_arrival: The newest arrival day of a LIVE route, None if there is none.
    """
    through = newest_arrival - timedelta(days=SETTLING_DAYS) if newest_arrival else None
    return tuple(
        KpiFact(
            name=name,
            total=_kpi_total(connection, name, through) if through else 0,
            through_date=through,
        )
        for name in KPI_NAMES
    )


def _kpi_total(connection: duckdb.DuckDBPyConnection, name: str, through: date) -> int:
    row = connection.execute(
        f"select coalesce(sum({quoted(name)}), 0)::hugeint::varchar from marts.fct_creator_days "
        "where local_date <= ?",
        [through],
    ).fetchone()
    return int(row[0]) if row else 0


def _arrival_volume(connection: duckdb.DuckDBPyConnection, last: Certificate) -> _Finding:
    newest = last.newest_arrivals()
    if not newest:
        return _Finding(
            within=True,
            message_en="The last release had no arrivals to compare with.",
            message_es="La última publicación no tenía llegadas con las cuales comparar.",
        )
    known = " or ".join("(feed = ? and arrival_date > ?)" for _ in newest)
    parameters: list[object] = [each for pair in newest.items() for each in pair]
    cursor = connection.execute(
        f"""
        with volumes as (
            select *, list_sort(array_agg(accepted_count) over (
                partition by feed order by arrival_date
                rows between {TRAILING_ARRIVALS} preceding and 1 preceding
            )) as earlier
            from intermediate.int_feed_volumes
        )
        select feed, arrival_date, accepted_count, trailing_median_count,
            accepted_count / trailing_median_count as ratio
        from volumes
        where ({known})
            and trailing_median_count >= ?
            -- A count that is missing is not within bounds.
            and coalesce(accepted_count not between
                ? * least(trailing_median_count, earlier[2])
                and ? * greatest(trailing_median_count, earlier[-2]), true)
        order by feed, arrival_date
        """,
        [*parameters, MIN_TRAILING_MEDIAN, MIN_VOLUME_RATIO, MAX_VOLUME_RATIO],
    )
    names = [str(each[0]) for each in cursor.description or ()]
    rows = cursor.fetchall()
    if not rows:
        return _Finding(
            within=True,
            message_en="Arrivals since the last release are of the usual size.",
            message_es="Las llegadas desde la última publicación tienen el volumen habitual.",
        )
    days = ", ".join(
        f"{row[0]} {row[1]}: {row[2]} ({float(row[4]):.2f} x)"
        if row[4] is not None
        else f"{row[0]} {row[1]}: {row[2]}"
        for row in rows[:MAX_SAMPLE_ROWS]
    )
    return _Finding(
        within=False,
        message_en=f"{len(rows)} arrival day(s) are outside {MIN_VOLUME_RATIO} to "
        f"{MAX_VOLUME_RATIO} times the trailing median of their feed, and of what its last "
        f"{TRAILING_ARRIVALS} arrivals brought: {days}.",
        message_es=f"{len(rows)} día(s) de llegada quedan fuera de {MIN_VOLUME_RATIO} a "
        f"{MAX_VOLUME_RATIO} veces la mediana reciente de su feed, y de lo que trajeron sus "
        f"últimas {TRAILING_ARRIVALS} llegadas: {days}.",
        failed_count=len(rows),
        sample=masked_sample([dict(zip(names, row, strict=True)) for row in rows]),
    )


def _rows_of(mart: str) -> Callable[[duckdb.DuckDBPyConnection, Certificate], _Finding]:
    def compare(connection: duckdb.DuckDBPyConnection, last: Certificate) -> _Finding:
        row = connection.execute(f"select count(*) from marts.{quoted(mart)}").fetchone()
        now = int(row[0]) if row else 0
        published = last.marts.get(mart)
        if published is None:
            return _Finding(
                within=True,
                message_en=f"marts.{mart} was not in the last release.",
                message_es=f"marts.{mart} no estaba en la última publicación.",
            )
        before = published.row_count
        lost = before - now
        change_en = f"marts.{mart} has {now} rows; the last release had {before}"
        change_es = f"marts.{mart} tiene {now} filas; la última publicación tenía {before}"
        if lost <= MAX_LOST_ROWS_RATE * before:
            return _Finding(within=True, message_en=f"{change_en}.", message_es=f"{change_es}.")
        return _Finding(
            within=False,
            message_en=f"{change_en}: {lost / before:.0%} lost, and at most "
            f"{MAX_LOST_ROWS_RATE:.0%} may be.",
            message_es=f"{change_es}: se perdió el {lost / before:.0%} y se tolera a lo sumo el "
            f"{MAX_LOST_ROWS_RATE:.0%}.",
            failed_count=lost,
        )

    return compare


def _kpi_of(name: str) -> Callable[[duckdb.DuckDBPyConnection, Certificate], _Finding]:
    def compare(connection: duckdb.DuckDBPyConnection, last: Certificate) -> _Finding:
        published = next((kpi for kpi in last.kpis if kpi.name == name), None)
        # A total of zero has no rate to move by: the first release often ends before its first
        # settled day, and a platform without gifts has no diamonds.
        if published is None or published.through_date is None or published.total == 0:
            return _Finding(
                within=True,
                message_en=f"The last release had no {name} on settled days to compare with.",
                message_es=f"La última publicación no tenía {name} en días cerrados para comparar.",
            )
        through = published.through_date
        now, before = _kpi_total(connection, name, through), published.total
        change_en = f"{name} up to {through} was {before} in the last release and is now {now}"
        change_es = f"{name} hasta {through} era {before} en la última publicación y ahora es {now}"
        if abs(now - before) <= MAX_KPI_MOVE_RATE * abs(before):
            return _Finding(within=True, message_en=f"{change_en}.", message_es=f"{change_es}.")
        return _Finding(
            within=False,
            message_en=f"{change_en}: days already published moved by more than "
            f"{MAX_KPI_MOVE_RATE:.0%}.",
            message_es=f"{change_es}: los días ya publicados cambiaron más de un "
            f"{MAX_KPI_MOVE_RATE:.0%}.",
            failed_count=1,
        )

    return compare


def _answer(
    check_id: str, table: str, finding: _Finding, run_id: str, reason: str | None
) -> CheckResult:
    accepted = not finding.within and reason is not None
    return CheckResult(
        check_id=check_id,
        kind="shift",
        table=table,
        severity="error",
        passed=finding.within or accepted,
        message_en=finding.message_en + (f" Accepted: {reason}" if accepted else ""),
        message_es=finding.message_es + (f" Aceptado: {reason}" if accepted else ""),
        failed_count=finding.failed_count,
        sample=finding.sample,
        run_id=run_id,
    )


def _broken(check_id: str, table: str, error: duckdb.Error, run_id: str) -> CheckResult:
    said = " ".join(str(error).split())
    return CheckResult(
        check_id=check_id,
        kind="shift",
        table=table,
        severity="error",
        passed=False,
        message_en=f"The comparison of {table} with the last release did not run: {said}",
        message_es=f"La comparación de {table} con la última publicación no se pudo hacer: {said}",
        run_id=run_id,
    )
