"""The LLM interface: what each method sends and returns, the same for sync and async."""

from __future__ import annotations

import asyncio
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import attrs
import httpx
import orjson
import pytest

import stepwell
from stepwell import AsyncClient, Client, Context, Reply, assistant, functions, system, user
from stepwell.client_pair import ClientPair
from stepwell.costs import Usage
from stepwell.events import Event, subscribe
from stepwell.llm.llm import LLM, StructuredLLM
from stepwell.messages import ToolCall
from stepwell.parsers.choice import ChoiceParser
from stepwell.parsers.lists import ListParser
from stepwell.prompts import ChatTemplate, Slot
from stepwell.schemas.errors import ConfigError, ObjectInvalid, UnknownProvider
from stepwell.testing.fake import FakeModel

from sync_and_async import Ask


def llm_of(fake: FakeModel, **settings: Any) -> LLM:
    return LLM("fake:m", client=Client(registry=fake.registry), **settings)


def texts(fake: FakeModel, at: int = -1) -> list[tuple[str, str]]:
    """Return the roles and texts of the messages that were sent."""
    return [(message.role, message.text) for message in fake.requests[at].context]


@attrs.frozen
class City:
    name: str
    people: int


def test_chat_answers_messages(ask: Ask) -> None:
    fake = FakeModel("hello")
    reply = ask(llm_of(fake, temperature=0), "chat", [user("hi")], max_tokens=5)
    assert (reply.text, fake.requests[0].options) == ("hello", {"temperature": 0, "max_tokens": 5})


def test_the_system_prompt_is_added_to_every_conversation_without_one(ask: Ask) -> None:
    fake = FakeModel("hello", repeat=True)
    llm = llm_of(fake, system_prompt="Be brief.")
    reply = ask(llm, "chat", "hi")
    assert texts(fake) == [("system", "Be brief."), ("user", "hi")]
    ask(llm, "chat", reply.context.append("more"))
    assert [role for role, _ in texts(fake)] == ["system", "user", "assistant", "user"]
    ask(llm, "chat", [system("Be long."), user("hi")])
    assert texts(fake)[0] == ("system", "Be long.")
    ask(llm, "complete", "hi")
    assert texts(fake)[0] == ("system", "Be brief.")


def test_completions_take_the_form_that_the_model_was_trained_on(ask: Ask) -> None:
    fake = FakeModel("x", repeat=True)
    llm = llm_of(fake, completion_to_prompt=lambda text: f"### {text} ###")
    ask(llm, "complete", "hi")
    assert texts(fake) == [("user", "### hi ###")]
    ask(llm, "complete", "hi", formatted=True)
    assert texts(fake) == [("user", "hi")]


def test_messages_can_be_made_one_text(ask: Ask) -> None:
    fake = FakeModel("x")
    llm = llm_of(fake, messages_to_prompt=lambda messages: "|".join(each.text for each in messages), system_prompt="S")
    ask(llm, "chat", [user("a"), assistant("b"), user("c")])
    assert texts(fake) == [("user", "S|a|b|c")]
    assert llm.metadata.is_chat_model is False


@pytest.mark.parametrize("name", ["stream_chat", "stream_complete"])
def test_streams_give_chunks_and_the_reply(ask: Ask, name: str) -> None:
    chunks, reply = ask(llm_of(FakeModel("hello")), name, "hi")
    assert "".join(chunk.text for chunk in chunks if chunk.type == "text") == reply.text == "hello"


def test_predict_fills_a_template(ask: Ask) -> None:
    fake = FakeModel("Bonjour", repeat=True)
    assert ask(llm_of(fake), "predict", "Say {what} in {language}.", what="hi", language="French") == "Bonjour"
    assert texts(fake) == [("user", "Say hi in French.")]
    template = ChatTemplate([system("S"), Slot("history"), "{question}"])
    ask(llm_of(fake), "predict", template, history=Context((user("a"), assistant("b"))), question="c")
    assert texts(fake) == [("system", "S"), ("user", "a"), ("assistant", "b"), ("user", "c")]


def test_a_missing_value_is_reported_before_anything_is_sent(ask: Ask) -> None:
    fake = FakeModel("x")
    for name, args in (("predict", ()), ("stream", ()), ("structured_predict", (int,))):
        with pytest.raises(ConfigError, match="lacks a value for 'b'"):
            ask(llm_of(fake), name, *args, "{a} {b}", a="1")
    assert fake.requests == []


def test_predict_returns_the_parsers_result(ask: Ask) -> None:
    fake = FakeModel("Well...", "Yes.")
    llm = llm_of(fake, output_parser=ChoiceParser({"yes": True, "no": False}))
    assert ask(llm, "predict", "Is {x} even?", x=4) is True
    assert "none of yes, no" in texts(fake)[-1][1]


def test_predict_gives_up_when_the_repairs_are_spent(ask: Ask) -> None:
    fake = FakeModel("Well...", repeat=True)
    with pytest.raises(ObjectInvalid) as caught:
        ask(llm_of(fake, output_parser=ChoiceParser(["yes", "no"]), max_repairs=0), "predict", "Is it?")
    assert (caught.value.text, len(fake.requests)) == ("Well...", 1)


