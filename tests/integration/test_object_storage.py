"""Landing in a bucket and a served copy of the release, on an S3-compatible server of the test's.

What lives here: whole runs over httpfs, what they cost in requests, and what goes wrong with
buckets. What may not: what is the same for local files (ingest's own tests).
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest
from object_server import BUCKET, KEY_ID, SECRET, TOKEN, ObjectServer, Request
from sample_home import Runner
from typer.testing import CliRunner

from orchestration import storage
from orchestration.cli import app
from orchestration.contracts.loader import load_contracts
from orchestration.ingest import discover
from orchestration.ingest.ingest import Ingestor
from orchestration.ingest.landing_zone import open_zone
from orchestration.ingest.ledger import Ledger
from orchestration.ingest.results import DayResult
from orchestration.release.mirror import POINTER_NAME, mirror_current, mirrored_release
from orchestration.release.pointer import current_release
from orchestration.settings import Settings
from orchestration.simulate import WorldOptions, simulate
from orchestration.storage import ObjectStore, StorageError

WORLD = WorldOptions(creators=120, days=30, seed=5, start=date(2026, 7, 1), format="mixed")
DAY = date(2026, 7, 3)
LANDING = "drops/live"
RELEASES = "served"


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectServer]:
    started = ObjectServer()
    started.start()
    yield started
    started.stop()


@pytest.fixture(autouse=True)
def bucket(server: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server at peace, and an environment that knows it."""
    server.fail, server.answer = None, b""
    server.forget()
    for name, value in {
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": TOKEN,
        "AWS_ENDPOINT_URL": server.endpoint,
        "SEMILLERO_LANDING_URL": f"s3://{BUCKET}/{LANDING}",
        "SEMILLERO_RELEASE_URL": f"s3://{BUCKET}/{RELEASES}",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)


@pytest.fixture(scope="module")
def served_world(
    server: ObjectServer, tmp_path_factory: pytest.TempPathFactory, run_in: Runner
) -> Path:
    """A home whose only release was read from the bucket and copied to it."""
    made = tmp_path_factory.mktemp("made")
    simulate(made / "landing", WORLD, truth_dir=made / "truth")
    for path in sorted((made / "landing").rglob("*")):
        if path.is_file():
            name = path.relative_to(made / "landing").as_posix()
            server.put(f"{LANDING}/{name}", path.read_bytes())
    server.age()
    home = tmp_path_factory.mktemp("bucket") / "home"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
        environment.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        environment.setenv("AWS_SESSION_TOKEN", TOKEN)
        environment.setenv("AWS_ENDPOINT_URL", server.endpoint)
        environment.setenv("SEMILLERO_LANDING_URL", f"s3://{BUCKET}/{LANDING}")
        environment.setenv("SEMILLERO_RELEASE_URL", f"s3://{BUCKET}/{RELEASES}")
        end = run_in(home)
    assert end.verdict == "published", end.reasons
    assert end.mirror_behind is None
    return home


@pytest.fixture
def home(served_world: Path, server: ObjectServer, tmp_path: Path) -> Iterator[Path]:
    """A copy of the served home; what a test does to the bucket is undone."""
    copy = tmp_path / "home"
    shutil.copytree(served_world, copy, symlinks=True)
    before = server.snapshot()
    yield copy
    server.restore(before)


def _pointer(server: ObjectServer) -> dict[str, str]:
    pointer: dict[str, str] = json.loads(server.get(f"{RELEASES}/{POINTER_NAME}"))
    return pointer


def _reader(server: ObjectServer) -> duckdb.DuckDBPyConnection:
    """What a BI tool does: DuckDB with httpfs and a secret of its own."""
    connection = duckdb.connect()
    found = importlib.util.find_spec("duckdb_extension_httpfs")
    assert found is not None
    assert found.submodule_search_locations
    folder = Path(found.submodule_search_locations[0]) / "extensions" / f"v{duckdb.__version__}"
    connection.execute(f"load '{folder}/httpfs.duckdb_extension'")
    connection.execute(
        "create secret (type s3, key_id $key_id, secret $secret, endpoint $endpoint, "
        "use_ssl false, url_style 'path')",
        {
            "key_id": KEY_ID,
            "secret": SECRET,
            "endpoint": server.endpoint.removeprefix("http://"),
        },
    )
    return connection


