"""The kinds of faults: what a network or a server does to one answer. `Faults` decides which request meets which."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, Generator, Mapping
from math import inf
from random import Random
from typing import Any

from attrs import Attribute, field, frozen
from attrs.validators import optional

from ..pipeline.http.fast.errors import ReadError, RemoteProtocolError, Unreachable
from ..pipeline.steps.shared import check_number
from ..schemas.errors import ConfigError
from ..schemas.json_text import dumps


class BodyEnd(Exception):
    """No error: the body ends here."""


Validator = Callable[[object, "Attribute[Any]", Any], None]


def _number(*, whole: bool = False, least: float | None = None, endless: bool = False) -> Validator:
    """Return a validator of a number: see `check_number`, which it calls with the field's name.

    endless: whether inf stands for for ever.
    """

    def check(instance: object, attribute: Attribute[Any], value: Any) -> None:
        if not (endless and value == inf):
            check_number(value, f"{attribute.name} of {type(instance).__name__}", whole=whole, least=least)

    return check


_seconds = _number(least=0, endless=True)
_bytes = _number(whole=True, least=0)
_difference = _number(whole=True, least=-inf)
_size = _number(whole=True)
_status = _number(whole=True, least=100)


@frozen
class Pause:
    """A wait before what follows, in seconds."""

    seconds: float = field(validator=_seconds)


Item = bytes | Pause | Exception
Alteration = Generator[list[Item], bytes, None]
"""Gets each piece of a body, and b"" at its end; gives what takes its place, where an exception ends all."""


class AlteredBody:
    """A body behind these alterations, the first of which is nearest to the server."""

    def __init__(self, alterations: list[Alteration]) -> None:
        self._alterations = alterations
        for each in alterations:
            next(each)

    def items(self, data: bytes | None) -> deque[Item]:
        """Return what the reader gets for these bytes; None for the end of the body."""
        items: list[Item] = [BodyEnd() if data is None else data]
        for each in self._alterations:
            items = _altered(items, each)
        return deque(items)


def _altered(items: list[Item], alteration: Alteration) -> list[Item]:
    """Return what an alteration makes of these items. What comes after an exception is dropped."""
    out: list[Item] = []
    for item in items:
        if isinstance(item, BodyEnd):
            out += alteration.send(b"")
        if isinstance(item, bytes):
            out += alteration.send(item) if item else []
        else:
            out.append(item)
        if out and isinstance(out[-1], Exception):
            break
    return out


class Fault:
    """What happens to one answer. Each kind overrides what it needs; the rest changes nothing."""

    def instead(self) -> Status | Exception | None:
        """Return what comes in place of an answer, without the request being sent; None to send it."""
        return None

    def at_head(self, headers: dict[str, str]) -> Pause | Exception | None:
        """Change the headers of an answer, and return what comes before it."""
        return None

    def on_body(self, chance: Random) -> Alteration | None:
        """Return what changes the body; None to leave it as it is."""
        return None


@frozen
class Status(Fault):
    """An answer with this status. The request is not sent.

    retry_after: seconds, as the header `Retry-After`.
    body: JSON, text or bytes; None: an error object.
    headers: further headers.
    """

    status: int = field(validator=_status)
    retry_after: float | None = field(default=None, validator=optional(_seconds))
    body: object = None
    headers: Mapping[str, str] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        try:
            self.content()
        except TypeError as error:
            raise ConfigError(
                f"the body or the headers of a Status cannot be sent: {type(error).__name__}",
                hint="body= is JSON, text or bytes, headers= a dict of texts",
            ) from error

    def instead(self) -> Status:
        return self

    def content(self) -> tuple[dict[str, str], bytes]:
        """Return the headers and the body."""
        body, headers = self.body, {"content-type": "application/json"}
        if body is None:
            body = {"error": {"message": f"a fault of the test: {self.status}"}}
        if isinstance(body, str):
            body, headers["content-type"] = body.encode(), "text/plain; charset=utf-8"
        data = body if isinstance(body, bytes) else dumps(body)
        if self.retry_after is not None:
            headers["retry-after"] = f"{self.retry_after:g}"
        return {**headers, "content-length": str(len(data)), **self.headers}, data


@frozen
class Refuse(Fault):
    """No connection can be opened: nothing is sent."""

    def instead(self) -> Exception:
        return Unreachable("the connection was refused")


@frozen
class Reset(Fault):
    """The connection breaks after `at` bytes of the body; None: before the status, when the request has been sent."""

    at: int | None = field(default=None, validator=optional(_bytes))

    def at_head(self, headers: dict[str, str]) -> Exception | None:
        return ReadError("the connection was reset") if self.at is None else None

    def on_body(self, chance: Random) -> Alteration | None:
        return None if self.at is None else _until(self.at, ReadError("the connection was reset"))


@frozen
class Cut(Fault):
    """The server closes the connection after `at` bytes of the body, or after all of a shorter one.

    clean: whether that looks like the end of the body, as it does without a length and without chunks.
    """

    at: int = field(validator=_bytes)
    clean: bool = False

    def on_body(self, chance: Random) -> Alteration:
        return _until(self.at, BodyEnd() if self.clean else RemoteProtocolError("the body was cut"))


@frozen
class Length(Fault):
    """The answer declares `by` bytes more than it has (below 0: fewer): it breaks off, or its end is not read."""

    by: int = field(validator=_difference)

    def at_head(self, headers: dict[str, str]) -> None:
        if (length := headers.get("content-length", "")).isdigit():
            headers["content-length"] = str(max(int(length) + self.by, 0))

    def on_body(self, chance: Random) -> Alteration | None:
        if self.by > 0:
            return _until(inf, RemoteProtocolError("the body is shorter than its length"))
        return _without_last(-self.by) if self.by else None


@frozen
class Late(Fault):
    """The answer begins so many seconds late, or never."""

    seconds: float = field(default=inf, validator=_seconds)

    def at_head(self, headers: dict[str, str]) -> Pause:
        return Pause(self.seconds)


@frozen
class Stall(Fault):
    """Nothing comes after `at` bytes of the body, for so many seconds or for ever."""

    at: int = field(default=0, validator=_bytes)
    seconds: float = field(default=inf, validator=_seconds)

    def on_body(self, chance: Random) -> Alteration:
        return _paused_at(self.at, Pause(self.seconds))


@frozen
class Slow(Fault):
    """A wait of so many seconds before each piece of the body; put a Split in front for the size of the pieces."""

    seconds: float = field(validator=_seconds)

    def on_body(self, chance: Random) -> Alteration:
        return _paused_always(Pause(self.seconds))


@frozen
class Split(Fault):
    """The body arrives in pieces of at most `size` bytes; None: of 1 to 20, by chance."""

    size: int | None = field(default=None, validator=optional(_size))

    def on_body(self, chance: Random) -> Alteration:
        return _split(self.size, chance)


@frozen
class Garble(Fault):
    """`length` bytes of the body, from `at` on, are others, by chance."""

    at: int = field(validator=_bytes)
    length: int = field(default=1, validator=_size)

    def on_body(self, chance: Random) -> Alteration:
        return _garbled(self.at, self.length, chance)


@frozen
class Gzip(Fault):
    """The body comes compressed, though that was not requested; with `cut`, only so many of its first bytes."""

    cut: int | None = field(default=None, validator=optional(_bytes))

    def at_head(self, headers: dict[str, str]) -> None:
        headers["content-encoding"] = "gzip"
        headers.pop("content-length", None)

    def on_body(self, chance: Random) -> Alteration:
        return _compressed(self.cut)


def _until(at: float, error: Exception) -> Alteration:
    data = yield []
    while data and len(data) < at:
        at -= len(data)
        data = yield [data]
    yield [data and data[: int(at)], error]


def _without_last(count: int) -> Alteration:
    """Leave out the last bytes of the body."""
    held = b""
    data = yield []
    while data:
        held += data
        out, held = held[:-count], held[-count:]
        data = yield [out]
    yield []


def _paused_at(at: int, pause: Pause) -> Alteration:
    data = yield []
    while data and len(data) <= at:
        at -= len(data)
        data = yield [data]
    out: list[Item] = [data[:at], pause, data[at:]]
    while True:
        data = yield out
        out = [data]


def _paused_always(pause: Pause) -> Alteration:
    data = yield []
    while data:
        data = yield [pause, data]
    yield []


def _split(size: int | None, chance: Random) -> Alteration:
    data = yield []
    while data:
        pieces: list[Item] = []
        while data:
            length = size or chance.randint(1, 20)
            pieces.append(data[:length])
            data = data[length:]
        data = yield pieces
    yield []


def _garbled(at: int, length: int, chance: Random) -> Alteration:
    data, begun = (yield []), 0
    while data:
        first, end = max(at - begun, 0), at + length - begun
        wrong = bytes(byte ^ chance.randint(1, 255) for byte in data[first : max(end, 0)])
        begun += len(data)
        data = yield [data[:first] + wrong + data[first + len(wrong) :]]
    yield []


def _compressed(cut: int | None) -> Alteration:
    packer = zlib.compressobj(wbits=31)  # with a header of gzip
    left = inf if cut is None else cut
    data = yield []
    while data:
        packed = packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)  # what has come can be read
        out = packed if left == inf else packed[: int(left)]
        left -= len(out)
        data = yield [out]
    rest = packer.flush()
    yield [rest if left == inf else rest[: int(left)]]
