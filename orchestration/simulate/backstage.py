"""Backstage exports of a world: real `.xlsx` files whose daily truth is known.

What lives here: month-to-date reports as an agency would export them every morning (and one of the
last 30 days a week), written from true creator days, with the dirt that real ones have. What may
not: anything of the adapter that reads them. The two must be able to disagree.

The dirt: masked and vanishing leavers, a day and two days in a row without a file, a repeated file,
the same export in Spanish, a restatement, creators who join late, columns left out and in other
orders, durations and numbers in both ways, a title above the headers.
"""

from __future__ import annotations

import json
import random
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from orchestration.simulate import parameters as p
from orchestration.simulate.landing import copy_to, put_records

if TYPE_CHECKING:
    from orchestration.simulate.options import WorldOptions

COMPARED_COUNTERS = ("diamonds", "live_seconds", "valid_days", "new_followers", "session_count")
"""Counters that an export also gives for last month."""

COUNTERS = (*COMPARED_COUNTERS, "matches", "match_diamonds")
"""What is counted per creator and day; a day has at most one valid day."""

MASK = "The creator has quit the network"
MASK_ES = "El creador ha abandonado la red"

_VALID_DAY_SECONDS = 3600
_MASKED_SHARE = 0.5

EMPTY: Mapping[str, int] = dict.fromkeys(COUNTERS, 0)

DayCounters = Mapping[str, int]
"""One creator's day: `COUNTERS`, whole numbers."""

SheetCell = str | int | float | None


@dataclass(frozen=True, kw_only=True)
class BackstageOptions:
    """Which exports are made.

    Attributes:
        start: First day counted.
        days: How many mornings there is an export; the last one counts up to `start + days - 1`.
        seed: The same seed gives the same bytes.
        dirt: Whether the files carry dirt; without, there is one tidy file a day.
    """

    start: date
    days: int
    seed: int = 7
    dirt: bool = True

    @property
    def report_days(self) -> tuple[date, ...]:
        """The last day of each month-to-date report."""
        return tuple(self.start + timedelta(days=number) for number in range(self.days))


@dataclass(frozen=True)
class Creator:
    """A creator as the exports know them."""

    creator_id: str
    name: str
    joined_at: datetime


@dataclass
class ExportedTruth:
    """What is true of the files that were written.

    Attributes:
        days: The true counters of every creator and day; restatements are on the day they appear.
        left_on: From which report day on a leaver's ID is masked or the row is gone.
        masked: The leavers whose rows stay, masked, until their month ends.
        missing_days: Report days without a file.
        restated: (creator, day) on which a total fell.
        files: Names of the month files written, by report day.
        report_rows: Rows of each file, masked ones included.
    """

    days: dict[str, dict[date, dict[str, int]]]
    left_on: dict[str, date] = field(default_factory=dict)
    masked: set[str] = field(default_factory=set)
    missing_days: set[date] = field(default_factory=set)
    restated: set[tuple[str, date]] = field(default_factory=set)
    files: dict[date, str] = field(default_factory=dict)
    report_rows: dict[str, int] = field(default_factory=dict)

    def total(self, creator_id: str, first: date, last: date, counter: str) -> int:
        """A counter of a creator over days, both limits included."""
        days = self.days.get(creator_id, {})
        return sum(counters[counter] for day, counters in days.items() if first <= day <= last)


