"""Cassette: record exchanges with a provider once, and replay them in tests without keys or network.

    cassette = Cassette("tests/cassettes/greeting.json")
    client = Client(transport=cassette, api_keys={"openai": os.environ.get("OPENAI_API_KEY", "played")})

The first run goes to the provider and writes the file; later runs never touch the network. A request that was not
recorded is an error that says where it differs from the nearest one.
"""

from __future__ import annotations

import hashlib
import re
import sys
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import anyio
import anyio.to_thread
import httpx
from attrs import define, field

from ..pipeline.http.headers import received
from ..pipeline.http.urls import shown_url
from ..pipeline.steps.shared import check_number
from ..providers.declare.vendor_names import ERROR_TYPE_HEADERS, VENDOR_NAMES
from ..schemas.errors import ConfigError, StepwellError
from ..schemas.files import RECORD_BYTES, read_file
from ..schemas.json_schema.keywords import escape
from ..schemas.json_text import SORT_KEYS, JSONDecodeError, dumps, loads, trimmed
from ..schemas.process_lock import ProcessLock
from .body_timing import Stopwatch
from .faulty_client import await_as_read, wait_as_read
from .masking import SENT_FIELDS, masked_bytes, masked_text, secrets_of
from .tape_file import TapeFile, rows_of

Record = Literal["once", "never", "always"]
_LOOPBACK = re.compile(r"^(https?://(?:127\.0\.0\.1|localhost|\[::1\])):\d+")
_KEPT = frozenset(("content-type", "retry-after", "retry-after-ms", *ERROR_TYPE_HEADERS, *VENDOR_NAMES.request_id))
_KEPT_KINDS = ("ratelimit", "token-count")
"""Headers of an answer that are recorded, by name and by part of a name."""


class NotRecorded(StepwellError):
    """A request that was not recorded. The message says where it differs from the nearest one."""


@define
class Exchange:
    """One request and its answer, with all secrets masked."""

    method: str
    url: str
    body: Any
    """The request's JSON; for a body that is none, its hash."""
    status: int = 0
    headers: dict[str, str] = field(factory=dict)
    """The answer's headers, as far as they are recorded."""
    chunks: list[bytes] = field(factory=list)
    """The answer's body, in the reads in which it came."""
    seconds: list[float] | None = None
    """How long it took until the answer began, and then until each read; None if that was not recorded."""
    played: bool = False

    @property
    def address(self) -> str:
        """Return the URL; that of a server on this machine without its port, which may be another one in each run."""
        return _LOOPBACK.sub(r"\1", self.url)

    @property
    def key(self) -> tuple[str, str, bytes]:
        """Return what is equal for exchanges of the same request."""
        return self.method, self.address, trimmed(dumps(self.body, option=SORT_KEYS))


