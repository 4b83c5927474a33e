"""Check credentials of several values.

Each provider declares the names of the values, with the spellings of its vendor's own tools. An unknown name, a missing
value and an incomplete login are errors before anything is sent, so that no call uses another login than the given one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from attrs import field, frozen

from ...schemas.errors import InvalidKey, InvalidOption, MissingKey
from ...schemas.nearest import misspelt
from ...schemas.secret import MaskedDict, Secret, header_secret

KEY = "key"
"""A value for a header: a string or a Secret."""
TOKEN = "token"
"""The same as KEY, or a function that returns it."""
PLAIN = "plain"
"""Not secret: a region, a project, the name of a profile, the path of a file."""
PLACE = "place"
"""Not secret, and part of the server's address. The base_url of a call wins over it."""
DOCUMENT = "document"
"""The content of a key file, as a mapping or as text, or the path of the file."""


class Given(MaskedDict):
    """A checked credential of several values, under the names that the provider declares."""

    __slots__ = ()


@frozen
class Value:
    """One value of a credential. Case, hyphens and underscores of its names do not matter."""

    name: str
    kind: str = KEY
    """KEY, TOKEN, PLAIN, PLACE or DOCUMENT"""
    spelt: tuple[str, ...] = ()
    """other names for it"""


@frozen
class Login:
    """The values of one login."""

    needs: tuple[str, ...]
    """needed together"""
    may: tuple[str, ...] = ()
    """optional"""

    def __str__(self) -> str:
        return " with ".join(self.needs) + "".join(f" (and {name})" for name in self.may)


@frozen
class Credentials:
    """The credentials of several values that a provider takes: one of the `logins`, and settings."""

    values: tuple[Value, ...]
    logins: tuple[Login, ...]
    alone: bool = False
    """the machine has a login of its own, used at its provider's own hosts if none is given, also with settings"""
    plain: str = "api_key"
    """the name of the value that a string in the place of a mapping is"""
    unfold: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    """makes such a mapping of a vendor's own document"""
    free: bool = False
    """takes any other name, too, for a user's own code to read"""
    _known: Mapping[str, Value] = field(init=False, repr=False, eq=False)

    @_known.default
    def _by_spelling(self) -> Mapping[str, Value]:
        return {_bare(name): value for value in self.values for name in (*value.spelt, value.name)}

    def read(self, credential: Mapping[str, Any], *, where: str, provider: str) -> Given:
        """Return the values under their declared names, with secrets masked.

        credential: the credential.
        where: what it is, for errors.
        provider: the provider's id, for errors.

        Raises InvalidOption for a name that is unknown or given twice, MissingKey for an incomplete login, InvalidKey
        for a value that is empty or cannot be sent. No error shows a value.
        """
        if type(credential) is Given:
            return credential
        if self.unfold is not None:
            credential = self.unfold(credential)
        values = Given()
        absent: list[str] = []
        for name, value in credential.items():
            known = self._known.get(_bare(name)) if isinstance(name, str) else None
            if known is None:
                if not self.free or not isinstance(name, str):
                    value = None  # a crash report shows the locals of frames
                    raise InvalidOption(
                        f"{where} names {name!r:.60}, which {provider} does not take", hint=self._hint(name, provider)
                    )
                values[name] = Secret(value) if isinstance(value, str) else value
            elif known.name in values or known.name in absent:
                value = None
                raise InvalidOption(f"{where} gives {known.name!r} twice, once as {name!r:.60}", hint="leave one out")
            elif value is None:
                absent.append(known.name)
            else:
                values[known.name] = _checked_value(known.kind, value, f"{where}[{name!r:.60}]")
        self._check_complete(values, absent, where, provider)
        return values

    def has_login(self, values: Mapping[str, Any]) -> bool:
        """Check whether the values have a login, or only settings for the login of the machine."""
        return any(values.keys() >= {*login.needs} for login in self.logins)

    def without_places(self, values: Given) -> Given:
        """Return the values without those that are part of the server's address."""
        places = self._places()
        return Given({name: value for name, value in values.items() if name not in places})

    def place(self, credential: Mapping[str, Any]) -> str | None:
        """Return the values that are part of the server's address, as one text; None if there are none."""
        places = self._places()
        return " ".join(str(value) for name, value in credential.items() if name in places) or None

    def _places(self) -> frozenset[str]:
        return frozenset(value.name for value in self.values if value.kind is PLACE)

    def _check_complete(self, values: Given, absent: list[str], where: str, provider: str) -> None:
        if self.free and values:
            return
        needed = {name for login in self.logins for name in login.needs}
        for name in absent:
            if name in needed:
                raise MissingKey(f"{where} has None for {name!r}", hint=self.describe(provider))
        of_logins = needed.union(*(login.may for login in self.logins))
        login_names = [name for name in values if name in of_logins]
        if not login_names:
            if self.alone and values:
                return
            what = f"names {' and '.join(map(repr, values))} alone" if values else "is a mapping without a value"
            raise MissingKey(f"{where} {what}, which is not a login", hint=self.describe(provider))
        complete = [login for login in self.logins if values.keys() >= {*login.needs}]
        if not complete:
            begun = max(self.logins, key=lambda login: len(values.keys() & {*login.needs, *login.may}))
            lacking = [name for name in begun.needs if name not in values]
            raise MissingKey(
                f"{where} gives {' and '.join(map(repr, login_names))} without {' and '.join(map(repr, lacking))}",
                hint=self.describe(provider),
            )
        others = [name for name in login_names if name not in (*complete[0].needs, *complete[0].may)]
        if others:
            raise InvalidOption(
                f"{where} gives {others[0]!r}, which belongs to another login than {complete[0].needs[0]!r}",
                hint=f"give one of them; {self.describe(provider)}",
            )

    def _hint(self, name: object, provider: str) -> str:
        close = misspelt(_bare(str(name)), self._known)
        return (f"did you mean {self._known[close].name!r}? " if close else "") + self.describe(provider)

    def describe(self, provider: str) -> str:
        """List the right names, for messages."""
        of_logins = {name for login in self.logins for name in (*login.needs, *login.may)}
        settings = [value.name for value in self.values if value.name not in of_logins]
        extras = f"; with them {', '.join(settings)}" if settings else ""
        return f"{provider} takes {' or '.join(map(str, self.logins))}{extras}"


