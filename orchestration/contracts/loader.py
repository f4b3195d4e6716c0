"""Read the feed contracts (ODCS v3 YAML) into typed objects; refuse what contradicts itself.

What lives here: the meaning of a contract file, its validation, its fingerprint. What may not:
reading feeds, or knowledge of any one feed. Importing this module is cheap; the YAML, pydantic and
DuckDB work happens at the first `load_contracts()` of a process.

Where ODCS has no word for what ingest needs, the contract says it in custom properties:

* of the contract: `mandatory`, `eventColumn`, `latenessApplies`, `toleratesBadFiles`,
  `maxRefusedShare`, `drift` (kind of drift -> ignore, warn or refuse: `drift_rules`) and
  `freshnessSeverity` (what becomes of a release if the feed has stopped);
* of its description and its table: `purposeEs` and `granularityEs`, the Spanish twins;
* of a column: `descriptionEs`, `mustBePresent` (the column must exist, its values may be empty),
  `vocabulary` (its values are words of a small list, so a new one is drift) and `drift`;
* row rules are quality entries `type: custom, engine: semillero` with `refuse_when`, an SQL
  condition over the feed's typed columns. It may also read `_dt`, the arrival day, and the table
  `time_zones(name)`, the IANA names that DuckDB knows.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from orchestration.contracts import drift_rules
from orchestration.contracts.drift_rules import DriftAction, DriftKind, DriftRules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import duckdb
    from open_data_contract_standard.model import (
        CustomProperty,
        DataQuality,
        OpenDataContractStandard,
        SchemaObject,
        SchemaProperty,
    )

Kind = Literal["string", "integer", "decimal", "timestamp", "date", "boolean"]

Classification = Literal["public", "internal", "personal", "sensitive"]
"""Who may see a value: everybody (it stands on the platform), whoever works with the data, nobody
without need (it says who somebody is), nobody (free text, in which anything may stand)."""

DUCKDB_TYPES: dict[Kind, str] = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "decimal": "DECIMAL(18,4)",
    "timestamp": "TIMESTAMPTZ",
    "date": "DATE",
    "boolean": "BOOLEAN",
}
"""The type of a column in raw Parquet. No doubles: sums must not depend on the order of rows."""

_FULL_NAMES = {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}

LINEAGE_COLUMNS: Mapping[str, str] = {
    "_extra": "VARCHAR",
    "_dt": "DATE",
    "_file": "VARCHAR",
    "_row": "BIGINT",
}
"""What every raw row carries beside its contract columns, with its type."""

EARLIEST = "timestamptz '2000-01-01 00:00:00+00'"
LATEST = "timestamptz '2100-01-01 00:00:00+00'"
"""As SQL: no timestamp of a feed is before the one, or as late as the other. LIVE is younger."""

MASK = "***"
"""What is shown in place of a personal or sensitive value."""

CONTRACTS_DIR = Path(__file__).resolve().parent

DEFAULT_MAX_REFUSED_SHARE = 0.05

_KIND_OF_LOGICAL_TYPE: dict[str, Kind] = {
    "string": "string",
    "integer": "integer",
    "number": "decimal",
    "timestamp": "timestamp",
    "date": "date",
    "boolean": "boolean",
}
_OPTIONS_OF_KIND: dict[Kind, frozenset[str]] = {
    "string": frozenset({"maxLength"}),
    "integer": frozenset({"minimum", "maximum"}),
    "decimal": frozenset({"minimum", "maximum"}),
    "timestamp": frozenset({"timezone", "defaultTimezone"}),
    "date": frozenset(),
    "boolean": frozenset(),
}
# Feed, column and rule names become SQL identifiers and folder names: nothing else may pass.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_RULE_ENGINE = "semillero"
_MASKED_CLASSES = frozenset({"personal", "sensitive"})
# What a column can hold: BIGINT; DECIMAL(18,4).
_RANGE_OF_KIND: dict[Kind, tuple[float, float]] = {
    "integer": (-(2**63), 2**63 - 1),
    "decimal": (-(10**14) + 1, 10**14 - 1),
}
_HOURS_OF_UNIT = {"d": 24, "day": 24, "days": 24, "h": 1, "hour": 1, "hours": 1}


class ContractError(ValueError):
    """A contract file that cannot be obeyed; the message names the file and the field."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a feed.

    `required`: its value must not be null. `must_be_present`: the column must exist in the file.
    `minimum` and `maximum` are inclusive; `max_length` counts characters. `is_vocabulary`: its
    values are words of a small list. `drift`: what each kind of drift does that it can have.
    `default_zone` is the IANA zone of naive timestamps where the settings declare none; None
    refuses them.
    """

    name: str
    kind: Kind
    required: bool
    must_be_present: bool
    max_length: int | None
    minimum: int | float | None
    maximum: int | float | None
    allowed: tuple[str, ...] | None
    is_key: bool
    classification: Classification
    description_en: str
    description_es: str
    default_zone: str | None = None
    is_vocabulary: bool = False
    drift: DriftRules = ()

    @property
    def is_number(self) -> bool:
        """Whether its values are quantities."""
        return self.kind in {"integer", "decimal"}

    @property
    def is_personal(self) -> bool:
        """Whether its values are masked wherever rows are shown: personal data, or free text."""
        return self.classification in _MASKED_CLASSES

    @property
    def duckdb_type(self) -> str:
        """The column's type in raw Parquet."""
        return DUCKDB_TYPES[self.kind]


