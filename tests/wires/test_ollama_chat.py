"""Ollama's own chat: requests, answers, and its silent truncation at the context limit."""

from __future__ import annotations

from typing import Any

import answers
import httpx
import orjson
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from ollama._types import ChatRequest, Options

from stepwell import Client, File, Image, Message, Reply, Tool
from stepwell.catalog import Model
from stepwell.messages import Audio, Reasoning, Text, TokenLogprob, ToolCall
from stepwell.providers.wires.ollama_chat import ollama_chat
from stepwell.schemas import errors
from stepwell.schemas.message import assistant, system, tool_result, user

HEAD = {"model": "qwen3", "created_at": "2026-11-21T00:00:00.123456789Z"}
END: dict[str, Any] = {"done": True, "done_reason": "stop", "prompt_eval_count": 12, "eval_count": 7}
TOOL = Tool("look_up", "Look a city up.", {"type": "object", "properties": {"city": {"type": "string"}}})
PNG, BAD = Image(data=b"\x89PNG"), {"invalid_arguments": "{"}


def line(done: bool = False, **fields: Any) -> bytes:
    message = {"role": "assistant", "content": "", **fields.pop("message", {})}
    return orjson.dumps({**HEAD, "message": message, "done": done, **fields}) + b"\n"


def call(name: str = "look_up", **more: Any) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": {"city": "Pune"}, **more}}


def answered(body: bytes, *, stream: bool = False, size: int = 0) -> Any:
    return answers.answered(ollama_chat, body, stream=stream, size=size)


def single_body(**fields: Any) -> bytes:
    return line(**{**END, **fields})


# -- what is sent --------------------------------------------------------------------------------------------------


def body_of(*messages: Message, tools: tuple[Tool, ...] = (), **options: Any) -> dict[str, Any]:
    return answers.body_of(ollama_chat, messages, tools, model=Model("ollama", "qwen3"), **options)


@pytest.mark.parametrize(
    ("message", "encoded"),
    [
        (system("be kind"), {"role": "system", "content": "be kind"}),
        (user(["see", PNG]), {"role": "user", "content": "see", "images": ["iVBORw=="]}),
        (user(Image(url="data:image/png;base64,iVBORw==")), {"role": "user", "content": "", "images": ["iVBORw=="]}),
        (
            assistant([Text("look"), ToolCall("1", "look_up", '{"city": "Pune"}')]),
            {
                "role": "assistant",
                "content": "look",
                "tool_calls": [{"function": {"name": "look_up", "arguments": {"city": "Pune"}}}],
            },
        ),
        (
            assistant(ToolCall("1", "look_up", "")),
            {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "look_up", "arguments": {}}}]},
        ),
        (
            assistant(ToolCall("1", "f", "{")),
            {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": BAD}}]},
        ),
        (
            assistant([Reasoning("hmm", wire="ollama_chat"), Text("yes")]),
            {"role": "assistant", "content": "yes", "thinking": "hmm"},
        ),
        (
            assistant([Reasoning("hmm", "sig", wire="anthropic_messages"), Text("yes")]),
            {"role": "assistant", "content": "yes"},
        ),
        (
            tool_result("1", ["seen", PNG], name="look_up"),
            {"role": "tool", "content": "seen", "images": ["iVBORw=="], "tool_name": "look_up"},
        ),
    ],
)
def test_each_kind_of_turn_is_encoded(message: Message, encoded: dict[str, Any]) -> None:
    assert body_of(message)["messages"] == [encoded]


def test_a_result_is_named_after_the_call_it_answers() -> None:
    turns = body_of(user("go"), assistant([ToolCall("a", "one", ""), ToolCall("b", "two", "")]), tool_result("b", "x"))
    assert turns["messages"][-1]["tool_name"] == "two"


@pytest.mark.parametrize(
    "part", [Image(url="https://x/y.png"), Audio(data=b"ID3"), File(data=b"%PDF")], ids=["by address", "audio", "file"]
)
def test_media_that_the_server_cannot_read_are_refused_before_sending(part: Any) -> None:
    with pytest.raises(errors.NotSupported, match="Ollama"):
        body_of(user(["look", part]))


