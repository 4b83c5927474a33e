"""Ways to put a credential on a request. Each runs on every attempt, after the body is final."""

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
    """`Authorization: Bearer KEY`."""
    return request.replace(headers=Headers(request.headers, authorization=f"Bearer {reveal(request)}"))


def header_key(name: str, prefix: str = "") -> Auth:
    """The key in a header of its own, `x-api-key` for instance."""

    def authenticate(request: Request) -> Request:
        headers = Headers(request.headers)
        headers[name] = prefix + reveal(request)
        return request.replace(headers=headers)

    return authenticate


def no_key(request: Request) -> Request:
    """Nothing to prove."""
    return request


def optional(auth: Auth) -> Auth:
    """This way when there is a key, none at all when there is not: servers of your own."""
    return lambda request: auth(request) if request.credential is not None else request


def asked_for(give: Callable[[], Any]) -> Run:
    """The token that a function of the caller's gives. An async one is awaited; any other may ask the network, and runs
    in a thread where an event loop must go on. Gives a Secret."""

    def kept(token: Any) -> Secret:
        return (
            token if isinstance(token, Secret) else header_secret(token, where="what the credential's function gives")
        )

    def give_now() -> Secret:
        if iscoroutinefunction(give):
            raise ConfigError("the credential is an async function", hint="use it with AsyncClient")
        return kept(give())

    async def give_async() -> Secret:
        if iscoroutinefunction(give):
            return kept(await give())
        import anyio.to_thread  # comes with httpx

        return kept(await anyio.to_thread.run_sync(give))

    return Run(give_now, give_async)


def reveal(request: Request) -> str:
    """The one string that a simple credential is. Raises InvalidKey for anything else."""
    credential = request.credential
    if isinstance(credential, Mapping):
        credential = credential.get("api_key") or credential.get("token")
    if not isinstance(credential, Secret):
        raise InvalidKey(f"{request.model.provider} takes one key, a string", hint="pass api_key='...'")
    return credential.reveal()
