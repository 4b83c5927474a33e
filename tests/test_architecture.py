"""The rules of the house, enforced: layers, file sizes, packaging, who may wait, who may name a provider."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from pathlib import Path

import pytest

import stepwell

ROOT = Path(__file__).parent.parent
LAYERS = {
    "schemas": set(),
    "model_metadata": {"schemas"},
    "pipeline": {"schemas"},
    "providers": {"schemas", "model_metadata", "pipeline"},
    "stepwell": {"schemas", "model_metadata", "pipeline", "providers"},
}
SOURCES = [path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
HEAVY = {"httpx", "jsonschema", "cattrs", "asyncio", "anyio", "aiohttp", "sqlite3", "numpy"}


def module_of(path: Path) -> list[str]:
    """The dotted name, in parts, that the file is installed under."""
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return parts if parts[0] == "stepwell" else ["stepwell", *parts]


def imports_of(path: Path) -> list[tuple[ast.stmt, str]]:
    """Every import of the file, made absolute."""
    found = []
    package = module_of(path)[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(node, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            found.append((node, ".".join([*base, *([node.module] if node.module else [])])))
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_down_the_house_and_are_relative(path: Path) -> None:
    layer = path.relative_to(ROOT).parts[0]
    for node, name in imports_of(path):
        top, _, rest = name.partition(".")
        assert top not in LAYERS or top == "stepwell", f"line {node.lineno}: {name} is imported as a top-level package"
        if top != "stepwell":
            continue
        assert not isinstance(node, ast.ImportFrom) or node.level > 0, f"line {node.lineno}: import {name} relatively"
        target = rest.partition(".")[0]
        target = target if target in LAYERS else "stepwell"
        assert target == layer or target in LAYERS[layer], f"line {node.lineno}: {layer} may not import {target}"


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_one_subject_a_file(path: Path) -> None:
    assert path.read_text().count("\n") <= 400, "over 400 lines, likely two subjects"


# Modules that exist to bring in the heavy one they are named for, and are themselves imported on first use.
DEFERRED = {
    "schemas/serialise.py",
    "schemas/serialise_reply.py",
    "schemas/json_schema/matching.py",
    "pipeline/over_aiohttp.py",
    "stepwell/testing/cassette.py",
}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_heavy_modules_are_imported_where_they_are_used(path: Path) -> None:
    tree = ast.parse(path.read_text())
    top_level = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in top_level if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in top_level if isinstance(node, ast.ImportFrom) and not node.level}
    if str(path.relative_to(ROOT)) not in DEFERRED:
        assert not {name.partition(".")[0] for name in names} & HEAVY


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
    def names_one(node: ast.AST) -> bool:
        if not isinstance(node, ast.Compare) or not re.search(r"\bprovider\b", ast.unparse(node.left)):
            return False
        return any(
            isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value for each in node.comparators
        )

    general = [path for path in SOURCES if path.relative_to(ROOT).parts[0] in ("pipeline", "schemas", "stepwell")]
    wrong = [f"{path}" for path in general for node in ast.walk(ast.parse(path.read_text())) if names_one(node)]
    assert not wrong


def test_a_wire_never_knows_a_provider() -> None:
    providers = {path.stem for path in (ROOT / "providers").glob("*.py")} - {"__init__"}
    for path in (ROOT / "providers" / "wires").rglob("*.py"):
        for node, name in imports_of(path):
            assert name.rpartition(".")[2] not in providers or ".wires." in name, f"{path}:{node.lineno}"


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


@pytest.mark.parametrize("name", public_pairs())
def test_public_functions_and_their_async_twins_take_the_same(name: str) -> None:
    sync, twin = inspect.signature(getattr(stepwell, name)), inspect.signature(getattr(stepwell, f"a{name}"))
    assert list(sync.parameters.values()) == list(twin.parameters.values())


def test_both_clients_have_the_same_methods() -> None:
    def public(client: type) -> set[str]:
        return {name for name in dir(client) if not name.startswith("_")}

    assert public(stepwell.Client) == public(stepwell.AsyncClient)


def test_public_names_are_sorted_and_all_there() -> None:
    assert stepwell.__all__ == sorted(stepwell.__all__)
    for name in stepwell.__all__:
        assert getattr(stepwell, name).__doc__, name
