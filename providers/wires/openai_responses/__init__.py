"""OpenAI's responses, and the counting of tokens before one is asked for.

https://platform.openai.com/docs/api-reference/responses,
https://platform.openai.com/docs/api-reference/responses/input-tokens
"""

from __future__ import annotations

from ...declare.object_support import ObjectSupport, lazy_dialect
from ...declare.wire import Wire
from ...history.shape import HistoryShape
from ..counting import count_in, counted_fields
from ..protocols import sse
from .encode import OPTIONS, build_body
from .items import accepts_part, answered_by_the_caller, finalize_history
from .side_fields import SIDE_FIELDS
from .stream import State, decode_response, decode_stream_event, extract_usage, flush_stream_state

openai_responses = Wire(
    name="openai_responses",
    path="/responses",
    options=OPTIONS,
    build_body=build_body,
    decode_response=decode_response,
    extract_usage=extract_usage,
    side_fields=SIDE_FIELDS,
    parse_stream_protocol=sse.parse,
    begins_stream=sse.begins,
    init_stream_state=lambda model: State(),
    decode_stream_event=decode_stream_event,
    flush_stream_state=flush_stream_state,
    rest_of_stream=lambda state, url: state.rest and state.rest.url(url),
    accepts_part=accepts_part,
    history_shape=HistoryShape(
        system_joined=True,
        speakers=frozenset(),
        empty=frozenset(("system", "assistant")),
        file_names=frozenset(("data",)),
        server_tools=answered_by_the_caller,
    ),
    finalize_history=finalize_history,
    conversation_id_options=frozenset(("previous_response_id", "conversation")),
    object_support=ObjectSupport(
        answers=lazy_dialect("wires.openai_chat.strict_dialect"),
        strict_tools=lazy_dialect("wires.openai_chat.strict_dialect"),
    ),
)

_COUNTED = ("model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "reasoning", "text")
openai_count_tokens = Wire(
    name="openai_count_tokens",
    operation="count_tokens",
    path="/responses/input_tokens",
    options=frozenset(("tools", "tool_choice")),
    build_body=counted_fields(build_body, *_COUNTED),
    accepts_part=accepts_part,
    finalize_history=finalize_history,
    decode_response=count_in("input_tokens"),
    object_support=openai_responses.object_support,
)
