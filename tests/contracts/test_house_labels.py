"""Everything published has a name and a description, in English and in the Spanish of its readers.

What lives here: whether each mart, column, code, KPI, rule, market, funnel, step, cohort, segment
and activity is labelled in both languages, whether a label is of something, and what a reader sees
at once in a text that nobody translated with care. What may not: which lines are refused before a
run (`tests/unit/test_seeds.py`), and rows of the mart (`tests/integration/test_labels_mart.py`).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from orchestration.checks.tables import ABOUT
from orchestration.declared import load_declarations
from orchestration.declared.loader import Declarations
from orchestration.declared.render import LABELS, rendered
from orchestration.seeds import labels as seed
from orchestration.seeds.labels import Label, Place, Published, labels_of, published
from orchestration.seeds.tables import SEEDS, read
from orchestration.versions import LABEL_FILES

Manifest = Mapping[str, Any]

# The same in both languages, so that equal texts are no forgotten translation.
SAME_IN_BOTH = frozenset(
    {"no", "live", "total", "id", "argentina", "chile", "colombia", "vietnam", "venezuela"}
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words that are no Spanish without their accent (or are another word, which no label means).
_WITHOUT_ACCENT = _words(
    """
    dia dias pais paises mas numero numeros ultimo ultima ultimos ultimas unico unica unicos unicas
    codigo codigos metrica metricas categoria categorias telefono tambien despues segun minimo
    minima maximo maxima publico indice pagina paginas linea lineas area areas titulo rapido rapida
    facil dificil comun ademas atras traves interes todavia aqui asi ahi alli estan habia habian
    tenia tenian podria deberia ano anos espanol ingles razon sabado miercoles jamas ningun algun
    quizas dolar dolares estadistica estadisticas historico automatico automatica
    """
)
# -ción, -sión, -xión and -gión lose their accent in the plural only.
_ENDING_WITHOUT_ACCENT = re.compile(r"\w*(?:cion|sion|xion|gion)")
# People in Latin America read "usted", and words of their own.
_OF_SPAIN = _words(
    """
    vosotros vosotras vuestro vuestra vuestros vuestras os sois ordenador ordenadores fichero
    ficheros coger cogen vale
    """
)
_VERB_OF_SPAIN = re.compile(r"\w+(?:áis|éis)")
_TOO_CLOSE = _words("tu tus ti puedes debes tienes quieres")
_ENGLISH = _words(
    """
    the of and with from which their that this these those there is are was were has have had who
    when where what how many much each every day days week weeks month time
    """
)

# How the mart reads the macro of labels; nobody else may.
_ROWS = "label_rows.sql"

_LONGEST_NAME = 60
_LONGEST_DESCRIPTION = 220


@dataclass(frozen=True)
class Text:
    """A text in both languages, and where a person finds it."""

    where: str
    en: str
    es: str

    @property
    def is_description(self) -> bool:
        """Whether it is a sentence, and no name."""
        return self.where.endswith("description")


def marts_of(manifest: Manifest) -> list[Mapping[str, Any]]:
    """The marts that dbt makes."""
    return [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] == "marts"
    ]


# --- What has to be labelled ----------------------------------------------------------------------


def missing_faults(labels: Sequence[Label], marts: Published) -> list[str]:
    """Marts, columns, flags and codes without a line."""
    return [_shown(place) + ": no label" for place in seed.unlabelled(labels, marts)]


def orphan_faults(labels: Sequence[Label], marts: Published) -> list[str]:
    """Lines that label nothing that is published."""
    return [
        f"line {label.line}, {_shown(label.place)}: labels nothing"
        for label in seed.unused(labels, marts)
    ]


def _shown(place: Place) -> str:
    mart, column, code = place
    return f"{mart}.{column}" * bool(column) + mart * (not column) + f" = {code}" * bool(code)


def seed_texts(name: str, rows: Sequence[Mapping[str, str]]) -> Iterator[Text]:
    """Every `*_en` of a seed beside its `*_es`."""
    for line, row in enumerate(rows, start=2):
        for column in row:
            if column.endswith("_en"):
                what = column.removesuffix("_en")
                yield Text(f"seeds/{name}, line {line}: {what}", row[column], row[f"{what}_es"])


def declared_texts(declarations: Declarations) -> Iterator[Text]:
    """Names and descriptions of all that is declared; of steps, what was made of them."""
    text = rendered(declarations)[LABELS]
    for entry in re.findall(r"\{\n(.*?)\n        \}", text, flags=re.DOTALL):
        said = dict(re.findall(r'"(\w+)": "(.*)"', entry))
        where = f"{said['kind']} {said['funnel']} {said['name']}"
        for what in ("label", "description"):
            yield Text(f"{where}: {what}", said[f"{what}_en"], said[f"{what}_es"])


def rows_of(name: str) -> list[dict[str, str]]:
    """The rows of a seed."""
    with (SEEDS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def all_texts() -> list[Text]:
    """Every text in both languages that a release or its operators show as a label."""
    seeds = [path.name for path in sorted(SEEDS.glob("*.csv"))]
    texts = [text for name in seeds for text in seed_texts(name, rows_of(name))]
    return [*texts, *declared_texts(load_declarations())]


# --- What a reader sees at once -------------------------------------------------------------------


def translation_faults(text: Text) -> list[str]:
    """A text that is missing in one language, or was copied."""
    missing = [
        f"{text.where}: no {language} text"
        for language, words in (("English", text.en), ("Spanish", text.es))
        if not words.strip()
    ]
    if missing:
        return missing
    same = text.en.strip().casefold() == text.es.strip().casefold()
    if same and text.en.strip().casefold() not in SAME_IN_BOTH:
        return [f"{text.where}: the Spanish text is the English one"]
    return []


def spanish_faults(text: Text) -> list[str]:
    """Spanish that was not written by, or for, somebody in Latin America."""
    words = re.findall(r"[^\W\d_]+", text.es)
    faults = []
    for word in words:
        plain = word.casefold()
        if plain in _WITHOUT_ACCENT or _ENDING_WITHOUT_ACCENT.fullmatch(plain):
            faults.append(f"{text.where}: {word!r} lacks its accent")
        if plain in _OF_SPAIN or _VERB_OF_SPAIN.fullmatch(plain):
            faults.append(f"{text.where}: {word!r} is said in Spain")
        if plain in _TOO_CLOSE:
            faults.append(f"{text.where}: {word!r}, but we say usted")
        if plain in _ENGLISH and word.islower():
            faults.append(f"{text.where}: {word!r} is English")
    if text.es.count("?") != text.es.count("¿"):
        faults.append(f"{text.where}: a question begins with ¿")
    return faults


def shape_faults(text: Text) -> list[str]:
    """A name that is no name, a description that is no sentence."""
    faults = []
    for words in (text.en, text.es):
        longest = _LONGEST_DESCRIPTION if text.is_description else _LONGEST_NAME
        if len(words) > longest:
            faults.append(f"{text.where}: longer than {longest}: {words!r}")
        if text.is_description and not words.endswith((".", "?")):
            faults.append(f"{text.where}: no sentence: {words!r}")
        if not text.is_description and words.endswith("."):
            faults.append(f"{text.where}: a name, no sentence: {words!r}")
    return faults


# --- The house ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def labels() -> list[Label]:
    """The lines of the seed as they are."""
    return labels_of(read(SEEDS / seed.FILE, seed.LABEL_COLUMNS, []))


@pytest.fixture(scope="module")
def marts() -> Published:
    """What is published."""
    return published()


def test_every_mart_column_flag_and_code_has_a_label(labels: list[Label], marts: Published) -> None:
    assert missing_faults(labels, marts) == []


def test_every_label_is_of_something(labels: list[Label], marts: Published) -> None:
    assert orphan_faults(labels, marts) == []


def test_what_is_labelled_is_what_dbt_promises(manifest: Manifest, marts: Published) -> None:
    promised = {mart["name"]: list(mart["columns"]) for mart in marts_of(manifest)}
    assert {mart: list(columns) for mart, columns in marts.items()} == promised | {
        table: list(columns) for table, columns in ABOUT.items()
    }


def test_every_code_that_a_test_of_a_mart_accepts_is_known(
    manifest: Manifest, marts: Published
) -> None:
    names = {mart["unique_id"]: mart["name"] for mart in marts_of(manifest)}
    tested = {
        (names[node["attached_node"]], node["column_name"]): {
            str(value) for value in node["test_metadata"]["kwargs"]["values"]
        }
        for node in manifest["nodes"].values()
        if (node.get("test_metadata") or {}).get("name") == "accepted_values"
        and node.get("attached_node") in names
    }
    assert tested, "no mart has a column of codes"
    assert {key: set(marts[key[0]][key[1]]) for key in tested} == tested


def test_every_text_is_there_in_both_languages() -> None:
    texts = all_texts()
    assert len(texts) > len(rows_of(seed.FILE))
    assert [fault for text in texts for fault in translation_faults(text)] == []


def test_spanish_is_that_of_its_readers() -> None:
    assert [fault for text in all_texts() for fault in spanish_faults(text)] == []


def test_labels_are_short_names_and_whole_sentences() -> None:
    texts = [*seed_texts(seed.FILE, rows_of(seed.FILE)), *declared_texts(load_declarations())]
    assert [fault for text in texts for fault in shape_faults(text)] == []


def test_everything_declared_is_rendered_with_its_label() -> None:
    declared = load_declarations()
    steps = [step for funnel in declared.funnels for step in funnel.steps]
    things = [
        *declared.activities,
        *declared.cohorts,
        *declared.segments,
        *declared.funnels,
        *steps,
    ]
    assert len(list(declared_texts(declared))) == 2 * len(things)


def label_reader_faults(manifest: Manifest) -> list[str]:
    """Readers, beside the mart of labels, of what may change without building anything anew."""
    label_macros = {
        name
        for name, macro in manifest["macros"].items()
        if Path(macro["original_file_path"]).name in {LABELS.name, _ROWS}
    }
    unread = {"seed.semillero.mart_labels", *label_macros}
    readers = {
        name: node
        for name, node in {**manifest["nodes"], **manifest["macros"]}.items()
        if name not in {*label_macros, "model.semillero.labels"}
        # Tests change no table.
        and node["resource_type"] != "test"
    }
    return [
        f"{node['name']} reads {read}"
        for node in readers.values()
        for kind in ("nodes", "macros")
        for read in sorted(unread & set((node.get("depends_on") or {}).get(kind) or ()))
    ]


def test_only_the_mart_of_labels_reads_what_changes_nothing_else(
    manifest: Manifest, checkout: Path
) -> None:
    assert all((checkout / file).is_file() for file in LABEL_FILES)
    assert {LABELS.relative_to(checkout).as_posix(), f"seeds/{seed.FILE}"} == LABEL_FILES
    (mart,) = (mart for mart in marts_of(manifest) if mart["name"] == "labels")
    assert mart["config"]["materialized"] == "table", "it would not be made anew"
    assert "seed.semillero.mart_labels" in mart["depends_on"]["nodes"]
    assert "macro.semillero.declared_label_rows" in mart["depends_on"]["macros"]
    assert label_reader_faults(manifest) == []


def twice_faults(mart: Mapping[str, Any]) -> list[str]:
    """Labels in a mart's yml: they stand in the seed, and nowhere twice."""
    things = {mart["name"]: mart} | {
        f"{mart['name']}.{name}": column for name, column in mart["columns"].items()
    }
    return [
        f"{where}: {key} belongs into seeds/{seed.FILE}"
        for where, thing in things.items()
        for meta in (thing.get("meta"), (thing.get("config") or {}).get("meta"))
        for key in meta or {}
        if key.startswith("label")
    ]