def _sessions_key(server: ObjectServer) -> str:
    """The newest landed object with LIVE sessions."""
    return max(key for key in server.sizes(f"{LANDING}/live_sessions/"))


def _with_one_line_less(key: str, content: bytes, folder: Path) -> bytes:
    """A landed file of any format without its last row: a correction."""
    if key.endswith(".parquet"):
        old, new = folder / "old.parquet", folder / "new.parquet"
        old.write_bytes(content)
        with duckdb.connect() as connection:
            rows = connection.execute(
                "select count(*) from read_parquet($old)", {"old": str(old)}
            ).fetchone()
            assert rows is not None
            connection.execute(
                f"copy (from read_parquet($old) limit {rows[0] - 1}) to $new",
                {"old": str(old), "new": str(new)},
            )
        return new.read_bytes()
    text = gzip.decompress(content) if key.endswith(".gz") else content
    text = text.rstrip(b"\n").rpartition(b"\n")[0] + b"\n"
    return gzip.compress(text) if key.endswith(".gz") else text


def _ingest(home: Path, feed: str, day: date = DAY, **options: object) -> DayResult:
    settings = Settings(home=home, duckdb_threads=1, **options)  # type: ignore[arg-type]
    with Ingestor(settings) as ingestor:
        result = ingestor.ingest(load_contracts()[feed], day)
    accounted = result.rows_accepted + result.rows_refused + result.rows_duplicate
    assert result.rows_read == accounted
    return result


AGENCIES = "agency_id,name,country,updated_at\n"


def _agency(number: int) -> str:
    return f"a{number},Agency {number},MX,2026-07-01T00:00:00Z\n"


# --- whole runs ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_copy_in_the_bucket_reads_like_the_release_at_home(
    served_world: Path, server: ObjectServer
) -> None:
    pointer = _pointer(server)
    release = current_release(Settings(home=served_world))
    assert release is not None
    assert pointer["release_id"] == release.release_id
    assert pointer["certificate_hash"] == release.certificate.certificate_hash
    files = {
        path.relative_to(release.path).as_posix(): path.stat().st_size
        for path in release.path.rglob("*")
        if path.is_file()
    }
    start = f"{RELEASES}/{release.release_id}/"
    assert {key.removeprefix(start): size for key, size in server.sizes(start).items()} == files
    with _reader(server) as connection:
        connection.execute(f"attach '{pointer['marts']}' as marts (read_only)")
        connection.execute(f"attach '{release.marts}' as local (read_only)")
        for mart, fact in release.certificate.marts.items():
            for served in (f"marts.{mart}", f"read_parquet('{pointer['parquet']}/{mart}/*')"):
                differing = connection.execute(
                    f"select count(*) from ((from {served} except all from local.{mart}) "
                    f"union all (from local.{mart} except all from {served}))"
                ).fetchone()
                rows = connection.execute(f"select count(*) from {served}").fetchone()
                assert (differing, rows) == ((0,), (fact.row_count,)), served


@pytest.mark.slow
def test_an_unchanged_bucket_is_listed_and_not_read(
    home: Path, server: ObjectServer, run_in: Runner
) -> None:
    server.forget()
    end = run_in(home)
    assert end.verdict == "unchanged"
    stored = {f"/{BUCKET}/{key}" for key in server.sizes(LANDING)}
    assert [each for each in server.requests if each.path in stored] == []
    listings = [each for each in server.requests if each.is_listing]
    # Names, then sizes and times, of each feed: which days to run, in its step, and what is gone.
    assert len(listings) <= 6 * len(load_contracts()) + 2
    asked = [each for each in server.requests if not each.is_listing]
    # Where a feed's listing is empty, the server is asked for something that nobody ever put there.
    probes = [each for each in asked if each.path.startswith(f"/{BUCKET}/{LANDING}/")]
    assert [each.method for each in asked if each not in probes] == ["HEAD", "GET"]
    assert len(probes) <= 2 * 2 * len(load_contracts())


