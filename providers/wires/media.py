"""Images, audio, video and documents of a request: what every wire needs to encode them."""

from __future__ import annotations

from base64 import b64decode, b64encode

from ...pipeline.side_fields import GONE
from ...schemas.errors import NotSupported
from ...schemas.late_pattern import late_pattern
from ...schemas.parts import Audio, File, Image, Video

Media = Image | File | Audio | Video


def from_base64(text: str) -> bytes:
    """Decode base64, of either alphabet, bare or in a `data:` URL. Raises ValueError for what is none.

    In the pieces of a stream that were encoded one by one, padding may stand anywhere: Python's decoder ends there.
    """
    inlined = of_data_url(text) if text.startswith("data:") else None
    encoded = text if inlined is None else inlined[1]
    if 0 <= encoded.find("=") < len(encoded.rstrip()) - 2:
        return b"".join([b64decode(piece, altchars="-_") for piece in _PADDED.findall(encoded)])
    return b64decode(encoded, altchars="-_")


_PADDED = late_pattern(r"[^=]+=*")


def join_base64(known: str, piece: str) -> str:
    """Join two pieces of base64, the first of which may end in padding."""
    return b64encode(from_base64(known + piece)).decode() if known.endswith("=") else known + piece


def base64_text(value: object) -> object:
    """Keep a string that is base64 (a rule for side_fields); GONE for anything else."""
    try:
        return value if type(value) is str and (from_base64(value) or not value) else GONE
    except ValueError:
        return GONE


def data_or_url(value: object) -> object:
    """Keep an address, if it is no `data:` URL with broken data (a rule for side_fields); GONE for anything else."""
    if type(value) is not str or not value:
        return GONE
    inlined = of_data_url(value)
    return GONE if inlined is not None and base64_text(inlined[1]) is GONE else value


def of_data_url(url: str) -> tuple[str, str] | None:
    """Return media type and base64 of a `data:` URL; None for any other address."""
    head, comma, data = url.partition(",")
    return (head[5:-7], data) if comma and head.startswith("data:") and head.endswith(";base64") else None


def inline(part: Media) -> tuple[str, str] | None:
    """Return media type and base64 of a part that has bytes or a `data:` URL; None for a URL or a file id."""
    if part.data is not None:
        return _REGISTERED.get(part.sent_type, part.sent_type), b64encode(part.data).decode()
    if (inlined := of_data_url(part.url or "")) is None:
        return None
    kind = part.corrected_type or inlined[0] or part.fallback_type
    return _REGISTERED.get(kind, kind), inlined[1]


_REGISTERED = {"image/jpg": "image/jpeg"}
"""The registered media type for a common misspelling, which providers refuse."""


def file_name(part: File) -> str:
    """Return the name of a file. One without a name gets the ending of its type, by which servers tell what it is."""
    from ...schemas.media_types import ending_of  # only where there are files

    return part.filename or f"file{ending_of(part.sent_type)}"


def address(part: Media) -> str:
    """Return the part's URL, a `data:` URL for bytes. Not for a file stored at the provider."""
    data = inline(part)
    return f"data:{data[0]};base64,{data[1]}" if data else part.url or ""


def unsendable(part: Media, format: str, takes: str) -> NotSupported:
    """Make the error for a part that the format cannot hold: `unsendable(part, "Converse", "bytes")`.

    part: the part
    format: name of the format, as the subject of the message
    takes: what it takes instead, for the hint
    """
    source = "" if part.data is not None else " by address" if part.url else " by file id"
    kind = f" ({part.sent_type})" if isinstance(part, File) and not part.file_id else ""
    return NotSupported(f"{format} takes no {part.type}{kind}{source}", hint=f"it takes {takes}")
