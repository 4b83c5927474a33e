"""Messages, and the Context that a conversation is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from attrs import evolve, field, frozen

from .errors import ConfigError
from .parts import Audio, File, Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall, Video
from .tool import Tool

Role = Literal["system", "user", "assistant", "tool"]
Content = str | Part | Sequence[str | Part]

_PARTS = (Text, Refusal, Reasoning, Image, File, Audio, Video, ToolCall, Opaque)


def _parts(content: Content | None) -> tuple[Part, ...]:
    if content is None or content == "":
        return ()
    if isinstance(content, str):
        return (Text(content),)
    if isinstance(content, _PARTS):
        return (content,)
    parts = tuple(Text(item) if isinstance(item, str) else item for item in content)
    for part in parts:
        if not isinstance(part, _PARTS):
            raise ConfigError(f"a message's content cannot hold a {type(part).__name__}", hint="use text or a part")
    return parts


@frozen(hash=False)
class Message:
    """One turn. Its parts, tool calls among them, stand in the order in which they were said.

    A `tool` message answers one call: `tool_call_id` and `name` say which, `is_error` whether it failed. `model` is who
    wrote an answer, as `provider:model-id`: what only that provider understands of it is sent to no other. Messages
    that say the same are equal, whoever wrote them.
    """

    role: Role
    content: tuple[Part, ...] = field(default=(), converter=_parts)
    tool_call_id: str | None = None
    name: str | None = None
    is_error: bool = False
    extra: Mapping[str, Any] = field(factory=dict, repr=False)
    model: str | None = field(default=None, repr=False, eq=False)

    @property
    def text(self) -> str:
        return "".join([part.text for part in self.content if type(part) is Text])

    @property
    def reasoning(self) -> str:
        return "".join([part.text for part in self.content if type(part) is Reasoning])

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple([part for part in self.content if type(part) is ToolCall])


def system(text: Content) -> Message:
    """What the model is told to be."""
    return Message("system", text)


def user(content: Content) -> Message:
    """What the user says: text, parts, or a list of both."""
    return Message("user", content)


def reminder(content: Content) -> Message:
    """What is said in the user's place by the program that asks, such as a complaint about an answer: it begins no new
    turn of the user's, see `is_turn`."""
    return Message("user", content, extra={"stepwell": {"turn": False}})


def is_turn(message: Message) -> bool:
    """Whether the user says something new with this message."""
    return message.role == "user" and bool(message.extra.get("stepwell", {}).get("turn", True))


def assistant(content: Content) -> Message:
    """What the model said."""
    return Message("assistant", content)


def tool_result(call: ToolCall | str, content: Content, *, name: str | None = None, is_error: bool = False) -> Message:
    """The answer to a call: the ToolCall itself, or its id."""
    if isinstance(call, ToolCall):
        return Message("tool", content, call.id, name or call.name, is_error)
    return Message("tool", content, call, name, is_error)


def _messages_of(given: Iterable[Message]) -> tuple[Message, ...]:
    return tuple(given)


def _tools_of(given: Iterable[Tool]) -> tuple[Tool, ...]:
    return tuple(given)


@frozen(hash=False)
class Context:
    """A conversation: messages and the tools on offer. Immutable; every change gives a new one."""

    messages: tuple[Message, ...] = field(default=(), converter=_messages_of)
    tools: tuple[Tool, ...] = field(default=(), converter=_tools_of)

    def append(self, *messages: Message | str) -> Context:
        """This conversation and more; a plain string is the user's."""
        more = tuple(user(message) if isinstance(message, str) else message for message in messages)
        return evolve(self, messages=self.messages + more)

    def with_instructions(self, text: str) -> Context:
        """The same conversation with more in its system message, or with one."""
        first = self.messages[0] if self.messages else None
        if first is not None and first.role == "system":
            told = Message("system", f"{first.text}\n\n{text}" if first.text else text)
            return evolve(self, messages=(told, *self.messages[1:]))
        return evolve(self, messages=(Message("system", text), *self.messages))

    def with_tools(self, *tools: Tool) -> Context:
        """The same messages with exactly these tools."""
        return evolve(self, tools=tools)

    def __iter__(self) -> Iterator[Message]:
        return iter(self.messages)

    def __len__(self) -> int:
        return len(self.messages)

    def to_json(self) -> bytes:
        """The versioned JSON form; `Context.from_json` gives an equal Context. Callbacks of tools are left out."""
        from .serialise import dump_context  # brings in cattrs, which costs more than all of this module

        return dump_context(self)

    @classmethod
    def from_json(cls, data: bytes | str) -> Context:
        """Raises DecodeError for JSON of another shape or of a later version."""
        from .serialise import load_context  # brings in cattrs, which costs more than all of this module

        return load_context(data)


