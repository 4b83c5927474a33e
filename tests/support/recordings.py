"""Recorded provider traffic, replayed through a client, with the expected outcome. See tests/recordings/README.md."""

from __future__ import annotations

import asyncio
import hashlib
import json
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
from attrs import evolve, frozen

from stepwell import AsyncClient, Client
from stepwell.declare import Wire, declare_provider
from stepwell.messages import Opaque
from stepwell.providers.declare.registry import Registry
from stepwell.schemas.errors import StepwellError
from stepwell.schemas.reply import Reply

FOLDER = Path(__file__).parent.parent / "recordings"
DETAILS = b'"reasoning_details"'
BASE_URL = "https://recorded.test/v1"


@frozen
class Recording:
    """One exchange: `chunks` are the reads of the body in order."""

    id: str
    api: str
    provider: str
    model: str
    streaming: bool
    kinds: tuple[str, ...]
    request: dict[str, Any]
    status: int
    headers: dict[str, str]
    chunks: tuple[bytes, ...]
    expected: dict[str, Any]

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)


def recordings(*apis: str, streaming: bool | None = None) -> list[Recording]:
    """Load the recordings of these wire formats, by id.

    Without those of calls that stand in the text: to a wire they are text like any other, and
    test_documented_exchanges.py reads them.
    """
    found = [_load(path) for api in apis for path in sorted(FOLDER.glob(f"{api}-*.json"))]
    return [each for each in found if streaming in (None, each.streaming) and "text_calls" not in each.kinds]


def by_id(recording: Recording) -> str:
    """Name a recording in the id of a test."""
    return recording.id


def _load(path: Path) -> Recording:
    data = json.loads(path.read_text())
    response = data["response"]
    chunks = response["chunks_b64"] if "chunks_b64" in response else [response["body_b64"]]
    return Recording(
        id=data["id"],
        api=data["api"],
        provider=data["provider"],
        model=data["model"] or "unnamed",
        streaming=data["streaming"],
        kinds=tuple(data["kinds"]),
        request=data["request"],
        status=response["status"],
        headers=response["headers"],
        chunks=tuple(b64decode(chunk) for chunk in chunks),
        expected=data["expected"],
    )


