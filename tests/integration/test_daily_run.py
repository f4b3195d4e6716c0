"""The whole way, from landing to what BI reads, on a simulated world with dirt in it."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sample_home import LAST_DAY, WORLD, Runner, let_arrive

from orchestration.release.pointer import current_release
from orchestration.release.verify import verify_folder
from orchestration.settings import Settings

pytestmark = pytest.mark.slow


def _settings(home: Path) -> Settings:
    return Settings(home=home)


def _query(home: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home / "current" / "marts.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def _content_hashes(home: Path) -> dict[str, str]:
    release = current_release(_settings(home))
    assert release is not None
    return {name: mart.content_hash for name, mart in release.certificate.marts.items()}


def _rewrite_sessions(folder: Path, query: str) -> int:
    """Replace the day's session files by one that a query makes of them; returns its rows."""
    files = sorted(str(path) for path in folder.iterdir())
    reader = "read_parquet" if files[0].endswith(".parquet") else "read_csv"
    if ".jsonl" in files[0]:
        reader = "read_json"
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"create table landed as select * from {reader}($1)", [files])
        # read_json takes the Z off a time, and ingest refuses a time without a zone.
        for name, kind, *_ in connection.execute("describe landed").fetchall():
            if kind == "TIMESTAMP":
                connection.execute(f"alter table landed alter {name} type timestamptz")
        connection.execute(f"create table bad as {query}")
        for path in files:
            Path(path).unlink()
        target = str(folder / "sessions.parquet")
        connection.execute("copy bad to $1 (format parquet)", [target])
        count = connection.execute("select count(*) from bad").fetchone()
    return int(count[0]) if count else 0


def test_the_marts_say_what_is_true_of_the_world(published_world: Path) -> None:
    marts = _query(
        published_world,
        """select segment_kind, segment_value, period_start_date, active_count, new_count,
               retained_count, resurrected_count
           from marts.growth_accounting
           where period_grain = 'week' and is_complete and segment_kind in ('all', 'market')
           order by all""",
    )
    truth = duckdb.execute(
        """select segment_kind, segment_value, period_start_date, active_count, new_count,
               retained_count, resurrected_count
           from read_parquet($1)
           where segment_kind in ('all', 'market') order by all""",
        [str(published_world / "truth" / "growth_week.parquet")],
    ).fetchall()
    complete_weeks = {row[2] for row in marts if row[0] == "all"}
    assert len(complete_weeks) >= 4
    segments = {(row[0], row[1]) for row in marts}
    assert [
        row for row in truth if row[2] in complete_weeks and (row[0], row[1]) in segments
    ] == marts


def test_cohorts_are_retained_as_is_true_of_the_world(published_world: Path) -> None:
    marts = _query(
        published_world,
        """select segment_kind, segment_value, cohort_start_date,
               cohort_start_date + cast(7 * period_index as integer) as period_start_date,
               cohort_size, active_count
           from marts.cohort_retention
           where cohort_kind = 'first_live' and period_grain = 'week' and is_complete
               and segment_kind in ('all', 'market', 'category')
           order by all""",
    )
    truth = duckdb.execute(
        """select segment_kind, segment_value, cohort_start_date, period_start_date,
               cohort_size, active_count
           from read_parquet($1) order by all""",
        [str(published_world / "truth" / "cohort_week.parquet")],
    ).fetchall()
    complete_weeks = {row[3] for row in marts if row[0] == "all"}
    assert len(complete_weeks) >= 4
    segments = {(row[0], row[1]) for row in marts}
    assert len(segments) > 10
    assert [
        row for row in truth if row[3] in complete_weeks and (row[0], row[1]) in segments
    ] == marts