@dataclass(frozen=True, slots=True)
class RowRule:
    """A condition that makes a row impossible: rows for which `refuse_when` is true are refused."""

    rule: str
    refuse_when: str
    reason_en: str
    reason_es: str


@dataclass(frozen=True, slots=True)
class FeedContract:
    """What a feed promises, and how much of a broken promise is tolerated.

    A new arrival day is promised every `frequency_days`, and may be `latency_days` late; None where
    nothing is promised. `freshness_severity` says whether a feed that has stopped holds up the
    release. `fingerprint` changes whenever the same file could give other accepted rows; texts,
    classes and promised freshness are not part of it.
    """

    feed: str
    version: str
    purpose_en: str
    purpose_es: str
    grain_en: str
    grain_es: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    event_column: str | None
    mandatory: bool
    tolerates_bad_files: bool
    max_refused_share: float
    rules: tuple[RowRule, ...]
    lateness_applies: bool
    new_column_action: DriftAction = "warn"
    frequency_days: float | None = None
    latency_days: float | None = None
    freshness_severity: Literal["error", "warn"] = "warn"
    fingerprint: str = field(default="")

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: the contract has no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def drift_action(self, kind: DriftKind, column: str) -> DriftAction:
        """Whether a kind of drift of a column is ignored, told, or refuses the day.

        `column` need not be the contract's own: a new column is none.
        """
        if kind == "new_column":
            return self.new_column_action
        return dict(self.column(column).drift).get(kind, "ignore")

    def raw_types(self) -> dict[str, str]:
        """The columns of the feed's raw Parquet with their types, lineage included, in order."""
        own = {column.name: column.duckdb_type for column in self.columns}
        return own | dict(LINEAGE_COLUMNS)

    def raw_types_in_full(self) -> dict[str, str]:
        """`raw_types` as DuckDB itself spells them when it describes a file."""
        return {name: _FULL_NAMES.get(kind, kind) for name, kind in self.raw_types().items()}

    @property
    def personal_columns(self) -> frozenset[str]:
        """Columns whose values must not be shown or logged: personal and sensitive ones."""
        return frozenset(column.name for column in self.columns if column.is_personal)


@lru_cache(maxsize=1)
def load_contracts() -> dict[str, FeedContract]:
    """All contracts that ship with the package, by feed, in the order of their file names.

    Raises:
        ContractError: a file contradicts itself.
    """
    return load_contract_folder(CONTRACTS_DIR)


def load_contract_folder(folder: Path) -> dict[str, FeedContract]:
    """The contracts of any folder, by feed, in the order of their file names.

    Raises:
        ContractError: a file contradicts itself.
    """
    contracts = [load_contract(path) for path in sorted(folder.glob("*.yaml"))]
    return {contract.feed: contract for contract in contracts}


