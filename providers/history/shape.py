"""What a wire format makes of a conversation that it cannot send as it is: each change is a warning on the reply."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from attrs import evolve, frozen

from ...schemas.dict_form import LOOSE
from ...schemas.message import Message
from ...schemas.parts import MEDIA, Audio, File, Image, Opaque, Part, Refusal, Text, Video

_ALL = frozenset(("system", "user", "assistant"))
_NONE: frozenset[str] = frozenset()

BRIDGED = "an answer was made up between a tool's result and the message after it"


@frozen(kw_only=True)
class HistoryShape:
    """How a format's encoder changes a conversation. By default it changes nothing."""

    system_first: bool = False
    """system messages go to the front, wherever they are"""
    system_joined: bool = False
    """system messages at the beginning become one text"""
    system_text: bool = False
    """of system messages only the text is sent"""
    alternates: bool = False
    """messages of one role in a row become one turn"""
    opens_with_user: bool = False
    """a turn of the user is made up before a conversation that begins with an answer, or has only instructions"""
    bridges: bool = False
    """an answer is made up between the results of tools and a message of the user or the system"""
    speakers: frozenset[str] = _ALL
    """the roles whose messages keep the name of the speaker"""
    empty: frozenset[str] = _NONE
    """the roles whose empty messages are left out"""
    blank: bool = False
    """text that is only white space counts as empty"""
    strips_last: bool = False
    """white space at the end of a last answer, which the model continues, is cut off"""
    details: bool = True
    """images keep their `detail`"""
    file_names: frozenset[str] = frozenset(("data", "url"))
    """the sources of documents that keep their `filename`: bytes (data), addresses (url). One that is stored at the
    provider has its name there"""
    result_media: bool = True
    """results of tools hold images and files; otherwise these follow in a message of the user"""
    empty_results: bool = True
    """results of tools may be empty; otherwise they get a text that says so"""
    blocks: frozenset[str] = _ALL | {"tool"}
    """the roles that may have blocks of the format's own (Opaque)"""
    server_tools: Callable[[Any], tuple[str | None, str | None]] | None = None
    """reads a block of the provider's own, where its tool's call without a result is refused: see open_tools.py"""
    cache_marks: frozenset[str] = _NONE
    """the roles whose parts keep a mark for the provider's cache"""


UNCHANGED = HistoryShape()
"""The shape of a format that sends every conversation as it is."""


def changes(messages: Sequence[Message], shape: HistoryShape) -> list[str]:
    """Describe, each once, what the encoder changes of the messages of a conversation."""
    found: dict[str, None] = {}
    spoken = before = ""  # the roles of the last message that is not the system's, and of the last one
    for message in messages:
        role, content = message.role, message.content
        if message.name and role not in shape.speakers and role != "tool":
            found["the name of a speaker is left out"] = None
        # Text alone, as most often, is looked at here.
        if len(content) != 1 or type(content[0]) is not Text or content[0].extra or role == "tool":
            _look_into(message, shape, found)
        if role in shape.empty and _is_empty(content, shape.blank):
            found["an empty message is left out"] = None
            continue
        if role == "system":
            if spoken and shape.system_first:
                found["a system message in the middle was moved to the front"] = None
            if before == role and not spoken and shape.system_joined:
                found["the system messages at the beginning were joined into one text"] = None
            if shape.system_first:
                before = role
                continue
        elif role == spoken and shape.alternates and role != "tool":
            found["messages of one role in a row were joined into one turn"] = None
        elif role == "assistant" and not spoken and shape.opens_with_user:
            found["a turn of the user was made up before the first answer"] = None
        if before == "tool" and shape.bridges and role not in ("tool", "assistant"):
            found[BRIDGED] = None
        before = role
        spoken = spoken if role == "system" else role
    if not spoken and shape.opens_with_user:
        found["a turn of the user was made up, since there are only instructions"] = None
    if spoken == "assistant" and shape.strips_last and _ends_blank(messages):
        found["white space at the end of the last answer was cut off"] = None
    return list(found)


def _look_into(message: Message, shape: HistoryShape, found: dict[str, None]) -> None:
    """Note what is changed of the parts of a message."""
    role, content = message.role, message.content
    if role == "tool":
        if not shape.empty_results and _is_empty(content, shape.blank):
            found["an empty result of a tool was given a text that says so"] = None
        if not shape.result_media and any(isinstance(part, MEDIA) for part in content):
            found["files in the result of a tool were moved to a message of the user after it"] = None
    if role == "system" and shape.system_text and not all(isinstance(part, Text) for part in content):
        found["of a system message only the text is sent"] = None
    for part in content:
        if isinstance(part, MEDIA) and (why := retyped(part)):
            found[why] = None
        if isinstance(part, Image) and part.detail and not shape.details and role != "assistant":
            found["the detail of an image is left out"] = None
        if isinstance(part, File) and part.filename and role != "assistant" and not _is_named(part, shape):
            found["the name of a file is left out"] = None
        if shape.blank and isinstance(part, Text) and part.text.isspace() and role != "assistant":
            found["blank text is left out"] = None
        if isinstance(part, Opaque) and role not in shape.blocks:
            found["a block of the provider's own is left out"] = None
        if role not in shape.cache_marks and is_marked(part):
            found["a mark for the provider's cache is left out"] = None


def _is_named(part: File, shape: HistoryShape) -> bool:
    source = "data" if part.data is not None or (part.url or "").startswith("data:") else "url"
    return bool(part.file_id) or source in shape.file_names


def retyped(part: Image | File | Audio | Video) -> str | None:
    """Describe that a file is sent under another media type than declared; None where it is not."""
    if (sent := part.corrected_type) is None:
        return None
    return f"a file is sent as {sent}, which its bytes are, and not as the media type that was given"


def is_marked(part: Part) -> bool:
    """Check whether a part has a mark for the provider's cache, in the form that all wires share."""
    return not isinstance(part, Opaque) and "cache_control" in part.extra.get(LOOSE, ())


def without_marks(message: Message, shape: HistoryShape) -> Message:
    """Return the message without marks for the cache, if its role keeps none."""
    if message.role in shape.cache_marks or not any(map(is_marked, message.content)):
        return message
    return evolve(message, content=[_unmarked(part) if is_marked(part) else part for part in message.content])


def _unmarked(part: Any) -> Part:
    loose = {name: value for name, value in part.extra[LOOSE].items() if name != "cache_control"}
    unmarked: Part = evolve(part, extra={**part.extra, LOOSE: loose})
    return unmarked


def _is_empty(content: Sequence[Part], blank: bool) -> bool:
    for part in content:
        if not isinstance(part, Text | Refusal) or (part.text.strip() if blank else part.text):
            return False
    return True


def _ends_blank(messages: Sequence[Message]) -> bool:
    last = next(message for message in reversed(messages) if message.role != "system").content
    return bool(last) and isinstance(last[-1], Text) and last[-1].text != last[-1].text.rstrip()
