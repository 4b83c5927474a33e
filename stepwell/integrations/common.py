"""What the adapters share: which client they call through, and what they say when their framework is missing."""

from __future__ import annotations

import os

from ..client import AsyncClient, Client
from ..core import DEFAULT_MODEL
from ..face import _ASYNC_CLIENT, _CLIENT
from ..schemas.errors import ConfigError, MissingExtra


def default_model() -> str:
    """The model that is meant where none is named: `STEPWELL_MODEL`, else the local one."""
    return os.environ.get("STEPWELL_MODEL") or DEFAULT_MODEL


def sync_client(client: Client | None, async_client: AsyncClient | None) -> Client:
    """The client for synchronous calls: the one given, else the process's own. Raises ConfigError where only an
    asynchronous one was given, whose keys and pipeline a synchronous call would go without."""
    if client is None and async_client is not None:
        raise ConfigError("only an AsyncClient was given, and this call is synchronous", hint="pass client= as well")
    return client or _CLIENT


def asynchronous_client(client: Client | None, async_client: AsyncClient | None) -> AsyncClient | None:
    """The client for asynchronous calls: the one given, else the process's own; None where only a synchronous one
    was given, which then runs in a thread."""
    return async_client or (_ASYNC_CLIENT if client is None else None)


def missing(error: ImportError, package: str, extra: str) -> ImportError | MissingExtra:
    """What to raise for a failed import: MissingExtra with the command to run, or the error itself if it is not the
    framework that is missing."""
    if (error.name or "").partition(".")[0] != package:
        return error
    name = package.replace("_", "-")
    return MissingExtra(f"this adapter needs {name}", hint=f"run: pip install 'stepwell[{extra}]'")
