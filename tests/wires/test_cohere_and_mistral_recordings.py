"""Every recorded chat with Cohere and Mistral decodes to the same as in their own SDKs."""

from typing import Any

import pytest
from in_turn import in_turn

from stepwell.providers.wires.cohere_chat import cohere_chat
from stepwell.providers.wires.mistral_chat import mistral_chat
from stepwell.schemas.reply import Reply

from recordings import Recording, assert_as_recorded, recordings, replay

WIRES = {"cohere_chat": cohere_chat, "mistral_chat": mistral_chat}


def usage(reply: Reply) -> dict[str, Any]:
    """Convert to the SDK's numbers: Cohere's SDK does not read the share of reasoning."""
    reported = reply.usage
    return {
        "input_tokens": reported.input_tokens,
        "output_tokens": reported.output_tokens,
        "cached_input_tokens": reported.cached_input_tokens,
        "cache_write_tokens": reported.cache_write_tokens,
        "reasoning_tokens": None if "tokens" in reported.raw else reported.reasoning_tokens,
    }


@in_turn("driver", ["sync", "async"])
@pytest.mark.parametrize("recording", recordings(*WIRES), ids=lambda each: each.id)
def test_the_recording_decodes_as_the_sdk_decodes_it(recording: Recording, driver: str) -> None:
    outcome = replay(recording, WIRES[recording.api], driver=driver)
    assert_as_recorded(outcome, recording, usage)
    if plan := recording.expected.get("tool_plan"):
        assert outcome.metadata["tool_plan"] == plan
