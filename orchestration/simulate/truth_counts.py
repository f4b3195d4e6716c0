"""What is true of cohorts and of onboarding, counted by the simulator from its own arrays.

What lives here: the counts of `cohort_week.parquet` and `funnel_week.parquet`. What may not:
anything of the pipeline, sessions (a row of bits a week is all that is kept of them), or text but
for the names of segments.

* `cohort_week.parquet`: by segment, local week of the first LIVE session of the world, and weeks
  since: how many were in the cohort, LIVE in that week, and LIVE in that week or later.
* `funnel_week.parquet`: by segment and local week of the application: how many applied, were
  approved, trained and had their first LIVE, as is known by the last arrival day.

Segments are all, the market and the category of the creator (by the last known value), for the
funnel also the acquisition source. They overlap: never add up two kinds.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from orchestration.simulate import parameters as p
from orchestration.simulate.clock import DAY, epoch_of
from orchestration.simulate.draws import NEVER, Bools, Ints, Rows
from orchestration.simulate.landing import copy_to, put, put_records
from orchestration.simulate.options import WorldOptions
from orchestration.simulate.world import Population

if TYPE_CHECKING:
    import duckdb

UNKNOWN_MARKET = "ZZ"
"""Where the feed leaves the country out, nobody can know the market."""

_KINDS: dict[str, tuple[str, ...]] = {
    "all": ("all",),
    "market": (*(market.market for market in p.MARKETS), UNKNOWN_MARKET),
    "category": tuple(name for name, _ in p.CATEGORIES),
    "acquisition_source": tuple(name for name, _ in p.ACQUISITION_SOURCES),
}
_COHORT_KINDS = ("all", "market", "category")


def cohort_counts(active: Bools, people: Population) -> Rows:
    """Retention of first-LIVE cohorts.

    Args:
        active: Who was LIVE in which local week: weeks by creators.
        people: The creators.

    Returns:
        kind and segment (codes), cohort and index (weeks), cohort_size, active_count,
        active_on_or_after_count; for cohorts that are not empty, up to the last week with a LIVE.
    """
    lived = np.flatnonzero(active.any(axis=0))
    weeks = int(np.flatnonzero(active.any(axis=1)).max(initial=0)) + 1
    first = np.argmax(active[:, lived], axis=0)
    last = active.shape[0] - 1 - np.argmax(active[::-1, lived], axis=0)
    blocks: list[Rows] = []
    for kind, code in _codes(people).items():
        if kind not in _COHORT_KINDS:
            continue
        segments = len(_KINDS[kind])
        cell = code[lived] * weeks + first
        cells = segments * weeks
        size = np.bincount(cell, minlength=cells)
        for week in range(weeks):
            on = np.bincount(cell[active[week, lived]], minlength=cells)
            later = np.bincount(cell[last >= week], minlength=cells)
            shown = np.flatnonzero((size > 0) & (np.arange(cells) % weeks <= week))
            cohort = shown % weeks
            blocks.append(
                {
                    "kind": np.full(len(shown), list(_KINDS).index(kind)),
                    "segment": shown // weeks,
                    "cohort": cohort,
                    "index": week - cohort,
                    "cohort_size": size[shown],
                    "active_count": on[shown],
                    "active_on_or_after_count": later[shown],
                }
            )
    return _stacked(blocks)


def funnel_counts(
    active: Bools, people: Population, options: WorldOptions, entry_week: Ints
) -> Rows:
    """How far the newcomers of each local week came: kind, segment, entry week, and counts.

    An onboarding step counts if it happened before the window's end: it arrives a day later.

    Args:
        active: Who was LIVE in which local week: weeks by creators. Whoever was at all had a first.
        people: The creators.
        options: The world.
        entry_week: In which local week each creator applied.
    """
    end = epoch_of(options.start) + options.days * DAY
    applied = np.flatnonzero(~people.is_existing & (people.applied_at < end))
    week = entry_week[applied]
    weeks = int(week.max(initial=0)) + 1
    reached = {
        "applied_count": np.ones(len(applied), bool),
        "approved_count": _before(people.approved_at[applied], end),
        "trained_count": _before(people.trained_at[applied], end),
        "first_live_count": active[:, applied].any(axis=0),
    }
    blocks: list[Rows] = []
    for number, (kind, code) in enumerate(_codes(people).items()):
        cell = code[applied] * weeks + week
        counts = {
            name: np.bincount(cell[has], minlength=len(_KINDS[kind]) * weeks)
            for name, has in reached.items()
        }
        shown = np.flatnonzero(counts["applied_count"])
        blocks.append(
            {
                "kind": np.full(len(shown), number),
                "segment": shown // weeks,
                "entry": shown % weeks,
                **{name: values[shown] for name, values in counts.items()},
            }
        )
    return _stacked(blocks)


def write(
    connection: duckdb.DuckDBPyConnection, root: Path, monday: int, cohorts: Rows, funnel: Rows
) -> None:
    """Write both files from their counts; `monday` is that of week 0."""
    put_records(
        connection,
        "segments",
        {"kind": "bigint", "segment": "bigint", "kind_name": "varchar", "name": "varchar"},
        [
            (number, code, kind, name)
            for number, (kind, names) in enumerate(_KINDS.items())
            for code, name in enumerate(names)
        ],
    )
    put(connection, "cohort_counts", cohorts)
    put(connection, "funnel_counts", funnel)
    first = f"cast(make_timestamp(cast({monday} as bigint) * 1000000) as date)"
    copy_to(
        connection,
        f"""
        select
            segments.kind_name as segment_kind,
            segments.name as segment_value,
            {first} + cast(7 * rows.cohort as integer) as cohort_start_date,
            rows.index as period_index,
            {first} + cast(7 * (rows.cohort + rows.index) as integer) as period_start_date,
            rows.cohort_size, rows.active_count, rows.active_on_or_after_count
        from cohort_counts as rows
        inner join segments on rows.kind = segments.kind and rows.segment = segments.segment
        order by segment_kind, segment_value, cohort_start_date, period_index
        """,
        root / "cohort_week.parquet",
        "parquet",
    )
    copy_to(
        connection,
        f"""
        select
            segments.kind_name as segment_kind,
            segments.name as segment_value,
            {first} + cast(7 * rows.entry as integer) as entry_start_date,
            rows.applied_count, rows.approved_count, rows.trained_count, rows.first_live_count
        from funnel_counts as rows
        inner join segments on rows.kind = segments.kind and rows.segment = segments.segment
        order by segment_kind, segment_value, entry_start_date
        """,
        root / "funnel_week.parquet",
        "parquet",
    )


def _codes(people: Population) -> dict[str, Ints]:
    """Each creator's segment in each kind of segments."""
    return {
        "all": np.zeros(people.size, np.int64),
        "market": np.where(people.country_is_empty, len(p.MARKETS), people.market),
        "category": people.category,
        "acquisition_source": people.source,
    }


def _before(at: Ints, end: int) -> Bools:
    happened: Bools = (at != NEVER) & (at < end)
    return happened


def _stacked(blocks: list[Rows]) -> Rows:
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
