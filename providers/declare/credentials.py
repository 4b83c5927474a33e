"""The names that a credential of several values may have, and the one place where such a mapping is checked.

Each provider declares them, with the spellings of its vendor's own tools. A name that it does not know, a value that is
not there, a login of which a part is missing: each is an error before anything is sent, so that nobody is answered by
the account of another login than the one that was given.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from attrs import field, frozen

from ...schemas.errors import InvalidKey, InvalidOption, MissingKey
from ...schemas.secret import MaskedDict, Secret, header_secret

KEY = "key"
"""Goes into a header: a string, or a Secret."""
TOKEN = "token"
"""As KEY, or a function that gives it."""
PLAIN = "plain"
"""Not secret: a region, a project, the name of a profile, a file's path."""
PLACE = "place"
"""Not secret, and says which server is asked: an address that the call itself names goes before it."""
DOCUMENT = "document"
"""What a key file holds, as a mapping or as text, or the file's path."""


class Given(MaskedDict):
    """A credential of several values that has been checked, under the names that the provider declares."""

    __slots__ = ()


@frozen
class Value:
    """One value of a credential: its name, its kind, and what else it is called. Case, hyphens and underscores of a
    name do not matter."""

    name: str
    kind: str = KEY
    spelt: tuple[str, ...] = ()


@frozen
class Login:
    """Values that prove something only together, and those that may go with them."""

    needs: tuple[str, ...]
    may: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " with ".join(self.needs) + "".join(f" (and {name})" for name in self.may)


@frozen
class Credentials:
    """What a provider takes as a credential of several values: one of the `logins`, and settings beside it.

    With `alone`, the machine has a login of its own, which is used where none is given, at the provider's own hosts;
    settings may then come without one. `plain` is the value that a string in the place of a mapping stands for.
    `unfold` makes a vendor's own document into such a mapping. `free` takes any other name, too, for somebody's own
    code to read.
    """

    values: tuple[Value, ...]
    logins: tuple[Login, ...]
    alone: bool = False
    plain: str = "api_key"
    unfold: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    free: bool = False
    _known: Mapping[str, Value] = field(init=False, repr=False, eq=False)

    @_known.default
    def _by_spelling(self) -> Mapping[str, Value]:
        return {_bare(name): value for value in self.values for name in (*value.spelt, value.name)}

    def read(self, given: Mapping[str, Any], *, where: str, provider: str) -> Given:
        """The values under their declared names, secrets masked.

        Raises InvalidOption for a name that is not known or stands twice, MissingKey for a login that is not whole,
        InvalidKey for a value that is empty or cannot be sent. None of them shows a value.
        """
        if type(given) is Given:
            return given
        if self.unfold is not None:
            given = self.unfold(given)
        values = Given()
        absent: list[str] = []
        for name, value in given.items():
            known = self._known.get(_bare(name)) if isinstance(name, str) else None
            if known is None and self.free and isinstance(name, str):
                values[name] = Secret(value) if isinstance(value, str) else value
                continue
            if known is None:
                raise InvalidOption(
                    f"{where} names {name!r:.60}, which {provider} does not take", hint=self._hint(name)
                )
            if known.name in values or known.name in absent:
                raise InvalidOption(f"{where} gives {known.name!r} twice, once as {name!r:.60}", hint="leave one out")
            if value is None:
                absent.append(known.name)
            else:
                values[known.name] = _kept(known.kind, value, f"{where}[{name!r:.60}]")
        self._check_whole(values, absent, where, provider)
        return values

    def has_login(self, values: Mapping[str, Any]) -> bool:
        """Whether a mapping that was read names a login, or only settings for the machine's own."""
        return any(values.keys() >= {*login.needs} for login in self.logins)

    def without_places(self, values: Given) -> Given:
        """The same without what says which server is asked."""
        places = self._places()
        return Given({name: value for name, value in values.items() if name not in places})

    def place(self, given: Mapping[str, Any]) -> str | None:
        """What in the credential says which server is asked."""
        places = self._places()
        found = [str(value) for name, value in given.items() if name in places]
        return " ".join(found) or None

    def _places(self) -> frozenset[str]:
        return frozenset(value.name for value in self.values if value.kind is PLACE)

    def _check_whole(self, values: Given, absent: list[str], where: str, provider: str) -> None:
        if self.free and values:
            return
        needed = {name for login in self.logins for name in login.needs}
        for name in absent:
            if name in needed:
                raise MissingKey(f"{where} has None for {name!r}", hint=self.describe(provider))
        of_logins = needed.union(*(login.may for login in self.logins))
        given = [name for name in values if name in of_logins]
        if not given:
            if self.alone and values:
                return
            what = f"names {' and '.join(map(repr, values))} alone" if values else "is a mapping without a value"
            raise MissingKey(f"{where} {what}, which is no login", hint=self.describe(provider))
        whole = [login for login in self.logins if values.keys() >= {*login.needs}]
        if not whole:
            begun = max(self.logins, key=lambda login: len(values.keys() & {*login.needs, *login.may}))
            lacking = [name for name in begun.needs if name not in values]
            raise MissingKey(
                f"{where} gives {' and '.join(map(repr, given))} without {' and '.join(map(repr, lacking))}",
                hint=self.describe(provider),
            )
        others = [name for name in given if name not in (*whole[0].needs, *whole[0].may)]
        if others:
            raise InvalidOption(
                f"{where} gives {others[0]!r} beside {' and '.join(map(repr, whole[0].needs))}, which is another login",
                hint=f"give one of them; {self.describe(provider)}",
            )

    def _hint(self, name: Any) -> str:
        import difflib

        close = difflib.get_close_matches(_bare(str(name)), self._known, 1, 0.6)
        return (f"did you mean {self._known[close[0]].name!r}? " if close else "") + self._names()

    def describe(self, provider: str) -> str:
        """The right names, for messages."""
        return f"{provider} takes {self._names(plain=True)}"

    def _names(self, *, plain: bool = False) -> str:
        of_logins = {name for login in self.logins for name in (*login.needs, *login.may)}
        settings = [value.name for value in self.values if value.name not in of_logins]
        text = " or ".join(map(str, self.logins))
        beside = f"; beside them {', '.join(settings)}" if settings else ""
        return f"{text}{beside}" if plain else f"It takes {text}{beside}"


