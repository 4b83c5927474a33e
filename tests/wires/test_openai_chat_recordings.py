"""Every recorded chat completion decodes to what OpenAI's own SDK makes of it."""

from typing import Any

import pytest

from stepwell.providers.wires.openai_chat import openai_chat
from stepwell.schemas.reply import Reply

from recordings import Recording, assert_as_recorded, recordings, replay


def usage(reply: Reply) -> dict[str, Any]:
    """In the SDK's numbers: the completion as the provider counts it (xAI leaves its reasoning out)."""
    told = reply.usage
    return {
        "input_tokens": told.input_tokens,
        "output_tokens": told.raw.get("completion_tokens"),
        "cached_input_tokens": told.cached_input_tokens,
        "cache_write_tokens": told.cache_write_tokens,
        "reasoning_tokens": told.reasoning_tokens,
    }


@pytest.mark.parametrize("colour", ["sync", "async"])
@pytest.mark.parametrize("recording", recordings("openai_chat"), ids=lambda each: each.id)
def test_the_recording_decodes_as_the_sdk_decodes_it(recording: Recording, colour: str) -> None:
    assert_as_recorded(replay(recording, openai_chat, colour=colour), recording, usage)
