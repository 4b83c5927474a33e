"""Hugging Face. https://huggingface.co/docs/inference-providers"""

from .declare.provider import declare_provider
from .declare.rules import BY_FACTS
from .wires.openai_compatible import COMPATIBLE

huggingface = declare_provider(
    "huggingface",
    name="Hugging Face",
    docs="https://huggingface.co/docs/inference-providers",
    wire=COMPATIBLE,
    base_url="https://router.huggingface.co/v1",
    env_key=["HF_TOKEN", "HUGGINGFACE_API_KEY"],
    translate_options=BY_FACTS,
)
