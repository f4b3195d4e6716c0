"""What follows from the contracts as text: the dbt sources, and the data dictionary EN and ES.

What lives here: three files made from the contracts and from nothing else, and the question whether
the committed ones are those. What may not: anything that the contracts do not say; whoever wants
another text changes the contract.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from orchestration.contracts.loader import (
    CONTRACTS_DIR,
    LINEAGE_COLUMNS,
    Column,
    FeedContract,
    Kind,
    RowRule,
    load_contracts,
)
from orchestration.settings import PROJECT_ROOT, Language

_DBT_TYPES = {"TIMESTAMPTZ": "timestamptz", "DECIMAL(18,4)": "decimal(18,4)"}
_LINEAGE_DOCS = {
    "_extra": "raw_extra",
    "_dt": "arrival_date",
    "_file": "arrival_file",
    "_row": "arrival_row",
}
_SOURCES_HEAD = """\
# Made from orchestration/contracts/*.yaml by `semillero contracts render`. Change the contracts, not this.
version: 2

sources:
  - name: raw
    description: >
      The accepted partitions of each feed: one view a feed over the typed Parquet of `raw/`, registered
      by `orchestration/warehouse.py`.
    tables:
"""  # noqa: E501 - a line of the file

_WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "made": "Made from `orchestration/contracts/*.yaml` by `semillero contracts render`. "
        "Change the contracts, not this page.",
        "title": "Data dictionary: what Semillero reads",
        "intro": "A *feed* is one kind of data that somebody delivers. Its files go into a folder "
        "for each day of arrival (UTC): `landing/<feed>/dt=YYYY-MM-DD/`. Their names do not "
        "matter; their endings do: `.parquet`, `.csv`, `.csv.gz`, `.jsonl` or `.jsonl.gz`. Text "
        "is UTF-8.\n\n"
        "Every row is checked. One that breaks a rule is not used and not lost: it waits, with "
        "the reason, in `quarantine/<feed>/dt=YYYY-MM-DD/`. Columns that are not listed here are "
        "kept and reported. Moments outside the years 2000 to 2099 are refused everywhere.",
        "classes": "Who may see a value",
        "public": "public: it stands on the platform, where everybody sees it",
        "internal": "internal: for whoever works with this data",
        "personal": "personal: it says who somebody is; shown nowhere, samples carry `***`",
        "sensitive": "sensitive: free text, in which anything may stand; shown nowhere, samples "
        "carry `***`",
        "public_word": "public",
        "internal_word": "internal",
        "personal_word": "**personal**",
        "sensitive_word": "**sensitive**",
        "feeds": "The feeds",
        "feed": "Feed",
        "what": "What it tells",
        "one_row": "What a row is",
        "folder": "Folder",
        "key": "Key",
        "key_text": "{key}. Of rows with the same key{newest} the one that arrived last counts.",
        "newest": ", the one with the greatest `updated_at` counts; where they are equal,",
        "fresh": "How often",
        "fresh_text": "a new arrival day at least every {frequency}, up to {latency} late; after "
        "that {severity}",
        "fresh_text_on_time": "a new arrival day at least every {frequency}; after that {severity}",
        "no_fresh": "no promise: it comes when there is something to tell",
        "stale_warn": "a warning stands beside the release",
        "stale_error": "nothing is published",
        "each_day": "day",
        "day": "1 day",
        "days": "{count} days",
        "hours": "{count} hours",
        "event": "When it happened",
        "event_text": "`{column}`: coverage is counted by its day. A row from more than a day "
        "after its arrival is refused.",
        "no_event": "the rows are a state, not something that happened",
        "late": "Late rows",
        "late_text": "older than the lateness horizon (35 days unless set otherwise) at arrival: "
        "they wait in quarantine as `too_late` (`semillero quarantine replay --rule too_late` lets "
        "them in; on a first load, `semillero run --history`)",
        "no_late": "taken in, however old",
        "mandatory": "A day without one good row",
        "mandatory_yes": "is refused: without this feed there is no answer",
        "mandatory_no": "is accepted as empty",
        "bad_files": "A file that cannot be read",
        "bad_files_yes": "is left out, the others are used",
        "bad_files_no": "refuses the whole day",
        "share": "Refused rows",
        "share_text": "more than {share} of a day's rows refuse the whole day",
        "drift": "Drift from the days before",
        "drift_text": "is told",
        "drift_refuses": "is told; {kinds} refuses the whole day",
        "version": "Version of the contract",
        "column": "Column",
        "type": "Type",
        "needed": "Must be there",
        "limits": "What is allowed",
        "class": "Class",
        "meaning": "What it means",
        "required": "always, with a value",
        "present": "the column; a value may be empty",
        "optional": "no",
        "string": "text",
        "integer": "whole number",
        "decimal": "number with up to 4 decimals",
        "timestamp": "moment with its time zone, like `2026-01-31T20:15:00-05:00` or `...Z`",
        "date": "day, like `2026-01-31`",
        "boolean": "`true` or `false`",
        "zone": "without a time zone: taken as {zone}",
        "one_of": "one of {values}",
        "length": "up to {length} characters",
        "from": "from {minimum}",
        "to": "up to {maximum}",
        "from_to": "{minimum} to {maximum}",
        "rules": "Rows that are refused",
        "rule_columns": "Beside the columns' own limits:",
    },
    "es": {
        "made": "Generado a partir de `orchestration/contracts/*.yaml` con `semillero contracts "
        "render`. Los cambios se hacen en los contratos, no en esta página.",
        "title": "Diccionario de datos: qué lee Semillero",
        "intro": "Una *fuente* (feed) es un tipo de datos que alguien entrega. Sus archivos van en "
        "una carpeta por cada día de llegada (UTC): `landing/<fuente>/dt=AAAA-MM-DD/`. El nombre "
        "del archivo no importa; la terminación sí: `.parquet`, `.csv`, `.csv.gz`, `.jsonl` o "
        "`.jsonl.gz`. El texto va en UTF-8.\n\n"
        "Se revisa cada fila. La que incumple una regla no se usa, pero tampoco se pierde: espera, "
        "con su motivo, en `quarantine/<fuente>/dt=AAAA-MM-DD/`. Las columnas que no figuran aquí "
        "se conservan y se informan. En todas partes se rechazan los momentos fuera de los años "
        "2000 a 2099.",
        "classes": "Quién puede ver un valor",
        "public": "público: está en la plataforma, a la vista de todos",
        "internal": "interno: para quien trabaja con estos datos",
        "personal": "personal: dice quién es alguien; no se muestra en ningún lado, las muestras "
        "llevan `***`",
        "sensitive": "sensible: texto libre, en el que puede haber cualquier cosa; no se muestra "
        "en ningún lado, las muestras llevan `***`",
        "public_word": "público",
        "internal_word": "interno",
        "personal_word": "**personal**",
        "sensitive_word": "**sensible**",
        "feeds": "Las fuentes",
        "feed": "Fuente",
        "what": "Qué cuenta",
        "one_row": "Qué es una fila",
        "folder": "Carpeta",
        "key": "Clave",
        "key_text": "{key}. Entre filas con la misma clave{newest} vale la que llegó última.",
        "newest": " vale la de `updated_at` más reciente; si empatan,",
        "fresh": "Cada cuánto",
        "fresh_text": "un día de llegada nuevo al menos cada {frequency}, con hasta {latency} de "
        "demora; después, {severity}",
        "fresh_text_on_time": "un día de llegada nuevo al menos cada {frequency}; después, "
        "{severity}",
        "no_fresh": "sin compromiso: llega cuando hay algo que contar",
        "stale_warn": "la versión se publica con un aviso",
        "stale_error": "no se publica nada",
        "each_day": "día",
        "day": "1 día",
        "days": "{count} días",
        "hours": "{count} horas",
        "event": "Cuándo ocurrió",
        "event_text": "`{column}`: la cobertura se cuenta por su día. Se rechaza la fila fechada "
        "más de un día después de su llegada.",
        "no_event": "las filas son un estado, no algo que ocurrió",
        "late": "Filas tardías",
        "late_text": "si al llegar superan el horizonte de tardanza (35 días, salvo que se indique "
        "otro), esperan en cuarentena como `too_late` (las admite `semillero quarantine replay "
        "--rule too_late` o, en una primera carga, `semillero run --history`)",
        "no_late": "se admiten, por antiguas que sean",
        "mandatory": "Un día sin ninguna fila buena",
        "mandatory_yes": "se rechaza: sin esta fuente no hay respuesta",
        "mandatory_no": "se acepta como vacío",
        "bad_files": "Un archivo que no se puede leer",
        "bad_files_yes": "se deja fuera y se usan los demás",
        "bad_files_no": "hace rechazar el día completo",
        "share": "Filas rechazadas",
        "share_text": "más de {share} de las filas de un día hacen rechazar el día completo",
        "drift": "Deriva frente a los días anteriores",
        "drift_text": "se informa",
        "drift_refuses": "se informa; {kinds} hace rechazar el día completo",
        "version": "Versión del contrato",
        "column": "Columna",
        "type": "Tipo",
        "needed": "Debe estar",
        "limits": "Qué se admite",
        "class": "Clase",
        "meaning": "Qué significa",
        "required": "siempre, con valor",
        "present": "la columna; el valor puede ir vacío",
        "optional": "no",
        "string": "texto",
        "integer": "número entero",
        "decimal": "número con hasta 4 decimales",
        "timestamp": "momento con su zona horaria, como `2026-01-31T20:15:00-05:00` o `...Z`",
        "date": "día, como `2026-01-31`",
        "boolean": "`true` o `false`",
        "zone": "sin zona horaria: se toma como {zone}",
        "one_of": "uno de {values}",
        "length": "hasta {length} caracteres",
        "from": "desde {minimum}",
        "to": "hasta {maximum}",
        "from_to": "de {minimum} a {maximum}",
        "rules": "Filas que se rechazan",
        "rule_columns": "Además de los límites de cada columna:",
    },
}


def rendered(contracts: Mapping[str, FeedContract]) -> dict[Path, str]:
    """The text of each made file, by its place in the checkout."""
    return {
        PROJECT_ROOT / "models" / "staging" / "raw" / "_raw__sources.yml": sources_yml(contracts),
        CONTRACTS_DIR / "dictionary.en.md": dictionary(contracts, "en"),
        CONTRACTS_DIR / "dictionary.es.md": dictionary(contracts, "es"),
    }


def differing() -> list[Path]:
    """The made files that are not what the contracts say, or are not there.

    Raises:
        ContractError: A contract contradicts itself.
    """
    return [path for path, text in rendered(load_contracts()).items() if _read(path) != text]


def render() -> list[Path]:
    """Write the made files that differ; the others are not touched.

    Returns:
        The files that were written.

    Raises:
        ContractError: A contract contradicts itself.
    """
    texts = rendered(load_contracts())
    changed = [path for path, text in texts.items() if _read(path) != text]
    for path in changed:
        path.write_text(texts[path], encoding="utf-8")
    return changed


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


# --- dbt sources --------------------------------------------------------------------------------


def sources_yml(contracts: Mapping[str, FeedContract]) -> str:
    """The `sources` of the raw views, as dbt reads them."""
    reserved = _reserved_words()
    lines = []
    for feed, contract in contracts.items():
        lines += [
            f"      - name: {feed}",
            f"        description: {_quoted(f'{contract.purpose_en} {contract.grain_en}.')}",
            "        columns:",
        ]
        for column in contract.columns:
            lines += _source_column(column.name, column.duckdb_type, column.description_en)
            if column.name in reserved:
                lines.append("            quote: true")
            if column.is_personal:
                lines.append(
                    f"            config: {{meta: {{classification: {column.classification}}}}}"
                )
        for name, kind in LINEAGE_COLUMNS.items():
            lines += _source_column(name, kind, f"{{{{ doc('{_LINEAGE_DOCS[name]}') }}}}")
    return _SOURCES_HEAD + "\n".join(lines) + "\n"


def _source_column(name: str, kind: str, description: str) -> list[str]:
    return [
        f"          - name: {name}",
        f"            data_type: {_DBT_TYPES.get(kind, kind.lower())}",
        f"            description: {_quoted(description)}",
    ]


def _quoted(text: str) -> str:
    # A JSON text is a YAML text.
    return json.dumps(text, ensure_ascii=False)


def _reserved_words() -> frozenset[str]:
    """Names that SQL reads as something else unless they stand in quotation marks."""
    import duckdb

    with duckdb.connect(":memory:") as connection:
        found = connection.execute(
            "select keyword_name from duckdb_keywords() where keyword_category = 'reserved'"
        ).fetchall()
    return frozenset(name for (name,) in found)


# --- data dictionary ----------------------------------------------------------------------------


def dictionary(contracts: Mapping[str, FeedContract], language: Language) -> str:
    """All feeds as one page of Markdown for people."""
    words = _WORDS[language]
    classes = "\n".join(
        f"* {words[name]}" for name in ("public", "internal", "personal", "sensitive")
    )
    feeds = _table(
        [words["feed"], words["what"], words["fresh"]],
        [
            [
                f"[`{feed}`](#{feed})",
                _text(contract, "purpose", language),
                _freshness(contract, words),
            ]
            for feed, contract in contracts.items()
        ],
    )
    parts = [
        f"<!-- {words['made']} -->",
        f"# {words['title']}",
        words["intro"],
        f"## {words['classes']}",
        classes,
        f"## {words['feeds']}",
        feeds,
        *(part for contract in contracts.values() for part in _feed(contract, language)),
    ]
    return "\n\n".join(parts) + "\n"


def _feed(contract: FeedContract, language: Language) -> Iterator[str]:
    words = _WORDS[language]
    yield f"## {contract.feed}"
    yield _text(contract, "purpose", language)
    yield _table(["", ""], _facts(contract, language))
    yield _table(
        [words[name] for name in ("column", "type", "needed", "limits", "class", "meaning")],
        [_column(column, language) for column in contract.columns],
    )
    if contract.rules:
        yield f"{words['rules']}. {words['rule_columns']}"
        yield "\n".join(_rule(rule, language) for rule in contract.rules)


def _facts(contract: FeedContract, language: Language) -> list[list[str]]:
    words = _WORDS[language]
    key = ", ".join(f"`{name}`" for name in contract.key)
    has_newest = any(column.name == "updated_at" for column in contract.columns)
    event = words["no_event"]
    if contract.event_column is not None:
        event = words["event_text"].format(column=contract.event_column)
    share = f"{contract.max_refused_share * 100:g} %"
    facts = {
        "one_row": _text(contract, "grain", language),
        "folder": f"`landing/{contract.feed}/dt=.../`",
        "key": words["key_text"].format(key=key, newest=words["newest"] if has_newest else ""),
        "fresh": _freshness(contract, words),
        "event": event,
        "late": words["late_text" if contract.lateness_applies else "no_late"],
        "mandatory": words["mandatory_yes" if contract.mandatory else "mandatory_no"],
        "bad_files": words["bad_files_yes" if contract.tolerates_bad_files else "bad_files_no"],
        "share": words["share_text"].format(share=share),
        "drift": _drift(contract, words),
        "version": contract.version,
    }
    return [[words[name], text] for name, text in facts.items()]


def _drift(contract: FeedContract, words: Mapping[str, str]) -> str:
    refuse = {
        kind for column in contract.columns for kind, action in column.drift if action == "refuse"
    }
    if contract.new_column_action == "refuse":
        refuse.add("new_column")
    if not refuse:
        return words["drift_text"]
    kinds = ", ".join(f"`{kind}`" for kind in sorted(refuse))
    return words["drift_refuses"].format(kinds=kinds)


def _freshness(contract: FeedContract, words: Mapping[str, str]) -> str:
    if contract.frequency_days is None:
        return words["no_fresh"]
    late = contract.latency_days or 0.0
    return words["fresh_text" if late else "fresh_text_on_time"].format(
        frequency=(
            words["each_day"]
            if contract.frequency_days == 1
            else _duration(contract.frequency_days, words)
        ),
        latency=_duration(late, words),
        severity=words[f"stale_{contract.freshness_severity}"],
    )


def _duration(days: float, words: Mapping[str, str]) -> str:
    if days == 1:
        return words["day"]
    if days == int(days):
        return words["days"].format(count=int(days))
    return words["hours"].format(count=f"{days * 24:g}")


def _column(column: Column, language: Language) -> list[str]:
    words = _WORDS[language]
    needed = "optional"
    if column.must_be_present:
        needed = "required" if column.required else "present"
    return [
        f"`{column.name}`",
        _type(column.kind, words),
        words[needed],
        "; ".join(_limits(column, words)),
        words[f"{column.classification}_word"],
        column.description_en if language == "en" else column.description_es,
    ]


def _type(kind: Kind, words: Mapping[str, str]) -> str:
    return words[kind]


def _limits(column: Column, words: Mapping[str, str]) -> Iterator[str]:
    low, high = column.minimum, column.maximum
    if column.allowed is not None:
        yield words["one_of"].format(values=", ".join(f"`{value}`" for value in column.allowed))
    if column.max_length is not None:
        yield words["length"].format(length=column.max_length)
    if low is not None and high is not None:
        yield words["from_to"].format(minimum=_number(low), maximum=_number(high))
    elif low is not None:
        yield words["from"].format(minimum=_number(low))
    elif high is not None:
        yield words["to"].format(maximum=_number(high))
    if column.default_zone is not None:
        yield words["zone"].format(zone=column.default_zone)


def _number(value: float) -> str:
    # Groups of three, by a space that does not break: a comma is a point elsewhere.
    return f"{value:,}".replace(",", "\N{NO-BREAK SPACE}")


def _rule(rule: RowRule, language: Language) -> str:
    reason = rule.reason_en if language == "en" else rule.reason_es
    return f"* `{rule.rule}`: {reason}"


def _text(contract: FeedContract, name: str, language: Language) -> str:
    return str(getattr(contract, f"{name}_{language}"))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells
    )
