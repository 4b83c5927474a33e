"""Images, audio, video and documents: encode and decode inlineData and fileData."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....schemas.parts import Audio, File, Image, Video
from ..media import Media, from_base64, inline

BLOB, REFERENCE = "inlineData", "fileData"
"""The fields of a part that hold its media."""
_CLASSES: Mapping[str, type[Media]] = {"image": Image, "audio": Audio, "video": Video}
_UNKNOWN = "application/octet-stream"


def encode_media(part: Media) -> dict[str, Any]:
    """Encode bytes inline, and a URL or a file of the Files API (its URI, as `file_id`) by reference."""
    if (inlined := inline(part)) is not None:
        return {BLOB: {"mimeType": inlined[0], "data": inlined[1]}}
    file = {"fileUri": part.url or part.file_id}
    # Better no type than a wrong one: the vendor knows the types of its own files, and refuses this one.
    return {REFERENCE: file if part.sent_type == _UNKNOWN else {"mimeType": part.sent_type, **file}}


def decode_media(part: Mapping[str, Any], extra: Mapping[str, Any]) -> Media | None:
    """Decode the media of a part; None when it holds none."""
    blob = part.get(BLOB)
    held = part.get(REFERENCE) if blob is None else blob
    if held is None:
        return None
    media_type: str | None = held.get("mimeType")
    return _CLASSES.get((media_type or "").partition("/")[0], File)(
        data=None if blob is None else from_base64(blob["data"]),
        url=held["fileUri"] if blob is None else None,
        media_type=media_type,
        filename=held.get("displayName"),
        extra=extra,
    )
