"""Tool calls that a model wrote as text become tool calls, streamed or not, and nothing of them is shown."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from written_calls import WRITTEN, search, streamed

import stepwell
from stepwell.errors import InvalidOption
from stepwell.schemas.chunks import TextDelta, ToolCallEnd
from stepwell.steps import read_text_calls


def client(text: str, model: str = "vllm:some-model", **more: Any) -> stepwell.Client:
    answer = {
        "id": "1",
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
    }
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=answer))
    return stepwell.Client(transport=transport, api_keys={model.partition(":")[0]: "test"}, **more)


@pytest.mark.parametrize("family", WRITTEN)
def test_each_form_is_read_whatever_the_pieces(family: str) -> None:
    text, arguments = WRITTEN[family]
    before = "" if family in ("json", "python") else "I look it up.\n\n"
    whole = before + text
    for size in (1, 2, 3, 7, len(whole)):
        pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
        reply, chunks = streamed(pieces)
        assert [(call.name, call.arguments) for call in reply.tool_calls] == [("search", each) for each in arguments]
        assert reply.finish_reason == "tool_calls"
        assert "".join(chunk.text for chunk in chunks if isinstance(chunk, TextDelta)) == before.rstrip()


@pytest.mark.parametrize("family", WRITTEN)
def test_a_call_that_was_cut_is_never_one_that_can_be_run(family: str) -> None:
    text = WRITTEN[family][0]
    for end in range(1, len(text), 3):
        for reason in ("stop", "length"):
            reply, _ = streamed([text[:end]], reason)
            for call in reply.tool_calls:
                if call.error is None:
                    assert call.arguments in WRITTEN[family][1], text[:end]


@given(st.lists(st.text(alphabet='<|>[]{}"tool_cal \nTO:a(=,', max_size=12), max_size=12))
def test_text_without_a_mark_passes_as_it_is(pieces: list[str]) -> None:
    text = "so: " + "".join(pieces)
    reply, chunks = streamed(["so: ", *pieces])
    if not any(isinstance(chunk, ToolCallEnd) for chunk in chunks) and not reply.tool_calls:
        assert reply.text == text


def test_what_surrounds_the_calls_is_text() -> None:
    reply, _ = streamed(["Wait.\n", WRITTEN["hermes"][0], "\n\nThat is it."])
    assert reply.text.split() == ["Wait.", "That", "is", "it."]
    assert len(reply.tool_calls) == 2


def test_a_broken_call_is_shown_to_the_model_and_not_run() -> None:
    reply, _ = streamed(['<tool_call>{"name": "search", "arguments": {"query": </tool_call>'])
    (call,) = reply.tool_calls
    assert call.name == "search"
    assert call.error is not None
    assert reply.text == ""


def test_a_mark_that_names_no_tool_is_text() -> None:
    text = "Models write <tool_call> before a call."
    assert streamed([text])[0].text == text


def test_an_answer_in_json_that_is_no_call_is_text() -> None:
    for text in ('{"name": "Ada", "born": 1815}', '[{"name": "other", "arguments": {}}]', "[1, 2, 3]", "[sum(x)]"):
        reply, _ = streamed([text])
        assert (reply.text, reply.tool_calls) == (text, ()), text


def test_a_long_block_takes_linear_time() -> None:
    """Each piece is looked at once: a block of 80,000 pieces with brackets in them ends within seconds."""
    body = "<p> & </p> " * 40_000
    text = f"<tool_call><function=search><parameter=query>{body}</parameter></function></tool_call>"
    reply, _ = streamed([text[at : at + 6] for at in range(0, len(text), 6)])
    assert len(reply.tool_calls[0].arguments["query"]) == len(body)


def test_a_model_whose_family_writes_calls_is_read_without_asking() -> None:
    text, arguments = WRITTEN["hermes"]
    for model in ("vllm:Qwen/Qwen3-8B", "groq:qwen/qwen3-32b", "ollama:hermes3"):
        wire = {"wire": "openai_chat"} if model.startswith("ollama") else {}
        with client(text, model) as it:
            reply = it.generate_text(model, "x", tools=[search], **wire)
            assert [call.arguments for call in reply.tool_calls] == arguments, model
            assert it.generate_text(model, "x", **wire).text == text  # no tools were offered
    with client(text, "openai:gpt-4o") as it:
        assert it.generate_text("openai:gpt-4o", "x", tools=[search]).text == text


def test_a_client_may_ask_for_it_and_name_the_forms() -> None:
    text = WRITTEN["json"][0]
    with client(text, pipeline=[read_text_calls("json")]) as it:
        assert it.generate_text("vllm:some-model", "x", tools=[search]).tool_calls[0].arguments == {"query": "x"}
    with client(text, pipeline=[read_text_calls()]) as it:
        assert it.generate_text("vllm:some-model", "x", tools=[search]).text == text
    with pytest.raises(InvalidOption, match="'jsn'"):
        read_text_calls("jsn")


def test_the_loop_runs_what_was_written() -> None:
    answers = iter((WRITTEN["glm"][0], "Done."))

    def answer(request: httpx.Request) -> httpx.Response:
        message = {"role": "assistant", "content": next(answers)}
        return httpx.Response(200, json={"choices": [{"index": 0, "finish_reason": "stop", "message": message}]})

    with stepwell.Client(transport=httpx.MockTransport(answer), api_keys={"vllm": "k"}) as it:
        reply = it.run_tools("vllm:zai-org/GLM-4.6", "x", tools=[search])
    assert reply.text == "Done."
    assert [message.text for message in reply.context.messages if message.role == "tool"] == ["found 8"]