class Chunks(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in given reads, for a mocked transport, sync or async; `closed` is true once it was released."""

    def __init__(self, chunks: tuple[bytes, ...], fault: Exception | None = None) -> None:
        self._chunks = chunks
        self._fault = fault
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks
        if self._fault:
            raise self._fault

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk
        if self._fault:
            raise self._fault

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


def answering(recording: Recording, bodies: list[Chunks] | None = None) -> httpx.MockTransport:
    """Build a transport that answers every request with the recording."""

    def handler(request: httpx.Request) -> httpx.Response:
        body = Chunks(recording.chunks)
        if bodies is not None:
            bodies.append(body)
        headers = {name: value for name, value in recording.headers.items() if name.lower() != "content-length"}
        return httpx.Response(recording.status, headers=headers, stream=body)

    return httpx.MockTransport(handler)


def registry_of(*wires: Wire) -> Registry:
    """Build a registry with one provider, `recorded`, that has these wires and needs no key."""
    registry = Registry()
    registry.register(declare_provider("recorded", wire=wires, base_url=BASE_URL, key_optional=True))
    return registry


def replay(recording: Recording, wire: Wire, *, driver: str = "sync", stream: bool | None = None) -> Any:
    """Decode the recording by a client, without retries, to a Reply or the error."""
    settings: dict[str, Any] = {"transport": answering(recording), "registry": registry_of(wire), "retries": 0}
    name = f"recorded:{recording.model}"
    streamed = recording.streaming if stream is None else stream
    try:
        if driver == "sync":
            with Client(**settings) as client:
                return client.stream_text(name, "hi").reply() if streamed else client.generate_text(name, "hi")
        return asyncio.run(_areplay(settings, name, streamed))
    except StepwellError as error:
        return error


async def _areplay(settings: dict[str, Any], name: str, streamed: bool) -> Reply:
    async with AsyncClient(**settings) as client:
        return await client.stream_text(name, "hi").reply() if streamed else await client.generate_text(name, "hi")


def assert_as_recorded(outcome: Any, recording: Recording, usage: Callable[[Reply], dict[str, Any]]) -> None:
    """Assert that the outcome equals the vendor's SDK's. `usage` converts a reply's usage to the vendor's numbers."""
    expected = recording.expected
    if error := expected.get("error"):
        assert isinstance(outcome, StepwellError), outcome
        assert getattr(outcome, "status", None) == error["status"]
        assert (error.get("message") or "")[:200] in str(outcome)
        if error.get("mid_stream"):
            assert outcome.partial.text == expected["text"]
            assert outcome.partial.reasoning == (expected.get("reasoning_text") or "")
        if error.get("in_choice"):
            assert outcome.partial.tool_calls[0].arguments_json == expected["tool_calls"][0]["arguments_raw"]
        return
    if expected.get("truncated"):
        assert type(outcome).__name__ == "StreamTruncated"
        outcome = outcome.partial
    assert isinstance(outcome, Reply), repr(outcome)
    assert outcome.text == expected["text"]
    # Where the SDK finds no reasoning we may: it does not read OpenRouter's reasoning_details.
    assert outcome.reasoning == expected["reasoning_text"] or (
        not expected["reasoning_text"] and DETAILS in recording.body
    )
    assert outcome.refusal == (expected.get("refusal") or "")
    assert [_call(call) for call in outcome.tool_calls] == [_expected_call(call) for call in expected["tool_calls"]]
    assert_ids(outcome, expected)
    assert outcome.finish_reason_raw == expected["finish_reason_raw"]
    if expected.get("reasoning_signatures"):
        assert signatures(outcome) == [(each["length"], each["sha256"][:16]) for each in _signed(expected)]
    if "citations" in expected:
        assert [
            named in (each.url, each.title, each.id)
            for named, each in zip(expected["citations"], outcome.citations, strict=True)
        ] == [True] * len(outcome.citations), outcome.citations
    if "logprobs" in expected:
        assert [[each.token, each.logprob] for each in outcome.logprobs] == expected["logprobs"]
    if "sources" in expected:
        assert [each.url for result in outcome.server_tool_results for each in result.sources] == expected["sources"]
    if "executed_tools" in expected:
        assert [call.name for call in outcome.server_tool_calls] == expected["executed_tools"]
    if expected.get("usage"):
        reported = usage(outcome)
        assert {name: reported.get(name) for name in expected["usage"]} == expected["usage"]


def _signed(expected: dict[str, Any]) -> list[dict[str, Any]]:
    return list(expected["reasoning_signatures"])


def assert_ids(reply: Reply, expected: dict[str, Any]) -> None:
    for call, reported in zip(reply.tool_calls, expected["tool_calls"], strict=True):
        assert call.id == reported["id"] if reported.get("id") else call.id


def signatures(reply: Reply) -> list[tuple[int, str]]:
    """Return length and digest of every signature or encrypted block that the reply would send back, in order."""
    found = []
    for part in reply.message.content:
        kept = part.data if isinstance(part, Opaque) else part.extra.get("google_generate", {})
        thought = kept.get("thoughtSignature") if isinstance(kept, dict) else None
        for value in (getattr(part, "signature", None), getattr(part, "encrypted", None), thought):
            if value:
                found.append((len(value), hashlib.sha256(value.encode()).hexdigest()[:16]))
    return found


def _call(call: Any) -> tuple[str, Any]:
    return call.name, call.arguments


def _expected_call(call: dict[str, Any]) -> tuple[str, Any]:
    return call["name"], call["arguments"]


def with_body(recording: Recording, body: bytes, size: int = 0) -> Recording:
    """Copy the recording with another body, in pieces of `size` bytes (0: at once)."""
    pieces = tuple(body[at : at + size] for at in range(0, len(body), size)) if size else (body,)
    return evolve(recording, chunks=pieces)
