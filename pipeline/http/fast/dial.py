"""Connect a socket, by TLS where the URL asks for it, to whichever address of a host answers first."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Callable
from typing import Any

from ...world import REAL_WORLD
from .errors import SlowConnect, Unreachable
from .target import Target
from .wait import IN, OUT, keep_alive, ready, shut_down

HEAD_START = 0.25
"""Seconds that one address has before the next is tried beside it (https://www.rfc-editor.org/rfc/rfc8305#section-5)."""
_BEGUN = (0, errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EINTR)


TLS = Callable[[], ssl.SSLContext]
"""Returns the context of TLS connections; called for the first https:// URL, since making one takes 20 ms."""


class Dial:
    """One attempt to connect, which another thread may stop."""

    def __init__(self, target: Target, seconds: float | None, tls: TLS) -> None:
        """Open nothing yet.

        target: where to.
        seconds: the limit for connection and handshake together; None for no limit. The system's name lookup is not
            limited, as it cannot be interrupted.
        tls: see TLS.
        """
        self._sockets: list[socket.socket] = []
        self._target = target
        self._until = None if seconds is None else REAL_WORLD.now() + seconds
        self._tls = tls
        self._stopped = False

    def run(self) -> socket.socket:
        """Return a new connection. Raises Unreachable, SlowConnect."""
        target = self._target
        try:
            plain = self._reach(socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM))
            keep_alive(plain)
            return self._secure(plain) if target.tls else plain
        except (OSError, ValueError) as error:  # ValueError: no valid host name
            reason = str(error)
        raise Unreachable(reason)

    def stop(self) -> None:
        """Make `run` fail soon; to be called before `close`."""
        self._stopped = True
        shut_down(tuple(self._sockets))

    def close(self, kept: socket.socket | None) -> None:
        """Close all sockets but one. `run` closes none, since another thread may shut one down at that moment."""
        for each in self._sockets:
            if each is not kept:
                each.close()

    def _left(self) -> float | None:
        return None if self._until is None else self._until - REAL_WORLD.now()

    def _wait(self, sockets: list[socket.socket], events: int, most: float | None = None) -> list[socket.socket]:
        """Wait, `most` seconds at most. Raises SlowConnect when the limit is over."""
        left = self._left()
        if self._stopped:
            raise Unreachable("the attempt was stopped")
        if left is not None and left <= 0:
            raise SlowConnect("the server does not answer")
        seconds = most if left is None else left if most is None else min(most, left)
        return [each for each, _ in ready(sockets, events, seconds)]

    def _reach(self, addresses: list[Any]) -> socket.socket:
        waiting: list[socket.socket] = []
        failed = OSError("the host has no address")
        while addresses or waiting:
            if addresses:
                family, kind, protocol, _, address = addresses.pop(0)
                made = socket.socket(family, kind, protocol)
                self._sockets.append(made)
                made.setblocking(False)
                code = made.connect_ex(address)
                if code not in _BEGUN:
                    failed = _refused(code)
                    continue
                waiting.append(made)
            for each in self._wait(waiting, OUT, HEAD_START if addresses else None):
                code = each.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if not code and not self._stopped:
                    return each
                failed = _refused(code)
                waiting.remove(each)
        raise failed

    def _secure(self, plain: socket.socket) -> socket.socket:
        secured = self._tls().wrap_socket(plain, server_hostname=self._target.host, do_handshake_on_connect=False)
        self._sockets.append(secured)  # the plain one has handed its connection over
        while True:
            try:
                secured.do_handshake()
                return secured
            except ssl.SSLWantReadError:
                events = IN
            except ssl.SSLWantWriteError:
                events = OUT
            self._wait([secured], events)


def _refused(code: int) -> OSError:
    return OSError(code, os.strerror(code))
