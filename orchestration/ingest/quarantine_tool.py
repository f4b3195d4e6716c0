"""Quarantine for people: how much stands there, why, what it looks like, and a file to correct.

What lives here: the selection by feed, day and rule, counting, samples and exports. What may not:
changing quarantine (`replay`, `withdraw`), or the words of the screen. Only samples enter Python.

Personal and sensitive columns are masked in samples and left out of exports, unless a person asks
for them: a mask that was landed again would become a handle. What the contract does not know
(other columns, lines that could not be parsed) nobody has classified, so it counts as personal.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import duckdb

from orchestration.contracts.loader import MASK, FeedContract
from orchestration.errors import BilingualError
from orchestration.ingest import quarantine
from orchestration.ingest.engine import open_connection
from orchestration.ingest.landed import shown_name
from orchestration.ingest.ledger import Ledger
from orchestration.ingest.read import json_pointer
from orchestration.ingest.replay import WITHDRAWN, bring
from orchestration.ingest.results import day_name
from orchestration.release.atomic import fsync_folder
from orchestration.scratch import scratch_folder
from orchestration.settings import Settings
from orchestration.sql import literal

_EXPORT_FORMATS: Mapping[str, str] = {
    ".csv": "format csv, header true",
    ".jsonl": "format json",
    ".parquet": "format parquet, compression zstd",
}
# What a spreadsheet takes for a formula, but for plain numbers: OWASP, "CSV injection".
_FORMULA = r"^[=+\-@\t\r]"
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"

State = Literal["accepted", "refused", "withdrawn"]


class QuarantineToolError(BilingualError):
    """What was asked cannot be done; another command line puts it right."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which part of quarantine: None leaves a side open; both days are included."""

    feed: str | None = None
    first: date | None = None
    last: date | None = None
    rule: str | None = None

    def has_day(self, day: date) -> bool:
        """Whether the arrival day is meant."""
        return (self.first is None or day >= self.first) and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True)
class HeldDay:
    """One feed's arrival day with something in quarantine."""

    feed: str
    day: date


@dataclass(frozen=True, slots=True)
class HeldCount:
    """What quarantine holds of one feed, arrival day and rule.

    Attributes:
        feed: The feed.
        day: The arrival day.
        state: Whether the rest of the day was accepted, or all of it refused or withdrawn.
        rule: The rule.
        rows: Rows refused under it; a row that breaks two rules counts under both.
        files: Whole files (or, with the day itself, whole days) refused under it.
        read_count: Rows that the day was read with; None where nobody counted them.
        tolerance: Largest share of refused rows with which a day is still accepted.
    """

    feed: str
    day: date
    state: State
    rule: str
    rows: int
    files: int
    read_count: int | None
    tolerance: float

    @property
    def share(self) -> float | None:
        """Rows over the day's rows, None where it was read with none."""
        return self.rows / self.read_count if self.read_count else None


@dataclass(frozen=True, slots=True)
class HeldSummary:
    """All counts of a selection, and how many different rows and days they speak of."""

    counts: tuple[HeldCount, ...]
    rows: int
    days: int


@dataclass(frozen=True, slots=True)
class HeldRow:
    """One refused row for people: where it stood, every reason, and its values as text."""

    feed: str
    day: date
    file: str
    row: int | None
    reasons: tuple[tuple[str, str], ...]
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Export:
    """A written export: rows, cells with an apostrophe put before them, and what was left out."""

    path: Path
    rows: int
    escaped_cells: int
    left_out: tuple[str, ...]


def held_days(
    settings: Settings, contracts: Mapping[str, FeedContract], selection: Selection
) -> tuple[HeldDay, ...]:
    """The feeds and arrival days of a selection with a file in quarantine, in order."""
    found = []
    for feed in contracts if selection.feed is None else [selection.feed]:
        for folder in sorted((settings.quarantine / feed).glob("dt=*")):
            try:
                day = date.fromisoformat(folder.name.removeprefix("dt="))
            except ValueError:
                continue
            if selection.has_day(day) and any(_files(settings, feed, day)):
                found.append(HeldDay(feed, day))
    return tuple(found)


