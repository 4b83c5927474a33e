"""Decode an unstreamed answer to a Reply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....schemas.fold import fold
from ....schemas.model import Model
from ....schemas.reply import Reply
from .stream import flush_stream_state, init_stream_state, read_answer


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    """Decode the answer as a stream of one piece."""
    state = init_stream_state(model)
    return fold([*read_answer(data, state), *flush_stream_state(model, state)])
