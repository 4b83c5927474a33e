"""Every recorded exchange with Bedrock decodes to the same as in botocore (and, through invoke, in OpenAI's SDK)."""

from typing import Any

import pytest
from in_turn import in_turn

from stepwell.providers.wires.bedrock_converse import bedrock_converse
from stepwell.providers.wires.bedrock_invoke import bedrock_invoke_anthropic, bedrock_invoke_openai
from stepwell.schemas.parts import Opaque
from stepwell.schemas.reply import Reply

from recordings import Recording, assert_as_recorded, recordings, replay

WIRES = {
    "bedrock_converse": bedrock_converse,
    "bedrock_invoke_openai": bedrock_invoke_openai,
    "bedrock_invoke_anthropic": bedrock_invoke_anthropic,
}


def usage(reply: Reply) -> dict[str, Any]:
    """Convert to the SDK's numbers: input without cache reads and writes (OpenAI's format includes them)."""
    reported = reply.usage
    fresh = reported.input_tokens or 0
    if "prompt_tokens" not in reported.raw:
        fresh -= (reported.cached_input_tokens or 0) + (reported.cache_write_tokens or 0)
    return {
        "input_tokens": fresh,
        "output_tokens": reported.output_tokens,
        "cached_input_tokens": reported.cached_input_tokens,
        "cache_write_tokens": reported.cache_write_tokens,
        "reasoning_tokens": reported.reasoning_tokens,
    }


@in_turn("driver", ["sync", "async"])
@pytest.mark.parametrize("recording", recordings(*WIRES), ids=lambda each: each.id)
def test_the_recording_decodes_as_the_sdk_decodes_it(recording: Recording, driver: str) -> None:
    outcome = replay(recording, WIRES[recording.api], driver=driver)
    assert_as_recorded(outcome, recording, usage)
    if expected := recording.expected.get("server_tool_calls"):
        uses = [
            part.data["toolUse"]
            for part in outcome.message.content
            if isinstance(part, Opaque) and "toolUse" in part.data
        ]
        seen = [(use["toolUseId"], use["type"], use["name"]) for use in uses]
        assert seen == [(each["id"], each["type"], each["name"]) for each in expected]
