"""Read what is declared, and refuse what cannot be obeyed before anything runs.

What lives here: what the files say together (names that exist, steps that can follow each other,
windows that can be kept). What may not: how they are written (`document`, `shapes`), and what
follows from them (`render`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import ValidationError

from orchestration.contracts.loader import load_contracts
from orchestration.declared.document import Document, Problem, read_document
from orchestration.declared.faults import nearest, problems_of_shape
from orchestration.declared.shapes import (
    ActivitiesFile,
    Activity,
    Cohort,
    CohortsFile,
    ComesFrom,
    Funnel,
    FunnelsFile,
    Labelled,
    Segment,
    SegmentsFile,
    Shape,
    Step,
)
from orchestration.errors import BilingualError
from orchestration.settings import PROJECT_ROOT

DECLARED_FOLDER = Path(__file__).resolve().parent
CREATORS = PROJECT_ROOT / "models" / "marts" / "core" / "dim_creators.yml"
EVERYBODY = "all"
"""The segment kind that has no attribute."""

SECONDS_OF_DAY = 86_400

# By which feeds an activity can become known, and what its entry must and may say beside.
_FEEDS: Mapping[ComesFrom, tuple[str, ...]] = {
    "onboarding_events": ("onboarding_events",),
    "program_events": ("program_events",),
    "asset_uses": ("asset_uses",),
    "reward_payouts": ("reward_payouts",),
    "enforcement_events": ("enforcement_events",),
    "live_days": ("live_sessions", "live_snapshots", "backstage_reports"),
    "valid_live_days": ("live_sessions", "live_snapshots", "backstage_reports"),
    "returns": ("live_sessions", "live_snapshots", "backstage_reports"),
}
_NEEDS: Mapping[ComesFrom, str] = {
    "onboarding_events": "step",
    "program_events": "event",
    "returns": "days_away",
}
_MAY_HAVE: Mapping[ComesFrom, frozenset[str]] = {
    "onboarding_events": frozenset({"step"}),
    "program_events": frozenset({"event", "program_kind"}),
    "returns": frozenset({"days_away"}),
}

_SomeShape = TypeVar("_SomeShape", bound=Shape)


class DeclarationError(BilingualError):
    """What is declared cannot be obeyed; the message names each file and line.

    Attributes:
        problems: All that is wrong, in the order of files and lines.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Carry the problems, and say them all."""
        self.problems = tuple(sorted(problems, key=lambda each: (each.file, each.line)))
        en = [f"{each.file}, line {each.line}: {each.en}" for each in self.problems]
        es = [f"{each.file}, línea {each.line}: {each.es}" for each in self.problems]
        super().__init__(
            "\n".join(["What is declared cannot be obeyed, so nothing ran:", *en]),
            "\n".join(["Lo declarado no se puede cumplir; no se ejecutó nada:", *es]),
        )


@dataclass(frozen=True, slots=True)
class Declarations:
    """All that is declared, in the order of the files."""

    activities: tuple[Activity, ...]
    funnels: tuple[Funnel, ...]
    cohorts: tuple[Cohort, ...]
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class CreatorColumns:
    """The columns of `dim_creators` that a declaration may name."""

    attributes: frozenset[str]
    dates: frozenset[str]


def creator_columns(path: Path = CREATORS) -> CreatorColumns:
    """Which columns of creators hold words that may be shown, and which hold days.

    Left out: the key, personal columns (rubric C11), and where a row came from.
    """
    model = yaml.safe_load(path.read_text(encoding="utf-8"))["models"][0]
    kinds = {
        column["name"]: column["data_type"]
        for column in model["columns"]
        if not column.get("config", {}).get("meta", {}).get("is_personal")
        and not column["name"].startswith("arrival_")
        and column["name"] != "creator_id"
    }
    return CreatorColumns(
        attributes=frozenset(name for name, kind in kinds.items() if kind == "varchar"),
        dates=frozenset(name for name, kind in kinds.items() if kind == "date"),
    )


def load_declarations(folder: Path = DECLARED_FOLDER) -> Declarations:
    """Read and check the declarations of a folder.

    Raises:
        DeclarationError: Something in them cannot be obeyed.
    """
    reading = _Reading(folder)
    activities = reading.file("activities.yaml", ActivitiesFile)
    funnels = reading.file("funnels.yaml", FunnelsFile)
    cohorts = reading.file("cohorts.yaml", CohortsFile)
    segments = reading.file("segments.yaml", SegmentsFile)
    # What a file with a wrong shape would have declared is unknown, so who names it is not blamed.
    if activities:
        _check_activities(reading, activities.activities)
    if segments:
        _check_segments(reading, segments.segments, creator_columns())
    known = _Known(
        activities=_names(activities.activities) if activities else None,
        segments=_names(segments.segments) if segments else None,
    )
    if cohorts:
        _check_cohorts(reading, cohorts.cohorts, known, creator_columns().dates)
    if funnels:
        _check_funnels(reading, funnels.funnels, known)
    if reading.problems or not (activities and funnels and cohorts and segments):
        raise DeclarationError(reading.problems)
    return Declarations(
        activities=tuple(activities.activities),
        funnels=tuple(funnels.funnels),
        cohorts=tuple(cohorts.cohorts),
        segments=tuple(segments.segments),
    )


def feeds_of(activity: Activity) -> tuple[str, ...]:
    """The feeds by which an activity can become known."""
    return _FEEDS[activity.comes_from]


@dataclass(frozen=True, slots=True)
class _Known:
    """The names that others may use; None where their file does not say."""

    activities: frozenset[str] | None
    segments: frozenset[str] | None


class _Reading:
    """The files of a folder, and all that was found wrong with them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[Problem] = []
        self.documents: dict[str, Document] = {}

    def file(self, name: str, model: type[_SomeShape]) -> _SomeShape | None:
        """A file in its shape; None where it has another."""
        path = self.folder / name
        shown = path.relative_to(PROJECT_ROOT) if path.is_relative_to(PROJECT_ROOT) else path
        document, problems = read_document(path, str(shown))
        self.problems += problems
        if document is None or problems:
            return None
        self.documents[name] = document
        try:
            return model.model_validate(document.content)
        except ValidationError as error:
            self.problems += problems_of_shape(document, model, error.errors())
            return None

    def refuse(self, file: str, place: tuple[str | int, ...], en: str, es: str) -> None:
        """Note a problem with a value."""
        self.problems.append(self.documents[file].problem(place, en, es))

    def refuse_unknown(
        self,
        file: str,
        place: tuple[str | int, ...],
        kind: tuple[str, str],
        word: str,
        known: Collection[str] | None,
    ) -> None:
        """Note a problem where `word` is not among the known."""
        if known is None or word in known:
            return
        meant_en, meant_es = nearest(word, known)
        self.refuse(
            file,
            place,
            f"there is no {kind[0]} `{word}`; {meant_en}.",
            f"no existe {kind[1]} `{word}`; {meant_es}.",
        )

    def refuse_repeats(
        self, file: str, top: tuple[str | int, ...], named: Sequence[Labelled]
    ) -> None:
        """Note each name that an earlier entry of the list has."""
        first: dict[str, int] = {}
        for index, each in enumerate(named):
            place = (*top, index, "name")
            if each.name not in first:
                first[each.name] = self.documents[file].line(place)
                continue
            line = first[each.name]
            self.refuse(
                file,
                place,
                f"the name `{each.name}` is taken (line {line}); choose another.",
                f"el nombre `{each.name}` ya está en uso (línea {line}); elija otro.",
            )


