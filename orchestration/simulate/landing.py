"""The world as files: rows to landing files by arrival day, and the scratch database between.

What lives here: DuckDB. Codes become words here and seconds become timestamps; NumPy blocks come
in, files go out. What may not: randomness, or anything that decides what is true.

Everything is written by one thread in a fixed order, with no clock in it, so equal options give
equal bytes (DuckDB leaves the time field of a gzip header empty).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from orchestration.simulate import dirt as d
from orchestration.simulate import parameters as p
from orchestration.simulate.draws import NEVER, Rows
from orchestration.simulate.options import WorldFormat, WorldOptions
from orchestration.simulate.program_parameters import CATALOGUE

if TYPE_CHECKING:
    import duckdb

FileFormat = Literal["parquet", "csv", "csv.gz", "jsonl", "jsonl.gz"]

_MIXED: dict[str, tuple[FileFormat, ...]] = {
    "agencies": ("jsonl", "csv"),
    "asset_uses": ("csv", "csv", "jsonl"),
    "creators": ("csv", "csv", "csv", "csv", "jsonl.gz", "csv", "parquet"),
    "enforcement_events": ("jsonl", "csv"),
    "gifts": ("parquet", "parquet", "csv.gz", "parquet", "jsonl.gz"),
    "live_snapshots": ("jsonl.gz", "jsonl.gz", "parquet", "csv"),
    "live_sessions": (
        "parquet", "parquet", "csv.gz", "parquet", "parquet", "jsonl.gz", "parquet", "csv", "jsonl",
    ),
    "program_assignments": ("csv", "parquet"),
    "program_events": ("jsonl", "csv.gz"),
    "program_tasks": ("csv", "jsonl"),
    "programs": ("jsonl", "csv"),
    "reward_payouts": ("csv", "csv", "csv.gz", "parquet"),
    "onboarding_events": ("csv.gz", "csv.gz", "csv.gz", "csv.gz", "csv.gz", "jsonl", "parquet"),
}  # fmt: skip
"""In a mixed world the format goes round by arrival day: mostly one a feed, others sometimes."""

_COPY_OPTIONS: dict[FileFormat, str] = {
    # As raw data is kept (`ingest.day_rows`): half the time of DuckDB's own choice.
    "parquet": (
        "format parquet, compression zstd, compression_level 1, parquet_version v2, "
        "dictionary_size_limit 2048"
    ),
    "csv": "format csv, header",
    "csv.gz": "format csv, header, compression gzip",
    "jsonl": "format json",
    "jsonl.gz": "format json, compression gzip",
}

_RENDERED_ROWS = 250_000
"""How many rows are rendered to text or types at a time."""
_LARGE_DAY_ROWS = 50_000

ColumnKind = Literal["plain", "timestamp"]


@dataclass(frozen=True)
class FeedColumn:
    """A column of a landing file: its name, and the SQL for it over the feed's relation."""

    name: str
    expression: str
    kind: ColumnKind = "plain"


def file_format(feed: str, arrival: int, world_format: WorldFormat) -> FileFormat:
    """The format of a feed's file on an arrival day (1 is the first)."""
    if world_format != "mixed":
        return world_format
    formats = _MIXED[feed]
    return formats[(arrival - 1) % len(formats)]


def sql_in_decimal(hundredths: str) -> str:
    """SQL for whole hundredths as an exact decimal."""
    # A whole number times a decimal would be computed in 128 bits.
    return f"cast(cast({hundredths} as decimal(16, 0)) * 0.01 as decimal(18, 2))"


def sql_word(code: str, words: Sequence[str]) -> str:
    """The word of a code, and nothing for `NEVER`: a place in a list takes less than a join."""
    listed = ", ".join("'" + word.replace("'", "''") + "'" for word in words)
    return f"list_extract([{listed}], {code} + 1)"


def sql_date(day: str) -> str:
    """SQL for days since 1970 as a date."""
    return f"date '1970-01-01' + cast({day} as integer)"


