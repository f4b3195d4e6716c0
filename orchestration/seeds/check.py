"""All seeds at once: what a person changed, judged before anything runs.

What lives here: which files there are, and in which order they are judged. What may not: what any
of them may say (the other modules of this package).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from orchestration.seeds.kpis import (
    HOLIDAY_COLUMNS,
    KPI_COLUMNS,
    SUPPLY_COLUMNS,
    TARGET_COLUMNS,
    holiday_faults,
    kpi_faults,
    supply_faults,
    target_faults,
)
from orchestration.seeds.labels import LABEL_COLUMNS, label_faults
from orchestration.seeds.metric_rules import (
    MARKET_COLUMNS,
    PLATFORM_COLUMNS,
    RULE_COLUMNS,
    market_faults,
    platform_faults,
    rule_faults,
)
from orchestration.seeds.tables import SEEDS, Fault, SeedRow, error_of, read

_COLUMNS: dict[str, Sequence[str]] = {
    "markets.csv": MARKET_COLUMNS,
    "platforms.csv": PLATFORM_COLUMNS,
    "metric_rules.csv": RULE_COLUMNS,
    "kpis.csv": KPI_COLUMNS,
    "kpi_targets.csv": TARGET_COLUMNS,
    "holidays.csv": HOLIDAY_COLUMNS,
    "supply_rules.csv": SUPPLY_COLUMNS,
    "mart_labels.csv": LABEL_COLUMNS,
}


def check_seeds(folder: Path = SEEDS) -> None:
    """Refuse seeds that contradict themselves or each other.

    Args:
        folder: Where the seeds stand.

    Raises:
        SeedError: With every fault found (the first dozen are shown), each with file and line.
    """
    faults: list[Fault] = []
    rows = {name: read(folder / name, columns, faults) for name, columns in _COLUMNS.items()}
    if not faults:
        faults += _all_faults(rows)
    if faults:
        raise error_of(faults)


def _all_faults(rows: dict[str, list[SeedRow]]) -> list[Fault]:
    markets = {row["market"] for row in rows["markets.csv"]}
    platforms = {row["platform"] for row in rows["platforms.csv"]}
    units = {row["kpi"]: row["unit"] for row in rows["kpis.csv"]}
    return [
        *market_faults("markets.csv", rows["markets.csv"]),
        *platform_faults("platforms.csv", rows["platforms.csv"]),
        *rule_faults("metric_rules.csv", rows["metric_rules.csv"], markets, platforms),
        *kpi_faults("kpis.csv", rows["kpis.csv"]),
        *target_faults("kpi_targets.csv", rows["kpi_targets.csv"], units, markets),
        *holiday_faults("holidays.csv", rows["holidays.csv"], markets),
        *supply_faults("supply_rules.csv", rows["supply_rules.csv"]),
        *label_faults("mart_labels.csv", rows["mart_labels.csv"]),
    ]
