"""The shape of a declaration: which names it may hold, and of what kind their values are.

What lives here: pydantic models, strict and closed. What may not: whether what is named exists
(`loader` asks that of all files together).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

ComesFrom = Literal[
    "onboarding_events",
    "program_events",
    "asset_uses",
    "reward_payouts",
    "enforcement_events",
    "live_days",
    "valid_live_days",
    "returns",
]
"""Where an activity can be seen: a feed, or what is computed of LIVE days."""

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
# Declared words go into a dbt macro as text; braces would be read as code there.
TEXT_PATTERN = r"^[^{}\\\x00-\x1f]*$"


def _on_one_line(value: object) -> object:
    return " ".join(value.split()) if isinstance(value, str) else value


Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Text = Annotated[
    str, BeforeValidator(_on_one_line), StringConstraints(min_length=1, pattern=TEXT_PATTERN)
]
Count = Annotated[int, Field(gt=0)]


class Shape(BaseModel):
    """What all declarations share: no name beyond those listed, no value turned into another."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Labelled(Shape):
    """Something with a name for code and one for people, in both languages."""

    name: Name
    label_en: Text
    label_es: Text


class Described(Labelled):
    """Something that a page explains."""

    description_en: Text
    description_es: Text


class Activity(Described):
    """Something creators do, and where it is seen."""

    comes_from: ComesFrom
    step: Text | None = None
    event: Literal["exposed", "enrolled", "completed", "withdrew"] | None = None
    program_kind: Literal["incentive", "campaign", "training", "toolkit"] | None = None
    days_away: Count | None = None


class Step(Labelled):
    """A step of a funnel. Days are counted from `counted_from`, else from the step before."""

    activity: Name
    occurrence: Count = 1
    not_before_days: Annotated[int, Field(ge=0)] | None = None
    within_days: Count | None = None
    counted_from: Name | None = None


class Exclusion(Shape):
    """Who does this between two steps is left out."""

    activity: Name
    after: Name
    before: Name


class Funnel(Described):
    """Steps that lead somewhere, within a window from the first on."""

    entity: Literal["creator"] = "creator"
    order: Literal["ordered", "strict", "unordered"] = "ordered"
    window_days: Count | None = None
    window_seconds: Count | None = None
    steps: list[Step] = Field(min_length=2)
    exclusions: list[Exclusion] = Field(default_factory=list)
    segments: list[Name] | None = Field(default=None, min_length=1)


class Cohort(Described):
    """Creators by when they first (or for the n-th time) did something, or by a date of theirs."""

    activity: Name | None = None
    occurrence: Count | None = None
    date: Name | None = None
    segments: list[Name] | None = Field(default=None, min_length=1)


class Segment(Described):
    """A kind of segment: an attribute of creators, or none, which is everybody."""

    attribute: Name | None = None


class ActivitiesFile(Shape):
    """activities.yaml."""

    activities: list[Activity] = Field(min_length=1)


class FunnelsFile(Shape):
    """funnels.yaml."""

    funnels: list[Funnel]


class CohortsFile(Shape):
    """cohorts.yaml."""

    cohorts: list[Cohort] = Field(min_length=1)


class SegmentsFile(Shape):
    """segments.yaml."""

    segments: list[Segment] = Field(min_length=1)
