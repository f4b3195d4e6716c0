"""The gate: what is checked before a release, how it is answered, and who decides.

What lives here: the answer every check gives (`results`), expectation suites declared as data and
the adapter that runs them (`suites`, `expectations`), movement against the last release (`shift`)
and the decision (`gate`). What may not: writing anything that BI reads, and Dagster.
"""