_CAMPAIGNS = " ".join(
    f"when {number} then '{program.program_id}'"
    for number, program in enumerate(CATALOGUE)
    if program.kind == "campaign"
)
SESSION_FEED = (
    FeedColumn("session_id", "printf('s%010d', rows.session)"),
    FeedColumn("creator_id", f"if(rows.creator = {NEVER}, null, printf('c%07d', rows.creator))"),
    FeedColumn("platform", sql_word("rows.platform", p.PLATFORMS)),
    FeedColumn("started_at", "rows.started_at", "timestamp"),
    FeedColumn("ended_at", "rows.ended_at", "timestamp"),
    FeedColumn("category", sql_word("rows.category", [name for name, _ in p.CATEGORIES])),
    FeedColumn(
        "title", sql_word("rows.title", [each for code in p.LANGUAGES for each in p.TITLES[code]])
    ),
    FeedColumn("average_viewers", sql_in_decimal("rows.average_hundredths")),
    FeedColumn("peak_viewers", "rows.peak_viewers"),
    FeedColumn("unique_viewers", "rows.unique_viewers"),
    FeedColumn("viewer_seconds", "rows.viewer_seconds"),
    FeedColumn("likes", "rows.likes"),
    FeedColumn("comments", "rows.comments"),
    FeedColumn("shares", "rows.shares"),
    FeedColumn("new_followers", "rows.new_followers"),
    FeedColumn("gifters", "rows.gifters"),
    FeedColumn("diamonds", "rows.diamonds"),
    FeedColumn("campaign_id", f"case rows.campaign {_CAMPAIGNS} end"),
    FeedColumn("is_static", "rows.is_static = 1"),
    FeedColumn("updated_at", "rows.updated_at", "timestamp"),
)
SESSION_ROW_COLUMNS = (
    "session", "creator", "platform", "started_at", "ended_at", "category", "title",
    "average_hundredths", "peak_viewers", "unique_viewers", "viewer_seconds", "likes", "comments",
    "shares", "new_followers", "gifters", "diamonds", "is_static", "updated_at", "arrival", "file",
    "variant", "campaign",
)  # fmt: skip
"""What files of `live_sessions` are made of."""
DRIFT = FeedColumn(
    p.DRIFT_COLUMN,
    f"list_extract({list(p.DRIFT_VALUES)}, rows.session % {len(p.DRIFT_VALUES)} + 1)",
)

CREATOR_FEED = (
    FeedColumn("creator_id", "printf('c%07d', rows.creator)"),
    FeedColumn("platform", "platforms.name"),
    FeedColumn("handle", "concat(nouns.name, '_', words.name, people.handle_number)"),
    FeedColumn("country", "if(people.country_is_empty, null, markets.name)"),
    FeedColumn("joined_at", f"nullif(rows.joined_at, {NEVER})", "timestamp"),
    FeedColumn("status", "statuses.name"),
    FeedColumn("updated_at", "rows.updated_at", "timestamp"),
    FeedColumn("timezone", "if(people.zone_is_empty, null, zones.name)"),
    FeedColumn("language", "languages.name"),
    FeedColumn("agency_id", "if(rows.agency < 0, null, printf('a%03d', rows.agency))"),
    FeedColumn(
        "manager_id",
        "if(rows.agency < 0, null, "
        f"printf('m%03d-%d', rows.agency, rows.creator % {p.MANAGERS_PER_AGENCY} + 1))",
    ),
    FeedColumn("category", "categories.name"),
    FeedColumn("acquisition_source", "sources.name"),
    FeedColumn("tier", "printf('rank_%d', rows.tier)"),
    FeedColumn("follower_count", "rows.followers"),
)
CREATOR_JOINS = """
    inner join people on rows.creator = people.creator
    inner join platforms on people.platform = platforms.code
    inner join nouns on people.handle_noun = nouns.code
    inner join words on people.handle_word = words.code
    inner join zones on rows.zone = zones.code
    inner join markets on zones.market = markets.code
    inner join languages on people.language = languages.code
    inner join categories on people.category = categories.code
    inner join sources on people.source = sources.code
    inner join statuses on rows.status = statuses.code
"""

