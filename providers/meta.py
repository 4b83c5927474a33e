"""Meta Llama API. https://llama.developer.meta.com/docs"""

from .declare.provider import declare_provider
from .declare.rules import BY_FACTS, rename
from .wires.openai_chat import openai_chat
from .wires.operations.openai_embeddings import openai_embeddings
from .wires.operations.openai_misc import openai_models

meta = declare_provider(
    "meta",
    name="Meta Llama API",
    docs="https://llama.developer.meta.com/docs",
    wire=[openai_chat, openai_embeddings, openai_models],
    base_url="https://api.llama.com/compat/v1",
    env_key=["LLAMA_API_KEY"],
    translate_options=[*BY_FACTS, rename("max_tokens", "max_completion_tokens")],
)
