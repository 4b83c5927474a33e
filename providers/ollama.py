"""Ollama. https://docs.ollama.com/api/openai-compatibility"""

from .dsl.provider import declare_provider
from .dsl.rules import drop
from .wires.openai_chat import openai_chat
from .wires.operations.openai_embeddings import openai_embeddings
from .wires.operations.openai_misc import openai_models

ollama = declare_provider(
    "ollama",
    name="Ollama",
    docs="https://docs.ollama.com/api/openai-compatibility",
    wire=[openai_chat, openai_embeddings, openai_models],
    base_url="http://localhost:11434/v1",
    env_key="OLLAMA_API_KEY",
    key_optional=True,
    base_url_env="OLLAMA_HOST",
    translate_options=[drop("n", "logit_bias", "user", "store", "tool_choice", why="Ollama's /v1 ignores it")],
)
