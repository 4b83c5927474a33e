"""What newcomers get wrong in a step, a provider, a schema or a setting: each error says where, and what to write."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

import stepwell
from stepwell import AsyncClient, Client, Reply, Tool, around, errors, on_error, on_request, on_response, tool
from stepwell import steps as public_steps
from stepwell.declare import declare_provider, openai_chat
from stepwell.messages import ToolCall
from stepwell.model_metadata.similar_models import models_like
from stepwell.retrieval import Document, Node, retrieve_context
from stepwell.steps import Sleep, Step, fallback, fit_context, retry
from stepwell.testing import FakeModel

ANSWER = {"choices": [{"message": {"content": "Good day!"}, "finish_reason": "stop"}]}
PIECE = b'data: {"choices": [{"index": 0, "delta": {"content": "Good day!"}}]}\n\n'


def asked(step: Step | None, *turns: Any) -> list[Callable[[], Any]]:
    """Return the ways to ask a fake model through a step: sync, streamed, async."""
    settings = {"registry": FakeModel(*(turns or ("hi",)), repeat=True).registry, "pipeline": step, "retries": 0}

    async def awaited() -> Any:
        return await AsyncClient(**settings).generate_text("fake:a", "hi")

    return [
        lambda: Client(**settings).generate_text("fake:a", "hi"),
        lambda: Client(**settings).stream_text("fake:a", "hi").reply(),
        lambda: asyncio.run(awaited()),
    ]


def plain(request: Any, call: Any) -> Any:
    yield from call(request)


def coroutine(request: Any, call: Any) -> Any:
    yield asyncio.sleep(0)
    return (yield from call(request))


STEPS: dict[str, tuple[Step, str]] = {
    "around without return": (around("mine", plain), "step 'mine' returned NoneType.*end it with `return response`"),
    "on_response without return": (on_response("mine", lambda response: None), "'mine'.*`return response`"),
    "on_request without return": (on_request("mine", lambda request: None), "'mine'.*`return request`"),
    "a reply of on_response": (on_response("mine", lambda response: response.reply or Reply()), "an around step may"),
    "a coroutine": (around("mine", coroutine), r"yielded a coroutine; yield Run\(sync_fn, async_fn\)"),
    "a reply of text": (on_request("mine", lambda request: Reply("hi")), r"write Reply\(assistant\(text\)\)"),
    "an option in replace": (
        on_request("mine", lambda request: request.replace(seed=1)),
        r"no field 'seed'; .*request.replace\(options={\*\*request.options, 'seed': ...}\)",
    ),
    "messages in replace": (on_request("mine", lambda request: request.replace(messages=[])), "is request.context"),
    "an option set in place": (
        on_request("mine", lambda request: setattr(request, "seed", 1)),
        r"not changed in place: .*request.replace\(options=",
    ),
}


@pytest.mark.parametrize("mistake", STEPS)
def test_a_step_that_goes_wrong_is_an_error_with_the_way_to_write_it(mistake: str) -> None:
    step, says = STEPS[mistake]
    for ask in asked(step):
        with pytest.raises((errors.StepwellError, AttributeError), match=says):
            ask()


def test_a_reply_of_text_is_refused_wherever_one_is_given() -> None:
    for step, turn in ((None, Reply("hi")), (on_error("mine", lambda *_: Reply("hi")), errors.ServerError("down"))):
        for ask in asked(step, turn):
            with pytest.raises(errors.ConfigError, match="the message of a Reply cannot be a str"):
                ask()


def test_a_wait_whose_end_has_passed_waits_for_nothing_on_a_thread_as_on_a_loop() -> None:
    def late(request: Any, call: Any) -> Any:
        yield Sleep(-0.5)
        return (yield from call(request))

    assert [ask().text for ask in asked(around("late", late))] == ["hi"] * 3


MAKERS = [
    each
    for name, each in inspect.getmembers(public_steps, inspect.isfunction)
    if re.fullmatch(r"Step|LimitStep\[.*|Cache", str(inspect.signature(each).return_annotation))
    and name not in ("around", "on_chunk", "on_error", "on_request", "on_response")
]


def test_each_function_that_makes_a_step_says_which_arguments_it_takes() -> None:
    assert {"circuit_breaker", "fallback", "retry", "retrieve_context"} <= {make.__name__ for make in MAKERS}
    for make in (*MAKERS, tool, Node, Document):
        with pytest.raises(errors.InvalidOption, match=rf"{make.__name__}\(\) got an unexpected .* 'nonsense'; \w"):
            make(nonsense=1)
        known = [each for each in inspect.signature(make).parameters.values() if each.kind is each.KEYWORD_ONLY]
        for each in known:
            with pytest.raises(errors.InvalidOption, match=f"did you mean '{each.name}'"):
                make(**{f"{each.name}_": 1})


def test_an_error_inside_of_what_makes_a_step_is_left_as_it_is() -> None:
    class Odd(str):
        def partition(self, *_: Any) -> Any:
            raise TypeError("mine() takes 1 positional argument")

    with pytest.raises(TypeError, match="mine"):
        fallback(Odd("a:b"))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: retry(5), "retries= of a client or a call"),
        (lambda: Client(pipeline=retry(repr)).pipeline_for("openai:m"), r"usual.replace\('retry', step\)"),
        (lambda: fit_context(limit="3"), "the limit of fit_context must be a whole number"),
        (lambda: fit_context(margin="3"), "not a share"),
        (lambda: fit_context(summary_tokens="3"), "the summary_tokens of fit_context"),
        (lambda: fit_context(count="3"), "count= of fit_context cannot be a str"),
        (lambda: fit_context(summarise="3"), "is not a function"),
        (lambda: fallback("openai:gpt-5", when=[errors.RateLimitError]), "pass classes of errors"),
        (lambda: stepwell.cache(ttl="1d"), "seconds above 0"),
        (lambda: retrieve_context("notes"), "a str is not a Retriever; make a VectorRetriever"),
        (lambda: declare_provider("p", wire=openai_chat, base_url="https://p.test", auth="sk-1"), "header_key"),
    ],
)
def test_a_setting_of_a_wrong_kind_is_refused_where_it_is_given(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(errors.ConfigError, match=says) as caught:
        make()
    assert "sk-1" not in str(caught.value)


def server(request: httpx.Request) -> httpx.Response:
    if json.loads(request.content).get("stream"):
        return httpx.Response(200, content=PIECE, headers={"content-type": "text/event-stream"})
    return httpx.Response(200, json=ANSWER)


@pytest.mark.parametrize(
    ("steps", "stream", "says"),
    [
        ({"find_error": lambda response: "busy"}, False, "find_error returned str instead of an error or None"),
        ({"find_error": lambda response: "busy"}, True, "find_error returned str instead of an error or None"),
        ({"decode_stream_event": lambda event, model, state: None}, True, "chunks and state"),
        (
            {"decode_stream_event": lambda event, model, state: (None, state)},
            True,
            "chunks and state",
        ),
        ({"parse_stream_protocol": lambda data, buffer: None}, True, "parse_stream_protocol returns events and rest"),
        ({"flush_stream_state": lambda model, state: None}, True, "the flush chunks"),
        ({"decode_stream_event": lambda event, model, state: (["a"], state)}, True, r"stepwell.chunks: TextDelta\("),
    ],
)
def test_a_function_of_a_provider_that_returns_something_else_is_not_blamed_on_the_answer(
    steps: dict[str, Any], stream: bool, says: str
) -> None:
    client = Client(transport=httpx.MockTransport(server), api_keys={"groq": "k"})
    client.override("groq:*", **steps)
    with pytest.raises(errors.StepError, match=says):
        client.stream_text("groq:m", "hi").reply() if stream else client.generate_text("groq:m", "hi")


class Unreadable:
    """A class that says nothing of its fields."""


@dataclass
class Inner:
    what: Unreadable


@dataclass
class Outer:
    inner: list[Inner]


def look_up(outer: Outer) -> None: ...


def no_parameters() -> None: ...


def test_a_type_without_a_schema_is_named_with_its_place() -> None:
    with pytest.raises(errors.SchemaError, match="Unreadable has no JSON form, in what, in inner; use str"):
        Client(registry=FakeModel("{}").registry).generate_object("fake:a", "hi", Outer)
    with pytest.raises(errors.SchemaError, match=r"in what, in inner, in outer, in look_up\(\); use str"):
        tool(look_up)


@pytest.mark.parametrize("schema", [{"city": {"type": "string"}}, {"city": "string"}])
def test_names_of_properties_alone_are_no_schema(schema: dict[str, Any]) -> None:
    for make in (
        lambda: Client(registry=FakeModel("{}").registry).generate_object("fake:a", "hi", schema),
        lambda: Tool("weather", parameters=schema),
        lambda: tool(parameters=schema)(no_parameters),
    ):
        with pytest.raises(errors.SchemaError, match="'city' is no keyword of JSON Schema; pass a class, or"):
            make()
    assert Tool("weather", parameters={"x-note": "any"}).parameters and Tool("weather", parameters={}).parameters


def test_a_model_without_its_provider_is_named_with_that_of_its_maker() -> None:
    for word in ("claude-3-5-sonnet", "claude-3.5-sonnet", "claude-opus-4", "gemini-1.5-pro", "gpt-4o", "grok-3"):
        providers = {each.partition(":")[0] for each in models_like(word, lambda id: False)}
        assert providers & {"anthropic", "google", "openai", "xai"}, word


@pytest.mark.parametrize("name", ["openai: gpt-4o", "openai:gpt-4o\n", " openai:gpt-4o", "openai :gpt-4o"])
def test_white_space_around_a_model_is_refused_before_anything_is_sent(name: str) -> None:
    with pytest.raises(errors.UnknownModel, match='write "provider:model-id", without white space'):
        Client(api_keys={"openai": "k"}).preview(name, "hi")


def test_the_package_lists_what_it_is_used_by_alone() -> None:
    names = [each for each in dir(stepwell) if not each.startswith("__")]
    assert names == sorted({*stepwell.__all__, *stepwell.MODULES})


def test_a_map_that_was_not_run_says_so() -> None:
    run = Client(registry=FakeModel("hi").registry).map(["a"], model="fake:a")
    assert repr(run).endswith(", not begun: run() or iterate it)")
    run.run()
    assert "not begun" not in repr(run)


def test_arguments_of_a_call_in_a_dict_say_how_they_are_written() -> None:
    client = Client(registry=FakeModel(ToolCall("1", "look_up", {"a": 1})).registry)  # type: ignore[arg-type]
    with pytest.raises(errors.ConfigError, match=r"arguments_json of a ToolCall is a dict; pass json.dumps"):
        client.generate_text("fake:a", "hi")
