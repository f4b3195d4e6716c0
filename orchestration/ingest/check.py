"""Type and judge every row of a source by its contract, as one query inside DuckDB.

What lives here: which conditions a contract means, and their SQL. What may not: formats (`read`),
wording (`reasons`), writing. SQL text is composed from contract names and constants only; a file's
values and names are bound.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from orchestration.contracts.loader import EARLIEST, LATEST, Column, FeedContract
from orchestration.ingest import reasons
from orchestration.ingest.day_rows import key_hash, ranking_columns
from orchestration.ingest.read import RawColumn, Source
from orchestration.ingest.reasons import Reason
from orchestration.sql import literal

# A time of day, then Z, UTC, GMT or an offset. A date alone ends like an offset: hence the colon.
_HAS_ZONE = r":\d\d(\.\d+)?\s*([zZ]|UTC|GMT|[+-]\d\d(:?\d\d)?)$"
# How most files write a moment: told without the regular expression.
_USUAL_MOMENT = "____-__-__T__:__:__Z"
_IN_ZONES = re.compile(
    r"(?P<value>\w+)\s+(?P<negated>not\s+)?in\s*\(\s*select\s+name\s+from\s+time_zones\s*\)",
    re.IGNORECASE,
)
_WHOLE = r"\s*[+-]?\d+(\.0*)?\s*"
_INTEGERS = frozenset(
    {
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
        "UHUGEINT",
    }
)
_WIDER_THAN_BIGINT = frozenset({"HUGEINT", "UBIGINT", "UHUGEINT"})
_WITH_ZONE = "TIMESTAMP WITH TIME ZONE"


@dataclass(frozen=True, slots=True)
class Check:
    """One condition under which a row is refused; `column` is None where several are concerned.

    `together` tells whether a row is refused for this check or one that is listed with it: one
    condition for two costs half. It is empty where the other check has it, None where it is
    `refuse_when`.
    """

    refuse_when: str
    column: str | None
    reason: Reason
    together: str | None = None

    @property
    def condition(self) -> str:
        """SQL, empty where nothing is left to ask."""
        return self.refuse_when if self.together is None else self.together


@dataclass(frozen=True, slots=True)
class DayRules:
    """What of the day and the settings the checks depend on.

    `horizon_days` is None where lateness does not count; `zone` is the IANA zone of naive
    timestamps that the settings declare, None where the contract alone decides.
    """

    day: date
    horizon_days: int | None
    zone: str | None


@dataclass(frozen=True, slots=True)
class _Typed:
    """SQL of one column: whether the file gave a value, the typed value, whether it was naive.

    `parsed` is what the others call `_parsed_<column>`: the cast, made once however often it is
    spoken of.
    """

    column: Column
    given: str
    value: str
    parsed: str | None = None
    is_naive: str | None = None
    is_nested: str | None = None
    may_hold_nul: bool = True
    # The file's type already is the column's: no value can be lost, nothing need be checked.
    is_lossless: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the contract says of one source's rows, as queries, and the checks that they ask.

    `accepted` yields the contract's columns typed, `_extra`, `_dt`, `_file` and `_row` of the rows
    that pass, in the file's order. `refused` yields `_row`, `failed` (a list of check numbers) and
    the raw `content` of the others. Where rows have no number before they are in a table, `load`
    is the query of that table, and the other two speak of `landed_rows`, which numbers it; else
    nothing is kept in between: most files have no refused row, and those that have some are read
    again for them.

    Rows that have numbers can be asked two things more without keeping them: `key_hashes` yields
    the `key_hash` of all, `suspects` those that are refused or whose hash is in the table
    `repeated_keys`, with `_row`, the `ranking_columns`, `failed` (NULL where they pass) and
    `content`.
    """

    accepted: str
    refused: str
    checks: tuple[Check, ...]
    load: str | None = None
    key_hashes: str = ""
    suspects: str = ""


