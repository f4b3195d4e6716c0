"""The Holodex adapter: the real collection, rules on tiny ones, and what it says of bad ones."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import duckdb
import pytest
from holodex_facts import HOLODEX, MISSING

from orchestration.settings import Settings
from orchestration.sources.holodex import HolodexError, land_holodex
from orchestration.sources.landing import LandingSummary

SessionRow = tuple[str, str, str, str | None, str | None, float, int, int]
ChannelRow = tuple[str, str, str | None, int, str]


@dataclass(frozen=True)
class Landed:
    """A home after the adapter ran on it."""

    settings: Settings
    summary: LandingSummary
    said: tuple[str, ...]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Run a query over views named after the landed feeds (with `arrival_date`)."""
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            for feed in self.summary.feeds:
                files = [str(path) for path in self.summary.feeds[feed].files]
                connection.read_parquet(files, hive_partitioning=True).create_view(feed)
            return connection.execute(query).fetchall()

    def bytes_by_path(self) -> dict[str, bytes]:
        """Every file below landing, by its path there."""
        landing = self.settings.landing
        return {
            str(path.relative_to(landing)): path.read_bytes()
            for path in sorted(landing.rglob("*"))
            if path.is_file()
        }


def land(folder: Path, home: Path, language: Literal["en", "es"] = "en") -> Landed:
    """Run the adapter into a home."""
    settings = Settings(home=home, language=language)
    said: list[str] = []
    summary = land_holodex(folder, settings, progress=said.append)
    return Landed(settings=settings, summary=summary, said=tuple(said))


@pytest.fixture(scope="session")
def real_folder() -> Path:
    """The real collection, which is not part of the checkout."""
    if not HOLODEX.is_dir():
        pytest.skip(MISSING)
    return HOLODEX