AGENCY_FEED = (
    FeedColumn("agency_id", "printf('a%03d', rows.agency)"),
    FeedColumn("name", "agencies.name"),
    FeedColumn("country", "agencies.country"),
    FeedColumn("updated_at", "rows.updated_at", "timestamp"),
    FeedColumn("tier", "agency_tiers.name"),
    FeedColumn("commission_rate", sql_in_decimal("rows.commission")),
)
AGENCY_JOINS = """
    inner join agencies on rows.agency = agencies.code
    inner join agency_tiers on rows.tier = agency_tiers.code
"""

EVENT_FEED = (
    FeedColumn("event_id", "printf('e%07d-%d', rows.creator, rows.step)"),
    FeedColumn("creator_id", "printf('c%07d', rows.creator)"),
    FeedColumn("step", "steps.name"),
    FeedColumn("occurred_at", "rows.occurred_at", "timestamp"),
)
EVENT_JOINS = "inner join steps on rows.step = steps.code"

POLL_FEED = (
    FeedColumn("creator_id", "rows.creator_id"),
    FeedColumn("platform", "rows.platform"),
    FeedColumn("observed_at", "rows.observed_at", "timestamp"),
    FeedColumn("viewer_count", "rows.viewer_count"),
    FeedColumn("started_at", "rows.announced_at", "timestamp"),
    FeedColumn("category", "rows.category"),
    # The platform's list of who is LIVE shows no titles.
    FeedColumn("title", "cast(null as varchar)"),
)

GIFT_FEED = (
    FeedColumn("gift_id", "printf('g%010d-%d', rows.session, rows.number)"),
    FeedColumn("session_id", "printf('s%010d', rows.session)"),
    FeedColumn("creator_id", "printf('c%07d', rows.creator)"),
    FeedColumn("sender_id", f"if(rows.sender = {NEVER}, null, printf('v%013d', rows.sender))"),
    FeedColumn("sent_at", "rows.sent_at", "timestamp"),
    FeedColumn("diamonds", "rows.diamonds"),
    FeedColumn("gift_name", "gifts.name"),
    FeedColumn("quantity", "rows.quantity"),
)
GIFT_JOINS = "inner join gifts on rows.gift = gifts.code"

USE_FEED = (
    FeedColumn("use_id", "printf('u%07d-%d-%d', rows.creator, rows.week, rows.number)"),
    FeedColumn("asset_id", "assets.asset_id"),
    FeedColumn("asset_kind", "assets.kind"),
    FeedColumn("language", "nullif(assets.language, '')"),
    FeedColumn("creator_id", "printf('c%07d', rows.creator)"),
    FeedColumn("used_at", "rows.used_at", "timestamp"),
)
USE_JOINS = "inner join assets on rows.asset = assets.code"

MEASURE_FEED = (
    # At most one measure of a severity against a creator in a second.
    FeedColumn("event_id", "printf('m%07d-%d-%d', rows.creator, rows.severity, rows.occurred_at)"),
    FeedColumn("creator_id", "printf('c%07d', rows.creator)"),
    FeedColumn("severity", "severities.name"),
    FeedColumn("policy", "policies.name"),
    FeedColumn("occurred_at", "rows.occurred_at", "timestamp"),
    FeedColumn("session_id", f"if(rows.session = {NEVER}, null, printf('s%010d', rows.session))"),
)
MEASURE_JOINS = """
    inner join severities on rows.severity = severities.code
    inner join policies on rows.policy = policies.code
"""

