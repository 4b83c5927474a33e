"""Exchanges with a provider, recorded once and played ever after: tests without keys, network or surprises.

    cassette = Cassette("tests/cassettes/greeting.json")
    client = Client(transport=cassette, api_keys={"openai": os.environ.get("OPENAI_API_KEY", "played")})

The first run goes to the provider and writes the file; later runs never touch the network. A request that was not
recorded is an error that says where it differs, and nothing is ever fetched in its place.
"""

from __future__ import annotations

import hashlib
import re
import threading
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
from attrs import define, field

from ..pipeline.http.headers import received
from ..pipeline.http.response import REQUEST_IDS
from ..schemas.errors import ConfigError, StepwellError
from ..schemas.json_schema.keywords import escape
from ..schemas.json_text import JSONDecodeError, loads
from .tape_file import TapeFile, rows_of

MASKED = "**********"
_KEPT = frozenset(("content-type", "retry-after", "retry-after-ms", "x-amzn-errortype", *REQUEST_IDS))
_KEPT_KINDS = ("ratelimit", "token-count")
_HARMLESS = ("accept", "accept-encoding", "connection", "content-length", "content-type", "host", "user-agent")
_SECRET_QUERY = re.compile(r"([?&](?:[^=&]*(?:key|token|sig|secret|credential)[^=&]*|X-Amz-[^=&]*)=)[^&]*", re.I)
_KEY_SHAPES = re.compile(r"\b(?:sk|gsk|pk|xai|AIza|AKIA|gh[opsu])[-_]?[A-Za-z0-9_-]{16,}")
_MIN_SECRET = 8


class NotRecorded(StepwellError):
    """A request that no recorded exchange answers. The message says where it differs from the nearest one."""


@define
class Exchange:
    """One request and its answer, without anything secret. `chunks` are the answer's bytes as they were read."""

    method: str
    url: str
    body: Any
    status: int = 0
    headers: dict[str, str] = field(factory=dict)
    chunks: list[bytes] = field(factory=list)
    played: bool = False

    def fits(self, other: Exchange) -> bool:
        return (self.method, self.url, self.body) == (other.method, other.url, other.body)


