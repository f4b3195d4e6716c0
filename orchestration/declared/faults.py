"""What pydantic finds wrong with a shape, said to a person: in both languages, with the way out.

What lives here: the words. What may not: the rules (`shapes`, `loader`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from pydantic import BaseModel

from orchestration.declared.document import Document, Place, Problem
from orchestration.declared.shapes import NAME_PATTERN

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_SIMPLE: Mapping[str, tuple[str, str]] = {
    "missing": ("`{field}` is missing; add it", "falta `{field}`; agréguelo"),
    "string_type": (
        "`{field}` must be text; if it is, put it in quotes",
        "`{field}` debe ser texto; si lo es, póngalo entre comillas",
    ),
    "string_too_short": ("`{field}` is empty; fill it in", "`{field}` está vacío; complételo"),
    "int_type": (
        "`{field}` must be a whole number, not {value}",
        "`{field}` debe ser un número entero, no {value}",
    ),
    "greater_than": (
        "`{field}` must be more than {limit}, not {value}",
        "`{field}` debe ser mayor que {limit}, no {value}",
    ),
    "greater_than_equal": (
        "`{field}` must be {limit} or more, not {value}",
        "`{field}` debe ser {limit} o más, no {value}",
    ),
    "list_type": (
        "`{field}` must be a list: items below each other, each after a dash",
        "`{field}` debe ser una lista: elementos uno debajo de otro, cada uno tras un guion",
    ),
    "model_type": (
        "`{field}` must hold names with their values, like `name: something`",
        "`{field}` debe tener nombres con sus valores, como `name: algo`",
    ),
    "too_short": (
        "`{field}` needs at least {minimum}, and has {length}",
        "`{field}` necesita al menos {minimum}, y tiene {length}",
    ),
}
_NOT_A_NAME = (
    (
        "`{field}` may have small letters without accents, digits and _, and begins with a letter; "
        "{value} does not"
    ),
    (
        "`{field}` lleva solo minúsculas sin acento, dígitos y _, y empieza con una letra; {value} "
        "no "
        "cumple"
    ),
)
_NOT_A_TEXT = (
    "`{field}` may not hold braces or backslashes; write it without",
    "`{field}` no puede llevar llaves ni barras invertidas; escríbalo sin ellas",
)


def problems_of_shape(
    document: Document, model: type[BaseModel], errors: Collection[ErrorDetails]
) -> Iterator[Problem]:
    """Each error of a shape as a problem with its line."""
    for error in errors:
        place = error["loc"]
        en, es = _said(model, place, error)
        yield document.problem(place, f"{en}.", f"{es}.")


def nearest(word: str, known: Collection[str]) -> tuple[str, str]:
    """What somebody who wrote `word` may have meant, as the rest of a sentence EN and ES."""
    listed = ", ".join(sorted(known))
    close = get_close_matches(word, sorted(known), n=1, cutoff=0.7)
    if close:
        return (
            f"did you mean `{close[0]}`? Known: {listed}",
            f"¿quiso decir `{close[0]}`? Se conocen: {listed}",
        )
    return f"known: {listed}", f"se conocen: {listed}"


def _said(model: type[BaseModel], place: Place, error: ErrorDetails) -> tuple[str, str]:
    field = _field(place)
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "extra_forbidden":
        meant_en, meant_es = nearest(str(place[-1]), _known_names(model, place[:-1]))
        return (
            f"`{field}` is not known here; {meant_en}",
            f"aquí no se conoce `{field}`; {meant_es}",
        )
    if kind == "literal_error":
        known = [
            word.strip("' ") for word in str(context["expected"]).replace(" or ", ",").split(",")
        ]
        meant_en, meant_es = nearest(str(value), known)
        return (
            f"`{field}` cannot be {_shown(value)}; {meant_en}",
            f"`{field}` no puede ser {_shown(value)}; {meant_es}",
        )
    if kind == "string_pattern_mismatch":
        words = _NOT_A_NAME if context["pattern"] == NAME_PATTERN else _NOT_A_TEXT
    elif isinstance(value, str) and not value.strip():
        words = _SIMPLE["string_too_short"]
    else:
        words = _SIMPLE[kind]
    facts = {
        "field": field,
        "value": _shown(value),
        "limit": context.get("gt", context.get("ge")),
        "minimum": context.get("min_length"),
        "length": context.get("actual_length"),
    }
    return words[0].format(**facts), words[1].format(**facts)


def _field(place: Place) -> str:
    """The last name on the way, and the number of the item behind it if it is a list's."""
    if not place:
        return "file"
    last = place[-1]
    return f"{place[-2]}[{last + 1}]" if isinstance(last, int) else last


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str | int | float) else type(value).__name__


def _known_names(model: type[BaseModel], place: Place) -> list[str]:
    shape: Any = model
    for part in place:
        shape = _inner(shape)
        shape = shape.model_fields[part].annotation if isinstance(part, str) else get_args(shape)[0]
    return list(_inner(shape).model_fields)


def _inner(shape: Any) -> Any:  # noqa: ANN401 - any annotation
    """A shape without `| None` and `Annotated`."""
    while True:
        if get_origin(shape) is Annotated:
            shape = get_args(shape)[0]
        elif NoneType in get_args(shape):
            shape = next(one for one in get_args(shape) if one is not NoneType)
        else:
            return shape
