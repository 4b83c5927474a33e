"""Every recorded message decodes to the same as in Anthropic's own SDK."""

from typing import Any

import pytest
from in_turn import in_turn

from stepwell.providers.wires.anthropic_messages import anthropic_messages
from stepwell.schemas.parts import Opaque
from stepwell.schemas.reply import Reply

from recordings import Recording, assert_as_recorded, recordings, replay


def usage(reply: Reply) -> dict[str, Any]:
    """Convert to the SDK's numbers: input without cache reads and writes."""
    reported = reply.usage
    fresh = (reported.input_tokens or 0) - (reported.cached_input_tokens or 0) - (reported.cache_write_tokens or 0)
    return {
        "input_tokens": fresh,
        "output_tokens": reported.output_tokens,
        "cached_input_tokens": reported.cached_input_tokens,
        "cache_write_tokens": reported.cache_write_tokens,
        "reasoning_tokens": reported.reasoning_tokens,
    }


@in_turn("driver", ["sync", "async"])
@pytest.mark.parametrize(
    "recording", recordings("anthropic_messages", "bedrock_invoke_anthropic"), ids=lambda each: each.id
)
def test_the_recording_decodes_as_the_sdk_decodes_it(recording: Recording, driver: str) -> None:
    outcome = replay(recording, anthropic_messages, driver=driver)
    assert_as_recorded(outcome, recording, usage)
    if expected := recording.expected.get("server_tool_calls"):
        blocks = [part.data for part in outcome.message.content if isinstance(part, Opaque)]
        seen = [(block.get("id") or block.get("tool_use_id"), block["type"], block.get("name")) for block in blocks]
        assert seen == [(each["id"], each["type"], each.get("name")) for each in expected]
