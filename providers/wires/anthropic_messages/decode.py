"""Decode an unstreamed message to a Reply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....schemas.fold import fold
from ....schemas.model import Model
from ....schemas.reply import Reply
from .stream import flush_stream_state, init_stream_state, read_message


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    """Decode a message as a stream of one piece. Raises the provider's error if the body is one."""
    state = init_stream_state(model)
    return fold([*read_message(data, model, state), *flush_stream_state(model, state)])
