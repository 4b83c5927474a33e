"""The parts of a message. They keep their order.

`extra` of a part maps a wire's name to data that only this wire understands: `{"some_wire": {"signature": "..."}}`.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, TypeAlias

from attrs import field, fields, frozen

from .citation import Citation
from .errors import ConfigError, DecodeError
from .foreign_names import Hinted
from .json_text import JSONDecodeError, loads_fast, repaired
from .json_types import JSONObject
from .late_pattern import late_pattern
from .missing_argument import saying_how_it_is_made

if TYPE_CHECKING:
    from os import PathLike

Extra: TypeAlias = JSONObject
MEDIA_BYTES = 512 * 2**20  # of an image, a document or a recording: the largest that a provider takes (OpenAI's files)
_LONG_NUMBER = late_pattern(r"\d{19}")


@frozen(hash=False)
class Text:
    """Plain text of the user or the model."""

    type: ClassVar[str] = "text"
    text: str
    extra: Extra = field(factory=dict, repr=False)
    citations: tuple[Citation, ...] = ()
    """The sources of the text, whose spans count in it."""


@frozen(hash=False)
class Refusal:
    """The text by which the model refuses to answer, where the wire separates it from other text."""

    type: ClassVar[str] = "refusal"
    text: str
    extra: Extra = field(factory=dict, repr=False)


@frozen(hash=False)
class Reasoning:
    """The model's reasoning."""

    type: ClassVar[str] = "reasoning"
    text: str = ""
    signature: str | None = field(default=None, repr=False)
    """The provider's proof that its model wrote the text."""
    encrypted: str | None = field(default=None, repr=False)
    """Reasoning that only the provider can read."""
    id: str | None = None
    wire: str | None = None
    """The name of the wire format that can send this part back."""
    extra: Extra = field(factory=dict, repr=False)

    @property
    def redacted(self) -> bool:
        """Whether the reasoning is encrypted, without any readable text."""
        return self.encrypted is not None and not self.text


