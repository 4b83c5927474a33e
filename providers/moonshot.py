"""Moonshot AI. https://platform.moonshot.ai/docs"""

from .dsl.provider import declare_provider
from .wires.openai_chat import openai_chat
from .wires.openai_chat.encode import body_with
from .wires.operations.openai_embeddings import openai_embeddings
from .wires.operations.openai_misc import openai_models

moonshot = declare_provider(
    "moonshot",
    name="Moonshot AI",
    docs="https://platform.moonshot.ai/docs",
    wire=[openai_chat, openai_embeddings, openai_models],
    base_url="https://api.moonshot.ai/v1",
    env_key=["MOONSHOT_API_KEY"],
    options={"thinking": {"type": "object"}},
    # Tool use after thinking fails unless earlier reasoning comes back, as with DeepSeek.
    build_body=body_with(replay="reasoning_content"),
)