def test_sampling_options_have_their_own_object() -> None:
    body = body_of(
        user("hi"),
        temperature=0,
        top_k=0,
        min_p=0.1,
        max_tokens=5,
        repetition_penalty=1.1,
        stop="END",
        num_ctx=8192,
        options={"num_gpu": 0, "temperature": 1},
    )
    assert body["options"] == {
        "temperature": 1,  # what the caller puts into `options` is sent as given
        "top_k": 0,
        "min_p": 0.1,
        "num_predict": 5,
        "repeat_penalty": 1.1,
        "stop": ["END"],
        "num_ctx": 8192,
        "num_gpu": 0,
    }
    assert "temperature" not in body and "num_ctx" not in body


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({"reasoning_effort": "none"}, {"think": False}),
        ({"reasoning_effort": "high"}, {"think": "high"}),
        ({"response_format": "json"}, {"format": "json"}),
        ({"response_format": "text"}, {}),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": {"a": 1}}}}, {"format": {"a": 1}}),
        ({"keep_alive": 0}, {"keep_alive": 0}),
        ({"logprobs": True, "top_logprobs": 2}, {"logprobs": True, "top_logprobs": 2}),
        ({"truncate": True}, {"truncate": True}),
    ],
)
def test_other_options_are_sent_with_it(options: dict[str, Any], sent: dict[str, Any]) -> None:
    plain, body = body_of(user("hi")), body_of(user("hi"), **options)
    assert body == {**plain, **sent}


def test_the_server_is_asked_to_refuse_long_prompts_and_not_to_cut_them() -> None:
    body = body_of(user("hi"))
    assert (body["truncate"], body["shift"], body["stream"]) == (False, False, False)


def test_the_body_fits_the_sdks_request_type() -> None:
    """Nothing in it is unknown to Ollama's own SDK, but what that leaves to the server."""
    body = body_of(
        system("be kind"),
        user(["see", PNG]),
        assistant([Reasoning("hmm", wire="ollama_chat"), Text("look"), ToolCall("1", "look_up", '{"city": "Pune"}')]),
        tool_result("1", "sunny"),
        tools=(TOOL,),
        stream=True,
        max_tokens=5,
        stop=["END"],
        num_ctx=8192,
        keep_alive="5m",
        reasoning_effort="high",
    )
    assert body.pop("truncate") is False and body.pop("shift") is False
    assert Options.model_validate(body["options"]).model_dump(exclude_unset=True) == body["options"]
    assert ChatRequest.model_validate(body).model_dump(exclude_unset=True, exclude_none=True) == body


# -- what comes back -----------------------------------------------------------------------------------------------


TEXTS = st.lists(st.text(min_size=1, max_size=6), max_size=5)
ARGUMENTS = st.dictionaries(st.text(max_size=5), st.integers(-9, 9) | st.text(max_size=5), max_size=3)
CALLS = st.lists(st.tuples(st.sampled_from(["look_up", "other"]), ARGUMENTS, st.booleans()), max_size=3)


@given(TEXTS, TEXTS, CALLS, st.sampled_from(["stop", "length"]), st.integers(0, 40))
def test_a_stream_folds_to_the_unstreamed_reply(
    thoughts: list[str], pieces: list[str], made: list[Any], reason: str, size: int
) -> None:
    calls = [{"function": {"index": 0, "name": name, "arguments": given}} for name, given, _ in made]
    for at, (_, _, named) in enumerate(made):
        calls[at] |= {"id": f"call_{at}"} if named else {}
    message: dict[str, Any] = {"content": "".join(pieces)}
    message |= {"thinking": "".join(thoughts)} if thoughts else {}
    message |= {"tool_calls": calls} if calls else {}
    body = single_body(message=message, done_reason=reason)
    stream = [
        *(line(message={"thinking": piece}) for piece in thoughts),
        *(line(message={"content": piece}) for piece in pieces),
        *(line(message={"tool_calls": [each]}) for each in calls),
        line(**{**END, "done_reason": reason}),
    ]
    plain, folded = answered(body), answered(b"".join(stream), stream=True, size=size)
    assert isinstance(plain, Reply) and plain == folded


def test_thinking_text_and_calls_come_in_this_order() -> None:
    reply = answered(single_body(message={"content": "let me see", "thinking": "hmm", "tool_calls": [call(), call()]}))
    assert [part.type for part in reply.message.content] == ["reasoning", "text", "tool_call", "tool_call"]
    assert reply.finish_reason == "tool_calls" and reply.finish_reason_raw == "stop"
    assert len({each.id for each in reply.tool_calls}) == 2


