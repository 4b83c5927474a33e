"""Streams of an answer's text."""

from __future__ import annotations

from ..reply_stream import AsyncReplyStream, ReplyStream
from ..schemas.reply import ObjectType


class TextStream(ReplyStream[str, ObjectType]):
    """The text of an answer, to be iterated piece by piece.

    `reply()` reads to the end and returns the Reply. Its `object` is what the output parser made of the text, if there
    is one. Raises ObjectInvalid at the end for text that the parser cannot read.
    """


class AsyncTextStream(AsyncReplyStream[str, ObjectType]):
    """Async version of TextStream."""