def test_no_label_stands_in_the_yml_of_a_mart(manifest: Manifest) -> None:
    assert [fault for mart in marts_of(manifest) for fault in twice_faults(mart)] == []


# --- Each rule can fail ---------------------------------------------------------------------------


def _without(labels: Sequence[Label], *places: Place) -> list[Label]:
    left = [label for label in labels if label.place not in places]
    assert len(left) == len(labels) - len(places)
    return left


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (("kpi_daily", "", ""), "kpi_daily: no label"),
        (("kpi_daily", "kpi_value", ""), "kpi_daily.kpi_value: no label"),
        (("release_info", "run_id", ""), "release_info.run_id: no label"),
        (
            ("kpi_daily", "anomaly_code", "not_judged"),
            "kpi_daily.anomaly_code = not_judged: no label",
        ),
        (("*", "period_grain", "month"), "growth_accounting.period_grain = month: no label"),
        (("*", "iso_weekday", "7"), "content_supply_hourly.iso_weekday = 7: no label"),
        (("*", "*", "true"), "fct_live_sessions.is_open = true: no label"),
        (("*", "creator_id", ""), "fct_valid_days.creator_id: no label"),
    ],
)
def test_a_translation_that_is_missing_is_a_fault(
    labels: list[Label], marts: Published, place: Place, said: str
) -> None:
    assert said in missing_faults(_without(labels, place), marts)


