"""How fast ingest is against the least that any program could do with the same files.

    .venv/bin/python bench/ingest.py                    formats, clean and dirty; ten minutes
    .venv/bin/python bench/ingest.py --memory           and days of 50 million rows; an hour

The yardstick is what somebody types who wants Parquet and asks nothing of the rows:

    copy (select * from read_csv('day.csv')) to 'day.parquet' (format parquet, compression zstd)

with types and dialect detected by DuckDB, and the same threads and memory as ours. It checks
nothing, numbers nothing, keeps no unknown column and no refused row, hashes no bytes, does not
limit what a gzip file unpacks to, and looks for no duplicates. On a dirty file it would stop at the
first line that it cannot read, so there it is told to pass over such lines.
Both are run in turn. Seconds swing by half on a shared machine, so the ratio is taken within each
round, and the median of the rounds counts.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median

import duckdb

FEED = "live_sessions"
DAY = date(2026, 3, 10)
FORMATS = ("parquet", "csv", "csv.gz", "jsonl", "jsonl.gz")
TARGET = 0.5
_INSTANTS = ("started_at", "ended_at", "updated_at")
_IN_TEXT = ", ".join(f"strftime({name}, '%Y-%m-%dT%H:%M:%SZ') as {name}" for name in _INSTANTS)
_READERS = {"parquet": "read_parquet", "csv": "read_csv", "jsonl": "read_json"}
_PASS_OVER = {"parquet": "", "csv": ", ignore_errors = true", "jsonl": ", ignore_errors = true"}


@dataclass(frozen=True)
class Limits:
    """What both sides may use."""

    threads: int
    memory: str

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB within the limits."""
        connection = duckdb.connect(":memory:")
        connection.execute(f"set threads = {self.threads}")
        connection.execute("set memory_limit = $limit", {"limit": self.memory})
        return connection


def make_rows(connection: duckdb.DuckDBPyConnection, count: int) -> None:
    """A table `sessions` of honest sessions, in the order of their numbers."""
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("create or replace macro chance(x) as cast(hash(x) >> 2 as bigint)")
    connection.execute(
        f"""
        create or replace view sessions as
        select
            'ls_' || lpad(cast(i as varchar), 12, '0') as session_id,
            'cr_' || cast(chance(i) % {max(count // 20, 10)} as varchar) as creator_id,
            ['tiktok', 'youtube', 'twitch', 'bigo'][1 + chance(i + 1) % 4] as platform,
            timestamptz '{DAY} 00:00:00+00' + to_seconds(chance(i + 2) % 86400) as started_at,
            started_at + to_seconds(300 + chance(i + 3) % 14000) as ended_at,
            ['Música', 'Charlas', 'Juegos', 'Cocina'][1 + chance(i + 4) % 4] as category,
            case when chance(i + 5) % 3 > 0 then 'Directo nº ' || cast(i % 5000 as varchar)
                || [' con amigos', ', con "Pepe"', ' y la comunidad'][1 + chance(i + 6) % 3]
            end as title,
            cast((chance(i + 7) % 500000) / 1000.0 as decimal(18, 4)) as average_viewers,
            chance(i + 8) % 900 as peak_viewers,
            chance(i + 9) % 3000 as unique_viewers,
            chance(i + 10) % 3000000 as viewer_seconds,
            chance(i + 11) % 20000 as likes,
            chance(i + 12) % 800 as comments,
            chance(i + 13) % 90 as shares,
            chance(i + 14) % 120 as new_followers,
            chance(i + 15) % 40 as gifters,
            chance(i + 16) % 9000 as diamonds,
            case when chance(i + 17) % 10 = 0
                then 'cmp_' || cast(chance(i + 18) % 30 as varchar) end as campaign_id,
            chance(i + 19) % 50 = 0 as is_static,
            ended_at + to_seconds(600) as updated_at
        from range({count}) as numbers(i)
        """
    )


def spoil_rows(connection: duckdb.DuckDBPyConnection) -> None:
    """A view `spoilt`: of a hundred rows one is faulty, of five hundred one comes twice."""
    connection.execute(
        """
        create or replace view spoilt as
        select * replace (
            case when chance(session_id) % 300 = 1 then -likes else likes end as likes,
            case when chance(session_id) % 300 = 2 then null else creator_id end as creator_id,
            case when chance(session_id) % 300 = 3 then started_at - interval 1 hour
                else ended_at end as ended_at,
            case when chance(session_id) % 500 = 4 then 'ls_000000000001'
                else session_id end as session_id
        )
        from sessions
        """
    )


def write_day(
    connection: duckdb.DuckDBPyConnection, view: str, file_format: str, path: Path
) -> None:
    """Land a view as one file."""
    if file_format == "parquet":
        connection.execute(
            f"copy (from {view}) to $path (format parquet, compression zstd)", {"path": str(path)}
        )
        return
    how = "format csv, header" if file_format.startswith("csv") else "format json"
    packing = "gzip" if file_format.endswith(".gz") else "none"
    connection.execute(
        f"copy (select * replace ({_IN_TEXT}) from {view}) to $path ({how}, compression {packing})",
        {"path": str(path)},
    )


def bare_copy(source: Path, target: Path, limits: Limits, *, passes_over: bool) -> float:
    """Seconds of the yardstick."""
    kind = source.name.split(".", 1)[1].removesuffix(".gz")
    options = _PASS_OVER[kind] if passes_over else ""
    with limits.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set temp_directory = $folder", {"folder": str(target.parent / "spill")})
        began = time.monotonic()
        connection.execute(
            f"copy (select * from {_READERS[kind]}($path{options})) to $target "
            "(format parquet, compression zstd)",
            {"path": str(source), "target": str(target)},
        )
        return time.monotonic() - began


