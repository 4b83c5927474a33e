"""What the end of a streamed response says beyond its pieces is added; where it contradicts them, they are kept."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from in_turn import in_turn

from odd_fields import speaker, streamed

_CREATED = {"type": "response.created", "response": {"id": "r", "model": "m"}}
_ENDS = ("text", "item", "response")
KINDS = ("message", "refusal", "reasoning", "call")


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
        delta = "response.reasoning_summary_text.delta"
        done = {"type": "response.reasoning_summary_text.done", "summary_index": 0, "text": text}
    else:
        whole = {"type": "function_call", "id": "i", "call_id": "c", "name": "f", "arguments": text}
        delta = "response.function_call_arguments.delta"
        done = {"type": "response.function_call_arguments.done", "arguments": text}
    empty = {name: "" if name == "arguments" else [] if type(value) is list else value for name, value in whole.items()}
    events: list[Any] = [_CREATED, {"type": "response.output_item.added", "output_index": 0, "item": empty}]
    events += [{"type": delta, **at, "delta": piece} for piece in said]
    events += [{**at, **done}] if "text" in ends else []
    if "part" in ends and kind in ("message", "refusal"):
        events.append({"type": "response.content_part.done", **at, "part": whole["content"][0]})
    events += [{"type": "response.output_item.done", **at, "item": whole}] if "item" in ends else []
    output = [whole] if "response" in ends else []
    events.append({"type": "response.completed", "response": {"id": "r", "status": "completed", "output": output}})
    return streamed(speaker("openai_responses"), [("", orjson.dumps(event)) for event in events])


def text_of(reply: Any) -> str:
    (part,) = reply.message.content
    return str(getattr(part, "text", None) or getattr(part, "arguments_json", ""))


@in_turn("said", [[], ['{"a"'], ['{"a"', ":"], ['{"a":', "1}"]])
@in_turn("ends", [_ENDS, ("item",), ("response",), ("item", "response")])
@pytest.mark.parametrize("kind", KINDS)
def test_an_end_adds_only_what_the_pieces_had_not_said(kind: str, ends: tuple[str, ...], said: list[str]) -> None:
    reply = stream(kind, said, '{"a":1}', ends)
    assert text_of(reply) == '{"a":1}' and not reply.warnings


@in_turn("ends", [("text",), ("text", "part"), ("text", "part", *_ENDS)])
@in_turn("said", [[], ["Hel"], ["Hel", "lo"], ["Hel", "lo!"]])
@pytest.mark.parametrize("kind", KINDS)
def test_the_end_of_a_text_alone_adds_what_is_missing(kind: str, said: list[str], ends: tuple[str, ...]) -> None:
    reply = stream(kind, said, "Hello!", ends)
    assert text_of(reply) == "Hello!" and not reply.warnings


@pytest.mark.parametrize("ends", [(), ("text",), ("text", "item"), ("item",), ("text alone",), ("text alone", "item")])
def test_the_texts_of_several_items_and_of_one_item_are_each_said_once(ends: tuple[str, ...]) -> None:
    events: list[Any] = [_CREATED]
    items: list[Any] = []
    for at, index in ((0, 1), (1, 0)):  # the second item counts its contents as the first one does not
        content = [{"type": "output_text", "text": f"text {at}"}]
        reasoning = [{"type": "summary_text", "text": f"{at}a"}, {"type": "summary_text", "text": f"{at}b"}]
        thought = {"type": "reasoning", "id": f"r{at}", "summary": reasoning}
        message = {"type": "message", "id": f"m{at}", "content": content}
        items += [thought, message]
        for part, summary in enumerate(reasoning):
            here = {"item_id": f"r{at}", "output_index": 2 * at, "summary_index": part}
            kind = "response.reasoning_summary_text"
            delta = {"type": f"{kind}.delta", **here, "delta": summary["text"]}
            done = {"type": f"{kind}.done", **here, "text": summary["text"]}
            events += [] if "text alone" in ends else [delta]
            events += [done] if "text" in ends or "text alone" in ends else []
        here = {"item_id": f"m{at}", "output_index": 2 * at + 1, "content_index": index}
        events += [{"type": "response.output_text.delta", **here, "delta": piece} for piece in ("text ", str(at))]
        events += [{"type": "response.output_text.done", **here, "text": f"text {at}"}] if "text" in ends else []
        for item, place in ((thought, 2 * at), (message, 2 * at + 1)):
            ended = {"type": "response.output_item.done", "output_index": place, "item": item}
            events += [ended] if "item" in ends else []
    events.append({"type": "response.completed", "response": {"id": "r", "status": "completed", "output": items}})
    reply = streamed(speaker("openai_responses"), [("", orjson.dumps(event)) for event in events])
    assert (reply.text, reply.reasoning, reply.warnings) == ("text 0text 1", "0a\n0b1a\n1b", ())


@pytest.mark.parametrize("kind", KINDS)
def test_an_end_that_contradicts_its_pieces_is_a_warning(kind: str) -> None:
    reply = stream(kind, ["Hel", "lo"], "Goodbye")
    assert text_of(reply) == "Hello"
    assert {each.subject for each in reply.warnings} == {"output"}
