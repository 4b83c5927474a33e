"""Together AI. https://docs.together.ai"""

from .dsl.provider import declare_provider
from .wires.openai_chat import openai_chat

together = declare_provider(
    "together",
    name="Together AI",
    docs="https://docs.together.ai",
    wire=openai_chat,
    base_url="https://api.together.xyz/v1",
    env_key="TOGETHER_API_KEY",
    options={
        "top_k": {"type": "integer", "minimum": 0},
        "min_p": {"type": "number", "minimum": 0, "maximum": 1},
        "repetition_penalty": {"type": "number", "exclusiveMinimum": 0},
        "safety_model": {"type": "string"},
    },
)
