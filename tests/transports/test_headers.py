"""Headers are checked before they are sent, whatever set them, with every HTTP library."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from carriers import all_carriers, ask
from in_turn import in_turn

from stepwell import Client
from stepwell.declare import declare_provider
from stepwell.pipeline.step import on_request
from stepwell.providers.declare.registry import Registry
from stepwell.providers.wires.openai_chat import openai_chat
from stepwell.schemas import errors

from loopback import answer, completion, serving

EVIL = ["b\r\nEvil: 1", "b\nEvil: 1", "b\rEvil: 1", "b\0", "é", 7]


@all_carriers
@in_turn("value", EVIL)
def test_a_step_cannot_set_a_header_that_would_be_read_as_two(carrier: str, value: Any) -> None:
    evil = on_request("evil", lambda request: request.with_headers(x_trace=value))
    with serving(lambda request: [answer(completion())]) as server:
        with pytest.raises(errors.InvalidOption, match="'x-trace' cannot be sent"):
            ask(server, carrier, stream=False, pipeline=lambda steps: steps.after("prepare_request", evil))
        assert server.seen == []


@pytest.mark.parametrize("value", EVIL)
def test_a_declared_provider_cannot_set_it_either(value: Any) -> None:
    sent: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, content=completion())

    registry = Registry()
    provider = declare_provider(
        "evil", wire=openai_chat, base_url="https://evil.example", env_key="EVIL", headers={"a": value}
    )
    registry.register(provider)
    with Client(transport=httpx.MockTransport(handler), api_keys={"evil": "k"}, registry=registry) as client:
        with pytest.raises(errors.InvalidOption, match="header 'a'"):
            client.generate_text("evil:m", "hi")
    assert sent == []


@all_carriers
@pytest.mark.parametrize("name", ["content-length", "Content-Length", "transfer-encoding"])
def test_the_length_of_the_body_is_not_the_callers_to_say(carrier: str, name: str) -> None:
    with serving(lambda request: [answer(completion())]) as server:
        with pytest.raises(errors.InvalidOption, match=f"{name.lower()}.*cannot be set"):
            ask(server, carrier, stream=False, headers={name: "5"})
        assert server.seen == []


def test_values_that_http_allows_are_sent_unchanged() -> None:
    with serving(lambda request: [answer(completion())]) as server:
        ask(server, "httpx", stream=False, headers={"X-Odd": 'a\tb; c="d"'})
        assert server.seen[0].headers["x-odd"] == 'a\tb; c="d"'


@all_carriers
@pytest.mark.parametrize("spelling", [str.lower, str.title, str.upper])
def test_a_header_is_sent_once_in_any_spelling_and_number(carrier: str, spelling: Any) -> None:
    def again(request: Any) -> Any:
        return request.replace(headers={**request.headers, spelling("x-trace"): "of the step"})

    step = on_request("again", again)
    with serving(lambda request: [answer(completion())]) as server:
        given = {"X-Trace": "of the client", spelling("user-agent"): "mine"}
        ask(server, carrier, stream=False, headers=given, pipeline=lambda steps: steps.after("prepare_request", step))
        sent = server.seen[0].headers
    assert (sent["x-trace"], sent["user-agent"]) == ("of the step", "mine")


@pytest.mark.parametrize("bad", [{"x-a": "b\x01"}, {"x-a": "b\x7f"}, {"x a": "b"}, {"x:a": "b"}, {"": "b"}])
def test_control_characters_and_names_that_are_none_are_not_sent(bad: dict[str, str]) -> None:
    spoil = on_request("spoil", lambda request: request.replace(headers={**request.headers, **bad}))
    with serving(lambda request: [answer(completion())]) as server:
        for _ in range(2):  # what is remembered of the first call changes nothing
            with pytest.raises(errors.InvalidRequest, match="cannot be sent"):
                ask(server, "fast", stream=False, pipeline=lambda steps: steps.after("prepare_request", spoil))
        assert server.seen == []
