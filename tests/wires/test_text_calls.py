"""Tool calls that a model wrote as text become tool calls, streamed or not, and nothing of them is shown."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import stepwell
from stepwell.errors import InvalidOption
from stepwell.providers.text_calls.forms import FORMS, KnownForms
from stepwell.providers.text_calls.stage import TextCalls
from stepwell.schemas.chunks import Finish, TextDelta, ToolCallEnd
from stepwell.schemas.fold import fold
from stepwell.steps import read_text_calls


@stepwell.tool
def search(query: str, limit: int | None = None, tags: list[str] | None = None) -> str:
    """Search for something."""
    return f"found {query}"


# What each family writes, from the chat templates of its models: two calls where a block may hold two.
WRITTEN: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "hermes": (
        '<tool_call>\n{"name": "search", "arguments": {"query": "a > b </b>", "limit": 2}}\n</tool_call>\n'
        '<tool_call>\n{"name": "search", "arguments": {"query": "</tool_call>"}}\n</tool_call>',
        [{"query": "a > b </b>", "limit": 2}, {"query": "</tool_call>"}],
    ),
    "qwen3-coder": (
        "<tool_call>\n<function=search>\n<parameter=query>\n12\nlines\n</parameter>\n<parameter=limit>\n3\n</parameter>\n"
        '<parameter=tags>\n["x", "y"]\n</parameter>\n</function>\n</tool_call>',
        [{"query": "12\nlines", "limit": 3, "tags": ["x", "y"]}],
    ),
    "function": ('<function=search>{"query": "x"}</function>', [{"query": "x"}]),
    "invoke": (
        '<function_calls>\n<invoke name="search">\n<parameter name="query">7</parameter>\n'
        '<parameter name="limit">7</parameter>\n</invoke>\n<invoke name="search"><parameter name="query">y</parameter>'
        "</invoke>\n</function_calls>",
        [{"query": "7", "limit": 7}, {"query": "y"}],
    ),
    "bare invoke": ('<invoke name="search"><parameter name="query">x</parameter></invoke>', [{"query": "x"}]),
    "minimax": (
        '<minimax:tool_call>\n<invoke name="search">\n<parameter name="query">x</parameter>\n</invoke>\n'
        "</minimax:tool_call>",
        [{"query": "x"}],
    ),
    "deepseek 3.2": (
        '<｜DSML｜function_calls>\n<｜DSML｜invoke name="search">\n<｜DSML｜parameter name="query" string="true">x'
        '</｜DSML｜parameter>\n<｜DSML｜parameter name="limit" string="false">5</｜DSML｜parameter>\n</｜DSML｜invoke>'
        "\n"
        "</｜DSML｜function_calls>",
        [{"query": "x", "limit": 5}],
    ),
    "deepseek 3": (
        '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>search\n```json\n{"query": "x"}\n```'
        '<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>search\n```json\n{"query": "y"}\n```'
        "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        [{"query": "x"}, {"query": "y"}],
    ),
    "deepseek 3.1": (
        '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>search<｜tool▁sep｜>{"query": "x"}<｜tool▁call▁end｜>'
        "<｜tool▁calls▁end｜>",
        [{"query": "x"}],
    ),
    "kimi": (
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.search:0<|tool_call_argument_begin|>"
        '{"query": "x"}<|tool_call_end|><|tool_call_begin|>functions.search:1<|tool_call_argument_begin|>'
        '{"query": "y"}<|tool_call_end|><|tool_calls_section_end|>',
        [{"query": "x"}, {"query": "y"}],
    ),
    "glm": (
        "<tool_call>search\n<arg_key>query</arg_key>\n<arg_value>8</arg_value>\n<arg_key>limit</arg_key>\n"
        "<arg_value>8</arg_value>\n</tool_call>",
        [{"query": "8", "limit": 8}],
    ),
    "mistral": ('[TOOL_CALLS] [{"name": "search", "arguments": {"query": "x"}}]', [{"query": "x"}]),
    "mistral 11": (
        '[TOOL_CALLS]search[ARGS]{"query": "x"}[TOOL_CALLS]search[ARGS]{"query": "[y]"}',
        [{"query": "x"}, {"query": "[y]"}],
    ),
    "llama 3.1": (
        '<|python_tag|>{"name": "search", "parameters": {"query": "x"}}; {"name": "search", "parameters": '
        '{"query": "y"}}<|eom_id|>',
        [{"query": "x"}, {"query": "y"}],
    ),
    "python tag": ('<|python_tag|>search.call(query="x", tags=["a", "b"])', [{"query": "x", "tags": ["a", "b"]}]),
    "llama 4": (
        '<|python_start|>[search(query="x", limit=3), search("y", tags=null)]<|python_end|>',
        [{"query": "x", "limit": 3}, {"query": "y", "tags": None}],
    ),
    "gpt-oss": (
        '<|channel|>commentary to=functions.search <|constrain|>json<|message|>{"query": "x"}<|call|>',
        [{"query": "x"}],
    ),
    "nemotron": ('<TOOLCALL>[{"name": "search", "arguments": {"query": "x"}}]</TOOLCALL>', [{"query": "x"}]),
    "command r": (
        '<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "search", "parameters": {"query": "x"}}]<|END_ACTION|>',
        [{"query": "x"}],
    ),
    "seed": (
        "<seed:tool_call><function=search><parameter=query>x</parameter></function></seed:tool_call>",
        [{"query": "x"}],
    ),
    "json": ('```json\n{"name": "search", "parameters": {"query": "x"}}\n```', [{"query": "x"}]),
    "python": ('[search(query="x"), search(query="y")]', [{"query": "x"}, {"query": "y"}]),
}
ALL = KnownForms(*FORMS)


def streamed(pieces: list[str], reason: str = "stop") -> tuple[stepwell.Reply, list[Any]]:
    """Return the reply and the chunks of an answer that came in these pieces of text."""
    ids = iter(range(1000))
    stage = TextCalls(ALL, [search], lambda: str(next(ids)))
    chunks = [chunk for piece in pieces for chunk in stage.feed([TextDelta(piece)])]
    chunks += [*stage.feed([Finish(reason)]), *stage.flush()]
    return fold(chunks), chunks


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
