"""OpenAI. https://platform.openai.com/docs/api-reference"""

from .dsl.provider import declare_provider
from .dsl.rules import rename
from .wires.openai_chat import openai_chat

openai = declare_provider(
    "openai",
    name="OpenAI",
    docs="https://platform.openai.com/docs",
    wire=openai_chat,
    base_url="https://api.openai.com/v1",
    env_key="OPENAI_API_KEY",
    translate_options=[rename("max_tokens", "max_completion_tokens")],
)
