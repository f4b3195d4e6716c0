"""Polls of shows that are known, made into sessions by the models, and held against the shows.

What lives here: the worlds that are polled, the one dbt build over all of them, and the scores.
What may not: thresholds (the tests have them) and anything of how sessions are made.

Each scenario's platforms carry its name, so that one build judges all and none sees another's
polls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from dbt_world import DbtWorld
from holodex_facts import HOLODEX

from orchestration.simulate import WorldOptions, simulate
from orchestration.simulate.polling import ALL_DIRT, PollingOptions, poll_sessions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WORLD = WorldOptions(creators=700, days=28, seed=5, dirt="none", format="parquet")

CLEAN = PollingOptions()
SCENARIOS: Mapping[str, PollingOptions] = {
    "clean": CLEAN,
    "every_5_minutes": replace(CLEAN, interval_seconds=300, jitter_seconds=30),
    "no_announced_starts": replace(CLEAN, announces_starts=False),
    "moved_starts": replace(CLEAN, moved_start_rate=0.5),
    "missed_polls": replace(CLEAN, missed_poll_rate=0.10),
    "outages": replace(CLEAN, outage_rate=0.5),
    "restarts": replace(CLEAN, restart_rate=0.3),
    "breaks": replace(CLEAN, break_rate=0.3),
    "two_platforms": replace(CLEAN, second_platform_rate=0.5),
    "lingering": replace(CLEAN, linger_rate=0.5),
    "marathons": replace(CLEAN, marathon_rate=0.05),
    "repeated_and_late": replace(CLEAN, repeated_row_rate=0.10, late_rate=0.05),
    "everything": ALL_DIRT,
    "everything_5_minutes": replace(ALL_DIRT, interval_seconds=300, jitter_seconds=30),
}
"""Each kind of dirt alone, at a high rate, and all together."""

START_TOLERANCE_SECONDS = 900
"""How far apart two starts may be and still mean one show: the longer of the poll intervals."""

HOLODEX_SCENARIO = "holodex"


@dataclass(frozen=True)
class Score:
    """How well sessions were found again. Errors are found minus true, in seconds.

    Attributes:
        scenario: What was polled.
        polls: Landed rows.
        shows: True sessions.
        seen: Those that at least one poll showed while they were on.
        found: Observed sessions.
        matched: Pairs of a true and an observed session of one creator and platform, each the
            other's nearest, whose starts are at most `START_TOLERANCE_SECONDS` apart.
        start_error_p50: Median of the start's absolute error.
        duration_bias: Mean of the duration's error, the worst percent on either side cut off.
        duration_error_p50: Median of the duration's absolute error.
        duration_error_p90: Its 90 % quantile.
        duration_error_p10_signed: 10 % quantile of the error.
        duration_error_p90_signed: 90 % quantile of the error.
        seconds_ratio: Sum of the matched sessions' durations, found over true.
    """

    scenario: str
    polls: int
    shows: int
    seen: int
    found: int
    matched: int
    start_error_p50: float
    duration_bias: float
    duration_error_p50: float
    duration_error_p90: float
    duration_error_p10_signed: float
    duration_error_p90_signed: float
    seconds_ratio: float

    @property
    def precision(self) -> float:
        """Observed sessions that are a show."""
        return self.matched / self.found

    @property
    def recall(self) -> float:
        """Shows found, among those that any poll showed."""
        return self.matched / self.seen

    @property
    def recall_of_all(self) -> float:
        """Shows found, among all, also those that began and ended between two polls."""
        return self.matched / self.shows


def simulated_proof(home: Path) -> Iterator[Score]:
    """Score every scenario on one simulated world."""
    simulate(home / "simulated" / "landing", WORLD)
    shows = home / "simulated" / "truth" / "live_sessions.parquet"
    for scenario, options in SCENARIOS.items():
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            connection.execute(
                """create table true_sessions as
                select creator_id, $scenario || '-' || platform as platform,
                    cast(null as varchar) as category, started_at, ended_at,
                    viewer_seconds / epoch(ended_at - started_at) as average_viewers
                from read_parquet($shows)""",
                {"scenario": scenario, "shows": str(shows)},
            )
            _poll(
                connection, home, scenario, replace(options, second_platform=f"{scenario}-second")
            )
    yield from _scores(home, SCENARIOS)


def holodex_proof(home: Path) -> Score:
    """Score the real sessions of Holodex, polled every quarter of an hour as its collector did.

    What of its dirt can be expressed: where it closed a session early and then again, no poll
    showed the creator for half an hour after the early end; it polled nobody on days on which
    hardly a session began; an entry that never ended in its books stays until the channel's next
    show.
    """
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(
            """create table raw_rows as
            select channel_id as creator_id, topic as category,
                cast(viewers_avg as double) as viewers,
                cast(start_utc as timestamptz) as started_at,
                cast(end_utc as timestamptz) as ended_at
            from read_parquet($path)""",
            {"path": str(HOLODEX / "sessions_raw_notitle.parquet")},
        )
        connection.execute(
            """create table true_sessions as
            with sessions as (
                select creator_id, started_at, max(ended_at) as ended_at,
                    max(viewers) as average_viewers, min(category) as category
                from raw_rows group by creator_id, started_at
            )
            select creator_id, 'holodex-youtube' as platform, category, started_at,
                least(ended_at, coalesce(
                    lead(started_at) over (partition by creator_id order by started_at), ended_at
                )) as ended_at,
                average_viewers
            from sessions"""
        )
        connection.execute(
            """create table unseen_times as
            select rows.creator_id, rows.ended_at as started_at,
                rows.ended_at + interval 30 minute as ended_at
            from raw_rows as rows
            inner join true_sessions as sessions
                on rows.creator_id = sessions.creator_id and rows.started_at = sessions.started_at
            where rows.ended_at < sessions.ended_at
            union all
            select null, cast(day as timestamptz), cast(day as timestamptz) + interval 1 day
            from (
                select unnest(generate_series(
                    date_trunc('day', min(started_at)), max(ended_at), interval 1 day
                )) as day
                from true_sessions
            )
            where (
                select count(*) from true_sessions
                where started_at >= day and started_at < day + interval 1 day
            ) < 20"""
        )
        _poll(connection, home, HOLODEX_SCENARIO, replace(CLEAN, second_platform="none"))
    return next(_scores(home, [HOLODEX_SCENARIO]))


def _poll(
    connection: duckdb.DuckDBPyConnection, home: Path, scenario: str, options: PollingOptions
) -> None:
    """Poll `true_sessions`; each scenario's files stand beside the others' in landing."""
    made = home / "polled" / scenario
    poll_sessions(connection, options, made / "landing", made / "truth")
    for file in (made / "landing").rglob("polls.parquet"):
        target = home / "landing" / "live_snapshots" / file.parent.name
        target.mkdir(parents=True, exist_ok=True)
        file.rename(target / f"{scenario}.parquet")


def _scores(home: Path, scenarios: Iterable[str]) -> Iterator[Score]:
    world = DbtWorld(home)
    world.build(command="seed", finish=False)
    world.arrive_from_landing("live_snapshots")
    world.build(select=("+int_observed_sessions",))
    for scenario in scenarios:
        truth = str(home / "polled" / scenario / "truth" / "observed_sessions.parquet")
        values = {"truth": truth, "scenario": f"{scenario}-", "tolerance": START_TOLERANCE_SECONDS}
        yield Score(scenario, *world.rows(_SCORE, values)[0])


_SCORE = """
with
shows as (
    select *, row_number() over () as show_number,
        epoch(ended_at - started_at) as seconds
    from (
        select * replace (
            cast(started_at as timestamp) as started_at, cast(ended_at as timestamp) as ended_at
        )
        from read_parquet($truth)
    )
),
found as (
    select *, epoch(ended_at - started_at) as seconds
    from intermediate.int_observed_sessions
    where starts_with(platform, $scenario)
),
pairs as (
    select shows.show_number, found.session_id,
        abs(epoch(found.started_at - shows.started_at)) as start_error,
        found.seconds as found_seconds, shows.seconds as true_seconds,
        row_number() over (
            partition by shows.show_number
            order by abs(epoch(found.started_at - shows.started_at)), found.session_id
        ) as place_of_found,
        row_number() over (
            partition by found.session_id
            order by abs(epoch(found.started_at - shows.started_at)), shows.show_number
        ) as place_of_show
    from shows
    inner join found
        on shows.creator_id = found.creator_id and shows.platform = found.platform
        and abs(epoch(found.started_at - shows.started_at)) <= $tolerance
    where shows.poll_count > 0
),
matched as (
    select *, found_seconds - true_seconds as error
    from pairs where place_of_found = 1 and place_of_show = 1
),
limits as (
    select quantile_cont(error, 0.01) as low, quantile_cont(error, 0.99) as high from matched
)
select
    (select count(*) from raw.live_snapshots where starts_with(platform, $scenario)),
    (select count(*) from shows),
    (select count(*) from shows where poll_count > 0),
    (select count(*) from found),
    count(*),
    median(start_error),
    avg(error) filter (where error between (select low from limits) and (select high from limits)),
    median(abs(error)),
    quantile_cont(abs(error), 0.9),
    quantile_cont(error, 0.1),
    quantile_cont(error, 0.9),
    sum(found_seconds) / sum(true_seconds)
from matched
"""


def table(scores: list[Score]) -> str:
    """The scores as lines of text."""
    lines = [
        (
            f"{'scenario':<22}{'polls':>9}{'shows':>8}{'seen':>8}{'found':>8}{'precision':>11}"
            f"{'recall':>8}{'of all':>8}{'start p50':>11}{'bias':>8}{'|dur| p50':>11}"
            f"{'|dur| p90':>11}{'p10':>8}{'p90':>8}{'ratio':>8}"
        )
    ]
    lines += [
        f"{each.scenario:<22}{each.polls:>9,}{each.shows:>8,}{each.seen:>8,}{each.found:>8,}"
        f"{each.precision:>11.4f}{each.recall:>8.4f}{each.recall_of_all:>8.4f}"
        f"{each.start_error_p50:>11.0f}{each.duration_bias:>8.0f}{each.duration_error_p50:>11.0f}"
        f"{each.duration_error_p90:>11.0f}{each.duration_error_p10_signed:>8.0f}"
        f"{each.duration_error_p90_signed:>8.0f}{each.seconds_ratio:>8.4f}"
        for each in scores
    ]
    return "\n".join(lines)
