"""Every KPI, asked through MetricFlow, is what `kpi_daily` publishes; and a release is only read.

What lives here: a published world with dirt, creators who move and counters that nobody told, asked
by day, week and month, by market and for the whole, and counted again in SQL where `kpi_daily` has
no such number. What may not: the words of metrics and what they are made of
(`tests/contracts/test_house_metrics.py`).
"""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from sample_home import Runner
from typer.testing import CliRunner

from orchestration.assets.manifest import semantic_manifest_path
from orchestration.cli import app
from orchestration.metrics import (
    Answer,
    MetricsError,
    NoMetricsError,
    Question,
    ask,
    engine_of,
    engine_over,
    groups_of,
    kpi_names,
)
from orchestration.release.hashing import file_sha256
from orchestration.screen_metrics import write_csv
from orchestration.settings import Settings
from orchestration.simulate import WorldOptions, parameters, simulate

if TYPE_CHECKING:
    from metricflow.engine.metricflow_engine import MetricFlowEngine

Cell = tuple[date, str]
Series = dict[Cell, Decimal | None]

SEEN_ONLY = {
    *("active_creators", "live_hours", "live_sessions", "valid_live_days"),
    *("viewer_hours", "peak_viewers", "diamonds"),
}
"""Made of creator-days: where nobody was LIVE there is no row, and `kpi_daily` says 0."""

NOT_ADDED_UP = {
    *("active_creators", "hours_per_active_creator", "peak_viewers", "covered_day_rate"),
    *("active_creators_7d", "active_creators_28d", "stickiness_7d", "stickiness_28d"),
}
"""Distinct creators, greatest values and windows: no sum over days."""


@dataclass(frozen=True)
class Asked:
    """A published release, and MetricFlow over it."""

    settings: Settings
    semantic_manifest: Path
    marts: Path
    engine: MetricFlowEngine

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query on the release's file."""
        with duckdb.connect(str(self.marts), read_only=True) as connection:
            return connection.execute(query).fetchall()

    def published(self, values: list[Any]) -> list[Decimal | None]:
        """Values as `kpi_daily` publishes them: rounded to six decimals by DuckDB."""
        found = duckdb.execute(
            "select cast(round(cast(value as double), 6) as decimal(28, 6)) "
            "from (select unnest($1::double[]) as value, generate_subscripts($1, 1) as place) "
            "order by place",
            [[None if value is None else float(value) for value in values]],
        ).fetchall()
        return [value for (value,) in found]

    def ask(self, metric: str, *group_by: str) -> dict[tuple[Any, ...], Decimal | None]:
        """A metric by groups, rounded as KPIs are."""
        answer = ask(self.engine, Question([metric], group_by))
        keys = [tuple(row[:-1]) for row in answer.rows]
        assert len(set(keys)) == len(keys)
        return dict(zip(keys, self.published([row[-1] for row in answer.rows]), strict=True))


