"""Wait for sockets that never block, with a limit for each wait."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

Wait = Callable[[float | None], Any]
LONGEST = 1e6  # seconds; poll() takes no more than 2^31 milliseconds
_HAS_POLL = hasattr(select, "poll")
IN, OUT = 1, 2


class TaskScope(Protocol):
    """The scope of a task in a thread (pipeline/threads.py)."""

    def interruptible(self, interrupt: Callable[[], None], work: Callable[..., Any], *arguments: Any) -> Any:
        """Do `work`, which `interrupt` ends early when the task is cancelled."""


def waiter_of(sock: socket.socket) -> Wait:
    """Return a function that waits until something can be read, or the connection has ended.

    It takes milliseconds, None for no limit, and its result is false when they are over.
    """
    if not _HAS_POLL:  # Windows
        return lambda limit: ready([sock], IN, None if limit is None else limit / 1000)
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return poll.poll  # itself, since it is called for each read


def ready(sockets: Sequence[socket.socket], events: int, seconds: float | None) -> list[tuple[socket.socket, int]]:
    """Wait until one of the sockets can be read (IN) or written (OUT), or its connection has ended (both).

    Return those, each with what it can; none if the seconds are over.
    """
    if seconds is not None:
        seconds = min(max(seconds, 0.0), LONGEST)
    if not _HAS_POLL:
        reads, writes = sockets if events & IN else (), sockets if events & OUT else ()
        readable, writable, failed = select.select(reads, writes, sockets, seconds)
        states = [(s, 3 if s in failed else IN * (s in readable) + OUT * (s in writable)) for s in sockets]
        return [each for each in states if each[1]]
    poll = select.poll()
    numbers = {each.fileno(): each for each in sockets}
    for number in numbers:
        poll.register(number, select.POLLIN * bool(events & IN) | select.POLLOUT * bool(events & OUT))
    found = []
    for number, state in poll.poll(None if seconds is None else seconds * 1000):
        able = IN * bool(state & select.POLLIN) + OUT * bool(state & select.POLLOUT)
        found.append((numbers[number], able or IN | OUT))
    return found


def keep_alive(sock: Any) -> None:
    """Send small packets at once, and notice within two minutes that the other side of a silent connection is gone."""
    with suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPALIVE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def shut_down(sockets: Sequence[Any]) -> None:
    """End connections so that a thread which waits for one of them wakes up; close() would not wake it.

    The plain socket's own method is called: SSLSocket.shutdown drops the TLS object under the reader.
    """
    for each in sockets:
        with suppress(OSError):
            if isinstance(each, socket.socket):
                socket.socket.shutdown(each, socket.SHUT_RDWR)
            elif each is not None:  # a TransportSocket of asyncio
                each.shutdown(socket.SHUT_RDWR)
