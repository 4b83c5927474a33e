"""GitHub Copilot's models, by the login of somebody who has Copilot. https://docs.github.com/en/copilot

GitHub documents no API for it; what is here is what the editors that speak it have written down in their issues. A key
is a GitHub OAuth token (`gho_...`, `ghu_...`; personal access tokens are refused), sent as it is. Given as
`{"oauth_token": ...}` it is first exchanged for a short-lived token, which some organisations and models want.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Generator, Mapping
from typing import Any

from attrs import evolve, frozen

from ..pipeline.effects import CallNext, Send, Sleep, StepGenerator
from ..pipeline.http.request import Headers, Request
from ..pipeline.http.response import Response
from ..pipeline.pipeline import Pipeline
from ..pipeline.step import around
from ..schemas.errors import AuthError
from ..schemas.json_text import loads
from ..schemas.message import Context
from ..schemas.parts import Audio, File, Image, Video
from ..schemas.secret import Secret, header_secret
from .auth.auth import bearer, optional
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
    """Say who speaks, the user or an agent in their name (it is billed by that), and whether pictures come along.

    The service refuses an initiator that does not fit the last message. A caller's own header stands.
    """
    if request.operation != "chat":
        return request
    headers = Headers({"x-initiator": initiator(request.context)})
    if any(isinstance(part, Image) for message in request.context.messages for part in message.content):
        headers["copilot-vision-request"] = "true"
    return request.replace(headers=Headers({**headers, **request.headers}))


def initiator(context: Context) -> str:
    """`user` when the last message that is sent is the user's: theirs, or a tool's pictures, which go as theirs."""
    last = context.messages[-1]
    media = any(isinstance(part, Image | File | Audio | Video) for part in last.content)
    return "user" if last.role == "user" or (last.role == "tool" and media) else "agent"


@frozen
class Token:
    """A short-lived token, when it expires (seconds since 1970), and the address that it is for."""

    value: Secret
    expires: float
    address: str


class Tokens:
    """The tokens of this process, by the login they were exchanged for; one exchange at a time for each."""

    def __init__(self) -> None:
        self._known: dict[bytes, Token] = {}
        self._asking: set[bytes] = set()
        self._lock = threading.Lock()

    def get(self, login: Secret, request: Request) -> Generator[Any, Any, Token]:
        """The token, exchanged now if there is none that lasts. However many calls want it, one asks for it."""
        key = hashlib.sha256(login.reveal().encode()).digest()
        while True:
            token = self._known.get(key)
            if token is not None and token.expires > time.time() + MARGIN_SECONDS:
                return token
            with self._lock:
                mine = key not in self._asking
                self._asking.add(key)
            if mine:
                break
            yield Sleep(0.02)
        try:
            token = self._known[key] = yield from _exchange(login, request)
        finally:
            self._asking.discard(key)
        return token

    def forget(self, token: Token) -> None:
        """Exchange anew next time: this one was refused."""
        self._known = {key: known for key, known in self._known.items() if known is not token}


COPILOT_TOKENS = Tokens()


def _exchange(login: Secret, request: Request) -> Generator[Any, Any, Token]:
    headers = Headers(request.headers, authorization=f"token {login.reveal()}", accept="application/json")
    asked = request.replace(method="GET", url=EXCHANGE_URL, body=b"", headers=headers, stream=False)
    response: Response = yield Send(asked)
    if response.status != 200:
        raise AuthError(
            f"GitHub gave no Copilot token for this login ({response.status})",
            hint="the login needs Copilot, and must be an OAuth token, not a personal access token",
            status=response.status,
        )
    given = loads(response.body)
    address = (given.get("endpoints") or {}).get("api") or ""
    host = address.partition("://")[2].partition("/")[0]
    safe = address.startswith("https://") and host.endswith(".githubcopilot.com")
    return Token(header_secret(given["token"], where="GitHub's answer"), given["expires_at"], address if safe else "")


def authenticate(request: Request, call: CallNext) -> StepGenerator:
    """The login's token as it is, or exchanged."""
    credential = request.credential
    login = credential.get("oauth_token") if isinstance(credential, Mapping) else None
    if login is None:
        return (yield from call(optional(bearer)(request)))
    token = yield from COPILOT_TOKENS.get(login, request)
    asked = request.with_headers(authorization=f"Bearer {token.value.reveal()}")
    # The token is one of an editor's integration, and is refused without its name.
    asked = asked.replace(headers=Headers({"copilot-integration-id": "vscode-chat", **asked.headers}))
    if token.address and asked.url.startswith(github_copilot.base_url):
        asked = asked.replace(url=token.address.rstrip("/") + asked.url.removeprefix(github_copilot.base_url))
    response = yield from call(asked)
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
