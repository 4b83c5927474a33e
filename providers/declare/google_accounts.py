"""The credentials of Google Cloud, and the keys of service accounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...schemas.errors import ConfigError, MissingKey
from ...schemas.json_text import JSONDecodeError, loads
from ...schemas.secret import MaskedDict, Secret
from .credentials import DOCUMENT, KEY, PLAIN, TOKEN, Credentials, Login, Value

LOGIN_HINT = (
    "run: gcloud auth application-default login, and set GOOGLE_CLOUD_PROJECT; or pass api_key={'service_account': …}"
)
_NEEDED = ("client_email", "private_key", "token_uri")


def _unfolded(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Put the content of a key file, given as the credential, under `service_account`, beside our own settings."""
    if "private_key" not in given and given.get("type") != "service_account":
        return given
    own = ("project", "location", "region")
    account = MaskedDict({name: value for name, value in given.items() if name not in own})
    return {**{name: given[name] for name in own if name in given}, "service_account": account}


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
    unfold=_unfolded,
)


def account_of(credential: object) -> Mapping[str, Any] | str | None:
    """Return a service account's key: its fields, or the path of its file. Raises ConfigError for anything else."""
    given = credential.get("service_account") if isinstance(credential, Mapping) else None
    if given is None:
        return None
    given = given.reveal() if isinstance(given, Secret) else given
    is_path = isinstance(given, str) and not given.lstrip().startswith("{")
    return given if is_path else checked_account(given, "the service account")


def read_account(path: str) -> MaskedDict:
    """Read a service account's key from a file. Raises MissingKey if it cannot be read, and as checked_account does."""
    try:
        with open(path, encoding="utf-8") as file:
            text: Any = Secret(file.read())
    except (OSError, UnicodeError) as error:
        text = type(error).__name__
    if isinstance(text, str):
        raise MissingKey(f"the key of a service account cannot be read from {path!r:.200} ({text})", hint=LOGIN_HINT)
    return checked_account(text, f"the service account in {path!r:.200}")


def checked_account(given: object, what: str) -> MaskedDict:
    """Return the fields of a service account's key, given as a mapping or as text; `what` it is, for errors.

    Raises ConfigError for text that is not JSON, and MissingKey, without any value, for a key with missing fields.
    """
    fields = _parsed(given)
    if not isinstance(fields, Mapping):
        raise ConfigError(f"{what} is not valid JSON", hint="pass the content of its key file")
    lacking = [name for name in _NEEDED if not isinstance(fields.get(name), str) or not fields[name].strip()]
    if lacking:
        kind = fields.get("type", "service_account")
        other = f"is of the type {kind!r:.40} and " if kind != "service_account" and isinstance(kind, str) else ""
        raise MissingKey(
            f"{what} {other}lacks {' and '.join(map(repr, lacking))}",
            hint=f"pass the whole key file of a service account, with {', '.join(_NEEDED)}",
        )
    return MaskedDict(fields)


def _parsed(given: object) -> object:
    """Parse a service-account JSON string, None if it is not JSON; other values are returned unchanged.

    It is a separate function, so that no traceback shows the text.
    """
    if isinstance(given, Secret):
        given = given.reveal()
    if not isinstance(given, str):
        return given
    try:
        fields = loads(given)
    except JSONDecodeError:
        return None
    return MaskedDict(fields) if isinstance(fields, dict) else None
