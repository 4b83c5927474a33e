"""All that a provider's declaration is made of, in one place to import from.

from stepwell.declare import declare_provider, drop, openai_chat, rename
"""

from .pipeline.steps.always_stream import always_stream
from .providers.auth.auth import bearer, header_key, no_key, optional
from .providers.declare.embed_limits import EmbedLimit
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
from .providers.declare.steps import StepOverrides
from .providers.declare.tool_policies import ToolCallIdPolicy
from .providers.declare.wire import Wire
from .providers.wires.openai_chat import openai_chat
from .providers.wires.protocols import aws_event_stream, json_array, ndjson, sse
from .providers.wires.samples import OperationSample, Sample, Samples, scenes

__all__ = [
    "EmbedLimit",
    "ObjectSupport",
    "OperationSample",
    "Override",
    "Provider",
    "Sample",
    "Samples",
    "StepOverrides",
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
    "force",
    "header_key",
    "json_array",
    "move",
    "ndjson",
    "no_key",
    "not_both",
    "only",
    "openai_chat",
    "optional",
    "override",
    "rename",
    "scenes",
    "sse",
    "switch",
    "when",
    "without_thinking",
]
