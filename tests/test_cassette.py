"""Recording and replaying: no network the second time, no secret in the file, and an error for what is missing."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import httpx
import pytest

import stepwell
from stepwell.errors import ConfigError, StepwellError, StreamTruncated
from stepwell.schemas.json_text import dumps, loads
from stepwell.testing import Cassette, NotRecorded

from loopback import Loopback, answer, completion, serving, whole_stream
from odd_fields import ABSENT, STRANGE, places, put, written
from scripted import MODEL, Scripted

KEY = "sk-canary-0123456789abcdef"


def no_network(request: httpx.Request) -> httpx.Response:
    raise AssertionError("the network was asked")


def ask(cassette: Cassette, prompt: str = "hi", *, stream: bool = False, key: str = KEY) -> stepwell.Reply:
    client = stepwell.Client(transport=cassette, api_keys={"openai": key}, retries=0)
    return client.stream_text(MODEL, prompt).reply() if stream else client.generate_text(MODEL, prompt)


def ask_async(cassette: Cassette, prompt: str = "hi", *, stream: bool = False, key: str = KEY) -> stepwell.Reply:
    async def main() -> stepwell.Reply:
        client = stepwell.AsyncClient(transport=cassette, api_keys={"openai": key}, retries=0)
        return await (client.stream_text(MODEL, prompt).reply() if stream else client.generate_text(MODEL, prompt))

    return asyncio.run(main())


def recorded(path: Path, *turns: Any, stream: bool = False) -> list[stepwell.Reply]:
    cassette = Cassette(path, transport=httpx.MockTransport(Scripted(list(turns))))
    return [ask(cassette, f"prompt {n}", stream=stream) for n, _ in enumerate(turns)]


@pytest.mark.parametrize("stream", [False, True], ids=["unstreamed", "streamed"])
@pytest.mark.parametrize("play", [ask, ask_async], ids=["sync", "async"])
def test_recordings_are_replayed_without_network_or_key(tmp_path: Path, play: Any, stream: bool) -> None:
    path = tmp_path / "tapes" / "greeting.json"
    (first,) = recorded(path, "hello there", stream=stream)
    cassette = Cassette(path, record="never", transport=httpx.MockTransport(no_network))
    again = play(cassette, "prompt 0", stream=stream, key="played")
    assert (again.text, again.usage) == (first.text, first.usage)
    assert cassette.unplayed == []


def test_a_stream_is_replayed_in_its_recorded_pieces(tmp_path: Path) -> None:
    recorded(tmp_path / "t.json", "abc", stream=True)
    assert len(Cassette(tmp_path / "t.json").exchanges[0].chunks) > 3


def test_the_file_decides_between_recording_and_playing(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    assert Cassette(path).recording
    recorded(path, "one")
    assert not Cassette(path).recording
    assert Cassette(path, record="always").recording
    with pytest.raises(ConfigError, match="no cassette"):
        Cassette(tmp_path / "other.json", record="never")


def test_no_secret_at_any_place_reaches_the_cassette(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    leaking = {"choices": [{"message": {"content": f"your key is {KEY}"}, "finish_reason": "stop"}]}
    cassette = Cassette(path, transport=httpx.MockTransport(lambda request: httpx.Response(200, json=leaking)))
    client = stepwell.Client(
        transport=cassette, api_keys={"openai": KEY}, headers={"x-tenant-token": "tenant-4711-secret"}
    )
    client.generate_text(MODEL, f"is {KEY} my key?", base_url=f"https://proxy.example/v1?api_key={KEY}", api_key=KEY)
    written = path.read_text()
    assert KEY not in written and "tenant-4711-secret" not in written
    assert "your key is **********" in written
    assert "authorization" not in written.lower()


def test_another_key_plays_the_same_tape(tmp_path: Path) -> None:
    recorded(tmp_path / "t.json", "one")
    assert ask(Cassette(tmp_path / "t.json"), "prompt 0", key="another-key-0987654321").text == "one"


def test_exchanges_play_in_any_order_and_each_once(tmp_path: Path) -> None:
    recorded(tmp_path / "t.json", "one", "two", "three")
    cassette = Cassette(tmp_path / "t.json")
    assert [ask(cassette, f"prompt {n}").text for n in (2, 0)] == ["three", "one"]
    assert len(cassette.unplayed) == 1
    with pytest.raises(NotRecorded, match="has been replayed already"):
        ask(cassette, "prompt 0")


def test_a_different_request_is_an_error_with_the_place_and_is_not_sent(tmp_path: Path) -> None:
    recorded(tmp_path / "t.json", "one")
    cassette = Cassette(tmp_path / "t.json", transport=httpx.MockTransport(no_network))
    with pytest.raises(NotRecorded, match="differs at /messages/0/content") as caught:
        ask(cassette, "another prompt, which is private")
    assert "private" not in str(caught.value)
    with pytest.raises(NotRecorded, match="nothing was recorded of POST"):
        stepwell.Client(transport=cassette, api_keys={"groq": "k"}).generate_text("groq:x", "hi")


def test_errors_are_recorded_like_any_answer(tmp_path: Path) -> None:
    refusal = httpx.Response(429, json={"error": {"message": "slow down"}}, headers={"retry-after": "7"})
    path = tmp_path / "t.json"
    for transport in (httpx.MockTransport(lambda request: refusal), httpx.MockTransport(no_network)):
        with pytest.raises(stepwell.errors.RateLimitError) as caught:
            ask(Cassette(path, transport=transport))
        assert caught.value.retry_after == 7


def test_a_stream_that_is_left_early_is_recorded_as_far_as_it_was_read(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    cassette = Cassette(path, transport=httpx.MockTransport(Scripted(["a long answer"], piece=1)))
    client = stepwell.Client(transport=cassette, api_keys={"openai": KEY})
    for _ in client.stream_text(MODEL, "hi").text_deltas():
        break
    with pytest.raises(StreamTruncated):
        ask(Cassette(path), "hi", stream=True)


def test_a_cassette_records_over_a_real_connection(tmp_path: Path) -> None:
    def script(seen: Any) -> Any:
        yield whole_stream() if seen.json.get("stream") else answer(completion())

    with serving(script) as server:
        assert isinstance(server, Loopback)
        for play, name in ((ask, "sync.json"), (ask_async, "async.json")):
            for _ in range(2):
                cassette = Cassette(tmp_path / name)
                client = cassette if cassette.recording else None
                texts = [_at(server.url, play, cassette, stream=stream) for stream in (False, True)]
                assert texts == ["hello", "hello"] and (client is None or cassette.recording)
        assert len(server.seen) == 4


def _at(url: str, play: Any, cassette: Cassette, *, stream: bool) -> str:
    def options(client: Any) -> Any:
        method = client.stream_text if stream else client.generate_text
        return method(MODEL, "hi", base_url=f"{url}/v1", api_key=KEY)

    if play is ask:
        with stepwell.Client(transport=cassette) as client:
            reply = options(client)
            return (reply.reply() if stream else reply).text

    async def main() -> str:
        async with stepwell.AsyncClient(transport=cassette) as client:
            reply = options(client)
            return (await (reply.reply() if stream else reply)).text

    return asyncio.run(main())


def test_a_file_that_is_not_a_cassette_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    odd = {"request": {"method": "POST", "url": [], "body": 1}, "response": {"status": 200, "chunks": []}}
    for content in ({}, {"version": 1, "exchanges": [odd]}):
        path.write_bytes(dumps(content))
        with pytest.raises(ConfigError, match="not a cassette"):
            Cassette(path)
    with pytest.raises(ConfigError, match="record cannot be"):
        Cassette(path, record="sometimes")


def test_a_file_with_odd_fields_is_replayed_or_a_typed_error(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    recorded(path, "hello")
    file, replayed, turn = loads(path.read_bytes()), 0, cycle(STRANGE)
    for place in places(file):
        for other in islice(turn, 5):
            path.write_bytes(b"\xef\xbb\xbf" + written(put(file, place, other)))
            with suppress(StepwellError):
                replayed += ask(Cassette(path), "prompt 0").text == "hello"
    assert replayed
    without = put(
        put(file, ("exchanges", 0, "response", "headers"), ABSENT), ("exchanges", 0, "response", "status"), "200"
    )
    path.write_bytes(written(without))
    assert ask(Cassette(path), "prompt 0").text == "hello"


@pytest.mark.parametrize("key", [KEY, "my-secret-gateway"], ids=["usual", "of letters alone"])
def test_a_key_is_masked_in_each_part_of_an_exchange_and_in_any_encoding(tmp_path: Path, key: str) -> None:
    answers = [
        httpx.Response(200, content=b"\xff\xfe" + key.encode()),
        httpx.Response(200, content=completion(f"your key {key}")),
        httpx.Response(401, content=b"no", headers={"x-ratelimit-of": key, "x-request-id": key}),
        httpx.Response(200, json={"access_token": "t0ken-of-a-login", "token": "tid=" + "0123456789abcdef" * 3}),
    ]
    for number, answer_ in enumerate(answers):
        path = tmp_path / f"{number}.json"
        cassette = Cassette(path, transport=httpx.MockTransport(lambda request, answer=answer_: answer))
        options = {"provider_options": {"api_key": "canary-in-the-body", "nested": {"client_secret": 'x"y-canary'}}}
        with (
            stepwell.Client(transport=cassette, api_keys={"openai": key}, retries=0) as client,
            suppress(StepwellError),
        ):
            client.generate_text(
                MODEL, f"is {key} mine?", api_key=key, base_url=f"https://p.example/v1?sig={key}", **options
            )
        (exchange,) = Cassette(path).exchanges
        whole = repr(exchange) + path.read_text()
        for secret in (key, "canary", "t0ken-of-a-login", "0123456789abcdef0"):
            assert secret not in whole, (number, secret)


def test_log_probabilities_are_no_credentials(tmp_path: Path) -> None:
    tokens = {"choices": [{"logprobs": {"content": [{"token": "Hello", "logprob": -0.1}]}}]}
    with (
        stepwell.Client(
            transport=Cassette(
                tmp_path / "t.json", transport=httpx.MockTransport(lambda r: httpx.Response(200, json=tokens))
            ),
            api_keys={"openai": KEY},
        ) as client,
        suppress(StepwellError),
    ):
        client.generate_text(MODEL, "hi")
    assert '\\"token\\":\\"Hello\\"' in (tmp_path / "t.json").read_text()