class Cassette(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """An httpx transport, of both colours, over a file of exchanges.

    `record` is "once" (the default: record if there is no file, else play), "never" or "always" (start anew; what was
    recorded before is kept beside as `<name>.before` until the new recording has come to its end). After each exchange
    the file is written anew, all or nothing; several processes may record on one.
    Each exchange is played once, equal ones in their order, whatever order others come in. `transport` carries what is
    recorded (default: httpx's own). Of an answer the status, the body, its type and request id are kept; of a request
    the method, the URL and the body; credentials are masked wherever they stand.
    """

    def __init__(self, path: str | Path, *, record: str = "once", transport: Any = None) -> None:
        if record not in ("once", "never", "always"):
            raise ConfigError(f"record cannot be {record!r}", hint="use 'once', 'never' or 'always'")
        self.path = Path(path)
        self.recording = record == "always" or (record == "once" and not self.path.exists())
        if not self.recording and not self.path.exists():
            raise ConfigError(f"there is no cassette at {self.path}", hint="record it with record='once'")
        self.exchanges: list[Exchange] = [] if self.recording else _load(self.path)
        self._transport = transport
        self._lock = threading.Lock()
        self._file = TapeFile(self.path) if self.recording else None

    @property
    def unplayed(self) -> list[Exchange]:
        """What was recorded and nobody has asked for."""
        return [] if self.recording else [exchange for exchange in self.exchanges if not exchange.played]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        asked = _asked(request, request.read())
        if not self.recording:
            return self._played(asked)
        inner = self._transport = self._transport or httpx.HTTPTransport()
        return self._taped(request, asked, inner.handle_request(request))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        asked = _asked(request, await request.aread())
        if not self.recording:
            return self._played(asked)
        inner = self._transport = self._transport or httpx.AsyncHTTPTransport()
        return self._taped(request, asked, await inner.handle_async_request(request))

    def close(self) -> None:
        if hasattr(self._transport, "close"):
            self._transport.close()

    async def aclose(self) -> None:
        if hasattr(self._transport, "aclose"):
            await self._transport.aclose()

    def _played(self, asked: Exchange) -> httpx.Response:
        with self._lock:
            found = next((each for each in self.exchanges if not each.played and each.fits(asked)), None)
            if found is None:
                raise _missing(asked, self.exchanges, self.path)
            found.played = True
        # As bytes: httpx would write text as ASCII, and reads all that is not as UTF-8.
        headers = [(name.encode(), value.encode()) for name, value in found.headers.items()]
        return httpx.Response(found.status, headers=headers, stream=_Tape(found.chunks))

    def _taped(self, request: httpx.Request, asked: Exchange, response: httpx.Response) -> httpx.Response:
        secrets = _secrets(request)
        asked.status = response.status_code
        kept = {name: value for name, value in received(response.headers).items() if _is_kept(name)}
        asked.headers = {name: _masked(value, secrets) for name, value in kept.items()}

        def done() -> None:
            # One read at a time may cut a key in two, so an answer that holds one is kept as a single piece.
            whole = b"".join(asked.chunks)
            if (masked := _masked_bytes(whole, secrets)) != whole:
                asked.chunks[:] = [masked]
            with self._lock:
                self.exchanges.append(asked)
                if self._file is not None:
                    self._file.save([_row(each) for each in self.exchanges])

        tape = _Tape(asked.chunks, response.stream, done)
        return httpx.Response(
            response.status_code, headers=response.headers, stream=tape, extensions=response.extensions
        )


class _Tape(httpx.SyncByteStream, httpx.AsyncByteStream):
    """Plays `chunks`, or fills them from `source` as they are read and tells when it is done."""

    def __init__(self, chunks: list[bytes], source: Any = None, done: Any = None) -> None:
        self._chunks = chunks
        self._source = source
        self._done = done

    def __iter__(self) -> Iterator[bytes]:
        if self._source is None:
            yield from self._chunks
            return
        for chunk in self._source:
            self._chunks.append(chunk)
            yield chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._source is None:
            for chunk in self._chunks:
                yield chunk
            return
        async for chunk in self._source:
            self._chunks.append(chunk)
            yield chunk

    def close(self) -> None:
        if self._source is not None:
            self._source.close()
            self._finish()

    async def aclose(self) -> None:
        if self._source is not None:
            await self._source.aclose()
            self._finish()

    def _finish(self) -> None:
        done, self._done = self._done, None
        if done is not None:
            done()


def _asked(request: httpx.Request, content: bytes) -> Exchange:
    secrets = _secrets(request)
    url = _SECRET_QUERY.sub(rf"\1{MASKED}", _masked(str(request.url), secrets))
    masked = _masked_bytes(content, secrets)
    try:
        body: Any = loads(masked) if masked else None
    except JSONDecodeError:
        boundary = re.search(r"boundary=([^;]+)", request.headers.get("content-type", ""))
        plain = masked.replace(boundary[1].encode(), b"boundary") if boundary else masked
        body = f"sha256:{hashlib.sha256(plain).hexdigest()}"
    return Exchange(request.method, url, body)


def _is_kept(name: str) -> bool:
    return name in _KEPT or any(kind in name for kind in _KEPT_KINDS)


def _secrets(request: httpx.Request) -> list[str]:
    """What the request's headers hold that must not be written down anywhere: their values and the words in them."""
    values = [value for name, value in request.headers.items() if name not in _HARMLESS]
    words = {word for value in values for word in (value, *re.split(r"[ ,;=]+", value)) if len(word) >= _MIN_SECRET}
    # Dates and names of beta features are words, too: only what looks like a secret is one.
    return sorted((word for word in words if re.search(r"\d", word) or len(word) > 20), key=len, reverse=True)


def _masked(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASKED)
    return _KEY_SHAPES.sub(MASKED, text)


def _masked_bytes(data: bytes, secrets: list[str]) -> bytes:
    try:
        return _masked(data.decode(), secrets).encode()
    except UnicodeDecodeError:
        return data  # frames of a binary protocol, whose checksums would no longer hold


def _missing(asked: Exchange, exchanges: list[Exchange], path: Path) -> NotRecorded:
    near = [each for each in exchanges if (each.method, each.url) == (asked.method, asked.url)]
    fresh = [each for each in near if not each.played]
    if any(each.fits(asked) for each in near):
        what = "it was recorded, and has been played already"
    elif near:
        places = [_difference(each.body, asked.body) for each in fresh or near]
        what = f"its body differs at {max(places, key=len) or 'the top'}"
    else:
        what = f"nothing was recorded of {asked.method} {asked.url}"
    return NotRecorded(f"a request is not on the cassette {path.name}: {what}", hint="record it anew if that is meant")


def _difference(recorded: Any, asked: Any, place: str = "") -> str:
    """The JSON pointer of the first place where two bodies differ."""
    if isinstance(recorded, Mapping) and isinstance(asked, Mapping):
        for name in [*recorded, *(name for name in asked if name not in recorded)]:
            here = f"{place}/{escape(str(name))}"
            if name not in recorded or name not in asked:
                return here
            if recorded[name] != asked[name]:
                return _difference(recorded[name], asked[name], here)
    if isinstance(recorded, list) and isinstance(asked, list):
        for at, (one, other) in enumerate(zip(recorded, asked, strict=False)):
            if one != other:
                return _difference(one, other, f"{place}/{at}")
        return f"{place}/{min(len(recorded), len(asked))}"
    return place


def _row(exchange: Exchange) -> dict[str, Any]:
    return {
        "request": {"method": exchange.method, "url": exchange.url, "body": exchange.body},
        "response": {
            "status": exchange.status,
            "headers": exchange.headers,
            "chunks": [_text(chunk) for chunk in exchange.chunks],
        },
    }


def _text(chunk: bytes) -> Any:
    try:
        return chunk.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(chunk).decode()}


def _load(path: Path) -> list[Exchange]:
    try:
        return [
            Exchange(**row["request"], **{**row["response"], "chunks": [_bytes(c) for c in row["response"]["chunks"]]})
            for row in rows_of(path.read_bytes(), path)
        ]
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", hint="check the path and its permissions") from error
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{path} is not a cassette: {error!r:.80}") from None


def _bytes(chunk: Any) -> bytes:
    return chunk.encode() if isinstance(chunk, str) else b64decode(chunk["base64"])