def test_stream_gives_text_and_reads_it_at_the_end(ask: Ask) -> None:
    fake = FakeModel("red, green", repeat=True)
    pieces, reply = ask(llm_of(fake, output_parser=ListParser()), "stream", "Name {n} fruits.", n=2)
    assert ("".join(pieces), reply.object) == ("red, green", ["red", "green"])
    assert texts(fake)[0][1].endswith(ListParser().instructions)
    assert ask(llm_of(fake), "stream", "Go")[1].object is None


def test_a_streamed_text_that_cannot_be_read_is_an_error_with_the_text(ask: Ask) -> None:
    with pytest.raises(ObjectInvalid) as caught:
        ask(llm_of(FakeModel("none"), output_parser=ChoiceParser(["a", "b"])), "stream", "Go")
    assert caught.value.text == "none" == caught.value.partial.text


def test_structured_predict_gives_an_object(ask: Ask) -> None:
    fake = FakeModel('{"name": "Pune"}', '{"name": "Pune", "people": 7}')
    assert ask(llm_of(fake, object_mode="prompt"), "structured_predict", City, "About {city}", city="Pune") == City(
        "Pune", 7
    )
    assert len(fake.requests) == 2


def test_stream_structured_predict_gives_partial_objects(ask: Ask) -> None:
    fake = FakeModel('{"name": "Pune", "people": 7}')
    items, reply = ask(llm_of(fake, object_mode="prompt"), "stream_structured_predict", City, "About Pune")
    assert items[-1] == reply.object == City("Pune", 7)


def test_predict_and_call_runs_tools(ask: Ask) -> None:
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    fake = FakeModel(ToolCall("1", "add", '{"a": 1, "b": 2}'), "It is 3.")
    reply = ask(llm_of(fake, system_prompt="S"), "predict_and_call", [add], "1 + 2?", max_steps=3)
    assert (reply.text, len(reply.steps)) == ("It is 3.", 2)
    assert texts(fake)[-1] == ("tool", "3")

    fake = FakeModel('Thought: T\nAction: add\nAction Input: {"a": 1, "b": 2}', "Thought: T\nAnswer: It is 3.")
    reply = ask(llm_of(fake), "predict_and_call", [add], "1 + 2?", react=True)
    assert reply.text == "It is 3."
    assert texts(fake)[-1] == ("user", "Observation: 3")


def test_options_can_be_changed_for_another_llm() -> None:
    fake = FakeModel("x", repeat=True)
    llm = llm_of(fake, temperature=0, seed=1)
    llm.with_options(seed=None, top_p=0.5).chat("hi")
    assert fake.requests[-1].options == {"temperature": 0, "top_p": 0.5}
    llm.chat("hi")
    assert fake.requests[-1].options == {"temperature": 0, "seed": 1}


def test_steps_of_the_caller_run_as_well() -> None:
    fake = FakeModel("hello", repeat=True)
    shout = stepwell.on_response("shout", lambda response: _said(response, response.reply.text.upper()))
    assert llm_of(fake, pipeline=[shout]).chat("hi").text == "HELLO"
    client = Client(registry=fake.registry)
    whole = client.pipeline_for("fake:m").prepend(shout)
    assert LLM("fake:m", client=client).chat("hi", pipeline=whole).text == "HELLO"
    add = stepwell.Tool("add", callback=lambda: 3)
    reply = LLM("fake:m", client=client, pipeline=whole).predict_and_call([add], "hi", react=True)
    assert reply.text == "HELLO"


def _said(response: Any, text: str) -> Any:
    response.reply = response.reply.replace(message=assistant(text))
    return response


def test_metadata_comes_from_the_catalog_and_is_never_a_guess() -> None:
    known = LLM("openai:gpt-4o").metadata
    assert (known.context_window, known.tools, known.is_chat_model) == (128_000, True, True)
    assert known.max_output_tokens and known.structured_output and known.model_name == "openai:gpt-4o"
    unknown = LLM("openai:never-heard-of").metadata
    assert (unknown.context_window, unknown.max_output_tokens, unknown.tools) == (None, None, None)
    assert repr(LLM("openai:gpt-4o")) == "LLM('openai:gpt-4o')"
    with pytest.raises(UnknownProvider):
        _ = LLM("nobody:x").metadata


def test_a_real_wire_carries_it_from_one_client_sync_and_async(ask: Ask) -> None:
    bodies = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(orjson.loads(request.content))
        choice = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
        return httpx.Response(200, json={"id": "1", "model": "gpt-4o", "choices": [choice]})

    client = Client(transport=httpx.MockTransport(answer), api_keys={"openai": "test"})
    llm = LLM("openai:gpt-4o", client=client, wire="openai_chat", system_prompt="S")
    assert ask(llm, "predict", "{x}", x="y") == "hi"
    assert bodies[0]["messages"] == [{"role": "system", "content": "S"}, {"role": "user", "content": "y"}]


