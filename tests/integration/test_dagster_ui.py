"""The real webserver and daemon: what a data engineer has in front of them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sample_home import WORLD

from orchestration.assets.jobs import JOB_NAME, range_tags
from orchestration.release.pointer import current_release
from orchestration.settings import Settings
from orchestration.simulate import WorldOptions, simulate

pytestmark = pytest.mark.slow

START_SECONDS = 120
RUN_SECONDS = 300
SMALL_WORLD = WorldOptions(creators=60, days=16, seed=5, start=WORLD.start)
SELECTOR = {
    "repositoryLocationName": "orchestration.definitions",
    "repositoryName": "__repository__",
}


class Dagster:
    """A client of the webserver's GraphQL, on loopback only."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/graphql"

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """Send a query; an error in the answer fails the test."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(  # noqa: S310  the address is above: loopback
            self._url, data=body, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            content: dict[str, Any] = json.loads(answer.read())
        assert "errors" not in content, content["errors"]
        data: dict[str, Any] = content["data"]
        return data


@pytest.fixture(scope="module")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("ui")
    simulate(home / "landing", SMALL_WORLD, truth_dir=home / "truth")
    return home


@pytest.fixture(scope="module")
def dagster(small_home: Path) -> Iterator[Dagster]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = small_home / "ui.log"
    command = [sys.executable, "-m", "orchestration.cli", "ui", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=os.environ | {"SEMILLERO_HOME": str(small_home)},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        client = Dagster(port)
        try:
            _wait_until_loaded(client, process, log)
            yield client
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(timeout=30)


def _wait_until_loaded(client: Dagster, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            answer = client.ask(
                """{ workspaceOrError { ... on Workspace {
                    locationEntries { loadStatus locationOrLoadError { __typename } } } } }"""
            )
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            answer = {"workspaceOrError": {}}
        entries = answer["workspaceOrError"].get("locationEntries", [])
        if entries and all(entry["loadStatus"] == "LOADED" for entry in entries):
            kinds = {entry["locationOrLoadError"]["__typename"] for entry in entries}
            assert kinds == {"RepositoryLocation"}, log.read_text()
            return
        time.sleep(1)
    raise AssertionError(f"The UI did not come up in {START_SECONDS} s:\n{log.read_text()}")


def test_a_backfill_of_a_range_in_the_ui_is_one_run_and_publishes_a_release(
    dagster: Dagster, small_home: Path
) -> None:
    first, days = WORLD.first_arrival_date, SMALL_WORLD.days
    launched = dagster.ask(
        """mutation ($parameters: LaunchBackfillParams!) {
            launchPartitionBackfill(backfillParams: $parameters) {
                __typename
                ... on LaunchBackfillSuccess { backfillId }
                ... on PythonError { message } } }""",
        parameters={
            "selector": {
                "partitionSetName": f"{JOB_NAME}_partition_set",
                "repositorySelector": SELECTOR,
            },
            "partitionNames": [str(first + timedelta(days=day)) for day in range(days)],
        },
    )["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    run_id = _only_run_of(dagster, launched["backfillId"])

    status = _wait_until_ended(dagster, run_id)
    assert status == "SUCCESS", _failures(dagster, run_id)
    assert _only_run_of(dagster, launched["backfillId"]) == run_id
    release = current_release(Settings(home=small_home))
    assert release is not None
    assert release.certificate.run_id == run_id

    materialized = dagster.ask(
        """{ assetNodes(assetKeys: [{path: ["release"]}, {path: ["raw", "live_sessions"]}]) {
            assetKey { path } groupName assetMaterializations(limit: 1) { runId } } }"""
    )["assetNodes"]
    assert {node["groupName"] for node in materialized} == {"raw", "release"}
    assert all(node["assetMaterializations"] == [{"runId": run_id}] for node in materialized), (
        materialized
    )


def test_the_daemon_runs_and_the_schedule_is_on(dagster: Dagster) -> None:
    answer = dagster.ask(
        """query ($selector: RepositorySelector!) {
            schedulesOrError(repositorySelector: $selector) { ... on Schedules { results {
                name cronSchedule executionTimezone scheduleState { status } } } } }""",
        selector=SELECTOR,
    )
    assert answer["schedulesOrError"]["results"] == [
        {
            "name": "every_morning",
            "cronSchedule": "0 6 * * *",
            "executionTimezone": "America/Mexico_City",
            "scheduleState": {"status": "RUNNING"},
        }
    ]
    deadline = time.monotonic() + START_SECONDS
    healthy: dict[str, bool] = {}
    while time.monotonic() < deadline and not (healthy and all(healthy.values())):
        statuses = dagster.ask(
            "{ instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } } }"
        )["instance"]["daemonHealth"]["allDaemonStatuses"]
        healthy = {each["daemonType"]: each["healthy"] for each in statuses if each["required"]}
        time.sleep(1)
    assert healthy.get("SCHEDULER"), healthy
    assert healthy.get("QUEUED_RUN_COORDINATOR"), healthy


def _only_run_of(dagster: Dagster, backfill_id: str) -> str:
    """The run that the daemon launched for a backfill; a second one would be a day of its own."""
    deadline = time.monotonic() + START_SECONDS
    runs: list[dict[str, Any]] = []
    while time.monotonic() < deadline and not runs:
        runs = dagster.ask(
            """query ($id: String!) { partitionBackfillOrError(backfillId: $id) {
                ... on PartitionBackfill { runs(limit: 10) { id tags { key value } } } } }""",
            id=backfill_id,
        )["partitionBackfillOrError"]["runs"]
        time.sleep(1)
    assert len(runs) == 1, runs
    tags = {tag["key"]: tag["value"] for tag in runs[0]["tags"]}
    first, last = SMALL_WORLD.first_arrival_date, SMALL_WORLD.last_arrival_date
    assert tags.items() >= range_tags(first, last).items()
    return str(runs[0]["id"])


def _wait_until_ended(dagster: Dagster, run_id: str) -> str:
    deadline = time.monotonic() + RUN_SECONDS
    status = "none"
    while time.monotonic() < deadline:
        status = dagster.ask(
            "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }", id=run_id
        )["runOrError"]["status"]
        if status in {"SUCCESS", "FAILURE", "CANCELED"}:
            return str(status)
        time.sleep(1)
    raise AssertionError(f"The run is {status} after {RUN_SECONDS} s.")


def _failures(dagster: Dagster, run_id: str) -> list[str]:
    events = dagster.ask(
        """query ($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
            ... on ExecutionStepFailureEvent { stepKey error { message } }
            ... on RunFailureEvent { message } } } } }""",
        id=run_id,
    )["logsForRun"]["events"]
    return [json.dumps(event) for event in events if event]
