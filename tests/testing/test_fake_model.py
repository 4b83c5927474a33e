"""FakeModel: answers for any model and operation, in pieces, with pauses and failures, through the real pipeline."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from stepwell import AsyncClient, Budget, Client, RateLimit, Reply, Timeouts, assistant, fallback, on_request
from stepwell.errors import (
    BudgetExceeded,
    ConfigError,
    ConnectError,
    FirstEventTimeout,
    InvalidOption,
    RateLimitError,
    ServerError,
    StepwellError,
    StreamIdleTimeout,
    StreamTruncated,
)
from stepwell.messages import Audio, ToolCall
from stepwell.testing import Cut, FakeModel, Faults, Garble, Late, Pause, Refuse, Split, Status

from loopback import LONG, SOON

REAL = "openai:gpt-4o-mini"


def client_of(fake: FakeModel, **settings: Any) -> Client:
    return Client(registry=fake.registry, **settings)


def test_it_answers_for_real_models_on_every_wire_without_a_key_and_reaches_no_network() -> None:
    fake = FakeModel("canned", repeat=True, stands_for=["openai:*", "anthropic:claude-*", "google:*", "cohere:*"])
    client = client_of(fake)
    names = (
        REAL,
        "openai:gpt-5",
        "anthropic:claude-sonnet-4-5",
        "google:gemini-2.5-flash",
        "cohere:command-r",
        "fake:m",
    )
    for name in names:
        assert client.generate_text(name, "hi").text == "canned"
        reply = client.stream_text(name, "hi").reply()
        assert (reply.text, f"{reply.provider}:{reply.model}", len(reply.attempts)) == ("canned", name, 1)
    with pytest.raises(ConfigError, match="does not stand for groq:m"):
        client.generate_text("groq:m", "hi")
    assert len(fake.requests) == 2 * len(names)
    assert b"hi" in client.preview(REAL, "hi").body
    assert len(fake.requests) == 2 * len(names), "a preview takes no turn"
    assert b"canned" not in fake.requests[0].body and b"hi" in fake.requests[0].body, "the real body was built"


EVERY_OPERATION: list[tuple[str, object, Any]] = [
    ("embed", lambda client, model: client.embed(model, ["a", "b"]), [[1.0, 0.0], [0.0, 1.0]]),
    ("rerank", lambda client, model: client.rerank(model, "q", ["a", "b"]), [0.1, 0.9]),
    ("image", lambda client, model: client.generate_image(model, "a cat"), b"png"),
    ("transcribe", lambda client, model: client.transcribe(model, Audio(data=b"x", media_type="audio/mpeg")), "said"),
    ("speak", lambda client, model: client.speak(model, "hi", voice="alloy"), b"mp3"),
    ("moderate", lambda client, model: client.moderate(model, ["a", "b"]), [True, False]),
    ("ocr", lambda client, model: client.ocr(model, "https://a.invalid/a.pdf"), "# Page"),
    ("count_tokens", lambda client, model: client.count_tokens(model, "hi"), 17),
    ("list_models", lambda client, model: client.list_models(model.partition(":")[0]), ["m", "n"]),
]
READ: dict[str, Any] = {
    "embed": lambda reply: reply.object,
    "rerank": lambda reply: [(row.index, row.score) for row in reply.object],
    "image": lambda reply: [image.data for image in reply.images],
    "transcribe": lambda reply: reply.text,
    "speak": lambda reply: reply.audio.data,
    "moderate": lambda reply: [verdict.flagged for verdict in reply.object],
    "ocr": lambda reply: reply.text,
    "count_tokens": lambda reply: reply.usage.input_tokens,
    "list_models": lambda reply: [model.id for model in reply.object],
}


def test_it_answers_every_operation_sync_and_async() -> None:
    for name, call, turn in EVERY_OPERATION:
        fake = FakeModel(turn, repeat=True)
        reply = call(client_of(fake), "fake:m")  # type: ignore[operator]
        again = asyncio.run(_awaited(call, fake))
        expected = {"rerank": [(1, 0.9), (0, 0.1)], "image": [b"png"]}.get(name, turn)
        assert READ[name](reply) == READ[name](again) == expected, name
        assert [each.operation for each in fake.requests] == [name] * 2
        with pytest.raises(InvalidOption, match=f"a turn for {name}"):
            call(client_of(FakeModel({})), "fake:m")  # type: ignore[operator]


async def _awaited(call: Any, fake: FakeModel) -> Any:
    return await call(AsyncClient(registry=fake.registry), "fake:m")


def test_a_stream_comes_in_pieces_and_fails_where_the_test_says() -> None:
    fake = FakeModel("one two", ["one ", Pause(0.001), "two", ServerError("mid")], ToolCall("1", "f", "{}"), pieces=3)
    client = client_of(fake, retries=0)
    assert list(client.stream_text("fake:m", "hi").text_deltas()) == ["one", " tw", "o"]
    got = []
    with pytest.raises(ServerError, match="mid") as caught:
        got.extend(client.stream_text("fake:m", "hi").text_deltas())
    assert got == ["one", " ", "two"] and caught.value.partial.text == "one two"
    assert len(caught.value.partial.message.content) == 1, "text after a pause is the same part"
    assert client.stream_text("fake:m", "hi").reply().tool_calls == (ToolCall("1", "f", "{}"),)
    assert fake.open == 0


def test_an_async_stream_is_the_same() -> None:
    async def run() -> list[str]:
        client = AsyncClient(registry=FakeModel(["a", Pause(0.001), "b"]).registry)
        return [text async for text in client.stream_text("fake:m", "hi").text_deltas()]

    assert asyncio.run(run()) == ["a", "b"]


def test_pauses_meet_the_limits_of_the_call() -> None:
    fake = FakeModel(["a", Pause(LONG), "b"], repeat=True)
    client = client_of(fake, timeout=Timeouts(first_event=SOON, idle=0.05))
    with pytest.raises(StreamIdleTimeout):
        client.stream_text("fake:m", "hi").reply()


def test_a_stream_that_is_left_or_cancelled_is_closed() -> None:
    fake = FakeModel(["a", Pause(LONG), "b"], repeat=True)
    for _ in client_of(fake).stream_text("fake:m", "hi").text_deltas():
        assert fake.open == 1
        break
    assert fake.open == 0

    async def cancelled() -> None:
        stream = AsyncClient(registry=fake.registry).stream_text("fake:m", "hi")
        async with stream:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(stream.reply(), 0.05)

    asyncio.run(cancelled())
    assert fake.open == 0


def test_an_exception_is_what_a_call_ends_with_and_faults_are_repeated_as_usual() -> None:
    client = client_of(FakeModel(RateLimitError("busy"), "fine"))
    with pytest.raises(RateLimitError) as caught:
        client.generate_text("fake:m", "hi")
    assert [each.error for each in caught.value.attempts] == ["RateLimitError"]
    assert client.generate_text("fake:m", "hi").text == "fine"
    faults = Faults([Status(429, retry_after=0), Status(503, retry_after=0)])
    reply = client_of(FakeModel("fine", faults=faults, stands_for="openai:*")).generate_text(REAL, "hi")
    assert reply.text == "fine" and [each.status for each in reply.attempts] == [429, 503, 200]


def test_faults_of_its_text_are_those_of_a_network() -> None:
    for fault, stream, expected in (
        (Cut(5), True, (StreamTruncated, "one t")),
        (Cut(5), False, (StreamTruncated, "one t")),
        (Refuse(), True, (ConnectError, "")),
        (Late(LONG), True, (FirstEventTimeout, "")),
        (Garble(0, 3), False, None),
        (Split(2), True, None),
    ):
        client = client_of(FakeModel("one two", faults=Faults(fault)), retries=0, timeout=Timeouts(first_event=0.05))
        try:
            reply = client.stream_text("fake:m", "hi").reply() if stream else client.generate_text("fake:m", "hi")
            assert expected is None and len(reply.text) == 7
        except StepwellError as error:
            assert (type(error), error.partial.text if error.partial else "") == expected


def test_steps_around_it_do_their_work() -> None:
    fake = FakeModel(ServerError("down"), "other", stands_for="*")
    assert client_of(fake, pipeline=fallback("groq:m")).generate_text(REAL, "hi").provider == "groq"
    limited = client_of(FakeModel("ok", repeat=True), pipeline=RateLimit(requests=1, per=LONG), timeout=1.0)
    limited.generate_text("fake:m", "hi")
    with pytest.raises(RateLimitError):
        limited.generate_text("fake:m", "hi")
    with pytest.raises(BudgetExceeded):
        client_of(FakeModel("ok"), pipeline=Budget(tokens=20)).generate_text("fake:m", "hi", max_tokens=30)


def test_a_turn_may_be_a_function_of_the_request() -> None:
    client = client_of(FakeModel(lambda request: request.context.messages[-1].text.upper(), repeat=True))
    assert [client.generate_text("fake:m", text).text for text in ("a", "b")] == ["A", "B"]


WRONG: dict[str, list[Any]] = {
    "pieces": [0, -1, 1.5, True],
    "stands_for": [None, 1, [1], b"openai:*"],
    "faults": [3, Status(503), [Status(503)]],
}


def test_what_a_fake_cannot_be_made_with_is_an_error_at_once() -> None:
    for name, values in WRONG.items():
        for value in values:
            with pytest.raises(ConfigError, match=name):
                FakeModel("a", **{name: value})


def test_a_class_is_no_turn() -> None:
    for kind in (ServerError, ValueError, ToolCall):
        with pytest.raises(ConfigError, match=kind.__name__):
            client_of(FakeModel(kind)).generate_text("fake:m", "hi")


def test_a_call_that_a_limit_holds_back_takes_no_turn_and_is_no_request() -> None:
    fake = FakeModel("one", lambda request: "two", "three", stands_for="openai:*")
    client = client_of(fake, pipeline=RateLimit(requests=1, per=LONG))
    assert client.generate_text(REAL, "a").text == "one"
    for call in (client.generate_text, lambda *given, **options: client.stream_text(*given, **options).reply()):
        with pytest.raises(RateLimitError, match="is at its limit"):
            call(REAL, "b", timeout=SOON)
        assert [each.context.messages[-1].text for each in fake.requests] == ["a"]
    free = client_of(fake)
    assert [free.generate_text(REAL, "c").text, free.generate_text(REAL, "d").text] == ["two", "three"]
    assert len(fake.requests) == 3


def test_a_call_that_is_cancelled_while_it_waits_for_a_limit_takes_no_turn() -> None:
    fake = FakeModel("one", "two", stands_for="openai:*")

    async def main() -> str | None:
        async with AsyncClient(registry=fake.registry, pipeline=RateLimit(requests=1, per=LONG)) as client:
            await client.generate_text(REAL, "a")
            waiting = asyncio.create_task(client.generate_text(REAL, "b"))
            await asyncio.sleep(0.05)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        async with AsyncClient(registry=fake.registry) as client:
            return (await client.generate_text(REAL, "c")).text

    assert asyncio.run(main()) == "two" and len(fake.requests) == 2


def test_a_call_that_is_answered_inside_of_retry_takes_no_turn() -> None:
    fake = FakeModel("one", stands_for="openai:*")
    own = on_request("own", lambda request: Reply(message=assistant("of a step")))
    inside = client_of(fake, pipeline=lambda usual: usual.after("retry", own))
    assert inside.generate_text(REAL, "a").text == "of a step" and fake.requests == []
    assert client_of(fake).generate_text(REAL, "a").text == "one"
