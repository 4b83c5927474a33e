"""The server of a long run: a process that answers in the way that each request names, and counts what it sees.

A prompt is `number kind`; each piece of an answer's text carries the number. A second port answers with the figures,
and ends the process when its connection ends.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal

from attrs import evolve, frozen

from loopback import DONE, END, chunk, completion, event

PIECES = 6


@frozen
class Plan:
    """What is sent, and how it ends. `raw` is sent in the place of all else."""

    pieces: tuple[bytes, ...] = ()
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    ending: Literal["end", "hangup", "reset", "stall"] = "end"
    pause: float = 0.0
    length: int | None = None
    raw: bytes | None = None


def words(number: str) -> list[str]:
    """Return the pieces of the text that answers a request."""
    return [f"<{number}.{at}>" for at in range(PIECES)]


def _whole(number: str, streamed: bool) -> Plan:
    if not streamed:
        return Plan((completion("".join(words(number))),), headers=(("content-type", "application/json"),))
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    events = (*map(event, words(number)), event(None, "stop", usage=usage), DONE)
    return Plan(events, headers=(("content-type", "text/event-stream"),))


def _cut(plan: Plan, **more: Any) -> Plan:
    """Send half of it."""
    if len(plan.pieces) == 1:
        return evolve(plan, pieces=(plan.pieces[0][:40],), **more)
    return evolve(plan, pieces=plan.pieces[: PIECES // 2], **more)


def _zipped(plan: Plan, *, ends: bool = True) -> Plan:
    squeeze = zlib.compressobj(wbits=31)
    pieces = [squeeze.compress(piece) + squeeze.flush(zlib.Z_SYNC_FLUSH) for piece in plan.pieces]
    last = (squeeze.flush(),) if ends else ()
    return evolve(plan, pieces=(*pieces, *last), headers=(*plan.headers, ("content-encoding", "gzip")))


def _refused(status: int, message: str = "no", *headers: tuple[str, str]) -> Callable[[Plan], Plan]:
    body = json.dumps({"error": {"message": message}}).encode()
    return lambda plan: Plan((body,), status, (("content-type", "application/json"), *headers))


def _coded(encoding: str) -> Callable[[Plan], Plan]:
    return lambda plan: evolve(plan, headers=(*plan.headers, ("content-encoding", encoding)))


def _with(plan: Plan, data: bytes) -> Plan:
    """Put something into the middle of a stream, and nothing after it."""
    half = _cut(plan)
    return evolve(half, pieces=(*half.pieces, data))


LOSSLESS: dict[str, Callable[[Plan], Plan]] = {
    "plain": lambda plan: plan,
    "bytewise": lambda plan: evolve(plan, pieces=tuple(bytes([each]) for each in b"".join(plan.pieces))),
    "comments": lambda plan: (
        evolve(plan, pieces=tuple(b": ping\n\n" + each for each in plan.pieces)) if len(plan.pieces) > 1 else plan
    ),
    "slow": lambda plan: evolve(plan, pause=0.01),
    "gzip": _zipped,
}
OF_ONE_CALL: dict[str, Callable[[Plan], Plan]] = {
    "early end": _cut,
    "error event": lambda plan: _with(plan, b'data: {"error": {"message": "busy", "code": 503}}\n\n'),
    "garbled": lambda plan: _with(plan, b"data: {garbled\n\n" + event("lost")),
    "half an event": lambda plan: _with(plan, event("half")[:20]),
    "400": _refused(400),
    "401": _refused(401),
    "404": _refused(404),
    "429": _refused(429, "no", ("retry-after", "7")),
    "500": _refused(500),
    "503": _refused(503),
    "gzip cut": lambda plan: _zipped(_cut(plan), ends=False),
    "no gzip": _coded("gzip"),
    "unknown encoding": _coded("br"),
    "HTML": lambda plan: Plan((b"<html>busy</html>",), headers=(("content-type", "text/html"),)),
}
"""Faults that leave the connection whole."""
OF_A_CONNECTION: dict[str, Callable[[Plan], Plan]] = {
    "hang-up": lambda plan: _cut(plan, ending="hangup"),
    "hang-up at once": lambda plan: Plan(raw=b"", ending="hangup"),
    "half a head": lambda plan: Plan(raw=b"HTTP/1.1 200 OK\r\ncontent-ty", ending="hangup"),
    "reset": lambda plan: _cut(plan, ending="reset"),
    "stall": lambda plan: _cut(plan, ending="stall"),
    "silence": lambda plan: Plan(raw=b"", ending="stall"),
    "late": lambda plan: _cut(plan, ending="stall"),
    "short of its length": lambda plan: _cut(plan, length=9, ending="hangup"),
    "no size of a chunk": lambda plan: Plan(
        raw=b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n"
    ),
    "another protocol": lambda plan: Plan(raw=b"SSH-2.0-OpenSSH_9.6\r\n" * 9),
}
OF_THE_CALLER = ("cancel", "leave", "drop")
"""What the caller does in the middle of a stream that does not end."""


def plan_of(kind: str, number: str, streamed: bool) -> Plan:
    whole = _whole(number, streamed)
    if kind in OF_THE_CALLER:
        return _cut(whole, ending="stall")
    return {**LOSSLESS, **OF_ONE_CALL, **OF_A_CONNECTION}[kind](whole)


class Server:
    """Answers, and counts: requests, those that came twice, open connections."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.figures = {"requests": 0, "twice": 0, "open": 0}

    def plan(self, body: bytes) -> Plan:
        request = json.loads(body)
        number, _, kind = request["messages"][0]["content"].partition(" ")
        self.figures["requests"] += 1
        # A request that meets an ended connection before a byte of its answer is sent again.
        self.figures["twice"] += number in self.seen and kind != "hang-up at once"
        self.seen.add(number)
        return plan_of(kind, number, bool(request.get("stream")))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection."""
        self.figures["open"] += 1
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                while head := await reader.readuntil(b"\r\n\r\n"):
                    length = next(
                        int(line.split(b":")[1])
                        for line in head.split(b"\r\n")
                        if line.lower().startswith(b"content-length:")
                    )
                    plan = self.plan(await reader.readexactly(length))
                    await self._answer(plan, reader, writer)
                    if plan.ending != "end" or plan.raw is not None:
                        break
        finally:
            self.figures["open"] -= 1
            writer.close()

    async def _answer(self, plan: Plan, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if plan.raw is None:
            await self._write(plan, writer)
        else:
            writer.write(plan.raw)
        await writer.drain()
        if plan.ending == "stall":
            await reader.read(1)  # until the client leaves
        if plan.ending == "reset":
            link: socket.socket = writer.get_extra_info("socket")
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async def _write(self, plan: Plan, writer: asyncio.StreamWriter) -> None:
        size = sum(map(len, plan.pieces))
        framing = (
            ("transfer-encoding", "chunked") if plan.length is None else ("content-length", str(size + plan.length))
        )
        head = "".join(f"{name}: {value}\r\n" for name, value in (*plan.headers, framing))
        pieces = [piece if plan.length is not None else chunk(piece) for piece in plan.pieces]
        writer.write(f"HTTP/1.1 {plan.status} Said\r\n{head}\r\n".encode())
        if plan.pause:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(plan.pause)
        else:
            writer.write(b"".join(pieces))
        if plan.ending == "end" and plan.length is None:
            writer.write(END)


async def main() -> None:
    server, ended = Server(), asyncio.Event()

    async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            writer.write(json.dumps(server.figures).encode() + b"\n")
        writer.close()
        ended.set()

    plain = await asyncio.start_server(server.serve, "127.0.0.1", 0, backlog=500)
    control = await asyncio.start_server(tell, "127.0.0.1", 0)
    print(*(each.sockets[0].getsockname()[1] for each in (plain, control)), flush=True)
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(main())
