"""Notes on a request that goes on with an answer which broke off, for the steps that send it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..http.request import StateKey

if TYPE_CHECKING:
    from .decoder import StreamDecoder

BEGUN: StateKey[bool] = StateKey("begun", False, travels=True)
"""True if the last message is the beginning of the answer: what takes none must refuse it with NotSupported."""
ECHOED: StateKey[bool] = StateKey("echoed", False)
"""True if the server repeats the beginning before it goes on."""
RESUMED: StateKey[StreamDecoder | None] = StateKey("resumed", None)
"""The decoder of a stream that broke off, whose rest the provider still has and is asked for."""
