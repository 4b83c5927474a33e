"""Cohere's chat: plans, citations and reasoning, both ways; requests are checked against the SDK's own types."""

from __future__ import annotations

import inspect
from typing import Any

import answers
import orjson
import pytest
from cohere.types import ChatMessageV2, ResponseFormatV2, ToolV2
from cohere.v2.client import V2Client
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

from stepwell import Context, File, Image, Reply, Tool
from stepwell.catalog import Model
from stepwell.messages import Audio, Message, Opaque, Reasoning, Text, TokenLogprob, ToolCall
from stepwell.providers.declare.registry import REGISTRY
from stepwell.providers.declare.translate import translate
from stepwell.providers.wires.cohere_chat import cohere_chat
from stepwell.providers.wires.cohere_chat.encode import encode_messages
from stepwell.schemas import errors
from stepwell.schemas.message import assistant, system, tool_result, user

USAGE = {
    "billed_units": {"input_tokens": 5, "output_tokens": 3},
    "tokens": {"input_tokens": 12, "output_tokens": 7, "reasoning_tokens": 2},
    "cached_tokens": 4,
}
TOOL = Tool("look_up", "Look a city up.", {"type": "object", "properties": {"city": {"type": "string"}}})
CALL = {"id": "c0", "type": "function", "function": {"name": "look_up", "arguments": '{"city":"Pune"}'}}
PLAN = Opaque("cohere_chat", {"tool_plan": "I will look."})
PNG = Image(data=b"\x89PNG")
PNG_BLOCK = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}}


def answered(body: bytes, *, stream: bool = False, size: int = 0) -> Any:
    return answers.answered(cohere_chat, body, stream=stream, size=size)


def body_with(message: dict[str, Any], reason: str = "COMPLETE", **more: Any) -> bytes:
    body = {"id": "r1", "message": {"role": "assistant", **message}, "finish_reason": reason, "usage": USAGE, **more}
    return orjson.dumps(body)


def event(kind: str, index: int | None = None, message: Any = None, **more: Any) -> bytes:
    data: dict[str, Any] = {"type": kind, **({} if index is None else {"index": index})}
    data |= {} if message is None else {"delta": {"message": message}}
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), orjson.dumps({**data, **more}))


START = event("message-start", id="r1", delta={"message": {"role": "assistant", "content": [], "tool_plan": ""}})


def end(reason: str = "COMPLETE", **more: Any) -> bytes:
    return event("message-end", delta={"finish_reason": reason, "usage": USAGE, **more})


def content_block(index: int, *pieces: str, kind: str = "text", first: str = "") -> bytes:
    """Build a block of these pieces; `first` is the content of its start event."""
    deltas = (event("content-delta", index, {"content": {kind: piece}}) for piece in pieces)
    start = event("content-start", index, {"content": {"type": kind, kind: first}})
    return start + b"".join(deltas) + event("content-end", index)


def called(index: int, call: dict[str, Any], *pieces: str) -> bytes:
    begun = {**call, "function": {**call["function"], "arguments": ""}}
    deltas = (
        event("tool-call-delta", index, {"tool_calls": {"function": {"arguments": piece}}}) for piece in pieces or [""]
    )
    return event("tool-call-start", index, {"tool_calls": begun}) + b"".join(deltas) + event("tool-call-end", index)


# -- what is sent --------------------------------------------------------------------------------------------------


def body_of(*messages: Message, tools: tuple[Tool, ...] = (), **options: Any) -> dict[str, Any]:
    return answers.body_of(cohere_chat, messages, tools, model=Model("cohere", "m"), **options)


@pytest.mark.parametrize(
    ("messages", "encoded"),
    [
        ([system("be kind"), user("hi")], [("system", "be kind"), ("user", "hi")]),
        ([user(["see", PNG])], [("user", [{"type": "text", "text": "see"}, PNG_BLOCK])]),
        ([user("a"), assistant(""), user("b")], [("user", "a"), ("user", "b")]),
        ([tool_result("1", "")], [("tool", "(no output)")]),
        (
            [tool_result("1", ["seen", PNG]), tool_result("2", "x"), user("so?")],
            [("tool", "seen"), ("tool", "x"), ("user", [PNG_BLOCK]), ("user", "so?")],
        ),
        (
            [assistant([Reasoning("hmm", wire="cohere_chat"), Text("yes")])],
            [("assistant", [{"type": "thinking", "thinking": "hmm"}, {"type": "text", "text": "yes"}])],
        ),
        (
            [assistant([Reasoning("hmm", "sig", wire="anthropic_messages"), Text("yes")])],
            [("assistant", [{"type": "text", "text": "yes"}])],
        ),
        ([assistant([Text("yes"), PNG])], [("assistant", [{"type": "text", "text": "yes"}])]),
    ],
)
def test_each_kind_of_turn_is_encoded(messages: list[Message], encoded: list[Any]) -> None:
    turns = body_of(*messages)["messages"]
    assert [(turn["role"], turn["content"]) for turn in turns] == encoded


