"""Every recorded chat completion decodes to the same as in OpenAI's own SDK."""

from typing import Any

import pytest
from in_turn import in_turn

from stepwell.providers.wires.openai_chat import openai_chat
from stepwell.schemas.reply import Reply

from recordings import Recording, assert_as_recorded, recordings, replay


def usage(reply: Reply) -> dict[str, Any]:
    """Convert to the SDK's numbers: the completion as the provider counts it (xAI's is without reasoning), and the
    cached input also where it is more than all input (Azure's Grok), which ours is not."""
    reported = reply.usage
    read = reported.raw.get("prompt_tokens_details") or {}
    return {
        "input_tokens": reported.input_tokens,
        "output_tokens": reported.raw.get("completion_tokens"),
        "cached_input_tokens": read.get("cached_tokens", reported.cached_input_tokens),
        "cache_write_tokens": reported.cache_write_tokens,
        "reasoning_tokens": reported.reasoning_tokens,
    }


@in_turn("driver", ["sync", "async"])
@pytest.mark.parametrize("recording", recordings("openai_chat"), ids=lambda each: each.id)
def test_the_recording_decodes_as_the_sdk_decodes_it(recording: Recording, driver: str) -> None:
    assert_as_recorded(replay(recording, openai_chat, driver=driver), recording, usage)
