"""Time, chance, ids, the environment and files come in by one door each, so that the same code runs in a simulation."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from import_graph import product_modules
from sources import listed, name_of, nodes_of

ROOMS = ("pipeline/", "providers/", "schemas/", "stepwell/workflows/")
SOURCES = [path for path in product_modules().values() if name_of(path).startswith(ROOMS)]

TIME = {"monotonic", "perf_counter", "process_time", "sleep", "time", "time_ns", "now", "utcnow", "today"}
MODULES = {"random", "uuid", "secrets", "time"}
"""Modules of which nothing may be imported."""
IO = {"open", "socket", "subprocess", "urllib.request", "http.client", "sqlite3", "tempfile", "shutil"}

THE_DOORS = {
    "pipeline/world.py": "it is the door",
    "pipeline/threads.py": "the sync driver: it sleeps, waits for threads and shuts sockets down",
}
FILES = {
    **THE_DOORS,
    "pipeline/http/fast/dial.py": "opens the sockets of the fast transport",
    "pipeline/http/fast/connection.py": "reads and writes them",
    "pipeline/http/fast/wait.py": "waits for them",
    "schemas/atomic_files.py": "writes files whole, for effects that do I/O",
    "schemas/files.py": "reads files that callers name: parts, variables, logins (in an effect)",
    "stepwell/workflows/map/inputs.py": "reads the items of a map, in an effect",
    "stepwell/workflows/map/lines_file.py": "writes its results, in an effect",
    "providers/local/install.py": "installs the local model, outside of any call",
    "providers/local/server.py": "starts the local model's server, in an effect",
}


def imported(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    return {node.module} if isinstance(node, ast.ImportFrom) and node.module and not node.level else set()


def reads_clock_or_chance(node: ast.AST) -> str | None:
    if names := imported(node) & MODULES:
        return f"imports {', '.join(names)}"
    if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
        return None
    owner, name = node.value.id, node.attr
    if owner in ("datetime", "date") and name in TIME:
        return f"{owner}.{name}"
    return f"os.{name}" if owner == "os" and name in ("environ", "getenv", "urandom") else None


def does_io(node: ast.AST) -> str | None:
    if names := imported(node) & IO:
        return f"imports {', '.join(names)}"
    if not isinstance(node, ast.Call):
        return None
    if isinstance(node.func, ast.Name) and node.func.id == "open":
        return "open(...)"
    methods = ("read_text", "read_bytes", "write_text", "write_bytes", "unlink", "mkdir")
    return node.func.attr if isinstance(node.func, ast.Attribute) and node.func.attr in methods else None


def offenders(allowed: dict[str, str], check: object) -> list[str]:
    return [
        f"{name_of(path)}:{getattr(node, 'lineno', 0)}: {found}"
        for path in SOURCES
        if name_of(path) not in allowed
        for node in nodes_of(path)
        if (found := check(node)) is not None  # type: ignore[operator]
    ]


def test_time_chance_and_the_environment_come_from_the_world() -> None:
    allowed = {
        **THE_DOORS,
        "schemas/atomic_files.py": "names its temporary files",
        "providers/local/server.py": "waits",
    }
    found = offenders(allowed, reads_clock_or_chance)
    assert not found, "read request.world or REAL_WORLD instead: " + listed(found)


def test_files_and_sockets_are_opened_in_few_places() -> None:
    found = offenders(FILES, does_io)
    assert not found, "yield Run(...) or in_thread(...) instead: " + listed(found)


@pytest.mark.parametrize("name", sorted(FILES))
def test_each_of_these_places_needs_to(name: str) -> None:
    nodes = [node for path in SOURCES if name_of(path) == name for node in nodes_of(path)]
    assert any(does_io(node) or reads_clock_or_chance(node) for node in nodes), "leave it out of FILES"


def test_the_checks_find_what_they_are_for(tmp_path: Path) -> None:
    bad = ["import time", "from uuid import uuid4", "os.environ['X']", "datetime.now()", "import random"]
    assert all(any(reads_clock_or_chance(node) for node in ast.walk(ast.parse(line))) for line in bad)
    assert all(any(does_io(node) for node in ast.walk(ast.parse(line))) for line in ["open('x')", "path.read_text()"])
