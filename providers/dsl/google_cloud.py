"""Projects, regions and tokens of Google Cloud.

A credential is a string (an access token, or without any project the API key of Vertex in express mode), or a mapping
with any of `token`, `project`, `location`, `service_account` (the JSON of a key file, or its path). Without a token,
google-auth finds one: from the service account or the machine's application default credentials. It is fetched once,
shared by all calls, and renewed five minutes before it expires.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any

from ...pipeline.effects import Call, Flow, Rest
from ...pipeline.pipeline import Pipeline
from ...pipeline.request import Request
from ...pipeline.step import around
from ...schemas.errors import AuthError, ConfigError, MissingExtra, MissingKey
from ...schemas.secret import Secret
from .provider import Provider

ADDRESS = "https://vertex.invalid"
"""Stands for the address, which depends on project and region."""
_EXPRESS = "https://aiplatform.googleapis.com/v1/publishers/"
"""Express mode has neither project nor region: https://cloud.google.com/vertex-ai/generative-ai/docs/start/express-mode"""
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
MARGIN_SECONDS = 300


def into_project(publisher: str) -> Callable[[Request], Request]:
    """Puts the publisher's models under the project and region: of the credential, else of the environment."""

    def prepare(request: Request) -> Request:
        if not request.url.startswith(ADDRESS):
            return request
        project = _named(request, "project", "GOOGLE_CLOUD_PROJECT", "GOOGLE_VERTEX_PROJECT")
        if not project and isinstance(request.credential, Secret):
            return request.replace(url=_EXPRESS + publisher + request.url.removeprefix(ADDRESS))
        if not project:
            raise ConfigError("Vertex AI needs a project", hint="set GOOGLE_CLOUD_PROJECT, or api_key={'project': …}")
        region = _named(request, "location", "GOOGLE_CLOUD_LOCATION", "GOOGLE_VERTEX_LOCATION") or "global"
        host = "aiplatform.googleapis.com" if region == "global" else f"{region}-aiplatform.googleapis.com"
        base = f"https://{host}/v1/projects/{project}/locations/{region}/publishers/{publisher}"
        return request.replace(url=base + request.url.removeprefix(ADDRESS))

    return prepare


def _named(request: Request, name: str, *variables: str) -> str | None:
    given = request.credential.get(name) if isinstance(request.credential, Mapping) else None
    value = given.reveal() if isinstance(given, Secret) else given
    return value or next((os.environ[variable] for variable in variables if os.environ.get(variable)), None)


def attach(pipeline: Pipeline, provider: Provider) -> Pipeline:
    """The usual steps, with a token put on each attempt."""
    return pipeline.replace("authenticate", around("authenticate", authenticate))


def authenticate(request: Request, call: Rest) -> Flow:
    """Put the token on the request; fetch or renew it first where we have none."""
    credential = request.credential
    if isinstance(credential, Secret) and request.url.startswith(_EXPRESS):
        return (yield from call(request.with_headers(x_goog_api_key=credential.reveal())))
    token = credential if isinstance(credential, Secret) else _given_token(credential)
    if token is None:
        source = TOKENS.of(credential)

        async def fetch_aside() -> Secret:
            import anyio.to_thread  # comes with httpx; fetching a token must not stop the event loop

            return await anyio.to_thread.run_sync(source.token)

        # A token at hand needs no thread to fetch it.
        token = source.fresh() or (yield Call(source.token, fetch_aside))
    return (yield from call(request.with_headers(authorization=f"Bearer {token.reveal()}")))


def _given_token(credential: Any) -> Secret | None:
    if not isinstance(credential, Mapping):
        return None
    token = credential.get("token") or credential.get("api_key")
    return token if isinstance(token, Secret) else None


class TokenSource:
    """One credential's token. However many ask at once, one fetch is made."""

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = load
        self._credentials: Any = None
        self._token: Secret | None = None
        self._expires = 0.0
        self._lock = threading.Lock()

    def fresh(self) -> Secret | None:
        """The token, if it is good for a while yet."""
        return self._token if time.time() < self._expires - MARGIN_SECONDS else None

    def token(self) -> Secret:
        """The token, fetched or renewed if need be. Blocks."""
        with self._lock:
            if (token := self.fresh()) is not None:
                return token
            if self._credentials is None:
                self._credentials = self._load()
            try:
                from google.auth.transport.requests import Request as Fetch  # the extra, and only without a token

                self._credentials.refresh(Fetch())
            except Exception as error:
                raise AuthError(f"Google gave no access token ({type(error).__name__})", hint=_LOGIN) from None
            self._token = Secret(self._credentials.token)
            expiry = self._credentials.expiry
            # google-auth gives UTC without saying so.
            self._expires = expiry.replace(tzinfo=UTC).timestamp() if expiry else time.time() + 3600
            return self._token


_LOGIN = "run: gcloud auth application-default login, or pass a service account"


class _Tokens:
    """The token sources of this process, by what they are made from."""

    def __init__(self) -> None:
        self._sources: dict[str, TokenSource] = {}
        self._lock = threading.Lock()

    def of(self, credential: Any) -> TokenSource:
        account = credential.get("service_account") if isinstance(credential, Mapping) else None
        if isinstance(account, Secret):
            account = account.reveal()
        key = str(account)
        with self._lock:
            if key not in self._sources:
                self._sources[key] = TokenSource(lambda: load_credentials(account))
            return self._sources[key]


TOKENS = _Tokens()


def load_credentials(account: Any) -> Any:
    """google-auth's credentials of a service account (its JSON, or the path of it), or the machine's own."""
    try:
        import google.auth  # the extra `vertex`
        from google.oauth2 import service_account
    except ImportError:
        raise MissingExtra("Vertex AI needs google-auth", hint="run: pip install 'stepwell[vertex]'") from None
    try:
        if isinstance(account, Mapping):
            return service_account.Credentials.from_service_account_info(dict(account), scopes=[SCOPE])
        if account:
            return service_account.Credentials.from_service_account_file(account, scopes=[SCOPE])
        return google.auth.default(scopes=[SCOPE])[0]
    except Exception as error:
        raise MissingKey(f"no Google credentials were found ({type(error).__name__})", hint=_LOGIN) from None
