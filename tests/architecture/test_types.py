"""How much of the product a type checker sees."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from import_graph import product_modules
from sources import listed, name_of, nodes_of

ANY_SHARE = 0.02
"""The share of annotated parameters that may be a bare `Any`. It only falls: lower it when the product does better."""


def annotations(path: Path) -> Iterator[ast.expr]:
    """Yield the annotation of each parameter in the file."""
    for node in nodes_of(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = node.args
            parameters = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
            yield from (each.annotation for each in parameters if each is not None and each.annotation is not None)


def is_any(annotation: ast.expr) -> bool:
    return ast.unparse(annotation) in ("Any", "typing.Any", "'Any'")


def test_few_parameters_are_of_any_type() -> None:
    total, bare = 0, Counter[str]()
    for path in product_modules().values():
        given = list(annotations(path))
        total += len(given)
        bare[name_of(path)] += sum(map(is_any, given))
    share = bare.total() / total
    assert share <= ANY_SHARE, f"{share:.1%} of {total} parameters, at most {ANY_SHARE:.1%}: " + listed(
        [f"{name}: {count}" for name, count in bare.most_common() if count]
    )
