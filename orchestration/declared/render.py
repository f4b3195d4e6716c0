"""What follows from the declarations for dbt: two macro files, made from them and nothing else.

One says what models compute, the other what people call it: a changed label builds nothing anew but
the mart of labels. What lives here: the files' texts, writing them, and the question whether the
committed ones are those.
What may not: anything that the declarations do not say; whoever wants another text changes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestration.declared.loader import (
    SECONDS_OF_DAY,
    Declarations,
    feeds_of,
    load_declarations,
    window_seconds,
)
from orchestration.declared.shapes import Activity, Cohort, Described, Funnel, Segment, Step
from orchestration.errors import BilingualError
from orchestration.release.atomic import write_bytes
from orchestration.settings import PROJECT_ROOT

MACROS = PROJECT_ROOT / "dbt_project" / "macros" / "definitions" / "declared.sql"
LABELS = MACROS.with_name("declared_labels.sql")

_HEAD = """\
{#
    Made from orchestration/declared/*.yaml by `semillero prepare`. Change those, not this.

    What lives here: what is declared, as lists of mappings in the order of the files. What may not:
    anything else. Every mapping has all its keys; what is not declared is none. Durations are in
    seconds.
#}
"""
ANY_FUNNEL = "*"
"""The funnel of what is no step."""

_MACRO = """
{{# {comment} #}}
{{% macro declared_{kind}() -%}}
    {{{{ return([
{entries}
    ]) }}}}
{{%- endmacro %}}
"""
_LABELS_HEAD = """\
{#
    Made from orchestration/declared/*.yaml by `semillero prepare`. Change those, not this.

    What lives here: what people call what is declared. What may not: anything that a model but
    `labels` reads, because these words are no reason to build facts anew.
#}
"""
_COMMENTS: Mapping[str, str] = {
    "activities": "What creators do, and where it is seen.",
    "funnels": "Funnels. A step's `counted_from_step` is the index (from 1) of the step that its "
    "interval begins with.",
    "cohorts": "Cohort kinds: by the n-th time of an activity, or by a date of `dim_creators`. "
    "`segments` are those to show.",
    "segments": "Segment kinds: by a column of `dim_creators`; `all` has none.",
    "labels": "Names and descriptions. `funnel` is the one that a step belongs to, `*` elsewhere.",
}


class StaleDeclarationsError(BilingualError):
    """The macros were made from other declarations."""


Value = str | int | None | Sequence["Value"] | Mapping[str, "Value"]


def rendered(declarations: Declarations) -> Mapping[Path, str]:
    """The texts of the macro files."""
    return {MACROS: _what_is_declared(declarations), LABELS: _what_it_is_called(declarations)}


def _what_is_declared(declarations: Declarations) -> str:
    segments = [segment.name for segment in declarations.segments]
    entries: Mapping[str, Sequence[Mapping[str, Value]]] = {
        "activities": [_activity(each) for each in declarations.activities],
        "funnels": [_funnel(each, segments) for each in declarations.funnels],
        "cohorts": [_cohort(each, segments) for each in declarations.cohorts],
        "segments": [_segment(each) for each in declarations.segments],
    }
    return _HEAD + "".join(_macro(kind, found) for kind, found in entries.items())


def _what_it_is_called(declarations: Declarations) -> str:
    labels = [
        *(_label("activity", each) for each in declarations.activities),
        *(_label("cohort", each) for each in declarations.cohorts),
        *(_label("segment", each) for each in declarations.segments),
    ]
    for funnel in declarations.funnels:
        labels += [_label("funnel", funnel), *_step_labels(funnel, declarations.activities)]
    return _LABELS_HEAD + _macro("labels", labels)


def _macro(kind: str, entries: Sequence[Mapping[str, Value]]) -> str:
    return _MACRO.format(
        kind=kind,
        comment=_COMMENTS[kind],
        entries=",\n".join(_literal(entry, 8) for entry in entries),
    )


def render(folder: Path = MACROS.parent) -> bool:
    """Make the macro files anew if the declarations changed; whether any was.

    Raises:
        DeclarationError: Something declared cannot be obeyed.
    """
    texts = rendered(load_declarations())
    stale = {
        folder / path.name: text
        for path, text in texts.items()
        if not is_current(text, folder / path.name)
    }
    for path, text in stale.items():
        write_bytes(path, text.encode())
    return bool(stale)


def refuse_stale(folder: Path = MACROS.parent) -> None:
    """Refuse to go on with macros that are not what is declared now.

    Raises:
        DeclarationError: Something declared cannot be obeyed.
        StaleDeclarationsError: It can, and the macros say something else.
    """
    texts = rendered(load_declarations())
    if not all(is_current(text, folder / path.name) for path, text in texts.items()):
        raise StaleDeclarationsError(
            "What is declared in orchestration/declared changed since the dbt project was parsed. "
            "Run `semillero prepare`, then load this again.",
            "Lo declarado en orchestration/declared cambió desde que se leyó el proyecto dbt. "
            "Ejecute `semillero prepare` y vuelva a cargar.",
        )


def is_current(text: str, path: Path) -> bool:
    """Whether a macro file has this text."""
    return path.exists() and path.read_text(encoding="utf-8") == text


def _label(kind: str, entry: Described) -> Mapping[str, Value]:
    return {
        "kind": kind,
        "funnel": ANY_FUNNEL,
        "name": entry.name,
        "label_en": entry.label_en,
        "label_es": entry.label_es,
        "description_en": entry.description_en,
        "description_es": entry.description_es,
    }


def _step_labels(funnel: Funnel, activities: Sequence[Activity]) -> list[Mapping[str, Value]]:
    """What steps are called; what they ask for is told from the declaration, so it stays true."""
    by_name = {activity.name: activity for activity in activities}
    steps = {step.name: step for step in funnel.steps}
    labels: list[Mapping[str, Value]] = []
    for before, step in zip([None, *funnel.steps], funnel.steps, strict=False):
        activity = by_name[step.activity]
        since = steps[step.counted_from] if step.counted_from else before
        en, es = _asked(step, since, is_ordered=funnel.order != "unordered")
        labels.append(
            {
                "kind": "funnel_step",
                "funnel": funnel.name,
                "name": step.name,
                "label_en": step.label_en,
                "label_es": step.label_es,
                "description_en": f"{activity.label_en}{en}.",
                "description_es": f"{activity.label_es}{es}.",
            }
        )
    return labels


def _asked(step: Step, since: Step | None, *, is_ordered: bool) -> tuple[str, str]:
    """What a step asks for beside its activity, in English and Spanish."""
    how_many = ("", "")
    if step.occurrence > 1:
        how_many = f", number {step.occurrence}", f", número {step.occurrence}"
    if not is_ordered:
        return how_many
    if since is None:
        return how_many[0] + "; the funnel begins here", how_many[1] + "; aquí empieza el embudo"
    after = f"after the step “{since.label_en}”", f"después del paso «{since.label_es}»"
    least, most = step.not_before_days, step.within_days
    if least and most:
        when = f"{least} to {most} days {after[0]}", f"de {least} a {most} días {after[1]}"
    elif least:
        when = f"at least {least} days {after[0]}", f"al menos {least} días {after[1]}"
    elif most:
        when = f"at most {most} days {after[0]}", f"a más tardar {most} días {after[1]}"
    else:
        when = after
    return f"{how_many[0]}, {when[0]}", f"{how_many[1]}, {when[1]}"


def _activity(activity: Activity) -> Mapping[str, Value]:
    return {
        "name": activity.name,
        "comes_from": activity.comes_from,
        "feeds": feeds_of(activity),
        "step": activity.step,
        "event": activity.event,
        "program_kind": activity.program_kind,
        "days_away": activity.days_away,
    }


def _funnel(funnel: Funnel, segments: Sequence[str]) -> Mapping[str, Value]:
    index_of = {step.name: index for index, step in enumerate(funnel.steps, start=1)}
    return {
        "name": funnel.name,
        "entity": funnel.entity,
        "order": funnel.order,
        "window_seconds": window_seconds(funnel),
        "steps": [
            {
                "index": index,
                "name": step.name,
                "activity": step.activity,
                "occurrence": step.occurrence,
                "not_before_seconds": _seconds(step.not_before_days),
                "within_seconds": _seconds(step.within_days),
                "counted_from_step": index_of[step.counted_from]
                if step.counted_from
                else index - 1 or None,
            }
            for index, step in enumerate(funnel.steps, start=1)
        ],
        "exclusions": [
            {
                "activity": exclusion.activity,
                "after_step": index_of[exclusion.after],
                "before_step": index_of[exclusion.before],
            }
            for exclusion in funnel.exclusions
        ],
        "segments": _shown_by(funnel.segments, segments),
    }


def _cohort(cohort: Cohort, segments: Sequence[str]) -> Mapping[str, Value]:
    return {
        "name": cohort.name,
        "activity": cohort.activity,
        "occurrence": (cohort.occurrence or 1) if cohort.activity else None,
        "date_column": cohort.date,
        "segments": _shown_by(cohort.segments, segments),
    }


def _segment(segment: Segment) -> Mapping[str, Value]:
    return {"name": segment.name, "column": segment.attribute}


def _shown_by(asked: Sequence[str] | None, all_kinds: Sequence[str]) -> Sequence[str]:
    """The segment kinds of an entry in the order of their file; the whole is always among them."""
    return [kind for kind in all_kinds if asked is None or kind in asked or kind == "all"]


def _seconds(days: int | None) -> int | None:
    return None if days is None else days * SECONDS_OF_DAY


def _literal(value: Value, indent: int = 0) -> str:
    """A value as Jinja writes it; what is long stands one entry a line.

    Shapes let no brace, backslash or control character into a text, so its quotes are all that
    needs care.
    """
    space = " " * indent
    if value is None:
        text = "none"
    elif isinstance(value, str | int):
        text = json.dumps(value, ensure_ascii=False)
    elif isinstance(value, Mapping):
        entries = [
            f"{json.dumps(key)}: {_literal(each, indent + 4).lstrip()}"
            for key, each in value.items()
        ]
        text = "{" + ", ".join(entries) + "}"
        if len(text) + indent > _WIDTH or "\n" in text:
            text = "{\n" + ",\n".join(f"{space}    {each}" for each in entries) + f"\n{space}}}"
    else:
        items = [_literal(each, indent + 4) for each in value]
        text = "[" + ", ".join(item.strip() for item in items) + "]"
        if len(text) + indent > _WIDTH or "\n" in text:
            text = "[\n" + ",\n".join(items) + f"\n{space}]"
    return space + text


_WIDTH = 110
