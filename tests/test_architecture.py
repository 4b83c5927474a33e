"""The house rules, enforced: file sizes, packaging, and names of providers. More are in tests/architecture."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from pathlib import Path

import pytest

import stepwell

from import_graph import imported_names, module_of, product_modules
from sources import ROOT, listed, name_of, nodes_of, python_files, text_of, tree_of

SOURCES = list(product_modules().values())
TESTS = python_files("tests")
HEAVY = {"httpx", "jsonschema", "cattrs", "asyncio", "anyio", "httptools", "sqlite3", "numpy"}


def test_one_subject_a_file() -> None:
    lines = {name_of(path): text_of(path).count("\n") for path in [*SOURCES, *TESTS]}
    offenders = [f"{name}: {count} lines, likely two subjects" for name, count in lines.items() if count > 400]
    assert not offenders, listed(offenders)


# Modules that exist to bring in the heavy one they are named for, and are themselves imported on first use.
DEFERRED = {
    "schemas/serialise.py",
    "schemas/serialise_reply.py",
    "schemas/json_schema/matching.py",
    "pipeline/http/fast/async_client.py",
    "pipeline/http/fast/async_connection.py",
    "pipeline/http/fast/async_pool.py",
    "pipeline/http/fast/reader.py",
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
        f"{name_of(path)}:{line}: {origin}"
        for path in python_files("providers/wires")
        for line, origin, _ in imported_names(path)
        if origin.rpartition(".")[2] in providers and ".wires." not in origin
    ]
    assert not offenders, listed(offenders)


def test_every_package_is_installed() -> None:
    declared = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    found = {module_of(path) for path in SOURCES if path.name == "__init__.py"}
    assert declared - {"stepwell.docs"} == found  # the pages are data, with a place inside the package


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
