"""A YAML file with the line of every value.

What lives here: reading YAML so that each key and each item of a list is known by its line, and
refusing what PyYAML passes over (a key twice, keys that are no text). What may not: what the values
mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Place = tuple[str | int, ...]
"""The way to a value from the top: ('funnels', 0, 'steps', 2, 'activity')."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that cannot be obeyed: where it stands, and what to do, in both languages."""

    file: str
    line: int
    en: str
    es: str


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says, and on which line it says it.

    `lines` knows every key and every item of a list, counted from 1.
    """

    file: str
    content: Any
    lines: Mapping[Place, int]

    def line(self, place: Place) -> int:
        """The line of a value; of what is missing, the line of what it is missing in."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def problem(self, place: Place, en: str, es: str) -> Problem:
        """A problem with a value of this file."""
        return Problem(self.file, self.line(place), en, es)


def read_document(path: Path, name: str) -> tuple[Document | None, list[Problem]]:
    """Read one YAML file.

    Args:
        path: The file.
        name: How a person knows it.

    Returns:
        The document, and what is wrong with it as YAML; without a document where nothing of it can
        be read.
    """
    try:
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
        node = loader.get_single_node()
    except (OSError, UnicodeDecodeError) as error:
        return None, [
            Problem(
                name,
                1,
                f"the file cannot be read ({error}). Restore it from the repository.",
                f"no se puede leer el archivo ({error}). Recupérelo del repositorio.",
            )
        ]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return None, [
            Problem(
                name,
                mark.line + 1 if mark else 1,
                f"is not YAML from here on ({error.problem}). Look at the indentation, the colons "
                "and the quotes of this line and the one before.",
                f"desde aquí no es YAML ({error.problem}). Revise la sangría, los dos puntos y las "
                "comillas de esta línea y de la anterior.",
            )
        ]
    except yaml.YAMLError as error:
        return None, [
            Problem(
                name,
                1,
                f"holds a character that no YAML file may hold ({error}). Delete it.",
                f"contiene un carácter que ningún archivo YAML admite ({error}). Bórrelo.",
            )
        ]
    reading = _Reading(loader, name)
    content = None if node is None else reading.value(node, (), ())
    return Document(name, content, reading.lines), reading.problems


class _Reading:
    """One pass over the nodes of a file."""

    def __init__(self, loader: yaml.SafeLoader, name: str) -> None:
        self.loader = loader
        self.name = name
        self.lines: dict[Place, int] = {}
        self.problems: list[Problem] = []

    def value(self, node: yaml.Node, place: Place, around: tuple[int, ...]) -> Any:  # noqa: ANN401 - any YAML value
        """The value of a node; the lines of what is in it are kept."""
        if id(node) in around:
            self._refuse(node, "an anchor (&) holds itself", "un ancla (&) se contiene a sí misma")
            return None
        around = (*around, id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place, around)
        if isinstance(node, yaml.SequenceNode):
            items = []
            for index, item in enumerate(node.value):
                self.lines[(*place, index)] = item.start_mark.line + 1
                items.append(self.value(item, (*place, index), around))
            return items
        try:
            return self.loader.construct_object(node)
        except (yaml.YAMLError, ValueError):
            self._refuse(
                node,
                f"{node.value!r} is no value that YAML knows; put it in quotes",
                f"{node.value!r} no es un valor que YAML conozca; póngalo entre comillas",
            )
            return None

    def _mapping(
        self, node: yaml.MappingNode, place: Place, around: tuple[int, ...]
    ) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            if not isinstance(key, str):
                self._refuse(
                    key_node,
                    "a name must stand before the colon",
                    "antes de los dos puntos va un nombre",
                )
                continue
            here = (*place, key)
            if key in found:
                self._refuse(
                    key_node,
                    f"`{key}` stands twice here (before on line {self.lines[here]}); keep one",
                    f"`{key}` está dos veces (antes en la línea {self.lines[here]}); deje una sola",
                )
                continue
            self.lines[here] = key_node.start_mark.line + 1
            found[key] = self.value(value_node, here, around)
        return found

    def _refuse(self, node: yaml.Node, en: str, es: str) -> None:
        line = node.start_mark.line + 1
        self.problems.append(Problem(self.name, line, f"{en}.", f"{es}."))
