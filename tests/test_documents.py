"""The documents name the public modules, and their code imports from these alone."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import stepwell

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PUBLIC = ("stepwell", *(f"stepwell.{module}" for module in stepwell.MODULES))
NOT_YET_PUBLIC = {"stepwell.providers.local"}


def programs(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return [text] if path.suffix == ".py" else re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)


def imported_from(program: str) -> set[str]:
    """Return the modules of the package that the program imports from."""
    nodes = list(ast.walk(ast.parse(program)))
    names = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {name for name in names if name.partition(".")[0] == "stepwell"}


@pytest.mark.parametrize("path", [*DOCUMENTS, *sorted((ROOT / "examples").glob("*.py"))], ids=lambda path: path.name)
def test_code_imports_from_public_modules(path: Path) -> None:
    found = {name for program in programs(path) for name in imported_from(program)} - NOT_YET_PUBLIC
    assert not {name for name in found if not name.startswith("stepwell.integrations.")} - set(PUBLIC)


@pytest.mark.parametrize("module", stepwell.MODULES)
def test_a_page_names_every_public_module(module: str) -> None:
    assert f"`stepwell.{module}`" in (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_relative_link_leads_to_a_file(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text(encoding="utf-8"))
    assert not [link for link in links if not (path.parent / link).exists()]
