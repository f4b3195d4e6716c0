"""Programs in the world's walk: each week they are announced, assigned, followed, and paid for.

What lives here: the order of the parts (`Programs`, `Effects`, `Rewards`, `ProgramTruth`, valid
days), their rows in the scratch database, and their truth files. What may not: how any part works.

Truth files, beside the others (`truth`):

* `valid_days.parquet` (a folder of weekly pieces): every creator's local days as known by the last
  arrival day, by each published definition.
* `due_rewards.parquet` (a folder of weekly pieces): every window of every task for every creator
  who could earn: progress, when the task was reached, what is due. `is_closed` is false where days
  of the window were still to come.
* `payout_errors.parquet`: what is wrong with payouts that have arrived: kind, payout, amounts.
* `program_effects.parquet`: what programs did on those who got them (`program_truth`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from orchestration.simulate import landing
from orchestration.simulate import program_parameters as pp
from orchestration.simulate.activity import first_monday
from orchestration.simulate.clock import DAY, Clock, date_of, epoch_of
from orchestration.simulate.draws import NEVER, Bools, Ints, Rows
from orchestration.simulate.effects import Effects
from orchestration.simulate.options import WorldOptions
from orchestration.simulate.program_truth import EFFECT_COLUMNS, ProgramTruth
from orchestration.simulate.programs import Programs, program_states
from orchestration.simulate.rewards import ERRORS, Rewards, threshold_of
from orchestration.simulate.valid_days import DayBook, finished_before, is_valid
from orchestration.simulate.world import Population

if TYPE_CHECKING:
    import duckdb


class ProgramFeeds:
    """The makers of everything about programs, in step with the walk."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        people: Population,
        options: WorldOptions,
        clock: Clock,
    ) -> None:
        """Settle what is settled before the first week (it may change `people`'s first LIVE)."""
        self._connection = connection
        self._options = options
        self._start = epoch_of(options.start)
        self._end = self._start + options.days * DAY
        self._programs = Programs(people, options, clock, first_monday(options))
        effects = Effects(people, options, clock, self._programs)
        self._truth = ProgramTruth(effects, people, options, clock)
        # Paid by what happened; owed, for the truth, by what has landed: at the end they differ.
        self._paying = Rewards(self._programs, options)
        self._owing = Rewards(self._programs, options, pays=False)
        self._happened, self._landed = DayBook(people.zone, clock), DayBook(people.zone, clock)
        self.acting = effects if self._programs.running() else None
        """What is laid over the walk of the untreated; None where nothing ever acts."""
        self.wrong_payouts = 0
        """How many are wrong of the payouts that have arrived by the last arrival day."""
        _put_catalogue(connection, self._programs.catalogue)

    def add(self, week: int, told: Rows) -> None:
        """Put the rows of feeds that a week of true sessions settles.

        Args:
            week: Which week; every one comes, in order.
            told: Its sessions at the times that their platforms tell, which is what is paid by.
        """
        states, tasks = program_states(self._programs, week)
        self._put("program_rows", states, "updated_at", "programs")
        self._put("task_rows", tasks, "updated_at", "program_tasks")
        assignments = self._programs.take_assignments()
        self._put("assignment_rows", assignments, "updated_at", "program_assignments")
        events = self._programs.take_events()
        self._put("program_event_rows", events, "occurred_at", "program_events")
        if self.acting is not None:
            self._truth.add(week)
        next_monday = self._programs.monday_of(week + 1)
        mine = self._programs.membership.is_treated[told["creator"]]
        members = {name: values[mine] for name, values in told.items()}
        days = self._happened.add(members, next_monday)
        self._paying.add(days, finished_before(next_monday))
        self._put("payout_rows", self._paying.take_payouts(), "paid_at", "reward_payouts")
        errors = self._paying.take_errors()
        self._put("payout_error_rows", errors, "paid_at")
        self.wrong_payouts += int((errors["arrival"] <= self._options.days).sum())
        self._paying.take_due()

    def campaign_of(self, creator: Ints, started_at: Ints) -> npt.NDArray[np.int8]:
        """The campaign (its number in the catalogue) that each session is part of, else `NEVER`.

        Every show of those who joined, from the campaign's start to its end.

        Args:
            creator: Of each session; `NEVER` where the row leaves it out.
            started_at: By the platform's clock.
        """
        member = self._programs.membership
        found = np.full(len(creator), NEVER, np.int8)
        for number, program in self._programs.running():
            if program.kind != "campaign":
                continue
            starts_at, ends_at = self._programs.span_of(program)
            rows = np.flatnonzero((started_at >= starts_at) & (started_at < ends_at))
            rows = rows[creator[rows] != NEVER]
            joined = member.is_treated & (member.program == number)
            found[rows[joined[creator[rows]]]] = number
        return found

    def tell(self, week: int, known: Rows, root: Path) -> None:
        """Write a week's pieces of what is true, from the sessions that are known at the end."""
        next_monday = self._programs.monday_of(week + 1)
        days = self._landed.add(known, next_monday)
        self._owing.add(days, finished_before(next_monday))
        self._tell_days(root, week, days)
        self._tell_due(root, week)

    def finish(self, root: Path, weeks: int) -> None:
        """Write what is true of the whole world, `weeks` having been lived."""
        days = self._landed.close()
        self._owing.close(days)
        self._tell_days(root, weeks, days)
        self._tell_due(root, weeks)
        landing.copy_to(
            self._connection,
            f"""
            select
                kinds.name as kind,
                {landing.PAYOUT_ID} as payout_id,
                catalogue.program_id, catalogue.task_id,
                printf('c%07d', rows.creator) as creator_id,
                {landing.sql_date("rows.period_start")} as period_start,
                {landing.sql_date("rows.period_end")} as period_end,
                {landing.sql_in_decimal("rows.due_cents")} as due_amount,
                {landing.sql_in_decimal("rows.paid_cents")} as paid_amount,
                {landing.sql_in_decimal("rows.paid_cents - rows.due_cents")} as difference_amount,
                catalogue.task_currency as currency,
                to_timestamp(rows.paid_at) as paid_at,
                cast(rows.arrival as integer) as arrival_day
            from payout_error_rows as rows
            inner join catalogue on rows.program = catalogue.code
            inner join payout_error_kinds as kinds on rows.kind = kinds.code
            where rows.arrival <= {self._options.days}
            order by payout_id, kind
            """,
            root / "payout_errors.parquet",
            "parquet",
        )
        landing.put_records(
            self._connection, "program_effects", EFFECT_COLUMNS, self._truth.effects()
        )
        landing.copy_to(
            self._connection,
            "select * from program_effects "
            "order by program_id, period desc, exposure_week nulls first, outcome",
            root / "program_effects.parquet",
            "parquet",
        )

    def record(self) -> list[dict[str, Any]]:
        """What `truth.json` says of each program that was announced in time."""
        member = self._programs.membership
        told: list[dict[str, Any]] = []
        for number, program in self._programs.running():
            announced = self._programs.monday_of(program.first_week - 1)
            if (announced - self._start) // DAY + 1 > self._options.days:
                continue
            mine = (member.program == number) & (member.assigned_at < self._end)
            told.append(
                {
                    "program_id": program.program_id,
                    "kind": program.kind,
                    "design": program.design,
                    "assignment_unit": program.assignment_unit,
                    "market": program.market,
                    "first_local_date": date_of(
                        self._programs.monday_of(program.first_week)
                    ).isoformat(),
                    "last_local_date": date_of(
                        self._programs.monday_of(program.last_week + 1) - 1
                    ).isoformat(),
                    "rollout": {
                        market: date_of(self._programs.monday_of(week)).isoformat()
                        for market, week in program.rollout
                    },
                    "arms": {
                        pp.TREATED_ARM: int((mine & member.is_treated).sum()),
                        pp.CONTROL_ARM: int((mine & ~member.is_treated).sum()),
                    },
                    "task": _task_record(program.task),
                    "planted": _planted_record(program.planted),
                    "has_true_effect": program.planted != pp.Planted(),
                    "overlaps_with": [],
                }
            )
        return told

    def _put(self, table: str, rows: Rows, at: str, feed: str | None = None) -> None:
        """Put rows that arrive on the day after `at`; those of a feed only if that is made."""
        rows["arrival"] = (rows[at] - self._start) // DAY + 1
        if feed is None or feed in self._options.feeds:
            landing.put(self._connection, table, rows)

    def _tell_days(self, root: Path, week: int, days: Rows) -> None:
        verdicts: dict[str, Bools] = {
            f"is_valid_{rule.rule_id}": is_valid(days, rule) for rule in pp.DAY_RULES
        }
        names = ", ".join(f"rows.{name}" for name in verdicts)
        self._tell(
            f"""
            select
                printf('c%07d', rows.creator) as creator_id,
                {landing.sql_date("rows.day")} as local_date,
                rows.live_seconds,
                rows.longest_seconds as longest_session_seconds,
                rows.moving_seconds as live_seconds_without_static,
                rows.diamonds, rows.new_followers,
                {names}
            from rows
            order by rows.creator, rows.day
            """,
            {**days, **verdicts},
            root / "valid_days.parquet",
            week,
        )

    def _tell_due(self, root: Path, week: int) -> None:
        self._tell(
            f"""
            select
                catalogue.program_id, catalogue.task_id,
                printf('c%07d', rows.creator) as creator_id,
                {landing.sql_date("rows.period_start")} as period_start,
                {landing.sql_date("rows.period_end")} as period_end,
                rows.progress, catalogue.progress_needed,
                if(
                    rows.completed = {NEVER}, null, {landing.sql_date("rows.completed")}
                ) as completed_date,
                {landing.sql_in_decimal("rows.due_cents")} as due_amount,
                catalogue.task_currency as currency,
                rows.is_closed = 1 as is_closed
            from rows
            inner join catalogue on rows.program = catalogue.code
            order by catalogue.code, rows.period_start, rows.creator
            """,
            self._owing.take_due(),
            root / "due_rewards.parquet",
            week,
        )

    def _tell(self, query: str, rows: Rows, folder: Path, week: int) -> None:
        """Write a week's piece of a table; the first week has one always, so that it exists."""
        folder.mkdir(exist_ok=True)
        if week > 0 and len(rows["creator"]) == 0:
            return
        self._connection.register("rows", rows)
        try:
            path = folder / f"week_{week:03d}.parquet"
            landing.copy_to(self._connection, query, path, "parquet")
        finally:
            self._connection.unregister("rows")


