"""A name that a public module lacks is an error that says where it is, what it is called here, or what is meant."""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle

import pytest

import stepwell
from stepwell import errors
from stepwell.schemas.foreign_names import ERRORS

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


def test_errors_are_pickled_by_their_place() -> None:
    error = errors.RateLimitError("slow down", retry_after=3.0)
    assert pickle.loads(pickle.dumps(error)).retry_after == copy.copy(error).retry_after == 3.0
