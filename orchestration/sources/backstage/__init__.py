"""Backstage: what a LIVE platform lets agencies export about their creators, as spreadsheets.

What lives here: the adapter from `.xlsx` exports, in English and Spanish, to the canonical feed
`backstage_reports`. One module a step: `workbook` (a file that is not trusted), `columns` (what
headers mean), `values` (what a cell says), `report` (what a sheet is), `adapter` (landing), and
`problems` (what people are told). What may not: differences between reports. Those are models.
"""

from orchestration.sources.backstage.adapter import (
    Reading,
    Recognised,
    land_exports,
    notes_of,
    read_exports,
)
from orchestration.sources.backstage.problems import CELL_TEXTS, BackstageError

__all__ = [
    "CELL_TEXTS",
    "BackstageError",
    "Reading",
    "Recognised",
    "land_exports",
    "notes_of",
    "read_exports",
]
