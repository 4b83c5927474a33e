"""The checks of an operation other than chat: its answer, its errors, cancelling, and what its request holds."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import frozen

from ..providers.wires.samples import OperationSample
from ..schemas.errors import StepwellError
from .network import MockBody, cancelled, require, run
from .suite import Checks, Suite, text_of

_PAGE = b"<!DOCTYPE html><html><body>Sign in</body></html>"
_ERROR = b'{"error": {"message": "this is what went wrong", "type": "some_error", "code": null}}'


@frozen
class OperationSuite(Suite):
    """The checks of one operation."""

    sample: OperationSample

    def checks(self) -> Checks:
        for driver in ("sync", "async"):
            yield f"the answer, {driver}", partial(self._check_answer, driver, 0)
            yield f"the answer, byte by byte, {driver}", partial(self._check_answer, driver, 1)
            yield from self.checks_of(driver, _ERROR)
            yield f"a web page in place of the answer, {driver}", partial(self._check_page, driver)
        yield "cancelling a call", self._check_cancelling
        yield "the request holds what is given, and the model", self._check_request
        yield "the key is sent, and only in headers", self._check_key
        yield from super().checks()

    def ask(self, stream: bool = False) -> Callable[[Any], Any]:
        sample = self.sample
        return lambda client: client.run(
            self.wire.operation, self.model, sample.input, wire=self.wire.name, **sample.options
        )

    @property
    def valid_input(self) -> object:
        return self.sample.input

    def _body(self, size: int = 0, seen: list[Any] | None = None, **how: Any) -> MockBody:
        return MockBody(self.sample.body, size, kind=self.sample.content_type, seen=seen, **how)

    def _check_answer(self, driver: str, size: int) -> None:
        found = self.sample.read(self.call(self._body(size), driver, self.ask()))
        require(
            found == self.sample.expected, f"the answer was read as {found!r}, which holds {self.sample.expected!r}"
        )

    def _check_page(self, driver: str) -> None:
        try:
            reply = self.call(MockBody(_PAGE, kind="text/html"), driver, self.ask())
        except StepwellError:
            return
        raise AssertionError(f"it was read as an answer: {self.sample.read(reply)!r}")

    def _check_cancelling(self) -> None:
        body = self._body(16, stalls=True)
        run(cancelled(body, self.acall(body, self.ask())))

    def _request(self) -> Any:
        seen: list[Any] = []
        self.call(self._body(seen=seen), "sync", self.ask())
        require(bool(seen), "nothing was sent")
        return seen[0]

    def _check_request(self) -> None:
        sent = text_of(self._request())
        for text in self.sample.sent:
            require(text in sent, f"{text!r} is not in the request")
        self.require_model(sent)

    def _check_key(self) -> None:
        self.require_key(self._request())