def our_ingest(source: Path, home: Path, limits: Limits) -> tuple[float, str]:
    """Seconds of an ingest of the file as a new day, and its counts."""
    from orchestration.contracts import load_contracts
    from orchestration.ingest import Ingestor
    from orchestration.settings import Settings

    folder = home / "landing" / FEED / f"dt={DAY}"
    folder.mkdir(parents=True)
    os.link(source, folder / source.name)
    settings = Settings(
        home=home,
        duckdb_threads=limits.threads,
        duckdb_memory_limit=limits.memory,
        max_decompressed_bytes=2**40,
    )
    contract = load_contracts()[FEED]
    with Ingestor(settings) as ingestor:
        began = time.monotonic()
        result = ingestor.ingest(contract, DAY)
        seconds = time.monotonic() - began
    if result.outcome != "accepted":
        raise RuntimeError(f"the day was not accepted: {result.problems[:3]}")
    counts = (result.rows_accepted, result.rows_refused, result.rows_duplicate)
    return seconds, "{:,} accepted, {:,} refused, {:,} duplicate".format(*counts)


def compare(folder: Path, rows: int, rounds: int, limits: Limits) -> None:
    """Print rows a second and the ratio, by format, for a clean and a dirty file."""
    print(
        f"{rows:,} sessions, {limits.threads} threads, {limits.memory}; median of {rounds} rounds\n"
    )
    print(f"{'file':>16} {'bare rows/s':>12} {'ours rows/s':>12} {'ratio':>6}")
    with limits.connect() as connection:
        make_rows(connection, rows)
        spoil_rows(connection)
        for view in ("sessions", "spoilt"):
            for file_format in FORMATS:
                source = folder / f"{view}.{file_format}"
                write_day(connection, view, file_format, source)
                bare, ours = [], []
                for _ in range(rounds):
                    bare.append(
                        bare_copy(
                            source, folder / "bare.parquet", limits, passes_over=view == "spoilt"
                        )
                    )
                    seconds, counts = our_ingest(source, folder / "home", limits)
                    ours.append(seconds)
                    shutil.rmtree(folder / "home")
                source.unlink()
                ratios = sorted(theirs / own for theirs, own in zip(bare, ours, strict=True))
                ratio = median(ratios)
                note = "" if ratio >= TARGET else f"  below {TARGET}"
                shown = f"{view}.{file_format}"
                print(
                    f"{shown:>18} {rows / median(bare):>12,.0f} {rows / median(ours):>12,.0f} "
                    f"{ratio:>6.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})  {counts}{note}",
                    flush=True,
                )


def peak_of_child(source: Path, home: Path, limits: Limits) -> tuple[float, float, str]:
    """Seconds, peak resident memory in GiB and counts of an ingest in a process of its own."""
    child = [sys.executable, __file__, "--child", str(source), str(home)]
    child += ["--threads", str(limits.threads), "--limit", limits.memory]
    done = subprocess.run(child, check=True, capture_output=True, text=True)  # noqa: S603 - this file
    seconds, peak, counts = done.stdout.strip().split("\t")
    return float(seconds), float(peak), counts


def ingest_as_child(source: Path, home: Path, limits: Limits) -> None:
    """Ingest and print seconds, the process's peak and the counts."""
    seconds, counts = our_ingest(source, home, limits)
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    print(seconds, int(peak[1]) / 2**20 if peak else float("nan"), counts, sep="\t")


def measure_memory(folder: Path, rows: int, limits: Limits) -> None:
    """Print the peak memory of large days against the limit."""
    python = _peak_without_rows(folder, limits)
    print(f"\n{rows:,} sessions, {limits.threads} threads, limit {limits.memory}")
    print(f"{'an ingest of 1 row':>18}: peak {python:.2f} GiB, most of it not DuckDB's")
    for file_format in ("parquet", "csv"):
        source = folder / f"large.{file_format}"
        with limits.connect() as connection:
            connection.execute("set preserve_insertion_order = false")
            make_rows(connection, rows)
            write_day(connection, "sessions", file_format, source)
        bare = bare_copy(source, folder / "bare.parquet", limits, passes_over=False)
        seconds, peak, counts = peak_of_child(source, folder / "home", limits)
        print(
            f"{file_format:>18}: peak {peak:.2f} GiB, {seconds:.0f} s, bare {bare:.0f} s, ratio "
            f"{bare / seconds:.2f}; {source.stat().st_size / 2**30:.1f} GiB landed; {counts}",
            flush=True,
        )
        source.unlink()
        shutil.rmtree(folder / "home")


def _peak_without_rows(folder: Path, limits: Limits) -> float:
    source = folder / "one.parquet"
    with duckdb.connect(":memory:") as connection:
        make_rows(connection, 1)
        write_day(connection, "sessions", "parquet", source)
    _, peak, _ = peak_of_child(source, folder / "home", limits)
    shutil.rmtree(folder / "home")
    return peak


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--limit", default="4GB", help="DuckDB's memory limit")
    parser.add_argument("--memory", action="store_true", help="also days of --large rows")
    parser.add_argument("--large", type=int, default=50_000_000)
    parser.add_argument("--large-limit", default="2GB")
    parser.add_argument("--folder", type=Path, help="where the files go; tens of GB with --memory")
    parser.add_argument("--child", nargs=2, type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    limits = Limits(asked.threads, asked.limit)
    if asked.child:
        source, home = asked.child
        ingest_as_child(source, home, limits)
        return
    with tempfile.TemporaryDirectory(prefix="bench-", dir=asked.folder) as folder:
        if asked.rows:
            compare(Path(folder), asked.rows, asked.rounds, limits)
        if asked.memory:
            measure_memory(Path(folder), asked.large, Limits(asked.threads, asked.large_limit))


if __name__ == "__main__":
    main()
