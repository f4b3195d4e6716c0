"""What a person gets to see of quarantine: counts, samples, and a file that can be landed again.

What lives here: counting, masking, exporting on small real days. What may not: replay (its own
tests) and the command line (integration).
"""

from __future__ import annotations

import csv
import json
import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.contracts.loader import MASK
from orchestration.ingest.quarantine_tool import (
    Export,
    HeldRow,
    HeldSummary,
    QuarantineToolError,
    Selection,
    export,
    sample,
    summary,
)
from orchestration.ingest.withdraw import withdraw
from tests.unit.ingest.landed_world import DAY, World, as_csv, session, sessions

NEXT_DAY = DAY + timedelta(days=1)
FEED = "live_sessions"
LATE = {"started_at": "2026-01-02T10:00:00Z", "ended_at": "2026-01-02T11:00:00Z"}


def creator(number: int, **values: str) -> dict[str, str]:
    return {
        "creator_id": f"c{number}",
        "platform": "tiktok",
        "handle": f"@secret{number}",
        "country": "MX",
        "joined_at": "2026-03-01T10:00:00Z",
        "status": "active",
        "updated_at": "2026-03-10T10:00:00Z",
        "follower_count": "10",
    } | values


def counted(world: World, selection: Selection | None = None) -> HeldSummary:
    return summary(world.settings, world.contracts, selection or Selection())


def shown(world: World, *, personal: bool = False, **selection: object) -> tuple[HeldRow, ...]:
    chosen = Selection(**selection)  # type: ignore[arg-type]
    return sample(world.settings, world.contracts, chosen, limit=50, personal=personal)


def exported(
    world: World, path: Path, *, personal: bool = False, force: bool = False, **selection: object
) -> Export:
    chosen = Selection(**selection)  # type: ignore[arg-type]
    return export(world.settings, world.contracts, chosen, path, personal=personal, force=force)


@pytest.fixture
def dirty(world: World) -> World:
    """An accepted day with late and impossible rows, a refused one, a withdrawn one, creators."""
    rows = [
        *sessions(50),
        session(51, **LATE),
        session(52, **LATE, likes="-1"),
        session(53, likes="-1", title="=HYPERLINK(0)"),
    ]
    world.land(FEED, "day.csv", as_csv(rows))
    world.ingest(FEED)
    bad = [session(number, likes="-1") for number in range(40)]
    world.land(FEED, "bad.csv", as_csv(bad), NEXT_DAY)
    world.ingest(FEED, NEXT_DAY)
    honest = [creator(number) for number in range(60)]
    faulty = creator(61, follower_count="-5") | {"mood": "=1+1"}
    world.land("creators", "all.csv", as_csv([*({**row, "mood": ""} for row in honest), faulty]))
    world.ingest("creators")
    return world


def test_an_empty_quarantine_counts_nothing_and_makes_no_home(tmp_path: Path) -> None:
    world = World(home=tmp_path / "nowhere")
    assert counted(world) == HeldSummary((), 0, 0)
    assert shown(world) == ()
    assert not world.home.exists()


def test_counts_are_by_feed_day_and_rule_with_share_and_tolerance(dirty: World) -> None:
    held = counted(dirty)
    lines = {
        (each.feed, each.day, each.state, each.rule): (each.rows, each.files)
        for each in held.counts
    }
    assert lines == {
        ("creators", DAY, "accepted", "below_minimum"): (1, 0),
        (FEED, DAY, "accepted", "below_minimum"): (2, 0),
        (FEED, DAY, "accepted", "too_late"): (2, 0),
        (FEED, NEXT_DAY, "refused", "below_minimum"): (40, 0),
        (FEED, NEXT_DAY, "refused", "refused_share"): (0, 1),
    }
    assert (held.rows, held.days) == (44, 3)
    (late,) = counted(dirty, Selection(rule="too_late")).counts
    assert (late.read_count, late.tolerance) == (53, 0.05)
    assert late.share == pytest.approx(2 / 53)
    assert {each.state for each in counted(dirty, Selection(feed=FEED, first=NEXT_DAY)).counts} == {
        "refused"
    }


def test_a_withdrawn_day_is_counted_as_such(dirty: World) -> None:
    withdraw(dirty.settings, dirty.contracts[FEED], DAY, "test")
    counts = counted(dirty, Selection(feed=FEED, last=DAY)).counts
    assert {(each.state, each.rule, each.rows) for each in counts} == {
        ("withdrawn", "withdrawn", 50),
        ("withdrawn", "too_late", 2),
        ("withdrawn", "below_minimum", 2),
    }
    assert {each.read_count for each in counts} == {53}


def test_a_sample_shows_where_why_and_what_but_nothing_personal(dirty: World) -> None:
    (row,) = shown(dirty, feed="creators")
    assert (row.file, row.row) == ("all.csv", 61)
    assert row.reasons == (("below_minimum", "follower_count is negative."),)
    values = dict(row.values)
    assert values["follower_count"] == "-5"
    assert values["handle"] == MASK
    # Nobody has said what an unknown column holds.
    assert values["mood"] == MASK
    (told,) = shown(dirty, personal=True, feed="creators")
    assert dict(told.values)["handle"] == "@secret61"
    assert dict(told.values)["mood"] == "=1+1"


