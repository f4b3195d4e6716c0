"""The seed of labels: names and descriptions of marts, their columns and their codes.

What lives here: what is published and can be labelled (as the marts' yml promises it), what
`seeds/mart_labels.csv` may say of it, and which line labels what. What may not: names of KPIs,
rules, markets and what is declared, each of which stands where the thing itself stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import yaml

from orchestration.checks.results import Kind, Severity
from orchestration.checks.tables import ABOUT
from orchestration.seeds.tables import ANY, Fault, SeedRow, empty, fault, repeated
from orchestration.settings import PROJECT_ROOT

LABEL_COLUMNS = (
    "mart",
    "column_name",
    "value",
    "name_en",
    "name_es",
    "description_en",
    "description_es",
)
TEXTS = LABEL_COLUMNS[3:]
FILE = "mart_labels.csv"

Place = tuple[str, str, str]
"""Mart, column (empty for the mart itself) and code (empty for the column itself)."""

Published = Mapping[str, Mapping[str, frozenset[str]]]
"""The codes of each column of each mart; of columns without codes, none."""

_MARTS = PROJECT_ROOT / "models" / "marts"
_FLAG = frozenset({"true", "false"})
_CODES_OF_ABOUT: Mapping[tuple[str, str], frozenset[str]] = {
    ("quality_results", "kind"): frozenset(get_args(Kind)),
    ("quality_results", "severity"): frozenset(get_args(Severity)),
}


class MartYamlError(ValueError):
    """A mart's yml cannot be read as dbt's; the message names the file."""


@dataclass(frozen=True)
class Label:
    """A line of the seed.

    Attributes:
        line: Where it stands.
        place: What it labels; `*` as mart stands for every mart with the column, `*` as column for
            every flag.
        texts: Names and descriptions, in the order of `TEXTS`.
    """

    line: int
    place: Place
    texts: tuple[str, ...]


def published(folder: Path = _MARTS) -> Published:
    """What a release publishes, by the yml of its marts.

    The codes of a column are the values of its `accepted_values` test; where other values stand
    beside codes (`all` beside markets), its meta lists them as `codes`. Flags are true or false.

    Raises:
        MartYamlError: A yml is none, or has no models.
    """
    found: dict[str, Mapping[str, frozenset[str]]] = {}
    for path in sorted(folder.rglob("*.yml")):
        try:
            document = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
            for model in document["models"]:
                columns = model.get("columns") or []
                found[model["name"]] = {column["name"]: _codes(column) for column in columns}
        except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
            raise MartYamlError(f"{path} is no yml of marts: {error}") from error
    for table, kinds in ABOUT.items():
        found[table] = {
            column: _FLAG
            if kind == "boolean"
            else _CODES_OF_ABOUT.get((table, column), frozenset())
            for column, kind in kinds.items()
        }
    return found


def _codes(column: Mapping[str, Any]) -> frozenset[str]:
    codes = set(((column.get("config") or {}).get("meta") or {}).get("codes") or ())
    for test in column.get("data_tests") or ():
        if isinstance(test, dict) and "accepted_values" in test:
            codes |= set(test["accepted_values"]["arguments"]["values"])
    if column.get("data_type") == "boolean":
        codes |= _FLAG
    return frozenset(str(code) for code in codes)


def places(marts: Published) -> list[Place]:
    """Everything that needs a label of its own."""
    return [
        place
        for mart, columns in marts.items()
        for place in [
            (mart, "", ""),
            *((mart, column, "") for column in columns),
            *((mart, column, code) for column, codes in columns.items() for code in sorted(codes)),
        ]
    ]


def labels_of(rows: Sequence[SeedRow]) -> list[Label]:
    """The lines of the seed."""
    return [
        Label(
            row.line,
            (row["mart"], row["column_name"], row["value"]),
            tuple(row[column] for column in TEXTS),
        )
        for row in rows
    ]


def serving(place: Place) -> list[Place]:
    """The places whose label serves a place, the one that wins first."""
    _, column, code = place
    general = [(ANY, column, code)] if column else []
    return [place, *general, *([(ANY, ANY, code)] if code in _FLAG else [])]


def unlabelled(labels: Sequence[Label], marts: Published) -> list[Place]:
    """What is published and has no label."""
    known = {label.place for label in labels}
    return [place for place in places(marts) if not known.intersection(serving(place))]


def unused(labels: Sequence[Label], marts: Published) -> list[Label]:
    """Labels of what is not published, or that others speak for everywhere."""
    known = {label.place for label in labels}
    used = {
        next((each for each in serving(place) if each in known), None) for place in places(marts)
    }
    return [label for label in labels if label.place not in used]


def label_faults(file: str, rows: Sequence[SeedRow]) -> Iterator[Fault]:
    """What is wrong with the labels: a text that is missing, twice there, or of nothing."""
    marts = published()
    yield from repeated(file, rows, "mart", "column_name", "value")
    for row in rows:
        yield from empty(file, row, ("mart", *TEXTS))
    for label in unused(labels_of(rows), marts):
        yield fault(file, label.line, *_why_unused(label.place, marts))


def _why_unused(place: Place, marts: Published) -> tuple[str, str]:
    """What a label is of that nothing published is, in English and Spanish."""
    mart, column, code = place
    if mart not in {*marts, ANY, ""}:
        return f"there is no mart {mart!r}.", f"no existe la tabla publicada {mart!r}."
    having = [
        columns for name, columns in marts.items() if mart in {name, ANY} and column in columns
    ]
    if column and not having:
        if mart == ANY:
            return (
                f"no mart has a column {column!r}.",
                f"ninguna tabla publicada tiene una columna {column!r}.",
            )
        return (
            f"mart {mart} has no column {column!r}.",
            f"la tabla {mart} no tiene la columna {column!r}.",
        )
    if code and not any(code in columns[column] for columns in having):
        en = f"{code!r} is no code of column {column!r}: neither its accepted values nor `codes`"
        es = f"{code!r} no es un código de la columna {column!r}: no está entre sus valores"
        return f"{en} in its meta name it.", f"{es} aceptados ni en `codes` de su meta."
    return (
        "this line labels nothing: every mart has a line of its own for it.",
        "esta línea no sirve a nadie: cada tabla tiene su propia línea para eso.",
    )
