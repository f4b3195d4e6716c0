"""What is true of a world, said by the simulator itself.

What lives here: the tables beside the world that tests and benchmarks hold the pipeline against.
What may not: anything of the pipeline (its SQL, its models, its time zones): the two must be able
to disagree.

Files below the truth folder:

* `truth.json`: options, rows and files by feed, counts of dirt, sizes, and each program: its
  design, arms and dates, and what was planted.
* `live_sessions.parquet`: every session that is known by the last arrival day, in the last version
  that landed by then (`ended_at` is empty where that one was still on), with its creator's time
  zone and local start date, and the day on which that version arrived. A folder of one file a week,
  which every reader of Parquet takes as one table. `route` is the feed that tells of it; a session
  that only polls show is known from the first of them on, and what polls cannot show (how many
  watched or gave, to the second when it ended) is true all the same.
* `lost_sessions.parquet`: the same of sessions that nobody can know: their arrival day is missing.
* `creators.parquet`: the last known state of every creator, with what no feed tells (true time zone
  and market, onboarding times, continuation probability).
* `growth_week.parquet`: weekly growth accounting over local weeks from Monday, for all, by market
  and by category of the creator. `new` counts against all sessions of the world, and before its
  window there are none: in the first weeks creators who had been LIVE before look new (the left
  edge).
* `creator_history.parquet`: agency, tier, market and time zone of every creator as first known, and
  each time that one of them changed: a fact of a day has the values of its day.
* `holidays.parquet`: the holidays of the window by market and day, and what they multiply.
* `cohort_week.parquet`, `funnel_week.parquet`: see `truth_counts`.
* `valid_days.parquet`, `due_rewards.parquet`, `payout_errors.parquet`, `program_effects.parquet`:
  see `program_feeds`.
* `backstage.json`, `backstage_days.parquet`: see `backstage`; where its exports are asked for.
* `dirt.parquet`: kind, session_id and arrival date of every dirty row.
"""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from orchestration.simulate import parameters as p
from orchestration.simulate import truth_counts
from orchestration.simulate.activity import first_monday, week_count
from orchestration.simulate.clock import DAY, WEEK, Clock, date_of
from orchestration.simulate.draws import NEVER, Bools, Ints, Rows
from orchestration.simulate.holidays import kept_between
from orchestration.simulate.landing import copy_to, put_records, sql_word
from orchestration.simulate.options import WorldOptions
from orchestration.simulate.truth_counts import UNKNOWN_MARKET
from orchestration.simulate.world import ZONES, Population

if TYPE_CHECKING:
    import duckdb

GROWTH_COLUMNS = {
    "segment_kind": "varchar",
    "segment_value": "varchar",
    "period_start_date": "date",
    "active_count": "bigint",
    "new_count": "bigint",
    "retained_count": "bigint",
    "resurrected_count": "bigint",
    "churned_count": "bigint",
}


