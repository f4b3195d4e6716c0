"""The one shape in which every check answers, whoever ran it.

What lives here: `CheckResult`, its JSON form, and the masking of sample rows. What may not:
running checks, deciding on them, importing a heavy library (this module is imported by everybody).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Literal, get_args

from orchestration.contracts.loader import MASK

Kind = Literal["dbt_test", "expectation", "shift", "contract"]
Severity = Literal["error", "warn"]

MAX_SAMPLE_ROWS = 5
"""A person needs to see what the bad rows look like, not all of them."""

MASKED_COLUMNS = frozenset(
    {
        "handle",
        "title",
        "email",
        "phone",
        "manager_id",
        "sender_id",
        "display_name",
        "user_name",
        "owner",
        "policy",
        "username",
        "manager_name",
        "invited_by",
        "notes",
        "source_file",
    }
)
"""Columns whose values never leave the warehouse in a sample: at least all that a contract classes
as personal or sensitive (a test compares).

Free text (`title`, `policy`) is here because people write their handles and phone numbers into it.
"""

_MAX_CELL_CHARACTERS = 200


class EvidenceError(ValueError):
    """Stored evidence that cannot be read exactly as it was written."""


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """The answer of one check in one run.

    Attributes:
        check_id: Stable name: the dbt unique_id, `expectation.<id>` or `shift.<id>`.
        kind: Who ran it.
        table: The table judged, as `schema.table`, or several joined by `, `.
        severity: `error` stops a release, `warn` is published with it.
        passed: Whether the check ran to its end and found nothing wrong. Never true for a check
            that could not run.
        message_en: One sentence for people: what is wrong, where, how to see it.
        message_es: The same in Spanish.
        failed_count: Rows (or facts) that failed; None where the check does not count.
        sample: Up to five failing rows as text, personal columns masked.
        run_id: The run whose data was judged. Empty until stamped, and then the gate refuses it:
            an answer that cannot say which run it belongs to belongs to none.
    """

    check_id: str
    kind: Kind
    table: str
    severity: Severity
    passed: bool
    message_en: str
    message_es: str
    failed_count: int | None = None
    sample: tuple[dict[str, str], ...] = ()
    run_id: str = ""

    def stamped(self, run_id: str) -> CheckResult:
        """The same answer, marked as belonging to a run."""
        return replace(self, run_id=run_id)

    def to_json(self) -> dict[str, object]:
        """A JSON-ready dictionary; `from_json` gives the same result back."""
        document: dict[str, object] = asdict(self)
        document["sample"] = [dict(row) for row in self.sample]
        return document

    @classmethod
    def from_json(cls, document: object) -> CheckResult:
        """Read what `to_json` wrote, and accept nothing else.

        Raises:
            EvidenceError: A field is missing, unknown or of another type. Evidence that cannot be
                read exactly is no evidence.
        """
        if not isinstance(document, dict):
            raise EvidenceError(f"A check result must be an object, not {type(document).__name__}.")
        names = {field.name for field in fields(cls)}
        if set(document) != names:
            odd = ", ".join(sorted(set(document) ^ names))
            raise EvidenceError(f"A check result has missing or unknown fields: {odd}.")
        for name in ("check_id", "table", "message_en", "message_es", "run_id"):
            if not isinstance(document[name], str):
                raise EvidenceError(f"Field {name!r} of a check result must be text.")
        if document["kind"] not in get_args(Kind):
            raise EvidenceError(f"Unknown kind of check: {document['kind']!r}.")
        if document["severity"] not in get_args(Severity):
            raise EvidenceError(f"Unknown severity: {document['severity']!r}.")
        # `bool` exactly: the text "false" is truthy, and would open the gate.
        if not isinstance(document["passed"], bool):
            raise EvidenceError("Field 'passed' of a check result must be true or false.")
        count = document["failed_count"]
        if count is not None and (not isinstance(count, int) or isinstance(count, bool)):
            raise EvidenceError("Field 'failed_count' of a check result must be a number or null.")
        sample = document["sample"]
        if not isinstance(sample, list | tuple) or not all(isinstance(row, dict) for row in sample):
            raise EvidenceError("Field 'sample' of a check result must be a list of rows.")
        return cls(
            check_id=document["check_id"],
            kind=document["kind"],
            table=document["table"],
            severity=document["severity"],
            passed=document["passed"],
            message_en=document["message_en"],
            message_es=document["message_es"],
            failed_count=count,
            sample=tuple({str(key): str(value) for key, value in row.items()} for row in sample),
            run_id=document["run_id"],
        )


def masked_sample(
    rows: Sequence[Mapping[str, object]], *, personal: frozenset[str] = MASKED_COLUMNS
) -> tuple[dict[str, str], ...]:
    """The first failing rows as short text, with personal columns masked.

    Args:
        rows: Failing rows; more than `MAX_SAMPLE_ROWS` are cut.
        personal: Column names to mask, in lower case.

    Returns:
        Rows of text. NULL reads `NULL`, also in a masked column: that a handle is missing is no
        secret, and is often what failed.
    """
    return tuple(
        {str(column): _cell(str(column), value, personal) for column, value in row.items()}
        for row in rows[:MAX_SAMPLE_ROWS]
    )


def _cell(column: str, value: object, personal: frozenset[str]) -> str:
    if value is None:
        return "NULL"
    if column.lower() in personal:
        return MASK
    text = str(value)
    return text if len(text) <= _MAX_CELL_CHARACTERS else text[: _MAX_CELL_CHARACTERS - 1] + "…"
