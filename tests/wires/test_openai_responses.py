"""OpenAI's responses: streams fold to the response they end with, items go back unchanged, every kind of event."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import answers
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from in_turn import in_turn
from openai.types.responses import ResponseStreamEvent

from stepwell import Context, Reply
from stepwell.catalog import Model
from stepwell.messages import Opaque, Reasoning, Refusal, Text, TokenLogprob, ToolCall
from stepwell.pipeline.stream.decoder import StreamDecoder
from stepwell.providers.wires.openai_responses import openai_responses
from stepwell.providers.wires.openai_responses.encode import NAME
from stepwell.schemas import errors
from stepwell.schemas.message import user

TYPES: dict[str, Any] = {
    get_args(each.model_fields["type"].annotation)[0]: each for each in get_args(get_args(ResponseStreamEvent)[0])
}
"""The SDK's own classes, by the kind of event."""
MODEL = Model("openai", "gpt-9")
HEAD = {"id": "resp_1", "object": "response", "created_at": 0, "model": "gpt-9", "parallel_tool_calls": True}
USAGE = {
    "input_tokens": 12,
    "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 19,
}
NOTE = {"type": "url_citation", "url": "https://x.test", "title": "T", "start_index": 0, "end_index": 1}
SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}}
CODE = {
    "type": "code_interpreter_call",
    "id": "ci_1",
    "code": "1",
    "container_id": "c",
    "outputs": None,
    "status": "completed",
}
MCP = {"type": "mcp_call", "id": "mcp_1", "name": "n", "arguments": "{}", "server_label": "s", "output": "o"}
FREE = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_9", "name": "patch", "input": "*** not JSON"}


def response(*items: dict[str, Any], status: str = "completed", **more: Any) -> dict[str, Any]:
    tools = [{"type": "custom", "name": "patch"}]
    head = {**HEAD, "status": status, "output": list(items), "tools": tools, "tool_choice": "auto"}
    return {**head, "usage": USAGE if status in ("completed", "incomplete") else None, **more}


def message_item(*content: dict[str, Any], id: str = "msg_1") -> dict[str, Any]:
    return {"type": "message", "id": id, "role": "assistant", "status": "completed", "content": list(content)}


def text(words: str, *notes: Any) -> dict[str, Any]:
    return {"type": "output_text", "text": words, "annotations": list(notes)}


def thought(*summary: str, encrypted: str | None = None) -> dict[str, Any]:
    item = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": each} for each in summary]}
    return {**item, "encrypted_content": encrypted} if encrypted else item


def called(arguments: str) -> dict[str, Any]:
    item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": arguments}
    return {**item, "status": "completed"}


def pieces(item: dict[str, Any], at: int, cut: int) -> Iterator[dict[str, Any]]:
    """Yield the events between an item's beginning and its end."""
    here = {"output_index": at, "item_id": item["id"]}

    def split(kind: str, whole: str, **place: Any) -> Iterator[dict[str, Any]]:
        for piece in (whole[:cut], whole[cut:]):
            yield {"type": f"response.{kind}.delta", **here, **place, "delta": piece}

    match item["type"]:
        case "message":
            for k, content in enumerate(item["content"]):
                place = {"content_index": k}
                if content["type"] == "refusal":
                    empty = {**content, "refusal": ""}
                    yield {"type": "response.content_part.added", **here, **place, "part": empty}
                    yield from split("refusal", content["refusal"], **place)
                    continue
                yield {"type": "response.content_part.added", **here, **place, "part": text("")}
                yield from split("output_text", content["text"], **place, logprobs=[])
                for n, note in enumerate(content["annotations"]):
                    added = {"annotation": note, "annotation_index": n}
                    yield {"type": "response.output_text.annotation.added", **here, **place, **added}
                done = {"type": "response.output_text.done", **here, **place, "text": content["text"], "logprobs": []}
                yield done
                yield {"type": "response.content_part.done", **here, **place, "part": content}
        case "reasoning":
            for k, each in enumerate(item["summary"]):
                yield from split("reasoning_summary_text", each["text"], summary_index=k)
        case "function_call":
            yield from split("function_call_arguments", item["arguments"])
        case "custom_tool_call":
            yield from split("custom_tool_call_input", item["input"])


EMPTY = {"message": {"content": []}, "function_call": {"arguments": ""}, "custom_tool_call": {"input": ""}}


