"""All that a provider's declaration is made of, in one place to import from.

from stepwell.declare import declare_provider, drop, openai_chat, rename
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .pipeline.steps.always_stream import always_stream
from .providers import OPERATION_WIRES, WIRES
from .providers.auth.auth import bearer, header_key, no_key, reveal
from .providers.auth.tokens import Token, TokenSource, oauth_tokens
from .providers.declare.embed_limits import EmbedLimit
from .providers.declare.extending import extending
from .providers.declare.object_support import ObjectSupport
from .providers.declare.prefill import PrefillSupport
from .providers.declare.provider import Override, Provider, declare_provider, override
from .providers.declare.rules import (
    at_most,
    clamp,
    convert,
    default,
    drop,
    efforts,
    force,
    move,
    not_both,
    only,
    rename,
    switch,
    when,
    without_thinking,
)
from .providers.declare.steps import PlacedSteps, StepOverrides
from .providers.declare.tool_policies import ToolCallIdPolicy
from .providers.declare.wire import Wire
from .providers.history.shape import HistoryShape
from .providers.wires.openai_chat import openai_chat
from .providers.wires.protocols import aws_event_stream, json_array, ndjson, sse
from .providers.wires.samples import OperationSample, Sample, Samples, scenes

if TYPE_CHECKING:
    from .providers.wires.anthropic_messages import anthropic_messages
    from .providers.wires.bedrock_converse import bedrock_converse
    from .providers.wires.cohere_chat import cohere_chat
    from .providers.wires.google_generate import google_generate
    from .providers.wires.mistral_chat import mistral_chat
    from .providers.wires.ollama_chat import ollama_chat
    from .providers.wires.openai_responses import openai_responses
    from .providers.wires.operations.embeddings import openai_embeddings
    from .providers.wires.operations.openai_media import openai_images, openai_speech, openai_transcription
    from .providers.wires.operations.openai_misc import openai_models, openai_moderation
    from .providers.wires.operations.rerank import rerank

__all__ = [
    "EmbedLimit",
    "HistoryShape",
    "ObjectSupport",
    "OperationSample",
    "Override",
    "PlacedSteps",
    "PrefillSupport",
    "Provider",
    "Sample",
    "Samples",
    "StepOverrides",
    "Token",
    "TokenSource",
    "ToolCallIdPolicy",
    "Wire",
    "always_stream",
    "anthropic_messages",
    "at_most",
    "aws_event_stream",
    "bearer",
    "bedrock_converse",
    "clamp",
    "cohere_chat",
    "convert",
    "declare_provider",
    "default",
    "drop",
    "efforts",
    "extending",
    "force",
    "google_generate",
    "header_key",
    "json_array",
    "mistral_chat",
    "move",
    "ndjson",
    "no_key",
    "not_both",
    "oauth_tokens",
    "ollama_chat",
    "only",
    "openai_chat",
    "openai_embeddings",
    "openai_images",
    "openai_models",
    "openai_moderation",
    "openai_responses",
    "openai_speech",
    "openai_transcription",
    "override",
    "rename",
    "rerank",
    "reveal",
    "scenes",
    "sse",
    "switch",
    "when",
    "without_thinking",
]

_WIRES = {**{name: name for name in WIRES - {"openai_chat"}}, **OPERATION_WIRES}
"""The further wires and their modules, each of which is loaded when it is used: all of them take 60 ms."""


if not TYPE_CHECKING:  # for a type checker, any name would then exist

    def __getattr__(name: str) -> object:
        if name not in _WIRES:
            from .schemas.other_names import refuse_name  # only for a mistake

            refuse_name(__name__, name)
        return getattr(import_module(f".providers.wires.{_WIRES[name]}", __package__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_WIRES})
