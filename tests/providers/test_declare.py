"""Declarations, overrides and functions for pipelines are validated when they are passed, and a step that breaks its
contract is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from stepwell import Client, around
from stepwell.declare import declare_provider, drop, openai_chat, override
from stepwell.providers.declare.registry import Registry
from stepwell.schemas import errors

from loopback import completion

URL = "https://api.acme.test/v1"


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"wire": "openai_chat"}, "wire of acme is a str; from stepwell.declare import openai_chat"),
        ({"wire": ["openai_chat"]}, "wire of acme is a str"),
        ({"wire": []}, "acme has no wire"),
        ({"wire": [openai_chat, openai_chat]}, "two wires of acme have the same name"),
        ({"wire": None}, "wire of acme is a NoneType"),
        ({"base_url": ""}, "base_url of acme is not an http"),
        ({"base_url": "x.example"}, "base_url of acme is not an http"),
        ({"base_url": None}, "base_url of acme is not an http"),
        ({"id": "ac:me"}, "'ac:me' is not a valid provider id"),
        ({"id": ""}, "'' is not a valid provider id"),
        ({"id": "ac me"}, "is not a valid provider id"),
        ({"id": 5}, "5 is not a valid provider id"),
        ({"enw_key": "ACME"}, "no 'enw_key'; did you mean 'env_key'"),
        ({"build_body": 5}, "build_body cannot be a int; pass a function"),
        ({"translate_options": "drop"}, "translate_options cannot be a str"),
        ({"translate_options": ["drop"]}, "a str among translate_options is not a rule"),
    ],
    ids=str,
)
def test_a_declaration_that_could_not_work_is_refused(facts: dict[str, Any], says: str) -> None:
    with pytest.raises(errors.InvalidOption, match=says):
        declare_provider(**{"id": "acme", "wire": openai_chat, "base_url": URL, **facts})


def test_a_declaration_without_an_address_is_refused() -> None:
    with pytest.raises(errors.InvalidOption, match="base_url"):
        declare_provider("acme", wire=openai_chat)


@pytest.mark.parametrize("id", ["acme", "302ai", "io-net", "acme.v2", "Acme_1"])
def test_any_id_that_a_model_can_be_named_by_is_taken(id: str) -> None:
    provider = declare_provider(id, wire=openai_chat, base_url="${ACME_URL}/v1", translate_options=(drop("n", why=""),))
    assert provider.wires == (openai_chat,)


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ({"build_body": 5}, "build_body cannot be a int"),
        ({"build_body": None}, "build_body cannot be a NoneType"),
        ({"encode_body": b"{}"}, "encode_body cannot be a bytes"),
        ({"object_support": "json"}, "object_support cannot be a str; pass a ObjectSupport"),
        ({"translate_options": 5}, "translate_options cannot be a int"),
        ({"translate_options": [5]}, "a int among translate_options is not a rule"),
    ],
    ids=str,
)
def test_an_override_of_something_that_is_not_a_step_is_refused(steps: dict[str, Any], says: str) -> None:
    for given in (override, lambda **steps: Client().override("openai:*", **steps)):
        with pytest.raises(errors.InvalidOption, match=says):
            given(**steps)


def calling(stream: bool, **steps: Any) -> str:
    provider = declare_provider("acme", wire=openai_chat, base_url=URL, **steps)
    registry = Registry()
    registry.register(provider)
    answer = httpx.Response(200, content=b"data: [DONE]\n\n" if stream else completion())
    client = Client(
        transport=httpx.MockTransport(lambda request: answer), registry=registry, api_keys={"acme": "k"}, retries=0
    )
    return client.stream_text("acme:m", "hi").reply().text if stream else client.generate_text("acme:m", "hi").text


@pytest.mark.parametrize("stream", [False, True], ids=["unstreamed", "streamed"])
@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ({"build_body": lambda request: None}, "build_body returned None"),
        ({"encode_body": lambda body: "{}"}, "encode_body returned str instead of bytes"),
        ({"prepare_request": lambda request: None}, "prepare_request returned NoneType instead of a Request"),
        ({"authenticate": lambda request: None}, "'authenticate' returned NoneType"),
        ({"attach": lambda pipeline, provider: None}, "attach of acme returned NoneType"),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
def test_a_step_of_a_provider_that_returns_the_wrong_thing_is_named(
    steps: dict[str, Callable[..., Any]], says: str, stream: bool
) -> None:
    with pytest.raises(errors.StepError, match=says):
        calling(stream, **steps)


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ({"extract_usage": lambda data, model: {"input_tokens": 3}}, "extract_usage returned dict instead of Usage"),
        ({"decode_response": lambda data, model: None}, "decode_response returned NoneType instead of a Reply"),
        ({"decode_response": lambda data, model: "hi"}, "decode_response returned str instead of a Reply"),
    ],
    ids=["a dict as usage", "nothing as reply", "a text as reply"],
)
def test_a_step_that_reads_the_answer_and_returns_the_wrong_thing_is_named(steps: dict[str, Any], says: str) -> None:
    with pytest.raises(errors.StepError, match=says):
        calling(False, **steps)


def logged(request: Any, call: Any) -> Any:
    return (yield from call(request))


@pytest.mark.parametrize(
    ("pipeline", "says"),
    [
        (lambda pipeline: None, "returned a NoneType instead of a Pipeline"),
        ([lambda pipeline: "x"], "returned a str instead of a Pipeline"),
        (logged, r"logged is a generator function, not a step; pass around\(logged\)"),
        ([logged], "a generator function"),
        ([5], "cannot be a int"),
    ],
)
def test_an_invalid_edit_of_a_pipeline_is_refused(pipeline: Any, says: str) -> None:
    with pytest.raises(errors.ConfigError, match=says):
        Client(pipeline=pipeline, api_keys={"openai": "k"}).generate_text("openai:m", "hi")
    with pytest.raises(errors.ConfigError, match=says):
        Client(api_keys={"openai": "k"}).generate_text("openai:m", "hi", pipeline=pipeline)


def test_a_step_made_of_the_function_is_accepted() -> None:
    client = Client(pipeline=[around("logged", logged)])
    assert "logged" in client.pipeline_for("openai:m")


@pytest.mark.parametrize(
    "schema",
    [
        {"enum": ["low", "high"]},
        {"type": "string", "enum": ["low", "high"]},
        {"type": ["string", "null"], "enum": ["low", "high", None]},
        {"type": "string", "const": "low"},
        {"type": "string", "maxLength": 4},
        {"type": "string", "pattern": "^[a-z]{3,4}$"},
        {"type": "string", "not": {"const": "a text that is too long"}},
        {"anyOf": [{"enum": ["low"]}, {"type": "integer"}]},
    ],
    ids=str,
)
@pytest.mark.parametrize("stream", [False, True])
def test_an_option_of_a_provider_s_own_is_held_against_its_whole_schema(schema: Any, stream: bool) -> None:
    registry = Registry()
    url = "https://a.test"
    registry.register(
        declare_provider("acme", wire=openai_chat, base_url=url, key_optional=True, options={"effort": schema})
    )
    client = Client(registry=registry)
    for given in ({"effort": "low"}, {"acme": {"effort": "low"}}):
        assert client.preview("acme:m", "hi", stream=stream, provider_options=given).json["effort"] == "low"
    for given in ({"effort": "a text that is too long"}, {"acme": {"effort": "a text that is too long"}}):
        with pytest.raises(errors.InvalidOption, match="option 'effort' for acme:m does not fit"):
            client.preview("acme:m", "hi", stream=stream, provider_options=given)
