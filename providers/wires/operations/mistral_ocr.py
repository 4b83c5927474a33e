"""Mistral's document recognition (OCR). https://docs.mistral.ai/capabilities/document_ai/basic_ocr"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ....pipeline.side_fields import Held, Some, Whole
from ....schemas.errors import ConfigError
from ....schemas.message import Message
from ....schemas.model import Model
from ....schemas.parts import File, Image, Text
from ....schemas.reply import Reply
from ...declare.wire import Wire
from ..media import address


def encode_document(document: object) -> dict[str, Any]:
    """Encode the document: a File or Image, a URL, a path, or bytes. Raises ConfigError for anything else."""
    if isinstance(document, str) and document.startswith(("https://", "http://", "data:")):
        document = File(url=document)
    elif isinstance(document, str | Path):
        document = File.from_file(document)
    elif isinstance(document, bytes):
        document = File(data=document)
    if not isinstance(document, File | Image):
        raise ConfigError(
            f"a document cannot be a {type(document).__name__}", hint="pass a File, Image, URL, path or bytes"
        )
    if document.file_id:
        return {"type": "file", "file_id": document.file_id}
    kind = "image_url" if document.sent_type.startswith("image/") else "document_url"
    return {"type": kind, kind: address(document)}


def decode_ocr(data: Mapping[str, Any], model: Model) -> Reply:
    """Join the pages' Markdown to one text; the pages themselves, with images and dimensions, are the reply's
    object."""
    pages = data["pages"]
    if all(type(page.get("index")) is int for page in pages):
        pages = sorted(pages, key=lambda page: page["index"])
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
    build_body=lambda request: {
        "model": request.model.id,
        "document": encode_document(request.input),
        **request.options,
    },
    decode_response=decode_ocr,
    side_fields={
        "model": str,
        "usage_info": dict,
        "pages": Held(Some(Whole({"markdown": str}, needs=("markdown",)))),
    },
)
