"""The embedded local model: `local:smollm2`, or `local:/path/to/any.gguf`. Needs the extra `local`.

Ranking needs a reranker: `local:/path/to/reranker.gguf`, or the one that STEPWELL_LOCAL_RERANKER names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import evolve

from ...pipeline.around import around
from ...pipeline.blocking import in_call_time
from ...pipeline.effects import CallNext, StepGenerator, in_thread
from ...pipeline.http.request import Request
from ...pipeline.pipeline import Pipeline
from ...pipeline.steps.constrained_tools import PREFILL, constrained_tools
from ...schemas.errors import NotSupported
from ...schemas.parts import MEDIA, Audio, File, Image, Video
from ..declare.object_support import BY_GRAMMAR
from ..declare.prefill import PrefillSupport
from ..declare.provider import Provider, declare_provider, override
from ..wires.anthropic_messages import anthropic_messages
from ..wires.compatible_chats import LLAMA_RESPONSES
from ..wires.openai_chat import openai_chat
from ..wires.operations.embeddings import openai_embeddings
from ..wires.operations.rerank import rerank
from . import server
from .install import NAME, reranker_path

_ADDRESS = "http://local.invalid"
_WORK = {"embed": server.VECTORS, "rerank": server.RANKING}


def start_server(request: Request, call: CallNext) -> StepGenerator:
    """Start the server if it is not running yet, and send the request there."""
    work = _WORK.get(request.operation, server.CHAT)

    def start() -> str:
        named: str | Path | None = None if request.model.id == NAME else request.model.id
        if named is None and work is server.RANKING:
            named = reranker_path()
        return server.base_url(named, work)

    url = yield from in_call_time(request, in_thread(start))
    return (yield from call(request.replace(url=request.url.replace(_ADDRESS, url, 1))))


def attach(pipeline: Pipeline, provider: Provider) -> Pipeline:
    """Start the server before anything is sent, and implement tools through constrained answers."""
    return pipeline.before("translate_options", constrained_tools()).after(
        "map_errors", around("start_server", start_server)
    )


_FINDING = "`stepwell models --input {}` lists models that do; llama_cpp and ollama run some on this machine"
_OTHERS: dict[type, str] = {
    File: "put its text into the prompt, or use another model",
    **{kind: _FINDING.format(kind.__name__.lower()) for kind in (Image, Audio, Video)},
}


def of_text(request: Request) -> Request:
    """Return the request. Raises NotSupported for an image, a file, audio or a video in it.

    No model here has the projector that it would need for one, and the messages endpoint would leave a file out.
    """
    for message in request.context.messages:
        if message.role == "assistant":
            continue  # what a history has of another model is left out, with a warning
        for part in message.content:
            if isinstance(part, MEDIA):
                raise NotSupported(f"{request.model} reads text, and no {part.type}", hint=_OTHERS[type(part)])
    return request


def messages_body(request: Request) -> dict[str, Any]:
    """Build the body of a message request. This endpoint enforces no schema, so begin the call for the model to
    continue."""
    body: dict[str, Any] = anthropic_messages.build_body(request)
    if "format" in body.pop("output_config", {}):
        body["messages"].append({"role": "assistant", "content": [{"type": "text", "text": request.get(PREFILL)}]})
    return body


_NUMBERS: dict[str, Any] = {"min_p": "number", "repetition_penalty": "number", "top_k": "integer"}

local = declare_provider(
    "local",
    name="Local (embedded llama.cpp)",
    docs="https://github.com/xorbitsai/xllamacpp",
    wire=[
        openai_chat,
        evolve(LLAMA_RESPONSES, by_name_only=False),
        evolve(anthropic_messages, build_body=messages_body),
        openai_embeddings,
        rerank,
    ],
    base_url=f"{_ADDRESS}/v1",
    place="in this process",
    key_optional=True,
    prefill={"openai_chat": PrefillSupport(), "anthropic_messages": PrefillSupport()},
    options={name: {"type": kind} for name, kind in _NUMBERS.items()} | {"grammar": {"type": "string"}},
    prepare_request=of_text,
    usual_options={"max_tokens": 512},
    attach=attach,
    models={"*": override(wire="*", object_support=BY_GRAMMAR)},
)
