"""The four ways to run a tool loop, which must all have the same result, and a tool to run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import stepwell

from scripted import MODEL, Scripted

Run = Callable[..., stepwell.Reply]


def run_sync(script: Scripted, tools: Any, **how: Any) -> stepwell.Reply:
    return script.client.run_tools(MODEL, how.pop("prompt", "Go."), tools, **how)


def run_async(script: Scripted, tools: Any, **how: Any) -> stepwell.Reply:
    return asyncio.run(script.async_client.run_tools(MODEL, how.pop("prompt", "Go."), tools, **how))


def stream_sync(script: Scripted, tools: Any, **how: Any) -> stepwell.Reply:
    return script.client.stream_tools(MODEL, how.pop("prompt", "Go."), tools, **how).reply()


def stream_async(script: Scripted, tools: Any, **how: Any) -> stepwell.Reply:
    async def main() -> stepwell.Reply:
        return await script.async_client.stream_tools(MODEL, how.pop("prompt", "Go."), tools, **how).reply()

    return asyncio.run(main())


DRIVES = [run_sync, run_async, stream_sync, stream_async]


@stepwell.tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b
