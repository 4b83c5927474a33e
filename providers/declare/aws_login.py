"""The logins that botocore finds, of a profile or of the machine. Each is loaded once and shared by all calls."""

from __future__ import annotations

import hashlib
from typing import Any

from ...pipeline.http.library_logs import logging_in
from ...pipeline.world import REAL_WORLD
from ...schemas.errors import ConnectError, MissingExtra, MissingKey
from ...schemas.memo import Memo
from ...schemas.process_lock import ProcessLock

HINT = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or pass api_key={'access_key': …, 'secret_key': …, 'region': …}"
)
LOGGERS = tuple(
    f"botocore.{module}"
    for module in (
        *("auth", "awsrequest", "client", "credentials", "endpoint", "handlers", "hooks", "httpsession"),
        *("parsers", "response", "retries.standard", "retryhandler", "session", "tokens", "utils"),
    )
)
"""The loggers of botocore that see what is signed, and the requests and answers of logins."""
_MOST = 100


class AwsKeys:
    """Botocore's credentials in `.keys`. A repr does not show them, as theirs does."""

    __slots__ = ("keys",)

    def __init__(self, keys: object) -> None:
        self.keys = keys


class AwsLogin:
    """One login with its keys and its region. botocore's chain is searched once, by one thread, and botocore renews
    keys that expire."""

    def __init__(self, profile: str | None) -> None:
        self._profile = profile
        self._credentials: Any = None
        self._lock = ProcessLock()
        self.region: str | None = None

    def fresh(self) -> AwsKeys | None:
        """Return the keys if they are loaded and not about to expire, else None. Does not block."""
        credentials = self._credentials
        if credentials is None:
            return None
        renewable = getattr(credentials, "refresh_needed", None)
        with logging_in(LOGGERS):
            return None if renewable is not None and renewable() else AwsKeys(credentials.get_frozen_credentials())

    def keys(self) -> AwsKeys:
        """Return the keys, and load or renew them first if needed, which blocks.

        Raises MissingKey if there are none, ConnectError if the service that has them cannot be reached.
        """
        exceptions = botocore("exceptions")
        # Raised outside the handlers, so that they are not chained: frames of botocore hold what it has read.
        failed: list[Exception] = []
        try:
            with self._lock, logging_in(LOGGERS):
                if self._credentials is None:
                    self._load()
                if self._credentials is not None:
                    return AwsKeys(self._credentials.get_frozen_credentials())
            failed.append(MissingKey(f"{self._profile_prefix()}no AWS credentials were found", hint=HINT))
        except exceptions.ProfileNotFound:
            failed.append(
                MissingKey(f"AWS has no profile {self._profile or REAL_WORLD.environ.get('AWS_PROFILE')!r}", hint=HINT)
            )
        except (exceptions.HTTPClientError, exceptions.ConnectionError) as error:
            failed.append(
                ConnectError(f"AWS's login cannot be reached ({type(error).__name__})", hint="check the network")
            )
        except exceptions.BotoCoreError as error:
            failed.append(
                MissingKey(f"{self._profile_prefix()}AWS returned no credentials ({type(error).__name__})", hint=HINT)
            )
        raise failed.pop()

    def _load(self) -> None:
        session = botocore("session").Session(profile=self._profile)
        self.region = session.get_config_variable("region") or None
        self._credentials = session.get_credentials()

    def _profile_prefix(self) -> str:
        return f"profile {self._profile!r}: " if self._profile else ""


class Logins:
    """The logins of this process, by profile and by the variables of the environment that botocore reads."""

    def __init__(self) -> None:
        self._logins = Memo[bytes, AwsLogin](_MOST)
        self._lock = ProcessLock()

    def of(self, profile: str | None) -> AwsLogin:
        """Return the login of a profile, or of the machine for None."""
        variables = sorted(
            item for item in REAL_WORLD.environ.items() if item[0].startswith(("AWS_", "HOME", "USERPROFILE"))
        )
        # Hashed, so that no secret is kept in a second place.
        key = hashlib.sha256(repr((profile, variables)).encode()).digest()
        with self._lock:
            return self._logins.get(key) or self._logins.put(key, AwsLogin(profile))

    def forget(self, login: AwsLogin) -> None:
        """Load the login again next time: it was refused."""
        with self._lock:
            for key in [key for key, known in self._logins.items() if known is login]:
                del self._logins[key]


LOGINS = Logins()


def botocore(module: str) -> Any:
    """Import a module of botocore. Raises MissingExtra if it is not installed."""
    from importlib import import_module  # the extra `bedrock`, heavy

    try:
        return import_module(f"botocore.{module}")
    except ImportError:
        raise MissingExtra("signing for AWS needs botocore", hint="run: pip install 'stepwell[bedrock]'") from None
