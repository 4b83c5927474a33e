"""A fast provider on the loopback: `python -m benchmarks.server` prints two ports, and stops when its stdin closes.

The first port is for http://, the second for https://, with a certificate by authority.pem.

The first part of the path names the answer, the last part the wire:

    POST /call-40/v1/chat/completions        one JSON completion of 40 words
    POST /text-2000/v1/messages              an Anthropic stream of 2,000 text deltas
    POST /tools-200/v1/chat/completions      a stream of 200 tool-call deltas
    POST /text-200-10x5/v1/chat/completions  paced: 10 events a write, 5 ms before each write but the first
    POST /text-20-10x5@9/v1/chat/completions the same, after the first event of nine such streams: all are open at once
                                             (a request with the word "alone" in its body waits for no others)

A request for a "call" whose body asks for a stream gets the same words as one: some SDKs stream unasked.

Every event is an HTTP chunk of its own, as real providers send them. Answers are built once and written directly to the
socket's transport, so that the server takes little of the machine even with a hundred streams at once.
"""

import asyncio
import json
import re
import ssl
import sys
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar, Self

from benchmarks.payloads import payload

NAME = re.compile(r"(call|text|tools)-(\d{1,5})(?:-(\d{1,4})x(\d{1,4})(?:@(\d{1,5}))?)?")
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
STREAM = re.compile(rb'"stream": *true')
ALONE = re.compile(rb"\balone\b")
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
BACKLOG = 4096  # connections that wait to be accepted: clients open a thousand at once
WIRES = {"chat/completions": "openai", "messages": "anthropic"}
HEADERS = {  # as many and as long as a real provider's, since clients pay for each
    "Date": "Fri, 21 Nov 2025 04:49:02 GMT",
    "access-control-expose-headers": "X-Request-ID",
    "openai-organization": "bench",
    "openai-processing-ms": "412",
    "openai-version": "2020-10-01",
    "x-envoy-upstream-service-time": "431",
    "x-ratelimit-limit-requests": "30000",
    "x-ratelimit-limit-tokens": "150000000",
    "x-ratelimit-remaining-requests": "29999",
    "x-ratelimit-remaining-tokens": "149999967",
    "x-ratelimit-reset-requests": "2ms",
    "x-ratelimit-reset-tokens": "0s",
    "x-request-id": "req_5d2f0c7a4b6e41d39f8a2c1e0b7d6f53",
    "strict-transport-security": "max-age=31536000; includeSubDomains; preload",
    "x-content-type-options": "nosniff",
    "Server": "cloudflare",
}


@dataclass(frozen=True)
class Answer:
    """The bytes of an answer."""

    writes: tuple[bytes, ...]
    """The first is written at once, each further one after a pause."""
    gap: float = 0.0
    """Seconds of the pause."""
    meet: int = 0
    """How many clients must have the first write before any gets the second."""


def head(status: str, content_type: str, framing: str) -> bytes:
    """Write the head of an answer; `framing` is the header that describes its length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", framing, *(f"{k}: {v}" for k, v in HEADERS.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def not_found(path: str) -> Answer:
    """Return the answer for an unknown path."""
    message = f"no answer at {path[:200]!r}: see the docstring of benchmarks/server.py for the paths"
    body = json.dumps({"error": {"type": "not_found", "message": message}}).encode()
    return Answer((head("404 Not Found", "application/json", f"Content-Length: {len(body)}") + body,))


@cache
def answer(path: str, stream: bool, alone: bool = False) -> Answer:
    """Return the answer for a path; a 404 for an unknown path.

    stream: whether the request's body asks for a stream.
    alone: whether it is to wait for no others.
    """
    name, _, rest = path.strip("/").partition("/")
    wire = next((wire for suffix, wire in WIRES.items() if rest.endswith(suffix)), None)
    match = NAME.fullmatch(name)
    if not match or not wire:
        return not_found(path)
    kind, count, per_write, gap, meet = match.groups()
    found = payload(wire, "text" if stream and kind == "call" else kind, int(count))
    if not found.streamed:
        body = found.pieces[0]
        return Answer((head("200 OK", "application/json", f"Content-Length: {len(body)}") + body,))
    start = head("200 OK", "text/event-stream; charset=utf-8", "Transfer-Encoding: chunked")
    frames = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in found.pieces]
    if not per_write:
        return Answer((start + b"".join(frames) + b"0\r\n\r\n",))
    step = max(1, int(per_write))
    groups = [b"".join(frames[at : at + step]) for at in range(1, len(frames), step)]
    return Answer((start + frames[0], *groups, b"0\r\n\r\n"), int(gap) / 1000, 0 if alone else int(meet or 0))


class Connection(asyncio.Protocol):
    """A persistent HTTP/1.1 connection that reads whole requests and writes ready answers."""

    waiting: ClassVar[dict[Answer, set[Self]]] = {}
    """Those whose clients have the first write of an answer, and wait until there are enough of them."""

    def __init__(self) -> None:
        self.buffer = b""
        self.loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        for waiting in self.waiting.values():
            waiting.discard(self)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            stop = self._end_of_body(end)
            if stop < 0 or len(self.buffer) < stop:
                return
            path = self.buffer.split(b" ", 2)[1].decode("latin-1")
            stream, alone = (word.search(self.buffer, end, stop) is not None for word in (STREAM, ALONE))
            self.buffer = self.buffer[stop:]
            self._write(answer(path, stream, alone), 0)

    def _end_of_body(self, end: int) -> int:
        """Return where the request in the buffer stops, if its head ends at `end`; -1 while that is not known yet."""
        length = LENGTH.search(self.buffer, 0, end)
        if length:
            return end + 4 + int(length[1])
        if CHUNKED.search(self.buffer, 0, end):
            last = self.buffer.find(b"\r\n0\r\n\r\n", end)
            return last + 7 if last >= 0 else -1
        return end + 4

    def _write(self, found: Answer, at: int) -> None:
        if self.transport is None:  # the client left in the middle of a paced answer
            return
        self.transport.write(found.writes[at])
        if found.meet and not at:
            self._wait_for_others(found)
        elif at + 1 < len(found.writes):
            self.loop.call_later(found.gap, self._write, found, at + 1)

    def _wait_for_others(self, found: Answer) -> None:
        waiting = self.waiting.setdefault(found, set())
        waiting.add(self)
        if len(waiting) == found.meet:
            for each in self.waiting.pop(found):
                each.loop.call_later(found.gap, each._write, found, 1)


async def serve(seconds: float = 3600.0) -> None:
    """Answer on two free loopback ports until stdin closes, `seconds` at most."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def wait_for_parent() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(done.set)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).parent / "certificate.pem")
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=BACKLOG)
    secure = await loop.create_server(Connection, "127.0.0.1", 0, backlog=BACKLOG, ssl=context)
    for each in (server, secure):
        print(each.sockets[0].getsockname()[1], flush=True)
    threading.Thread(target=wait_for_parent, daemon=True).start()
    async with server, secure:
        await asyncio.wait([asyncio.ensure_future(done.wait())], timeout=seconds)


if __name__ == "__main__":
    asyncio.run(serve())
