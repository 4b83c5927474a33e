"""Options of the sockets of all transports."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any


def keep_alive(sock: Any) -> None:
    """Send small packets at once, and notice within two minutes that the other side of a silent connection is gone."""
    with suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPALIVE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