class WeeklyActivity:
    """Who was LIVE in which local week, from the simulator's own arrays."""

    def __init__(self, people: Population, options: WorldOptions, clock: Clock) -> None:
        """Nobody was LIVE yet."""
        self._people = people
        self._options = options
        self._clock = clock
        self._monday = first_monday(options)
        # Before anybody has moved to another zone.
        self._entry_week = (clock.to_local(people.zone, people.applied_at) - self._monday) // WEEK
        # A show after midnight on the last Sunday counts for the week after.
        self._active: Bools = np.zeros((week_count(options) + 1, people.size), bool)

    def add(self, true: Rows) -> None:
        """Count a block of true sessions (in their final version)."""
        local = self.with_local_start(true)["local_started_at"]
        self._active[(local - self._monday) // WEEK, true["creator"]] = True

    def with_local_start(self, rows: Rows) -> Rows:
        """Rows with their creators' local start, and the zone of this week."""
        local = self._clock.to_local(self._people.zone[rows["creator"]], rows["started_at"])
        zone = self._people.zone[rows["creator"]]
        return {**rows, "local_started_at": local, "zone": zone}

    @property
    def creators_live(self) -> int:
        """How many creators had a session at all."""
        return int(self._active.any(axis=0).sum())

    def growth(self) -> list[tuple[object, ...]]:
        """Growth accounting (`GROWTH_COLUMNS`) by segment and week.

        From the first to the last week with a session, for segments that ever had one.
        """
        people = self._people
        segments: list[tuple[str, str, Bools]] = [("all", "all", np.ones(people.size, bool))]
        for code, market in enumerate(p.MARKETS):
            segments.append(
                ("market", market.market, (people.market == code) & ~people.country_is_empty)
            )
        segments.append(("market", UNKNOWN_MARKET, people.country_is_empty))
        for code, (category, _) in enumerate(p.CATEGORIES):
            segments.append(("category", category, people.category == code))
        weeks = np.flatnonzero(self._active.any(axis=1))
        return [
            row
            for kind, value, members in segments
            if self._active[:, members].any()
            for row in self._growth_of(kind, value, members, weeks)
        ]

    def write_counts(self, connection: duckdb.DuckDBPyConnection, root: Path) -> None:
        """`cohort_week.parquet` and `funnel_week.parquet`."""
        truth_counts.write(
            connection,
            root,
            self._monday,
            truth_counts.cohort_counts(self._active, self._people),
            truth_counts.funnel_counts(self._active, self._people, self._options, self._entry_week),
        )

    def _growth_of(
        self, kind: str, value: str, members: Bools, weeks: Ints
    ) -> list[tuple[object, ...]]:
        active = self._active[:, members]
        seen = np.zeros(active.shape[1], bool)
        before = seen
        rows: list[tuple[object, ...]] = []
        for week in range(weeks[0], weeks[-1] + 1):
            now = active[week]
            rows.append(
                (
                    kind,
                    value,
                    date_of(self._monday + week * WEEK),
                    int(now.sum()),
                    int((now & ~seen).sum()),
                    int((now & before).sum()),
                    int((now & seen & ~before).sum()),
                    int((before & ~now).sum()),
                )
            )
            seen, before = seen | now, now
        return rows


def write_sessions(
    connection: duckdb.DuckDBPyConnection, root: Path, name: str, week: int, true: Rows
) -> None:
    """A week's piece of `<name>.parquet`, in the order of its rows (which is that of sessions).

    The first week always has one.
    """
    folder = root / f"{name}.parquet"
    folder.mkdir(exist_ok=True)
    if week > 0 and len(true["session"]) == 0:
        return
    days = true["local_started_at"] // DAY
    connection.register("true_rows", {**true, "local_start_day": days.astype(np.int32)})
    copy_to(
        connection,
        f"""
        select
            printf('s%010d', rows.session) as session_id,
            printf('c%07d', rows.creator) as creator_id,
            {sql_word("rows.platform", p.PLATFORMS)} as platform,
            to_timestamp(rows.started_at) as started_at,
            to_timestamp(nullif(rows.ended_at, {NEVER})) as ended_at,
            {sql_word("rows.zone", ZONES)} as timezone,
            date '1970-01-01' + rows.local_start_day as local_start_date,
            to_timestamp(rows.updated_at) as updated_at,
            rows.arrival as arrival_day,
            rows.viewer_seconds, rows.peak_viewers, rows.unique_viewers, rows.likes, rows.comments,
            rows.shares, rows.new_followers, rows.gifters, rows.diamonds,
            rows.is_static = 1 as is_static,
            rows.is_bot_like = 1 as is_bot_like,
            rows.clock_skew_seconds,
            if(rows.is_polled = 1, 'live_snapshots', 'live_sessions') as route
        from true_rows as rows
        """,
        folder / f"week_{week:03d}.parquet",
        "parquet",
    )
    connection.unregister("true_rows")


def write_creators(connection: duckdb.DuckDBPyConnection, root: Path) -> None:
    """`creators.parquet`, from the tables `latest` (last known states) and `people`."""
    moment = f"to_timestamp(nullif(people.{{0}}, {NEVER})) as {{0}}"
    moments = ", ".join(
        moment.format(name) for name in ("applied_at", "approved_at", "trained_at", "first_live_at")
    )
    copy_to(
        connection,
        f"""
        select
            printf('c%07d', people.creator) as creator_id,
            markets.name as market,
            people.country_is_empty,
            zones.name as timezone,
            people.zone_is_empty as timezone_is_empty,
            categories.name as category,
            sources.name as acquisition_source,
            statuses.name as status,
            if(latest.agency < 0, null, printf('a%03d', latest.agency)) as agency_id,
            printf('rank_%d', latest.tier) as tier,
            latest.followers as follower_count,
            to_timestamp(nullif(latest.joined_at, {NEVER})) as joined_at,
            to_timestamp(latest.updated_at) as updated_at,
            people.is_existing,
            {moments},
            people.continuation as continuation_probability,
            people.shows_per_week
        from people
        inner join latest on people.creator = latest.creator
        inner join zones on latest.zone = zones.code
        inner join markets on zones.market = markets.code
        inner join categories on people.category = categories.code
        inner join sources on people.source = sources.code
        inner join statuses on latest.status = statuses.code
        order by people.creator
        """,
        root / "creators.parquet",
        "parquet",
    )


def write_history(connection: duckdb.DuckDBPyConnection, root: Path) -> None:
    """`creator_history.parquet`, from the table `history_rows`."""
    copy_to(
        connection,
        """
        select
            printf('c%07d', rows.creator) as creator_id,
            to_timestamp(rows.updated_at) as updated_at,
            rows.arrival as arrival_day,
            if(rows.agency < 0, null, printf('a%03d', rows.agency)) as agency_id,
            printf('rank_%d', rows.tier) as tier,
            markets.name as market,
            zones.name as timezone
        from history_rows as rows
        inner join zones on rows.zone = zones.code
        inner join markets on zones.market = markets.code
        order by rows.creator, rows.updated_at
        """,
        root / "creator_history.parquet",
        "parquet",
    )


def write_holidays(
    connection: duckdb.DuckDBPyConnection, root: Path, options: WorldOptions
) -> None:
    """`holidays.parquet`: what is kept on the local days of the window."""
    last = options.start + timedelta(days=options.days)
    columns = {
        "market": "varchar",
        "local_date": "date",
        "name": "varchar",
        "shows_factor": "double",
        "audience_factor": "double",
    }
    kept = [
        (each.market, each.day, each.name, each.shows, each.audience)
        for each in kept_between(options.start - timedelta(days=1), last)
    ]
    put_records(connection, "holidays", columns, kept)
    copy_to(
        connection,
        "select * from holidays order by local_date, market, name",
        root / "holidays.parquet",
        "parquet",
    )


def write_dirt(connection: duckdb.DuckDBPyConnection, root: Path, options: WorldOptions) -> None:
    """`dirt.parquet`, from the table `dirt_notes`."""
    copy_to(
        connection,
        f"""
        select
            kinds.name as kind,
            printf('s%010d', dirt_notes.session) as session_id,
            date '{options.start.isoformat()}' + cast(dirt_notes.arrival as integer) as arrival_date
        from dirt_notes
        inner join kinds on dirt_notes.kind = kinds.code
        order by kind, session_id, arrival_date
        """,
        root / "dirt.parquet",
        "parquet",
    )


def write_growth(
    connection: duckdb.DuckDBPyConnection, root: Path, growth: list[tuple[object, ...]]
) -> None:
    """`growth_week.parquet`: what `WeeklyActivity.growth` counted."""
    put_records(connection, "growth", GROWTH_COLUMNS, growth)
    copy_to(
        connection,
        "select * from growth order by segment_kind, segment_value, period_start_date",
        root / "growth_week.parquet",
        "parquet",
    )


def made_by() -> dict[str, str]:
    """What a world's bytes rest on beside its options: two that agree can be told apart by no byte.

    The simulator itself by a hash of its modules: no number that somebody forgets to raise.
    """
    code = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        code.update(path.name.encode() + b"\0" + path.read_bytes())
    return {
        "simulator": code.hexdigest()[:16],
        "numpy": np.__version__,
        "duckdb": version("duckdb"),
    }


def write_summary(root: Path, options: WorldOptions, counts: dict[str, Any]) -> None:
    """`truth.json`: nothing in it depends on where or when the world was made."""
    arrivals = {
        "first_arrival_date": (options.start + timedelta(days=1)).isoformat(),
        "last_arrival_date": (options.start + timedelta(days=options.days)).isoformat(),
    }
    said = {"made_by": made_by(), "options": options.to_json(), **arrivals, **counts}
    text = json.dumps(said, indent=2)
    (root / "truth.json").write_text(text + "\n", encoding="utf-8")