def _bare(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _checked_value(kind: str, value: object, where: str) -> Any:
    """Check one value and return it: as a Secret, unless its kind is not secret."""
    if kind is TOKEN and callable(value):
        return value
    if kind is DOCUMENT and isinstance(value, Mapping):
        if not value:
            raise InvalidKey(f"{where} is empty", hint="pass the content of the key file")
        return value if isinstance(value, MaskedDict) else MaskedDict(value)
    is_path = False
    if kind not in (KEY, TOKEN) and isinstance(value, os.PathLike):
        value, is_path = os.fspath(value), True
    if isinstance(value, Secret):
        value = value.reveal()
    if not isinstance(value, str):
        raise InvalidOption(f"{where} cannot be a {type(value).__name__}", hint="pass a string")
    if kind in (KEY, TOKEN):
        return header_secret(value, where=where)
    if not value.strip():
        raise InvalidKey(f"{where} is empty", hint="pass its value, or leave it out")
    is_secret = kind is DOCUMENT and not is_path and not value.endswith(".json")
    return Secret(value) if is_secret else value.strip()


_OPEN = ("region", "project", "location", "account", "profile", "api_version", "auth_file")
FREE = Credentials((*(Value(name, PLAIN) for name in _OPEN), Value("endpoint", PLACE)), (), free=True)
"""For a user's own `auth` that does not declare which names it reads."""

PLAIN_KEY = Value("api_key", KEY, ("key", "token", "api_token", "access_token", "auth_token", "bearer_token"))


@lru_cache(maxsize=1000)
def one_key(provider: str, variables: Iterable[str] = (), places: Iterable[str] = ()) -> Credentials:
    """Make the credentials of a provider with one key.

    provider: its id.
    variables: the environment variables of the key; a mapping may use their names for it, too.
    places: the variables in its address.
    """
    key = Value(PLAIN_KEY.name, PLAIN_KEY.kind, (*PLAIN_KEY.spelt, *variables))
    return Credentials((key, *(_open(provider, name) for name in places)), (Login(("api_key",)),))


def several_keys(provider: str, variables: Mapping[str, str], places: Iterable[str] = ()) -> Credentials:
    """Make the credentials of a provider with several secrets, all of which it needs.

    variables: the environment variable of each, by its name; the variable is another name of it.
    provider, places: those of `one_key`.
    """
    values = [Value(name, KEY, (variable,)) for name, variable in variables.items()]
    return Credentials((*values, *(_open(provider, name) for name in places)), (Login(tuple(variables)),))


def _open(provider: str, variable: str) -> Value:
    """Make the value of a variable in an address: CLOUDFLARE_ACCOUNT_ID may also be called account_id or account."""
    short = _bare(variable).removeprefix(_bare(provider))
    return Value(variable.lower(), PLACE, tuple(filter(None, (short, short.removesuffix("id")))))
