"""GitHub Copilot's models, for GitHub accounts with Copilot. https://docs.github.com/en/copilot

GitHub does not document this API; the facts here come from the issue trackers of editors that use it. A key is a GitHub
OAuth token (`gho_...`, `ghu_...`; personal access tokens are refused), sent as it is. When passed as
`{"oauth_token": ...}`, it is first exchanged for a short-lived token, which some organisations and models require.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from attrs import evolve

from ..pipeline.effects import CallNext, StepGenerator
from ..pipeline.http.request import Headers, Request
from ..schemas.message import Context
from ..schemas.parts import MEDIA, Image
from ..schemas.secret import Secret
from .auth.auth import bearer, credential_value
from .auth.tokens import Token, TokenSource, TokenSources, answer_of, seconds
from .declare.addresses import is_at
from .declare.credentials import KEY, Credentials, Login, Value
from .declare.provider import declare_provider
from .wires.anthropic_messages import anthropic_messages
from .wires.openai_chat import openai_chat
from .wires.openai_responses import openai_responses
from .wires.operations.embeddings import openai_embeddings
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


def copilot_tokens(login: Secret) -> TokenSource:
    """Make the source of the short-lived tokens that a login is exchanged for."""

    def exchange(request: Request) -> Generator[Any, Any, Token]:
        headers = Headers(request.headers, authorization=f"token {login.reveal()}", accept="application/json")
        answer = yield from answer_of(
            request.replace(method="GET", url=EXCHANGE_URL, body=b"", headers=headers, stream=False),
            "token",
            "GitHub gave no Copilot token for this login",
            "the login needs Copilot, and must be an OAuth token, not a personal access token",
        )
        places = answer.get("endpoints")
        address = str(places.get("api") or "") if isinstance(places, dict) else ""
        expires = seconds(answer.get("expires_at"))
        return Token(answer["token"], expires, address if is_at(address, (".githubcopilot.com",)) else "")

    return TokenSource(exchange, margin=MARGIN_SECONDS)


COPILOT_TOKENS = TokenSources(copilot_tokens)


def authenticate(request: Request, call: CallNext) -> StepGenerator:
    """Send the key as it is, or the short-lived token that an `oauth_token` is exchanged for."""
    login = credential_value(request, "oauth_token")
    if login is None:
        return (yield from call(bearer(request)))
    return (yield from COPILOT_TOKENS.of(login).authenticate(request, call, _to_integration))


def _to_integration(request: Request, token: Token) -> Request:
    """Name the integration of an editor that the token belongs to, and go to the address that came with it."""
    headers = Headers({"copilot-integration-id": "vscode-chat", **request.headers})
    path = request.url.removeprefix(github_copilot.base_url)
    at_own_address = token.details and path != request.url
    return request.replace(headers=headers, url=token.details.rstrip("/") + path if at_own_address else request.url)


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
    options={"include": {"type": "array"}},
    prepare_request=with_headers,
    auth=authenticate,
)
