"""All that a provider's declaration is made of, in one place to import from.

from stepwell.declare import declare_provider, drop, openai_chat, rename
"""

from .pipeline.steps.always_stream import always_stream
from .providers.auth.auth import bearer, header_key, no_key, reveal
from .providers.auth.tokens import Token, TokenSource, oauth_tokens
from .providers.declare.embed_limits import EmbedLimit
from .providers.declare.extending import extending
from .providers.declare.object_support import ObjectSupport
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

__all__ = [
    "EmbedLimit",
    "HistoryShape",
    "ObjectSupport",
    "OperationSample",
    "Override",
    "PlacedSteps",
    "Provider",
    "Sample",
    "Samples",
    "StepOverrides",
    "Token",
    "TokenSource",
    "ToolCallIdPolicy",
    "Wire",
    "always_stream",
    "at_most",
    "aws_event_stream",
    "bearer",
    "clamp",
    "convert",
    "declare_provider",
    "default",
    "drop",
    "efforts",
    "extending",
    "force",
    "header_key",
    "json_array",
    "move",
    "ndjson",
    "no_key",
    "not_both",
    "oauth_tokens",
    "only",
    "openai_chat",
    "override",
    "rename",
    "reveal",
    "scenes",
    "sse",
    "switch",
    "when",
    "without_thinking",
]