def test_an_async_client_serves_sync_and_async_too(ask: Ask) -> None:
    fake = FakeModel("hello")
    assert ask(LLM("fake:m", async_client=AsyncClient(registry=fake.registry)), "chat", "hi").text == "hello"


class OnlySync(httpx.BaseTransport):
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise AssertionError


def test_a_transport_for_one_of_sync_and_async_cannot_be_carried_over() -> None:
    llm = LLM("openai:gpt-4o", client=Client(transport=OnlySync()))
    with pytest.raises(ConfigError, match="give both"):
        asyncio.run(llm.achat("hi"))
    with pytest.raises(ConfigError, match="async_client cannot be a Client"):
        LLM("openai:gpt-4o", async_client=Client())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda llm: llm.complete([user("hi")]), "complete takes a string"),
        (lambda llm: llm.complete(""), "empty"),
        (lambda llm: llm.chat([]), "no messages"),
        (lambda llm: llm.chat("hi", temprature=1), "did you mean 'temperature'"),
        (lambda llm: llm.predict("{a.b}"), "not a name in braces"),
        (lambda llm: llm.predict_and_call([], "hi", max_steps=0), "max_steps"),
        (lambda llm: llm.as_structured({"$ref": "http://example.org/x"}), "ref"),
    ],
)
def test_bad_input_is_refused_before_anything_is_sent(call: Callable[[LLM], Any], why: str) -> None:
    fake = FakeModel("x")
    with pytest.raises(ConfigError, match=why):
        call(llm_of(fake))
    assert fake.requests == []


def test_a_template_function_must_give_text() -> None:
    with pytest.raises(ConfigError, match="messages_to_prompt gave a list"):
        llm_of(FakeModel("x"), messages_to_prompt=lambda messages: list(messages)).chat("hi")


NAMES = ["chat", "complete", "stream_chat", "stream_complete", "predict", "stream", "structured_predict"]
NAMES += ["stream_structured_predict", "predict_and_call"]


@pytest.mark.parametrize("cls", [LLM, StructuredLLM])
@pytest.mark.parametrize("name", NAMES)
def test_every_method_has_a_counterpart_of_the_same_parameters(cls: type, name: str) -> None:
    one, other = (inspect.signature(getattr(cls, each)).parameters for each in (name, f"a{name}"))
    assert [str(each) for each in one.values()] == [str(each) for each in other.values()]


def test_calls_report_nested_spans(ask: Ask) -> None:
    events: list[Event] = []
    unsubscribe = subscribe(events.append)
    try:
        answer = Reply(assistant("yes"), "stop", "stop", Usage(3, 1))
        fake = FakeModel(answer, repeat=True)
        ask(llm_of(fake, output_parser=ChoiceParser(["yes"])), "predict", "Is it?")
        ask(llm_of(fake), "stream", "Is it?")
    finally:
        unsubscribe()
    assert [(event.name, event.phase) for event in events] == [
        ("predict", "start"),
        ("chat", "start"),
        ("chat", "end"),
        ("predict", "end"),
        ("stream", "start"),
        ("stream_chat", "start"),
        ("stream_chat", "end"),
        ("stream", "end"),
    ]
    outer, inner = events[0], events[1]
    assert inner.parent == outer.span and outer.parent is None
    assert events[2].data["usage"] == events[3].data["usage"] == Usage(3, 1)
    assert events[2].data["model"] == "fake:m"


def test_failures_and_streams_left_early_are_reported() -> None:
    events: list[Event] = []
    unsubscribe = subscribe(events.append)
    try:
        with pytest.raises(RuntimeError):
            llm_of(FakeModel(RuntimeError("no"))).chat("hi")
        llm_of(FakeModel("hello")).stream_chat("hi").close()
    finally:
        unsubscribe()
    assert [(event.name, event.phase) for event in events if event.phase != "start"] == [
        ("chat", "error"),
        ("stream_chat", "end"),
    ]
    assert isinstance(events[1].data["error"], RuntimeError)
    assert events[-1].data["left_early"] is True


def test_without_clients_it_uses_the_process_s_own_whichever_is_used_first() -> None:
    for first in ("sync", "asynchronous", "planner"):
        clients = ClientPair()
        getattr(clients, first)
        for ours, shared in ((clients.sync, functions.CLIENT), (clients.asynchronous, functions.ASYNC_CLIENT)):
            assert ours.planner is shared.planner and ours.connections is shared.connections
    assert pickle.loads(pickle.dumps(clients)).sync is clients.sync


def test_what_is_asked_may_be_passed_by_its_name() -> None:
    llm = LLM("fake:m", client=Client(registry=FakeModel("hi", repeat=True).registry))
    assert llm.complete(prompt="a").text == llm.chat(messages=["a"]).text == "hi"
    assert [chunk.text for chunk in llm.stream_complete(prompt="a") if chunk.type == "text"] == ["hi"]
    assert llm.predict_and_call(tools=[len_of], prompt="a").text == "hi"


def len_of(text: str) -> int:
    """Measure a text."""
    return len(text)