def test_growth_by_tier_and_language_is_what_counting_creators_one_by_one_gives(
    published_world: Path,
) -> None:
    """In a world with dirt, from the published creator days, with sets of creators alone."""
    week_of: dict[str, set[date]] = {}
    for creator, day in _query(
        published_world,
        "select creator_id, local_date from marts.fct_creator_days where session_count > 0",
    ):
        week_of.setdefault(creator, set()).add(day - timedelta(days=day.weekday()))
    segments = {
        creator: {"tier": tier or "unknown", "language": language or "unknown"}
        for creator, tier, language in _query(
            published_world, "select creator_id, tier, language from marts.dim_creators"
        )
    }
    marts = _query(
        published_world,
        """select segment_kind, segment_value, period_start_date, active_count, new_count,
               retained_count, resurrected_count, churned_count
           from marts.growth_accounting
           where period_grain = 'week' and is_complete
               and segment_kind in ('language', 'tier')
           order by all""",
    )
    assert {row[0] for row in marts} == {"language", "tier"}
    assert len({row[1] for row in marts}) > 5
    for kind, value, week, *found in marts:
        creators = {
            creator: weeks
            for creator, weeks in week_of.items()
            if segments.get(creator, {}).get(kind, "unknown") == value
        }
        before = week - timedelta(days=7)
        active = {creator for creator, weeks in creators.items() if week in weeks}
        new = {creator for creator in active if min(creators[creator]) == week}
        active_before = {creator for creator, weeks in creators.items() if before in weeks}
        retained = active & active_before
        counts = [len(active), len(new), len(retained), len(active - new - retained)]
        assert found[:4] == counts, (kind, value, week)
        assert found[4] in {None, len(active_before - active)}, (kind, value, week)


def test_valid_days_are_those_that_are_true_of_the_world(published_world: Path) -> None:
    """Of everybody of whom nothing arrives on the day that is held back."""
    marts = _query(
        published_world,
        """select creator_id, local_date, live_seconds, longest_session_seconds,
               coalesce(diamonds, 0), coalesce(new_followers, 0), is_valid_day
           from marts.fct_creator_days where rule_id = 'network_hour' order by all""",
    )
    truth = duckdb.execute(
        """select creator_id, local_date, live_seconds, longest_session_seconds,
               diamonds, new_followers, is_valid_network_hour
           from read_parquet($days)
           where creator_id not in (
               select creator_id from read_parquet($sessions) where arrival_day = $last
           )
           order by all""",
        {
            "days": str(published_world / "truth" / "valid_days.parquet" / "*.parquet"),
            "sessions": str(published_world / "truth" / "live_sessions.parquet" / "*.parquet"),
            "last": WORLD.days,
        },
    ).fetchall()
    creators = {row[0] for row in truth}
    assert [row for row in marts if row[0] in creators] == truth
    assert sum(1 for row in truth if row[-1]) > 500


def test_every_true_session_is_published_once_in_its_last_version(published_world: Path) -> None:
    sessions = _query(
        published_world,
        """select session_id, creator_id, started_at, ended_at, diamonds
           from marts.fct_live_sessions order by all""",
    )
    truth = duckdb.execute(
        """select session_id, creator_id, cast(started_at as timestamp),
               cast(ended_at as timestamp), diamonds
           from read_parquet($1) order by all""",
        [str(published_world / "truth" / "live_sessions.parquet")],
    ).fetchall()
    published_ids = {row[0] for row in sessions}
    assert len(published_ids) == len(sessions)
    # What the last day would still bring is not here yet; everything else is, as it ended up.
    different = set(sessions) - set(truth)
    assert len(different) <= len(sessions) * 0.02
    assert published_ids <= {row[0] for row in truth}


def test_a_run_without_news_builds_nothing(home: Path, run_in: Runner) -> None:
    warehouse = home / "warehouse.duckdb"
    before = (warehouse.stat().st_mtime_ns, (home / "current").readlink())
    end = run_in(home)
    assert end.verdict == "unchanged"
    assert (warehouse.stat().st_mtime_ns, (home / "current").readlink()) == before


def test_a_damaged_release_is_published_again_though_nothing_is_new(
    home: Path, run_in: Runner
) -> None:
    damaged = (home / "current").resolve()
    (damaged / "marts.duckdb").unlink()
    assert run_in(home).verdict == "published"
    release = current_release(_settings(home))
    assert release is not None
    assert release.path.resolve() != damaged
    assert verify_folder(release.path) == []


