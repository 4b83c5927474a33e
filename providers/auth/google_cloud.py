"""Projects, regions and tokens of Google Cloud.

A credential is one of these:

- a string: an access token, or the API key of Vertex in express mode, if it looks like one or there is no project
- a function that returns an access token
- the content of a service account's key file
- a mapping with one of `token`, `api_key` and `service_account` (the content of its key file, as a mapping or as text,
  or the path of the file), and optionally `project` and `location`. Google's own spellings are accepted, too.

Without token, key and account, google-auth finds the machine's application default credentials.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from datetime import UTC
from typing import Any
from urllib.parse import quote

from ...pipeline.blocking import in_call_time
from ...pipeline.effects import CallNext, StepGenerator, in_thread
from ...pipeline.http.library_logs import logging_in
from ...pipeline.http.request import Request
from ...schemas.errors import AuthError, ConfigError, ConnectError, MissingExtra, MissingKey
from ...schemas.process_lock import ProcessLock
from ...schemas.secret import Secret
from ..declare.addresses import check_machine_login
from ..declare.environment import environment_of
from ..declare.google_accounts import CREDENTIALS, LOGGERS, LOGIN_HINT, account_of, read_account
from ..wires.paths import RESOURCES
from .auth import credential_value, token_from
from .tokens import Token, TokenSource, TokenSources

ADDRESS = "https://vertex.invalid"
PLACE = "https://${GOOGLE_CLOUD_LOCATION}-aiplatform.googleapis.com"
"""A placeholder for the address, which depends on project and region."""
HOSTS = (".googleapis.com",)
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_PROJECT = "PROJECT-OF-THE-CREDENTIALS"
_REGION_NAME = re.compile(r"[a-z0-9-]+\Z")
_API_KEYS = ("AIza", "AQ.")
_MULTI_REGIONS = ("us", "eu")


def into_project(place: str) -> Callable[[Request], Request]:
    """Make a prepare_request that sets the address: the project and region, and below them `place`.

    place: such as `publishers/google`.

    Project and region are those of the credential, else of the environment; the project may also be that of the
    machine's credentials. A base_url of the caller is not changed. A model whose id has its publisher
    (`google/gemini-2.5-flash`), or is the name of a resource (`publishers/…`, `endpoints/…`), is not below `place`, and
    one with its project keeps that and its region: what Google's own SDK takes,
    https://github.com/googleapis/python-genai/blob/main/google/genai/_transformers.py (t_model).
    """

    def prepare(request: Request) -> Request:
        if not request.url.startswith(ADDRESS):
            return request
        path = _with_publisher(request.url.removeprefix(ADDRESS))
        if named := _WITH_PROJECT.match(path):
            return request.replace(url=f"https://{host_of(named[1])}/v1{path}")
        if path.split("/", 2)[1] not in RESOURCES:
            path = f"/{place}{path}"
        project = _project(request)
        if project is None and _api_key(request) is not None:
            # https://cloud.google.com/vertex-ai/generative-ai/docs/start/express-mode
            return request.replace(url=f"https://aiplatform.googleapis.com/v1{path}")
        region = _region(request)
        project = quote(project, safe=":") if project else _PROJECT
        return request.replace(url=f"https://{host_of(region)}/v1/projects/{project}/locations/{region}{path}")

    return prepare


def _with_publisher(path: str) -> str:
    """Return the path of a model below its publisher, if its id, so far one segment, begins with one: `google/…`."""
    if (named := _NAMED.match(path)) is None:
        return path
    publisher, *model = named[1].split("%2F")
    if any(part in ("", ".", "..") for part in (publisher, *model)):
        return path
    return f"/publishers/{publisher}/models/{'/'.join(model)}{path[named.end() :]}"


_NAMED = re.compile(r"/models/([^/:?]+%2F[^/:?]+)")
_WITH_PROJECT = re.compile(r"/projects/[^/]+/locations/([^/]+)/")


def host_of(region: str) -> str:
    """Return the host of a region, a multi-region or `global`. Raises ConfigError for anything else.

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
    """Return the given project, the account's, or the environment's; None if only the account's file or google-auth has
    it."""
    account = account_of(request.credential)
    project = credential_value(request, "project") or (
        account.get("project_id") if isinstance(account, Mapping) else None
    )
    return project if project or isinstance(account, str) else _of_environment(request, _PROJECT_VARIABLES)


def _region(request: Request) -> str:
    return credential_value(request, "location") or _of_environment(request, _REGION_VARIABLES) or "global"


_PROJECT_VARIABLES = ("GOOGLE_CLOUD_PROJECT", "GOOGLE_VERTEX_PROJECT")
_REGION_VARIABLES = ("GOOGLE_CLOUD_LOCATION", "GOOGLE_VERTEX_LOCATION")


def _of_environment(request: Request, variables: tuple[str, ...]) -> str | None:
    return next(filter(None, map(environment_of(request).get, variables)), None)