def test_a_row_that_breaks_two_rules_is_shown_once_with_both(dirty: World) -> None:
    rows = shown(dirty, rule="too_late")
    assert [(row.row, [rule for rule, _ in row.reasons]) for row in rows] == [
        (51, ["too_late"]),
        (52, ["below_minimum", "too_late"]),
    ]


def test_reasons_are_in_the_language_of_the_reader(dirty: World) -> None:
    spanish = replace(dirty, options={"language": "es"})
    (row,) = shown(spanish, feed="creators")
    assert row.reasons == (("below_minimum", "follower_count es un número negativo."),)


def test_a_line_that_was_no_row_is_masked_and_control_characters_are_not_obeyed(
    world: World,
) -> None:
    world.land(FEED, "day.csv", as_csv(sessions(40)) + "\x1b[31mred,line\n")
    world.ingest(FEED)
    (row,) = shown(world)
    assert row.values == (("line", MASK),)
    (told,) = shown(world, personal=True)
    assert "\x1b" not in dict(told.values)["line"]


def test_an_export_is_in_the_feeds_columns_and_can_be_landed_again(
    dirty: World, tmp_path: Path
) -> None:
    path = tmp_path / "correct.csv"
    done = exported(dirty, path, feed=FEED, first=DAY, last=DAY, personal=True)
    assert (done.rows, done.escaped_cells, done.left_out) == (3, 1, ())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [column.name for column in dirty.contracts[FEED].columns]
    assert list(rows[0]) == [
        *names,
        *("refused_file", "refused_row", "refused_rules", "refused_reasons"),
    ]
    assert [row["session_id"] for row in rows] == ["s51", "s52", "s53"]
    assert rows[1]["refused_rules"] == "below_minimum, too_late"
    assert rows[1]["likes"] == "-1"
    assert rows[2]["title"] == "'=HYPERLINK(0)"
    corrected = [{**row, "likes": "5"} for row in rows]
    other_day = DAY + timedelta(days=3)
    dirty.land(FEED, "corrected.csv", as_csv(corrected), other_day)
    result = dirty.ingest(FEED, other_day, history=True)
    assert (result.outcome, result.rows_accepted) == ("accepted", 3)


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_exports_for_machines_hold_the_values_as_they_were(
    dirty: World, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"correct.{ending}"
    done = exported(dirty, path, feed="creators", personal=True)
    assert (done.rows, done.escaped_cells) == (1, 0)
    if ending == "jsonl":
        (row,) = [json.loads(line) for line in path.read_text().splitlines()]
    else:
        found = duckdb.execute("select * from read_parquet($1)", [str(path)])
        names = [column[0] for column in found.description or []]
        row = dict(zip(names, found.fetchall()[0], strict=True))
    assert row["handle"] == "@secret61"
    assert json.loads(row["_extra"]) == {"mood": "=1+1"}


def test_an_export_leaves_personal_columns_out_unless_asked(dirty: World, tmp_path: Path) -> None:
    path = tmp_path / "public.csv"
    done = exported(dirty, path, feed="creators")
    assert {"handle", "mood"} <= set(done.left_out)
    assert "secret" not in path.read_text()
    assert "handle" not in path.read_text().splitlines()[0]
    # Whoever lands it again without the handle is told so: no mask becomes a handle.
    dirty.land("creators", "again.csv", path.read_text(), NEXT_DAY)
    assert dirty.ingest("creators", NEXT_DAY).outcome == "refused"


def test_an_export_is_refused_where_it_would_hurt(dirty: World, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with pytest.raises(QuarantineToolError, match="name one, --feed"):
        exported(dirty, path)
    with pytest.raises(QuarantineToolError, match=r"csv, \.jsonl or \.parquet"):
        exported(dirty, tmp_path / "out.xlsx", feed=FEED)
    with pytest.raises(QuarantineToolError, match="others own"):
        exported(dirty, dirty.folder(FEED) / "out.csv", feed=FEED)
    with pytest.raises(QuarantineToolError, match="does not exist"):
        exported(dirty, tmp_path / "no" / "out.csv", feed=FEED)
    with pytest.raises(QuarantineToolError, match="nothing was written"):
        exported(dirty, path, feed=FEED, rule="no_such_rule")
    assert not path.exists()
    path.write_text("mine")
    with pytest.raises(QuarantineToolError, match="--force"):
        exported(dirty, path, feed=FEED)
    assert path.read_text() == "mine"
    exported(dirty, path, feed=FEED, force=True)
    assert path.read_text() != "mine"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_crafted_names_and_values_stay_values(world: World, tmp_path: Path) -> None:
    crafted = "a'); copy (select 1) to 'x.csv'; --"
    rows = [{**row, crafted: ""} for row in sessions(40)]
    rows[0] |= {"likes": "-1", crafted: '"};'}
    world.land(FEED, "day's ; drop.csv", as_csv(rows))
    world.ingest(FEED)
    path = tmp_path / "it's.jsonl"
    assert exported(world, path, personal=True).rows == 1
    row = json.loads(path.read_text())
    assert json.loads(row["_extra"]) == {crafted: '"};'}
    assert shown(world, personal=True)[0].file == "day's ; drop.csv"
