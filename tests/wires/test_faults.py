"""The fault matrix over every wire's recorded streams: lossless faults change nothing, all others are typed errors with
the partial answer."""

from __future__ import annotations

from typing import Any

import pytest
from faults import LOSSLESS, changed
from in_turn import in_turn

from stepwell.providers.wires.anthropic_messages import anthropic_messages
from stepwell.providers.wires.bedrock_converse import bedrock_converse
from stepwell.providers.wires.bedrock_invoke import bedrock_invoke_openai
from stepwell.providers.wires.cohere_chat import cohere_chat
from stepwell.providers.wires.google_generate import google_generate
from stepwell.providers.wires.mistral_chat import mistral_chat
from stepwell.providers.wires.openai_responses import openai_responses
from stepwell.schemas import errors
from stepwell.schemas.reply import Reply
from stepwell.testing.conformance import samples_of

from recordings import Recording, by_id, recordings, replay, with_body

WIRES = {
    "anthropic_messages": anthropic_messages,
    "openai_responses": openai_responses,
    "google_generate": google_generate,
    "cohere_chat": cohere_chat,
    "mistral_chat": mistral_chat,
    "bedrock_converse": bedrock_converse,
    "bedrock_invoke_openai": bedrock_invoke_openai,
}
STREAMS = [
    each
    for each in recordings(*WIRES, streaming=True)
    if each.status == 200 and "error" not in each.expected and len(each.body) < 60_000
]
EVENTS = [each for each in STREAMS if "bedrock" not in each.api and each.body.lstrip()[:1] != b"["]


def outcome(recording: Recording, driver: str = "sync") -> Any:
    return replay(recording, WIRES[recording.api], driver=driver)


@in_turn("fault", LOSSLESS)
@pytest.mark.parametrize("recording", EVENTS, ids=by_id)
def test_a_lossless_fault_does_not_change_the_outcome(recording: Recording, fault: str) -> None:
    if fault == "no last blank line" and b"\n\n" not in recording.body.replace(b"\r\n", b"\n")[-4:]:
        fault = "one byte at a time"  # the recording has none to leave out
    plain, faulty = outcome(recording), outcome(changed(recording, fault))
    assert isinstance(plain, Reply) and faulty == plain


@in_turn("size", [1, 2, 7, 64])
@pytest.mark.parametrize("recording", STREAMS, ids=by_id)
def test_any_split_gives_the_same_reply_sync_and_async(recording: Recording, size: int) -> None:
    split = with_body(recording, recording.body, size)
    plain = outcome(recording)
    assert outcome(split) == plain and outcome(split, "async") == plain


@pytest.mark.parametrize("recording", STREAMS, ids=by_id)
def test_a_cut_at_any_place_is_an_error_unless_it_comes_after_the_end(recording: Recording) -> None:
    whole = outcome(recording)
    step = max(1, len(recording.body) // 40)
    whole_from = None
    for at in range(0, len(recording.body), step):
        cut = outcome(with_body(recording, recording.body[:at]))
        if isinstance(cut, Reply):
            whole_from = whole_from or at
            assert cut.message == whole.message, "whole only with all of it"
            continue
        assert isinstance(cut, errors.StreamTruncated), repr(cut)
        assert whole_from is None, "once whole, always whole"
        if cut.partial is not None:
            assert whole.text.startswith(cut.partial.text) and cut.partial.usage.complete is False


@pytest.mark.parametrize("recording", STREAMS, ids=by_id)
def test_an_error_after_some_events_has_the_partial_answer(recording: Recording) -> None:
    """The wire's own error frame, put into the middle of a recorded stream."""
    samples = samples_of(WIRES[recording.api]) if recording.api != "bedrock_invoke_openai" else None
    if recording not in EVENTS or samples is None or samples.stream_error is None:
        return
    blocks = recording.body.replace(b"\r\n", b"\n").split(b"\n\n")
    frame = samples.stream_error.replace(b"\r\n", b"\n").strip().split(b"\n\n")[-1]
    middle = len(blocks) // 2
    broken = outcome(with_body(recording, b"\n\n".join([*blocks[:middle], frame, b""])))
    assert isinstance(broken, errors.ProviderError), repr(broken)
    if broken.partial is not None:
        assert outcome(recording).text.startswith(broken.partial.text)
