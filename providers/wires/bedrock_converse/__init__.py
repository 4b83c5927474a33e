"""Amazon Bedrock's Converse. https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html"""

from __future__ import annotations

from ....pipeline.http.request import Request
from ...declare.object_support import ObjectSupport, lazy_dialect
from ...declare.wire import Wire
from ..paths import segment
from ..protocols import aws_event_stream
from .encode import OPTIONS, accepts_part, build_body, finalize_history
from .errors import find_error
from .side_fields import SIDE_FIELDS
from .stream import State, decode_response, decode_stream_event, extract_usage, flush_stream_state


def path(request: Request) -> str:
    return f"/model/{segment(request.model.id, safe='')}/converse"


def stream_path(request: Request) -> str:
    return f"/model/{segment(request.model.id, safe='')}/converse-stream"


bedrock_converse = Wire(
    name="bedrock_converse",
    path=path,
    stream_path=stream_path,
    options=OPTIONS,
    stream_accept="application/vnd.amazon.eventstream",
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
    finalize_history=finalize_history,
    object_support=ObjectSupport(
        modes=("json_schema", "tool", "prompt"),
        answers=lazy_dialect("wires.bedrock_converse.dialect", "to_strict_dialect"),
        tools=lazy_dialect("wires.bedrock_converse.dialect"),
        always_enforced=True,
    ),
)
