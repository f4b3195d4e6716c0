"""Damage is found, forged certificates and strange pointers are refused, with the reason."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pytest

from orchestration.release.errors import CertificateError, ReleaseError
from orchestration.release.pointer import (
    Release,
    broken_releases,
    current_release,
    list_releases,
    move_current,
)
from orchestration.release.verify import verify_folder
from orchestration.settings import Settings
from tests.unit.checks.small_warehouse import code
from tests.unit.release.conftest import Publish

DAMAGES = ("marts.duckdb", "parquet/fct_creator_days/data.parquet")


@pytest.fixture
def release(publish_run: Publish) -> Release:
    return publish_run()


@pytest.mark.parametrize("name", DAMAGES)
def test_a_flipped_bit_is_found(release: Release, name: str) -> None:
    path = release.path / name
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x01
    path.write_bytes(content)

    assert verify_folder(release.path) == [
        f"{name} was changed: its sha256 differs from the certificate's."
    ]


def test_missing_added_cut_and_linked_files_are_found(release: Release, tmp_path: Path) -> None:
    (release.path / "parquet/dim_dates/data.parquet").unlink()
    (release.path / "notes.txt").write_text("hello", encoding="utf-8")
    cut = release.path / "parquet/dim_markets/data.parquet"
    cut.chmod(0o644)
    cut.write_bytes(cut.read_bytes()[:-1])
    linked = release.path / "parquet/dim_creators/data.parquet"
    elsewhere = tmp_path / "elsewhere.parquet"
    shutil.move(linked, elsewhere)
    linked.symlink_to(elsewhere)

    problems = verify_folder(release.path)

    assert len(problems) == 4
    told = " ".join(problems)
    assert "parquet/dim_dates/data.parquet is missing." in told
    assert "notes.txt is not in the certificate" in told
    assert "parquet/dim_markets/data.parquet has" in told
    assert "parquet/dim_creators/data.parquet is not an ordinary file" in told


def test_content_that_does_not_match_is_found_even_under_a_new_seal(release: Release) -> None:
    """Somebody swaps a Parquet file and recomputes sha256 and seal: the rows still tell."""
    other = release.path / "parquet/dim_creators/data.parquet"
    path = release.path / "certificate.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    fact = document["marts"]["dim_creators"]
    fact["content_hash"] = "0" * 64
    _seal(document)
    _overwrite(path, json.dumps(document))

    problems = verify_folder(release.path)

    assert other.is_file()
    assert [problem.split(" says")[0] for problem in problems] == [
        "marts.duckdb: dim_creators",
        "parquet/dim_creators/data.parquet",
    ]


@pytest.mark.parametrize(
    ("find", "put"),
    [
        ('"row_count": 840', '"row_count": 841'),
        ('"row_count": 840', '"row_count": "840"'),
        ('"accepted_shift": null', '"accepted_shift": "because"'),
        ('"passed": true', '"passed": false'),
        ('"format_version": 1', '"format_version": 2'),
        ('"format_version": 1', '"format_version": 1, "signed_by": "me"'),
        ("{", ""),
        ("20260401T", "20260402T"),
    ],
)
def test_a_certificate_edited_by_hand_is_refused(
    settings: Settings, release: Release, publish_run: Publish, find: str, put: str
) -> None:
    path = release.path / "certificate.json"
    text = path.read_text(encoding="utf-8")
    assert find in text
    _overwrite(path, text.replace(find, put, 1))

    with pytest.raises(CertificateError, match=r"certificate\.json"):
        current_release(settings)
    with pytest.raises(CertificateError):
        publish_run(run_id="run-2", version=code("two"))
    assert list_releases(settings) == []
    assert [folder.name for folder, _ in broken_releases(settings)] == [release.release_id]
    assert len(verify_folder(release.path)) == 1


def test_a_certificate_that_is_gone_or_of_another_release_is_refused(
    settings: Settings, release: Release
) -> None:
    copy = settings.releases / "20270101T000000Z-00000000"
    shutil.copytree(release.path, copy)
    with pytest.raises(CertificateError, match="belongs to release"):
        move_current(settings, copy.name)
    (copy / "certificate.json").unlink()
    with pytest.raises(CertificateError, match="cannot be read"):
        move_current(settings, copy.name)
    assert current_release(settings) == release


def test_a_current_that_points_outside_or_to_nothing_is_refused(
    settings: Settings, release: Release, tmp_path: Path
) -> None:
    outside = tmp_path / release.release_id
    shutil.copytree(release.path, outside)
    for target in (outside, settings.home, settings.releases, tmp_path / "nothing"):
        settings.current.unlink()
        settings.current.symlink_to(target)
        with pytest.raises(ReleaseError, match="points to"):
            current_release(settings)
    settings.current.unlink()
    settings.current.symlink_to("releases/20270101T000000Z-00000000")
    with pytest.raises(ReleaseError, match="is not there"):
        current_release(settings)


def test_something_that_is_no_symlink_is_never_replaced(
    settings: Settings, release: Release
) -> None:
    settings.current.unlink()
    assert current_release(settings) is None
    settings.current.mkdir()
    with pytest.raises(ReleaseError, match="is not a symlink"):
        current_release(settings)
    with pytest.raises(ReleaseError, match="is not a symlink"):
        move_current(settings, release.release_id)
    assert settings.current.is_dir()


@pytest.mark.parametrize("name", ["", "..", "../x", "current", "20260401T120000Z-ABCDEF01"])
def test_only_names_of_releases_become_current(settings: Settings, name: str) -> None:
    with pytest.raises(ReleaseError, match="not the name of a release"):
        move_current(settings, name)


def test_a_home_that_moved_keeps_its_current(
    settings: Settings, release: Release, tmp_path: Path
) -> None:
    moved = Settings(home=tmp_path / "moved")
    settings.home.rename(moved.home)

    found = current_release(moved)

    assert found is not None
    assert found.release_id == release.release_id
    assert verify_folder(found.path) == []


def test_released_files_cannot_be_opened_for_writing_by_mistake(release: Release) -> None:
    for path in release.path.rglob("*"):
        if path.is_file():
            assert path.stat().st_mode & 0o222 == 0, path
    with duckdb.connect(str(release.marts), read_only=True) as connection:
        tags = connection.execute(
            "select tags from duckdb_databases() where database_name = 'marts'"
        ).fetchone()
    assert tags is not None
    assert tags[0]["storage_version"].startswith("v1.0.0")
    assert not release.marts.with_name("marts.duckdb.wal").exists()


def _overwrite(path: Path, text: str) -> None:
    path.chmod(0o644)
    path.write_text(text, encoding="utf-8")


def _seal(document: dict[str, object]) -> None:
    from orchestration.release.hashing import document_sha256

    del document["certificate_hash"]
    document["certificate_hash"] = document_sha256(document)