_ACTIVITY = ("activity", "la actividad")
_SEGMENT = ("segment", "el segmento")


def _names(named: Sequence[Labelled]) -> frozenset[str]:
    return frozenset(each.name for each in named)


def _check_activities(reading: _Reading, activities: Sequence[Activity]) -> None:
    file = "activities.yaml"
    reading.refuse_repeats(file, ("activities",), activities)
    for index, activity in enumerate(activities):
        place = ("activities", index)
        source = activity.comes_from
        given = {
            name
            for name in ("step", "event", "program_kind", "days_away")
            if getattr(activity, name) is not None
        }
        needed = _NEEDS.get(source)
        if needed and needed not in given:
            reading.refuse(
                file,
                (*place, "comes_from"),
                f"what comes from `{source}` needs `{needed}`; add it (see the head of the file).",
                f"lo que viene de `{source}` requiere `{needed}`; agréguelo (vea el inicio del "
                "archivo).",
            )
        for name in sorted(given - _MAY_HAVE.get(source, frozenset())):
            reading.refuse(
                file,
                (*place, name),
                f"`{name}` says nothing about what comes from `{source}`; delete it.",
                f"`{name}` no dice nada de lo que viene de `{source}`; bórrelo.",
            )
        contracts = load_contracts()
        if not any(feed in contracts for feed in feeds_of(activity)):
            reading.refuse(
                file,
                (*place, "comes_from"),
                f"no feed gives `{activity.name}`: `{source}` has no contract. Name another "
                f"source.",
                f"ninguna fuente da `{activity.name}`: `{source}` no tiene contrato. Indique otro "
                "origen.",
            )


