"""The imports between the product's modules as a graph: its circles, and how high each folder is stacked."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from sources import ROOT, nodes_of, python_files

FOLDERS = ("schemas", "pipeline", "providers", "model_metadata", "stepwell")


@cache
def module_of(path: Path) -> str:
    """Return the dotted name that the file is installed under; a package's `__init__.py` bears the package's name."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == "stepwell" else ("stepwell", *parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def product_modules() -> dict[str, Path]:
    """Return every module of the product by its dotted name."""
    return {module_of(path): path for path in python_files(*FOLDERS)}


def folder_of(module: str) -> str:
    """Return the top-level folder that holds the module."""
    return product_modules()[module].relative_to(ROOT).parts[0]


def origin_of(path: Path, node: ast.ImportFrom) -> str:
    """Return the absolute name of the module that a `from` import reads."""
    parts = module_of(path).split(".")
    package = parts if path.name == "__init__.py" else parts[:-1]
    base = package[: len(package) - node.level + 1] if node.level else []
    return ".".join([*base, *([node.module] if node.module else [])])


def imported_names(path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield line, module and name of everything that the file imports, wherever in the file ("" for a whole module)."""
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, origin_of(path, node), alias.name) for alias in node.names)


@cache
def import_graph() -> dict[str, dict[str, int]]:
    """Return, for each module, the modules that it imports and a line that does; lazy and type-checking ones count."""
    modules = product_modules()
    graph: dict[str, dict[str, int]] = {}
    for module, path in modules.items():
        needed = graph[module] = {}
        for line, origin, name in imported_names(path):
            target = f"{origin}.{name}" if f"{origin}.{name}" in modules else origin
            if target in modules:
                needed.setdefault(target, line)
    return graph


def components(graph: dict[str, dict[str, int]]) -> list[list[str]]:
    """Return the strongly connected components, those that need no other first (Tarjan's algorithm)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for needed in graph[module]:
            if needed not in index:
                visit(needed)
                low[module] = min(low[module], low[needed])
            elif needed in stack:
                low[module] = min(low[module], index[needed])
        if low[module] == index[module]:
            at = stack.index(module)
            found.append(sorted(stack[at:]))
            del stack[at:]

    for module in graph:
        if module not in index:
            visit(module)
    return found


def circles(graph: dict[str, dict[str, int]]) -> list[list[str]]:
    """Return the groups of modules that import each other, directly or through others."""
    return [each for each in components(graph) if len(each) > 1 or each[0] in graph[each[0]]]


def chains(graph: dict[str, dict[str, int]], modules: Iterable[str]) -> dict[str, list[str]]:
    """Return the longest chain of imports below each module that stays within `modules`, the module itself first.

    A circle counts as one module: its members have the same chain below them.
    """
    inside = set(modules)
    longest: dict[str, list[str]] = {}
    for component in components(graph):
        below = [
            longest[needed]
            for module in component
            for needed in graph[module]
            if needed in inside and needed not in component and module in inside
        ]
        tail = max(below, key=len, default=[])
        longest.update({module: [module, *tail] for module in component if module in inside})
    return longest
