"""Landing to raw: one asset a feed, partitioned by arrival day.

Every contract makes one asset; there is nothing to add here for a new feed.
"""

import logging
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import dagster as dg

from orchestration import run_record
from orchestration.assets.partitions import arrival_days
from orchestration.assets.resources import Home
from orchestration.contracts.loader import FeedContract
from orchestration.ingest import gone
from orchestration.ingest.ingest import Ingestor
from orchestration.ingest.landed import LandingZone
from orchestration.ingest.landing_zone import open_zone
from orchestration.ingest.results import DayResult, drift_to_tell, why_refused
from orchestration.settings import Settings
from orchestration.storage import StorageError

logger = logging.getLogger("semillero.ingest")

CHECK_NAME = "contract"


class IngestConfig(dg.Config):
    """How a feed is read.

    Attributes:
        history: Lift the lateness horizon: a first load of history is late by nature.
    """

    history: bool = False


def raw_asset_key(feed: str) -> dg.AssetKey:
    """The asset of a feed; dbt's source `raw.<feed>` has the same key."""
    return dg.AssetKey(["raw", feed])


def build_raw_assets(
    contracts: Mapping[str, FeedContract], settings: Settings
) -> list[dg.AssetsDefinition]:
    """One asset for each contract."""
    with warnings.catch_warnings():
        # Dagster calls backfill policies beta; a range of days as one run is what we need of them.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return [_build_raw_asset(contract, settings) for contract in contracts.values()]


def _build_raw_asset(contract: FeedContract, settings: Settings) -> dg.AssetsDefinition:
    key = raw_asset_key(contract.feed)

    @dg.asset(
        key=key,
        group_name="raw",
        kinds={"duckdb", "parquet"},
        description=f"Landing files of `{contract.feed}`, checked against version "
        f"{contract.version} of its contract, as typed Parquet per arrival day.",
        partitions_def=arrival_days(settings),
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=[
            dg.AssetCheckSpec(
                CHECK_NAME,
                asset=key,
                blocking=True,
                description="Every landed partition was accepted under the feed's contract.",
            )
        ],
    )
    def raw_feed(
        context: dg.AssetExecutionContext, config: IngestConfig, home: Home
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        days = [date.fromisoformat(partition_key) for partition_key in context.partition_keys]
        try:
            zone = open_zone(home.settings)
            results = ingest_days(contract, days, home.settings, zone, history=config.history)
            missing = _notice_gone(contract.feed, home.settings, zone, context.run.run_id)
        except StorageError as error:
            # Nobody's data is at fault: what was read so far stays, the rest waits for the bucket.
            said = error.message(home.settings.language)
            raise dg.Failure(description=said, allow_retries=False) from None
        run_record.write_ingest(home.settings, context.run.run_id, contract.feed, results)
        refused = [result for result in results if result.outcome == "refused"]
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=CHECK_NAME,
            passed=not refused,
            severity=dg.AssetCheckSeverity.ERROR,
            metadata={"problems": dg.MetadataValue.md(problems_as_markdown(refused))},
        )
        if refused:
            # Not materialized: what raw holds of these days is what it held before.
            raise dg.Failure(
                description=f"{contract.feed}: {len(refused)} of {len(days)} arrival days were "
                f"refused, the first is {refused[0].day}: {why_refused(refused[0], 'en')}",
                allow_retries=False,
            )
        metadata = {
            **_metadata(results, zone.place),
            **_refused_metadata(contract, results),
            **missing,
        }
        yield dg.MaterializeResult(asset_key=key, metadata=metadata)

    return raw_feed


def ingest_days(
    contract: FeedContract,
    days: Sequence[date],
    settings: Settings,
    zone: LandingZone,
    *,
    history: bool,
) -> list[DayResult]:
    """Ingest the days of one feed in order; a refused day does not keep the others out."""
    results = []
    with Ingestor(settings, history=history, zone=zone) as ingestor:
        for day in days:
            result = ingestor.ingest(contract, day)
            if result.outcome == "refused":
                why = why_refused(result, settings.language)
                logger.error("%s %s refused: %s", contract.feed, day, why)
            results.append(result)
    for told in drift_to_tell(results):
        if told.finding.action == "warn":
            # What refused a day was said as its refusal.
            said = told.finding.told(settings.language)
            logger.warning("%s %s drift: %s", contract.feed, told.first, said)
    arrived = [result for result in results if result.outcome == "accepted"]
    # Most feeds bring nothing on most mornings: a line for each would hide the ones that do.
    if arrived:
        logger.info(
            "%s: days read %d, rows accepted %s, refused %s, duplicates %s",
            contract.feed,
            len(arrived),
            *(
                f"{sum(getattr(result, name) for result in arrived):,}"
                for name in ("rows_accepted", "rows_refused", "rows_duplicate")
            ),
        )
    return results


