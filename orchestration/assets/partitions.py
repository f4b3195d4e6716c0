"""The partitions: arrival days, in UTC.

A partition is the day on which data arrived, never the day on which something happened: what
happened on a day keeps arriving for weeks.
"""

import dagster as dg

from orchestration.settings import Settings


def arrival_days(settings: Settings) -> dg.DailyPartitionsDefinition:
    """Every day from `first_day` to today, included: this morning's files are loaded today."""
    return dg.DailyPartitionsDefinition(start_date=settings.first_day, end_offset=1)