@frozen(hash=False, kw_only=True)
class _Media:
    """A file, as exactly one of `data` (its bytes), `url`, and `file_id` (of a file that the provider stores).

    A URL is passed to the provider; stepwell never fetches it. Raises ConfigError for none or several of the three.
    """

    data: bytes | None = field(default=None, repr=lambda data: f"<{len(data)} bytes>" if data else "None")
    url: str | None = None
    file_id: str | None = None
    media_type: str | None = None
    filename: str | None = None
    extra: Extra = field(factory=dict, repr=False)
    provider: str | None = None
    """Of a file by reference: the id of the provider that stores it, and to which alone it is sent. Without it the form
    of the id or address tells most providers' files apart, and a call that moves on to a model of another provider does
    not take a file along by its id."""

    type: ClassVar[str] = "media"
    fallback_type: ClassVar[str] = "application/octet-stream"
    families: ClassVar[tuple[str, ...]] = ("image", "application", "audio", "video")
    """The beginnings of the media types that its files may have."""

    def __new__(cls, *positional: object, **named: object) -> Self:
        unknown = named.keys() - {each.name for each in fields(cls)}
        if positional or unknown:
            name, what = cls.__name__, f"{min(unknown)!r}" if unknown else "without a name: a path, an address or bytes"
            hint = f"{name}.from_file(path), {name}(url=…) or {name}(data=…)"
            raise ConfigError(f"{name} takes no argument {what}", hint=hint)
        return object.__new__(cls)

    def __attrs_post_init__(self) -> None:
        for name in [each for each in ("url", "file_id", "provider", "media_type") if getattr(self, each) is not None]:
            _check_text(self, name)
        if self.media_type and not self.media_type.isprintable():  # it becomes a header in a form
            raise ConfigError(f"the media_type of {type(self).__name__} has a control character, such as a line break")
        if not isinstance(self.data, bytes | None):
            from .media_data import bytes_of  # only for other classes than bytes

            object.__setattr__(self, "data", bytes_of(self.data, type(self).__name__))
        if sum(value is not None for value in (self.data, self.url, self.file_id)) != 1:
            raise ConfigError(f"{type(self).__name__} needs exactly one of data, url and file_id")

    @classmethod
    def from_file(
        cls,
        path: str | PathLike[str],
        *,
        media_type: str | None = None,
        root: str | PathLike[str] | None = None,
        at_most: int = MEDIA_BYTES,
    ) -> Self:
        """Read a file now.

        path: the file. With a root, a relative path begins there.
        media_type: its media type; by default the one that its first bytes show, else the one of its name.
        root: the folder that it must be in, also after symbolic links: for paths that a user or a model names.
        at_most: the most bytes that it may have.

        Raises ConfigError for a file that is missing, not regular, too large, outside of the root, or of another kind
        than the class (a PDF as an Image).
        """
        from pathlib import Path  # only where there are files

        from .files import read_file, refuse_address
        from .media_types import guessed_type, is_text, media_type_of

        refuse_address(path, cls.__name__)
        label = "the image" if cls.type == "image" else "the file"
        content = read_file(path, at_most=at_most, root=root, label=label)
        path = Path(path)
        found = media_type_of(content, cls.type)
        if found is None and cls is not File and is_text(content, path.name):
            raise ConfigError(f"{label} {path} is empty or text, and no {cls.type}", hint="File.from_file(path)")
        if found is not None and found.partition("/")[0] not in cls.families:
            raise ConfigError(f"{label} {path} is {found}", hint=f"call {_class_of(found)}.from_file(path)")
        found = media_type or found or guessed_type(path.name) or cls.fallback_type
        return cls(data=content, media_type=found, filename=path.name)

    @classmethod
    def from_url(cls, url: str, *, media_type: str | None = None) -> Self:
        """Name a file by its address, which is sent to the provider as it is: stepwell does not fetch it.

        url: an address that the provider can read: https://, a `data:` URL, gs:// or s3:// where it has such storage.
        media_type: its media type; by default guessed from the end of the address, when it is sent.

        Raises ConfigError for what is no address, such as a path.
        """
        name = cls.__name__
        if not isinstance(url, str):
            raise ConfigError(f"{name}.from_url takes text, not a {type(url).__name__}", hint=f"{name}(data=…)")
        part = cls(url=url, media_type=media_type)
        if part.is_path:
            raise ConfigError(f"{name}.from_url takes an address, not a path", hint=f"{name}.from_file(path)")
        return part

    @property
    def is_path(self) -> bool:
        """Whether its `url` is no address, but most likely a path. Some servers of one's own read file:// addresses."""
        scheme, colon, _ = ("https:" if self.url is None else self.url).partition(":")
        return not colon or len(scheme) < 2 or not scheme.isalnum()  # C:\cat.png is a path

    @property
    def sent_type(self) -> str:
        """The media type to send: as given, else guessed from the bytes or the URL, else the default of the class.

        The bytes decide where they are of another format than the one that was given; see `corrected_type`.
        """
        from .media_types import guessed_type, is_generic, media_type_of

        if (corrected := self.corrected_type) is not None:
            return corrected
        if self.media_type and not is_generic(self.media_type):
            return self.media_type
        if self.data and (found := media_type_of(self.data, self.type)):
            return found
        named = guessed_type((self.url or self.filename or "").partition("?")[0])
        return named or self.media_type or self.fallback_type

    @property
    def corrected_type(self) -> str | None:
        """The media type that the bytes show, if the declared one is that of another format; else None.

        The bytes of a `data:` URL count, too, and the type that it declares. Providers refuse a file whose declared
        type is another's.
        """
        from .media_types import wrongly_declared

        if self.data is not None:
            return wrongly_declared(self.media_type, self.data, self.type) if self.media_type else None
        head, comma, data = (self.url or "").partition(",")
        if not comma or not head.startswith("data:") or not head.endswith(";base64"):
            return None
        try:
            begin = b64decode(data[:88], altchars="-_")
        except ValueError:
            return None
        return wrongly_declared(head[5:-7], begin, self.type)


def _class_of(media_type: str) -> str:
    return {"image": "Image", "audio": "Audio", "video": "Video"}.get(media_type.partition("/")[0], "File")


@frozen(hash=False, kw_only=True)
class Image(_Media):
    """An image. `detail` is low, high or auto, for providers that have such levels."""

    type: ClassVar[str] = "image"
    fallback_type: ClassVar[str] = "image/png"
    families: ClassVar[tuple[str, ...]] = ("image",)
    detail: str | None = None


@frozen(hash=False, kw_only=True)
class File(_Media):
    """A document, usually a PDF."""

    type: ClassVar[str] = "file"


@frozen(hash=False, kw_only=True)
class Audio(_Media):
    """Audio. `transcript` is its text, if the provider gives one."""

    type: ClassVar[str] = "audio"
    fallback_type: ClassVar[str] = "audio/wav"
    families: ClassVar[tuple[str, ...]] = ("audio", "video")  # a video has a sound track
    transcript: str | None = None


@frozen(hash=False, kw_only=True)
class Video(_Media):
    """A video."""

    type: ClassVar[str] = "video"
    fallback_type: ClassVar[str] = "video/mp4"
    families: ClassVar[tuple[str, ...]] = ("video",)


