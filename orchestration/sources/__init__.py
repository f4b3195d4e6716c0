"""Outside formats turned into canonical feeds: one folder a format.

What lives here: adapters that read somebody else's files or API and write landing files in the
words of the contracts, and `landing.py`, which puts those files in place. What may not: judging
rows (ingest does, against the contracts, and quarantines), and anything that reads raw or the
warehouse. An adapter says in notes what it repaired and what it left out.
"""
