"""Sample answers of generateContent."""

from __future__ import annotations

from typing import Any

from ....schemas.json_text import dumps
from ..samples import Sample, Samples, scenes

_USAGE = {"promptTokenCount": 12, "candidatesTokenCount": 7, "totalTokenCount": 19}
_HEAD = {"modelVersion": "sample", "responseId": "r-1"}


def _answer(parts: list[dict[str, Any]], finish: str | None = None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish:
        return {"candidates": [{**candidate, "finishReason": finish}], "usageMetadata": _USAGE, **_HEAD}
    return {"candidates": [candidate], **_HEAD}


def _event(data: object) -> bytes:
    return b"data: " + dumps(data) + b"\r\n\r\n"


def _more(text: str, reasoning: str, reason: str) -> tuple[bytes, bytes]:
    whole: list[dict[str, Any]] = [{"text": reasoning, "thought": True}] if reasoning else []
    whole += [{"text": text}] if text else []
    halves = ({**part, "text": half} for part in whole for half in (part["text"][:2], part["text"][2:]))
    usage = {"usageMetadata": {**_USAGE, "cachedContentTokenCount": 5}}
    stream = b"".join(_event(_answer([half])) for half in halves)
    return dumps({**_answer(whole, reason), **usage}), stream + _event({**_answer([], reason), **usage})


_TEXT = b"".join(
    (
        *(_event(_answer([{"text": piece}])) for piece in ("Grüß ", "Gott")),
        _event(_answer([{"text": ", 世界"}], "STOP")),
    )
)
_CALL = {"functionCall": {"name": "look_up", "args": {"city": "Pune"}}}
_TOOLS = _event(_answer([_CALL], "STOP"))

SAMPLES = Samples(
    text=Sample(
        body=dumps(_answer([{"text": "Grüß Gott, 世界"}], "STOP")),
        stream=_TEXT,
        whole_at=len(_TEXT) - 4,
        text="Grüß Gott, 世界",
        input_tokens=12,
        output_tokens=7,
    ),
    tools=Sample(
        body=dumps(_answer([_CALL], "STOP")),
        stream=_TOOLS,
        whole_at=len(_TOOLS) - 4,
        tool_calls=(("look_up", {"city": "Pune"}),),
        input_tokens=12,
        output_tokens=7,
    ),
    error=dumps([{"error": {"code": 0, "message": "this is what went wrong", "status": "UNKNOWN"}}]),
    stream_error=_event(_answer([{"text": "so far"}]))
    + _event({"error": {"code": 503, "message": "this is what went wrong", "status": "UNAVAILABLE"}}),
    stream_error_text="so far",
    more=scenes(_more, stop="STOP", length="MAX_TOKENS", filtered="SAFETY", cached_tokens=5),
)
