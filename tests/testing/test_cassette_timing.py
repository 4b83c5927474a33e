"""Cassettes keep when the parts of an answer came, and replay it as slowly, if that is asked for."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import httpx
import pytest

from stepwell import AsyncClient, Client, Timeouts
from stepwell.errors import ConfigError, StreamIdleTimeout
from stepwell.testing import Cassette, Faults, Slow, Split

from loopback import DONE, event

MODEL = "groq:m"
EVENTS = [event("one "), event("two", "stop"), DONE]


class Server(httpx.BaseTransport):
    """Sends one event after another, with a pause before the second."""

    class Body(httpx.SyncByteStream):
        def __iter__(self):  # type: ignore[no-untyped-def]
            yield EVENTS[0]
            time.sleep(0.05)
            yield from EVENTS[1:]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=self.Body())


def recorded(path: Path, timing: bool) -> list[float] | None:
    with Client(transport=Cassette(path, transport=Server(), timing=timing), api_keys={"groq": "k"}) as client:
        assert client.stream_text(MODEL, "hi").reply().text == "one two"
    seconds: list[float] | None = json.loads(path.read_text())["exchanges"][0]["response"].get("seconds")
    return seconds


def test_the_times_are_kept_and_replayed_on_request(tmp_path: Path) -> None:
    path = tmp_path / "slow.json"
    seconds = recorded(path, True)
    assert seconds is not None and len(seconds) == 4 and seconds[2] >= 0.05
    came: dict[str, float] = {}
    with Client(transport=Cassette(path, record="never", timing=4), api_keys={"groq": "k"}) as client:
        for text in client.stream_text(MODEL, "hi").text_deltas():
            came[text] = time.monotonic()
    assert came["two"] - came["one "] >= 0.2
    with Client(transport=Cassette(path, record="never"), api_keys={"groq": "k"}, timeout=1000) as client:
        assert client.stream_text(MODEL, "hi").reply().text == "one two"

    async def replayed() -> str:
        client = AsyncClient(transport=Cassette(path, record="never", timing=True), api_keys={"groq": "k"})
        async with client:
            return (await client.stream_text(MODEL, "hi").reply()).text

    began = time.monotonic()
    assert asyncio.run(replayed()) == "one two" and time.monotonic() - began >= 0.05


def test_a_silence_that_was_recorded_meets_the_limits_of_the_call(tmp_path: Path) -> None:
    path = tmp_path / "slow.json"
    recorded(path, True)
    cassette = Cassette(path, record="never", timing=1000)
    with Client(transport=cassette, api_keys={"groq": "k"}, timeout=Timeouts(idle=0.05)) as client:
        with pytest.raises(StreamIdleTimeout):
            client.stream_text(MODEL, "hi").reply()


def test_without_it_nothing_is_kept_and_faults_may_be_around_a_cassette(tmp_path: Path) -> None:
    path = tmp_path / "plain.json"
    assert recorded(path, False) is None
    faults = Faults([[Split(3), Slow(0.0001)]], over=Cassette(path, record="never", timing=True))
    with Client(transport=faults, api_keys={"groq": "k"}) as client:
        assert client.stream_text(MODEL, "hi").reply().text == "one two"
    with pytest.raises(ConfigError):
        Cassette(path, timing=-1)
