"""The credentials of Google Cloud, and the keys of service accounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...schemas.errors import ConfigError, MissingKey
from ...schemas.files import SETTINGS_BYTES, read_file
from ...schemas.json_text import JSONDecodeError, loads
from ...schemas.secret import MaskedDict, Secret
from .credentials import DOCUMENT, KEY, PLAIN, TOKEN, Credentials, Login, Value

LOGIN_HINT = (
    "run: gcloud auth application-default login, and set GOOGLE_CLOUD_PROJECT; or pass api_key={'service_account': …}"
)
LOGGERS = (
    *("google.auth._default", "google.auth.compute_engine._metadata", "google.auth.compute_engine.credentials"),
    *("google.auth.credentials", "google.auth.external_account", "google.auth.impersonated_credentials"),
    *("google.auth.transport.requests", "google.auth.transport._http_client", "google.auth.transport.urllib3"),
    *("google.oauth2._client", "google.oauth2.credentials", "google.oauth2.service_account"),
    *("urllib3.connectionpool", "urllib3.util.retry"),
)
"""The loggers of google-auth and what it uses that see the requests and answers of logins."""
_NEEDED = ("client_email", "private_key", "token_uri")


def _unfold_account(credential: Mapping[str, Any]) -> Mapping[str, Any]:
    """Put the content of a key file, given as the credential, under `service_account`, beside our own settings."""
    if "private_key" not in credential and credential.get("type") != "service_account":
        return credential
    own = ("project", "location", "region")
    account = MaskedDict({name: value for name, value in credential.items() if name not in own})
    return {**{name: credential[name] for name in own if name in credential}, "service_account": account}


_ACCOUNT_NAMES = (
    "service_account_info",
    "service_account_file",
    "service_account_key",
    "credentials",
    "credentials_path",
    "vertex_credentials",
    "google_application_credentials",
    "key_file",
    "keyfile",
)
CREDENTIALS = Credentials(
    (
        Value("token", TOKEN, ("access_token", "google_vertex_access_token")),
        Value("api_key", KEY, ("vertex_api_key", "google_vertex_api_key", "google_api_key")),
        Value("key"),
        Value("service_account", DOCUMENT, _ACCOUNT_NAMES),
        Value("project", PLAIN, ("project_id", "vertex_project", "google_cloud_project", "google_vertex_project")),
        Value("location", PLAIN, ("region", "vertex_location", "google_cloud_location", "google_vertex_location")),
    ),
    (Login(("token",)), Login(("api_key",)), Login(("service_account",)), Login(("key",))),
    alone=True,
    plain="key",  # a token or an API key; its form shows which
    unfold=_unfold_account,
)


def account_of(credential: object) -> Mapping[str, Any] | str | None:
    """Return a service account's key: its fields, or the path of its file. Raises ConfigError for anything else."""
    account = credential.get("service_account") if isinstance(credential, Mapping) else None
    if account is None:
        return None
    account = account.reveal() if isinstance(account, Secret) else account
    is_path = isinstance(account, str) and not account.lstrip().startswith("{")
    return account if is_path else checked_account(account, "the service account")


def read_account(path: str) -> MaskedDict:
    """Read a service account's key from a file. Raises MissingKey if it cannot be read, and as checked_account does."""
    label = "the service account's key in"
    try:
        text = Secret(read_file(path, at_most=SETTINGS_BYTES, label=label, hint=LOGIN_HINT, error=MissingKey).decode())
    except UnicodeDecodeError:
        text = None
    if text is None:  # outside the handler: the error holds the content
        raise MissingKey(f"{label} {path!r:.200} is not UTF-8", hint=LOGIN_HINT)
    return checked_account(text, f"the service account in {path!r:.200}")


def checked_account(account: object, label: str) -> MaskedDict:
    """Return the fields of a service account's key, given as a mapping or as text; `label` names it in errors.

    Raises ConfigError for text that is not JSON, and MissingKey, without any value, for a key with missing fields.
    """
    fields = _parse_account(account)
    if not isinstance(fields, Mapping):
        raise ConfigError(f"{label} is not valid JSON", hint="pass the content of its key file")
    lacking = [name for name in _NEEDED if not isinstance(fields.get(name), str) or not fields[name].strip()]
    if lacking:
        kind = fields.get("type", "service_account")
        other = f"is of the type {kind!r:.40} and " if kind != "service_account" and isinstance(kind, str) else ""
        raise MissingKey(
            f"{label} {other}lacks {' and '.join(map(repr, lacking))}",
            hint=f"pass the whole key file of a service account, with {', '.join(_NEEDED)}",
        )
    return MaskedDict(fields)


def _parse_account(account: object) -> object:
    """Parse a service-account JSON string, None if it is not JSON; other values are returned unchanged.

    It is a separate function, so that no traceback shows the text.
    """
    if isinstance(account, Secret):
        account = account.reveal()
    if not isinstance(account, str):
        return account
    try:
        fields = loads(account)
    except JSONDecodeError:
        return None
    return MaskedDict(fields) if isinstance(fields, dict) else None