def true_days(
    truth_dir: Path, agency_id: str | None = None
) -> tuple[list[Creator], dict[str, dict[date, dict[str, int]]]]:
    """Creators and their true days, from the truth of a simulated world.

    A session counts wholly on the local day on which it started. Matches are drawn here, by the ids
    of creators and sessions: only exports tell of them, and the same session has the same matches
    in every export.

    Args:
        truth_dir: The world's truth.
        agency_id: Whose creators; everybody's, if not given.
    """
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        days: dict[str, dict[date, dict[str, int]]] = defaultdict(dict)
        for creator_id, day, *counts in connection.execute(
            """
            with shows as (
                select
                    creator_id, local_start_date, new_followers,
                    coalesce(diamonds, 0) as diamonds,
                    date_sub('second', started_at, ended_at) as seconds,
                    -- Three lots from 0 to 1: of the creator once and for all, and of the session.
                    md5_number_lower(creator_id) % 65536 / 65536 as liking,
                    md5_number_lower(session_id) % 65536 / 65536 as lot,
                    md5_number_upper(session_id) % 65536 / 65536 as share_lot
                from read_parquet($sessions)
                where ended_at is not null and (
                    $agency is null or creator_id in (
                        select creator_id from read_parquet($creators) where agency_id = $agency
                    )
                )
            ),
            fought as (
                select *, case
                    when liking < $never then 0
                    -- Exponential over those who fight at all.
                    else floor(seconds / 3600 * $an_hour * -ln(1 - (liking - $never) / (1 - $never))
                        + lot)
                end as matches
                from shows
            )
            select
                creator_id, local_start_date,
                cast(sum(diamonds) as bigint),
                cast(sum(seconds) as bigint),
                cast(coalesce(sum(new_followers), 0) as bigint),
                count(*),
                cast(sum(matches) as bigint),
                cast(sum(case when matches > 0 then floor(
                    diamonds * ($least_share + share_lot * ($most_share - $least_share))
                ) else 0 end) as bigint)
            from fought
            group by creator_id, local_start_date
            order by creator_id, local_start_date
            """,
            {
                "sessions": str(truth_dir / "live_sessions.parquet"),
                "creators": str(truth_dir / "creators.parquet"),
                "agency": agency_id,
                "never": p.NEVER_MATCH_SHARE,
                "an_hour": p.MATCHES_PER_HOUR,
                "least_share": p.MATCH_DIAMONDS_SHARES[0],
                "most_share": p.MATCH_DIAMONDS_SHARES[1],
            },
        ).fetchall():
            diamonds, seconds, followers, sessions, matches, match_diamonds = counts
            days[creator_id][day] = {
                "diamonds": diamonds,
                "live_seconds": seconds,
                "valid_days": int(seconds >= _VALID_DAY_SECONDS),
                "new_followers": followers,
                "session_count": sessions,
                "matches": matches,
                "match_diamonds": match_diamonds,
            }
        joined: dict[str, datetime | None] = dict(
            connection.execute(
                "select creator_id, cast(joined_at as timestamp) from read_parquet($path)",
                {"path": str(truth_dir / "creators.parquet")},
            ).fetchall()
        )
    creators = []
    for creator_id, of_creator in sorted(days.items()):
        first_live = datetime.combine(min(of_creator), time(0, 0))
        at = joined.get(creator_id)
        # Nobody is LIVE for the agency before joining; some worlds' clocks say so by hours.
        joined_at = first_live if at is None else min(at, first_live)
        creators.append(Creator(creator_id, f"creator.{creator_id}", joined_at))
    return creators, dict(days)


