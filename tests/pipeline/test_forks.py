"""A forked process does not wait for the calls of its parent's threads, and leaves their connections alone."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

import stepwell
from stepwell.pipeline.effects import CallModel, Flow
from stepwell.pipeline.threads import Scope
from stepwell.steps import concurrency

from scripted import MODEL, Scripted

LIMITS: dict[str, Callable[[], Any]] = {
    "concurrency": lambda: concurrency(1),
    "rate limit": lambda: stepwell.RateLimit(requests=1, per=1e6),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_a_forked_process_does_not_wait_for_the_calls_of_its_parent(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Scripted(["first", "second"]).client
    client.pipeline = LIMITS[limit]()

    def holding() -> Flow:
        reader = yield CallModel(MODEL, "hi", stream=True)
        monkeypatch.setattr(os, "getpid", lambda: -1)  # as in the child of a fork
        reply = yield CallModel(MODEL, "hi", {"timeout": 1})
        yield from reader.close()
        return reply.text

    assert client.run_workflow(holding()) == "second"


def test_a_forked_process_leaves_the_connections_of_its_parent_open(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, servers = socket.socketpair()
    stream = SimpleNamespace(get_extra_info={"socket": ours, "ssl_object": None}.get)
    scope = Scope(None)

    def read(stream: object) -> bytes:
        with monkeypatch.context() as child:
            child.setattr(os, "getpid", lambda: -1)
            scope.signal.set()
        servers.sendall(b"answer")
        return ours.recv(100)

    with ours, servers:
        assert scope.reading(stream, read) == b"answer"
