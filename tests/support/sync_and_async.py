"""Sync and async calls of an LLM's methods from one test body."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from stepwell.llm.llm import LLM

Ask = Callable[..., Any]


def ask_sync(llm: LLM, name: str, /, *args: Any, **given: Any) -> Any:
    """Call a method and return its result; of a stream, the items and the Reply."""
    made = getattr(llm, name)(*args, **given)
    return (list(made), made.reply()) if hasattr(made, "reply") else made


def ask_async(llm: LLM, name: str, /, *args: Any, **given: Any) -> Any:
    """Call the async version of a method and return its result; of a stream, the items and the Reply."""

    async def run() -> Any:
        made = getattr(llm, f"a{name}")(*args, **given)
        if hasattr(made, "reply"):
            return [item async for item in made], await made.reply()
        return await made

    return asyncio.run(run())
