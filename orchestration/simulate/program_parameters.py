"""The programs of a simulated world: the effects planted in them, and how they are paid.

What lives here: constants only: designs, dates, tasks, planted effects, rates of payout errors, and
the definitions of a valid LIVE day. What may not: code that draws or computes anything.

Weeks are counted from the local week in which the world begins (0), so that the catalogue moves
with the world's start and never with its length: a program is not there yet where the world ends
before anything of it happens. Programs share no creator (each creator has one lot for all of them),
so no effect stands on another's shoulders.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["incentive", "campaign", "training", "toolkit"]
Design = Literal["randomized", "staggered", "threshold", "opt_in"]
Metric = Literal["valid_live_days", "live_hours", "diamonds"]
Window = Literal["day", "week", "month", "program"]


@dataclass(frozen=True, kw_only=True)
class DayRule:
    """What makes a LIVE day valid, as it is published (the seed `metric_rules` says the same)."""

    rule_id: str
    min_live_seconds: int = 0
    min_longest_seconds: int = 0
    min_diamonds: int = 0
    exclude_static: bool = False


NETWORK_HOUR = DayRule(rule_id="network_hour", min_live_seconds=3_600, exclude_static=True)
"""The general definition."""
MISSION_25_MINUTES = DayRule(
    rule_id="reward_mission_25_minutes", min_longest_seconds=1_501, min_diamonds=1
)
PARTNER_HOUR = DayRule(rule_id="partner_hour", min_longest_seconds=3_600)
DAY_RULES = (NETWORK_HOUR, MISSION_25_MINUTES, PARTNER_HOUR)
COUNTED_SESSION_SECONDS = 86_400
"""A session that was never ended counts for this long."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a program pays for."""

    metric: Metric
    threshold: int
    window: Window
    reward_cents: int
    currency: str = "USD"
    rule: DayRule = NETWORK_HOUR


@dataclass(frozen=True, kw_only=True)
class Planted:
    """What a program does to those who get it. The defaults do nothing.

    Attributes:
        shows_added: Added to the multiplier of shows a week while the program runs (0.4 is 1.4
            times as many).
        shows_added_a_week: What `shows_added` grows by with each further week of exposure.
        growth_weeks: After how many weeks it grows no more.
        half_life_weeks: After the end, what is left of the shows added halves in this many weeks;
            0 for nothing left at all.
        agency_sigma: Spread (of the logarithm) of the shows added between agencies.
        seconds: Multiplier of a show's length while the program runs.
        continuation_after: Added to the log-odds of going on for another week, after the end.
        continuation_weeks: For how many weeks after the end.
        top_up_probability: Of those who are short of their weekly task by one or two valid days:
            the share that fills up with idle sessions.
        first_live_probability: Of those who complete the training and would never have gone LIVE:
            the share that does.
    """

    shows_added: float = 0.0
    shows_added_a_week: float = 0.0
    growth_weeks: int = 0
    half_life_weeks: float = 0.0
    agency_sigma: float = 0.0
    seconds: float = 1.0
    continuation_after: float = 0.0
    continuation_weeks: int = 0
    top_up_probability: float = 0.0
    first_live_probability: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Program:
    """One program of the catalogue. `first_week` to `last_week` are whole local weeks."""

    program_id: str
    kind: Kind
    design: Design
    name_en: str
    name_es: str
    first_week: int
    last_week: int
    weight: float
    """Its share of the creators who could be in it, before the shares are made to sum to one."""
    assignment_unit: str = "creator"
    market: str | None = None
    rollout: tuple[tuple[str, int], ...] = ()
    """Of a staggered program: markets with the week in which each starts; the others never do."""
    task: Task | None = None
    budget_cents: int | None = None
    currency: str | None = None
    planted: Planted = Planted()


