"""OpenAI's models through a ChatGPT login, as the Codex command line uses them. https://developers.openai.com/codex/auth

The login is read from ~/.codex/auth.json, or from the path in CODEX_AUTH_FILE or `api_key={"auth_file": ...}`. A token
passed as the key, or as `{"token": ...}` with its `account`, is used as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import evolve

from ..pipeline.effects import CallNext, StepGenerator
from ..pipeline.http.request import Headers, Request
from ..pipeline.steps.always_stream import always_stream
from ..schemas.json_text import dumps
from ..schemas.memo import memo
from ..schemas.secret import Secret
from .auth.auth import credential_value, known_credential
from .auth.oauth import TokenFile, claims, refreshed
from .declare.addresses import check_machine_login
from .declare.credentials import KEY, PLAIN, Credentials, Login, Value
from .declare.environment import environment_of, home_folder
from .declare.provider import declare_provider
from .declare.rules import drop
from .options.openai_options import OPENAI, openai_families
from .wires.openai_responses import openai_responses
from .wires.openai_responses.encode import ENCRYPTED_REASONING

CLIENT_ID = "app_EMoamEEZ73f0CkXaXp7hrann"
TOKEN_URL = "https://auth.openai.com/oauth/token"
HOSTS = ("chatgpt.com",)
_CLAIM = "https://api.openai.com/auth"


CREDENTIALS = Credentials(
    (
        Value("token", KEY, ("api_key", "key", "access_token", "openai_codex_access_token")),
        Value("account", PLAIN, ("account_id", "chatgpt_account_id")),
        Value("auth_file", PLAIN, ("codex_auth_file", "auth_path")),
    ),
    (Login(("token",), ("account",)), Login(("auth_file",))),
    alone=True,
    plain="token",
)


def build_body(request: Request) -> dict[str, Any]:
    """Build the body as this service demands: `store` is false, and there are instructions."""
    body: dict[str, Any] = openai_responses.build_body(request)
    body.setdefault("instructions", "You are a helpful assistant.")
    body["include"] = [*dict.fromkeys((*body.get("include", ()), ENCRYPTED_REASONING))]
    return {**body, "store": False}


def auth_file(request: Request) -> Path:
    path = credential_value(request, "auth_file") or environment_of(request).get("CODEX_AUTH_FILE")
    return Path(path) if path else home_folder("CODEX_AUTH_FILE") / ".codex" / "auth.json"


@memo(100)
def token_file(path: Path) -> TokenFile:
    """Return the file's one TokenFile in this process, so that all clients share its lock."""
    return TokenFile(path)


def renewal(refresh_token: str) -> tuple[str, bytes]:
    body = {"client_id": CLIENT_ID, "grant_type": "refresh_token", "refresh_token": refresh_token, "scope": "openid"}
    return TOKEN_URL, dumps(body)


def authenticate(request: Request, call: CallNext) -> StepGenerator:
    """Put the login's token and account on the request; a token passed as the key is used as it is."""

    def send(request: Request) -> StepGenerator:
        credential = request.credential
        token = credential["token"] if isinstance(credential, Mapping) else credential
        account = credential_value(request, "account") or claims(token.reveal()).get(_CLAIM, {}).get(
            "chatgpt_account_id"
        )
        headers = Headers(request.headers, authorization=f"Bearer {token.reveal()}", originator="stepwell")
        if account:
            headers["chatgpt-account-id"] = str(account)
        return call(request.replace(headers=headers))

    credential = known_credential(request)
    if isinstance(credential, Mapping):
        credential = CREDENTIALS.read(credential, where="the credential", provider=request.model.provider)
    if isinstance(credential, Secret) or (credential is not None and "token" in credential):
        return send(request)
    if credential is None:
        check_machine_login(request, HOSTS)
    return refreshed(token_file[auth_file(request)], request, send, renewal)


# For each of these it answers 400, for instance "Unsupported parameter: max_output_tokens".
_REFUSED = drop("max_tokens", "temperature", "top_p", "metadata", "user", why="ChatGPT's service refuses it")

openai_codex = declare_provider(
    "openai_codex",
    name="OpenAI Codex (ChatGPT login)",
    docs="https://developers.openai.com/codex",
    # It keeps no answers.
    wire=evolve(
        openai_responses,
        options=openai_responses.options - {"store", "previous_response_id"},
        conversation_id_options=frozenset(),
    ),
    base_url="https://chatgpt.com/backend-api/codex",
    env_key="OPENAI_CODEX_ACCESS_TOKEN",
    key_optional=True,
    credentials=CREDENTIALS,
    options={"reasoning_summary": {"enum": ["auto", "concise", "detailed"]}, "include": {"type": "array"}},
    translate_options=[_REFUSED, *OPENAI],
    models=openai_families(_REFUSED),
    build_body=build_body,
    auth=authenticate,
    attach=lambda pipeline, provider: always_stream(pipeline),
)