@pytest.mark.slow
def test_a_corrected_object_is_read_alone_and_a_copy_that_fails_is_healed_by_the_next_run(
    home: Path, server: ObjectServer, run_in: Runner, tmp_path: Path
) -> None:
    key = _sessions_key(server)
    server.put(key, _with_one_line_less(key, server.get(key), tmp_path))
    server.age()
    old = _pointer(server)
    server.answer = f"<Error><Code>SlowDown</Code><Token>{TOKEN} {SECRET}</Token></Error>".encode()
    server.fail = lambda each: 503 if each.path.endswith("marts.duckdb") else None
    server.forget()
    end = run_in(home, accept_shift="a test takes a row away")
    assert end.verdict == "published", end.reasons
    assert end.mirror_behind is not None
    assert f"s3://{BUCKET}/{RELEASES}" in end.mirror_behind
    read = {each.path.removeprefix(f"/{BUCKET}/") for each in server.requests if each.is_content}
    assert read & server.sizes(f"{LANDING}/").keys() == {key}
    # Readers of the bucket keep the old release, whole.
    assert _pointer(server) == old
    assert mirrored_release(Settings(home=home)) == old["release_id"] != end.release
    assert any(
        name.endswith("marts.duckdb") for name in server.sizes(f"{RELEASES}/{old['release_id']}/")
    )
    shown = CliRunner().invoke(app, ["status"], env={"SEMILLERO_HOME": str(home)})
    assert "semillero release mirror" in shown.output

    server.fail = None
    assert run_in(home).verdict == "unchanged"
    assert _pointer(server)["release_id"] == end.release
    assert server.sizes(f"{RELEASES}/{old['release_id']}/")
    shown = CliRunner().invoke(app, ["status"], env={"SEMILLERO_HOME": str(home)})
    assert f"s3://{BUCKET}/{LANDING}" in shown.output
    assert str(end.release) in " ".join(shown.output.split())

    # What the server said back, and all that was written meanwhile, holds no credential.
    for path in home.rglob("*"):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            for secret in (SECRET, TOKEN, KEY_ID):
                assert secret.encode() not in content, path
                assert json.dumps(secret)[1:-1].encode() not in content, path


