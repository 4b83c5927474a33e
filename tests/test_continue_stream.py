"""Going on with a stream that broke off: the provider's cursor, the text as a beginning, or anew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest
from fault_runs import TOOL

from stepwell import Client, cache, errors, fallback, user
from stepwell.chunks import Seam, TextDelta
from stepwell.messages import Reasoning
from stepwell.steps import CallModel, ChunkReader, continue_stream, round_robin
from stepwell.stores import MemoryStore
from stepwell.testing import FakeModel, ServerAnswer, SimulatedWorld


def piece(text: str) -> bytes:
    delta = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return b"data: %s\n\n" % orjson.dumps({"id": "1", "model": "m", "choices": [delta]})


END = (
    b'data: {"id":"1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8}}\n\ndata: [DONE]\n\n'
)


class Script:
    """Answers the requests in turn, and keeps them."""

    def __init__(self, *answers: bytes | httpx.Response) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
        headers = {"content-type": "text/event-stream"}
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, headers=headers, content=answer)

    def body(self, at: int) -> Any:
        return orjson.loads(self.requests[at].content)

    def stream(self, model: str, pipeline: Any, prompt: Any = "hi", **options: Any) -> Any:
        keys = dict.fromkeys(("groq", "openai", "anthropic", "mistral", "deepseek", "moonshot", "vllm"), "k")
        client = Client(transport=httpx.MockTransport(self), api_keys=keys, retries=0, pipeline=pipeline)
        return client.stream_text(model, prompt, **options)


LLAMA = "groq:llama-3.3-70b-versatile"


def test_the_seam_is_marked_and_both_parts_are_counted() -> None:
    script = Script(piece("Hello ") + piece("there "), piece(" my") + piece(" friend") + END)
    stream = script.stream(LLAMA, continue_stream(), max_tokens=100)
    chunks = list(stream)
    reply = stream.reply()
    assert reply.text == "Hello there my friend", "the space at the end is not said twice"
    assert [(each.how, each.error) for each in chunks if type(each) is Seam] == [("beginning", "StreamTruncated")]
    assert [attempt.error for attempt in reply.attempts] == ["StreamTruncated", None]
    assert [step.text for step in reply.steps] == ["Hello there ", " my friend"]
    assert not reply.usage.complete and reply.usage.output_tokens == 3, "the first part was never counted"
    assert script.body(1)["messages"][-1] == {"role": "assistant", "content": "Hello there"}
    assert script.body(1)["max_completion_tokens"] < 100


def test_an_answer_that_is_not_cut_is_as_without_the_step() -> None:
    with_step, without = (Script(piece("Hello") + END).stream(LLAMA, step) for step in (continue_stream(), None))
    assert list(with_step) == list(without)
    first, second = with_step.reply(), without.reply()
    assert (first.message, first.steps, first.usage, first.warnings) == (
        second.message,
        second.steps,
        second.usage,
        second.warnings,
    )
    assert first.headers == second.headers and len(first.attempts) == 1


@pytest.mark.parametrize("model", ["openai:gpt-4.1", "anthropic:claude-sonnet-5", "groq:openai/gpt-oss-120b"])
def test_a_model_that_takes_no_beginning_is_not_asked_unless_anew(model: str) -> None:
    begun = piece("Hello ") if "anthropic" not in model else CLAUDE
    options = {"wire": "openai_chat"} if "openai:" in model else {}
    script = Script(begun)
    with pytest.raises(errors.StreamTruncated) as caught:
        script.stream(model, continue_stream(), **options).reply()
    assert caught.value.partial.text == "Hello " and len(script.requests) == 1
    assert any("was not continued" in note for note in caught.value.__notes__)
    script = Script(begun, piece("Good day") + END)
    if "anthropic" not in model:
        stream = script.stream(model, continue_stream(anew=True), **options)
        assert [each.how for each in stream if type(each) is Seam] == ["anew"]
        assert stream.reply().text == "Good day" and script.body(0) == script.body(1)


CLAUDE = b"".join(
    b"event: %s\ndata: %s\n\n" % (orjson.loads(data)["type"].encode(), data)
    for data in (
        b'{"type":"message_start","message":{"id":"m","role":"assistant","model":"c","content":[],'
        b'"usage":{"input_tokens":9,"output_tokens":1}}}',
        b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello "}}',
    )
)


def test_each_provider_gets_the_beginning_as_it_wants_it() -> None:
    answer = piece("there") + END
    for model, mark in (("deepseek:deepseek-chat", "prefix"), ("moonshot:moonshot-v1-8k", "partial")):
        script = Script(piece("Hello "), answer)
        assert script.stream(model, continue_stream()).reply().text == "Hello there"
        assert script.body(1)["messages"][-1] == {"role": "assistant", "content": "Hello", mark: True}
        assert mark not in script.body(0)["messages"][-1]
    assert "/beta/" not in str(script.requests[1].url)
    script = Script(piece("Hello "), answer)
    script.stream("deepseek:deepseek-chat", continue_stream()).reply()
    assert [str(each.url) for each in script.requests] == [
        "https://api.deepseek.com/chat/completions",
        "https://api.deepseek.com/beta/chat/completions",
    ]
    script = Script(piece("Hello "), answer)
    script.stream("vllm:some-model", continue_stream()).reply()
    assert script.body(1)["continue_final_message"] is True and script.body(1)["add_generation_prompt"] is False


@pytest.mark.parametrize("size", [1, 3, 40])
def test_a_beginning_that_the_server_repeats_is_not_shown_twice(size: int) -> None:
    rest = "Hello there, my friend"
    answer = b"".join(piece(rest[at : at + size]) for at in range(0, len(rest), size)) + END
    script = Script(piece("Hello ") + piece("there"), answer)
    stream = script.stream("mistral:open-mistral-7b", continue_stream())
    assert "".join(stream.text_deltas()) == "Hello there, my friend" == stream.reply().text
    assert script.body(1)["messages"][-1]["prefix"] is True


def responses(*events: dict[str, Any]) -> bytes:
    return b"".join(b"event: %s\ndata: %s\n\n" % (each["type"].encode(), orjson.dumps(each)) for each in events)


def background_events() -> list[dict[str, Any]]:
    head = {"id": "resp_1", "model": "m", "background": True, "output": [], "status": "in_progress"}
    item = {"type": "message", "id": "msg_1", "role": "assistant", "content": []}
    where = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    whole = {**item, "content": [{"type": "output_text", "text": "one two three"}], "status": "completed"}
    usage = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
    events = [
        {"type": "response.created", "response": head},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        *({"type": "response.output_text.delta", **where, "delta": text} for text in ("one ", "two ", "three")),
        {"type": "response.output_text.done", **where, "text": "one two three"},
        {"type": "response.output_item.done", "output_index": 0, "item": whole},
        {"type": "response.completed", "response": {**head, "status": "completed", "output": [whole], "usage": usage}},
    ]
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def test_a_background_response_goes_on_from_its_cursor_after_any_event() -> None:
    events = background_events()
    for cut in range(3, len(events)):
        script = Script(responses(*events[:cut]) + b"event: half", responses(*events[cut:]))
        stream = script.stream("openai:gpt-4.1", continue_stream(), wire="openai_responses")
        chunks = list(stream)
        reply = stream.reply()
        rest = script.requests[1]
        assert (rest.method, rest.url.path, rest.content) == ("GET", "/v1/responses/resp_1", b"")
        assert dict(rest.url.params) == {"stream": "true", "starting_after": str(cut - 1)}
        assert rest.headers["authorization"] == "Bearer k"
        assert [each.how for each in chunks if type(each) is Seam] == ["cursor"]
        shown = "".join(each.text for each in chunks if type(each) is TextDelta)
        assert shown == reply.text == "one two three", cut
        assert reply.usage.total_tokens == 10 and reply.usage.complete and not reply.steps


def cached(order: str) -> Any:
    """Return a pipeline with a cache, in which continue_stream stands outside, in either order of a list, or inside."""
    step = cache(MemoryStore())
    if order == "inside":
        return lambda usual: step(usual).after("cache", continue_stream())
    return [step, continue_stream()] if order == "listed last" else [continue_stream(), step]


@pytest.mark.parametrize("order", ["inside", "listed first", "listed last"])
def test_an_answer_that_went_on_from_its_cursor_is_cached_whole(order: str) -> None:
    events, pipeline = background_events(), cached(order)
    script = Script(*(responses(*events[at:end]) for at, end in ((0, 4), (4, 5), (5, len(events)))))
    for known in (False, True):
        reply = script.stream("openai:gpt-4.1", pipeline, wire="openai_responses").reply()
        assert reply.text == "one two three" and ("cache" in reply.metadata) == known and len(script.requests) == 3


@pytest.mark.parametrize(("order", "asked"), [("inside", 2), ("listed first", 3), ("listed last", 3)])
def test_an_answer_that_went_on_from_its_beginning_is_cached_inside_of_the_cache_alone(order: str, asked: int) -> None:
    script, pipeline = Script(piece("Hello"), piece(" there") + END, piece("Hello there") + END), cached(order)
    for _ in range(2):
        assert script.stream(LLAMA, pipeline).reply().text == "Hello there"
    assert len(script.requests) == asked


def test_a_response_that_is_not_kept_has_no_cursor() -> None:
    events = background_events()
    events[0]["response"]["background"] = False
    script = Script(responses(*events[:4]))
    with pytest.raises(errors.StreamTruncated):
        script.stream("openai:gpt-4.1", continue_stream(), wire="openai_responses").reply()
    assert len(script.requests) == 1


def test_it_gives_up_after_its_attempts_with_the_first_error() -> None:
    busy = httpx.Response(503, json={"error": {"message": "busy"}}, headers={"retry-after": "0"})
    script = Script(piece("a") + piece(" b"), busy, piece(" c"))
    with pytest.raises(errors.StreamTruncated) as caught:
        script.stream(LLAMA, continue_stream()).reply()
    assert caught.value.partial.text == "a b c" and len(script.requests) == 3
    assert any("Overloaded" in note for note in caught.value.__notes__)
    assert [each.error for each in caught.value.attempts] == ["StreamTruncated", "Overloaded", "StreamTruncated"]


def half_call() -> bytes:
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "look", "arguments": '{"to":'}}
    return b"data: %s\n\n" % orjson.dumps({"id": "1", "model": "m", "choices": [{"delta": {"tool_calls": [call]}}]})


THOUGHT = b'data: {"id":"1","model":"m","choices":[{"delta":{"reasoning":"hm"}}]}\n\n'


def test_whatever_came_of_a_part_makes_the_usage_incomplete() -> None:
    for first in (piece("a"), THOUGHT, half_call()):
        reply = Script(first, piece("b") + END).stream(LLAMA, continue_stream(anew=True), tools=[TOOL]).reply()
        assert not reply.usage.complete and reply.cost.lower_bound and len(reply.steps) == 2, first


def test_a_call_that_was_cut_is_begun_anew_only_where_that_is_allowed() -> None:
    script = Script(half_call(), piece("b") + END)
    with pytest.raises(errors.StreamTruncated):
        script.stream(LLAMA, continue_stream(), tools=[TOOL]).reply()
    assert len(script.requests) == 1


def test_attempts_are_whole_numbers_from_one_on() -> None:
    for wrong in ({"attempts": 0}, {"attempts": 1.5}, {"attempts": "2"}, {"anew": "no"}):
        with pytest.raises(errors.ConfigError):
            continue_stream(**wrong)  # type: ignore[arg-type]


def test_answers_of_a_form_are_not_begun() -> None:
    for options in ({"response_format": "json"}, {"tools": [TOOL], "tool_choice": "required"}, {"n": 2}):
        script = Script(piece("Well, "))
        with pytest.raises(errors.StreamTruncated):
            script.stream(LLAMA, continue_stream(), **options).reply()
        assert len(script.requests) == 1


def test_a_beginning_of_the_callers_own_goes_along() -> None:
    script = Script(piece("two, "), piece("three") + END)
    prompt = [user("count"), {"role": "assistant", "content": "one, "}]
    assert script.stream(LLAMA, continue_stream(), prompt).reply().text == "two, three"
    assert script.body(1)["messages"][-1] == {"role": "assistant", "content": "one, two,"}


@pytest.mark.parametrize("outside", [True, False])
def test_it_works_inside_and_outside_of_other_steps(outside: bool) -> None:
    busy = httpx.Response(503, json={"error": {"message": "busy"}})
    script = Script(busy, piece("Hello"), piece(" there") + END, piece(" there") + END)
    steps = [continue_stream(), fallback("deepseek:deepseek-chat")]
    reply = script.stream(LLAMA, steps if outside else steps[::-1]).reply()
    assert reply.text == "Hello there" and len(script.requests) == 3
    assert reply.provider == ("groq" if outside else "deepseek")
    models = [round_robin(LLAMA, "groq:llama-3.1-8b-instant"), continue_stream()]
    script = Script(piece("Hello"), piece(" there") + END)
    script.stream(LLAMA, models if outside else models[::-1]).reply()
    assert script.body(0)["model"] == script.body(1)["model"], "the model that began it goes on"


def test_a_simulated_stream_goes_on_in_virtual_time() -> None:
    def network(request: Any, chance: Any) -> ServerAnswer:
        if request.context.messages[-1].role == "assistant":
            return ServerAnswer(pieces=[(1.0, piece(" there")), (1.0, END)])
        return ServerAnswer(pieces=[(1.0, piece("Hello")), (2.0, errors.StreamIdleTimeout("stalled"))])

    world = SimulatedWorld(3, network)
    client = world.client(api_keys={"groq": "k"}, pipeline=continue_stream())

    def ask() -> Any:
        reader: ChunkReader = yield CallModel(LLAMA, "hi", stream=True)
        while (yield from reader.next()) is not None:
            pass
        return reader.whole_reply()

    (reply,) = world.run(client, [ask()])
    assert reply.text == "Hello there" and world.open == 0 and len(reply.steps) == 2


def test_reasoning_alone_is_begun_anew_without_being_asked_for() -> None:
    fake = FakeModel([Reasoning("hm"), errors.StreamTruncated("cut")], [Reasoning("well"), "four"])
    with Client(registry=fake.registry, pipeline=continue_stream()) as client:
        stream = client.stream_text("fake:m", "2+2")
        assert [each.how for each in stream if type(each) is Seam] == ["anew"]
    assert (stream.reply().reasoning, stream.reply().text) == ("well", "four")


class Open(httpx.SyncByteStream):
    """A body that says when it was closed."""

    closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield piece("Hello")
        yield piece(" there")

    def close(self) -> None:
        self.closed = True


def test_a_stream_that_is_left_is_closed() -> None:
    body = Open()
    script = Script(httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=body))
    with script.stream(LLAMA, continue_stream()) as stream:
        assert stream.next_chunks()
    assert body.closed


def test_an_object_that_begins_anew_is_read_from_its_new_beginning() -> None:
    fake = FakeModel(['{"a": [1, 2', errors.StreamTruncated("cut")], '{"a": [3]}')
    schema = {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "integer"}}}}
    with Client(registry=fake.registry, pipeline=continue_stream(anew=True)) as client:
        stream = client.stream_object("fake:m", "go", schema)
        values = list(stream)
        assert values[-1] == stream.reply().object == {"a": [3]}
