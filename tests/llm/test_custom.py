"""A custom model: one function is written, everything else comes with it, sync and async."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import pytest

import stepwell
from stepwell import AsyncClient, Client, Image, Message, Reply, assistant, system, user
from stepwell.costs import Usage
from stepwell.llm.custom import CustomLLM
from stepwell.messages import ToolCall
from stepwell.parsers.choice import ChoiceParser
from stepwell.providers.declare.registry import Registry
from stepwell.schemas.chunks import TextDelta, ToolCallDelta, ToolCallEnd, ToolCallStart, UsageUpdate
from stepwell.schemas.errors import (
    ConfigError,
    InvalidOption,
    NotSupported,
)

from loopback import SOON
from sync_and_async import Ask, ask_async


class Whole(CustomLLM):
    def complete(self, prompt: str) -> str:
        return f"<{prompt}>"


class Pieces(CustomLLM):
    def stream_complete(self, prompt: str) -> Iterator[str]:
        yield from ("<", "", prompt, ">")


class WholeAsync(CustomLLM):
    async def acomplete(self, prompt: str) -> str:
        await anyio.sleep(0)
        return f"<{prompt}>"


class PiecesAsync(CustomLLM):
    async def astream_complete(self, prompt: str) -> AsyncIterator[str]:
        for piece in ("<", "", prompt, ">"):
            await anyio.sleep(0)
            yield piece


KINDS = [Whole, Pieces, WholeAsync, PiecesAsync]
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


@kinds
def test_one_function_is_enough_for_all_the_calls(kind: type[CustomLLM], ask: Ask) -> None:
    llm = kind()
    assert ask(llm, "complete", "hi").text == ask(llm, "chat", [user("hi")]).text == "<hi>"
    for name in ("stream_complete", "stream_chat"):
        chunks, reply = ask(llm, name, "hi")
        assert "".join(chunk.text for chunk in chunks if type(chunk) is TextDelta) == "<hi>"
        assert (reply.text, reply.finish_reason) == ("<hi>", "stop")
    assert ask(llm, "predict", "{a}", a="hi") == "<hi>"
    assert "".join(ask(llm, "stream", "{a}", a="hi")[0]) == "<hi>"


@kinds
def test_text_is_streamed_in_pieces_if_the_model_yields_pieces(kind: type[CustomLLM], ask: Ask) -> None:
    pieces = ask(kind(), "stream", "hi")[0]
    assert pieces == (["<", "hi", ">"] if kind in (Pieces, PiecesAsync) else ["<hi>"])


def test_a_written_method_may_call_the_others_written(ask: Ask) -> None:
    class Both(CustomLLM):
        __slots__ = ("slow",)
        asked = 0

        def __init__(self) -> None:
            super().__init__()
            self.begin, self.slow = "<", "~"

        def complete(self, prompt: str) -> str:
            self.asked += 1
            return "".join(self.stream_complete(prompt))

        def stream_complete(self, prompt: str) -> Iterator[str]:
            yield from (self.begin, prompt, self.slow)

    class Heir(Both):
        def stream_complete(self, prompt: str) -> Iterator[str]:
            yield from super().stream_complete(prompt)
            yield "!"

    assert ask(Both(), "complete", "hi").text == "<hi~"
    llm = Heir()
    llm.slow = "-"
    assert ask(llm, "complete", "hi").text == "<hi-!" and llm.asked == 1


async def test_async_methods_may_call_each_other() -> None:
    class Both(CustomLLM):
        async def acomplete(self, prompt: str) -> str:
            return "".join([piece async for piece in self.astream_complete(prompt)])

        async def astream_complete(self, prompt: str) -> AsyncIterator[str]:
            yield f"<{prompt}>"

    assert (await Both().acomplete("hi")).text == Both().complete("hi").text == "<hi>"


def test_a_method_that_is_not_written_cannot_be_called_by_one_that_is(ask: Ask) -> None:
    class Circle(CustomLLM):
        def complete(self, prompt: str) -> str:
            return "".join(self.stream_complete(prompt))

    with pytest.raises(ConfigError, match="Circle has no stream_complete of its own"):
        ask(Circle(), "complete", "hi")


def test_the_better_fitting_function_is_taken(ask: Ask) -> None:
    class All(CustomLLM):
        def complete(self, prompt: str) -> str:
            return "complete"

        def stream_complete(self, prompt: str) -> Iterator[str]:
            yield "stream_complete"

        async def acomplete(self, prompt: str) -> str:
            return "acomplete"

        async def astream_complete(self, prompt: str) -> AsyncIterator[str]:
            yield "astream_complete"

    a = "a" if ask is ask_async else ""
    assert ask(All(), "complete", "hi").text == f"{a}complete"
    assert ask(All(), "stream_complete", "hi")[1].text == f"{a}stream_complete"


@kinds
def test_objects_and_parsers_work(kind: type[CustomLLM], ask: Ask) -> None:
    def answer(messages: Any) -> str:
        return '{"a": [1, 2]}'

    llm = kind(messages_to_prompt=answer)
    schema = {"type": "object", "properties": {"a": {"type": "array"}}, "required": ["a"]}
    assert ask(llm, "structured_predict", schema, "Go") == {"a": [1, 2]}
    assert ask(llm, "stream_structured_predict", schema, "Go")[0][-1] == {"a": [1, 2]}
    assert ask(llm.as_structured(schema), "chat", "Go").object == {"a": [1, 2]}
    assert ask(kind(output_parser=ChoiceParser(["hi", "ho"])), "predict", "ho\n\n") == "ho"


class Reasoner(CustomLLM):
    """A model that writes ReAct steps."""

    def complete(self, prompt: str, stop: Any = None) -> str:
        if "Observation: 3" in prompt:
            return "Thought: done\nAnswer: It is 3."
        return 'Thought: add them\nAction: add\nAction Input: {"a": 1, "b": 2}'


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def test_tools_work_as_react_steps(ask: Ask) -> None:
    reply = ask(Reasoner(), "predict_and_call", [add], "1 + 2?")
    assert (reply.text, reply.warnings, len(reply.steps)) == ("It is 3.", (), 2)


class Caller(CustomLLM):
    """A model with tool support."""

    def complete(self, prompt: str, tools: Any = ()) -> Any:
        if "tool: 3" in prompt or "add: 3" in prompt:
            return Reply(assistant("It is 3."), usage=Usage(7, 2))
        return assistant([ToolCall("1", tools[0]["name"], '{"a": 1, "b": 2}')])


class StreamingCaller(CustomLLM):
    def stream_complete(self, prompt: str, tools: Any = ()) -> Iterator[Any]:
        if "add: 3" in prompt:
            yield from (TextDelta("It is "), "3.", UsageUpdate(Usage(7, 2)))
        else:
            yield from (ToolCallStart(0, "1", "add"), ToolCallDelta(0, '{"a": 1, "b": 2}'), ToolCallEnd(0))


@pytest.mark.parametrize("kind", [Caller, StreamingCaller])
def test_a_function_that_names_tools_is_given_them(kind: type[CustomLLM], ask: Ask) -> None:
    llm = kind()
    assert llm.metadata.tools is True
    reply = ask(llm, "predict_and_call", [add], "1 + 2?")
    assert (reply.text, reply.usage.input_tokens) == ("It is 3.", 7)
    assert [step.finish_reason for step in reply.steps] == ["tool_calls", "stop"]


class Optional(CustomLLM):
    def complete(self, prompt: str, temperature: float = 1, mood: str = "fair") -> str:
        return f"{prompt} {temperature} {mood}"


class Open(CustomLLM):
    def complete(self, prompt: str, **options: Any) -> str:
        return str(sorted(options.items()))


def test_functions_get_the_options_that_they_name(ask: Ask) -> None:
    reply = ask(Optional(), "chat", "hi", temperature=0, provider_options={"mood": "bad"}, seed=1)
    assert reply.text == "hi 0 bad"
    assert [warning.subject for warning in reply.warnings] == ["seed"]
    assert ask(Open(seed=1), "chat", "hi", temperature=0).text == "[('seed', 1), ('temperature', 0)]"
    with pytest.raises(InvalidOption, match="did you mean 'mood'"):
        ask(Optional(), "chat", "hi", moood="bad")


def test_a_conversation_becomes_one_text(ask: Ask) -> None:
    llm = Whole(system_prompt="S")
    messages = [user("a"), assistant("b"), user("c")]
    assert ask(llm, "chat", messages).text == "<system: S\nuser: a\nassistant: b\nuser: c\nassistant:>"
    assert ask(Whole(messages_to_prompt=lambda each: each[-1].text), "chat", messages).text == "<c>"
    with pytest.raises(NotSupported, match="image"):
        ask(llm, "chat", [user(["look", Image(url="https://example.org/a.png")])])


class Facts(CustomLLM):
    model_name = "tiny"
    context_window = 512

    def complete(self, prompt: str) -> Any:
        return Reply(assistant("x"), usage=Usage(1, 2), id="r-1")


def test_facts_and_the_functions_attributes_are_kept(ask: Ask) -> None:
    llm = Facts(max_output_tokens=64)
    metadata = llm.metadata
    assert (metadata.model_name, metadata.context_window, metadata.max_output_tokens) == ("facts:tiny", 512, 64)
    assert (metadata.tools, metadata.structured_output, metadata.is_chat_model) == (False, False, False)
    reply = ask(llm, "complete", "hi")
    assert (reply.usage, reply.id, reply.provider, reply.model) == (Usage(1, 2), "r-1", "facts", "tiny")
    assert Facts(model_name="other", context_window=1).metadata.context_window == 1


class Constant(CustomLLM):
    answer = Reply(assistant("always"))

    def complete(self, prompt: str) -> Any:
        return self.answer


def test_a_reply_that_is_returned_repeatedly_does_not_change(ask: Ask) -> None:
    llm = Constant()
    first, second = ask(llm, "complete", "a"), ask(llm, "complete", "b")
    assert [reply.context.messages[0].text for reply in (first, second)] == ["a", "b"]
    assert (Constant.answer.prompt, Constant.answer.finish_reason, Constant.answer.provider) == (None, None, "")


def test_a_custom_model_has_the_full_pipeline() -> None:
    @stepwell.on_request
    def louder(request: Any) -> Any:
        return request.replace(context=stepwell.Context((user("HI"),)))

    llm = Whole(pipeline=[louder])
    assert llm.chat("hi").text == "<HI>"
    client = Client(registry=Registry())
    client.planner.registry.register(llm.provider)
    assert client.generate_text("whole:default", "hi").text == "<hi>"
    assert "custom.py" in client.pipeline_for("whole:default").describe().splitlines()[-1]


def test_two_models_of_one_class_in_a_client_are_separate() -> None:
    class Named(CustomLLM):
        def complete(self, prompt: str) -> str:
            return self.name

        name = ""

    client = Client(registry=Registry())
    one, two = Named(client=client), Named(client=client)
    one.name, two.name = "one", "two"
    assert (one.chat("?").text, two.chat("?").text) == ("one", "two")
    assert (one.model.provider, two.model.provider) == ("named", "named_2")
    assert one.with_options(seed=1, on_unsupported="ignore").complete("?").text == "one"


def test_a_subclass_extends_another(ask: Ask) -> None:
    class Twice(Whole):
        def complete(self, prompt: str) -> str:
            return super().complete(super().complete(prompt))

    assert ask(Twice(), "complete", "hi").text == "<<hi>>"


def test_a_custom_model_without_a_method_is_refused() -> None:
    class Mute(CustomLLM):
        pass

    with pytest.raises(ConfigError, match="Mute answers nothing yet; write one of complete"):
        Mute()


class Blocks(CustomLLM):
    """A model whose functions wait for a gate before they return, also the one that returns pieces."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.gate = threading.Event(), threading.Event()

    def _wait(self) -> None:
        self.begun.set()
        assert self.gate.wait(SOON), "the event loop waits as well"


