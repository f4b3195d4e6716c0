"""How believable a simulated world is, beside real LIVE sessions: quantiles, rhythms, returns.

    .venv/bin/python bench/calibration.py --pictures FOLDER
    .venv/bin/python bench/calibration.py --truth HOME/truth     a world that is already there

The real ones are the Holodex collection: VTuber channels on YouTube, six in ten of them Japanese.
It was collected on 61 of 206 days, so a simulated world is looked at through the same days, and
both go through the same SQL. A session's last end is its end. Holodex knows no time zones: days and
weeks are Tokyo's, and hours and weekdays are read from channels with a Japanese name only.

Calibrated on it (shapes, never levels):

* how uneven creators are in shows a week (`SHOWS_PER_WEEK_SHAPE`), how often they go LIVE twice a
  day (`SECOND_SHOW_WEIGHT`), and that each has weekdays of their own (`DAY_HABIT_SIGMA`: whoever is
  LIVE today is likelier to be LIVE in seven days than in six or eight);
* how durations spread, between creators and within one (`SHOW_SIGMA_CREATOR`, `SHOW_SIGMA`);
* how true creators are to their usual hour (`START_SPREAD_HOURS`, `OFF_HABIT_SHARE`);
* how viewers spread between creators (`AUDIENCE_TALENT`, `AUDIENCE_STAR`).

Only held against it, because nothing had to move: from show to show, viewers (`AUDIENCE_SIGMA`);
weekdays; returns. Nearly every channel of Holodex is years old, so what its returns can judge is
the loyal end of the mixture behind `CONTINUATION_ALPHA` and `CONTINUATION_BETA`: `veterans` are the
creators whose first LIVE was 300 days before. A newcomer's retention it cannot judge.

Not calibrated, since these are full-time performers on another continent and platform: all levels
(shows a week, minutes a show, viewers), the hours of the day, newcomers' retention, pausing and
coming back within weeks, peaks (a poll every quarter of an hour misses them), the funnel, gifts,
tiers, agencies, holidays, and whatever differs by market. Those follow the field's facts or plain
judgement; `parameters.py` says which numbers they are.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import duckdb

from orchestration.simulate import WorldOptions, simulate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HOLODEX = Path(__file__).parents[2] / "shared" / "data" / "holodex"
# Eighteen weeks before the first collected day, so that newcomers of all ages are there by then.
WORLD = WorldOptions(
    creators=6_000, days=306, start=date(2024, 1, 1), seed=7, dirt=False, format="parquet"
)
SHARES = (0.05, 0.25, 0.50, 0.75, 0.95)
SOURCES = ("holodex", "simulated")

Kind = Literal["counts", "levels", "ratios"]
Point = tuple[int, int, float]

_HOLODEX_SHOWS = """
create table holodex_all as
with sessions as (
    select
        channel_id as creator,
        cast(start_utc as timestamp) as started_at,
        max(cast(end_utc as timestamp)) as ended_at,
        arg_max(viewers_avg, end_utc) as average_viewers
    from read_parquet($sessions)
    group by creator, started_at
),
channels as (
    select
        channel_id as creator,
        bool_or(regexp_matches(channel_name, '[ぁ-んァ-ヶ]')) as has_hours
    from read_parquet($channels)
    group by creator
)
select
    sessions.creator,
    started_at + interval 9 hour as local_start,
    epoch(ended_at - started_at) as seconds,
    average_viewers,
    coalesce(has_hours, false) as has_hours
from sessions
left join channels on sessions.creator = channels.creator
where ended_at > started_at
"""

_VETERANS = """
create table veterans as
select * from simulated where creator in (
    select creator_id from read_parquet($creators)
    where cast(first_live_at as date) < (select min(day) from collected) - 300
)
"""
"""Nearly every channel of Holodex is years old: these are the simulator's like them."""

# A show on two platforms is one show: the second begins within two minutes of the first.
_SIMULATED_SHOWS = """
create table simulated_all as
select
    creator_id as creator,
    timezone(timezone, started_at) as local_start,
    epoch(ended_at - started_at) as seconds,
    viewer_seconds / epoch(ended_at - started_at) as average_viewers,
    true as has_hours
from read_parquet($sessions)
qualify coalesce(
    started_at - lag(started_at) over (partition by creator order by started_at, session_id)
    > interval 2 minutes, true
)
"""

# Collected days have at least half of the usual sessions; complete weeks have seven of them.
_COVERAGE = """
create table collected as
with days as (
    select cast(local_start as date) as day, count(*) as sessions from holodex_all group by day
)
select day from days
where sessions >= 0.5 * (select median(sessions) from days where sessions > 20);
create table complete_weeks as
select cast(date_trunc('week', day) as date) as week from collected
group by week having count(*) = 7
"""

