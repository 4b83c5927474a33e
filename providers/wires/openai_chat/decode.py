"""Decode the body of a chat completion to a Reply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....schemas.errors import DecodeError
from ....schemas.fold import fold
from ....schemas.model import Model
from ....schemas.reply import Reply
from .stream import closing, extract_usage, init_stream_state, read_piece


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    """Decode the body as a stream of one piece.

    Raises the provider's error if the body is one, or if a choice has failed, then with the partial answer; DecodeError
    for a body without choices.
    """
    state = init_stream_state(model)
    chunks = read_piece(data, model, state, rules=None)
    if state.index is None:
        raise DecodeError("the answer has no choices", hint="the provider may have filtered it; see .payload")
    reply = fold([*chunks, *closing(model, state)])
    if (error := state.failure) is not None:
        error.partial, error.usage = reply, extract_usage(data, model)
        raise error
    return reply