def _check_segments(
    reading: _Reading, segments: Sequence[Segment], columns: CreatorColumns
) -> None:
    file = "segments.yaml"
    reading.refuse_repeats(file, ("segments",), segments)
    for index, segment in enumerate(segments):
        place = ("segments", index)
        if segment.name == EVERYBODY:
            if segment.attribute is not None:
                reading.refuse(
                    file,
                    (*place, "attribute"),
                    "`all` is everybody and has no `attribute`; delete it, or name the segment "
                    "otherwise.",
                    "`all` son todos y no lleva `attribute`; bórrelo, o dé otro nombre al "
                    "segmento.",
                )
        elif segment.attribute is None:
            reading.refuse(
                file,
                place,
                f"the segment `{segment.name}` has no `attribute`; add the column of "
                f"`dim_creators` that it goes by: {', '.join(sorted(columns.attributes))}.",
                f"al segmento `{segment.name}` le falta `attribute`; agregue la columna de "
                f"`dim_creators` que lo define: {', '.join(sorted(columns.attributes))}.",
            )
        else:
            reading.refuse_unknown(
                file,
                (*place, "attribute"),
                ("attribute of creators", "el atributo de creadores"),
                segment.attribute,
                columns.attributes,
            )
    if EVERYBODY not in _names(segments):
        reading.refuse(
            file,
            ("segments",),
            "the segment `all` is missing: the parts of every other kind must sum to it. Put it "
            "back, without `attribute`.",
            "falta el segmento `all`: las partes de todos los demás deben sumarlo. Devuélvalo, sin "
            "`attribute`.",
        )


def _check_shown_by(
    reading: _Reading,
    file: str,
    place: tuple[str | int, ...],
    segments: Sequence[str] | None,
    known: _Known,
) -> None:
    for index, name in enumerate(segments or ()):
        reading.refuse_unknown(file, (*place, "segments", index), _SEGMENT, name, known.segments)


def _check_cohorts(
    reading: _Reading, cohorts: Sequence[Cohort], known: _Known, dates: Collection[str]
) -> None:
    file = "cohorts.yaml"
    reading.refuse_repeats(file, ("cohorts",), cohorts)
    for index, cohort in enumerate(cohorts):
        place = ("cohorts", index)
        if (cohort.activity is None) == (cohort.date is None):
            reading.refuse(
                file,
                place,
                f"the cohort `{cohort.name}` would have no members, or two ways to get them: give "
                "it either an `activity` or a `date`.",
                f"la cohorte `{cohort.name}` quedaría sin miembros, o con dos maneras de tenerlos: "
                "indique `activity` o bien `date`.",
            )
        if cohort.activity is not None:
            reading.refuse_unknown(
                file, (*place, "activity"), _ACTIVITY, cohort.activity, known.activities
            )
        if cohort.date is not None:
            reading.refuse_unknown(
                file,
                (*place, "date"),
                ("date of creators", "la fecha de creadores"),
                cohort.date,
                dates,
            )
            if cohort.occurrence is not None:
                reading.refuse(
                    file,
                    (*place, "occurrence"),
                    "`occurrence` counts an `activity`; a date is there once. Delete it.",
                    "`occurrence` cuenta una `activity`; una fecha es una sola. Bórrelo.",
                )
        _check_shown_by(reading, file, place, cohort.segments, known)


def window_seconds(funnel: Funnel) -> int:
    """How long a creator has from the first step on."""
    if funnel.window_seconds is not None:
        return funnel.window_seconds
    return (funnel.window_days or 0) * SECONDS_OF_DAY


def _check_funnels(reading: _Reading, funnels: Sequence[Funnel], known: _Known) -> None:
    file = "funnels.yaml"
    reading.refuse_repeats(file, ("funnels",), funnels)
    for index, funnel in enumerate(funnels):
        place = ("funnels", index)
        if (funnel.window_days is None) == (funnel.window_seconds is None):
            reading.refuse(
                file,
                place,
                f"the funnel `{funnel.name}` needs one window: `window_days` or `window_seconds`.",
                f"el embudo `{funnel.name}` requiere una ventana: `window_days` o "
                "`window_seconds`.",
            )
        reading.refuse_repeats(file, (*place, "steps"), funnel.steps)
        for number, step in enumerate(funnel.steps):
            here = (*place, "steps", number)
            reading.refuse_unknown(
                file, (*here, "activity"), _ACTIVITY, step.activity, known.activities
            )
            for said in _interval_faults(funnel, number, step):
                reading.refuse(file, (*here, said[0]), said[1], said[2])
        _check_exclusions(reading, funnel, place, known)
        _check_shown_by(reading, file, place, funnel.segments, known)


