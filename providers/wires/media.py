"""Pictures, sounds, films and documents on their way out: what every wire asks of them."""

from __future__ import annotations

from base64 import b64encode

from ...schemas.errors import NotSupported
from ...schemas.parts import Audio, File, Image, Video

Media = Image | File | Audio | Video


def inline(part: Media) -> tuple[str, str] | None:
    """The media type and the base64 of what is here: bytes, or a `data:` address. None for what lies elsewhere."""
    if part.data is not None:
        return _RIGHT.get(part.sent_type, part.sent_type), b64encode(part.data).decode()
    head, comma, data = (part.url or "").partition(",")
    if comma and head.startswith("data:") and head.endswith(";base64"):
        kind = head[5:-7] or part.fallback_type
        return _RIGHT.get(kind, kind), data
    return None


_RIGHT = {"image/jpg": "image/jpeg"}
"""The media type that is registered, for one that is often written otherwise, and then refused."""


def address(part: Media) -> str:
    """Its address, which for bytes is a `data:` one. Not for a file that the provider holds."""
    here = inline(part)
    return f"data:{here[0]};base64,{here[1]}" if here else part.url or ""


def unsendable(part: Media, format: str, takes: str) -> NotSupported:
    """The error for a part that the format has no place for: `unsendable(part, "Converse", "bytes")`."""
    how = "" if part.data is not None else " by address" if part.url else " by file id"
    kind = f" ({part.sent_type})" if isinstance(part, File) and not part.file_id else ""
    return NotSupported(f"{format} takes no {part.type}{kind}{how}", hint=f"it takes {takes}")
