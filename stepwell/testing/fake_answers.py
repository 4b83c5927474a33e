"""What the turns of a FakeModel mean: the chunks and pauses of a chat, the reply of any other operation."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from attrs import evolve

from ..schemas.chunks import Finish, ReasoningDelta, StreamChunk, TextDelta
from ..schemas.errors import ConfigError, InvalidOption, StreamTruncated
from ..schemas.message import Message
from ..schemas.model import Model
from ..schemas.parts import Audio, Image, Text, check_texts
from ..schemas.reply import Ranked, Reply, Verdict, check_message
from ..schemas.reply_chunks import chunks_of
from ..schemas.usage import Usage
from .fault_kinds import Alteration, AlteredBody, BodyEnd, Item, Pause

Said: TypeAlias = "list[StreamChunk] | Pause | Exception"
"""What a fake says next: chunks, a wait, or an error that ends it."""


def said_in_chat(turn: object, size: int | None) -> list[Said]:
    """Return what a turn of a chat says, in order.

    turn: text, a part, a Reply, or a list of texts and parts, with pauses and errors among them.
    size: the most characters of a piece of text; None for whole texts.

    Raises ConfigError for anything else.
    """
    if isinstance(turn, Reply):
        check_message(turn)
        return [[piece] for chunk in chunks_of(turn) for piece in _pieces(chunk, size)]
    items: Sequence[Any] = turn if isinstance(turn, list | tuple) else [turn]
    said: list[Said] = []
    parts, before = 0, None
    for item in items:
        if isinstance(item, Pause | Exception):
            said.append(item)
        elif isinstance(item, dict | Message):
            hint = "it is text (json.dumps(...) for JSON), a part, ToolCall(id, name, arguments_json) say, or a Reply"
            hint = "pass Reply(message)" if isinstance(item, Message) else hint
            raise ConfigError(f"a turn of a chat cannot be or hold a {type(item).__name__}", hint=hint)
        else:
            message = Message("assistant", [Text(item) if isinstance(item, str) else item])
            check_texts(message.content)
            # Text after a pause is more of the same part.
            if not parts or not isinstance(item, str) or not isinstance(before, Pause):
                parts += 1
            said += [[piece] for chunk in _content(message, parts - 1) for piece in _pieces(chunk, size)]
        before = item
    reason = "tool_calls" if any(getattr(item, "type", "") == "tool_call" for item in items) else "stop"
    return [*said, [Finish(reason, reason)]]


def _content(message: Message, index: int) -> list[StreamChunk]:
    """Return the chunks of a message of one part, as those of the part with this index."""
    chunks: list[Any] = [each for each in chunks_of(Reply(message)) if hasattr(each, "index")]
    return [evolve(each, index=index) for each in chunks]


def _pieces(chunk: StreamChunk, size: int | None) -> list[StreamChunk]:
    if size is None or not isinstance(chunk, TextDelta | ReasoningDelta):
        return [chunk]
    return [evolve(chunk, text=chunk.text[at : at + size]) for at in range(0, len(chunk.text), size)]


def altered(said: Iterable[Said], alterations: list[Alteration]) -> deque[Said]:
    """Return what is left of these when the bytes of the text are altered."""
    out: deque[Said] = deque()
    body, decoder, last = AlteredBody(alterations), getincrementaldecoder("utf-8")("replace"), TextDelta("")
    for item in said:
        chunk = item[0] if isinstance(item, list) else None
        parts: Iterable[Item] = ()
        if isinstance(chunk, TextDelta):
            last, parts = chunk, body.items(chunk.text.encode())
        elif isinstance(chunk, Finish):
            parts = body.items(None)
        for part in parts:
            if isinstance(part, bytes):
                out.append([evolve(last, text=decoder.decode(part))])
            elif not isinstance(part, BodyEnd):
                out.append(part)
            elif not isinstance(chunk, Finish):
                out.append(StreamTruncated("the answer ended before its terminal event"))
        if out and isinstance(out[-1], Exception):
            return out
        if not isinstance(chunk, TextDelta):
            out.append(item)
    return out


def scripted_reply(operation: str, turn: object, model: Model) -> Reply[Any]:
    """Return the reply of an operation other than chat. Raises InvalidOption for a turn that it does not take."""
    if isinstance(turn, Reply):
        return turn
    taken = _TAKEN.get(operation)
    if taken is not None and (reply := taken[1](turn, model)) is not None:
        return reply
    wanted = taken[0] if taken else "a Reply"
    raise InvalidOption(f"a turn for {operation} cannot be a {type(turn).__name__}", hint=f"it is {wanted}")


def _text(turn: object, model: Model) -> Reply[Any] | None:
    return Reply(Message("assistant", turn), "stop") if isinstance(turn, str) else None


def _images(turn: object, model: Model) -> Reply[Any] | None:
    each = turn if isinstance(turn, list) else [turn]
    images: list[Any] = [Image(data=one) if isinstance(one, bytes) else one for one in each]
    return Reply(Message("assistant", images), "stop") if all(isinstance(one, Image) for one in images) else None


def _sound(turn: object, model: Model) -> Reply[Any] | None:
    sound = Audio(data=turn, media_type="audio/mpeg") if isinstance(turn, bytes) else turn
    return Reply(Message("assistant", [sound]), "stop") if isinstance(sound, Audio) else None


def _count(turn: object, model: Model) -> Reply[Any] | None:
    return Reply(usage=Usage(input_tokens=turn), finish_reason="stop") if type(turn) is int else None


def _list_of(make: Callable[[int, Any, Model], Any]) -> Callable[[object, Model], Reply[Any] | None]:
    """Return a function that makes a Reply with a list of objects, `make(place, item, model)` of each item."""

    def reply(turn: object, model: Model) -> Reply[Any] | None:
        if not isinstance(turn, list | tuple):
            return None
        return Reply(object=[make(place, item, model) for place, item in enumerate(turn)], finish_reason="stop")

    return reply


def _ranking(turn: object, model: Model) -> Reply[Any] | None:
    reply = _list_of(lambda place, item, model: item if isinstance(item, Ranked) else Ranked(place, item))(turn, model)
    if reply is not None:
        reply.object.sort(key=lambda row: -row.score)
    return reply


_TAKEN: Mapping[str, tuple[str, Callable[[object, Model], Reply[Any] | None]]] = {
    "embed": ("a list of vectors", _list_of(lambda place, item, model: list(item))),
    "rerank": ("a list of scores, in the order of the documents, or of Ranked", _ranking),
    "image": ("bytes, an Image or a list of these", _images),
    "speak": ("bytes or an Audio", _sound),
    "transcribe": ("text", _text),
    "ocr": ("text", _text),
    "moderate": (
        "a list of Verdict, or of True for what is flagged",
        _list_of(lambda place, item, model: item if isinstance(item, Verdict) else Verdict(bool(item))),
    ),
    "count_tokens": ("a number of tokens", _count),
    "list_models": (
        "a list of ids",
        _list_of(lambda place, item, model: item if isinstance(item, Model) else Model(model.provider, item)),
    ),
}
"""What a turn of each operation is, and how it becomes a Reply; None for a turn of another type."""
