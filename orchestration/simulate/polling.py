"""True LIVE sessions as a poller would have seen them, with each kind of its dirt switchable.

What lives here: from a table of true sessions to landing files of `live_snapshots`, and beside them
the sessions that a perfect reader of the polls would name; and the poller of a simulated world.
What may not: how polls become sessions again (that is the pipeline's), and sessions of its own: it
is told who was LIVE and when.

All rows are made in DuckDB; every draw is a hash of the seed, of what is drawn and of the show it
is drawn for, so that a kind of dirt can be switched without moving the others.

What a show is here: the platform's truth after restarts and breaks. A restart (an interruption of
at most `restart_seconds`) is one session by rule, so it is one in the truth; a break is two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

    from orchestration.simulate.draws import Bools, Rows
    from orchestration.simulate.options import WorldOptions
    from orchestration.simulate.world import Population


@dataclass(frozen=True, kw_only=True)
class PollingOptions:
    """How a platform is polled, and what goes wrong. Without arguments nothing does.

    Rates are shares of shows, of polls where they say so. Spans are (least, most) seconds, drawn
    evenly.

    Attributes:
        seed: Any integer.
        interval_seconds: From one poll of a platform to the next.
        jitter_seconds: How much later than the poll a creator is read, at most; must be shorter
            than the interval.
        announces_starts: Whether the platform tells when a show began.
        moved_start_rate: Shows whose announced start moves, every few polls.
        moved_start_seconds: How far from the truth, at most.
        moves_first_start: Whether the start that is announced first can be a moved one too.
        missed_poll_rate: Polls that do not show a creator who is LIVE, and the next one does.
        outage_rate: Outages of the whole poller, a day.
        outage_seconds: How long each lasts.
        restart_rate: Shows that break off and go on, with a new announced start.
        restart_seconds: How long they are off.
        break_rate: Shows that end and are followed by another soon after.
        break_seconds: How soon.
        second_platform_rate: Shows that are on `second_platform` too.
        linger_rate: Shows whose entry stays after the end, with its last viewers or none.
        linger_seconds: How long it stays.
        marathon_rate: Shows that go on for over a day, where nothing follows them in that time.
        marathon_seconds: How long they then are.
        repeated_row_rate: Polls that are delivered again on the next day.
        late_rate: Polls that arrive some days after the others.
    """

    seed: int = 7
    interval_seconds: int = 900
    jitter_seconds: int = 60
    announces_starts: bool = True
    moved_start_rate: float = 0.0
    moved_start_seconds: int = 600
    moves_first_start: bool = True
    missed_poll_rate: float = 0.0
    outage_rate: float = 0.0
    outage_seconds: tuple[int, int] = (1_800, 14_400)
    restart_rate: float = 0.0
    restart_seconds: tuple[int, int] = (20, 150)
    break_rate: float = 0.0
    break_seconds: tuple[int, int] = (2_100, 7_200)
    second_platform_rate: float = 0.0
    second_platform: str = "youtube"
    linger_rate: float = 0.0
    linger_seconds: tuple[int, int] = (3_600, 28_800)
    marathon_rate: float = 0.0
    marathon_seconds: tuple[int, int] = (90_000, 144_000)
    repeated_row_rate: float = 0.0
    late_rate: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what no poller can be.

        Raises:
            ValueError: An option is impossible; the message names it and its value.
        """
        if self.interval_seconds < 1:
            raise ValueError(f"interval_seconds must be 1 or more, not {self.interval_seconds}.")
        if not 0 <= self.jitter_seconds < self.interval_seconds:
            raise ValueError(
                f"jitter_seconds must lie between 0 and interval_seconds, not "
                f"{self.jitter_seconds}: the polls of a creator would change places."
            )


ALL_DIRT = PollingOptions(
    moved_start_rate=0.15,
    missed_poll_rate=0.02,
    outage_rate=0.15,
    restart_rate=0.08,
    break_rate=0.05,
    second_platform_rate=0.10,
    linger_rate=0.10,
    marathon_rate=0.005,
    repeated_row_rate=0.03,
    late_rate=0.01,
)
"""Everything at once, at rates that a bad month has."""

_RANDOM = """
create or replace temp macro drawn(purpose, thing) as
    (hash(getvariable('polling_seed') || '/' || purpose || '/' || thing) % 1000003) / 1000003.0
"""

