"""The open connections of a client: made when first needed, kept for the next call, closed at the end."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, finalize, ref

from .connect import aconnect, checked_http, checked_limit, checked_transport, connect, is_own, name_transport, preload
from .pipeline.effects import CallModel, Flow
from .pipeline.event_loops import in_worker_thread, running_loop, warn_of_blocking
from .pipeline.http.transport import AsyncTransport, Transport
from .schemas.process_lock import PROCESS, ProcessLock

if TYPE_CHECKING:
    from .connect import AnyHTTPClient, AnyTransport

# One for all clients, since it is held only for as long as it takes to set a transport up.
_LOCK = ProcessLock()
_PRELOADED: list[bool] = []
"""Not empty once an async client of this process has loaded the modules of its transport."""
_MODULES = sys.modules
_NEVER = 1e8
"""Seconds of a timer that is not meant to fire: three years."""


class Connections:
    """The connections of sync calls. Safe to share between threads; a forked child opens its own."""

    transport: AnyTransport
    """The name of the HTTP library, or an httpx transport; None is the best that is there."""
    http: AnyHTTPClient
    """The caller's own HTTP client, which is never closed here; None for one of ours."""
    flow_of: Callable[[CallModel], Flow] | None = None
    """Makes the flow of a whole call; set by the client."""

    def __init__(
        self, transport: AnyTransport = None, http: AnyHTTPClient = None, max_connections: int | None = None
    ) -> None:
        """Check the arguments. Raises ConfigError for one that cannot make sync calls."""
        self.transport = checked_transport(transport, asynchronous=False)
        self.http = checked_http(http, asynchronous=False)
        self.max_connections = max_connections
        self._most = checked_limit(max_connections, transport, http)
        self._pid = 0
        self._opened: Transport | None = None

    def describe(self) -> str:
        """Name what carries the calls."""
        return name_transport(self.transport, self.http, self._most, asynchronous=False)

    def open(self) -> Transport:
        """Return the transport, set up on first use. Warns where an event loop would wait for the call."""
        events = _MODULES.get("asyncio.events")  # None in a program that does not use asyncio
        if events is not None and events.__dict__["_get_running_loop"]() is not None:  # 0.06 µs
            warn_of_blocking()
        if self._opened is None or self._pid != os.getpid():
            with _LOCK:
                if self._opened is None or self._pid != os.getpid():
                    self._opened, self._pid = connect(self.transport, self.http, self._most), os.getpid()
                    self._opened.flow_of = self.flow_of
                    if self.http is None and not is_own(self.transport):
                        # Once neither client nor stream needs them, or the program ends, connections are closed.
                        finalize(self._opened, _close, self._opened.client, self._pid)
        return self._opened

    def close(self) -> None:
        """Close the connections, unless the HTTP client is the caller's."""
        opened, self._opened = self._opened, None
        if opened is not None and self.http is None and self._pid == os.getpid():
            opened.close()


class AsyncConnections:
    """The connections of async calls, on asyncio or trio: each event loop has its own, closed when the loop ends."""

    transport: AnyTransport
    http: AnyHTTPClient
    flow_of: Callable[[CallModel], Flow] | None = None

    def __init__(
        self, transport: AnyTransport = None, http: AnyHTTPClient = None, max_connections: int | None = None
    ) -> None:
        """Check the arguments. Raises ConfigError for one that cannot make async calls."""
        self.transport = checked_transport(transport, asynchronous=True)
        self.http = checked_http(http, asynchronous=True)
        self.max_connections = max_connections
        self._most = checked_limit(max_connections, transport, http)
        self._opened: WeakKeyDictionary[Any, tuple[AsyncTransport, AsyncGenerator[None], list[Any]]]
        self._opened = WeakKeyDictionary()

    def describe(self) -> str:
        """Name what carries the calls."""
        return name_transport(self.transport, self.http, self._most, asynchronous=True)

    async def open(self) -> AsyncTransport:
        """Return the running event loop's transport, set up on first use."""
        loop = running_loop()
        entry = self._opened.get(loop)
        if entry is None:
            asyncio = hasattr(loop, "call_soon")
            if not _PRELOADED:
                await in_worker_thread(lambda: preload(self.transport, self.http, asyncio=asyncio))
                _PRELOADED.append(True)
                if (entry := self._opened.get(loop)) is not None:  # another call of this loop was quicker
                    return entry[0]
            transport = aconnect(self.transport, self.http, self._most, asyncio=asyncio)
            transport.flow_of = self.flow_of
            at_end: list[Callable[[], object]] = []
            clients = [transport.client] if self.http is None else []
            lease = _lease(ref(self._opened), loop, clients, at_end)
            entry = self._opened[loop] = (transport, lease, clients)
            # Started here only: the loop finishes the generator when it shuts down, which closes the HTTP client.
            await lease.__anext__()
            # A strong reference as long as client or stream needs the transport: if they were collected in one cycle,
            # the pool would be dropped without being closed.
            releasing = finalize(transport, _release, lease)
            releasing.atexit = False
            at_end.append(releasing.detach)
            if clients and hasattr(loop, "call_later"):
                at_end.append(_when_closed(loop, ref(self._opened)))
        return entry[0]

    async def close(self) -> None:
        """Close the running event loop's connections, unless the HTTP client is the caller's."""
        entry = self._opened.pop(running_loop(), None)
        if entry is not None:
            transport, lease, clients = entry
            if clients:
                transport.end_calls()
            # Before the lease is closed: a transport would take the lease's GeneratorExit for an error of the caller.
            while clients:
                await clients.pop().aclose()
            await lease.aclose()


class _Unused:
    """What a timer would call that never fires."""

    def __call__(self) -> None:
        pass


def _when_closed(loop: Any, opened: ref[Any]) -> Callable[[], object]:
    """End the connections of an asyncio loop when it is closed without having finished its async generators.

    loop: the event loop. Closing it drops its timers, and with one of them the object that nothing else refers to.
    opened: refers to the entries of AsyncConnections.

    Return a function that gives this up.
    """
    unused = _Unused()
    ending = finalize(unused, _end_loop, opened, ref(loop))
    ending.atexit = False
    timer = ref(loop.call_later(_NEVER, unused))  # a strong reference would keep the object as well

    def give_up() -> None:
        ending.detach()
        if (found := timer()) is not None:
            found.cancel()

    return give_up


def _end_loop(opened: ref[Any], loop: ref[Any]) -> None:
    """Shut down what a client has opened on a loop that is closed, if both still exist."""
    entries, closed = opened(), loop()
    if entries is not None and closed is not None and (entry := entries.pop(closed, None)) is not None:
        entry[0].shut_down()


async def _lease(
    opened: ref[Any], loop: object, clients: list[Any], at_end: list[Callable[[], object]]
) -> AsyncGenerator[None]:
    """Close the clients when the generator is closed, by us or by the event loop.

    It must not refer to the AsyncConnections, which would then never be collected.
    """
    process = PROCESS[0]
    try:
        yield
    finally:
        # The entry refers to its own loop, so that the weak key alone would never expire.
        if (entries := opened()) is not None:
            entries.pop(loop, None)
        for each in at_end:
            each()
        for client in clients if process == PROCESS[0] else ():  # a forked child leaves its parent's alone
            await client.aclose()


def _release(lease: object) -> None:
    """Drop the last strong reference to a lease, which its event loop then closes."""


def _close(client: Any, pid: int) -> None:
    if pid == os.getpid():  # a forked child must not close its parent's connections
        client.close()