def context_of(prompt: Any) -> Context:
    """A Context from what people pass as a prompt: a string, parts, a Message, or a list of messages or dicts.

    Raises ConfigError for an empty prompt and for anything else.
    """
    if isinstance(prompt, str):
        if not prompt.strip():
            raise ConfigError("the prompt is empty", hint="pass some text, or a list of messages")
        return Context((Message("user", prompt),))
    if isinstance(prompt, Context):
        context = prompt
    elif isinstance(prompt, Message):
        context = Context((prompt,))
    elif isinstance(prompt, Mapping):
        context = Context((_loose(prompt),))
    elif isinstance(prompt, _PARTS):
        context = Context((user(prompt),))
    elif isinstance(prompt, Iterable):
        context = Context(tuple(_messages(prompt)))
    else:
        raise ConfigError(
            f"a prompt cannot be a {type(prompt).__name__}", hint="pass a string, a Context or a list of messages"
        )
    if not context.messages:
        raise ConfigError("the prompt has no messages", hint="pass some text, or a list of messages")
    return context


def _messages(items: Iterable[Any]) -> list[Message]:
    items = list(items)
    if items and all(isinstance(item, (str, *_PARTS)) for item in items) and not isinstance(items[0], Message):
        return [user(items)]
    return [item if isinstance(item, Message) else _loose(item) for item in items]


_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "model": "assistant"}


def _loose(item: Any) -> Message:
    """A message from the dict form that OpenAI made common."""
    if isinstance(item, str):
        return user(item)
    if not isinstance(item, Mapping) or "role" not in item:
        raise ConfigError(
            f"a message cannot be a {type(item).__name__} without a role", hint='pass {"role": "user", "content": "…"}'
        )
    role = item["role"]
    if role == "tool":
        return Message("tool", _loose_content(item.get("content")), item.get("tool_call_id"), item.get("name"))
    if role not in _ROLES:
        raise ConfigError(f"{role!r} is not a role", hint="use system, user, assistant or tool")
    parts: list[Part] = list(_parts(_loose_content(item.get("content"))))
    for call in item.get("tool_calls") or ():
        function = call.get("function", call)
        parts.append(ToolCall(call.get("id") or "", function["name"], _json_text(function.get("arguments"))))
    return Message(_ROLES[role], parts, name=item.get("name"))  # type: ignore[arg-type]


def _json_text(arguments: Any) -> str:
    if arguments is None or isinstance(arguments, str):
        return arguments or ""
    import orjson  # only for arguments given as an object

    return orjson.dumps(arguments).decode()


def _loose_content(content: Any) -> Content | None:
    if content is None or isinstance(content, (str, *_PARTS)):
        return content
    return [_loose_part(part) if isinstance(part, Mapping) else part for part in content]


def _loose_part(part: Mapping[str, Any]) -> Part:
    kind = part.get("type")
    if kind in ("text", "input_text", "output_text"):
        return Text(part["text"])
    if kind == "image_url":
        image = part["image_url"]
        given = image if isinstance(image, Mapping) else {"url": image}
        return Image(url=given["url"], detail=given.get("detail"))
    raise ConfigError(f"{kind!r} is not a part of a loose message", hint="use Text, Image, File, Audio or Video")
