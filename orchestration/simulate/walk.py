"""Going through the weeks of a world: each is lived, soiled, landed and told to the truth in turn.

What lives here: the order of the steps, and what stands between them. What may not: how any step
works, and anything that holds more than about a week of sessions: what is complete is written and
forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from orchestration.simulate import backstage, landing, truth, world
from orchestration.simulate import parameters as p
from orchestration.simulate.activity import Activity, complete_after, first_monday, week_count
from orchestration.simulate.clock import DAY, WEEK, epoch_of
from orchestration.simulate.derived import Derived, Week
from orchestration.simulate.dirt import KINDS, Dirt, stack, take
from orchestration.simulate.draws import NEVER, Bools, Ints, Rows
from orchestration.simulate.options import WorldOptions
from orchestration.simulate.program_feeds import ProgramFeeds
from orchestration.simulate.states import CreatorHistory, CreatorStates

if TYPE_CHECKING:
    import duckdb

    from orchestration.simulate.world import Population


@dataclass(frozen=True)
class Made:
    """What was made: counts, and what was written by feed."""

    creators: int
    creators_live: int
    sessions: int
    dirt: dict[str, int]
    missing_days: dict[str, list[str]]
    """Arrival days (ISO) that never come, by feed."""
    written: dict[str, landing.Written]
    programs: list[dict[str, Any]]
    """What `truth.json` says of programs."""


def make(
    workshop: Path,
    options: WorldOptions,
    tell: Callable[[str], None],
    *,
    written_before: int = 0,
) -> Made:
    """Make a world in a workshop folder: `landing/`, `truth/` and maybe `exports/` in it.

    Args:
        workshop: An empty folder.
        options: The world.
        tell: Is told what is being done.
        written_before: The last arrival day whose files stand already; they are not made again.
    """
    tell(f"drawing {options.creators:,} creators")
    for name in ("landing", "truth"):
        (workshop / name).mkdir()
    connection = landing.open_scratch(workshop)
    try:
        writer = landing.Writer(
            connection, workshop / "landing", options, written_before=written_before
        )
        return _walk(connection, writer, workshop / "truth", options, tell)
    finally:
        connection.close()


def _walk(
    connection: duckdb.DuckDBPyConnection,
    writer: landing.Writer,
    root: Path,
    options: WorldOptions,
    tell: Callable[[str], None],
) -> Made:
    clock = world.clock_of(options)
    people = world.populate(options, clock, first_monday(options) + week_count(options) * WEEK)
    programs = ProgramFeeds(connection, people, options, clock)
    activity = Activity(people, options, clock, programs.acting)
    weekly = truth.WeeklyActivity(people, options, clock)
    soiler = Dirt(options, lambda arrival: _naive_fits(arrival, options))
    states = CreatorStates(people.size, options)
    derived = Derived(people, options, clock)
    history = CreatorHistory(people.size)
    _put_people(connection, people)
    _put_what_is_drawn_ahead(connection, people, options)

    sessions, found = 0, np.zeros(len(KINDS), np.int64)
    for week, block in enumerate(activity.weeks()):
        changes = activity.take_changes()
        monday = first_monday(options) + week * WEEK
        told = soiler.by_its_clock(block)
        observed = derived.put(connection, Week(week, monday, block, told, changes))
        programs.add(week, told)
        landed = soiler.land(week, told).without(derived.polled)
        writer.hold_sessions(_as_in_files(landed.rows, people, programs))
        through = min(complete_after(options, week), options.days)
        settled = states.settle(changes, through)
        landing.put(connection, "creator_rows", settled)
        landing.put(connection, "history_rows", history.changed(settled))
        writer.write(through)
        true = _by_both_routes(landed.true, observed, derived.polled, options)
        lost = _by_both_routes(
            landed.lost, take(observed, np.zeros(0, np.int64)), derived.polled, options
        )
        weekly.add(true)
        for name, rows in (("live_sessions", true), ("lost_sessions", lost)):
            truth.write_sessions(connection, root, name, week, weekly.with_local_start(rows))
        programs.tell(week, true, root)
        landing.put(connection, "dirt_notes", landed.notes)
        sessions += len(true["session"])
        found += np.bincount(landed.notes["kind"], minlength=len(KINDS))
        tell(f"week {week + 1}: {sessions:,} sessions so far")
        # Or they would be held while the next week is lived.
        del block, told, observed, landed, true, lost

    known = states.known()
    missing = [(options.start + timedelta(days=day)).isoformat() for day in soiler.missing_days()]
    landing.put(connection, "latest", known)
    # Who moved after the last arrival day has not moved yet, for all that anybody can know.
    people.market[known["creator"]] = world.MARKET_OF_ZONE[known["zone"]]
    made = Made(
        creators=len(known["creator"]),
        creators_live=weekly.creators_live,
        sessions=sessions,
        dirt={
            **dict(zip(KINDS, found.tolist(), strict=True)),
            "schema_drift": sum(feed.drift_files for feed in writer.written.values()),
            "missing_day": len(missing),
            "wrong_payout": programs.wrong_payouts,
        },
        missing_days={"live_sessions": missing},
        written=writer.written,
        programs=programs.record(),
    )
    tell("writing what is true")
    programs.finish(root, week_count(options))
    _finish_truth(connection, root, options, weekly, made)
    return made


def _by_both_routes(reported: Rows, observed: Rows, polled: Bools, options: WorldOptions) -> Rows:
    """What is true of a week's sessions and known by the last arrival day, in their order.

    Args:
        reported: True sessions as `live_sessions` tells of them.
        observed: True sessions that a poll names, with `arrival`.
        polled: By creator, whether they are known by polls alone: column `is_polled`.
        options: The world.
    """
    if len(observed["session"]) == 0:
        both = {name: reported[name] for name in (*observed, "clock_skew_seconds")}
        return {**both, "is_polled": np.zeros(len(both["session"]), np.int8)}
    known = take(observed, observed["arrival"] <= options.days)
    last = epoch_of(options.start) + options.days * DAY
    known["ended_at"] = np.where(known["ended_at"] < last, known["ended_at"], NEVER)
    # Polls are taken by the poller's clock.
    known["clock_skew_seconds"] = np.zeros(len(known["session"]), np.int64)
    both = stack([{name: reported[name] for name in known}, known])
    both["is_polled"] = polled[both["creator"]].astype(np.int64)
    return take(both, np.argsort(both["session"], kind="stable"))


def _finish_truth(
    connection: duckdb.DuckDBPyConnection,
    root: Path,
    options: WorldOptions,
    weekly: truth.WeeklyActivity,
    made: Made,
) -> None:
    """The tables that are about the whole world, and `truth.json`."""
    truth.write_creators(connection, root)
    truth.write_dirt(connection, root, options)
    truth.write_history(connection, root)
    truth.write_holidays(connection, root, options)
    truth.write_growth(connection, root, weekly.growth())
    weekly.write_counts(connection, root)
    if "backstage_reports" in options.feeds:
        folder = root.parent / "exports"
        rows, files = backstage.export_world(root, folder, options)
        made.written["backstage_reports"] = landing.Written(
            rows, files, sum(path.stat().st_size for path in folder.iterdir()), new_files=files
        )
    truth.write_summary(
        root,
        options,
        {
            "creators": made.creators,
            "creators_live": made.creators_live,
            "sessions": made.sessions,
            "dirt": made.dirt,
            "missing_days": made.missing_days,
            "programs": made.programs,
            "feeds": {
                name: {"rows": feed.rows, "files": feed.files}
                for name, feed in made.written.items()
            },
        },
    )


def _as_in_files(rows: Rows, people: Population, programs: ProgramFeeds) -> Rows:
    """A week's landed rows with titles in the creators' languages, and the campaigns of shows."""
    language = people.language[np.maximum(rows["creator"], 0)]
    language[rows["creator"] == NEVER] = 0
    title = (rows["title"] + language * p.TITLES_PER_LANGUAGE).astype(np.int8)
    title[rows["title"] == NEVER] = NEVER
    campaign = programs.campaign_of(rows["creator"], rows["started_at"])
    told = {**rows, "title": title, "campaign": campaign}
    return {name: told[name] for name in landing.SESSION_ROW_COLUMNS}


def _put_people(connection: duckdb.DuckDBPyConnection, people: Population) -> None:
    """Table `people`: every creator's fixed attributes."""
    columns = {field.name: getattr(people, field.name) for field in fields(people)}
    landing.put(connection, "people", {"creator": np.arange(people.size), **columns})


def _put_what_is_drawn_ahead(
    connection: duckdb.DuckDBPyConnection, people: Population, options: WorldOptions
) -> None:
    """Rows of feeds that are few and drawn for the whole world before its first week."""
    for table, rows, at in (
        ("event_rows", world.onboarding_events(people), "occurred_at"),
        ("agency_rows", world.agency_states(options), "updated_at"),
    ):
        rows["arrival"] = (rows[at] - epoch_of(options.start)) // DAY + 1
        landing.put(connection, table, rows)


def _naive_fits(arrival: Ints, options: WorldOptions) -> Bools:
    """Whether each arrival day's session file is text: Parquet's type always carries the zone."""
    days, place = np.unique(arrival, return_inverse=True)
    is_text = [
        landing.file_format("live_sessions", int(day), options.format) != "parquet" for day in days
    ]
    fits: Bools = np.array(is_text, bool)[place]
    return fits
