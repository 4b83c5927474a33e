"""Z.AI. https://docs.z.ai"""

from .declare.provider import declare_provider
from .declare.rules import clamp, drop, switch, without_thinking
from .wires.openai_chat.encode import replaying
from .wires.openai_compatible import COMPATIBLE

zai = declare_provider(
    "zai",
    name="Z.AI",
    docs="https://docs.z.ai",
    wire=COMPATIBLE,
    base_url="https://api.z.ai/api/paas/v4",
    env_key=["ZAI_API_KEY", "ZHIPU_API_KEY"],
    options={"reasoning_effort": {"type": "string"}, "thinking": {"type": "object"}, "do_sample": {"type": "boolean"}},
    # https://docs.z.ai/guides/capabilities/thinking: thinking is a switch.
    translate_options=[
        without_thinking,
        switch("thinking", on={"type": "enabled"}, off={"type": "disabled"}),
        # https://docs.z.ai/api-reference/llm/chat-completion
        clamp("temperature", 0, 1, why="Z.AI's scale ends there"),
        drop("n", "logit_bias", "logprobs", "top_logprobs", "seed", why="Z.AI does not support it"),
    ],
    **replaying("reasoning_content"),
)
