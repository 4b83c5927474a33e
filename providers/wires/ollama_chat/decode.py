"""Decode a chat answer to a Reply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....schemas.fold import fold
from ....schemas.model import Model
from ....schemas.reply import Reply
from .stream import closing, init_stream_state, read_piece


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    """Decode the answer as a stream of one piece.

    Raises the server's error if the body is one, DecodeError for a body without a message.
    """
    state = init_stream_state(model)
    return fold([*read_piece(data, model, state, rules=None), *closing(state)])
