"""Messages, and the Context that holds a conversation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, Literal, TypeAlias, overload

from attrs import evolve, field, frozen

from .citation import Citation, later
from .dict_form import LABELS, check_keys, loose_calls, loose_content, loose_reasoning, string_field, text_field
from .errors import ConfigError
from .foreign_names import Hinted
from .missing_argument import refuse_missing
from .parts import PARTS, Audio, Part, Reasoning, Refusal, ServerToolCall, ServerToolResult, Text, ToolCall
from .several import holds_several
from .tool import Tool, tool_behind

Role = Literal["system", "user", "assistant", "tool"]
Content = str | Part | Sequence[str | Part]
_PART_TYPES = frozenset(PARTS)
_TEXT_OR_PARTS = (str, *PARTS)


def _mistakes() -> ModuleType:
    """Return the module of what is said of mistakes, which is loaded when one is made."""
    from . import message_hints

    return message_hints


def _parts(content: Content | None) -> tuple[Part, ...]:
    if content is None or content == "":
        return ()
    if isinstance(content, str):
        return (Text(content),)
    if isinstance(content, PARTS):
        return (content,)
    if not hasattr(content, "__iter__") or isinstance(content, dict):  # isinstance with Iterable takes 0.5 µs
        raise _mistakes().no_content(content)
    parts = tuple([Text(item) if isinstance(item, str) else item for item in content])
    for part in parts:
        if not isinstance(part, PARTS):
            raise _mistakes().no_content(content, part)
    return parts


_set = object.__setattr__
_KNOWN_ROLES = ("user", "assistant", "tool", "system")


@frozen(hash=False, init=False, slots=False)
class Message(Hinted, hints="message"):
    """One message of a conversation. Raises ConfigError for an unknown role and for content that is not text or parts.

    Messages of equal content are equal, whichever model wrote them.
    """

    role: Role
    content: tuple[Part, ...] = ()
    """The parts in their order, tool calls included."""
    tool_call_id: str | None = None
    """Of a `tool` message: the id of the call that it answers."""
    name: str | None = None
    """Of a `tool` message: the name of the tool."""
    is_error: bool = False
    """Of a `tool` message: whether the call failed."""
    extra: Mapping[str, Any] = field(factory=dict, repr=False)
    """Data that only one wire understands, by the wire's name."""
    model: str | None = field(default=None, repr=False, eq=False)
    """The author of an answer, as `provider:model-id`: its signatures and opaque data go to no other provider."""

    def __init__(
        self,
        role: Role,
        content: Content | None = (),
        tool_call_id: str | None = None,
        name: str | None = None,
        is_error: bool = False,
        extra: Mapping[str, Any] | None = None,
        model: str | None = None,
    ) -> None:
        # Written by hand, since every call makes two: converters and slots would take three times as long.
        if role not in _KNOWN_ROLES:
            raise ConfigError(f"{role!r:.40} is not a role", hint="use system, user, assistant or tool")
        if type(content) is str and content:
            content = (Text(content),)
        elif type(content) is not tuple or not _PART_TYPES.issuperset(map(type, content)):
            content = _parts(content)
        values: dict[str, Any] = {"role": role, "content": content, "tool_call_id": tool_call_id, "name": name}
        values["is_error"], values["extra"], values["model"] = is_error, {} if extra is None else extra, model
        _set(self, "__dict__", values)

    @property
    def text(self) -> str:
        """The text of all text parts."""
        if len(self.content) == 1 and type(part := self.content[0]) is Text:  # nearly always
            return part.text
        return "".join([part.text for part in self.content if type(part) is Text])

    @property
    def reasoning(self) -> str:
        """The text of all reasoning parts."""
        return "".join([part.text for part in self.content if type(part) is Reasoning])

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tool calls among the parts."""
        return tuple([part for part in self.content if type(part) is ToolCall])

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The citations of all text parts, in their order; their spans count in `text`."""
        out: list[Citation] = []
        before = 0
        for part in self.content:
            if type(part) is Text:
                out += later(part.citations, before)
                before += len(part.text)
        return tuple(out)

    @property
    def server_tool_calls(self) -> tuple[ServerToolCall, ...]:
        """The calls of tools that the provider ran."""
        return tuple([part for part in self.content if type(part) is ServerToolCall])

    @property
    def server_tool_results(self) -> tuple[ServerToolResult, ...]:
        """The results of the provider's tools."""
        return tuple([part for part in self.content if type(part) is ServerToolResult])


