"""An unstreamed answer to a Reply."""

from __future__ import annotations

from typing import Any

from ....schemas.errors import DecodeError
from ....schemas.fold import fold
from ....schemas.model import Model
from ....schemas.reply import Reply
from .finish import block_of
from .stream import closing, init_stream_state, read_piece


def decode_response(data: Any, model: Model) -> Reply:
    """The answer is read as a stream of one piece, which is exactly what it looks like on the wire.

    Raises the provider's error where the body holds one, and DecodeError for a body with neither candidates nor a
    reason for having none. A blocked prompt is a reply that was filtered.
    """
    state = init_stream_state(model)
    chunks = read_piece(data, model, state, rules=None)
    if not data.get("candidates") and not block_of(data):
        raise DecodeError("the answer has no candidates and does not say why", hint="see .payload")
    return fold([*chunks, *closing(state)])
