"""How to speak: a wire format as a bundle of pure functions. A wire never knows a provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from ...pipeline.http.request import Request
from ...pipeline.http.response import Response
from ...pipeline.stream.decoder import StreamSteps
from ...schemas.chunks import StreamChunk
from ...schemas.errors import NotSupported, ProviderError
from ...schemas.json_text import dumps_strictly
from ...schemas.model import Model
from ...schemas.parts import Part
from ...schemas.reply import Reply
from ...schemas.tool import CHOICES
from ...schemas.usage import Usage
from ..auth.auth import Auth, bearer
from ..wires.errors import find_error as find_error_by_status
from .object_support import AS_GIVEN, ObjectSupport


def json_body(body: Mapping[str, Any]) -> bytes:
    """What is sent for a body unless a wire says otherwise."""
    return dumps_strictly(body)


@frozen(kw_only=True)
class ToolCallIdPolicy:
    """What a provider accepts as a tool call's id: `alphabet` is a regex character class, `max_length` in characters.

    `required` is False where calls go without ids.
    """

    alphabet: str = "A-Za-z0-9_-"
    max_length: int = 64
    required: bool = True
    exact_length: int | None = None


@frozen(kw_only=True)
class ToolNamePolicy:
    """What a provider accepts as a tool's name: `alphabet` is a regex character class, `first` that of the first
    character where it is narrower, `max_length` in characters. Nearly all follow OpenAI, "a-z, A-Z, 0-9, or contain
    underscores and dashes, with a maximum length of 64": https://platform.openai.com/docs/api-reference/chat/create
    """

    alphabet: str = "A-Za-z0-9_-"
    first: str | None = None
    max_length: int = 64


@frozen(kw_only=True)
class Wire:
    """One operation of one wire format.

    `blocks` names the format whose reasoning and opaque blocks it takes back, where that is not its own name. `path` is
    put behind the provider's base URL (a function of the request where the URL holds the model), and `stream_path`
    where streams have another. `options` names the canonical options that `build_body` encodes; others are dropped with
    a warning. `tool_choices` are the words that its tool_choice knows. `build_body(request)` gives what
    `encode_body(body)` makes bytes of; `decode_response(data, model)` and `extract_usage(data, model)` read the JSON
    that came back (`binary`: a Body); `counted_in_headers` names the headers that hold fields of the usage, where the
    body has none; `auth` is how this format's vendor takes a key, for providers that say nothing
    else; `find_error(response)` tells an error answer from a good one. `object_support` says how it takes JSON Schemas.

    `side_fields` are the rules of the fields that an answer can do without (see pipeline/side_fields.py): the functions
    that read an unstreamed body never see one that breaks its rule, and those of the streaming side see to it
    themselves, by `kept_event`.

    For histories: `tool_call_id_policy` and `tool_name_policy` say which ids and names of calls it takes,
    `accepts_part(part, model)` whether a part of an answer that is neither text nor a call is sent back to this model,
    and `finalize_history(request)` does to a history what this format alone demands of one. `conversation_id_options`
    names the options by which the provider remembers the beginning of the conversation: the calls of its results may be
    there. The other four functions are the streaming side; `begins_stream(start, content_type)` tells the first bytes
    of a stream from those of anything else.
    """

    name: str
    operation: str = "chat"
    history_format: str = ""
    path: str | Callable[[Request], str]
    stream_path: str | Callable[[Request], str] | None = None
    method: str = "POST"
    options: frozenset[str] = frozenset()
    tool_choices: frozenset[str] = CHOICES
    headers: Mapping[str, str] = {}
    auth: Auth = bearer
    content_type: str = "application/json"
    stream_accept: str = "text/event-stream"
    binary: bool = False
    build_body: Callable[[Request], Any]
    encode_body: Callable[[Any], bytes] = json_body
    decode_response: Callable[[Any, Model], Reply]
    extract_usage: Callable[[Any, Model], Usage | None] = lambda data, model: None
    counted_in_headers: Mapping[str, str] = {}
    side_fields: Mapping[str, Any] = {}
    find_error: Callable[[Response], ProviderError | None] = find_error_by_status
    parse_stream_protocol: Callable[[bytes, Any], tuple[list[Any], Any]] | None = None
    init_stream_state: Callable[[Model], Any] = lambda model: None
    begins_stream: Callable[[bytes, str], bool] | None = None
    decode_stream_event: Callable[[Any, Model, Any], tuple[list[StreamChunk], Any]] | None = None
    flush_stream_state: Callable[[Model, Any], list[StreamChunk]] = lambda model, state: []
    tool_call_id_policy: ToolCallIdPolicy = ToolCallIdPolicy()
    object_support: ObjectSupport = AS_GIVEN
    tool_name_policy: ToolNamePolicy = ToolNamePolicy()
    accepts_part: Callable[[Part, Model], bool] = lambda part, model: False
    finalize_history: Callable[[Request], Request] | None = None
    conversation_id_options: frozenset[str] = frozenset()

    def stream_steps(self) -> StreamSteps:
        """The streaming functions together. Raises NotSupported for a wire that does not stream."""
        if self.parse_stream_protocol is None or self.decode_stream_event is None:
            raise NotSupported(f"the {self.name} format does not stream", hint="make the unstreamed call")
        return StreamSteps(
            self.parse_stream_protocol,
            self.init_stream_state,
            self.decode_stream_event,
            self.flush_stream_state,
            self.begins_stream,
        )
