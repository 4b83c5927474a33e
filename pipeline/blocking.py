"""Work of a call that blocks, such as the fetch of a login, within the time that the call has left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..schemas.errors import TotalTimeout
from .effects import Flow, in_thread
from .http.request import Request
from .http.timeouts import LEAST


def in_call_time(request: Request, work: Callable[[], Any]) -> Flow:
    """Return the result of a function that blocks. Raises TotalTimeout if the call's total timeout passes meanwhile."""
    left = request.seconds_left()
    try:
        return (yield in_thread(work, None if left is None else max(left, LEAST)))
    except TimeoutError:
        if (left := request.seconds_left()) is None or left > LEAST:
            raise  # a TimeoutError of the function itself
    raise TotalTimeout("the call took longer than its total timeout", hint="raise timeout=")