def test_a_column_flag_or_code_that_is_new_needs_a_label(
    labels: list[Label], marts: Published
) -> None:
    kpi_daily = {**marts["kpi_daily"], "is_new": frozenset({"false", "true"})}
    kpi_daily["target_status"] = marts["kpi_daily"]["target_status"] | {"nearly"}
    assert missing_faults(labels, {**marts, "kpi_daily": kpi_daily, "other": {}}) == [
        "kpi_daily.is_new: no label",
        "kpi_daily.target_status = nearly: no label",
        "other: no label",
    ]


def test_a_line_of_a_mart_wins_over_that_of_any_mart(labels: list[Label], marts: Published) -> None:
    general = ("*", "tier", "")
    assert ("dim_agencies", "tier", "") in {label.place for label in labels}
    assert missing_faults(_without(labels, ("dim_agencies", "tier", "")), marts) == []
    missing = missing_faults(_without(labels, general), marts)
    assert missing == ["dim_creators.tier: no label", "dim_creators_history.tier: no label"]


@pytest.mark.parametrize(
    "place",
    [
        ("kpi_weekly", "", ""),
        ("kpi_daily", "kpi_valeu", ""),
        ("kpi_daily", "anomaly_code", "lowest"),
        ("kpi_daily", "kpi_value", "low"),
        ("*", "kpi_valeu", ""),
        ("*", "period_grain", "year"),
        ("*", "*", "maybe"),
        ("*", "", ""),
        # Every mart that has it has a line of its own.
        ("*", "cohort_size", ""),
    ],
)
def test_a_label_of_nothing_is_a_fault(labels: list[Label], marts: Published, place: Place) -> None:
    orphan = Label(400, place, ("Name", "Nombre", "What.", "Qué."))
    assert orphan_faults([*labels, orphan], marts) == [f"line 400, {_shown(place)}: labels nothing"]