def _put_catalogue(
    connection: duckdb.DuckDBPyConnection, catalogue: tuple[pp.Program, ...]
) -> None:
    """Tables of words: `catalogue`, and what the codes of program events, arms and errors mean."""
    from orchestration.simulate.programs import ARMS, EVENTS

    landing.put_records(
        connection,
        "catalogue",
        {
            "code": "bigint", "program_id": "varchar", "kind": "varchar", "design": "varchar",
            "name_en": "varchar", "name_es": "varchar", "market": "varchar",
            "budget_cents": "bigint", "currency": "varchar", "assignment_unit": "varchar",
            "owner": "varchar", "task_id": "varchar", "metric": "varchar", "threshold": "bigint",
            "progress_needed": "bigint", "time_window": "varchar", "reward_cents": "bigint",
            "task_currency": "varchar",
        },
        [
            (
                code, program.program_id, program.kind, program.design, program.name_en,
                program.name_es, program.market, program.budget_cents, program.currency,
                program.assignment_unit, pp.OWNER,
                *(
                    (None,) * 7
                    if (task := program.task) is None
                    else (
                        f"{program.program_id}_task", task.metric, task.threshold,
                        threshold_of(task), task.window, task.reward_cents, task.currency,
                    )
                ),
            )
            for code, program in enumerate(catalogue)
        ],
    )  # fmt: skip
    for table, names in (
        ("arms", ARMS),
        ("program_event_names", EVENTS),
        ("modules", pp.COACHING_MODULES),
        ("payout_error_kinds", ERRORS),
    ):
        landing.put_records(
            connection, table, {"code": "bigint", "name": "varchar"}, list(enumerate(names))
        )


