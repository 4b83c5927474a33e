"""An end that gives a text whole adds what its pieces lacked, wherever these and the batches of bytes were cut."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import answers
from hypothesis import given
from hypothesis import strategies as st

from stepwell import Reply
from stepwell.declare import Wire
from stepwell.providers.wires.ollama_chat import ollama_chat
from stepwell.providers.wires.openai_chat import openai_chat
from stepwell.providers.wires.openai_responses import openai_responses

SMILE = "\U0001f600"
Written = Callable[[list[str], str], bytes]


def data(*events: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in events)


def chat(name: str, choice: int = 0) -> Written:
    def written(pieces: list[str], whole: str) -> bytes:
        first = [{"index": 0, "delta": {"content": "first"}}] if choice else []
        deltas = [*first, *({"index": choice, "delta": {name: each}} for each in pieces)]
        end = {"index": choice, "message": {name: whole}, "finish_reason": "stop"}
        ends = [{"index": 0, "delta": {}, "finish_reason": "stop"}] if choice else []
        return data(*({"id": "r", "choices": [each]} for each in [*deltas, end, *ends]))

    return written


def ollama(pieces: list[str], whole: str) -> bytes:
    lines = [{"message": {"content": each}, "done": False} for each in pieces]
    lines.append({"message": {"content": whole}, "done": True, "done_reason": "stop"})
    return b"".join(json.dumps({"model": "m", **each}).encode() + b"\n" for each in lines)


def responses(name: str, field: str) -> Written:
    def written(pieces: list[str], whole: str) -> bytes:
        place = {"item_id": "m", "output_index": 0, "content_index": 0}
        item = {"type": "message", "id": "m", "role": "assistant", "status": "completed"}
        done = {**item, "content": [{"type": name, field: whole}]}
        kind = name if name == "output_text" else "refusal"
        return data(
            {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
            *({"type": f"response.{kind}.delta", **place, "delta": each} for each in pieces),
            {"type": f"response.{kind}.done", **place, field: whole},
            {"type": "response.output_item.done", "output_index": 0, "item": done},
            {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": [done]}},
        )

    return written


FORMATS: list[tuple[Wire, Written]] = [
    (openai_chat, chat("content")),
    (openai_chat, chat("reasoning_content")),
    (openai_chat, chat("refusal")),
    (openai_chat, chat("content", 1)),
    (ollama_chat, ollama),
    (openai_responses, responses("output_text", "text")),
    (openai_responses, responses("refusal", "refusal")),
]


@given(
    st.lists(st.sampled_from(["a", "ü", SMILE, "\ud83d", "\ude00"]), min_size=1, max_size=5),
    st.sets(st.integers(1, 9), max_size=3),
    st.integers(0, 9),
    st.sampled_from([0, 0, 1, 60]),
)
def test_a_whole_text_adds_what_is_missing(characters: list[str], cuts: set[int], end: int, size: int) -> None:
    """Pieces are cut between units of UTF-16, as servers that count in them do, and end before the whole text does."""
    units = "".join(characters).encode("utf-16-be", "surrogatepass")
    places = [0, *sorted(2 * cut for cut in cuts), 2 * (end or 9)]
    pieces = [units[at:to].decode("utf-16-be", "surrogatepass") for at, to in pairwise(places)]
    whole = units.decode("utf-16-be", "surrogatepass")
    for wire, written in FORMATS:
        reply = answers.answered(wire, written([each for each in pieces if each], whole), stream=True, size=size)
        assert isinstance(reply, Reply)
        message = (*reply.alternatives, reply.message)[0]
        text = "".join(getattr(part, "text", "") for part in message.content)
        assert text == units.decode("utf-16-be", "replace"), (wire.name, pieces)
        assert reply.warnings == ()