def test_a_plan_is_sent_back_with_its_calls() -> None:
    reply = answered(body_with({"tool_plan": "I will look.", "tool_calls": [CALL]}, "TOOL_CALL"))
    kept = Context.from_json(Context([reply.message]).to_json()).messages[0]
    assert body_of(kept)["messages"] == [{"role": "assistant", "tool_calls": [CALL], "tool_plan": "I will look."}]


@pytest.mark.parametrize("part", [Audio(data=b"ID3"), File(data=b"%PDF")], ids=["audio", "file"])
def test_media_that_the_chat_cannot_read_are_refused_before_sending(part: Any) -> None:
    with pytest.raises(errors.NotSupported, match="Cohere"):
        body_of(user(["look", part]))


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({"temperature": 0, "top_p": 0, "top_k": 0}, {"temperature": 0, "p": 0, "k": 0}),
        ({"stop": "END"}, {"stop_sequences": ["END"]}),
        ({"response_format": "json"}, {"response_format": {"type": "json_object"}}),
        ({"response_format": "text"}, {}),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {"a": 1}}}},
            {"response_format": {"type": "json_object", "json_schema": {"a": 1}}},
        ),
        ({"tool_choice": "auto"}, {}),
        ({"tool_choice": "none"}, {"tool_choice": "NONE"}),
        ({"tool_choice": "required"}, {"tool_choice": "REQUIRED"}),
        ({"documents": [{"data": {}}]}, {"documents": [{"data": {}}]}),
    ],
)
def test_options_are_encoded(options: dict[str, Any], sent: dict[str, Any]) -> None:
    plain = body_of(user("hi"), tools=(TOOL,))
    assert body_of(user("hi"), tools=(TOOL,), **options) == {**plain, **sent}


@pytest.mark.parametrize("choice", [{"name": "b"}, {"type": "function", "function": {"name": "b"}}])
def test_a_required_tool_is_the_only_one_sent(choice: Any) -> None:
    body = body_of(user("hi"), tools=(Tool("a"), Tool("b")), tool_choice=choice)
    assert [tool["function"]["name"] for tool in body["tools"]] == ["b"] and body["tool_choice"] == "REQUIRED"


def test_a_choice_without_tools_is_left_out() -> None:
    assert "tool_choice" not in body_of(user("hi"), tool_choice="required")


@pytest.mark.parametrize(
    ("tools", "strict"),
    [
        ((Tool("a", strict=True),), True),
        ((Tool("a", strict=True), Tool("b")), None),
        ((Tool("a", strict=False),), None),
    ],
)
def test_strictness_is_set_for_all_tools_at_once(tools: tuple[Tool, ...], strict: bool | None) -> None:
    body = body_of(user("hi"), tools=tools)
    assert body.get("strict_tools") is strict
    assert all("strict" not in tool["function"] for tool in body["tools"])


@pytest.mark.parametrize(
    ("options", "thinking"),
    [
        ({"reasoning_effort": "none"}, {"type": "disabled"}),
        ({"reasoning_budget": 0}, {"type": "disabled"}),
        ({"reasoning_effort": "high"}, {"type": "enabled"}),
        ({"reasoning_effort": "high", "reasoning_budget": 500}, {"type": "enabled", "token_budget": 500}),
    ],
)
def test_effort_and_budget_become_thinking(options: dict[str, Any], thinking: dict[str, Any]) -> None:
    rules = REGISTRY.get_or_raise("cohere").translate_options
    assert translate(rules, dict(options), Model("cohere", "m"), "error")[0] == {"thinking": thinking}


def unknown_to_the_sdk(model: Any) -> list[str]:
    """Return the fields, at any depth, that the SDK's types accept but do not declare."""
    if isinstance(model, list):
        return [name for each in model for name in unknown_to_the_sdk(each)]
    if not isinstance(model, BaseModel):
        return []
    inner = [name for field in type(model).model_fields for name in unknown_to_the_sdk(getattr(model, field))]
    return [*(model.model_extra or {}), *inner]


