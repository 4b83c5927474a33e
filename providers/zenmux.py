"""ZenMux. https://docs.zenmux.ai"""

from .declare.provider import declare_provider
from .declare.rules import BY_FACTS, move
from .wires.openai_chat import openai_chat
from .wires.operations.openai_embeddings import openai_embeddings
from .wires.operations.openai_misc import openai_models

zenmux = declare_provider(
    "zenmux",
    name="ZenMux",
    docs="https://docs.zenmux.ai",
    wire=[openai_chat, openai_embeddings, openai_models],
    base_url="https://zenmux.ai/api/v1",
    env_key=["ZENMUX_API_KEY"],
    options={"reasoning": {"type": "object"}, "provider": {"type": "object"}, "models": {"type": "array"}},
    translate_options=[*BY_FACTS, move("reasoning_effort", "reasoning.effort")],
)
