"""What all checks of a provider share: the clients that they call, and the checks that every operation has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

from attrs import frozen

from ..options import Credential
from ..providers.auth.auth import no_key
from ..providers.declare.extending import base_of
from ..providers.declare.overrides import in_force
from ..providers.declare.provider import Provider
from ..providers.declare.registry import Registry
from ..providers.declare.resolve import resolve_steps
from ..providers.declare.wire import Wire
from ..schemas import errors
from ..schemas.model import Model
from .network import MockBody, require, run, transport_of

if TYPE_CHECKING:
    import httpx

KEY = "test-key-that-must-not-leak"
STATUSES = {401: errors.AuthError, 404: errors.NotFound, 429: errors.RateLimitError, 500: errors.ServerError}
ErrorType = TypeVar("ErrorType", bound=errors.StepwellError)
Checks = Iterator[tuple[str, Callable[[], None]]]


@frozen
class Suite:
    """The checks of one provider on one wire. A check raises AssertionError, or the error that it did not expect."""

    provider: Provider
    wire: Wire
    model: str
    credential: Credential
    client_class: Callable[..., Any]
    async_client_class: Callable[..., Any]

    def checks(self) -> Checks:
        """Yield the name of each check and the function that runs it."""
        yield "a missing key is an error", self._check_missing_key
        yield "a misspelt option is an error", self._check_misspelt_option

    def checks_of(self, driver: str, error: bytes) -> Checks:
        """Yield the checks of the statuses of errors, whose body is `error`, by a sync or async client."""
        for status, kind in STATUSES.items():
            yield f"status {status}, {driver}", partial(self._check_status, status, kind, driver, error)

    def call(self, body: MockBody, driver: str, ask: Callable[[Any], Any]) -> Any:
        """Make a call by the "sync" or the "async" client; `ask(client)` makes it, and for the latter is awaited."""
        if driver == "async":
            return run(self.acall(body, ask))
        with self.client(body) as client:
            return ask(client)

    async def acall(self, body: MockBody, ask: Callable[[Any], Any]) -> Any:
        """Make a call by the async client."""
        async with self.aclient(body) as client:
            return await ask(client)

    def _check_status(self, status: int, kind: type[errors.ProviderError], driver: str, body: bytes) -> None:
        error = raised(kind, lambda: self.call(MockBody(body, status=status), driver, self.ask(driver == "sync")))
        require(error.status == status, f"the error's status is {error.status!r}")
        require(error.provider == self.provider.id, f"the error's provider is {error.provider!r}")
        require(KEY not in str(error), "the key is in the error's message")

    def ask(self, stream: bool) -> Callable[[Any], Any]:
        """Return a function that makes the call by a client and returns its reply, or what is awaited for it.

        stream: whether the answer is streamed, if the operation has streams.
        """
        raise NotImplementedError

    def require_model(self, sent: str) -> None:
        """Require that the URL and body of a request hold the model's name."""
        id = self.model.partition(":")[2]
        names = {id, self.provider.normalize_model_id(id)}
        require(id == "*" or any(name in sent for name in names), "the model's name is not in the request")

    def require_key(self, request: httpx.Request) -> None:
        """Require that the key is in the headers of the request, and nowhere else; with no_key, not even there."""
        require(KEY not in str(request.url), "the key is in the URL")
        require(KEY.encode() not in request.content, "the key is in the body")
        sent = any(KEY in value for value in request.headers.values())
        if base_of(self._authenticate()) is no_key:
            require(not sent, "the key was sent, though auth is no_key")
        else:
            require(sent or self.credential is not KEY, "the key was not sent")

    def _authenticate(self) -> object:
        """Return the authenticate in force for the calls of the checks."""
        id = self.model.partition(":")[2]
        model, changes = Model(self.provider.id, id), in_force(self.provider, id)
        return resolve_steps(self.provider, model, self.wire, changes)["authenticate"]

    @property
    def valid_input(self) -> object:
        """What the calls are given that fail before anything is sent."""
        return "hi"

    def _check_missing_key(self) -> None:
        if self.credential is not KEY or not self.provider.needs_key(self.wire, self._authenticate()):
            return
        with self.client(MockBody(b""), keys={}) as client:
            raised(errors.MissingKey, lambda: self._call_given(client, base_url="http://other.invalid"))

    def _check_misspelt_option(self) -> None:
        name = f"{min(self.provider.option_table(self.wire), default='provider_option')}s"
        with self.client(MockBody(b"")) as client:
            error = raised(errors.InvalidOption, lambda: self._call_given(client, **{name: 1}))
        require(name in str(error), "the error does not name the option")

    def _call_given(self, client: Any, **options: object) -> object:
        return client.run(self.wire.operation, self.model, self.valid_input, wire=self.wire.name, **options)

    def client(self, body: MockBody, keys: Mapping[str, Credential] | None = None) -> Any:
        """Make a client of this provider alone, whose answers are `body`."""
        return self.client_class(**self._settings(body, keys))

    def aclient(self, body: MockBody) -> Any:
        """Make an async client of this provider alone, whose answers are `body`."""
        return self.async_client_class(**self._settings(body))

    def _settings(self, body: MockBody, keys: Mapping[str, Credential] | None = None) -> dict[str, Any]:
        registry = Registry()
        registry.register(self.provider)
        keys = {self.provider.id: self.credential} if keys is None else keys
        return {"transport": transport_of(body), "registry": registry, "api_keys": keys, "retries": 0}


def text_of(request: httpx.Request) -> str:
    """Return the URL and body of a request as one text."""
    return f"{unquote(str(request.url))}\n{request.content.decode('utf-8', 'replace')}"


def raised(kind: type[ErrorType], call: Callable[[], object], when: str = "") -> ErrorType:
    """Return the error of this kind that the call raises. Raises AssertionError, which says when, if it raises none."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__} was raised{when}")
