"""Ways to put a credential on a request. Each runs on every attempt, after the body is final."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...pipeline.request import Headers, Request
from ...schemas.errors import InvalidKey
from ...schemas.secret import Secret

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


def reveal(request: Request) -> str:
    """The one string that a simple credential is. Raises InvalidKey for anything else."""
    credential = request.credential
    if isinstance(credential, Mapping):
        credential = credential.get("api_key") or credential.get("token")
    if not isinstance(credential, Secret):
        raise InvalidKey(f"{request.model.provider} takes one key, a string", hint="pass api_key='...'")
    return credential.reveal()
