"""What the columns of a Backstage export are called, and what they mean here.

What lives here: every header that was seen, in both languages, with its column of
`backstage_reports` and how its cells are read; and the vocabulary of statuses. What may not:
reading files (`workbook`), cells (`values`), or judgement on rows (`report`).

Where the headers come from: public tools that parse these exports, and people who described them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

CellKind = Literal[
    "id", "text", "status", "count", "days", "duration", "rate", "share", "moment", "period"
]
"""How a cell is read. `rate` may be anything from a share on (1.5 is 150 %), `share` is 0 to 1."""

Language = Literal["en", "es"]


@dataclass(frozen=True)
class Field:
    """A column of the feed and what exports call it.

    Attributes:
        name: The column of `backstage_reports`; `period` becomes two.
        kind: How its cells are read.
        english: Headers seen in English, the usual one first.
        spanish: Headers seen in Spanish.
    """

    name: str
    kind: CellKind
    english: tuple[str, ...]
    spanish: tuple[str, ...] = ()


def _compared(
    name: str, kind: CellKind, english: str, spanish: str, *, last_month: tuple[str, str]
) -> tuple[Field, ...]:
    """A counter's three companions: last month's value, the share of the goal, the change."""
    return (
        Field(f"{name}_last_month", kind, last_month[:1], last_month[1:]),
        Field(
            f"{name}_achieved_rate",
            "rate",
            (f"{english} - Percentage achieved",),
            (f"{spanish} - Porcentaje logrado",),
        ),
        Field(
            f"{name}_vs_last_month_rate",
            "rate",
            (f"{english} - Vs. last month",),
            (f"{spanish} - frente al mes pasado", f"{spanish} - Frente al último mes"),
        ),
    )


FIELDS: tuple[Field, ...] = (
    Field("period", "period", ("Data period", "Selected period"), ("Periodo de datos",)),
    Field("creator_id", "id", ("Creator ID", "Creator ID:"), ("ID del creador",)),
    Field("username", "text", ("Creator's username",), ("Nombre de usuario del creador",)),
    Field("group_name", "text", ("Group",), ("Grupo",)),
    Field("manager_name", "text", ("Creator Network manager",), ("Agente",)),
    Field("joined_at", "moment", ("Join time", "Joined time"), ("Hora de incorporación",)),
    Field("days_since_joining", "days", ("Days since joining",), ("Días desde la incorporación",)),
    Field(
        "diamonds",
        "count",
        ("Diamonds", "Total Diamonds", "Diamonds in selected period", "Diamonds in L30D"),
        ("Diamantes",),
    ),
    Field(
        "live_seconds",
        "duration",
        (
            "LIVE duration",
            "LIVE duration in selected period",
            "LIVE duration in L30D",
            "LIVE duration(h)",
        ),
        ("Duración de LIVE",),
    ),
    Field(
        "valid_days",
        "days",
        (
            "Valid go LIVE days",
            "Valid go LIVE days in selected period",
            "Valid go LIVE days in L30D",
            "Valid LIVE days",
            "Valid days(d)",
        ),
        ("Días válidos de emisiones LIVE",),
    ),
    Field("new_followers", "count", ("New followers",), ("Nuevos seguidores",)),
    Field("session_count", "count", ("LIVE streams",), ("Emisiones LIVE",)),
    *_compared(
        "diamonds",
        "count",
        "Diamonds",
        "Diamantes",
        last_month=(
            "Diamonds last month",
            "Diamantes en el último mes",
        ),
    ),
    *_compared(
        "live_seconds",
        "duration",
        "LIVE duration",
        "Duración de LIVE",
        last_month=(
            "LIVE duration (hours) last month",
            "Duración de emisiones LIVE (en horas) durante el último mes",
        ),
    ),
    *_compared(
        "valid_days",
        "days",
        "Valid go LIVE days",
        "Días válidos de emisiones LIVE",
        last_month=(
            "Valid go LIVE days last month",
            "Días válidos de emisiones LIVE del mes pasado",
        ),
    ),
    *_compared(
        "new_followers",
        "count",
        "New followers",
        "Nuevos seguidores",
        last_month=(
            "New followers last month",
            "Nuevos seguidores en el último mes",
        ),
    ),
    *_compared(
        "session_count",
        "count",
        "LIVE streams",
        "Emisiones LIVE",
        last_month=(
            "LIVE streams last month",
            "Emisiones LIVE en el último mes",
        ),
    ),
    Field("matches", "count", ("Matches",), ("Partidas",)),
    Field("match_diamonds", "count", ("Diamonds from matches",), ("Diamantes de partidas",)),
    Field("new_live_creator", "text", ("New LIVE creators",), ("Nuevos creadores LIVE",)),
    Field(
        "multi_guest_diamonds",
        "count",
        ("Diamonds from multi-guest",),
        ("Diamantes del modo de varios invitados",),
    ),
    Field(
        "multi_guest_as_host_diamonds",
        "count",
        ("Diamonds from multi-guest (as host)",),
        ("Diamantes de varios invitados (como anfitrión)",),
    ),
    Field(
        "multi_guest_as_guest_diamonds",
        "count",
        ("Diamonds from multi-guest (as guest)",),
        ("Diamantes del modo de varios invitados (como invitado)",),
    ),
    Field("diamonds_before_joining", "count", (), ("Base de Diamantes antes de unirse",)),
    Field("graduation_status", "status", ("Graduation status",), ("Estado de graduación",)),
    Field(
        "tier_status",
        "status",
        ("Tier status", "Rank-up status"),
        (
            "Estado de rango",
            "Estado del rango",
            "Estado de rango del creador",
            "Rango del creador",
        ),
    ),
    Field("tier", "text", ("Tier",)),
    Field("tier_last_month", "text", ("Tier last month",)),
    Field("activeness_level", "text", ("Activeness level",)),
    Field("estimated_bonus", "text", ("Estimated bonus",)),
    Field("new_fans", "count", ("New fans",)),
    Field(
        "fan_club_diamonds",
        "count",
        ("Fan Club total Diamonds", "Diamonds from Fan Club in L30D"),
    ),
    Field("fan_contribution_rate", "share", ("Fan contribution %",)),
    Field("total_fans", "count", ("Total fans",)),
    Field(
        "active_fans", "count", ("Active fans from Fan Club", "Active fans from Fan Club in L30D")
    ),
    Field("status", "status", ("Status",)),
    Field("relationship_status", "status", ("Relationship status",)),
    Field("subscription_status", "status", ("Subscription status",)),
    Field("invitation_type", "status", ("Invitation type",)),
    Field("invited_by", "text", ("Invited by",)),
    Field("promote_permission", "status", ("Promote permission",)),
    Field("last_live_at", "moment", ("Last LIVE",)),
    Field("notes", "text", ("Notes",)),
    Field("followers", "count", ("Followers",)),
    Field("videos", "count", ("Videos",)),
    Field("likes", "count", ("Likes",)),
    Field("management_relationship_dates", "text", ("Management relationship dates",)),
    Field(
        "renewed_management_relationship_dates",
        "text",
        ("Renewed management relationship dates",),
    ),
)
"""Every column that is known. Which of them a file has, and in which order, its reader chose."""

FIELD_BY_NAME: Mapping[str, Field] = MappingProxyType({field.name: field for field in FIELDS})

_LAST_30_DAYS_ONLY = re.compile(r"\bin l30d$")
_DASHES = re.compile("[\u2010-\u2015\u2212]")
_APOSTROPHES = re.compile("[\u2018\u2019\u00b4\u0060\u02bc]")


def header_key(text: str) -> str:
    """A header as it is compared: letter case, accents, spacing and a final colon do not count.

    People retype headers, and exports differ in the apostrophe and the dash.
    """
    plain = _DASHES.sub("-", _APOSTROPHES.sub("'", text))
    plain = unicodedata.normalize("NFKD", plain)
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter)).casefold()
    plain = re.sub(r"\s*([-()])\s*", r" \1 ", plain)
    return " ".join(plain.split()).rstrip(": ")


def _dictionary() -> dict[str, tuple[Field, Language]]:
    found: dict[str, tuple[Field, Language]] = {}
    for field in FIELDS:
        languages: tuple[tuple[Language, tuple[str, ...]], ...] = (
            ("en", field.english),
            ("es", field.spanish),
        )
        for language, headers in languages:
            for header in headers:
                known = found.setdefault(header_key(header), (field, language))
                if known[0] is not field:
                    raise ValueError(f"{header!r} means {field.name} and {known[0].name}")
    return found


_BY_HEADER = _dictionary()


def field_of(header: str) -> tuple[Field, Language] | None:
    """What a header means and in which language it is; None for one that was never seen."""
    return _BY_HEADER.get(header_key(header))


def is_of_last_30_days(header: str) -> bool:
    """Whether only the export of the last 30 days has this header."""
    return bool(_LAST_30_DAYS_ONLY.search(header_key(header)))


NO_GROUP = frozenset({"not in a group", "sin grupo"})
"""What stands in the group's column, in lower case, where the creator has none."""

STATUS_CODES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "graduation_status": MappingProxyType(
            {
                "non-new creator": "not_new",
                "creador no nuevo": "not_new",
                "active": "active",
                "activo": "active",
                "graduated": "graduated",
                "graduado": "graduated",
            }
        ),
        "tier_status": MappingProxyType(
            {
                "tier maintained": "maintained",
                "rango mantenido": "maintained",
                "tier not maintained": "not_maintained",
                "rango no mantenido": "not_maintained",
                "ranked up": "ranked_up",
                "subió de rango": "ranked_up",
            }
        ),
        "status": MappingProxyType(
            {"active": "active", "activo": "active", "quit": "quit", "abandonó": "quit"}
        ),
    }
)
"""Codes of the statuses whose words are known, by lower-case text. Other words stay as they are."""
