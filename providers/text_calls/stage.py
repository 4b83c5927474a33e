"""Find the calls in the text of an answer as it streams, and put tool calls in their place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from attrs import evolve

from ...pipeline.http.response import Stage
from ...schemas.chunks import (
    Finish,
    PartEnd,
    StreamChunk,
    TextDelta,
    ToolCallDelta,
)
from ...schemas.reply import WHOLE
from ...schemas.reply_chunks import call_chunks
from ...schemas.tool import Tool
from .forms import KnownForms, TextForm
from .readers import WrittenCall

_FIRST_INDEX = 1_000
"""The position of the first call in the message: after all parts that the server itself sent."""
_UNDECIDED = 48
"""How many characters of an answer show whether it begins as a call without a mark does."""
_MOST_MARKS = 32
"""How many marks inside a block are tried as its end, so that the cost stays linear."""
_NAME = re.compile(r"name\"?\s*[:=]\s*\"([\w.:/-]{1,128})\"|[<|]function=([\w.:/-]{1,128})|functions\.([\w./-]{1,128})")
_MOST_SPACE = 64
"""How much space is held back, since it may stand before a call."""


class TextCalls(Stage):
    """Replace calls written as text by tool calls. Text that may be the beginning of one is held back for so long.

    forms: the forms to look for.
    tools: the tools that were offered.
    new_id: makes the ids of calls.
    """

    def __init__(self, forms: KnownForms, tools: Sequence[Tool], new_id: Callable[[], str]) -> None:
        self._tools: Mapping[str, Tool] = {tool.name: tool for tool in tools}
        self._new_id = new_id
        self._forms = forms
        self._held = ""
        self._pieces: list[str] = []  # more of the block, in which no mark has ended yet
        self._tail = ""
        self._space = ""  # what stood before the block
        self._index = 0
        self._later: list[StreamChunk] = []
        self._form: TextForm | None = None
        self._tried = 0
        self._marks_tried = 0
        self._begun = not forms.beginnings
        self._calls = 0

    def feed(self, chunks: list[StreamChunk]) -> list[StreamChunk]:
        if len(chunks) == 1 and type(chunks[0]) is ToolCallDelta:
            return chunks  # as most are of an answer that calls a tool
        out: list[StreamChunk] = []
        for chunk in chunks:
            if isinstance(chunk, TextDelta):
                if chunk.index != self._index:
                    out += self._end()
                    self._index = chunk.index
                out += self._take(chunk.text)
            elif isinstance(chunk, PartEnd) and chunk.index == self._index and self._held:
                self._later.append(chunk)  # the text that it ends has not been passed on
            elif isinstance(chunk, Finish):
                out += self._end(cut=chunk.reason not in WHOLE)
                out.append(evolve(chunk, reason="tool_calls") if self._calls and chunk.reason == "stop" else chunk)
            else:
                out.append(chunk)
        return out

    def _take(self, text: str) -> list[StreamChunk]:
        """Hold more text, and return what is certain of it. An open block is joined only where it may end."""
        if self._form is None:
            self._held += text
            return self._read()
        self._pieces.append(text)
        window = self._tail + text
        self._tail = window[-self._forms.longest :]
        return self._read() if any(mark in window for mark in self._form.closes) else []

    def _read(self) -> list[StreamChunk]:
        """Return what is certain of the text that is held."""
        out: list[StreamChunk] = []
        self._join()
        while self._held:
            if self._form is None:
                out += self._look_for_block()
                if self._form is None:
                    break
            found = self._closed_block(self._form)
            if found is None:
                break
            out += self._chunks_of(found)
        return out

    def _join(self) -> None:
        if self._pieces:
            self._held = "".join((self._held, *self._pieces))
            self._pieces.clear()

    def _look_for_block(self) -> list[StreamChunk]:
        """Return the text up to the next block, or up to what may be the beginning of one."""
        opening = self._forms.opening.search(self._held)
        if not self._begun and opening is None:
            self._form = self._form_of_beginning()
            if self._form is not None or not self._begun:
                return []
        if opening is not None:
            before, self._held = self._held[: opening.start()], self._held[opening.start() :]
            self._space = before[len(before.rstrip()) :]
            before = before.rstrip()
            self._form, self._tried, self._marks_tried = self._forms.by_mark[opening[0]], len(opening[0]), 0
            return self._text(before)
        certain = self._end_of_certain_text()
        before, self._held = self._held[:certain], self._held[certain:]
        return self._text(before)

    def _form_of_beginning(self) -> TextForm | None:
        """Return the form without a mark whose calls begin as this answer does; None if none does, or not yet."""
        text = self._held.lstrip()
        if not text:
            return None
        for begins, form in self._forms.beginnings:
            if begins.match(text):
                self._begun = True
                self._tried = len(self._held)
                return form
        self._begun = text[0] not in "[{`" or len(text) > _UNDECIDED
        return None

    def _end_of_certain_text(self) -> int:
        """Return up to where the text that is held cannot belong to a mark, or to the space before one."""
        text = self._held
        half = self._forms.half_opening.search(text, max(0, len(text) - self._forms.longest))
        at = half.start() if half else len(text)
        return max(len(text[:at].rstrip()), at - _MOST_SPACE)

    def _closed_block(self, form: TextForm) -> list[WrittenCall] | None:
        """Return the calls of the block that the text begins with, and drop it from the text; None if it is not whole.

        A mark inside an argument does not end the block: the calls cannot be read then, and the next mark is tried.
        """
        while self._marks_tried < _MOST_MARKS:
            places = [(at, mark) for mark in form.closes if (at := self._held.find(mark, self._tried)) >= 0]
            if not places:
                # A mark may be in the text by half.
                self._tried = max(self._tried, len(self._held) - max(map(len, form.closes), default=0))
                return None
            at, mark = min(places)
            self._tried, self._marks_tried = at + len(mark), self._marks_tried + 1
            calls = form.read(self._block(form, at, mark), self._tools, True)
            if calls is not None:
                self._held, self._form = self._held[at + len(mark) :], None
                return calls
        return None

    def _block(self, form: TextForm, end: int, mark: str = "") -> str:
        """Return the text of the block up to `end`, where a closing mark may stand; with the marks if they are read."""
        if form.keeps_marks:
            return self._held[: end + len(mark)]
        opening = self._forms.opening.match(self._held)
        return self._held[opening.end() if opening else 0 : end]

    def _end(self, *, cut: bool = False) -> list[StreamChunk]:
        """Return the rest: a block that was not closed is read as far as it goes.

        A call that is not whole becomes one whose arguments are the block as it was written, which do not parse, so
        that no loop runs it; in an answer that was cut it is a call without an end. A block that names no tool is text.
        """
        self._join()
        form, self._form = self._form, None
        out: list[StreamChunk] = []
        if self._held and form is not None:
            calls = form.read(self._block(form, len(self._held)), self._tools, False)
            if form.begins is not None and not self._are_offered(calls):
                out += self._text(self._held)
            elif calls is not None:
                out += self._chunks_of(calls)
            else:
                out += self._half(cut)
        else:
            out += self._text(self._held if not self._calls else self._held.rstrip())
        self._held = ""
        later, self._later = self._later, []
        return out + later

    def _are_offered(self, calls: Sequence[WrittenCall] | None) -> bool:
        return bool(calls) and all(call.name in self._tools for call in calls or ())

    def _half(self, cut: bool) -> list[StreamChunk]:
        named = _NAME.search(self._held)
        name = next(filter(None, named.groups()), "") if named else ""
        name = name or next((each for each in self._tools if each in self._held), "")
        if not name:
            return [] if cut else self._text(self._space + self._held)
        chunks = self._chunks_of([WrittenCall(name, self._held)])
        return chunks[:-1] if cut else chunks

    def _text(self, text: str) -> list[StreamChunk]:
        return [TextDelta(text, self._index)] if text else []

    def _chunks_of(self, calls: Sequence[WrittenCall]) -> list[StreamChunk]:
        out: list[StreamChunk] = []
        for call in calls:
            at = _FIRST_INDEX + self._calls
            self._calls += 1
            id = call.id or f"call_{self._new_id()[:12]}"
            out += call_chunks(at, id, call.name, call.arguments_json)
        return out
