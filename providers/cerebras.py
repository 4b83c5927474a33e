"""Cerebras. https://inference-docs.cerebras.ai"""

from .declare.provider import declare_provider
from .declare.rules import BY_FACTS, at_most, clamp, drop, rename, up_to
from .wires.openai_chat import openai_chat
from .wires.openai_chat.encode import replaying
from .wires.operations.openai_misc import openai_models

cerebras = declare_provider(
    "cerebras",
    name="Cerebras",
    docs="https://inference-docs.cerebras.ai",
    wire=[openai_chat, openai_models],
    base_url="https://api.cerebras.ai/v1",
    env_key="CEREBRAS_API_KEY",
    translate_options=[
        # https://inference-docs.cerebras.ai/capabilities/reasoning
        up_to("high"),
        *BY_FACTS,
        rename("max_tokens", "max_completion_tokens"),
        # https://inference-docs.cerebras.ai/api-reference/chat-completions
        clamp("temperature", 0, 2, why="Cerebras's scale ends there"),
        at_most("stop", 4, why="Cerebras takes 4"),
        drop("frequency_penalty", "presence_penalty", "logit_bias", why="Cerebras does not support it"),
    ],
    # "tools" is incompatible with "response_format": https://github.com/BerriAI/litellm/pull/31445
    json_with_tools=False,
    # It refuses reasoning_content: https://inference-docs.cerebras.ai/api-reference/chat-completions
    **replaying("reasoning"),
)