def _of_text(role: Role, text: str) -> Message:
    """Make a message of what is known to be a role and a text that is not empty, in half the time."""
    message: Message = object.__new__(Message)
    # A literal, which Python makes in half the time of a copy of another message's fields.
    values: dict[str, Any] = {"role": role, "content": (Text(text),), "tool_call_id": None, "name": None}
    values["is_error"], values["extra"], values["model"] = False, {}, None
    _set(message, "__dict__", values)
    return message


def system(text: Content) -> Message:
    """Make a system message: instructions to the model."""
    return Message("system", text)


def user(content: Content, *more: str | Part) -> Message:
    """Make a user message of text, parts, or a list of both: `user("What is it?", Image(url=...))`."""
    return Message("user", (content, *more) if more else content)  # type: ignore[arg-type]  # checked by Message


def reminder(content: Content) -> Message:
    """Make a user message that the program adds, such as a complaint about an answer.

    It does not begin a new turn of the user; see `is_turn`.
    """
    return Message("user", content, extra={"stepwell": {"turn": False}})


def is_turn(message: Message) -> bool:
    """Return whether this message begins a new turn of the user."""
    return message.role == "user" and bool(message.extra.get("stepwell", {}).get("turn", True))


def assistant(content: Content, *more: str | Part) -> Message:
    """Make an assistant message, something that the model said: text, parts, or a list of both."""
    return Message("assistant", (content, *more) if more else content)  # type: ignore[arg-type]  # checked by Message


def tool_result(call: ToolCall | str, content: object, *, name: str | None = None, is_error: bool = False) -> Message:
    """Make a tool message: the result of a tool call.

    call: the ToolCall, or its id.
    content: text, parts, or a list of both; all else becomes JSON, as a tool's result does in run_tools.
    name: the tool's name, by default that of the ToolCall.
    is_error: whether the call failed.

    Raises ToolFailed for content without a JSON form.
    """
    if isinstance(content, ToolCall) or not isinstance(call, ToolCall | str):
        raise ConfigError("tool_result takes the call, and then its result", hint="tool_result(call, result)")
    if not isinstance(content, str):
        from .json_schema.write_value import content_of_result  # brings in the writing of JSON

        content = content_of_result(content, name or (call.name if isinstance(call, ToolCall) else ""))
    if isinstance(call, ToolCall):
        return Message("tool", content, call.id, name or call.name, is_error)
    return Message("tool", content, call, name, is_error)


MessageLike: TypeAlias = str | Message | Part | Mapping[str, object]
_ONLY_MESSAGES, _ONLY_TOOLS = frozenset((Message,)), frozenset((Tool,))


def _messages_of(messages: object) -> tuple[Message, ...]:
    if isinstance(messages, str | Message | Mapping):
        messages = (messages,)
    elif not holds_several(messages):
        raise ConfigError(f"a conversation cannot be a {type(messages).__name__}", hint="pass a list of messages")
    return tuple([message_of(message) for message in messages])


def _tools_of(items: Iterable[Tool]) -> Iterator[Tool]:
    if not holds_several(items):
        raise _mistakes().no_tools(items)
    for each in items:
        if (tool := tool_behind(each)) is None:
            raise ConfigError(
                f"a Context cannot hold a {type(each).__name__} as a tool", hint="make it a Tool with stepwell.tool"
            )
        yield tool


