"""An answer from a vendor's documentation, and bodies with what stands around a text filled in."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from attrs import frozen
from documented_streams import STREAMS

TEXT = "The ferry leaves at nine. Bring a coat."
FIRST = "The ferry leaves at nine."
PAGE, TITLE = "https://example.org/ferry", "Ferry to Ilmar"
USAGE = {"prompt_tokens": 11, "completion_tokens": 12, "total_tokens": 23}
TOKENS = {"input_tokens": 11, "output_tokens": 12}
ITEM_USAGE = {
    **TOKENS,
    "total_tokens": 23,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens_details": {"reasoning_tokens": 0},
}


@frozen
class Exchange:
    """One answer: who gives it, where it is documented, what is in it, and its body unstreamed."""

    api: str
    provider: str
    model: str
    url: str
    address: str
    kinds: tuple[str, ...]
    body: dict[str, Any]
    size: int = 0
    """the characters of a piece of the streamed text; 0: two halves"""

    @property
    def ways(self) -> tuple[bool, ...]:
        """Unstreamed, and streamed where the operation is."""
        return (False, True) if self.api in STREAMS else (False,)

    def id(self, streaming: bool) -> str:
        digest = hashlib.sha256(f"{self.address} {self.kinds} {streaming}".encode()).hexdigest()[:12]
        return f"{self.api}-{self.provider}-{digest}"

    def answer(self, streaming: bool) -> tuple[bytes, str]:
        """Return the body and its media type."""
        if not streaming:
            return json.dumps(self.body, ensure_ascii=False).encode(), "application/json"
        stream, kind = STREAMS[self.api]
        return stream(self.body, *([self.size] if self.size else [])), kind


def chat(text: Any, *, model: str = "m", logprobs: Any = None, beside: Any = None, **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": text, "refusal": None, **message}
    choice = {"index": 0, "message": said, "logprobs": logprobs, "finish_reason": "stop"}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1741369938, "model": model}
    return {**head, "choices": [choice], "usage": USAGE, **(beside or {})}


def response(*items: dict[str, Any], model: str = "m") -> dict[str, Any]:
    head = {"id": "resp_1", "object": "response", "created_at": 1741369938, "status": "completed", "model": model}
    rest = {
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
    }
    more = {"temperature": 1.0, "top_p": 1.0, "tool_choice": "auto", "tools": []}
    return {**head, **rest, **more, "output": list(items), "usage": ITEM_USAGE}


def said(*annotations: dict[str, Any], logprobs: Any = ()) -> dict[str, Any]:
    part = {"type": "output_text", "text": TEXT, "annotations": list(annotations), "logprobs": list(logprobs)}
    return {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [part]}


def message(*blocks: dict[str, Any], model: str = "m") -> dict[str, Any]:
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": list(blocks)}
    return {**head, "stop_reason": "end_turn", "stop_sequence": None, "usage": TOKENS}


def gemini(*parts: dict[str, Any], **candidate: Any) -> dict[str, Any]:
    usage = {"promptTokenCount": 11, "candidatesTokenCount": 12, "totalTokenCount": 23}
    content = {"role": "model", "parts": list(parts)}
    return {
        "candidates": [{"content": content, "finishReason": "STOP", "index": 0, **candidate}],
        "usageMetadata": usage,
        "modelVersion": "gemini-2.5-flash",
        "responseId": "r-1",
    }


def span(**where: Any) -> dict[str, Any]:
    return {"start_index": 0, "end_index": len(FIRST), **where}


LOGPROBS = [
    {
        "token": TEXT,
        "logprob": -0.25,
        "bytes": list(TEXT.encode()),
        "top_logprobs": [
            {"token": TEXT, "logprob": -0.25, "bytes": list(TEXT.encode())},
            {"token": "No.", "logprob": -2.5, "bytes": list(b"No.")},
        ],
    }
]