def test_a_day_more_gives_the_same_marts_as_building_everything_anew(
    home: Path, tmp_path: Path, run_in: Runner
) -> None:
    let_arrive(home, "live_sessions")
    anew = tmp_path / "anew"
    shutil.copytree(home, anew, symlinks=True)
    (anew / "warehouse.duckdb").unlink()
    old = _content_hashes(home)

    assert run_in(home).verdict == "published"
    assert run_in(anew).verdict == "published"

    assert _content_hashes(home) == _content_hashes(anew)
    assert _content_hashes(home) != old
    for each in (home, anew):
        release = current_release(_settings(each))
        assert release is not None
        assert verify_folder(release.path) == []


def test_a_day_of_impossible_durations_is_stopped_before_the_marts(
    home: Path, run_in: Runner
) -> None:
    before = (home / "current").readlink()
    folder = let_arrive(home, "live_sessions")
    count = _rewrite_sessions(
        folder, "select * replace (started_at - interval 1 hour as ended_at) from landed"
    )
    end = run_in(home)
    assert end.verdict == "refused"
    assert (home / "current").readlink() == before
    said = "\n".join(end.reasons)
    assert "live_sessions" in said
    assert str(LAST_DAY) in said
    assert "ended before it started" in said
    # Nothing is lost: every row of the day stands in quarantine.
    kept = duckdb.execute(
        "select count(distinct row) from read_parquet($1)",
        [str(home / "quarantine" / "live_sessions" / f"dt={LAST_DAY}" / "*.parquet")],
    ).fetchone()
    assert kept == (count,)


def test_a_volume_collapse_is_refused_until_a_person_says_why(home: Path, run_in: Runner) -> None:
    before = (home / "current").readlink()
    _rewrite_sessions(
        let_arrive(home, "live_sessions"), "select * from landed order by session_id limit 3"
    )
    end = run_in(home)
    assert end.verdict == "refused"
    assert (home / "current").readlink() == before
    said = "\n".join(end.reasons)
    assert "shift.arrival_volume (intermediate.int_feed_volumes)" in said
    assert f"live_sessions {LAST_DAY}: 3" in said
    assert "accepted_count=3" in said

    # The same again is refused again: nothing new arrived, but nothing was published either.
    assert run_in(home).verdict == "refused"

    accepted = run_in(home, accept_shift="carnival: the studio was closed")
    assert accepted.verdict == "published"
    release = current_release(_settings(home))
    assert release is not None
    assert release.certificate.accepted_shift == "carnival: the studio was closed"


def test_a_duplicated_grain_in_a_fact_is_refused_with_table_and_rows(
    home: Path, run_in: Runner
) -> None:
    before = (home / "current").readlink()
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        connection.execute(
            """insert into marts.fct_live_sessions
               select * from marts.fct_live_sessions
               where local_start_date = date '2026-07-10' order by session_id limit 3"""
        )
    let_arrive(home, "live_sessions")
    end = run_in(home)
    assert end.verdict == "refused"
    assert (home / "current").readlink() == before
    said = "\n".join(end.reasons)
    assert "fct_live_sessions_grain" in said
    assert "marts.fct_live_sessions" in said
    assert said.count("session_id=") == 3


def test_a_corrected_file_replaces_its_day(home: Path, run_in: Runner) -> None:
    day = date(2026, 7, 20)
    folder = home / "landing" / "live_sessions" / f"dt={day}"
    gone = "select * from landed where try_cast(peak_viewers as bigint) % 7 <> 0"
    _rewrite_sessions(folder, gone)
    assert run_in(home).verdict == "published"
    anew = home.with_name("anew")
    shutil.copytree(home, anew, symlinks=True)
    (anew / "warehouse.duckdb").unlink()
    (anew / "current").unlink()
    assert run_in(anew).verdict == "published"
    assert _content_hashes(home) == _content_hashes(anew)


def test_world_is_what_the_test_thinks(published_world: Path) -> None:
    days = sorted(path.name for path in (published_world / "landing" / "live_sessions").iterdir())
    assert days[0] == f"dt={WORLD.first_arrival_date}"
    assert f"dt={LAST_DAY}" not in days
