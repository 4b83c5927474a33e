"""Change every text of a request before it is encoded: messages, tools, options, the input of any operation."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve

from ...schemas.errors import NotSupported
from ...schemas.json_text import JSONDecodeError, dumps, loads
from ...schemas.late_pattern import late_pattern
from ...schemas.message import Context, Message
from ...schemas.parts import MEDIA, Audio, File, Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall, Video
from ...schemas.tool import Tool
from ..http.request import Request
from .answers import NOTE

Change = Callable[[str], str]
_STRING = late_pattern(r'"(?:[^"\\]|\\.)*"')
_DEPTH = 40
_TEXT_TYPES = ("application/json", "application/xml", "application/yaml", "application/x-yaml")


class Rewriting:
    """One pass over the texts of a request.

    change: makes the new text of each.
    unread: the kinds of parts that have no text to change, which are noted there.
    """

    def __init__(self, change: Change) -> None:
        self._change = change
        self.unread: dict[str, None] = {}
        self.lost = 0
        """How many parts of signed reasoning were left out."""

    def request(self, request: Request) -> Request:
        """Return the request with its texts changed; the tools and options first, since they stay from turn to turn."""
        tools = [self._tool(tool) for tool in request.context.tools]
        options = self.data(request.options)
        messages = [self._message(message) for message in request.context.messages]
        return request.replace(context=Context(messages, tools), options=options, input=self._input(request.input))

    def data(self, value: object, depth: int = 0) -> Any:
        """Return plain data with the texts in it changed, but not the names in objects; the same one if none is.

        Raises NotSupported for data that is nested too deep to be searched.
        """
        if type(value) is str:
            return self._change(value)
        if depth > _DEPTH:
            raise NotSupported(f"data is nested over {_DEPTH} deep, and cannot be searched for what is to be redacted")
        if isinstance(value, Mapping):
            changed: Any = {name: self.data(each, depth + 1) for name, each in value.items()}
            return changed if any(changed[name] is not value[name] for name in value) else value
        if isinstance(value, list | tuple):
            changed = [self.data(each, depth + 1) for each in value]
            same = all(new is old for new, old in zip(changed, value, strict=True))
            return value if same else changed if isinstance(value, list) else tuple(changed)
        return value

    def _input(self, value: object) -> Any:
        if isinstance(value, MEDIA):
            return self._part(value, "user")
        if isinstance(value, list | tuple) and any(isinstance(each, MEDIA) for each in value):
            return [self._input(each) for each in value]
        if isinstance(value, bytes):
            self.unread["bytes"] = None
        return self.data(value)

    def _tool(self, tool: Tool) -> Tool:
        description, parameters = self._change(tool.description), self.data(tool.parameters)
        if description == tool.description and parameters is tool.parameters:
            return tool
        return evolve(tool, description=description, parameters=parameters)

    def _message(self, message: Message) -> Message:
        parts = [new for part in message.content if (new := self._part(part, message.role)) is not None]
        name = message.name
        if name and message.role != "tool":
            name = self._change(name).strip("[]")
        same = len(parts) == len(message.content) and all(
            new is old for new, old in zip(parts, message.content, strict=True)
        )
        return message if same and name == message.name else evolve(message, content=tuple(parts), name=name)

    def _part(self, part: Part, role: str) -> Any:
        """Return a part with its text changed; None for one that has to be left out."""
        if isinstance(part, Reasoning):
            return self._reasoning(part)
        if isinstance(part, Text | Refusal):
            text = self._change(part.text)
            if text == part.text:
                return part
            return evolve(part, text=text, citations=()) if isinstance(part, Text) else evolve(part, text=text)
        if isinstance(part, ToolCall):
            arguments = self._json(part.arguments_json)
            return part if arguments == part.arguments_json else evolve(part, arguments_json=arguments)
        if isinstance(part, MEDIA):
            return self._media(part)
        if isinstance(part, Opaque) and role != "assistant":
            data = self.data(part.data)
            return part if data is part.data else evolve(part, data=data)
        return part  # a block that the provider wrote, from a request without originals

    def _reasoning(self, part: Reasoning) -> Reasoning | None:
        note = part.extra.get(NOTE)
        if isinstance(note, Mapping) and isinstance(note.get("text"), str):
            extra = {name: each for name, each in part.extra.items() if name != NOTE}
            return evolve(part, text=note["text"], extra=extra)
        text = self._change(part.text)
        if text == part.text:
            return part
        if part.signature or part.encrypted:
            self.lost += 1
            return None
        return evolve(part, text=text)

    def _media(self, part: Image | File | Audio | Video) -> Part:
        changes: dict[str, Any] = {}
        if part.filename and (name := self._change(part.filename)) != part.filename:
            changes["filename"] = name.replace("[", "").replace("]", "")
        for field in ("url", "file_id"):
            address = getattr(part, field)
            if address and not address.startswith("data:") and self._change(address) != address:
                raise NotSupported(
                    f"the {field} of a {type(part).__name__} holds what is to be redacted, and cannot be changed",
                    hint="pass the file as data=",
                )
        if isinstance(part, Audio) and part.transcript:
            changes["transcript"] = self._change(part.transcript)
        kind = part.media_type or ""
        if part.data is not None and (kind.startswith("text/") or kind in _TEXT_TYPES):
            text = part.data.decode("utf-8", "replace")
            if (new := self._change(text)) != text:
                changes["data"] = new.encode()
        else:
            self.unread[type(part).__name__.lower()] = None
        changed: Part = evolve(part, **changes) if changes else part
        return changed

    def _json(self, text: str) -> str:
        """Return JSON with the texts in it changed, names too; all else stays as it was written."""

        def changed(match: re.Match[str]) -> str:
            literal: str = match[0]
            try:
                value = loads(literal)
            except JSONDecodeError:
                return self._change(literal)
            new = self._change(value)
            return literal if new == value else dumps(new).decode()

        if not text.lstrip().startswith(("{", "[", '"')):
            return self._change(text)
        return _STRING.sub(changed, text)
