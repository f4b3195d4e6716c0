"""Models hold no engine's own SQL, name no schema, and say why they need a `distinct`.

What lives here: rules over the text of models and macros. What may not: style that sqlfluff already
judges, and rules that need the parsed project (`test_house_models.py`).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

# The same models build on DuckDB and on Spark (design section 10). What the two spell or compute
# differently goes through macros/engine. The value says what to use instead.
_CALLS: dict[str, str] = {
    "columns": "the list of columns",
    r"(?:list|array|struct|map|json|regexp)_\w+": "a macro of macros/engine",
    "date_trunc|date_part|date_diff|datediff|date_sub|date_add|dateadd": "engine/dates.sql",
    "strptime|strftime|epoch|epoch_[mun]s|to_timestamp|timezone": "engine/instants.sql",
    "unnest|generate_series|range|explode|sequence": "date_series or integer_series",
    "hash|md5|sha256|xxhash64|string_agg|list|array_agg": "a macro of macros/engine",
    "try_cast": "a contract, which refuses the value at the door",
    r"read_\w+|glob": "a source",
    "arg_max|arg_min|max_by|min_by|any_value|first|last|mode": "row_number() with a tie-break",
    r"median|quantile|quantile_\w+|percentile_cont|approx_\w+": "engine/numbers.sql",
}
ENGINE_ONLY: dict[str, str] = {
    **{rf"\b(?:{names})\s*\(": instead for names, instead in _CALLS.items()},
    "::": "cast(... as ...)",
    r"\bexclude\b": "the list of columns",
    r"\bat\s+time\s+zone\b": "engine/instants.sql",
    r"\binterval\s": "add_days or add_seconds",
    r"\b(?:pivot|unpivot|asof)\b": "case expressions or a join",
    r"\busing\s+sample\b": "a where clause",
    "->": "a column of the contract",
    r"\bas\s+(?:varchar|text)\b": "a macro: Spark's varchar wants a length",
    r"\b(?:hugeint|ubigint|uinteger|blob|uuid)\b": "bigint, or text from a macro",
    r"\bgroup\s+by\s+(?:all|\d)": "the names of the columns",
}

_JINJA_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_JINJA_BLOCK = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_SQL_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_LITERAL = re.compile(r"'(?:[^']|'')*'")
_JINJA_TEXT = re.compile(r"'([^']*)'|\"([^\"]*)\"")


def _keep_lines(match: re.Match[str]) -> str:
    return "\n" * match.group().count("\n") or " "


def sql_of(text: str) -> str:
    """The SQL of a model, line by line: no comments, no literals, no Jinja but the SQL it is given.

    Texts inside Jinja are kept, because a macro's arguments are SQL; what calls them is not.
    """

    def texts_inside(match: re.Match[str]) -> str:
        texts = [one or two for one, two in _JINJA_TEXT.findall(match.group())]
        return " ".join(texts).replace("\n", " ") + "\n" * match.group().count("\n")

    without_comments = _SQL_COMMENT.sub(_keep_lines, _JINJA_COMMENT.sub(_keep_lines, text))
    blocks: list[str] = []

    def put_aside(match: re.Match[str]) -> str:
        blocks.append(texts_inside(match))
        return f"\0{len(blocks) - 1}\0"

    # Literals go between the two steps: a quote inside Jinja is Jinja's.
    plain = _LITERAL.sub("''", _JINJA_BLOCK.sub(put_aside, without_comments))
    return re.sub("\0(\\d+)\0", lambda match: blocks[int(match.group(1))], plain)


def engine_faults(text: str) -> list[str]:
    """Engine-only SQL, with its line and what to use instead."""
    return [
        f"line {number}: {found.group().strip()!r}; use {instead}"
        for number, line in enumerate(sql_of(text.lower()).splitlines(), start=1)
        for pattern, instead in ENGINE_ONLY.items()
        for found in [re.search(pattern, line)]
        if found
    ]


def name_faults(text: str) -> list[str]:
    """Relations that are named instead of referred to, and names of three parts.

    The catalog is named after the file, and a release is another file.
    """
    faults = []
    for number, line in enumerate(sql_of(text.lower()).splitlines(), start=1):
        if found := re.search(r"\b[a-z_]\w*\.[a-z_]\w*\.[a-z_]\w*", line):
            faults.append(f"line {number}: {found.group()} has three parts")
        if found := re.search(r"\b(from|join)\s+[a-z_]\w*\.[a-z_]\w*", line):
            faults.append(f"line {number}: {found.group()!r} names a schema; use ref()")
    return faults


def distinct_faults(text: str) -> list[str]:
    """A `distinct` (or a bare `union`, which hides one) that does not say which duplicates exist.

    The comment stands on the line itself or on the one before; for `union distinct` it may also
    open the CTE, since it is about all its parts.
    """
    lines = _JINJA_COMMENT.sub(_keep_lines, text.lower()).splitlines()
    faults = []
    for number, line in enumerate(lines, start=1):
        code = line.partition("--")[0]
        near = [line, lines[number - 2] if number > 1 else ""]
        if re.search(r"\bunion\s*$", code):
            faults.append(f"line {number}: union; say `union all` or `union distinct`")
        elif re.search(r"\bunion\s+distinct\b", code):
            opening = max(
                (at for at in range(number) if re.search(r"\bas\s*\(\s*$", lines[at])), default=0
            )
            near += lines[opening:number]
        elif not re.search(r"\bselect\s+distinct\b", code):
            continue
        if not any("--" in candidate for candidate in near):
            faults.append(f"line {number}: distinct, and no comment says which duplicates exist")
    return faults


def _portable_files(checkout: Path) -> list[Path]:
    """Models, and macros but for those whose purpose is to know the engine."""
    macros = checkout / "dbt_project" / "macros"
    files = [*(checkout / "models").rglob("*.sql"), *macros.rglob("*.sql")]
    files = [path for path in files if macros / "engine" not in path.parents]
    assert files, "there are no models to judge"
    return sorted(files)


def test_models_hold_no_engine_only_sql(checkout: Path) -> None:
    assert [
        f"{path.relative_to(checkout)}, {fault}"
        for path in _portable_files(checkout)
        for fault in engine_faults(path.read_text(encoding="utf-8"))
    ] == []


def test_models_name_no_schema_and_no_catalog(checkout: Path) -> None:
    assert [
        f"{path.relative_to(checkout)}, {fault}"
        for path in _portable_files(checkout)
        for fault in name_faults(path.read_text(encoding="utf-8"))
    ] == []


def test_every_distinct_says_which_duplicates_exist(checkout: Path) -> None:
    assert [
        f"{path.relative_to(checkout)}, {fault}"
        for path in _portable_files(checkout)
        for fault in distinct_faults(path.read_text(encoding="utf-8"))
    ] == []


# --- Each rule can fail --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "select started_at::date from sessions",
        "select * exclude (handle) from creators",
        "select list_sort(days) from creators",
        "select STRPTIME(day, '%Y') from days",
        "select epoch_ms(started_at) from sessions",
        "select * from read_parquet('raw/*.parquet')",
        "select unnest(days) from creators",
        "select hash(creator_id) from creators",
        "select try_cast(age as integer) from creators",
        "select date_trunc('week', local_date) from days",
        "select local_date + interval 1 day from days",
        "select arg_max(tier, updated_at) from creators",
        "select cast(creator_id as varchar) from creators",
        "select _extra->>'title' from sessions",
        "select market, count(*) from creators group by all",
        "{{ add_days('local_date::date', 1) }}",
        "{% set day = 'epoch_ms(started_at)' %}",
    ],
)
def test_sql_of_one_engine_is_a_fault(sql: str) -> None:
    assert engine_faults(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "-- started_at::date would be DuckDB's\nselect 1 as one",
        "{# unnest(days) #}\nselect 1 as one",
        "select '::' as mark",
        "select {{ median('live_seconds') }} as median_seconds from days",
        "select count(distinct platform) as platform_count from sessions",
        "select cast(started_at as date) as started_date from sessions",
        "select sum(live_seconds) filter (where is_valid_day) as valid_seconds from days",
    ],
)
def test_sql_that_both_engines_read_is_no_fault(sql: str) -> None:
    assert engine_faults(sql) == []


@pytest.mark.parametrize(
    "sql",
    [
        "select * from warehouse.marts.dim_creators",
        "select * from marts.dim_creators",
        "select 1 as one from days inner join marts.dim_creators on true",
        "select marts.dim_creators.handle from {{ ref('dim_creators') }}",
    ],
)
def test_a_relation_that_is_named_is_a_fault(sql: str) -> None:
    assert name_faults(sql)


def test_a_relation_that_is_referred_to_is_no_fault() -> None:
    assert name_faults("select days.local_date from {{ ref('fct_creator_days') }} as days") == []


@pytest.mark.parametrize(
    "sql",
    [
        "select distinct market from creators",
        "-- why\n\nselect distinct market from creators",
        "select market from creators\nunion distinct\nselect 'zz'",
        "-- why\nselect market from creators\nunion\nselect 'zz'",
    ],
)
def test_a_distinct_without_its_reason_is_a_fault(sql: str) -> None:
    assert distinct_faults(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "-- distinct: many creators share a market\nselect distinct market from creators",
        "select distinct market from creators -- many share one",
        "m as (\n\n-- both hold zz\nselect market from a\nunion distinct\nselect 'z'\n)",
        "select market from creators\nunion all\nselect 'zz'",
    ],
)
def test_a_distinct_with_its_reason_is_no_fault(sql: str) -> None:
    assert distinct_faults(sql) == []


def test_a_fault_names_the_line_where_it_stands() -> None:
    select = "select\n    {{ median(\n        'a'\n    ) }} as b,\n    c::date as d\nfrom e"
    text = "{#\n two lines\n#}\n" + select
    assert [fault.partition(":")[0] for fault in engine_faults(text)] == ["line 8"]