class BlocksWhole(Blocks):
    def complete(self, prompt: str) -> str:
        self._wait()
        return "through"


class BlocksBeforePieces(Blocks):
    def stream_complete(self, prompt: str) -> Iterator[str]:
        self._wait()
        return iter(["thr", "ough"])


@pytest.mark.parametrize("kind", [BlocksWhole, BlocksBeforePieces])
def test_a_sync_function_does_not_block_the_event_loop(kind: type[Blocks]) -> None:
    async def through(llm: Blocks, asking: Any) -> str:
        asked = asyncio.ensure_future(asking)
        while not llm.begun.is_set():
            await asyncio.sleep(0)
        llm.gate.set()  # only reached if the loop still runs while the function waits
        return str((await asked).text)

    for streamed in (False, True):
        llm = kind()
        asking = llm.astream_chat("hi").reply() if streamed else llm.achat("hi")
        assert asyncio.run(through(llm, asking)) == "through"


@kinds
def test_a_custom_model_runs_on_trio_too(kind: type[CustomLLM]) -> None:
    async def main() -> list[str]:
        llm = kind()
        assert (await llm.acomplete("hi")).text == "<hi>"
        return [piece async for piece in llm.astream("{a}", a="hi")]

    assert "".join(anyio.run(main, backend="trio")) == "<hi>"


def test_it_also_works_inside_a_running_loop_and_with_an_async_client() -> None:
    async def main() -> str:
        return WholeAsync().complete("hi").text

    assert asyncio.run(main()) == "<hi>"
    llm = Whole(async_client=AsyncClient(registry=Registry()))
    assert (llm.chat("hi").text, asyncio.run(llm.achat("hi")).text) == ("<hi>", "<hi>")


def test_system_messages_count_as_messages() -> None:
    assert Whole().chat([system("only this")]).text == "<system: only this\nassistant:>"
    assert Whole().chat([Message("user", "hi", name="Ada"), user("ho")]).text == "<Ada: hi\nuser: ho\nassistant:>"
