"""The seeds of metric rules, markets and platforms.

What lives here: what `seeds/metric_rules.csv`, `seeds/markets.csv` and `seeds/platforms.csv` may
say, and every refusal that needs no data: a rule nobody could apply, two that contend for a day, a
day without one. What may not: what a rule does (that is models), and rows of feeds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations
from zoneinfo import ZoneInfo

from orchestration.seeds.tables import (
    ANY,
    LAST_DAY,
    WORD,
    Fault,
    SeedRow,
    empty,
    fault,
    not_a_word,
    repeated,
    validity,
)

FIRST_DAY = date(1900, 1, 1)
"""From here on a general rule has to be in force on each day."""

_DAY_SECONDS = 90_000
"""A local day has 25 hours where clocks are set back."""

# Least and greatest value of each parameter that is a whole number.
_LIMITS: Mapping[str, tuple[int, int]] = {
    "min_live_seconds": (0, _DAY_SECONDS),
    "min_longest_session_seconds": (0, _DAY_SECONDS),
    "min_session_seconds": (0, _DAY_SECONDS),
    "min_diamonds": (0, 1_000_000_000),
    "max_counted_seconds": (1, _DAY_SECONDS),
    "max_session_seconds": (1, 172_800),
    "max_gap_seconds": (1, 86_400),
    "max_same_start_gap_seconds": (1, 604_800),
    "max_start_shift_seconds": (0, 86_400),
    "max_start_credit_seconds": (0, 86_400),
    "merge_restart_seconds": (0, 86_400),
    "poll_interval_seconds": (1, 86_400),
    "min_linger_polls": (2, 10_000),
}
_OF_POLLS = (
    "max_gap_seconds",
    "max_same_start_gap_seconds",
    "max_start_shift_seconds",
    "max_start_credit_seconds",
    "merge_restart_seconds",
    "poll_interval_seconds",
    "min_linger_polls",
)
RULE_COLUMNS = (
    "rule_id",
    "platform",
    "market",
    "program",
    "valid_from",
    "valid_to",
    "min_live_seconds",
    "min_longest_session_seconds",
    "min_session_seconds",
    "min_diamonds",
    "exclude_static",
    "max_counted_seconds",
    "max_session_seconds",
    *_OF_POLLS,
    "name_en",
    "name_es",
    "source_en",
    "source_es",
)
MARKET_COLUMNS = ("market", "country", "name_en", "name_es", "timezone", "currency", "language")
PLATFORM_COLUMNS = ("platform", "name")

_COUNTRY = re.compile(r"[A-Z]{2}")
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True)
class Rule:
    """A metric rule, as far as its place and time say. `last` is the last day of its validity."""

    line: int
    rule_id: str
    platform: str
    market: str
    program: str
    first: date
    last: date

    @property
    def place(self) -> tuple[str, str, str]:
        """Whom it is for; `*` for any."""
        return self.platform, self.market, self.program

    def told(self, upto: str) -> str:
        """The rule and its days, to be shown beside another one."""
        end = upto if self.last == LAST_DAY else self.last.isoformat()
        return f"{self.rule_id} ({self.first} - {end})"


# --- Markets and platforms ------------------------------------------------------------------------


def market_faults(file: str, rows: Sequence[SeedRow]) -> Iterator[Fault]:
    """What is wrong with the markets."""
    yield from repeated(file, rows, "market")
    yield from repeated(file, rows, "country")
    for row in rows:
        for column, shape in (
            ("market", _COUNTRY),
            ("country", _COUNTRY),
            ("currency", _CURRENCY),
            ("language", WORD),
        ):
            if not shape.fullmatch(row[column]):
                yield fault(
                    file,
                    row.line,
                    f"{column} {row[column]!r} is not a code like those of the other rows.",
                    f"{column} {row[column]!r} no es un código como los de las otras filas.",
                )
        if not _is_zone(row["timezone"]):
            yield fault(
                file,
                row.line,
                f"{row['timezone']!r} is not an IANA time zone such as America/Bogota.",
                f"{row['timezone']!r} no es una zona horaria IANA como America/Bogota.",
            )
        yield from empty(file, row, ("name_en", "name_es"))
    if "ZZ" not in {row["market"] for row in rows}:
        yield fault(
            file,
            1,
            "market ZZ is missing: it stands for every country that is no market.",
            "falta el mercado ZZ: representa a todo país que no es mercado.",
        )


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        return False
    return True


def platform_faults(file: str, rows: Sequence[SeedRow]) -> Iterator[Fault]:
    """What is wrong with the platforms."""
    yield from repeated(file, rows, "platform")
    for row in rows:
        yield from empty(file, row, ("name",))
        if not WORD.fullmatch(row["platform"]):
            yield not_a_word(file, row, "platform")


# --- Rules ----------------------------------------------------------------------------------------


def rule_faults(
    file: str, rows: Sequence[SeedRow], markets: set[str], platforms: set[str]
) -> Iterator[Fault]:
    """What is wrong with the metric rules, given the markets and platforms there are."""
    yield from repeated(file, rows, "rule_id")
    rules = []
    for row in rows:
        faults = [
            *empty(file, row, ("name_en", "name_es", "source_en", "source_es")),
            *_place_faults(file, row, markets, platforms),
            *_number_faults(file, row),
            *_poll_faults(file, row),
        ]
        yield from faults
        days, day_faults = validity(
            file, row, (f"rule {row['rule_id']}", f"la regla {row['rule_id']}")
        )
        yield from day_faults
        if days is not None:
            rules.append(
                Rule(
                    row.line, row["rule_id"], row["platform"], row["market"], row["program"], *days
                )
            )
    yield from _contending(file, rules)
    if len(rules) == len(rows):
        # A rule whose days nobody can read would seem to leave a hole.
        yield from _days_without(file, rules)


def _place_faults(
    file: str, row: SeedRow, markets: set[str], platforms: set[str]
) -> Iterator[Fault]:
    if not WORD.fullmatch(row["rule_id"]):
        yield not_a_word(file, row, "rule_id")
    for column, known, where in (
        ("market", markets, "markets.csv"),
        ("platform", platforms, "platforms.csv"),
    ):
        if row[column] != ANY and row[column] not in known:
            shown = ", ".join(sorted(known))
            yield fault(
                file,
                row.line,
                f"{column} {row[column]!r} of rule {row['rule_id']} is not in seeds/{where} "
                f"({shown}); {ANY} stands for any.",
                f"{column} {row[column]!r} de la regla {row['rule_id']} no está en seeds/{where} "
                f"({shown}); {ANY} significa cualquiera.",
            )
    if row["program"] != ANY and not WORD.fullmatch(row["program"]):
        yield not_a_word(file, row, "program")


def _number_faults(file: str, row: SeedRow) -> Iterator[Fault]:
    numbers: dict[str, int] = {}
    for column, (least, greatest) in _LIMITS.items():
        text = row[column]
        if not text:
            continue
        if not re.fullmatch(r"-?[0-9]{1,12}", text) or not least <= int(text) <= greatest:
            yield fault(
                file,
                row.line,
                f"{column} of rule {row['rule_id']} is {text!r}; it must be a whole number from "
                f"{least} to {greatest}, or empty.",
                f"{column} de la regla {row['rule_id']} es {text!r}; debe ser un número entero de "
                f"{least} a {greatest}, o quedar vacío.",
            )
        else:
            numbers[column] = int(text)
    most = numbers.get("max_counted_seconds")
    for column in ("min_live_seconds", "min_session_seconds"):
        if most is not None and numbers.get(column, 0) > most:
            yield fault(
                file,
                row.line,
                f"rule {row['rule_id']} asks for {numbers[column]} s ({column}), and at most "
                f"{most} s of a day count (max_counted_seconds): no day could be valid.",
                f"la regla {row['rule_id']} pide {numbers[column]} s ({column}), y de un día "
                f"cuentan como máximo {most} s (max_counted_seconds): ningún día sería válido.",
            )
    if row["exclude_static"] not in {"true", "false"}:
        yield fault(
            file,
            row.line,
            f"exclude_static of rule {row['rule_id']} is {row['exclude_static']!r}; write true "
            "or false.",
            f"exclude_static de la regla {row['rule_id']} es {row['exclude_static']!r}; escriba "
            "true o false.",
        )


def _poll_faults(file: str, row: SeedRow) -> Iterator[Fault]:
    """What decides how sessions are made must not depend on whose market or program it is."""
    is_general = (row["platform"], row["market"], row["program"]) == (ANY, ANY, ANY)
    if is_general:
        yield from empty(file, row, ("max_session_seconds", *_OF_POLLS))
    elif row["max_session_seconds"]:
        yield fault(
            file,
            row.line,
            "only the rule for any platform, market and program has max_session_seconds.",
            "solo la regla para cualquier plataforma, mercado y programa tiene "
            "max_session_seconds.",
        )
    given = [column for column in _OF_POLLS if row[column]]
    if given and (row["market"], row["program"]) != (ANY, ANY):
        yield fault(
            file,
            row.line,
            f"{given[0]} belongs to a platform; a rule of a market or a program has none.",
            f"{given[0]} es de una plataforma; una regla de un mercado o de un programa no la "
            "lleva.",
        )


def _contending(file: str, rules: Sequence[Rule]) -> Iterator[Fault]:
    """Two rules for the same creators and program on the same day."""
    for one, other in combinations(rules, 2):
        first, last = max(one.first, other.first), min(one.last, other.last)
        if one.place == other.place and first <= last:
            place = f"platform {one.platform}, market {one.market}, program {one.program}"
            lugar = f"plataforma {one.platform}, mercado {one.market}, programa {one.program}"
            yield fault(
                file,
                other.line,
                f"{other.told('no end')} contends with {one.told('no end')} on line {one.line}: "
                f"both are in force on {first} for {place}. End one on the day before the other "
                "begins.",
                f"{other.told('sin fin')} choca con {one.told('sin fin')} de la línea {one.line}: "
                f"ambas rigen el {first} para {lugar}. Termine una el día antes de que empiece la "
                "otra.",
            )


def _days_without(file: str, rules: Sequence[Rule]) -> Iterator[Fault]:
    """Days without the general rule, which stands wherever no other one does."""
    general = sorted(
        (rule for rule in rules if rule.place == (ANY, ANY, ANY)), key=lambda rule: rule.first
    )
    expected, line = FIRST_DAY, 1
    for rule in general:
        if rule.first > expected:
            yield _missing(file, rule.line, expected, (rule.first - timedelta(days=1)).isoformat())
        if rule.last == LAST_DAY:
            return
        expected, line = rule.last + timedelta(days=1), rule.line
    yield _missing(file, line, expected, "...")


def _missing(file: str, line: int, first: date, last: str) -> Fault:
    return fault(
        file,
        line,
        f"from {first} to {last} no rule is in force for any platform, market and program "
        f"({ANY}, {ANY}, {ANY}): days there would have no rule. Let one end on the day before the "
        "next begins, and the last one without an end.",
        f"del {first} al {last} no rige ninguna regla para cualquier plataforma, mercado y "
        f"programa ({ANY}, {ANY}, {ANY}): esos días quedarían sin regla. Haga que cada una termine "
        "el día "
        "antes de que empiece la siguiente, y la última sin fin.",
    )
