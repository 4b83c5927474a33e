"""Amazon Bedrock's Converse, and the counting of tokens before a chat is sent.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html,
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html
"""

from __future__ import annotations

from ...declare.object_support import ObjectSupport, lazy_dialect, never_strict
from ...declare.wire import Wire
from ..counting import count_in, counted_fields
from ..paths import bedrock_path
from ..protocols import aws_event_stream
from .encode import HISTORY_SHAPE, OPTIONS, accepts_part, build_body, finalize_history
from .errors import find_error
from .side_fields import SIDE_FIELDS
from .stream import State, decode_response, decode_stream_event, extract_usage, flush_stream_state

bedrock_converse = Wire(
    name="bedrock_converse",
    path=bedrock_path("converse"),
    stream_path=bedrock_path("converse-stream"),
    options=OPTIONS,
    stream_accept=aws_event_stream.MEDIA_TYPE,
    build_body=build_body,
    decode_response=decode_response,
    extract_usage=extract_usage,
    side_fields=SIDE_FIELDS,
    find_error=find_error,
    parse_stream_protocol=aws_event_stream.parse,
    begins_stream=aws_event_stream.begins,
    init_stream_state=lambda model: State(),
    decode_stream_event=decode_stream_event,
    flush_stream_state=flush_stream_state,
    accepts_part=accepts_part,
    history_shape=HISTORY_SHAPE,
    finalize_history=finalize_history,
    object_support=ObjectSupport(
        modes=("json_schema", "tool", "prompt"),
        answers=lazy_dialect("wires.bedrock_converse.dialect", "to_strict_dialect"),
        strict_tools=never_strict,
        tools=lazy_dialect("wires.bedrock_converse.dialect"),
        always_enforced=True,
    ),
)

_counted = counted_fields(build_body, "messages", "system", "toolConfig", "additionalModelRequestFields")
bedrock_count_tokens = Wire(
    name="bedrock_count_tokens",
    operation="count_tokens",
    history_format="bedrock_converse",
    path=bedrock_path("count-tokens"),
    options=frozenset(("tools", "tool_choice")),
    build_body=lambda request: {"input": {"converse": _counted(request)}},
    accepts_part=accepts_part,
    finalize_history=finalize_history,
    decode_response=count_in("inputTokens"),
    object_support=bedrock_converse.object_support,
    find_error=find_error,
)
