"""A rule that names an option which no call has is refused wherever the rule is given, since it would do nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

import stepwell
from stepwell import AsyncClient, Client
from stepwell.declare import declare_provider, drop, extending, openai_chat, override, rename
from stepwell.errors import InvalidOption
from stepwell.providers.declare.registry import Registry

from every_way import WAYS, whole

MODEL = "groq:llama-3.3-70b-versatile"
Give = Callable[..., object]


def answering() -> dict[str, Any]:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=whole("hi")))
    return {"transport": transport, "api_keys": {"groq": "k"}}


def by_process(rules: Any) -> None:
    with stepwell.override("groq:*", translate_options=rules):
        pass


def by_client(rules: Any) -> None:
    Client().override("groq:*", translate_options=rules)


def by_async_client(rules: Any) -> None:
    AsyncClient().override("groq:*", translate_options=rules)


def by_pattern(rules: Any) -> None:
    Client().override("*:qwen*", translate_options=rules)


def by_provider(rules: Any) -> None:
    stepwell.provider("groq").with_steps(translate_options=rules)


def by_call(way: str) -> Give:
    return lambda rules: WAYS[way](answering(), MODEL, "hi", overrides=override(translate_options=rules))


SCOPES: dict[str, Give] = {
    **{each.__name__: each for each in (by_process, by_client, by_async_client, by_pattern, by_provider)},
    **{f"by a call, {way}": by_call(way) for way in WAYS},
}


@pytest.fixture(params=SCOPES)
def give(request: pytest.FixtureRequest) -> Give:
    return SCOPES[request.param]


def test_a_misspelt_option_is_refused_in_every_scope(give: Give) -> None:
    with pytest.raises(InvalidOption, match="no call has an option 'sed'.*did you mean 'seed'"):
        give([drop("sed", why="x")])


def test_a_vendor_s_word_for_an_option_is_answered_with_ours(give: Give) -> None:
    with pytest.raises(InvalidOption, match="no call has an option 'max_new_tokens'.*rules use max_tokens"):
        give([drop("max_new_tokens", why="x")])


def test_a_word_that_rules_of_one_provider_write_is_none_of_another() -> None:
    rules = [drop("max_completion_tokens", why="x")]
    Client().override("groq:*", translate_options=rules)  # some of its models have a rule that writes it
    with pytest.raises(InvalidOption, match="rules use max_tokens"):
        Client().override("mistral:*", translate_options=rules)
    with pytest.raises(InvalidOption, match="rules use max_tokens"):
        declare_provider("acme", wire=openai_chat, base_url="https://acme.test/v1", translate_options=rules)


def test_what_another_rule_or_a_function_may_write_is_let_through(give: Give) -> None:
    give([rename("max_tokens", "limit"), drop("limit", why="x")])
    give(lambda options, model: options)
    give([lambda options, model: [], drop("anything", why="x")])
    give(extending(lambda inherited, options, model: inherited(options, model)))


def test_an_option_of_the_provider_s_own_is_known_where_the_provider_is() -> None:
    registry = Registry()
    acme = declare_provider(
        "acme", wire=openai_chat, base_url="https://acme.test/v1", key_optional=True, options={"mood": {}}
    )
    registry.register(acme)
    rules = [drop("mood", why="x")]
    client = Client(registry=registry, **answering())
    for pattern in ("acme", "acme:*", "ac*:*", "*"):
        client.override(pattern, translate_options=rules).undo()
    acme.with_steps(translate_options=rules)
    client.generate_text("acme:a", "hi", overrides=override(translate_options=rules))
    for pattern in ("groq:*", "groq"):
        with pytest.raises(InvalidOption, match="override of groq.*no call has an option 'mood'"):
            client.override(pattern, translate_options=rules)


def test_a_more_general_override_may_write_what_another_reads() -> None:
    client = Client(**answering())
    client.override("groq:*", translate_options=[rename("max_tokens", "limit")])
    client.override(MODEL, translate_options=[drop("limit", why="x")])
    assert client.generate_text(MODEL, "hi", max_tokens=3).warnings[0].subject == "limit"
