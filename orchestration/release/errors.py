"""What can go wrong around a release, as errors for people.

What lives here: the error types. What may not: anything else.
"""

from __future__ import annotations


class ReleaseError(Exception):
    """A release cannot be made, read or trusted; the message says which, why and what to do."""


class ReleaseRefusedError(ReleaseError):
    """The gate did not open: nothing was published and `current` was not touched."""


class CertificateError(ReleaseError):
    """A certificate is missing, unreadable, or was changed after it was sealed."""
