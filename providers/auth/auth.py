"""Functions that put a credential on a request. They run on every attempt, when the body is final."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import isawaitable, iscoroutine, iscoroutinefunction
from typing import Any

from attrs import frozen

from ...pipeline.effects import CallNext, Flow, Run, StepGenerator
from ...pipeline.http.request import Headers, Request
from ...schemas.errors import ConfigError, InvalidKey, MissingKey
from ...schemas.secret import Secret, header_secret

Auth = Callable[[Request], Request] | Callable[[Request, CallNext], StepGenerator]
"""`(request)` returns the request with the credential; `(request, call)` is a generator as for `around`, which may
yield effects and sees the response. Both are called for every attempt, also without a credential."""


@frozen
class HeaderKey:
    """Send the key in a header, after a prefix. Without a key, which only `key_optional` allows, send nothing."""

    name: str
    prefix: str = ""

    def __call__(self, request: Request) -> Request:
        key = request.credential
        if key is None:
            return request
        value = self.prefix + (key.reveal() if type(key) is Secret else reveal(request))
        headers = Headers(request.headers)
        dict.__setitem__(headers, self.name.lower(), value)  # the name is lowered once: every call comes here
        return request.replace(headers=headers)


def header_key(name: str, prefix: str = "") -> HeaderKey:
    """Send the key in a header of its own, such as `x-api-key`, after an optional prefix."""
    return HeaderKey(name, prefix)


bearer = HeaderKey("authorization", "Bearer ")
"""Send the key as `Authorization: Bearer KEY`."""


def no_key(request: Request) -> Request:
    """Send no credential."""
    return request


def token_from(request: Request, function: Callable[[], Any]) -> Flow:
    """Return the token that a user's function returns, as a Secret.

    An async function is awaited. Another one may block, so an async client calls it in a thread. Raises InvalidKey for
    a result that is not a key, TotalTimeout if the call's total timeout passes meanwhile.
    """

    from ...pipeline.blocking import in_call_time  # only for a credential that is a function

    def secret(token: object) -> Secret:
        return header_secret(token, where="the credential's function")

    def call() -> Secret:
        token = function()
        if isawaitable(token):
            if iscoroutine(token):
                token.close()  # else Python warns that it was never awaited
            raise ConfigError("the credential is an async function", hint="use it with AsyncClient")
        return secret(token)

    async def acall() -> Secret:
        import anyio.to_thread  # comes with httpx

        threads = anyio.to_thread.run_sync
        token = function() if iscoroutinefunction(function) else await threads(function, abandon_on_cancel=True)
        return secret(await token if isawaitable(token) else token)

    return in_call_time(request, Run(call, acall))


def known_credential(request: Request) -> Any:
    """Return the credential of a provider that takes no function for it. Raises InvalidKey for a function."""
    if callable(request.credential):
        raise InvalidKey(
            f"{request.model.provider} takes no function that returns the key", hint="pass its result as api_key='...'"
        )
    return request.credential


def credential_value(request: Request, name: str) -> Any:
    """Return one of the values of a credential of several; None for any other credential."""
    return request.credential.get(name) if isinstance(request.credential, Mapping) else None


def reveal(request: Request) -> str:
    """Return the key of a request as a string.

    Raises MissingKey if there is none, InvalidKey for a credential that is not one key.
    """
    credential = known_credential(request)
    if credential is None:
        raise MissingKey(f"no API key for {request.model.provider}", hint="pass api_key= or Client(api_keys=…)")
    if isinstance(credential, Mapping):
        credential = credential.get("api_key") or credential.get("token")
    if not isinstance(credential, Secret):
        raise InvalidKey(f"{request.model.provider} takes one key, a string", hint="pass api_key='...'")
    return credential.reveal()
