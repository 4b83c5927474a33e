"""A string that shows itself to nobody but the code that sends it."""

from __future__ import annotations

from typing import Any, NoReturn

from .errors import InvalidKey

MASK = "**********"


class Secret:
    """A credential: masked in repr, str, format, attrs.asdict and JSON; refuses to be pickled.

    `reveal()` is the one way to the value.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
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
        raise TypeError("a Secret does not pickle; give the other process its own key")


class MaskedDict(dict[str, Any]):
    """Several secrets under their names, a token file's for instance: nothing of them shows in a repr, and so none in
    the locals of a frame."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"MaskedDict({MASK})"


def header_secret(value: str, *, where: str) -> Secret:
    """A Secret that may stand in a header, its surrounding white space stripped.

    Raises InvalidKey, without the value, when it is empty or has characters that no header may carry:
    HTTP libraries quote the whole value in their own error for it.
    """
    key = value.strip()
    if not key:
        raise InvalidKey(f"the API key from {where} is empty", hint="set it to the key your provider gave you")
    if key.isascii() and key.isprintable():
        return Secret(key)
    fault = "a line break" if "\n" in key or "\r" in key else "a control or non-ASCII character"
    raise InvalidKey(f"the API key from {where} contains {fault}", hint="copy it again, without what surrounds it")