_SHOWS = """
create or replace temp table shows as
with placed as (
    select
        creator_id,
        platform,
        category,
        started_at,
        greatest(ended_at, started_at + interval 1 second) as ended_at,
        greatest(coalesce(average_viewers, 1), 0) as average_viewers,
        lead(started_at) over creator as next_started_at,
        creator_id || '/' || platform || '/' || epoch_us(started_at) as show_id
    from true_sessions
    window creator as (partition by creator_id, platform order by started_at)
),
drawn_ends as (
    select
        *,
        started_at + to_seconds(cast(
            $marathon_least + drawn('marathon length', show_id) * ($marathon_most - $marathon_least)
            as bigint
        )) as marathon_ended_at
    from placed
),
lengthened as (
    select
        creator_id, platform, category, show_id, average_viewers, started_at,
        case
            when drawn('marathon', show_id) < $marathon_rate
                and coalesce(marathon_ended_at + interval 2 hour < next_started_at, true)
                then marathon_ended_at
            else ended_at
        end as ended_at
    from drawn_ends
)
select * from lengthened
union all
select
    creator_id, $second_platform, category, show_id || '/twice', average_viewers * 0.3,
    started_at + to_seconds(cast(drawn('second start', show_id) * 90 as bigint)),
    ended_at + to_seconds(cast(drawn('second end', show_id) * 30 as bigint))
from lengthened
where
    platform <> $second_platform
    and drawn('second platform', show_id) < $second_platform_rate
    and ended_at - started_at > interval 5 minute
"""

# A show in pieces: a restart or a break cuts it in two. Both need a show that is long enough for
# each piece to be seen.
_PIECES = """
create or replace temp table pieces as
with cut as (
    select
        *,
        epoch(ended_at - started_at) as seconds,
        case
            when drawn('break', show_id) < $break_rate then cast(
                $break_least + drawn('break length', show_id) * ($break_most - $break_least)
                as bigint
            )
            when drawn('restart', show_id) < $restart_rate then cast(
                $restart_least + drawn('restart length', show_id) * ($restart_most - $restart_least)
                as bigint
            )
        end as off_seconds,
        drawn('break', show_id) < $break_rate as is_break
    from shows
),
two as (
    select
        *,
        off_seconds is not null and seconds > off_seconds + 4 * $interval as is_cut,
        started_at + to_seconds(cast(
            (0.3 + 0.4 * drawn('cut', show_id)) * (seconds - coalesce(off_seconds, 0)) as bigint
        )) as cut_at
    from cut
),
parts as (
    select show_id, 1 as part, creator_id, platform, category, average_viewers, started_at,
        case when is_cut then cut_at else ended_at end as ended_at, is_cut and is_break as is_break
    from two
    union all
    select show_id, 2, creator_id, platform, category, average_viewers,
        cut_at + to_seconds(off_seconds), ended_at, is_break
    from two
    where is_cut
)
select
    *,
    show_id || '/' || part as piece_id,
    lead(started_at) over creator as next_started_at,
    case
        when drawn('linger', show_id || '/' || part) < $linger_rate then to_seconds(cast(
            $linger_least
            + drawn('linger length', show_id || '/' || part) * ($linger_most - $linger_least)
            as bigint
        ))
        else to_seconds(0)
    end as lingers
from parts
window creator as (partition by creator_id, platform order by started_at, part)
"""

_OUTAGES = """
create or replace temp table outages as
with days as (
    select cast(unnest(generate_series(
        -- An outage of the evening before may last over midnight.
        date_trunc('day', (select min(started_at) from pieces)) - interval 1 day,
        date_trunc('day', (select max(ended_at) from pieces)), interval 1 day
    )) as timestamptz) as day
)
select
    day + to_seconds(cast(drawn('outage start', day) * 86400 as bigint)) as started_at,
    day + to_seconds(cast(
        drawn('outage start', day) * 86400
        + $outage_least + drawn('outage length', day) * ($outage_most - $outage_least) as bigint
    )) as ended_at
from days
where drawn('outage', day) < $outage_rate
union all
select started_at, ended_at from unseen_times
where creator_id is null
"""

