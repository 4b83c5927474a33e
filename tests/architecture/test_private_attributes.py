"""An attribute with an underscore belongs to the module that defines it: no other module reads or sets it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from import_graph import product_modules
from sources import listed, name_of, nodes_of

OWN = {"self", "cls"}
NAMED_TUPLES = {"_replace", "_asdict", "_fields", "_field_defaults", "_make"}
DOCUMENTED = {*NAMED_TUPLES, "_current_frames"}
"""Public in spite of the underscore: https://docs.python.org/3/library/collections.html#collections.somenamedtuple and
https://docs.python.org/3/library/sys.html#sys._current_frames"""


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name != "_" and name not in DOCUMENTED


def defined_in(nodes: list[ast.AST]) -> set[str]:
    """Return every private name that a module defines: functions, classes, variables, fields and slots."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and root_of(node) in OWN:
            found.add(node.attr)
        elif isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "__slots__" for t in node.targets
        ):
            found |= {each.value for each in ast.walk(node.value) if isinstance(each, ast.Constant)}
    return {name for name in found if isinstance(name, str) and is_private(name)}


def imported_in(nodes: list[ast.AST]) -> set[str]:
    """Return the names that a module has from others."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return found


def root_of(node: ast.Attribute) -> str:
    """Return the variable that the attribute is taken from directly, or "" for any other expression."""
    if isinstance(node.value, ast.Name):
        return node.value.id
    if isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name) and node.value.func.id == "super":
        return "self"
    return ""


def private_uses(nodes: list[ast.AST]) -> Iterator[tuple[int, str]]:
    """Yield line and text of each private attribute that is not the module's own, `getattr(x, "_name")` included."""
    defined, imported = defined_in(nodes), imported_in(nodes)
    for node in nodes:
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            root = root_of(node)
            if root not in OWN and (root in imported or node.attr not in defined):
                yield node.lineno, ast.unparse(node)
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("getattr", "setattr", "hasattr", "delattr")
            and len(node.args) > 1
            and isinstance(name := node.args[1], ast.Constant)
            and isinstance(name.value, str)
            and is_private(name.value)
            and name.value not in defined
        ):
            yield node.lineno, ast.unparse(node)


def test_no_module_touches_private_attributes_of_another() -> None:
    found = [
        f"{name_of(path)}:{line}: {text}"
        for path in product_modules().values()
        for line, text in private_uses(nodes_of(path))
        if (name_of(path), text) not in FOREIGN
    ]
    assert not found, listed(found)


FOREIGN = {
    (
        "providers/local/inherited.py",
        "libc._exit",
    ),  # the name of the C function, https://man7.org/linux/man-pages/man2/_exit.2.html
    # What the import system knows of imports under way has no public name.
    ("schemas/process_lock.py", "getattr(sys.modules.get('_frozen_importlib'), '_module_locks', {})"),
    ("schemas/process_lock.py", "getattr(spec, '_initializing', False)"),
}
"""Names that are public where they come from, or have no public name: file and expression."""


def test_every_exception_is_still_needed() -> None:
    uses = {(name_of(path), text) for path in product_modules().values() for _, text in private_uses(nodes_of(path))}
    assert not FOREIGN - uses


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import x\nx._y", ["x._y"]),
        ("def f(client):\n    return client._core", ["client._core"]),
        ("f()._next", ["f()._next"]),
        ("getattr(f, '_next')", ["getattr(f, '_next')"]),
        ("class A:\n    def f(self, other):\n        return self._a, other._f\n    def _f(self): ...", []),
        ("class A(B):\n    def f(self):\n        return super()._f()", []),
        ("class A:\n    def __init__(self):\n        self._a = 1\n    def __eq__(self, o):\n        return o._a", []),
    ],
)
def test_the_rule_finds_what_it_is_for(source: str, found: list[str]) -> None:
    assert [text for _, text in private_uses(list(ast.walk(ast.parse(source))))] == found
