"""Decode a chat answer to a Reply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....schemas.fold import fold
from ....schemas.model import Model
from ....schemas.reply import Reply
from .stream import closing, init_stream_state, read_body


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    """Decode the answer as a stream that comes at once. Raises DecodeError for a body without a message."""
    state = init_stream_state(model)
    return fold([*read_body(data, model, state), *closing(state)])
