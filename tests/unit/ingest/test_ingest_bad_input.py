"""Dirt as it really lands: each kind gives a clear message, twice, and loses nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import duckdb
import pytest
from pydantic import ValidationError

from orchestration.ingest import discover, intake
from orchestration.ingest.landing_zone import LocalZone, open_zone
from tests.unit.ingest.landed_world import DAY, World, as_csv, as_gzip, only, session, sessions

EVENTS = "event_id,creator_id,step,occurred_at\n"


def event(number: int, at: str = "2026-03-10T08:00:00Z") -> str:
    return f"e{number},c{number},applied,{at}\n"


def assert_bad_file_beside_good_rows(world: World, name: str, rule: str, *words: str) -> None:
    """The bad file is told in both languages, its feed's good file goes on, a strict feed stops."""
    world.land("onboarding_events", "good.csv", EVENTS + "".join(map(event, range(3))))
    result = world.ingest("onboarding_events")
    assert (result.outcome, result.rows_accepted) == ("accepted", 3)
    problem = only(result.problems, rule)
    assert (problem.file, problem.row) == (name, None)
    for english, spanish in zip(words[::2], words[1::2], strict=True):
        assert english in problem.reason_en
        assert spanish in problem.reason_es
    kept = world.quarantined("onboarding_events")
    assert [(row["file"], row["row"], row["rule"]) for row in kept] == [(name, None, rule)]
    assert (world.folder("onboarding_events") / name).exists()


def test_a_parquet_file_of_garbage_is_reported_and_the_other_files_go_on(world: World) -> None:
    world.land("onboarding_events", "bad.parquet", b"this is not parquet at all, sorry")
    assert_bad_file_beside_good_rows(
        world, "bad.parquet", "unreadable_file", "cannot be read", "No se puede leer"
    )


def test_a_file_that_may_not_be_read_is_reported(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    world.land("live_sessions", "locked.csv", as_csv(sessions(2)))
    monkeypatch.setattr(LocalZone, "bring", denied)
    result = world.ingest("live_sessions")
    assert result.outcome == "refused"
    assert "Permission denied" in only(result.problems, "unreadable_file").reason_en


def test_latin_1_text_names_the_byte_and_its_line(world: World) -> None:
    content = EVENTS + event(1) + "e2,José,applied,2026-03-10T08:00:00Z\n"
    world.land("onboarding_events", "latin.csv", content.encode("latin-1"))
    assert_bad_file_beside_good_rows(
        world,
        "latin.csv",
        "not_utf8",
        "byte 0xe9 at line 3; save it as UTF-8",
        "byte 0xe9 en la línea 3; guárdelo como UTF-8",
    )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_utf_16_text_is_refused_with_and_without_its_mark(world: World, encoding: str) -> None:
    world.land("onboarding_events", "wide.csv", (EVENTS + event(1)).encode(encoding))
    assert_bad_file_beside_good_rows(world, "wide.csv", "not_utf8", "at line 1", "en la línea 1")


def test_a_truncated_gzip_says_that_it_ends_too_early(world: World) -> None:
    world.land("onboarding_events", "cut.csv.gz", as_gzip(EVENTS + event(1) * 500)[:-20])
    assert_bad_file_beside_good_rows(
        world, "cut.csv.gz", "broken_gzip", "(truncated): send it again", "antes de tiempo"
    )


@pytest.mark.parametrize("content", [b"plain text", as_gzip(EVENTS)[:-8] + b"\x01" * 8])
def test_a_gzip_with_a_wrong_header_or_checksum_is_refused(world: World, content: bytes) -> None:
    world.land("onboarding_events", "odd.csv.gz", content)
    assert_bad_file_beside_good_rows(
        world, "odd.csv.gz", "broken_gzip", "not valid gzip", "no es un gzip válido"
    )


def test_a_small_gzip_that_unpacks_to_more_than_the_cap_is_refused(world: World) -> None:
    world.options["max_decompressed_bytes"] = 100_000
    world.land("onboarding_events", "bomb.csv.gz", as_gzip(EVENTS + "x" * 10_000_000))
    assert_bad_file_beside_good_rows(
        world, "bomb.csv.gz", "too_big", "100,000 bytes", "100,000 bytes"
    )


def test_a_parquet_file_with_more_rows_than_the_cap_is_refused(world: World) -> None:
    path = world.folder("onboarding_events") / "many.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "copy (select 'a' as event_id from range(200000)) to $p", {"p": str(path)}
        )
    world.options["max_decompressed_bytes"] = 100_000
    assert_bad_file_beside_good_rows(
        world, "many.parquet", "too_big", "unpacks to more", "se descomprime a más"
    )


