"""Every mart keeps its promises, and every layer reads only what it may.

What lives here: rules over the parsed dbt manifest. What may not: rules on SQL text (see
`test_house_sql.py`) and anything that needs data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import pytest

from orchestration.checks.tables import MARTS
from orchestration.contracts.loader import load_contracts

Node = Mapping[str, Any]
Manifest = Mapping[str, Any]

# Not `unique`: it lets any number of NULLs pass, and a NULL key is no key.
GRAIN_TEST = "unique_combination"
WHERE_PERSONAL_DATA_MAY_BE = frozenset(
    {"dim_creators", "dim_creators_history", "creator_watchlist"}
)

_SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_TYPE_OF_SUFFIX = {
    "_id": "varchar",
    "_key": "varchar",
    "_at": "timestamp",
    "_date": "date",
    "_seconds": "bigint",
    "_count": "bigint",
    "_usd": "decimal",
    "_rate": "decimal",
}
# A double's last bits depend on the order of the rows; a release is compared by content hash.
_FORBIDDEN_TYPES = frozenset({"double", "float", "real"})
# Field's words (CONTEXT.md): these are other people's words for creator and LIVE session.
FORBIDDEN_WORDS = frozenset(
    {"user", "users", "streamer", "host", "influencer", "stream", "streams", "broadcast", "coins"}
)


def models_of(manifest: Manifest, *layers: str) -> list[Node]:
    """The models of some layers (of all, where none is named), by name."""
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    chosen = [model for model in models if not layers or layer_of(model) in layers]
    return sorted(chosen, key=lambda model: str(model["name"]))


def folders_of(node: Node) -> tuple[str, ...]:
    """The folders of a model below `models/`, like ('marts', 'core')."""
    parts = PurePosixPath(node["original_file_path"]).parts
    return parts[parts.index("models") + 1 : -1] if "models" in parts else ()


def layer_of(node: Node) -> str:
    """staging, intermediate or marts; '' for what is no model."""
    folders = folders_of(node)
    return folders[0] if folders else ""


def meta_of(thing: Mapping[str, Any]) -> Mapping[str, Any]:
    """The `meta` of a model or column: dbt keeps it in `config` and beside it."""
    return {**(thing.get("meta") or {}), **((thing.get("config") or {}).get("meta") or {})}


# --- A mart's promises ---------------------------------------------------------------------------


def yml_faults(mart: Node) -> list[str]:
    """A mart is described in the yml of its own name, beside its SQL."""
    sql = PurePosixPath(mart["original_file_path"])
    found = (mart.get("patch_path") or "").partition("://")[2]
    if PurePosixPath(found) == sql.with_suffix(".yml"):
        return []
    return [f"{mart['name']}: described in {found or 'no yml'}, not in {sql.stem}.yml beside it"]


def description_faults(mart: Node) -> list[str]:
    """The first thing a description says is the grain."""
    if str(mart.get("description") or "").startswith("One row per "):
        return []
    return [f"{mart['name']}: its description does not start with 'One row per'"]


def contract_faults(mart: Node) -> list[str]:
    """Dbt refuses to build a mart whose columns are not the promised ones."""
    if (mart["config"].get("contract") or {}).get("enforced"):
        return []
    return [f"{mart['name']}: its contract is not enforced"]


def storage_faults(mart: Node) -> list[str]:
    """A mart holds its rows: a view would name the working file, which no release has."""
    stored = mart["config"].get("materialized")
    return [] if stored in {"table", "incremental"} else [f"{mart['name']}: stored as {stored}"]


def owner_faults(mart: Node) -> list[str]:
    """Somebody answers for a mart."""
    owner = meta_of(mart).get("owner")
    return [] if owner and str(owner).strip() else [f"{mart['name']}: meta has no owner"]


def column_faults(mart: Node) -> list[str]:
    """Every column is typed and described (what it is called: `test_house_labels.py`)."""
    faults = [] if mart["columns"] else [f"{mart['name']}: no column is described"]
    for name, column in mart["columns"].items():
        where = f"{mart['name']}.{name}"
        if not str(column.get("data_type") or "").strip():
            faults.append(f"{where}: no data_type")
        if not str(column.get("description") or "").strip():
            faults.append(f"{where}: no description")
    return faults


def column_name_faults(mart: Node) -> list[str]:
    """A name says unit and type (rubric C1 to C6), in the words of CONTEXT.md."""
    faults = []
    for name, column in mart["columns"].items():
        where = f"{mart['name']}.{name}"
        kind = str(column.get("data_type") or "").lower().partition("(")[0].strip()
        if not _SNAKE_CASE.fullmatch(name):
            faults.append(f"{where}: not lower-case words joined by _")
        faults += [
            f"{where}: {word!r} is not our word (CONTEXT.md)"
            for word in sorted(FORBIDDEN_WORDS & set(name.split("_")))
        ]
        faults += [
            f"{where}: ends in {suffix} but is {kind}, not {expected}"
            for suffix, expected in _TYPE_OF_SUFFIX.items()
            if name.endswith(suffix) and kind and kind != expected
        ]
        if (kind == "boolean") != name.startswith(("is_", "has_")):
            faults.append(f"{where}: is_ and has_ are for booleans, and booleans for them")
        if kind in _FORBIDDEN_TYPES:
            faults.append(f"{where}: {kind} in a mart; use decimal(precision, scale)")
    return faults


def grain_faults(mart: Node, tests: Iterable[Node], key: Sequence[str] | None) -> list[str]:
    """A test of severity error proves the grain, over the very key that the gate list names."""
    grains = []
    for test in tests:
        metadata = test.get("test_metadata") or {}
        is_about_it = test.get("attached_node") == mart["unique_id"]
        is_blocking = str(test["config"].get("severity", "error")).lower() == "error"
        if is_about_it and is_blocking and metadata.get("name") == GRAIN_TEST:
            grains.append(set((metadata.get("kwargs") or {}).get("columns") or []))
    if not grains:
        return [f"{mart['name']}: no test of severity error proves its grain"]
    if key is not None and set(key) not in grains:
        shown = " / ".join(", ".join(sorted(map(str, grain))) for grain in grains)
        return [f"{mart['name']}: its grain is tested over {shown}, the gate says {', '.join(key)}"]
    return []


def gate_list_faults(mart_names: Iterable[str], listed: Iterable[str]) -> list[str]:
    """The models below `marts/` and the closed list of the gate are the same."""
    models, gate = set(mart_names), set(listed)
    return [
        *(f"{name}: a mart that no release promises" for name in sorted(models - gate)),
        *(f"{name}: promised, but no model makes it" for name in sorted(gate - models)),
    ]


def personal_faults(marts: Iterable[Node], personal: frozenset[str]) -> list[str]:
    """Personal data stays where design section 11 puts it."""
    return [
        f"{mart['name']}.{column}: personal data outside {', '.join(sorted(allowed))}"
        for allowed in [WHERE_PERSONAL_DATA_MAY_BE]
        for mart in marts
        for column in mart["columns"]
        if column in personal and mart["name"] not in allowed
    ]


# --- Layers --------------------------------------------------------------------------------------


def layer_faults(model: Node, nodes: Mapping[str, Node]) -> list[str]:
    """What a model reads that its layer may not."""
    layer = layer_of(model)
    faults = []
    for parent_id in model["depends_on"]["nodes"]:
        kind = parent_id.partition(".")[0]
        parent = nodes.get(parent_id, {})
        folders = folders_of(parent) if kind == "model" else ()
        allowed = {
            "staging": kind == "source",
            "intermediate": kind == "seed"
            or folders[:1] in {("staging",), ("intermediate",)}
            or folders == ("marts", "core"),
            "marts": kind == "seed" or folders[:1] in {("intermediate",), ("marts",)},
        }
        if not allowed.get(layer, False):
            short = ".".join(parent_id.split(".")[2:])
            what = "/".join(folders) or kind
            faults.append(f"{model['name']} ({layer or 'no layer'}) reads {short} ({what})")
    return faults


def model_name_faults(model: Node) -> list[str]:
    """A model's name tells its layer: stg_<source>__<plural>, int_..., fct_ and dim_ in core."""
    name, folders = str(model["name"]), folders_of(model)
    expected = {
        "staging": name.startswith(f"stg_{folders[1]}__") if len(folders) > 1 else False,
        "intermediate": name.startswith("int_"),
        "marts": name.startswith(("fct_", "dim_"))
        if folders == ("marts", "core")
        else not name.startswith(("fct_", "dim_", "int_", "stg_")),
    }
    return [] if expected.get(layer_of(model)) else [f"{name} in {'/'.join(folders)}: odd name"]


