"""Every recorded generateContent decodes to the same as in Google's own SDK."""

from typing import Any

import pytest
from in_turn import in_turn

from stepwell.providers.wires.google_generate import google_generate
from stepwell.schemas.parts import Opaque
from stepwell.schemas.reply import Reply

from recordings import Recording, assert_as_recorded, recordings, replay

SERVER_TOOLS = {"executableCode": "executable_code", "codeExecutionResult": "code_execution_result"}


def usage(reply: Reply) -> dict[str, Any]:
    """Convert to the SDK's numbers: thoughts apart from the candidates, built-in tools apart from the prompt."""
    raw = reply.usage.raw
    return {
        "input_tokens": raw.get("promptTokenCount"),
        "output_tokens": raw.get("candidatesTokenCount"),
        "cached_input_tokens": reply.usage.cached_input_tokens,
        "cache_write_tokens": None,
        "reasoning_tokens": reply.usage.reasoning_tokens,
    }


@in_turn("driver", ["sync", "async"])
@pytest.mark.parametrize("recording", recordings("google_generate"), ids=lambda each: each.id)
def test_the_recording_decodes_as_the_sdk_decodes_it(recording: Recording, driver: str) -> None:
    outcome = replay(recording, google_generate, driver=driver)
    assert_as_recorded(outcome, recording, usage)
    if expected := recording.expected.get("server_tool_calls"):
        blocks = [part.data for part in outcome.message.content if isinstance(part, Opaque)]
        seen = [next(SERVER_TOOLS[name] for name in block if name in SERVER_TOOLS) for block in blocks]
        assert seen == [each["type"] for each in expected]
    if detail := recording.expected.get("finish_detail"):
        assert outcome.finish_reason == "content_filter" and outcome.metadata["block_reason"] in detail
    if isinstance(outcome, Reply) and outcome.usage.input_tokens:
        raw = outcome.usage.raw
        assert outcome.usage.total_tokens == raw["totalTokenCount"]
