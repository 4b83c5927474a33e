"""Messages, and the Context that a conversation is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from attrs import evolve, field, frozen

from .errors import ConfigError
from .nearest import nearest
from .parts import Audio, File, Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall, Video
from .tool import Tool, tool_behind

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
    if not hasattr(content, "__iter__") or isinstance(content, dict):  # a look at Iterable costs 0.5 µs
        raise ConfigError(f"a message's content cannot be a {type(content).__name__}", hint="use text, parts or a list")
    parts = tuple(Text(item) if isinstance(item, str) else item for item in content)
    for part in parts:
        if not isinstance(part, _PARTS):
            raise ConfigError(f"a message's content cannot hold a {type(part).__name__}", hint="use text or a part")
    return parts


def _known_role(message: Any, attribute: Any, role: Any) -> None:
    if role not in _KNOWN_ROLES:
        raise ConfigError(f"{role!r:.40} is not a role", hint="use system, user, assistant or tool")


_KNOWN_ROLES = ("user", "assistant", "tool", "system")


@frozen(hash=False)
class Message:
    """One turn. Its parts, tool calls among them, stand in the order in which they were said.

    A `tool` message answers one call: `tool_call_id` and `name` say which, `is_error` whether it failed. `model` is who
    wrote an answer, as `provider:model-id`: what only that provider understands of it is sent to no other. Messages
    that say the same are equal, whoever wrote them. Raises ConfigError for a
    role or a content that there is not.
    """

    role: Role = field(validator=_known_role)
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


def _messages_of(given: Any) -> tuple[Message, ...]:
    if given.__class__ is tuple:
        # Every step that changes a conversation comes by here: 0.1 µs where all is well.
        for each in given:
            if each.__class__ is not Message:
                break
        else:
            return given
    if isinstance(given, str | Message | Mapping):
        given = (given,)
    elif not isinstance(given, Iterable):
        raise ConfigError(f"a conversation cannot be a {type(given).__name__}", hint="pass a list of messages")
    return tuple([message_of(each) for each in given])


def _tools_of(given: Iterable[Tool]) -> tuple[Tool, ...]:
    tools = []
    for each in given:
        if (tool := tool_behind(each)) is None:
            raise ConfigError(
                f"a Context cannot hold a {type(each).__name__} as a tool", hint="make a Tool of it with stepwell.tool"
            )
        tools.append(tool)
    return tuple(tools)


@frozen(hash=False)
class Context:
    """A conversation: messages and the tools on offer. Immutable; every change gives a new one.

    A plain string among the messages is the user's, and OpenAI's dict form will do as well. Raises ConfigError for
    anything else.
    """

    messages: tuple[Message, ...] = field(default=(), converter=_messages_of)
    tools: tuple[Tool, ...] = field(default=(), converter=_tools_of)

    def append(self, *messages: Message | str | Mapping[str, Any]) -> Context:
        """This conversation and more; a plain string is the user's."""
        return evolve(self, messages=(*self.messages, *messages))

    def with_instructions(self, text: str) -> Context:
        """The same conversation with more in its system message, or with one."""
        first = self.messages[0] if self.messages else None
        if first is not None and first.role == "system":
            instructed = Message("system", f"{first.text}\n\n{text}" if first.text else text)
            return evolve(self, messages=(instructed, *self.messages[1:]))
        return evolve(self, messages=(Message("system", text), *self.messages))

    def with_tools(self, *tools: Tool) -> Context:
        """The same messages with exactly these tools."""
        return evolve(self, tools=tools)

    def __iter__(self) -> Iterator[Message]:
        return iter(self.messages)

    def __len__(self) -> int:
        return len(self.messages)

    def to_json(self) -> bytes:
        """Return the versioned JSON form, without the callbacks of tools; `Context.from_json` gives an equal Context.

        Raises ConfigError for what JSON cannot hold.
        """
        from .serialise import dump_document  # imports cattrs, which takes longer than all of this module

        return dump_document("context", {"messages": self.messages, "tools": self.tools}, "this conversation")

    @classmethod
    def from_json(cls, data: bytes | str) -> Context:
        """Return the Context of `to_json`'s result. Raises DecodeError for JSON of another shape or version."""
        from .serialise import load_document  # imports cattrs, which takes longer than all of this module

        return cls(**load_document(data, "context", {"messages": Message, "tools": Tool}, cls.__name__))


def context_of(prompt: Any) -> Context:
    """A Context from what people pass as a prompt: a string, parts, a Message, or a list of messages or dicts.

    Raises ConfigError for an empty prompt, a conversation that ends with an empty message of the user's, and for
    anything else.
    """
    if isinstance(prompt, str):
        if not prompt.strip():
            raise _empty()
        return Context((Message("user", prompt),))
    if isinstance(prompt, Context):
        context = prompt
    elif isinstance(prompt, Message):
        context = Context((prompt,))
    elif isinstance(prompt, Mapping):
        context = Context((message_of(prompt),))
    elif isinstance(prompt, _PARTS):
        context = Context((user(prompt),))
    elif isinstance(prompt, Iterable) and not isinstance(prompt, bytes):
        context = Context(_messages(prompt))
    else:
        raise ConfigError(
            f"a prompt cannot be a {type(prompt).__name__}", hint="pass a string, a Context or a list of messages"
        )
    if not context.messages:
        raise ConfigError("the prompt has no messages", hint="pass some text, or a list of messages")
    last = context.messages[-1]
    if last.role == "user" and _is_blank(last.content):
        raise _empty()
    return context


