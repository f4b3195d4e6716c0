"""From a warehouse that passed the gate to an immutable folder that BI reads.

What lives here: the certificate, content hashes, publication, the `current` pointer and the proof
that a release is still what it was. What may not: deciding whether to publish (`checks.gate` does,
and `publish` asks it), changing a release after it stands, Dagster.
"""
