"""Tokens that expire: fetched and renewed by one call at a time, for all threads and event loops of the process."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Mapping
from math import inf, isnan
from typing import Any
from urllib.parse import urlencode

from attrs import field, frozen

from ...pipeline.effects import CallNext, Flow, Send, StepGenerator, checked_flow
from ...pipeline.http.request import Headers, Request
from ...pipeline.single_flight import SingleFlight
from ...schemas.errors import AuthError, ConnectError, StepError, TransportError
from ...schemas.json_text import loads
from ...schemas.memo import Memo
from ...schemas.secret import MaskedDict, Secret, header_secret

MARGIN_SECONDS = 300
_AGAIN_SECONDS = 30
"""Seconds after which a server that could not be reached is asked again, while the token is good."""
_MOST = 100


def _to_send(value: str | Secret) -> Secret:
    return header_secret(value, where="the token")


@frozen
class Token:
    """A token, and how long it is good for."""

    value: Secret = field(converter=_to_send)
    """a string becomes a Secret"""
    expires: float = inf
    """in seconds since 1970"""
    details: Any = field(default=None, repr=False)
    """what came with it: an address, a project, ..."""


class TokenSource:
    """A token that is fetched with the first call, shared by all, and renewed before it expires.

    fetch: `fetch(request)`, a generator that yields effects (Send, Run, ...) and returns a Token, or a function without
        effects. It runs once for any number of calls that wait for it.
    margin: a token is renewed that many seconds before it expires, but not in the first half of its time. If its server
        cannot be reached then, it is used on, for as long as it is good.

    Its `authenticate` is an `auth=` for declarations: `declare_provider(..., auth=TokenSource(fetch).authenticate)`.
    """

    def __init__(self, fetch: Callable[[Request], Flow | Token], *, margin: float = MARGIN_SECONDS) -> None:
        self.fetch = fetch
        self._margin = margin
        self._token: Token | None = None
        self._renewed_at = 0.0
        self._flight: SingleFlight[Token] = SingleFlight()

    def get(self, request: Request) -> Generator[Any, Any, Token]:
        """Return the token, by `token = yield from source.get(request)`; it is fetched first if needed."""
        return self._good(request) or (yield from self._flight.run(request, lambda: self._fetched(request)))

    def forget(self, token: Token) -> None:
        """Fetch another one next time: this one was refused."""
        if self._token is token:
            self._token = None

    def authenticate(
        self,
        request: Request,
        call: CallNext,
        prepare: Callable[[Request, Token], Request] = lambda given, _: given,
    ) -> StepGenerator:
        """Send the token as `Authorization: Bearer TOKEN`. One that is refused is not used again.

        prepare: `prepare(request, token)` makes further changes, such as that of the address.
        """
        token = yield from self.get(request)
        prepared = prepare(request, token)
        response = yield from call(prepared.with_headers(authorization=f"Bearer {token.value.reveal()}"))
        if response.status == 401:
            self.forget(token)
        return response

    def _good(self, request: Request) -> Token | None:
        return self._token if request.world.time() < self._renewed_at else None

    def _fetched(self, request: Request) -> Generator[Any, Any, Token]:
        if (token := self._good(request)) is not None:
            return token
        try:
            token = yield from self._made(request)
        except TransportError:
            token, now = self._token, request.world.time()
            if token is None or token.expires <= now:
                raise
            self._renewed_at = min(now + _AGAIN_SECONDS, token.expires)
        else:
            margin = min(self._margin, (token.expires - request.world.time()) / 2)
            self._token, self._renewed_at = token, token.expires - margin
        return token

    def _made(self, request: Request) -> Generator[Any, Any, Token]:
        """Call `fetch`. Raises StepError for what is no Token."""
        made = self.fetch(request)
        token = made if isinstance(made, Token) else (yield from checked_flow(made, "a TokenSource"))
        if not isinstance(token, Token):
            hint = "return Token(value, expires), with the time in seconds since 1970"
            raise StepError(f"fetch of a TokenSource returned a {type(token).__name__}", hint=hint)
        return token


class TokenSources:
    """The sources of this process, by login.

    make: makes the source of a login.
    """

    def __init__(self, make: Callable[[Any], TokenSource]) -> None:
        self._make = make
        self._sources = Memo[bytes, TokenSource](_MOST)

    def of(self, login: Secret | Mapping[str, Any] | str | None) -> TokenSource:
        """Return the source of a login; None is the machine's."""
        plain = dict(login) if isinstance(login, Mapping) else login.reveal() if isinstance(login, Secret) else login
        key = hashlib.sha256(repr(plain).encode()).digest()  # hashed, so that no secret is kept in a second place
        return self._sources.get(key) or self._sources.put(key, self._make(login))


def oauth_tokens(url: str, fields: Mapping[str, str | Secret], *, margin: float = MARGIN_SECONDS) -> TokenSource:
    """Make the source of tokens that an OAuth server gives out, as RFC 6749 says:

        login = {"grant_type": "client_credentials", "client_id": "...", "client_secret": "..."}
        declare_provider(..., auth=oauth_tokens("https://login.example.com/token", login).authenticate)

    url: the address of the server.
    fields: what it is sent. A new refresh_token in its answer replaces the one here.
    margin: as for TokenSource.

    A call raises AuthError if the server refuses, ConnectError if it fails.
    """
    current = MaskedDict(fields)

    def fetch(request: Request) -> Generator[Any, Any, Token]:
        asked = to_server(request, url, _form(current), "application/x-www-form-urlencoded")
        failed = f"{request.model.provider}'s login server gave no token"
        answer = yield from answer_of(asked, "access_token", failed, "check the login")
        if isinstance(fresh := answer.get("refresh_token"), str) and fresh:
            current["refresh_token"] = fresh
        return Token(answer["access_token"], request.world.time() + seconds(answer.get("expires_in")), answer)

    return TokenSource(fetch, margin=margin)


def seconds(value: object) -> float:
    """Return a time that a login server states in seconds, maybe in quotes; infinity where it states none."""
    try:
        found = float(value or "inf")  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return inf
    return inf if isnan(found) else found


def _form(fields: Mapping[str, str | Secret]) -> bytes:
    shown = {name: value.reveal() if isinstance(value, Secret) else value for name, value in fields.items()}
    return urlencode(shown).encode()


def to_server(request: Request, url: str, body: bytes, content_type: str) -> Request:
    """Make a request to a login server, with nothing of the call that needs the login but its limits of time."""
    headers = Headers({"content-type": content_type, "accept": "application/json"})
    return request.replace(method="POST", url=url, body=body, headers=headers, stream=False)


def answer_of(request: Request, token: str, failed: str, hint: str) -> Generator[Any, Any, MaskedDict]:
    """Send a request to a login server, and return the JSON object that it answers.

    token: the field of the token in it.
    failed, hint: for the error.

    Raises ConnectError if the server fails, AuthError if it answers anything else.
    """
    response = yield Send(request)
    if response.status >= 500:
        raise ConnectError(f"{failed} ({response.status})", hint="try again later")
    try:
        answer = loads(response.body) if response.status == 200 else None
    except ValueError:
        answer = None
    # Outside the handler, so that it is not chained: an error about JSON holds the text.
    if not isinstance(answer, Mapping) or not answer.get(token) or type(answer[token]) is not str:
        raise AuthError(f"{failed} ({response.status})", hint=hint, status=response.status)
    return MaskedDict(answer)
