"""NVIDIA. https://docs.api.nvidia.com/nim"""

from .declare.provider import declare_provider
from .declare.rules import BY_FACTS
from .wires.openai_compatible import COMPATIBLE

nvidia = declare_provider(
    "nvidia",
    name="NVIDIA",
    docs="https://docs.api.nvidia.com/nim",
    wire=COMPATIBLE,
    base_url="https://integrate.api.nvidia.com/v1",
    env_key=["NVIDIA_API_KEY"],
    translate_options=BY_FACTS,
    options={"chat_template_kwargs": {"type": "object"}},
)