def test_calls_of_one_index_are_several_calls() -> None:
    stream = line(message={"tool_calls": [call(index=0)]}) + line(message={"tool_calls": [call(index=0)]})
    reply = answered(stream + line(**END), stream=True)
    assert [each.arguments for each in reply.tool_calls] == [{"city": "Pune"}] * 2


@pytest.mark.parametrize("arguments", [None, {}, "", "{}"])
def test_a_call_without_arguments_has_an_empty_object(arguments: Any) -> None:
    (made,) = answered(single_body(message={"tool_calls": [call(arguments=arguments)]})).tool_calls
    assert made.arguments == {}


def test_arguments_in_a_string_are_read_too() -> None:
    (made,) = answered(single_body(message={"tool_calls": [call(arguments='{"city": "Pune"}')]})).tool_calls
    assert made.arguments == {"city": "Pune"}


def test_usage_counts_the_whole_prompt_cached_or_not() -> None:
    usage = answered(single_body(prompt_eval_cached_count=10, total_duration=5)).usage
    assert (usage.input_tokens, usage.cached_input_tokens, usage.output_tokens) == (12, 10, 7)
    assert usage.raw["total_duration"] == 5


def test_log_probabilities_are_kept() -> None:
    entries = [{"token": "a", "logprob": -0.1}, {"token": "b", "logprob": -0.2}]
    stream = [line(message={"content": each["token"]}, logprobs=[each]) for each in entries]
    folded = answered(b"".join(stream) + line(**END), stream=True)
    assert folded == answered(single_body(message={"content": "ab"}, logprobs=entries))
    assert folded.logprobs == (TokenLogprob("a", -0.1), TokenLogprob("b", -0.2))


@pytest.mark.parametrize("reason", ["load", "unload"])
def test_an_answer_to_loading_a_model_is_not_an_error(reason: str) -> None:
    reply = answered(line(done=True, done_reason=reason))
    assert (reply.text, reply.finish_reason) == ("", reason)


# -- what goes wrong -----------------------------------------------------------------------------------------------


SAID = line(message={"content": "so "}) + line(message={"content": "far"})


@pytest.mark.parametrize("size", [0, 1, 7])
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("an error was encountered while running the model", errors.ProviderError),
        ({"message": "unexpected EOF"}, errors.ProviderError),
        ("the prompt is longer than the context length currently available to the model", errors.ContextOverflow),
        (["odd"], errors.ProviderError),
    ],
)
def test_an_error_line_in_a_stream_is_an_error_with_the_partial_answer(error: Any, kind: type, size: int) -> None:
    outcome = answered(SAID + orjson.dumps({"error": error}) + b"\n", stream=True, size=size)
    assert type(outcome) is kind and outcome.partial.text == "so far"


def test_an_error_in_a_200_is_an_error() -> None:
    assert isinstance(answered(b'{"error": "model is loading"}'), errors.ProviderError)


def test_a_line_that_is_not_json_is_an_error() -> None:
    outcome = answered(SAID + b"<html>\n" + line(**END), stream=True)
    assert isinstance(outcome, errors.DecodeError) and outcome.partial.text == "so far"


@pytest.mark.parametrize(
    ("junk", "subject"), [(b"[1]", "event"), (b'"text"', "event"), (b'{"message": 3, "done": false}', "message")]
)
def test_a_line_that_is_no_object_or_has_none_is_left_out_with_a_warning(junk: bytes, subject: str) -> None:
    reply = answered(SAID + junk + b"\n" + line(**END), stream=True)
    assert reply.text == "so far" and [warning.subject for warning in reply.warnings] == [subject]


def test_a_stream_cut_at_any_place_is_an_error_with_the_partial_answer() -> None:
    stream = SAID + line(message={"tool_calls": [call()]}) + line(**END)
    for at in range(len(stream) - 1):
        cut = answered(stream[:at], stream=True)
        assert isinstance(cut, errors.StreamTruncated), at
        assert cut.partial is None or "so far".startswith(cut.partial.text)
    assert answered(stream, stream=True) == answered(stream + SAID, stream=True), "after the end nothing counts"
    assert answered(stream[:-1], stream=True).text == "so far", "the last line may want its line end"


# -- the provider --------------------------------------------------------------------------------------------------