def export_world(truth_dir: Path, folder: Path, options: WorldOptions) -> tuple[int, int]:
    """Write the exports of a world's largest agency, every morning, and what is true of them.

    They tell of the same shows as the world's feeds: also of those that only polls show.

    Args:
        truth_dir: The world's truth, with sessions and creators; gets `backstage.json` (the agency,
            the exports by the day they count to, the days without one, who left and from which day
            on, who of them stays as a masked row, and whose total fell on which day) and
            `backstage_days.parquet`: the true `COUNTERS` by creator and day, the falls in them.
        folder: Is made, and gets the exports.
        options: The world.

    Returns:
        Rows of the month files, and files.
    """
    import duckdb

    folder.mkdir()
    with duckdb.connect() as connection:
        agencies = connection.execute(
            """
            select creators.agency_id
            from read_parquet($creators) as creators
            inner join (
                -- distinct: a creator has many sessions
                select distinct creator_id from read_parquet($sessions)
            ) as live on creators.creator_id = live.creator_id
            where creators.agency_id is not null
            group by creators.agency_id
            order by count(*) desc, creators.agency_id
            limit 1
            """,
            {
                "sessions": str(truth_dir / "live_sessions.parquet"),
                "creators": str(truth_dir / "creators.parquet"),
            },
        ).fetchall()
    exported = ExportedTruth(days={})
    for (agency_id,) in agencies:
        creators, days = true_days(truth_dir, agency_id)
        wanted = BackstageOptions(
            start=options.start, days=options.days, seed=options.seed, dirt=bool(options.dirt)
        )
        exported = write_exports(folder, creators, days, wanted)
    said = {
        "agency_id": agencies[0][0] if agencies else None,
        "files": {day.isoformat(): name for day, name in exported.files.items()},
        "missing_days": sorted(day.isoformat() for day in exported.missing_days),
        "left_on": {creator: day.isoformat() for creator, day in exported.left_on.items()},
        "masked": sorted(exported.masked),
        "restated": sorted([creator, day.isoformat()] for creator, day in exported.restated),
    }
    text = json.dumps(said, indent=2)
    (truth_dir / "backstage.json").write_text(text + "\n", encoding="utf-8")
    _write_days(truth_dir / "backstage_days.parquet", exported)
    return sum(exported.report_rows.values()), sum(1 for _ in folder.iterdir())


def _write_days(path: Path, exported: ExportedTruth) -> None:
    import duckdb

    columns = {"creator_id": "varchar", "local_date": "date", **dict.fromkeys(COUNTERS, "bigint")}
    with duckdb.connect() as connection:
        put_records(
            connection,
            "days",
            columns,
            [
                (creator_id, day, *(counters[counter] for counter in COUNTERS))
                for creator_id, of_creator in exported.days.items()
                for day, counters in of_creator.items()
            ],
        )
        copy_to(connection, "from days order by creator_id, local_date", path, "parquet")


def write_exports(
    folder: Path,
    creators: Sequence[Creator],
    days: Mapping[str, Mapping[date, DayCounters]],
    options: BackstageOptions,
) -> ExportedTruth:
    """Write the exports of every morning.

    Args:
        folder: An existing folder; files get names that say nothing about what they are.
        creators: Who is in the agency.
        days: True counters by creator and day; days without LIVE may be left out.
        options: Which exports.

    Returns:
        What is true of them.
    """
    draw = random.Random(options.seed)  # noqa: S311  a simulation, not a secret
    truth = ExportedTruth(
        days={
            creator: {day: dict(counters) for day, counters in of_creator.items()}
            for creator, of_creator in days.items()
        }
    )
    if options.dirt:
        _soil(creators, options, truth, draw)
    for number, day in enumerate(options.report_days):
        if day in truth.missing_days:
            continue
        exported_at = datetime.combine(day + timedelta(days=1), time(9, 30))
        layout = _Layout.of(number, options)
        rows = _month_rows(creators, day, truth, layout)
        name = f"export ({number + 1}).xlsx"
        _write_month(folder / name, rows, layout, exported_at)
        truth.files[day] = name
        truth.report_rows[name] = len(rows)
        if options.dirt and number % 10 == 4:  # noqa: PLR2004  some mornings
            # The same export once more, under another name: a no-op.
            _write_month(folder / f"copia de export {number + 1}.xlsx", rows, layout, exported_at)
        if options.dirt and number % 10 == 6:  # noqa: PLR2004  some mornings
            spanish = replace(layout, spanish=True)
            rows = _month_rows(creators, day, truth, spanish)
            _write_month(folder / f"datos {number + 1}.xlsx", rows, spanish, exported_at)
        if options.dirt and number % 7 == 5:  # noqa: PLR2004  once a week
            _write_last_30_days(
                folder / f"creators_{number + 1}.xlsx", creators, day, truth, exported_at
            )
    return truth


