"""What the vendors' batch services have in common: ids in paths, and answers as lines of JSON."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ....pipeline.http.request import Request
from ....pipeline.steps.decode import Body
from ....pipeline.stream.decoder import SHAPE_ERRORS
from ....schemas.batch import BatchLine, BatchState
from ....schemas.errors import DecodeError
from ....schemas.json_text import loads
from ....schemas.model import Model
from ....schemas.reply import Reply
from ...declare.wire import Wire
from ..paths import segments

_ID = re.compile(rb'"custom_id"\s*:\s*"([A-Za-z0-9_-]+)"')


def path_to(pattern: str) -> Callable[[Request], str]:
    """A path with the id that is the call's input put in the place of {id}, each of its segments encoded."""

    def path(request: Request) -> str:
        return pattern.format(id=segments(str(request.input)))

    return path


def state_wire(name: str, operation: str, path: str, method: str, decode: Callable[[Any], BatchState]) -> Wire:
    """Ask for the state of a batch, or have it changed."""
    return Wire(
        name=name,
        operation=operation,
        path=path_to(path),
        method=method,
        build_body=lambda request: {},
        encode_body=lambda body: b"",
        decode_response=lambda data, model: Reply(object=decode(data), finish_reason="stop"),
    )


def results_wire(name: str, path: str, decode: Callable[[Any], BatchLine]) -> Wire:
    """Read answers, one line of JSON each. A line that cannot be read is the failure of its own request alone, unless
    none can."""

    def read(body: Body, model: Model) -> Reply:
        given = [line for line in body.data.split(b"\n") if line.strip()]
        read = [_line(line, decode) for line in given]
        if given and not any(read):
            raise DecodeError(
                "the results hold no line that can be read, but a line that is not JSON", payload=given[0][:2000]
            )
        return Reply(object=[line for line in read if line is not None], finish_reason="stop")

    return Wire(
        name=name,
        operation="batch_results",
        path=path_to(path),
        method="GET",
        binary=True,
        build_body=lambda request: {},
        encode_body=lambda body: b"",
        decode_response=read,
    )


def _line(data: bytes, decode: Callable[[Any], BatchLine]) -> BatchLine | None:
    """One answer; None for a line that does not even say which request it answers."""
    try:
        return decode(loads(data))
    except SHAPE_ERRORS:
        found = _ID.search(data)
        return BatchLine(found[1].decode(), why="its line in the results cannot be read") if found else None