def test_the_body_fits_the_sdks_types() -> None:
    body = body_of(
        system("be kind"),
        user(["see", PNG]),
        assistant([Reasoning("hmm", wire="cohere_chat"), Text("look"), PLAN, ToolCall("1", "look_up", "")]),
        tool_result("1", ["sunny", PNG]),
        tools=(Tool("look_up", "Look.", TOOL.parameters, strict=True),),
        temperature=0.5,
        top_p=0.5,
        top_k=5,
        max_tokens=5,
        stop=["END"],
        seed=1,
        presence_penalty=0.1,
        frequency_penalty=0.1,
        logprobs=True,
        tool_choice="required",
        response_format="json",
        thinking={"type": "enabled"},
        safety_mode="STRICT",
    )
    assert set(body) <= set(inspect.signature(V2Client.chat).parameters)
    for name, kind in (
        ("messages", list[ChatMessageV2]),
        ("tools", list[ToolV2]),
        ("response_format", ResponseFormatV2),
    ):
        assert unknown_to_the_sdk(TypeAdapter(kind).validate_python(body[name])) == []


# -- what comes back -----------------------------------------------------------------------------------------------

PIECES = st.lists(st.text(max_size=5), max_size=4)
CITATION = st.fixed_dictionaries({"start": st.integers(0, 9), "end": st.integers(0, 9), "text": st.text(max_size=5)})


@given(
    blocks=st.lists(st.tuples(st.sampled_from(["text", "thinking"]), PIECES), max_size=4),
    plan=PIECES,
    calls=st.lists(st.lists(st.sampled_from(['{"city":', '"Pune"', "}", ""]), max_size=4), max_size=3),
    citations=st.lists(CITATION, max_size=3),
    reason=st.sampled_from(["COMPLETE", "MAX_TOKENS", "STOP_SEQUENCE", "TOOL_CALL", "ERROR_TOXIC", "NEW_WORD"]),
    size=st.integers(0, 60),
)
def test_a_stream_folds_to_the_unstreamed_reply(
    blocks: list[Any], plan: list[str], calls: list[Any], citations: list[Any], reason: str, size: int
) -> None:
    made = [
        {"id": f"c{at}", "type": "function", "function": {"name": "look_up", "arguments": "".join(pieces)}}
        for at, pieces in enumerate(calls)
    ]
    message: dict[str, Any] = {"content": [{"type": kind, kind: "".join(pieces)} for kind, pieces in blocks]}
    message |= {"tool_plan": "".join(plan), "tool_calls": made, "citations": citations}
    stream = [
        START,
        *(content_block(at, *pieces, kind=kind) for at, (kind, pieces) in enumerate(blocks)),
        *(event("tool-plan-delta", None, {"tool_plan": piece}) for piece in plan),
        *(called(at, call, *pieces) for at, (call, pieces) in enumerate(zip(made, calls, strict=True))),
        *(
            event("citation-start", at, {"citations": each}) + event("citation-end", at)
            for at, each in enumerate(citations)
        ),
        end(reason),
    ]
    plain, folded = answered(body_with(message, reason)), answered(b"".join(stream), stream=True, size=size)
    assert isinstance(plain, Reply) and plain == folded


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("COMPLETE", "stop"),
        ("STOP_SEQUENCE", "stop"),
        ("MAX_TOKENS", "length"),
        ("TOOL_CALL", "tool_calls"),
        ("ERROR_TOXIC", "content_filter"),
        ("NEW_WORD", "new_word"),
    ],
)
def test_each_finish_reason_is_mapped(raw: str, reason: str) -> None:
    reply = answered(body_with({"content": [{"type": "text", "text": "hi"}]}, raw))
    assert (reply.finish_reason, reply.finish_reason_raw) == (reason, raw)


def test_usage_has_the_tokens_read_and_written() -> None:
    """Not what is billed, which leaves out the vendor's own prompt."""
    usage = answered(body_with({"content": []})).usage
    assert (usage.input_tokens, usage.output_tokens, usage.cached_input_tokens) == (12, 7, 4)
    assert usage.reasoning_tokens == 2 and usage.raw == USAGE


