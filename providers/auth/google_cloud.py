"""Projects, regions and tokens of Google Cloud.

A credential is a string (an access token; without any project, or where it looks like one, the API key of Vertex in
express mode), a function that gives an access token, what the key file of a service account holds, or a mapping with
one of `token`, `api_key` and `service_account` (what its key file holds, as a mapping or as text, or the file's path),
and beside it `project` and `location`; Google's own spellings do as well. Without token, key and account, google-auth
finds the machine's application default credentials.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any
from urllib.parse import quote

from ...pipeline.effects import CallNext, Run, StepGenerator
from ...pipeline.http.request import Request
from ...pipeline.pipeline import Pipeline
from ...pipeline.step import around
from ...schemas.errors import AuthError, ConfigError, ConnectError, MissingExtra, MissingKey
from ...schemas.secret import Secret
from ..declare.environment import environment_of
from ..declare.google_accounts import CREDENTIALS, LOGIN_HINT, account_of, read_account
from ..declare.provider import Provider
from .auth import asked_for, check_machine_login

ADDRESS = "https://vertex.invalid"
PLACE = "https://${GOOGLE_CLOUD_LOCATION}-aiplatform.googleapis.com"
"""Stands for the address, which depends on project and region."""
HOSTS = (".googleapis.com",)
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
MARGIN_SECONDS = 300
_PROJECT = "PROJECT-OF-THE-CREDENTIALS"
_REGION_NAME = re.compile(r"[a-z0-9-]+\Z")
_API_KEYS = ("AIza", "AQ.")
_MULTI_REGIONS = ("us", "eu")


def into_project(place: str) -> Callable[[Request], Request]:
    """Puts a call under the project and region, at `place` (`publishers/google`): of the credential, else of the
    environment, else (the project) of the machine's own credentials. An address of the caller's own stays as it is."""

    def prepare(request: Request) -> Request:
        if not request.url.startswith(ADDRESS):
            return request
        path = request.url.removeprefix(ADDRESS)
        project = _project(request)
        if project is None and _api_key(request) is not None:
            # https://cloud.google.com/vertex-ai/generative-ai/docs/start/express-mode
            return request.replace(url=f"https://aiplatform.googleapis.com/v1/{place}{path}")
        region = _region(request)
        project = quote(project, safe=":") if project else _PROJECT
        return request.replace(url=f"https://{host_of(region)}/v1/projects/{project}/locations/{region}/{place}{path}")

    return prepare


def host_of(region: str) -> str:
    """The host of a region, a multi-region or `global`. Raises ConfigError for what is none of these.

    https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations
    """
    if not _REGION_NAME.match(region):
        raise ConfigError(f"{region!r} is not a Google Cloud region", hint="for example global, eu or europe-west4")
    if region == "global":
        return "aiplatform.googleapis.com"
    return (
        f"aiplatform.{region}.rep.googleapis.com" if region in _MULTI_REGIONS else f"{region}-aiplatform.googleapis.com"
    )


def _project(request: Request) -> str | None:
    """The project that was given, an account's own, or the environment's. None where only the account's file or
    google-auth knows it."""
    account = account_of(request.credential)
    given = _given(request, "project") or (account.get("project_id") if isinstance(account, Mapping) else None)
    return given if given or isinstance(account, str) else _of_environment(request, _PROJECT_VARIABLES)


def _region(request: Request) -> str:
    return _given(request, "location") or _of_environment(request, _REGION_VARIABLES) or "global"


_PROJECT_VARIABLES = ("GOOGLE_CLOUD_PROJECT", "GOOGLE_VERTEX_PROJECT")
_REGION_VARIABLES = ("GOOGLE_CLOUD_LOCATION", "GOOGLE_VERTEX_LOCATION")


def _given(request: Request, name: str) -> Any:
    return request.credential.get(name) if isinstance(request.credential, Mapping) else None


def _of_environment(request: Request, variables: tuple[str, ...]) -> str | None:
    return next(filter(None, map(environment_of(request).get, variables)), None)


def _api_key(request: Request) -> Secret | None:
    """The key of express mode, if that is what the credential is. Google's access tokens begin with `ya29.`."""
    credential = request.credential
    if isinstance(credential, Mapping):
        if "api_key" in credential:
            return credential["api_key"]  # type: ignore[no-any-return]
        credential = credential.get("key")
    if not isinstance(credential, Secret):
        return None
    text = credential.reveal()
    is_key = text.startswith(_API_KEYS) or (_project(request) is None and not text.startswith("ya29."))
    return credential if is_key else None


def attach(pipeline: Pipeline, provider: Provider) -> Pipeline:
    """The usual steps, with a token put on each attempt."""
    return pipeline.replace("authenticate", around("authenticate", authenticate))