@saying_how_it_is_made
@frozen(hash=False)
class ToolCall(Hinted, hints="call"):
    """A tool call that the model requests. `arguments_json` is its arguments exactly as sent."""

    type: ClassVar[str] = "tool_call"
    id: str
    name: str
    arguments_json: str = ""
    extra: Extra = field(factory=dict, repr=False)

    @property
    def arguments(self) -> dict[str, Any] | None:
        """The parsed arguments, `{}` if there are none.

        None if they are not a JSON object or repeat a name; `error` then says why, and the call may not be run.
        """
        return self._parse_arguments()[0]

    @property
    def error(self) -> str | None:
        """Why the arguments cannot be used; None if they can."""
        return self._parse_arguments()[1]

    def _parse_arguments(self) -> tuple[dict[str, Any] | None, str | None]:
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
            # Some models encode the arguments twice.
            return ToolCall(self.id, self.name, value)._parse_arguments() if value != text else (None, "not an object")
        if not isinstance(value, dict):
            return None, f"the arguments are a JSON {type(value).__name__}, not an object"
        return value, None


def _read(text: str) -> Any:
    """Read JSON with exact integers and U+FFFD for lone surrogates. Raises DecodeError for a repeated name."""
    try:
        value = loads_fast(text)
    except JSONDecodeError:
        if (fixed := repaired(text)) == text:
            raise
        return _read(fixed)
    if _LONG_NUMBER.search(text) or text.count(":") > _names(value):
        # Slower, since it uses the standard json module: only for what may need it.
        from .json_schema.decode import loads_exact

        return loads_exact(text)
    return value


def is_plain(arguments_json: str) -> bool:
    """Check whether the arguments of a call are a JSON object in which no name is repeated."""
    try:
        value = loads_fast(arguments_json)
    except JSONDecodeError:
        return False
    if type(value) is not dict:
        return False
    # Fewer names at the root than colons: nested names, colons in texts, or a repeated name.
    return arguments_json.count(":") == len(value) or ToolCall("", "", arguments_json).error is None


def _names(value: object) -> int:
    """Count the names in all objects of the value: fewer than the text has colons if a name was repeated."""
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
    """A block that only the provider understands, sent back unchanged.

    `wire` names the wire format that it belongs to; other wires leave it out and warn. `data` is None for one that is
    not sent back: what it says is in another part, or the format has no place for it.
    """

    type: ClassVar[str] = "opaque"
    wire: str
    data: Any = field(repr=False)


@frozen(hash=False)
class ServerToolCall(Opaque):
    """A call of a tool that the provider runs itself, or (computer use, shells) that its model has built in."""

    type: ClassVar[str] = "server_tool_call"
    kind: str = ""
    """web_search, web_fetch, code_execution, file_search, computer_use, mcp, image_generation, or the provider's own
    name of another tool"""
    id: str = ""
    name: str = ""
    """The provider's name of the tool, which is more exact than `kind`."""
    arguments: Mapping[str, Any] = field(factory=dict)
    """What was asked: a query, code, an action."""
    status: str | None = None
    """How it ended, where the provider says so."""


@frozen(hash=False)
class ServerToolResult(Opaque):
    """The result of such a call."""

    type: ClassVar[str] = "server_tool_result"
    kind: str = ""
    id: str = ""
    """The id of the call."""
    text: str = ""
    """The result in words: output, an error, a page."""
    is_error: bool = False
    sources: tuple[Citation, ...] = ()
    """What a search or fetch has found."""


Part = Text | Refusal | Reasoning | Image | File | Audio | Video | ToolCall | Opaque | ServerToolCall | ServerToolResult
MEDIA: Final = (Image, File, Audio, Video)
"""The classes of the parts that hold a file, for isinstance."""
PARTS: Final = (Text, Refusal, Reasoning, *MEDIA, ToolCall, Opaque, ServerToolCall, ServerToolResult)
"""The classes of all parts, for isinstance."""
_TEXTS: Final = {Text: ("text",), Refusal: ("text",), Reasoning: ("text",), ToolCall: ("id", "name", "arguments_json")}


def check_texts(parts: Iterable[object]) -> None:
    """Raise ConfigError for a part whose text, id, name or arguments are of another type.

    For calls that have failed: it takes longer than making the parts.
    """
    for part in parts:
        for name in _TEXTS.get(type(part), ()):
            _check_text(part, name)


def _check_text(part: object, name: str) -> None:
    if not isinstance(value := getattr(part, name), str):
        hint = "pass json.dumps(arguments)" if name == "arguments_json" else "pass a string"
        raise ConfigError(f"the {name} of a {type(part).__name__} is a {type(value).__name__}", hint=hint)
