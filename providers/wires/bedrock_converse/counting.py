"""Counting tokens before sending.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html
"""

from __future__ import annotations

from ...declare.wire import Wire
from ..counting import count_in, counted_fields
from ..paths import segment
from .encode import accepts_part, build_body, finalize_history
from .errors import find_error

_counted = counted_fields(build_body, "messages", "system", "toolConfig", "additionalModelRequestFields")

bedrock_count_tokens = Wire(
    name="bedrock_count_tokens",
    operation="count_tokens",
    history_format="bedrock_converse",
    path=lambda request: f"/model/{segment(request.model.id, safe='')}/count-tokens",
    options=frozenset(("tools", "tool_choice")),
    build_body=lambda request: {"input": {"converse": _counted(request)}},
    accepts_part=accepts_part,
    finalize_history=finalize_history,
    decode_response=count_in("inputTokens"),
    find_error=find_error,
)
