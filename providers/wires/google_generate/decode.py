"""Decode an unstreamed answer to a Reply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....schemas.errors import DecodeError
from ....schemas.fold import fold
from ....schemas.model import Model
from ....schemas.reply import Reply
from .finish import block_of
from .stream import closing, init_stream_state, read_piece


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    """Decode the answer as a stream of one piece, which is exactly what it looks like on the wire.

    Raises the provider's error if the body is one, and DecodeError for a body with neither candidates nor a reason for
    having none. A blocked prompt gives a reply with the finish reason `content_filter`.
    """
    state = init_stream_state(model)
    chunks = read_piece(data, model, state, rules=None)
    if not data.get("candidates") and not block_of(data):
        raise DecodeError("the answer has no candidates and does not say why", hint="see .payload")
    return fold([*chunks, *closing(state)])
