"""What is published about the Holodex sessions, and where they lie.

What lives here: facts that several tests hold our code against. What may not: anything computed.
"""

from __future__ import annotations

from datetime import date, timedelta

from orchestration.settings import PROJECT_ROOT

HOLODEX = PROJECT_ROOT.parent / "shared" / "data" / "holodex"

PUBLISHED = {
    date(2024, 4, 29): (1076, 1074, 2, 0),
    date(2024, 5, 6): (1081, 183, 898, 0),
    date(2024, 5, 13): (1252, 122, 996, 134),
    date(2024, 5, 20): (1265, 83, 1123, 59),
    date(2024, 5, 27): (1098, 24, 1005, 69),
    date(2024, 6, 3): (1185, 46, 949, 190),
    date(2024, 10, 21): (1510, 149, 767, 594),
    date(2024, 10, 28): (1331, 31, 1216, 84),
}
"""Week: active, new, retained, resurrected; from the README of the data."""

UNCOLLECTED = [date(2024, 7, 22) + timedelta(weeks=number) for number in range(12)]
"""Weeks from 22 July to 7 October 2024: the collector was off."""

MISSING = "the Holodex data is not beside this checkout (../shared/data/holodex)"
"""Why a test that needs it is skipped."""