# Over 24 hours are sessions that nobody closed: in either source they say nothing of habits.
_SHOWS_SEEN = """
create table {source} as
select
    creator, local_start, cast(local_start as date) as day,
    cast(date_trunc('week', local_start) as date) as week, seconds, average_viewers, has_hours,
    lag(local_start) over (partition by creator order by local_start) as start_before
from {source}_all
where cast(local_start as date) in (from collected) and seconds between 60 and 86400
"""

# ---- one number a row, whose quantiles are compared; `{s}` is the source -------------------------
_ANGLE = "radians(15 * (hour(local_start) + minute(local_start) / 60))"
MEASURES: dict[str, tuple[Kind, str]] = {
    "shows a creator-week": (
        "counts",
        """
        select count(*) as value from {s}
        where week in (select week from complete_weeks) group by creator, week
        """,
    ),
    "days LIVE a creator-week": (
        "counts",
        """
        select count(distinct day) as value from {s}
        where week in (select week from complete_weeks) group by creator, week
        """,
    ),
    "minutes a show": ("levels", "select seconds / 60 as value from {s}"),
    "minutes, usual of a creator": (
        "levels",
        """
        select exp(avg(ln(seconds))) / 60 as value from {s} group by creator having count(*) >= 8
        """,
    ),
    "minutes, one show over the usual": (
        "ratios",
        """
        select exp(ln(seconds) - avg(ln(seconds)) over (partition by creator)) as value from {s}
        qualify count(*) over (partition by creator) >= 8
        """,
    ),
    # Only where every day between was collected: a gap of the collector is none of theirs.
    "hours between shows": (
        "levels",
        """
        select epoch(local_start - start_before) / 3600 as value from {s}
        where start_before is not null and {s}.day - cast(start_before as date) + 1 = (
            select count(*) from collected
            where collected.day between cast(start_before as date) and {s}.day
        )
        """,
    ),
    "hours from the usual start": (
        "levels",
        f"""
        with usual as (
            select creator, atan2(avg(sin({_ANGLE})), avg(cos({_ANGLE}))) as usual_angle
            from {{s}} where has_hours group by creator having count(*) >= 8
        )
        select
            abs(degrees(atan2(sin({_ANGLE} - usual_angle), cos({_ANGLE} - usual_angle)))) / 15
            as value
        from {{s}} inner join usual using (creator)
        """,
    ),
    "viewers, usual of a creator": (
        "levels",
        """
        select exp(avg(ln(average_viewers + 1))) - 1 as value from {s}
        where average_viewers is not null group by creator having count(*) >= 8
        """,
    ),
    "viewers, one show over the usual": (
        "ratios",
        """
        select exp(
            ln(average_viewers + 1) - avg(ln(average_viewers + 1)) over (partition by creator)
        ) as value
        from {s} where average_viewers is not null
        qualify count(*) over (partition by creator) >= 8
        """,
    ),
}

_RETURNS = """
select
    cast(date_diff('week', first.week, later.week) as integer) as weeks,
    count(*) as active_before,
    avg(if(exists (
        select 1 from {s} as shows
        where shows.creator = seen.creator and shows.week = later.week
    ), 1, 0)) as share
from complete_weeks as first
inner join complete_weeks as later on later.week > first.week
inner join (select distinct creator, week from {s}) as seen on seen.week = first.week
group by first.week, later.week order by weeks, first.week
"""
"""Every pair of complete weeks: whoever was LIVE in the first, how many were in the second."""

_DAILY_RETURNS = """
with days as (select distinct creator, day from {s})
select lag_days, count(*) as active_before, avg(if(later.creator is null, 0, 1)) as share
from days
cross join (select unnest(range(1, 15)) as lag_days)
inner join collected on collected.day = days.day + cast(lag_days as integer)
left join days as later
    on later.creator = days.creator and later.day = days.day + cast(lag_days as integer)
group by lag_days order by lag_days
"""

_FIRST_SEEN = """
with cohorts as (
    select creator, min(week) as first_week from {s} group by creator
)
select
    cast(date_diff('week', first_week, complete_weeks.week) as integer) as weeks,
    count(*) as cohort,
    avg(if(exists (
        select 1 from {s} as shows
        where shows.creator = cohorts.creator and shows.week = complete_weeks.week
    ), 1, 0)) as share
from cohorts
inner join complete_weeks on complete_weeks.week > first_week
where first_week >= (select min(week) from complete_weeks)
group by weeks order by weeks
"""
"""Whoever was first seen after the first collected fortnight, in complete weeks later."""

