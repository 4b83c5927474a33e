"""Headers mean the same whatever spelt them: our own code, a caller's step, or a library that read them off a wire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

_MASKED = "**********"
_HARMLESS = frozenset(("accept", "accept-encoding", "content-type", "content-length", "user-agent", "retry-after"))


class Headers(dict[str, str]):
    """Headers by lower-case name, found by any spelling of it. The values show in a repr only where no credential ever
    stands in them."""

    __slots__ = ()

    def __init__(self, given: Mapping[str, str] | Iterable[tuple[str, str]] = (), /, **more: str) -> None:
        if type(given) is Headers:
            super().__init__(given)  # at the speed of a dict: many steps copy them
        else:
            self.update(given)
        for name, value in more.items():
            self[name] = value

    def __setitem__(self, name: str, value: str) -> None:
        super().__setitem__(name.lower(), value)

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and super().__contains__(name.lower()))

    def __missing__(self, name: str) -> str:
        lower = name.lower()
        if lower == name:
            raise KeyError(name)
        return self[lower]

    def get(self, name: str, default: Any = None) -> Any:
        found = super().get(name)
        return super().get(name.lower(), default) if found is None else found

    def pop(self, name: str, *default: Any) -> Any:
        return super().pop(name.lower(), *default)

    def setdefault(self, name: str, default: str = "") -> str:
        return super().setdefault(name.lower(), default)

    def update(self, given: Any = (), /, **more: str) -> None:
        for name, value in (*(given.items() if isinstance(given, Mapping) else given), *more.items()):
            self[name] = value

    def copy(self) -> Headers:
        return Headers(self)

    def __or__(self, other: Any) -> Any:
        return Headers({**self, **Headers(other)})

    def __ior__(self, other: Any) -> Any:
        self.update(other)
        return self

    def __repr__(self) -> str:
        shown = {name: value if name in _HARMLESS else _MASKED for name, value in self.items()}
        return f"Headers({shown})"


def sent(given: Mapping[str, str]) -> Headers:
    """A request's headers."""
    return given if type(given) is Headers else Headers(given)


_EACH_COUNTS = frozenset(("content-encoding", "transfer-encoding"))
"""Of these, the same value twice says that it was done twice."""


def received(given: Any) -> Headers:
    """An answer's headers, from whatever a library has of them: any case, and several values of one name in one, with
    commas (https://www.rfc-editor.org/rfc/rfc9110#section-5.3). What was only repeated stands once."""
    if type(given) is Headers:
        return given
    found = Headers()
    put, known = partial(dict.__setitem__, found), partial(dict.get, found)
    # httpx's items() has joined them already; aiohttp's gives each.
    for name, value in (getattr(given, "multi_items", None) or given.items)():
        if type(name) is not str or type(value) is not str or not value.isascii():
            name, value = _text(name), _text(value)
        name = name.lower()
        if (before := known(name)) is None:
            put(name, value)
        elif name in _EACH_COUNTS or (value != before and value not in before.split(", ")):
            put(name, f"{before}, {value}")
    return found


def _text(value: Any) -> str:
    if type(value) is bytes:
        return value.decode("latin-1")
    text = str(value)
    if text.isascii():
        return text
    # aiohttp hides bytes that are not UTF-8 in surrogates, which nothing can write; httpx reads Latin-1.
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape").decode("latin-1")
    return text