# The table `catalogue` has the words of programs and their tasks (see `program_feeds`).
PROGRAM_JOINS = "inner join catalogue on rows.program = catalogue.code"
PROGRAM_FEED = (
    FeedColumn("program_id", "catalogue.program_id"),
    FeedColumn("kind", "catalogue.kind"),
    FeedColumn("name_en", "catalogue.name_en"),
    FeedColumn("name_es", "catalogue.name_es"),
    FeedColumn("starts_at", "rows.starts_at", "timestamp"),
    FeedColumn("ends_at", "rows.ends_at", "timestamp"),
    FeedColumn("design", "catalogue.design"),
    FeedColumn("market", "catalogue.market"),
    FeedColumn("budget_amount", sql_in_decimal("catalogue.budget_cents")),
    FeedColumn("currency", "catalogue.currency"),
    FeedColumn("assignment_unit", "catalogue.assignment_unit"),
    FeedColumn("owner", "catalogue.owner"),
    FeedColumn("updated_at", "rows.updated_at", "timestamp"),
)
TASK_FEED = (
    FeedColumn("task_id", "catalogue.task_id"),
    FeedColumn("program_id", "catalogue.program_id"),
    FeedColumn("metric", "catalogue.metric"),
    FeedColumn("threshold", "cast(catalogue.threshold as decimal(18, 2))"),
    FeedColumn("window", "catalogue.time_window"),
    FeedColumn("reward_amount", sql_in_decimal("catalogue.reward_cents")),
    FeedColumn("currency", "catalogue.task_currency"),
    FeedColumn("valid_from", sql_date("rows.valid_from")),
    FeedColumn("valid_to", sql_date("rows.valid_to")),
)
ASSIGNMENT_FEED = (
    FeedColumn("program_id", "catalogue.program_id"),
    FeedColumn("creator_id", "printf('c%07d', rows.creator)"),
    FeedColumn("arm", "arms.name"),
    FeedColumn("assigned_at", "rows.assigned_at", "timestamp"),
    FeedColumn(
        "cluster_id",
        "case catalogue.assignment_unit when 'agency' then printf('a%03d', rows.cluster) "
        "when 'market' then markets.name end",
    ),
    FeedColumn("starts_at", "rows.starts_at", "timestamp"),
    FeedColumn("updated_at", "rows.updated_at", "timestamp"),
)
ASSIGNMENT_JOINS = f"""
    {PROGRAM_JOINS}
    inner join arms on rows.arm = arms.code
    left join markets on rows.cluster = markets.code
"""
PROGRAM_EVENT_FEED = (
    FeedColumn(
        "event_id",
        "printf('v%02d-%07d-%d-%d', rows.program, rows.creator, rows.event, rows.module + 1)",
    ),
    FeedColumn("program_id", "catalogue.program_id"),
    FeedColumn("creator_id", "printf('c%07d', rows.creator)"),
    FeedColumn("event", "program_event_names.name"),
    FeedColumn("occurred_at", "rows.occurred_at", "timestamp"),
    FeedColumn("module_id", "modules.name"),
    FeedColumn("language", "languages.name"),
    FeedColumn("score", f"if(rows.score = {NEVER}, null, {sql_in_decimal('rows.score')})"),
)
PROGRAM_EVENT_JOINS = f"""
    {PROGRAM_JOINS}
    inner join program_event_names on rows.event = program_event_names.code
    left join modules on rows.module = modules.code
    left join languages on rows.language = languages.code
"""
PAYOUT_ID = "printf('y%02d-%07d-%d-%d', rows.program, rows.creator, rows.period_end, rows.nth)"
PAYOUT_FEED = (
    FeedColumn("payout_id", PAYOUT_ID),
    FeedColumn("program_id", "catalogue.program_id"),
    FeedColumn("creator_id", "printf('c%07d', rows.creator)"),
    FeedColumn("amount", sql_in_decimal("rows.cents")),
    FeedColumn("currency", "catalogue.task_currency"),
    FeedColumn("period_start", sql_date("rows.period_start")),
    FeedColumn("period_end", sql_date("rows.period_end")),
    FeedColumn("paid_at", "rows.paid_at", "timestamp"),
    FeedColumn("task_id", "catalogue.task_id"),
    FeedColumn("status", "'paid'"),
)


@dataclass(frozen=True)
class Layout:
    """How a feed is rendered: the table of codes, the joins to words, the order within a file."""

    table: str
    columns: tuple[FeedColumn, ...]
    joins: str
    order: str
    has_second_files: bool = False
    """Whether rows say in `file` which file of the day they are in."""