def summary(
    settings: Settings, contracts: Mapping[str, FeedContract], selection: Selection
) -> HeldSummary:
    """How many rows stand in quarantine, by feed, day and rule."""
    with _held(settings, contracts, selection) as held:
        if held is None:
            return HeldSummary((), 0, 0)
        counted = held.connection.execute(
            """
            select feed, dt, is_refused_day, rule,
                count(distinct (file, row)) filter (where row is not null),
                count(*) filter (where row is null)
            from held
            where $rule is null or rule = $rule
            group by feed, dt, is_refused_day, rule
            order by feed, dt, is_refused_day, rule
            """,
            {"rule": selection.rule},
        ).fetchall()
        total = held.connection.execute(
            """
            select
                count(distinct (feed, dt, is_refused_day, file, row)) filter (
                    where row is not null
                ),
                count(distinct (feed, dt))
            from held
            where $rule is null or rule = $rule
            """,
            {"rule": selection.rule},
        ).fetchone() or (0, 0)
    with Ledger(settings.ledger) as ledger:
        read = {(each.feed, each.day, False): each.read_count for each in ledger.partitions()}
        withdrawn = {
            (each.partition.feed, each.partition.day): each.partition.read_count
            for each in ledger.withdrawals()
        }
        read |= {(each.feed, each.day, True): each.read_count for each in ledger.refusals()}

    def state(feed: str, day: date, *, is_refused_day: bool) -> State:
        if is_refused_day:
            return "refused"
        return "withdrawn" if (feed, day) in withdrawn else "accepted"

    return HeldSummary(
        counts=tuple(
            HeldCount(
                feed=feed,
                day=day,
                state=state(feed, day, is_refused_day=is_refused_day),
                rule=rule,
                rows=rows,
                files=files,
                read_count=read.get((feed, day, is_refused_day), withdrawn.get((feed, day))),
                tolerance=contracts[feed].max_refused_share,
            )
            for feed, day, is_refused_day, rule, rows, files in counted
        ),
        rows=total[0],
        days=total[1],
    )


def sample(
    settings: Settings,
    contracts: Mapping[str, FeedContract],
    selection: Selection,
    *,
    limit: int,
    personal: bool,
) -> tuple[HeldRow, ...]:
    """The first refused rows and files of a selection, their values masked unless asked for."""
    with _held(settings, contracts, selection) as held:
        if held is None:
            return ()
        rows = held.connection.execute(
            f"""
            select feed, dt, file, row,
                list((rule, {_reason(settings)}) order by rule, "column", reason_en),
                any_value(content)
            from held
            group by feed, dt, is_refused_day, file, row
            having $rule is null or bool_or(rule = $rule)
            order by feed, dt, is_refused_day, file nulls first, row nulls first
            limit $limit
            """,
            {"rule": selection.rule, "limit": limit},
        ).fetchall()
    return tuple(
        HeldRow(
            feed=feed,
            day=day,
            file=file or day_name(day),
            row=row,
            # One column can break one rule in two ways; another may have the same sentence.
            reasons=tuple(dict.fromkeys((rule, reason) for rule, reason in reasons)),
            values=_shown_values(content, contracts[feed], personal=personal),
        )
        for feed, day, file, row, reasons, content in rows
    )


def export(
    settings: Settings,
    contracts: Mapping[str, FeedContract],
    selection: Selection,
    path: Path,
    *,
    personal: bool,
    force: bool,
) -> Export:
    """Write the refused rows of one feed in its own columns, with their reasons, to correct them.

    The file is readable for its owner only, and stands there whole or not at all. In CSV a cell
    that a spreadsheet would take for a formula gets an apostrophe before it. Withdrawn rows, with
    which nothing is wrong, are exported under their own rule only.

    Raises:
        QuarantineToolError: the path will not do, several feeds are selected, or nothing is.
        OSError: the file cannot be written.
    """
    options = _export_options(path)
    _refuse_place(settings, path, force=force)
    feeds = sorted({held.feed for held in held_days(settings, contracts, selection)})
    if len(feeds) > 1:
        listed = ", ".join(feeds)
        raise QuarantineToolError(
            f"Quarantine holds several feeds ({listed}), whose columns differ: name one, --feed.",
            f"En cuarentena hay varias fuentes ({listed}) con columnas distintas: elija una con "
            "--feed.",
        )
    with _held(settings, contracts, selection) as held:
        if held is None:
            raise _nothing_selected()
        connection, contract = held.connection, contracts[feeds[0]]
        left_out = _project(connection, settings, contract, selection, personal=personal)
        counted = connection.execute("select count(*) from exported").fetchone()
        if not counted or not counted[0]:
            raise _nothing_selected()
        escaped = _escape_formulas(connection) if path.suffix.lower() == ".csv" else 0
        made = held.folder / "export"
        connection.execute(
            "copy (select * from exported order by refused_file, refused_row) "
            f"to $path ({options})",
            {"path": str(made)},
        )
        _put_in_place(made, path)
    return Export(path=path, rows=int(counted[0]), escaped_cells=escaped, left_out=left_out)


