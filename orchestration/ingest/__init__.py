"""Landing to raw: discover, take in, read, check, quarantine, write, and remember.

What lives here: everything that turns one feed's landed files of one arrival day into one typed
Parquet file, or into a refusal that says why. What may not: outside formats (`sources`), the
warehouse, or knowledge of any one feed (`contracts`).

The parts, in the order of a file's way: `discover` finds what landed, `intake` takes a private copy
under a safe name, `read` opens it for DuckDB, `check` types and judges each row, `quarantine` keeps
what was refused, `ingest` puts them together and publishes, `ledger` remembers.
"""

from __future__ import annotations

from orchestration.ingest.ingest import IngestError, Ingestor
from orchestration.ingest.ledger import Ledger
from orchestration.ingest.results import DayResult, LandedDays, Outcome, Problem

__all__ = [
    "DayResult",
    "IngestError",
    "Ingestor",
    "LandedDays",
    "Ledger",
    "Outcome",
    "Problem",
]
