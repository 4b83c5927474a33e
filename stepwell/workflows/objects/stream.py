"""Stream an object: what is certain of it so far, and at the end the whole, checked.

There are no repairs here, since the reader has seen the values that came before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, field

from ...events import span
from ...options import ModelLike, PromptLike
from ...pipeline.effects import Emit, Flow
from ...planner import CallPlanner
from ...reply_stream import AsyncReplyStream, ReplyStream
from ...schemas.chunks import Seam, StreamChunk, TextDelta, ToolCallDelta, ToolCallStart
from ...schemas.errors import DecodeError, ObjectInvalid
from ...schemas.json_schema.partial import MISSING, PartialJSON
from ...schemas.json_schema.root import KEY
from ...schemas.json_schema.violation import Violation
from ...schemas.json_schema.withholding import continues, hold_back
from ...schemas.message import context_of
from ...schemas.reply import ObjectType, Reply
from ...settings import hide_credentials
from ..stream_call import stream_call
from .generate import object_error, object_reply
from .modes import ObjectRequest, object_request
from .output_spec import OutputSpec, spec_of


@define
class PartialObject:
    """Collects the JSON text of a stream's chunks, and reads what is certain of the value."""

    request: ObjectRequest
    spec: OutputSpec
    _json: PartialJSON = field(init=False)
    _call: int | None = None
    """The index of the tool call whose arguments are read."""
    _broken: bool = False
    _last: Any = MISSING
    """The value that was shown last."""
    _room: int = 0
    """How many items may be copied to show the next value."""

    def __attrs_post_init__(self) -> None:
        self._json = PartialJSON(fenced=True, hold=hold_back(self.spec.sent))

    def is_contradicted_by(self, value: object) -> bool:
        """Return whether the whole value, as plain data, differs from what was shown of it."""
        return self._last is not MISSING and not continues(self._last, value)

    def feed(self, chunks: list[StreamChunk]) -> Iterator[Any]:
        """Yield the value as far as it is certain, if that is more than before.

        After a Seam where the answer begins anew, what was shown before is no part of it.
        """
        for at, chunk in enumerate(chunks):
            if type(chunk) is Seam and chunk.how == "anew":
                self._call, self._broken, self._last, self._room = None, False, MISSING, 0
                self.__attrs_post_init__()
                chunks = chunks[at + 1 :]
        text = "".join(self._texts(chunks))
        if not text or self._broken:
            return
        self._room += _COPIES * len(text)
        try:
            value = self._json.feed(text)
        except DecodeError:
            # Text around the JSON: nothing is certain before the end, where it may still be repaired.
            self._broken = True
            return
        if self.spec.wrapped and isinstance(value, dict):
            value = value.get(KEY, MISSING)
        cost = sum(len(part) for part in growing_parts(value) if isinstance(part, dict | list))
        if value is not MISSING and cost <= self._room and _has_grown(value, self._last):
            self._room -= cost
            self._last = snapshot(value)
            yield self._last

    def _texts(self, chunks: list[StreamChunk]) -> Iterator[str]:
        for chunk in chunks:
            if self.request.tool is None:
                if type(chunk) is TextDelta:
                    yield chunk.text
            elif type(chunk) is ToolCallStart:
                if chunk.name == self.request.tool.name and self._call is None:
                    self._call = chunk.index
            elif type(chunk) is ToolCallDelta and chunk.index == self._call:
                yield chunk.arguments_json


_COPIES = 64
"""How many items are copied for a character of text at most: a list of more than a thousand is not shown at each of its
deltas, so that the cost is linear in the text (0.1 µs a character)."""


def growing_parts(value: object) -> Iterator[Any]:
    """Yield the value, and each last item inside: only these can still grow."""
    yield value
    while isinstance(value, dict | list) and value:
        value = value[next(reversed(value)) if isinstance(value, dict) else -1]
        yield value


def _has_grown(value: object, before: object) -> bool:
    """Return whether a value is more than was shown of it before, by a look at what can still grow."""
    now, then = ([*growing_parts(each)] for each in (value, before))
    sizes = [[len(each) if isinstance(each, dict | list) else -1 for each in parts] for parts in (now, then)]
    return sizes[0] != sizes[1] or now[-1] != then[-1]


def snapshot(value: object) -> Any:
    """Return a copy that no longer grows.

    Only the last item of a list or an object can still change, so the copy shares all the others: its cost is that of
    the path to the end, not of the whole.
    """
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
    model: ModelLike,
    prompt: PromptLike,
    schema: object,
    *,
    mode: str | None,
    name: str | None,
    description: str | None,
    options: Mapping[str, Any],
) -> Flow:
    """Run stream_object, whose arguments these are: emit partial values, then the whole one. Return the Reply."""
    hide_credentials(options)
    spec = spec_of(schema, prompt, name, description)
    plan = planner.plan("chat", model, wire=options.get("wire"), overrides=options.get("overrides"))
    request = object_request(plan, spec, prompt, options, mode)
    return _stream(model, spec, request, prompt)


def _stream(model: ModelLike, spec: OutputSpec, request: ObjectRequest, prompt: PromptLike) -> Flow:
    with span("stream_object", model=str(model), name=spec.name, mode=request.mode):
        partial = PartialObject(request, spec)
        reply: Reply = yield from stream_call(model, request.context, request.options, partial.feed)
        try:
            text = request.text_of(reply)
            found, repairs = spec.parse(text, cut=reply.finish_reason == "length")
            if partial.is_contradicted_by(spec.plain(found)):
                # The one already shown may not be the answer.
                raise ObjectInvalid(
                    "the answer holds several objects, and the first has been shown",
                    text=text,
                    violations=(Violation("", "is followed by another value", "json"),),
                    hint="the answer is in .text; generate_object can choose among them",
                )
            value = spec.build(found, text)
        except ObjectInvalid as invalid:
            raise object_error(invalid, reply, [reply]) from None
        whole = object_reply([reply], request, value, repairs, context_of(prompt))
        yield Emit(value)
        return whole


class ObjectStream(ReplyStream[Any, ObjectType]):
    """An object as it grows, to be iterated: plain JSON data that only ever grows.

    The last item is the whole, checked and of the type that was asked for. `reply()` reads to the end and returns the
    Reply. Raises ObjectInvalid at the end for an object that does not fit, and all that a stream raises before.
    """


class AsyncObjectStream(AsyncReplyStream[Any, ObjectType]):
    """Async version of ObjectStream."""
