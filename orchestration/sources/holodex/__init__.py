"""Holodex: real LIVE sessions of VTuber channels on YouTube, as canonical feeds.

What lives here: the adapter from two collected Parquet files to landing (`adapter.py`) and its SQL
(`queries.py`). What may not: the data. It is read from a folder of the caller's and is not part of
the project.

Where the data comes from: collected from the Holodex API (holodex.net) about every 15 minutes by
github.com/drakerp2/Vtuber-Analytics-w-Holodex, Copyright (c) 2024 drakerp2, MIT licence. Who passes
the landed files on passes that notice on with them.
"""

from orchestration.sources.holodex.adapter import HolodexError, land_holodex

__all__ = ["HolodexError", "land_holodex"]