@pytest.mark.slow
def test_a_server_that_goes_down_midway_stops_the_run_and_nothing_is_published(
    home: Path,
    server: ObjectServer,
    run_in: Runner,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    key = _sessions_key(server)
    server.put(key, _with_one_line_less(key, server.get(key), tmp_path))
    server.age()
    old = _pointer(server)
    server.fail = lambda each: 503 if each.is_content and LANDING in each.path else None
    monkeypatch.setenv("SEMILLERO_LANGUAGE", "es")
    end = run_in(home)
    assert end.verdict == "refused"
    assert end.release == old["release_id"]
    assert any("no respondió como un almacenamiento de objetos" in why for why in end.reasons)
    assert _pointer(server) == old
    with Ledger(home / "ledger.sqlite") as ledger:
        assert ledger.refusals() == ()


# --- what a listing costs and tells --------------------------------------------------------------


def test_settled_days_cost_two_listings_a_feed_however_many_they_are(
    server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEMILLERO_LANDING_URL", f"s3://{BUCKET}/many")
    for day in range(1, 29):
        server.put(f"many/agencies/dt=2026-02-{day:02d}/a.csv", (AGENCIES + _agency(day)).encode())
    server.age()
    settings = Settings(home=tmp_path / "home", duckdb_threads=1)
    contracts = {"agencies": load_contracts()["agencies"]}
    with Ingestor(settings) as ingestor:
        for day in range(1, 29):
            assert ingestor.ingest(contracts["agencies"], date(2026, 2, day)).outcome == "accepted"
    server.forget()
    with Ledger(settings.ledger) as ledger:
        pending = discover.pending_days(contracts, settings, ledger, open_zone(settings))
    assert pending == {"agencies": []}
    assert [each.is_listing for each in server.requests] == [True, True]


def test_more_objects_than_a_page_are_all_listed(server: ObjectServer, tmp_path: Path) -> None:
    for number in range(1003):
        server.put(f"pages/{number:04d}", b"x")
    store = ObjectStore(f"s3://{BUCKET}/pages", Settings(home=tmp_path))
    assert [each.key for each in store.listing()] == [f"{number:04d}" for number in range(1003)]


@pytest.mark.parametrize("answer", [b"", b"<html>Please sign in</html>"])
def test_a_page_of_something_else_is_not_an_empty_bucket(
    server: ObjectServer, tmp_path: Path, answer: bytes
) -> None:
    url, settings = f"s3://{BUCKET}/nothing-here", Settings(home=tmp_path)
    assert ObjectStore(url, settings).listing() == []
    store = ObjectStore(url, settings)
    server.fail, server.answer = (lambda _: 200), answer
    try:
        with pytest.raises(StorageError, match="did not answer as object storage does") as error:
            store.listing()
    finally:
        server.fail, server.answer = None, b""
    assert "no respondió como un almacenamiento de objetos" in error.value.es


def test_packed_and_plain_objects_of_a_day_are_read_together(
    server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEMILLERO_LANDING_URL", f"s3://{BUCKET}/packed")
    server.put(f"packed/agencies/dt={DAY}/a.csv", (AGENCIES + _agency(1)).encode())
    server.put(
        f"packed/agencies/dt={DAY}/b.csv.gz", gzip.compress((AGENCIES + _agency(2)).encode())
    )
    server.age()
    result = _ingest(tmp_path / "home", "agencies")
    assert (result.outcome, result.rows_accepted) == ("accepted", 2)


def test_an_object_is_found_under_its_very_name_whatever_letters_it_has(
    server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEMILLERO_LANDING_URL", f"s3://{BUCKET}/hostile")
    names = [
        "data[1].csv",
        "data1.csv",
        "it's; drop table accepted; --.csv",
        "st*r?.csv",
        "x?s3_endpoint=127.0.0.1:9.csv",
        "a%2Fb+c d.csv",
        "año nuevo.csv",
        "back\\slash{a,b}.csv",
    ]
    for number, name in enumerate(names):
        server.put(f"hostile/agencies/dt={DAY}/{name}", (AGENCIES + _agency(number)).encode())
    # Neither folders nor what an HTTP client would resolve to another day are read.
    other = (AGENCIES + _agency(99)).encode()
    server.put(f"hostile/agencies/dt={DAY}/../dt=2026-07-04/up.csv", other)
    server.put(f"hostile/agencies/dt={DAY}/sub/deep.csv", other)
    server.put(f"hostile/agencies/dt={DAY}//deep.csv", other)
    server.put(f"hostile/agencies/dt={DAY}/empty.csv", b"")
    server.age()
    server.forget()
    result = _ingest(tmp_path / "home", "agencies")
    assert (result.outcome, result.rows_accepted) == ("accepted", len(names))
    assert {(each.file, each.rule) for each in result.problems} == {
        ("..", "ignored_file"),
        ("sub", "not_a_file"),
        ("/", "not_a_file"),
        ("empty.csv", "empty_file"),
    }
    host = server.endpoint.removeprefix("http://")
    assert {each.host for each in server.requests} == {host}
    settings = Settings(home=tmp_path / "home")
    assert open_zone(settings).partition("agencies", date(2026, 7, 4)).files == ()


def test_wrong_names_in_the_bucket_are_told_like_wrong_names_in_a_folder(
    server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEMILLERO_LANDING_URL", f"s3://{BUCKET}/wrong")
    for key in ("agencies/stray.csv", "agencies/dt=3 July/a.csv", "shops/dt=2026-07-03/a.csv"):
        server.put(f"wrong/{key}", b"x\n")
    server.put("wrong/creators", b"x\n")
    settings = Settings(home=tmp_path / "home")
    zone = open_zone(settings)
    contracts = load_contracts()
    assert [each.file for each in discover.unknown_feeds(zone, contracts)] == ["shops"]
    landed = discover.landed_days("agencies", zone)
    assert landed.days == ()
    assert {each.file for each in landed.problems} == {"dt=3 July", "stray.csv"}
    shown = CliRunner().invoke(app, ["status"], env={"SEMILLERO_HOME": str(settings.home)})
    for name in ("landing/shops", "landing/creators", "landing/agencies/stray.csv"):
        assert name in shown.output


def test_an_object_that_changes_between_listing_and_reading_is_refused_and_read_next_time(
    server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEMILLERO_LANDING_URL", f"s3://{BUCKET}/moving")
    key = f"moving/live_sessions/dt={DAY}/a.csv"
    header = "session_id,creator_id,platform,started_at,ended_at\n"
    row = "s{0},c1,tiktok,2026-07-02T1{0}:00:00Z,2026-07-02T1{0}:30:00Z\n"
    server.put(key, (header + row.format(1)).encode())
    server.age()

    def overwrite(request: Request) -> None:
        if request.is_content:
            server.fail = None
            server.put(key, (header + row.format(2)).encode())

    server.fail = overwrite
    result = _ingest(tmp_path / "home", "live_sessions")
    assert result.outcome == "refused"
    assert "changed_while_read" in {each.rule for each in result.problems}
    server.age()
    again = _ingest(tmp_path / "home", "live_sessions")
    assert (again.outcome, again.rows_accepted) == ("accepted", 1)


def test_an_object_written_a_moment_before_its_listing_is_read_once_more(
    server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEMILLERO_LANDING_URL", f"s3://{BUCKET}/fresh")
    key = f"fresh/agencies/dt={DAY}/a.csv"
    server.put(key, (AGENCIES + _agency(1)).encode())
    assert _ingest(tmp_path / "home", "agencies").outcome == "accepted"
    # Its time tells whole seconds: another content of the same length could have followed.
    server.put(key, (AGENCIES + _agency(2)).encode())
    server.age()
    assert _ingest(tmp_path / "home", "agencies").outcome == "accepted"
    server.forget()
    assert _ingest(tmp_path / "home", "agencies").outcome == "unchanged"
    assert not any(each.is_content for each in server.requests)


@pytest.mark.slow
def test_a_big_object_needs_memory_for_itself_and_is_refused_with_advice_where_there_is_too_little(
    server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEMILLERO_LANDING_URL", f"s3://{BUCKET}/big")
    key = f"big/agencies/dt={DAY}/a.csv"
    note = "x" * 1000
    header = AGENCIES.replace("\n", ",note\n")
    rows = "".join(f"a{n},Agency,MX,2026-07-01T00:00:00Z,{note}\n" for n in range(100_000))
    server.put(key, (header + rows).encode())
    server.age()
    small = _ingest(tmp_path / "small", "agencies", duckdb_memory_limit="80MB")
    (problem,) = [each for each in small.problems if each.rule == "object_too_big"]
    assert "SEMILLERO_DUCKDB_MEMORY_LIMIT" in problem.reason_en
    assert "divídalo" in problem.reason_es
    result = _ingest(tmp_path / "home", "agencies", duckdb_memory_limit="1GB")
    assert (result.outcome, result.rows_accepted) == ("accepted", 100_000)
    server.delete(key)


# --- the copy ------------------------------------------------------------------------------------


def _killed_while_copying(home: Path, server: ObjectServer, after: int) -> int:
    """Run `semillero release mirror` and kill it, as kill -9 does, at its nth upload request."""
    environment = {**os.environ, "SEMILLERO_HOME": str(home)}
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", "release", "mirror"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    uploads = 0

    def kill(request: Request) -> None:
        nonlocal uploads
        uploads += request.method in {"PUT", "POST"}
        if uploads == after:
            process.send_signal(signal.SIGKILL)
            process.wait()

    server.fail = kill
    status = process.wait(timeout=120)
    server.fail = None
    return status


@pytest.mark.slow
def test_a_copy_that_was_killed_leaves_the_old_pointer_and_the_next_one_completes_it(
    home: Path, server: ObjectServer
) -> None:
    settings = Settings(home=home)
    whole = server.sizes(f"{RELEASES}/")
    pointer = f"{RELEASES}/{POINTER_NAME}"
    for key in whole:
        if key != pointer:
            server.delete(key)
    server.put(pointer, json.dumps({"release_id": "the one before"}).encode())
    # The marts come first, in parts: twelve requests take more than them, and less than all.
    for after in (1, 3, 12):
        assert _killed_while_copying(home, server, after) == -signal.SIGKILL
        assert mirrored_release(settings) == "the one before"
    there = server.sizes(f"{RELEASES}/")
    assert 1 < len(there) < len(whole)
    copied = mirror_current(settings)
    assert copied is not None
    # What had arrived is not sent again.
    assert copied.sent_count == len(whole) - len(there)
    assert server.sizes(f"{RELEASES}/") == whole
    assert mirrored_release(settings) == copied.release_id


@pytest.mark.slow
def test_a_damaged_copy_is_mended_and_a_pointer_that_cannot_be_written_stays(
    home: Path, server: ObjectServer
) -> None:
    settings = Settings(home=home)
    pointer = _pointer(server)
    damaged = f"{RELEASES}/{pointer['release_id']}/marts.duckdb"
    server.put(damaged, b"half")
    server.put(f"{RELEASES}/{POINTER_NAME}", b'{"release_id": "old"}')
    server.fail = lambda each: (
        503 if each.method == "PUT" and each.path.endswith(POINTER_NAME) else None
    )
    with pytest.raises(StorageError):
        mirror_current(settings)
    # A failed write deletes nothing: readers still have a pointer.
    assert server.get(f"{RELEASES}/{POINTER_NAME}") == b'{"release_id": "old"}'
    assert server.sizes(damaged)[damaged] == (home / "current" / "marts.duckdb").stat().st_size
    server.fail = None
    shown = CliRunner().invoke(app, ["release", "mirror"], env={"SEMILLERO_HOME": str(home)})
    assert shown.exit_code == 0, shown.output
    assert _pointer(server) == pointer


# --- what goes wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "en", "es"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "did not answer", "no respondió"),
        ({"AWS_ACCESS_KEY_ID": ""}, "needs credentials", "requiere credenciales"),
        ({"AWS_ENDPOINT_URL": "127.0.0.1:9"}, "is not http://host:port", "no tiene la forma"),
        (
            {"SEMILLERO_LANDING_URL": "s3://no-such-bucket/x"},
            "no such bucket",
            "no existe ese bucket",
        ),
    ],
)
def test_a_bucket_that_cannot_be_used_is_told_in_both_languages(
    environment: dict[str, str], en: str, es: str, tmp_path: Path
) -> None:
    for language, said in (("en", en), ("es", es)):
        shown = CliRunner().invoke(
            app,
            ["run"],
            env={
                **environment,
                "SEMILLERO_HOME": str(tmp_path / "home"),
                "SEMILLERO_LANGUAGE": language,
            },
        )
        assert shown.exit_code == 1
        assert said in " ".join(shown.output.split())
        assert "Traceback" not in shown.output
        assert SECRET not in shown.output


def test_refused_credentials_are_told_without_what_the_server_said(
    server: ObjectServer, tmp_path: Path
) -> None:
    server.fail = lambda _: 403
    server.answer = f"<Error><Code>ExpiredToken</Code><Token-0>{TOKEN}</Token-0></Error>".encode()
    zone = open_zone(Settings(home=tmp_path))
    with pytest.raises(StorageError) as refused:
        zone.days("agencies")
    assert "does not let these credentials in" in refused.value.en
    assert "no admite estas credenciales" in refused.value.es
    said = f"{refused.value!r} {refused.value.__cause__!r}"
    assert TOKEN not in said
    assert SECRET not in said


def test_a_missing_extension_is_told_with_the_way_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "_PACKAGE", "no_such_package")
    with pytest.raises(StorageError) as missing:
        open_zone(Settings(home=tmp_path)).feeds()
    assert "pip install duckdb-extension-httpfs" in missing.value.en
    assert "no está instalada" in missing.value.es


def test_an_extension_without_a_good_signature_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec("duckdb_extension_httpfs")
    assert found is not None
    assert found.submodule_search_locations
    forged = tmp_path / "forged_extension"
    shutil.copytree(Path(found.submodule_search_locations[0]), forged)
    (file,) = forged.rglob("*.duckdb_extension")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(storage, "_PACKAGE", "forged_extension")
    with pytest.raises(StorageError, match="httpfs"):
        open_zone(Settings(home=tmp_path)).feeds()


@pytest.mark.parametrize(
    "url",
    [
        "http://bucket/x",
        "s3://",
        "s3://bucket/*",
        "s3://bucket/x?s3_endpoint=evil",
        "s3://KEY:SECRET@bucket/x",
        "s3://bucket/../other",
        "s3://bucket//x",
        "s3://bucket/it's",
    ],
)
def test_an_address_that_is_more_than_a_bucket_and_a_folder_is_wrong_use(
    url: str, tmp_path: Path
) -> None:
    shown = CliRunner().invoke(
        app,
        ["status"],
        env={"SEMILLERO_HOME": str(tmp_path), "SEMILLERO_LANDING_URL": url},
    )
    assert shown.exit_code == 2
    assert "SEMILLERO_LANDING_URL" in shown.output
    assert "SECRET" not in shown.output.replace("AWS_SECRET_ACCESS_KEY", "")


def test_releases_inside_landing_are_wrong_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMILLERO_RELEASE_URL", f"s3://{BUCKET}/{LANDING}/releases")
    with pytest.raises(ValueError, match="lie within each other"):
        Settings()


def test_who_writes_files_into_landing_says_that_landing_is_a_bucket(tmp_path: Path) -> None:
    environment = {"SEMILLERO_HOME": str(tmp_path), "SEMILLERO_LANGUAGE": "es"}
    folder = str(tmp_path)
    for command in (["simulate"], ["ingest", "holodex", folder], ["ingest", "backstage", folder]):
        shown = CliRunner().invoke(app, command, env=environment)
        assert shown.exit_code == 2
        assert f"s3://{BUCKET}/{LANDING}" in " ".join(shown.output.split())
    assert CliRunner().invoke(app, ["simulate", "--if-empty"], env=environment).exit_code == 0
    assert list(tmp_path.iterdir()) == []


def test_a_home_without_buckets_loads_nothing_for_them(tmp_path: Path) -> None:
    code = (
        "import sys; from orchestration.settings import Settings; "
        "from orchestration.ingest.landing_zone import open_zone; "
        "from orchestration.ingest.ingest import Ingestor; "
        "from orchestration.contracts.loader import load_contracts; from datetime import date; "
        "zone = open_zone(Settings()); zone.feeds(); "
        "ingestor = Ingestor(Settings()).__enter__(); "
        "ingestor.ingest(load_contracts()['agencies'], date(2026, 7, 1)); "
        "print([name for name in sys.modules if 'httpfs' in name or 'landing_bucket' in name])"
    )
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("SEMILLERO_")
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, "SEMILLERO_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