WORLD = WorldOptions(
    creators=320,
    days=45,
    seed=5,
    start=date(2026, 7, 1),
    feeds=("creators", "agencies", "live_sessions", "live_snapshots"),
    programs="none",
    # Of whom only polls tell: sessions without diamonds, gifters, followers and comments.
    polled_share=0.3,
)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, run_in: Runner) -> Iterator[Asked]:
    """A release of a world of its own: in that of other tests nobody moves, or is only polled."""
    settings = Settings(home=tmp_path_factory.mktemp("asked") / "it's a home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parameters, "MARKET_MOVES_PER_WEEK", 0.02)
        simulate(settings.landing, WORLD)
    end = run_in(settings.home)
    assert end.verdict == "published", end.reasons
    path = semantic_manifest_path(settings)
    marts = (settings.current / "marts.duckdb").resolve()
    with engine_of(settings, path) as engine:
        yield Asked(settings, path, marts, engine)


def told_by_kpi_daily(asked: Asked) -> dict[str, Series]:
    """Every published value by KPI, day and market."""
    told: dict[str, Series] = defaultdict(dict)
    for day, market, kpi, value in asked.rows(
        "select calendar_date, market, kpi, kpi_value from kpi_daily"
    ):
        told[kpi][day, market] = value
    return told


def told_by_metricflow(asked: Asked, kpi: str) -> Series:
    """The same through MetricFlow: by day and market, and by day."""
    by_market = asked.ask(kpi, "metric_time__day", "market")
    whole = asked.ask(kpi, "metric_time__day")
    found: Series = {(day, market): value for (day, market), value in by_market.items()}
    return found | {(day, "all"): value for (day,), value in whole.items()}


def differences(asked: Asked, kpi: str, told: Series) -> list[tuple[Cell, Any, Any]]:
    """Where MetricFlow says something else: the cell, what is published, what it says."""
    found = told_by_metricflow(asked, kpi)
    return [
        (cell, told.get(cell), found.get(cell))
        for cell in sorted(told.keys() | found.keys())
        if told.get(cell) != found.get(cell)
        and not (kpi in SEEN_ONLY and told.get(cell) == 0 and cell not in found)
    ]


# --- By day, as published ------------------------------------------------------------------------


def test_the_world_asks_something_of_the_metrics(asked: Asked) -> None:
    """Counters that are not told, movers, days over midnight, and days that are not complete."""
    [(untold, movers, only_seconds, incomplete)] = asked.rows(
        """
        select
            (select count(*) from fct_creator_days where diamonds is null and session_count > 0),
            (select count(*) from (
                select creator_id from fct_creator_days
                group by creator_id having count(distinct market) > 1
            )),
            (select count(*) from fct_creator_days where session_count = 0),
            (select count(*) from kpi_daily where kpi = 'valid_day_rate' and not is_complete)
        """
    )
    assert min(untold, movers, only_seconds, incomplete) > 0


@pytest.mark.parametrize("kpi", kpi_names())
def test_a_kpi_by_day_and_market_and_for_the_whole_is_what_is_published(
    asked: Asked, kpi: str
) -> None:
    told = told_by_kpi_daily(asked)[kpi]
    assert sum(value is not None and value != 0 for value in told.values()) >= 3
    assert differences(asked, kpi, told) == []


def _measure(model: str, measure: str, **changes: object) -> Callable[[dict[str, Any]], None]:
    def change(manifest: dict[str, Any]) -> None:
        [found] = [each for each in manifest["semantic_models"] if each["name"] == model]
        [measured] = [each for each in found["measures"] if each["name"] == measure]
        assert {name: measured[name] for name in changes} != changes
        measured.update(changes)

    return change


def _without_filter(metric: str) -> Callable[[dict[str, Any]], None]:
    def change(manifest: dict[str, Any]) -> None:
        [found] = [each for each in manifest["metrics"] if each["name"] == metric]
        assert found["filter"]
        found["filter"] = None

    return change


def _with_the_whole(metric: str) -> Callable[[dict[str, Any]], None]:
    def change(manifest: dict[str, Any]) -> None:
        [found] = [each for each in manifest["metrics"] if each["name"] == metric]
        for condition in found["filter"]["where_filters"]:
            text = condition["where_sql_template"]
            condition["where_sql_template"] = text.replace(
                "and {{ Entity('market') }} <> 'all'", ""
            )

    return change


@pytest.mark.parametrize(
    ("kpi", "mistake"),
    [
        # The time of sessions that do not tell the counter is divided by too.
        (
            "diamonds_per_hour",
            _measure("creator_days", "diamonds_live_seconds", expr="live_seconds"),
        ),
        # A day that only got seconds over midnight counts as active.
        ("active_creators", _measure("creator_days", "active_creators", expr="creator_id")),
        # Days that nobody saw are told.
        ("live_sessions", _without_filter("live_sessions")),
        # Rates of days that are not complete are told.
        ("valid_day_rate", _without_filter("valid_day_rate")),
        # The whole is added to its parts.
        ("new_creators", _with_the_whole("new_creators")),
        # Another KPI's number is taken.
        ("active_creators_7d", _measure("kpi_days", "kpi_last_numerator", expr="denominator")),
    ],
)
def test_a_wrong_measure_or_filter_is_noticed(
    asked: Asked, tmp_path: Path, kpi: str, mistake: Callable[[dict[str, Any]], None]
) -> None:
    manifest = json.loads(asked.semantic_manifest.read_text(encoding="utf-8"))
    mistake(manifest)
    wrong = tmp_path / "semantic_manifest.json"
    wrong.write_text(json.dumps(manifest), encoding="utf-8")
    with engine_over(asked.settings, wrong, asked.marts) as engine:
        misled = Asked(asked.settings, wrong, asked.marts, engine)
        assert differences(misled, kpi, told_by_kpi_daily(asked)[kpi])


# --- Over longer periods, and for other groups ---------------------------------------------------


@pytest.mark.parametrize("kpi", [each for each in kpi_names() if each not in NOT_ADDED_UP])
def test_a_week_and_all_of_time_are_made_of_what_their_days_are_made_of(
    asked: Asked, kpi: str
) -> None:
    """Numerators and denominators of the days that are told, added up and divided once."""
    with duckdb.connect(str(asked.marts), read_only=True) as connection:
        seed = connection.read_csv(str(Path(__file__).parents[2] / "seeds/kpis.csv"))
        connection.register("kpis", seed)
        summed = (
            "select {groups} sum(daily.numerator) * any_value(kpis.numerator_factor) as top,"
            " sum(daily.denominator) * any_value(kpis.denominator_factor) as bottom,"
            " any_value(kpis.denominator) is not null as is_ratio,"
            " any_value(kpis.denominator_factor) as factor"
            " from kpi_daily as daily inner join kpis on daily.kpi = kpis.kpi"
            " where daily.kpi = $1 and {market} and"
            " case when kpis.denominator is null and kpis.period = 'day'"
            " then daily.coverage_rate > 0 else daily.is_complete and"
            " (daily.kpi <> 'quick_ratio' or daily.calendar_date in"
            " (select calendar_date from kpi_daily as whole where whole.kpi = 'quick_ratio'"
            " and whole.market = 'all' and whole.kpi_value is not null)) end group by all"
        )
        divided = (
            "select * exclude (top, bottom, is_ratio, factor), cast(round(case when is_ratio then"
            " top / nullif(bottom, 0) else top / factor end, 6) as decimal(28, 6)) from ({summed})"
        )
        by_week = connection.execute(
            divided.format(
                summed=summed.format(
                    groups="cast(date_trunc('week', daily.calendar_date) as date), daily.market,",
                    market="daily.market <> 'all'",
                )
            ),
            [kpi],
        ).fetchall()
        whole = connection.execute(
            divided.format(summed=summed.format(groups="", market="daily.market = 'all'")), [kpi]
        ).fetchall()
    found = asked.ask(kpi, "metric_time__week", "market")
    expected = {(week, market): value for week, market, value in by_week}
    different = {
        cell: (expected.get(cell), found.get(cell))
        for cell in expected.keys() | found.keys()
        if expected.get(cell) != found.get(cell)
        and not (kpi in SEEN_ONLY and expected.get(cell) == 0 and cell not in found)
    }
    assert different == {}
    assert asked.ask(kpi) == {(): whole[0][0]}


def test_a_creator_of_several_days_is_one_active_creator_of_their_week(asked: Asked) -> None:
    by_hand = {
        (week, market): (Decimal(creators), Decimal(hours) if hours is not None else None)
        for week, market, creators, hours in asked.rows(
            """
            select
                cast(date_trunc('week', days.local_date) as date) as week,
                coalesce(days.market, 'unknown') as market,
                count(distinct case when days.session_count > 0 then days.creator_id end),
                cast(round(
                    sum(days.live_seconds) filter (where seen.is_complete)
                    / nullif(3600 * count(distinct days.creator_id) filter (
                        where seen.is_complete and days.session_count > 0
                    ), 0), 6
                ) as decimal(28, 6))
            from fct_creator_days as days
            inner join kpi_daily as seen
                on days.local_date = seen.calendar_date
                and seen.market = 'all' and seen.kpi = 'active_creators' and seen.coverage_rate > 0
            group by all
            """
        )
    }
    creators = asked.ask("active_creators", "metric_time__week", "market")
    hours = asked.ask("hours_per_active_creator", "metric_time__week", "market")
    assert creators == {cell: value for cell, (value, _) in by_hand.items()}
    assert {cell: hours.get(cell) for cell in by_hand} == {
        cell: value for cell, (_, value) in by_hand.items()
    }
    days = asked.ask("active_creators", "metric_time__day")
    assert sum(value or 0 for value in creators.values()) < sum(
        value or 0 for value in days.values()
    )


@pytest.mark.parametrize("kpi", ["active_creators_7d", "stickiness_28d", "covered_day_rate"])
def test_a_window_is_told_for_a_month_as_on_its_last_day_that_is_known(
    asked: Asked, kpi: str
) -> None:
    told = told_by_kpi_daily(asked)[kpi]
    months = asked.ask(kpi, "metric_time__month")
    assert len(months) >= 2
    for (month,), value in months.items():
        last = max(
            day
            for (day, market), known in told.items()
            if market == "all" and known is not None and day.replace(day=1) == month
        )
        assert value == told[last, "all"]


@pytest.mark.parametrize(
    ("group", "sql"),
    [
        ("agency", "coalesce(days.agency_id, 'unknown')"),
        ("creator_day__tier", "coalesce(days.tier, 'unknown')"),
        ("creator__category", "coalesce(creators.category, 'unknown')"),
        ("local_day__weekday_name_es", "dates.weekday_name_es"),
    ],
)
def test_a_kpi_is_told_by_what_kpi_daily_does_not_have(asked: Asked, group: str, sql: str) -> None:
    by_hand = asked.rows(
        f"""
        select
            {sql},
            cast(round(sum(days.live_seconds) / 3600, 6) as decimal(28, 6)),
            cast(round(
                count(*) filter (where days.is_valid_day and seen.is_complete)
                / nullif(count(*) filter (where seen.is_complete), 0), 6
            ) as decimal(28, 6))
        from fct_creator_days as days
        inner join kpi_daily as seen
            on days.local_date = seen.calendar_date
            and seen.market = 'all' and seen.kpi = 'active_creators' and seen.coverage_rate > 0
        left join dim_creators as creators on days.creator_id = creators.creator_id
        left join dim_dates as dates on days.local_date = dates.calendar_date
        group by all
        """
    )
    assert len(by_hand) > 2
    assert asked.ask("live_hours", group) == {(row[0],): row[1] for row in by_hand}
    rates = asked.ask("valid_day_rate", group)
    assert {(row[0],): rates.get((row[0],)) for row in by_hand} == {
        (row[0],): row[2] for row in by_hand
    }


# --- Only read -----------------------------------------------------------------------------------


def test_a_release_that_is_asked_stays_what_it_was_and_others_read_it_meanwhile(
    asked: Asked,
) -> None:
    before = file_sha256(asked.marts)
    files = sorted(path.name for path in asked.marts.parent.iterdir())
    assert asked.ask("live_hours")
    assert asked.rows("select count(*) from kpi_daily") != [(0,)]
    assert file_sha256(asked.marts) == before
    assert sorted(path.name for path in asked.marts.parent.iterdir()) == files


@pytest.mark.parametrize(
    "condition",
    [
        "1 = 1); delete from published.main.kpi_daily; select (1",
        "exists (from read_csv('seeds/markets.csv'))",
        "exists (from read_text('README.md'))",
        "(select count(*) from duckdb_settings() where nothing_like_this)",
        "{{ Entity('market' }} = 'MX'",
        "{{ Dimension('creator__handle') }} = 'ana'",
    ],
)
def test_a_condition_reads_nothing_but_the_marts_and_says_what_is_wrong(
    asked: Asked, condition: str
) -> None:
    question = Question(["live_hours"], ["market"], where=[condition])
    with pytest.raises(MetricsError, match="cannot answer that") as told:
        ask(asked.engine, question)
    assert "no puede responder" in told.value.message("es")


def test_a_range_upside_down_is_refused(asked: Asked) -> None:
    question = Question(["live_hours"], first=date(2026, 8, 5), last=date(2026, 8, 1))
    with pytest.raises(MetricsError, match="2026-08-05 is after") as told:
        ask(asked.engine, question)
    assert "es posterior a" in told.value.message("es")


def test_metrics_of_facts_know_more_groups_than_those_of_windows(asked: Asked) -> None:
    assert {"agency", "creator__category", "creator_day__tier", "market"} <= set(
        groups_of(asked.engine, ["live_hours", "active_creators"])
    )
    windows = set(groups_of(asked.engine, ["live_hours", "active_creators_7d"]))
    assert "market" in windows
    assert "agency" not in windows


def test_before_the_first_release_there_is_nothing_to_ask(tmp_path: Path, asked: Asked) -> None:
    with (
        pytest.raises(NoMetricsError, match="semillero run"),
        engine_of(Settings(home=tmp_path), asked.semantic_manifest),
    ):
        pass


def test_a_release_older_than_its_metrics_is_told_by_name(tmp_path: Path, asked: Asked) -> None:
    old = tmp_path / "marts.duckdb"
    with duckdb.connect(str(old)) as connection:
        connection.execute("create table dim_dates as select date '2026-01-01' as calendar_date")
    with (
        pytest.raises(NoMetricsError, match=r"has no .*kpi_daily"),
        engine_over(asked.settings, asked.semantic_manifest, old),
    ):
        pass


# --- The command ---------------------------------------------------------------------------------


def test_the_command_lists_explains_and_asks_in_both_languages(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEMILLERO_HOME", str(asked.settings.home))
    query = ("metrics", "query", "live_hours", "quick_ratio", "--by", "metric_time__month,market")

    def said(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, arguments)
        return result.exit_code, result.output

    code, listed = said("metrics", "list")
    assert code == 0
    assert all(name in listed for name in (*kpi_names(), "live_seconds", "LIVE hours"))
    code, table = said(*query, "--where", "{{ Entity('market') }} = 'MX'")
    assert code == 0
    assert "2026-07-01" in table
    assert "MX" in table
    assert "CO" not in table
    code, text = said(*query, "--csv", "--from", "2026-07-06", "--limit", "3")
    rows = list(csv.reader(io.StringIO(text)))
    assert code == 0
    assert rows[0] == ["metric_time__month", "market", "live_hours", "quick_ratio"]
    assert len(rows) == 4
    assert rows[1:] == sorted(rows[1:], key=lambda row: row[:2])
    code, text = said(*query, "--sql")
    assert code == 0
    assert text.startswith(("SELECT", "WITH"))
    monkeypatch.setenv("SEMILLERO_LANGUAGE", "es")
    code, explained = said("metrics", "list", "live_hours")
    assert code == 0
    assert "Horas en LIVE (live_hours)" in explained
    assert "creator__category" in explained
    code, refused = said("metrics", "query", "live_ours")
    assert code == 2
    assert "MetricFlow no puede responder eso" in refused
    assert "live_hours" in refused


def test_a_name_that_begins_like_a_formula_stays_a_text_in_a_spreadsheet() -> None:
    file = io.StringIO()
    write_csv(file, Answer(("agency__name", "change"), (("=1+1", -2.5), ("Ñandú", None))))
    assert file.getvalue() == "agency__name,change\n'=1+1,-2.5\nÑandú,\n"