@frozen(hash=False, init=False, slots=False)
class Context(Hinted, hints="context"):
    """A conversation: its messages, and the tools that the model may call. Immutable; every change gives a new one.

    The messages may also be given as strings, which become user messages, or as dicts (see `message_of`). Raises
    ConfigError for anything else.
    """

    messages: tuple[Message, ...] = ()
    tools: tuple[Tool, ...] = ()

    def __init__(self, messages: MessageLike | Iterable[MessageLike] = (), tools: Iterable[Tool] = ()) -> None:
        # Written by hand, as in Message: each step that changes a conversation makes one, mostly of checked tuples.
        if type(messages) is not tuple or not _ONLY_MESSAGES.issuperset(map(type, messages)):
            messages = _messages_of(messages)
        if type(tools) is not tuple or not _ONLY_TOOLS.issuperset(map(type, tools)):
            tools = tuple(_tools_of(tools))
        _set(self, "__dict__", {"messages": messages, "tools": tools})

    def append(self, *messages: Message | str | Mapping[str, Any]) -> Context:
        """Return this conversation with further messages; a string becomes a user message."""
        if len(messages) > 1 and str in map(type, messages):
            _mistakes().refuse_pairs(messages)
        more = messages if _ONLY_MESSAGES.issuperset(map(type, messages)) else _messages_of(messages)
        _set(made := Context.__new__(Context), "__dict__", {"messages": (*self.messages, *more), "tools": self.tools})
        return made  # without a look at each message that was there

    def with_instructions(self, text: str) -> Context:
        """Return this conversation with `text` at the end of its system message, or as its system message."""
        if self.messages and (first := self.messages[0]).role == "system":
            plain = len(first.content) == 1 and type(first.content[0]) is Text and not first.content[0].extra
            parts = [Text(f"{first.text}\n\n{text}")] if plain else [*first.content, Text(text)]
            return Context((evolve(first, content=parts), *self.messages[1:]), self.tools)
        return Context((Message("system", text), *self.messages), self.tools)

    def with_tools(self, *tools: Tool) -> Context:
        """Return a conversation of the same messages with exactly these tools."""
        return Context(self.messages, tools)

    def __iter__(self) -> Iterator[Message]:
        return iter(self.messages)

    def __len__(self) -> int:
        return len(self.messages)

    @overload
    def __getitem__(self, place: int) -> Message: ...
    @overload
    def __getitem__(self, place: slice) -> Context: ...
    def __getitem__(self, place: int | slice) -> Message | Context:
        """Return a message, or a conversation of some of the messages, with the same tools."""
        if isinstance(place, slice):
            return Context(self.messages[place], self.tools)
        return self.messages[place]

    def to_json(self) -> str:
        """Return the versioned JSON form, without the callbacks of tools; `Context.from_json` gives an equal Context.

        Raises ConfigError for what JSON cannot hold.
        """
        from .serialise import dump_document  # imports cattrs, which takes longer than all of this module

        return dump_document("context", {"messages": self.messages, "tools": self.tools}, "this conversation").decode()

    @classmethod
    def from_json(cls, data: bytes | str) -> Context:
        """Return the Context of `to_json`'s result. Raises DecodeError for JSON of another shape or a newer version."""
        from .serialise import load_document  # imports cattrs, which takes longer than all of this module

        return cls(**load_document(data, "context", {"messages": Message, "tools": Tool}, cls.__name__))


def context_of(prompt: object) -> Context:
    """Return the Context of a prompt: a string, a part, a Message, a Context, or a list of messages, dicts or parts.

    Raises ConfigError for an empty prompt, for one that ends with an empty user message, and for anything else.
    """
    if isinstance(prompt, str):
        if not prompt.strip():
            raise _empty()
        return Context((_of_text("user", prompt),))
    if isinstance(prompt, Context):
        context = prompt
    elif isinstance(prompt, list):
        context = Context(_messages(prompt))
    elif isinstance(prompt, Message):
        context = Context((prompt,))
    elif isinstance(prompt, Mapping):
        context = Context((message_of(prompt),))
    elif isinstance(prompt, PARTS):
        context = Context((user(prompt),))
    elif holds_several(prompt):
        context = Context(_messages(prompt))
    else:
        refuse_missing(prompt)
        raise _mistakes().no_prompt(prompt, message_of)
    if not context.messages:
        raise ConfigError("the prompt has no messages", hint="pass some text, or a list of messages")
    last = context.messages[-1]
    if last.role == "user" and _is_blank(last.content):
        raise _empty()
    return context


