"""The text of an answer, as it is written."""

from __future__ import annotations

from ..reading import AsyncReplyStream, ReplyStream
from ..schemas.reply import ObjectType


class TextStream(ReplyStream[str, ObjectType]):
    """Iterate it for the answer's text, piece by piece. `reply()` reads to the end and gives the Reply, whose `object`
    is what the output parser made of the text, if there is one; text that it cannot read is ObjectInvalid there.
    """


class AsyncTextStream(AsyncReplyStream[str, ObjectType]):
    """TextStream's twin."""
