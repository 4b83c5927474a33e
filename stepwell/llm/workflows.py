"""The workflows of an LLM with a filled template, written once for sync and async, and the streams of their text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..events import span
from ..options import ModelLike
from ..parsers.asking import ask_and_parse, parse_reply
from ..parsers.parser import OutputParser
from ..pipeline.effects import CallModel, Flow
from ..reply_stream import AsyncReplyStream, ReplyStream
from ..schemas.chunks import StreamChunk, TextDelta
from ..schemas.errors import ObjectInvalid
from ..schemas.message import Context
from ..schemas.reply import ObjectType, Reply
from ..workflows.objects.generate import object_error
from ..workflows.stream_call import stream_call

Parser = OutputParser[Any] | None


def predict(model: ModelLike, context: Context, parser: Parser, options: Mapping[str, Any], max_repairs: int) -> Flow:
    """Ask, and return the Reply; what the parser read is its `object`.

    max_repairs: how often an answer that the parser cannot read is shown to the model again.
    """
    if parser is None:
        return (yield CallModel(model, context, options))
    return (yield from ask_and_parse(model, context, parser, options, max_repairs))


def stream_parsed(model: ModelLike, context: Context, parser: Parser, options: Mapping[str, Any]) -> Flow:
    """Emit the pieces of the text and return the Reply, as `predict` does, but without repairs; in a span."""
    with span("stream", model=str(model)) as work:
        asked = parser.format(context) if parser else context
        reply: Reply = yield from stream_call(model, asked, options, _texts)
        work.note(usage=reply.usage)
        if parser is None:
            return reply
        try:
            return reply.replace(object=parse_reply(parser, reply), prompt=context)
        except ObjectInvalid as invalid:
            raise object_error(invalid, reply, [reply]) from None


def _texts(chunks: list[StreamChunk]) -> Iterator[str]:
    return (chunk.text for chunk in chunks if type(chunk) is TextDelta)


def in_span(name: str, model: ModelLike, flow: Flow) -> Flow:
    """Run a flow inside a span, which notes the usage of the Reply."""
    with span(name, model=str(model)) as work:
        reply: Reply = yield from flow
        work.note(usage=reply.usage)
        return reply


class TextStream(ReplyStream[str, ObjectType]):
    """The text of an answer, to be iterated piece by piece.

    `reply()` reads to the end and returns the Reply. Its `object` is what the output parser made of the text, if there
    is one. Raises ObjectInvalid at the end for text that the parser cannot read.
    """


class AsyncTextStream(AsyncReplyStream[str, ObjectType]):
    """Async version of TextStream."""
