"""A server repeats the secrets of a request, wherever they were and wherever it repeats them: no record has them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from stepwell import AsyncClient, Client
from stepwell.errors import StepwellError
from stepwell.journal.log import START, Log, records_in
from stepwell.schemas.secret import MASK
from stepwell.steps import CallModel, Flow

from feeding import every
from loopback import DONE, completion, event
from recordings import Chunks

MODEL = "openai:gpt-4.1"
KEY = "sk-sk-of-tests-0123456789"
"""Its beginning repeats itself, so that an end of some bytes may be two beginnings of it."""
PLACES: dict[str, dict[str, Any]] = {
    "key": {"api_key": KEY},
    "header": {"api_key": "any", "headers": {"x-gateway-key": KEY}},
    "address": {"api_key": "any", "base_url": f"https://x.example/v1?key={KEY}"},
}


def quoting(status: int, size: int, said: str) -> httpx.MockTransport:
    """Say something in headers and body; a stream comes in pieces of a size."""

    def quote(request: httpx.Request) -> httpx.Response:
        headers = {"x-request": f"of {said}", "x-region": "eu"}
        if b'"stream":true' not in request.content or status >= 400:
            return httpx.Response(status, headers=headers, content=completion(f"you are {said}"))
        whole = event(f"you are {said}, sk-") + event("sk") + event("s", "stop") + DONE
        headers["content-type"] = "text/event-stream"
        return httpx.Response(200, headers=headers, stream=Chunks(tuple(every(size, whole))))

    return httpx.MockTransport(quote)


def half(options: dict[str, Any]) -> Flow:
    """Read a stream up to its first text, and leave it."""
    reader = yield CallModel(MODEL, "hi", options, stream=True)
    while (chunks := (yield from reader.next())) is not None:
        if text := "".join(chunk.text for chunk in chunks if chunk.type == "text_delta"):
            yield from reader.close()
            return text
    return ""


def run_sync(path: Path, transport: httpx.MockTransport, options: dict[str, Any]) -> list[str]:
    """Return what a call, a stream and a stream left half-way give, or the class of their errors."""
    with Client(transport=transport, journal=path, retries=0) as client:
        calls = (
            lambda: client.generate_text(MODEL, "hi", job="whole", **options).text,
            lambda: client.stream_text(MODEL, "hi", job="stream", **options).reply().text,
            lambda: client.run_workflow(half(options), job="half"),
        )
        found = []
        for call in calls:
            try:
                found.append(str(call()))
            except StepwellError as error:
                found.append(type(error).__name__)
        return found


def run_async(path: Path, transport: httpx.MockTransport, options: dict[str, Any]) -> list[str]:
    """Return the same with an AsyncClient."""

    async def run() -> list[str]:
        async with AsyncClient(transport=transport, journal=path, retries=0) as client:

            async def streamed() -> str:
                return (await client.stream_text(MODEL, "hi", job="stream", **options).reply()).text

            async def whole() -> str:
                return (await client.generate_text(MODEL, "hi", job="whole", **options)).text

            found = []
            for call in (whole(), streamed(), client.run_workflow(half(options), job="half")):
                try:
                    found.append(str(await call))
                except StepwellError as error:
                    found.append(type(error).__name__)
            return found

    return asyncio.run(run())


def recorded(path: Path) -> bytes:
    """Return the bytes of all files of a journal, and what its records have as bodies, in a row."""
    log = Log(Path(f"{path}.log"), "", writes=False)
    try:
        bodies = b"".join(each[4] for _, _, payload in log.scan(START) for each in records_in(payload)[2])
    finally:
        log.close()
    return bodies + b"".join(each.read_bytes() for each in path.parent.iterdir())


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("run", [run_sync, run_async])
def test_what_a_server_repeats_of_a_secret_is_not_recorded(place: str, run: Any, tmp_path: Path) -> None:
    options = {"wire": "openai_chat", **PLACES[place]}
    for status, size in ((200, 1), (200, 7), (200, 23), (200, 4096), (401, 1)):
        (folder := tmp_path / f"{status}-{size}").mkdir()
        first = run(folder / "j", quoting(status, size, KEY), options)
        assert KEY.encode() not in recorded(folder / "j"), (status, size)
        if status == 200:
            assert first[0] == f"you are {KEY}"
            again = run(folder / "j", quoting(500, 1, "nothing is sent"), options)
            assert again == [text.replace(KEY, MASK) for text in first], size
            Path(folder / "j").unlink()  # the index is made anew from the log
            assert run(folder / "j", quoting(500, 1, "nothing is sent"), options) == again, size


@pytest.mark.parametrize("run", [run_sync, run_async])
def test_a_key_that_is_a_word_does_not_change_what_was_answered(run: Any, tmp_path: Path) -> None:
    for word in ("test", "EMPTY", "not-needed", "anything"):
        (folder := tmp_path / word).mkdir()
        options = {"wire": "openai_chat", "api_key": word}
        first = run(folder / "j", quoting(200, 5, f"no {word} of sk-s"), options)
        assert first[0] == f"you are no {word} of sk-s"
        assert run(folder / "j", quoting(500, 1, "nothing is sent"), options) == first