def judge(source: Source, contract: FeedContract, rules: DayRules) -> Judgement:
    """Say in SQL what the contract demands of every row of a source."""
    columns = [
        _typed(column, source.known.get(column.name), rules.zone or column.default_zone)
        for column in contract.columns
    ]
    checks = _checks(contract, columns, rules)
    parsed = "".join(
        f", {column.parsed} as {_parsed_name(column.column)}"
        for column in columns
        if column.parsed is not None
    )
    typed = ", ".join(f'{column.value} as "{column.column.name}"' for column in columns)
    names = ", ".join(f'"{column.name}"' for column in contract.columns)
    conditions = [check.condition for check in checks if check.condition]
    fails = " or ".join(f"({condition})" for condition in conditions) or "false"
    numbers = ", ".join(
        f"case when {check.refuse_when} then {number} end" for number, check in enumerate(checks)
    )
    failed = f"list_filter([{numbers}], lambda number: number is not null)"
    # A filter on `_fails` would be pushed below the projections, and all of them computed twice:
    # once to filter, once to select. What is volatile is not pushed.
    judged = f"""
        with source as ({source.relation}),
        parsed as (select *{parsed} from source),
        typed as (select parsed.*, {typed} from parsed),
        judged as (select *, coalesce({fails}, false) or random() < 0 as _fails from typed)
    """
    origin = f"{_date_literal(rules.day)} as _dt, $_file as _file, _row"
    if source.is_numbered:
        ranking = ", ".join(f'"{name}"' for name in ranking_columns(contract))
        return Judgement(
            accepted=f"""{judged}
                select {names}, {source.extra} as _extra, {origin} from judged where not _fails
            """,
            refused=f"""{judged}
                select _row, {failed} as failed, {source.content} as content
                from judged where _fails
            """,
            checks=checks,
            key_hashes=f"{judged} select {key_hash(contract)} as key_hash from typed",
            suspects=f"""{judged}
                select _row, {ranking}, case when _fails then {failed} end as failed,
                    case when _fails then {source.content} end as content
                from judged
                where _fails or {key_hash(contract)} in (select key_hash from repeated_keys)
            """,
        )
    kept, no_row = "_fails", ""
    if source.no_row is not None:
        kept, no_row = f"(_fails or {source.no_row} is not null)", f", {source.no_row} as _no_row"
    return Judgement(
        accepted=f"select {names}, _extra, {origin} from landed_rows where _failed is null",
        refused=(
            "select _row, _failed as failed, _content as content "
            "from landed_rows where _failed is not null"
        ),
        checks=checks,
        load=f"""{judged}
            select {names}, {source.extra} as _extra, case when _fails then {failed} end as _failed,
                case when {kept} then {source.content} end as _content{no_row}
            from judged
        """,
    )


def _parsed_name(column: Column) -> str:
    return f'"_parsed_{column.name}"'


def _typed(column: Column, raw: RawColumn | None, zone: str | None) -> _Typed:
    if raw is None:
        null = f"cast(null as {column.duckdb_type})"
        return _Typed(column, given="false", value=null)
    direct = _direct(column, raw, zone)
    return direct if direct is not None else _from_text(column, raw, zone)


def _direct(column: Column, raw: RawColumn, zone: str | None) -> _Typed | None:
    """The conversion of a column that Parquet already typed; None where it goes by its text."""
    value, given = raw.expression, f"{raw.expression} is not null"
    if column.kind == "timestamp":
        return _direct_timestamp(column, raw, zone)
    is_integer = raw.type in _INTEGERS
    if column.kind == "integer" and is_integer:
        is_lossless = raw.type not in _WIDER_THAN_BIGINT
        return _Typed(column, given, f"try_cast({value} as bigint)", is_lossless=is_lossless)
    if column.kind == "decimal" and (is_integer or raw.type.startswith("DECIMAL")):
        return _Typed(column, given, f"try_cast({value} as decimal(18,4))")
    if column.kind == "date" and raw.type == "DATE":
        return _Typed(column, given, f"case when isfinite({value}) then {value} end")
    if column.kind == "boolean" and raw.type == "BOOLEAN":
        return _Typed(column, given, value, is_lossless=True)
    return None


def _direct_timestamp(column: Column, raw: RawColumn, zone: str | None) -> _Typed | None:
    value, given = raw.expression, f"{raw.expression} is not null"
    if raw.type == _WITH_ZONE:
        return _Typed(column, given, f"case when isfinite({value}) then {value} end")
    if not raw.type.startswith("TIMESTAMP") and raw.type != "DATE":
        return None
    if zone is None:
        return _Typed(column, given, "cast(null as timestamptz)", is_naive=given)
    moment = f"cast({value} as timestamp)"
    local = f"timezone('{zone}', {moment})"
    return _Typed(column, given, f"case when isfinite({moment}) then {local} end")


def _from_text(column: Column, raw: RawColumn, zone: str | None) -> _Typed:
    text = raw.text
    # Hardly any value begins with a blank or a control character: only those are trimmed.
    given = (
        f"(case when {text} >= '!' then true "
        f"else coalesce(trim({text}, e' \\t\\r\\n') <> '', false) end)"
    )
    if column.kind == "string":
        value = (
            f"case when {text} >= '!' then {text} "
            f"when trim({text}, e' \\t\\r\\n') <> '' then {text} end"
        )
        return _Typed(
            column,
            f'"{column.name}" is not null',
            value,
            is_nested=raw.is_nested,
            may_hold_nul=raw.may_hold_nul,
        )
    parsed, name = f"try_cast({text} as {column.duckdb_type})", _parsed_name(column)
    if column.kind == "integer":
        # A cast alone would round 12.7 to 13; 12.0, as frames with gaps write it, is whole. What
        # prints as it was written needs no regular expression.
        value = (
            f"case when cast({name} as varchar) = {text} then {name} "
            f"when regexp_full_match({text}, '{_WHOLE}') then {name} end"
        )
        return _Typed(column, given, value, parsed)
    if column.kind == "date":
        return _Typed(column, given, f"case when isfinite({name}) then {name} end", parsed)
    if column.kind != "timestamp":
        return _Typed(column, given, parsed)
    has_zone = (
        f"(case when {text} like '{_USUAL_MOMENT}' then true "
        f"else regexp_matches({text}, '{_HAS_ZONE}') end)"
    )
    aware = f"case when {has_zone} and isfinite({name}) then {name} end"
    naive = f"try_cast({text} as timestamp)"
    if zone is None:
        is_naive = f"({given} and not {has_zone} and {naive} is not null)"
        return _Typed(column, given, aware, parsed, is_naive=is_naive)
    local = f"case when isfinite({naive}) then timezone('{zone}', {naive}) end"
    return _Typed(column, given, f"case when {has_zone} then {aware} else {local} end", parsed)


