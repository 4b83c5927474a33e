"""DeepSeek. https://api-docs.deepseek.com"""

from .dsl.provider import declare_provider
from .dsl.rules import drop
from .dsl.schemas import ObjectSupport
from .wires.openai_chat import openai_chat
from .wires.openai_chat.encode import body_with
from .wires.operations.openai_misc import openai_models

deepseek = declare_provider(
    "deepseek",
    name="DeepSeek",
    docs="https://api-docs.deepseek.com",
    wire=[openai_chat, openai_models],
    base_url="https://api.deepseek.com/v1",
    env_key="DEEPSEEK_API_KEY",
    options={"thinking": {"type": "object"}},
    translate_options=[drop("seed", "n", "logit_bias", "parallel_tool_calls", why="DeepSeek does not support it")],
    # Tool use after thinking fails unless earlier reasoning comes back: https://api-docs.deepseek.com/guides/thinking_mode
    build_body=body_with(replay="reasoning_content"),
    object_support=ObjectSupport(modes=("tool", "json", "prompt")),
)