def _bare(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _kept(kind: str, value: Any, where: str) -> Any:
    """One value as it is kept: what goes into headers is checked, what says where to go stays plain."""
    if kind is TOKEN and callable(value):
        return value
    if kind is DOCUMENT and isinstance(value, Mapping):
        if not value:
            raise InvalidKey(f"{where} is empty", hint="give what the key file holds")
        return value if isinstance(value, MaskedDict) else MaskedDict(value)
    is_path = kind not in (KEY, TOKEN) and isinstance(value, os.PathLike)
    if is_path:
        value = os.fspath(value)
    if isinstance(value, Secret):
        value = value.reveal()
    if not isinstance(value, str):
        raise InvalidOption(f"{where} cannot be a {type(value).__name__}", hint="pass a string")
    if kind in (KEY, TOKEN):
        return header_secret(value, where=where)
    if not value.strip():
        raise InvalidKey(f"{where} is empty", hint="give its value, or leave it out")
    is_secret = kind is DOCUMENT and not is_path and not value.endswith(".json")
    return Secret(value) if is_secret else value.strip()


_OPEN = ("region", "project", "location", "account", "profile", "api_version", "auth_file")
FREE = Credentials((*(Value(name, PLAIN) for name in _OPEN), Value("endpoint", PLACE)), (), free=True)
"""For code of somebody's own that puts the credential on the request and has not said which names it reads."""

PLAIN_KEY = Value("api_key", KEY, ("key", "token", "api_token", "access_token", "auth_token", "bearer_token"))


@cache
def one_key(provider: str, variables: Iterable[str] = (), places: Iterable[str] = ()) -> Credentials:
    """What a provider takes that has one key: the key, by the names of its `variables` too, and what stands open in
    its address, the `places`."""
    key = Value(PLAIN_KEY.name, PLAIN_KEY.kind, (*PLAIN_KEY.spelt, *variables))
    return Credentials((key, *(_open(provider, name) for name in places)), (Login(("api_key",)),))


def _open(provider: str, variable: str) -> Value:
    """A variable of an address, CLOUDFLARE_ACCOUNT_ID: it may be called account_id, or account."""
    short = _bare(variable).removeprefix(_bare(provider))
    return Value(variable.lower(), PLACE, tuple(filter(None, (short, short.removesuffix("id")))))