# One row a poll and entry that it can show. The platform is read at multiples of the interval,
# each creator a little later, by a jitter of the poll's own.
_POLLS = """
create or replace temp table polls as
with listed as (
    select
        *,
        least(
            ended_at + lingers,
            coalesce(next_started_at, ended_at + lingers),
            -- Not greatest() alone, which passes over NULL.
            greatest(ended_at, coalesce(cast($nothing_after as timestamptz), ended_at + lingers))
        ) as listed_until,
        cast(floor(epoch(started_at) / $interval) as bigint) as first_poll
    from pieces
),
numbered as (
    select
        listed.*,
        unnest(range(
            first_poll, cast(floor(epoch(listed_until) / $interval) as bigint) + 1
        )) as poll
    from listed
),
timed as (
    select
        *,
        to_timestamp(poll * $interval + cast(
            drawn('jitter', piece_id || '/' || poll) * $jitter as bigint
        )) as observed_at
    from numbered
),
seen as (
    select
        *,
        observed_at < ended_at as is_live,
        piece_id || '/' || poll as moment
    from timed
    where observed_at >= started_at and observed_at < greatest(listed_until, started_at)
)
select
    show_id, piece_id, creator_id, platform, category, observed_at, is_live, moment, started_at,
    cast(case
        -- The count of the last moment stands still, or falls to none at once.
        when not is_live and drawn('linger kind', piece_id) < 0.3 then 0
        when not is_live
            then round(average_viewers * (0.7 + 0.6 * drawn('viewers', piece_id || '/end')))
        else round(average_viewers * (0.7 + 0.6 * drawn('viewers', moment)))
    end as bigint) as viewer_count,
    case when $announces then started_at + to_seconds(cast(case
        when drawn('moved', piece_id) < $moved_rate
            and ($moves_first or poll >= first_poll + 4)
            then $moved_seconds
                * (2 * drawn('move', piece_id || '/' || (poll - first_poll) // 4) - 1)
        else 0
    end as bigint)) end as announced_at
from seen
where
    drawn('missed', moment) >= $missed_rate
    and not exists (
        select 1 from outages
        where observed_at >= outages.started_at and observed_at < outages.ended_at
    )
    and not exists (
        select 1 from unseen_times
        where seen.creator_id = unseen_times.creator_id
            and observed_at >= unseen_times.started_at and observed_at < unseen_times.ended_at
    )
"""

_DELIVERED = """
create or replace temp table delivered as
with first_deliveries as (
    select
        *,
        cast(observed_at as date) + 1 + case
            when drawn('late', moment) < $late_rate
                then cast(1 + floor(drawn('late days', moment) * 9) as integer)
            else 0
        end as arrival_date
    from polls
),
again as (
    select * replace (arrival_date + 1 as arrival_date)
    from first_deliveries
    where drawn('repeated', moment) < $repeated_rate
)
select * from first_deliveries
union all
select * from again
"""

# What a perfect reader would say: pieces that a restart separates are one session.
_TRUTH = """
create or replace temp table truth as
with sightings as (
    select piece_id, count(*) filter (where is_live) as polls from polls group by piece_id
)
select
    pieces.creator_id,
    pieces.platform,
    min(pieces.started_at) as started_at,
    max(pieces.ended_at) as ended_at,
    bool_or(pieces.lingers > to_seconds(0)) as lingers,
    cast(coalesce(sum(sightings.polls), 0) as bigint) as poll_count
from pieces
left join sightings on pieces.piece_id = sightings.piece_id
group by
    pieces.show_id, pieces.creator_id, pieces.platform,
    case when pieces.is_break then pieces.part else 1 end
"""


WORLD_DIRT = PollingOptions(
    moved_start_rate=0.15,
    moves_first_start=False,
    missed_poll_rate=0.02,
    outage_rate=0.05,
    restart_rate=0.05,
    linger_rate=0.05,
    repeated_row_rate=0.02,
    late_rate=0.01,
)
"""The dirt of a world's own polls. Its marathons, breaks and second platforms are true sessions,
and the start that is announced first is true: it decides on which local day a creator was active.
"""

_SALT = 31

_TRUE_SESSIONS = """
create or replace temp table true_sessions as
select
    block.session,
    printf('c%07d', block.creator) as creator_id,
    platforms.name as platform,
    categories.name as category,
    to_timestamp(block.started_at) as started_at,
    to_timestamp(block.ended_at) as ended_at,
    block.average_hundredths / 100.0 as average_viewers
from block
inner join platforms on block.platform = platforms.code
inner join categories on block.category = categories.code
"""

