"""Wire declarations: a wire format as a set of pure functions. A wire never knows a provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve, frozen

from ...pipeline.http.request import Request
from ...pipeline.http.response import Response
from ...pipeline.http.vendor_names import VendorNames
from ...pipeline.stream.decoder import StreamSteps
from ...schemas.chunks import StreamChunk
from ...schemas.errors import NotSupported, ProviderError
from ...schemas.functions import checked_function
from ...schemas.json_text import dumps_strictly
from ...schemas.model import Model
from ...schemas.options import CHAT_OPTIONS, OPERATION_OPTIONS, Option
from ...schemas.parts import Part
from ...schemas.reply import Reply
from ...schemas.tool import CHOICES
from ...schemas.usage import Usage
from ..auth.auth import Auth, bearer
from ..history.shape import UNCHANGED, HistoryShape
from .errors import find_error as find_error_by_status
from .object_support import AS_GIVEN, ObjectSupport
from .server_tools import ServerTool
from .tool_policies import COMMON_CALL_IDS, COMMON_TOOL_NAMES, ToolCallIdPolicy, ToolNamePolicy
from .vendor_names import VENDOR_NAMES

DecodeResponse = Callable[[Any, Model], Reply] | Callable[[Any, Model, Response], Reply]
ExtractUsage = Callable[[Any, Model], Usage | None] | Callable[[Any, Model, Response], Usage | None]
InitStreamState = Callable[[Model], Any] | Callable[[Model, Response], Any]
"""The last parameter of each of these is named `response`."""

CALLED_WITH: Mapping[str, tuple[int, tuple[str, ...]]] = {
    **dict.fromkeys(("build_body", "encode_body", "find_error", "finalize_history"), (1, ())),
    "init_stream_state": (1, ("response",)),
    **dict.fromkeys(
        ("parse_stream_protocol", "flush_stream_state", "begins_stream", "rest_of_stream", "accepts_part"), (2, ())
    ),
    **dict.fromkeys(("decode_response", "extract_usage"), (2, ("response",))),
    "decode_stream_event": (3, ()),
}
"""How many positional arguments the functions of a wire get, and the names of those that they get if they have them."""


@frozen(kw_only=True)
class Wire:
    """One operation of one wire format.

    Raises InvalidOption for a function that cannot be called as it will be.
    """

    name: str
    operation: str = "chat"
    history_format: str = ""
    """the format whose reasoning and opaque blocks it takes back (default: its own name)"""
    path: str | Callable[[Request], str]
    """follows the provider's base URL; a function of the request where the URL holds the model"""
    by_name_only: bool = False
    """a call uses it only where it names it; steps that name no wire are not written for it"""
    stream_path: str | Callable[[Request], str] | None = None
    """the path of streams, if they have another"""
    method: str = "POST"
    options: frozenset[str] = frozenset()
    """the canonical options that `build_body` encodes; others are dropped with a warning"""
    tool_choices: frozenset[str] = CHOICES
    """the values of its tool_choice"""
    headers: Mapping[str, str] = {}
    auth: Auth = bearer
    """how this format's vendor takes a key, for providers without an `auth`"""
    content_type: str = "application/json"
    stream_accept: str = "text/event-stream"
    binary: bool = False
    """`decode_response` gets a Body in the place of JSON"""
    build_body: Callable[[Request], Any]
    """makes the body of a request"""
    encode_body: Callable[[Any], bytes] = dumps_strictly
    """makes bytes of the body"""
    decode_response: DecodeResponse
    """`(data, model)` makes a reply of the JSON of an unstreamed answer. With a parameter named `response` it also gets
    the Response: its status, headers and request"""
    extract_usage: ExtractUsage = lambda data, model: None
    """`(data, model)` reads the usage from the same JSON; a parameter named `response` as above"""
    counted_in_headers: Mapping[str, str] = {}
    """fields of the usage that are in headers, and the names of those, for bodies without usage"""
    names: VendorNames = VENDOR_NAMES
    """what the vendor calls the headers and fields that general steps look for"""
    side_fields: Mapping[str, Any] = {}
    """rules of the fields that an answer can do without, see pipeline/side_fields.py. The functions that read an
    unstreamed body never see a field that breaks its rule; those for streams call `kept_event`."""
    find_error: Callable[[Response], ProviderError | None] = find_error_by_status
    """returns the error that a response reports, None for a successful one"""
    parse_stream_protocol: Callable[[bytes, Any], tuple[list[Any], Any]] | None = None
    """this and the next four are the streaming side; see StreamSteps"""
    init_stream_state: InitStreamState = lambda model: None
    begins_stream: Callable[[bytes, str], bool] | None = None
    decode_stream_event: Callable[[Any, Model, Any], tuple[list[StreamChunk], Any]] | None = None
    flush_stream_state: Callable[[Model, Any], list[StreamChunk]] = lambda model, state: []
    rest_of_stream: Callable[[Any, str], str | None] | None = None
    """`(state, url)` returns the URL of the rest of a stream that broke off; None if it is not kept"""
    tool_call_id_policy: ToolCallIdPolicy = COMMON_CALL_IDS
    object_support: ObjectSupport = AS_GIVEN
    """how it takes JSON Schemas"""
    tool_name_policy: ToolNamePolicy = COMMON_TOOL_NAMES
    accepts_part: Callable[[Part, Model], bool] = lambda part, model: False
    """checks whether a part of an answer that is neither text nor a call is sent back to this model"""
    history_shape: HistoryShape = UNCHANGED
    """what `build_body` changes of a conversation; each change is a warning on the reply"""
    server_tools: Mapping[str, ServerTool] = {}
    """the tools that the provider runs itself, by kind, as it declares them over this wire"""
    finalize_history: Callable[[Request], Request] | None = None
    """makes the changes to a history that this format alone needs"""
    conversation_id_options: frozenset[str] = frozenset()
    """options that name a conversation which the provider has stored: the calls of tool results may be in it"""

    def __attrs_post_init__(self) -> None:
        for name, (count, optional) in CALLED_WITH.items():
            if (function := getattr(self, name)) is not None:
                checked_function(function, f"{name} of the wire {self.name}", count, optional)

    def __repr__(self) -> str:
        return f"Wire({self.name!r}, operation={self.operation!r})"

    def stream_steps(self) -> StreamSteps:
        """Return the streaming functions together. Raises NotSupported for a wire that does not stream."""
        if self.parse_stream_protocol is None or self.decode_stream_event is None:
            raise NotSupported(f"the {self.name} format does not stream", hint="make the unstreamed call")
        return StreamSteps(
            self.parse_stream_protocol,
            self.init_stream_state,
            self.decode_stream_event,
            self.flush_stream_state,
            self.begins_stream,
            self.rest_of_stream,
        )

    def with_error_hint(self, kind: type[ProviderError], hint: Callable[[Request], str]) -> Wire:
        """Return the wire with `hint(request)` as the hint of its errors of one class, `kind`."""

        def find_error(response: Response) -> ProviderError | None:
            error = self.find_error(response)
            if isinstance(error, kind):
                error.hint = hint(response.request)
            return error

        return evolve(self, find_error=find_error)


def common_options(wire: Wire) -> Mapping[str, Option]:
    """Return the common options of the wire's operation, and those that the wire adds. One that it cannot send is
    dropped with a warning."""
    known = OPERATION_OPTIONS.get(wire.operation, {})
    more = wire.options - known.keys()
    return {**known, **{name: CHAT_OPTIONS.get(name) or Option({}, "") for name in more}} if more else known
