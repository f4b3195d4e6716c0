"""Is a release still what its certificate says?

What lives here: recomputing every hash of a release. What may not: repairing, deleting, or trusting
anything but the certificate.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from orchestration.release.certificate import CERTIFICATE_NAME, read_certificate
from orchestration.release.errors import CertificateError
from orchestration.release.hashing import file_sha256, table_content
from orchestration.sql import literal, quoted


def verify_folder(folder: Path) -> list[str]:
    """Recompute everything that the certificate of a release's folder states.

    Returns:
        What is wrong, a sentence each, also where the folder holds no release at all; empty if the
        release is whole.
    """
    try:
        certificate = read_certificate(folder)
    except CertificateError as error:
        return [str(error)]
    problems = []
    stated = set(certificate.files)
    found = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if not path.is_dir() or path.is_symlink()
    } - {CERTIFICATE_NAME}
    problems += [f"{name} is missing." for name in sorted(stated - found)]
    problems += [
        f"{name} is not in the certificate: somebody added it." for name in sorted(found - stated)
    ]
    whole = set()
    for name in sorted(stated & found):
        path, fact = folder / name, certificate.files[name]
        if path.is_symlink() or not path.is_file():
            problems.append(f"{name} is not an ordinary file.")
        elif path.stat().st_size != fact.byte_count:
            problems.append(
                f"{name} has {path.stat().st_size} bytes; the certificate says {fact.byte_count}."
            )
        elif file_sha256(path) != fact.sha256:
            problems.append(f"{name} was changed: its sha256 differs from the certificate's.")
        else:
            whole.add(name)
    # Damaged files are not opened: what they would answer proves nothing.
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        problems += _wrong_contents(connection, folder, whole)
    return problems


def _wrong_contents(
    connection: duckdb.DuckDBPyConnection, folder: Path, whole: set[str]
) -> list[str]:
    """Tables whose rows do not hash to what the certificate says, in DuckDB or in Parquet."""
    certificate = read_certificate(folder)
    problems = []
    readable = "marts.duckdb" in whole
    if readable:
        path = literal(str(folder / "marts.duckdb"))
        connection.execute(f"attach {path} as release (read_only)")
    for name, fact in (certificate.marts | certificate.about).items():
        parquet = f"parquet/{name}/data.parquet"
        relations = {}
        if readable:
            relations[f"marts.duckdb: {name}"] = f"release.{quoted(name)}"
        if parquet in whole:
            relations[parquet] = f"read_parquet({literal(str(folder / parquet))})"
        elif parquet not in certificate.files:
            problems.append(f"The certificate lists mart {name}, but no {parquet}.")
        for where, relation in relations.items():
            try:
                content = table_content(connection, relation)
            except duckdb.Error as error:
                problems.append(f"{where} cannot be read: {' '.join(str(error).split())}")
                continue
            if content.content_hash != fact.content_hash:
                problems.append(
                    f"{where} says something else than the certificate ({content.row_count} rows; "
                    f"the certificate says {fact.row_count})."
                )
    return problems
