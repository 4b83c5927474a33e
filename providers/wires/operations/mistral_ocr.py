"""Mistral's reading of documents. https://docs.mistral.ai/capabilities/document_ai/basic_ocr"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ....pipeline.http.request import Request
from ....schemas.errors import ConfigError
from ....schemas.message import Message
from ....schemas.model import Model
from ....schemas.parts import File, Image, Text
from ....schemas.reply import Reply
from ...declare.wire import Wire
from ..media import address


def document_of(given: Any) -> dict[str, Any]:
    """The document as Mistral has it: a File or Image, a URL, a path, or bytes. Raises ConfigError for all else."""
    if isinstance(given, str) and given.startswith(("https://", "http://", "data:")):
        given = File(url=given)
    elif isinstance(given, str | Path):
        given = File.from_path(given)
    elif isinstance(given, bytes):
        given = File(data=given)
    if not isinstance(given, File | Image):
        raise ConfigError(
            f"a document cannot be a {type(given).__name__}", hint="pass a File, Image, URL, path or bytes"
        )
    if given.file_id:
        return {"type": "file", "file_id": given.file_id}
    kind = "image_url" if given.sent_type.startswith("image/") else "document_url"
    return {"type": kind, kind: address(given)}


def build_ocr_body(request: Request) -> dict[str, Any]:
    return {"model": request.model.id, "document": document_of(request.input), **request.options}


def decode_ocr(data: Any, model: Model) -> Reply:
    """The pages' Markdown as one text; the pages themselves, with pictures and measures, as the object."""
    pages = data["pages"]
    text = "\n\n".join(page["markdown"] for page in pages)
    metadata = {name: data[name] for name in ("usage_info", "document_annotation") if data.get(name) is not None}
    return Reply(
        Message("assistant", Text(text)), "stop", model=data.get("model") or "", object=pages, metadata=metadata
    )


mistral_ocr = Wire(
    name="mistral_ocr",
    operation="ocr",
    path="/ocr",
    options=frozenset(
        (
            "pages",
            "include_image_base64",
            "image_limit",
            "image_min_size",
            "bbox_annotation_format",
            "document_annotation_format",
            "document_annotation_prompt",
            "table_format",
            "extract_header",
            "extract_footer",
        )
    ),
    build_body=build_ocr_body,
    decode_response=decode_ocr,
)
