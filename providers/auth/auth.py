"""Functions that put a credential on a request. They run on every attempt, when the body is final."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import iscoroutinefunction
from typing import Any

from ...pipeline.effects import Run
from ...pipeline.http.request import Headers, Request
from ...schemas.errors import ConfigError, InvalidKey
from ...schemas.secret import Secret, header_secret

Auth = Callable[[Request], Request]


def bearer(request: Request) -> Request:
    """Send the key as `Authorization: Bearer KEY`."""
    return request.replace(headers=Headers(request.headers, authorization=f"Bearer {reveal(request)}"))


def header_key(name: str, prefix: str = "") -> Auth:
    """Send the key in a header of its own, such as `x-api-key`, after an optional prefix."""

    def authenticate(request: Request) -> Request:
        headers = Headers(request.headers)
        headers[name] = prefix + reveal(request)
        return request.replace(headers=headers)

    return authenticate


def no_key(request: Request) -> Request:
    """Send no credential."""
    return request


def optional(auth: Auth) -> Auth:
    """Send a key with `auth` if there is one, for servers that may need none."""
    return lambda request: auth(request) if request.credential is not None else request


def token_from(function: Callable[[], Any]) -> Run:
    """Make the effect that calls a user's function for a token; its result is a Secret.

    An async function is awaited. Another one may block, so an async client calls it in a thread.
    """

    def secret(token: str | Secret) -> Secret:
        return token if isinstance(token, Secret) else header_secret(token, where="the result of the token function")

    def call() -> Secret:
        if iscoroutinefunction(function):
            raise ConfigError("the credential is an async function", hint="use it with AsyncClient")
        return secret(function())

    async def acall() -> Secret:
        if iscoroutinefunction(function):
            return secret(await function())
        import anyio.to_thread  # comes with httpx

        return secret(await anyio.to_thread.run_sync(function))

    return Run(call, acall)


def reveal(request: Request) -> str:
    """Return the key as a string. Raises InvalidKey for a credential that is not one key."""
    credential = request.credential
    if isinstance(credential, Mapping):
        credential = credential.get("api_key") or credential.get("token")
    if not isinstance(credential, Secret):
        raise InvalidKey(f"{request.model.provider} takes one key, a string", hint="pass api_key='...'")
    return credential.reveal()