def test_an_empty_file_is_reported_as_a_failed_transfer(world: World) -> None:
    world.land("onboarding_events", "nothing.csv", b"")
    assert_bad_file_beside_good_rows(world, "nothing.csv", "empty_file", "0 bytes", "0 bytes")


def test_a_missing_required_column_names_what_is_missing_and_what_was_found(world: World) -> None:
    world.land("onboarding_events", "short.csv", "event_id,creator_id,when\n1,2,3\n")
    assert_bad_file_beside_good_rows(
        world,
        "short.csv",
        "missing_column",
        "missing: step, occurred_at. Found: event_id, creator_id, when.",
        "obligatorias: step, occurred_at. Se encontraron: event_id, creator_id, when.",
    )


def test_a_column_named_twice_is_refused_whatever_its_letter_case(world: World) -> None:
    world.land("onboarding_events", "twice.csv", "event_id,creator_id,step,occurred_at,STEP\n")
    assert_bad_file_beside_good_rows(
        world, "twice.csv", "duplicate_column", "twice: STEP", "dos veces una columna: STEP"
    )


def test_a_folder_where_a_file_should_be_is_reported(world: World) -> None:
    (world.folder("onboarding_events") / "folder.csv").mkdir()
    assert_bad_file_beside_good_rows(
        world, "folder.csv", "not_a_file", "folder or a device", "carpeta o un dispositivo"
    )


def test_a_named_pipe_does_not_hang_the_run(world: World) -> None:
    os.mkfifo(world.folder("onboarding_events") / "pipe.csv")
    assert_bad_file_beside_good_rows(world, "pipe.csv", "not_a_file")


def test_an_unknown_extension_is_reported(world: World) -> None:
    world.land("onboarding_events", "report.xlsx", b"PK")
    assert_bad_file_beside_good_rows(
        world, "report.xlsx", "unknown_extension", ".csv.gz", "no termina en"
    )