def target_faults(file_path: str, package: str = "semillero") -> list[str]:
    """Dbt writes below `target/<run or compiled>/<package>/<path>`: `..` may not lead out of it.

    dbt-core issue 8541. The first two folders are also refused as a place: files of `compiled` and
    `run` would overwrite each other there.
    """
    parts = ["compiled", package]
    for part in PurePosixPath(file_path).parts:
        if part == "..":
            parts = parts[:-1]
        else:
            parts.append(part)
        if not parts:
            return [f"{file_path}: its compiled file leaves target/compiled"]
    return []


# --- The house -----------------------------------------------------------------------------------


def _mart(**changes: object) -> dict[str, Any]:
    """A mart without a fault, but for the changes."""
    return {
        "unique_id": "model.semillero.good",
        "resource_type": "model",
        "name": "good",
        "original_file_path": "../models/marts/kpi/good.sql",
        "patch_path": "semillero://../models/marts/kpi/good.yml",
        "description": "One row per day.",
        "config": {
            "contract": {"enforced": True},
            "materialized": "table",
            "meta": {"owner": "content operations"},
        },
        "columns": {
            "active_count": {
                "data_type": "bigint",
                "description": "Creators that were active.",
            }
        },
        "depends_on": {"nodes": []},
        **changes,
    }


