"""Stream one call of a workflow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..pipeline.effects import CallModel, Cancelled, Emit, Flow
from ..schemas.chunks import StreamChunk


def stream_call(
    model: Any, prompt: Any, options: Mapping[str, Any], items: Callable[[list[StreamChunk]], Iterable[Any]]
) -> Flow:
    """Stream one chat call: emit what `items` makes of the chunks as they come, and return the Reply."""
    reader = yield CallModel(model, prompt, options, stream=True)
    try:
        while (chunks := (yield from reader.next())) is not None:
            for item in items(chunks):
                yield Emit(item)
    except Cancelled:
        yield from reader.close()
        raise
    return reader.whole_reply()
