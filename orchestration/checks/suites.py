"""Expectation suites, declared as data: what must hold of a table, in two languages.

What lives here: the declarations' shape, loading them from `suites/*.yaml` and refusing what is
wrong in them. What may not: running them (`expectations` does), making them from contracts
(`contract_suites` does), and importing Great Expectations, which takes seconds.

A suite is one file a table:

    table: marts.fct_creator_days
    parameters: {max_seconds: 86400}
    expectations:
      - id: creator_days_fit_into_a_day
        expectation: expect_column_values_to_be_between
        kwargs: {column: live_seconds, min_value: 0, max_value: $max_seconds}
        severity: error
        name_en: ...
        name_es: ...
      - id: ...
        sql: select ... from {batch} where ...

`sql` returns the rows that must not exist; `{batch}` stands for the suite's table, `$name` for a
parameter. `also` names other tables that the query reads, `reason` says why a `warn` is none of the
release's business.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from orchestration.checks.results import Severity
from orchestration.checks.tables import MARTS
from orchestration.sql import literal

SUITES_FOLDER = Path(__file__).parent / "suites"

KNOWN_TABLES = frozenset(f"marts.{name}" for name in MARTS) | {
    "intermediate.int_coverage_days",
    "intermediate.int_coverage_periods",
    "intermediate.int_feed_volumes",
    "intermediate.int_live_coverage_days",
}
"""What a declaration may name: the contract's marts, and the tables that tell what they rest on."""

KNOWN_EXPECTATIONS = frozenset(
    {
        "expect_column_distinct_values_to_be_in_set",
        "expect_column_distinct_values_to_contain_set",
        "expect_column_max_to_be_between",
        "expect_column_mean_to_be_between",
        "expect_column_min_to_be_between",
        "expect_column_pair_values_a_to_be_greater_than_b",
        "expect_column_pair_values_to_be_equal",
        "expect_column_proportion_of_non_null_values_to_be_between",
        "expect_column_sum_to_be_between",
        "expect_column_to_exist",
        "expect_column_unique_value_count_to_be_between",
        "expect_column_value_lengths_to_be_between",
        "expect_column_values_to_be_between",
        "expect_column_values_to_be_in_set",
        "expect_column_values_to_be_null",
        "expect_column_values_to_not_be_in_set",
        "expect_column_values_to_not_be_null",
        "expect_table_column_count_to_equal",
        "expect_table_columns_to_match_ordered_list",
        "expect_table_columns_to_match_set",
        "expect_table_row_count_to_be_between",
        "expect_table_row_count_to_equal",
        "expect_table_row_count_to_equal_other_table",
    }
)
"""Great Expectations' types that work on DuckDB through this project's adapter, tried one by one.

Left out: regular expressions (not there for this dialect; use `sql`) and uniqueness (seconds on
millions of rows; the grain is dbt's).
"""

Parameter = int | float | str | date
"""What a `$name` may stand for."""

_ID = r"^[a-z][a-z0-9_]{2,80}$"
_PARAMETER = re.compile(r"\$([a-z_][a-z0-9_]*)")


