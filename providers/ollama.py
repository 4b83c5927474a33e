"""Ollama: its own chat, the only one that can set the context size, and its OpenAI-compatible one
(`wire="openai_chat"`).

https://docs.ollama.com/api
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve

from ..pipeline.around import around
from ..pipeline.effects import CallNext, StepGenerator
from ..pipeline.http.request import Request
from ..pipeline.pipeline import Pipeline
from ..schemas.errors import ContextOverflow
from ..schemas.reply import CallWarning, Reply
from .declare.dropped import warn_of_dropped
from .declare.provider import Provider, declare_provider, override
from .wires.compatible_chats import compatible_messages, compatible_responses
from .wires.ollama_chat import ollama_chat
from .wires.openai_chat import openai_chat
from .wires.operations.embeddings import ollama_embeddings
from .wires.operations.openai_misc import openai_models

_NATIVE, _COMPATIBLE = "/api/chat", "/v1/chat/completions"
_OTHER_CHATS = (_COMPATIBLE, "/v1/responses", "/v1/messages")
_NATIVE_ONLY = ("num_ctx", "keep_alive", "options", "think", "truncate", "shift")
_LEVELS = {
    "none": "low",
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}


def for_either_chat(request: Request) -> Request:
    """Convert the options for the chat in use. For most models thinking is a switch, without levels."""
    if request.url.endswith(_NATIVE):
        return _thinking(request, lambda effort: effort != "none")
    return _without_native(request) if request.url.endswith(_OTHER_CHATS) else request


def for_either_chat_of_gpt_oss(request: Request) -> Request:
    """Convert the options for gpt-oss, which always thinks, at one of three levels."""
    if request.url.endswith(_NATIVE):
        return _thinking(request, lambda effort: _LEVELS[effort])
    return for_either_chat(request)


def _thinking(request: Request, think_of: Callable[[str], bool | str]) -> Request:
    """Turn reasoning_effort into `think`: https://docs.ollama.com/capabilities/thinking"""
    options = dict(request.options)
    effort = options.pop("reasoning_effort", None)
    if effort is None:
        return request
    if "think" in options:
        return request.replace(options=options)
    think = options["think"] = think_of(effort)
    losses = [] if think in (False, effort) else [("reasoning_effort", f"{effort} became {think}")]
    return warn_of_dropped(request, losses, options=options)


def _without_native(request: Request) -> Request:
    """Drop Ollama's own options with a warning: the compatible endpoints would silently ignore them."""
    options = dict(request.options)
    path = next(path for path in _OTHER_CHATS if request.url.endswith(path))
    why = f"{path} has no such option; leave out wire= to use Ollama's own chat, which has it"
    losses = [(name, why) for name in _NATIVE_ONLY if options.pop(name, None) is not None]
    return warn_of_dropped(request, losses, options=options)


def watch_context(pipeline: Pipeline, provider: Provider) -> Pipeline:
    """Warn when an answer ended because the context was full, which Ollama reports as `length` like the token limit."""

    def watch(request: Request, call: CallNext) -> StepGenerator:
        response = yield from call(request)

        def attach_notice(reply: Reply | None, error: BaseException | None) -> None:
            if reply is not None and context_was_full(reply, request.options):
                warning = CallWarning("possible_truncation", _FULL, str(request.model))
                reply.warnings += (warning,)
                response.request = response.request.replace(warnings=(*response.request.warnings, warning))

        return response.on_end(attach_notice)

    return pipeline.before("encode_body", around("watch_context", watch))


_FULL = "the context was full: parts of the prompt or of the answer may be missing; set num_ctx higher"


def context_was_full(reply: Reply, options: Mapping[str, Any]) -> bool:
    """Guess whether an answer that ended by `length` filled the context: prompt and answer together reach `num_ctx`, or
    the answer is shorter than max_tokens allowed."""
    usage, more = reply.usage, options.get("options") or {}
    if reply.finish_reason != "length" or usage.output_tokens is None:
        return False
    num_ctx, allowed = options.get("num_ctx", more.get("num_ctx")), options.get("max_tokens", more.get("num_predict"))
    if num_ctx and (usage.total_tokens or 0) >= num_ctx:
        return True
    return allowed is None or usage.output_tokens < allowed


# A prompt too long for the configured context is rarely too long for the model.
_TOO_LONG = "set num_ctx higher, within the limits of model and memory, or shorten the conversation"
_WIRES = (
    ollama_chat,
    evolve(openai_chat, path=_COMPATIBLE),
    # https://docs.ollama.com/api/openai-compatibility: it keeps no answers; https://docs.ollama.com/api/anthropic-compatibility
    compatible_responses(path="/v1/responses"),
    compatible_messages("/v1/messages"),
    ollama_embeddings,
    evolve(openai_models, path="/v1/models"),
)


ollama = declare_provider(
    "ollama",
    name="Ollama",
    docs="https://docs.ollama.com/api",
    wire=[wire.with_error_hint(ContextOverflow, lambda request: _TOO_LONG) for wire in _WIRES],
    base_url="http://localhost:11434",
    base_url_env="OLLAMA_HOST",
    env_key="OLLAMA_API_KEY",
    key_optional=True,
    options={
        "num_ctx": {"type": "integer", "minimum": 1},
        "keep_alive": {"type": ["string", "number"]},
        "options": {"type": "object"},
        "think": {},
        "truncate": {"type": "boolean"},
        "shift": {"type": "boolean"},
    },
    prepare_request=for_either_chat,
    models={"gpt-oss*": override(prepare_request=for_either_chat_of_gpt_oss)},
    attach=watch_context,
)
