"""Assemble streamed tool calls from fragments, which servers label in many ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field

from ....pipeline.side_fields import left_out
from ....schemas.chunks import MetadataUpdate, StreamChunk, ToolCallDelta, ToolCallEnd, ToolCallStart, Warned
from ....schemas.json_text import JSONDecodeError, loads_fast
from ....schemas.model import Model
from ..calls import arguments_text, call_id, orphaned
from .places import CALLS, NAME


@define(eq=False)
class _Call:
    place: int
    wire_index: int | None
    id: str | None
    name: str = ""
    arguments: list[str] = field(factory=list)
    extra: dict[str, Any] = field(factory=dict)
    started: bool = False
    whole: str = ""
    """The arguments, where its first fragment had all of them."""


@define(eq=False)
class StreamedCalls:
    """The calls of one choice. A fragment belongs to a call by its id, else by its index, else to the open call.

    Indexes are missing (Mistral), always 0 (Gemini behind gateways), begin at 1 or 5, or change halfway; ids are null,
    "" or late, others in each fragment, or two calls have the same; names come whole in every fragment, in pieces, or
    late. A call starts for the reader once its name must be complete: with its first arguments, or at the end. See the
    recordings of openrouter, groq and zai.

    sure: the open call, once it has started and if it is the newest: a fragment of its index with nothing but arguments
        is certainly its own
    orphaned: whether arguments came that belong to no call; they are in the reply's metadata
    """

    reply_id: str | None
    sure: _Call | None = None
    orphaned: bool = False
    _calls: list[_Call] = field(factory=list)
    _at_index: dict[int | None, _Call] = field(factory=dict)
    """The newest call of each index."""
    _of_id: dict[str, list[_Call]] = field(factory=dict)
    """The calls of each id, in their order."""
    _open: _Call | None = None

    def __bool__(self) -> bool:
        return bool(self._calls) and any(call.name for call in self._calls)

    def feed(self, fragment: Mapping[str, Any], *, whole: bool) -> list[StreamChunk]:
        """Add a fragment of a call and return the chunks that it completes.

        whole: the fragment is a complete call, which is never joined to another, even one with the same id.
        """
        function = fragment.get("function") or fragment.get("custom") or {}
        name = function.get("name")
        arguments = arguments_text(function.get("arguments", function.get("input")))
        id, index = fragment.get("id") or None, fragment.get("index")
        call = self._new(id, index) if whole else self._find(id, index, name, "" if "custom" in fragment else arguments)
        if call is None:
            if not arguments:
                return []
            self.orphaned = True
            return [MetadataUpdate({"orphaned_tool_arguments": [{"index": index, "arguments": arguments}]})]
        self._open, self.sure = call, None
        if name and not call.started and name != call.name:
            call.name += name
        if fragment.get("extra_content"):
            call.extra["extra_content"] = fragment["extra_content"]
        if "custom" in fragment:
            call.extra["type"] = "custom"
        begun: list[StreamChunk] = []
        if arguments and call.name and not call.started:
            if name and _is_object(arguments):
                call.whole = arguments
            begun = self._start(call)
        if call.started and call is self._calls[-1]:
            self.sure = call
        if not arguments:
            return []
        if call.started:
            return [*begun, ToolCallDelta(call.place, arguments)]
        call.arguments.append(arguments)
        return []

    def feed_old(self, function: Mapping[str, Any], *, whole: bool) -> list[StreamChunk]:
        """Take a `function_call`: the only call of an answer, in the form before there could be several."""
        is_call = function.get("name") or function.get("arguments")
        return self.feed({"index": 0, "function": function}, whole=whole) if is_call else []

    def end(self, model: Model) -> list[StreamChunk]:
        """End all calls, after starting those without arguments. One that never had a name is left out, with a
        warning."""
        out: list[StreamChunk] = [orphaned(model)] if self.orphaned else []
        for call in self._calls:
            if not call.name:
                out.append(Warned((left_out("choices.delta.tool_calls", {}, model),)))
                continue
            out += self._start(call)
            out.append(ToolCallEnd(call.place, {NAME: call.extra} if call.extra else {}))
        return out

    def _find(self, id: str | None, index: int | None, name: str | None, arguments: str) -> _Call | None:
        """Find the call of a fragment, or begin one; None for arguments of a call that nothing has begun."""
        at_index = self._at_index.get(index)
        goes_on = arguments.lstrip()[:1] not in ("", "{")
        opened = self._open if index is None else at_index
        grown = opened is not None and bool(opened.started or opened.arguments)
        other = bool(name and opened is not None and opened.name and name != opened.name)
        if name and opened is not None and opened.whole and arguments != opened.whole and _is_object(arguments):
            return self._new(id, index)  # two whole calls, whatever their marks
        if id is not None:
            if at_index is not None and at_index.id == id:
                return at_index
            known = self._of_id[id][-1] if id in self._of_id else None
            # A known id under a new index is a new call if the fragment looks like a beginning. Otherwise it continues
            # the old call: some servers repeat the id and let the index shift.
            begins = name and not goes_on
            if known is not None and not (begins and known.name and index is not None and at_index is None):
                return known
            # Some servers make up another id for each fragment.
            continues = (goes_on and not other) or (arguments and not name and not grown)
            if known is None and opened is not None and opened.name and continues:
                return opened
            if index is not None and at_index is not None and at_index.id is None and not (other and grown):
                at_index.id = id  # no call has it, else that one was returned
                self._of_id[id] = [at_index]
                return at_index
            return self._new(id, index)
        if opened is None:
            return self._new(None, index) if name else None
        # Once a call has arguments, another name is another call's, and so is a beginning where nothing is numbered.
        if name and opened.name and grown and (other or (index is None and not goes_on)):
            return self._new(None, index)
        return opened

    def _new(self, id: str | None, index: int | None) -> _Call:
        call = _Call(CALLS + len(self._calls), index, id)
        self._calls.append(call)
        self._at_index[index] = call
        if id is not None:
            self._of_id.setdefault(id, []).append(call)
        return call

    def _start(self, call: _Call) -> list[StreamChunk]:
        if call.started:
            return []
        call.started = True
        own = call.id and self._of_id[call.id][0] is call  # no call before it has the same
        id = call.id if call.id and own else call_id(self.reply_id, call.place - CALLS)
        pieces, call.arguments = call.arguments, [""]
        start = ToolCallStart(call.place, id, call.name)
        return [start, *(ToolCallDelta(call.place, piece) for piece in pieces)]


def _is_object(arguments: str) -> bool:
    """Check whether a fragment has all the arguments of a call: the JSON of an object."""
    try:
        return arguments[:1] == "{" and arguments[-1:] == "}" and type(loads_fast(arguments)) is dict
    except JSONDecodeError:
        return False