class SuiteError(ValueError):
    """A declaration that cannot be trusted to check what it says: file, entry and reason."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Entry(_Strict):
    """An expectation as it is written down."""

    id: str = Field(pattern=_ID)
    expectation: str | None = None
    kwargs: dict[str, Any] = Field(default_factory=dict)
    sql: str | None = None
    also: tuple[str, ...] = ()
    severity: Literal["error", "warn"]
    reason: str | None = None
    name_en: str = Field(min_length=8)
    name_es: str = Field(min_length=8)

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if (self.expectation is None) == (self.sql is None):
            raise ValueError("declare either `expectation` or `sql`")
        if self.sql is not None and self.kwargs:
            raise ValueError("`kwargs` belong to `expectation`, not to `sql`")
        if self.sql is not None and "{batch}" not in self.sql:
            raise ValueError("the `sql` must read `{batch}`, the suite's table")
        if self.sql is not None and re.search(r"[{}]", self.sql.replace("{batch}", "")):
            raise ValueError("the `sql` may hold no braces but `{batch}`")
        if self.severity == "warn" and not (self.reason or "").strip():
            raise ValueError("a `warn` needs its `reason`: why may a release go out with it?")
        if self.name_en.strip() == self.name_es.strip():
            raise ValueError("`name_es` repeats `name_en`: translate it")
        return self


class _File(_Strict):
    """A suite as it is written down."""

    table: str
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    expectations: tuple[_Entry, ...] = Field(min_length=1)


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """One thing that must hold.

    Attributes:
        expectation_id: Its name in the declaration.
        table: The table it is about, as `schema.table`.
        also: Other tables it reads.
        expectation: Great Expectations' type, None for a query.
        kwargs: Its arguments, `$name` not yet replaced.
        sql: The query of rows that must not exist, None for a type.
        severity: Whether it stops a release.
        reason: Why it does not, for a `warn`.
        name_en: What must hold, in a sentence.
        name_es: The same in Spanish.
    """

    expectation_id: str
    table: str
    also: tuple[str, ...]
    expectation: str | None
    kwargs: Mapping[str, Any]
    sql: str | None
    severity: Severity
    reason: str | None
    name_en: str
    name_es: str

    @property
    def check_id(self) -> str:
        """Its id as a check."""
        return f"expectation.{self.expectation_id}"

    @property
    def tables(self) -> str:
        """Every table it is about, for people."""
        return ", ".join((self.table, *self.also))


@dataclass(frozen=True)
class Suite:
    """What must hold of one table.

    Attributes:
        name: The file's name without ending.
        table: The table, as `schema.table`.
        parameters: What each `$name` stands for unless the caller says otherwise.
        expectations: What must hold.
    """

    name: str
    table: str
    parameters: Mapping[str, Parameter]
    expectations: tuple[Expectation, ...]


def load_suites(folder: Path = SUITES_FOLDER) -> tuple[Suite, ...]:
    """Load every declaration of a folder, in the order of file names.

    Raises:
        SuiteError: There is none, or one is wrong. A suite that is skipped because it cannot be
            read would be a gate with a hole.
    """
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        raise SuiteError(f"There are no expectation suites in {folder}: nothing would be checked.")
    suites = tuple(load_suite(path) for path in paths)
    seen: dict[str, str] = {}
    for suite in suites:
        for expectation in suite.expectations:
            other = seen.setdefault(expectation.expectation_id, suite.name)
            if other != suite.name:
                raise SuiteError(
                    f"{suite.name}.yaml, entry {expectation.expectation_id}: the id is taken by "
                    f"{other}.yaml. Ids name checks for good; choose another."
                )
    return suites


def load_suite(path: Path) -> Suite:
    """Load one declaration.

    Raises:
        SuiteError: It is wrong; the message names file and entry.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SuiteError(f"{path.name} cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise SuiteError(f"{path.name} is empty or not a mapping with `table` and `expectations`.")
    try:
        file = _File.model_validate(document)
    except ValidationError as error:
        raise SuiteError(_explain(path, document, error)) from error
    _require_known(path, "the file", {file.table}, KNOWN_TABLES, "table")
    expectations: dict[str, Expectation] = {}
    for entry in file.expectations:
        where = f"entry {entry.id}"
        if entry.id in expectations:
            raise SuiteError(f"{path.name}, {where}: the id is used twice.")
        _require_known(path, where, set(entry.also), KNOWN_TABLES, "table")
        if entry.expectation is not None:
            _require_known(path, where, {entry.expectation}, KNOWN_EXPECTATIONS, "expectation")
        _require_known(path, where, _parameters_of(entry), set(file.parameters), "parameter")
        expectations[entry.id] = Expectation(
            expectation_id=entry.id,
            table=file.table,
            also=entry.also,
            expectation=entry.expectation,
            kwargs=entry.kwargs,
            sql=entry.sql,
            severity=entry.severity,
            reason=entry.reason,
            name_en=entry.name_en,
            name_es=entry.name_es,
        )
    return Suite(path.stem, file.table, file.parameters, tuple(expectations.values()))


def filled_kwargs(expectation: Expectation, values: Mapping[str, Parameter]) -> dict[str, Any]:
    """An expectation's arguments with each `$name` replaced by its value."""
    return {
        key: values[value[1:]] if isinstance(value, str) and value.startswith("$") else value
        for key, value in expectation.kwargs.items()
    }


def filled_sql(expectation: Expectation, values: Mapping[str, Parameter]) -> str:
    """An expectation's query with each `$name` replaced by its value as an SQL literal."""
    # A query that names a parameter which nobody declared was refused when it was loaded; what is
    # left is a dollar sign in a contract's pattern.
    return _PARAMETER.sub(
        lambda match: _sql_literal(values[name]) if (name := match[1]) in values else match[0],
        expectation.sql or "",
    ).strip()


def _sql_literal(value: Parameter) -> str:
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    if isinstance(value, str):
        # Braces would be read as a field by Great Expectations.
        if re.search(r"[{}]", value):
            raise SuiteError(f"A parameter's text may hold no braces: {value!r}.")
        return literal(value)
    return repr(value)


def _parameters_of(entry: _Entry) -> set[str]:
    names = set(_PARAMETER.findall(entry.sql or ""))
    for value in entry.kwargs.values():
        if isinstance(value, str) and value.startswith("$"):
            names.add(value[1:])
    return names


def _require_known(
    path: Path, where: str, names: Collection[str], known: Collection[str], what: str
) -> None:
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise SuiteError(
            f"{path.name}, {where}: unknown {what} {', '.join(unknown)}. "
            f"Known: {', '.join(sorted(known)) or 'none'}."
        )


def _explain(path: Path, document: Mapping[str, object], error: ValidationError) -> str:
    """The first thing wrong with a file, with the entry's id where it has one."""
    first = error.errors(include_url=False)[0]
    place = list(first["loc"])
    where = ".".join(str(part) for part in place) or "the file"
    entries = document.get("expectations")
    if place[:1] == ["expectations"] and len(place) > 1 and isinstance(entries, list):
        number = int(place[1])
        entry = entries[number] if number < len(entries) else None
        name = entry.get("id") if isinstance(entry, dict) else None
        field = ".".join(str(part) for part in place[2:])
        where = f"entry {name or number + 1}" + (f", {field}" if field else "")
    return f"{path.name}, {where}: {first['msg']}."