def events(*items: dict[str, Any], cut: int = 1, last: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    begun = response(status="in_progress")
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for at, item in enumerate(items):
        start = {**item, **EMPTY.get(item["type"], {})}
        yield {"type": "response.output_item.added", "output_index": at, "item": start}
        yield from pieces(item, at, cut)
        yield {"type": "response.output_item.done", "output_index": at, "item": item}
    yield last or {"type": "response.completed", "response": response(*items)}


def decode(body: Any) -> Reply:
    reply = openai_responses.decode_response(body, MODEL)
    return reply.replace(usage=openai_responses.extract_usage(body, MODEL))


def folded(stream: Iterator[dict[str, Any]]) -> Reply:
    decoder = StreamDecoder(openai_responses.stream_steps(), MODEL)
    for each in stream:
        decoder.received.feed(decoder.feed(answers.events(each)))
    decoder.received.feed(decoder.end())
    return decoder.received.reply()


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
contents = st.one_of(
    words.map(text),
    words.map(lambda each: text(each, NOTE, NOTE)),
    words.map(lambda each: {"type": "refusal", "refusal": each}),
)
ITEMS = st.one_of(
    st.lists(contents, min_size=1, max_size=3).map(lambda each: message_item(*each)),
    st.lists(words, max_size=2).map(lambda each: thought(*each)),
    words.map(lambda each: thought(each, encrypted="blob")),
    st.sampled_from(["", "{}", '{"a":1}', '{"a":']).map(called),
    st.sampled_from([SEARCH, CODE, MCP, FREE, {"type": "of_tomorrow", "id": "x", "y": 1}]),
)


def numbered(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each item an id of its own, as the vendor does."""
    calls = {"function_call", "custom_tool_call"}
    return [
        {**item, "id": f"{item['id']}_{at}", **({"call_id": f"call_{at}"} if item["type"] in calls else {})}
        for at, item in enumerate(items)
    ]


@given(st.lists(ITEMS, max_size=4).map(numbered), st.integers(0, 4))
def test_a_stream_folds_to_the_response_it_ends_with(items: list[dict[str, Any]], cut: int) -> None:
    whole, streamed = decode(response(*items)), folded(events(*items, cut=cut))
    for name in ("message", "finish_reason", "finish_reason_raw", "usage", "id", "model", "metadata"):
        assert getattr(streamed, name) == getattr(whole, name), name


@given(st.lists(ITEMS.filter(lambda item: item["type"] != "of_tomorrow"), max_size=3).map(numbered), st.integers(0, 4))
def test_the_sdk_knows_the_events_of_these_tests(items: list[dict[str, Any]], cut: int) -> None:
    for number, event in enumerate(events(*items, cut=cut)):
        TYPES[event["type"]].model_validate({"sequence_number": number, **event})


@given(st.lists(ITEMS, max_size=4).map(numbered))
def test_items_are_sent_back_unchanged_and_in_order(items: list[dict[str, Any]]) -> None:
    answer = decode(response(*items)).message
    stored = Context.from_json(Context([user("hi"), answer]).to_json()).messages
    sent = answers.body_of(openai_responses, [*stored, user("more")])["input"][1:-1]
    # Arguments go back as an object, whatever they were: servers refuse anything else.
    objects = {"": "{}", '{"a":': '{"invalid_arguments":"{\\"a\\":"}'}
    assert sent == [
        {**item, "arguments": objects[item["arguments"]]} if item.get("arguments") in objects else item
        for item in items
    ]


def bare(part: Any) -> Any:
    """Return the part without the data that is stored for sending it back."""
    return Opaque(part.wire, part.data) if isinstance(part, Opaque) else evolve(part, extra={})


@pytest.mark.parametrize(
    ("item", "parts"),
    [
        (message_item(text("a")), [Text("a")]),
        (message_item(text("a"), {"type": "refusal", "refusal": "no"}), [Text("a"), Refusal("no")]),
        (message_item(text("a"), text("b")), [Text("a"), Text("b")]),
        (thought("one ", "two"), [Reasoning("one \ntwo", id="rs_1", wire=NAME)]),
        (thought(encrypted="blob"), [Reasoning("", encrypted="blob", id="rs_1", wire=NAME)]),
        (
            {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
            [Reasoning("hm", id="rs_1", wire=NAME)],
        ),
        (called('{"a":1}'), [ToolCall("call_1", "f", '{"a":1}')]),
        (FREE, [ToolCall("call_9", "patch", "*** not JSON")]),
        ({**FREE, "name": "theirs"}, [Opaque(NAME, {**FREE, "name": "theirs"})]),
        (SEARCH, [Opaque(NAME, SEARCH)]),
        (CODE, [Opaque(NAME, CODE)]),
        (MCP, [Opaque(NAME, MCP), Opaque(NAME, None)]),
    ],
)
def test_each_item_has_its_parts(item: dict[str, Any], parts: list[Any]) -> None:
    for reply in (decode(response(item)), folded(events(item))):
        assert [bare(part) for part in reply.message.content] == parts


@pytest.mark.parametrize(
    ("status", "details", "reason"),
    [
        ("completed", None, "stop"),
        ("incomplete", {"reason": "max_output_tokens"}, "length"),
        ("incomplete", {"reason": "content_filter"}, "content_filter"),
        ("incomplete", None, "incomplete"),
        ("cancelled", None, "cancelled"),
        ("queued", None, "queued"),
    ],
)
def test_each_finish_reason_is_decoded(status: str, details: Any, reason: str) -> None:
    body = response(message_item(text("a")), status=status, incomplete_details=details)
    reply = decode(body)
    assert (reply.finish_reason, reply.finish_reason_raw) == (reason, status)
    if status in ("completed", "incomplete"):
        last = {"type": f"response.{status}", "response": body}
        streamed = folded(events(message_item(text("a")), last=last))
        assert (streamed.finish_reason, streamed.metadata) == (reason, reply.metadata)


def test_a_refusal_has_the_finish_reason_of_a_filter() -> None:
    item = message_item({"type": "refusal", "refusal": "no"})
    for reply in (decode(response(item)), folded(events(item))):
        assert (reply.finish_reason, reply.finish_reason_raw) == ("content_filter", "completed")
        assert (reply.text, reply.refusal) == ("", "no")


def test_calls_make_a_completed_response_a_tool_call() -> None:
    for reply in (decode(response(called("{}"))), folded(events(called("{}")))):
        assert reply.finish_reason == "tool_calls"


def streamed(*each: dict[str, Any]) -> Any:
    return answers.answered(openai_responses, answers.events(*each), stream=True)


FAILED = {"code": "server_error", "message": "it broke"}


def test_a_failed_response_is_an_error_with_the_partial_answer() -> None:
    body = response(message_item(text("so far")), status="failed", error=FAILED, usage=USAGE)
    begun = list(events(message_item(text("so far"))))[:-1]
    for outcome in (
        answers.decoded(openai_responses, body),
        streamed(*begun, {"type": "response.failed", "response": body}),
    ):
        assert isinstance(outcome, errors.ServerError) and "it broke" in str(outcome)
        assert outcome.partial.text == "so far" and outcome.usage.output_tokens == 7


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "error", "code": "server_error", "message": "no", "param": None}, errors.ServerError),
        ({"type": "error", "code": "rate_limit_exceeded", "message": "no"}, errors.RateLimitError),
        ({"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}, errors.InvalidRequest),
        ({"type": "error", "code": "context_length_exceeded", "message": "no"}, errors.ContextOverflow),
        ({"type": "error", "code": "insufficient_quota", "message": "no"}, errors.QuotaError),
    ],
)
def test_an_error_event_is_the_error_that_a_status_would_be(error: dict[str, Any], kind: type) -> None:
    outcome = streamed(*list(events(message_item(text("so far"))))[:6], error)
    assert type(outcome) is kind and outcome.partial.text == "so far"


SHOWN = {
    "response.output_text.delta",
    "response.refusal.delta",
    "response.reasoning_text.delta",
    "response.reasoning_summary_text.delta",
    "response.function_call_arguments.delta",
    "response.custom_tool_call_input.delta",
    "response.output_item.added",
    "response.output_item.done",
    "response.completed",
    "response.incomplete",
    "response.failed",
    "error",
}


@pytest.mark.parametrize("kind", sorted({*TYPES, "of.tomorrow"} - SHOWN))
def test_events_that_only_accompany_the_answer_change_nothing(kind: str) -> None:
    more = {"output_index": 0, "item_id": "x", "content_index": 0, "delta": "?", "response": response()}
    stream = list(events(message_item(text("hello"))))
    assert streamed(*stream[:4], {"type": kind, **more}, *stream[4:]) == streamed(*stream)


def test_a_response_without_deltas_is_read_from_its_items() -> None:
    items = numbered(
        [thought("hm"), message_item(text("hello"), {"type": "refusal", "refusal": "no"}), called('{"a":1}')]
    )
    quiet = [each for each in events(*items) if not each["type"].endswith(".delta")]
    assert folded(iter(quiet)).message == decode(response(*items)).message


@pytest.mark.parametrize("left", ["response.output_item.done", "response.output_item.added", "response.completed"])
def test_fields_that_only_the_final_response_has_are_kept(left: str) -> None:
    items = numbered(
        [thought("hm"), message_item(text("hello"), {"type": "refusal", "refusal": "no"}), called('{"a":1}')]
    )
    few = {
        "response.output_item.done": lambda kind: kind != "response.output_item.done",
        "response.output_item.added": lambda kind: "output_item" not in kind,
        "response.completed": lambda kind: kind in ("response.created", "response.completed"),
    }[left]
    reply, whole = folded(each for each in events(*items) if few(each["type"])), decode(response(*items))
    assert reply.message == whole.message and reply.finish_reason == "tool_calls"


def test_an_item_that_was_reported_already_is_not_reported_again() -> None:
    items = numbered([thought("hm"), message_item(text("hello")), called('{"a":1}')])
    without_places = [{key: value for key, value in each.items() if key != "output_index"} for each in events(*items)]
    assert folded(iter(without_places)).message == decode(response(*items)).message


def test_the_last_encrypted_reasoning_of_a_stream_is_used() -> None:
    items = [thought("hm", encrypted="first")]
    last = {"type": "response.completed", "response": response(thought("hm", encrypted="second"))}
    (part,) = folded(events(*items, last=last)).message.content
    assert part.encrypted == "second" and part.extra[NAME]["item"]["encrypted_content"] == "second"


def test_a_prefix_that_parses_is_not_a_call() -> None:
    cut = streamed(*list(events(called('{"n":1}'), cut=7))[:4])
    assert isinstance(cut, errors.StreamTruncated) and cut.partial.tool_calls == ()


def test_log_probabilities_are_found() -> None:
    odds = [{"token": "a", "logprob": -0.1, "top_logprobs": []}]
    item = message_item({**text("a"), "logprobs": odds})
    for reply in (decode(response(item)), folded(events(item))):
        assert reply.logprobs == (TokenLogprob("a", -0.1),)


def test_usage_counts_the_cache_and_the_reasoning() -> None:
    usage = decode(response()).usage
    assert (usage.input_tokens, usage.cached_input_tokens) == (12, 4)
    assert (usage.output_tokens, usage.reasoning_tokens, usage.total_tokens) == (7, 3, 19)


def test_an_event_that_is_not_json_is_reported() -> None:
    outcome = answers.answered(openai_responses, b"data: {nonsense\n\n", stream=True)
    assert isinstance(outcome, errors.DecodeError) and b"nonsense" in outcome.payload


def _turn(
    index: int | None, content: int, ids: tuple[str, str, str], *, last: int | None, listed: bool = True
) -> bytes:
    """Stream reasoning and a text, with the given indexes and ids of the text's deltas, its end and the last list."""
    thought = {"id": "rs_1", "type": "reasoning", "summary": []}
    item = {"id": ids[1], "type": "message", "content": [{"type": "output_text", "text": "1 2 3", "annotations": []}]}
    at = {} if index is None else {"output_index": index}
    delta = {"type": "response.output_text.delta", "item_id": ids[0], **at, "content_index": content}
    output = [*([thought] if listed else []), {**item, "id": ids[2]}]
    return answers.events(
        {"type": "response.created", "response": {"id": "r1", "model": "m"}},
        {"type": "response.output_item.done", "output_index": 0, "item": thought},
        {"type": "response.output_item.added", **at, "item": {**item, "content": []}},
        {**delta, "delta": "1 2"},
        {**delta, "delta": " 3"},
        *([] if last is None else [{"type": "response.output_item.done", "output_index": last, "item": item}]),
        {"type": "response.completed", "response": {"id": "r1", "status": "completed", "output": output}},
    )


@in_turn("listed", [True, False])
@in_turn("last", [None, 0, 1, 2])
@in_turn("ids", [("m", "m", "m"), ("a", "b", "c"), ("", "", ""), ("a", "b", "a"), ("a", "a", "c")])
@in_turn("content", [0, 1, 7])
@in_turn("index", [None, 0, 1, 2])
def test_the_text_comes_once_with_any_numbering_of_its_events(
    index: int | None, content: int, ids: tuple[str, str, str], last: int | None, listed: bool
) -> None:
    body = _turn(index, content, ids, last=last, listed=listed)
    assert answers.answered(openai_responses, body, stream=True).text == "1 2 3"
