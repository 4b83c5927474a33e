"""ZenMux. https://docs.zenmux.ai"""

from .declare.provider import declare_provider
from .declare.rules import BY_FACTS, move
from .wires.openai_compatible import COMPATIBLE

zenmux = declare_provider(
    "zenmux",
    name="ZenMux",
    docs="https://docs.zenmux.ai",
    wire=COMPATIBLE,
    base_url="https://zenmux.ai/api/v1",
    env_key=["ZENMUX_API_KEY"],
    options={"reasoning": {"type": "object"}, "provider": {"type": "object"}, "models": {"type": "array"}},
    translate_options=[*BY_FACTS, move("reasoning_effort", "reasoning.effort")],
)