def _column(name: str, **changes: object) -> dict[str, Any]:
    column = {**_mart()["columns"]["active_count"], **changes}
    return _mart(columns={name: column})


def test_every_mart_is_described_in_the_yml_beside_it(manifest: Manifest) -> None:
    assert [fault for mart in models_of(manifest, "marts") for fault in yml_faults(mart)] == []


def test_every_mart_says_first_what_one_row_is(manifest: Manifest) -> None:
    marts = models_of(manifest, "marts")
    assert [fault for mart in marts for fault in description_faults(mart)] == []


def test_every_model_is_described(manifest: Manifest) -> None:
    assert [model["name"] for model in models_of(manifest) if not model["description"]] == []


def test_every_mart_has_its_contract_enforced(manifest: Manifest) -> None:
    assert [fault for mart in models_of(manifest, "marts") for fault in contract_faults(mart)] == []


def test_every_mart_holds_its_rows(manifest: Manifest) -> None:
    assert [fault for mart in models_of(manifest, "marts") for fault in storage_faults(mart)] == []


def test_every_mart_has_an_owner(manifest: Manifest) -> None:
    assert [fault for mart in models_of(manifest, "marts") for fault in owner_faults(mart)] == []


def test_every_mart_column_is_typed_and_described(manifest: Manifest) -> None:
    assert [fault for mart in models_of(manifest, "marts") for fault in column_faults(mart)] == []


def test_every_mart_column_says_its_unit_in_our_words(manifest: Manifest) -> None:
    marts = models_of(manifest, "marts")
    assert [fault for mart in marts for fault in column_name_faults(mart)] == []