def _empty() -> ConfigError:
    return ConfigError("the prompt is empty", hint="pass some text, or a list of messages")


def _is_blank(content: tuple[Part, ...]) -> bool:
    return all(isinstance(part, Text) and not part.text.strip() for part in content)


def _messages(items: Iterable[Any]) -> tuple[Message, ...]:
    items = list(items)
    if items and all(isinstance(item, (str, *_PARTS)) for item in items):
        return (user(items),)
    return tuple([message_of(item) for item in items])


_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "model": "assistant"}
_KEYS = ("role", "content", "name", "tool_calls", "tool_call_id", "refusal", "reasoning_content")
# What answers have beside these, and nobody sends back.
_IGNORED = ("type", "id", "status", "annotations", "audio", "function_call", "reasoning", "reasoning_details")


def message_of(item: Any) -> Message:
    """A message from what stands in a list of them: a Message, a string of the user's, or the dict form that OpenAI
    made common. Raises ConfigError, without what the message says, for anything else."""
    if isinstance(item, Message):
        return item
    if isinstance(item, (str, *_PARTS)):
        return user(item)
    if not isinstance(item, Mapping) or "role" not in item:
        without = " without a role" if isinstance(item, Mapping) else ""
        raise ConfigError(
            f"a message cannot be a {type(item).__name__}{without}", hint='pass {"role": "user", "content": "…"}'
        )
    role, content = item["role"], item.get("content")
    for name, value in item.items():
        if value and name not in _KEYS and name not in _IGNORED:
            raise ConfigError(f"a message has no {name!r:.40}", hint=nearest(name, _KEYS))
    if role == "tool":
        if "content" not in item:
            raise ConfigError("a tool's message has no content", hint='pass {"role": "tool", "content": "…"}')
        return Message("tool", _parts(_loose_content(content)), _text(item, "tool_call_id"), _text(item, "name"))
    if not isinstance(role, str) or role not in _ROLES:
        raise ConfigError(f"{role!r:.40} is not a role", hint="use system, user, assistant or tool")
    parts: list[Part] = [Reasoning(thought)] if (thought := _text(item, "reasoning_content")) else []
    parts += _parts(_loose_content(content))
    parts += [Refusal(refusal)] if (refusal := _text(item, "refusal")) else []
    parts += _loose_calls(item.get("tool_calls"))
    if not parts and (role == "user" or "content" not in item):
        raise ConfigError(f"a message of role {role} has no content", hint='pass {"role": "user", "content": "…"}')
    return Message(_ROLES[role], parts, name=_text(item, "name"))  # type: ignore[arg-type]


def _text(item: Mapping[str, Any], name: str) -> str | None:
    value = item.get(name)
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"the {name!r} of a message is a {type(value).__name__}", hint="pass a string")
    return value


def _loose_calls(calls: Any) -> list[Part]:
    parts: list[Part] = []
    for call in calls or ():
        function = call.get("function", call) if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise ConfigError(
                "a tool call of a message has no name", hint='pass {"id": …, "function": {"name": …, "arguments": …}}'
            )
        parts.append(ToolCall(_text(call, "id") or "", function["name"], _json_text(function.get("arguments"))))
    return parts


def _json_text(arguments: Any) -> str:
    if arguments is None or isinstance(arguments, str):
        return arguments or ""
    from .json_text import dumps

    try:
        return dumps(arguments).decode()
    except TypeError as error:
        raise ConfigError(f"the arguments of a tool call are not JSON: {error}") from None


def _loose_content(content: Any) -> Content | None:
    if content is None or isinstance(content, (str, *_PARTS)):
        return content
    if isinstance(content, Mapping):
        content = (content,)
    elif not isinstance(content, Iterable):
        raise ConfigError(f"a message's content cannot be a {type(content).__name__}", hint="use text or a list")
    return [_loose_part(part) if isinstance(part, Mapping) else part for part in content]


def _loose_part(part: Mapping[str, Any]) -> Part:
    kind = part.get("type")
    if kind in ("text", "input_text", "output_text"):
        return Text(_of_part(part, "text"))
    if kind == "image_url":
        image = part.get("image_url")
        given = image if isinstance(image, Mapping) else {"url": image}
        return Image(url=_of_part(given, "url"), detail=given.get("detail"))
    raise ConfigError(f"{kind!r:.40} is not a part of a loose message", hint="use Text, Image, File, Audio or Video")


def _of_part(part: Mapping[str, Any], name: str) -> str:
    value = part.get(name)
    if not isinstance(value, str):
        raise ConfigError(f"a part of a message has no {name!r}", hint="give it one, a string")
    return value
