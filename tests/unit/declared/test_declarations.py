"""What is declared: what ships is sound, and what is wrong is refused by file and line.

What lives here: the loader and the rendering, on the shipped files and on files with one fault
each.
What may not: what the models make of declarations.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from orchestration.declared import DeclarationError, Declarations, load_declarations
from orchestration.declared.loader import DECLARED_FOLDER, creator_columns
from orchestration.declared.render import (
    LABELS,
    MACROS,
    StaleDeclarationsError,
    refuse_stale,
    render,
    rendered,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped declarations."""
    for path in DECLARED_FOLDER.glob("*.yaml"):
        shutil.copy(path, tmp_path)
    return tmp_path


def replace(folder: Path, file: str, old: str, new: str) -> None:
    """Change the first place where a text stands in a file of the copy."""
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")


def line_of(folder: Path, file: str, text: str) -> int:
    """The number of the first line that holds a text."""
    lines = (folder / file).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


# --- What ships ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shipped() -> Declarations:
    return load_declarations()


def test_the_funnels_that_a_live_team_needs_are_declared(shipped: Declarations) -> None:
    steps = {funnel.name: [step.name for step in funnel.steps] for funnel in shipped.funnels}
    assert list(steps) == [
        "onboarding",
        "reactivation",
        "campaign_participation",
        "training_completion",
    ]
    assert steps["onboarding"] == [
        "applied",
        "approved",
        "trained",
        "first_live",
        "third_valid_day",
        "retained_in_week_4",
    ]


def test_the_seven_segment_kinds_of_the_design_are_declared(shipped: Declarations) -> None:
    assert {segment.name: segment.attribute for segment in shipped.segments} == {
        "all": None,
        "market": "market",
        "agency": "agency_id",
        "category": "category",
        "acquisition_source": "acquisition_source",
        "language": "language",
        "tier": "tier",
    }


def test_the_two_cohorts_of_the_design_are_declared(shipped: Declarations) -> None:
    assert {cohort.name for cohort in shipped.cohorts} == {"first_live", "joined"}


def test_labels_are_translated_and_not_repeated(shipped: Declarations) -> None:
    described = [*shipped.activities, *shipped.funnels, *shipped.cohorts, *shipped.segments]
    assert [each.name for each in described if each.label_en == each.label_es] == []
    assert [each.name for each in described if each.description_en == each.description_es] == []


def test_no_personal_column_can_make_a_segment() -> None:
    assert "handle" not in creator_columns().attributes
    assert {"market", "tier", "status"} <= creator_columns().attributes
    assert creator_columns().dates == {"joined_date"}


# --- What is refused -----------------------------------------------------------------------------

_STEP = "        activity: approved\n"
_UNORDERED = """\
  - name: in_any_order
    label_en: In any order
    label_es: En cualquier orden
    description_en: Trained and LIVE, whichever came first.
    description_es: Con capacitación y en LIVE, sin importar qué fue primero.
    entity: creator
    order: unordered
    window_days: 42
    steps:
      - name: trained
        label_en: Trained
        label_es: Capacitado
        activity: trained
      - name: live
        label_en: LIVE
        label_es: En LIVE
        activity: live_day
    exclusions:
      - activity: reward_paid
        after: trained
        before: live

"""
_EXCLUSION = "        after: joined\n"
_COHORT = "    activity: live_day\n"

