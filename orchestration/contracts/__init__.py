"""The feeds' contracts: one Open Data Contract Standard (v3) YAML file a feed, and their loader.

What lives here: what a feed promises, in YAML, and the code that reads those promises into typed
objects. What may not: anything about one feed in Python. A new feed is one new YAML file.
"""

from __future__ import annotations

from orchestration.contracts.loader import (
    Column,
    ContractError,
    FeedContract,
    Kind,
    RowRule,
    load_contract,
    load_contracts,
)

__all__ = [
    "Column",
    "ContractError",
    "FeedContract",
    "Kind",
    "RowRule",
    "load_contract",
    "load_contracts",
]
