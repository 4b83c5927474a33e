"""Every recorded response decodes to the same as in OpenAI's own SDK."""

from typing import Any

import pytest
from in_turn import in_turn

from stepwell.providers.wires.openai_responses import openai_responses
from stepwell.schemas.parts import Opaque
from stepwell.schemas.reply import Reply

from recordings import Recording, assert_as_recorded, recordings, replay


def usage(reply: Reply) -> dict[str, Any]:
    reported = reply.usage
    return {
        "input_tokens": reported.input_tokens,
        "output_tokens": reported.raw.get("output_tokens"),
        "cached_input_tokens": reported.cached_input_tokens,
        "cache_write_tokens": reported.cache_write_tokens,
        "reasoning_tokens": reported.reasoning_tokens,
    }


@in_turn("driver", ["sync", "async"])
@pytest.mark.parametrize("recording", recordings("openai_responses"), ids=lambda each: each.id)
def test_the_recording_decodes_as_the_sdk_decodes_it(recording: Recording, driver: str) -> None:
    outcome = replay(recording, openai_responses, driver=driver)
    assert_as_recorded(outcome, recording, usage)
    if expected := recording.expected.get("server_tool_calls"):
        blocks = [part.data for part in outcome.message.content if isinstance(part, Opaque) and part.data]
        assert [(block["id"], block["type"]) for block in blocks] == [(each["id"], each["type"]) for each in expected]
    if detail := recording.expected.get("finish_detail"):
        assert outcome.metadata["incomplete_details"]["reason"] == detail
