"""A mocked network that records requests, and checks of errors: clear, without secrets, and picklable."""

from __future__ import annotations

import copy
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from stepwell import Client
from stepwell.schemas import errors

from loopback import completion

CANARY = "sk-canary-123456789"
PROMPT = "a very private prompt"


class RecordingNetwork:
    """A mocked network that records requests and gives a set answer."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response] | None = None) -> None:
        self.sent: list[httpx.Request] = []
        self._answer = answer or (lambda request: httpx.Response(200, content=completion()))

    def client(self, **settings: Any) -> Client:
        def handler(request: httpx.Request) -> httpx.Response:
            self.sent.append(request)
            return self._answer(request)

        settings = {"api_keys": {"openai": CANARY}, "retries": 0, **settings}
        return Client(transport=httpx.MockTransport(handler), **settings)


def failing(kind: type[errors.StepwellError], call: Callable[[], Any], *, says: str) -> Any:
    """Assert that the call raises this error with a clear message, without secrets, and that it can be pickled."""
    with pytest.raises(kind, match=says) as caught:
        call()
    error = caught.value
    clean(error)
    for copied in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert type(copied) is type(error) and str(copied) == str(error)
        assert {k: repr(v) for k, v in vars(copied).items()} == {k: repr(v) for k, v in vars(error).items()}
    return error


def clean(error: BaseException) -> None:
    """Assert that neither the error, its chain nor the locals of its frames hold the key or the prompt's text."""
    seen: BaseException | None = error
    while seen is not None:
        assert CANARY not in repr(seen) + str(seen) + repr(vars(seen)) and PROMPT not in str(seen)
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    if isinstance(error, errors.InvalidKey) or "user name" in str(error):
        return  # refused at the door: the caller's own arguments are still in its frame
    ours = [
        frame
        for frame in traceback.TracebackException.from_exception(error, capture_locals=True).stack
        if "/tests/" not in frame.filename
    ]
    assert CANARY not in "".join(str(frame.locals) for frame in ours)