def _empty() -> ConfigError:
    return ConfigError("the prompt is empty", hint="pass some text, or the list of messages, as prompt=")


def _is_blank(content: tuple[Part, ...]) -> bool:
    if len(content) == 1 and type(content[0]) is Text:  # without a generator, in every call
        return not content[0].text.strip()
    return all(isinstance(part, Text) and not part.text.strip() for part in content)


def _messages(items: Iterable[Any]) -> tuple[Message, ...]:
    items = list(items)
    if items and type(items[0]) is not dict and all(isinstance(item, _TEXT_OR_PARTS) for item in items):
        return (user(items),)
    return tuple([message_of(item) for item in items])


_ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
}
_COMMON = ("role", "content", "name", *LABELS)
_OF_ANSWERS = (
    *(*_COMMON, "tool_calls", "function_call", "refusal", "audio"),
    *("reasoning_content", "reasoning", "reasoning_details"),
)
_KEYS: Mapping[str, tuple[str, ...]] = {
    "tool": (*_COMMON, "tool_call_id"),
    "function": _COMMON,
    "assistant": _OF_ANSWERS,
    "model": _OF_ANSWERS,
}
"""The keys of messages in dict form by their role."""


def message_of(item: object) -> Message:
    """Return the Message that an item of a conversation stands for.

    item: a Message, a string or a part (a user message), or a dict in the common chat form: `role`, `content`, and the
        further keys in `_KEYS`.

    Raises ConfigError for anything else, also for unknown keys that have a value, at any depth. Its message does not
    quote the conversation.
    """
    if type(item) is dict and len(item) == 2 and "role" in item and "content" in item:
        # As nearly all are: checked in 1 µs, the others in 5.
        role, content = item["role"], item["content"]
        if type(role) is str and role in _ROLES and type(content) is str and content:
            return _of_text(_ROLES[role], content)
    if isinstance(item, Message):
        return item
    if isinstance(item, _TEXT_OR_PARTS):
        return user(item)
    if not isinstance(item, Mapping) or "role" not in item:
        raise _mistakes().no_message(item, message_of)
    role, content = item["role"], item.get("content")
    if not isinstance(role, str) or role not in _ROLES:
        raise ConfigError(f"{role!r:.40} is not a role", hint="use system, user, assistant or tool")
    check_keys(item, _KEYS.get(role, _COMMON), f"a message of role {role}")
    if _ROLES[role] == "tool":
        if "content" not in item:
            raise ConfigError("a tool's message has no content", hint='pass {"role": "tool", "content": "…"}')
        id, name = text_field(item, "tool_call_id"), text_field(item, "name")
        return Message("tool", _parts(loose_content(content)), id, name)
    parts: list[Part] = loose_reasoning(item)
    parts += _parts(loose_content(content))
    parts += [Refusal(refusal)] if (refusal := text_field(item, "refusal")) else []
    parts += loose_calls(item.get("tool_calls"))
    if call := item.get("function_call"):  # of a message from before there could be several
        parts += loose_calls([call])
    if audio := item.get("audio"):
        parts.append(Audio(file_id=string_field(audio if isinstance(audio, Mapping) else {}, "id")))
    if not parts and (role == "user" or "content" not in item):
        raise ConfigError(f"a message of role {role} has no content", hint='pass {"role": "user", "content": "…"}')
    return Message(_ROLES[role], parts, name=text_field(item, "name"))