def _interval_faults(funnel: Funnel, number: int, step: Step) -> Iterator[tuple[str, str, str]]:
    """What a step's days cannot mean: the field, and the sentence EN and ES."""
    given = [
        name
        for name in ("not_before_days", "within_days", "counted_from")
        if getattr(step, name) is not None
    ]
    if given and number == 0:
        yield (
            given[0],
            f"`{given[0]}` cannot stand at the first step: there is none before. Delete it.",
            f"`{given[0]}` no puede ir en el primer paso: no hay otro antes. Bórrelo.",
        )
        return
    if given and funnel.order == "unordered":
        yield (
            given[0],
            (
                f"`{given[0]}` needs an order of steps, and this funnel is `unordered`. Delete it, "
                f"or "
                "make the funnel `ordered`."
            ),
            (
                f"`{given[0]}` requiere un orden de pasos y este embudo es `unordered`. Bórrelo, o "
                "haga el embudo `ordered`."
            ),
        )
        return
    earlier = [each.name for each in funnel.steps[:number]]
    if step.counted_from is not None and step.counted_from not in earlier:
        meant_en, meant_es = nearest(step.counted_from, earlier)
        yield (
            "counted_from",
            f"no earlier step is called `{step.counted_from}`; {meant_en}.",
            f"ningún paso anterior se llama `{step.counted_from}`; {meant_es}.",
        )
    if step.counted_from is not None and given == ["counted_from"]:
        yield (
            "counted_from",
            (
                "`counted_from` without `not_before_days` or `within_days` changes nothing; add "
                "one, "
                "or delete it."
            ),
            (
                "`counted_from` sin `not_before_days` ni `within_days` no cambia nada; agregue "
                "uno, o "
                "bórrelo."
            ),
        )
    earliest, latest = step.not_before_days, step.within_days
    if earliest is not None and latest is not None and earliest > latest:
        yield (
            "not_before_days",
            (
                f"`not_before_days` ({earliest}) is after `within_days` ({latest}): nobody can "
                f"take "
                "this step. Correct one of them."
            ),
            (
                f"`not_before_days` ({earliest}) es posterior a `within_days` ({latest}): nadie "
                f"podría "
                "dar este paso. Corrija uno de los dos."
            ),
        )
    if earliest is not None and 0 < window_seconds(funnel) < earliest * SECONDS_OF_DAY:
        yield (
            "not_before_days",
            (
                f"`not_before_days` ({earliest}) is beyond the window of the funnel: nobody can "
                f"take "
                "this step. Make the window longer."
            ),
            (
                f"`not_before_days` ({earliest}) queda fuera de la ventana del embudo: nadie "
                f"podría "
                "dar este paso. Alargue la ventana."
            ),
        )


def _check_exclusions(
    reading: _Reading, funnel: Funnel, place: tuple[str | int, ...], known: _Known
) -> None:
    file = "funnels.yaml"
    order = [step.name for step in funnel.steps]
    for index, exclusion in enumerate(funnel.exclusions):
        here = (*place, "exclusions", index)
        reading.refuse_unknown(
            file, (*here, "activity"), _ACTIVITY, exclusion.activity, known.activities
        )
        for field in ("after", "before"):
            reading.refuse_unknown(
                file,
                (*here, field),
                (f"step of the funnel `{funnel.name}` called", "en este embudo el paso"),
                getattr(exclusion, field),
                order,
            )
        if funnel.order == "unordered":
            reading.refuse(
                file,
                here,
                "an `unordered` funnel has nothing between two steps; delete the exclusion, or "
                "make the funnel `ordered`.",
                "un embudo `unordered` no tiene nada entre dos pasos; borre la exclusión, o haga "
                "el embudo `ordered`.",
            )
        if not {exclusion.after, exclusion.before} <= set(order):
            continue
        first, last = order.index(exclusion.after), order.index(exclusion.before)
        if first >= last:
            reading.refuse(
                file,
                (*here, "after"),
                f"the step `{exclusion.after}` does not come before `{exclusion.before}`; exchange "
                "them.",
                f"el paso `{exclusion.after}` no va antes de `{exclusion.before}`; intercámbielos.",
            )
        elif exclusion.activity in {step.activity for step in funnel.steps[first + 1 : last + 1]}:
            reading.refuse(
                file,
                (*here, "activity"),
                f"`{exclusion.activity}` is itself a step up to `{exclusion.before}`: nobody could "
                "take it. Exclude another activity.",
                f"`{exclusion.activity}` es también un paso hasta `{exclusion.before}`: nadie "
                "podría darlo. Excluya otra actividad.",
            )
