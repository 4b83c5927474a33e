"""Who may import whom: down the house only, without circles, and not through too many floors."""

from __future__ import annotations

import ast

import pytest

from import_graph import chains, circles, folder_of, import_graph, imported_names, product_modules
from sources import listed, name_of, nodes_of

ALLOWED = {
    "schemas": {"schemas"},
    "model_metadata": {"model_metadata", "schemas"},
    "pipeline": {"pipeline", "schemas"},
    "providers": {"providers", "pipeline", "model_metadata", "schemas"},
    "stepwell": {"stepwell", "providers", "pipeline", "model_metadata", "schemas"},
}
"""stepwell > providers > {pipeline, model_metadata} > schemas"""

HEIGHTS = {"schemas": 7, "pipeline": 7, "providers": 7, "model_metadata": 6, "stepwell": 9}
"""How many modules the longest chain of imports within a folder may have. Lower a number when a folder gets flatter."""


def short(module: str) -> str:
    """Leave out what all modules have in common."""
    return module.removeprefix("stepwell.")


def test_no_modules_import_each_other_in_a_circle() -> None:
    found = [" <-> ".join(map(short, circle)) for circle in circles(import_graph())]
    assert not found, listed(found)


@pytest.mark.parametrize("folder", HEIGHTS)
def test_no_chain_of_imports_within_a_folder_is_too_long(folder: str) -> None:
    modules = [module for module in product_modules() if folder_of(module) == folder]
    found = [
        f"{len(chain)} modules: {' > '.join(map(short, chain))}"
        for chain in chains(import_graph(), modules).values()
        if len(chain) > HEIGHTS[folder]
    ]
    assert not found, f"at most {HEIGHTS[folder]}: " + listed(found)


def test_imports_run_down_the_house() -> None:
    graph, modules = import_graph(), product_modules()
    found = [
        f"{name_of(modules[module])}:{line}: imports {short(needed)}"
        for module, needs in graph.items()
        for needed, line in needs.items()
        if folder_of(needed) not in ALLOWED[folder_of(module)]
    ]
    assert not found, listed(found)


def test_the_product_imports_itself_relatively() -> None:
    found = [
        f"{name_of(path)}:{node.lineno}: {ast.unparse(node)}"
        for path in product_modules().values()
        for node in nodes_of(path)
        if (isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").partition(".")[0] in ALLOWED)
        or (isinstance(node, ast.Import) and any(alias.name.partition(".")[0] in ALLOWED for alias in node.names))
    ]
    assert not found, listed(found)


def test_declarations_know_no_wire() -> None:
    """What wires and declarations share is declared below both: a wire can then be written outside this package."""
    graph, modules = import_graph(), product_modules()
    found = [
        f"{name_of(modules[module])}:{line}: imports {short(needed)}"
        for module, needs in graph.items()
        for needed, line in needs.items()
        if module.startswith("stepwell.providers.declare") and needed.startswith("stepwell.providers.wires")
    ]
    assert not found, listed(found)


def test_no_module_imports_a_private_name_of_another() -> None:
    found = [
        f"{name_of(path)}:{line}: imports {name} from {short(origin)}"
        for path in product_modules().values()
        for line, origin, name in imported_names(path)
        if origin.partition(".")[0] == "stepwell" and is_private(name, origin)
    ]
    assert not found, listed(found)


def is_private(name: str, origin: str) -> bool:
    parts = [*origin.split("."), name]
    return any(part.startswith("_") and not part.endswith("__") for part in parts)


def test_the_graph_finds_what_it_is_for() -> None:
    graph = {"a": {"b": 1}, "b": {"c": 1}, "c": {"b": 1, "d": 1}, "d": {}, "e": {"e": 1}}
    assert circles(graph) == [["b", "c"], ["e"]]
    assert chains(graph, graph)["a"] == ["a", "b", "d"]
