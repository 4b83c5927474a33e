"""One open connection of the sync client, and the answer that is read from it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable

from ....schemas.process_lock import PROCESS
from ..timeouts import Clock
from .answer import ONE_WRITE, UnreadAnswer
from .errors import ReadError, ReadTimeout, RemoteProtocolError, StaleConnection, UnusableAnswer, WriteTimeout, broken
from .reader import AnswerReader
from .target import Target
from .wait import IN, LONGEST, OUT, ready, shut_down, waiter_of

_NOTHING_YET = (BlockingIOError, ssl.SSLWantReadError)
_CLOSED = "the connection was closed by the caller"


class _Buffers(threading.local):
    """The buffers that a thread reads into. Each is taken out while it is in use: a signal handler may read before what
    is in it has been parsed."""

    def __init__(self) -> None:
        self.buffers: list[memoryview] = []


_local = _Buffers()


class Connection:
    """One socket, used by one thread at a time. Any other thread may close it, which ends the first one's wait.

    `_busy` is True while a thread waits or reads: only that thread may then close the socket, since its number could
    otherwise belong to another connection by the time that it is read. `_lock` is held for moments only.
    """

    __slots__ = (
        "_busy",
        "_fit",
        "_leave",
        "_limit",
        "_lock",
        "_process",
        "_readable",
        "_refused",
        "_socket",
        "_tls",
        "_unsent",
        "closed",
        "idle_until",
        "origin",
        "reader",
        "served",
    )

    def __init__(self, target: Target, opened: socket.socket, leave: Callable[[Connection], None]) -> None:
        """Start with a new socket.

        target: where it goes to.
        opened: the socket, connected and not blocking.
        leave: called with this connection when an answer is finished or given up.
        """
        self.origin = target.origin
        self.reader = AnswerReader()
        self.closed = False
        self.served = False
        """True once an earlier call was answered"""
        self.idle_until = 0.0
        """in seconds of the pool's clock"""
        self._leave = leave
        self._socket = opened
        self._tls = target.tls
        self._readable = waiter_of(opened)
        self._limit = 0.0
        """the seconds after which a read that waits by itself ends; 0.0 while none waits"""
        self._unsent: list[bytes | memoryview] = []
        self._refused: UnusableAnswer | None = None
        """what is wrong with the bytes behind the last that were fit to be read, which are read before it is raised"""
        self._busy = False
        self._fit = True
        self._lock = threading.RLock()  # a signal handler may make a call while it is held
        self._process = PROCESS[0]

    def is_fresh(self) -> bool:
        """Return whether the server has neither closed this idle connection nor sent anything on it."""
        with self._lock:
            if self.closed:
                return False
            if not self._readable(0):
                return True
            if not self._tls:
                return False
            try:
                self._socket.recv(1)
            except ssl.SSLWantReadError:
                return True  # TLS's own: tickets for later connections
            except OSError:
                pass
            return False

    def exchange(self, method: str, head: bytes, body: bytes, clock: Clock) -> None:
        """Send a request, and read until the head of its answer is complete.

        Raises ReadTimeout, WriteTimeout, ReadError, RemoteProtocolError; StaleConnection where it broke before the
        first byte of an answer, and had served an earlier call.
        """
        reader = self.reader
        reader.expect(method)
        self._unsent = [head + body] if len(body) < ONE_WRITE else [head, body]
        head = body = b""  # a crash report shows the locals of frames
        try:
            while reader.headers is None:
                self.receive(clock)
        except (ReadError, RemoteProtocolError):
            if reader.begun or not self.served or self.closed:
                raise
        else:
            return
        finally:
            self._fit = self._fit and not self._unsent  # the server may answer before it has all of the request
            self._unsent = []
        raise StaleConnection

    def receive(self, clock: Clock) -> None:
        """Send what is not sent yet, then wait for a part of the answer and read it. Raises as `exchange` does."""
        # A stream's events come one by one, and what is called for each has left the caches since the last: a function
        # takes 0.5 µs then. So this one does all that is needed for a read, and what is before and after it.
        lock = self._lock
        with lock:
            if self.closed:
                raise self._refused or ReadError(_CLOSED)
            if self._process != PROCESS[0]:
                raise ReadError("the connection belongs to the parent process")
            self._busy = True
        try:
            if not self._limit or self._limit != clock.steady:
                self._send_and_wait(clock)
            free = _local.buffers
            buffer = free.pop() if free else memoryview(bytearray(ONE_WRITE))
            try:
                if size := self._socket.recv_into(buffer):
                    self.reader.feed(buffer[:size])
                    return
                failed = self._ended()
            except OSError as error:
                failed = self._failed(error)
            except RemoteProtocolError as error:
                if self.reader.headers is None or type(error) is not UnusableAnswer:
                    raise
                self._refused = UnusableAnswer(*error.args)  # another, without this one's frames
                self.close()
                return
            finally:
                free.append(buffer)
            if failed:
                raise ReadError(failed)
        finally:
            with lock:
                self._busy = False
                closed = self.closed
            if closed:
                self._socket.close()
                self.reader.forget()

    def _ended(self) -> str:
        """Note that the server has closed its side. Return what is wrong with that; "" if nothing is."""
        if self.closed:
            return _CLOSED
        self.reader.end()
        return ""

    def _failed(self, error: OSError) -> str:
        """Return what is wrong after a read has failed; "" if it may be tried again. Raises ReadTimeout."""
        if isinstance(error, TimeoutError) and error.errno is None:  # with a number, the system has given it up
            raise ReadTimeout("nothing arrived in time") from None
        if isinstance(error, _NOTHING_YET):
            return ""
        if isinstance(error, ssl.SSLWantWriteError):
            ready([self._socket], OUT, 1.0)  # TLS has to send something before it can read
            return ""
        return _CLOSED if self.closed else broken(error)

    def _send_and_wait(self, clock: Clock) -> None:
        """Send what is not sent yet, and wait for the answer, unless the read itself is to wait."""
        if self._limit:
            self._set_limit(0.0)
        if self._unsent:
            if not self._send(clock):
                return
        elif clock.steady and not self._tls:
            # recv_into() then waits by itself, with its own limit: one call for each event in place of two.
            self._set_limit(clock.steady)
            return
        # TLS may hold bytes that it has read from the socket already: poll() would not report them.
        if not (self._tls and self._socket.pending()):  # type: ignore[attr-defined]
            seconds = clock.allowance()
            if not self._readable(None if seconds is None else min(seconds, LONGEST) * 1000):
                raise ReadTimeout("nothing arrived in time")

    def _set_limit(self, seconds: float) -> None:
        """Have a read wait by itself, for some seconds; 0.0 makes it return at once, as for all else."""
        # Not SO_RCVTIMEO, which would save the system's part of the wait: each signal that a handler takes begins it
        # anew, so that where one comes every second a silent stream would never end.
        self._socket.settimeout(min(seconds, LONGEST))
        self._limit = seconds

    def _send(self, clock: Clock) -> bool:
        """Send what is not sent yet. Return False if there is something to read before that is done."""
        unsent = self._unsent
        while unsent:
            try:
                sent = self._socket.send(unsent[0])
                if sent == len(unsent[0]):
                    del unsent[0]
                else:
                    unsent[0] = memoryview(unsent[0])[sent:]
                continue
            except (BlockingIOError, ssl.SSLWantWriteError):
                events = IN | OUT
            except ssl.SSLWantReadError:
                events = IN
            except OSError:  # an answer may have arrived all the same
                unsent.clear()
                self._fit = False
                return True
            found = ready([self._socket], events, clock.allowance())
            if not found:
                raise WriteTimeout("the server does not take the request")
            able = found[0][1]
            if able & IN and (self._tls or not able & OUT):
                return False  # most often no answer, but a message of TLS's own, or a 1xx
        return True

    def leave(self, *, keep: bool) -> None:
        """Give it back, if its answer was read to the end and it can serve another call; else close it.

        keep: False closes it anyway.
        """
        self._fit = self._fit and keep
        if self._process == PROCESS[0]:
            self._leave(self)
        else:  # in a forked child the pool's lock may be held by a thread that does not exist
            self._socket.close()

    @property
    def is_reusable(self) -> bool:
        reader = self.reader
        return reader.done and reader.reusable and self._fit and not self.closed

    def interrupt(self) -> None:
        """Make the thread that waits for this connection fail. Call it only while one waits."""
        self._fit = False
        shut_down((self._socket,))

    def close(self) -> None:
        """Close it, from any thread: one that waits for it wakes up, and closes the socket itself."""
        with self._lock:
            if self.closed:
                return
            self.closed = True
            if self._busy:
                shut_down((self._socket,))
                return
            self._socket.close()
        self.reader.forget()


class SocketAnswer(UnreadAnswer[Connection]):
    """An answer that is read by a thread."""

    __slots__ = ()

    def __iter__(self) -> SocketAnswer:
        return self

    def __next__(self) -> bytes:
        reader = self._reader
        while (connection := self._connection) is not None:
            if pieces := reader.pieces:
                return pieces.pop() if len(pieces) == 1 else reader.take()
            if reader.done:
                raise StopIteration
            self._thread = threading.get_ident()
            if self._scope is None:
                connection.receive(self._clock)
            else:
                self._scope.interruptible(connection.interrupt, connection.receive, self._clock)
        raise ReadError("the answer was closed")

    def close(self) -> None:
        """Give the connection up: it is used again only if the body was read to its end, by the thread that closes."""
        connection, self._connection = self._connection, None
        if connection is not None:
            # Another thread may still be about to take what it has read, which must not be a part of the next answer.
            connection.leave(keep=self._thread == threading.get_ident())