@pytest.fixture(scope="session")
def real(real_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Landed:
    """The real collection, landed once for all tests that only read it."""
    return land(real_folder, tmp_path_factory.mktemp("home"))


WriteFolder = Callable[[list[SessionRow], list[ChannelRow]], Path]


@pytest.fixture
def write_folder(tmp_path: Path) -> WriteFolder:
    """Writes a tiny collection into a folder whose name is a trap for globs and for quoting."""

    def write(sessions: list[SessionRow], channels: list[ChannelRow]) -> Path:
        folder = tmp_path / "it's [a] *folder*; drop"
        folder.mkdir()
        with duckdb.connect() as connection:
            connection.execute(
                "create table sessions (channel_id varchar, source_file varchar, topic varchar, "
                "start_utc timestamp_ns, end_utc timestamp_ns, viewers_avg double, "
                "viewers_peak bigint, subscribers_gained bigint)"
            )
            for session in sessions:
                connection.execute("insert into sessions values (?, ?, ?, ?, ?, ?, ?, ?)", session)
            connection.sql("select *, end_utc as peak_at_utc from sessions").write_parquet(
                str(folder / "sessions_raw_notitle.parquet")
            )
            connection.execute(
                "create table channels (channel_id varchar, channel_name varchar, agency varchar, "
                "subscribers bigint, source_file varchar)"
            )
            for channel in channels:
                connection.execute("insert into channels values (?, ?, ?, ?, ?)", channel)
            connection.sql("select *, 'vtuber' as type from channels").write_parquet(
                str(folder / "channels.parquet")
            )
        return folder

    return write


# --- the real collection

# The pipeline's rule for duplicates: the greatest updated_at, then the latest arrival.
WINNERS = """
winners as (
    select *
    from live_sessions
    qualify row_number() over (
        partition by session_id order by updated_at desc, dt desc
    ) = 1
)
"""


def test_every_collected_row_is_landed_on_the_day_it_was_closed(real: Landed) -> None:
    landed = real.summary.feeds["live_sessions"]
    assert landed.rows == 45_855
    assert len(landed.files) == 56
    assert (landed.first_arrival, landed.last_arrival) == (date(2024, 5, 2), date(2024, 10, 31))
    assert real.rows("select count(*) from live_sessions where cast(ended_at as date) <> dt") == [
        (0,)
    ]


def test_the_sessions_are_30535_of_1902_channels(real: Landed) -> None:
    counted = real.rows(
        "select count(*), count(distinct session_id), count(distinct creator_id), "
        "count(distinct (creator_id, started_at)) from live_sessions"
    )
    assert counted == [(45_855, 30_535, 1_902, 30_535)]


def test_a_session_id_is_the_channel_and_the_start(real: Landed) -> None:
    assert real.rows(
        "select count(*), max(average_viewers), max(viewer_seconds) from live_sessions "
        "where session_id = 'UC1VN5GzTwrOrn70zgEm6T3w-20241022T122135Z'"
    ) == [(2, 182, 4_335_140)]


def test_the_last_end_of_a_session_wins(real: Landed) -> None:
    wrong = real.rows(
        f"with {WINNERS} select count(*) from winners where ended_at <> "
        "(select max(ended_at) from live_sessions s where s.session_id = winners.session_id)"
    )
    assert wrong == [(0,)]


def test_weekly_growth_equals_what_two_independent_programs_counted(real: Landed) -> None:
    weekly = real.rows(
        f"""
        with {WINNERS},
        weeks as (
            select distinct creator_id, cast(date_trunc('week', started_at) as date) as week
            from winners
        ),
        marked as (
            select
                week,
                lag(week) over (partition by creator_id order by week) as previous_week
            from weeks
        )
        select
            strftime(week, '%Y-%m-%d'),
            count(*),
            count(*) filter (where previous_week is null),
            count(*) filter (where previous_week = week - 7),
            count(*) filter (where previous_week < week - 7)
        from marked
        group by week
        having count(*) > 1000
        order by week
        """
    )
    assert weekly == [
        ("2024-04-29", 1076, 1074, 2, 0),
        ("2024-05-06", 1081, 183, 898, 0),
        ("2024-05-13", 1252, 122, 996, 134),
        ("2024-05-20", 1265, 83, 1123, 59),
        ("2024-05-27", 1098, 24, 1005, 69),
        ("2024-06-03", 1185, 46, 949, 190),
        ("2024-10-21", 1510, 149, 767, 594),
        ("2024-10-28", 1331, 31, 1216, 84),
    ]


def test_every_creator_arrives_first_and_renames_arrive_when_seen(real: Landed) -> None:
    assert real.rows(
        "select count(*), count(distinct creator_id), count(*) filter (dt = date '2024-05-02'), "
        "count(*) filter (cast(updated_at as date) > dt) from creators"
    ) == [(1_915, 1_902, 1_902, 0)]
    names = real.rows(
        "select handle, agency_id, follower_count from creators "
        "where creator_id = 'UCq6EBsKaFIUpac6fPkGu2PQ' order by updated_at desc"
    )
    assert names[0][0] == "作楽つきひちゃんねる"
    assert len(names) == 2


def test_agencies_are_75_with_ids_of_their_own_and_independents_are_none(real: Landed) -> None:
    assert real.rows("select count(*), count(distinct agency_id) from agencies") == [(75, 75)]
    assert real.rows(
        "select agency_id from agencies where name in ('.LIVE', 'V&U', 'idol Corp') order by all"
    ) == [("idol-corp",), ("live",), ("v-u",)]
    assert real.rows("select count(*) from creators where agency_id is null") == [(868,)]
    assert real.rows("select count(*) from creators anti join agencies using (agency_id)") == [
        (868,)
    ]


def test_the_notes_count_the_known_dirt(real: Landed) -> None:
    counts = {note.code: note.count for note in real.summary.notes}
    assert counts == {
        "repeated_rows": 15_320,
        "over_48_hours": 467,
        "peak_outside": 735,
        "without_topic": 7_367,
        "subscribers_gained_left_out": 12_079,
        "renamed_channels": 13,
        "without_agency": 868,
        "creators_unknown": 1_902,
        "agencies_unknown": 75,
    }
    for note in real.summary.notes:
        assert f"{note.count:,}" in note.message_en
        assert f"{note.count:,}" in note.message("es")


def test_the_landed_types_are_the_contracts_types(real: Landed) -> None:
    described = real.rows("select column_name, column_type from (describe live_sessions)")
    assert described == [
        ("session_id", "VARCHAR"),
        ("creator_id", "VARCHAR"),
        ("platform", "VARCHAR"),
        ("started_at", "TIMESTAMP WITH TIME ZONE"),
        ("ended_at", "TIMESTAMP WITH TIME ZONE"),
        ("category", "VARCHAR"),
        ("average_viewers", "DECIMAL(18,4)"),
        ("peak_viewers", "BIGINT"),
        ("viewer_seconds", "BIGINT"),
        ("updated_at", "TIMESTAMP WITH TIME ZONE"),
        ("dt", "DATE"),
    ]


def test_landing_again_changes_no_byte_and_touches_no_file(
    real: Landed, real_folder: Path, tmp_path: Path
) -> None:
    before = real.bytes_by_path()
    touched = {path: (real.settings.landing / path).stat().st_mtime_ns for path in before}

    again = land(real_folder, real.settings.home)
    elsewhere = land(real_folder, tmp_path / "another home")

    assert again.bytes_by_path() == before
    assert elsewhere.bytes_by_path() == before
    assert again.summary.files_changed == 0
    assert elsewhere.summary.files_changed == 70
    assert {p: (real.settings.landing / p).stat().st_mtime_ns for p in before} == touched
    assert list(real.settings.scratch.iterdir()) == []


# --- rules, on tiny collections

SESSIONS = "sessions_raw_notitle.parquet"
CHANNELS = "channels.parquet"

ONE_SESSION: list[SessionRow] = [
    ("UC1", "One", "talk", "2024-05-03 23:30:00", "2024-05-04 00:30:00", 10.5, 20, 0)
]
ONE_CHANNEL: list[ChannelRow] = [("UC1", " One ch. ", "An Agency", 100, "One")]


def test_a_session_over_midnight_arrives_on_the_day_of_its_end(
    write_folder: WriteFolder, tmp_path: Path
) -> None:
    landed = land(write_folder(ONE_SESSION, ONE_CHANNEL), tmp_path / "it's home")
    assert landed.rows(
        "select session_id, cast(started_at as varchar), category, viewer_seconds, dt "
        "from live_sessions"
    ) == [
        ("UC1-20240503T233000Z", "2024-05-03 23:30:00+00", "talk", 37_800, date(2024, 5, 4)),
    ]
    assert landed.rows("select handle, agency_id, timezone, status from creators") == [
        ("One ch.", "an-agency", "UTC", "active")
    ]


def test_subscribers_since_the_last_row_are_not_passed_off_as_new_followers(
    write_folder: WriteFolder, tmp_path: Path
) -> None:
    session: SessionRow = ("UC1", "One", "a", "2024-05-03 10:00", "2024-05-03 11:00", 1, 1, 445_000)
    landed = land(write_folder([session], ONE_CHANNEL), tmp_path / "home")
    columns = [row[0] for row in landed.rows("select column_name from (describe live_sessions)")]
    assert "new_followers" not in columns
    assert ("subscribers_gained_left_out", 1) in {(n.code, n.count) for n in landed.summary.notes}


def test_a_record_of_a_later_name_arrives_when_that_name_is_first_seen(
    write_folder: WriteFolder, tmp_path: Path
) -> None:
    folder = write_folder(
        [
            ("UC1", "Zoe", "a", "2024-05-01 10:00", "2024-05-01 11:00", 1, 1, 0),
            ("UC1", "Amy", "a", "2024-05-09 10:00", "2024-05-09 11:00", 1, 1, 0),
        ],
        [
            ("UC1", "Amy", "Big", 200, "Amy"),
            ("UC1", "Zoe", "Independents", 100, "Zoe"),
            ("UC1", "Nobody saw this", "Big", 150, "Unseen"),
        ],
    )
    landed = land(folder, tmp_path / "home")
    assert landed.rows(
        "select handle, agency_id, cast(updated_at as varchar), dt from creators order by dt"
    ) == [
        ("Zoe", None, "2024-05-01 00:00:00+00", date(2024, 5, 1)),
        ("Amy", "big", "2024-05-09 11:00:00+00", date(2024, 5, 9)),
    ]
    counts = {note.code: note.count for note in landed.summary.notes}
    assert counts["renamed_channels"] == 1
    assert counts["records_without_order"] == 1


def test_two_agency_names_never_share_an_id_and_any_script_is_a_name(
    write_folder: WriteFolder, tmp_path: Path
) -> None:
    names = ["VEE", "Vee!", "Ñandú  Live", "ぶいすぽっ!", "***", "INDEPENDENTS", None]
    channels: list[ChannelRow] = [
        (f"UC{number}", "x", name, 1, "x") for number, name in enumerate(names)
    ]
    landed = land(write_folder(ONE_SESSION, channels), tmp_path / "home")
    ids = {row[0]: row[1] for row in landed.rows("select name, agency_id from agencies")}
    assert len(set(ids.values())) == len(ids) == 5
    assert ids["Ñandú  Live"] == "ñandú-live"
    assert ids["ぶいすぽっ!"] == "ぶいすぽっ"
    assert ids["VEE"].startswith("vee-")
    assert ids["Vee!"].startswith("vee-")
    assert ids["***"].startswith("agency-")


def test_broken_rows_are_landed_for_ingest_to_judge_not_lost_here(
    write_folder: WriteFolder, tmp_path: Path
) -> None:
    folder = write_folder(
        [
            *ONE_SESSION,
            ("UC1", "One", "still on", "2024-05-02 10:00", None, float("nan"), 1, 0),
            ("UC1", "One", "no time", None, None, 1, 1, 0),
            ("", "One", "no channel", "2024-05-03 10:00", "2024-05-03 09:00", 1, 1, 0),
            ("UC9", "Nine", "no record", "2024-05-03 10:00", "2024-05-03 11:00", 1, 1, 0),
        ],
        ONE_CHANNEL,
    )
    landed = land(folder, tmp_path / "home")
    assert landed.rows(
        "select category, dt, session_id is null from live_sessions order by category"
    ) == [
        ("no channel", date(2024, 5, 3), True),
        ("no record", date(2024, 5, 3), False),
        ("no time", date(2024, 5, 4), True),
        ("still on", date(2024, 5, 2), False),
        ("talk", date(2024, 5, 4), False),
    ]
    counts = {note.code: note.count for note in landed.summary.notes}
    assert (counts["without_end"], counts["unreadable_average"], counts["without_creator"]) == (
        2,
        1,
        1,
    )


def test_files_of_other_sources_stay_and_older_files_of_ours_are_said(
    write_folder: WriteFolder, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    folder = write_folder(ONE_SESSION, ONE_CHANNEL)
    day = home / "landing" / "live_sessions" / "dt=2024-05-04"
    other = day / "platform.csv"
    older = home / "landing" / "live_sessions" / "dt=2023-01-01" / "holodex.parquet"
    for path in (other, older, day / "holodex.parquet"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("somebody's")

    landed = land(folder, home)

    assert other.read_text() == older.read_text() == "somebody's"
    assert landed.summary.feeds["live_sessions"].files == (day / "holodex.parquet",)
    assert landed.rows("select count(*) from live_sessions") == [(1,)]
    assert [n.count for n in landed.summary.notes if n.code == "earlier_files_kept"] == [1]


def test_progress_speaks_the_language_of_the_settings(
    write_folder: WriteFolder, tmp_path: Path
) -> None:
    folder = write_folder(ONE_SESSION, ONE_CHANNEL)
    assert land(folder, tmp_path / "en").said[0].startswith("Reading")
    assert land(folder, tmp_path / "es", language="es").said[0].startswith("Leyendo")


def refused(folder: Path, home: Path) -> HolodexError:
    """The error of a folder that cannot be landed; landing must not exist after it."""
    with pytest.raises(HolodexError) as caught:
        land(folder, home)
    assert not (home / "landing").exists()
    assert caught.value.message("es") != str(caught.value)
    return caught.value


def test_a_missing_folder_or_a_file_in_its_place_is_named(tmp_path: Path) -> None:
    error = refused(tmp_path / "nowhere", tmp_path / "home")
    assert "nowhere does not exist" in str(error)
    assert "no existe" in error.message("es")
    (tmp_path / "a file").write_text("x")
    assert "is a file, not a folder" in str(refused(tmp_path / "a file", tmp_path / "home"))


@pytest.mark.parametrize("name", [SESSIONS, CHANNELS])
def test_a_missing_file_or_a_folder_in_its_place_is_named(
    name: str, write_folder: WriteFolder, tmp_path: Path
) -> None:
    folder = write_folder(ONE_SESSION, ONE_CHANNEL)
    (folder / name).unlink()
    assert f"{name} is missing in {folder}" in str(refused(folder, tmp_path / "home"))
    (folder / name).mkdir()
    assert f"{name} is a folder, not a file" in str(refused(folder, tmp_path / "home"))


@pytest.mark.parametrize("name", [SESSIONS, CHANNELS])
@pytest.mark.parametrize("damage", ["empty", "truncated", "other format"])
def test_a_file_that_is_not_parquet_is_named(
    name: str, damage: str, write_folder: WriteFolder, tmp_path: Path
) -> None:
    folder = write_folder(ONE_SESSION, ONE_CHANNEL)
    whole = (folder / name).read_bytes()
    damaged = {"empty": b"", "truncated": whole[: len(whole) // 2], "other format": b"a,b\n1,2\n"}
    (folder / name).write_bytes(damaged[damage])
    error = refused(folder, tmp_path / "home")
    assert f"{folder / name} cannot be read as Parquet" in str(error)
    assert "select" not in str(error).lower()


def test_missing_columns_and_columns_of_another_type_are_named(
    write_folder: WriteFolder, tmp_path: Path
) -> None:
    folder = write_folder(ONE_SESSION, ONE_CHANNEL)
    path = folder / SESSIONS
    whole = tmp_path / "whole.parquet"
    shutil.copy(path, whole)
    with duckdb.connect() as connection:
        source = connection.read_parquet(str(whole))
        source.project("* exclude (channel_id, end_utc)").write_parquet(str(path))
        error = refused(folder, tmp_path / "home")
        assert "lacks 2 of the columns the adapter reads: channel_id, end_utc" in str(error)
        source.project("* replace (start_utc::varchar as start_utc)").write_parquet(str(path))
        error = refused(folder, tmp_path / "home")
        assert "start_utc (VARCHAR, not timestamp)" in str(error)


def test_files_without_rows_or_without_any_day_are_refused(
    write_folder: WriteFolder, tmp_path: Path
) -> None:
    folder = write_folder([], ONE_CHANNEL)
    assert f"{folder / SESSIONS} has no rows" in str(refused(folder, tmp_path / "home"))
    shutil.rmtree(folder)
    folder = write_folder(ONE_SESSION, [])
    assert f"{folder / CHANNELS} has no rows" in str(refused(folder, tmp_path / "home"))
    shutil.rmtree(folder)
    folder = write_folder([("UC1", "One", "a", None, None, 1, 1, 0)], ONE_CHANNEL)
    assert "no arrival day is known" in str(refused(folder, tmp_path / "home"))


def test_a_landing_that_cannot_be_written_is_said_and_leaves_no_scratch(
    write_folder: WriteFolder, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "landing").write_text("a file where the folder should be")
    with pytest.raises(HolodexError, match="could not be landed"):
        land(write_folder(ONE_SESSION, ONE_CHANNEL), home)
    assert list((home / "scratch").iterdir()) == []
