"""Dagster's view of the work: thin assets, one module a stage, in the order of the data.

What lives here: asset, check, job and schedule definitions that read like a sentence. What may not:
logic. An asset calls functions of `ingest`, `warehouse`, `checks` and `release`, all of which work
and are tested without Dagster.
"""
