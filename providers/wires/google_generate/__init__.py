"""Google's generateContent, of the Gemini API and of Vertex AI, and the counting of tokens before a chat is sent.

https://ai.google.dev/api/generate-content, https://ai.google.dev/api/tokens, for Vertex
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/count-tokens
"""

from __future__ import annotations

from attrs import evolve

from ....schemas.tool import CHOICES, SEVERAL
from ...auth.auth import header_key
from ...declare.object_support import ObjectSupport, lazy_dialect, never_strict
from ...declare.tool_policies import ToolCallIdPolicy, ToolNamePolicy
from ...declare.wire import Wire
from ...history.shape import HistoryShape
from ..counting import count_in, counted_fields
from ..paths import google_method_path, google_model_path
from .encode import OPTIONS, accepts_part, build_body
from .side_fields import SIDE_FIELDS
from .stream import (
    State,
    begins_stream,
    decode_response,
    decode_stream_event,
    extract_usage,
    flush_stream_state,
    parse_stream_protocol,
)

google_generate = Wire(
    name="google_generate",
    path=google_method_path("generateContent"),
    auth=header_key("x-goog-api-key"),
    stream_path=google_method_path("streamGenerateContent?alt=sse"),
    options=OPTIONS,
    tool_choices=CHOICES | {"validated", SEVERAL},
    build_body=build_body,
    decode_response=decode_response,
    extract_usage=extract_usage,
    side_fields=SIDE_FIELDS,
    parse_stream_protocol=parse_stream_protocol,
    begins_stream=begins_stream,
    init_stream_state=lambda model: State(),
    decode_stream_event=decode_stream_event,
    flush_stream_state=flush_stream_state,
    accepts_part=accepts_part,
    history_shape=HistoryShape(
        system_first=True,
        alternates=True,
        opens_with_user=True,
        speakers=frozenset(),
        empty=frozenset(("system", "user", "assistant")),
        details=False,
        # The displayName of a blob "is used in the Gemini calls only when server-side tools are enabled", and
        # "is not supported in Gemini API": https://googleapis.github.io/python-genai/genai.html#genai.types.Blob
        file_names=frozenset(),
    ),
    tool_call_id_policy=ToolCallIdPolicy(required=False),
    # "Must start with a letter or an underscore. Must be a-z, A-Z, 0-9, or contain underscores, dots, colons, and
    # dashes, with a maximum length of 64": https://ai.google.dev/api/caching#FunctionDeclaration. Colons are new.
    tool_name_policy=ToolNamePolicy(alphabet="A-Za-z0-9_.-", first="A-Za-z_"),
    object_support=ObjectSupport(
        modes=("json_schema", "tool", "json", "prompt"),
        answers=lazy_dialect("wires.google_generate.json_dialect"),
        strict_tools=never_strict,
        tools=lazy_dialect("wires.google_generate.json_dialect", "to_tool_dialect"),
        always_enforced=True,
        json_unasked=True,
    ),
)

_counted = counted_fields(build_body, "contents", "systemInstruction", "tools")
vertex_count_tokens = Wire(
    name="vertex_count_tokens",
    operation="count_tokens",
    history_format="google_generate",
    path=google_method_path("countTokens"),
    auth=header_key("x-goog-api-key"),
    options=frozenset(("tools",)),
    build_body=_counted,
    accepts_part=accepts_part,
    decode_response=count_in("totalTokens"),
    object_support=google_generate.object_support,
)
google_count_tokens = evolve(
    vertex_count_tokens,
    name="google_count_tokens",
    build_body=lambda request: {
        "generateContentRequest": {"model": google_model_path(request.model.id)[1:], **_counted(request)}
    },
)
