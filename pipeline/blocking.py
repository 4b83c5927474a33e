"""Work of a call that blocks, such as the fetch of a login, within the time that the call has left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .effects import Flow, in_thread
from .http.request import Request
from .http.timeouts import LEAST, total_timeout


def in_call_time(request: Request, work: Callable[[], Any]) -> Flow:
    """Return the result of a function that blocks. Raises TotalTimeout if the call's total timeout passes meanwhile."""
    left, total = request.seconds_left(), request.timeouts.total
    try:
        return (yield in_thread(work, None if left is None else max(left, LEAST)))
    except TimeoutError:
        left = request.seconds_left()
        if total is None or left is None or left > LEAST:
            raise  # a TimeoutError of the function itself
    raise total_timeout(total)