def test_a_link_out_of_landing_is_not_followed(world: World, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text(EVENTS + event(9))
    (world.folder("onboarding_events") / "link.csv").symlink_to(secret)
    assert_bad_file_beside_good_rows(
        world, "link.csv", "outside_landing", "outside the landing", "fuera de la carpeta landing"
    )


def test_hidden_and_temporary_files_are_passed_over_and_said_so(world: World) -> None:
    world.land("onboarding_events", ".upload.csv", "half")
    world.land("onboarding_events", "_SUCCESS", "")
    world.land("onboarding_events", "good.csv", EVENTS + event(1))
    result = world.ingest("onboarding_events")
    assert result.outcome == "accepted"
    assert [problem.file for problem in result.problems] == [".upload.csv", "_SUCCESS"]
    assert "temporary" in result.problems[0].reason_en
    assert "temporales" in result.problems[0].reason_es


def test_a_file_that_grows_while_it_is_read_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = world.land("live_sessions", "growing.csv", as_csv(sessions(3)))
    look = intake.hash_and_validate

    def validate_while_growing(private: Path, *, is_text: bool) -> tuple[str, int]:
        found = look(private, is_text=is_text)
        with path.open("a") as landed:
            landed.write("more")
        return found

    monkeypatch.setattr(intake, "hash_and_validate", validate_while_growing)
    result = world.ingest("live_sessions")
    assert result.outcome == "refused"
    assert (
        "wait until the transfer has ended" in only(result.problems, "changed_while_read").reason_en
    )
    assert not world.raw_file("live_sessions").exists()


# --- rows -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "rule", "column", "english", "spanish"),
    [
        ({"started_at": "2026-03-10T10:00:00"}, "naive_timestamp", "started_at",
         "has no time zone", "no tiene zona horaria"),
        ({"started_at": "2026-03-10"}, "naive_timestamp", "started_at",
         "write an offset or Z", "escriba un desfase o Z"),
        ({"started_at": "1773136800"}, "wrong_type", "started_at",
         "is not a timestamp like", "no es una fecha y hora como"),
        ({"started_at": ""}, "missing_value", "started_at",
         "is empty", "está vacío"),
        ({"ended_at": "2026-03-10T09:00:00Z", "started_at": "2026-03-10T10:00:00Z"},
         "ended_before_started", None, "ended before it started", "terminó antes de empezar"),
        ({"likes": "-1"}, "below_minimum", "likes",
         "likes is negative", "likes es un número negativo"),
        ({"average_viewers": "-0.5"}, "below_minimum", "average_viewers",
         "is negative", "negativo"),
        ({"likes": "12.7"}, "wrong_type", "likes",
         "is not a whole number", "no es un número entero"),
        ({"likes": "99999999999999999999"}, "wrong_type", "likes", "whole", "entero"),
        ({"average_viewers": "nan"}, "wrong_type", "average_viewers", "decimal", "decimal"),
        ({"is_static": "perhaps"}, "wrong_type", "is_static", "true or false", "true o false"),
        ({"title": "ñ" * 10_000}, "too_long", "title",
         "longer than 2000 characters", "más de 2000 caracteres"),
        ({"session_id": " "}, "missing_value", "session_id", "requires", "exige"),
        ({"started_at": "2026-03-12T00:00:00Z", "ended_at": ""}, "future_event", "started_at",
         "after the day of arrival, 2026-03-10", "después del día de llegada, 2026-03-10"),
        ({"started_at": "2026-02-02T23:59:59Z"}, "too_late", "started_at",
         "more than 35 days before", "más de 35 días antes"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_bad_row_is_quarantined_with_its_reason_and_the_good_rows_go_on(  # noqa: PLR0917 - pytest names them
    world: World,
    form: str,
    changes: dict[str, str],
    rule: str,
    column: str | None,
    english: str,
    spanish: str,
) -> None:
    rows = sessions(30)
    rows[16] = session(17, **changes)
    text = as_csv(rows) if form == "csv" else "\n".join(json.dumps(row) for row in rows)
    world.land("live_sessions", f"day.{form}", text)
    result = world.ingest("live_sessions")
    assert (result.outcome, result.rows_accepted, result.rows_refused) == ("accepted", 29, 1)
    problem = only(result.problems, rule)
    assert (problem.file, problem.row, problem.column, problem.count) == (
        f"day.{form}", 17, column, 1,
    )  # fmt: skip
    assert english in problem.reason_en
    assert spanish in problem.reason_es
    kept = [row for row in world.quarantined("live_sessions") if row["rule"] == rule]
    content = json.loads(kept[0]["content"])
    assert {name: value or "" for name, value in content.items()} == rows[16]
    assert (kept[0]["row"], kept[0]["column"]) == (17, column)
    assert (17,) not in world.raw("live_sessions", "_row")


def test_a_name_of_ten_thousand_characters_is_refused_without_showing_it(world: World) -> None:
    names = [f"Agencia {number}" for number in range(30)]
    names[4] = "A" * 10_000
    lines = [f"a{number},{name},MX,2026-03-10T00:00:00Z" for number, name in enumerate(names)]
    world.land("agencies", "a.csv", "\n".join(["agency_id,name,country,updated_at", *lines]))
    result = world.ingest("agencies")
    assert (result.outcome, result.rows_refused) == ("accepted", 1)
    problem = only(result.problems, "too_long")
    assert "name is longer than 200 characters" in problem.reason_en
    assert "name tiene más de 200 caracteres" in problem.reason_es
    assert len(json.loads(world.quarantined("agencies")[0]["content"])["name"]) == 10_000


def test_creators_are_refused_for_unknown_zones_countries_and_statuses(world: World) -> None:
    header = "creator_id,platform,handle,country,joined_at,status,updated_at,timezone\n"
    good = "".join(
        f"c{number},tiktok,ana{number},MX,,active,2026-03-10T00:00:00Z,America/Bogota\n"
        for number in range(97)
    )
    bad = (
        "x1,tiktok,eva,,,active,2026-03-10T00:00:00Z,America/Macondo\n"
        "x2,tiktok,eva,Mexico,,active,2026-03-10T00:00:00Z,\n"
        "x3,tiktok,eva,MX,,retired,2026-03-10T00:00:00Z,\n"
    )
    world.land("creators", "creators.csv", header + good + bad)
    result = world.ingest("creators")
    assert (result.rows_accepted, result.rows_refused) == (97, 3)
    assert {(problem.rule, problem.row) for problem in result.problems} == {
        ("unknown_timezone", 98),
        ("not_a_country_code", 99),
        ("not_allowed", 100),
    }
    assert "ana0" not in result.sample
    assert "***" in result.sample


def test_one_row_with_two_faults_is_one_refused_row_with_two_reasons(world: World) -> None:
    rows = sessions(30)
    rows[3] = session(4, likes="-1", average_viewers="many")
    world.land("live_sessions", "day.csv", as_csv(rows))
    result = world.ingest("live_sessions")
    assert result.rows_refused == 1
    assert {problem.rule for problem in result.problems} == {"below_minimum", "wrong_type"}


def test_ragged_csv_lines_are_quarantined_with_their_text_and_rows_keep_their_numbers(
    world: World,
) -> None:
    lines = as_csv(sessions(60)).splitlines()
    lines[7] = "only,three,values"
    lines[30] += ",one,too,many"
    lines[41] = lines[41].replace("tiktok", '"tik"tok')
    world.land("live_sessions", "ragged.csv", "\n".join(lines) + "\n")
    result = world.ingest("live_sessions")
    assert (result.outcome, result.rows_read, result.rows_refused) == ("accepted", 60, 3)
    kept = world.quarantined("live_sessions")
    assert [(row["row"], row["rule"]) for row in kept] == [
        (7, "malformed_row"),
        (30, "malformed_row"),
        (41, "malformed_row"),
    ]
    assert json.loads(kept[0]["content"]) == {"line": "only,three,values"}
    assert "fewer values than the header's 9 columns" in kept[0]["reason_en"]
    assert "más valores que las 9 columnas" in kept[1]["reason_es"]
    assert all(name == f"s{row}" for row, name in world.raw("live_sessions", "_row, session_id"))


def test_a_quotation_mark_that_swallows_good_rows_refuses_the_file(world: World) -> None:
    lines = as_csv(sessions(60)).splitlines()
    lines[20] = lines[20].replace("Directo", '"Directo')
    world.land("live_sessions", "quote.csv", "\n".join(lines) + "\n")
    result = world.ingest("live_sessions")
    assert result.outcome == "refused"
    problem = only(result.problems, "unclosed_quote")
    assert "row 20" in problem.reason_en
    assert "fila 20" in problem.reason_es


def test_a_csv_line_of_megabytes_is_one_refused_row(world: World) -> None:
    lines = as_csv(sessions(30)).splitlines()
    lines[3] = lines[3].replace("Directo", "x" * 3_000_000)
    world.land("live_sessions", "long.csv", "\n".join(lines))
    result = world.ingest("live_sessions")
    assert (result.rows_accepted, result.rows_refused) == (29, 1)
    problem = only(result.problems, "malformed_row")
    assert problem.row == 3
    assert "longer than 2 MB" in problem.reason_en
    assert "más de 2 MB" in problem.reason_es


def test_a_json_line_of_megabytes_refuses_the_file(world: World) -> None:
    row = json.dumps(session(1, title="x" * 3_000_000))
    world.land("live_sessions", "long.jsonl", row)
    result = world.ingest("live_sessions")
    assert result.outcome == "refused"
    problem = only(result.problems, "line_too_long")
    assert "one object a line" in problem.reason_en
    assert "un objeto por línea" in problem.reason_es


def test_malformed_json_lines_are_quarantined_with_their_text(world: World) -> None:
    lines = [json.dumps(row) for row in sessions(80)]
    lines[9] = '{"session_id": "s10", '
    lines[10] = '["a", "list"]'
    lines[11] = '{"session_id": "a", "session_id": "b"}'
    world.land("live_sessions", "day.jsonl", "\r\n".join(lines))
    result = world.ingest("live_sessions")
    assert (result.outcome, result.rows_read, result.rows_refused) == ("accepted", 80, 3)
    kept = world.quarantined("live_sessions")
    assert [row["row"] for row in kept] == [10, 11, 12]
    assert json.loads(kept[0]["content"]) == {"line": lines[9]}
    assert "not one JSON object" in kept[0]["reason_en"]
    assert "no es un solo objeto JSON" in kept[0]["reason_es"]


def test_a_nested_value_where_one_value_belongs_is_a_wrong_type(world: World) -> None:
    rows: list[dict[str, object]] = [dict(row) for row in sessions(30)]
    rows[0]["title"] = {"es": "Hola"}
    rows[1]["title"] = "[ES] Hola {amigos}"
    world.land("live_sessions", "day.jsonl", "\n".join(json.dumps(row) for row in rows))
    result = world.ingest("live_sessions")
    assert only(result.problems, "wrong_type").row == 1
    assert result.rows_accepted == 29


def test_parquet_timestamps_without_a_zone_are_naive(world: World) -> None:
    path = world.folder("onboarding_events") / "naive.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "copy (select 'e' || i as event_id, 'c' as creator_id, 'applied' as step, "
            "timestamp '2026-03-10 08:00:00' as occurred_at from range(5) r(i)) "
            "to $p (format parquet)",
            {"p": str(path)},
        )
    result = world.ingest("onboarding_events")
    assert only(result.problems, "naive_timestamp").count == 5
    world.options["feed_timezones"] = {"onboarding_events": "America/Bogota"}
    result = world.ingest("onboarding_events")
    assert (result.outcome, result.rows_accepted, result.rows_refused) == ("accepted", 5, 0)
    assert str(result.min_event_at) == "2026-03-10 13:00:00+00:00"


def test_a_declared_zone_that_does_not_exist_is_said_before_anything_is_read(world: World) -> None:
    world.options["feed_timezones"] = {"live_sessions": "Mars/Olympus"}
    with pytest.raises(ValidationError, match=r"Mars/Olympus.*America/Bogota"):
        world.ingest("live_sessions")


# --- names ----------------------------------------------------------------------------------

NASTY_NAMES = [
    "it's; drop table accepted; --.csv",
    'quo"te.csv',
    "data[1].csv",
    "star*.csv",
    "x..%2F..%2Fetc%2Fpasswd.csv",
    "x..;..csv",
    "'); copy (select 1) to 'pwned.csv'; --.csv",
    "line\nbreak.csv",
    "ünï.CSV",
]


@pytest.mark.parametrize("name", NASTY_NAMES)
def test_a_file_name_is_only_ever_a_name(world: World, name: str) -> None:
    world.land("live_sessions", name, as_csv(sessions(3)))
    result = world.ingest("live_sessions")
    assert (result.outcome, result.rows_accepted) == ("accepted", 3)
    shown = name.replace("\n", "\\n")
    assert {file for (file,) in world.raw("live_sessions", "_file")} == {shown}
    assert not Path("pwned.csv").exists()
    assert sorted(path.name for path in world.home.iterdir()) == [
        "landing", "ledger.sqlite", "raw", "scratch",
    ]  # fmt: skip


def test_brackets_in_a_name_do_not_read_the_neighbour(world: World) -> None:
    world.land("live_sessions", "data[1].csv", as_csv(sessions(3)))
    world.land("live_sessions", "data1.csv", as_csv(sessions(3, start=11)))
    world.ingest("live_sessions")
    assert sorted(world.raw("live_sessions", "_file, session_id")) == [
        *(("data1.csv", f"s{number}") for number in (11, 12, 13)),
        *(("data[1].csv", f"s{number}") for number in (1, 2, 3)),
    ]


def test_a_name_that_is_not_utf_8_is_shown_escaped(world: World) -> None:
    folder = os.fsencode(world.folder("live_sessions"))
    Path(os.fsdecode(folder + b"/caf\xe9.csv")).write_text(as_csv(sessions(3)))
    assert world.ingest("live_sessions").outcome == "accepted"
    assert world.raw("live_sessions", "_file")[0] == ("caf\\xe9.csv",)


def test_files_whose_names_look_alike_once_escaped_are_both_read(world: World) -> None:
    names = [b"a\x01.csv", b"a\\x01.csv", b"a\xff.csv", b"a\\xff.csv"]
    for number, name in enumerate(names):
        world.land("onboarding_events", os.fsdecode(name), EVENTS + event(number))
    assert world.ingest("onboarding_events").rows_accepted == len(names)


def test_column_names_of_a_file_never_become_sql(world: World) -> None:
    rows = [row | {'x" from t; drop table accepted; --': "1", "$_path": "2"} for row in sessions(3)]
    world.land("live_sessions", "day.csv", as_csv(rows))
    result = world.ingest("live_sessions")
    assert result.rows_accepted == 3
    extra = json.loads(world.raw("live_sessions", "_extra")[0][0])
    assert extra == {'x" from t; drop table accepted; --': "1", "$_path": "2"}


# --- days -----------------------------------------------------------------------------------


def test_an_empty_day_folder_is_refused_for_a_mandatory_feed(world: World) -> None:
    folder = world.folder("live_sessions")
    with world.ledger() as ledger:
        assert discover.pending_days(
            world.contracts, world.settings, ledger, open_zone(world.settings)
        ) == {feed: [DAY] if feed == "live_sessions" else [] for feed in world.contracts}
    result = world.ingest("live_sessions")
    assert result.outcome == "refused"
    problem = only(result.problems, "empty_day")
    assert "holds no file" in problem.reason_en
    assert "no tiene ningún archivo" in problem.reason_es
    # Without the folder nobody claims that the day arrived.
    folder.rmdir()
    assert world.ingest("live_sessions").outcome == "nothing_landed"
    with world.ledger() as ledger:
        assert ledger.refusals() == ()


def test_an_empty_day_folder_of_another_feed_is_nothing_landed(world: World) -> None:
    world.folder("agencies")
    assert world.ingest("agencies").outcome == "nothing_landed"


def test_a_day_of_headers_only_is_refused_for_a_mandatory_feed(world: World) -> None:
    world.land("live_sessions", "day.csv", ",".join(session(1)) + "\n")
    result = world.ingest("live_sessions")
    assert result.outcome == "refused"
    problem = only(result.problems, "nothing_accepted")
    assert problem.file == f"dt={DAY}"
    assert "mandatory" in problem.reason_en
    assert "obligatoria" in problem.reason_es


def test_a_day_of_headers_only_is_an_honest_zero_for_an_optional_feed(world: World) -> None:
    world.land("onboarding_events", "day.csv", EVENTS)
    assert world.ingest("onboarding_events").outcome == "accepted"
    assert world.raw("onboarding_events") == []


def test_too_many_refused_rows_refuse_the_day_and_keep_what_was_accepted_before(
    world: World,
) -> None:
    world.land("live_sessions", "day.csv", as_csv(sessions(40)))
    first = world.ingest("live_sessions")
    before = world.raw_file("live_sessions").read_bytes()
    rows = sessions(40)
    for number in range(4):
        rows[number]["likes"] = "-5"
    world.land("live_sessions", "day.csv", as_csv(rows))
    result = world.ingest("live_sessions")
    assert (result.outcome, result.rows_accepted, result.rows_refused) == ("refused", 0, 40)
    assert result.revision == first.revision
    problem = only(result.problems, "refused_share")
    assert "4 of 40 rows were refused (10.0%); the contract tolerates 5.0%" in problem.reason_en
    assert "4 de 40 filas" in problem.reason_es
    assert world.raw_file("live_sessions").read_bytes() == before
    assert world.quarantined("live_sessions") == []
    kept = world.quarantined("live_sessions", refused_day=True)
    assert [row["row"] for row in kept] == [None, 1, 2, 3, 4]
    with world.ledger() as ledger:
        (refusal,) = ledger.refusals()
        assert (refusal.rule, refusal.read_count, refusal.refused_count) == ("refused_share", 40, 4)
        record = ledger.partition("live_sessions", DAY)
        assert record is not None
        assert record.revision == first.revision

    world.land("live_sessions", "day.csv", as_csv(sessions(41)))
    assert world.ingest("live_sessions").outcome == "accepted"
    assert world.quarantined("live_sessions", refused_day=True) == []
    with world.ledger() as ledger:
        assert ledger.refusals() == ()


def test_a_bad_file_refuses_the_day_of_a_strict_feed_and_names_the_file(world: World) -> None:
    world.land("live_sessions", "good.csv", as_csv(sessions(3)))
    world.land("live_sessions", "cut.csv.gz", as_gzip(as_csv(sessions(3)))[:-10])
    result = world.ingest("live_sessions")
    assert result.outcome == "refused"
    problem = only(result.problems, "bad_file")
    assert "cut.csv.gz" in problem.reason_en
    assert "cut.csv.gz" in problem.reason_es
    assert not world.raw_file("live_sessions").exists()
    with world.ledger() as ledger:
        assert ledger.partitions() == ()


def test_a_broken_replacement_does_not_erase_a_good_day_of_a_tolerant_feed(world: World) -> None:
    path = world.land("onboarding_events", "day.csv", EVENTS + event(1))
    world.ingest("onboarding_events")
    path.write_bytes(b"\xff\xfe")
    result = world.ingest("onboarding_events")
    assert result.outcome == "refused"
    assert "the accepted rows stay" in only(result.problems, "no_usable_file").reason_en
    assert len(world.raw("onboarding_events")) == 1