_FIRST_LIVE = """
with shows as (
    select distinct creator, cast(date_trunc('week', local_start) as date) as week
    from simulated_all
),
cohorts as (
    select creator, min(week) as first_week from shows
    where creator in (
        select creator_id from read_parquet($creators) where not is_existing
    )
    group by creator
)
select
    weeks, count(*) as cohort,
    avg(if(exists (
        select 1 from shows
        where shows.creator = cohorts.creator
            and shows.week = first_week + cast(7 * weeks as integer)
    ), 1, 0)) as share
from cohorts cross join (select unnest(range(1, 13)) as weeks)
where first_week + cast(7 * weeks as integer) < (select max(week) from shows)
group by weeks order by weeks
"""
"""Retention of newcomers by weeks since their first LIVE: only the simulator knows this one."""


@dataclass(frozen=True)
class Compared:
    """One measure of both sources: quantiles at `SHARES`, and how far they are apart."""

    name: str
    kind: Kind
    quantiles: dict[str, list[float]]
    means: dict[str, float]

    @property
    def shape_distance(self) -> float:
        """Mean absolute log of the ratio of the quantiles, each over its own level; 0 is equal.

        The level is the median; of counts the mean, since their median jumps from one whole number
        to the next; of ratios 1: they have none.
        """
        ours, theirs = self.quantiles["simulated"], self.quantiles["holodex"]
        one, other = {
            "counts": (self.means["simulated"], self.means["holodex"]),
            "levels": (ours[2], theirs[2]),
            "ratios": (1.0, 1.0),
        }[self.kind]
        return sum(
            abs(math.log((a / one) / (b / other))) for a, b in zip(ours, theirs, strict=True)
        ) / len(SHARES)


def load(connection: duckdb.DuckDBPyConnection, holodex: Path, truth: Path) -> None:
    """Tables `holodex` and `simulated`: shows on the days that were collected."""
    connection.execute("set timezone = 'UTC'")
    connection.execute(
        _HOLODEX_SHOWS,
        {
            "sessions": str(holodex / "sessions_raw_notitle.parquet"),
            "channels": str(holodex / "channels.parquet"),
        },
    )
    connection.execute(_SIMULATED_SHOWS, {"sessions": str(truth / "live_sessions.parquet")})
    connection.execute(_COVERAGE)
    for source in SOURCES:
        connection.execute(_SHOWS_SEEN.format(source=source))
    connection.execute(_VETERANS, {"creators": str(truth / "creators.parquet")})


def compare(connection: duckdb.DuckDBPyConnection) -> list[Compared]:
    """All measures."""
    found = []
    for name, (kind, query) in MEASURES.items():
        quantiles, means = {}, {}
        for source in SOURCES:
            found_values, mean = connection.execute(
                f"select quantile_cont(value, {list(SHARES)}), avg(value) "
                f"from ({query.format(s=source)})"
            ).fetchall()[0]
            quantiles[source] = [float(value) for value in found_values]
            means[source] = float(mean)
        found.append(Compared(name, kind, quantiles, means))
    return found


def rhythm(connection: duckdb.DuckDBPyConnection, part: str, source: str) -> dict[int, float]:
    """Share of shows by local hour (0 to 23) or by weekday (1 is Monday); weeks complete."""
    expression = {"hour": "hour(local_start)", "weekday": "isodow(local_start)"}[part]
    rows = connection.execute(
        f"select {expression} as part, count(*) / sum(count(*)) over () from {source} "
        "where has_hours and week in (select week from complete_weeks) group by part order by part"
    ).fetchall()
    return {int(key): float(share) for key, share in rows}


def returns(connection: duckdb.DuckDBPyConnection, query: str, source: str) -> list[Point]:
    """Time later, creators before, share of them LIVE again: what such a query gives."""
    rows = connection.execute(query.format(s=source)).fetchall()
    return [(int(later), int(count), float(share)) for later, count, share in rows]


