"""Pictures, sounds, films and documents: inlineData and fileData, both ways."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from ....schemas.parts import Audio, File, Image, Video
from ..media import Media, inline

_CLASSES: Mapping[str, type[Media]] = {"image": Image, "audio": Audio, "video": Video}
_UNKNOWN = "application/octet-stream"


def encode_media(part: Media) -> dict[str, Any]:
    """Bytes inline, an address or a file of the Files API (its URI, as `file_id`) by reference."""
    if (here := inline(part)) is not None:
        return {"inlineData": {"mimeType": here[0], "data": here[1]}}
    file = {"fileUri": part.url or part.file_id}
    # Better no type than a wrong one: the vendor knows those of its own files, and refuses this one.
    return {"fileData": file if part.sent_type == _UNKNOWN else {"mimeType": part.sent_type, **file}}


def decode_media(part: Mapping[str, Any], extra: Mapping[str, Any]) -> Media | None:
    """The medium that a part holds; None when it holds none."""
    if (blob := part.get("inlineData")) is not None:
        made = _class_of(blob.get("mimeType"))
        data = b64decode(blob.get("data") or "", altchars="-_")
        return made(data=data, media_type=blob.get("mimeType"), filename=blob.get("displayName"), extra=extra)
    if (file := part.get("fileData")) is not None:
        made = _class_of(file.get("mimeType"))
        return made(url=file["fileUri"], media_type=file.get("mimeType"), filename=file.get("displayName"), extra=extra)
    return None


def _class_of(media_type: str | None) -> type[Media]:
    return _CLASSES.get((media_type or "").partition("/")[0], File)
