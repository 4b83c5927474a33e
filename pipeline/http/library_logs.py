"""Keep credentials out of what other libraries log, at any level: they log URLs, headers, and whole login requests.

The filters are on these libraries' loggers, run only for records that would be logged, and leave alone what other code
of the program does with the same libraries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING

from .redact import masked
from .request import Request

if TYPE_CHECKING:
    from logging import LogRecord

SENDING: ContextVar[Request | None] = ContextVar("stepwell_sending", default=None)
"""The request that an HTTP library sends at the moment; set by the transports."""
_LOGGING_IN: ContextVar[bool] = ContextVar("stepwell_logging_in", default=False)
_WARNING = 30  # logging.WARNING
_HTTP = (
    *("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy", "httpcore.socks"),
    *("httpx2", "httpcore2.connection", "httpcore2.http11", "httpcore2.http2", "httpcore2.proxy", "httpcore2.socks"),
    *("hpack.hpack", "hpack.table", "h2.connection", "h2.stream"),
)
"""Loggers that see a URL (httpx, at INFO) or headers (hpack and httpcore, at DEBUG)."""


def _mask(record: LogRecord) -> bool:
    request = SENDING.get()
    if request is not None:
        record.msg, record.args = masked(record.getMessage(), request), ()
    return True


def _drop(record: LogRecord) -> bool:
    return record.levelno >= _WARNING or not _LOGGING_IN.get()


@cache
def mask_http_logs() -> None:
    """Mask the credentials of the request in `SENDING` in what HTTP libraries log."""
    import logging  # imported by every HTTP library

    for name in _HTTP:
        logging.getLogger(name).addFilter(_mask)


@cache
def _filter(name: str) -> None:
    """Add the filter to a logger, once."""
    import logging  # imported by every library that logs in

    logging.getLogger(name).addFilter(_drop)


@contextmanager
def logging_in(loggers: Iterable[str]) -> Iterator[None]:
    """Drop what a login library logs below warnings in this block: it logs tokens, before anybody else knows them.

    loggers: the names of its loggers that see requests, answers, or what is signed.
    """
    for name in loggers:
        _filter(name)
    token = _LOGGING_IN.set(True)
    try:
        yield
    finally:
        _LOGGING_IN.reset(token)