_NO_POLLS = """
create table if not exists poll_rows (
    creator_id varchar, platform varchar, category varchar, observed_at bigint,
    viewer_count bigint, announced_at bigint, arrival bigint
)
"""

_POLL_ROWS = """
insert into poll_rows
select
    creator_id, platform, category, cast(epoch(observed_at) as bigint), viewer_count,
    coalesce(cast(epoch(announced_at) as bigint), -1),
    (arrival_date - date '1970-01-01') - $first_day
from delivered
"""

_WORKINGS = ("shows", "pieces", "outages", "polls", "delivered", "truth", "true_sessions")

_NAMED = """
select
    true_sessions.session,
    min((delivered.arrival_date - date '1970-01-01') - $first_day) as arrival
from delivered
inner join true_sessions
    on delivered.show_id = true_sessions.creator_id || '/' || true_sessions.platform
        || '/' || epoch_us(true_sessions.started_at)
group by true_sessions.session
order by true_sessions.session
"""


@dataclass(frozen=True, kw_only=True)
class Polled:
    """What was made.

    Attributes:
        rows: Landed rows, repeated ones included.
        sessions: True sessions.
        seen: Those that at least one poll shows.
    """

    rows: int
    sessions: int
    seen: int


def poll_sessions(
    connection: duckdb.DuckDBPyConnection, options: PollingOptions, landing: Path, truth: Path
) -> Polled:
    """Poll the table `true_sessions` of a connection and land what was seen.

    Args:
        connection: Holds `true_sessions`: creator_id, platform, category, started_at, ended_at
            (TIMESTAMPTZ), average_viewers. It may hold `unseen_times`: creator_id (NULL for all),
            started_at, ended_at: when polls did not show a creator. Temporary tables are made in
            it.
        options: How the platforms are polled, and what goes wrong.
        landing: Gets `live_snapshots/dt=<arrival day>/polls.parquet`; times are TIMESTAMPTZ in UTC.
        truth: Gets `observed_sessions.parquet`: creator_id, platform, started_at, ended_at,
            lingers, poll_count (polls that showed the session while it was on).

    Returns:
        What was made.
    """
    connection.execute("set timezone = 'UTC'")
    observe(connection, options)
    days = [
        day
        for (day,) in connection.execute(
            "select distinct arrival_date from delivered order by arrival_date"
        ).fetchall()
    ]
    for day in days:
        folder = landing / "live_snapshots" / f"dt={day.isoformat()}"
        folder.mkdir(parents=True, exist_ok=True)
        connection.execute(
            """copy (
                select creator_id, platform, observed_at, viewer_count,
                    announced_at as started_at, category
                from delivered where arrival_date = $day
                order by observed_at, creator_id, platform
            ) to $path (format parquet, compression zstd)""",
            {"day": day, "path": str(folder / "polls.parquet")},
        )
    truth.mkdir(parents=True, exist_ok=True)
    connection.execute(
        """copy (select * from truth order by creator_id, platform, started_at)
        to $path (format parquet, compression zstd)""",
        {"path": str(truth / "observed_sessions.parquet")},
    )
    row = connection.execute(
        """select (select count(*) from delivered), count(*), count(*) filter (where poll_count > 0)
        from truth"""
    ).fetchone()
    rows, sessions, seen = row or (0, 0, 0)
    return Polled(rows=rows, sessions=sessions, seen=seen)


def observe(
    connection: duckdb.DuckDBPyConnection,
    options: PollingOptions,
    nothing_after: datetime | None = None,
) -> None:
    """Make the temporary tables `delivered` (polls by arrival date) and `truth` (what they show).

    Args:
        connection: Holds `true_sessions`, and maybe `unseen_times`; its time zone is UTC.
        options: How the platforms are polled, and what goes wrong.
        nothing_after: No entry stays after its end beyond this moment: shows that are not in
            `true_sessions` may follow.
    """
    connection.execute("set variable polling_seed = $seed", {"seed": str(options.seed)})
    connection.execute(
        """create table if not exists unseen_times (
            creator_id varchar, started_at timestamptz, ended_at timestamptz)"""
    )
    values = {**_values(options), "nothing_after": nothing_after}
    for statement in (_RANDOM, _SHOWS, _PIECES, _OUTAGES, _POLLS, _DELIVERED, _TRUTH):
        used = {name: value for name, value in values.items() if f"${name}" in statement}
        connection.execute(statement, used)


