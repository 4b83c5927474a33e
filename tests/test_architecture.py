"""The house rules, enforced: layers, file sizes, packaging, waiting, and names of providers."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from pathlib import Path

import pytest

import stepwell

from sources import ROOT, name_of, nodes_of, python_files, text_of, tree_of

LAYERS = {
    "schemas": set(),
    "model_metadata": {"schemas"},
    "pipeline": {"schemas"},
    "providers": {"schemas", "model_metadata", "pipeline"},
    "stepwell": {"schemas", "model_metadata", "pipeline", "providers"},
}
SOURCES = python_files(*LAYERS)
TESTS = python_files("tests")
HEAVY = {"httpx", "jsonschema", "cattrs", "asyncio", "anyio", "aiohttp", "sqlite3", "numpy"}


def listed(offenders: list[str]) -> str:
    """Join them, one per line, for the message of a broken rule."""
    return "\n  ".join([f"{len(offenders)} in all:", *offenders])


def module_of(path: Path) -> list[str]:
    """Return the dotted name, in parts, under which the file is installed."""
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return parts if parts[0] == "stepwell" else ["stepwell", *parts]


def imports_of(path: Path) -> list[tuple[ast.stmt, str]]:
    """Yield every import of the file, made absolute."""
    found: list[tuple[ast.stmt, str]] = []
    package = module_of(path)[:-1]
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            found += [(node, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            found.append((node, ".".join([*base, *([node.module] if node.module else [])])))
    return found


def wrong_with(path: Path, node: ast.stmt, name: str) -> str | None:
    """Return what is wrong with the import of `name`, or ""."""
    layer = path.relative_to(ROOT).parts[0]
    top, _, rest = name.partition(".")
    if top in LAYERS and top != "stepwell":
        return f"{name} is imported as a top-level package"
    if top != "stepwell":
        return None
    if isinstance(node, ast.ImportFrom) and not node.level:
        return f"import {name} relatively"
    target = rest.partition(".")[0]
    target = target if target in LAYERS else "stepwell"
    return None if target == layer or target in LAYERS[layer] else f"{layer} may not import {target}"


def test_imports_run_down_the_house_and_are_relative() -> None:
    offenders = [
        f"{name_of(path)}:{node.lineno}: {wrong}"
        for path in SOURCES
        for node, name in imports_of(path)
        if (wrong := wrong_with(path, node, name))
    ]
    assert not offenders, listed(offenders)


def test_one_subject_a_file() -> None:
    lines = {name_of(path): text_of(path).count("\n") for path in [*SOURCES, *TESTS]}
    offenders = [f"{name}: {count} lines, likely two subjects" for name, count in lines.items() if count > 400]
    assert not offenders, listed(offenders)


# Modules that exist to bring in the heavy one they are named for, and are themselves imported on first use.
DEFERRED = {
    "schemas/serialise.py",
    "schemas/serialise_reply.py",
    "schemas/json_schema/matching.py",
    "pipeline/http/aiohttp_transport.py",
    "stepwell/testing/cassette.py",
}


def imported_at_once(path: Path) -> set[str]:
    """Return the third-party packages that importing the file imports."""
    at_once = [node for node in tree_of(path).body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in at_once if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in at_once if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.partition(".")[0] for name in names}


def test_heavy_modules_are_imported_where_they_are_used() -> None:
    offenders = [
        f"{name_of(path)}: {', '.join(sorted(heavy))}"
        for path in SOURCES
        if (heavy := imported_at_once(path) & HEAVY) and name_of(path) not in DEFERRED
    ]
    assert not offenders, listed(offenders)


def test_no_product_code_asserts() -> None:
    """`python -O` leaves assert statements out: what must hold is checked by `if` and `raise`, or by types."""
    offenders = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assert) or (isinstance(node, ast.Name) and node.id == "__debug__")
    ]
    assert not offenders, "raise a typed error instead: " + ", ".join(offenders)


def test_general_code_never_asks_which_provider_it_is() -> None:
    def names_one(node: ast.Compare) -> bool:
        return re.search(r"\bprovider\b", ast.unparse(node.left)) is not None and any(
            isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value for each in node.comparators
        )

    general = [path for path in SOURCES if path.relative_to(ROOT).parts[0] in ("pipeline", "schemas", "stepwell")]
    offenders = [
        f"{name_of(path)}:{node.lineno}: {ast.unparse(node)}"
        for path in general
        for node in nodes_of(path)
        if isinstance(node, ast.Compare) and names_one(node)
    ]
    assert not offenders, listed(offenders)


def test_what_is_special_about_a_model_is_a_row_of_its_provider() -> None:
    def names_one(node: ast.AST) -> bool:
        if isinstance(node, ast.Compare):
            tested = values = [node.left, *node.comparators]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "startswith":
            tested, values = [node.func.value], node.args
        else:
            return False
        constant = any(isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value for each in values)
        return constant and any(ast.unparse(each).endswith("model.id") for each in tested)

    offenders = [
        f"{name_of(path)}:{node.lineno}: {ast.unparse(node)}"
        for path in SOURCES
        if path.relative_to(ROOT).parts[0] in ("pipeline", "providers", "schemas")
        for node in nodes_of(path)
        if isinstance(node, ast.Compare | ast.Call) and names_one(node)
    ]
    assert not offenders, "write a row, models={...}: " + listed(offenders)


def test_a_wire_never_knows_a_provider() -> None:
    providers = {path.stem for path in (ROOT / "providers").glob("*.py")} - {"__init__"}
    offenders = [
        f"{name_of(path)}:{node.lineno}: {name}"
        for path in python_files("providers/wires")
        for node, name in imports_of(path)
        if name.rpartition(".")[2] in providers and ".wires." not in name
    ]
    assert not offenders, listed(offenders)


def test_every_package_is_installed() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    found = {".".join(module_of(path)[:-1]) for path in SOURCES if path.name == "__init__.py"}
    assert listed == found


@pytest.mark.parametrize("name", ["__init__", "generate_text", "stream_text", "run", "close"])
def test_sync_and_async_methods_take_the_same(name: str) -> None:
    def arguments(client: type) -> list[tuple[str, object]]:
        return [(p.name, p.default) for p in inspect.signature(getattr(client, name)).parameters.values()]

    assert arguments(stepwell.Client) == arguments(stepwell.AsyncClient)


def public_pairs() -> list[str]:
    return [name for name in stepwell.__all__ if f"a{name}" in stepwell.__all__ and not name[0].isupper()]


def test_public_functions_and_their_async_counterparts_take_the_same() -> None:
    def arguments(name: str) -> list[inspect.Parameter]:
        return list(inspect.signature(getattr(stepwell, name)).parameters.values())

    pairs = public_pairs()
    offenders = [name for name in pairs if arguments(name) != arguments(f"a{name}")]
    assert pairs and not offenders, listed(offenders)


def test_both_clients_have_the_same_methods() -> None:
    def public(client: type) -> set[str]:
        return {name for name in dir(client) if not name.startswith("_")}

    assert public(stepwell.Client) == public(stepwell.AsyncClient)


def test_public_names_are_sorted_and_all_there() -> None:
    assert stepwell.__all__ == sorted(stepwell.__all__)
    for name in stepwell.__all__:
        assert getattr(stepwell, name).__doc__, name