def load_contract(path: Path) -> FeedContract:
    """Read and validate one contract file.

    Raises:
        ContractError: the file is not an ODCS v3 contract, or contradicts itself.
    """
    document = _read_document(path)
    feed = path.stem
    if not _NAME.fullmatch(feed):
        raise ContractError(
            f"{path.name}: the file name is the feed's name; use lower-case letters, digits and _."
        )
    schema = _only_schema(document, feed, path.name)
    flags = _custom(
        document.customProperties,
        {
            "mandatory",
            "eventColumn",
            "latenessApplies",
            "toleratesBadFiles",
            "maxRefusedShare",
            "drift",
            "freshnessSeverity",
        },
        f"{path.name}: customProperties",
    )
    if not document.version:
        raise ContractError(f"{path.name}: version is missing; give the contract one, like 1.0.0.")
    drift = _drift(flags.get("drift"), set(get_args(DriftKind)), f"{path.name}: customProperties")
    columns = _columns(schema, drift, path.name)
    event_column = _event_column(flags, columns, path.name)
    purpose_en, purpose_es = _purpose(document, path.name)
    grain_en, grain_es = _grain(schema, path.name)
    frequency_days, latency_days = _freshness(document, path.name)
    contract = FeedContract(
        feed=feed,
        version=document.version,
        purpose_en=purpose_en,
        purpose_es=purpose_es,
        grain_en=grain_en,
        grain_es=grain_es,
        columns=columns,
        key=_key(schema, path.name),
        event_column=event_column,
        mandatory=_flag(flags, "mandatory", path.name),
        tolerates_bad_files=_flag(flags, "toleratesBadFiles", path.name),
        max_refused_share=_share(flags, path.name),
        rules=tuple(_rule(entry, path.name) for entry in schema.quality or []),
        lateness_applies=_flag(flags, "latenessApplies", path.name),
        new_column_action=drift.get("new_column", drift_rules.DEFAULT_ACTIONS["new_column"]),
        frequency_days=frequency_days,
        latency_days=latency_days,
        freshness_severity=_freshness_severity(flags, frequency_days, path.name),
    )
    if contract.lateness_applies and event_column is None:
        raise ContractError(f"{path.name}: latenessApplies needs an eventColumn to count from.")
    _refuse_repeats((rule.rule for rule in contract.rules), f"{path.name}: quality: rule")
    _bind_rules(contract, path.name)
    return FeedContract(**{**_shallow(contract), "fingerprint": _fingerprint(contract)})


def _read_document(path: Path) -> OpenDataContractStandard:
    import yaml
    from open_data_contract_standard.model import OpenDataContractStandard
    from pydantic import ValidationError

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ContractError(f"{path.name}: cannot be read as YAML: {error}") from error
    if not isinstance(content, dict):
        raise ContractError(f"{path.name}: is not an ODCS contract (a YAML mapping is expected).")
    try:
        document = OpenDataContractStandard.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ContractError(f"{path.name}: {where}: {first['msg']} (ODCS v3).") from error
    # The package's model drops unknown fields in silence; a misspelled `requried` must not.
    kept = document.model_dump(by_alias=True, exclude_unset=True)
    for where in _dropped(content, kept, ""):
        raise ContractError(f"{path.name}: {where}: ODCS v3 knows no such field.")
    if document.kind != "DataContract":
        raise ContractError(f"{path.name}: kind must be DataContract.")
    if not (document.apiVersion or "").startswith("v3."):
        raise ContractError(f"{path.name}: apiVersion must be a v3 of the standard, like v3.2.0.")
    return document


def _dropped(given: Any, kept: Any, where: str) -> Iterable[str]:  # noqa: ANN401 - any YAML value
    if isinstance(given, dict) and isinstance(kept, dict):
        for name, value in given.items():
            here = f"{where}.{name}" if where else str(name)
            if name not in kept:
                yield here
            else:
                yield from _dropped(value, kept[name], here)
    elif isinstance(given, list) and isinstance(kept, list):
        for index, (one, other) in enumerate(zip(given, kept, strict=True)):
            label = one.get("name", index) if isinstance(one, dict) else index
            yield from _dropped(one, other, f"{where}[{label}]")


def _only_schema(document: OpenDataContractStandard, feed: str, file: str) -> SchemaObject:
    schemas = document.schema_ or []
    if len(schemas) != 1:
        raise ContractError(
            f"{file}: schema must describe exactly one table; it has {len(schemas)}."
        )
    if schemas[0].name != feed:
        raise ContractError(
            f"{file}: schema[0].name is {schemas[0].name!r}; it must be the file's name, {feed!r}."
        )
    return schemas[0]


