"""Ollama's own chat. https://docs.ollama.com/api/chat"""

from __future__ import annotations

from attrs import evolve

from ...declare.object_support import BY_GRAMMAR, never_strict
from ...declare.tool_policies import ToolCallIdPolicy
from ...declare.wire import Wire
from ...history.shape import HistoryShape
from ..protocols import ndjson
from .encode import OPTIONS, accepts_part, build_body
from .side_fields import SIDE_FIELDS
from .stream import State, decode_response, decode_stream_event, extract_usage, flush_stream_state

ollama_chat = Wire(
    name="ollama_chat",
    path="/api/chat",
    options=OPTIONS,
    stream_accept="application/x-ndjson",
    build_body=build_body,
    decode_response=decode_response,
    extract_usage=extract_usage,
    side_fields=SIDE_FIELDS,
    parse_stream_protocol=ndjson.parse,
    begins_stream=ndjson.begins,
    init_stream_state=lambda model: State(),
    decode_stream_event=decode_stream_event,
    flush_stream_state=flush_stream_state,
    tool_call_id_policy=ToolCallIdPolicy(required=False),
    accepts_part=accepts_part,
    history_shape=HistoryShape(speakers=frozenset(), details=False, blocks=frozenset()),
    object_support=evolve(BY_GRAMMAR, modes=("json_schema", "tool", "json", "prompt"), strict_tools=never_strict),
)
