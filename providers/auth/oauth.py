"""OAuth tokens in a file: read them, renew them before they expire, by one call at a time, and write them back."""

from __future__ import annotations

import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...pipeline.effects import CallNext, Run, Send, Sleep, StepGenerator
from ...pipeline.http.request import Headers, Request
from ...pipeline.http.response import Response
from ...schemas.atomic_files import write_file
from ...schemas.errors import AuthError, MissingKey
from ...schemas.json_text import INDENT, dumps, loads
from ...schemas.secret import MaskedDict, Secret

MARGIN_SECONDS = 300


class TokenFile:
    """A file of tokens, and the lock that lets only one call renew them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def read(self) -> MaskedDict:
        """Read the file. Raises MissingKey if there is no such file or no token in it."""
        try:
            data = MaskedDict(loads(self.path.read_bytes()))
            data["tokens"] = MaskedDict(data.get("tokens") or {})
        except (OSError, ValueError, TypeError):
            data = None
        # Outside the handler, so that it is not chained: an error about JSON holds the text of the file.
        if data is None:
            raise MissingKey(f"no tokens could be read from {self.path}", hint="log in with: codex login")
        if not data["tokens"].get("access_token"):
            raise MissingKey(f"{self.path} holds no access token", hint="log in with: codex login")
        return data

    def write(self, data: Mapping[str, Any]) -> None:
        """Write the file atomically, readable by the owner alone."""
        write_file(self.path, dumps(data, option=INDENT), mode=0o600)

    def take(self) -> bool:
        """Try to become the call that renews; True if it is."""
        return self._lock.acquire(blocking=False)

    def give_back(self) -> None:
        self._lock.release()


def expires_at(token: str) -> float:
    """Return when a JWT expires, in seconds since 1970; infinity for another token. The signature is not checked."""
    return float(claims(token).get("exp", float("inf")))


def claims(token: str) -> dict[str, Any]:
    """Return the claims of a JWT; none for another token."""
    try:
        payload = token.split(".")[1]
        data: dict[str, Any] = loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return data


def refreshed(
    file: TokenFile, request: Request, call: CallNext, renewal: Callable[[str], tuple[str, bytes]]
) -> StepGenerator:
    """Send the call with the token in the file, which is renewed first if it is about to expire.

    Of several calls with an old token, one renews it and the others wait.

    file: the file of tokens.
    request, call: the call.
    renewal: `renewal(refresh_token)` returns the address and the body of the request that renews.
    """
    while True:
        data = yield Run(file.read)
        tokens = data["tokens"]
        if expires_at(tokens["access_token"]) > time.time() + MARGIN_SECONDS:
            return (yield from call(request.replace(credential=_credential(tokens))))
        if (yield Run(file.take)):
            break
        yield Sleep(0.02)
    try:
        data = yield Run(file.read)
        if expires_at(data["tokens"]["access_token"]) <= time.time() + MARGIN_SECONDS:
            yield from _renew(file, data, request, renewal)
            data = yield Run(file.read)
    finally:
        file.give_back()
    return (yield from call(request.replace(credential=_credential(data["tokens"]))))


def _credential(tokens: Mapping[str, Any]) -> dict[str, Any]:
    return {"token": Secret(tokens["access_token"]), "account": tokens.get("account_id")}


def _renewal_request(request: Request, url: str, body: bytes) -> Request:
    headers = Headers({"content-type": "application/json", "accept": "application/json"})
    return request.replace(method="POST", url=url, body=body, headers=headers, stream=False)


def _renew(
    file: TokenFile, data: dict[str, Any], request: Request, renewal: Callable[[str], tuple[str, bytes]]
) -> StepGenerator:
    sent = _renewal_request(request, *renewal(data["tokens"].get("refresh_token") or ""))
    response: Response = yield Send(sent)
    if response.status != 200:
        raise AuthError(f"the token could not be renewed ({response.status})", hint="log in again with: codex login")
    fresh = MaskedDict(loads(response.body))
    names = ("access_token", "refresh_token", "id_token")
    data["tokens"].update({name: fresh[name] for name in names if fresh.get(name)})
    yield Run(lambda: file.write(data))
    return response