def test_every_mart_proves_the_grain_that_the_gate_relies_on(manifest: Manifest) -> None:
    tests = [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    faults = [
        fault
        for mart in models_of(manifest, "marts")
        for fault in grain_faults(
            mart, tests, MARTS[mart["name"]].key if mart["name"] in MARTS else None
        )
    ]
    assert faults == []


def test_the_gate_list_and_the_marts_are_the_same(manifest: Manifest) -> None:
    names = [mart["name"] for mart in models_of(manifest, "marts")]
    assert gate_list_faults(names, MARTS) == []


def test_personal_data_stays_in_the_creator_dimension(manifest: Manifest) -> None:
    contracts = load_contracts().values()
    personal = frozenset(name for contract in contracts for name in contract.personal_columns)
    assert "handle" in personal
    assert personal_faults(models_of(manifest, "marts"), personal) == []


def test_every_model_reads_only_what_its_layer_may(manifest: Manifest) -> None:
    faults = [
        fault for model in models_of(manifest) for fault in layer_faults(model, manifest["nodes"])
    ]
    assert faults == []


def test_every_model_is_named_by_its_layer(manifest: Manifest) -> None:
    assert [fault for model in models_of(manifest) for fault in model_name_faults(model)] == []


def test_compiled_files_stay_in_target(manifest: Manifest) -> None:
    nodes = manifest["nodes"].values()
    assert models_of(manifest)
    assert [fault for node in nodes for fault in target_faults(node["original_file_path"])] == []


# --- Each rule can fail --------------------------------------------------------------------------


def test_a_good_mart_has_no_fault() -> None:
    mart = _mart()
    rules = (
        yml_faults,
        description_faults,
        contract_faults,
        storage_faults,
        owner_faults,
        column_faults,
        column_name_faults,
        model_name_faults,
    )
    assert [fault for rule in rules for fault in rule(mart)] == []


@pytest.mark.parametrize(
    "patch_path",
    [None, "semillero://../models/marts/kpi/_kpi.yml", "semillero://../models/good.yml"],
)
def test_a_mart_described_elsewhere_is_a_fault(patch_path: str | None) -> None:
    assert yml_faults(_mart(patch_path=patch_path))


@pytest.mark.parametrize("description", ["", "Days.", "A row per day."])
def test_a_description_without_the_grain_first_is_a_fault(description: str) -> None:
    assert description_faults(_mart(description=description))


@pytest.mark.parametrize("contract", [None, {}, {"enforced": False}])
def test_a_contract_that_is_not_enforced_is_a_fault(contract: object) -> None:
    assert contract_faults(_mart(config={"contract": contract}))


@pytest.mark.parametrize("stored", [None, "view", "ephemeral", "external"])
def test_a_mart_without_rows_of_its_own_is_a_fault(stored: str | None) -> None:
    assert storage_faults(_mart(config={"materialized": stored}))


@pytest.mark.parametrize("meta", [{}, {"owner": ""}, {"owner": " "}])
def test_a_mart_nobody_owns_is_a_fault(meta: object) -> None:
    assert owner_faults(_mart(config={"meta": meta}))


@pytest.mark.parametrize(
    "change",
    [
        {"data_type": None},
        {"description": ""},
    ],
)
def test_a_column_without_type_or_text_is_a_fault(change: dict[str, object]) -> None:
    assert column_faults(_column("active_count", **change))


def test_a_mart_without_columns_is_a_fault() -> None:
    assert column_faults(_mart(columns={}))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ActiveCount", "bigint"),
        ("active_users", "bigint"),
        ("stream_count", "bigint"),
        ("active_count", "varchar"),
        ("created_at", "date"),
        ("local_date", "timestamp"),
        ("complete", "boolean"),
        ("is_complete", "bigint"),
        ("retention_rate", "double"),
        ("quick_ratio", "float"),
    ],
)
def test_a_column_that_hides_its_unit_is_a_fault(name: str, kind: str) -> None:
    assert column_name_faults(_column(name, data_type=kind))


