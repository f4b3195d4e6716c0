"""What a contract says about drift: which kinds there are, and whether each warns or refuses.

What lives here: the words of the custom property `drift`, their defaults, and their validation.
What may not: finding drift (`ingest.drift`).

A contract says `drift: {kind: action}` for the feed, a column says it for itself; what neither says
is `DEFAULT_ACTIONS`. Refusing refuses the whole arrival day until the file is corrected or a person
accepts the new level.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

DriftKind = Literal[
    "new_column",
    "vanished_column",
    "changed_type",
    "null_share",
    "new_category",
    "changed_unit",
    "changed_distribution",
]
DriftAction = Literal["ignore", "warn", "refuse"]
DriftRules = tuple[tuple[DriftKind, DriftAction], ...]

DEFAULT_ACTIONS: Mapping[DriftKind, DriftAction] = MappingProxyType(
    dict.fromkeys(get_args(DriftKind), "warn")
)
"""Told, and let through: whether a kind must stop a feed is for its contract to say."""

_NUMBERS: frozenset[DriftKind] = frozenset({"changed_unit", "changed_distribution"})


def kinds_of_column(*, is_number: bool, is_vocabulary: bool, may_be_absent: bool) -> set[DriftKind]:
    """The kinds of drift that a column can have."""
    kinds: set[DriftKind] = {"changed_type", "null_share"}
    if is_number:
        kinds |= _NUMBERS
    if is_vocabulary:
        kinds.add("new_category")
    if may_be_absent:
        kinds.add("vanished_column")
    return kinds


def parse(value: object, possible: set[DriftKind]) -> dict[DriftKind, DriftAction]:
    """The mapping of a `drift` property.

    Args:
        value: What the YAML says; None where it says nothing.
        possible: The kinds that can occur where it is said.

    Raises:
        ValueError: it is no mapping, or has an unknown kind, an impossible kind, or another word
            than ignore, warn, refuse.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        wrong = f"drift must be a mapping like {{changed_unit: refuse}}, not {value!r}."
        raise ValueError(wrong)  # noqa: TRY004 - the loader tells it like every other fault
    kinds, actions = get_args(DriftKind), get_args(DriftAction)
    rules: dict[DriftKind, DriftAction] = {}
    for kind, action in value.items():
        if kind not in kinds:
            raise ValueError(f"drift: {kind!r} is no kind of drift; known: {', '.join(kinds)}.")
        if kind not in possible:
            raise ValueError(
                f"drift: {kind} cannot happen here; what can: {', '.join(sorted(possible))}."
            )
        if action not in actions:
            raise ValueError(f"drift: {kind} must be one of {', '.join(actions)}, not {action!r}.")
        rules[kind] = action
    return rules


def resolve(
    of_feed: Mapping[DriftKind, DriftAction],
    of_column: Mapping[DriftKind, DriftAction],
    possible: set[DriftKind],
) -> DriftRules:
    """The action for each possible kind: the column's word, else the feed's, else the default."""
    said = {**DEFAULT_ACTIONS, **of_feed, **of_column}
    return tuple((kind, said[kind]) for kind in sorted(possible))