# --- reading quarantine -----------------------------------------------------------------------


def _files(settings: Settings, feed: str, day: date) -> list[tuple[Path, bool]]:
    """The quarantine files of a day, and whether each is of a day refused as a whole."""
    named = [
        (quarantine.accepted_path(feed, day, settings), False),
        (quarantine.refused_path(feed, day, settings), True),
    ]
    return [(path, is_refused_day) for path, is_refused_day in named if path.exists()]


@dataclass(frozen=True, slots=True)
class _Held:
    """A closed-in connection with the view `held`, and the folder that it may write to."""

    connection: duckdb.DuckDBPyConnection
    folder: Path


@contextmanager
def _held(
    settings: Settings, contracts: Mapping[str, FeedContract], selection: Selection
) -> Iterator[_Held | None]:
    """The quarantine of the selected days; None without any."""
    days = held_days(settings, contracts, selection)
    if not days:
        yield None
        return
    with scratch_folder(settings) as folder:
        paths: dict[bool, list[str]] = {False: [], True: []}
        for held in days:
            for source, is_refused_day in _files(settings, held.feed, held.day):
                target = folder / f"held-{len(paths[False]) + len(paths[True]):06d}.parquet"
                # A day may be replayed or accepted anew this very moment: then it is held no more.
                try:
                    bring(source, target)
                except FileNotFoundError:
                    continue
                paths[is_refused_day].append(str(target))
        with open_connection(folder, settings) as connection:
            parts = [
                f"select *, {str(is_refused_day).lower()} as is_refused_day "
                f"from read_parquet([{_quoted(listed)}], hive_partitioning = false)"
                for is_refused_day, listed in paths.items()
                if listed
            ]
            if not parts:
                yield None
                return
            connection.execute(f"create temp view held as {' union all '.join(parts)}")
            yield _Held(connection, folder)


def _quoted(paths: Sequence[str]) -> str:
    # Names of our own making: a view cannot be bound to parameters.
    return ", ".join(literal(path) for path in paths)


def _reason(settings: Settings) -> str:
    return {"en": "reason_en", "es": "reason_es"}[settings.language]


# --- samples ----------------------------------------------------------------------------------


def _shown_values(
    content: str | None, contract: FeedContract, *, personal: bool
) -> tuple[tuple[str, str], ...]:
    if content is None:
        return ()
    try:
        values = json.loads(content)
    except json.JSONDecodeError:
        values = {"": content}
    if not isinstance(values, dict):
        values = {"": content}
    open_names = {column.name for column in contract.columns if not column.is_personal}
    shown = []
    for name, value in values.items():
        if value is None or value == "":
            continue
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        is_open = personal or name.strip().casefold() in open_names
        shown.append((shown_name(name), shown_name(text) if is_open else MASK))
    return tuple(shown)


# --- exports ----------------------------------------------------------------------------------


def _export_options(path: Path) -> str:
    options = _EXPORT_FORMATS.get(path.suffix.lower())
    if options is None:
        raise QuarantineToolError(
            f"{path.name}: an export is .csv, .jsonl or .parquet, by its name's ending.",
            f"{path.name}: una exportación es .csv, .jsonl o .parquet, según cómo termine su "
            "nombre.",
        )
    return options


def _refuse_place(settings: Settings, path: Path, *, force: bool) -> None:
    absolute = Path(os.path.realpath(path))
    kept = (settings.landing, settings.raw, settings.quarantine, settings.releases)
    if any(absolute.is_relative_to(os.path.realpath(folder)) for folder in kept):
        raise QuarantineToolError(
            f"{path} lies in a folder that others own or that must not change: export somewhere "
            "else, correct the file, and land it then.",
            f"{path} está en una carpeta ajena o que no debe cambiar: exporte a otro lugar, "
            "corrija el archivo y deposítelo después en landing.",
        )
    if path.exists() and not force:
        raise QuarantineToolError(
            f"{path} exists already: choose another name, or --force to replace it.",
            f"{path} ya existe: elija otro nombre, o --force para reemplazarlo.",
        )
    if not absolute.parent.is_dir():
        raise QuarantineToolError(
            f"The folder {absolute.parent} does not exist: make it first.",
            f"La carpeta {absolute.parent} no existe: créela primero.",
        )


