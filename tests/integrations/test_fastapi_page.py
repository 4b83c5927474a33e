"""The endpoint that docs/streaming.md shows, under a server whose browser goes away."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from stepwell import AsyncClient
from stepwell.testing import FakeModel, Pause

from loopback import LONG, SOON

pytestmark = pytest.mark.usefixtures("framework")

PAGE = Path(__file__).parents[2] / "docs" / "streaming.md"
SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.3"},
    "method": "GET",
    "path": "/ask",
    "query_string": b"question=Why%3F",
    "headers": [],
}


def endpoint(*turns: object) -> tuple[Any, FakeModel]:
    """Return the page's application, and the model that it asks."""
    code = next(
        each for each in re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S) if "FastAPI(" in each
    )
    names: dict[str, Any] = {}
    exec(code.partition("async def main")[0], names)
    fake = FakeModel(*turns)
    names["client"] = AsyncClient(registry=fake.registry)
    return names["app"], fake


async def leave_when(app: Any, seen: Callable[[list[dict[str, Any]]], object]) -> list[dict[str, Any]]:
    """Call the application, and go away when `seen(sent)` is true; return what it has sent."""
    sent: list[dict[str, Any]] = []
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        while not seen(sent):
            await anyio.sleep(0.001)
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    with anyio.fail_after(SOON):
        await app(SCOPE, receive, send)
        while len(asyncio.all_tasks()) > 1:  # what was cancelled has ended, too
            await anyio.sleep(0.001)
    return sent


def test_a_browser_that_leaves_before_the_first_chunk_closes_the_stream() -> None:
    app, fake = endpoint([Pause(LONG), "Done."])
    sent = anyio.run(leave_when, app, lambda sent: fake.requests)
    assert [each["status"] for each in sent if "status" in each] == [499]
    assert len(fake.requests) == 1 and fake.open == 0


def test_a_browser_that_leaves_within_the_answer_closes_the_stream() -> None:
    app, fake = endpoint(["Let me think. ", Pause(LONG), "Done."])
    sent = anyio.run(leave_when, app, lambda sent: any(b"think" in each.get("body", b"") for each in sent))
    assert [each["status"] for each in sent if "status" in each] == [200]
    assert len(fake.requests) == 1 and fake.open == 0
