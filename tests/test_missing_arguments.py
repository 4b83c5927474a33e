"""A call that lacks an argument is refused before anything is sent, by an error that says how the call is written."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import stepwell
from stepwell import AsyncClient, Client, errors
from stepwell.schemas.missing_argument import AbsentArgument
from stepwell.testing import FakeModel
from tools.api import NOT_A_FUNCTION, methods

MODEL, REAL = "fake:m", {"rerank": "cohere:rerank-v3.5", "ocr": "mistral:mistral-ocr-latest"}
WITHOUT_MODEL = {"list_models", "map"}
"""Methods whose first argument is no model, or that find one by themselves."""
OPERATIONS = [name for name in methods() if name != "health"]


async def finished(result: Any) -> Any:
    return [each async for each in result] if hasattr(result, "__aiter__") else await result


def outcome(call: Callable[[], Any]) -> Any:
    """Make a call of either kind and read what it gives to its end."""
    result = call()
    if inspect.isawaitable(result) or hasattr(result, "__aiter__"):
        return asyncio.run(finished(result))
    return list(result) if hasattr(result, "__next__") or hasattr(result, "__iter__") else result


def required(name: str) -> list[str]:
    parameters = inspect.signature(getattr(Client, name)).parameters.values()
    return [each.name for each in parameters if isinstance(each.default, AbsentArgument)]


def callers(name: str) -> list[tuple[Callable[..., Any], FakeModel | None]]:
    """Return the operation of both clients, and of the package."""
    fake = FakeModel("hi", repeat=True)
    found: list[Any] = [(getattr(kind(registry=fake.registry), name), fake) for kind in (Client, AsyncClient)]
    if name not in NOT_A_FUNCTION:
        found += [(getattr(stepwell, f"{prefix}{name}"), None) for prefix in ("", "a")]
    return found


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_says_which_argument_it_lacks_and_how_it_is_written(name: str) -> None:
    names = required(name)
    assert names
    usage = re.escape(f"write {name}({', '.join(names)})")
    for call, fake in callers(name):
        for lacking in names:
            model = MODEL if fake else REAL.get(name, "openai:gpt-4o")
            usual = {"model": model, "documents": [], "tools": [], "schema": int, "operation": "chat"}
            given = {each: usual.get(each, "x") for each in names if each != lacking}
            with pytest.raises(errors.ConfigError, match=rf"{name}\(\) lacks its argument '{lacking}'; {usage}"):
                outcome(lambda call=call, given=given: call(**given))
        with pytest.raises(errors.ConfigError, match=usage):
            outcome(call)
        assert fake is None or not fake.requests


@pytest.mark.parametrize("name", sorted({*OPERATIONS} - WITHOUT_MODEL - {"run", "stream", "submit_batch", "batch_job"}))
def test_a_call_with_a_prompt_alone_says_that_the_model_comes_first(name: str) -> None:
    says = "the model comes first|lacks its argument '(schema|tools)'"
    for call, _ in callers(name):
        for prompt in ("Hello", "What is up?"):
            with pytest.raises(errors.ConfigError, match=says) as caught:
                outcome(lambda call=call, prompt=prompt: call(prompt))
            assert prompt not in str(caught.value)


def test_an_argument_in_the_words_of_other_libraries_has_an_error_with_its_name_here() -> None:
    for call, fake in callers("generate_text"):
        model = MODEL if fake else "openai:gpt-4o"
        with pytest.raises(errors.ConfigError, match="others call it messages="):
            outcome(lambda call=call, model=model: call(model, messages=[{"role": "user", "content": "hi"}]))
    for call, _ in callers("generate_object"):
        with pytest.raises(errors.ConfigError, match="others call it response_model="):
            outcome(lambda call=call: call(MODEL, "hi", response_model=int))


def test_a_recorded_call_without_a_prompt_is_refused_before_it_is_recorded(tmp_path: Path) -> None:
    for kind in (Client, AsyncClient):
        client = kind(registry=FakeModel("hi").registry, journal=tmp_path / f"{kind.__name__}.sqlite")
        for name in ("generate_text", "stream_text", "embed"):
            with pytest.raises(errors.ConfigError, match="lacks its argument"):
                outcome(lambda client=client, name=name: getattr(client, name)(MODEL, job="j"))
        closing = client.close()
        if closing is not None:
            asyncio.run(closing)
    assert not list(tmp_path.glob("*.log"))  # a journal with records has one


def test_what_is_given_without_a_name_is_refused_where_all_has_one() -> None:
    for kind in (Client, AsyncClient):
        with pytest.raises(errors.InvalidOption, match="takes no str without a name.*name the model with each call"):
            kind("openai:gpt-4o")  # type: ignore[arg-type]
        with pytest.raises(errors.InvalidOption, match=r"takes no dict without a name.*Client\(api_keys="):
            kind({"openai": "secret"})  # type: ignore[arg-type]
        with pytest.raises(errors.ConfigError, match=r"the items; map\(items, model=…, prompt=…\)"):
            kind().map("fake:a", ["x"])  # type: ignore[arg-type]


def test_an_argument_that_is_required_is_shown_as_such() -> None:
    assert str(inspect.signature(Client().embed)).startswith("(model: 'ModelLike' = <required>, texts: ")
