"""Credentials that never show their value in logs, tracebacks or files."""

from __future__ import annotations

from typing import Any, NoReturn

from .errors import InvalidKey

MASK = "**********"


class Secret:
    """A credential, masked in repr, str, format, attrs.asdict and JSON, that cannot be pickled.

    Only `reveal()` gives the value.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value itself, to be sent and not to be stored or shown."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret('{MASK}')"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled; pass the key to the other process in another way")


class MaskedDict(dict[str, Any]):
    """A dict of secrets, such as the content of a token file, whose repr shows none of them.

    So a crash report that prints the local variables of a frame shows none either.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"MaskedDict({MASK})"


def header_secret(value: object, *, where: str) -> Secret:
    """Return the value as a Secret that can be sent in a header, without surrounding white space.

    value: the key, a string or a Secret.
    where: where the key comes from, named in errors.

    Raises InvalidKey for a value that is no string, is empty, or has characters that a header cannot hold. The error
    does not show the value, all of which HTTP libraries would quote in theirs.
    """
    if isinstance(value, Secret):
        value = value.reveal()
    if not isinstance(value, str):
        raise InvalidKey(f"the API key from {where} is of the type {type(value).__name__}", hint="it must be a string")
    key = value.strip()
    if not key:
        raise InvalidKey(f"the API key from {where} is empty", hint="set it to the key your provider gave you")
    if key.isascii() and key.isprintable():
        return Secret(key)
    fault = "a line break" if "\n" in key or "\r" in key else "a control or non-ASCII character"
    value = key = ""  # a crash report shows the locals of frames
    raise InvalidKey(f"the API key from {where} contains {fault}", hint="copy it again, without what surrounds it")
