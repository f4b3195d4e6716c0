"""Each kind of drift, planted into real files of three formats, is named with the last good day."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from orchestration.contracts.drift_rules import DriftAction, DriftKind
from orchestration.contracts.loader import FeedContract, load_contracts
from orchestration.ingest import quarantine
from orchestration.ingest.ledger import utc_now
from orchestration.ingest.profile import Profile
from tests.unit.ingest.drifting_world import DriftingWorld, Format, make_landing

GOOD_DAYS = 8
TIMES_1000 = (
    "select * replace (cast(viewer_seconds as bigint) * 1000 as viewer_seconds) from landed"
)
NO_TITLES = (
    "select * replace (case when hash(session_id) % 10 < 4 then null else title end as title) "
    "from landed"
)
NEW_PLATFORM = (
    "select * replace (case when hash(session_id) % 50 = 0 then {text} else platform end "
    "as platform) from landed"
)


@pytest.fixture(scope="session")
def landings(tmp_path_factory: pytest.TempPathFactory) -> Mapping[Format, Path]:
    """The same simulated world, landed in each format."""
    formats: tuple[Format, ...] = ("parquet", "csv", "jsonl")
    return {each: make_landing(tmp_path_factory.mktemp(each), each) for each in formats}


@pytest.fixture(scope="session")
def good_homes(
    tmp_path_factory: pytest.TempPathFactory, landings: Mapping[Format, Path]
) -> Mapping[Format, Path]:
    """A home with eight good days of LIVE sessions, of each format."""
    homes = {}
    for format_, source in landings.items():
        homes[format_] = tmp_path_factory.mktemp(f"good-{format_}") / "home"
        DriftingWorld(home=homes[format_], source=source).ingest_good(GOOD_DAYS)
    return homes


@pytest.fixture(params=["parquet", "csv", "jsonl"])
def world(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    landings: Mapping[Format, Path],
    good_homes: Mapping[Format, Path],
) -> DriftingWorld:
    """A copy of such a home, in each format."""
    shutil.copytree(good_homes[request.param], tmp_path / "home")
    return DriftingWorld(home=tmp_path / "home", source=landings[request.param])


@pytest.fixture
def parquet_world(
    tmp_path: Path, landings: Mapping[Format, Path], good_homes: Mapping[Format, Path]
) -> DriftingWorld:
    """A copy of such a home, of Parquet files only."""
    shutil.copytree(good_homes["parquet"], tmp_path / "home")
    return DriftingWorld(home=tmp_path / "home", source=landings["parquet"])


def with_action(
    contract: FeedContract, kind: DriftKind, column: str, action: DriftAction
) -> FeedContract:
    """The contract with another action for one kind of drift of one column."""
    columns = tuple(
        replace(each, drift=tuple((k, action if k == kind else a) for k, a in each.drift))
        if each.name == column
        else each
        for each in contract.columns
    )
    return replace(contract, columns=columns)


# --- each kind -------------------------------------------------------------------------------

PLANTED: list[tuple[str, str, Callable[[str], bool]]] = [
    (
        "new_column bitrate_kbps",
        "select *, '6000' as bitrate_kbps from landed",
        lambda said: "does not know the column bitrate_kbps" in said,
    ),
    (
        "vanished_column likes",
        "select * exclude (likes) from landed",
        lambda said: "likes is missing from every file" in said,
    ),
    (
        "null_share title",
        NO_TITLES,
        lambda said: "title is empty in " in said and "good days before, in " in said,
    ),
    (
        "new_category platform",
        NEW_PLATFORM,
        lambda said: "'trovo' (" in said,
    ),
    (
        "changed_unit average_viewers",
        "select * replace (cast(average_viewers as double) * 100 as average_viewers) from landed",
        lambda said: "about 100 times what it was" in said and "cents" in said,
    ),
    (
        "changed_distribution likes",
        "select * replace (cast(likes as bigint) * 17 as likes) from landed",
        lambda said: "p50 " in said and " → " in said,
    ),
    (
        "changed_type creator_id",
        "select * replace (hash(creator_id) % 1000000000 as creator_id) from landed",
        lambda said: "creator_id" in said,
    ),
]


@pytest.mark.parametrize(("what", "sql", "says"), PLANTED, ids=[what for what, _, _ in PLANTED])
def test_planted_drift_is_named_with_the_last_good_day_beside_it(
    world: DriftingWorld, what: str, sql: str, says: Callable[[str], bool]
) -> None:
    day = world.days[GOOD_DAYS]
    is_json = world.source.parent.name.startswith("jsonl")
    text = "'\"trovo\"'::json" if is_json else "'trovo'"
    result, found = world.drift_of(day, sql.replace("{text}", text))
    assert set(found) == {what}
    finding = found[what]
    assert finding.last_good_day == world.days[GOOD_DAYS - 1]
    assert says(finding.what_en), finding.what_en
    assert finding.what_es != finding.what_en
    assert f"Last good day: {world.days[GOOD_DAYS - 1]}." in finding.told("en")
    assert f"Último día bueno: {world.days[GOOD_DAYS - 1]}." in finding.told("es")
    is_unit = finding.kind == "changed_unit"
    assert finding.action == ("refuse" if is_unit else "warn")
    assert result.outcome == ("refused" if is_unit else "accepted")


def test_a_number_that_comes_as_text_is_another_type_though_every_value_parses(
    world: DriftingWorld,
) -> None:
    if world.source.parent.name.startswith("csv"):
        # In CSV everything is text: nothing changed.
        _, found = world.drift_of(
            world.days[GOOD_DAYS], "select * replace (cast(likes as varchar) as likes) from landed"
        )
        assert found == {}
        return
    result, found = world.drift_of(
        world.days[GOOD_DAYS],
        "select * replace (cast(cast(likes as bigint) as varchar) as likes) from landed",
    )
    assert result.outcome == "accepted"
    assert set(found) == {"changed_type likes"}
    assert "likes comes as text" in found["changed_type likes"].what_en
    assert "before, as whole numbers" in found["changed_type likes"].what_en


def test_good_days_have_no_drift_in_any_format(world: DriftingWorld) -> None:
    for day in world.days[GOOD_DAYS:]:
        world.land(day)
        assert world.ingest(day).drift == ()


# --- refusing --------------------------------------------------------------------------------


def test_a_changed_unit_refuses_the_day_and_says_what_to_do(world: DriftingWorld) -> None:
    day = world.days[GOOD_DAYS]
    result, _ = world.drift_of(day, TIMES_1000)
    assert (result.outcome, result.rows_accepted) == ("refused", 0)
    (problem,) = [each for each in result.problems if each.file == f"dt={day}"]
    assert problem.rule == "drift"
    assert "viewer_seconds is about 1,000 times what it was" in problem.reason_en
    assert "seconds and milliseconds" in problem.reason_en
    assert f"Last good day: {world.days[GOOD_DAYS - 1]}." in problem.reason_en
    assert f'semillero drift accept live_sessions {day} --because "why"' in problem.reason_en
    assert "segundos y milisegundos" in problem.reason_es
    assert world.raw_rows(day) == 0
    path = quarantine.refused_path("live_sessions", day, world.settings)
    assert path.exists()
    with world.ledger() as ledger:
        refusal = ledger.refusal("live_sessions", day)
    assert refusal is not None
    assert refusal.rule == "drift"


def test_a_refused_correction_leaves_what_was_accepted(parquet_world: DriftingWorld) -> None:
    world = parquet_world
    day = world.days[GOOD_DAYS - 1]
    before = world.raw_rows(day)
    result, _ = world.drift_of(day, TIMES_1000)
    assert result.outcome == "refused"
    assert world.raw_rows(day) == before
    world.land(day)
    assert world.ingest(day).outcome == "unchanged"
    with world.ledger() as ledger:
        assert ledger.drift("live_sessions", day) == ()


def test_a_corrected_file_is_accepted_and_the_refused_drift_forgotten(
    parquet_world: DriftingWorld,
) -> None:
    world = parquet_world
    day = world.days[GOOD_DAYS]
    assert world.drift_of(day, TIMES_1000)[0].outcome == "refused"
    with world.ledger() as ledger:
        (noted,) = ledger.drift("live_sessions", day)
    assert noted.is_day_refused
    world.land(day)
    result = world.ingest(day)
    assert (result.outcome, result.drift) == ("accepted", ())
    with world.ledger() as ledger:
        assert ledger.drift("live_sessions", day) == ()
        assert ledger.refusal("live_sessions", day) is None


def test_the_contract_says_warn_or_refuse(parquet_world: DriftingWorld) -> None:
    world = parquet_world
    day = world.days[GOOD_DAYS]
    contract = load_contracts()["live_sessions"]
    drop = "select * exclude (likes) from landed"
    world.changed_contract = with_action(contract, "vanished_column", "likes", "refuse")
    result, found = world.drift_of(day, drop)
    assert (result.outcome, found["vanished_column likes"].action) == ("refused", "refuse")
    world.changed_contract = with_action(contract, "vanished_column", "likes", "ignore")
    result, found = world.drift_of(day, drop)
    assert (result.outcome, found) == ("accepted", {})
    world.changed_contract = with_action(contract, "changed_unit", "viewer_seconds", "warn")
    result, found = world.drift_of(world.days[GOOD_DAYS + 1], TIMES_1000)
    assert (result.outcome, set(found)) == ("accepted", {"changed_unit viewer_seconds"})


def test_values_that_a_new_unit_pushes_over_the_limit_name_the_drift(
    parquet_world: DriftingWorld,
) -> None:
    """Times a million, half of the values pass the maximum: the rows are refused, and the day."""
    world = parquet_world
    result, found = world.drift_of(
        world.days[GOOD_DAYS],
        "select * replace (viewer_seconds::hugeint * 1000000 as viewer_seconds) from landed",
    )
    assert result.outcome == "refused"
    assert "changed_unit viewer_seconds" in found
    assert "about 1,000,000 times" in found["changed_unit viewer_seconds"].what_en


def test_a_new_value_of_a_closed_list_is_named_though_its_rows_are_refused(
    tmp_path: Path, landings: Mapping[Format, Path]
) -> None:
    source = landings["csv"]
    world = DriftingWorld(home=tmp_path / "home", source=source, feed="onboarding_events")
    world.ingest_good(GOOD_DAYS)
    day = world.days[GOOD_DAYS]
    result, found = world.drift_of(
        day,
        "select * replace (case when event_id = (select min(event_id) from landed) "
        "then 'graduated' else step end as step) from landed",
    )
    assert result.outcome in {"accepted", "refused"}
    assert "'graduated' (1 row)" in found["new_category step"].what_en


def test_epoch_milliseconds_instead_of_timestamps_are_another_type(world: DriftingWorld) -> None:
    day = world.days[GOOD_DAYS]
    quoted = "trim(cast(started_at as varchar), '\"')"
    result, found = world.drift_of(
        day,
        f"select * replace (epoch_ms(cast({quoted} as timestamptz)) as started_at) from landed",
    )
    assert result.outcome == "refused"
    assert "changed_type started_at" in found
    assert "como timestamp" not in found["changed_type started_at"].what_es
    assert "started_at" in next(
        each.reason_en for each in result.problems if each.file == f"dt={day}"
    )


def test_a_slipped_column_does_not_show_what_stands_in_it(parquet_world: DriftingWorld) -> None:
    world = parquet_world
    _, found = world.drift_of(
        world.days[GOOD_DAYS],
        "select * replace (case when hash(session_id) % 20 = 0 then '@ana.mx: ' || title "
        "else platform end as platform) from landed",
    )
    said = found["new_category platform"]
    assert "***" in said.what_en
    assert "@ana" not in said.what_en + said.what_es


# --- the baseline ----------------------------------------------------------------------------


def test_an_accepted_level_is_the_new_normal(parquet_world: DriftingWorld) -> None:
    world = parquet_world
    day, later, back = world.days[GOOD_DAYS : GOOD_DAYS + 3]
    result, found = world.drift_of(day, TIMES_1000)
    assert result.outcome == "refused"
    with world.ledger() as ledger:
        ledger.accept_drift(
            "live_sessions", day, result.drift, "the source sends milliseconds", utc_now()
        )
    result = world.ingest(day)
    assert result.outcome == "accepted"
    assert [(each.kind, each.action) for each in result.drift] == [("changed_unit", "accepted")]
    result, found = world.drift_of(later, TIMES_1000)
    assert (result.outcome, found) == ("accepted", {})
    result, found = world.drift_of(back, "select * from landed")
    assert result.outcome == "refused"
    assert "about a 1,000th of" in found["changed_unit viewer_seconds"].what_en
    assert found["changed_unit viewer_seconds"].last_good_day == later


def test_drift_that_only_warns_is_told_for_a_week_and_then_is_normal(
    parquet_world: DriftingWorld,
) -> None:
    world = parquet_world
    told = []
    world_days = world.days[GOOD_DAYS - 4 :]
    for day in world_days:
        _, found = world.drift_of(day, "select * exclude (likes) from landed")
        told.append(set(found))
        if found:
            assert found["vanished_column likes"].last_good_day == world.days[GOOD_DAYS - 5]
    assert told == [{"vanished_column likes"}] * 7 + [set()] * (len(world_days) - 7)


def test_a_column_that_comes_back_is_no_drift(parquet_world: DriftingWorld) -> None:
    world = parquet_world
    gone, back, gone_again = world.days[GOOD_DAYS : GOOD_DAYS + 3]
    drop = "select * exclude (likes) from landed"
    assert set(world.drift_of(gone, drop)[1]) == {"vanished_column likes"}
    assert world.drift_of(back, "select * from landed")[1] == {}
    _, found = world.drift_of(gone_again, drop)
    assert found["vanished_column likes"].last_good_day == back


def test_a_day_is_compared_with_the_days_before_it_and_not_with_later_ones(
    tmp_path: Path, landings: Mapping[Format, Path]
) -> None:
    world = DriftingWorld(home=tmp_path / "home", source=landings["parquet"])
    first, *rest = world.days[:6]
    for day in rest:
        world.land(day)
        assert world.ingest(day).drift == ()
    result, found = world.drift_of(first, TIMES_1000)
    # Nothing lies before it: there is nothing to drift from.
    assert (result.outcome, found) == ("accepted", {})


def test_a_new_word_is_told_once(parquet_world: DriftingWorld) -> None:
    world = parquet_world
    first, second = world.days[GOOD_DAYS : GOOD_DAYS + 2]
    sql = NEW_PLATFORM.replace("{text}", "'trovo'")
    assert set(world.drift_of(first, sql)[1]) == {"new_category platform"}
    assert world.drift_of(second, sql)[1] == {}


# --- what is kept ----------------------------------------------------------------------------


def test_the_same_files_give_the_same_profile(
    tmp_path: Path, landings: Mapping[Format, Path]
) -> None:
    kept = []
    for home, threads in (("one", 1), ("two", 2)):
        world = DriftingWorld(home=tmp_path / home, source=landings["jsonl"])
        day = world.days[0]
        world.land(day)
        world.options["duckdb_memory_limit"] = "512MB" if threads == 1 else "1GB"
        world.ingest(day)
        with world.ledger() as ledger:
            (past,) = ledger.past_days("live_sessions", world.days[1], 5)
        kept.append(past.profile)
    assert kept[0] == kept[1]
    assert Profile.from_json(kept[0].to_json()) == kept[0]


def test_a_profile_holds_no_id_handle_or_title(
    tmp_path: Path, landings: Mapping[Format, Path]
) -> None:
    for feed in ("creators", "live_sessions"):
        world = DriftingWorld(home=tmp_path / "home", source=landings["parquet"], feed=feed)
        world.ingest_good(2)
        with world.ledger() as ledger:
            profile = ledger.past_days(feed, world.days[2], 1)[0].profile
        with_words = {name for name, each in profile.columns.items() if each.words is not None}
        assert with_words <= {each.name for each in world.contract.columns if each.is_vocabulary}
        assert not with_words & (world.contract.personal_columns | {"title", "creator_id"})