LAYOUTS = {
    "agencies": Layout("agency_rows", AGENCY_FEED, AGENCY_JOINS, "rows.updated_at, rows.agency"),
    "creators": Layout(
        "creator_rows", CREATOR_FEED, CREATOR_JOINS, "rows.updated_at, rows.creator"
    ),
    "live_sessions": Layout(
        "session_rows",
        SESSION_FEED,
        "",
        "rows.session, rows.variant",
        has_second_files=True,
    ),
    "onboarding_events": Layout(
        "event_rows", EVENT_FEED, EVENT_JOINS, "rows.occurred_at, rows.creator, rows.step"
    ),
    "live_snapshots": Layout(
        "poll_rows", POLL_FEED, "", "rows.observed_at, rows.creator_id, rows.platform"
    ),
    "gifts": Layout("gift_rows", GIFT_FEED, GIFT_JOINS, "rows.sent_at, rows.session, rows.number"),
    "asset_uses": Layout(
        "use_rows", USE_FEED, USE_JOINS, "rows.used_at, rows.creator, rows.week, rows.number"
    ),
    "enforcement_events": Layout(
        "measure_rows",
        MEASURE_FEED,
        MEASURE_JOINS,
        "rows.occurred_at, rows.creator, rows.severity, rows.session",
    ),
    "program_assignments": Layout(
        "assignment_rows",
        ASSIGNMENT_FEED,
        ASSIGNMENT_JOINS,
        "rows.assigned_at, rows.program, rows.creator",
    ),
    "program_events": Layout(
        "program_event_rows",
        PROGRAM_EVENT_FEED,
        PROGRAM_EVENT_JOINS,
        "rows.occurred_at, rows.program, rows.creator, rows.event, rows.module",
    ),
    "program_tasks": Layout("task_rows", TASK_FEED, PROGRAM_JOINS, "rows.program"),
    "programs": Layout("program_rows", PROGRAM_FEED, PROGRAM_JOINS, "rows.program"),
    "reward_payouts": Layout(
        "payout_rows",
        PAYOUT_FEED,
        PROGRAM_JOINS,
        "rows.paid_at, rows.program, rows.creator, rows.period_end, rows.nth",
    ),
}


@dataclass
class Written:
    """What was written of one feed."""

    rows: int = 0
    files: int = 0
    bytes: int = 0
    new_files: int = 0
    """Of `files`, those that were not there before; `bytes` are theirs."""
    rows_before: int = 0
    """Of `rows`, those of days that were written before."""
    drift_files: int = 0


def open_scratch(folder: Path) -> duckdb.DuckDBPyConnection:
    """A scratch database that one thread works on, with the words for every code.

    It lives in memory and spills into `folder` when it outgrows its limit.
    """
    import duckdb

    connection = duckdb.connect(":memory:")
    connection.execute("set temp_directory = $folder", {"folder": str(folder / "spill")})
    for setting in (
        "set threads = 1",
        "set memory_limit = '2GB'",
        "set timezone = 'UTC'",
        "set preserve_insertion_order = true",
        "set enable_progress_bar = false",
    ):
        connection.execute(setting)
    from orchestration.simulate.world import MARKET_OF_ZONE, ZONES

    words: dict[str, tuple[str, ...]] = {
        "platforms": p.PLATFORMS,
        "categories": tuple(name for name, _ in p.CATEGORIES),
        "nouns": p.HANDLE_NOUNS,
        "words": p.HANDLE_WORDS,
        "markets": tuple(market.market for market in p.MARKETS),
        "languages": p.LANGUAGES,
        "sources": tuple(name for name, _ in p.ACQUISITION_SOURCES),
        "statuses": p.STATUSES,
        "agency_tiers": p.AGENCY_TIERS,
        "steps": ("applied", "approved", "trained"),
        "kinds": d.KINDS,
        "gifts": tuple(name for name, _ in p.GIFTS),
        "severities": p.SEVERITIES,
        "policies": p.POLICIES,
    }
    for table, names in words.items():
        put_records(
            connection, table, {"code": "bigint", "name": "varchar"}, list(enumerate(names))
        )
    put_records(
        connection,
        "zones",
        {"code": "bigint", "name": "varchar", "market": "bigint"},
        [(code, zone, int(MARKET_OF_ZONE[code])) for code, zone in enumerate(ZONES)],
    )
    put_records(
        connection,
        "agencies",
        {"code": "bigint", "name": "varchar", "country": "varchar"},
        [(code, agency.name, agency.market) for code, agency in enumerate(p.AGENCIES)],
    )
    put_records(
        connection,
        "assets",
        {"code": "bigint", "kind": "varchar", "asset_id": "varchar", "language": "varchar"},
        [(code, *asset) for code, asset in enumerate(p.ASSETS)],
    )
    return connection


