"""The daily job, and when it runs."""

from datetime import date, timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)

JOB_NAME = "daily"
_LOOK_BACK_DAYS = 3


def range_tags(first: date, last: date) -> dict[str, str]:
    """Run tags that make a range of arrival days one run."""
    return {
        ASSET_PARTITION_RANGE_START_TAG: first.isoformat(),
        ASSET_PARTITION_RANGE_END_TAG: last.isoformat(),
    }


def build_daily_job() -> UnresolvedAssetJobDefinition:
    """Everything, from landing to release, in one process.

    A process a step would cost seconds of imports each, and the steps share one warehouse file.
    """
    return dg.define_asset_job(
        JOB_NAME,
        selection=dg.AssetSelection.all(),
        executor_def=dg.in_process_executor,
        description="Ingest the arrival days, build the marts, check them, publish a release.",
    )


def build_daily_schedule(job: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """Every morning at six in Mexico City, before the content team starts."""

    @dg.schedule(
        job=job,
        cron_schedule="0 6 * * *",
        execution_timezone="America/Mexico_City",
        name="every_morning",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Loads today's arrival day and the three before it: files that came after "
        "yesterday's run are in yesterday's folder. Days without new files cost nothing.",
    )
    def every_morning(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        # Arrival days are UTC days; six in Mexico City is noon in UTC, the same date.
        today = context.scheduled_execution_time.date()
        first = today - timedelta(days=_LOOK_BACK_DAYS)
        return dg.RunRequest(run_key=today.isoformat(), tags=range_tags(first, today))

    return every_morning
