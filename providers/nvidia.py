"""NVIDIA. https://docs.api.nvidia.com/nim"""

from .declare.provider import declare_provider
from .declare.rules import BY_FACTS
from .wires.openai_chat import openai_chat
from .wires.operations.openai_embeddings import openai_embeddings
from .wires.operations.openai_misc import openai_models

nvidia = declare_provider(
    "nvidia",
    name="NVIDIA",
    docs="https://docs.api.nvidia.com/nim",
    wire=[openai_chat, openai_embeddings, openai_models],
    base_url="https://integrate.api.nvidia.com/v1",
    env_key=["NVIDIA_API_KEY"],
    translate_options=BY_FACTS,
    options={"chat_template_kwargs": {"type": "object"}},
)