def put_records(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: dict[str, str],
    records: Sequence[tuple[object, ...]],
) -> None:
    """Make a small table of Python records; `columns` are names and types.

    In one statement: `executemany` would load pandas.
    """
    declared = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    connection.execute(f"create table {table} ({declared})")
    if records:
        values = [list(column) for column in zip(*records, strict=True)]
        connection.execute(
            f"insert into {table} select {', '.join('unnest(?)' for _ in columns)}", values
        )


def put(connection: duckdb.DuckDBPyConnection, table: str, rows: Rows) -> None:
    """Append a block of rows to a table, which the first block makes."""
    connection.register("block", rows)
    try:
        connection.execute(f"create table if not exists {table} as select * from block limit 0")
        connection.execute(f"insert into {table} select * from block")
    finally:
        connection.unregister("block")


class Writer:
    """Writes the landing files of arrival days that are complete, and forgets their rows.

    A feed's rows stand in the table of its layout, with their arrival day in `arrival`.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        root: Path,
        options: WorldOptions,
        *,
        written_before: int = 0,
    ) -> None:
        """Nothing is written yet.

        Args:
            connection: The scratch database.
            root: The landing folder.
            options: The world.
            written_before: The last arrival day whose files stand somewhere already: days up to it
                are counted and not written again.
        """
        self._connection = connection
        self._root = root
        self._options = options
        self._written_before = written_before
        self._through = 0
        self._held: list[Rows] = []
        self.written = {feed: Written() for feed in LAYOUTS if feed in options.feeds}

    def write(self, through: int) -> None:
        """Write every day up to the arrival day `through` that was not written yet.

        Raises:
            AssertionError: A feed has rows for a day that was written before.
        """
        if self._held:
            self._write_sessions(through)
        tables = {row[0] for row in self._connection.execute("show tables").fetchall()}
        for feed, layout in LAYOUTS.items():
            if feed in self._options.feeds and layout.table in tables:
                self._write_feed(feed, layout, through)
        self._through = through

    def hold_sessions(self, rows: Rows) -> None:
        """Take in rows of `live_sessions` (`SESSION_ROW_COLUMNS`), in order of arrival."""
        if "live_sessions" in self._options.feeds:
            self._held.append(rows)

    def _write_sessions(self, through: int) -> None:
        """Write complete days of sessions from the arrays that hold them, where they are Parquet.

        There are so many that each copy of them shows. Days that are text go on to the table, to be
        rendered with their neighbours.

        Raises:
            AssertionError: Rows are held for a day that was written before.
        """
        first = min(
            (int(rows["arrival"][0]) for rows in self._held if len(rows["arrival"])), default=0
        )
        if 0 < first <= self._through:
            raise AssertionError(f"live_sessions has rows for day {first}, which is written.")
        for day in range(max(first, 1), through + 1):
            parts = [
                {name: values[slice(*places)] for name, values in rows.items()}
                for rows in self._held
                if len(rows["arrival"])
                for places in (np.searchsorted(rows["arrival"], (day, day + 1)),)
                if places[0] < places[1]
            ]
            if not parts:
                continue
            rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
            if file_format("live_sessions", day, self._options.format) == "parquet":
                self._write_day_of_sessions(day, rows)
            else:
                put(self._connection, "session_rows", rows)
        # Copies, since a slice would keep the whole week.
        late = [np.searchsorted(rows["arrival"], through, side="right") for rows in self._held]
        self._held = [
            {name: values[place:].copy() for name, values in rows.items()}
            for place, rows in zip(late, self._held, strict=True)
            if place < len(rows["arrival"])
        ]

    def _write_day_of_sessions(self, arrival: int, rows: Rows) -> None:
        """Write a day's files, in the order of its rows, and count them."""
        feed = "live_sessions"
        written = self.written[feed]
        files = np.unique(rows["file"]).tolist()
        written.rows += len(rows["file"])
        written.files += len(files)
        written.drift_files += len(files) * self._has_drift(feed, arrival)
        if arrival <= self._written_before:
            written.rows_before += len(rows["file"])
            return
        self._connection.register("held", rows)
        try:
            for file in files:
                written.bytes += self._write_large_file(feed, arrival, file, "held")
                written.new_files += 1
        finally:
            self._connection.unregister("held")

    def _write_feed(self, feed: str, layout: Layout, through: int) -> None:
        """Write one feed: a file for each arrival day that has rows.

        Rows are rendered for many days at once, since planning a query costs more than a small day
        does; but a large day alone, so that its bytes cannot depend on its neighbours.
        """
        written, world_format = self.written[feed], self._options.format
        counts = [
            (int(arrival), int(count))
            for arrival, count in self._connection.execute(
                f"select arrival, count(*) from {layout.table} where arrival <= $through "
                "group by arrival order by arrival",
                {"through": through},
            ).fetchall()
        ]
        if counts and counts[0][0] <= self._through:
            raise AssertionError(f"{feed} has rows for day {counts[0][0]}, which is written.")
        files = {(arrival, 1) for arrival, _ in counts}
        if layout.has_second_files:
            files |= {
                (int(row[0]), int(row[1]))
                for row in self._connection.execute(
                    f"select distinct arrival, file from {layout.table} where arrival <= $through",
                    {"through": through},
                ).fetchall()
            }
        written.rows += sum(count for _, count in counts)
        written.rows_before += sum(n for day, n in counts if day <= self._written_before)
        written.files += len(files)
        written.drift_files += sum(self._has_drift(feed, arrival) for arrival, _ in files)
        wanted = [each for each in counts if each[0] > self._written_before]
        for is_parquet in (True, False):
            days = [
                (arrival, count)
                for arrival, count in wanted
                if (file_format(feed, arrival, world_format) == "parquet") == is_parquet
            ]
            for chunk in _chunks(days):
                if is_parquet and sum(chunk.values()) >= _LARGE_DAY_ROWS and len(chunk) == 1:
                    for arrival, file in sorted(each for each in files if each[0] in chunk):
                        written.bytes += self._write_large_file(feed, arrival, file, layout.table)
                        written.new_files += 1
                    continue
                _render(self._connection, feed, chunk, is_parquet=is_parquet)
                for arrival, file in sorted(each for each in files if each[0] in chunk):
                    written.bytes += self._write_file(feed, arrival, file)
                    written.new_files += 1
        # A new table, since the rows that are deleted from one in memory keep their place.
        self._connection.execute(
            f"create or replace table {layout.table} as select * from {layout.table} "
            "where arrival > $through",
            {"through": through},
        )

    def _write_file(self, feed: str, arrival: int, file: int) -> int:
        """Write one file from `rendered`, and give its size."""
        left_out = ["arrival", "file"]
        if not self._has_drift(feed, arrival):
            left_out.append(DRIFT.name)
        path = self._path(feed, arrival, file)
        copy_to(
            self._connection,
            # A lambda, since `exclude` insists on columns that exist, and most feeds never drift.
            f"select columns(lambda name: name not in ({str(left_out)[1:-1]})) from rendered "
            f"where arrival = {arrival} and file = {file}",
            path,
            file_format(feed, arrival, self._options.format),
        )
        return path.stat().st_size

    def _write_large_file(self, feed: str, arrival: int, file: int, relation: str) -> int:
        """Write one file without rendering it first, in the order of a relation; give its size.

        Sorting a large day as it stands in the file would cost as much as all else. Rows keep their
        order: they are streamed past tables of words that are always smaller.
        """
        layout, path = LAYOUTS[feed], self._path(feed, arrival, file)
        columns = _rendered_columns(layout, is_parquet=True, drifts=self._has_drift(feed, arrival))
        of_file = f"and rows.file = {file}" if layout.has_second_files else ""
        copy_to(
            self._connection,
            f"select {', '.join(columns)} from {relation} as rows {layout.joins} "
            f"where rows.arrival = {arrival} {of_file}",
            path,
            "parquet",
        )
        return path.stat().st_size

    def _path(self, feed: str, arrival: int, file: int) -> Path:
        """Where a file stands; its folder is made."""
        day = self._options.start + timedelta(days=arrival)
        version = "" if file == 1 else f"_v{file}"
        shape = file_format(feed, arrival, self._options.format)
        name = f"{feed}_{day:%Y%m%d}{version}.{shape}"
        path = self._root / feed / f"dt={day.isoformat()}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _has_drift(self, feed: str, arrival: int) -> bool:
        return (
            feed == "live_sessions"
            and self._options.has("schema_drift")
            and arrival >= p.DRIFT_FROM_ARRIVAL
        )


