"""What was found out about the options of one call is used for the next with the same options, and for no others."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest

from stepwell import Client, on_request
from stepwell.errors import InvalidOption
from stepwell.providers.declare.kept_options import MOST, keep, scalars_key
from stepwell.schemas.memo import Memo
from stepwell.steps import CallModel

ANSWER = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]}


class Server:
    """A client whose requests are kept, as JSON."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.client = Client(transport=httpx.MockTransport(self.answer), api_keys={"openai": "k", "groq": "k"})

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(orjson.loads(request.content))
        return httpx.Response(200, json=ANSWER)


@pytest.mark.parametrize("model", ["groq:llama-3.3-70b-versatile", "openai:gpt-5-nano"])
def test_a_second_call_sends_and_warns_like_the_first(model: str) -> None:
    server = Server()
    with server.client as client:
        options: dict[str, Any] = {"temperature": 0.5, "max_tokens": 20, "top_k": 3, "wire": "openai_chat"}
        replies = [client.generate_text(model, "hi", **options) for _ in range(3)]
    assert server.bodies[0] == server.bodies[1] == server.bodies[2]
    assert replies[0].warnings == replies[1].warnings == replies[2].warnings != ()


@pytest.mark.parametrize("step", ["check_options", "translate_options", "encode_body", "send"])
@pytest.mark.parametrize("options", [{}, {"temperature": 0.5, "max_tokens": 20}], ids=["none", "some"])
def test_a_step_that_changes_options_in_place_changes_no_other_call(options: dict[str, Any], step: str) -> None:
    def change(request: Any) -> Any:
        request.options["seed"] = 7
        request.options.pop("temperature", None)
        return request

    server, model, given = Server(), "groq:llama-3.3-70b-versatile", dict(options)
    with server.client as client:
        for _ in range(2):
            client.generate_text(model, "hi", **options)
            client.generate_text(
                model, "hi", pipeline=lambda usual: usual.before(step, on_request("c", change)), **options
            )
        client.run_workflow(flow_of_two_calls(model, options))
    assert server.bodies[0] == server.bodies[2] == server.bodies[4] == server.bodies[5]
    assert options == given


def flow_of_two_calls(model: str, options: dict[str, Any]) -> Any:
    yield CallModel(model, "hi", options)
    yield CallModel(model, "hi", options)


def test_values_that_are_equal_but_of_another_type_are_judged_anew() -> None:
    server = Server()
    with server.client as client:
        client.generate_text("groq:llama-3.3-70b-versatile", "hi", seed=1)
        with pytest.raises(InvalidOption, match="seed"):
            client.generate_text("groq:llama-3.3-70b-versatile", "hi", seed=True)


def test_each_call_may_say_anew_what_happens_to_an_option_that_is_dropped() -> None:
    server = Server()
    with server.client as client:
        for on_unsupported, count in (("warn", 1), ("ignore", 0), ("warn", 1)):
            reply = client.generate_text("groq:llama-3.3-70b-versatile", "hi", top_k=3, on_unsupported=on_unsupported)
            assert len(reply.warnings) == count
        with pytest.raises(InvalidOption, match="top_k"):
            client.generate_text("groq:llama-3.3-70b-versatile", "hi", top_k=3, on_unsupported="error")


def test_what_can_change_or_is_long_is_not_kept() -> None:
    assert scalars_key({"stop": ["a"]}) is None
    assert scalars_key({"user": None}) is None
    table = Memo[Any, Any](MOST)
    keep(table, "key", {"user": "x" * 65}, True)
    assert not table
    for number in range(600):
        keep(table, number, {"seed": number}, True)
    assert len(table) == MOST
