"""The seeds of KPIs, their targets, holidays and the rule of supply.

What lives here: what `seeds/kpis.csv`, `seeds/kpi_targets.csv`, `seeds/holidays.csv` and
`seeds/supply_rules.csv` may say. What may not: how a KPI is computed (models).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations

from orchestration.seeds.tables import (
    ANY,
    WORD,
    Fault,
    SeedRow,
    day_of,
    empty,
    fault,
    not_a_number,
    not_a_word,
    not_one_of,
    not_whole,
    repeated,
    validity,
)
from orchestration.settings import PROJECT_ROOT

KPI_COLUMNS = (
    "kpi",
    "family",
    "name_en",
    "name_es",
    "definition_en",
    "definition_es",
    "unit",
    "owner",
    "good_direction",
    "combines_by",
    "numerator",
    "numerator_factor",
    "denominator",
    "denominator_factor",
    "lookback_days",
    "period",
    "has_expectation",
)
TARGET_COLUMNS = (
    "kpi",
    "market",
    "valid_from",
    "valid_to",
    "target_value",
    "source_en",
    "source_es",
)
HOLIDAY_COLUMNS = ("market", "holiday_date", "name_en", "name_es")
SUPPLY_COLUMNS = (
    "max_supply_to_demand",
    "min_demand_share",
    "min_covered_days",
    "source_en",
    "source_es",
)

WHOLE = "all"
"""The market of a KPI over all of them."""

_FAMILIES = frozenset({"content_supply", "creator_activity", "engagement", "retention"})
_MEASURES = PROJECT_ROOT / "dbt_project" / "macros" / "kpi" / "kpi_measures.sql"
# What models make themselves: by week in growth_accounting, and days with data in int_kpi_values.
_OTHER_MEASURES = frozenset({"churned_count", "won_count", "covered_day_count"})
_FACTOR = (1, 1_000_000)
_LOOKBACK_DAYS = (1, 366)
_GREATEST_TARGET = "999999999999"
# The window of content_supply_hourly has four of each weekday; with more days asked for, no hour
# would ever be judged.
_COVERED_DAYS = (1, 4)


def known_measures() -> frozenset[str]:
    """The whole numbers that a KPI can be made of, as the macros list them."""
    listed = re.findall(r"'([a-z][a-z0-9_]*)'", _MEASURES.read_text(encoding="utf-8"))
    return frozenset(listed) | _OTHER_MEASURES


def kpi_faults(file: str, rows: Sequence[SeedRow]) -> Iterator[Fault]:
    """What is wrong with the KPIs: words, amounts that nobody makes, ratios without a divisor."""
    measures = known_measures()
    for column in ("kpi", "name_en", "name_es"):
        yield from repeated(file, rows, column)
    for row in rows:
        if not WORD.fullmatch(row["kpi"]):
            yield not_a_word(file, row, "kpi")
        yield from empty(
            file, row, ("name_en", "name_es", "definition_en", "definition_es", "unit", "owner")
        )
        for column, known in (
            ("family", _FAMILIES),
            ("good_direction", {"up", "down"}),
            ("combines_by", {"sum", "ratio", "max", "none"}),
            ("period", {"day", "week"}),
            ("has_expectation", {"true", "false"}),
        ):
            yield from not_one_of(file, row, column, known)
        for column in ("numerator", "denominator"):
            if row[column] or column == "numerator":
                yield from not_one_of(file, row, column, measures)
        if bool(row["denominator"]) != (row["combines_by"] == "ratio"):
            yield fault(
                file,
                row.line,
                f"KPI {row['kpi']} combines by {row['combines_by']!r}: a ratio has a denominator, "
                "and nothing else has one.",
                f"el indicador {row['kpi']} se combina por {row['combines_by']!r}: una razón "
                "(ratio) lleva denominador y lo demás no.",
            )
        for column, limits in (
            ("numerator_factor", _FACTOR),
            ("denominator_factor", _FACTOR),
            ("lookback_days", _LOOKBACK_DAYS),
        ):
            yield from not_whole(file, row, column, *limits)


# --- Targets --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Target:
    line: int
    place: tuple[str, str]
    first: date
    last: date


def target_faults(
    file: str, rows: Sequence[SeedRow], units: Mapping[str, str], markets: Collection[str]
) -> Iterator[Fault]:
    """What is wrong with the targets: of no KPI, for no market, twice on a day, out of reach.

    Args:
        file: Name of the seed.
        rows: Its rows.
        units: The unit of each KPI, by name.
        markets: The markets there are.
    """
    targets = []
    for row in rows:
        yield from not_one_of(file, row, "kpi", units)
        yield from not_one_of(file, row, "market", {*markets, WHOLE, ANY})
        greatest = "1" if units.get(row["kpi"]) == "rate" else _GREATEST_TARGET
        yield from not_a_number(file, row, "target_value", "0", greatest)
        yield from empty(file, row, ("source_en", "source_es"))
        days, faults = validity(
            file, row, (f"the target of {row['kpi']}", f"la meta de {row['kpi']}")
        )
        yield from faults
        if days is not None:
            targets.append(_Target(row.line, (row["kpi"], row["market"]), *days))
    for one, other in combinations(targets, 2):
        both = max(one.first, other.first)
        if one.place == other.place and both <= min(one.last, other.last):
            kpi, market = other.place
            yield fault(
                file,
                other.line,
                f"the target of {kpi} for market {market} contends with that on line {one.line}: "
                f"both are in force on {both}. End one on the day before the other begins.",
                f"la meta de {kpi} para el mercado {market} choca con la de la línea {one.line}: "
                f"ambas rigen el {both}. Termine una el día antes de que empiece la otra.",
            )


# --- Holidays and supply --------------------------------------------------------------------------


def holiday_faults(file: str, rows: Sequence[SeedRow], markets: Collection[str]) -> Iterator[Fault]:
    """What is wrong with the holidays: in no market, on no day, twice on the same."""
    yield from repeated(file, rows, "market", "holiday_date")
    for row in rows:
        yield from not_one_of(file, row, "market", markets)
        yield from empty(file, row, ("name_en", "name_es"))
        if day_of(row["holiday_date"]) is None:
            yield fault(
                file,
                row.line,
                f"holiday_date is {row['holiday_date']!r}, which is no day; write YYYY-MM-DD.",
                f"holiday_date es {row['holiday_date']!r}, que no es un día; escriba AAAA-MM-DD.",
            )


def supply_faults(file: str, rows: Sequence[SeedRow]) -> Iterator[Fault]:
    """What is wrong with the rule of supply, of which there is one."""
    for row in rows[1:]:
        yield fault(
            file,
            row.line,
            "there is one rule of supply; a second one would count every hour twice.",
            "hay una sola regla de oferta; una segunda contaría cada hora dos veces.",
        )
    for row in rows:
        for column in ("max_supply_to_demand", "min_demand_share"):
            yield from not_a_number(file, row, column, "0", "1")
        yield from not_whole(file, row, "min_covered_days", *_COVERED_DAYS)
        yield from empty(file, row, ("source_en", "source_es"))