def test_a_column_that_is_gone_leaves_an_orphan(labels: list[Label], marts: Published) -> None:
    left = {column: codes for column, codes in marts["kpi_daily"].items() if column != "kpi_value"}
    (fault,) = orphan_faults(labels, {**marts, "kpi_daily": left})
    assert fault.endswith("kpi_daily.kpi_value: labels nothing")


@pytest.mark.parametrize(
    ("en", "es", "is_fault"),
    [
        ("Active creators", "Creadores activos", False),
        ("LIVE", "LIVE", False),
        ("Total", "total", False),
        ("Active creators", "Active creators", True),
        ("Active creators", " active CREATORS", True),
        ("Active creators", "", True),
        (" ", "Creadores activos", True),
    ],
)
def test_a_text_that_was_copied_or_forgotten_is_a_fault(
    en: str,
    es: str,
    is_fault: bool,  # noqa: FBT001 - a table's column
) -> None:
    assert bool(translation_faults(Text("here", en, es))) is is_fault


@pytest.mark.parametrize("name", ["kpis.csv", "metric_rules.csv", "markets.csv", seed.FILE])
def test_a_kpi_rule_market_or_column_in_one_language_is_a_fault(name: str) -> None:
    rows = rows_of(name)
    rows[1]["name_es"] = ""
    (fault,) = [fault for text in seed_texts(name, rows) for fault in translation_faults(text)]
    assert fault == f"seeds/{name}, line 3: name: no Spanish text"