def _api_key(request: Request) -> Secret | None:
    """Return the key of express mode, if the credential is one. Google's access tokens begin with `ya29.`."""
    credential = request.credential
    if isinstance(credential, Mapping):
        if "api_key" in credential:
            key: Secret = credential["api_key"]
            return key
        credential = credential.get("key")
    if not isinstance(credential, Secret):
        return None
    text = credential.reveal()
    is_key = text.startswith(_API_KEYS) or (_project(request) is None and not text.startswith("ya29."))
    return credential if is_key else None


def authenticate(request: Request, call: CallNext) -> StepGenerator:
    """Send the call with the key or the token, which is fetched or renewed first if needed.

    Raises MissingKey without a credential if the caller set a base_url: the machine's login is sent only to Google.
    """
    credential = request.credential
    if isinstance(credential, Mapping):
        credential = CREDENTIALS.read(credential, where="the credential", provider=request.model.provider)
    if (key := _api_key(request)) is not None:
        return (yield from call(_addressed(request, None).with_headers(x_goog_api_key=key.reveal())))
    token = credential.get("token", credential.get("key")) if isinstance(credential, Mapping) else credential
    if callable(token):
        token = yield from token_from(request, token)
    if isinstance(token, Secret):
        return (yield from call(_addressed(request, None).with_headers(authorization=f"Bearer {token.reveal()}")))
    account = account_of(credential)
    if account is None:
        check_machine_login(request, HOSTS)
        account = environment_of(request).of_file("GOOGLE_APPLICATION_CREDENTIALS")
    own_project = _of_environment(request, _PROJECT_VARIABLES)
    return (
        yield from GOOGLE_TOKENS.of(account).authenticate(
            request, call, lambda request, token: _addressed(request, token.details or own_project)
        )
    )


def _addressed(request: Request, project: str | None) -> Request:
    """Set the project that only the credentials have in the address. Raises ConfigError if there is none."""
    if f"/{_PROJECT}/" not in request.url:
        return request
    if not project:
        raise ConfigError("Vertex AI needs a project", hint="set GOOGLE_CLOUD_PROJECT, or pass api_key={'project': …}")
    return request.replace(url=request.url.replace(_PROJECT, quote(project, safe=":"), 1))


def _refresh(credentials: Any) -> None:
    from google.auth.exceptions import TransportError  # the extra, loaded by load_credentials
    from google.auth.transport.requests import Request as Fetch

    # Raised outside the handlers, so that they are not chained: their frames and texts hold assertions and answers.
    failed: list[Exception] = []
    try:
        with logging_in(LOGGERS):
            credentials.refresh(Fetch())
    except TransportError:
        failed.append(ConnectError("Google's token server cannot be reached", hint="check the network"))
    except Exception as error:
        failed.append(AuthError(f"Google returned no access token ({type(error).__name__})", hint=LOGIN_HINT))
    if failed:
        raise failed.pop()


def google_tokens(account: Mapping[str, Any] | str | None) -> TokenSource:
    """Make the source of the tokens of a service account, or of the machine's credentials for None."""
    loaded: list[tuple[Any, str | None]] = []
    # Where a login takes longer than the calls may: the next one gets what came too late for the one before.
    fetched: list[Token] = []
    lock = ProcessLock()

    def fetch(now: float) -> Token:
        with lock:
            if fetched and fetched[-1].expires > now:
                return fetched[-1]
            if not loaded:
                loaded.append(load_credentials(account))
            credentials, project = loaded[0]
            _refresh(credentials)
            expiry = credentials.expiry
            # google-auth returns UTC without a time zone.
            expires = expiry.replace(tzinfo=UTC).timestamp() if expiry else now + 3600
            fetched[:] = [Token(credentials.token, expires, project)]
            return fetched[-1]

    def fetch_in_thread(request: Request) -> Generator[Any, Any, Token]:
        token: Token = yield from in_call_time(request, in_thread(lambda: fetch(request.world.time())))
        fetched.clear()
        return token

    return TokenSource(fetch_in_thread)


GOOGLE_TOKENS = TokenSources(google_tokens)


def load_credentials(account: Mapping[str, Any] | str | None) -> tuple[Any, str | None]:
    """Load google-auth's credentials and their project.

    account: a service account's fields, or the path of its key file; None for the machine's credentials.

    Raises MissingExtra if google-auth is not installed, MissingKey if there are no credentials.
    """
    try:
        import google.auth  # the extra `vertex`
        import google.auth.transport.requests
        from google.oauth2 import service_account
    except ImportError:
        raise MissingExtra("Vertex AI needs google-auth", hint="run: pip install 'stepwell[vertex]'") from None
    if isinstance(account, str):
        account = read_account(account)
    try:
        if account:
            credentials = service_account.Credentials.from_service_account_info(dict(account), scopes=[SCOPE])
            return credentials, credentials.project_id
        with logging_in(LOGGERS):
            credentials, project = google.auth.default(scopes=[SCOPE])
        return credentials, project
    except Exception as error:
        name = type(error).__name__
    raise MissingKey(f"no Google credentials were found ({name})", hint=LOGIN_HINT)