def show(connection: duckdb.DuckDBPyConnection, truth: Path, pictures: Path | None) -> None:
    """Print all comparisons, and draw them."""
    compared = compare(connection)
    heads = "".join(f"{f'p{share * 100:.0f}':>9}" for share in SHARES)
    print(f"{'':<42}{'':>10}{heads}{'apart':>9}")
    for item in compared:
        for source in SOURCES:
            values = "".join(f"{value:9.2f}" for value in item.quantiles[source])
            last = f"{item.shape_distance:9.2f}" if source == "simulated" else ""
            print(f"{item.name if source == 'holodex' else '':<42}{source:>10}{values}{last}")
    total = sum(item.shape_distance for item in compared) / len(compared)
    print(f"{'all, on average':<42}{'':>10}{'':>45}{total:9.2f}")
    print("apart: mean |log ratio| of the quantiles, each over its own level where it has one")
    for part in ("hour", "weekday"):
        print(f"\nshare of shows by local {part}")
        for source in SOURCES:
            found = rhythm(connection, part, source)
            print(f"{source:>10}" + "".join(f" {found.get(k, 0):.3f}" for k in sorted(found)))
    for title, query in (
        ("LIVE in a complete week: share LIVE again so many weeks later", _RETURNS),
        ("LIVE on a day: share LIVE again so many days later", _DAILY_RETURNS),
        ("first seen after the first fortnight: share LIVE so many weeks later", _FIRST_SEEN),
    ):
        print(f"\n{title}")
        for source in (*SOURCES, "veterans"):
            points = returns(connection, query, source)
            print(
                f"{source:>10}" + "".join(f"  {at}: {share:.3f} ({n:,})" for at, n, share in points)
            )
    print("\nnewcomers' first LIVE: share LIVE so many weeks later (Holodex cannot know this)")
    curve = connection.execute(
        _FIRST_LIVE, {"creators": str(truth / "creators.parquet")}
    ).fetchall()
    print(f"{'simulated':>10}" + "".join(f"  {at}: {share:.3f}" for at, _, share in curve))
    if pictures is not None:
        from matplotlib import pyplot as plt

        pictures.mkdir(parents=True, exist_ok=True)
        draw(connection, pictures)
        plt.close("all")
        print(f"\npictures in {pictures}")


def draw(connection: duckdb.DuckDBPyConnection, pictures: Path) -> None:
    """Quantile against quantile of every measure; hours, weekdays and returns."""
    import matplotlib as mpl

    mpl.use("svg")
    # Text as text, and no clock or chance in the file: equal worlds give equal pictures.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "semillero", "font.size": 9})
    from matplotlib import pyplot as plt

    shares = [number / 100 for number in range(1, 100)]
    figure, axes = plt.subplots(2, math.ceil(len(MEASURES) / 2), figsize=(20, 8))
    for axis, (name, (_, query)) in zip(axes.flat, MEASURES.items(), strict=False):
        pairs = [
            connection.execute(
                f"select quantile_cont(value, {shares}) from ({query.format(s=source)})"
            ).fetchall()[0][0]
            for source in SOURCES
        ]
        axis.plot(*pairs, ".", color="tab:blue")
        low, high = max(min(map(min, pairs)), 0.01), max(map(max, pairs))
        axis.plot([low, high], [low, high], color="0.7", linewidth=1)
        axis.set(title=name, xlabel="Holodex", ylabel="simulated")
        axis.set(xscale="log", yscale="log")
    for axis in axes.flat[len(MEASURES) :]:
        axis.set_axis_off()
    _save(figure, pictures / "quantiles.svg")

    figure, axes = plt.subplots(2, 2, figsize=(12, 8))
    for axis, part in zip(axes[0], ("hour", "weekday"), strict=True):
        for source in SOURCES:
            found = rhythm(connection, part, source)
            axis.plot(list(found), list(found.values()), ".-", label=source)
        _label(axis, f"shows by local {part}", "share")
    for axis, query, title in (
        (axes[1][0], _RETURNS, "LIVE again so many weeks later"),
        (axes[1][1], _DAILY_RETURNS, "LIVE again so many days later"),
    ):
        for source in (*SOURCES, "veterans"):
            points = returns(connection, query, source)
            axis.plot([at for at, _, _ in points], [s for _, _, s in points], ".-", label=source)
        _label(axis, title, "share")
    _save(figure, pictures / "rhythms.svg")


def _label(axis: Axes, title: str, unit: str) -> None:
    axis.set(title=title, ylabel=unit, ylim=(0, None))
    axis.legend()


def _save(figure: Figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Compare a world with Holodex."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--holodex", type=Path, default=HOLODEX, help="folder of the collection")
    parser.add_argument("--truth", type=Path, help="truth of a world that covers the same days")
    parser.add_argument("--creators", type=int, default=WORLD.creators, help="of the world made")
    parser.add_argument("--pictures", type=Path, help="folder for the pictures")
    given = parser.parse_args()
    if not given.holodex.is_dir():
        raise SystemExit(
            f"There is no folder {given.holodex}. Give the Holodex collection by --holodex."
        )
    with (
        tempfile.TemporaryDirectory(prefix="calibration-") as folder,
        duckdb.connect() as connection,
    ):
        truth = given.truth
        if truth is None:
            truth = Path(folder) / "truth"
            simulate(Path(folder) / "landing", replace(WORLD, creators=given.creators))
        load(connection, given.holodex, truth)
        show(connection, truth, given.pictures)


if __name__ == "__main__":
    main()
