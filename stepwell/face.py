"""The public functions: the methods of one client of each colour, shared by the process and made on first use."""

from __future__ import annotations

from typing import Any

from .client import AsyncClient, Client
from .pipeline.pipeline import Pipeline
from .providers.dsl.overrides import OVERRIDES
from .providers.dsl.provider import Provider
from .providers.dsl.registry import REGISTRY
from .providers.dsl.wire import Wire
from .schemas.change import Change
from .settings import overridden

_CLIENT = Client()
_ASYNC_CLIENT = AsyncClient()


generate_text = _CLIENT.generate_text
stream_text = _CLIENT.stream_text
generate_object = _CLIENT.generate_object
stream_object = _CLIENT.stream_object
run_tools = _CLIENT.run_tools
stream_tools = _CLIENT.stream_tools
embed = _CLIENT.embed
rerank = _CLIENT.rerank
ocr = _CLIENT.ocr
submit_batch = _CLIENT.submit_batch
batch_job = _CLIENT.batch_job
generate_image = _CLIENT.generate_image
transcribe = _CLIENT.transcribe
speak = _CLIENT.speak
moderate = _CLIENT.moderate
count_tokens = _CLIENT.count_tokens
list_models = _CLIENT.list_models

agenerate_text = _ASYNC_CLIENT.generate_text
astream_text = _ASYNC_CLIENT.stream_text
agenerate_object = _ASYNC_CLIENT.generate_object
astream_object = _ASYNC_CLIENT.stream_object
arun_tools = _ASYNC_CLIENT.run_tools
astream_tools = _ASYNC_CLIENT.stream_tools
aembed = _ASYNC_CLIENT.embed
arerank = _ASYNC_CLIENT.rerank
aocr = _ASYNC_CLIENT.ocr
asubmit_batch = _ASYNC_CLIENT.submit_batch
abatch_job = _ASYNC_CLIENT.batch_job
agenerate_image = _ASYNC_CLIENT.generate_image
atranscribe = _ASYNC_CLIENT.transcribe
aspeak = _ASYNC_CLIENT.speak
amoderate = _ASYNC_CLIENT.moderate
acount_tokens = _ASYNC_CLIENT.count_tokens
alist_models = _ASYNC_CLIENT.list_models


def pipeline_for(model: str | None = None, **how: Any) -> Pipeline:
    """The pipeline that a call would run through. See Client.pipeline_for."""
    return _CLIENT.pipeline_for(model, **how)


def override(models: str, *, wire: str | Wire | None = None, operation: str | None = None, **steps: Any) -> Change:
    """Replace single steps for one model, a pattern of models or a provider, in the whole process:

        override("openai:gpt-5*", translate_options=my_function)
        override("openai:gpt-5*", wire="openai_chat", build_body=my_body)

    A step of a wire (build_body, decode_response, ...) holds for the wire and operation that it was written for: those
    named, else the provider's one wire for chat; "*" is any. A call where several could be meant raises ConfigError,
    which names them. Steps of a provider (translate_options, authenticate, ...) hold for all unless a place is named.
    The most specific pattern wins. It holds until the `undo()` of what is returned, or to the end of a `with` block
    around it. Raises UnknownStep for a name that no step has, ConfigError for what a step or a place cannot be.
    """
    return overridden(OVERRIDES, REGISTRY, models, wire=wire, operation=operation, **steps)


def provider(id: str) -> Provider:
    """A provider that the process knows. Raises UnknownProvider, with the nearest known id."""
    return REGISTRY.get_or_raise(id)


def register(provider: Provider) -> Provider:
    """Make a provider known to the whole process under its id."""
    return REGISTRY.register(provider)