def _checks(contract: FeedContract, columns: list[_Typed], rules: DayRules) -> tuple[Check, ...]:
    checks: list[Check] = []
    for typed in columns:
        checks += _column_checks(typed, contract.feed)
    if contract.event_column is not None:
        event = contract.event_column
        is_day = contract.column(event).kind == "date"
        limit = _date_literal if is_day else _moment_literal
        end = limit(rules.day + timedelta(days=2))
        checks.append(Check(f'"{event}" >= {end}', event, reasons.future_event(event, rules.day)))
        if rules.horizon_days is not None:
            start = limit(rules.day - timedelta(days=rules.horizon_days))
            reason = reasons.too_late(event, rules.day, rules.horizon_days)
            checks.append(Check(f'"{event}" < {start}', event, reason))
    checks += [
        Check(
            f"({_without_join(rule.refuse_when)})",
            None,
            Reason(rule.rule, rule.reason_en, rule.reason_es),
        )
        for rule in contract.rules
    ]
    return tuple(checks)


def _without_join(condition: str) -> str:
    """A rule's condition that asks the type `time_zone` and not the table `time_zones`.

    Rows are numbered by their order, and behind a join DuckDB gives them in another one.
    """

    def asked(found: re.Match[str]) -> str:
        is_known = f"try_cast({found['value']} as time_zone) is"
        if found["negated"]:
            return f"({found['value']} is not null and {is_known} null)"
        return f"({is_known} not null)"

    return _IN_ZONES.sub(asked, condition)


def _column_checks(typed: _Typed, feed: str) -> list[Check]:
    column = typed.column
    name = column.name
    checks: list[Check] = []
    if column.required:
        is_missing = f'case when "{name}" is null then not {typed.given} end'
        checks.append(Check(is_missing, name, reasons.missing_value(name)))
    if typed.given == "false":
        return checks
    return checks + _type_checks(typed, feed) + _limit_checks(column)


def _type_checks(typed: _Typed, feed: str) -> list[Check]:
    column = typed.column
    name, sql = column.name, f'"{column.name}"'
    wrong_type = reasons.wrong_type(name, column.kind)
    if column.kind == "string":
        of_text = []
        if typed.may_hold_nul:
            of_text.append(Check(f"contains({sql}, chr(0))", name, reasons.nul_character(name)))
        if typed.is_nested is not None:
            of_text.append(Check(typed.is_nested, name, wrong_type))
        return of_text
    if typed.is_lossless:
        return []
    checks: list[Check] = []
    lost = typed.given
    if typed.is_naive is not None:
        lost = f"{typed.given} and not {typed.is_naive}"
        is_naive = f"case when {sql} is null then {typed.is_naive} end"
        checks.append(Check(is_naive, name, reasons.naive_timestamp(name, feed)))
    # The case keeps the costly conditions away from rows whose value was read.
    checks.append(Check(f"case when {sql} is null then {lost} end", name, wrong_type))
    if column.kind == "timestamp":
        outside = f"({sql} < {EARLIEST} or {sql} >= {LATEST})"
        checks.append(Check(outside, name, reasons.impossible_date(name)))
    return checks


def _limit_checks(column: Column) -> list[Check]:
    name, sql = column.name, f'"{column.name}"'
    limits: list[tuple[str, Reason]] = []
    if column.max_length is not None:
        reason = reasons.too_long(name, column.max_length)
        limits.append((_longer_than(sql, column.max_length), reason))
    if column.allowed is not None:
        values = ", ".join(literal(value) for value in column.allowed)
        limits.append((f"{sql} not in ({values})", reasons.not_allowed(name, column.allowed)))
    checks = [Check(condition, name, reason) for condition, reason in limits]
    low, high = column.minimum, column.maximum
    if low is not None:
        within = f"{sql} not between {low} and {high}" if high is not None else None
        checks.append(Check(f"{sql} < {low}", name, reasons.below_minimum(name, low), within))
    if high is not None:
        within = "" if low is not None else None
        checks.append(Check(f"{sql} > {high}", name, reasons.above_maximum(name, high), within))
    return checks


def _longer_than(sql: str, limit: int) -> str:
    # Bytes are counted in no time, characters are not, and there are never more of them.
    return f"case when strlen({sql}) > {limit} then length({sql}) > {limit} end"


def _date_literal(day: date) -> str:
    return f"date '{day.isoformat()}'"


def _moment_literal(day: date) -> str:
    return f"timestamptz '{day.isoformat()} 00:00:00+00'"
