"""An object as it grows: what is certain of it so far, and at the end the whole, checked.

There are no repairs here: what the reader has been given is not taken back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, field

from ...events import span
from ...planner import CallPlanner
from ...reading import AsyncReplyStream, ReplyStream
from ...recipe import Emit, Left, Open, Pull, Recipe, Shut
from ...schemas.chunks import StreamChunk, TextDelta, ToolCallDelta, ToolCallStart
from ...schemas.errors import DecodeError, ObjectInvalid
from ...schemas.json_schema.partial import MISSING, PartialJSON
from ...schemas.json_schema.root import KEY
from ...schemas.json_schema.validate import Violation
from ...schemas.json_schema.withholding import continues, hold_back
from ...schemas.message import context_of
from ...schemas.reply import ObjectType, Reply
from .generate import object_error, object_reply
from .modes import ObjectRequest, object_request
from .output_spec import OutputSpec


@define
class Growing:
    """Collects the JSON text out of a stream's chunks, and knows what is certain of the value."""

    asked: ObjectRequest
    target: OutputSpec
    _json: PartialJSON = field(init=False)
    _call: int | None = None
    _broken: bool = False
    _last: Any = MISSING

    def __attrs_post_init__(self) -> None:
        self._json = PartialJSON(fenced=True, hold=hold_back(self.target.sent))

    def contradicted(self, value: Any) -> bool:
        """Whether the whole, as plain data, takes back some of what was shown."""
        return self._last is not MISSING and not continues(self._last, value)

    def feed(self, chunks: list[StreamChunk]) -> Any:
        """The value as far as it is certain, if that is more than before; else MISSING."""
        text = "".join(self._texts(chunks))
        if not text or self._broken:
            return MISSING
        try:
            value = self._json.feed(text)
        except DecodeError:
            # Words around the JSON: nothing more can be told before the end, where light mending may still read it.
            self._broken = True
            return MISSING
        if self.target.wrapped and isinstance(value, dict):
            value = value.get(KEY, MISSING)
        if value is MISSING or value == self._last:
            return MISSING
        self._last = snapshot(value)
        return self._last

    def _texts(self, chunks: list[StreamChunk]) -> Iterator[str]:
        for chunk in chunks:
            if self.asked.tool is None:
                if type(chunk) is TextDelta:
                    yield chunk.text
            elif type(chunk) is ToolCallStart:
                if chunk.name == self.asked.tool.name and self._call is None:
                    self._call = chunk.index
            elif type(chunk) is ToolCallDelta and chunk.index == self._call:
                yield chunk.arguments_json


def snapshot(value: Any) -> Any:
    """A copy that no longer grows. Only the last item of a list or an object can still change, so that the copy
    shares all the others: its cost is that of the path to the end, not of the whole."""
    if not isinstance(value, dict | list):
        return value
    copied = inner = value.copy()
    while inner:
        last = next(reversed(inner)) if isinstance(inner, dict) else -1
        growing = inner[last]
        if not isinstance(growing, dict | list):
            break
        inner[last] = growing = growing.copy()
        inner = growing
    return copied


def object_stream(
    planner: CallPlanner,
    model: Any,
    prompt: Any,
    schema: Any,
    *,
    mode: str | None,
    name: str | None,
    description: str | None,
    options: Mapping[str, Any],
) -> Recipe:
    """The recipe of stream_object: emits partial values, then the whole one. Returns the Reply."""
    target = OutputSpec.of(schema, name, description)
    asked = object_request(planner.plan("chat", model, wire=options.get("wire")), target, prompt, options, mode)
    return _stream(model, target, asked, prompt)


def _stream(model: Any, target: OutputSpec, asked: ObjectRequest, prompt: Any) -> Recipe:
    with span("stream_object", model=str(model), name=target.name, mode=asked.mode):
        source = yield Open(model, asked.context, asked.options)
        growing = Growing(asked, target)
        try:
            while (chunks := (yield Pull(source))) is not None:
                if (value := growing.feed(chunks)) is not MISSING:
                    yield Emit(value)
        except Left:
            yield Shut(source)
            raise
        reply: Reply = source.whole_reply()
        try:
            text = asked.text_of(reply)
            plain, repairs = target.parse(text, cut=reply.finish_reason == "length")
            if growing.contradicted(plain):
                raise _contradiction(text)
            value = target.build(plain, text)
        except ObjectInvalid as invalid:
            raise object_error(invalid, reply, [reply]) from None
        whole = object_reply([reply], asked, value, repairs, context_of(prompt))
        yield Emit(value)
        return whole


def _contradiction(text: str) -> ObjectInvalid:
    """A second document in an answer may be the one that is meant, when the first has been shown."""
    error = ObjectInvalid("the answer takes back what was shown of the object: it holds several", text=text)
    error.violations = (Violation("", "is followed by another value", "json"),)
    error.hint = "the answer is in .text; generate_object can choose among them"
    return error


class ObjectStream(ReplyStream[Any, ObjectType]):
    """Iterate it for what is certain of the object so far, as plain JSON data that only ever grows; the last item is
    the whole, checked and of the type that was asked for. `reply()` reads to the end and gives the Reply.

    Raises ObjectInvalid at the end for an object that does not fit, and whatever a stream raises on the way.
    """


class AsyncObjectStream(AsyncReplyStream[Any, ObjectType]):
    """ObjectStream's twin."""