FAULTS = {
    "an unknown activity of a step": (
        "funnels.yaml",
        _STEP,
        "        activity: aproved\n",
        "aproved",
        "there is no activity `aproved`; did you mean `approved`?",
        "no existe la actividad `aproved`; ¿quiso decir `approved`?",
    ),
    "a window of zero": (
        "funnels.yaml",
        "window_days: 120",
        "window_days: 0",
        "window_days: 0",
        "`window_days` must be more than 0, not 0",
        "`window_days` debe ser mayor que 0, no 0",
    ),
    "a negative window": (
        "funnels.yaml",
        "window_days: 120",
        "window_days: -3",
        "window_days: -3",
        "`window_days` must be more than 0, not -3",
        "`window_days` debe ser mayor que 0, no -3",
    ),
    "a window in words": (
        "funnels.yaml",
        "window_days: 120",
        "window_days: 120 days",
        "window_days: 120 days",
        "`window_days` must be a whole number, not '120 days'",
        "`window_days` debe ser un número entero, no '120 days'",
    ),
    "no window": (
        "funnels.yaml",
        "    window_days: 120\n",
        "",
        "name: onboarding",
        "the funnel `onboarding` needs one window",
        "el embudo `onboarding` requiere una ventana",
    ),
    "two windows": (
        "funnels.yaml",
        "window_days: 120",
        "window_days: 120\n    window_seconds: 9000000",
        "name: onboarding",
        "the funnel `onboarding` needs one window",
        "el embudo `onboarding` requiere una ventana",
    ),
    "an unknown order": (
        "funnels.yaml",
        "order: ordered\n",
        "order: orderd\n",
        "order: orderd",
        "`order` cannot be 'orderd'; did you mean `ordered`?",
        "`order` no puede ser 'orderd'; ¿quiso decir `ordered`?",
    ),
    "a misspelt field": (
        "funnels.yaml",
        "window_days: 120",
        "windw_days: 120",
        "windw_days",
        "`windw_days` is not known here; did you mean `window_days`?",
        "aquí no se conoce `windw_days`; ¿quiso decir `window_days`?",
    ),
    "a misspelt field of a step": (
        "funnels.yaml",
        "occurrence: 3",
        "ocurrence: 3",
        "ocurrence: 3",
        "`ocurrence` is not known here; did you mean `occurrence`?",
        "aquí no se conoce `ocurrence`; ¿quiso decir `occurrence`?",
    ),
    "a funnel of one step": (
        "funnels.yaml",
        "funnels:\n",
        (
            "funnels:\n  - {name: short, label_en: Short, label_es: Corto, description_en: One., "
            "description_es: Uno., window_days: 1,\n     steps: [{name: one, label_en: One, "
            "label_es: Uno, activity: applied}]}\n"
        ),
        "steps: [{name: one",
        "`steps` needs at least 2, and has 1",
        "`steps` necesita al menos 2, y tiene 1",
    ),
    "an exclusion after a step that does not exist": (
        "funnels.yaml",
        _EXCLUSION,
        "        after: jioned\n",
        "jioned",
        (
            "there is no step of the funnel `campaign_participation` called `jioned`; did you mean "
            "`joined`?"
        ),
        "no existe en este embudo el paso `jioned`; ¿quiso decir `joined`?",
    ),
    "an exclusion that runs backwards": (
        "funnels.yaml",
        "        before: third_valid_day\n",
        "        before: saw\n",
        _EXCLUSION,
        "the step `joined` does not come before `saw`",
        "el paso `joined` no va antes de `saw`",
    ),
    "an exclusion of the step itself": (
        "funnels.yaml",
        "activity: program_withdrew",
        "activity: valid_live_day",
        "      - activity: valid_live_day",
        "`valid_live_day` is itself a step up to `third_valid_day`",
        "`valid_live_day` es también un paso hasta `third_valid_day`",
    ),
    "an exclusion of an unknown activity": (
        "funnels.yaml",
        "activity: program_withdrew",
        "activity: program_withdraw",
        "program_withdraw\n".strip(),
        "there is no activity `program_withdraw`; did you mean `program_withdrew`?",
        "no existe la actividad `program_withdraw`; ¿quiso decir `program_withdrew`?",
    ),
    "an exclusion in an unordered funnel": (
        "funnels.yaml",
        "  - name: training_completion\n",
        _UNORDERED + "  - name: training_completion\n",
        "      - activity: reward_paid",
        "an `unordered` funnel has nothing between two steps",
        "un embudo `unordered` no tiene nada entre dos pasos",
    ),
    "two steps of one name": (
        "funnels.yaml",
        "      - name: approved\n",
        "      - name: applied\n",
        "applied\n        label_en: Approved",
        "the name `applied` is taken (line",
        "el nombre `applied` ya está en uso (línea",
    ),
    "two funnels of one name": (
        "funnels.yaml",
        "  - name: reactivation\n",
        "  - name: onboarding\n",
        "onboarding\n    label_en: Reactivation",
        "the name `onboarding` is taken (line",
        "el nombre `onboarding` ya está en uso (línea",
    ),
    "days counted from a later step": (
        "funnels.yaml",
        "counted_from: first_live",
        "counted_from: first_liv",
        "counted_from: first_liv",
        "no earlier step is called `first_liv`; did you mean `first_live`?",
        "ningún paso anterior se llama `first_liv`; ¿quiso decir `first_live`?",
    ),
    "days that nobody can keep": (
        "funnels.yaml",
        "not_before_days: 21",
        "not_before_days: 29",
        "not_before_days: 29",
        "`not_before_days` (29) is after `within_days` (28)",
        "`not_before_days` (29) es posterior a `within_days` (28)",
    ),
    "days beyond the window": (
        "funnels.yaml",
        "        not_before_days: 21\n        within_days: 28",
        "        not_before_days: 200\n        within_days: 201",
        "not_before_days: 200",
        "`not_before_days` (200) is beyond the window",
        "`not_before_days` (200) queda fuera de la ventana",
    ),
    "days at the first step": (
        "funnels.yaml",
        "        activity: applied\n",
        "        activity: applied\n        within_days: 3\n",
        "within_days: 3",
        "`within_days` cannot stand at the first step",
        "`within_days` no puede ir en el primer paso",
    ),
    "a funnel shown by a segment that does not exist": (
        "funnels.yaml",
        "window_days: 120",
        "window_days: 120\n    segments: [market, teir]",
        "teir",
        "there is no segment `teir`; did you mean `tier`?",
        "no existe el segmento `teir`; ¿quiso decir `tier`?",
    ),
    "a cohort shown by a segment that does not exist": (
        "cohorts.yaml",
        _COHORT,
        "    activity: live_day\n    segments:\n      - country\n",
        "- country",
        "there is no segment `country`; known:",
        "no existe el segmento `country`; se conocen:",
    ),
    "a segment of an attribute that does not exist": (
        "segments.yaml",
        "attribute: agency_id",
        "attribute: agency",
        "attribute: agency",
        "there is no attribute of creators `agency`; did you mean `agency_id`?",
        "no existe el atributo de creadores `agency`; ¿quiso decir `agency_id`?",
    ),
    "a segment of a personal attribute": (
        "segments.yaml",
        "attribute: agency_id",
        "attribute: handle",
        "attribute: handle",
        "there is no attribute of creators `handle`",
        "no existe el atributo de creadores `handle`",
    ),
    "a segment without an attribute": (
        "segments.yaml",
        "    attribute: tier\n",
        "",
        "name: tier",
        "the segment `tier` has no `attribute`",
        "al segmento `tier` le falta `attribute`",
    ),
    "no segment for everybody": (
        "segments.yaml",
        "  - name: all\n",
        "  - name: everybody\n    attribute: platform\n",
        "segments:\n",
        "the segment `all` is missing",
        "falta el segmento `all`",
    ),
    "a cohort of an activity that no feed gives": (
        "cohorts.yaml",
        _COHORT,
        "    activity: graduated\n",
        "activity: graduated",
        "there is no activity `graduated`; known:",
        "no existe la actividad `graduated`; se conocen:",
    ),
    "a cohort that nobody can enter": (
        "cohorts.yaml",
        _COHORT,
        "",
        "name: first_live",
        "the cohort `first_live` would have no members",
        "la cohorte `first_live` quedaría sin miembros",
    ),
    "a cohort by a date that does not exist": (
        "cohorts.yaml",
        "date: joined_date",
        "date: join_date",
        "date: join_date",
        "there is no date of creators `join_date`; did you mean `joined_date`?",
        "no existe la fecha de creadores `join_date`; ¿quiso decir `joined_date`?",
    ),
    "the how manieth date": (
        "cohorts.yaml",
        "date: joined_date",
        "date: joined_date\n    occurrence: 2",
        "occurrence: 2",
        "`occurrence` counts an `activity`",
        "`occurrence` cuenta una `activity`",
    ),
    "no label in Spanish": (
        "cohorts.yaml",
        "    label_es: Ingreso\n",
        "",
        "name: joined",
        "`label_es` is missing; add it",
        "falta `label_es`; agréguelo",
    ),
    "no label in English": (
        "funnels.yaml",
        "        label_en: Trained\n",
        "",
        "name: trained",
        "`label_en` is missing; add it",
        "falta `label_en`; agréguelo",
    ),
    "an empty label": (
        "cohorts.yaml",
        "label_es: Ingreso",
        'label_es: "  "',
        'label_es: "  "',
        "`label_es` is empty; fill it in",
        "`label_es` está vacío; complételo",
    ),
    "a label that YAML takes for something else": (
        "cohorts.yaml",
        "label_en: Joining",
        "label_en: No",
        "label_en: No",
        "`label_en` must be text; if it is, put it in quotes",
        "`label_en` debe ser texto; si lo es, póngalo entre comillas",
    ),
    "a name with an accent": (
        "cohorts.yaml",
        "name: joined",
        "name: ingresó",
        "name: ingresó",
        "'ingresó' does not",
        "'ingresó' no cumple",
    ),
    "a text that dbt would read as code": (
        "cohorts.yaml",
        "label_en: Joining",
        "label_en: Joining {{ env_var('HOME') }}",
        "label_en: Joining {{",
        "`label_en` may not hold braces or backslashes",
        "`label_en` no puede llevar llaves ni barras invertidas",
    ),
    "an onboarding activity without its step": (
        "activities.yaml",
        "    step: applied\n",
        "",
        "comes_from: onboarding_events\n\n",
        "what comes from `onboarding_events` needs `step`",
        "lo que viene de `onboarding_events` requiere `step`",
    ),
    "a step of something that has none": (
        "activities.yaml",
        "    comes_from: live_days\n",
        "    comes_from: live_days\n    step: live\n",
        "step: live\n",
        "`step` says nothing about what comes from `live_days`",
        "`step` no dice nada de lo que viene de `live_days`",
    ),
    "a feed that does not exist": (
        "activities.yaml",
        "comes_from: asset_uses",
        "comes_from: asset_use",
        "comes_from: asset_use",
        "`comes_from` cannot be 'asset_use'; did you mean `asset_uses`?",
        "`comes_from` no puede ser 'asset_use'; ¿quiso decir `asset_uses`?",
    ),
    "a key twice": (
        "funnels.yaml",
        "window_days: 120",
        "window_days: 120\n    window_days: 90",
        "window_days: 90",
        "`window_days` stands twice here (before on line",
        "`window_days` está dos veces (antes en la línea",
    ),
    "a broken line": (
        "funnels.yaml",
        "order: ordered\n",
        "order: [ordered\n",
        "window_days: 120",
        "is not YAML from here on",
        "desde aquí no es YAML",
    ),
    "a list that is none": (
        "cohorts.yaml",
        _COHORT,
        "    activity: live_day\n    segments: market\n",
        "segments: market",
        "`segments` must be a list",
        "`segments` debe ser una lista",
    ),
    "an entry that is none": (
        "cohorts.yaml",
        "cohorts:\n",
        "cohorts:\n  - trained\n",
        "  - trained",
        "`cohorts[1]` must hold names with their values",
        "`cohorts[1]` debe tener nombres con sus valores",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_declaration_is_refused_by_file_and_line_in_both_languages(
    folder: Path, fault: str
) -> None:
    file, old, new, marked, en, es = FAULTS[fault]
    replace(folder, file, old, new)
    text = (folder / file).read_text(encoding="utf-8")
    line = text[: text.index(marked)].count("\n") + 1
    with pytest.raises(DeclarationError) as refused:
        load_declarations(folder)
    said_en, said_es = refused.value.message("en"), refused.value.message("es")
    assert re.search(rf"{re.escape(file)}, line {line}: .*{re.escape(en)}", said_en), said_en
    assert re.search(rf"{re.escape(file)}, línea {line}: .*{re.escape(es)}", said_es), said_es
    assert len(refused.value.problems) == 1, said_en


def test_all_faults_are_told_at_once_in_the_order_of_their_lines(folder: Path) -> None:
    replace(folder, "funnels.yaml", "window_days: 28", "window_days: 28\n    segments: [nobody]")
    replace(folder, "funnels.yaml", _STEP, "        activity: aproved\n")
    replace(folder, "cohorts.yaml", "joined_date", "left_date")
    with pytest.raises(DeclarationError) as refused:
        load_declarations(folder)
    places = [(Path(each.file).name, each.line) for each in refused.value.problems]
    assert places == [
        ("cohorts.yaml", line_of(folder, "cohorts.yaml", "left_date")),
        ("funnels.yaml", line_of(folder, "funnels.yaml", "aproved")),
        ("funnels.yaml", line_of(folder, "funnels.yaml", "nobody")),
    ]


@pytest.mark.parametrize("content", ["", "- a list\n", "\x00", "funnels: &a\n  - *a\n"])
def test_a_file_that_is_no_declaration_is_refused_and_not_a_crash(
    folder: Path, content: str
) -> None:
    (folder / "funnels.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(DeclarationError, match=r"funnels\.yaml, line \d+: "):
        load_declarations(folder)


def test_a_missing_file_is_refused(folder: Path) -> None:
    (folder / "segments.yaml").unlink()
    with pytest.raises(DeclarationError, match=r"segments\.yaml, line 1: the file cannot be read"):
        load_declarations(folder)


# --- What is rendered ----------------------------------------------------------------------------


def called(macros: str, name: str) -> list[dict[str, object]]:
    """What a rendered macro returns."""
    from jinja2 import Environment

    found: list[list[dict[str, object]]] = []
    template = Environment(autoescape=False).from_string(  # noqa: S701 - no page is made
        macros.replace("return(", "keep(") + f"{{{{ {name}() }}}}"
    )
    template.render(keep=found.append)
    return found[0]


def test_a_text_in_quotes_arrives_in_dbt_as_it_was_written(folder: Path) -> None:
    label = """El "primer" LIVE, d'accord — 100 % 🎥"""
    replace(folder, "cohorts.yaml", "label_es: Primer LIVE", f"label_es: >\n      {label}")
    texts = rendered(load_declarations(folder))
    labels = called(texts[LABELS], "declared_labels")
    assert [each for each in labels if each["kind"] == "cohort"] == [
        {
            "kind": "cohort",
            "funnel": "*",
            "name": "first_live",
            "label_en": "First LIVE",
            "label_es": label,
            "description_en": "Creators by the week or month of their first LIVE day.",
            "description_es": "Creadores según la semana o el mes de su primer día con LIVE.",
        },
        {
            "kind": "cohort",
            "funnel": "*",
            "name": "joined",
            "label_en": "Joining",
            "label_es": "Ingreso",
            "description_en": "Creators by the week or month in which they joined.",
            "description_es": "Creadores según la semana o el mes en que ingresaron.",
        },
    ]
    segments = [segment.name for segment in load_declarations().segments]
    assert called(texts[MACROS], "declared_cohorts") == [
        {
            "name": "first_live",
            "activity": "live_day",
            "occurrence": 1,
            "date_column": None,
            "segments": segments,
        },
        {
            "name": "joined",
            "activity": None,
            "occurrence": None,
            "date_column": "joined_date",
            "segments": segments,
        },
    ]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("cohorts.yaml", "label_es: Ingreso", "label_es: Entrada"),
        ("activities.yaml", "label_en: Applied", "label_en: Asked to join"),
        ("segments.yaml", "description_es: Dónde trabaja", "description_es: Donde vive"),
        ("funnels.yaml", "label_es: Tercer día LIVE válido", "label_es: Tercer día válido"),
        ("funnels.yaml", "description_en: From the", "description_en: The way from the"),
    ],
)
def test_a_changed_label_changes_nothing_that_models_compute(
    folder: Path, file: str, old: str, new: str
) -> None:
    before = rendered(load_declarations(folder))
    replace(folder, file, old, new)
    after = rendered(load_declarations(folder))
    assert after[MACROS] == before[MACROS]
    assert after[LABELS] != before[LABELS]


def test_a_changed_window_changes_what_models_compute(folder: Path) -> None:
    before = rendered(load_declarations(folder))
    replace(folder, "funnels.yaml", "window_days: 120", "window_days: 90")
    assert rendered(load_declarations(folder))[MACROS] != before[MACROS]


def test_a_step_is_described_by_what_it_asks_for(folder: Path) -> None:
    def steps() -> dict[object, tuple[object, object]]:
        labels = called(rendered(load_declarations(folder))[LABELS], "declared_labels")
        return {
            each["name"]: (each["description_en"], each["description_es"])
            for each in labels
            if each["funnel"] == "onboarding"
        }

    told = steps()
    assert told["applied"] == (
        "Applied; the funnel begins here.",
        "Presentó su solicitud; aquí empieza el embudo.",
    )
    assert told["third_valid_day"] == (
        "Valid LIVE day, number 3, at most 21 days after the step “First LIVE”.",
        "Día LIVE válido, número 3, a más tardar 21 días después del paso «Primer LIVE».",
    )
    assert told["retained_in_week_4"] == (
        "LIVE day, 21 to 28 days after the step “First LIVE”.",
        "Día con LIVE, de 21 a 28 días después del paso «Primer LIVE».",
    )


def test_macros_are_written_only_where_the_declarations_changed(tmp_path: Path) -> None:
    folder = tmp_path / "macros"
    assert render(folder) is True
    assert render(folder) is False
    for path in (MACROS, LABELS):
        (folder / path.name).write_text("{# somebody's own #}", encoding="utf-8")
        with pytest.raises(StaleDeclarationsError, match="semillero prepare"):
            refuse_stale(folder)
        assert render(folder) is True
        refuse_stale(folder)


def test_definitions_do_not_load_on_macros_of_other_declarations(tmp_path: Path) -> None:
    with pytest.raises(StaleDeclarationsError, match="semillero prepare"):
        refuse_stale(tmp_path)
