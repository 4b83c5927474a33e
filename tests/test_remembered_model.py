"""The tests' memory of the embedded model: it answers as the model did, and only what the model was asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from remembered_model import Memory, remembering

from loopback import END, Loopback, Seen, answer, chunk, serving, streaming

EVENTS = b"data: 1\n\ndata: \xc3\xa9\n\n"


def model(request: Seen) -> Iterator[bytes]:
    if request.json.get("stream"):
        yield streaming() + chunk(EVENTS[:12]) + chunk(EVENTS[12:]) + END
    else:
        yield answer(b'{"error": "too long"}', "400 Bad Request")


@pytest.fixture
def itself() -> Iterator[Loopback]:
    with serving(model) as server:
        yield server


@pytest.fixture
def memory(itself: Loopback) -> Iterator[Memory]:
    with remembering("none", lambda model, work: itself.url) as memory:
        yield memory


def ask(memory: Memory, **body: Any) -> tuple[int, str, bytes]:
    found = httpx.post(f"{memory.base_url()}/v1/chat/completions", json=body, trust_env=False)
    return found.status_code, found.headers["content-type"], found.content


@pytest.mark.parametrize("stream", [False, True])
def test_what_was_asked_before_is_answered_alike_without_the_model(
    memory: Memory, itself: Loopback, stream: bool
) -> None:
    first = ask(memory, stream=stream)
    assert first == ask(memory, stream=stream) and len(itself.seen) == memory.asked == 1
    assert first == ((200, "text/event-stream", EVENTS) if stream else (400, "application/json", first[2]))


def test_a_question_that_differs_in_anything_but_the_ids_of_calls_is_put_to_the_model(memory: Memory) -> None:
    call: dict[str, Any] = {"messages": [{"tool_calls": [{"id": "a"}]}, {"tool_call_id": "a"}]}
    for body in (call, {**call, "seed": 1}, {"messages": [{"tool_calls": [{"id": "a"}]}, {"tool_call_id": "b"}]}):
        ask(memory, **body)
    assert memory.asked == 3
    ask(memory, messages=[{"tool_calls": [{"id": "x"}]}, {"tool_call_id": "x"}])
    assert memory.asked == 3