CATALOGUE = (
    Program(
        program_id="steady_weeks",
        kind="incentive",
        design="randomized",
        name_en="Steady weeks",
        name_es="Semanas constantes",
        first_week=5,
        last_week=10,
        weight=0.15,
        task=Task(metric="valid_live_days", threshold=4, window="week", reward_cents=800),
        budget_cents=1_500_000,
        currency="USD",
        planted=Planted(shows_added=0.40, half_life_weeks=1.5),
    ),
    Program(
        program_id="agency_marathon",
        kind="incentive",
        design="randomized",
        name_en="Agency marathon",
        name_es="Maratón de agencias",
        first_week=4,
        last_week=9,
        weight=0.25,
        assignment_unit="agency",
        task=Task(metric="live_hours", threshold=8, window="week", reward_cents=1_000),
        budget_cents=2_000_000,
        currency="USD",
        planted=Planted(shows_added=0.25, agency_sigma=0.25, seconds=1.20),
    ),
    Program(
        program_id="stage_toolkit",
        kind="toolkit",
        design="staggered",
        name_en="Stage toolkit",
        name_es="Kit de escenario",
        first_week=5,
        last_week=15,
        weight=0.20,
        assignment_unit="market",
        rollout=(("MX", 5), ("BR", 7), ("CO", 9), ("AR", 11)),
        planted=Planted(shows_added=0.08, shows_added_a_week=0.08, growth_weeks=5),
    ),
    Program(
        program_id="reward_mission",
        kind="incentive",
        design="threshold",
        name_en="Reward mission",
        name_es="Misión con premio",
        first_week=4,
        last_week=11,
        weight=0.10,
        task=Task(
            metric="valid_live_days",
            threshold=5,
            window="week",
            reward_cents=1_250,
            rule=MISSION_25_MINUTES,
        ),
        budget_cents=1_200_000,
        currency="USD",
        planted=Planted(top_up_probability=0.45),
    ),
    Program(
        program_id="spring_festival",
        kind="campaign",
        design="opt_in",
        name_en="Spring festival",
        name_es="Festival de primavera",
        first_week=6,
        last_week=9,
        weight=0.12,
        task=Task(metric="diamonds", threshold=2_000, window="program", reward_cents=2_500),
        budget_cents=800_000,
        currency="USD",
    ),
    Program(
        program_id="first_live_coaching",
        kind="training",
        design="randomized",
        name_en="First LIVE coaching",
        name_es="Acompañamiento al primer LIVE",
        first_week=2,
        last_week=51,
        weight=0.0,
        planted=Planted(first_live_probability=0.60),
    ),
    Program(
        program_id="monthly_bonus",
        kind="incentive",
        design="randomized",
        name_en="Monthly bonus",
        name_es="Bono mensual",
        first_week=6,
        last_week=11,
        weight=0.15,
        task=Task(metric="valid_live_days", threshold=8, window="month", reward_cents=2_000),
        budget_cents=1_000_000,
        currency="USD",
    ),
    Program(
        program_id="daily_sprint",
        kind="incentive",
        design="randomized",
        name_en="Daily sprint",
        name_es="Carrera diaria",
        first_week=4,
        last_week=8,
        weight=0.45,
        market="MX",
        task=Task(
            metric="valid_live_days",
            threshold=1,
            window="day",
            reward_cents=2_500,
            currency="MXN",
        ),
        budget_cents=30_000_000,
        currency="MXN",
        planted=Planted(shows_added=0.20, continuation_after=-1.2, continuation_weeks=6),
    ),
)
OWNER = "LIVE operations LATAM"
TREATED_ARM, CONTROL_ARM = "treatment", "control"
TREATED_SHARE = 0.5

COACHED_SHARE = 0.5
"""Of newcomers: who belongs to the coaching's lot, and to no other program."""
COACHING_STEPS = (("enrolled", 0.90), ("completed", 0.85))
"""Share of those who got as far as the step before."""
COACHING_MODULES = ("m1_equipment", "m2_first_ten_minutes", "m3_community")
COACHED_FIRST_LIVE_DAYS = (2, 9)
"""Whole days between the training and a first LIVE that only the coaching brought about."""

OPT_IN_LOG_ODDS = (-0.4, 1.1, 2.4)
"""Of joining a campaign: at the mean, by talent, and by the logarithm of shows a week over their
mean. The better creators join."""

TOP_UP_SHORT_BY = 2
"""Who is short by more valid days than this does not try."""
TOP_UP_SECONDS = (1_530, 1_780)
"""An idle session lasts just longer than it must."""
TOP_UP_DIAMONDS = (1, 4)
TOP_UP_HOUR = (9, 12)
"""Local hours in which it starts: the morning, when hardly any show is on."""

AFTER_WEEKS = 6
"""For how long after a program's end its truth is followed."""

# ---- payouts -------------------------------------------------------------------------
PAID_AFTER_DAYS = 15
"""Since the end of a window, at least: by then every late row of it has landed."""
PAY_WEEKDAY = 4
"""Rewards are paid on Fridays."""
PAID_LATE_AFTER_DAYS = 21
"""What programs promise: the reward is paid at most so many days after the window's last day."""
LATE_PAYOUT_DAYS = (28, 42)
"""Since the end of a window, until the Friday on which a late one is paid."""
UNDERPAID_RATE = 0.015
OVERPAID_RATE = 0.015
PAID_TWICE_RATE = 0.012
PAID_LATE_RATE = 0.015
WITHOUT_CAUSE_RATE = 0.010
"""Of windows that did not reach their task."""
UNDERPAID_SHARE = (0.40, 0.90)
OVERPAID_SHARE = (1.10, 2.00)
SECOND_PAYOUT_WEEKS = (1, 3)
