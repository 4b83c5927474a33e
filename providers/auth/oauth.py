"""OAuth tokens in a file: read them, renew them before they expire, by one call at a time, and write them back."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

from ...pipeline.effects import CallNext, Run, StepGenerator
from ...pipeline.http.request import Request
from ...pipeline.single_flight import SingleFlight
from ...schemas.atomic_files import write_file
from ...schemas.errors import ConfigError, MissingKey
from ...schemas.files import SETTINGS_BYTES, read_file
from ...schemas.json_text import INDENT, dumps, loads
from ...schemas.secret import MaskedDict, Secret
from .tokens import MARGIN_SECONDS, answer_of, seconds, to_server


class TokenFile:
    """A file of tokens, which one call at a time renews."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.flight: SingleFlight[MaskedDict] = SingleFlight()

    def read(self) -> MaskedDict:
        """Read the file. Raises MissingKey if there is no such file or no token in it."""
        try:
            data = MaskedDict(loads(read_file(self.path, at_most=SETTINGS_BYTES)))
            data["tokens"] = MaskedDict(data.get("tokens") or {})
        except (ConfigError, ValueError, TypeError):
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


def expires_at(token: str) -> float:
    """Return when a JWT expires, in seconds since 1970; infinity for another token. The signature is not checked."""
    return seconds(claims(token).get("exp"))


def claims(token: str) -> dict[str, Any]:
    """Return the claims of a JWT; none for another token."""
    try:
        payload = token.split(".")[1]
        data = loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def refreshed(
    file: TokenFile, request: Request, call: CallNext, renewal: Callable[[str], tuple[str, bytes]]
) -> StepGenerator:
    """Send the call with the token in the file, which is renewed first if it is about to expire.

    Of several calls with an old token, one renews it and the others wait.

    file: the file of tokens.
    request, call: the call.
    renewal: `renewal(refresh_token)` returns the address and the body of the request that renews.
    """
    data = yield Run(file.read)
    if _is_old(data, request):
        data = yield from file.flight.run(request, lambda: _renewed(file, request, renewal))
    tokens = data["tokens"]
    credential = {"token": Secret(tokens["access_token"]), "account": tokens.get("account_id")}
    return (yield from call(request.replace(credential=credential)))


def _is_old(data: Mapping[str, Any], request: Request) -> bool:
    return expires_at(data["tokens"]["access_token"]) <= request.world.time() + MARGIN_SECONDS


def _renewed(
    file: TokenFile, request: Request, renewal: Callable[[str], tuple[str, bytes]]
) -> Generator[Any, Any, MaskedDict]:
    data: MaskedDict = yield Run(file.read)
    if not _is_old(data, request):  # another call, or another process, was faster
        return data
    asked = to_server(request, *renewal(data["tokens"].get("refresh_token") or ""), "application/json")
    fresh = yield from answer_of(
        asked, "access_token", "the token could not be renewed", "log in again with: codex login"
    )
    names = ("access_token", "refresh_token", "id_token")
    data["tokens"].update({name: fresh[name] for name in names if isinstance(fresh.get(name), str)})
    yield Run(lambda: file.write(data))
    return data
