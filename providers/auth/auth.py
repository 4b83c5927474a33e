"""Ways to put a credential on a request. Each runs on every attempt, after the body is final."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from inspect import isawaitable, iscoroutine, iscoroutinefunction
from typing import Any

from ...pipeline.effects import Run
from ...pipeline.http.request import Headers, Request
from ...schemas.errors import ConfigError, InvalidKey, MissingKey
from ...schemas.secret import Secret, header_secret
from ..declare.addresses import is_at

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
    in a thread where an event loop must go on. Gives a Secret. Raises InvalidKey for anything but a key."""

    def kept(token: Any) -> Secret:
        return header_secret(token, where="the credential's function")

    def give_now() -> Secret:
        token = None if iscoroutinefunction(give) else give()
        if iscoroutinefunction(give) or isawaitable(token):
            if iscoroutine(token):
                token.close()  # else Python warns that nobody awaited it
            raise ConfigError("the credential is an async function", hint="use it with AsyncClient")
        return kept(token)

    async def give_async() -> Secret:
        if iscoroutinefunction(give):
            return kept(await give())
        import anyio.to_thread  # comes with httpx

        token = await anyio.to_thread.run_sync(give)
        return kept(await token if isawaitable(token) else token)

    return Run(give_now, give_async)


def check_machine_login(request: Request, hosts: Iterable[str]) -> None:
    """Raise MissingKey where a login that the machine has would go to another address than its provider's `hosts`."""
    if not is_at(request.url, hosts):
        raise MissingKey(
            f"no key for {request.model.provider} at a base_url of your own: the machine's login goes only to the "
            "provider's own hosts",
            hint="pass api_key= with the call that has base_url=, or both base_urls= and api_keys= to the Client",
        )


def known_credential(request: Request) -> Any:
    """Return the credential, for providers that take no function in its place. Raises InvalidKey for a function."""
    if callable(request.credential):
        raise InvalidKey(
            f"{request.model.provider} takes no function that gives the key", hint="pass what it gives as api_key='...'"
        )
    return request.credential


def reveal(request: Request) -> str:
    """The one string that a simple credential is. Raises InvalidKey for anything else."""
    credential = known_credential(request)
    if isinstance(credential, Mapping):
        credential = credential.get("api_key") or credential.get("token")
    if not isinstance(credential, Secret):
        raise InvalidKey(f"{request.model.provider} takes one key, a string", hint="pass api_key='...'")
    return credential.reveal()
