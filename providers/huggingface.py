"""Hugging Face. https://huggingface.co/docs/inference-providers"""

from .declare.provider import declare_provider
from .declare.rules import BY_FACTS
from .wires.openai_chat import openai_chat
from .wires.operations.openai_embeddings import openai_embeddings
from .wires.operations.openai_misc import openai_models

huggingface = declare_provider(
    "huggingface",
    name="Hugging Face",
    docs="https://huggingface.co/docs/inference-providers",
    wire=[openai_chat, openai_embeddings, openai_models],
    base_url="https://router.huggingface.co/v1",
    env_key=["HF_TOKEN", "HUGGINGFACE_API_KEY"],
    translate_options=BY_FACTS,
)