def _chunks(days: list[tuple[int, int]]) -> Iterator[dict[int, int]]:
    """Small days together, at most `_RENDERED_ROWS`; a large one alone."""
    chunk: dict[int, int] = {}
    for arrival, count in days:
        if count >= _LARGE_DAY_ROWS:
            yield {arrival: count}
            continue
        if sum(chunk.values()) + count > _RENDERED_ROWS:
            yield chunk
            chunk = {}
        chunk[arrival] = count
    if chunk:
        yield chunk


def _render(
    connection: duckdb.DuckDBPyConnection, feed: str, days: dict[int, int], *, is_parquet: bool
) -> None:
    """Table `rendered`: rows of these days as they stand in files, in order; `arrival` and `file`.

    Typed for Parquet; for text, times are ISO 8601 with Z (without, where the dirt says so).
    """
    layout = LAYOUTS[feed]
    parts = _rendered_columns(layout, is_parquet=is_parquet, drifts=feed == "live_sessions")
    file = "rows.file" if layout.has_second_files else "1 as file"
    connection.execute(
        f"create or replace table rendered as select rows.arrival, {file}, {', '.join(parts)} "
        f"from {layout.table} as rows {layout.joins} "
        "where rows.arrival between $first and $last and list_contains($days, rows.arrival) "
        f"order by rows.arrival, {layout.order}",
        {"first": min(days), "last": max(days), "days": list(days)},
    )


def _rendered_columns(layout: Layout, *, is_parquet: bool, drifts: bool) -> list[str]:
    """The SQL of a feed's columns, with the drifted one or without."""
    naive = f"rows.variant = {d.NAIVE_TIMESTAMPS + 1}" if layout.has_second_files else "false"
    parts = []
    for column in (*layout.columns, *((DRIFT,) if drifts else ())):
        expression = column.expression
        if column.kind == "timestamp":
            seconds = f"if({expression} = {NEVER}, null, {expression})"
            if is_parquet:
                expression = f"to_timestamp({seconds})"
            else:
                moment = f"make_timestamp({seconds} * 1000000)"
                expression = f"strftime({moment}, '%Y-%m-%dT%H:%M:%S') || if({naive}, '', 'Z')"
        parts.append(f"{expression} as {column.name}")
    return parts


def copy_to(
    connection: duckdb.DuckDBPyConnection, query: str, path: Path, shape: FileFormat
) -> None:
    """Write a query's rows to a file; the path is bound, never SQL text."""
    connection.execute(f"copy ({query}) to $path ({_COPY_OPTIONS[shape]})", {"path": str(path)})
