"""Find the calls in the text of an answer as it streams, and put tool calls in their place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import evolve

from ...pipeline.http.response import Stage
from ...schemas.chunks import (
    Alternative,
    Finish,
    PartEnd,
    StreamChunk,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
)
from ...schemas.json_text import JSONDecodeError, loads
from ...schemas.reply import WHOLE
from ...schemas.reply_chunks import call_chunks
from ...schemas.tool import Tool
from .forms import KnownForms, TextForm
from .readers import WrittenCall

_FIRST_INDEX = 1_000_000
"""The position of the first call in the message: after all parts that the server itself sent."""
_UNDECIDED = 48
"""How many characters of an answer show whether it begins as a call without a mark does."""
_MOST_MARKS = 32
"""How many marks inside a block are tried as its end, so that the cost stays linear."""
_MOST_FALSE_BLOCKS = 8
"""How many blocks that are none are read again at the end of an answer, for a call after their marks."""
_NAME = re.compile(r"name\"?\s*[:=]\s*\"([\w.:/-]{1,128})\"|[<|]function=([\w.:/-]{1,128})|functions\.([\w./-]{1,128})")
_MOST_SPACE = 64
"""How much space is held back, since it may stand before a call."""
_BEGINS_CALL = re.compile(r"\s{0,64}(?:[\[{<\"']|```|[\w.:/-]{1,128}+[^\S\n]{0,8}[\[({<>\"'=\n])")
"""What follows a mark that opens a block: JSON, a fence, another mark, or a name that no other word follows. Any other
mark stands in a sentence about calls."""
_MAY_BEGIN_CALL = re.compile(r"\s{0,64}(?:`{0,2}|[\w.:/-]{1,128}+[^\S\n]{0,8})\Z")
"""Half of that."""
_CLOSES_QUOTE = {"`": "`", '"': '"', "'": "'", "“": "”", "‘": "’", "„": "“", "«": "»", "「": "」"}
_OPENS_FENCE = re.compile(r"(?:\A|\n)[^\S\n]*```[\w-]{0,20}\s*\Z")
_FENCE = "```"
_GOES_ON = re.compile(r"\s{0,64}```\s{0,64}[^\s`]")
"""What follows a call in a code block that an answer shows: the end of the block, and more words."""
_MAY_GO_ON = re.compile(r"\s{0,64}(?:`{0,2}|```\s{0,64})\Z")
"""Half of that."""


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
        self._said = ""  # the end of the text that was passed on
        self._frame = ""  # what must follow the block if it is only quoted; "" for no quotation
        self._waits = False  # for what follows a block in a quotation
        self._index = 0
        self._later: list[StreamChunk] = []
        self._form: TextForm | None = None
        self._tried = 0
        self._marks_tried = 0
        self._sure = False  # whether what follows the mark begins as a call does
        self._begun = not forms.beginnings
        self._calls: list[WrittenCall] = []
        self._half_call: WrittenCall | None = None  # the last one, of an answer that was cut
        self._sent = 0
        self._ids: set[str] = set()
        self._own: list[tuple[str, object]] = []  # the calls that the server itself has read
        self._others: dict[int, TextCalls] = {}  # those of the other choices

    def feed(self, chunks: list[StreamChunk]) -> list[StreamChunk]:
        if len(chunks) == 1 and type(chunks[0]) is ToolCallDelta:
            return chunks  # the usual batch of an answer that calls a tool
        out: list[StreamChunk] = []
        for chunk in chunks:
            if isinstance(chunk, Alternative):
                out += self._of_other(chunk.choice, [chunk.chunk])
            elif isinstance(chunk, TextDelta):
                if chunk.index != self._index:
                    out += self._end()
                    self._index = chunk.index
                out += self._take(chunk.text)
            elif isinstance(chunk, PartEnd) and chunk.index == self._index and self._held:
                self._later.append(chunk)  # the text that it ends has not been passed on
            elif isinstance(chunk, Finish):
                for choice in self._others:
                    out += self._of_other(choice, [chunk])
                out += [*self._end(cut=chunk.reason not in WHOLE), *self._found_calls()]
                out.append(evolve(chunk, reason="tool_calls") if self._sent and chunk.reason == "stop" else chunk)
            else:
                if isinstance(chunk, ToolCallEnd):
                    self._ids.add(chunk.id)
                    self._own.append((chunk.name, _value_of(chunk.arguments_json)))
                out.append(chunk)
        return out

    def held(self) -> list[StreamChunk]:
        out = [*self._end(cut=True), *self._found_calls()]
        for choice, other in self._others.items():
            out += [Alternative(choice, each) for each in other.held()]
        return out

    def _of_other(self, choice: int, chunks: list[Any]) -> list[StreamChunk]:
        """Return the chunks of another choice, in which calls are found in the same way."""
        if choice not in self._others:
            self._others[choice] = TextCalls(self._forms, tuple(self._tools.values()), self._new_id)
        found = self._others[choice].feed(chunks)
        return [Alternative(choice, each) for each in found if not isinstance(each, Finish)]

    def _take(self, text: str) -> list[StreamChunk]:
        """Hold more text, and return what is certain of it. An open block is joined only where it may end."""
        if self._form is None:
            self._held += text
            return self._read()
        self._pieces.append(text)
        window = self._tail + text
        self._tail = window[-self._forms.longest :]
        may_end = not self._sure or self._waits or any(mark in window for mark in self._form.closes)
        return self._read() if may_end else []

    def _read(self) -> list[StreamChunk]:
        """Return what is certain of the text that is held."""
        out: list[StreamChunk] = []
        self._join()
        while self._held:
            if self._form is None:
                out += self._look_for_block()
                if self._form is None:
                    break
            if not self._sure:
                begins = self._begins_block()
                if begins is None:
                    break
                out += begins
                if not self._sure:
                    continue
            found = self._closed_block(self._form)
            if found is None:
                self._tail = self._held[-self._forms.longest :]  # the next piece may complete a mark
                break
            out += found
        return out

    def _begins_block(self) -> list[StreamChunk] | None:
        """Settle whether the mark that was found begins a block, and else return it as text; None if more must come."""
        mark = self._opening_mark()
        if _BEGINS_CALL.match(self._held, len(mark)):
            self._sure = True
            return []
        if _MAY_BEGIN_CALL.match(self._held, len(mark)):
            return None
        self._form, self._held = None, self._held[len(mark) :]
        return self._text(self._space + mark)

    def _opening_mark(self) -> str:
        opening = self._forms.opening.match(self._held)
        return opening[0] if opening else ""

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
            self._frame = _frame(self._said + before)
            self._space = before[len(before.rstrip()) :]
            before = before.rstrip()
            self._form, self._tried, self._marks_tried = self._forms.by_mark[opening[0]], len(opening[0]), 0
            self._sure, self._begun = False, True
            return self._text(before)
        certain = self._end_of_certain_text()
        before, self._held = self._held[:certain], self._held[certain:]
        return self._text(before)

    def _form_of_beginning(self) -> TextForm | None:
        """Return the form without a mark whose calls begin as this answer does; None if none does, or not yet."""
        text = self._held.lstrip()
        if not text:
            self._begun = len(self._held) > _MOST_SPACE
            return None
        for begins, form in self._forms.beginnings:
            if begins.match(text):
                self._begun = self._sure = True
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

    def _closed_block(self, form: TextForm) -> list[StreamChunk] | None:
        """Keep the calls of the block that the text begins with, and drop it from the text; None if it is not whole.

        A block that the answer only quotes is returned as text. A mark inside an argument does not end the block: the
        calls cannot be read then, and the next mark is tried.
        """
        while self._marks_tried < _MOST_MARKS:
            places = [(at, mark) for mark in form.closes if (at := self._held.find(mark, self._tried)) >= 0]
            if not places:
                # The text may end in a part of a mark.
                self._tried = max(self._tried, len(self._held) - max(map(len, form.closes), default=0))
                return None
            at, mark = min(places)
            end = at + len(mark)
            calls = form.read(self._block(form, at, mark), self._tools, True)
            if calls is not None:
                quoted = bool(self._frame) and self._is_quoted(end)
                self._waits = quoted is None
                if quoted is None:
                    self._tried = at
                    return None
                block, self._held, self._form = self._held[:end], self._held[end:], None
                self._calls += () if quoted else calls
                return self._text(self._space + block) if quoted else []
            self._tried, self._marks_tried = end, self._marks_tried + 1
        return None

    def _is_quoted(self, end: int) -> bool | None:
        """Return whether the answer only shows the block that ends there, in quotation marks or in a code block before
        more words, as it would not show one that it makes; None if more must come."""
        rest = self._held[end : end + _UNDECIDED + 2 * _MOST_SPACE]
        if self._frame == _FENCE:
            return None if _MAY_GO_ON.match(rest) else bool(_GOES_ON.match(rest))
        return rest.startswith(self._frame) if rest else None

    def _block(self, form: TextForm, end: int, mark: str = "") -> str:
        """Return the text of the block up to `end`, where a closing mark may stand; with the marks if they are read."""
        if form.keeps_marks:
            return self._held[: end + len(mark)]
        return self._held[len(self._opening_mark()) : end]

    def _end(self, *, cut: bool = False) -> list[StreamChunk]:
        """Return the rest: a block that was not closed is read as far as it goes.

        An incomplete call gets the block as it was written for its arguments: they do not parse, so no loop runs it. In
        an answer that was cut, it is a call without an end. A block that names no tool is text.
        """
        self._join()
        out: list[StreamChunk] = []
        if self._waits:
            self._frame, self._waits = "", False
            out += self._read()
        tries = 0
        while self._held and (form := self._form) is not None:
            self._form, tries = None, tries + 1
            calls = form.read(self._block(form, len(self._held)), self._tools, False)
            if form.begins is not None and not self._are_offered(calls):
                break
            if (quoted := self._end_of_quotation(calls is None)) > 0:
                out += self._text(self._space + self._held[:quoted])
                self._held = self._held[quoted:]
                out += self._read()
            elif calls is not None or self._keep_broken(form, cut):
                self._calls += calls or ()
                self._held = ""
            elif tries == _MOST_FALSE_BLOCKS:
                self._held = self._space + self._held
            else:
                mark = self._opening_mark()
                out += self._text(self._space + mark)
                self._held = self._held[len(mark) :]
                out += self._read()  # there may be a call after it
        out += self._text(self._held.rstrip() if self._calls else self._held)
        self._held = ""
        later, self._later = self._later, []
        return out + later

    def _end_of_quotation(self, unread: bool) -> int:
        """Return where a block without an end is closed by the mark of a quotation around it; 0 if it is not.

        unread: whether it cannot be read. A quotation mark in one that can is most often that of a value.
        """
        at = self._held.find(self._frame, len(self._opening_mark())) if self._frame else 0
        if at <= 0 or (self._frame == _FENCE and not _GOES_ON.match(self._held, at)):
            return 0
        return at if unread or self._frame not in "\"'" else 0

    def _are_offered(self, calls: Sequence[WrittenCall] | None) -> bool:
        return bool(calls) and all(call.name in self._tools for call in calls or ())

    def _keep_broken(self, form: TextForm, cut: bool) -> bool:
        """Keep a block that cannot be read, as a call that cannot be run.

        Return False if it names no tool, unless it was cut before the name.
        """
        ends = [at for mark in form.closes if (at := self._held.find(mark, len(self._opening_mark()))) >= 0]
        block = self._held[: min(ends, default=len(self._held))]
        named = _NAME.search(block)
        name = next(filter(None, named.groups()), "") if named else ""
        name = name or next((each for each in self._tools if re.search(rf"\b{re.escape(each)}\b", block)), "")
        if not name:
            return cut and not ends  # the name was still to come
        half = WrittenCall(name, self._held)
        self._calls.append(half)
        self._half_call = half if cut else None
        return True

    def _text(self, text: str) -> list[StreamChunk]:
        if not text:
            return []
        self._said = (self._said + text)[-_MOST_SPACE:]
        return [TextDelta(text, self._index)]

    def _found_calls(self) -> list[StreamChunk]:
        """Return the chunks of the calls, without those that the server itself has read and left in the text, too."""
        out: list[StreamChunk] = []
        for call in self._calls:
            if self._own and ((value := _value_of(call.arguments_json)) is None or (call.name, value) in self._own):
                continue
            at = _FIRST_INDEX + self._sent
            self._sent += 1
            id = call.id if call.id and call.id not in self._ids else f"call_{self._new_id()[:12]}"
            self._ids.add(id)
            chunks = call_chunks(at, id, call.name, call.arguments_json)
            out += chunks[:-1] if call is self._half_call else chunks
        return out


def _frame(text: str) -> str:
    """Return what ends the quotation that begins at the end of a text: its closing mark; "" for no quotation."""
    return _CLOSES_QUOTE.get(text[-1:]) or (_FENCE if _OPENS_FENCE.search(text) else "")


def _value_of(arguments_json: str) -> object:
    """Return the arguments; None for a text that is no JSON."""
    try:
        return loads(arguments_json)
    except JSONDecodeError:
        return None
