"""The tables that a release promises, with their grain.

What lives here: one entry per mart of the contract, which everybody who must know the closed list
reads (suites, shift, publication), and the tables that publication adds, which no model makes.
What may not: columns of marts and their meaning (the models' yml says them). A new mart is one line
here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Mart:
    """A published table.

    Attributes:
        name: Its name in schema `marts`.
        key: The columns of its grain.
        order_by: How its rows are stored: the day first where there is one, so that a reader who
            asks for a range of days skips the rest; the key after it, so that order is decided.
    """

    name: str
    key: tuple[str, ...]
    order_by: tuple[str, ...]


_SEGMENT = ("segment_kind", "segment_value")

MARTS: Mapping[str, Mart] = MappingProxyType(
    {
        mart.name: mart
        for mart in (
            Mart("dim_agencies", ("agency_id",), ("agency_id",)),
            Mart("dim_creators", ("creator_id",), ("creator_id",)),
            Mart(
                "dim_creators_history",
                ("creator_id", "valid_from_date"),
                ("creator_id", "valid_from_date"),
            ),
            Mart("dim_dates", ("calendar_date",), ("calendar_date",)),
            Mart("dim_markets", ("market",), ("market",)),
            Mart("fct_live_sessions", ("session_id",), ("started_at", "session_id")),
            Mart("fct_creator_days", ("creator_id", "local_date"), ("local_date", "creator_id")),
            Mart(
                "fct_valid_days",
                ("creator_id", "local_date", "rule_id"),
                ("local_date", "creator_id", "rule_id"),
            ),
            Mart(
                "fct_backstage_days",
                ("creator_id", "slice_end_date"),
                ("slice_end_date", "creator_id"),
            ),
            Mart(
                "fct_backstage_reports",
                ("report_id", "arrival_date"),
                ("arrival_date", "report_id"),
            ),
            Mart(
                "backstage_reconciliation",
                ("creator_id", "month_start_date", "metric"),
                ("month_start_date", "creator_id", "metric"),
            ),
            Mart(
                "labels",
                ("mart", "entry_kind", "column_name", "funnel_name", "value", "language"),
                ("mart", "entry_kind", "column_name", "funnel_name", "value", "language"),
            ),
            Mart(
                "growth_accounting",
                ("period_grain", "period_start_date", *_SEGMENT),
                ("period_grain", "period_start_date", *_SEGMENT),
            ),
            Mart(
                "kpi_daily",
                ("calendar_date", "market", "kpi"),
                ("calendar_date", "market", "kpi"),
            ),
            Mart(
                "kpi_contributions",
                ("calendar_date", "kpi", "comparison", *_SEGMENT),
                ("calendar_date", "kpi", "comparison", *_SEGMENT),
            ),
            Mart(
                "content_supply_hourly",
                ("market", "iso_weekday", "hour_of_day"),
                ("market", "iso_weekday", "hour_of_day"),
            ),
            Mart(
                "cohort_retention",
                ("cohort_kind", "period_grain", "cohort_start_date", *_SEGMENT, "period_index"),
                ("cohort_kind", "period_grain", "cohort_start_date", *_SEGMENT, "period_index"),
            ),
            Mart(
                "funnel_creator_steps",
                ("funnel_name", "creator_id", "step_index"),
                ("funnel_name", "entry_week_start_date", "creator_id", "step_index"),
            ),
            Mart(
                "funnel_conversion",
                ("funnel_name", "entry_week_start_date", *_SEGMENT, "step_index"),
                ("funnel_name", "entry_week_start_date", *_SEGMENT, "step_index"),
            ),
        )
    }
)
"""The marts without which nothing is released, by name."""

ABOUT: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "release_info": {
            "release_id": "varchar",
            "published_at": "timestamp",
            "run_id": "varchar",
            "previous_release_id": "varchar",
            "newest_arrival_date": "date",
            "partition_count": "bigint",
            "identity_hash": "varchar",
            "code_commit": "varchar",
            "code_fingerprint": "varchar",
            "accepted_shift": "varchar",
        },
        "quality_results": {
            "check_id": "varchar",
            "kind": "varchar",
            "table_name": "varchar",
            "severity": "varchar",
            "is_passed": "boolean",
            "message_en": "varchar",
            "message_es": "varchar",
            "failed_count": "bigint",
        },
    }
)
"""The tables with which publication tells of the release itself: columns and types, in order."""
