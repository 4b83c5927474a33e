"""Sample answers of a chat."""

from __future__ import annotations

from typing import Any

from ....schemas.json_text import dumps
from ..samples import Sample, Samples, scenes

_HEAD = {"model": "sample", "created_at": "2026-01-01T00:00:00Z"}
_END: dict[str, Any] = {"done": True, "done_reason": "stop", "prompt_eval_count": 12, "eval_count": 7}
_CALL = {"function": {"name": "look_up", "arguments": {"city": "Pune"}}}


def _line(content: str = "", **more: Any) -> bytes:
    message: dict[str, Any] = {"role": "assistant", "content": content}
    message |= {name: more.pop(name) for name in ("tool_calls", "thinking") if name in more}
    return dumps({**_HEAD, "message": message, "done": False, **more}) + b"\n"


def _more(text: str, reasoning: str, reason: str) -> tuple[bytes, bytes]:
    end = {**_END, "done_reason": reason}
    thoughts = [_line(thinking=piece) for piece in (reasoning[:2], reasoning[2:]) if piece]
    thought = {"thinking": reasoning} if reasoning else {}
    stream = b"".join(thoughts) + _line(text[:2]) + _line(text[2:]) + _line(**end)
    return _line(text, **thought, **end), stream


_TEXT = _line("Grüß ") + _line("Gott") + _line(", 世界") + _line(**_END)
_TOOLS = _line(tool_calls=[_CALL]) + _line(**_END)

SAMPLES = Samples(
    text=Sample(
        body=_line("Grüß Gott, 世界", **_END),
        stream=_TEXT,
        whole_at=len(_TEXT) - 1,
        text="Grüß Gott, 世界",
        input_tokens=12,
        output_tokens=7,
        stream_type="application/x-ndjson",
    ),
    tools=Sample(
        body=_line(tool_calls=[_CALL], **_END),
        stream=_TOOLS,
        whole_at=len(_TOOLS) - 1,
        tool_calls=(("look_up", {"city": "Pune"}),),
        input_tokens=12,
        output_tokens=7,
        stream_type="application/x-ndjson",
    ),
    error=b'{"error": "this is what went wrong"}',
    stream_error=_line("so far") + b'{"error": "this is what went wrong"}\n',
    stream_error_text="so far",
    more=scenes(_more, stop="stop", length="length", stream_type="application/x-ndjson"),
)
