"""What a message is made of. Parts keep their order, and `extra` keeps what only one wire understands.

`extra` maps a wire's name to data of its own, for instance `{"google_generate": {"thoughtSignature": "..."}}`;
every other wire leaves it alone.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from attrs import field, frozen

from .errors import ConfigError, DecodeError
from .json_text import JSONDecodeError, loads_fast, repaired

Extra = Mapping[str, Any]
_LONG_NUMBER = re.compile(r"\d{19}")


@frozen(hash=False)
class Text:
    """Plain text, of the user or the model."""

    type: ClassVar[str] = "text"
    text: str
    extra: Extra = field(factory=dict, repr=False)


@frozen(hash=False)
class Refusal:
    """The model's words for declining, where the wire keeps them apart from its text."""

    type: ClassVar[str] = "refusal"
    text: str
    extra: Extra = field(factory=dict, repr=False)


@frozen(hash=False)
class Reasoning:
    """The model's thinking. `signature` proves it to the provider that wrote it, `encrypted` is what only
    that provider can read (a redacted block has no text), `wire` names the format that may replay it."""

    type: ClassVar[str] = "reasoning"
    text: str = ""
    signature: str | None = field(default=None, repr=False)
    encrypted: str | None = field(default=None, repr=False)
    id: str | None = None
    wire: str | None = None
    extra: Extra = field(factory=dict, repr=False)

    @property
    def redacted(self) -> bool:
        return self.encrypted is not None and not self.text


@frozen(hash=False, kw_only=True)
class _Media:
    """Bytes here, a URL, or a file the provider already holds: exactly one of `data`, `url`, `file_id`.

    A URL is passed to the provider; stepwell never fetches it.
    """

    data: bytes | None = field(default=None, repr=lambda data: f"<{len(data)} bytes>" if data else "None")
    url: str | None = None
    file_id: str | None = None
    media_type: str | None = None
    filename: str | None = None
    extra: Extra = field(factory=dict, repr=False)

    type: ClassVar[str] = "media"
    fallback_type: ClassVar[str] = "application/octet-stream"

    def __attrs_post_init__(self) -> None:
        if sum(value is not None for value in (self.data, self.url, self.file_id)) != 1:
            raise ConfigError(f"{type(self).__name__} needs exactly one of data, url and file_id")

    @classmethod
    def from_path(cls, path: str | Path, *, media_type: str | None = None) -> Self:
        """Read a file now; its media type is guessed from its name."""
        path = Path(path)
        guess = media_type or mimetypes.guess_type(path.name)[0] or cls.fallback_type
        return cls(data=path.read_bytes(), media_type=guess, filename=path.name)

    @property
    def sent_type(self) -> str:
        """The media type to send: as given, else guessed from the bytes or the URL, else the class's own default."""
        if self.media_type:
            return self.media_type
        if self.data and (found := media_type_of(self.data, self.type)):
            return found
        return mimetypes.guess_type((self.url or self.filename or "").partition("?")[0])[0] or self.fallback_type


_MAGIC = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"%PDF", "application/pdf"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BRANDS = {b"avif": "image/avif", b"avis": "image/avif", b"mif1": "image/heif", b"qt  ": "video/quicktime"}
_BRANDS |= dict.fromkeys((b"heic", b"heix", b"hevc"), "image/heic") | dict.fromkeys((b"M4A ", b"M4B "), "audio/mp4")


def media_type_of(data: bytes, family: str) -> str | None:
    """The media type that the first bytes tell; None for what we do not know. Of containers that hold sounds and films
    alike, `family` (audio or video) tells which this one is."""
    for magic, media_type in _MAGIC:
        if data.startswith(magic):
            return media_type
    if family == "image" and data[:2] == b"BM":
        return "image/bmp"
    if family == "audio" and data[:1] == b"\xff":
        # A frame of MPEG audio: eleven 1s, the version, the layer (III is 01, AAC's frames have 00). Bare samples may
        # begin with \xff too, as text in UTF-16 does.
        second = data[1] if len(data) > 1 else 0
        return "audio/mpeg" if second & 0xE6 == 0xE2 else "audio/aac" if second & 0xF6 == 0xF0 else None
    family = "audio" if family == "audio" else "video"
    if data[:4] == b"RIFF":
        return _RIFF.get(data[8:12])
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], f"{family}/mp4")
    if data[:4] == b"\x1aE\xdf\xa3":
        return f"{family}/webm"
    return None


@frozen(hash=False, kw_only=True)
class Image(_Media):
    """A picture. `detail` is low, high or auto, where the provider has such a thing."""

    type: ClassVar[str] = "image"
    fallback_type: ClassVar[str] = "image/png"
    detail: str | None = None


@frozen(hash=False, kw_only=True)
class File(_Media):
    """A document, usually a PDF."""

    type: ClassVar[str] = "file"


@frozen(hash=False, kw_only=True)
class Audio(_Media):
    """A sound. `transcript` is its text where the provider gives one."""

    type: ClassVar[str] = "audio"
    fallback_type: ClassVar[str] = "audio/wav"
    transcript: str | None = None


@frozen(hash=False, kw_only=True)
class Video(_Media):
    """A film."""

    type: ClassVar[str] = "video"
    fallback_type: ClassVar[str] = "video/mp4"


@frozen(hash=False)
class ToolCall:
    """A call that the model wants made. `arguments_json` is its arguments as sent, byte for byte.

    `arguments` is the parsed object, `{}` for a call without any, None when they are not a JSON object or give a
    name twice; `error` then says why. Nothing that failed to parse may be run.
    """

    type: ClassVar[str] = "tool_call"
    id: str
    name: str
    arguments_json: str = ""
    extra: Extra = field(factory=dict, repr=False)

    @property
    def arguments(self) -> dict[str, Any] | None:
        return self._parsed()[0]

    @property
    def error(self) -> str | None:
        return self._parsed()[1]

    def _parsed(self) -> tuple[dict[str, Any] | None, str | None]:
        text = self.arguments_json.strip()
        if text in ("", "null"):
            return {}, None
        try:
            value = _read(text)
        except JSONDecodeError as error:
            return None, f"the arguments are not valid JSON: {error}"
        except DecodeError as error:
            return None, error.message.replace("the JSON has", "the arguments have")
        if isinstance(value, str):
            return ToolCall(self.id, self.name, value)._parsed() if value != text else (None, "not an object")
        if not isinstance(value, dict):
            return None, f"the arguments are a JSON {type(value).__name__}, not an object"
        return value, None


def _read(text: str) -> Any:
    """Integers over 64 bits whole, half of a surrogate pair as U+FFFD, and no name twice."""
    try:
        value = loads_fast(text)
    except JSONDecodeError:
        if (whole := repaired(text)) == text:
            raise
        return _read(whole)
    if _LONG_NUMBER.search(text) or text.count(":") > _names(value):
        from .json_schema.decode import (
            loads_exact,  # slower, and the standard json module: only where there may be need
        )

        return loads_exact(text)
    return value


def _names(value: Any) -> int:
    """How many names the objects in the value have: fewer than the text has colons where one was given twice."""
    count, waiting = 0, [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            count += len(part)
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return count


@frozen(hash=False)
class Opaque:
    """A block that only the provider understands (a server tool's call or result, say), replayed as it came.

    `wire` names the format it belongs to; other wires leave it out and say so.
    """

    type: ClassVar[str] = "opaque"
    wire: str
    data: Any = field(repr=False)


Part = Text | Refusal | Reasoning | Image | File | Audio | Video | ToolCall | Opaque
