"""Expectation suites that follow from the contracts, over what arrived since the last release.

What lives here: what a contract means for a whole table, in the terms of a suite. What may not:
running it, or how ingest judges a row. That is the point: raw is ours, and ingest has judged every
row that it wrote; if it erred, or somebody edited a Parquet by hand, these suites say so before
anybody reads it.

Two expectations a feed, however many columns it has: Great Expectations costs some 60 ms for each
expectation of its own types (14 feeds have some 250 of them), and 10 ms for a query that asks them
all in one scan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestration.checks.suites import Expectation, Suite
from orchestration.contracts.loader import EARLIEST, LATEST, MASK, Column, FeedContract
from orchestration.sql import literal


@dataclass(frozen=True)
class _Fault:
    """What must not be: a condition, the column it is about (empty: several), and its rule."""

    condition: str
    column: str
    rule: str
    shown: str = "cast(null as varchar)"


def contract_suites(contracts: Mapping[str, FeedContract]) -> tuple[Suite, ...]:
    """One suite for each contract, in their order."""
    return tuple(
        Suite(
            name=f"contract_{feed}",
            table=f"arrived.{feed}",
            parameters={},
            expectations=(_columns_match(contract), _rows_keep_the_contract(contract)),
        )
        for feed, contract in contracts.items()
    )


def _columns_match(contract: FeedContract) -> Expectation:
    feed = contract.feed
    promised = ", ".join(
        f"({literal(name)}, {literal(kind)})" for name, kind in contract.raw_types_in_full().items()
    )
    return _query(
        feed,
        "columns",
        sql=f"""
            with found as (
                select arrival_date, column_name, data_type
                from arrived.partition_columns where feed = {literal(feed)}
            ),
            promised as (
                select days.arrival_date, wanted.column_name, wanted.data_type
                from (select distinct arrival_date from found) as days,
                    (values {promised}) as wanted(column_name, data_type)
            )
            select
                arrival_date, column_name, found.data_type as found_kind,
                promised.data_type as promised_kind
            from found full join promised using (arrival_date, column_name)
            where found.data_type is distinct from promised.data_type
            order by arrival_date, column_name
        """,
        name_en=f"Each partition of {feed} that arrived has its contract's columns and types.",
        name_es=f"Cada partición de {feed} que llegó tiene las columnas y tipos de su contrato.",
    )


def _rows_keep_the_contract(contract: FeedContract) -> Expectation:
    feed = contract.feed
    faults = list(_faults(contract))
    named = ", ".join(
        f"case when {fault.condition} then {literal(f'{fault.column} {fault.rule}')} end"
        for fault in faults
    )
    shown = ", ".join(fault.shown for fault in faults)
    anything = " or ".join(f"({fault.condition})" for fault in faults)
    return _query(
        feed,
        "rows",
        sql=f"""
            -- Row rules may ask it by its bare name.
            with time_zones as (select name from arrived.time_zones)
            select
                arrival_date, arrival_file, arrival_row,
                split_part(fault, ' ', 1) as faulty_column,
                split_part(fault, ' ', 2) as broken_rule,
                masked_value
            from (
                select
                    _dt as arrival_date, _file as arrival_file, _row as arrival_row,
                    unnest([{named}]) as fault, unnest([{shown}]) as masked_value
                from {{batch}}
                where {anything}
            )
            where fault is not null
            order by arrival_date, arrival_file, arrival_row, fault
        """,
        name_en=f"Every row of {feed} that arrived keeps its contract: values where they are "
        "required, allowed ones, in their ranges, and no row rule broken.",
        name_es=f"Cada fila de {feed} que llegó cumple su contrato: con los valores obligatorios, "
        "los admitidos, dentro de sus rangos y sin romper ninguna regla de fila.",
    )


def _query(feed: str, asks_about: str, *, sql: str, name_en: str, name_es: str) -> Expectation:
    """What must give no row, or nothing is published."""
    return Expectation(
        expectation_id=f"contract_{feed}_{asks_about}",
        table=f"arrived.{feed}",
        also=(),
        expectation=None,
        kwargs={},
        sql=sql,
        severity="error",
        reason=None,
        name_en=name_en,
        name_es=name_es,
    )


def _faults(contract: FeedContract) -> Iterator[_Fault]:
    for column in contract.columns:
        for condition, rule in _column_faults(column):
            yield _Fault(condition, column.name, rule, _shown(column))
    event = contract.event_column
    if event is not None:
        day = "_dt + interval 2 day"
        end = f"timezone('UTC', {day})" if contract.column(event).kind == "timestamp" else day
        yield _Fault(f'"{event}" >= {end}', event, "future_event", _shown(contract.column(event)))
    for row_rule in contract.rules:
        yield _Fault(f"({row_rule.refuse_when})", "", row_rule.rule)


def _column_faults(column: Column) -> Iterator[tuple[str, str]]:
    sql = f'"{column.name}"'
    if column.required:
        yield f"{sql} is null", "missing_value"
    if column.kind == "string":
        # What is blank was not given: ingest writes NULL.
        yield f"trim({sql}) = ''", "missing_value" if column.required else "blank_value"
    if column.kind == "timestamp":
        yield f"({sql} < {EARLIEST} or {sql} >= {LATEST})", "impossible_date"
    if column.allowed is not None:
        allowed = ", ".join(literal(value) for value in column.allowed)
        yield f"{sql} not in ({allowed})", "not_allowed"
    if column.max_length is not None:
        yield f"length({sql}) > {column.max_length}", "too_long"
    if column.minimum is not None:
        yield f"{sql} < {column.minimum}", "below_minimum"
    if column.maximum is not None:
        yield f"{sql} > {column.maximum}", "above_maximum"


def _shown(column: Column) -> str:
    """SQL of a value as a person may see it: masked where the contract says so."""
    text = f'cast("{column.name}" as varchar)'
    return f"case when {text} is not null then {literal(MASK)} end" if column.is_personal else text