@pytest.mark.parametrize(
    "change",
    [
        {"attached_node": "model.semillero.other"},
        {"config": {"severity": "warn"}},
        {"test_metadata": {"name": "unique", "kwargs": {"column_name": "day"}}},
        {"test_metadata": {"name": GRAIN_TEST, "kwargs": {"columns": ["day", "market"]}}},
    ],
)
def test_a_grain_nobody_proves_is_a_fault(change: dict[str, object]) -> None:
    proof: dict[str, object] = {
        "attached_node": "model.semillero.good",
        "config": {"severity": "ERROR"},
        "test_metadata": {"name": GRAIN_TEST, "kwargs": {"columns": ["day"]}},
    }
    assert grain_faults(_mart(), [proof], ["day"]) == []
    assert grain_faults(_mart(), [{**proof, **change}], ["day"])


def test_a_mart_missing_on_either_side_of_the_gate_list_is_a_fault() -> None:
    assert gate_list_faults(["a", "b"], ["a", "b"]) == []
    assert gate_list_faults(["a", "b"], ["a"]) == ["b: a mart that no release promises"]
    assert gate_list_faults(["a"], ["a", "b"]) == ["b: promised, but no model makes it"]


def test_a_handle_in_a_fact_is_a_fault() -> None:
    assert personal_faults([_column("handle")], frozenset({"handle"}))
    assert not personal_faults(
        [{**_column("handle"), "name": "dim_creators"}], frozenset({"handle"})
    )


@pytest.mark.parametrize(
    ("reader", "read", "is_allowed"),
    [
        ("staging/raw", "source.semillero.raw.creators", True),
        ("staging/raw", "intermediate/live", False),
        ("staging/raw", "staging/raw", False),
        ("intermediate/live", "staging/raw", True),
        ("intermediate/live", "intermediate/coverage", True),
        ("intermediate/live", "marts/core", True),
        ("intermediate/live", "marts/kpi", False),
        ("intermediate/live", "source.semillero.raw.creators", False),
        ("intermediate/live", "seed.semillero.markets", True),
        ("marts/kpi", "intermediate/live", True),
        ("marts/kpi", "marts/core", True),
        ("marts/kpi", "staging/raw", False),
        ("marts/kpi", "source.semillero.raw.creators", False),
        ("marts/kpi", "seed.semillero.markets", True),
        ("elsewhere", "seed.semillero.markets", False),
    ],
)
def test_a_model_may_read_its_own_layer_and_the_one_before(
    reader: str,
    read: str,
    is_allowed: bool,  # noqa: FBT001 - a column of the table above
) -> None:
    parent_id = read if "." in read else "model.semillero.parent"
    parent = {"original_file_path": f"../models/{read}/parent.sql"}
    model = _mart(
        original_file_path=f"../models/{reader}/good.sql", depends_on={"nodes": [parent_id]}
    )
    assert bool(layer_faults(model, {parent_id: parent})) is not is_allowed


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("staging/raw", "stg_creators"),
        ("staging/raw", "stg_ops__creators"),
        ("intermediate/live", "creators_changed"),
        ("marts/core", "creators"),
        ("marts/kpi", "fct_kpi"),
        ("elsewhere", "dim_creators"),
    ],
)
def test_a_name_that_hides_its_layer_is_a_fault(folder: str, name: str) -> None:
    assert model_name_faults(_mart(name=name, original_file_path=f"../models/{folder}/{name}.sql"))


def test_a_path_that_climbs_out_of_target_is_a_fault() -> None:
    assert target_faults("../models/marts/core/dim_creators.sql") == []
    assert target_faults("../../models/marts/core/dim_creators.sql")
    assert target_faults("../../../models/marts/core/dim_creators.sql")