class Cassette(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """An httpx transport, sync and async, that records exchanges to a file or replays them from it.

    Each exchange is replayed once; equal ones in their order, different ones in any order. Each recorded exchange is
    appended to the file at once; several processes may record to one file. Recorded are the method, URL and body of
    a request, and the status, body, content type, request id and limits of its answer. Credentials are masked wherever
    they occur.

    path: the file, JSON.
    record: "once" (record if there is no file, else replay), "never", or "always" (start anew). With "always" the
        previous recording is kept as `<name>.before` until the new one has ended: until the cassette, or the client
        whose transport it is, is closed, or its `with` block is left, without an error. After an error, or without a
        close, it remains: rename it to undo the new recording, or record anew.
    transport: sends the requests that are recorded; None: httpx's own.
    timing: True to record when each part of an answer came, and to replay it as slowly; a number to replay it so many
        times as slowly (0.1: in a tenth of the time). What was recorded without is replayed at once.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        record: Record = "once",
        transport: httpx.BaseTransport | httpx.AsyncBaseTransport | None = None,
        timing: bool | float = False,
    ) -> None:
        if record not in ("once", "never", "always"):
            raise ConfigError(f"record cannot be {record!r}", hint="use 'once', 'never' or 'always'")
        check_number(float(timing), "timing of a Cassette", least=0)
        self._slowness = float(timing)
        self.path = Path(path)
        self.recording = record == "always" or (record == "once" and not self.path.exists())
        if not self.recording and not self.path.exists():
            hint = "record it with record='once', pytest --stepwell-record=once"
            raise ConfigError(f"there is no cassette at {self.path}", hint=hint)
        self.exchanges: list[Exchange] = []
        self._waiting: dict[object, deque[Exchange]] = {}
        if not self.recording:
            self.exchanges, self._waiting = _load(self.path)
        self._transport: Any = transport
        self._lock = ProcessLock()
        self._file = TapeFile(self.path, self._rows) if self.recording else None

    @property
    def unplayed(self) -> list[Exchange]:
        """Recorded exchanges that have not been replayed."""
        return [] if self.recording else [exchange for exchange in self.exchanges if not exchange.played]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Replay the answer to a request, or send and record it. Raises NotRecorded."""
        exchange = _exchange_of(request, request.read())
        if not self.recording:
            return self._replay(exchange, request)
        self._begin(exchange)
        inner = self._transport = self._transport or httpx.HTTPTransport()
        return self._record(request, exchange, inner.handle_request(request))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Async version of `handle_request`."""
        exchange = _exchange_of(request, await request.aread())
        if not self.recording:
            return self._replay(exchange, request)
        self._begin(exchange)
        inner = self._transport = self._transport or httpx.AsyncHTTPTransport()
        return self._record(request, exchange, await inner.handle_async_request(request))

    def close(self) -> None:
        """End the recording and close the transport. While an exception is handled, the recording does not end."""
        self._finish()
        if hasattr(self._transport, "close"):
            self._transport.close()

    async def aclose(self) -> None:
        """Async version of `close`."""
        self._finish()
        if hasattr(self._transport, "aclose"):
            await self._transport.aclose()

    def _rows(self, start: int) -> list[Any]:
        return [_row(each) for each in self.exchanges[start:]]

    def _finish(self) -> None:
        # A client that is left with an exception closes its transport without saying so. An async client that nobody
        # closed is closed by its event loop, whose GeneratorExit is an exception as well.
        if self._file is not None and sys.exc_info()[0] is None:
            self._file.finish()

    def _begin(self, exchange: Exchange) -> None:
        if self._slowness:
            exchange.seconds = Stopwatch()

    def _replay(self, wanted: Exchange, request: httpx.Request) -> httpx.Response:
        with self._lock:
            waiting = self._waiting.get(wanted.key)
            if not waiting:
                raise _not_recorded(wanted, self.exchanges, self.path, replayed=waiting is not None)
            found = waiting.popleft()
            found.played = True
        # As bytes: httpx would write text as ASCII, and reads all that is not as UTF-8.
        headers = [(name.encode(), value.encode()) for name, value in found.headers.items()]
        waits = [each * self._slowness for each in found.seconds or ()] if self._slowness else []
        stream = _TimedBody(found.chunks, waits, request.extensions.get("timeout"))
        return httpx.Response(found.status, headers=headers, stream=stream)

    def _record(self, request: httpx.Request, exchange: Exchange, response: httpx.Response) -> httpx.Response:
        """Return a response that fills and saves the exchange while it is read."""
        secrets = secrets_of(request)
        exchange.status = response.status_code
        if isinstance(exchange.seconds, Stopwatch):
            exchange.seconds.lap()
        exchange.headers = {
            name: masked_text(value, secrets)
            for name, value in received(response.headers).items()
            if name in _KEPT or any(kind in name for kind in _KEPT_KINDS)
        }

        def save() -> None:
            # A key may be spread over two reads, so an answer that holds one is recorded as a single read.
            body = b"".join(exchange.chunks)
            if (hidden := masked_bytes(body, secrets)) != body:
                exchange.chunks[:] = [hidden]
                if exchange.seconds is not None:
                    exchange.seconds[1:] = [sum(exchange.seconds[1:])]
            with self._lock:
                self.exchanges.append(exchange)
                if self._file is not None:
                    self._file.save()

        tape = _Recorded(exchange, response.stream, save)
        return httpx.Response(
            response.status_code, headers=response.headers, stream=tape, extensions=response.extensions
        )


class _TimedBody(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that replays pieces, each after its seconds.

    waits: the seconds until the answer begins, and then until each piece; those that are missing are 0.
    limits: those of the call, as stepwell gives them to httpx (pipeline/http/live_timeout.py), else anything.
    """

    def __init__(self, pieces: Sequence[bytes], waits: Sequence[float], limits: object) -> None:
        self._pieces = pieces
        first = sum(waits[:2])  # the head comes with the first piece
        self._waits = [first, *waits[2:], *[0.0] * len(pieces)]
        self._clock: Any = getattr(limits, "clock", None)
        self._scope: Any = getattr(limits, "scope", None)

    def __iter__(self) -> Iterator[bytes]:
        for piece, wait in zip(self._pieces, self._waits, strict=False):
            if wait:
                wait_as_read(wait, self._clock, self._scope)
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece, wait in zip(self._pieces, self._waits, strict=False):
            if wait:
                await await_as_read(wait, self._clock)
            yield piece


class _Recorded(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that is read from `source` into an exchange; `on_close` is called once, in the end."""

    def __init__(self, exchange: Exchange, source: Any, on_close: Callable[[], None]) -> None:
        self._exchange = exchange
        self._source = source
        self._on_close: list[Callable[[], None]] = [on_close]

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._source:
            self._keep(chunk)
            yield chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._source:
            self._keep(chunk)
            yield chunk

    def _keep(self, chunk: bytes) -> None:
        self._exchange.chunks.append(chunk)
        if isinstance(self._exchange.seconds, Stopwatch):
            self._exchange.seconds.lap()

    def close(self) -> None:
        self._source.close()
        self._finish()

    async def aclose(self) -> None:
        await self._source.aclose()
        try:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._finish)
        finally:  # also in a task that was cancelled before
            self._finish()

    def _finish(self) -> None:
        while self._on_close:
            self._on_close.pop()()


def _exchange_of(request: httpx.Request, content: bytes) -> Exchange:
    """Return the exchange of a request, still without its answer; secrets are masked."""
    secrets = secrets_of(request)
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        content = shown_url("?" + content.decode("utf-8", "replace")).encode()
    url = shown_url(masked_text(str(request.url), secrets))
    sent = masked_bytes(content, secrets, SENT_FIELDS)
    try:
        body: Any = loads(sent) if sent else None
    except JSONDecodeError:
        boundary = re.search(r"boundary=([^;]+)", request.headers.get("content-type", ""))
        plain = sent.replace(boundary[1].encode(), b"boundary") if boundary else sent
        body = f"sha256:{hashlib.sha256(plain).hexdigest()}"
    return Exchange(request.method, url, body)


def _not_recorded(wanted: Exchange, exchanges: list[Exchange], path: Path, *, replayed: bool) -> NotRecorded:
    near = [each for each in exchanges if (each.method, each.address) == (wanted.method, wanted.address)]
    unplayed = [each for each in near if not each.played]
    if replayed:
        what = "it was recorded, and has been replayed already"
    elif near:
        pointers = [_difference(each.body, wanted.body) for each in unplayed or near]
        what = f"its body differs at {max(pointers, key=len) or 'the top'}"
    else:
        others = ", ".join(dict.fromkeys(f"{each.method} {each.url}" for each in exchanges))
        what = f"nothing was recorded of {wanted.method} {wanted.url}, only {others or 'an empty file'}"
    return NotRecorded(
        f"a request is not on the cassette {path.name}: {what}",
        hint="if the request is right, delete the file, or use record='always', pytest --stepwell-record=always, to "
        "record again",
    )


def _difference(recorded: object, wanted: object, pointer: str = "") -> str:
    """Return the JSON pointer of the first place where two bodies differ; they begin at `pointer`."""
    if isinstance(recorded, Mapping) and isinstance(wanted, Mapping):
        for name in [*recorded, *(name for name in wanted if name not in recorded)]:
            here = f"{pointer}/{escape(str(name))}"
            if name not in recorded or name not in wanted:
                return here
            if recorded[name] != wanted[name]:
                return _difference(recorded[name], wanted[name], here)
    if isinstance(recorded, list) and isinstance(wanted, list):
        for at, (one, other) in enumerate(zip(recorded, wanted, strict=False)):
            if one != other:
                return _difference(one, other, f"{pointer}/{at}")
        return f"{pointer}/{min(len(recorded), len(wanted))}"
    return pointer


def _row(exchange: Exchange) -> dict[str, Any]:
    return {
        "request": {"method": exchange.method, "url": exchange.url, "body": exchange.body},
        "response": {
            "status": exchange.status,
            "headers": exchange.headers,
            "chunks": [_text(chunk) for chunk in exchange.chunks],
            **({} if exchange.seconds is None else {"seconds": [round(each, 4) for each in exchange.seconds]}),
        },
    }


def _text(chunk: bytes) -> Any:
    try:
        return chunk.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(chunk).decode()}


def _load(path: Path) -> tuple[list[Exchange], dict[object, deque[Exchange]]]:
    """Return the exchanges of a file, and those of each request. Raises ConfigError for a file that is no cassette."""
    waiting: dict[object, deque[Exchange]] = {}
    try:
        exchanges = [
            _exchange(row["request"], **row["response"]) for row in rows_of(read_file(path, at_most=RECORD_BYTES), path)
        ]
        for exchange in exchanges:
            waiting.setdefault(exchange.key, deque()).append(exchange)
        return exchanges, waiting
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise ConfigError(f"{path} is not a cassette: {error!r:.80}", hint="delete it, and record again") from None


def _exchange(
    request: Mapping[str, Any], status: Any, chunks: list[Any], headers: Any = None, seconds: Any = None
) -> Exchange:
    sent = {name: str(value) for name, value in (headers or {}).items() if value is not None}
    waits = None if seconds is None else [float(each) for each in seconds]
    body = [_bytes(chunk) for chunk in chunks]
    return Exchange(**request, status=int(status), headers=sent, chunks=body, seconds=waits)


def _bytes(chunk: str | Mapping[str, str]) -> bytes:
    return chunk.encode() if isinstance(chunk, str) else b64decode(chunk["base64"])
