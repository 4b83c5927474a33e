"""A name that a public module lacks is an error that says where it is, what it is called here, or what is meant."""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle
import re
from operator import attrgetter
from pathlib import Path

import pytest

import stepwell
from stepwell import errors
from stepwell.schemas.foreign_exports import ERRORS, PACKAGE

DOCS = Path(__file__).parents[1] / "docs"
OF_OBJECTS = {"completion_tokens", "image_url", "with_raw_response"}
"""Names that others do not export, but have as attributes."""
NAMES = {
    ("errors", "RateLimited"): "it is stepwell.errors.RateLimitError",
    ("errors", "BadRequestError"): "it is stepwell.errors.InvalidRequest",
    ("errors", "APITimeoutError"): "it is stepwell.errors.TransportError, which catches all: TotalTimeout, First",
    ("errors", "RateLimitEror"): "did you mean 'RateLimitError'",
    ("errors", "Client"): "it is in stepwell",
    ("", "MissingKey"): "it is in stepwell.errors",
    ("", "RateLimited"): "it is stepwell.errors.RateLimitError",
    ("", "ChatOptions"): "it is in stepwell.options",
    ("", "OpenAI"): r"make a stepwell.Client\(\)",
    ("", "Clent"): "did you mean 'Client'",
    ("messages", "HumanMessage"): r"call user\(text\)",
    ("options", "ChatOption"): "did you mean 'ChatOptions'",
    ("testing", "FakeModl"): "did you mean 'FakeModel'",
    ("stores", "SqliteStore"): "did you mean 'SQLiteStore'",
    ("declare", "openai_chatt"): "did you mean 'openai_chat'",
    ("parsers", "FakeModel"): "it is in stepwell.testing",
    ("integrations", "langchain"): "write import stepwell.integrations.langchain",
}


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_a_name_that_is_not_there_has_a_hint(module: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    full = f"stepwell.{module}" if module else "stepwell"
    monkeypatch.delattr(importlib.import_module(full), name, raising=False)  # a module that another test has imported
    says = f"; {NAMES[module, name]}"
    with pytest.raises(AttributeError, match=f"module {full!r} has no attribute {name!r}{says}"):
        getattr(importlib.import_module(full), name)
    if module != "integrations":  # whose modules this imports
        with pytest.raises(ImportError, match=f"cannot import name {name!r} from {full!r}{says}"):
            exec(f"from {full} import {name}")


@pytest.mark.parametrize("module", ["", *stepwell.MODULES])
def test_every_public_module_looks_like_any_other(module: str) -> None:
    found = importlib.import_module(f"stepwell.{module}" if module else "stepwell")
    assert not hasattr(found, "no_such_name") and not hasattr(found, "__no_such__")
    with pytest.raises(AttributeError, match=rf"module '{found.__name__}' has no attribute 'no_such_name'$"):
        found.no_such_name  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'no_such_name'"):
        exec(f"from {found.__name__} import no_such_name")
    names: dict[str, object] = {}
    exec(f"from {found.__name__} import *", names)
    assert names.keys() >= {*getattr(found, "__all__", ())}
    assert inspect.getmodule(found) is found and inspect.getdoc(found)


def test_each_hint_names_an_error_that_there_is_for_one_that_there_is_not() -> None:
    for name, ours in ERRORS.items():
        assert not hasattr(errors, name) and issubclass(getattr(errors, ours), errors.StepwellError), name


def test_each_hint_is_for_a_name_that_the_package_does_not_have_and_names_what_there_is() -> None:
    assert PACKAGE.keys().isdisjoint({*stepwell.__all__, *stepwell.MODULES})
    for hint in PACKAGE.values():
        for path in re.findall(r"stepwell\.([\w.]+\w)", hint):
            attrgetter(path)(stepwell)
        for name in re.findall(r"(?:call|await|iterate) (\w+)\(", hint):
            assert hasattr(stepwell, name), hint
        for name in re.findall(r"(\w+)(?:\(\))?, (?:or (\w+) )?of stepwell.steps", hint):
            assert all(hasattr(stepwell.steps, each) for each in name if each), hint


@pytest.mark.parametrize("page", ["from_langchain", "from_litellm", "from_openai"])
def test_each_name_that_a_page_for_those_who_come_from_others_lists_has_a_hint(page: str) -> None:
    rows = re.findall(r"^\| (`.*?) \|", (DOCS / f"{page}.md").read_text(), re.MULTILINE)
    names = {name for row in rows for name in re.findall(r"`(\w+)(?:\(.*?\))?`", row)} - OF_OBJECTS
    assert len(names) > 2
    for name in names - {*stepwell.__all__}:
        with pytest.raises(AttributeError, match=f"has no attribute {name!r}; "):
            getattr(stepwell, name)


def test_errors_are_pickled_by_their_place() -> None:
    error = errors.RateLimitError("slow down", retry_after=3.0)
    assert pickle.loads(pickle.dumps(error)).retry_after == copy.copy(error).retry_after == 3.0