def _notice_gone(
    feed: str, settings: Settings, zone: LandingZone, run_id: str
) -> dict[str, dg.MetadataValue]:
    """Say once that the landed files of accepted days are gone; count them every time."""
    found = gone.notice(feed, settings, zone)
    if found.news:
        run_record.write_gone(settings, run_id, feed, found.news)
        logger.warning(
            "%s: the landed files of %s accepted days are gone (the first is %s); their rows stay",
            feed,
            f"{len(found.news):,}",
            found.news[0],
        )
    listed = "\n".join(f"* {day}" for day in found.days)
    return {
        "days_gone_from_landing": dg.MetadataValue.int(len(found.days)),
        "gone_from_landing": dg.MetadataValue.md(listed or "none"),
    }


def _refused_metadata(
    contract: FeedContract, results: Sequence[DayResult]
) -> dict[str, dg.MetadataValue]:
    """What Dagster plots of refused rows: by rule, their share, and what the contract tolerates.

    A row that breaks two rules counts under both.
    """
    read = [result for result in results if result.outcome == "accepted"]
    rows_read = sum(result.rows_read for result in read)
    by_rule: Counter[str] = Counter()
    for result in read:
        for problem in result.problems:
            if problem.row is not None:
                by_rule[problem.rule] += problem.count
    share = sum(result.rows_refused for result in read) / rows_read if rows_read else 0.0
    return {
        **{f"refused/{rule}": dg.MetadataValue.int(by_rule[rule]) for rule in sorted(by_rule)},
        "refused_share": dg.MetadataValue.float(share),
        "refused_share_tolerated": dg.MetadataValue.float(contract.max_refused_share),
    }


def problems_as_markdown(results: Sequence[DayResult]) -> str:
    """The problems of some days as a Markdown table for the Dagster UI."""
    rows = [
        f"| {result.day} | {problem.file} | {problem.row or ''} | {problem.rule} "
        f"| {problem.count} | {problem.reason_en} |"
        for result in results
        for problem in result.problems
    ]
    if not rows:
        return "none"
    header = ["| day | file | first row | rule | rows | reason |", "|---|---|---|---|---|---|"]
    return "\n".join([*header, *rows])


def _metadata(results: Sequence[DayResult], landing: str) -> dict[str, dg.MetadataValue]:
    arrived = [result for result in results if result.outcome in {"accepted", "unchanged"}]
    starts = [result.min_event_at for result in arrived if result.min_event_at]
    ends = [result.max_event_at for result in arrived if result.max_event_at]
    drift = [
        f"{result.day} {found.kind} `{found.column}`: {found.told('en')}"
        for result in arrived
        for found in result.drift
    ]
    samples = [result.sample for result in arrived if result.sample]
    return {
        "landing": dg.MetadataValue.text(landing),
        "dagster/row_count": dg.MetadataValue.int(sum(result.rows_accepted for result in arrived)),
        "rows_read": dg.MetadataValue.int(sum(result.rows_read for result in arrived)),
        "rows_refused": dg.MetadataValue.int(sum(result.rows_refused for result in arrived)),
        "rows_duplicate": dg.MetadataValue.int(sum(result.rows_duplicate for result in arrived)),
        "days_without_files": dg.MetadataValue.int(
            sum(result.outcome == "nothing_landed" for result in results)
        ),
        "event_time_range": dg.MetadataValue.text(
            f"{min(starts)} to {max(ends)}" if starts and ends else "no events"
        ),
        "drift": dg.MetadataValue.md("\n".join(f"* {change}" for change in drift) or "none"),
        "problems": dg.MetadataValue.md(problems_as_markdown(arrived)),
        "sample": dg.MetadataValue.md(samples[-1] if samples else "no rows"),
    }
