"""One call, made in every way: sync and async, streamed and not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson

import stepwell
from stepwell import Reply

Ask = Callable[..., Reply]
"""`ask(settings, model, prompt, **options)` makes one call by a new client with these settings."""


def _ask(streamed: bool, settings: dict[str, Any], model: str, prompt: Any, **options: Any) -> Reply:
    with stepwell.Client(**settings) as client:
        if streamed:
            return client.stream_text(model, prompt, **options).reply()
        return client.generate_text(model, prompt, **options)


async def _aask(streamed: bool, settings: dict[str, Any], model: str, prompt: Any, **options: Any) -> Reply:
    async with stepwell.AsyncClient(**settings) as client:
        if streamed:
            return await client.stream_text(model, prompt, **options).reply()
        return await client.generate_text(model, prompt, **options)


def _run(streamed: bool, *args: Any, **options: Any) -> Reply:
    return asyncio.run(_aask(streamed, *args, **options))


WAYS: dict[str, Ask] = {
    "sync": partial(_ask, False),
    "streamed": partial(_ask, True),
    "async": partial(_run, False),
    "async streamed": partial(_run, True),
}


def whole(text: str, *calls: str) -> bytes:
    called = [{"id": f"c-{name}", "type": "function", "function": {"name": name, "arguments": "{}"}} for name in calls]
    message = {"role": "assistant", "content": text, **({"tool_calls": called} if calls else {})}
    choice = {"message": message, "finish_reason": "tool_calls" if calls else "stop"}
    return orjson.dumps({"choices": [choice], "usage": USAGE})


USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
