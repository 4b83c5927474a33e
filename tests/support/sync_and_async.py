"""Calling an LLM's methods in either colour from one test body."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from stepwell.llm.llm import LLM

Ask = Callable[..., Any]


def ask_sync(llm: LLM, name: str, /, *args: Any, **given: Any) -> Any:
    """What a method gives; of a stream its items and its Reply."""
    made = getattr(llm, name)(*args, **given)
    return (list(made), made.reply()) if hasattr(made, "reply") else made


def ask_async(llm: LLM, name: str, /, *args: Any, **given: Any) -> Any:
    """The same of its async twin."""

    async def run() -> Any:
        made = getattr(llm, f"a{name}")(*args, **given)
        if hasattr(made, "reply"):
            return [item async for item in made], await made.reply()
        return await made

    return asyncio.run(run())
