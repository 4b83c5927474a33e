"""Recorded traffic of every wire has the same outcome over sockets as from memory: whole, split and cut."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from chat_wires import RECORDED_CHATS

from stepwell import AsyncClient, Client
from stepwell.declare import Wire
from stepwell.schemas.errors import StepwellError
from stepwell.schemas.reply import Reply

from loopback import END, Hangup, Loopback, chunk
from recordings import Recording, recordings, registry_of, replay, with_body

RECORDINGS = recordings(*RECORDED_CHATS)
FRAMING = {"content-length", "transfer-encoding", "connection", "keep-alive", "content-encoding"}


class Player(Loopback):
    """A server that answers with the recording that it is given."""

    recording: Recording
    cut = False

    def __init__(self) -> None:
        super().__init__(self._play)

    def _play(self, request: object) -> Iterable[bytes]:
        lines = [f"{k}: {v}\r\n" for k, v in self.recording.headers.items() if k.lower() not in FRAMING]
        head = f"HTTP/1.1 {self.recording.status} Recorded\r\n{''.join(lines)}transfer-encoding: chunked\r\n\r\n"
        yield head.encode()
        for data in self.recording.chunks:
            if data:
                yield chunk(data)
        if self.cut:
            raise Hangup
        yield END


@pytest.fixture
def player() -> Iterator[Player]:
    player = Player()
    yield player
    player.stop()


def caller(player: Player, wire: Wire, asynchronous: bool) -> Callable[[Recording], Any]:
    settings: dict[str, Any] = {"transport": "fast", "registry": registry_of(wire), "retries": 0}
    settings["base_urls"] = {"recorded": player.url}

    def call(recording: Recording) -> Any:
        player.recording, model = recording, f"recorded:{recording.model}"
        try:
            if asynchronous:
                return asyncio.run(acall(recording, model))
            with Client(**settings) as client:
                return (
                    client.stream_text(model, "hi").reply()
                    if recording.streaming
                    else client.generate_text(model, "hi")
                )
        except StepwellError as error:
            return error

    async def acall(recording: Recording, model: str) -> Reply:
        async with AsyncClient(**settings) as client:
            if recording.streaming:
                return await client.stream_text(model, "hi").reply()
            return await client.generate_text(model, "hi")

    return call


def same(found: Any, expected: Any) -> bool:
    if isinstance(expected, Reply) or isinstance(found, Reply):
        return bool(found == expected)
    texts = [getattr(error.partial, "text", None) for error in (found, expected)]
    return type(found) is type(expected) and texts[0] == texts[1]


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("api", RECORDED_CHATS)
def test_a_recording_has_the_same_outcome(api: str, asynchronous: bool, player: Player) -> None:
    call = caller(player, RECORDED_CHATS[api], asynchronous)
    for recording in RECORDINGS:
        if recording.api == api:
            assert same(call(recording), replay(recording, RECORDED_CHATS[api])), recording.id


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("api", RECORDED_CHATS)
def test_a_stream_that_is_split_or_cut_has_the_same_outcome(api: str, asynchronous: bool, player: Player) -> None:
    call = caller(player, RECORDED_CHATS[api], asynchronous)
    recording = min(
        (r for r in RECORDINGS if r.api == api and r.streaming and r.status == 200), key=lambda r: len(r.body)
    )
    plain = replay(recording, RECORDED_CHATS[api])
    for size in (1, 7):
        assert same(call(with_body(recording, recording.body, size)), plain)
    player.cut = True
    for part in (1, 2, 3):
        cut = with_body(recording, recording.body[: len(recording.body) * part // 4])
        found = call(cut)
        assert isinstance(found, StepwellError) and same(found, replay(cut, RECORDED_CHATS[api])), part