def _custom(properties: list[CustomProperty] | None, known: set[str], where: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in properties or []:
        name = entry.property or ""
        if name not in known:
            raise ContractError(
                f"{where}: {name!r} means nothing here; known: {', '.join(sorted(known))}."
            )
        if name in found:
            raise ContractError(f"{where}: {name} stands twice.")
        found[name] = entry.value
    return found


def _flag(flags: dict[str, Any], name: str, where: str) -> bool:
    value = flags.get(name, False)
    if not isinstance(value, bool):
        raise ContractError(f"{where}: {name} must be true or false, not {value!r}.")
    return value


def _share(flags: dict[str, Any], file: str) -> float:
    value = flags.get("maxRefusedShare", DEFAULT_MAX_REFUSED_SHARE)
    if not _is_number(value) or not 0 <= value <= 1:
        raise ContractError(f"{file}: maxRefusedShare must lie between 0 and 1, not {value!r}.")
    return float(value)


def _event_column(flags: dict[str, Any], columns: tuple[Column, ...], file: str) -> str | None:
    name = flags.get("eventColumn")
    if name is None:
        return None
    for column in columns:
        if column.name == name:
            if column.kind not in {"timestamp", "date"} or not column.required:
                raise ContractError(
                    f"{file}: eventColumn {name!r} must be a required column of type timestamp "
                    "or date."
                )
            return column.name
    raise ContractError(f"{file}: eventColumn {name!r} is not a column of the feed.")


def _drift(value: object, possible: set[DriftKind], where: str) -> dict[DriftKind, DriftAction]:
    try:
        return drift_rules.parse(value, possible)
    except ValueError as error:
        raise ContractError(f"{where}: {error}") from error


def _twins(
    english: str | None, name: str, spanish: object, twin: str, where: str
) -> tuple[str, str]:
    """A text in both languages, without outer blanks."""
    if not (english or "").strip():
        raise ContractError(f"{where}: {name} (the English text) is missing.")
    if not isinstance(spanish, str) or not spanish.strip():
        raise ContractError(f"{where}: {twin} (the Spanish text) is missing.")
    return (english or "").strip(), spanish.strip()


def _purpose(document: OpenDataContractStandard, file: str) -> tuple[str, str]:
    where = f"{file}: description"
    description = document.description
    flags = _custom(description.customProperties if description else None, {"purposeEs"}, where)
    english = description.purpose if description else None
    return _twins(english, "purpose", flags.get("purposeEs"), "purposeEs", where)


def _grain(schema: SchemaObject, file: str) -> tuple[str, str]:
    where = f"{file}: schema[0]"
    flags = _custom(schema.customProperties, {"granularityEs"}, where)
    return _twins(
        schema.dataGranularityDescription,
        "dataGranularityDescription",
        flags.get("granularityEs"),
        "granularityEs",
        where,
    )


def _freshness(document: OpenDataContractStandard, file: str) -> tuple[float | None, float | None]:
    """The promised frequency and latency in days; None where nothing is promised."""
    promised: dict[str, float] = {}
    for entry in document.slaProperties or []:
        name, where = entry.property or "", f"{file}: slaProperties: {entry.property}"
        if name not in {"frequency", "latency"}:
            raise ContractError(f"{where}: is not one of frequency, latency.")
        if name in promised:
            raise ContractError(f"{where}: stands twice.")
        value = entry.value
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise ContractError(f"{where}: value must be a number, not {value!r}.")
        if entry.unit not in _HOURS_OF_UNIT:
            raise ContractError(f"{where}: unit must be d (days) or h (hours), not {entry.unit!r}.")
        if value < 0 or (name == "frequency" and value == 0):
            raise ContractError(f"{where}: {value} {entry.unit} is no time that one could wait.")
        promised[name] = value * _HOURS_OF_UNIT[entry.unit] / 24
    if "latency" in promised and "frequency" not in promised:
        raise ContractError(
            f"{file}: slaProperties: latency without frequency: late by which measure?"
        )
    frequency = promised.get("frequency")
    return frequency, None if frequency is None else promised.get("latency", 0.0)


def _freshness_severity(
    flags: dict[str, Any], frequency_days: float | None, file: str
) -> Literal["error", "warn"]:
    value = flags.get("freshnessSeverity", "warn")
    if value not in {"error", "warn"}:
        raise ContractError(f"{file}: freshnessSeverity must be warn or error, not {value!r}.")
    if "freshnessSeverity" in flags and frequency_days is None:
        raise ContractError(
            f"{file}: freshnessSeverity needs a frequency in slaProperties to judge by."
        )
    return "error" if value == "error" else "warn"


def _columns(
    schema: SchemaObject, drift: Mapping[DriftKind, DriftAction], file: str
) -> tuple[Column, ...]:
    columns = tuple(_column(entry, drift, file) for entry in schema.properties or [])
    if not columns:
        raise ContractError(f"{file}: schema[0].properties is empty; a feed needs columns.")
    _refuse_repeats((column.name for column in columns), f"{file}: column")
    for column in columns:
        if column.name == "updated_at" and column.kind != "timestamp":
            raise ContractError(
                f"{file}: column 'updated_at': decides which of two duplicates wins, so it must be "
                f"a timestamp, not {column.kind}."
            )
    return columns


def _column(entry: SchemaProperty, drift: Mapping[DriftKind, DriftAction], file: str) -> Column:
    name = entry.name or ""
    where = f"{file}: column {name!r}"
    if not _NAME.fullmatch(name):
        raise ContractError(f"{where}: use lower-case letters, digits and _ in a column's name.")
    kind = _KIND_OF_LOGICAL_TYPE.get(entry.logicalType or "")
    if kind is None:
        raise ContractError(
            f"{where}: logicalType {entry.logicalType!r} is not one of "
            f"{', '.join(_KIND_OF_LOGICAL_TYPE)}."
        )
    if entry.physicalType is not None and entry.physicalType != DUCKDB_TYPES[kind]:
        raise ContractError(
            f"{where}: physicalType {entry.physicalType} contradicts logicalType "
            f"{entry.logicalType}, which is stored as {DUCKDB_TYPES[kind]}."
        )
    classes: tuple[Classification, ...] = get_args(Classification)
    classification = next((each for each in classes if each == entry.classification), None)
    if classification is None:
        raise ContractError(
            f"{where}: classification {entry.classification!r} is not one of {', '.join(classes)}."
        )
    flags = _custom(
        entry.customProperties, {"descriptionEs", "mustBePresent", "vocabulary", "drift"}, where
    )
    description_en, description_es = _twins(
        entry.description, "description", flags.get("descriptionEs"), "descriptionEs", where
    )
    required = bool(entry.required)
    is_key = bool(entry.primaryKey)
    if is_key and not required:
        raise ContractError(f"{where}: a primaryKey column must be required.")
    if required and flags.get("mustBePresent") is False:
        raise ContractError(f"{where}: mustBePresent: false contradicts required: true.")
    must_be_present = required or _flag(flags, "mustBePresent", where)
    is_personal = classification in _MASKED_CLASSES
    max_length, minimum, maximum = _limits(entry, kind, where)
    allowed = _allowed(entry, kind, max_length, where)
    is_vocabulary = _vocabulary(flags, kind, allowed, where, is_private=is_personal or is_key)
    possible = drift_rules.kinds_of_column(
        is_number=kind in {"integer", "decimal"},
        is_vocabulary=is_vocabulary,
        may_be_absent=not must_be_present,
    )
    own_drift = _drift(flags.get("drift"), possible, where)
    return Column(
        name=name,
        kind=kind,
        required=required,
        must_be_present=must_be_present,
        max_length=max_length,
        minimum=minimum,
        maximum=maximum,
        allowed=allowed,
        is_key=is_key,
        classification=classification,
        description_en=description_en,
        description_es=description_es,
        default_zone=_default_zone(entry, where),
        is_vocabulary=is_vocabulary,
        drift=drift_rules.resolve(drift, own_drift, possible),
    )


def _vocabulary(
    flags: dict[str, Any],
    kind: Kind,
    allowed: tuple[str, ...] | None,
    where: str,
    *,
    is_private: bool,
) -> bool:
    """Whether new values of a column are drift: they are named, so no personal ones and no keys."""
    if allowed is not None:
        return True
    is_vocabulary = _flag(flags, "vocabulary", where)
    if is_vocabulary and (kind != "string" or is_private):
        raise ContractError(
            f"{where}: vocabulary: true needs a string that is neither personal nor part of the "
            "key: its new values are shown to people."
        )
    return is_vocabulary


def _default_zone(entry: SchemaProperty, where: str) -> str | None:
    """The zone of naive values; `_limits` has refused it on all but timestamps."""
    options = entry.logicalTypeOptions or {}
    if options.get("timezone", True) is not True:
        raise ContractError(
            f"{where}: timezone: {options['timezone']!r} contradicts the type: an instant is kept "
            "with its zone. A time without one is given its zone by defaultTimezone."
        )
    zone = options.get("defaultTimezone")
    if zone is not None and zone not in zoneinfo.available_timezones():
        raise ContractError(
            f"{where}: defaultTimezone {zone!r} is not a time zone; use an IANA name like "
            "America/Bogota."
        )
    return zone


def _limits(
    entry: SchemaProperty, kind: Kind, where: str
) -> tuple[int | None, int | float | None, int | float | None]:
    options = entry.logicalTypeOptions or {}
    for name in options:
        if name not in _OPTIONS_OF_KIND[kind]:
            raise ContractError(f"{where}: logicalTypeOptions.{name} does nothing on a {kind}.")
    max_length = options.get("maxLength")
    if max_length is not None and (
        not isinstance(max_length, int) or isinstance(max_length, bool) or max_length < 1
    ):
        raise ContractError(
            f"{where}: maxLength must be a whole number from 1, not {max_length!r}."
        )
    for name in ("minimum", "maximum"):
        value = options.get(name)
        if value is None:
            continue
        if not _is_number(value):
            raise ContractError(f"{where}: {name} must be a number, not {value!r}.")
        if kind == "integer" and value != int(value):
            raise ContractError(f"{where}: {name} {value} is no whole number, and the column is.")
        lowest, highest = _RANGE_OF_KIND[kind]
        if not lowest <= value <= highest:
            raise ContractError(f"{where}: {name} {value} is more than a {kind} can hold.")
    minimum, maximum = options.get("minimum"), options.get("maximum")
    if minimum is not None and maximum is not None and minimum > maximum:
        raise ContractError(f"{where}: minimum {minimum} is above maximum {maximum}.")
    return max_length, minimum, maximum


def _allowed(
    entry: SchemaProperty, kind: Kind, max_length: int | None, where: str
) -> tuple[str, ...] | None:
    if entry.enum is None:
        return None
    values = [item.value for item in entry.enum if isinstance(item.value, str)]
    if kind != "string" or not values or len(values) != len(entry.enum):
        raise ContractError(f"{where}: enum needs at least one value, and strings only.")
    _refuse_repeats(values, f"{where}: enum value")
    for value in values:
        if not value.strip():
            raise ContractError(f"{where}: an enum value is blank, and blank is taken as empty.")
        if max_length is not None and len(value) > max_length:
            raise ContractError(f"{where}: enum value {value!r} is longer than maxLength.")
    return tuple(values)


def _key(schema: SchemaObject, file: str) -> tuple[str, ...]:
    keys = [entry for entry in schema.properties or [] if entry.primaryKey]
    if not keys:
        raise ContractError(f"{file}: no column is a primaryKey; duplicates could not be told.")
    positions = [entry.primaryKeyPosition or 1 for entry in keys]
    if sorted(positions) != list(range(1, len(keys) + 1)):
        raise ContractError(
            f"{file}: primaryKeyPosition must count 1 to {len(keys)} over the key; "
            f"it is {', '.join(str(position) for position in positions)}."
        )
    return tuple(
        entry.name or ""
        for _, entry in sorted(zip(positions, keys, strict=True), key=lambda p: p[0])
    )


def _rule(entry: DataQuality, file: str) -> RowRule:
    name = entry.id or entry.name or ""
    where = f"{file}: quality {name!r}"
    if not _NAME.fullmatch(name):
        raise ContractError(f"{where}: give the rule an id of lower-case letters, digits and _.")
    if entry.type != "custom" or entry.engine != _RULE_ENGINE:
        raise ContractError(
            f"{where}: only rules of type custom and engine {_RULE_ENGINE} are obeyed here."
        )
    parts = entry.implementation
    wanted = {"refuse_when", "reason_en", "reason_es"}
    if not isinstance(parts, dict) or set(parts) != wanted:
        raise ContractError(f"{where}: implementation needs exactly {', '.join(sorted(wanted))}.")
    texts = {key: value.strip() if isinstance(value, str) else "" for key, value in parts.items()}
    for key, value in texts.items():
        if not value:
            raise ContractError(f"{where}: implementation.{key} is empty.")
    return RowRule(
        rule=name,
        refuse_when=texts["refuse_when"],
        reason_en=texts["reason_en"],
        reason_es=texts["reason_es"],
    )


def _bind_rules(contract: FeedContract, file: str) -> None:
    """Let DuckDB bind every rule against the feed's types, and refuse what cannot be meant."""
    if not contract.rules:
        return
    import duckdb

    conditions: dict[str, str] = {}
    with duckdb.connect(":memory:") as connection:
        connection.execute("create table time_zones as select 'UTC' as name")
        for rule in contract.rules:
            where = f"{file}: quality {rule.rule!r}"
            # Blanks apart, the same text.
            twin = conditions.setdefault(" ".join(rule.refuse_when.split()), rule.rule)
            if twin != rule.rule:
                raise ContractError(f"{where}: refuse_when is the same as that of {twin!r}.")
            try:
                described = _bound(connection, rule, contract.columns)
            except duckdb.Error as error:
                raise ContractError(
                    f"{where}: refuse_when does not fit the columns: {str(error).splitlines()[0]}"
                ) from error
            if described != "BOOLEAN":
                raise ContractError(f"{where}: refuse_when must be true or false.")
            read = _columns_read(connection, rule, contract)
            if not read:
                raise ContractError(
                    f"{where}: refuse_when reads no column of the feed, so it would refuse all "
                    "rows or none."
                )
            if len(read) == 1:
                _refuse_pointless(connection, rule, read[0], where)


def _bound(
    connection: duckdb.DuckDBPyConnection, rule: RowRule, columns: Iterable[Column]
) -> str | None:
    """DuckDB's type of a rule's condition over an empty table of these columns and `_dt`."""
    typed = "".join(f'"{column.name}" {column.duckdb_type}, ' for column in columns)
    connection.execute(f"create or replace table feed ({typed}_dt date)")
    found = connection.execute(f"describe select ({rule.refuse_when}) as refused from feed")
    described = found.fetchone()
    return str(described[1]) if described else None


def _columns_read(
    connection: duckdb.DuckDBPyConnection, rule: RowRule, contract: FeedContract
) -> list[Column]:
    """The columns without which a rule means nothing."""
    import duckdb

    read = []
    for column in contract.columns:
        others = [other for other in contract.columns if other is not column]
        try:
            _bound(connection, rule, others)
        except duckdb.Error:
            read.append(column)
    return read


def _refuse_pointless(
    connection: duckdb.DuckDBPyConnection, rule: RowRule, column: Column, where: str
) -> None:
    """Refuse a rule on one column that contradicts what else the contract says of it."""
    connection.execute(
        f'create or replace table feed ("{column.name}" {column.duckdb_type}, _dt date)'
    )
    connection.execute("insert into feed values (null, date '2026-01-01')")
    for value in column.allowed or ():
        connection.execute("insert into feed values (?, date '2026-01-01')", [value])
    found = connection.execute(f'select "{column.name}" from feed where {rule.refuse_when}')
    refused = [value for (value,) in found.fetchall()]
    if None in refused and not column.required:
        raise ContractError(
            f"{where}: refuses rows in which {column.name} is empty, and the column is optional: "
            "make it required, or let the rule pass."
        )
    for value in column.allowed or ():
        if value in refused:
            raise ContractError(
                f"{where}: refuses {value!r}, which the enum of {column.name} allows."
            )
    if column.allowed and not refused:
        raise ContractError(
            f"{where}: can refuse nothing, as all that the enum of {column.name} allows passes."
        )


def _fingerprint(contract: FeedContract) -> str:
    texts = {"description_en", "description_es", "classification", "reason_en", "reason_es"}
    # Of drift only what refuses changes what is accepted; most feeds refuse none of it.
    texts |= {"is_vocabulary", "drift"}
    content = asdict(contract)
    for name in (
        *("fingerprint", "purpose_en", "purpose_es", "grain_en", "grain_es"),
        *("frequency_days", "latency_days", "freshness_severity", "new_column_action"),
    ):
        del content[name]
    refuses = [
        (kind, column.name)
        for column in contract.columns
        for kind, action in column.drift
        if action == "refuse"
    ]
    if contract.new_column_action == "refuse":
        refuses.append(("new_column", ""))
    if refuses:
        content["drift_refuses"] = sorted(refuses)
    for part in ("columns", "rules"):
        content[part] = [
            {name: value for name, value in item.items() if name not in texts}
            for item in content[part]
        ]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _shallow(contract: FeedContract) -> dict[str, Any]:
    return {name: getattr(contract, name) for name in contract.__dataclass_fields__}


def _refuse_repeats(names: Iterable[str], where: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ContractError(f"{where} {name!r} stands twice.")
        seen.add(name)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


assert set(DUCKDB_TYPES) == set(get_args(Kind))  # noqa: S101 - a wrong map must not import
