"""Headers by name in any spelling, whether our code, a caller's step or an HTTP library made them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from itertools import chain
from typing import Any

from ...schemas.errors import InvalidOption
from ...schemas.secret import MASK, Secret

_HARMLESS = frozenset(("accept", "accept-encoding", "content-type", "content-length", "user-agent", "retry-after"))


class Headers(dict[str, str]):
    """Headers under lower-case names, found by any spelling. A repr shows only values that never hold a credential.

    The steps of every call look lower-case names up by `dict.get(headers, name)`, without a Python frame.
    """

    __slots__ = ()

    def __init__(self, headers: Mapping[str, str] | Iterable[tuple[str, str]] = (), /, **more: str) -> None:
        if type(headers) is Headers:
            dict.update(self, headers)  # at the speed of a dict: many steps copy them
        else:
            self.update(headers)
        for name, value in more.items():
            super().__setitem__(name.lower(), value)

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

    def get(self, name: str, default: object = None) -> Any:
        found = super().get(name)
        return super().get(name.lower(), default) if found is None else found

    def pop(self, name: str, *default: object) -> Any:
        return super().pop(name.lower(), *default)

    def setdefault(self, name: str, default: str = "") -> str:
        return super().setdefault(name.lower(), default)

    def update(self, headers: Any = (), /, **more: str) -> None:
        for name, value in (*(headers.items() if isinstance(headers, Mapping) else headers), *more.items()):
            self[name] = value

    def copy(self) -> Headers:
        return Headers(self)

    def __or__(self, other: Any) -> Any:
        return Headers({**self, **Headers(other)})

    def __ior__(self, other: Any) -> Any:
        self.update(other)
        return self

    def __repr__(self) -> str:
        shown = {name: value if name in _HARMLESS else MASK for name, value in self.items()}
        return f"Headers({shown})"


def sent(headers: Mapping[str, str]) -> Headers:
    """Return the headers of a request as Headers."""
    return headers if type(headers) is Headers else Headers(headers)


_EACH_COUNTS = frozenset(("content-encoding", "transfer-encoding"))
"""Headers of which the same value twice means that it was applied twice."""


def received(headers: Any) -> Headers:
    """Make Headers of the response headers of any HTTP library.

    Several values of one name are joined with commas (https://www.rfc-editor.org/rfc/rfc9110#section-5.3); a value that
    is only repeated is kept once.
    """
    if type(headers) is Headers:
        return headers
    found = Headers.__new__(Headers)  # without __init__, which has nothing to do
    raw = getattr(headers, "raw", None)
    if type(raw) is list:
        # httpx's pairs of bytes, decoded at once: 4 µs for 20 headers, not the 15 of decoding each.
        try:
            texts = b"\0".join(chain.from_iterable(raw)).decode("ascii").split("\0")
        except (UnicodeDecodeError, TypeError):
            texts = []
        dict.update(found, zip(map(_LOWER.__getitem__, texts[::2]), texts[1::2], strict=False))
        if len(found) == len(raw) and len(texts) == 2 * len(raw):
            return found
        found.clear()  # a name is repeated, or something is not ASCII
    # httpx's items() has joined them already; those of other libraries may yield each.
    items = list((getattr(headers, "multi_items", None) or headers.items)())
    put, known = partial(dict.__setitem__, found), partial(dict.get, found)
    for name, value in items:
        if type(name) is not str or type(value) is not str or not value.isascii():
            name, value = _text(name), _text(value)
        name = name.lower()
        before = known(name)
        put(name, value if before is None else _joined(name, before, value))
    return found


class _LowerNames(dict[str, str]):
    """The lower-case forms of headers' names, shared by all answers: found faster than made, and 2 kB less for each."""

    def __missing__(self, name: str) -> str:
        lower = name.lower()
        if len(self) < 1000 and len(name) < 100:
            self[name] = lower
        return lower


_LOWER = _LowerNames()


def from_lines(block: bytes) -> Headers:
    """Make Headers of the head of an answer, as it arrived: a first line, and a line for each header.

    It was checked before. Joins values as `received` does. Bytes are read as UTF-8, or else as Latin-1.
    """
    try:
        text = block.decode()
    except UnicodeDecodeError:
        text = block.decode("latin-1")
    lines = text.split("\r\n")[1:]
    found = Headers.__new__(Headers)  # without __init__, which has nothing to do
    if "  " not in text and " \r" not in text and "\t" not in text:
        # The usual case, for 4 µs in place of 8 with 20 headers.
        try:
            dict.update(found, {_LOWER[name]: value for name, value in [line.split(": ", 1) for line in lines]})
        except ValueError:  # a line without a space after the colon
            found.clear()
        if len(found) == len(lines):
            return found
        found.clear()
    plain: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip(" \t")
        plain[name] = _joined(name, plain[name], value) if name in plain else value
    dict.update(found, plain)
    return found


def _joined(name: str, before: str, value: str) -> str:
    if name in _EACH_COUNTS or (value != before and value not in before.split(", ")):
        return f"{before}, {value}"
    return before


def _text(value: object) -> str:
    if type(value) is bytes:
        return value.decode("latin-1")
    text = str(value)
    if text.isascii():
        return text
    # Libraries on aiohttp keep bytes that are not UTF-8 as surrogates, which cannot be encoded; httpx reads Latin-1.
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape").decode("latin-1")
    return text


def checked_headers(headers: Mapping[str, Any]) -> Headers:
    """Return headers with lower-case names.

    Raises InvalidOption for a name or a value that HTTP forbids. The error does not show the value, which may be a key.
    """
    out = Headers()
    for name, value in headers.items():
        if isinstance(value, Secret):
            value = value.reveal()
        if not isinstance(name, str) or not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
            value = None  # a crash report shows the locals of frames
            raise InvalidOption(f"{name!r} is not a header name")
        if not isinstance(value, str) or not value.isascii() or not value.replace("\t", "").isprintable():
            value = None
            raise InvalidOption(
                f"the value of header {name!r} cannot be sent", hint="use printable ASCII without line breaks"
            )
        out[name.lower()] = value
    return out


_FRAMING = frozenset(("content-length", "transfer-encoding"))


def are_sendable(headers: Mapping[str, str]) -> bool:
    """Return whether there is no header that HTTP libraries handle differently.

    Such are a header with a line break, which may be read as two, and the length of the body, which the libraries set
    themselves.
    """
    # One joined string is searched: 0.5 µs, not 3. A function that does not raise, so that no traceback shows it.
    try:
        text = "".join([*headers, *headers.values()])
    except TypeError:
        return False
    plain = text.isascii() and "\n" not in text and "\r" not in text and "\0" not in text
    return plain and _FRAMING.isdisjoint(headers)


def header_error(headers: Mapping[str, str]) -> InvalidOption:
    """Return the error for headers that are not sendable. It names the header, without its value."""
    name = next(name for name in headers if not are_sendable({name: headers[name]}))
    if name in _FRAMING:
        return InvalidOption(f"the header {name!r} cannot be set", hint="leave it out: it follows from the body")
    return InvalidOption(
        f"the header {name!r:.60} cannot be sent", hint="its name and value must be ASCII without line breaks"
    )