def _soil(
    creators: Sequence[Creator],
    options: BackstageOptions,
    truth: ExportedTruth,
    draw: random.Random,
) -> None:
    """Choose leavers, days without a file, and totals that fall."""
    last_day = options.report_days[-1]
    for creator in creators:
        own_days = truth.days.get(creator.creator_id, {})
        quiet_from = max(own_days, default=options.start) + timedelta(days=3)
        if quiet_from < last_day and draw.random() < 0.3:  # noqa: PLR2004  about a third leave
            truth.left_on[creator.creator_id] = quiet_from
            if draw.random() < _MASKED_SHARE:
                truth.masked.add(creator.creator_id)
    for number in (8, 16, 17):
        if number < options.days:
            day = options.start + timedelta(days=number)
            # A month's last day stays: without it the month would never close.
            if (day + timedelta(days=1)).day != 1:
                truth.missing_days.add(day)
    if options.days > 12:  # noqa: PLR2004  a dozen mornings before something is restated
        day = options.start + timedelta(days=12)
        for creator in creators[:: max(1, len(creators) // 5)]:
            so_far = truth.total(creator.creator_id, day.replace(day=1), day, "diamonds")
            today = truth.days.get(creator.creator_id, {}).get(day, EMPTY)["diamonds"]
            if so_far - today >= 2 and creator.joined_at.date() < day:  # noqa: PLR2004
                counters = truth.days[creator.creator_id].setdefault(day, dict(EMPTY))
                counters["diamonds"] -= today + (so_far - today) // 2
                truth.restated.add((creator.creator_id, day))


# --- What a file looks like -------------------------------------------------------------------


@dataclass(frozen=True)
class _Layout:
    """Language, way of writing, title and columns of one file."""

    spanish: bool
    hours: bool
    titled: bool
    columns: tuple[str, ...]

    @classmethod
    def of(cls, number: int, options: BackstageOptions) -> _Layout:
        columns = list(_HEADERS)
        if options.dirt:
            # Columns are chosen at every export: another order, some left out. Never the counters.
            shift = number % len(columns)
            columns = columns[shift:] + columns[:shift]
            optional = [name for name in columns if name in _OPTIONAL]
            left_out = set(optional[: number % 4])
            columns = [name for name in columns if name not in left_out]
        return cls(
            spanish=False,
            hours=options.dirt and number % 9 == 7,  # noqa: PLR2004  some files
            titled=options.dirt and number % 8 == 3,  # noqa: PLR2004  some files
            columns=tuple(columns),
        )

    def header(self, name: str) -> str:
        return _HEADERS[name][1 if self.spanish else 0]


_HEADERS: Mapping[str, tuple[str, str]] = {
    "period": ("Data period", "Periodo de datos"),
    "creator_id": ("Creator ID", "ID del creador"),
    "name": ("Creator's username", "Nombre de usuario del creador"),
    "group": ("Group", "Grupo"),
    "manager": ("Creator Network manager", "Agente"),
    "joined_at": ("Join time", "Hora de incorporación"),
    "days_since_joining": ("Days since joining", "Días desde la incorporación"),
    "diamonds": ("Diamonds", "Diamantes"),
    "live_seconds": ("LIVE duration", "Duración de LIVE"),
    "valid_days": ("Valid go LIVE days", "Días válidos de emisiones LIVE"),
    "new_followers": ("New followers", "Nuevos seguidores"),
    "session_count": ("LIVE streams", "Emisiones LIVE"),
    "matches": ("Matches", "Partidas"),
    "match_diamonds": ("Diamonds from matches", "Diamantes de partidas"),
    "diamonds_last_month": ("Diamonds last month", "Diamantes en el último mes"),
    "live_seconds_last_month": (
        "LIVE duration (hours) last month",
        "Duración de emisiones LIVE (en horas) durante el último mes",
    ),
    "valid_days_last_month": (
        "Valid go LIVE days last month",
        "Días válidos de emisiones LIVE del mes pasado",
    ),
    "new_followers_last_month": ("New followers last month", "Nuevos seguidores en el último mes"),
    "session_count_last_month": ("LIVE streams last month", "Emisiones LIVE en el último mes"),
    "diamonds_achieved": ("Diamonds - Percentage achieved", "Diamantes - Porcentaje logrado"),
    "graduation": ("Graduation status", "Estado de graduación"),
}
_OPTIONAL = ("group", "manager", "days_since_joining", "diamonds_achieved", "graduation")


def _month_rows(
    creators: Sequence[Creator], day: date, truth: ExportedTruth, layout: _Layout
) -> list[list[SheetCell]]:
    """The rows of the report from the 1st to `day`, in the order of the roster."""
    rows: list[list[SheetCell]] = []
    for creator in creators:
        if creator.joined_at.date() > day:
            continue
        left_on = truth.left_on.get(creator.creator_id)
        is_gone = left_on is not None and day >= left_on
        if is_gone and (
            creator.creator_id not in truth.masked
            or left_on is None
            or (day.year, day.month) != (left_on.year, left_on.month)
        ):
            continue
        rows.append(_month_row(creator, day, truth, layout, is_masked=is_gone))
    return rows


def _month_row(
    creator: Creator, day: date, truth: ExportedTruth, layout: _Layout, *, is_masked: bool
) -> list[SheetCell]:
    first = day.replace(day=1)
    last_of_before = first - timedelta(days=1)
    was_there_before = creator.joined_at.date() <= last_of_before

    def so_far(counter: str) -> int:
        return truth.total(creator.creator_id, first, day, counter)

    def last_month(counter: str) -> int | None:
        if not was_there_before:
            return None
        return truth.total(
            creator.creator_id, last_of_before.replace(day=1), last_of_before, counter
        )

    def shown(counter: str, value: int | None) -> SheetCell:
        if value is None:
            return "-"
        if counter == "live_seconds":
            return _duration(value, layout)
        if counter == "valid_days":
            return f"{value}d" if not layout.hours else str(value)
        return f"{value:,}" if layout.hours else value

    mask = MASK_ES if layout.spanish else MASK
    cells: dict[str, SheetCell] = {
        "period": f"{first} ~ {day}",
        "creator_id": mask if is_masked else creator.creator_id,
        "name": creator.name,
        "group": "Sin grupo" if layout.spanish else "Not in a group",
        "manager": "Mánager Uno",
        "joined_at": f"{creator.joined_at:%Y-%m-%d %H:%M:%S} (UTC+0)",
        "days_since_joining": f"{(day - creator.joined_at.date()).days}d",
        "diamonds_achieved": "90.13%" if not layout.hours else 0.9013,
        "graduation": "Creador no nuevo" if layout.spanish else "Non-new creator",
    }
    for counter in COUNTERS:
        cells[counter] = shown(counter, so_far(counter))
    for counter in COMPARED_COUNTERS:
        cells[f"{counter}_last_month"] = shown(counter, last_month(counter))
    return [cells[name] for name in layout.columns]


def _duration(seconds: int, layout: _Layout) -> str:
    if layout.hours:
        return f"{seconds / 3600:.2f}h"
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}h {minutes}{'min' if layout.spanish else 'm'} {left}s"


def _write_month(
    path: Path, rows: Sequence[Sequence[SheetCell]], layout: _Layout, exported_at: datetime
) -> None:
    title = [["Red de creadores"], []] if layout.titled else []
    headers = [layout.header(name) for name in layout.columns]
    write_workbook(path, {"Sheet1": [*title, headers, *rows]}, exported_at)


def _write_last_30_days(
    path: Path, creators: Sequence[Creator], day: date, truth: ExportedTruth, exported_at: datetime
) -> None:
    first = day - timedelta(days=29)
    headers: list[SheetCell] = [
        "Creator ID:",
        "Creator's username",
        "Relationship status",
        "Join time",
        "Followers",
        "Diamonds in L30D",
        "Valid go LIVE days in L30D",
        "LIVE duration in L30D",
    ]
    layout = _Layout(spanish=False, hours=False, titled=False, columns=())
    rows: list[list[SheetCell]] = [
        [
            creator.creator_id,
            creator.name,
            "Effective",
            f"{creator.joined_at:%Y-%m-%d %H:%M:%S} (UTC+0)",
            truth.total(creator.creator_id, date.min, day, "new_followers"),
            truth.total(creator.creator_id, first, day, "diamonds"),
            truth.total(creator.creator_id, first, day, "valid_days"),
            _duration(truth.total(creator.creator_id, first, day, "live_seconds"), layout),
        ]
        for creator in creators
        if creator.joined_at.date() <= day and creator.creator_id not in truth.left_on
    ]
    write_workbook(path, {"Creators": [headers, *rows]}, exported_at)


# --- Workbooks --------------------------------------------------------------------------------

_SHEETS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def write_workbook(
    path: Path, sheets: Mapping[str, Iterable[Sequence[SheetCell]]], saved_at: datetime
) -> None:
    """Write a workbook of plain cells; the same content is the same bytes.

    By hand, because libraries that write workbooks put the time of writing into them.

    Args:
        path: Where to.
        sheets: Rows by the name of the sheet, from A1 on.
        saved_at: What the file says about when it was saved (UTC).
    """
    names = list(sheets)
    types = "".join(
        f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="application/vnd.'
        'openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
        for number in range(1, len(names) + 1)
    )
    listed = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{number}" r:id="rId{number}"/>'
        for number, name in enumerate(names, start=1)
    )
    related = "".join(
        f'<Relationship Id="rId{number}" Type="{_RELATIONS}/worksheet" '
        f'Target="worksheets/sheet{number}.xml"/>'
        for number in range(1, len(names) + 1)
    )
    moment = f"{saved_at:%Y-%m-%dT%H:%M:%SZ}"
    parts: dict[str, Callable[[], str]] = {
        "[Content_Types].xml": lambda: (
            f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/>'
            '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-'
            'officedocument.spreadsheetml.sheet.main+xml"/>'
            f"{types}"
            '<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-'
            'package.core-properties+xml"/></Types>'
        ),
        "_rels/.rels": lambda: (
            f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
            f'Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/><Relationship Id="rId2" '
            f'Type="{_PACKAGE}/relationships/metadata/core-properties" '
            'Target="docProps/core.xml"/></Relationships>'
        ),
        "docProps/core.xml": lambda: (
            f'<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" '
            'xmlns:dcterms="http://purl.org/dc/terms/" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
            f'<dcterms:created xsi:type="dcterms:W3CDTF">{moment}</dcterms:created>'
            f'<dcterms:modified xsi:type="dcterms:W3CDTF">{moment}</dcterms:modified>'
            "</cp:coreProperties>"
        ),
        "xl/workbook.xml": lambda: (
            f'<workbook xmlns="{_SHEETS}" xmlns:r="{_RELATIONS}"><sheets>{listed}</sheets>'
            "</workbook>"
        ),
        "xl/_rels/workbook.xml.rels": lambda: (
            f'<Relationships xmlns="{_PACKAGE}/relationships">{related}</Relationships>'
        ),
    }
    for number, name in enumerate(names, start=1):
        rows = list(sheets[name])
        parts[f"xl/worksheets/sheet{number}.xml"] = lambda rows=rows: _sheet_xml(rows)  # type: ignore[misc]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            # A constant time: the clock must not reach the bytes.
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, _DECLARATION + content())


def _sheet_xml(rows: Sequence[Sequence[SheetCell]]) -> str:
    lines = []
    for number, row in enumerate(rows, start=1):
        cells = "".join(
            _cell_xml(f"{_letters(column)}{number}", value)
            for column, value in enumerate(row)
            if value is not None
        )
        lines.append(f'<row r="{number}">{cells}</row>')
    body = "".join(lines)
    return f'<worksheet xmlns="{_SHEETS}"><sheetData>{body}</sheetData></worksheet>'


def _cell_xml(place: str, value: SheetCell) -> str:
    if isinstance(value, str):
        text = escape(value)
        return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
    return f'<c r="{place}"><v>{value!r}</v></c>'


def _letters(column: int) -> str:
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
