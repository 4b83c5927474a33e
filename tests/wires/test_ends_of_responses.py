"""What the end of a streamed response says beyond its pieces is added; where it contradicts them, they are kept."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from odd_fields import speaker, streamed

_CREATED = {"type": "response.created", "response": {"id": "r", "model": "m"}}
_ENDS = ("text", "item", "response")


def stream(kind: str, said: list[str], text: str, ends: tuple[str, ...] = _ENDS) -> Any:
    """Fold a response of one item, whose pieces are `said` and whose ends have `text`."""
    whole: Any
    at = {"output_index": 0, "content_index": 0, "item_id": "i"}
    done: dict[str, Any]
    if kind == "message":
        whole = {"type": "message", "id": "i", "content": [{"type": "output_text", "text": text}]}
        delta, done = "response.output_text.delta", {"type": "response.output_text.done", "text": text}
    elif kind == "refusal":
        whole = {"type": "message", "id": "i", "content": [{"type": "refusal", "refusal": text}]}
        delta, done = "response.refusal.delta", {"type": "response.refusal.done", "refusal": text}
    elif kind == "reasoning":
        whole = {"type": "reasoning", "id": "i", "summary": [{"type": "summary_text", "text": text}]}
        delta, done = "response.reasoning_summary_text.delta", {"type": "response.reasoning_summary_text.done"}
    else:
        whole = {"type": "function_call", "id": "i", "call_id": "c", "name": "f", "arguments": text}
        delta, done = "response.function_call_arguments.delta", {"type": "response.function_call_arguments.done"}
    events: list[Any] = [_CREATED, {"type": "response.output_item.added", "output_index": 0, "item": whole}]
    events += [{"type": delta, **at, "delta": piece} for piece in said]
    events += [{**at, **done}] if "text" in ends else []
    events += [{"type": "response.output_item.done", **at, "item": whole}] if "item" in ends else []
    output = [whole] if "response" in ends else []
    events.append({"type": "response.completed", "response": {"id": "r", "status": "completed", "output": output}})
    return streamed(speaker("openai_responses"), [("", orjson.dumps(event)) for event in events])


def text_of(reply: Any) -> str:
    (part,) = reply.message.content
    return str(getattr(part, "text", None) or getattr(part, "arguments_json", ""))


KINDS = ("message", "refusal", "reasoning", "call")


@pytest.mark.parametrize("said", [[], ['{"a"'], ['{"a"', ":"], ['{"a":', "1}"]])
@pytest.mark.parametrize("ends", [_ENDS, ("item",), ("response",), ("item", "response")])
@pytest.mark.parametrize("kind", KINDS)
def test_an_end_adds_only_what_the_pieces_had_not_said(kind: str, ends: tuple[str, ...], said: list[str]) -> None:
    reply = stream(kind, said, '{"a":1}', ends)
    assert text_of(reply) == '{"a":1}' and not reply.warnings


@pytest.mark.parametrize("said", [["Hel"], ["Hel", "lo"]])
def test_the_end_of_a_text_alone_adds_what_is_missing(said: list[str]) -> None:
    assert stream("message", said, "Hello!", ("text",)).text == "Hello!"


@pytest.mark.parametrize("kind", KINDS)
def test_an_end_that_contradicts_its_pieces_is_a_warning(kind: str) -> None:
    reply = stream(kind, ["Hel", "lo"], "Goodbye")
    assert text_of(reply) == "Hello"
    assert {each.subject for each in reply.warnings} == {"output"}