def _nothing_selected() -> QuarantineToolError:
    return QuarantineToolError(
        "Quarantine holds no such rows: nothing was written. See `semillero quarantine list`.",
        "En cuarentena no hay filas así: no se escribió nada. Vea `semillero quarantine list`.",
    )


def _project(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    contract: FeedContract,
    selection: Selection,
    *,
    personal: bool,
) -> tuple[str, ...]:
    """Make `exported`: the feed's columns as text, then the reasons; returns what is left out."""
    connection.execute(
        f"""
        create temp table chosen as
        select file, row, any_value(content) as content,
            string_agg(distinct rule, ', ' order by rule) as rules,
            string_agg(distinct {_reason(settings)}, ' ' order by {_reason(settings)}) as reasons
        from held
        where row is not null
        group by dt, is_refused_day, file, row
        having
            case
                when $rule is null then not bool_or(rule = '{WITHDRAWN}')
                else bool_or(rule = $rule)
            end
        """,
        {"rule": selection.rule},
    )
    # distinct: every row names its columns
    keys = [
        str(key)
        for (key,) in connection.execute(
            "select distinct unnest(json_keys(content)) as key from chosen order by key"
        ).fetchall()
    ]
    known = {column.name for column in contract.columns}
    columns = [column.name for column in contract.columns if personal or not column.is_personal]
    # A file may write a column's name in its own way; which one it was is bound, never SQL.
    spellings = {
        name: [json_pointer(key) for key in keys if key.strip().casefold() == name]
        for name in columns
    }
    unknown = [key for key in keys if key.strip().casefold() not in known]
    values = [
        f"list_filter(json_extract_string(content, $keys_{name}), lambda v: v is not null)[1] "
        f'as "{name}"'
        if spellings[name]
        else f'cast(null as varchar) as "{name}"'
        for name in columns
    ]
    parameters: dict[str, object] = {
        f"keys_{name}": pointers for name, pointers in spellings.items() if pointers
    }
    if personal and unknown:
        parameters["unknown"] = unknown
        parameters["unknown_keys"] = [json_pointer(key) for key in unknown]
        values.append(
            "cast(to_json(map($unknown, json_extract_string(content, $unknown_keys))) as varchar) "
            "as _extra"
        )
    listed = ", ".join(values)
    connection.execute(
        f"""
        create temp table exported as
        select {listed}, file as refused_file, row as refused_row, rules as refused_rules,
            reasons as refused_reasons
        from chosen
        """,
        parameters,
    )
    if personal:
        return ()
    hidden = [column.name for column in contract.columns if column.is_personal]
    return tuple(hidden + [shown_name(key) for key in unknown])


def _escape_formulas(connection: duckdb.DuckDBPyConnection) -> int:
    """Put an apostrophe before what a spreadsheet would run; returns the number of cells."""
    texts = [
        name
        for name, kind, *_ in connection.execute("describe exported").fetchall()
        if kind == "VARCHAR"
    ]
    dangerous = {
        name: f"regexp_matches(\"{name}\", '{_FORMULA}') "
        f"and not regexp_full_match(\"{name}\", '{_NUMBER}')"
        for name in texts
    }
    counts = " + ".join(f"count(*) filter (where {condition})" for condition in dangerous.values())
    counted = connection.execute(f"select {counts} from exported").fetchone()
    escaped = ", ".join(
        f'case when {condition} then \'\'\'\' || "{name}" else "{name}" end as "{name}"'
        for name, condition in dangerous.items()
    )
    connection.execute(
        f"create or replace temp table exported as select * replace ({escaped}) from exported"
    )
    return int(counted[0]) if counted else 0


def _put_in_place(made: Path, path: Path) -> None:
    """Copy beside the target, for its owner only, then rename: there whole or not at all."""
    # mkstemp makes files of mode 0600.
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as target, made.open("rb") as source:
            while chunk := source.read(1024 * 1024):
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    fsync_folder(path.parent)