def _task_record(task: pp.Task | None) -> dict[str, Any] | None:
    if task is None:
        return None
    return {
        "metric": task.metric,
        "threshold": task.threshold,
        "window": task.window,
        "reward": f"{task.reward_cents / 100:.2f}",
        "currency": task.currency,
        "rule_id": task.rule.rule_id if task.metric == "valid_live_days" else None,
    }


_WORDS = {
    "shows_added": "added to the multiplier of shows a week, during",
    "shows_added_a_week": "what shows_added grows by with each further week of exposure",
    "growth_weeks": "after so many weeks it grows no more",
    "half_life_weeks": "what is left of shows_added after the end halves in so many weeks",
    "agency_sigma": "log spread of shows_added between agencies",
    "seconds": "multiplier of the length of shows, during",
    "continuation_after": "added to the log-odds of going on for another week, after the end",
    "continuation_weeks": "for so many weeks after the end",
    "top_up_probability": "of filling up with idle sessions, if one or two valid days short",
    "first_live_probability": "of a first LIVE, for who completes and would never have had one",
}


def _planted_record(planted: pp.Planted) -> dict[str, dict[str, float | str]]:
    """The parameters that differ from doing nothing, each with what it means."""
    nothing = pp.Planted()
    return {
        name: {"value": getattr(planted, name), "meaning": meaning}
        for name, meaning in _WORDS.items()
        if getattr(planted, name) != getattr(nothing, name)
    }