def test_a_step_in_one_language_is_a_fault() -> None:
    declared = load_declarations()
    funnel = declared.funnels[0]
    # A copy is not checked against its shape, which would refuse an empty one already.
    step = funnel.steps[3].model_copy(update={"label_es": funnel.steps[3].label_en})
    steps = [*funnel.steps[:3], step, *funnel.steps[4:]]
    changed = replace(declared, funnels=(funnel.model_copy(update={"steps": steps}),))
    faults = [fault for text in declared_texts(changed) for fault in translation_faults(text)]
    assert faults == [
        "funnel_step onboarding first_live: label: the Spanish text is the English one"
    ]


@pytest.mark.parametrize(
    "es",
    [
        "Dia local",
        "Sesion LIVE",
        "Fecha de creacion",
        "Nada mas",
        "Numero de paso",
        "Tasa de retencion",
        "Codigo de pais",
        "Ano ISO",
        "Vuestros creadores",
        "Mirad lo que hacéis",
        "El fichero de llegada",
        "Puedes ver tus metas",
        "Cuando the creator ingresó",
        "Quién volvió?",
    ],
)
def test_spanish_that_nobody_checked_is_a_fault(es: str) -> None:
    assert spanish_faults(Text("here", "Something", es))


@pytest.mark.parametrize(
    "es",
    [
        "Día local",
        "Sesiones LIVE y retenciones",
        "Año ISO",
        "Solo los domingos; esta semana",
        "¿Quién volvió?",
        "Segundos en LIVE (s)",
        "Cuenta como los demás",
    ],
)
def test_spanish_as_it_is_written_is_no_fault(es: str) -> None:
    assert spanish_faults(Text("here", "Something", es)) == []


@pytest.mark.parametrize(
    "text",
    [
        Text("here: name", "Value.", "Valor"),
        Text("here: name", "Value", "V" * 61),
        Text("here: description", "The value", "El valor."),
        Text("here: description", "The value.", "E" * 300 + "."),
    ],
)
def test_a_name_that_is_a_sentence_or_no_sentence_is_a_fault(text: Text) -> None:
    assert shape_faults(text)


def test_a_label_in_a_marts_yml_is_a_fault() -> None:
    column = {"config": {"meta": {"label_en": "Value"}}}
    assert twice_faults({"name": "good", "columns": {"value": column}})
    assert twice_faults({"name": "good", "columns": {}, "meta": {"label_es": "Bueno"}})
    assert not twice_faults({"name": "good", "columns": {}, "meta": {"owner": "data"}})


def test_a_model_that_reads_labels_is_a_fault(manifest: Manifest) -> None:
    nodes = manifest["nodes"]
    reader = nodes["model.semillero.kpi_daily"]
    depends_on = {
        "nodes": ["seed.semillero.mart_labels"],
        "macros": ["macro.semillero.declared_labels"],
    }
    changed = {**nodes, reader["unique_id"]: {**reader, "depends_on": depends_on}}
    assert label_reader_faults({**manifest, "nodes": changed}) == [
        "kpi_daily reads seed.semillero.mart_labels",
        "kpi_daily reads macro.semillero.declared_labels",
    ]
