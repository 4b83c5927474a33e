"""The public functions: the methods of one client of each colour, shared by the process and made on first use."""

from __future__ import annotations

import atexit
from typing import Any

from .client import AsyncClient, Client
from .pipeline.pipeline import Pipeline
from .pipeline.stream import AsyncStream, Stream
from .providers.dsl.overrides import OVERRIDES
from .providers.dsl.provider import Provider
from .providers.dsl.registry import REGISTRY
from .schemas.reply import Reply

_CLIENT = Client()
_ASYNC_CLIENT = AsyncClient()
atexit.register(_CLIENT.close)


def generate_text(model: str | None, prompt: Any, **options: Any) -> Reply:
    """Ask and wait for the whole answer. See Client.generate_text."""
    return _CLIENT.generate_text(model, prompt, **options)


def stream_text(model: str | None, prompt: Any, **options: Any) -> Stream:
    """Ask and get the answer as it is written. See Client.stream_text."""
    return _CLIENT.stream_text(model, prompt, **options)


async def agenerate_text(model: str | None, prompt: Any, **options: Any) -> Reply:
    """generate_text, awaited."""
    return await _ASYNC_CLIENT.generate_text(model, prompt, **options)


def astream_text(model: str | None, prompt: Any, **options: Any) -> AsyncStream:
    """stream_text; await it, enter it with `async with`, or iterate it at once."""
    return _ASYNC_CLIENT.stream_text(model, prompt, **options)


def pipeline_for(model: str | None = None, **how: Any) -> Pipeline:
    """The pipeline that a call would run through. See Client.pipeline_for."""
    return _CLIENT.pipeline_for(model, **how)


def override(models: str, **steps: Any) -> None:
    """Replace single steps for one model, a pattern of models or a provider, in the whole process:

        override("openai:gpt-5*", translate_options=my_function)

    The most specific pattern wins. Raises UnknownStep for a name that no step has.
    """
    OVERRIDES.add(models, **steps)


def provider(id: str) -> Provider:
    """A provider that the process knows. Raises UnknownProvider, with the nearest known id."""
    return REGISTRY.get_or_raise(id)


def register(provider: Provider) -> Provider:
    """Make a provider known to the whole process under its id."""
    return REGISTRY.register(provider)