class Poller:
    """Polls a part of a world's creators, week by week, on the world's scratch database.

    Their sessions come by this route alone: no row of `live_sessions` tells of them, so that a
    pipeline needs both routes to know everybody, and none is known twice.
    """

    def __init__(self, people: Population, options: WorldOptions) -> None:
        """Choose who is polled; nobody, where they would be too few."""
        from orchestration.simulate.clock import epoch_of

        self._options = options
        self._start = epoch_of(options.start)
        self._category = people.category
        self.is_polled = polled_creators(people.size, options)
        self._polling = replace(
            WORLD_DIRT if options.dirt else PollingOptions(),
            seed=options.seed,
            interval_seconds=options.poll_minutes * 60,
            jitter_seconds=min(60, options.poll_minutes * 60 - 1),
        )

    def of_week(self, connection: duckdb.DuckDBPyConnection, monday: int, sessions: Rows) -> Rows:
        """Poll one week's sessions into the table `poll_rows`.

        Args:
            connection: The scratch database, with the words for codes.
            monday: The start of the local week, in local seconds.
            sessions: True sessions of polled creators.

        Returns:
            The session numbers that a poll named, and `arrival`: the day on which the first such
            poll arrives (1 is the first arrival day). What no poll named, nobody can know.
        """
        import numpy as np

        from orchestration.simulate.clock import DAY, HOUR, WEEK
        from orchestration.simulate.draws import NEVER

        names = ("session", "creator", "platform", "started_at", "ended_at", "average_hundredths")
        # The platform's list files every show somewhere, also one that its creator did not.
        category = np.where(
            sessions["category"] == NEVER, self._category[sessions["creator"]], sessions["category"]
        )
        connection.register(
            "block", {**{name: sessions[name] for name in names}, "category": category}
        )
        try:
            connection.execute(_TRUE_SESSIONS)
        finally:
            connection.unregister("block")
        if len(sessions["session"]) == 0:
            connection.execute(_NO_POLLS)
            return {name: np.zeros(0, np.int64) for name in ("session", "arrival")}
        # East of Greenwich the next local week is on some hours before the UTC week.
        until = datetime.fromtimestamp(monday + WEEK - 14 * HOUR, UTC)
        observe(connection, self._polling, until)
        connection.execute(_NO_POLLS)
        first_day = self._start // DAY
        connection.execute(_POLL_ROWS, {"first_day": first_day})
        # Not fetchnumpy(), which loads pandas.
        named = connection.execute(_NAMED, {"first_day": first_day}).fetchall()
        for table in _WORKINGS:
            connection.execute(f"drop table {table}")
        session, arrival = np.array(named, np.int64).reshape(-1, 2).T
        return {"session": session, "arrival": arrival}


def polled_creators(size: int, options: WorldOptions) -> Bools:
    """Who is known by polls alone: a share of creators, or nobody where they would be too few."""
    import numpy as np

    from orchestration.simulate import parameters as p
    from orchestration.simulate.gifts import is_chosen

    is_feed = "live_snapshots" in options.feeds
    if not is_feed or options.creators * options.polled_share < p.POLLED_LEAST_CREATORS:
        return np.zeros(size, np.bool_)
    return is_chosen(np.arange(size), options.polled_share, _SALT)


def _values(options: PollingOptions) -> dict[str, object]:
    spans = {
        "outage": options.outage_seconds,
        "restart": options.restart_seconds,
        "break": options.break_seconds,
        "linger": options.linger_seconds,
        "marathon": options.marathon_seconds,
    }
    return {
        "interval": options.interval_seconds,
        "jitter": options.jitter_seconds,
        "announces": options.announces_starts,
        "moved_rate": options.moved_start_rate,
        "moved_seconds": options.moved_start_seconds,
        "moves_first": options.moves_first_start,
        "missed_rate": options.missed_poll_rate,
        "outage_rate": options.outage_rate,
        "restart_rate": options.restart_rate,
        "break_rate": options.break_rate,
        "second_platform": options.second_platform,
        "second_platform_rate": options.second_platform_rate,
        "linger_rate": options.linger_rate,
        "marathon_rate": options.marathon_rate,
        "repeated_rate": options.repeated_row_rate,
        "late_rate": options.late_rate,
        **{f"{name}_least": least for name, (least, _) in spans.items()},
        **{f"{name}_most": most for name, (_, most) in spans.items()},
    }