def exchange(answer: bytes, model: str = "qwen3", *, status: int = 200, stream: bool = False, **options: Any) -> Any:
    """Return the request to Ollama and the reply."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(status, content=answer)

    with Client(transport=httpx.MockTransport(handler), retries=0) as client:
        ask = client.stream_text if stream else client.generate_text
        reply: Any = ask(f"ollama:{model}", "hi", **options)
        return seen[0], reply.reply() if stream else reply


def warned(reply: Reply) -> list[str]:
    return [warning.subject for warning in reply.warnings]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("end", "options", "full"),
    [
        (
            {"done_reason": "length", "prompt_eval_count": 4000, "eval_count": 96},
            {"provider_options": {"num_ctx": 4096}},
            True,
        ),
        (
            {"done_reason": "length", "prompt_eval_count": 4000, "eval_count": 96},
            {"provider_options": {"options": {"num_ctx": 4096}}},
            True,
        ),
        ({"done_reason": "length", "eval_count": 96}, {"max_tokens": 96, "provider_options": {"num_ctx": 4096}}, False),
        ({"done_reason": "length", "eval_count": 96}, {"max_tokens": 500}, True),
        ({"done_reason": "length", "eval_count": 96}, {}, True),
        (
            {"done_reason": "stop", "prompt_eval_count": 4000, "eval_count": 96},
            {"provider_options": {"num_ctx": 4096}},
            False,
        ),
    ],
    ids=["full", "full, by options", "as long as allowed", "shorter than allowed", "nothing allowed", "stopped"],
)
def test_a_full_context_is_reported(end: dict[str, Any], options: dict[str, Any], full: bool, stream: bool) -> None:
    answer = line(message={"content": "so far"}, **{**END, **end})
    _, reply = exchange(answer, stream=stream, **options)
    assert ("possible_truncation" in warned(reply)) is full
    assert warned(reply).count("possible_truncation") <= 1 and reply.text == "so far"


def test_a_prompt_that_does_not_fit_names_the_option_that_helps() -> None:
    with pytest.raises(errors.ContextOverflow, match="set num_ctx higher") as caught:
        exchange(b'{"error": "request (7900 tokens) exceeds the available context size (4096 tokens)"}', status=400)
    assert (caught.value.requested_tokens, caught.value.max_tokens) == (7900, 4096)


@pytest.mark.parametrize(
    ("model", "effort", "think", "reported"),
    [
        ("qwen3", "none", False, False),
        ("qwen3", "low", True, True),
        ("gpt-oss:20b", "none", "low", True),
        ("gpt-oss:20b", "low", "low", False),
        ("gpt-oss:20b", "xhigh", "high", True),
    ],
)
def test_effort_is_a_switch_except_for_gpt_oss(model: str, effort: str, think: Any, reported: bool) -> None:
    request, reply = exchange(single_body(), model, reasoning_effort=effort)
    assert orjson.loads(request.content)["think"] is think or orjson.loads(request.content)["think"] == think
    assert ("reasoning_effort" in warned(reply)) is reported


def test_an_explicit_think_option_wins() -> None:
    request, reply = exchange(single_body(), reasoning_effort="high", provider_options={"think": "max"})
    body = orjson.loads(request.content)
    assert body["think"] == "max" and "reasoning_effort" not in body and not warned(reply)


def test_the_compatible_chat_warns_of_options_that_it_ignores() -> None:
    completion = orjson.dumps({"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]})
    ignored = {"num_ctx": 8192}
    request, reply = exchange(completion, wire="openai_chat", provider_options=ignored, reasoning_effort="low")
    assert str(request.url) == "http://localhost:11434/v1/chat/completions"
    assert orjson.loads(request.content).keys() == {"model", "messages", "reasoning_effort"}
    assert warned(reply) == ["num_ctx"]


def test_the_native_chat_comes_first() -> None:
    request, _ = exchange(single_body(), provider_options={"num_ctx": 8192})
    assert str(request.url) == "http://localhost:11434/api/chat" and "authorization" not in request.headers
    assert orjson.loads(request.content)["options"] == {"num_ctx": 8192}


def test_usage_and_message_are_the_same_streamed_and_not() -> None:
    sample = single_body(message={"content": "hi"})
    assert evolve(exchange(sample)[1], raw=None) == exchange(sample, stream=True)[1]
