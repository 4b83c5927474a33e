"""GitHub Copilot's models, for GitHub accounts with Copilot. https://docs.github.com/en/copilot

GitHub does not document this API; the facts here come from the issue trackers of editors that use it. A key is a GitHub
OAuth token (`gho_...`, `ghu_...`; personal access tokens are refused), sent as it is. When passed as
`{"oauth_token": ...}`, it is first exchanged for a short-lived token, which some organisations and models require.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Generator, Mapping
from typing import Any

from attrs import evolve, frozen

from ..pipeline.around import around
from ..pipeline.effects import CallNext, Send, Sleep, StepGenerator
from ..pipeline.http.request import Headers, Request
from ..pipeline.http.response import Response
from ..pipeline.pipeline import Pipeline
from ..schemas.errors import AuthError
from ..schemas.json_text import loads
from ..schemas.message import Context
from ..schemas.parts import MEDIA, Image
from ..schemas.secret import Secret, header_secret
from .auth.auth import bearer, optional
from .declare.addresses import is_at
from .declare.credentials import KEY, Credentials, Login, Value
from .declare.provider import Provider, declare_provider
from .wires.anthropic_messages import anthropic_messages
from .wires.openai_chat import openai_chat
from .wires.openai_responses import openai_responses
from .wires.operations.openai_embeddings import openai_embeddings
from .wires.operations.openai_misc import openai_models

EXCHANGE_URL = "https://api.github.com/copilot_internal/v2/token"
MARGIN_SECONDS = 120


CREDENTIALS = Credentials(
    (
        Value("oauth_token", KEY, ("github_oauth_token",)),
        Value("api_key", KEY, ("key", "token", "access_token", "copilot_github_token", "gh_token", "github_token")),
    ),
    (Login(("api_key",)), Login(("oauth_token",))),
)


def with_headers(request: Request) -> Request:
    """Add headers that say who sends the request, the user or an agent (billing depends on it), and whether it has
    images.

    The service refuses an initiator that does not fit the last message. Headers set by the caller are kept.
    """
    if request.operation != "chat":
        return request
    headers = Headers({"x-initiator": initiator(request.context)})
    if any(isinstance(part, Image) for message in request.context.messages for part in message.content):
        headers["copilot-vision-request"] = "true"
    return request.replace(headers=Headers({**headers, **request.headers}))


def initiator(context: Context) -> str:
    """Return `user` when the last message is sent as the user's: their own, or media of a tool result; else `agent`."""
    last = context.messages[-1]
    media = any(isinstance(part, MEDIA) for part in last.content)
    return "user" if last.role == "user" or (last.role == "tool" and media) else "agent"


@frozen
class Token:
    """A short-lived token."""

    value: Secret
    expires: float
    """Seconds since 1970."""
    address: str
    """The base URL to use with it; "" for the default."""


class Tokens:
    """The tokens of this process, by the login they were exchanged for; at most one exchange at a time for each
    login."""

    def __init__(self) -> None:
        self._known: dict[bytes, Token] = {}
        self._exchanging: set[bytes] = set()
        self._lock = threading.Lock()

    def get(self, login: Secret, request: Request) -> Generator[Any, Any, Token]:
        """Return a valid token, exchanging the login for a new one if needed; concurrent calls share one exchange."""
        key = hashlib.sha256(login.reveal().encode()).digest()
        while True:
            token = self._known.get(key)
            if token is not None and token.expires > time.time() + MARGIN_SECONDS:
                return token
            with self._lock:
                first = key not in self._exchanging
                self._exchanging.add(key)
            if first:
                break
            yield Sleep(0.02)
        try:
            token = self._known[key] = yield from _exchange(login, request)
        finally:
            self._exchanging.discard(key)
        return token

    def forget(self, token: Token) -> None:
        """Drop a token that was refused, so that the next call exchanges the login again."""
        self._known = {key: known for key, known in self._known.items() if known is not token}


COPILOT_TOKENS = Tokens()


def _exchange(login: Secret, request: Request) -> Generator[Any, Any, Token]:
    headers = Headers(request.headers, authorization=f"token {login.reveal()}", accept="application/json")
    response: Response = yield Send(
        request.replace(method="GET", url=EXCHANGE_URL, body=b"", headers=headers, stream=False)
    )
    if response.status != 200:
        raise AuthError(
            f"GitHub gave no Copilot token for this login ({response.status})",
            hint="the login needs Copilot, and must be an OAuth token, not a personal access token",
            status=response.status,
        )
    answer = loads(response.body)
    address = (answer.get("endpoints") or {}).get("api") or ""
    safe = is_at(address, (".githubcopilot.com",))
    return Token(header_secret(answer["token"], where="GitHub's answer"), answer["expires_at"], address if safe else "")


def authenticate(request: Request, call: CallNext) -> StepGenerator:
    """Send the key as it is, or the short-lived token that an `oauth_token` is exchanged for."""
    credential = request.credential
    login = credential.get("oauth_token") if isinstance(credential, Mapping) else None
    if login is None:
        return (yield from call(optional(bearer)(request)))
    token = yield from COPILOT_TOKENS.get(login, request)
    signed = request.with_headers(authorization=f"Bearer {token.value.reveal()}")
    # The token belongs to an editor's integration, and is refused without the integration's name.
    signed = signed.replace(headers=Headers({"copilot-integration-id": "vscode-chat", **signed.headers}))
    if token.address and signed.url.startswith(github_copilot.base_url):
        signed = signed.replace(url=token.address.rstrip("/") + signed.url.removeprefix(github_copilot.base_url))
    response = yield from call(signed)
    if response.status == 401:
        COPILOT_TOKENS.forget(token)
    return response


def attach(pipeline: Pipeline, provider: Provider) -> Pipeline:
    return pipeline.replace("authenticate", around("authenticate", authenticate))


github_copilot = declare_provider(
    "github_copilot",
    name="GitHub Copilot",
    docs="https://docs.github.com/en/copilot",
    wire=[
        openai_chat,
        openai_responses,
        evolve(anthropic_messages, path="/v1/messages"),
        openai_embeddings,
        openai_models,
    ],
    base_url="https://api.githubcopilot.com",
    # The order of Copilot's command line: https://docs.github.com/en/copilot/how-tos/copilot-cli
    env_key=["COPILOT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN"],
    credentials=CREDENTIALS,
    headers={"editor-version": "stepwell/0.1", "openai-intent": "conversation-edits"},
    options={"reasoning_summary": {"enum": ["auto", "concise", "detailed"]}, "include": {"type": "array"}},
    prepare_request=with_headers,
    attach=attach,
)