def authenticate(request: Request, call: CallNext) -> StepGenerator:
    """Put the key or the token on the request; fetch or renew the token first where we have none.

    Raises MissingKey for an address of the caller's own without a credential: the machine's goes to Google alone.
    """
    credential = request.credential
    if isinstance(credential, Mapping):
        credential = CREDENTIALS.read(credential, where="the credential", provider=request.model.provider)
    if (key := _api_key(request)) is not None:
        return (yield from call(_addressed(request, None).with_headers(x_goog_api_key=key.reveal())))
    token = credential.get("token", credential.get("key")) if isinstance(credential, Mapping) else credential
    if callable(token):
        token = yield asked_for(token)
    if isinstance(token, Secret):
        return (yield from call(_addressed(request, None).with_headers(authorization=f"Bearer {token.reveal()}")))
    account = account_of(credential)
    if account is None:
        check_machine_login(request, HOSTS)
        account = environment_of(request).of_file("GOOGLE_APPLICATION_CREDENTIALS")
    source = GOOGLE_TOKENS.of(account)

    async def fetch_async() -> Secret:
        import anyio.to_thread  # comes with httpx; fetching a token must not stop the event loop

        return await anyio.to_thread.run_sync(source.token)

    # A token at hand needs no thread to fetch it.
    fetched: Secret = source.fresh() or (yield Run(source.token, fetch_async))
    asked = _addressed(request, source.project or _of_environment(request, _PROJECT_VARIABLES)).with_headers(
        authorization=f"Bearer {fetched.reveal()}"
    )
    response = yield from call(asked)
    if response.status == 401:
        source.forget()
    return response


def _addressed(request: Request, project: str | None) -> Request:
    """The project that only the credentials knew, put into its place. Raises ConfigError when nobody knows one."""
    if f"/{_PROJECT}/" not in request.url:
        return request
    if not project:
        raise ConfigError("Vertex AI needs a project", hint="set GOOGLE_CLOUD_PROJECT, or pass api_key={'project': …}")
    return request.replace(url=request.url.replace(_PROJECT, quote(project, safe=":"), 1))


class TokenSource:
    """One credential's token. However many ask at once, one fetch is made. `load` gives google-auth's credentials and
    the project they belong to."""

    def __init__(self, load: Callable[[], tuple[Any, str | None]]) -> None:
        self._load = load
        self._credentials: Any = None
        self._token: Secret | None = None
        self._expires = 0.0
        self._lock = threading.Lock()
        self.project: str | None = None

    def fresh(self) -> Secret | None:
        """The token, if it is good for a while yet."""
        return self._token if time.time() < self._expires - MARGIN_SECONDS else None

    def forget(self) -> None:
        """Fetch another one next time: this one was refused."""
        self._expires = 0.0

    def token(self) -> Secret:
        """The token, fetched or renewed if need be. Blocks. Raises AuthError when Google refuses, ConnectError when it
        cannot be reached."""
        with self._lock:
            if (token := self.fresh()) is not None:
                return token
            if self._credentials is None:
                self._credentials, self.project = self._load()
            _refresh(self._credentials)
            self._token = Secret(self._credentials.token)
            expiry = self._credentials.expiry
            # google-auth gives UTC without saying so.
            self._expires = expiry.replace(tzinfo=UTC).timestamp() if expiry else time.time() + 3600
            return self._token


def _refresh(credentials: Any) -> None:
    from google.auth.exceptions import TransportError  # the extra, loaded by load_credentials
    from google.auth.transport.requests import Request as Fetch

    # Never chained, and so raised outside the handlers: their frames and texts hold assertions and whole answers.
    failed: list[Exception] = []
    try:
        credentials.refresh(Fetch())
    except TransportError:
        failed.append(ConnectError("Google's token server cannot be reached", hint="check the network"))
    except Exception as error:
        failed.append(AuthError(f"Google gave no access token ({type(error).__name__})", hint=LOGIN_HINT))
    if failed:
        raise failed.pop()


class _Tokens:
    """The token sources of this process, by what they are made from."""

    def __init__(self) -> None:
        self._sources: dict[bytes, TokenSource] = {}
        self._lock = threading.Lock()

    def of(self, account: Mapping[str, Any] | str | None) -> TokenSource:
        """The source for a service account; for None, that of the machine's own credentials."""
        text = repr(dict(account) if isinstance(account, Mapping) else account)
        key = hashlib.sha256(text.encode()).digest()  # so that no private key lies about in a second place
        with self._lock:
            if key not in self._sources:
                self._sources[key] = TokenSource(lambda: load_credentials(account))
            return self._sources[key]


GOOGLE_TOKENS = _Tokens()


def load_credentials(account: Mapping[str, Any] | str | None) -> tuple[Any, str | None]:
    """google-auth's credentials, and their project: of a service account (its fields, or the path of its key file), or
    the machine's own. Raises MissingExtra and MissingKey."""
    try:
        import google.auth  # the extra `vertex`
        import google.auth.transport.requests
        from google.oauth2 import service_account
    except ImportError:
        raise MissingExtra("Vertex AI needs google-auth", hint="run: pip install 'stepwell[vertex]'") from None
    made = service_account.Credentials
    if isinstance(account, str):
        account = read_account(account)
    try:
        if account:
            credentials = made.from_service_account_info(dict(account), scopes=[SCOPE])
        else:
            credentials, project = google.auth.default(scopes=[SCOPE])
            return credentials, project
        return credentials, credentials.project_id
    except Exception as error:
        name = type(error).__name__
    raise MissingKey(f"no Google credentials were found ({name})", hint=LOGIN_HINT)
