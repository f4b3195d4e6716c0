"""What the screens are put together from: parts with a title, lists that are cut, plain tables.

What lives here: layout. What may not: words, or knowing what is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text


def part(title: str, lines: Sequence[RenderableType], style: str = "bold") -> list[RenderableType]:
    """A part of a screen: an empty line, its title, its lines; nothing where there is no line."""
    return ["", Text(title, style=style), *lines] if lines else []


def listed(
    lines: Sequence[str], most: int, more: str, *, mark: str = "  ", **values: object
) -> list[Text]:
    """The first lines, and how many more there are.

    Args:
        lines: All of them.
        most: How many are shown.
        more: What is said of the rest; `{count}` is their number.
        mark: What stands before each.
        values: What else `more` speaks of.

    Returns:
        As Text: a file name in square brackets would be read as a style.
    """
    shown = [f"{mark}{line}" for line in lines[:most]]
    if len(lines) > most:
        shown.append(mark + more.format(count=f"{len(lines) - most:,}", **values))
    return [Text(line) for line in shown]


def plain_table(title: str | None = None) -> Table:
    """A table without lines around it, still without columns."""
    return Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)


def number_table(
    texts: Mapping[str, str], title: str | None, names: Sequence[str], numbers: Sequence[str]
) -> Table:
    """A plain table with headings out of `texts`: names at the left, numbers at the right."""
    table = plain_table(texts[title] if title else None)
    for heading in (*names, *numbers):
        # One word a line: eight columns fit into eighty characters, in Spanish too.
        table.add_column(
            texts[heading].replace(" ", "\n"),
            justify="left" if heading in names else "right",
            no_wrap=True,
            vertical="bottom",
        )
    return table


def facts_table() -> Table:
    """A table of facts, a line each, below a title."""
    return Table(box=None, show_header=False, padding=(0, 2, 0, 2))
