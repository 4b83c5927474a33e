"""Everything that a provider's declaration is made of, in one place to import from.

from stepwell.declare import declare_provider, drop, openai_chat, rename
"""

from .pipeline.steps.always_stream import always_stream
from .providers.dsl.auth import bearer, header_key, no_key, optional
from .providers.dsl.batches import Batch
from .providers.dsl.provider import Override, Provider, declare_provider, override
from .providers.dsl.rules import (
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
from .providers.dsl.schemas import ObjectSupport
from .providers.dsl.wire import ToolCallIdPolicy, Wire
from .providers.wires.openai_chat import openai_chat
from .providers.wires.protocols import aws_event_stream, json_array, ndjson, sse
from .providers.wires.samples import Sample, Samples

__all__ = [
    "Batch",
    "ObjectSupport",
    "Override",
    "Provider",
    "Sample",
    "Samples",
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
    "sse",
    "switch",
    "when",
    "without_thinking",
]