def test_usage_may_have_only_billed_units() -> None:
    usage = answered(
        body_with({"content": []}, usage={"billed_units": {"input_tokens": 5.0, "output_tokens": 3.0}})
    ).usage
    assert (usage.input_tokens, usage.output_tokens, usage.cached_input_tokens) == (5, 3, None)


def test_log_probabilities_are_kept() -> None:
    entries = [
        {"text": "a", "token_ids": [1], "logprobs": [-0.1]},
        {"text": "bc", "token_ids": [2, 3], "logprobs": [-0.25, -0.5]},
    ]
    plain = answered(body_with({"content": [{"type": "text", "text": "abc"}]}, logprobs=entries))
    deltas = [event("content-delta", 0, {"content": {"text": each["text"]}}, logprobs=each) for each in entries]
    assert answered(b"".join([START, *deltas, end()]), stream=True) == plain
    assert plain.logprobs == (TokenLogprob("a", -0.1), TokenLogprob("bc", -0.75))


@pytest.mark.parametrize("kind", ["text", "thinking"])
def test_the_content_of_a_blocks_start_belongs_to_the_block(kind: str) -> None:
    plain = answered(START + content_block(0, "Hello", " hi", kind=kind) + end(), stream=True)
    assert answered(START + content_block(0, " hi", kind=kind, first="Hello") + end(), stream=True) == plain
    assert plain.text + plain.reasoning == "Hello hi"


@pytest.mark.parametrize(
    "odd",
    [
        event("debug", None, {"prompt": "x"}),
        event("content-delta", 0, {"content": {"text": ""}}),
        event("content-delta", 0, {"content": {"thinking": ""}}),
        b"data: [DONE]\n\n",
        b": ping\n\n",
    ],
    ids=["unknown event", "empty text", "empty thinking", "done", "comment"],
)
def test_events_without_content_change_nothing(odd: bytes) -> None:
    plain = answered(START + content_block(0, "hi") + end(), stream=True)
    assert answered(START + odd + content_block(0, "hi") + odd + end() + odd, stream=True) == plain


# -- what goes wrong -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("internal server error", errors.ServerError),
        ({"message": "too many tokens: size limit exceeded by 500 tokens"}, errors.ContextOverflow),
        (["odd"], errors.ProviderError),
    ],
)
def test_an_error_at_the_end_of_a_stream_has_the_partial_answer(error: Any, kind: type) -> None:
    outcome = answered(START + content_block(0, "so far") + end("ERROR", error=error), stream=True)
    assert type(outcome) is kind and outcome.partial.text == "so far"


def test_a_stream_cut_at_any_place_is_an_error_with_the_partial_answer_and_runs_no_call() -> None:
    pieces = ('{"city":"Pune"}', " ")
    stream = START + content_block(0, "so ", "far") + called(0, CALL, *pieces) + end()
    finished = stream.index(b"event: message-end")
    ended = stream.index(b"event: tool-call-end")
    for at in range(finished):
        cut = answered(stream[:at], stream=True)
        assert isinstance(cut, errors.StreamTruncated), at
        partial = cut.partial or Reply()
        assert "so far".startswith(partial.text)
        assert at > ended or not partial.tool_calls, "a prefix that parses is not a call"


def test_an_event_that_is_not_json_is_reported() -> None:
    outcome = answered(START + content_block(0, "so far") + b"data: <html>\n\n" + end(), stream=True)
    assert isinstance(outcome, errors.DecodeError) and outcome.partial.text == "so far"


def test_the_text_of_an_answer_with_calls_is_its_plan():
    """Cohere refuses content beside calls: https://github.com/vercel/ai/issues/5794"""
    call = ToolCall("c1", "f", "{}")
    said = Message("assistant", (Text("I look."), Text("Then I say."), call))
    planned = Message("assistant", (Opaque("cohere_chat", {"tool_plan": "A plan."}), Text("I look."), call))
    first, second = encode_messages([said, planned])
    assert (first.get("content"), first["tool_plan"]) == (None, "I look.\n\nThen I say.")
    assert (second.get("content"), second["tool_plan"]) == (None, "A plan.\n\nI look.")
    (alone,) = encode_messages([Message("assistant", (call,))])
    assert "tool_plan" not in alone and "content" not in alone
    thinking = Message("assistant", (Reasoning("hm", wire="cohere_chat"), Text("I look."), call))
    (thought,) = encode_messages([thinking])
    assert thought["content"] == [{"type": "thinking", "thinking": "hm"}] and thought["tool_plan"] == "I look."
