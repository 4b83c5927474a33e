"""Overrides that hold only here and there, as short as a user would write them, with public names only."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

import httpx
import orjson
import pytest

import stepwell
from stepwell.declare import extending
from stepwell.steps import Request

from every_way import whole
from loopback import event

MODEL = "groq:llama-3.3-70b-versatile"


class Service:
    """Calls in every way, over one override, and the bodies and headers that were sent."""

    def __init__(self, **override: Any) -> None:
        self.seen: list[tuple[dict[str, Any], Mapping[str, str]]] = []
        settings: dict[str, Any] = {"transport": httpx.MockTransport(self._serve), "api_keys": {"groq": "k"}}
        self.client, self.async_client = stepwell.Client(**settings), stepwell.AsyncClient(**settings)
        for client in (self.client, self.async_client):
            client.override("groq:*", **override)

    def _serve(self, asked: httpx.Request) -> httpx.Response:
        body = orjson.loads(asked.content)
        self.seen.append((body, asked.headers))
        if not body.get("stream"):
            return httpx.Response(200, content=whole("hi"))
        stream = event("hi") + event(None, "stop")
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=stream)

    def call(self, way: str, prompt: str = "hi") -> tuple[dict[str, Any], Mapping[str, str]]:
        """Return the body and the headers of a call."""
        if way == "sync":
            self.client.generate_text(MODEL, prompt)
        elif way == "streamed":
            self.client.stream_text(MODEL, prompt).reply()
        else:
            asyncio.run(self._acall(way == "async streamed", prompt))
        return self.seen[-1]

    async def _acall(self, streamed: bool, prompt: str) -> None:
        if streamed:
            await self.async_client.stream_text(MODEL, prompt).reply()
        else:
            await self.async_client.generate_text(MODEL, prompt)


@pytest.fixture(params=["sync", "async", "streamed", "async streamed"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def as_team(inherited: Any, request: Request) -> dict[str, Any]:
    return {**inherited(request), "user": "team"}


def test_a_step_is_extended_and_keeps_what_was_there(way: str) -> None:
    body, _ = Service(build_body=extending(as_team)).call(way)
    assert body["user"] == "team" and body["messages"][0]["content"] == "hi"


def test_an_override_holds_for_streams_only(way: str) -> None:
    body, _ = Service(stream=True, build_body=extending(as_team)).call(way)
    assert ("user" in body) is ("streamed" in way)


def test_an_override_holds_for_long_conversations_only(way: str) -> None:
    def is_long(request: Request) -> bool:
        return sum(len(message.text) for message in request.context) > 100

    service = Service(when=is_long, build_body=extending(as_team))
    assert "user" in service.call(way, "long " * 50)[0]
    assert "user" not in service.call(way, "short")[0]


TENANT: ContextVar[str] = ContextVar("tenant", default="none")


def test_an_override_holds_for_one_tenant_only(way: str) -> None:
    def sign_in(request: Request) -> Request:
        return request.with_headers(authorization="Bearer acme's")

    service = Service(when=lambda request: TENANT.get() == "acme", authenticate=sign_in)
    assert service.call(way)[1]["authorization"] == "Bearer k"
    token = TENANT.set("acme")
    try:
        assert service.call(way)[1]["authorization"] == "Bearer acme's"
    finally:
        TENANT.reset(token)
